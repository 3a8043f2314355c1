#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What needs a kernel with SELinux: runs itself in a virtual machine with Debian's kernel and modules of Debian's policy, and
there guests under our virtqemud and Debian's libvirtd. The policy refuses nothing but where a test says so. Prints TAP.

    selinux.py [TEST...]"""

import contextlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import host  # noqa: E402
import kernel  # noqa: E402
import tap  # noqa: E402

SECONDS = 850
GUEST_FOLDER = os.path.join(host.build_dir(), "tests", "guest")
ENFORCE = "/sys/fs/selinux/enforce"
CONF = 'stdio_handler = "file"\nsecurity_driver = "selinux"\n'
OWN = "system_u:object_r:svirt_image_t:s0:c7,c9"
STATIC = "system_u:system_r:svirt_t:s0:c3,c4"
# Of a serial port's file the reference remembers the label that it has just given, and its sockets are its own, not QEMU's.
NAMES = ("base", "boot", "iso", "kept", "more", "own", "pipe", "saved", "shared", "snap", "top")
UUIDS = {name: f"11111111-2222-3333-4444-{i:012}" for i, name in enumerate("abc")}
DISK = """<disk type='file' device='{device}'><driver name='qemu' type='{format}' cache='writeback'/><source file='{images}/{image}'>
{label}</source><target dev='{target}' bus='{bus}'/>{more}</disk>"""
DISKS = [("disk", "qcow2", "top", "vda", "virtio", "", ""), ("cdrom", "raw", "iso", "hda", "ide", "", "<readonly/>"),
         ("disk", "raw", "shared", "vdb", "virtio", "", "<shareable/>")]
LABELLED = [("disk", "raw", "kept", "vdc", "virtio", "<seclabel model='selinux' relabel='no'/>", ""),
            ("disk", "raw", "own", "vdd", "virtio",
             f"<seclabel model='selinux' relabel='yes'><label>{OWN}</label></seclabel>", "")]
GUEST = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory>65536</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><kernel>{images}/boot</kernel></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{disks}
<serial type='file'><source path='{images}/serial'/></serial><serial type='pty'/>
<serial type='unix'><source mode='bind' path='{images}/sock'/></serial><serial type='pipe'><source path='{images}/pipe'/></serial>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>{more}</domain>"""
SMALL = """<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory>16384</memory><os><type arch='x86_64'
machine='pc-i440fx-7.2'>hvm</type></os><devices><emulator>/usr/bin/qemu-system-x86_64</emulator><disk type='file' device='disk'>
<driver name='qemu' type='raw' cache='writeback'/><source file='{images}/{image}'/><target dev='vda' bus='virtio'/></disk>
</devices></domain>"""


class Machine(kernel.Machine):
    def __init__(self, conf="", base=CONF):
        super().__init__(conf, base)
        for name in ("shared", "kept", "own", "first", "second"):
            with open(self.image(name), "wb") as f:
                f.truncate(1 << 20)
        os.mkfifo(self.image("pipe"))
        shutil.copy(os.path.join(GUEST_FOLDER, "vmlinuz"), self.image("boot"))

    def guest(self, more="", disks=DISKS):
        keys = ("device", "format", "image", "target", "bus", "label", "more")
        images = self.path("images")
        texts = "".join(DISK.format(images=images, **dict(zip(keys, d, strict=True))) for d in disks)
        return self.write(GUEST.format(name="a", uuid=UUIDS["a"], images=images, disks=texts, more=more), "a.xml")

    def small(self, name, image):
        self.must("create", "--paused", self.write(SMALL.format(name=name, uuid=UUIDS[name], images=self.path("images"),
                                                                image=image), name + ".xml"))

    def label(self, name):
        return re.search(r"<label>(system_u:system_r:.*?)</label>", self.must("dumpxml", name)).group(1)

    def pid_of(self, name):
        with open(self.path("run", "libvirt", "qemu", name + ".pid"), encoding="ascii") as f:
            return int(f.read())


def attributes(path):
    """Labels of a file and what it remembers, without the moment."""
    found = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(path):
            if "selinux" in name and "timestamp" not in name:
                found[name] = os.getxattr(path, name).rstrip(b"\0").decode()
    return found


