#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions of QEMU guests with stock clients: the same commands give the same answers on Debian's libvirtd and on ours,
files move from one to the other and back, events arrive, and a killed daemon loses nothing. Prints TAP."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import tap  # noqa: E402

FULL = """<domain type='qemu'>
  <name>NAME</name>
  <title>a guest</title>
  <metadata><app:x xmlns:app="http://example.org/app"><app:owner>me</app:owner></app:x></metadata>
  <memory unit='MiB'>512</memory>
  <vcpu current='1'>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <cpu mode='host-passthrough' check='none' migratable='on'/>
  <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='hpet' present='no'/></clock>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>
      <source file='/var/lib/libvirt/images/NAME.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='default'/><model type='virtio'/></interface>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='-1' autoport='yes' passwd='geheim'/>
    <video><model type='virtio'/></video>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""
SMALL = ("<domain type='qemu'><name>NAME</name><memory>65536</memory>"
         "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os></domain>")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def start(h, which):
    """Starts Debian's or our daemon; returns it and the URI of its socket."""
    if which == "reference":
        daemon = h.start(host.REFERENCE, sockets=host.LIBVIRT_SOCKETS, conf=host.CONF_OPEN)
    else:
        daemon = h.start(host.daemon_program("virtqemud"), sockets=host.sockets_of("virtqemud"), conf=host.CONF_OPEN)
    return daemon, f"qemu+unix:///system?socket={daemon.socket('-sock')}"


def virsh(uri, *command, stdin=None, env=None):
    """Output of a virsh command, with what differs from run to run made equal."""
    run = subprocess.run(["virsh", "-c", uri, *command], capture_output=True, text=True, input=stdin, timeout=60,
                         env={**os.environ, "LC_ALL": "C", **(env or {})}, check=False)
    text = UUID.sub("UUID", run.stdout + run.stderr)
    return f"{run.returncode}\n{text}"


def full_virsh_session(uri, h):
    """A day with virsh; every output is compared."""
    small = h.write(SMALL.replace("NAME", "small"), "small.xml")
    disk = h.write("<disk type='file' device='disk'><source file='/d.img'/><target dev='vdb' bus='virtio'/>"
                   "<address type='pci' domain='0x0000' bus='0x00' slot='0x09' function='0x0'/></disk>", "disk.xml")
    broken = h.write("<domain type='qemu'><name>x</name>", "broken.xml")
    for command in [
            ["define", small], ["define", broken], ["define", "/nonexistent"], ["list", "--all"], ["list", "--all", "--uuid"],
            ["list", "--all", "--name", "--inactive", "--persistent"], ["list"], ["domid", "small"], ["domname", "small"],
            ["domuuid", "small"], ["domstate", "small", "--reason"], ["autostart", "small"], ["list", "--all", "--autostart"],
            ["dominfo", "small"], ["autostart", "--disable", "small"], ["desc", "small", "--config", "some words"],
            ["desc", "small", "--title", "--config", "Title"], ["desc", "small"], ["list", "--all", "--title"],
            ["metadata", "small", "--uri", "http://x.org/", "--key", "k", "--set", "<a><b>1</b></a>", "--config"],
            ["metadata", "small", "--uri", "http://x.org/"], ["metadata", "small", "--uri", "http://y.org/"],
            ["domrename", "small", "other"], ["domrename", "other", "a/b"], ["dominfo", "small"],
            ["setmaxmem", "other", "131072", "--config"], ["setmem", "other", "98304", "--config"],
            ["setmem", "other", "999999999", "--config"], ["setvcpus", "other", "4", "--config", "--maximum"],
            ["setvcpus", "other", "3", "--config"], ["setvcpus", "other", "9", "--config"], ["vcpucount", "other"],
            ["attach-device", "other", disk, "--config"], ["attach-device", "other", disk, "--config"],
            ["domblklist", "other"], ["domblklist", "other", "--details"], ["blkdeviotune", "other", "vdb", "--config",
                                                                            "--total-bytes-sec", "1000000"],
            ["blkdeviotune", "other", "vdb", "--config"], ["detach-disk", "other", "vdb", "--config"],
            ["detach-disk", "other", "vdb", "--config"], ["domiflist", "other"],
            ["schedinfo", "other", "--config", "--set", "cpu_shares=512"], ["memtune", "other", "--config"],
            ["numatune", "other", "--config"], ["blkiotune", "other", "--config"], ["vcpupin", "other", "--config"],
            ["emulatorpin", "other", "--config"], ["iothreadadd", "other", "1", "--config"],
            ["suspend", "other"], ["shutdown", "other"], ["domstats", "other", "--state", "--balloon", "--vcpu"],
            ["snapshot-list", "other"], ["checkpoint-list", "other"], ["managedsave-remove", "nobody"],
            ["dumpxml", "other", "--inactive"], ["undefine", "other"], ["undefine", "other"], ["list", "--all"],
            ["dumpxml", "nobody"], ["domuuid", "nobody"], ["autostart", "nobody"]]:
        yield command, virsh(uri, *command)


