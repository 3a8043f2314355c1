#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records for the audit log: what guests get, lose and are, told at the same moments and in the same fields as by Debian's
libvirtd. Prints TAP."""

import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import guesthost  # noqa: E402
import host  # noqa: E402
import tap  # noqa: E402

RECORD = re.compile(r"(success=(?:yes|no) virt=.*)")
EXIT_AUDIT = 10
# Numbers that differ from run to run.
NUMBERS = [(re.compile(r"vm-pid=[1-9]\d*"), "vm-pid=PID"), (re.compile(r"/dev/pts/\d+"), "PTY")]

BARE = """<domain type='qemu'><name>NAME</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>65536</memory>
<maxMemory slots='4'>1048576</maxMemory><vcpu current='1'>4</vcpu>MORE
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<cpu><numa><cell id='0' cpus='0-3' memory='65536'/></numa></cpu><devices>DEVICES</devices></domain>"""
MANY = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/q.img'/>
<target dev='vda' bus='virtio'/></disk><disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='ROOT/with blank.img'/><target dev='vdb' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk><controller type='usb' model='piix3-uhci'/>
<filesystem type='mount'><source dir='ROOT'/><target dir='x'/></filesystem>
<interface type='user'><mac address='52:54:00:11:22:33'/><model type='virtio'/></interface>
<serial type='unix'><source mode='bind' path='ROOT/ser'/></serial><serial type='null'/>
<parallel type='file'><source path='ROOT/par'/></parallel>
<channel type='unix'><source mode='bind' path='ROOT/chan'/><target type='virtio' name='a.b.0'/></channel>
<console type='file'><source path='ROOT/con'/><target type='virtio'/></console>
<smartcard mode='passthrough' type='unix'><source mode='bind' path='ROOT/sc'/></smartcard>
<redirdev bus='usb' type='unix'><source mode='bind' path='ROOT/rd'/></redirdev>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<rng model='virtio'><backend model='builtin'/></rng><shmem name='SHMEM'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>
<input type='tablet' bus='usb'/>"""
DISK = "<disk type='file' device='disk'><source file='{}'/><target dev='vdc' bus='virtio'/></disk>"
DIMM = "<memory model='dimm'><target><size>131072</size><node>0</node></target></memory>"
TAP = "<interface type='ethernet'><mac address='52:54:00:11:22:44'/></interface>"
# Devices of the host that are not there: the start fails, and tells all the same what it was to get.
HOSTDEVS = ["<hostdev mode='subsystem' type='usb'><source><address bus='9' device='9'/></source></hostdev>",
            "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0xa' slot='0x1f' function='0x7'/></source>"
            "</hostdev>",
            "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address "
            "uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>",
            "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/>"
            "</source></hostdev>",
            "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5123456789abcde0'/></hostdev>",
            "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/nosuch'/></backend></tpm>",
            "<tpm model='tpm-crb'><backend type='external'><source type='unix' mode='connect' path='/nosuch'/></backend></tpm>",
            "<shmem name='s1'><model type='ivshmem-doorbell'/><server path='/nosuch'/></shmem>",
            "<smartcard mode='host'/>", "<input type='evdev'><source dev='/dev/input/nosuch'/></input>",
            "<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/nosuch'/></backend></rng>"]


class Side(guesthost.Virsh):
    def __init__(self, machine, which, level=1):
        self.machine = machine
        log = machine.path("records")
        conf = (f'audit_level = {level}\naudit_logging = 1\nlog_filters = "2:audit"\n'
                                 f'log_outputs = "2:file:{log}"\n')
        self.daemon, self.uri = machine.daemon(which, conf)

    def records(self):
        """Those since the last call."""
        path = self.machine.path("records")
        if not os.path.isfile(path):
            return []
        with open(path, encoding="utf-8") as f:
            text = f.read().replace(self.machine.root, "ROOT").replace(self.machine.root.encode().hex().upper(), "HEXROOT")
        os.truncate(path, 0)
        found = RECORD.findall(text)
        for pattern, by in NUMBERS:
            found = [pattern.sub(by, line) for line in found]
        return found

    def after(self, *command):
        self.virsh(*command)
        return [" ".join(command).replace(self.machine.root, "ROOT"), *self.records()]

    def wait_for_end(self, name):
        host.wait_for(lambda: self.virsh("domstate", name).stdout.strip() == "shut off")

    def image(self, name):
        with open(self.machine.path(name), "wb") as f:
            f.truncate(1 << 20)
        return self.machine.path(name)


