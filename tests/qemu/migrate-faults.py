#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Migrations during which something breaks: the cable between the hosts, either daemon, either QEMU, the client. It breaks
while a command of either daemon to its QEMU is on its way, or its answer. Afterwards exactly one side has the guest, it can be
moved, and nothing is left of what failed, on no side. Some points are tried, or all (CRASH_ALL=1).
migrate-faults.py FAULT-LIBRARY [TEST...]; needs root. Prints TAP."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import libvirt
import libvirt_qemu

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import host  # noqa: E402
import leftovers  # noqa: E402
import migrate  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

FAULT_LIBRARY = os.path.abspath(sys.argv.pop(1))

# Guests have an account of their own, to which images are given and from which they are taken back, and locks.
CONF = """security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "file"
lock_manager = "lockd"
keepalive_interval = {interval}
keepalive_count = 3
"""
LISTEN = """listen_tcp = 1
listen_tls = 0
auth_tcp = "none"
keepalive_interval = {interval}
keepalive_count = 3
"""
TARGET = "qemu+tcp://machine2/system"
EMULATOR = "/var/lib/libvirt/emu/faulty-qemu"
GUEST = """<domain type='qemu'><name>f</name><uuid>7d3a6b1e-5a0f-4b7c-9d3e-2f1a0c9b8e7d</uuid><memory unit='KiB'>16384</memory>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><devices><emulator>EMULATOR</emulator>DISK
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><model type='virtio'/></interface>
<memballoon model='none'/></devices></domain>""".replace("EMULATOR", EMULATOR)
DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='PATH'/><target dev='vda' bus='virtio'/></disk>"""
OWN_IMAGE = "/var/lib/libvirt/disk.qcow2"  # each machine has its own


class Kind:
    """A way to move. disk: "shared", "copied" or none."""

    def __init__(self, *options, disk=None):
        self.options, self.disk = options, disk


KINDS = {
    "managed": Kind("--live", "--unsafe", disk="shared"),
    "peer": Kind("--live", "--p2p", "--unsafe", "--persistent", "--undefinesource", disk="shared"),
    "tunnelled": Kind("--live", "--p2p", "--tunnelled"),
    "stopped": Kind("--p2p", "--persistent"),
    "stopped-managed": Kind("--persistent"),
    "storage": Kind("--live", "--p2p", "--copy-storage-all", disk="copied"),
    "storage-managed": Kind("--live", "--copy-storage-all", "--persistent", disk="copied"),
}
FAULTS = ["source daemon", "target daemon", "source guest", "target guest", "client", "cable"]


class Place(migrate.Side):
    """A side whose QEMU can be held up."""

    def __init__(self, machine, which, **kw):
        machine.run("sh", "-c", "ip link add br0 type bridge && ip link set br0 up")
        folder = machine.path("lib", "emu")
        os.makedirs(folder)
        os.chmod(folder, 0o777)  # the guests' account notes there what happened
        os.makedirs(machine.path("lib", "qemu", "channel", "target"))
        os.makedirs(machine.path("etc", "qemu", "autostart"))
        shutil.copy(os.path.join(HERE, "faulty-qemu"), folder)
        machine.start(host.daemon_program("virtlockd"), sockets=host.sockets_of("virtlockd"))
        super().__init__(machine, which, **kw)

    def path(self, kind):
        return self.machine.path("lib", "emu", f"f.{kind}")

    def forget(self):
        for kind in ("fault", "happened", "go", "commands"):
            if os.path.exists(self.path(kind)):
                os.unlink(self.path(kind))

    def arm(self, what, at):
        self.forget()
        os.rename(self.machine.write(f"{what} {at}", "lib", "emu", "new"), self.path("fault"))

    def commands(self):
        with open(self.path("commands"), encoding="ascii") as f:
            return f.read().split()

    def note_commands(self):
        self.forget()
        self.machine.write("", "lib", "emu", "f.commands")
        os.chmod(self.path("commands"), 0o666)

    def happened(self):
        return os.path.exists(self.path("happened"))

    def go_on(self):
        self.machine.write("", "lib", "emu", "f.go")

    def busy(self):
        """What is said of a job that goes on; "" if there is none."""
        run = self.virsh("domjobinfo", "f")
        idle = "None" in run.stdout or "not running" in run.stderr or "failed to get domain" in run.stderr
        return "" if idle else run.stdout + run.stderr + "?"

    def active(self):
        state = self.state("f")
        return bool(state) and not state.startswith("shut off")

    def ask(self, command, **arguments):
        conn = libvirt.open(self.uri)
        try:
            words = json.dumps({"execute": command, "arguments": arguments})
            return json.loads(libvirt_qemu.qemuMonitorCommand(conn.lookupByName("f"), words, 0))["return"]
        finally:
            conn.close()

    def inside(self):
        """What QEMU has of a guest that goes on: a migration leaves nothing in it."""
        caps = [c["capability"] for c in self.ask("query-migrate-capabilities") if c["state"]]
        parameters = self.ask("query-migrate-parameters")
        return {
            "capabilities": caps,
            "parameters": {k: parameters[k] for k in ("max-bandwidth", "tls-creds", "tls-hostname", "multifd-channels")},
            "nodes": sorted(n["node-name"] for n in self.ask("query-named-block-nodes", flat=True)),
            "jobs": [j["id"] for j in self.ask("query-jobs")],
            "exports": self.ask("query-block-exports"),
            "objects": sorted(o["name"] for o in self.ask("qom-list", path="/objects")),
            "fdsets": self.ask("query-fdsets"),
        }


class Rig:
    """Two machines, and a guest "f" that is moved from the first to the second again and again."""

    def __init__(self, p, kind, interval=5):
        self.kind = kind
        self.a = Place(p.source, "ours")
        if kind.disk == "copied":  # by a daemon without storage, which makes missing images by itself
            self.b = Place(p.target, "ours")
            self.target_uri = self.b.uri
        else:
            self.b = Place(p.target, "ours-all", args=["--listen"], conf=LISTEN.format(interval=interval))
            self.target_uri = TARGET
        self.keepalive = ["-k", str(interval), "-K", "3"]
        self.client = None
        self.images = []
        if kind.disk == "shared":
            self.images = [self.a.machine.path("shared.qcow2")]
        elif kind.disk:
            self.images = [side.machine.path("lib", "disk.qcow2") for side in (self.a, self.b)]
        if self.images:
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.images[0], "1M"], check=True)
        self.before = [self.inventory(side) for side in (self.a, self.b)]

    def inventory(self, side):
        return leftovers.inventory(side.machine, self.images) | {f"socket {s}" for s in migrate.sockets_left(side)}

    def xml(self):
        path = {"shared": self.images[:1], "copied": [OWN_IMAGE]}.get(self.kind.disk)
        return GUEST.replace("DISK", DISK.replace("PATH", path[0]) if path else "")

    def start(self):
        self.a.must("define", self.a.machine.write(self.xml(), "f.xml"))
        self.a.must("start", "f")
        self.inside = self.a.inside()

    def move(self):
        """Begins to."""
        command = ["virsh", *self.keepalive, "-c", "qemu+unix:///system?socket=/run/libvirt/virtqemud-sock", "migrate", "f", self.target_uri,
                   *self.kind.options]
        self.client = subprocess.Popen(self.a.machine.enter(command), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       env={**os.environ, "LC_ALL": "C"})

    def outcome(self, seconds=60):
        """The client's exit status and what it said."""
        said = self.client.communicate(timeout=seconds)[0]
        return self.client.returncode, said.strip()

    # ---- what breaks ----

    def cable(self, state):
        self.b.machine.run("ip", "link", "set", "cable2", state)

    def strike(self, fault):
        who, _, what = fault.partition(" ")
        side = self.a if who == "source" else self.b
        if what == "daemon":
            side.daemon.stop(signal.SIGKILL)
        elif what == "guest":
            for pid in side.machine.guests():
                os.kill(pid, signal.SIGKILL)
        elif fault == "client":
            self.client.kill()
        else:
            self.cable("down")

    def heal(self, fault):
        if fault.endswith("daemon"):
            side = self.a if fault.startswith("source") else self.b
            side.daemon, side.uri = side.machine.daemon(side.which, **side.options)
        elif fault == "cable":
            self.cable("up")

    def end_of_client(self, fault):
        """The same, where somebody may have to tell that there is no hope."""
        cut = fault == "cable"
        try:
            return self.outcome(30 if cut else 60)
        except subprocess.TimeoutExpired:
            assert cut and "--p2p" not in self.kind.options, "the client waits for ever"
            self.a.virsh("domjobabort", "f")
            return self.outcome()

    # ---- what is true then ----

    def check_sides(self, fault, moved):
        """moved: so the client was told. Returns what is where."""
        for side in (self.a, self.b):
            assert host.wait_for(lambda side=side: not side.busy(), 60), f"{side.machine.name}: {side.state('f')}, job: {side.busy()}"
        nobody = fault == "source guest" or (fault == "target guest" and moved)

        def settled():
            """A side that has just been left alone may need a moment to notice."""
            states = self.a.state("f"), self.b.state("f")
            active = [int(self.a.active()), int(self.b.active())]
            undecided = active == [1, 1] and states[0].startswith("paused") and states[1].startswith("running")
            return (sum(active) == 1 or undecided or (nobody and not sum(active))) and active == [
                len(side.machine.guests()) for side in (self.a, self.b)]
        settles = host.wait_for(settled, 30)
        states = self.a.state("f"), self.b.state("f")
        assert settles, f"not exactly one side has the guest: {states}, {self.a.machine.guests()}, {self.b.machine.guests()}"
        return states

    def check_source(self):
        """It goes on there as if nothing had been."""
        if self.a.state("f").startswith("paused"):
            self.a.must("resume", "f")
        assert self.a.state("f").startswith("running")
        same(self.inside, self.a.inside)

    def check_clean(self, moved=False):
        if self.kind.disk == "copied" and (self.b.active() or moved):
            os.unlink(self.images[1])  # else nobody needs it
        for side in (self.a, self.b):
            side.forget()
            if side.active():
                side.must("destroy", "f")
            if "f" in side.names():
                side.must("undefine", "f")
        for side, before in zip((self.a, self.b), self.before, strict=True):
            try:
                migrate.wait_for(lambda side=side, before=before: self.inventory(side) == before)
            except AssertionError:
                now = self.inventory(side)
                raise AssertionError(f"{side.machine.name}: left behind {sorted(now - before)}, lost {sorted(before - now)}") from None


