#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices and values of a guest that runs and of its definition, changed in right ways and wrong ones: results, errors, events
and what the definitions are afterwards, the same as Debian's libvirtd's. The guest has no system, so that PCI devices stay;
those that leave with a guest's help are in linux.py. Prints TAP."""

import os
import re
import sys
import threading

import libvirt

import machine  # noqa: E402, finds the harness
import host  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>guest</name><uuid>11111111-2222-3333-4444-555555555555</uuid>
<maxMemory slots='4' unit='MiB'>512</maxMemory><memory unit='MiB'>64</memory><vcpu>2</vcpu><iothreads>2</iothreads>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<cpu><numa><cell id='0' cpus='0-1' memory='64' unit='MiB'/></numa></cpu>
<devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='hdc' bus='ide'/><readonly/></disk>
<disk type='file' device='floppy'><driver name='qemu' type='raw'/><target dev='fda' bus='fdc'/></disk>
<disk type='file'><driver name='qemu' type='raw'/><source file='ROOT/root.img'/><target dev='vda'/></disk>
<controller type='scsi' model='virtio-scsi'/><controller type='virtio-serial'/><controller type='usb' model='qemu-xhci'/>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface><serial type='pty'/></devices></domain>"""
LIVE, CONFIG = 1, 2
# What a lock file of the guest's terminal has before somebody opens it.
OTHERS = ["", "no number", "   4194305\n", f"{os.getpid():10d}\n"]
IMAGES = ("root", "a", "b", "c")
CHANGES = [(re.compile(r"/dev/pts/\d+"), "PTY"), (re.compile(r"port='59\d\d'"), "port='N'"), (re.compile(r"domain-\d+-"), "domain-N-"),
           # The reference has a group of its own for guests, ours has none in a test.
           (re.compile(r"\s*<resource>.*?</resource>", re.S), ""),
           # What is left of elements that were taken away; how images are counted where one was refused.
           (re.compile(r"\s*<metadata/>"), ""), (re.compile(r"(<source file='[^']*') index='\d+'"), r"\1 index='N'")]


def disk(dev, bus, image="a", more="", driver="type='raw'", device="disk"):
    return f"<disk type='file' device='{device}'><driver name='qemu' {driver}/><source file='ROOT/{image}.img'/>" \
           f"<target dev='{dev}' bus='{bus}'/>{more}</disk>"


def chardev(element, target):
    return f"<{element} type='pty'>{target}</{element}>"


# Come and go again, as their text says.
PLUGS = [
    disk("sdb", "scsi"), disk("sdc", "usb", "b"), disk("sdd", "scsi", "b", "<shareable/>"), disk("sde", "scsi", "c", "<readonly/>"),
    disk("sdh", "scsi", "c"), disk("sdp", "scsi", "c", "<address type='drive' controller='3' bus='0' target='0' unit='0'/>"),
    disk("sdi", "usb", "c", device="cdrom"), "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "<input type='tablet' bus='usb'/>", "<lease><lockspace>a</lockspace><key>k</key><target path='ROOT/x' offset='512'/></lease>",
    "<lease><lockspace>a</lockspace><key>other</key><target path='/nowhere'/></lease>",
]
CONSOLE = chardev("console", "<target type='virtio'/>")
# Refused, by the running guest or the stored definition, or absent from both.
WRONG = [
    disk("sdk", "scsi", "missing"), disk("sdl", "scsi", "root"), disk("vda", "virtio", "c"), disk("hdb", "ide", "c"),
    disk("fdb", "fdc", "c", device="floppy"), "<sound model='ich6'/>", "<memballoon model='virtio'/>", "<hub type='usb'/>", "<panic model='isa'/>", "<controller type='scsi' index='0' model='virtio-scsi'/>",
    "<controller type='sata' index='2'/>", "<controller type='usb' index='2' model='ich9-ehci1'/>", "<input type='mouse' bus='ps2'/>", "<foo/>",
    "<audio id='2' type='none'/>", "<console type='pty'/>", "<filesystem type='mount'><source dir='/tmp'/><target dir='t'/></filesystem>",
    "<filesystem type='mount'><driver type='virtiofs'/><source dir='/tmp'/><target dir='t'/></filesystem>",
    # Only where the host has no such device is it refused.
    *([] if os.path.exists("/dev/vhost-vsock") else ["<vsock model='virtio'><cid auto='yes'/></vsock>"]),
]
# Likewise, but only in the stored definition.
WRONG_STORED = [
    "<graphics type='vnc'/>", "<tpm model='tpm-tis'><backend type='emulator'/></tpm>", "<panic model='hyperv'/>",
    "<video><model type='virtio'/></video>", "<console type='pty'/>",
]
ABSENT = [
    disk("sdz", "scsi"), "<interface type='user'><mac address='52:54:00:00:00:99'/></interface>", "<rng model='virtio'><backend model='random'/></rng>",
    "<watchdog model='i6300esb'/>", "<input type='tablet' bus='usb'/>", "<controller type='scsi' index='5'/>", "<vsock><cid auto='yes'/></vsock>",
    "<shmem name='x'><model type='ivshmem-plain'/></shmem>", "<memory model='dimm'><target><size>1024</size><node>0</node></target></memory>",
    "<lease><lockspace>a</lockspace><key>k</key><target path='/x'/></lease>", "<redirdev bus='usb' type='tcp'><source mode='connect' host='::1' service='1'/></redirdev>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='t'/></filesystem>", chardev("channel", "<target type='virtio' name='x.y'/>"),
    chardev("serial", "<target type='usb-serial' port='3'/>"), "<graphics type='vnc'/>", "<tpm model='tpm-tis'><backend type='emulator'/></tpm>",
    *(f"<hostdev mode='subsystem' type='{kind}'{more}><source>{source}</source></hostdev>" for kind, more, source in (
        ("usb", "", "<vendor id='0x1234'/><product id='0x5678'/>"), ("usb", "", "<address bus='77' device='78'/>"),
        ("pci", "", "<address domain='0' bus='0x7f' slot='0x1f' function='7'/>"),
        ("mdev", " model='vfio-pci'", "<address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/>"))),
]
COMMANDS = [
    ["change-media", "guest", "hdc", "--eject"], ["change-media", "guest", "hdc", "ROOT/a.img", "--insert"],
    ["change-media", "guest", "hdc", "ROOT/a.img", "--insert"], ["change-media", "guest", "hdc", "ROOT/b.img", "--update"],
    ["change-media", "guest", "hdc", "ROOT/c.img", "--update", "--live", "--config"], ["change-media", "guest", "hdc", "ROOT/missing", "--update"],
    ["change-media", "guest", "hdc", "ROOT/b.img", "--update", "--print-xml"], ["change-media", "guest", "vda", "--eject"],
    ["change-media", "guest", "vda", "ROOT/a.img"], ["change-media", "guest", "nix", "--eject"],
    ["change-media", "guest", "hdc", "--eject", "--config"], ["change-media", "guest", "hdc", "--eject", "--config"],
    ["change-media", "guest", "fda", "ROOT/b.img", "--insert"], ["change-media", "guest", "fda", "ROOT/a.img", "--update", "--current"],
    ["domblklist", "guest", "--details"], ["domblklist", "guest", "--inactive"],
    ["detach-device-alias", "guest", "nope"], ["detach-device-alias", "guest", "ide0-1-0"], ["detach-device-alias", "guest", "usb"],
    ["detach-device-alias", "guest", "balloon0"], ["detach-device-alias", "guest", "video0", "--config"],
    ["domif-setlink", "guest", "52:54:00:00:00:01", "down"], ["domif-getlink", "guest", "52:54:00:00:00:01"],
    ["domif-setlink", "guest", "52:54:00:00:00:01", "up", "--config"], ["domif-setlink", "guest", "52:54:00:00:00:99", "up"],
    ["blkdeviotune", "guest", "vda", "--total-iops-sec", "100"], ["blkdeviotune", "guest", "vda", "--total-iops-sec", "100", "--read-iops-sec", "5"],
    ["blkdeviotune", "guest", "vda", "--total_bytes_sec", "1000000", "--total_bytes_sec_max", "2000000", "--total_bytes_sec_max_length", "3"],
    ["blkdeviotune", "guest", "vda", "--group-name", "g1"], ["blkdeviotune", "guest", "vda", "--size-iops-sec", "9", "--config"],
    ["iothreadadd", "guest", "5"], ["iothreadadd", "guest", "5"], ["iothreadpin", "guest", "2", "0"], ["iothreadpin", "guest", "9", "0"],
    ["iothreaddel", "guest", "5"], ["iothreaddel", "guest", "1"], ["iothreadadd", "guest", "7", "--config"],
    ["iothreaddel", "guest", "7", "--config"], ["vcpupin", "guest", "0", "0"], ["vcpupin", "guest", "9", "0"], ["emulatorpin", "guest", "0"],
    ["emulatorpin", "guest", "0", "--config"], ["schedinfo", "guest", "--set", "cpu_shares=100", "--config"],
    ["desc", "guest", "--title", "tt"], ["metadata", "guest", "http://x/y", "--key", "k", "--set", "<a/>"],
    ["set-lifecycle-action", "guest", "crash", "rename-restart"], ["domrename", "guest", "other"],
    ["update-memory-device", "guest", "--alias", "x", "--requested-size", "1"],
]


def hear():
    libvirt.virEventRegisterDefaultImpl()

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()
    threading.Thread(target=loop, daemon=True).start()


class Side(machine.Side):
    """A machine with a daemon whose events are kept."""

    guest, images = GUEST, IMAGES
    KINDS = [name for name in dir(libvirt) if name.startswith("VIR_DOMAIN_EVENT_ID_") and not name.endswith("_LAST")]

    def __init__(self, which):
        self.events, self.sentinel = [], threading.Event()
        super().__init__(which)
        for image in self.images:
            with open(self.h.path(f"{image}.img"), "wb") as f:
                f.truncate(1 << 20)
        self.prepare()
        self.define(self.inside(self.guest))
        self.must("start", "guest")
        for name in self.KINDS:
            def told(_conn, _dom, *what, name=name):
                self.told(name, what[:-1])
            self.conn.domainEventRegisterAny(None, getattr(libvirt, name), told, None)

    def prepare(self):
        """What the guest needs besides images."""

    def told(self, name, what):
        if name == "VIR_DOMAIN_EVENT_ID_METADATA_CHANGE" and what[1] == "http://sentinel":
            self.sentinel.set()
        else:
            self.events.append((name[20:], *[str(item).replace(self.h.root, "ROOT") for item in what]))

    def inside(self, text):
        return text.replace("ROOT", self.h.root)

    def dom(self):
        return self.conn.lookupByName("guest")

    def definitions(self):
        text = self.dom().XMLDesc() + self.dom().XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        for pattern, by in [*CHANGES, (re.compile(re.escape(self.h.root)), "ROOT")]:
            text = pattern.sub(by, text)
        return text

    def heard(self):
        """The events up to now: those of a last change come behind them."""
        self.sentinel.clear()
        self.dom().setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<s/>", "s", "http://sentinel", LIVE)
        assert self.sentinel.wait(20), "no event of a change came"
        self.dom().setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, None, "s", "http://sentinel", LIVE)
        events, self.events[:] = [e for e in self.events if "sentinel" not in str(e)], []
        return events

    def after(self, function):
        """The answer of a change, its events, and the lines that definitions lost and won."""
        before = self.definitions().splitlines()
        answer = self.ask(lambda _: function(self) or "").replace(self.h.root, "ROOT")
        events = self.heard()
        now = self.definitions().splitlines()
        return answer, events, sorted(set(before) - set(now)), sorted(set(now) - set(before))


class Pair(machine.Pair):
    def __init__(self, side=Side):  # pylint: disable=super-init-not-called
        self.ours, self.reference = side("ours"), side("reference")
        self.wrong = []

    def same(self, name, function):
        return self.compare(name, lambda side: side.after(function))


def devices_come_and_go(pair):
    """in the running guest, in its definition, and in both"""
    for xml in PLUGS:
        for flags in (LIVE, LIVE | CONFIG, CONFIG):
            pair.same(f"attach {xml} {flags}", lambda side, x=xml, f=flags: side.dom().attachDeviceFlags(side.inside(x), f))
            pair.same(f"detach {xml} {flags}", lambda side, x=xml, f=flags: side.dom().detachDeviceFlags(side.inside(x), f))
    pair.settle()


class Terminal:
    """The guest's first terminal, and the file that tells who has it."""

    def __init__(self, side):
        self.side = side
        self.path = re.search(r"tty='(/dev/pts/\d+)'", side.dom().XMLDesc())[1]
        self.lock = side.h.path("run", "lock", "LCK.." + self.path[4:].replace("/", "_"))

    def holder(self):
        if not os.path.exists(self.lock):
            return "nobody"
        with open(self.lock, encoding="ascii") as f:
            text = f.read()
        return "the daemon" if text == f"{self.side.daemon.pid:10d}\n" else text

    def open(self, flags=0):
        """Returns the stream, or the error as text."""
        stream = self.side.conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
        answer = self.side.ask(lambda _: self.side.dom().openConsole(None, stream, flags)).replace(self.path[4:], "/PTY")
        return stream if answer == "0" else answer.replace(os.path.basename(self.lock), "LOCK")

    def close(self, stream):
        if not isinstance(stream, str):
            stream.abort()
            assert host.wait_for(lambda: self.holder() != "the daemon"), "the lock stays behind a console that is closed"


