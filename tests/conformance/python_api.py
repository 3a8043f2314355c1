# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stock python3-libvirt: objects, errors as exceptions, and its event loop with every way an event can be subscribed to."""

import threading
import time

import libvirt

XML = """<domain type='test'><name>made</name><uuid>99999999-2222-3333-4444-555555555555</uuid><memory>65536</memory>
<os><type>hvm</type></os></domain>"""
NETWORK = """<network><name>made</name><uuid>99999999-2222-3333-4444-777777777777</uuid><forward mode='nat'/>
<ip address='192.168.77.1' netmask='255.255.255.0'/></network>"""
WAIT = 5.0

libvirt.registerErrorHandler(lambda *args: None, None)
_loop_started = False


def start_loop():
    """libvirt's own event loop on a thread; there is one a process."""
    global _loop_started
    if _loop_started:
        return
    _loop_started = True
    libvirt.virEventRegisterDefaultImpl()

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()
    threading.Thread(target=loop, daemon=True).start()


def outcome(function, *args):
    """What a call gives: a plain value, the name of an object, or the error."""
    try:
        return plain(function(*args))
    except libvirt.libvirtError as e:
        return {"code": e.get_error_code(), "domain": e.get_error_domain(), "message": e.get_error_message()}


def plain(value):
    if hasattr(value, "name") and callable(value.name):
        return f"object {value.name()}"
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return value


CALLS = {
    "conn/type": lambda c: c.getType(),
    "conn/version": lambda c: c.getVersion(),
    "conn/libversion": lambda c: c.getLibVersion(),
    "conn/alive": lambda c: c.isAlive(),
    "conn/encrypted": lambda c: c.isEncrypted(),
    "conn/secure": lambda c: c.isSecure(),
    "conn/max-vcpus": lambda c: c.getMaxVcpus(None),
    "conn/info": lambda c: c.getInfo(),
    "conn/cells": lambda c: c.getCellsFreeMemory(0, 1),
    "conn/list-ids": lambda c: c.listDomainsID(),
    "conn/list-defined": lambda c: c.listDefinedDomains(),
    "conn/list-all": lambda c: c.listAllDomains(0),
    "conn/list-all-inactive": lambda c: c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE),
    "conn/num": lambda c: (c.numOfDomains(), c.numOfNetworks(), c.numOfStoragePools(), c.numOfInterfaces()),
    "conn/networks": lambda c: c.listAllNetworks(0),
    "conn/pools": lambda c: c.listAllStoragePools(0),
    "conn/interfaces": lambda c: c.listAllInterfaces(0),
    "conn/devices": lambda c: sorted(d.name() for d in c.listAllDevices(0)),
    "conn/secrets": lambda c: c.listAllSecrets(0),
    "conn/baseline": lambda c: c.baselineCPU(["<cpu/>"], 0),
    "conn/cpu-models": lambda c: c.getCPUModelNames("x86_64", 0),
    "conn/keepalive": lambda c: c.setKeepAlive(5, 3),
    "domain/by-id": lambda c: c.lookupByID(1),
    "domain/by-name-wrong": lambda c: c.lookupByName("nosuch"),
    "domain/by-uuid": lambda c: c.lookupByUUIDString("6695eb01-f6a4-8304-79aa-97f2502e193f"),
    "domain/info": lambda c: c.lookupByName("test").info()[:4],
    "domain/state": lambda c: c.lookupByName("test").state(),
    "domain/os-type": lambda c: c.lookupByName("test").OSType(),
    "domain/max-vcpus": lambda c: c.lookupByName("test").maxVcpus(),
    "domain/scheduler": lambda c: c.lookupByName("test").schedulerParameters(),
    "domain/autostart": lambda c: c.lookupByName("test").autostart(),
    "domain/hostname": lambda c: c.lookupByName("test").hostname(),
    "domain/define": lambda c: c.defineXML(XML),
    "domain/define-rubbish": lambda c: c.defineXML("rubbish"),
    "domain/define-other-uuid": lambda c: c.defineXML(XML.replace("99999999", "88888888")),
    "domain/metadata-set": lambda c: c.lookupByName("made").setMetadata(2, "<a x='1'/>", "k", "http://example.org/a", 2),
    "domain/metadata": lambda c: c.lookupByName("made").metadata(2, "http://example.org/a", 2),
    "domain/metadata-none": lambda c: c.lookupByName("made").metadata(0, None, 2),
    "domain/start": lambda c: c.lookupByName("made").create(),
    "domain/start-again": lambda c: c.lookupByName("made").create(),
    "domain/suspend": lambda c: c.lookupByName("made").suspend(),
    "domain/job": lambda c: c.lookupByName("made").jobInfo(),
    "domain/stats": lambda c: sorted(s[1].get("state.state") for s in c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, 0)),
    "domain/snapshot": lambda c: c.lookupByName("made").snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>", 0).getName(),
    "domain/snapshots": lambda c: c.lookupByName("made").snapshotListNames(0),
    "domain/undefine-with-snapshots": lambda c: c.lookupByName("made").undefine(),
    "domain/console": lambda c: c.lookupByName("made").openConsole(None, c.newStream(0), 0),
    "domain/destroy": lambda c: c.lookupByName("made").destroy(),
    "domain/undefine": lambda c: c.lookupByName("made").undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA),
    "network/define": lambda c: c.networkDefineXML(NETWORK),
    "network/create": lambda c: c.networkLookupByName("made").create(),
    "network/bridge": lambda c: c.networkLookupByName("default").bridgeName(),
    "network/undefine": lambda c: (c.networkLookupByName("made").destroy(), c.networkLookupByName("made").undefine()),
    "pool/info": lambda c: c.storagePoolLookupByName("default-pool").info(),
    "pool/volumes": lambda c: c.storagePoolLookupByName("default-pool").listVolumes(),
    "interface/mac": lambda c: c.interfaceLookupByName("eth1").MACString(),
    "device/computer": lambda c: c.nodeDeviceLookupByName("computer").listCaps(),
}


