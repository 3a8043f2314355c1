#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that lie: about what is behind them, their format, their size. What a guest opens is what its definition and the
headers of images in the formats that it says lead to, as with Debian's libvirtd (liars.yaml has its answers; with
VIRTHOST_LIARS=reference it is asked again), and a daemon neither hangs nor opens what is no image. Prints TAP."""

import json
import os
import re
import socket
import struct
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
sys.path.insert(0, HERE)

import tap  # noqa: E402
from block import Images, nodes, qmp, run  # noqa: E402
from live import must, virsh  # noqa: E402

WHICH = os.environ.get("VIRTHOST_LIARS", "ours")
CLUSTER = 65536
SIZE = 1 << 20
FORMAT_EXTENSION = 0xe2792aca
GUEST = """<domain type='qemu'><name>a</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<devices><emulator>EMULATOR</emulator>DISK<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""
DISK = """<disk type='file' device='DEVICE'><driver name='qemu' type='FORMAT'/><source file='PATH'/><target dev='TARGET' bus='BUS'/></disk>"""
# What tells the capabilities, and ends when it is to be a guest: only its arguments are wanted.
NO_QEMU = """#!/bin/sh
case "$*" in *libvirt-1-format*) exit 1;; esac
exec /usr/bin/qemu-system-x86_64 "$@"
"""
QEMU = "/usr/bin/qemu-system-x86_64"


