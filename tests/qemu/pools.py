#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Storage pools that are folders, and their volumes, with stock virsh: the same commands give the same answers, events and
files on Debian's libvirtd and on our virtstoraged; pools outlive their daemon and go from one to the other. Prints TAP."""

import difflib
import os
import re
import signal
import subprocess
import sys
import threading

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import tap  # noqa: E402

LIB = "/var/lib/libvirt"
UUID = "11111111-2222-3333-4444-555555555555"
BLUR = [(re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
        (re.compile(r"<([acm])time>\d+(\.\d{9})?<"), r"<\1time>TIME<"),
        # Of the file system that the folder is on; others write to it, too.
        (re.compile(r"(<(capacity|allocation|available) unit='bytes'>)\d{9,}<"), r"\1N<"),
        (re.compile(r"((Capacity|Allocation|Available): +)[\d.]+ [GT]iB"), r"\1N"), (re.compile(r"( +[\d.]+ [GMT]iB){3}$", re.M), " N"),
        # What the reference says that ours knows by place, and the other way round.
        (re.compile(r" at /\S+ \(line \d+\)"), ""), (re.compile(r"\n\n+"), "\n")]


def blur(text):
    for pattern, by in BLUR:
        text = pattern.sub(by, text)
    return text


class Stored(host.Host):
    """A host with one storage daemon."""

    def __init__(self, which):
        super().__init__()
        self.which = which
        self.start_storage()

    def start_storage(self, which=None):
        self.which = which or self.which
        if self.which == "reference":
            self.storage = host.start_reference(self)
        else:
            self.storage = host.start_ours(self, "virtstoraged")
        self.uri = f"storage+unix:///system?socket={self.storage.socket('-sock')}"

    def virsh(self, *command, given=None):
        """Inside, where paths are the daemon's."""
        return subprocess.run(self.enter(["virsh", "-q", "-c", self.uri, *command]), capture_output=True, timeout=60, input=given,
                              env={**os.environ, "LC_ALL": "C"}, check=False)

    def must(self, *command):
        run = self.virsh(*command)
        assert run.returncode == 0, f"virsh {' '.join(command)}: {run.stderr.decode()}"
        return run.stdout.decode()

    def refused(self, text, *command):
        run = self.virsh(*command)
        assert run.returncode != 0 and text in run.stderr.decode(), f"virsh {' '.join(command)}: {run.stdout} {run.stderr}"

    def shell(self, script):
        return subprocess.run(self.enter(["sh", "-c", f"cd {LIB} && {script}"]), capture_output=True, check=False)

    def play(self, steps):
        """Answers to commands of virsh (lists) and of a shell (texts)."""
        for step in steps:
            run = self.shell(step) if isinstance(step, str) else self.virsh(*step)
            text = (run.stdout + run.stderr).decode(errors="replace")
            yield step if isinstance(step, str) else " ".join(step), f"{run.returncode}\n{blur(text)}"

    def xml(self, text, name="some.xml"):
        """The path inside of a file with the text."""
        self.write(text, "lib", name)
        return f"{LIB}/{name}"


def compare(session):
    answers = {}
    for which in ("reference", "ours"):
        with Stored(which) as h:
            answers[which] = list(session(h))
            assert h.storage.alive(), h.storage.log()
    bad = ["\n".join([f"{command}", *difflib.unified_diff(theirs.splitlines(), ours.splitlines(), "reference", "ours", "", n=1)])
           for (command, theirs), (_, ours) in zip(answers["reference"], answers["ours"], strict=True) if theirs != ours]
    assert not bad, "\n".join(bad)


class Watcher:
    """Events of pools, as text."""

    def __init__(self, h):
        self.h, self.seen = h, []
        self.conn = libvirt.open(h.uri)
        self.conn.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, self.lifecycle, None)
        self.conn.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH, self.refresh, None)

    def lifecycle(self, _conn, pool, event, detail, _opaque):
        self.seen.append(f"{pool.name()} {event} {detail}")

    def refresh(self, _conn, pool, _opaque):
        self.seen.append(f"{pool.name()} refreshed")

    def all(self):
        """All that have come: another pool's is behind those that were told before."""
        self.h.must("pool-define-as", "last", "dir", "--target", "/last")
        assert host.wait_for(lambda: any(s.startswith("last ") for s in self.seen)), "the event of a definition did not come"
        return "\n".join(self.seen)