class Collector:
    """Callbacks note what they were told."""

    def __init__(self):
        self.seen = []

    def note(self, label, *values):
        self.seen.append([label, *values])

    def wait(self, count):
        deadline = time.monotonic() + WAIT
        while len(self.seen) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.seen


def life(conn):
    """Everything a guest goes through, for whoever listens."""
    dom = conn.defineXML(XML)
    dom.create()
    dom.suspend()
    dom.resume()
    dom.destroy()
    dom.undefine()


def events(uri):
    """Events of a guest's and a network's life, with and without a filter, and none after deregistration."""
    conn, results = libvirt.open(uri), {}
    every, other, net = Collector(), Collector(), Collector()
    ids = [
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                    lambda c, d, event, detail, o: every.note(d.name(), event, detail), None),
        conn.domainEventRegisterAny(conn.lookupByName("test"), libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                    lambda c, d, event, detail, o: other.note(d.name(), event, detail), None),
    ]
    net_id = conn.networkEventRegisterAny(None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE,
                                          lambda c, n, event, detail, o: net.note(n.name(), event, detail), None)
    results["registered-ids-differ"] = len(set(ids)) == len(ids)
    life(conn)
    network = conn.networkDefineXML(NETWORK)
    network.create()
    network.destroy()
    network.undefine()
    results["guest"] = every.wait(6)
    results["network"] = net.wait(4)
    results["filtered"] = other.seen
    for i in ids:
        conn.domainEventDeregisterAny(i)
    conn.networkEventDeregisterAny(net_id)
    before = len(every.seen)
    life(conn)
    time.sleep(0.3)
    results["after-deregistration"] = len(every.seen) - before
    results["deregister-twice"] = outcome(conn.domainEventDeregisterAny, ids[0])
    conn.close()
    return results


def run(server):
    uri = server.uri("test")
    start_loop()
    conn = libvirt.open(uri)
    results = {name: outcome(call, conn) for name, call in CALLS.items()}
    conn.close()
    results.update({f"events/{k}": v for k, v in events(uri).items()})
    return results