def compare_sessions():
    answers = {}
    for which in ("reference", "ours"):
        with host.Host() as h:
            daemon, uri = start(h, which)
            answers[which] = [(" ".join(c).replace(h.root, ""), out.replace(h.root, ""))
                              for c, out in full_virsh_session(uri, h)]
            assert daemon.alive(), daemon.log()
            assert which == "reference" or daemon.stop() == 0, daemon.log()
    bad = []
    for (command, theirs), (_, ours) in zip(answers["reference"], answers["ours"], strict=True):
        if theirs != ours:
            bad.append(f"virsh {command}\n--- reference\n{theirs}\n--- ours\n{ours}")
    assert not bad, "\n".join(bad)


def full_definition_is_the_same():
    """What is defined through one daemon is read, shown and kept by the other."""
    with host.Host() as h:
        path = h.write(FULL.replace("NAME", "full"), "full.xml")
        texts = []
        daemon, uri = start(h, "reference")
        assert virsh(uri, "define", path).startswith("0\n")
        assert virsh(uri, "autostart", "full").startswith("0\n")
        daemon.stop()
        # Compared from its second start on: reading its own file, the reference sorts controllers.
        for which in ("reference", "ours", "reference", "ours"):
            daemon, uri = start(h, which)
            assert "full" in virsh(uri, "list", "--all", "--autostart"), f"{which} does not see the guest"
            # Changed by each in turn: the other one reads what was written.
            assert virsh(uri, "desc", "full", "--config", "text").startswith("0\n")
            texts.append(virsh(uri, "dumpxml", "full", "--security-info"))
            daemon.stop()
        for text in texts[1:]:
            assert text == texts[0], f"--- first\n{texts[0]}\n--- then\n{text}"
        assert "geheim" in texts[0]


def usb_at(port, kind="input type='tablet' bus='usb'", bus=0):
    place = f" port='{port}'" if port else ""
    return f"<{kind}><address type='usb' bus='{bus}'{place}/></{kind.split()[0]}>"


HUB = "hub type='usb'"
XHCI = "<controller type='usb' index='{}' model='nec-xhci'{}/>"
# What stands before, and how many devices that have no port yet.
USB_CASES = [("", (1, 2, 3, 8, 9, 10, 15, 16, 17, 24)), (XHCI.format(0, ""), (4, 5, 11, 12, 20)), (f"<{HUB}/>", (1, 2, 8, 9, 10)),
             (usb_at(2, HUB), (1, 9, 10)), (usb_at(2), (1, 2, 9)), (usb_at(1) + usb_at(2), (0, 1)),
             ("<controller type='usb' index='0'/>" + XHCI.format(1, ""), (2, 3, 6, 7, 14)),
             (usb_at(1, HUB) + usb_at("1.3"), (1, 3, 9)), (usb_at("1.3"), (0, 1)), (usb_at("1.3") + usb_at(1, HUB), (0,)),
             (usb_at(1) + f"<{HUB}/>", (0, 1, 9)), (usb_at(1) + usb_at(2) + f"<{HUB}/>", (0,)), (f"<{HUB}/>" + usb_at("1.2"), (0, 2)),
             ("<controller type='usb' index='0'/>" + XHCI.format(1, " ports='2'") + usb_at("", bus=1), (1, 4)),
             ("<controller type='usb' index='0' model='ich9-ehci1'/>"
              "<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>", (1, 6, 7))]