POOL = """<pool type='dir'><name>NAME</name><uuid>UUID</uuid><target><path>PATH</path><permissions><mode>0750</mode>
<owner>64055</owner><group>65534</group><label>x</label></permissions></target></pool>"""
FILES = "ls -l --time-style=+ /etc/libvirt/storage /etc/libvirt/storage/autostart | awk '{print $1, $6, $7, $8}' | grep -v total; ls /run/libvirt/storage | grep -v autostarted"


def pool(name, path, uuid=UUID):
    return POOL.replace("NAME", name).replace("PATH", path).replace("UUID", uuid)


def pool_session(h):
    watcher = Watcher(h)
    n, other = h.xml(pool("n", f"{LIB}/deep/er/n"), "n.xml"), h.xml(pool("other", f"{LIB}/deep/er/n"), "other.xml")
    changed = h.xml(pool("n", f"{LIB}/deep/er/n").replace("0750", "0700"), "changed.xml")
    renewed = h.xml(pool("n", f"{LIB}/deep/er/n", UUID.replace("5", "6")), "renewed.xml")
    wrong = [h.xml(text, f"wrong{i}.xml") for i, text in enumerate([
        pool("n", "/x").replace("0750", "0790"), pool("n/m", "/x"), pool("n", "/x").replace("'dir'", "'nothing'"), "<pool type='dir'/>",
        "<pool", "<volume/>", "<pool type='dir'><name>w</name></pool>", pool("n", "/x").replace("64055", "who")])]
    yield from h.play([
        ["pool-list", "--all"], ["pool-define-as", "p", "dir", "--target", f"{LIB}/p"], ["pool-info", "p"], ["pool-dumpxml", "p"],
        ["pool-start", "p"], ["pool-build", "p", "--overwrite"], ["pool-build", "p", "--overwrite", "--no-overwrite"],
        ["pool-start", "p", "--build", "--overwrite"], ["pool-build", "p"], "stat -c '%A %u' p", ["pool-build", "p"], ["pool-start", "p"],
        ["pool-start", "p"], ["pool-build", "p"], FILES, ["pool-dumpxml", "p"], ["pool-dumpxml", "p", "--inactive"], ["pool-info", "p"],
        ["pool-autostart", "p"], ["pool-autostart", "p"], FILES, ["pool-undefine", "p"], ["pool-delete", "p"], ["pool-refresh", "p"],
        ["pool-define", n], ["pool-build", "n"], "stat -c '%A %u %g' deep deep/er/n", ["pool-start", "n"], ["pool-dumpxml", "n"],
        ["pool-define", other], ["pool-create", n], ["pool-create", other], ["pool-define", renewed], ["pool-define", changed],
        ["pool-dumpxml", "n"], ["pool-dumpxml", "n", "--inactive"],
        *(["pool-define", w] for w in wrong), *(["pool-create", w] for w in wrong),
        ["pool-define-as", "x", "zfs", "--source-name", "x"], ["pool-define-as", "x", "rbd", "--source-name", "x", "--source-host", "h"],
        ["pool-create-as", "t", "dir", "--target", f"{LIB}/t"], ["pool-list", "--all", "--name"],
        ["pool-create-as", "t", "dir", "--target", f"{LIB}/t", "--build"], ["pool-autostart", "t"], ["pool-undefine", "t"],
        ["pool-define-as", "s", "dir", "--target", f"{LIB}//s/"], ["pool-dumpxml", "s"], ["pool-define-as", "s2", "dir", "--target", f"{LIB}/s"],
        ["pool-define-as", "s", "dir", "--target", f"{LIB}/u"],
        *(["pool-list", *flags] for flags in (["--all"], [], ["--inactive"], ["--all", "--type", "dir"], ["--all", "--type", "fs,zfs"],
                                              ["--all", "--autostart"], ["--all", "--no-autostart"], ["--transient"], ["--persistent", "--all"])),
        ["pool-list", "--all", "--details"], ["pool-name", UUID], ["pool-uuid", "n"], ["pool-uuid", "nope"],
        ["pool-name", UUID.replace("5", "9")], ["find-storage-pool-sources", "dir"], ["find-storage-pool-sources", "zfs"],
        ["find-storage-pool-sources", "nothing"], ["pool-destroy", "n"], ["pool-dumpxml", "n"], ["pool-destroy", "n"], ["vol-list", "n"],
        ["pool-destroy", "t"], ["pool-list", "--all", "--name"], "touch p/there", ["pool-destroy", "p"], ["pool-delete", "p"], "rm p/there",
        ["pool-delete", "p"], ["pool-delete", "p"], ["pool-start", "p"], ["pool-autostart", "p", "--disable"], ["pool-undefine", "p"],
        ["pool-undefine", "n"], ["pool-undefine", "s"], ["pool-undefine", "p"], FILES])
    yield "events", watcher.all()


