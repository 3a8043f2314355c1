#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that move to a machine that does not have their images: these are made there, by Debian's libvirtd as storage daemon
or by virtqemud itself, and are gone again if the guest does not arrive. Prints TAP."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]

import migrate  # noqa: E402
import peers  # noqa: E402
import tap  # noqa: E402

FOLDER = "/var/lib/libvirt/images"
POOL = f"<pool type='dir'><name>images</name><target><path>{FOLDER}</path></target></pool>"
SIZE = 4 << 20
# Name of the image, its format.
IMAGES = {"vda": ("x.qcow2", "qcow2"), "vdb": ("y.raw", "raw"), "vdc": ("z.qcow2", "qcow2")}


DISKS = "".join(f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{FOLDER}/{name}'/>"
                f"<target dev='{target}' bus='virtio'/></disk>" for target, (name, kind) in IMAGES.items())


def image_path(side, name):
    return side.machine.path("lib", "images", name)


def make_images(side):
    for name, kind in IMAGES.values():
        path = image_path(side, name)
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, path, str(SIZE)], check=True)
        subprocess.run(["qemu-io", "-f", kind, "-c", "write -P 7 0 1M", path], check=True, stdout=subprocess.DEVNULL)


def images(side):
    return sorted(os.listdir(image_path(side, "")))


def check_images(side):
    """Of the guest that ended: the same formats, sizes and content."""
    for name, kind in IMAGES.values():
        path = image_path(side, name)
        info = json.loads(subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True).stdout)
        assert (info["format"], info["virtual-size"]) == (kind, SIZE), info
        read = subprocess.run(["qemu-io", "-f", kind, "-c", "read -P 7 0 1M", path], capture_output=True, text=True, check=True)
        assert "failed" not in read.stdout, f"{path}: {read.stdout}"


def prepared(a, b):
    """The guest runs at a, whose images nobody else has."""
    for side in (a, b):
        os.mkdir(image_path(side, ""))
    make_images(a)
    a.define("a", disk=DISKS)
    a.must("start", "a")


def arrives(a, b, *extra):
    a.must("migrate", "a", b.uri, "--live", "--copy-storage-all", *extra)
    assert b.state("a") == "running (migrated)"
    b.must("destroy", "a")
    check_images(b)


def aborted(a, b):
    """A client ends it while disks are copied."""
    move = a.begin_slow("a", b.uri, "--live", "--copy-storage-all")
    migrate.wait_for(lambda: images(b) == sorted(name for name, _ in IMAGES.values()))
    migrate.wait_for(lambda: "File processed" in a.virsh("domjobinfo", "a").stdout)
    a.must("domjobabort", "a")
    assert "canceled by client" in move.communicate(timeout=20)[0]
    assert a.state("a").startswith("running"), a.state("a")


def by_nobody_else():
    """Plain files, made by virtqemud: and gone after an attempt that failed."""
    with migrate.sides() as (a, b):
        prepared(a, b)
        aborted(a, b)
        migrate.wait_for(lambda: images(b) == [])
        migrate.nothing_left(b)
        arrives(a, b, "--p2p")


def what_is_there_stays():
    """An image that exists is used as it is, and stays when another one cannot be made."""
    with migrate.sides() as (a, b):
        prepared(a, b)
        make_images(b)
        before = {name: os.stat(image_path(b, name)).st_ino for name in images(b)}
        aborted(a, b)
        migrate.nothing_left(b)
        assert {name: os.stat(image_path(b, name)).st_ino for name in images(b)} == before
        os.unlink(image_path(b, "z.qcow2"))
        os.rename(image_path(b, "y.raw"), image_path(b, "kept.raw"))
        os.symlink("nowhere/y.raw", image_path(b, "y.raw"))
        said = a.fails("migrate", "a", b.uri, "--live", "--copy-storage-all")
        assert "failed to create image file '/var/lib/libvirt/images/y.raw'" in said, said
        assert images(b) == ["kept.raw", "x.qcow2", "y.raw"], images(b)
        os.unlink(image_path(b, "y.raw"))
        os.rename(image_path(b, "kept.raw"), image_path(b, "y.raw"))
        arrives(a, b)


def by_the_storage_daemon():
    """In the pool that has the folder, which knows of the volumes then; without a pool nothing is made."""
    with migrate.sides() as (a, b):
        prepared(a, b)
        _, uri = b.machine.daemon("reference", prefix=peers.BLIND)
        said = a.fails("migrate", "a", b.uri, "--live", "--copy-storage-all")
        assert f"no storage pool with matching target path '{FOLDER}'" in said and images(b) == [], said
        for command in (["pool-define", b.machine.write(POOL, "pool.xml")], ["pool-start", "images"]):
            subprocess.run(["virsh", "-q", "-c", uri, *command], check=True, stdout=subprocess.DEVNULL)

        def volumes():
            return subprocess.run(["virsh", "-q", "-c", uri, "vol-list", "images"], capture_output=True, text=True, check=True).stdout

        aborted(a, b)
        migrate.wait_for(lambda: not volumes().strip())
        assert images(b) == [], images(b)
        migrate.nothing_left(b)
        arrives(a, b)
        assert [line.split()[0] for line in volumes().splitlines()] == sorted(n for n, _ in IMAGES.values()), volumes()


def by_the_reference():
    """The same to Debian's libvirtd, whose words ours has: pools that are missing, increments."""
    with migrate.sides("ours", "reference") as (a, b):
        prepared(a, b)
        said = a.fails("migrate", "a", b.uri, "--live", "--copy-storage-all")
        assert f"no storage pool with matching target path '{FOLDER}'" in said, said
        b.must("pool-create", b.machine.write(POOL, "pool.xml"))
        arrives(a, b)


def from_the_reference():
    with migrate.sides("reference", "ours") as (a, b):
        prepared(a, b)
        arrives(a, b, "--migrate-disks", "vda,vdb,vdc")


def increments_are_not_made():
    words = []
    for target in ("ours", "reference"):
        with migrate.sides("ours", target) as (a, b):
            prepared(a, b)
            words.append(a.fails("migrate", "a", b.uri, "--live", "--copy-storage-inc"))
            assert images(b) == [], images(b)
    assert words[0] == words[1], words


TESTS = [by_nobody_else, what_is_there_stays, by_the_storage_daemon, by_the_reference, from_the_reference, increments_are_not_made]


if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
