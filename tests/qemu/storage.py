#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images, snapshots, checkpoints and backups in what clients seldom ask for: sizes, odd definitions, metadata that comes back,
guests without a stored definition, destinations on the network, events. The same commands give the same answers and the same
events on Debian's libvirtd and on ours. Prints TAP."""

import os
import re
import signal
import subprocess
import sys
import threading

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
sys.path.insert(0, HERE)

import tap  # noqa: E402
from block import Images, compare, nodes, qmp, run  # noqa: E402
from live import must, virsh, wait_for  # noqa: E402
import snapshots  # noqa: E402
from snapshots import memory_snap, snap  # noqa: E402

EVENTS = ("LIFECYCLE", "BLOCK_JOB", "BLOCK_JOB_2", "JOB_COMPLETED", "BLOCK_THRESHOLD")
DISKS = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/r.img'/><target dev='vdb' bus='virtio'/>
</disk><disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk><disk type='file' device='cdrom'>
<source file='ROOT/c.iso'/><target dev='hdd' bus='ide'/><readonly/></disk><disk type='file' device='floppy'><target dev='fda' bus='fdc'/>
</disk>"""
LOOP = """<disk type='block' device='disk'><driver name='qemu' type='FORMAT'/><source dev='DEVICE'/><target dev='TARGET' bus='virtio'/></disk>"""


class Watcher:
    """Events of the guest "a", as text."""

    def __init__(self, h, uri):
        self.h, self.uri, self.seen = h, uri, []
        self.conn = libvirt.open(uri)
        for name in EVENTS:
            self.conn.domainEventRegisterAny(None, getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{name}"), self.note(name), None)

    def note(self, name):
        def callback(_conn, dom, *args):
            # What took no time has no speed.
            what = sorted(k for k in args[0] if not k.startswith("time") and k != "memory_bps") if name == "JOB_COMPLETED" else args[:-1]
            self.seen.append(f"{dom.name()} {name} {what}")
        return callback

    def all(self):
        """All that have come. Another guest's is behind those that were told before."""
        virsh(self.uri, "define", self.h.guest("last"))
        wait_for(lambda: any(s.startswith("last ") for s in self.seen))
        return "\n".join(s for s in self.seen if s.startswith("a "))

    def close(self):
        self.conn.close()


def play(h, uri, steps):
    """As that of snapshots.py, with a few commands more."""
    watcher = Watcher(h, uri)

    def hand_back(kind, name, change=None):
        """Redefines a snapshot or checkpoint from what it says, changed."""
        text = subprocess.run(["virsh", "-c", uri, f"{kind}-dumpxml", "a", name], capture_output=True, text=True, check=True).stdout
        return virsh(uri, f"{kind}-create", "a", h.write(change(text) if change else text, "back.xml"), "--redefine")
    try:
        for step in steps:
            if step[0] == "nodes":
                yield step, str(nodes(uri))
            elif step[0] == "again":
                yield step[:3], hand_back(*step[1:])
            else:
                yield from snapshots.play(h, uri, [step])
        yield ["events"], watcher.all()
    finally:
        watcher.close()


def loop_devices(h, sizes):
    """Devices of the host with empty images, none where it has none to give."""
    devices = []
    for i, size in enumerate(sizes):
        path = h.path(f"loop{i}.img")
        run("truncate", "-s", size, path)
        made = subprocess.run(["losetup", "-f", "--show", path], capture_output=True, text=True, check=False)
        devices += [made.stdout.strip()] if made.returncode == 0 else []
    return devices


def release(devices):
    for device in devices:
        subprocess.run(["losetup", "-d", device], check=False)


def guest_with_media(h, devices=()):
    xml = h.guest_on_chain()
    run("truncate", "-s", "3M", h.path("r.img"))
    run("qemu-io", "-f", "raw", "-c", "write 0 128k", h.path("r.img"))
    run("truncate", "-s", "1M", h.path("c.iso"))
    loops = [LOOP.replace("DEVICE", d).replace("TARGET", f"vd{'cd'[i]}").replace("FORMAT", "raw") for i, d in enumerate(devices)]
    with open(xml, encoding="utf-8") as f:
        text = f.read()
    return h.write(text.replace("<memballoon", DISKS.replace("ROOT", h.root) + "".join(loops) + "<memballoon"), "a.xml")