def pools_as_the_reference():
    """Definitions, life, filters, refusals, events."""
    compare(pool_session)


def volume(name, inside):
    return f"<volume><name>{name}</name><capacity unit='M'>2</capacity>{inside}</volume>"


PERMISSIONS = "<permissions><mode>0640</mode><owner>64055</owner><group>65534</group></permissions>"
VOLUMES = {"x1": f"<allocation>5</allocation><target>{PERMISSIONS}</target>", "x2": "<target><format type='qcow2'/><compat>0.10</compat></target>",
           "x3": f"<target><format type='qcow2'/><compat>1.1</compat>{PERMISSIONS}<features><lazy_refcounts/></features></target>",
           "x4": "<target><format type='qcow2'/><compat>9.9</compat></target>",
           "x5": "<target><format type='qcow2'/><clusterSize unit='k'>128</clusterSize><nocow/></target>",
           "x6": "<target><format type='qcow2'/><features><extended_l2/></features></target>",
           "x7": "<target><path>/x/y</path><format type='qcow2'/></target><key>k</key><backingStore><path>ROOT/c</path></backingStore>",
           "x8": "<target><format type='qcow2'/><compat>1.1,size=9</compat></target>",
           "x9": "<target><format type='qcow2'/></target><backingStore><path>/none</path><format type='qcow2'/></backingStore>",
           "x10": f"<target><format type='dir'/>{PERMISSIONS}</target>"}
WRONG = ["<volume/>", "<volume><name>w</name></volume>", "<volume><name></name><capacity>1</capacity></volume>", "<pool/>", "<volume",
         "<volume><name>w</name><capacity unit='q'>1</capacity></volume>", "<volume><name>w</name><capacity>x</capacity></volume>"]
SIZES = "cd p; for f in *; do stat -c '%n %A %u %g %s %b' $f; done"