def plain(text):
    """Categories by chance, and places that differ in each run."""
    return re.sub(r"/tmp/vh-[^/'<]*", "DIR", re.sub(r"s0:c\d+,c\d+", "s0:MCS", text))


def seen(h):
    """Labels of everything that a guest has to do with."""
    found = {name: attributes(h.image(name)) for name in NAMES if os.path.exists(h.image(name))}
    for folder in ("domain-1-a", "channel/target/domain-1-a"):
        for top, _, files in os.walk(h.path("lib", "qemu", folder)):
            for path in [top, *(os.path.join(top, f) for f in files)]:
                # The monitor's socket is the policy's: nobody but the daemon connects to it.
                if not path.endswith("monitor.sock"):
                    found[os.path.relpath(path, h.path("lib"))] = attributes(path).get("security.selinux")
    return found


def of_guest(h):
    """The same, and its process and definition."""
    found = seen(h)
    found["labels"] = kernel.labels(h)
    found["dominfo"] = h.must("dominfo", "a").splitlines()[-3:]
    found["process"] = h.confined().rstrip("\0")
    for node in ("null", "urandom", "pts"):
        found["/dev/" + node] = attributes(f"/proc/{h.pid()}/root/dev/{node}")
    return found


def dynamic(h):
    """The life of a guest with a label of its own: what was seen at each step."""
    life = {"models": re.findall(r"<secmodel>.*?</secmodel>", h.must("capabilities"), re.S)}
    h.must("create", "--paused", h.guest(disks=DISKS + LABELLED))
    life["running"] = of_guest(h)
    h.must("attach-disk", "a", h.image("more"), "vde", "--subdriver", "raw", "--cache", "writeback")
    life["attached"] = seen(h)
    h.must("detach-disk", "a", "vde") if "vde" in h.must("domblklist", "a") else None
    life["snapshot"] = h.must("snapshot-create-as", "a", "--disk-only", "--no-metadata", "--diskspec",
                              f"vda,file={h.image('snap')}", *(w for d in ("vdb", "vdc", "vdd", "vde") for w in (
                                  "--diskspec", d + ",snapshot=no") if d in h.must("domblklist", "a"))) and seen(h)
    h.must("save", "a", h.image("saved"))
    life["saved"] = seen(h)
    h.must("restore", "--paused", h.image("saved"))
    life["restored"] = seen(h)
    h.must("destroy", "a")
    life["ended"] = seen(h)
    for name in ("snap", "saved"):
        os.unlink(h.image(name))
    return life


def others(h):
    """Guests whose definitions say which label they get."""
    found = {}
    for label, disks in [
            (f"<seclabel type='static' model='selinux' relabel='yes'><label>{STATIC}</label></seclabel>", DISKS + LABELLED),
            (f"<seclabel type='static' model='selinux' relabel='no'><label>{STATIC}</label></seclabel>", DISKS),
            ("<seclabel type='dynamic' model='selinux'><baselabel>system_u:system_r:svirt_tcg_t:s0</baselabel></seclabel>", DISKS),
            ("<seclabel type='none' model='selinux'/>", DISKS),
            ("<seclabel type='static' model='selinux'><label>nonsense</label></seclabel>", DISKS),
            ("<seclabel type='dynamic' model='apparmor'/>", DISKS)]:
        run = h.virsh("create", "--paused", h.guest(label, disks))
        found[label] = of_guest(h) if run.returncode == 0 else run.stderr.splitlines()[-1]
        h.virsh("destroy", "a")
        found["after " + label] = seen(h)
    return found


def differences(theirs, ours, at=""):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [d for k in sorted({*theirs, *ours}) for d in differences(theirs.get(k), ours.get(k), f"{at} {k}")]
    a, b = plain(repr(theirs)), plain(repr(ours))
    return [] if a == b else [f"{at}\n  reference {a}\n  ours      {b}"]


def as_the_reference(what):
    with Machine() as h:
        h.serve("ours")
        ours = what(h)
    with Machine() as h:
        h.serve("reference")
        theirs = what(h)
    assert not (found := differences(theirs, ours)), "\n".join(found)
    return ours