def size_session(h, uri):
    devices = loop_devices(h, ("4M",))
    ask = [["domblkinfo", "a", disk, *form] for disk in ("vda", "vdb", "hdc", "hdd", "fda", "zz", h.path("a.qcow2")) for form in ((), ("--human",))]
    ask += [["domblkinfo", "a", "--all", *form] for form in ((), ("--human",))]
    ask += [["domblklist", "a", "--details"], ["domblkerror", "a"], ["domstats", "a", "--block"], ["domstats", "a", "--block", "--backing"]]
    if devices:
        ask += [["domblkinfo", "a", "vdc"]]
    counters = [["domblkstat", "a"], ["domblkstat", "a", "vda", "--human"], ["domblkstat", "a", "hdc"], ["domblkstat", "a", "zz"]]
    index = 5 + len(devices)  # of vda: drives are counted from the last
    try:
        yield from play(h, uri, [
            ["define", guest_with_media(h, devices)], *ask, *counters, ["start", "a", "--paused"], ["dumpxml"], *ask, *counters,
            ["write", 3, 7], ["domblkinfo", "a", "vda"], ["domblkthreshold", "a", f"vda[{index}]", "100k"], ["domblkthreshold", "a", "vdb", "5"],
            ["domblkthreshold", "a", f"vda[{index + 2}]", "1k"], ["domstats", "a", "--block", "--backing"],
            ["domblkthreshold", "a", f"vda[{index + 2}]", "0"], ["domblkthreshold", "a", "vda[", "1M"],
            ["domblkthreshold", "a", "vda[]", "1"], ["domblkthreshold", "a", "vda[1]x", "1"], ["write", 4, 5],
            ["domblkthreshold", "a", "vda", "100k"], ["write", 5, 5], 
            ["blockcommit", "a", "vda", "--active", "--wait"], ["write", 5, 6],
            ["blockjob", "a", "vda", "--pivot"], ["blockresize", "a", "hdc", "1M"], ["blockresize", "a", "hdd", "2M"],
            ["blockresize", "a", "vdb", "4194305B"], ["blockresize", "a", "vda", "12MB"], ["domblkinfo", "a", "vdb"], ["destroy", "a"]])
    finally:
        release(devices)


def sizes_as_the_reference():
    compare(size_session)


def without_domain(text):
    return re.sub("<domain type.*</domain>", "", text, flags=re.S)


def named(text, name):
    """The metadata of one called otherwise."""
    return re.sub("<name>[^<]*</name>", name, text, count=1)


def snapshot_session(h, uri):
    def asked(name, text, *more):
        return ["snapshot-create", "a", h.write(f"<domainsnapshot>{text.replace('ROOT', h.root)}</domainsnapshot>", f"{name}.xml"), *more]

    def disk(text):
        return f"<disks><disk name='vda' {text}</disk></disks>"

    def state(word):
        return lambda text: re.sub("<state>.*?</state>", f"<state>{word}</state>" if word else "", text)
    yield from play(h, uri, [
        ["define", h.guest_on_chain()], ["start", "a", "--paused"], ["snapshot-create-as", "a", "p", "--memspec", "snapshot=no"],
        ["snapshot-create-as", "a", "p", "--memspec", f"snapshot=no,file={h.path('x')}"], ["snapshot-create-as", "a", "p", "--live"],
        asked("n1", "<name>a/b</name>"), asked("n2", "<name>.b</name>"), asked("n3", "<name></name>"), ["snapshot-delete", "a", "--current"],
        asked("m1", "<memory snapshot='internal' file='/x'/>"), asked("m2", "<memory snapshot='external' file='rel'/>"),
        asked("d1", disk("snapshot='external'><source file='rel.qcow2'/>"), "--disk-only"),
        asked("d2", "<disks><disk name='ROOT/a.qcow2' snapshot='no'/><disk name='vda' snapshot='no'/></disks>", "--disk-only"),
        asked("d3", "<name>d3</name>" + disk("snapshot='external'><driver type='qcow2'><metadata_cache><max_size unit='KiB'>128</max_size>"
                                             "</metadata_cache></driver><source file='ROOT/d3.qcow2'/>"), "--disk-only"),
        ["dumpxml"], ["snapshot-delete", "a", "d3"], ["dumpxml"], 
        ["snapshot-create-as", "a", "i1"], snap(h, "e1"), snap(h, "e2"), ["again", "snapshot", "e1"],
        ["again", "snapshot", "e2", lambda t: t.replace("<name>e1</name>", "<name>e9</name>")], ["again", "snapshot", "e2", state("running")],
        ["again", "snapshot", "e2", state("shutoff")], ["again", "snapshot", "i1", state("shutoff")], ["again", "snapshot", "i1", state("")],
        ["again", "snapshot", "i1", lambda t: re.sub("<creationTime>.*?</creationTime>", "", t)], ["again", "snapshot", "i1", lambda t: named(t, "")],
        ["again", "snapshot", "i1", lambda t: re.sub("<uuid>.*?</uuid>", "<uuid>11111111-2222-3333-4444-555555555555</uuid>", t)],
        ["again", "snapshot", "i1", without_domain], ["snapshot-dumpxml", "a", "i1"],
        ["again", "snapshot", "i1", lambda t: named(without_domain(t), "<name>n1</name>")],
        ["again", "snapshot", "i1", lambda t: named(t, "<name>n2</name><parent><name>n2</name></parent>")],
        ["again", "snapshot", "i1", lambda t: named(t, "<name>i1</name><parent><name>e2</name></parent>")],
        ["again", "snapshot", "i1", lambda t: t.replace("<disk name='vda' snapshot='internal'/>", "<disk name='vda' snapshot='no'/>")],
        ["again", "snapshot", "e1", lambda t: t.replace("<memory snapshot='no'/>", "<memory snapshot='internal'/>")],
        ["again", "snapshot", "e1", lambda t: re.sub("<disks>.*?</disks>", "", t, count=1, flags=re.S)], ["metadata"],
        ["again", "snapshot", "i1", lambda t: re.sub("<disks>.*?</disks>", "", t, count=1, flags=re.S)], ["snapshot-list", "a", "--tree"],
        ["destroy", "a"], ["snapshot-create-as", "a", "off"], ["snapshot-revert", "a", "off"], ["domstate", "a", "--reason"], 
        ["snapshot-revert", "a", "off", "--paused"], ["domstate", "a", "--reason"], ["snapshot-revert", "a", "off", "--running"],
        ["domstate", "a", "--reason"], memory_snap(h, "m"), ["destroy", "a"]])