def volume_session(h):
    def create(name, size, *options):
        return ["vol-create-as", "n", name, size, *options]

    def add(name, text):
        return ["vol-create", "n", h.xml(text.replace("ROOT", f"{LIB}/p"), name)]
    yield from h.play([
        ["pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build"], ["vol-list", "n"], create("a", "10M", "--allocation", "20M"),
        create("b", "0"), create("c", "1G", "--allocation", "0", "--format", "qcow2", "--prealloc-metadata"),
        create("d", "1M", "--prealloc-metadata"), create("e/f", "1M"), create("..", "1M"), create("c", "1M"),
        *(create(f"f-{form}", "1M", "--format", form) for form in
          ("zzz", "none", "dir", "iso", "vdi", "luks", "bochs", "qcow", "qed", "vmdk", "vpc", "ploop")),
        create("l", "1M", "--format", "vmdk", "--backing-vol", "c"), create("m", "1M", "--format", "qcow2", "--backing-vol", "/none"),
        create("p", "1M", "--backing-vol", "c", "--backing-vol-format", "qcow2"), create("q", "99999999999M"),
        create("q", "99999999999M", "--allocation", "0"), create("r", "1000001", "--allocation", "0"),
        create("s", "1000001", "--allocation", "0", "--format", "qcow2"), create("t", "1000", "--allocation", "1000"),
        create("o", "3M", "--format", "qcow2", "--backing-vol", "c", "--backing-vol-format", "qcow2"), "touch p/there", create("there", "1M"),
        *(step for name, text in VOLUMES.items() for step in (add(name, volume(name, text)), ["vol-dumpxml", name, "n"])),
        *(add(f"wrong{i}", text) for i, text in enumerate(WRONG)),
        ["vol-list", "n", "--details"], SIZES, *(["vol-dumpxml", v, "n"] for v in ("a", "b", "c", "o", "f-dir", "f-vdi", "r", "s")),
        ["pool-refresh", "n"], ["vol-list", "n", "--details"], *(["vol-dumpxml", v, "n"] for v in ("c", "o", "x2", "x3", "x5", "x6", "x7", "x10")),
        ["vol-info", "c", "n"], ["vol-info", "c", "n", "--bytes", "--physical"], ["vol-key", "a", "n"], ["vol-path", "a", "n"],
        ["vol-name", f"{LIB}/p/a"], ["vol-name", f"{LIB}//p/a"], ["vol-pool", f"{LIB}/p/a"], ["vol-key", "zz", "n"], ["vol-info", "a", "zz"]])
    yield from h.play([
        ["vol-resize", "a", "30M", "n"], ["vol-resize", "a", "1M", "n"], ["vol-resize", "a", "1M", "n", "--shrink"],
        ["vol-resize", "a", "1M", "n", "--delta"], ["vol-resize", "a", "2M", "n", "--delta", "--allocate"], ["vol-info", "a", "n"],
        ["vol-resize", "s", "3M", "n"], ["vol-resize", "s", "2M", "n"], ["vol-resize", "s", "2M", "n", "--shrink"],
        ["vol-resize", "s", "4M", "n", "--allocate"], ["vol-resize", "f-vdi", "4M", "n"], ["vol-resize", "f-dir", "4M", "n"],
        ["vol-resize", "r", "1000000", "n"], ["vol-resize", "r", "1000000", "n", "--shrink"], ["vol-dumpxml", "r", "n"], ["vol-dumpxml", "s", "n"],
        ["vol-clone", "a", "a2", "n"], ["vol-clone", "o", "o2", "n"], ["vol-clone", "o", "o2", "n"], ["vol-clone", "zz", "o3", "n"],
        ["vol-clone", "f-dir", "d2", "n"], ["vol-clone", "f-vdi", "v2", "n"], ["vol-clone", "f-iso", "i2", "n"], ["vol-dumpxml", "o2", "n"],
        ["vol-create-from", "n", h.xml(volume("raw", "<target><format type='raw'/></target>")), "o"], ["vol-dumpxml", "raw", "n"],
        ["vol-create-from", "n", h.xml(volume("big", "<target><format type='qcow2'/></target>").replace(">2<", ">50<")), "r"],
        ["vol-create-from", "n", h.xml("<volume><name>same</name></volume>"), "r"], ["vol-dumpxml", "big", "n"], ["vol-dumpxml", "same", "n"],
        "qemu-img info p/o2 | grep -v 'disk size'; qemu-img info p/big | grep -v 'disk size'", ["vol-wipe", "a", "n"], ["vol-wipe", "c", "n"],
        ["vol-wipe", "f-dir", "n"], ["vol-wipe", "a", "n", "--algorithm", "trim"], ["vol-wipe", "a", "n", "--algorithm", "nnsa"],
        ["vol-wipe", "a", "n", "--algorithm", "zero"], ["vol-delete", "a", "n"], ["vol-delete", "a", "n"], "touch p/f-dir/full",
        ["vol-delete", "f-dir", "n"], "rm p/f-dir/full", ["vol-delete", "f-dir", "n"], "rm p/b", ["vol-info", "b", "n"], ["vol-dumpxml", "b", "n"],
        ["vol-delete", "b", "n"], ["vol-list", "n"], "ls p", ["pool-destroy", "n"], ["vol-list", "n"]])


def volumes_as_the_reference():
    """Made in all formats and ways, wrong ones, copied, resized, wiped, deleted."""
    compare(volume_session)


