#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that move between two machines, with stock virsh: from ours to ours, to Debian's libvirtd and from it; by the
client and from daemon to daemon. What fails leaves exactly one side with the guest, and nothing behind. Prints TAP."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

import libvirt
import libvirt_qemu

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

INTERFACE = "<interface type='user'><mac address='52:54:00:11:22:33'/><model type='virtio'/></interface>"
GUEST = """<domain type='qemu'><name>NAME</name><memory>32768</memory>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features><devices>DISK
INTERFACE<serial type='pty'/>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<graphics type='vnc' port='-1' autoport='yes'/></devices></domain>""".replace("INTERFACE", INTERFACE)
# Fast enough to be there soon, slow enough to be caught on the way.
SLOW = "1"


class Side:
    """A machine with its daemon."""

    def __init__(self, machine, which, **kw):
        self.machine = machine
        self.which = which
        self.options = kw
        self.daemon, self.uri = machine.daemon(which, **kw)

    def virsh(self, *command, timeout=60):
        return subprocess.run(["virsh", "-c", self.uri, *command], capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "LC_ALL": "C"}, check=False)

    def must(self, *command):
        run = self.virsh(*command)
        assert run.returncode == 0, f"{self.machine.name}: {command}: {run.stderr}"
        return run.stdout

    def fails(self, *command):
        run = self.virsh(*command)
        assert run.returncode != 0, f"{self.machine.name}: {command} succeeded"
        return run.stderr

    def names(self):
        return self.must("list", "--all", "--name").split()

    def state(self, name):
        """Of a guest, "" if there is none."""
        return self.virsh("domstate", name, "--reason").stdout.strip()

    def define(self, name, xml=GUEST, disk=""):
        path = self.machine.write(xml.replace("NAME", name).replace("DISK", disk), f"{name}.xml")
        self.must("define", path)

    def begin_slow(self, *command):
        """virsh migrate in the background, so slow that it does not end by itself."""
        return subprocess.Popen(["virsh", "-c", self.uri, "migrate", *command, "--bandwidth", SLOW], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"})

    def restart(self, sig=signal.SIGKILL):
        self.daemon.stop(sig)
        self.daemon, self.uri = self.machine.daemon(self.which, **self.options)

    def events(self, *expected):
        """Lifecycle events in the block, as virsh calls them."""
        return Events(self.uri, list(expected))


LIFECYCLE = {
    (libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_DEFINED_ADDED): "Defined Added",
    (libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_MIGRATED): "Started Migrated",
    (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED): "Suspended Migrated",
    (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY): "Suspended Post-copy",
    (libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED): "Suspended Post-copy Error",
    (libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_MIGRATED): "Resumed Migrated",
    (libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_POSTCOPY): "Resumed Post-copy",
    (libvirt.VIR_DOMAIN_EVENT_RESUMED, libvirt.VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED): "Resumed Post-copy Error",
    (libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED): "Stopped Migrated",
}


def run_events():
    """What events come through, for the life of the process."""
    libvirt.virEventRegisterDefaultImpl()

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=loop, daemon=True).start()