def snapshots_as_the_reference():
    compare(snapshot_session)


def transient_session(h, uri):
    yield from play(h, uri, [
        ["create", h.guest_on_chain(), "--paused"], ["snapshot-create-as", "a", "t1"], snap(h, "t2", "--halt"), snap(h, "t2"),
        ["snapshot-revert", "a", "t1"], ["domstate", "a", "--reason"], ["dumpxml"], ["snapshot-revert", "a", "t1", "--running"],
        ["domstate", "a", "--reason"], ["snapshot-revert", "a", "t1", "--paused"], ["domstate", "a", "--reason"],
        ["snapshot-create-as", "a", "t3"], ["snapshot-current", "a", "--name"], ["snapshot-list", "a", "--tree"], ["list", "--all", "--name"],
        ["destroy", "a"], ["list", "--all", "--name"]])


def transient_guests_as_the_reference():
    compare(transient_session)


def nbd_server(h, name, image):
    """A program that serves an image; it ends with the test."""
    return subprocess.Popen(["qemu-nbd", "-f", "raw", "--persistent", "-x", name, "-k", h.path(f"{name}.sock"), image])


def copy_session(h, uri):
    def to(name, inside):
        return ["blockcopy", "a", "vda", "--transient-job", "--xml", h.write(f"<disk {inside.replace('ROOT', h.root)}</disk>", f"{name}.xml"), "--wait"]
    nbd = ("type='network'><driver name='qemu' type='raw'/><source protocol='nbd' name='n' tls='no'><host transport='unix' "
           "socket='ROOT/n.sock'/></source>")
    xml = h.guest_on_chain()
    run("qemu-img", "create", "-q", "-f", "raw", h.path("n.img"), "8M")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", h.path("base.qcow2"), h.path("reused.qcow2"))
    with nbd_server(h, "n", h.path("n.img")) as server:
        try:
            wait_for(lambda: os.path.exists(h.path("n.sock")))
            yield from play(h, uri, [
                ["define", xml], ["start", "a", "--paused"], to("n", nbd), ["dumpxml"],
                ["blockjob", "a", "vda", "--pivot"], ["domblkinfo", "a", "vda"],
                ["blockcopy", "a", "vda", h.path("back.qcow2"), "--format", "qcow2", "--transient-job", "--wait", "--pivot"], ["dumpxml"],
                to("n2", nbd) + ["--reuse-external", "--finish"], ["nodes"],
                ["blockcopy", "a", "vda", h.path("reused.qcow2"), "--transient-job", "--reuse-external", "--wait", "--pivot"], ["dumpxml"], ["nodes"],
                ["blockcopy", "a", "vda", "rel.qcow2", "--transient-job"], to("v", "type='file'><driver type='vmdk'/><source file='ROOT/v'/>"),
                ["blockjob", "a", "vda", "--abort"], ["blockpull", "a", "vda", "--keep-relative"], ["blockcommit", "a", "vda", "--shallow", "--active"],
                ["blockcommit", "a", "vda", "--active", "--base", "vda[1]"], ["blockcommit", "a", "vda", "--active"], ["destroy", "a"]])
        finally:
            server.terminate()


def copies_as_the_reference():
    compare(copy_session)