FOUND = """mkdir -p p/sub p/lost+found p/.hiddendir; cd p
for f in qcow qcow2 qed vdi vpc vmdk parallels vhdx raw; do qemu-img create -f $f $f.img 5M -q; done
new() { qemu-img create -q -f qcow2 "$@"; }
new -o compat=0.10 old 3M; new -b old -F qcow2 over; new -o lazy_refcounts=on,cluster_size=4k lazy 1M
new -o extended_l2=on,cluster_size=128k ext 1M; new -u -b nbd://localhost/x -F raw net 1M; new -u -b /none -F raw missing 1M
new -u -b 'json:{"driver":"qcow2","file":{"driver":"file","filename":"/x"}}' -F qcow2 json 1M
cp qcow2.img enc; printf '\\0\\0\\0\\2' | dd of=enc bs=1 seek=32 conv=notrunc 2>&-; cp enc aes; printf '\\1' | dd of=aes bs=1 seek=35 conv=notrunc 2>&-
truncate -s 7M luks.img; printf 'LUKS\\272\\276\\0\\1' | dd of=luks.img conv=notrunc 2>&-; printf '\\0\\0\\20\\0' | dd of=luks.img bs=1 seek=104 conv=notrunc 2>&-
qemu-img create -q -f qcow -b old -F qcow2 over-qcow
qemu-img create -q -f vmdk -b vmdk.img -F vmdk over-vmdk
mkfifo fifo; ln -s /none dangling; ln -s loop loop; ln -s fifo to-fifo; ln -s qcow2.img link; ln -s sub linkdir; touch .hidden empty
echo text > "sp ace&<x>"; touch "$(printf 'control\\001')"
head -c 40000 /dev/zero > iso; printf CD001 | dd of=iso bs=1 seek=32769 conv=notrunc 2>&-
head -c 3 qcow2.img > short; cp qcow2.img bad; printf '\\0\\0\\0\\11' | dd of=bad bs=1 seek=4 conv=notrunc 2>&-
cp over far; printf '\\0\\0\\0\\0\\377\\377\\0\\0' | dd of=far bs=1 seek=8 conv=notrunc 2>&-
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('sock')"; mknod null c 1 3
chmod 0 raw.img; chown 64055 raw.img; true"""


def found_session(h):
    h.shell(FOUND)
    yield from h.play(["ls p", ["pool-create-as", "n", "dir", "--target", f"{LIB}/p"], ["vol-list", "n"]])
    names = sorted(os.listdir(h.path("lib", "p")))
    yield from h.play([["vol-dumpxml", name, "n"] for name in names])
    yield from h.play([["vol-resize", "luks.img", "10M", "n"], ["vol-wipe", "sub", "n"], *(["vol-delete", name, "n"] for name in names if name != "parallels.img"),
                       "ls -A p", "mkdir p/again; touch p/again/x", ["pool-refresh", "n"], ["vol-list", "n"], "rm -rf p", ["pool-refresh", "n"],
                       ["pool-list", "--all", "--name"]])


def files_as_the_reference():
    """What is found in a folder: images of all formats, links, devices, lies in headers."""
    compare(found_session)


def stream_session(h):
    yield from h.play([
        ["pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build"], ["vol-create-as", "n", "v", "4M", "--allocation", "0"],
        "head -c 3000000 /dev/zero | openssl enc -aes-128-ctr -K 0 -iv 0 2>&- > in; cp in sparse; truncate -s 9M sparse",
        ["vol-upload", "v", f"{LIB}/in", "n"], "cmp -n 3000000 in p/v; stat -c %s p/v", ["vol-info", "v", "n", "--bytes"],
        ["vol-download", "v", f"{LIB}/out", "n"], "cmp out p/v", ["vol-download", "v", f"{LIB}/out", "n", "--offset", "1000", "--length", "70001"],
        "stat -c %s out; dd if=in bs=1000 skip=1 2>&- | cmp -n 70001 out -", ["vol-download", "v", f"{LIB}/out", "n", "--offset", "9M"],
        "stat -c %s out", ["vol-upload", "v", f"{LIB}/in", "n", "--offset", "1000", "--length", "500"],
        ["vol-upload", "v", f"{LIB}/in", "n", "--offset", "5M"], "stat -c %s p/v", ["vol-upload", "v", f"{LIB}/sparse", "n", "--sparse"],
        "cmp sparse p/v; [ $(stat -c %b p/v) -lt 7000 ]; echo $?", ["vol-download", "v", f"{LIB}/out", "n", "--sparse"],
        "cmp out p/v; [ $(stat -c %b out) -lt 7000 ]; echo $?", "touch none; truncate -s 2M hole",
        ["vol-upload", "v", f"{LIB}/none", "n"], ": > p/v", ["vol-upload", "v", f"{LIB}/hole", "n", "--sparse"], "cmp -n 2000000 hole p/v",
        ["vol-create-as", "n", "d", "0", "--format", "dir"], ["vol-upload", "d", f"{LIB}/in", "n"], ["vol-upload", "zz", f"{LIB}/in", "n"],
        "rm p/v", ["vol-download", "v", f"{LIB}/out", "n"], ["vol-upload", "v", f"{LIB}/in", "n"]])