def labels_as_the_reference():
    """Of files, nodes, the process and the definition, through a guest's life."""
    life = as_the_reference(dynamic)
    assert "svirt_image_t" in life["running"]["top"]["security.selinux"], life["running"]
    assert "svirt" not in life["ended"]["top"]["security.selinux"], life["ended"]


def labels_by_definition_as_the_reference():
    """Static, without relabelling, with a base label, none; wrong ones are refused."""
    as_the_reference(others)


def nobody_else_has_the_categories():
    """Not after the daemon died, and not of guests that the other daemon started."""
    with Machine() as h:
        h.serve("ours")
        h.small("a", "first")
        before = h.label("a")
        h.daemons[0].stop(9)
        h.serve("reference")
        h.small("b", "second")
        assert h.label("a") == before, h.label("a")
        both = before, h.label("b")
        h.serve("ours")
        assert (h.label("a"), h.label("b")) == both, both
        h.small("c", "more")
        assert len({h.label(name) for name in "abc"}) == 3
        for name, image in (("a", "first"), ("b", "second"), ("c", "more")):
            h.must("destroy", name)
            assert "svirt" not in attributes(h.image(image))["security.selinux"], (name, attributes(h.image(image)))
            assert not [k for k in attributes(h.image(image)) if k.startswith("trusted")], attributes(h.image(image))


@contextlib.contextmanager
def enforced():
    with open(ENFORCE, "w", encoding="ascii") as f:
        f.write("1")
    try:
        yield
    finally:
        with open(ENFORCE, "w", encoding="ascii") as f:
            f.write("0")


def add_node(h, image, node):
    return h.must("qemu-monitor-command", "a", '{"execute":"blockdev-add","arguments":{"driver":"file","node-name":"%s",'
                  '"filename":"%s"}}' % (node, h.image(image)))


def guests_are_kept_apart():
    """With the policy enforced, one cannot open another's image, and can open what was labelled for it."""
    with Machine('user = "root"\ngroup = "root"\n') as h:
        h.serve("ours")
        h.small("a", "first")
        h.small("b", "second")
        os.setxattr(h.image("more"), "security.selinux", attributes(h.image("first"))["security.selinux"].encode() + b"\0")
        with enforced():
            refused, allowed = add_node(h, "second", "x"), add_node(h, "more", "y")
        assert "Permission denied" in refused, refused
        assert "error" not in allowed, allowed
        h.refused("already in use", "create", h.write(SMALL.format(name="c", uuid=UUIDS["c"], images=h.path("images"),
                                                                   image="first"), "c.xml"))


def settings():
    """security_require_confined, security_default_confined, none at all, and the choice by itself."""
    with Machine("security_require_confined = 1\n") as h:
        h.serve("ours")
        h.refused("Unconfined guests are not allowed on this host", "create", h.guest("<seclabel type='none'/>"))
    with Machine("security_default_confined = 0\n", base='stdio_handler = "file"\n') as h:
        h.serve("ours")
        assert "<model>selinux</model>" in h.must("capabilities"), "SELinux is not chosen"
        h.small("a", "first")
        assert h.confined().rstrip("\0").endswith(":kernel_t:s0"), h.confined()


TESTS = [labels_as_the_reference, labels_by_definition_as_the_reference, nobody_else_has_the_categories, guests_are_kept_apart,
         settings]


def load_policy():
    shutil.rmtree("/etc/selinux", ignore_errors=True)
    shutil.copytree(os.path.join(GUEST_FOLDER, "selinux"), "/etc/selinux")
    subprocess.run(["mount", "-t", "selinuxfs", "selinuxfs", "/sys/fs/selinux"], check=True)
    with open("/etc/selinux/policy", "rb") as f:
        policy = f.read()
    with open("/sys/fs/selinux/load", "wb", buffering=0) as f:
        assert f.write(policy) == len(policy)


def main():
    if kernel.INSIDE in os.environ:
        kernel.only_qemu()
        load_policy()
        return tap.run(TESTS, os.environ[kernel.INSIDE].split())
    import vm
    subprocess.run([os.path.join(HERE, "guest", "make-policy"), GUEST_FOLDER], check=True)
    return vm.run(os.path.abspath(__file__), SECONDS, {kernel.INSIDE: " ".join(sys.argv[1:])},
                  "security=selinux selinux=1 enforcing=0")


if __name__ == "__main__":
    sys.exit(main())