def usb_ports_are_those_of_the_reference():
    """Devices without a port get the same one, and the same hubs are added where ports do not suffice."""
    answers = {}
    for which in ("reference", "ours"):
        with host.Host() as h:
            daemon, uri = start(h, which)
            answers[which] = []
            for before, counts in USB_CASES:
                for n in counts:
                    more = before + "<input type='mouse' bus='usb'/>" * n
                    h.write(SMALL.replace("</domain>", f"<devices>{more}</devices></domain>").replace("NAME", "usb"), "usb.xml")
                    said = virsh(uri, "define", h.path("usb.xml")).replace(h.root, "ROOT")
                    text = virsh(uri, "dumpxml", "usb") if said.startswith("0") else ""
                    answers[which].append((before, n, said, text.count("<hub"), re.findall("<address type='usb'.*?>", text)))
                    virsh(uri, "undefine", "usb")
            daemon.stop()
    for theirs, ours in zip(answers["reference"], answers["ours"], strict=True):
        assert theirs == ours, f"\n  reference {theirs}\n  ours      {ours}"


def made_by_ours_is_taken_by_the_reference():
    with host.Host() as h:
        path = h.write(FULL.replace("NAME", "mine"), "mine.xml")
        daemon, uri = start(h, "ours")
        assert virsh(uri, "define", path).startswith("0\n")
        daemon.stop()
        daemon, uri = start(h, "reference")
        text = virsh(uri, "dumpxml", "mine")
        daemon.stop()
        daemon, uri = start(h, "ours")
        assert text.startswith("0\n"), text
        assert "<emulator>" in text and "52:54:00:aa:bb:cc" in text


def events_arrive():
    with host.Host() as h:
        daemon, uri = start(h, "ours")
        libvirt.virEventRegisterDefaultImpl()
        loop = threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True)
        loop.start()
        conn = libvirt.open(uri)
        seen = []
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                    lambda c, d, event, detail, o: seen.append((d.name(), event, detail)), None)
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                                    lambda c, d, kind, uri, o: seen.append((d.name(), "metadata", kind)), None)
        dom = conn.defineXML(SMALL.replace("NAME", "e"))
        dom.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "t", None, None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        dom.rename("f")
        conn.lookupByName("f").undefine()
        deadline = time.monotonic() + 5
        want = [("e", 0, 0), ("e", "metadata", 1), ("e", 1, 1), ("f", 0, 2), ("f", 1, 0)]
        while len(seen) < len(want) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen == want, seen
        assert daemon.alive()


def virsh_edit_changes_the_guest():
    with host.Host() as h:
        _, uri = start(h, "ours")
        path = h.write(SMALL.replace("NAME", "ed"), "ed.xml")
        virsh(uri, "define", path)
        out = virsh(uri, "edit", "ed", env={"EDITOR": "sed -i s/65536/98304/"})
        assert out.startswith("0\n"), out
        assert "<memory unit='KiB'>98304<" in virsh(uri, "dumpxml", "ed")


def virt_install_defines():
    with host.Host() as h:
        _, uri = start(h, "ours")
        common = ["virt-install", "--connect", uri, "--name", "vi", "--memory", "128", "--vcpus", "1", "--import", "--disk",
                  "none", "--network", "none", "--graphics", "none", "--osinfo", "generic",
                  "--noautoconsole", "--virt-type", "qemu", "--print-xml"]
        xml = subprocess.run(common, capture_output=True, text=True, timeout=120, check=False)
        assert xml.returncode == 0, xml.stderr
        out = virsh(uri, "define", h.write(xml.stdout, "vi.xml"))
        assert out.startswith("0\n"), out + xml.stdout
        assert "131072" in virsh(uri, "dominfo", "vi")


