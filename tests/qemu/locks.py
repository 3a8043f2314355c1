#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same image on two hosts that share its storage: one has our virtqemud and virtlockd, the other Debian's libvirtd and
virtlockd. Who starts second is refused, in the same words on both; whoever ends gives it free. By the image itself, and by files
in a folder that both see: named by path, by the UUID of a logical volume, by the id of a SCSI unit. (Such devices are not there:
what virtlockd's clients ask for them is played.) Needs root. Prints TAP."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
from guesthost import GuestHost, Virsh  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='IMAGE'/><target dev='vda' bus='virtio'/>MORE</disk>
LEASE<memballoon model='none'/></devices></domain>"""
LEASE = "<lease><lockspace>space</lockspace><key>key</key><target path='FOLDER'/></lease>"
FOLDERS = """file_lockspace_dir = "SHARED/files"
lvm_lockspace_dir = "SHARED/volumes"
scsi_lockspace_dir = "SHARED/units"
"""
NO_DISKS = "auto_disk_leases = 0\n"
# The programs that know devices know those of this test.
TOOLS = {"/sbin/lvs": ("volume", "  Volume-1234"), "/lib/udev/scsi_id": ("unit", "36001405unit")}
TOOL = """#!/bin/sh
case "$*" in *KIND*) echo '%s';; *) exit 5;; esac
"""


class Shared:
    """What both hosts see: a folder, and devices in /dev."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="vh-locks-", dir="/tmp")
        os.mkdir(os.path.join(self.folder, "leases"))
        self.images = {"plain": os.path.join(self.folder, "plain.img")}
        for kind in ("volume", "unit"):
            self.images[kind] = f"/dev/shm/{os.path.basename(self.folder)}-{kind}"
        for path in [*self.images.values(), os.path.join(self.folder, "leases", "key")]:
            with open(path, "wb") as f:
                f.truncate(1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for path in self.images.values():
            os.unlink(path)
        shutil.rmtree(self.folder)

    def locks(self):
        """Files that stand for what is locked."""
        return sorted(os.path.relpath(os.path.join(top, name), self.folder) for top, _, names in os.walk(self.folder)
                      for name in names if not name.endswith(".img") and "leases" not in top)


class LockHost(Virsh, GuestHost):
    def __init__(self, which, shared, conf):
        super().__init__('lock_manager = "lockd"\n')
        self.which, self.shared = which, shared
        self.write(conf.replace("SHARED", shared.folder), "etc", "qemu-lockd.conf")
        for path, (kind, answer) in TOOLS.items():
            self.place(path, TOOL.replace("KIND", kind) % answer)
        stock = which == "reference"
        self.start("/usr/sbin/virtlockd" if stock else host.daemon_program("virtlockd"), sockets=host.sockets_of("virtlockd"))
        self.process, self.uri = self.daemon(which)

    def own_images(self):
        """Locks on what is behind the paths do not reach the other host: those of QEMU itself, above all."""
        for i, path in enumerate(self.shared.images.values()):
            mine = self.path(f"own-{i}")
            shutil.copy(path, mine)
            subprocess.run(self.enter(["mount", "--bind", mine, path]), check=True)

    def place(self, path, text):
        """A program of this host alone, in a folder that has everything else that was there."""
        folder, name = os.path.split(os.path.realpath(path))
        mine, real = self.path(f"with-{name}"), self.path(f"real-{name}")
        os.makedirs(mine)
        os.chmod(self.write(text, f"with-{name}", name), 0o755)
        script = f"""mkdir -p {folder} {real} && mount --bind {folder} {real} &&
            for f in {real}/*; do [ $(basename $f) = {name} ] || ln -s $f {mine}/; done; mount --bind {mine} {folder}"""
        subprocess.run(self.enter(["sh", "-c", script]), check=True)

    def define(self, name, kind, lease="", more=""):
        xml = GUEST.replace("NAME", name).replace("IMAGE", self.shared.images[kind]).replace("MORE", more)
        self.must("define", self.write(xml.replace("LEASE", lease.replace("FOLDER", os.path.join(self.shared.folder, "leases"))), f"{name}.xml"))

    def refusal(self, name):
        run = self.virsh("start", name)
        assert run.returncode != 0, f"{self.which} started {name}"
        return run.stderr.replace(self.shared.folder, "SHARED").replace(os.path.basename(self.shared.folder), "NAME").splitlines()[1:]


@contextlib.contextmanager
def pair(conf):
    """Ours and the reference's host."""
    with Shared() as shared, LockHost("ours", shared, conf) as ours, LockHost("reference", shared, conf) as reference:
        for place in (ours, reference):
            if conf:
                place.own_images()
        yield ours, reference


def exclude(shared, first, second, kinds):
    """What is refused on the second host while the guest runs on the first, by kind of image; the names of locks."""
    words, names = {}, []
    for kind in kinds:
        first.must("start", kind)
        names.append(shared.locks())
        words[kind] = second.refusal(kind)
        first.must("destroy", kind)
        second.must("start", kind)
        second.must("destroy", kind)
        assert shared.locks() == [], shared.locks()
    return words, names


def both_ways(places, kinds):
    """What both say first and second; by what names they lock."""
    ours, reference = places
    for place in places:
        for kind in kinds:
            place.define(kind, kind)
    theirs, their_names = exclude(ours.shared, ours, reference, kinds)
    mine, my_names = exclude(ours.shared, reference, ours, kinds)
    assert my_names == their_names, f"\nours:      {their_names}\nreference: {my_names}"
    assert all("resource busy: Lockspace resource" in text[0] for text in mine.values()), mine
    return theirs, mine, my_names


def same(theirs, mine):
    assert theirs == mine, f"\nreference: {theirs}\nours:      {mine}"


def by_the_image():
    """The reference asks virtlockd last, so that QEMU's own lock on the same file may refuse first."""
    with pair("") as places:
        assert both_ways(places, ["plain"])[2] == [[]]


def by_files():
    """In folders that both hosts see, named by path, by volume, by unit."""
    with pair(FOLDERS) as places:
        theirs, mine, names = both_ways(places, ["plain", "volume", "unit"])
        same(theirs, mine)
        assert re.fullmatch("files/[0-9a-f]{64}", names[0][0]) and names[1:] == [["volumes/Volume-1234"], ["units/36001405unit"]], names
        for first, second in (places, places[::-1]):
            killed_guests_let_go(first, second)
        shared_disks(places)


def killed_guests_let_go(first, second):
    """Also where nobody of the first host is left to tell."""
    first.must("start", "volume")
    first.process.stop(signal.SIGKILL)
    second.refusal("volume")
    for pid in first.guests():
        os.kill(pid, signal.SIGKILL)
    assert host.wait_for(lambda: second.virsh("start", "volume").returncode == 0), "the lock of a dead guest stayed"
    second.must("destroy", "volume")
    first.process, first.uri = first.daemon(first.which)


def shared_disks(places):
    """Several hosts may have them; nobody else meanwhile."""
    words = []
    for place in places:
        place.define("s", "volume", more="<shareable/>")
    for first, second in (places, places[::-1]):
        first.must("start", "s")
        words.append(second.refusal("volume"))
        second.must("start", "s")
        first.must("destroy", "s")
        second.must("destroy", "s")
    same(*words)


def leases():
    """That they are required is said in the same words.

    The reference cannot take any at virtlockd: it wants folders of locks that nobody makes."""
    with pair(NO_DISKS) as places:
        for place in places:
            place.define("without", "plain")
        same(*(place.refusal("without")[0].rpartition(": ")[2] for place in places[::-1]))


def the_same_lease():
    """On two hosts of ours."""
    with Shared() as shared, LockHost("ours", shared, NO_DISKS) as one, LockHost("ours", shared, NO_DISKS) as two:
        for place in (one, two):
            place.own_images()
            place.define("lease", "plain", LEASE)
        words, _ = exclude(shared, one, two, ["lease"])
        assert "resource busy: Lockspace resource 'key' is locked" in words["lease"][0], words


def no_leases():
    with Shared() as shared, LockHost("ours", shared, NO_DISKS + "require_lease_for_disks = 0\n") as place:
        place.define("without", "plain")
        place.must("start", "without")


def other_lock_managers():
    """What there is not is no reason to run guests without locks."""
    with Shared() as shared, LockHost("ours", shared, "") as place:
        place.define("plain", "plain")
        place.process.stop()
        place.write('lock_manager = "sanlock"\n', "etc", "qemu.conf")
        place.process, place.uri = place.daemon("ours")
        assert "there is no lock manager 'sanlock'" in place.refusal("plain")[0]


TESTS = [by_the_image, by_files, leases, the_same_lease, no_leases, other_lock_managers]

if __name__ == "__main__":
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        sys.exit(0)
    sys.exit(tap.run(TESTS, sys.argv[1:]))
