#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""File systems without room, under everything that writes: the call fails and says why, the guest is as it was, the files that
were there are whole, and nothing half done is left. Needs root. Prints TAP."""

import difflib
import errno
import hashlib
import os
import re
import subprocess
import sys

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import tap  # noqa: E402
from live import Live, wait_for  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><memory unit='MiB'>16</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/images/NAME.qcow2'/>
<target dev='vda' bus='virtio'/></disk><memballoon model='none'/></devices></domain>"""
FULL = "No space left on device"
# What is small enough to be filled: folder of the test, bytes and files that it takes.
FOLDERS = {"images": (4 << 20, 100), "out": (4 << 20, 100), "etc": (1 << 20, 100), "lib/qemu/save": (4 << 20, 100),
           "lib/qemu/snapshot": (1 << 20, 100), "run/libvirt/qemu": (1 << 20, 100)}
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED


class Small(Live):
    """A guest "on" that runs, paused, and one "off" that does not."""

    def __init__(self, conf=""):
        super().__init__(conf)
        kept = {os.path.join("etc", "qemu.conf"): open(self.path("etc", "qemu.conf"), encoding="utf-8").read()}
        for folder, (size, files) in FOLDERS.items():
            os.makedirs(self.path(folder), exist_ok=True)
            self.run("mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={files},mode=755", "none", self.path(folder))
            # The daemon's own way to the same place.
            for real, place in (("etc", "/etc/libvirt"), ("lib", "/var/lib/libvirt"), ("run", "/run")):
                if folder.split("/")[0] == real:
                    self.run("mount", "--bind", self.path(folder), place + folder.removeprefix(real))
        for name, text in kept.items():
            with open(self.inside(name), "w", encoding="utf-8") as f:
                f.write(text)
        os.makedirs(self.inside("etc/qemu/autostart"))
        self.process, uri = self.daemon("ours")
        self.conn = libvirt.open(uri)
        for name in ("on", "off"):
            self.run("qemu-img", "create", "-q", "-f", "qcow2", self.path("images", f"{name}.qcow2"), "1M")
            dom = self.conn.defineXML(self.xml(name))
        self.conn.lookupByName("on").createWithFlags(PAUSED)

    def close(self):
        # Where the guests' pid files are seen.
        for dom in self.conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            dom.destroy()
        self.conn.close()
        super().close()

    def run(self, *command):
        subprocess.run(self.enter(command), check=True)

    def inside(self, *parts):
        """A path as the daemon sees it, from outside."""
        return f"/proc/{self.holder.pid}/root{self.path(*parts)}"

    def xml(self, name):
        return self.fill_in(GUEST.replace("NAME", name))

    def fill_in(self, text):
        return text.replace("ROOT", self.root)

    def take_room(self, folder, leave):
        """Leaves so many bytes; the folder's last file too unless there is no need for new ones."""
        with open(self.inside(folder, "junk"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError as why:
                assert why.errno == errno.ENOSPC, why
            f.truncate(max(0, f.tell() - leave))

    def take_files(self, folder):
        number = 0
        try:
            while True:
                open(self.inside(folder, f"junk{number}"), "wb").close()
                number += 1
        except OSError as why:
            assert why.errno == errno.ENOSPC, why

    def give_room(self, folder):
        for name in os.listdir(self.inside(folder)):
            if name.startswith("junk"):
                os.unlink(self.inside(folder, name))

    def files(self):
        """All files, with what is in them: images of a guest that runs only by name."""
        found = {}
        for top in FOLDERS:
            for folder, _, names in os.walk(self.inside(top)):
                for name in names:
                    path = os.path.join(folder, name)
                    if name.startswith("junk") or not os.path.isfile(path):
                        continue
                    with open(path, "rb") as f:
                        # The number of the next image's node goes on.
                        data = re.sub(rb"<nodename index='\d+'/>", b"", f.read())
                    found[os.path.relpath(path, self.inside())] = hashlib.sha256(data).hexdigest() if top != "images" else ""
        return found

    def state(self):
        """What clients see."""
        doms = [self.conn.lookupByName(name) for name in ("on", "off")]
        return [line for d in doms
                for line in [f"{d.name()}: {what}" for what in (
                    d.state()[0], bool(d.hasManagedSaveImage()), bool(d.autostart()), d.snapshotListNames(), self.inside_image(d.name()),
                    *d.XMLDesc().splitlines(), *d.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).splitlines())]
                ] + [f"guest {d.name()}" for d in self.conn.listAllDomains()]

    def inside_image(self, name):
        """What snapshots it has."""
        return subprocess.run(self.enter(["qemu-img", "snapshot", "-U", "-l", self.path("images", f"{name}.qcow2")]), check=True,
                              stdout=subprocess.PIPE, text=True).stdout


def snapshot(flags, disk="<disk name='vda' snapshot='no'/>", memory=""):
    def call(h, on, off):
        on.snapshotCreateXML(h.fill_in(f"<domainsnapshot><name>s</name>{memory}<disks>{disk}</disks></domainsnapshot>"), flags)
    return call


DISK_ONLY = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
OVERLAY = "<disk name='vda'><source file='ROOT/out/overlay'/></disk>"
IN_MEMORY = "<memory snapshot='external' file='ROOT/out/memory'/>"
# Which folder is full, how many bytes are left in it, and what is tried.
CALLS = {
    "save": ("out", 0, lambda h, on, off: on.save(h.path("out", "saved"))),
    "save, later": ("out", 100 << 10, lambda h, on, off: on.save(h.path("out", "saved"))),
    "managed save": ("lib/qemu/save", 100 << 10, lambda h, on, off: on.managedSave()),
    "dump": ("out", 8 << 10, lambda h, on, off: on.coreDump(h.path("out", "core"), 0)),
    "dump of memory": ("out", 8 << 10, lambda h, on, off: on.coreDump(h.path("out", "core"), libvirt.VIR_DUMP_MEMORY_ONLY)),
    # QEMU says no more.
    "snapshot inside": ("images", 0, snapshot(0, "<disk name='vda' snapshot='internal'/>"), "Input/output error"),
    "overlay": ("out", 0, snapshot(DISK_ONLY, OVERLAY)),
    "memory of a snapshot": ("out", 300 << 10, snapshot(0, OVERLAY, IN_MEMORY)),
    "metadata of a snapshot": ("lib/qemu/snapshot", 0, snapshot(DISK_ONLY, OVERLAY)),
    "metadata of a snapshot inside": ("lib/qemu/snapshot", 0, snapshot(0, "<disk name='vda' snapshot='internal'/>")),
    "define": ("etc", 0, lambda h, on, off: h.conn.defineXML(h.xml("new"))),
    "define anew": ("etc", 0, lambda h, on, off: h.conn.defineXML(off.XMLDesc().replace("16384", "20480"))),
    "define what runs anew": ("etc", 0, lambda h, on, off: h.conn.defineXML(on.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).replace("16384", "20480"))),
    "change": ("etc", 0, lambda h, on, off: off.setMemoryFlags(8192, libvirt.VIR_DOMAIN_AFFECT_CONFIG)),
    "autostart": ("etc", None, lambda h, on, off: off.setAutostart(1)),
    "start": ("run/libvirt/qemu", 0, lambda h, on, off: off.createWithFlags(PAUSED)),
    "start, a page": ("run/libvirt/qemu", 4 << 10, lambda h, on, off: off.createWithFlags(PAUSED)),
    "start, some pages": ("run/libvirt/qemu", 16 << 10, lambda h, on, off: off.createWithFlags(PAUSED)),
    "create": ("run/libvirt/qemu", 0, lambda h, on, off: h.conn.createXML(h.xml("new").replace("new.qcow2", "off.qcow2"), PAUSED)),
    "restore": ("run/libvirt/qemu", 0, lambda h, on, off: h.conn.restoreFlags(h.path("out", "kept"), None, libvirt.VIR_DOMAIN_SAVE_PAUSED)),
}


