#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices of a running guest that come, go and change, with stock virsh: what virsh says, what the definition of the running
guest and the stored one then have, and what QEMU itself has. The guest has no system, so that PCI devices do not let go; those
that need no guest do. Prints TAP."""

import json
import os
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
from guesthost import Virsh  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>live</name><maxMemory slots='4' unit='MiB'>512</maxMemory><memory unit='MiB'>64</memory>
<vcpu current='1'>4</vcpu><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<cpu><numa><cell id='0' cpus='0-3' memory='64' unit='MiB'/></numa></cpu>
<devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='hdc' bus='ide'/><readonly/></disk>
<disk type='file'><driver name='qemu' type='raw'/><source file='IMAGES/root.img'/><target dev='vda'/>
<iotune><write_iops_sec>77</write_iops_sec></iotune></disk>
<controller type='scsi' model='virtio-scsi'/><controller type='virtio-serial'/><controller type='usb' model='qemu-xhci'/>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
<graphics type='vnc' passwd='geheim'/></devices>
<qemu:commandline><qemu:arg value='-qmp'/><qemu:arg value='unix:IMAGES/qmp,server=on,wait=off'/></qemu:commandline></domain>"""


class Guest(Virsh):
    """A running guest of our daemon."""

    def __init__(self, h):
        self.h = h
        self.images = h.path("images")
        os.mkdir(self.images)
        os.chmod(self.images, 0o777)  # for a socket that QEMU makes
        for name in ("root", "a", "b", "c"):
            with open(os.path.join(self.images, f"{name}.img"), "wb") as f:
                f.truncate(1 << 20)
        self.daemon = host.start_ours(h, "virtqemud")
        self.uri = f"qemu+unix:///system?socket={self.daemon.socket('-sock')}"
        self.must("define", h.write(GUEST.replace("IMAGES", self.images), "live.xml"))
        self.must("start", "live")

    def device(self, xml):
        return self.h.write(xml.replace("IMAGES", self.images), "device.xml")

    def attach(self, xml, *flags):
        self.must("attach-device", "live", self.device(xml), *flags)

    def detach(self, xml, *flags):
        self.must("detach-device", "live", self.device(xml), *flags)

    def live(self):
        return self.must("dumpxml", "live")

    def stored(self):
        return self.must("dumpxml", "live", "--inactive")

    def qmp(self, command):
        """Asks QEMU itself, on a monitor that the daemon does not know."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.images, "qmp"))
            lines = s.makefile("rw", encoding="utf-8")
            lines.readline()
            for name in ("qmp_capabilities", command):
                lines.write(json.dumps({"execute": name}) + "\n")
                lines.flush()
                answer = json.loads(lines.readline())
                while "return" not in answer:
                    answer = json.loads(lines.readline())
            return answer["return"]

    def nodes(self):
        return {node["node-name"] for node in self.qmp("query-named-block-nodes")}


def started(guest):
    """What the command line has no place for is there from the start."""
    assert guest.qmp("query-vnc")["auth"] == "vnc"
    assert [d["inserted"]["iops_wr"] for d in guest.qmp("query-block") if d.get("inserted")] == [77]


def scsi_disk(guest):
    """A disk comes with its two nodes and leaves nothing behind."""
    before = guest.nodes()
    xml = "<disk type='file'><driver name='qemu' type='raw'/><source file='IMAGES/a.img'/><target dev='sdb' bus='scsi'/></disk>"
    guest.attach(xml)
    added = guest.nodes() - before
    assert len(added) == 2 and all(n.startswith("libvirt-") for n in added), added
    assert "dev='sdb'" in guest.live() and "dev='sdb'" not in guest.stored()
    guest.refused("target 'sdb' duplicated", "attach-device", "live", guest.device(xml))
    guest.detach(xml)
    assert "dev='sdb'" not in guest.live() and guest.nodes() == before


def usb_disk_both(guest):
    """--live --config changes both definitions."""
    xml = "<disk type='file'><driver name='qemu' type='raw'/><source file='IMAGES/b.img'/><target dev='sdc' bus='usb'/></disk>"
    guest.attach(xml, "--live", "--config")
    assert "dev='sdc'" in guest.live() and "dev='sdc'" in guest.stored()
    guest.detach(xml, "--live", "--config")
    assert "dev='sdc'" not in guest.live() and "dev='sdc'" not in guest.stored()


def failed_disk(guest):
    """What QEMU refuses leaves no trace, in it and in the definitions."""
    before = guest.nodes()
    xml = "<disk type='file'><source file='IMAGES/missing.img'/><target dev='sdd' bus='scsi'/></disk>"
    guest.refused("missing.img", "attach-device", "live", guest.device(xml), "--live", "--config")
    assert "sdd" not in guest.live() and "sdd" not in guest.stored() and guest.nodes() <= before
    same = "<disk type='file'><source file='IMAGES/root.img'/><target dev='sdd' bus='scsi'/></disk>"
    guest.refused("lock", "attach-device", "live", guest.device(same))
    assert "sdd" not in guest.live() and guest.nodes() <= before


def pci_disk_stays(guest):
    """Without a system in the guest a PCI device does not leave: the request succeeds, the device stays."""
    xml = "<disk type='file'><driver name='qemu' type='raw'/><source file='IMAGES/c.img'/><target dev='vdb'/></disk>"
    guest.attach(xml)
    assert "dev='vdb'" in guest.live()
    guest.detach(xml)
    assert "dev='vdb'" in guest.live()


def channel(guest):
    xml = "<channel type='unix'><target type='virtio' name='org.example.x'/></channel>"
    guest.attach(xml)
    path = re.search(r"path='([^']*/org\.example\.x)'", guest.live()).group(1)
    assert path, guest.live()
    labels = {c["label"] for c in guest.qmp("query-chardev")}
    assert "charchannel0" in labels, labels
    guest.detach(xml)
    assert "org.example.x" not in guest.live()
    assert "charchannel0" not in {c["label"] for c in guest.qmp("query-chardev")}


def interface(guest):
    guest.attach("<interface type='user'><mac address='52:54:00:00:00:77'/><model type='e1000'/></interface>")
    assert "52:54:00:00:00:77" in guest.live() and "<alias name='net1'/>" in guest.live()
    guest.must("domif-setlink", "live", "52:54:00:00:00:01", "down")
    assert "<link state='down'/>" in guest.live()
    guest.must("domif-setlink", "live", "52:54:00:00:00:01", "up")
    assert "<link state='down'/>" not in guest.live()


def small_devices(guest):
    guest.attach("<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>")
    guest.attach("<watchdog model='i6300esb' action='pause'/>")
    guest.attach("<controller type='scsi' index='3' model='virtio-scsi'/>")
    tablet = "<input type='tablet' bus='usb'/>"
    guest.attach(tablet)
    live = guest.live()
    for alias in ("rng0", "watchdog0", "scsi3"):
        assert f"<alias name='{alias}'/>" in live, alias
    guest.detach(tablet)
    assert "type='tablet'" not in guest.live()
    guest.refused("live attach of device 'sound' is not supported", "attach-device", "live",
                  guest.device("<sound model='ich6'/>"))


def memory(guest):
    guest.attach("<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>")
    assert "<alias name='dimm0'/>" in guest.live()
    devices = guest.qmp("query-memory-devices")
    assert [(d["data"]["id"], d["data"]["size"]) for d in devices] == [("dimm0", 128 << 20)], devices


def media(guest):
    """A drive's medium changes; old images are closed."""
    before = guest.nodes()
    guest.must("change-media", "live", "hdc", os.path.join(guest.images, "a.img"), "--insert")
    guest.must("change-media", "live", "hdc", os.path.join(guest.images, "b.img"), "--update")
    assert "b.img" in guest.live() and "a.img" not in guest.live()
    assert len(guest.nodes() - before) == 2
    guest.must("change-media", "live", "hdc", "--eject")
    assert guest.nodes() == before