def guest(machine, name="ge", devices=MANY, more="<iothreads>1</iothreads>"):
    # Shared memory has one name space on a machine.
    text = BARE.replace("DEVICES", devices).replace("MORE", more).replace("ROOT", machine.root).replace("NAME", name)
    return machine.write(text.replace("SHMEM", "vh-audit"), f"{name}.xml")


def on_both(function):
    """The records of a session are the same."""
    told = []
    for which in ("reference", "ours"):
        with guesthost.GuestHost() as machine:
            told.append(function(Side(machine, which)))
    reference, ours = told
    assert any(line.startswith("success=") for line in reference), reference
    assert ours == reference, "\n".join(["reference:", *reference, "ours:", *ours])


def prepare(side):
    for name in ("b.img", "c.img", "with blank.img"):
        side.image(name)
    path = side.machine.path
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", path("b.img"), "-F", "raw", path("q.img")], check=True)


def life():
    """Starts and ends of a guest with devices of all kinds."""
    def session(side):
        prepare(side)
        out = side.after("define", guest(side.machine))
        for command in (["start", "ge", "--paused"], ["resume", "ge"], ["destroy", "ge"], ["start", "ge"], ["start", "no-such"]):
            out += side.after(*command)
        os.kill(side.machine.guests()[0], signal.SIGKILL)
        side.wait_for_end("ge")
        return out + side.records()
    on_both(session)


def changes():
    """Devices and numbers of a running guest."""
    def session(side):
        prepare(side)
        path, write = side.machine.path, side.machine.write
        out = side.after("create", guest(side.machine))
        for command in (
                ["attach-device", "ge", write(DISK.format(path("c.img")), "d.xml")], ["detach-disk", "ge", "vdb"],
                ["attach-disk", "ge", "/nosuch", "vdf"], ["change-media", "ge", "hdc", path("b.img"), "--insert"],
                ["change-media", "ge", "hdc", "--eject", "--force"], ["setvcpus", "ge", "3"], ["iothreadadd", "ge", "5"],
                ["iothreaddel", "ge", "5"], ["attach-device", "ge", write(DIMM, "m.xml")],
                ["attach-device", "ge", write(TAP, "t.xml")],
                ["blockcopy", "ge", "vdc", path("copy.img"), "--wait", "--pivot"],
                ["snapshot-create-as", "ge", "s", "--disk-only", "--no-metadata", "--diskspec",
                 f"vda,file={path('s.qcow2')}", "--diskspec", "vdb,snapshot=no", "--diskspec", "vdc,snapshot=no"],
                ["blockcommit", "ge", "vda", "--active", "--pivot", "--wait"], ["destroy", "ge"]):
            out += side.after(*command)
        return out
    on_both(session)


def images():
    """A guest with a blank in its name, saved and restored."""
    def session(side):
        path = side.machine.path
        out = side.after("create", guest(side.machine, "g e", "", ""), "--paused")
        out += [*side.after("save", "g e", path("saved")), *side.after("restore", path("saved"))]
        return out + side.after("dump", "g e", path("core"), "--memory-only", "--crash")
    on_both(session)


def failed_starts():
    """What a guest was to get is told when it cannot start, too."""
    def session(side):
        out = []
        for number, device in enumerate(HOSTDEVS):
            lines = side.after("create", guest(side.machine, f"g{number}", device, ""), "--paused")
            # One or the other looks before anything is decided, and tells nothing of labels then.
            out += [line for line in lines if "vm-ctx" not in line]
        return out
    on_both(session)


def lying_names():
    """A path cannot pass for fields of its own. (The reference writes it as it is.)"""
    with guesthost.GuestHost() as machine:
        side = Side(machine, "ours")
        device = "<input type='evdev'><source dev='/dev/input/a op=stop success=no'/></input>"
        lines = side.after("create", guest(machine, "ge", device, ""), "--paused")
        told = [line for line in lines if "resrc=evdev" in line]
        assert len(told) == 1 and told[0].endswith(b"path=/dev/input/a op=stop success=no"[5:].hex().upper()), lines


def level_2():
    """Audit that is demanded, on this host."""
    def exit_status(which):
        with guesthost.GuestHost() as machine:
            try:
                Side(machine, which, level=2)
                return 0
            except RuntimeError as e:
                return int(re.search(r"ended with (\d+)", str(e)).group(1))
    ours, reference = exit_status("ours"), exit_status("reference")
    assert ours == reference and ours in (0, EXIT_AUDIT), (ours, reference)


if __name__ == "__main__":
    sys.exit(tap.run([life, changes, images, failed_starts, lying_names, level_2], sys.argv[1:]))