def prepare(h):
    """An image of the second guest to restore."""
    off = h.conn.lookupByName("off")
    off.createWithFlags(PAUSED)
    off.save(h.path("out", "kept"))


def refused(h, name):
    folder, leave, call, *words = CALLS[name]
    why = words[0] if words else FULL
    files, state = h.files(), h.state()
    if leave is None:
        h.take_files(folder)
    else:
        h.take_room(folder, leave)
    try:
        call(h, h.conn.lookupByName("on"), h.conn.lookupByName("off"))
        said = None
    except libvirt.libvirtError as err:
        said = str(err)
    h.give_room(folder)
    wrong = [f"it said: {said}"] if not said or why not in said else []
    wrong += list(difflib.unified_diff(state, h.state(), "before", "after", lineterm="", n=0))
    after = h.files()
    wrong += [f"{path}: {'lost' if path not in after else 'left' if path not in files else 'changed'}"
              for path in sorted({*files, *after}) if files.get(path) != after.get(path)]
    return [f"{name}: {w}" for w in wrong]


def without_room():
    """All calls, one after the other, and each succeeds once there is room."""
    with Small() as h:
        prepare(h)
        wrong = [w for name in CALLS for w in refused(h, name)]
        assert not wrong, "\n".join(wrong)


def status_of_what_changes():
    """A change of a running guest that cannot be written is told in the daemon's log, and the file is that of before."""
    with Small() as h:
        on = h.conn.lookupByName("on")
        path = h.inside("run/libvirt/qemu/on.xml")
        with open(path, "rb") as f:
            before = f.read()
        h.take_room("run/libvirt/qemu", 0)
        on.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "new", None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        with open(path, "rb") as f:
            assert f.read() == before
        assert FULL in h.process.log()
        h.give_room("run/libvirt/qemu")
        on.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "newer", None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        wait_for(lambda: b"newer" in open(path, "rb").read())


if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *args: None, None)
    sys.exit(tap.run([without_room, status_of_what_changes], sys.argv[1:]))