def checkpoint_session(h, uri):
    def asked(name, text):
        return ["checkpoint-create", "a", h.write(f"<domaincheckpoint>{text.replace('ROOT', h.root)}</domaincheckpoint>", f"{name}.xml")]

    def backup(name, inside, *more, disk="vda", attributes=""):
        text = (f"<domainbackup>{inside}<disks><disk name='{disk}' type='file' {attributes}><target file='ROOT/{name}'/></disk></disks>"
                "</domainbackup>")
        return ["backup-begin", "a", h.write(text.replace("ROOT", h.root), f"{name}.xml"), *more]
    yield from play(h, uri, [
        ["define", h.guest_on_chain()], ["start", "a", "--paused"], asked("c1", "<name>c1</name><description>d</description>"),
        ["checkpoint-dumpxml", "a", "c1"], asked("c2", "<name>c2</name><disks><disk name='ROOT/a.qcow2'/></disks>"),
        ["checkpoint-dumpxml", "a", "c2", "--no-domain"], asked("c3", "<disks><disk name='vda'/><disk name='ROOT/a.qcow2'/></disks>"), ["bitmaps"],
        ["again", "checkpoint", "c1"], ["again", "checkpoint", "c1", without_domain],
        ["again", "checkpoint", "c1", lambda t: named(t, "<name>n</name><parent><name>n</name></parent>")],
        ["again", "checkpoint", "c1", lambda t: named(t, "<name>c1</name><parent><name>c2</name></parent>")],
        ["again", "checkpoint", "c1", lambda t: named(t, "<name>n</name>").replace("bitmap='c1'", "bitmap='n'")],
        ["checkpoint-create", "a", h.path("back.xml"), "--redefine", "--redefine-validate"], ["checkpoint-list", "a", "--tree"],
        ["checkpoint-delete", "a", "n"], ["checkpoint-delete", "a", "n", "--metadata"], ["write", 1, 7], 
        backup("b1", "<incremental/>"), ["settled", "domjobinfo", "a"], 
        backup("b2", "", attributes="backupmode='incremental'"), backup("b3", "", "--reuse-external"),
        ["blockcopy", "a", "vda", h.path("copy.qcow2"), "--transient-job", "--wait"], backup("b4", ""), ["blockjob", "a", "vda", "--abort"],
        ["destroy", "a"]])


def checkpoints_as_the_reference():
    compare(checkpoint_session)


# Limits of a disk, one call after the other: kinds that are set together, bursts and their lengths, groups. B and I stand for
# bytes_sec and iops_sec.
LIMITS = [
    "total_B=1000", "total_B=1000 total_B_max=2000", "total_B_max=2000", "total_B_max=500", "total_B=0", "total_B=0 total_B_max=0",
    "read_B=5 write_B=6", "total_B=7", "read_B=5", "total_B=7 read_B=5", "read_B_max=9 write_B_max=10", "total_B_max=9", "total_B=0",
    "total_I=100 total_I_max=200 total_I_max_length=3", "total_I_max_length=5", "total_I_max=300", "total_I=50", "total_I=0", "size_I=4096",
    "total_I=10 size_I=1", "size_I=0", "total_I_max_length=0", "read_I=10 read_I_max=20 read_I_max_length=2 write_I=1", "write_I_max_length=2",
    "write_I_max=1", "write_I_max=0 write_I=3", "read_I=0 write_I=0", "group_name=g1", "group_name=g1 total_B=55", "group_name=",
    "group_name=g2 total_B=0", "group_name=a/b", "total_B=77", "total_B=1000000000000000", "total_B=1000000000000001", "total_B_max_length=5",
    "total_B=10 total_B_max=20 total_B_max_length=1000000", "total_B=10 total_B_max=5", "total_B=10 total_B_max=10", "read_B=1 read_B_max=2",
    "read_B_max_length=2", "write_B=2", "total_B=3 total_B_max=0", "total_B_max_length=1 total_B_max=9", "read_B=0 write_B=0 total_B=0"]


def call(function, *args):
    try:
        return str(function(*args))
    except libvirt.libvirtError as e:
        return f"{e.get_error_code()}: {e}"


def limits(dom, flags):
    for text in LIMITS:
        values = dict(v.split("=") for v in re.sub("B(?=[_=])", "bytes_sec", re.sub("I(?=[_=])", "iops_sec", text)).split())
        params = {k: v if k == "group_name" else int(v) for k, v in values.items()}
        yield [str(flags), text], call(dom.setBlockIoTune, "vda", params, flags) + "\n" + call(dom.blockIoTune, "vda", flags)