def open_twice(side):
    terminal = Terminal(side)
    first = terminal.open()
    answers = [terminal.holder(), terminal.open()]
    forced = terminal.open(libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    answers += [type(forced).__name__, terminal.holder()]
    terminal.close(forced)
    del first
    return str([*answers, terminal.holder()])


def open_behind(side, text):
    terminal = Terminal(side)
    with open(terminal.lock, "w", encoding="ascii") as f:
        f.write(text)
    answers = []
    for flags in (0, libvirt.VIR_DOMAIN_CONSOLE_FORCE):
        stream = terminal.open(flags)
        answers += [stream if isinstance(stream, str) else "open", terminal.holder()]
        terminal.close(stream)
    if os.path.exists(terminal.lock):
        os.unlink(terminal.lock)
    return str(answers)


def terminals(pair):
    """one console each, which lock files tell other programs, and those of others are respected"""
    for side in (pair.ours, pair.reference):
        os.mkdir(side.h.path("run", "lock"))
    pair.compare("open", open_twice)
    for text in OTHERS:
        pair.compare(f"a lock of {text!r}", lambda side, t=text: open_behind(side, t))
    pair.settle()


def consoles(pair):
    """one joins the running guest, and has a terminal"""
    pair.same("attach", lambda side: side.dom().attachDeviceFlags(CONSOLE, LIVE))
    pair.compare("terminals", lambda side: str(len(re.findall(r"<console type='pty' tty='/dev/pts/\d+'>", side.dom().XMLDesc()))))
    pair.settle()


def wrong_devices(pair):
    """what is refused leaves no trace, and is refused in the same words"""
    for xml in WRONG:
        for flags in (LIVE, CONFIG) if "fdb" not in xml and "hdb" not in xml and "model" not in xml else (LIVE,):
            pair.same(f"attach {xml} {flags}", lambda side, x=xml, f=flags: side.dom().attachDeviceFlags(side.inside(x), f))
            if flags == CONFIG:
                pair.on_both(lambda side: side.define(side.inside(GUEST)))
    for xml in WRONG_STORED:
        pair.same(f"attach {xml}", lambda side, x=xml: side.dom().attachDeviceFlags(side.inside(x), CONFIG))
    pair.settle()


def absent_devices(pair):
    """what is not there cannot leave or change"""
    for xml in ABSENT:
        for flags in (LIVE, CONFIG):
            pair.same(f"detach {xml} {flags}", lambda side, x=xml, f=flags: side.dom().detachDeviceFlags(side.inside(x), f))
            if "graphics" not in xml:
                pair.same(f"update {xml} {flags}", lambda side, x=xml, f=flags: side.dom().updateDeviceFlags(side.inside(x), f))
    pair.settle()


def the_same_again(pair):
    """an update that changes nothing takes nothing from what is open"""
    xml = disk("sdb", "scsi")
    for name in ("attachDeviceFlags", "updateDeviceFlags", "updateDeviceFlags", "detachDeviceFlags", "attachDeviceFlags", "detachDeviceFlags"):
        pair.same(name, lambda side, n=name: getattr(side.dom(), n)(side.inside(xml), LIVE))
    pair.settle()


def commands(pair):
    """media, links, limits, threads, pins, texts"""
    for command in COMMANDS:
        pair.same("virsh " + " ".join(command), lambda side, c=command: side.shown(*c))
    pair.settle()


TESTS = [devices_come_and_go, terminals, consoles, the_same_again, wrong_devices, absent_devices, commands]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        return 0
    hear()
    with Pair() as pair:
        return tap.run(TESTS, sys.argv[1:], pair)


if __name__ == "__main__":
    sys.exit(main())