def streams_as_the_reference():
    """Upload and download, parts of volumes, holes."""
    compare(stream_session)


def uploads_refresh():
    """A pool is looked through again when a volume was written, and that is told."""
    with Stored("ours") as h:
        h.must("pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build")
        h.must("vol-create-as", "n", "v", "1M", "--allocation", "0")
        watcher = Watcher(h)
        h.shell("qemu-img create -q -f qcow2 in 7M")
        h.must("vol-upload", "v", f"{LIB}/in", "n")
        assert host.wait_for(lambda: "n refreshed" in watcher.seen), watcher.seen
        assert "<format type='qcow2'/>" in h.must("vol-dumpxml", "v", "n")


def restarts():
    """Pools that run stay so when the daemon is killed, or another takes over, and all start whose folder is there."""
    with Stored("ours") as h:
        for name in ("kept", "gone", "auto", "idle", "foreign"):
            h.must("pool-define-as", name, "dir", "--target", f"{LIB}/{name}")
            h.must("pool-build", name)
        h.must("pool-autostart", "auto")
        h.must("pool-start", "kept")
        h.must("pool-start", "gone")
        h.must("pool-create-as", "transient", "dir", "--target", f"{LIB}/transient", "--build")
        h.must("vol-create-as", "kept", "v", "1M", "--format", "qcow2")
        os.rmdir(h.path("lib", "gone"))
        h.write("<poolstate", "run", "libvirt", "storage", "bad.xml")
        for which in ("ours", "reference", "ours"):
            h.storage.stop(signal.SIGKILL)
            h.start_storage(which)
            assert sorted(h.must("pool-list", "--name").split()) == ["auto", "foreign", "idle", "kept", "transient"], f"{which}: {h.must('pool-list', '--all')}"
            assert "v" in h.must("vol-list", "kept"), which
            assert h.must("pool-list", "--inactive", "--name").split() == ["gone"], which
            assert h.must("pool-list", "--transient", "--name").split() == ["transient"], which
            assert h.must("pool-list", "--all", "--autostart", "--name").split() == ["auto"], which
        h.must("pool-destroy", "foreign")
        h.storage.stop(signal.SIGKILL)
        h.write("<pool type='zfs'><name>foreign</name><source><name>x</name></source></pool>", "etc", "storage", "foreign.xml")
        h.start_storage()
        assert "foreign" not in h.must("pool-list", "--all") and "foreign" in h.storage.log()
        assert os.path.exists(h.path("etc", "storage", "foreign.xml"))


def pulling(h, name):
    """A stream that holds a volume until it is told to go on."""
    conn = libvirt.open(h.uri)
    stream = conn.newStream(0)
    conn.storagePoolLookupByName("n").storageVolLookupByName(name).upload(stream, 0, 0, 0)
    return conn, stream