def limit_session(h, uri):
    with open(h.guest_on_chain(), encoding="utf-8") as f:
        other = ("<disk type='file'><source file='ROOT/r.img'/><target dev='vdb' bus='virtio'/><iotune><total_bytes_sec>5</total_bytes_sec>"
                 "<group_name>g1</group_name></iotune></disk><memballoon")
        text = f.read().replace("<memballoon", other.replace("ROOT", h.root))
    run("truncate", "-s", "1M", h.path("r.img"))
    conn = libvirt.open(uri)
    dom = conn.defineXML(text)
    yield from limits(dom, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    # What is stored now QEMU would not take.
    yield ["start"], call(dom.create)
    dom.undefine()
    dom = conn.defineXML(text)
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    yield from limits(dom, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    for form in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        yield ["dumpxml", str(form)], "".join(re.findall("<iotune>.*?</iotune>", dom.XMLDesc(form), re.S))
    dom.destroy()
    conn.close()


def limits_as_the_reference():
    compare(limit_session)


FORGETFUL = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><features><acpi/></features><devices><controller type='scsi' model='virtio-scsi'/>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/a.qcow2'/><target dev='vda' bus='virtio'/>FIRST</disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/r.img'/><target dev='sda' bus='scsi'/>SECOND</disk>
<memballoon model='none'/></devices></domain>"""
OWN, SHARED = "<transient/>", "<transient shareBacking='yes'/>"


def forgetful_guest(h, first, second, name="a"):
    if not os.path.exists(h.path("r.img")):
        h.guest_on_chain()
        run("truncate", "-s", "3M", h.path("r.img"))
        run("qemu-img", "create", "-q", "-f", "qcow2", h.path("p.qcow2"), "1M")
    text = FORGETFUL.replace("NAME", name).replace("FIRST", first).replace("SECOND", second).replace("ROOT", h.root)
    return h.write(text, f"{name}{len(first)}{len(second)}.xml")


def joining_disk(h, dev, bus, more):
    text = f"""<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{h.path("p.qcow2")}'/>
<target dev='{dev}' bus='{bus}'/><iotune><total_iops_sec>100</total_iops_sec></iotune>{more}</disk>"""
    return h.write(text, f"{dev}.xml")


def owner_and_mode(path):
    try:
        st = os.stat(path)
    except FileNotFoundError:
        return "is going"
    return f"{st.st_uid}:{st.st_gid} {st.st_mode:o}"


def temporary_images(h):
    return "\n".join(f"{name} {owner_and_mode(h.path(name))}" for name in sorted(os.listdir(h.root)) if "TRANSIENT" in name)


def forgetful_session(h, uri):
    own, shared, mixed = (forgetful_guest(h, *kinds) for kinds in ((OWN, OWN), (SHARED, SHARED), (OWN, SHARED)))
    other = forgetful_guest(h, SHARED, "<readonly/>", "b")
    joining = joining_disk(h, "vdc", "virtio", OWN)
    two = h.write("<domainbackup/>", "backup.xml")

    def stage(*steps):
        for step in steps:
            yield from snapshots.play(h, uri, [step])
            yield [*map(str, step), "(images)"], temporary_images(h)
    yield from stage(["define", own], ["start", "a", "--paused"], ["dumpxml"], ["dumpxml", "--inactive"], ["write", 3, 7])
    h.content(h.path("a.qcow2"))
    yield ["nodes"], str(nodes(uri))
    yield from play(h, uri, [
        ["blockpull", "a", "vda"], ["blockcommit", "a", "vda"], ["blockcommit", "a", "vda", "--active"], ["blockcommit", "a", "vda", "--top", "vda[9]"],
        ["blockcopy", "a", "vda", h.path("x.qcow2")], ["blockcopy", "a", "vda", h.path("x.qcow2"), "--transient-job"],
        ["blockresize", "a", "vda", "12M"], ["domblkinfo", "a", "vda"], ["domblkthreshold", "a", "vda", "1M"], ["domblklist", "a", "--details"],
        ["snapshot-create-as", "a", "s1", "--disk-only"], ["snapshot-create-as", "a", "s2"], memory_snap(h, "s3"),
        ["checkpoint-create-as", "a", "c1"], ["backup-begin", "a", two], ["save", "a", h.path("saved")], ["managedsave", "a"], ["change-media", "a", "vda", "--eject"]])
    yield from stage(["detach-disk", "a", "sda"], ["destroy", "a"], ["domblkinfo", "a", "vda"])
    h.write("", "r.img.TRANSIENT-a")
    yield from stage(["start", "a"])
    os.unlink(h.path("r.img.TRANSIENT-a"))
    yield from stage(["undefine", "a"], ["define", shared], ["start", "a", "--paused"], ["dumpxml"], ["create", other], ["destroy", "b"],
                     ["detach-disk", "a", "sda"], ["dumpxml"], ["destroy", "a"], ["undefine", "a"],
                     ["define", forgetful_guest(h, "", "")], ["start", "a", "--paused"])
    for dev, bus, more in (("sdc", "scsi", OWN), ("sdd", "usb", OWN), ("sdc", "scsi", SHARED), ("vdc", "virtio", SHARED)):
        disk = joining_disk(h, dev, bus, more)
        # A guest that does nothing keeps what stands on its PCI bus.
        yield from stage(["attach-device", "a", disk], ["dumpxml"], ["update-device", "a", disk], ["detach-device", "a", disk] if bus != "virtio" else ["ls"])
        yield ["nodes"], str(nodes(uri))
    yield from stage(["attach-device", "a", joining], ["destroy", "a"], ["create", mixed], ["define", mixed], ["destroy", "a"], ["undefine", "a"])
    for disk in (mixed, h.write("", "none")):
        yield from stage(["create", disk])
    yield from stage(["snapshot-create-as", "a", "s"], ["shutdown", "a"], ["destroy", "a"])


def disks_forget_as_the_reference():
    compare(forgetful_session)


def temporary_images_go_with_the_guest():
    """Whoever started it, whoever ends it, and however it ends."""
    for first, second in (("ours", "reference"), ("reference", "ours"), ("ours", "ours")):
        with Images() as h:
            daemon, uri = h.daemon(first)
            for command in (["define", forgetful_guest(h, OWN, SHARED)], ["start", "a", "--paused"], ["attach-device", "a", joining_disk(h, "sdc", "scsi", OWN)]):
                must(uri, *command)
            for name in ("a.qcow2", "r.img", "p.qcow2"):
                assert os.path.exists(h.path(f"{name}.TRANSIENT-a")), name
            daemon.stop(signal.SIGKILL)
            if first == second:
                os.kill(h.guests()[0], signal.SIGKILL)
            daemon, uri = h.daemon(second)
            if first != second:
                must(uri, "detach-disk", "a", "sdc")
                wait_for(lambda h=h: "p.qcow2" not in temporary_images(h))
                must(uri, "destroy", "a")
            wait_for(lambda h=h: not temporary_images(h))
            must(uri, "start", "a", "--paused")
            os.kill(h.guests()[0], signal.SIGKILL)
            wait_for(lambda h=h: not temporary_images(h))


def a_disk_that_does_not_join_leaves_nothing():
    """The reference leaves the temporary image, and takes the disk no more."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "create", forgetful_guest(h, "", ""), "--paused")
        before = nodes(uri)
        # There is something of this name inside QEMU.
        qmp(uri, "device_add", driver="virtio-rng-pci", id="ua-x")
        assert "Duplicate" in virsh(uri, "attach-device", "a", joining_disk(h, "sdc", "scsi", f"{OWN}<alias name='ua-x'/>"))
        wait_for(lambda: nodes(uri) == before)
        assert not temporary_images(h)


PULLED = "<domainbackup mode='pull'>INCREMENT<server SERVER/><disks>DISKS</disks></domainbackup>"
SOCKET = "transport='unix' socket='ROOT/s.sock'"
TCP = "transport='tcp' name='127.0.0.1' port='10999'"


def guest_to_pull(h):
    """Three disks: a chain, an empty image, a raw one."""
    run("qemu-img", "create", "-q", "-f", "qcow2", h.path("b.qcow2"), "2M")
    run("truncate", "-s", "1M", h.path("r.img"))
    run("qemu-io", "-f", "raw", "-c", "write -P 9 0 64k", h.path("r.img"))
    with open(h.guest_on_chain(), encoding="utf-8") as f:
        text = f.read()
    more = "".join(f"<disk type='file'><driver name='qemu' type='{kind}'/><source file='{h.path(name)}'/><target dev='{dev}' bus='virtio'/></disk>"
                   for name, kind, dev in (("b.qcow2", "qcow2", "vdb"), ("r.img", "raw", "vdc")))
    return h.write(text.replace("<memballoon", more + "<memballoon"), "a.xml")


def scratch(disk, attributes="", inside=None):
    own = f"<scratch file='ROOT/{disk}.scratch'/>"
    return f"<disk name='{disk}' type='file' {attributes}>{inside or own}</disk>"


def exports(h, where):
    """What a client is offered."""
    if where == "gone":
        return str(os.path.exists(h.path("s.sock")))
    command = ["qemu-nbd", "-L", *(("-k", h.path("s.sock")) if where == "unix" else ("-b", "127.0.0.1", "-p", "10999"))]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return "\n".join(line for line in out.splitlines() if re.search("export:|size: |:", line) and not re.search("flags|block:", line))


def marked(h, export, bitmap):
    """What a client is told to read."""
    image = f"driver=nbd,export={export},server.type=unix,server.path={h.path('s.sock')},x-dirty-bitmap=qemu:dirty-bitmap:{bitmap}"
    return run("qemu-img", "map", "--output=json", "--image-opts", image)


def files_beside(h):
    return "\n".join(sorted(n for n in os.listdir(h.root) if "scratch" in n or "sock" in n and n.startswith("s")))


class Puller:
    """Backups, each from its call to its end, as steps of a session."""

    def __init__(self, h, uri):
        self.h, self.uri, self.count = h, uri, 0

    def run(self, disks, server=SOCKET, increment="", checkpoint="", flags=(), looks=()):
        h = self.h
        self.count += 1
        text = PULLED.replace("SERVER", server).replace("DISKS", disks).replace("INCREMENT", increment and f"<incremental>{increment}</incremental>")
        command = ["backup-begin", "a", h.write(text.replace("ROOT", h.root), f"b{self.count}.xml"), *flags]
        if checkpoint:
            command += ["--checkpointxml", h.write(checkpoint, f"c{self.count}.xml")]
        answer = list(snapshots.play(h, self.uri, [command]))
        yield from answer
        yield ["files", text], files_beside(h)
        yield ["nodes"], str(nodes(self.uri))
        if not answer[0][1].startswith("0"):
            return
        yield ["backup-dumpxml"], re.sub("index='[0-9]+'", "index='N'", virsh(self.uri, "backup-dumpxml", "a"))
        yield ["domjobinfo"], virsh(self.uri, "domjobinfo", "a", "--anystats")
        for name, look in looks:
            yield [name], look()
        yield from snapshots.play(h, self.uri, [["domjobabort", "a"], ["settled", "checkpoint-list", "a"]])
        yield ["files"], files_beside(h)
        yield ["nodes"], str(nodes(self.uri))


def checkpoint_of(name, *disks):
    inside = "".join(f"<disk name='{d}' checkpoint='bitmap'/>" for d in disks)
    return f"<domaincheckpoint><name>{name}</name><disks>{inside}</disks></domaincheckpoint>"


def pull_session(h, uri):
    puller = Puller(h, uri)
    both = scratch("vda") + scratch("vdb")
    watcher = Watcher(h, uri)
    yield from snapshots.play(h, uri, [["define", guest_to_pull(h)], ["start", "a", "--paused"]])
    yield from puller.run(scratch("vda", "exportname='foo/bar baz'") + "<disk name='vdb' backup='no'/>" + scratch("vdc"), TCP, looks=[("tcp", lambda: exports(h, "tcp"))])
    yield from puller.run(both, checkpoint=checkpoint_of("c2", "vda", "vdb"), looks=[
        ("unix", lambda: exports(h, "unix")), ("pull", lambda: virsh(uri, "blockpull", "a", "vda"))])
    yield from snapshots.play(h, uri, [["write", 5, 7]])
    yield from puller.run(scratch("vda", "exportname='e' exportbitmap='bm'") + scratch("vdb", "exportname='e2'"), increment="c2",
                          looks=[("exports", lambda: exports(h, "unix")), ("marked", lambda: marked(h, "e", "bm"))])
    yield from puller.run(scratch("vda", "exportbitmap='b'") + scratch("vdb", "exportbitmap='b'"), increment="c2")
    yield from puller.run(scratch("vda", "incremental='c2'") + scratch("vdb", "backupmode='full'"), checkpoint=checkpoint_of("c3", "vda"))
    # One of the jobs goes without the others: it is over for all.
    yield from puller.run(both, looks=[("one", lambda: one_job_ends(uri)), ("over", lambda: exports(h, "gone"))])
    for name in ("vda.scratch", "vdb.scratch"):
        h.write("", name)
    yield from puller.run(both)
    run("qemu-img", "create", "-q", "-f", "qcow2", h.path("vda.scratch"), "8M")
    os.unlink(h.path("vdb.scratch"))
    yield from puller.run(scratch("vda"))
    yield from puller.run(scratch("vda"), flags=["--reuse-external"])
    os.unlink(h.path("vda.scratch"))
    for disks, server, increment in (
            (both, SOCKET, "nope"), (scratch("vdc"), SOCKET, "c2"), (scratch("vda", "backupmode='incremental'"), SOCKET, ""),
            ("<disk name='vda' backup='no'/>", SOCKET, ""),
            (scratch("vda", inside="<scratch file='ROOT/no/dir'/>"), SOCKET, ""), (scratch("vda"), "transport='unix' socket='ROOT/no/s'", ""),
            (scratch("vda"), "name='127.0.0.1' port='99999'", ""),
            (scratch("vda"), "tls='yes' name='127.0.0.1' port='10998'", "")):
        yield from puller.run(disks, server, increment)
    yield from snapshots.play(h, uri, [["destroy", "a"]])
    yield ["events"], watcher.all()
    watcher.close()


def one_job_ends(uri):
    job = next(j["id"] for j in qmp(uri, "query-jobs") if "vdb" in j["id"])
    qmp(uri, "block-job-cancel", device=job, force=True)
    wait_for(lambda: "Job type:         None" in virsh(uri, "domjobinfo", "a"))
    return ""


def pulls_as_the_reference():
    compare(pull_session)


def who_pulls_is_cut_off():
    """An end while a client has exports open, or after an export that cannot be: no job, image or bitmap stays."""
    with Images() as h:
        _, uri = h.daemon("ours")
        must(uri, "create", guest_to_pull(h), "--paused")
        before = nodes(uri)

        def begin(disks, *more):
            text = PULLED.replace("SERVER", SOCKET).replace("DISKS", disks).replace("INCREMENT", "").replace("ROOT", h.root)
            return virsh(uri, "backup-begin", "a", h.write(text, "pull.xml"), *more)
        assert begin(scratch("vda") + scratch("vdb") + scratch("vdc")).startswith("0")
        url = f"nbd+unix:///%s?socket={h.path('s.sock')}"
        clients = [subprocess.Popen(["qemu-io", "-r", "-f", "raw", url % name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for name in ("vda", "vdc")]
        for client, pattern in zip(clients, (1, 9), strict=True):
            client.stdin.write(f"read -P {pattern} 0 64k\n")
            client.stdin.flush()
            wait_for(lambda c=client: "read 65536" in c.stdout.readline())
        must(uri, "domjobabort", "a")
        wait_for(lambda: nodes(uri) == before)
        assert not files_beside(h) and not qmp(uri, "query-jobs")
        for client in clients:
            assert "error" in client.communicate("read 128k 64k\nquit\n", timeout=30)[0]
        answer = begin(scratch("vda", "exportname='e'") + scratch("vdb", "exportname='e'"), "--checkpointxml", h.write(checkpoint_of("c", "vda"), "c.xml"))
        assert "already has export" in answer, answer
        wait_for(lambda: nodes(uri) == before)
        assert not files_beside(h) and not qmp(uri, "query-jobs")
        assert not snapshots.bitmaps(uri) and not must(uri, "checkpoint-list", "a", "--name").strip()
        assert begin(scratch("vda")).startswith("0")


# A file system that answers nothing, for as long as this runs: mounted, and nobody reads what the kernel asks of it.
SILENT = """import ctypes, os, sys
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
print(libc.mount(b"silent", sys.argv[1].encode(), b"fuse.silent", 0, options), flush=True)
sys.stdin.read()"""


def a_file_system_that_hangs():
    """Who asks for sizes of images on it waits, and nobody else; statistics of a guest that runs do not need it."""
    with Images() as h:
        _, uri = h.daemon("ours")
        os.mkdir(h.path("silent"))
        for name in ("a", "off"):
            with open(h.path("silent", f"{name}.img"), "wb") as f:
                f.truncate(1 << 20)
            xml = h.guest(name)
            with open(xml, encoding="utf-8") as f:
                text = f.read()
            disk = f"<disk type='file'><driver name='qemu' type='raw'/><source file='{h.path('silent', name)}.img'/><target dev='vdz'/></disk>"
            must(uri, "define", h.write(text.replace("</devices>", disk + "</devices>"), f"{name}.xml"))
        must(uri, "start", "a", "--paused")
        sizes = must(uri, "domstats", "a", "--block")
        silence = subprocess.Popen(h.enter([sys.executable, "-c", SILENT, h.path("silent")]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if silence.stdout.readline().strip() != "0":
            silence.communicate("")
            print("# no file systems of programs here")
            return
        waiting = [subprocess.Popen(["virsh", "-c", uri, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for words in (["domstats", "off", "--block"], ["domblkinfo", "a", "vdz"])]
        try:
            for _ in range(3):
                assert must(uri, "domstats", "a", "--block") == sizes
                assert "running" in must(uri, "list", "--all") or "paused" in must(uri, "list", "--all")
            assert [p.poll() for p in waiting] == [None, None], "nothing hung"
        finally:
            silence.communicate("")
        assert "block.count" in waiting[0].communicate(timeout=30)[0]
        assert "1048576" in waiting[1].communicate(timeout=30)[0]


TESTS = [sizes_as_the_reference, a_file_system_that_hangs, pulls_as_the_reference, who_pulls_is_cut_off, disks_forget_as_the_reference, temporary_images_go_with_the_guest, a_disk_that_does_not_join_leaves_nothing, limits_as_the_reference, snapshots_as_the_reference, transient_guests_as_the_reference, copies_as_the_reference,
         checkpoints_as_the_reference]


def follow_events():
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=follow_events, daemon=True).start()
    libvirt.registerErrorHandler(lambda *_: None, None)
    sys.exit(tap.run(TESTS, sys.argv[1:]))