def same(want, have):
    now = {}

    def is_same():
        now.clear()
        now.update(have())
        return now == want
    try:
        migrate.wait_for(is_same, 10)
    except AssertionError:
        different = {k: (want[k], now[k]) for k in now if want[k] != now[k]}
        raise AssertionError(f"left in QEMU (before, now): {different}") from None


def learn(rig):
    """The commands of both daemons in a migration in which nothing goes wrong, without those that start a QEMU."""
    rig.start()
    for side in (rig.a, rig.b):
        side.note_commands()
    rig.move()
    status, said = rig.outcome()
    assert status == 0, said
    found = []
    for which, side in (("source", rig.a), ("target", rig.b)):
        names = side.commands()
        first = names.index("query-migrate-capabilities")
        found += [(which, number, name) for number, name in enumerate(names, 1) if number > first]
    rig.check_clean()
    return found


def try_point(rig, point, what, fault):
    """point: (side, number of the command, its name). Returns what the states are then, None if it did not come so far."""
    side = rig.a if point[0] == "source" else rig.b
    rig.start()
    for place in (rig.a, rig.b):
        place.forget()
    side.arm(what, point[1])
    rig.move()
    migrate.wait_for(lambda: side.happened() or rig.client.poll() is not None)
    hit = side.happened()
    if hit:
        rig.strike(fault)
    side.go_on()
    status, said = rig.end_of_client(fault)
    if hit:
        rig.heal(fault)
    states = rig.check_sides(fault, status == 0)
    assert hit or status == 0, said
    if rig.a.active() and not rig.b.active():
        rig.check_source()
    rig.check_clean(status == 0)
    return states if hit else None, said