def kill_loses_nothing():
    """A client defines guests; the daemon is killed in between. What was confirmed is there afterwards, and all that is there
    is whole."""
    with host.Host() as h:
        confirmed = set()
        rng = random.Random(1)
        for turn in range(12):
            daemon, uri = start(h, "ours")
            conn = libvirt.open(uri)
            names = {d.name() for d in conn.listAllDomains()}
            assert confirmed <= names, confirmed - names
            for d in conn.listAllDomains():
                assert "</domain>" in d.XMLDesc(0)
            killer = threading.Timer(rng.uniform(0.005, 0.06), daemon.process.send_signal, [signal.SIGKILL])
            try:
                for i in range(10000):
                    name = f"k{turn}-{i}"
                    conn.defineXML(SMALL.replace("NAME", name))
                    confirmed.add(name)
                    if i == 0:
                        killer.start()
            except libvirt.libvirtError:
                pass
            killer.join()
            daemon.process.wait()
        assert len(confirmed) >= 12
        daemon, uri = start(h, "ours")
        conn = libvirt.open(uri)
        assert confirmed <= {d.name() for d in conn.listAllDomains()}
        assert "skipped" not in daemon.log(), daemon.log()


def reload_reads_files_again():
    with host.Host() as h:
        daemon, uri = start(h, "ours")
        h.write("<domain type='qemu'><name>new</name><uuid>11112222-3333-4444-8555-666677778888</uuid><memory>65536</memory>"
                "<os><type>hvm</type></os></domain>", "etc", "qemu", "new.xml")
        daemon.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while "new" not in virsh(uri, "list", "--all"):
            assert time.monotonic() < deadline, daemon.log()
            time.sleep(0.05)


def session_daemon_has_its_own_files():
    """As an ordinary user: everything lies below the user's directories."""
    with host.Host() as h:
        user = "nobody"
        home = os.path.join(h.root, "home")
        os.mkdir(home)
        os.mkdir(os.path.join(home, "run"), 0o700)
        subprocess.run(["chown", "-R", user, home], check=True)
        env = {**os.environ, "HOME": home, "XDG_RUNTIME_DIR": f"{home}/run", "XDG_CONFIG_HOME": f"{home}/config",
               "XDG_CACHE_HOME": f"{home}/cache", "LIBVIRT_AUTOSTART": "0"}
        with open(os.path.join(h.root, "session.log"), "wb") as log:
            process = subprocess.Popen(h.enter(["setpriv", "--reuid", user, "--clear-groups",
                                                host.daemon_program("virtqemud")]), env=env, stdout=log, stderr=log)
        try:
            sock = f"{home}/run/libvirt/virtqemud-sock"
            deadline = time.monotonic() + 5
            while not os.path.exists(sock):
                assert time.monotonic() < deadline and process.poll() is None, open(log.name, encoding="utf-8").read()
                time.sleep(0.02)
            command = h.enter(["setpriv", "--reuid", user, "--clear-groups", "virsh", "-c",
                               f"qemu+unix:///session?socket={sock}", "define",
                               h.write(SMALL.replace("NAME", "s"), "s.xml")])
            out = subprocess.run(command, capture_output=True, text=True, env=env, timeout=30, check=False)
            assert out.returncode == 0, out.stderr
            assert os.path.exists(f"{home}/config/libvirt/qemu/s.xml")
        finally:
            process.terminate()
            process.wait()


TESTS = [full_definition_is_the_same, usb_ports_are_those_of_the_reference, made_by_ours_is_taken_by_the_reference, compare_sessions, events_arrive,
         virsh_edit_changes_the_guest, virt_install_defines, kill_loses_nothing, reload_reads_files_again,
         session_daemon_has_its_own_files]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    os._exit(tap.run(TESTS, sys.argv[1:]))  # not waiting for the event thread


if __name__ == "__main__":
    main()