def qcow2(path, name=None, form=None, extension=b"", patch=(), features=0):
    """An empty qcow2 image of version 3. patch: places and bytes that are other than they should be."""
    image = bytearray(4 * CLUSTER)
    struct.pack_into(">4sIQIIQIIQQIIQ", image, 0, b"QFI\xfb", 3, 0, 0, 16, SIZE, 0, 1, 3 * CLUSTER, CLUSTER, 1, 0, 0)
    struct.pack_into(">QQQII", image, 72, features, 0, 0, 4, 104)
    tail = b"" if form is None else struct.pack(">II", FORMAT_EXTENSION, len(form)) + form.encode().ljust(-(-len(form) // 8) * 8, b"\0")
    tail += extension + bytes(8)
    image[104:104 + len(tail)] = tail
    if name is not None:
        struct.pack_into(">QI", image, 8, 104 + len(tail), len(name.encode()))
        image[104 + len(tail):104 + len(tail) + len(name.encode())] = name.encode()
    struct.pack_into(">Q", image, CLUSTER, 2 * CLUSTER)
    struct.pack_into(">HHHH", image, 2 * CLUSTER, 1, 1, 1, 1)
    for place, value in patch:
        image[place:place + len(value)] = value
    with open(path, "wb") as f:
        f.write(image)
    return path


class Liars(Images):
    def __enter__(self):
        super().__enter__()
        self.process, self.uri = self.daemon(WHICH)
        self.no_qemu = self.write(NO_QEMU, "no-qemu")
        os.chmod(self.no_qemu, 0o755)
        os.mkdir(self.path("sub"))
        for name in ("base.img", "sub/base.img"):
            self.raw(name)
        qcow2(self.path("base.qcow2"))
        return self

    def raw(self, name):
        with open(self.path(name), "wb") as f:
            f.truncate(SIZE)
        return self.path(name)

    def guest_on(self, path, form="qcow2", emulator=None, device="disk", bus="virtio"):
        return self.write(GUEST.replace("DISK", self.disk(path, form, "vda" if bus == "virtio" else "hda", device, bus))
                          .replace("EMULATOR", emulator or self.no_qemu), "a.xml")

    def disk(self, path, form="qcow2", target="vda", device="disk", bus="virtio"):
        return (DISK.replace("FORMAT", form).replace("PATH", path).replace("TARGET", target).replace("DEVICE", device)
                .replace("BUS", bus))

    def outcome(self, *args, **kw):
        """What a start says: its error, or the images that QEMU is given behind the first one."""
        log = self.path("log", "qemu", "a.log")
        if os.path.exists(log):
            os.truncate(log, 0)
        out = virsh(self.uri, "create", self.guest_on(*args, **kw), "--paused")
        assert self.process.alive(), self.process.log()
        text = ""
        if os.path.exists(log):
            with open(log, encoding="utf-8") as f:
                text = f.read()
        behind = [json.loads(t) for t in re.findall("-blockdev '(.*)'", text)]
        if not behind:
            return out.replace(self.root, "ROOT").partition("error: Failed to create domain from ROOT/a.xml\nerror: ")[2].rstrip("\n")
        return [{k: v for k, v in n.items() if k not in ("node-name", "auto-read-only", "discard", "read-only", "file")}
                for n in behind if "libvirt-1-" not in n["node-name"]]


def rows():
    with open(os.path.join(HERE, "liars.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)


def names_behind():
    """All of liars.yaml."""
    bad = []
    with Liars() as h:
        for row in rows():
            qcow2(h.path("a.qcow2"), row["name"].replace("ROOT", h.root), row["format"])
            got = h.outcome(h.path("a.qcow2"))
            got = json.loads(json.dumps(got).replace(h.root, "ROOT"))
            wanted = row["refused"] if "refused" in row else json.loads(row["nodes"])
            if WHICH == "ours" and "ours" in row:
                wanted = row["ours"] if row["ours"][:1] != "[" else json.loads(row["ours"])
            if got != wanted:
                bad.append(f"{row['name']} ({row['format']})\n  wanted {wanted}\n  got    {got}")
    assert not bad, "\n".join(bad)


def be(number, size=4):
    return number.to_bytes(size, "big")


def external_data(path):
    name = path.encode()
    return struct.pack(">II", 0x44415441, len(name)) + name.ljust(-(-len(name) // 8) * 8, b"\0")


NOT_SAID = ("Requested operation is not valid: format of backing image '{}' of image 'ROOT/a.qcow2' was not specified in the image "
            "metadata (See https://libvirt.org/kbase/backing_chains.html for troubleshooting)")
FILE = [{"driver": "file", "filename": "ROOT/base.img"}, {"driver": "raw"}]
# What is other than it should be in an image that stands on base.img, and what is opened behind it. A place that cannot be
# read is none: QEMU is told that nothing is behind, and refuses the rest itself.
HEADERS = [
    ({8: be(1 << 63, 8)}, []), ({8: be((1 << 64) - 1, 8)}, []), ({8: be(4 * CLUSTER - 3, 8)}, []), ({8: be(1 << 40, 8)}, []),
    ({16: be(0xffffffff)}, []), ({16: be(1024)}, []), ({16: be(1023)}, FILE), ({16: be(0)}, []), ({100: be(0)}, FILE), ({100: be(72)}, FILE),
    ({100: be(0xffffffff)}, FILE), ({100: be(CLUSTER)}, FILE), ({4: be(2)}, FILE),
    ({108: be(0xffffffff)}, FILE), ({108: be(70000)}, FILE), ({24: be((1 << 64) - 1, 8)}, FILE), ({32: be(1)}, FILE), ({32: be(9)}, FILE),
    ({72: be(0xff00, 8)}, FILE), ({20: be(64)}, FILE),
]
# The reference goes on where mark, version or name cannot be.
STRICTER = [({0: b"QFI\xfa"}, []), ({0: bytes(200)}, []), ({4: be(1)}, []), ({4: be(4)}, []), ({4: be(0xffffffff)}, []), ({8: be(16, 8)}, [])]


def headers():
    """Lengths, places and versions that cannot be; images that end in the middle of their header."""
    with Liars() as h:
        for patch, wanted in HEADERS + (STRICTER if WHICH == "ours" else []):
            qcow2(h.path("a.qcow2"), h.path("base.img"), "raw", patch=patch.items())
            got = json.loads(json.dumps(h.outcome(h.path("a.qcow2"))).replace(h.root, "ROOT"))
            assert got == wanted, f"{patch}: {got}"
        for n in (0, 3, 7, 8, 12, 19, 20, 24, 72, 103, 104, 112, 120):
            qcow2(h.path("a.qcow2"), h.path("base.img"), "raw")
            os.truncate(h.path("a.qcow2"), n)
            got = h.outcome(h.path("a.qcow2"))
            assert got == [], f"{n} bytes: {got}"
        if WHICH == "reference":
            return
        # In a cluster that is larger than what is read at first the name may be far away.
        qcow2(h.path("a.qcow2"), h.path("base.img"), "raw", patch={8: be(3 * CLUSTER, 8), 3 * CLUSTER: h.path("base.img").encode()}.items())
        assert len(h.outcome(h.path("a.qcow2"))) == 2


def other_formats():
    """What images of other formats stand on, and images of which nobody says the format."""
    with Liars() as h:
        for form in ("qed", "vmdk"):
            base, top = h.path(f"base.{form}"), h.path(f"top.{form}")
            below = h.path("base.img") if form == "qed" else base
            run("qemu-img", "create", "-q", "-f", form, base, "1M")
            run("qemu-img", "create", "-q", "-f", form, "-b", below, "-F", "raw" if form == "qed" else form, top)
            assert h.outcome(base, form) == []
            assert [n["filename"] for n in h.outcome(top, form)[::2]] == [below]
            qcow2(h.path("a.qcow2"), top, None)
            assert h.outcome(h.path("a.qcow2")) == NOT_SAID.format(f"ROOT/top.{form}")
            qcow2(h.path("a.qcow2"), top, form)
            assert [n["filename"] for n in h.outcome(h.path("a.qcow2"))[::2]] == [below, top]
        for form, driver in (("qed", "qed"), ("vmdk", "vmdk"), ("vdi", "vdi"), ("vpc", "vpc"), ("parallels", "parallels"), ("vhdx", "raw")):
            run("qemu-img", "create", "-q", "-f", form, h.path("b.img"), "1M")
            qcow2(h.path("a.qcow2"), h.path("b.img"), None)
            assert [n["driver"] for n in h.outcome(h.path("a.qcow2"))] == ["file", driver], form
        if WHICH == "ours":
            # Their data would be those of any file on the host.
            qcow2(h.path("b.img"), extension=external_data("/etc/passwd"), features=4)
            qcow2(h.path("a.qcow2"), h.path("b.img"), None)
            assert h.outcome(h.path("a.qcow2")) == NOT_SAID.format("ROOT/b.img")
            with open(h.path("b.img"), "wb") as f:
                f.write(b"KDMV" + struct.pack("<IIQ", 1, 3, 0) + bytes(496))
            assert h.outcome(h.path("a.qcow2")) == NOT_SAID.format("ROOT/b.img")


def chains():
    """Circles and depths."""
    deep = "internal error: backing store for ROOT/{} is self-referential or too deeply nested"
    with Liars() as h:
        for names in (["a"], ["a", "b"], ["a", "b", "c"]):
            for name, below in zip(names, names[1:] + names[:1]):
                qcow2(h.path(f"{name}.qcow2"), f"{below}.qcow2", "qcow2")
            assert h.outcome(h.path("a.qcow2")) == deep.format(f"{names[200 % len(names)]}.qcow2"), names
        qcow2(h.path("a.qcow2"), "a.qcow2", None)
        assert h.outcome(h.path("a.qcow2")) == NOT_SAID.format("a.qcow2")
        os.symlink("a.qcow2", h.path("l.qcow2"))
        qcow2(h.path("a.qcow2"), "l.qcow2", "qcow2")
        assert h.outcome(h.path("a.qcow2")) == deep.format("l.qcow2")
        for n in range(1000):
            qcow2(h.path(f"d{n}.qcow2"), f"d{n + 1}.qcow2" if n < 999 else None, "qcow2")
        assert h.outcome(h.path("d0.qcow2")) == deep.format("d200.qcow2")
        assert h.outcome(h.path("d799.qcow2")) == deep.format("d999.qcow2")
        assert len(h.outcome(h.path("d800.qcow2"))) == 2 * 199


def make_kind(path, kind):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
    elif kind == "folder":
        os.mkdir(path)
    else:
        os.symlink("/dev/zero", path)


def kinds_of_files():
    """Pipes, sockets, folders and devices: nobody hangs on them, and no device is opened to look at it."""
    odd = "Failed to open file 'ROOT/{}': No such device or address"
    folder = "unsupported configuration: storage type 'dir' requires use of storage format 'fat'"
    with Liars() as h:
        for kind, refused in (("fifo", odd.format("fifo")), ("socket", odd.format("socket")), ("folder", folder), ("device", None)):
            make_kind(h.path(kind), kind)
            if kind == "fifo" and WHICH == "reference":
                continue  # it waits for a writer
            for form in ("raw", "qcow2", None):
                qcow2(h.path("a.qcow2"), h.path(kind), form)
                got = h.outcome(h.path("a.qcow2"))
                if kind == "folder" and form is None:
                    assert got == NOT_SAID.format("ROOT/folder")
                elif refused:
                    assert got == refused, f"{kind} {form}: {got}"
                else:
                    assert [n["driver"] for n in got] == ["file", form or "raw"], got
            if kind == "folder":
                assert h.outcome(h.path(kind), "qcow2") == "cannot read header 'ROOT/folder': Is a directory"
            elif refused:
                assert h.outcome(h.path(kind), "qcow2") == refused
        assert h.outcome(h.path("device"), "qcow2") == []


def opened(h):
    """Files that the guest's QEMU has open."""
    return {os.path.basename(n) for n in nodes(h.uri)}


def what_a_guest_wrote():
    """A raw disk with a header of qcow2 that names a file of the host: raw it stays, whatever is done with it."""
    with Liars() as h:
        secret, disk = h.raw("secret.img"), h.raw("disk.img")
        lie = qcow2(h.path("lie"), secret, "raw")
        os.truncate(disk, SIZE)
        subprocess.run(["cp", lie, disk], check=True)
        must(h.uri, "define", h.guest_on(disk, "raw", QEMU))
        assert "Capacity:       262144\n" in must(h.uri, "domblkinfo", "a", "vda")
        must(h.uri, "start", "a", "--paused")
        assert "secret.img" not in opened(h)
        assert "Capacity:       262144\n" in must(h.uri, "domblkinfo", "a", "vda")
        must(h.uri, "snapshot-create-as", "a", "s", "--disk-only", "--no-metadata", "--diskspec", f"vda,file={h.path('s.qcow2')}")
        assert opened(h) == {"disk.img", "s.qcow2"}
        must(h.uri, "destroy", "a")
        must(h.uri, "start", "a", "--paused")
        assert opened(h) == {"disk.img", "s.qcow2"}
        must(h.uri, "blockcommit", "a", "vda", "--active", "--wait", "--pivot")
        assert opened(h) == {"disk.img"}
        must(h.uri, "blockcopy", "a", "vda", h.path("copy.img"), "--format", "raw", "--transient-job", "--wait", "--pivot")
        assert opened(h) == {"copy.img"}
        must(h.uri, "attach-device", "a", h.write(h.disk(disk, "raw", "vdb"), "d.xml"))
        assert opened(h) == {"copy.img", "disk.img"}
        must(h.uri, "destroy", "a")
        must(h.uri, "start", "a", "--paused")
        assert opened(h) == {"copy.img"} and "type='raw'" in must(h.uri, "dumpxml", "a")
        must(h.uri, "destroy", "a")


def running_guests():
    """Lies are refused where images join a guest that runs, which keeps what it has."""
    with Liars() as h:
        circle = qcow2(h.path("circle.qcow2"), "circle.qcow2", "qcow2")
        unknown = qcow2(h.path("unknown.qcow2"), "fd:7", "raw")
        good = qcow2(h.path("good.qcow2"), h.path("base.img"), "raw")
        xml = h.guest_on(good, "qcow2", QEMU)
        with open(xml, encoding="utf-8") as f:
            text = f.read().replace("<controller", "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk><controller", 1)
        must(h.uri, "define", h.write(text, "a.xml"))
        must(h.uri, "start", "a", "--paused")
        before = opened(h)
        for path, why in ((circle, "self-referential or too deeply nested"), (unknown, "invalid backing protocol 'fd'")):
            disk, medium = h.disk(path, target="vdb"), h.disk(path, target="hda", device="cdrom", bus="ide")
            destination = f"<disk type='file'><source file='{path}'/><driver type='qcow2'/></disk>"
            for command in (["attach-device", "a", h.write(disk, "d.xml")], ["update-device", "a", h.write(medium, "m.xml")],
                            ["blockcopy", "a", "vda", "--transient-job", "--shallow", "--reuse-external", "--xml", h.write(destination, "c.xml")]):
                out = virsh(h.uri, *command)
                assert out[0] == "1" and why in out, f"{command}: {out}"
                assert opened(h) == before, command
        # The header of an image that is used again as a snapshot is not followed: what is behind it is known.
        reused = qcow2(h.path("reused.qcow2"), h.path("base.img"), "raw")
        must(h.uri, "snapshot-create-as", "a", "r", "--disk-only", "--no-metadata", "--reuse-external", "--diskspec", f"vda,file={reused}")
        assert opened(h) == before | {"reused.qcow2"}
        must(h.uri, "destroy", "a")


# A file system whose server never answers; it ends with its standard input.
HANGING = """
import ctypes, os, sys
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if ctypes.CDLL(None, use_errno=True).mount(b"hanging", sys.argv[1].encode(), b"fuse", 0, options):
    sys.exit(f"no file system: {os.strerror(ctypes.get_errno())}")
print("ready", flush=True)
sys.stdin.read()
"""


def files_that_hang():
    """Who needs them waits; nobody else does."""
    with Liars() as h:
        os.mkdir(h.path("hung"))
        xml = h.guest_on(h.path("hung", "a.qcow2"), "qcow2", QEMU)
        with open(xml, encoding="utf-8") as f:
            must(h.uri, "define", h.write(f.read().replace("<name>a", "<name>c"), "c.xml"))
        must(h.uri, "define", xml)
        with open(h.guest_on(h.raw("b.img"), "raw", QEMU), encoding="utf-8") as f:
            text = f.read().replace("<name>a", "<name>b").replace("<controller", "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/>"
                                                                  "</disk><controller", 1)
        must(h.uri, "create", h.write(text, "b.xml"), "--paused")
        hung = h.path("hung", "b.qcow2")
        commands = (["start", "a"], ["domblkinfo", "c", "vda"], ["attach-device", "b", h.write(h.disk(hung, target="vdb"), "d.xml")])
        with subprocess.Popen(h.enter(["/usr/bin/python3", "-c", HANGING, h.path("hung")]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as server:
            assert server.stdout.readline() == "ready\n"
            waiting = [subprocess.Popen(["virsh", "-c", h.uri, *c], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                       for c in commands]
            for _ in range(5):
                assert sorted(must(h.uri, "list", "--all", "--name").split()) == ["a", "b", "c"]
                must(h.uri, "domblklist", "b")
            early = [w.communicate()[0] for w in waiting if w.poll() is not None]
            assert not early, early
            server.stdin.close()
        for command, w in zip(commands, waiting):
            out, _ = w.communicate(timeout=30)
            assert w.returncode == 1 and "Transport endpoint is not connected" in out, f"{command}: {out}"
        must(h.uri, "destroy", "b")


def missing_images():
    """Images that are not there, and how much that matters; asked of the reference by name."""
    gone = "Cannot access storage file 'ROOT/none.img'"
    with Liars() as h:
        for policy in ("mandatory", "requisite", "optional"):
            for device, bus, target in (("cdrom", "ide", "hda"), ("disk", "virtio", "vda"), ("floppy", "fdc", "fda")):
                with open(h.guest_on(h.path("none.img"), "raw", QEMU, device, bus), encoding="utf-8") as f:
                    text = f.read().replace("<source ", f"<source startupPolicy='{policy}' ").replace("'hda'", f"'{target}'")
                out = h.blur(virsh(h.uri, "create", h.write(text, "a.xml"), "--paused"))
                if policy == "requisite" and device == "disk":
                    assert "XML error: disk startupPolicy 'requisite' is allowed only for cdrom or floppy" in out, out
                elif policy != "optional":
                    assert f"{gone}: No such file" in out, out
                else:
                    assert out[0] == "0", out
                    assert must(h.uri, "domblklist", "a").split()[3:] == ([] if device == "disk" else [target, "-"])
                    must(h.uri, "destroy", "a")
        for form, why in (("raw", gone + ": "), ("qcow2", gone + " (as uid:0, gid:0): ")):
            out = h.blur(virsh(h.uri, "create", h.guest_on(h.path("none.img"), form, QEMU)))
            assert why + "No such file or directory" in out, out


TESTS = [names_behind, headers, other_formats, chains, kinds_of_files, what_a_guest_wrote, running_guests, missing_images, files_that_hang]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