def points(rig, faults):
    """(point, what, fault) of all that can be tried."""
    return itertools.product(learn(rig), ("hold", "hold-answer"), faults)


def title_of(number, point, what, fault):
    return f"{fault} at {number} {' '.join(map(str, point))}, {what}"


def spread(all_of_them, number):
    """As many as that, with their numbers. CRASH_ALL: all, or those with a title in which the words behind
    "/" are."""
    numbered = list(enumerate(all_of_them))
    wanted = os.environ.get("CRASH_ALL")
    if not wanted:
        step = max(1, len(numbered) // number)  # and one more: else it might be one fault again and again
        return numbered[::step + (step % len(FAULTS[:-1]) == 0)]
    return [(n, t) for n, t in numbered if wanted[0] != "/" or wanted[1:] in title_of(n, *t)]


def spoilt(rig, number, point, what, fault):
    """One try, as text; None if all is as it should be."""
    title = title_of(number, point, what, fault)
    try:
        states, said = try_point(rig, point, what, fault)
        print(f"# {title}: {states} {said}".replace("\n", " / "), flush=True)
        return None
    except Exception as why:
        said = rig.client.communicate()[0] if rig.client.poll() is not None else "the client waits"
        said += rig.a.virsh("qemu-monitor-command", "f", '{"execute":"query-migrate"}').stdout
        return "\n".join([f"{title}: {why!r}", said, rig.a.machine.last_words(), rig.b.machine.last_words()])


def breaks(name, faults, number, **kw):
    """Behind a failure all begins anew, so that one run tells of all."""
    left, bad = None, []
    while left is None or left:
        with pair.Pair(base=CONF.format(interval=kw.get("interval", 5))) as p:
            rig = Rig(p, KINDS[name], **kw)
            if left is None:
                left = spread(points(rig, faults), number)
            text = None
            while left and not text:
                at, (point, what, fault) = left.pop(0)
                text = spoilt(rig, at, point, what, fault)
            if text:
                print(f"# BAD {text}".replace("\n", "\n#   "), flush=True)
                bad.append(text)
    assert not bad, "\n".join(bad)


def a_copy_fails_at_its_end():
    """The target would lack what was written last: the guest goes on where it was."""
    with pair.Pair(base=CONF.format(interval=5)) as p:
        rig = Rig(p, KINDS["storage"])
        rig.start()
        rig.a.machine.write("", "lib", "emu", "f.break-off")
        rig.move()
        status, said = rig.outcome()
        assert rig.a.happened()
        assert status != 0 and "migration of a disk failed" in said, (status, said, rig.a.happened())
        states = rig.check_sides("", False)
        assert states[0].startswith("running") and not states[1], states
        rig.check_source()
        rig.check_clean()


@contextlib.contextmanager
def folder_of_both():
    """One that both machines see, on a file system without memory of owners that looks like one of the network."""
    with tempfile.TemporaryDirectory(prefix="vh-nfs-") as folder:
        subprocess.run(["mount", "-t", "ramfs", "-o", "mode=0755", "none", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def image_of_both_stays():
    """A host that a guest has left, or does not reach, does not take its image from it; the one where it ends gives it back."""
    with folder_of_both() as folder, pair.Pair(base=CONF.format(interval=5).replace("lockd", "nop")) as p:
        image = os.path.join(folder, "disk.qcow2")
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], check=True)
        a, b = (Place(m, "ours", env={"LD_PRELOAD": FAULT_LIBRARY, "FAULT_NFS": folder}) for m in (p.source, p.target))
        a.must("define", a.machine.write(GUEST.replace("DISK", DISK.replace("PATH", image)), "f.xml"))
        a.must("start", "f")
        theirs = os.stat(image).st_uid
        b.note_commands()
        a.must("migrate", "f", b.uri, "--live", "--unsafe")
        migrate.wait_for(lambda: a.state("f").startswith("shut off"))
        assert theirs != os.getuid() and os.stat(image).st_uid == theirs, f"left: {os.stat(image).st_uid}, not {theirs}"
        arrival = b.commands().index("migrate-incoming") + 1
        b.must("destroy", "f")
        assert os.stat(image).st_uid == os.getuid()
        a.must("start", "f")
        b.arm("kill", arrival)
        a.fails("migrate", "f", b.uri, "--live", "--unsafe")
        assert b.happened() and host.wait_for(lambda: not b.active())
        assert os.stat(image).st_uid == theirs, f"not reached: {os.stat(image).st_uid}, not {theirs}"
        a.must("destroy", "f")
        assert os.stat(image).st_uid == os.getuid()


# ---- half of the memory is there ----

WAYS = [["--p2p"], []]

# Memory that does not shrink on its way, which takes half a minute.
LOADER = """<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='loader,file=RANDOM,addr=0x400000,force-raw=on'/>
</qemu:commandline></domain>"""


class HalfwayRig(Rig):
    def __init__(self, p, kind, **kw):
        super().__init__(p, kind, **kw)
        for name, content in (("random", os.urandom(24 << 20)), ("bios", migrate.BIOS)):
            with open(self.a.machine.path(name), "wb") as f:
                f.write(content)

    def xml(self):
        text = super().xml().replace("<domain type='qemu'>", "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>")
        bios = f"<loader readonly='yes' type='rom'>{self.a.machine.path('bios')}</loader>"
        return text.replace("16384", "32768").replace("</type>", "</type>" + bios).replace(
            "</domain>", LOADER.replace("RANDOM", self.a.machine.path("random")))

    def begin(self):
        self.start()
        # One that needs memory that is not there holds up its QEMU, which answers nobody until it comes: see migrate.BIOS.
        migrate.wait_for(lambda: "HLT=1" in self.a.must("qemu-monitor-command", "f", "--hmp", "info registers"), 60)
        self.move()
        migrate.wait_for(lambda: "Iteration" in self.a.virsh("domjobinfo", "f").stdout)
        migrate.wait_for(lambda: self.b.state("f") == "paused (migrating)")

    def into_post_copy(self):
        self.a.must("migrate-postcopy", "f")
        migrate.wait_for(lambda: (self.a.state("f"), self.b.state("f")) == ("paused (post-copy)", "running (post-copy)"))

    def end_post_copy(self, fault):
        """The memory comes, if both QEMUs are still there; else the guest is lost, as ever."""
        if not fault.endswith("guest"):
            self.a.virsh("migrate-setspeed", "f", "1000", "--postcopy")
            migrate.wait_for(lambda: (self.a.state("f"), self.b.state("f")) == ("shut off (migrated)", "running (migrated)"), 60)
            return
        want = ("shut off (crashed)", "running (post-copy failed)") if fault == "source guest" else ("paused (post-copy failed)", "")
        migrate.wait_for(lambda: (self.a.state("f"), self.b.state("f")) == want, 60)


def halfway(rig, options, fault, post_copy):
    """post_copy: it runs at the target already, with the half."""
    slow = ("--bandwidth", "1") + (("--postcopy", "--postcopy-bandwidth", "1") if post_copy else ())
    rig.kind = Kind("--live", *options, *slow)
    rig.begin()
    if post_copy:
        rig.into_post_copy()
    rig.strike(fault)
    status, said = rig.end_of_client(fault)
    rig.heal(fault)
    print(f"# {' '.join(options)}, {fault}: {(rig.a.state('f'), rig.b.state('f'))} {said}".replace("\n", " / "), flush=True)
    if post_copy:
        rig.end_post_copy(fault)
    elif fault == "client" and "--p2p" in options:  # whom it does not need
        rig.a.must("migrate-setspeed", "f", "1000")
        migrate.wait_for(lambda: (rig.a.state("f"), rig.b.state("f")) == ("shut off (migrated)", "running (migrated)"), 60)
    else:
        rig.check_sides(fault, status == 0)
        if fault != "source guest":
            rig.check_source()
    rig.check_clean()


def breaks_halfway(faults, post_copy, interval=5):
    with migrate.userfaultfd(), pair.Pair(base=CONF.format(interval=interval)) as p:
        rig = HalfwayRig(p, Kind(), interval=interval)
        for number, fault in enumerate(faults):
            for way in WAYS if os.environ.get("CRASH_ALL") else [WAYS[(number + post_copy) % 2]]:
                try:
                    halfway(rig, way, fault, post_copy)
                except Exception as why:
                    raise AssertionError(f"{way}, {fault}: {(rig.a.state('f'), rig.b.state('f'))}") from why


def tests():
    """A function for each way to move. Those with the cable wait for time-outs: without CRASH_ALL there are few."""
    quick = [f for f in FAULTS if f != "cable"]
    yield image_of_both_stays
    yield a_copy_fails_at_its_end
    for name in KINDS:
        yield named(name, lambda name=name: breaks(name, quick, 3))
    far = [name for name, kind in KINDS.items() if kind.disk != "copied"]  # the others' daemons talk beside the cable
    for name in far if os.environ.get("CRASH_ALL") else ["peer"]:
        yield named(f"{name} cable", lambda name=name: breaks(name, ["cable"], 1, interval=1))
    for title, post_copy in (("halfway", False), ("post-copy", True)):
        yield named(title, lambda post_copy=post_copy: breaks_halfway(quick, post_copy))
        yield named(f"{title} cable", lambda post_copy=post_copy: breaks_halfway(["cable"], post_copy, interval=1))


def named(name, test):
    test.__name__ = name.replace(" ", "_").replace("-", "_")
    return test


if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *args: None, None)
    sys.exit(tap.run(list(tests()), sys.argv[1:]))