def processors(guest):
    guest.must("setvcpus", "live", "3", "--live")
    assert len(guest.qmp("query-cpus-fast")) == 3
    assert "<vcpu placement='static' current='3'>4</vcpu>" in guest.live()
    assert "current='1'>4</vcpu>" in guest.stored()
    guest.must("setvcpus", "live", "4", "--live", "--config")
    assert len(guest.qmp("query-cpus-fast")) == 4
    assert "<vcpu placement='static'>4</vcpu>" in guest.stored()
    guest.refused("greater than max allowable vcpus for the live domain: 5 > 4", "setvcpus", "live", "5", "--live")
    guest.refused("device_del", "setvcpus", "live", "1", "--live")  # without a system in the guest
    assert len(guest.qmp("query-cpus-fast")) == 4 and "<vcpu placement='static'>4</vcpu>" in guest.live()


def balloon(guest):
    guest.refused("cannot set memory higher than max memory", "setmem", "live", "4G", "--live")
    guest.must("setmem", "live", "60M", "--live", "--config")
    assert "<currentMemory unit='KiB'>61440</currentMemory>" in guest.stored()
    guest.must("dommemstat", "live", "--period", "7", "--live")
    assert "<stats period='7'/>" in guest.live() and "<stats period='7'/>" not in guest.stored()


def throttle(guest):
    guest.must("blkdeviotune", "live", "vda", "--total-bytes-sec", "1048576", "--live")
    tuned = [d["inserted"] for d in guest.qmp("query-block") if d.get("inserted", {}).get("bps") == 1 << 20]
    assert len(tuned) == 1, tuned
    assert "<total_bytes_sec>1048576</total_bytes_sec>" in guest.live() and "total_bytes_sec" not in guest.stored()
    guest.must("blkdeviotune", "live", "vda", "--total-bytes-sec", "0", "--live")
    assert not [d for d in guest.qmp("query-block") if d.get("inserted", {}).get("bps")]


def title(guest):
    guest.must("desc", "live", "--title", "--live", "now")
    assert "<title>now</title>" in guest.live() and "title" not in guest.stored()


def not_yet(guest):
    """What only the stored definition can take says so, and changes nothing."""
    guest.refused("cgroup cpuset controller is not mounted", "numatune", "live", "--nodeset", "0", "--live")


def restart(guest):
    """A daemon that starts anew finds the devices that came later."""
    guest.daemon.stop()
    guest.daemon = host.start_ours(guest.h, "virtqemud")
    live = guest.live()
    for part in ("52:54:00:00:00:77", "<alias name='dimm0'/>", "<alias name='rng0'/>", "dev='vdb'"):
        assert part in live, part
    scsi_disk(guest)


TESTS = [started, scsi_disk, usb_disk_both, failed_disk, pci_disk_stays, channel, interface, small_devices, memory, media, processors, balloon, throttle,
         title, not_yet, restart]


def main():
    with host.Host() as h:
        guest = Guest(h)
        status = tap.run(TESTS, sys.argv[1:], guest)
        guest.virsh("destroy", "live")
    return status


if __name__ == "__main__":
    sys.exit(main())