def volumes_in_use():
    """While a volume is worked on, others are served, and what would pull it away is refused."""
    with Stored("ours") as h:
        h.must("pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build")
        h.must("vol-create-as", "n", "v", "1M")
        conn, stream = pulling(h, "v")
        for command in (["pool-destroy", "n"], ["pool-refresh", "n"]):
            h.refused("pool 'n' has asynchronous jobs running.", *command)
        for command in (["vol-delete", "v", "n"], ["vol-wipe", "v", "n"], ["vol-resize", "v", "2M", "n"]):
            h.refused("volume 'v' is still in use.", *command)
        h.must("vol-create-as", "n", "w", "1M")
        h.must("vol-delete", "w", "n")
        h.must("vol-dumpxml", "v", "n")
        stream.send(b"x" * 1000)
        stream.finish()
        h.must("vol-delete", "v", "n")
        h.must("vol-create-as", "n", "v", "1M")
        del stream
        conn.close()
        conn, _stream = pulling(h, "v")
        conn.close()
        del _stream
        assert host.wait_for(lambda: h.virsh("pool-destroy", "n").returncode == 0), h.virsh("pool-destroy", "n").stderr


def many_at_once():
    """Twenty clients make, look at and remove volumes, and refresh the pool; what is there afterwards is what should be."""
    with Stored("ours") as h:
        h.must("pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build")
        failures = []

        def client(i):
            conn = libvirt.open(h.uri)
            pool_of = conn.storagePoolLookupByName("n")
            for j in range(5):
                try:
                    vol = pool_of.createXML(volume(f"v{i}-{j}", "<allocation>0</allocation>"))
                    vol.info()
                    vol.XMLDesc()
                    if j % 2:
                        vol.delete()
                except libvirt.libvirtError as e:
                    failures.append(str(e))
                try:
                    pool_of.refresh()
                except libvirt.libvirtError as e:
                    if "asynchronous jobs" not in str(e):
                        failures.append(str(e))
            conn.close()
        threads = [threading.Thread(target=client, args=[i]) for i in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures
        wanted = sorted(f"v{i}-{j}" for i in range(20) for j in (0, 2, 4))
        assert sorted(os.listdir(h.path("lib", "p"))) == wanted
        assert sorted(line.split()[0] for line in h.must("vol-list", "n").splitlines()) == wanted


def full_disk():
    """What does not fit leaves nothing behind, and the daemon goes on."""
    with Stored("ours") as h:
        h.shell("mkdir p && mount -t tmpfs -o size=4m none p")
        h.must("pool-create-as", "n", "dir", "--target", f"{LIB}/p")
        h.refused("No space left on device", "vol-create-as", "n", "v", "9M")
        assert h.shell("ls -A p").stdout == b"" and not h.must("vol-list", "n")
        h.must("vol-create-as", "n", "v", "9M", "--allocation", "0")
        h.shell("head -c 9000000 /dev/zero > in")
        h.refused("No space left on device", "vol-upload", "v", f"{LIB}/in", "n")
        h.must("vol-delete", "v", "n")
        h.must("vol-create-as", "n", "v", "3M")


def stops_while_it_works():
    """A daemon that is told to stop does not wait for a copy that takes long; nothing half made is left."""
    with Stored("ours") as h:
        h.must("pool-create-as", "n", "dir", "--target", f"{LIB}/p", "--build")
        h.must("vol-create-as", "n", "v", "20G", "--allocation", "0", "--format", "raw")
        run = subprocess.Popen(h.enter(["virsh", "-c", h.uri, "vol-clone", "v", "copy", "n"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert host.wait_for(lambda: os.path.exists(h.path("lib", "p", "copy"))), "the copy does not begin"
        h.storage.stop()
        run.communicate()
        assert run.returncode != 0
        assert os.listdir(h.path("lib", "p")) == ["v"]
        h.start_storage()
        conn, stream = pulling(h, "v")
        stream.send(b"x" * 100000)
        assert h.storage.stop() == 0, h.storage.log()
        del stream
        conn.close()


TESTS = [pools_as_the_reference, volumes_as_the_reference, files_as_the_reference, streams_as_the_reference, uploads_refresh, restarts,
         volumes_in_use, many_at_once, full_disk, stops_while_it_works]


def events():
    while True:
        libvirt.virEventRunDefaultImpl()


def main():
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _ctx, _err: None, None)
    threading.Thread(target=events, daemon=True).start()
    return tap.run(TESTS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