class Events:
    """As a context: exactly these must have come by its end, or soon after."""

    def __init__(self, uri, expected):
        self.expected = expected
        self.seen = []
        self.conn = libvirt.open(uri)
        self.id = self.conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.came, None)

    def came(self, conn, dom, event, detail, opaque):
        self.seen.append(LIFECYCLE.get((event, detail), f"event {event} {detail}"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            host.wait_for(lambda: self.seen == self.expected, 10)
        self.conn.domainEventDeregisterAny(self.id)
        self.conn.close()
        if kind is None:
            assert self.seen == self.expected, self.seen


@contextlib.contextmanager
def sides(source="ours", target="ours", conf=""):
    with pair.Pair(conf) as p:
        a, b = Side(p.source, source), Side(p.target, target)
        yield a, b
        for side in (a, b):
            assert side.daemon.alive(), side.daemon.log()


def wait_for(what, seconds=30.0):
    assert host.wait_for(what, seconds), f"{what} did not become true"


def sockets_left(side):
    """Listening TCP ports of guests and daemons."""
    out = subprocess.run(side.machine.enter(["ss", "-Hltn"]), capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if ":491" in line]


def nothing_left(side, name="a"):
    """Of a guest that is not there (any more)."""
    folder = side.machine.path("run", "libvirt", "qemu")
    wait_for(lambda: not [n for n in os.listdir(folder) if n.startswith(f"{name}.")])
    wait_for(lambda: not side.machine.guests())
    assert not sockets_left(side), sockets_left(side)


def cpus(side, name="a"):
    """The CPU that the guest has, and the one that it is to have."""
    return [re.search(r"<cpu .*</cpu>", side.must("dumpxml", name, *extra), re.DOTALL).group()
            for extra in ([], ["--migratable"])]


def there_and_back(source, target):
    """Ways to move, one after the other, with the events that clients see."""
    with sides(source, target) as (a, b):
        a.define("a")
        a.must("start", "a")
        before = cpus(a)
        assert "check='full'" in before[0] and "check='full'" not in before[1], before
        with (a.events("Suspended Migrated", "Stopped Migrated"),
              b.events("Started Migrated", "Defined Added", "Resumed Migrated")):
            a.must("migrate", "a", b.uri, "--live", "--persistent", "--undefinesource")
        assert a.names() == [] and b.state("a") == "running (migrated)"
        assert cpus(b) == before, cpus(b)
        stats = b.must("domjobinfo", "a", "--completed")
        assert "Incoming migration" in stats and "Total downtime" in stats, stats
        b.must("migrate", "a", a.uri, "--live", "--p2p", "--dname", "b")
        assert a.state("b") == "running (migrated)" and b.state("a") == "shut off (migrated)"
        assert "Outgoing migration" in b.must("domjobinfo", "a", "--completed")
        b.must("undefine", "a")
        a.must("migrate", "b", b.uri, "--p2p", "--tunnelled", "--live", "--dname", "a")
        assert b.state("a") == "running (migrated)" and a.names() == []
        b.must("migrate", "a", a.uri, "--p2p", "--suspend", "--persistent")
        assert a.state("a") == "paused (user)"
        a.must("resume", "a")
        socket = a.machine.path("moving.sock")
        a.must("migrate", "a", b.uri, "--live", "--p2p", "--undefinesource", "--migrateuri", f"unix://{socket}")
        b.must("migrate", "a", a.uri, "--live", "--parallel", "--parallel-connections", "3")
        a.must("migrate", "a", b.uri, "--live", "--compressed", "--comp-methods", "xbzrle,mt", "--auto-converge",
               "--auto-converge-initial", "30", "--bandwidth", "100")
        assert b.state("a") == "running (migrated)"
        nothing_left(a)


def moves_ours_to_ours():
    there_and_back("ours", "ours")


def moves_ours_to_reference():
    there_and_back("ours", "reference")


def moves_reference_to_ours():
    there_and_back("reference", "ours")


# What is refused, word by word as by the reference.
REFUSED = [
    ["SELF"],
    ["OTHER", "--compressed", "--comp-methods", "foo"],
    ["OTHER", "--compressed", "--comp-methods", "mt,mt"],
    ["OTHER", "--compressed", "--comp-methods", "xbzrle", "--comp-mt-level", "3"],
    ["OTHER", "--compressed", "--comp-methods", "mt", "--comp-xbzrle-cache", "1234567"],
    ["OTHER", "--auto-converge-initial", "10"],
    ["OTHER", "--parallel-connections", "3"],
    ["OTHER", "--tunnelled"],
    ["OTHER", "--offline"],
    ["OTHER", "--live", "--migrateuri", "foo://machine2"],
    ["OTHER", "--tls"],
]


def refused_as_by_the_reference():
    answers = {}
    for which in ("reference", "ours"):
        with sides(which, which) as (a, b):
            a.define("a")
            a.must("start", "a")
            answers[which] = [a.fails("migrate", "a", *[{"SELF": a.uri, "OTHER": b.uri}.get(w, w) for w in command])
                              for command in REFUSED]
            assert a.state("a").startswith("running"), a.state("a")
            nothing_left(b)
    bad = [f"{command}\n--- reference\n{theirs}--- ours\n{ours}" for command, theirs, ours
           in zip(REFUSED, answers["reference"], answers["ours"], strict=True) if theirs != ours]
    assert not bad, "\n".join(bad)


DISK = """<disk type='file' device='{kind}'><driver name='qemu' type='{format}'/>{source}<target dev='{dev}'/></disk>"""
SHARED_MEMORY = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
TINY = """<domain type='qemu'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>16384</memory>{head}
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><devices>{devices}</devices></domain>"""


def disk(name, kind="disk", dev="vda", form="raw"):
    return DISK.format(kind=kind, dev=dev, format=form, source=f"<source file='IMAGES/{name}'/>" if name else "")


# Guests, what happens to them before, and options with which they are to leave. OTHER: the target.
STAY = [
    ({"devices": "<shmem name='s'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>"}, [], []),
    ({"head": SHARED_MEMORY, "devices": "<filesystem type='mount'><driver type='virtiofs'/><source dir='/tmp'/><target dir='x'/>"
      "</filesystem>"}, [], []),
    ({"devices": disk("raw")}, [], []),
    ({"devices": disk("raw")}, [], ["--copy-storage-all", "--migrate-disks", "vdx"]),
    ({"devices": disk("raw")}, [], ["--copy-storage-all", "--migrate-disks", "vdx", "--unsafe"]),
    ({"devices": disk("raw")}, [], ["--migrateuri", "unix:///tmp/nobody", "--copy-storage-all"]),
    ({"devices": disk("raw")}, [], ["--disks-uri", "foo://x", "--copy-storage-all"]),
    ({"devices": disk("raw")}, ["blockcopy", "a", "vda", "IMAGES/copy", "--transient-job"], ["--unsafe"]),
    ({"devices": disk("raw", "cdrom", "hda")}, [], ["--copy-storage-all", "--migrate-disks", "hda"]),
    ({"devices": disk(None, "cdrom", "hda")}, [], ["--copy-storage-all", "--migrate-disks", "hda"]),
    ({"devices": disk("qcow2", form="qcow2")}, ["snapshot-create-as", "a", "one"], ["--unsafe"]),
    ({}, [], ["--postcopy"]),
    ({}, ["suspend", "a"], ["--live", "--postcopy"]),
    ({}, [], ["--live", "--postcopy", "--p2p", "--tunnelled"]),
    ({}, [], ["--migrateuri", "rdma://machine2"]),
    ({}, [], ["--offline", "--persistent", "--copy-storage-all"]),
    ({}, [], ["--offline", "--persistent", "--p2p", "--tunnelled"]),
]


def stay(which):
    """What is said to each of them."""
    with sides(which, which) as (a, b):
        images = a.machine.path("images")
        os.makedirs(images)
        os.chmod(images, 0o777)
        answers = []
        for guest, before, options in STAY:
            for form in ("raw", "qcow2"):
                subprocess.run(["qemu-img", "create", "-q", "-f", form, os.path.join(images, form), "1M"], check=True)
            xml = TINY.format(**{"head": "", "devices": "", **guest}).replace("IMAGES", images)
            a.must("create", a.machine.write(xml, "a.xml"))
            if before:
                a.must(*[word.replace("IMAGES", images) for word in before])
            answers.append(a.fails("migrate", "a", b.uri, *options))
            assert a.names() == ["a"] and b.names() == [], (options, a.names(), b.names())
            a.must("destroy", "a")
        nothing_left(b)
    return answers


def guests_that_stay():
    """By what they have, and where they are to go: refused in the reference's words."""
    bad = [f"{case}\n--- reference\n{theirs}--- ours\n{ours}" for case, theirs, ours
           in zip(STAY, stay("reference"), stay("ours"), strict=True) if theirs != ours]
    assert not bad, "\n".join(bad)


def definitions_alone():
    """Of guests that do not run, both ways with the reference."""
    for source, target in (("ours", "ours"), ("ours", "reference")):
        with sides(source, target) as (a, b):
            a.define("a")
            a.must("migrate", "a", b.uri, "--offline", "--persistent", "--undefinesource")
            assert a.names() == [] and b.state("a").startswith("shut off")
            b.must("migrate", "a", a.uri, "--offline", "--persistent", "--p2p")
            assert a.names() == ["a"] and b.names() == ["a"]


USERFAULTFD = "/proc/sys/vm/unprivileged_userfaultfd"


@contextlib.contextmanager
def userfaultfd():
    """QEMU, which has no capabilities, may fetch pages when they are needed."""
    with open(USERFAULTFD, encoding="ascii") as f:
        before = f.read()
    with open(USERFAULTFD, "w", encoding="ascii") as f:
        f.write("1")
    try:
        yield
    finally:
        with open(USERFAULTFD, "w", encoding="ascii") as f:
            f.write(before)


SPICE = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices><graphics type='spice' autoport='yes' listen='0.0.0.0'/></devices></domain>"""


def viewers_of_spice_are_handed_over():
    """QEMU is told where they go, and has said that they went before it ends: to the reference and from it, too."""
    for source, target in (("ours", "ours"), ("ours", "reference"), ("reference", "ours")):
        with sides(source, target) as (a, b):
            a.define("a", SPICE)
            for extra in ([], ["--p2p"], ["--graphicsuri", "spice://machine2:5900"]):
                a.must("start", "a")
                said = []
                conn = libvirt.open(a.uri)
                number = libvirt_qemu.qemuMonitorEventRegister(conn, None, "SPICE_MIGRATE_COMPLETED",
                                                               lambda *args, said=said: said.append(args), None)
                a.must("migrate", "a", b.uri, "--live", *extra)
                assert host.wait_for(lambda said=said: said, 10), f"{source} to {target}, {extra}: viewers were left behind"
                libvirt_qemu.qemuMonitorEventDeregister(conn, number)
                conn.close()
                b.must("destroy", "a")


def post_copy():
    """The guest goes on at the target before its memory is there, and clients see the steps."""
    with userfaultfd(), sides() as (a, b):
        start_big(a, b)
        with (a.events("Suspended Migrated", "Suspended Post-copy", "Stopped Migrated"),
              b.events("Started Migrated", "Defined Added", "Resumed Post-copy", "Resumed Migrated")):
            move = a.begin_slow("a", b.uri, "--live", "--p2p", "--postcopy", "--persistent")
            on_the_way(a, b)
            a.must("migrate-postcopy", "a")
            assert move.wait(20) == 0, move.stdout.read()
        assert b.state("a") == "running (migrated)"
        b.must("migrate", "a", a.uri, "--live", "--postcopy", "--postcopy-after-precopy")
        assert a.state("a") == "running (migrated)"
        assert "while outgoing migration is in progress" in a.fails("migrate-postcopy", "a")


DISK = ("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/disk.qcow2'/>"
        "<target dev='vda' bus='virtio'/></disk>")


def image(side, *writes):
    path = side.machine.path("lib", "disk.qcow2")
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "4M"], check=True)
    for write in writes:
        subprocess.run(["qemu-io", "-c", write, path], check=True, stdout=subprocess.DEVNULL)
    return path


def checkpoints(side, *names):
    """Makes them; returns files that describe them."""
    for name in names:
        side.must("checkpoint-create", "a", side.machine.write(f"<domaincheckpoint><name>{name}</name></domaincheckpoint>", "c.xml"))
    return [side.machine.write(side.must("checkpoint-dumpxml", "a", name), f"{name}.xml") for name in names]


def have_bitmaps(side, files):
    """The daemon looks whether they are there."""
    for path in files:
        side.must("checkpoint-create", "a", path, "--redefine", "--redefine-validate")


def disks_there_and_back(source, target):
    """The image goes along, with bitmaps: what was written at the source is read at the target, and the way back too."""
    with sides(source, target) as (a, b):
        first = image(a, "write -P 7 0 1M")
        a.define("a", disk=DISK)
        a.must("start", "a")
        assert "shared storage is unsafe" in a.fails("migrate", "a", b.uri, "--live")
        second = image(b)
        described = checkpoints(a, "first", "second")
        a.must("migrate", "a", b.uri, "--live", "--copy-storage-all", "--persistent")
        assert "File total:       4.000 MiB" in a.must("domjobinfo", "a", "--completed")
        have_bitmaps(b, described)
        a.must("undefine", "a", "--checkpoints-metadata")
        os.truncate(first, 0)
        image(a)
        b.must("migrate", "a", a.uri, "--live", "--p2p", "--copy-storage-all", "--migrate-disks", "vda", "--disks-port", "50123",
               "--copy-storage-synchronous-writes",
               "--persistent", "--undefinesource")
        have_bitmaps(a, described)
        assert b.names() == [] and not os.path.exists(b.machine.path("lib", "qemu", "checkpoint", "a"))
        a.must("destroy", "a")
        for path in (first, second):
            read = subprocess.run(["qemu-io", "-c", "read -P 7 0 1M", path], capture_output=True, text=True, check=True).stdout
            assert "failed" not in read, f"{path}: {read}"
        nothing_left(b)


def disks_ours_to_ours():
    disks_there_and_back("ours", "ours")


def disks_ours_to_reference():
    disks_there_and_back("ours", "reference")


BIG = GUEST.replace("<domain type='qemu'>", "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>").replace(
    "</devices>", "</devices><qemu:commandline><qemu:arg value='-device'/><qemu:arg value='loader,file=RANDOM,addr=0x400000,"
    "force-raw=on'/></qemu:commandline>").replace(INTERFACE, "")


# The guest's processor stops at once, with interrupts off: it touches no memory.
BIOS = bytes(0xfff0) + bytes.fromhex("faf4ebfc") + bytes(12)


def start_big(a, b):
    """A guest whose memory does not shrink on its way: it takes seconds with SLOW."""
    path = a.machine.path("random")
    with open(path, "wb") as f:
        f.write(os.urandom(12 << 20))
    bios = a.machine.path("bios")
    with open(bios, "wb") as f:
        f.write(BIOS)
    a.define("a", BIG.replace("RANDOM", path).replace("</type>", f"</type><loader readonly='yes' type='rom'>{bios}</loader>"))
    a.must("start", "a")


def on_the_way(a, b):
    wait_for(lambda: "Iteration" in a.virsh("domjobinfo", "a").stdout)
    wait_for(lambda: b.state("a") == "paused (migrating)")


def into_post_copy(a, b, *extra):
    """A migration that is half through, and takes seconds if nobody lets it go faster."""
    # One that needs memory that is not there holds up its QEMU, which answers nobody until it comes: see BIOS.
    wait_for(lambda: "HLT=1" in a.must("qemu-monitor-command", "a", "--hmp", "info registers"), 60)
    move = a.begin_slow("a", b.uri, "--live", "--postcopy", "--postcopy-bandwidth", "1", *extra)
    on_the_way(a, b)
    a.must("migrate-postcopy", "a")
    wait_for(lambda: (a.state("a"), b.state("a")) == ("paused (post-copy)", "running (post-copy)"))
    return move


def resume(machine, again):
    """A source's QEMU on a slow machine may not have noticed yet that it is alone, and its daemon says so."""
    def resumed():
        run = machine.virsh(*again, "--postcopy-resume")
        assert run.returncode == 0 or "QEMU reports migration is still running" in run.stderr, run.stderr
        return run.returncode == 0
    wait_for(resumed)


def post_copy_breaks(source, target, *extra):
    """The connection is cut: the guest waits on both sides until the migration is taken up again."""
    with userfaultfd(), sides(source, target) as (a, b):
        start_big(a, b)
        with (a.events("Suspended Migrated", "Suspended Post-copy", "Suspended Post-copy Error", "Suspended Post-copy",
                       "Stopped Migrated"),
              b.events("Started Migrated", "Defined Added", "Resumed Post-copy", "Resumed Post-copy Error",
                       "Resumed Post-copy", "Resumed Migrated")):
            move = into_post_copy(a, b, "--persistent", *extra)
            assert "cannot abort migration in post-copy mode" in a.fails("domjobabort", "a")
            again = ["migrate", "a", b.uri, "--live", "--postcopy", *extra]
            assert "actively monitored by another thread" in (said := a.fails(*again, "--postcopy-resume")), said
            a.must("domjobabort", "a", "--postcopy")
            said = move.communicate(timeout=30)[0]
            assert "job 'migration in' failed in post-copy phase" in said and "warning" not in said, said
            wait_for(lambda: (a.state("a"), b.state("a")) == ("paused (post-copy failed)", "running (post-copy failed)"))
            assert "another migration job is already running" in (said := a.fails(*again)), said
            a.must("migrate-setspeed", "a", "1000", "--postcopy")
            resume(a, again)
            wait_for(lambda: (a.state("a"), b.state("a")) == ("shut off (migrated)", "running (migrated)"))
        assert "is not being migrated" in (said := a.fails(*again, "--postcopy-resume")), said
        stats = a.must("domjobinfo", "a", "--completed")
        assert re.search(r"Data remaining: +0.000 B", stats), stats
        nothing_left(a)


def post_copy_breaks_ours_to_ours():
    post_copy_breaks("ours", "ours")


def post_copy_breaks_ours_to_reference():
    post_copy_breaks("ours", "reference", "--p2p")


def post_copy_breaks_reference_to_ours():
    post_copy_breaks("reference", "ours", "--p2p")


def a_daemon_dies_in_post_copy():
    """The memory goes on its way meanwhile, and the guest ends up at the target."""
    with userfaultfd(), sides() as (a, b):
        start_big(a, b)
        for victim in (a, b):
            move = into_post_copy(a, b, "--p2p")
            victim.daemon.stop(signal.SIGKILL)
            assert move.wait(30) != 0
            victim.restart()
            a.virsh("migrate-setspeed", "a", "1000", "--postcopy")
            wait_for(lambda: (a.state("a"), b.state("a")) == ("shut off (migrated)", "running (migrated)"), 60)
            b.must("destroy", "a")
            nothing_left(a)
            nothing_left(b)
            if victim is a:
                a.must("start", "a")


def figures(which):
    """Names of jobStats() by moment, and whether a guest that was stopped on its way counts as down since then."""
    completed = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED
    keep = completed | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED

    def names(side, flags=0):
        conn = libvirt.open(side.uri)
        stats = conn.lookupByName("a").jobStats(flags)
        conn.close()
        return sorted((name, type(value).__name__) for name, value in stats.items())

    with sides(which, which) as (a, b):
        start_big(a, b)
        move = a.begin_slow("a", b.uri, "--live", "--persistent")
        on_the_way(a, b)
        seen = {"running": names(a), "nothing completed": names(a, completed)}
        a.must("suspend", "a")
        # It waits for the end of the migration, and then there is no QEMU any more that could be told.
        waiting = subprocess.Popen(["virsh", "-c", a.uri, "resume", "a"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        a.must("migrate-setspeed", "a", "1000")
        assert move.wait(60) == 0, move.stdout.read()
        assert "domain is not running" in (said := waiting.communicate(timeout=30)[1]), said
        for name, side in (("source", a), ("target", b)):
            seen[name] = names(side, keep)
            assert seen[name] == names(side, completed) and names(side, completed) == seen["nothing completed"]
        return seen


def figures_as_the_reference():
    theirs, ours = figures("reference"), figures("ours")
    # QEMU tells the speed once it knows it.
    for seen in (theirs, ours):
        seen["running"] = [row for row in seen["running"] if row[0] not in ("memory_bps", "memory_dirty_rate")]
    assert ours == theirs, "\n".join(f"{name}: {set(ours[name]) ^ set(theirs[name])}" for name in theirs if ours[name] != theirs[name])


def aborted_by_a_client():
    """Live and not, by the client and from daemon to daemon: the guest goes on at the source as if nothing had been."""
    with sides() as (a, b):
        start_big(a, b)
        for extra, state in ((["--live"], "running (booted)"), (["--live", "--p2p"], "running (booted)"),
                             (["--live", "--p2p", "--tunnelled"], "running (booted)"),
                             ([], "running (migration canceled)")):
            move = a.begin_slow("a", b.uri, *extra)
            on_the_way(a, b)
            stats = a.must("domjobinfo", "a")
            assert "Outgoing migration" in stats and "Data remaining" in stats, stats
            assert "available only on the source" in (said := b.fails("domjobinfo", "a")), said
            a.must("domjobabort", "a")
            assert "canceled by client" in move.communicate(timeout=20)[0]
            assert a.state("a") == state, a.state("a")
            nothing_left(b)
        assert "no job is active" in a.fails("domjobabort", "a")
        a.must("destroy", "a")
        nothing_left(a)


def kill_guest(side):
    for pid in side.machine.guests():
        os.kill(pid, signal.SIGKILL)


def qemu_dies_on_one_side():
    with sides() as (a, b):
        start_big(a, b)
        for extra in (["--live", "--p2p"], []):
            move = a.begin_slow("a", b.uri, *extra)
            on_the_way(a, b)
            kill_guest(b)
            assert "failed" in move.communicate(timeout=20)[0]
            assert a.state("a").startswith("running"), a.state("a")
            nothing_left(b)
        move = a.begin_slow("a", b.uri, "--live", "--p2p")
        on_the_way(a, b)
        kill_guest(a)
        assert move.wait(20) != 0
        wait_for(lambda: a.state("a") == "shut off (crashed)")
        nothing_left(a)
        nothing_left(b)


def a_daemon_dies_on_one_side():
    """The guest is at the source afterwards, once, and nothing waits at the target."""
    with sides() as (a, b):
        start_big(a, b)
        for extra, victim in ((["--live", "--p2p"], b), (["--live", "--p2p"], a), ([], a)):
            move = a.begin_slow("a", b.uri, *extra)
            on_the_way(a, b)
            victim.daemon.stop(signal.SIGKILL)
            if victim is b:
                assert move.wait(20) != 0
                wait_for(lambda: a.state("a").startswith("running"))
            victim.restart()
            assert move.wait(20) != 0
            wait_for(lambda: a.state("a").startswith("running"))
            wait_for(lambda: b.names() == [])
            nothing_left(b)
            # It can still be moved, and comes back.
            wait_for(lambda: "None" in a.must("domjobinfo", "a"))
        a.must("migrate", "a", b.uri, "--live", "--persistent")
        assert b.state("a") == "running (migrated)"


def the_client_dies():
    """Between its calls: what waits at the target ends, and the source is not stuck."""
    with sides() as (a, b):
        start_big(a, b)
        move = a.begin_slow("a", b.uri, "--live")
        on_the_way(a, b)
        move.kill()
        move.wait()
        nothing_left(b)
        wait_for(lambda: "None" in a.virsh("domjobinfo", "a").stdout)
        assert a.state("a").startswith("running"), a.state("a")


TESTS = [moves_ours_to_ours, moves_ours_to_reference, moves_reference_to_ours, definitions_alone,
         viewers_of_spice_are_handed_over, post_copy,
         post_copy_breaks_ours_to_ours, post_copy_breaks_ours_to_reference, post_copy_breaks_reference_to_ours,
         a_daemon_dies_in_post_copy, refused_as_by_the_reference, guests_that_stay,
         disks_ours_to_ours, disks_ours_to_reference, figures_as_the_reference, aborted_by_a_client, qemu_dies_on_one_side,
         a_daemon_dies_on_one_side, the_client_dies]


if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *args: None, None)
    run_events()
    sys.exit(tap.run(TESTS, sys.argv[1:]))
