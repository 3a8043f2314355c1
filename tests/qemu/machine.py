#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processors and memory of guests: which there are, which come and go, in stored definitions, in guests that run, that are
saved, restored, and taken over by another daemon. Every call goes to Debian's libvirtd too, and the answers are the same. The
guests have no system; what needs one is in linux.py. Prints TAP."""

import itertools
import os
import re
import sys

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
from guesthost import GuestHost, Virsh  # noqa: E402
import tap  # noqa: E402

UUID = "11111111-2222-3333-4444-555555555555"
LIVE, CONFIG, MAXIMUM, HOTPLUGGABLE = 1, 2, 4, 16


class Side(Virsh):
    """A machine with a daemon."""

    def __init__(self, which):
        self.h = GuestHost()
        self.which = which
        self.connect(which)

    def connect(self, which):
        self.daemon, self.uri = self.h.daemon(which)
        self.conn = libvirt.open(self.uri)

    def switch(self, which):
        """Another daemon takes the machine over, with its guests."""
        self.conn.close()
        self.daemon.stop()
        self.connect(which)

    def ask(self, function):
        """The answer of a function of the connection, or the error, as text."""
        try:
            return str(function(self.conn))
        except libvirt.libvirtError as e:
            return f"error {e.get_error_code()} {e.get_error_domain()}: {e}"

    def shown(self, *command):
        run = self.virsh(*[word.replace("ROOT", self.h.root) for word in command])
        return (run.stdout + run.stderr).replace(self.h.root, "ROOT")

    def define(self, xml):
        return self.must("define", self.h.write(xml, "guest.xml"))

    def part(self, pattern, *flags):
        found = re.search(pattern, self.must("dumpxml", "guest", *flags), re.S)
        return found.group() if found else "none"

    def vcpus(self, *flags):
        return self.part(r"<vcpu placement=[^>]*>\d+</vcpu>(\s*<vcpus>.*?</vcpus>)?", *flags)

    def logs(self):
        with open(self.h.path("log", "qemu", "guest.log"), encoding="utf-8") as f:
            return f"\n{self.daemon.log()}\n{f.read()}"

    def destroy(self):
        self.must("destroy", "guest")

    def close(self):
        self.conn.close()
        self.h.close()


class Pair:
    def __init__(self):
        self.ours, self.reference = Side("ours"), Side("reference")
        self.wrong = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ours.close()
        self.reference.close()

    def compare(self, name, function):
        """function(side) is text that must be the same."""
        ours, reference = function(self.ours), function(self.reference)
        if ours != reference:
            self.wrong.append(f"{name}\nreference: {reference}\nours:      {ours}")

    def on_both(self, function):
        function(self.ours)
        function(self.reference)

    def commands(self, *commands):
        for command in commands:
            self.compare("virsh " + " ".join(command), lambda side, c=command: side.shown(*c))

    def settle(self):
        wrong, self.wrong = self.wrong, []
        assert not wrong, f"{len(wrong)} differ\n" + "\n\n".join(wrong[:10])


def guest(parts="", cpu="", devices="", memory="<memory unit='MiB'>64</memory>", tail=""):
    return f"""<domain type='qemu'><name>guest</name><uuid>{UUID}</uuid>{memory}{parts}
      <os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>{cpu}{tail}
      <devices>{devices}</devices></domain>"""


# ---- which processors there are ----

def vcpu(number, enabled, hotpluggable=None, order=None):
    more = f" hotpluggable='{hotpluggable}'" if hotpluggable else ""
    more += f" order='{order}'" if order else ""
    return f"<vcpu id='{number}' enabled='{enabled}'{more}/>"


def listed(maximum, current, *vcpus):
    now = f" current='{current}'" if current else ""
    return f"<vcpu{now}>{maximum}</vcpu><vcpus>{''.join(vcpus)}</vcpus>"


# on from the start, plugged in, off
LETTERS = {"o": ("yes", "no"), "p": ("yes", "yes"), "f": ("no", "yes")}


def lettered(letters):
    return listed(len(letters), len(letters) - letters.count("f"),
                  *[vcpu(i, *LETTERS[letter]) for i, letter in enumerate(letters)])


LISTS = [
    listed(4, 2, vcpu(0, "yes"), vcpu(1, "yes")), listed(4, 1, vcpu(0, "yes")), listed(4, 0, vcpu(0, "yes"), vcpu(2, "no")),
    listed(4, 2, vcpu(3, "yes", "yes"), vcpu(0, "yes")), listed(4, 3, vcpu(0, "yes")), listed(4, 2),
    listed(4, 4, vcpu(0, "yes", "no", 1), vcpu(1, "yes", "yes", 3), vcpu(2, "yes", "yes", 2), vcpu(3, "no", "yes", 4)),
    listed(4, 4, vcpu(0, "yes", "no", 1), vcpu(1, "yes", "yes", 3), vcpu(2, "yes", "yes", 2), vcpu(3, "yes", "yes", 3)),
    listed(3, 3, vcpu(0, "yes", "no", 2), vcpu(1, "yes", "yes", 3), vcpu(2, "yes", "yes", 1)),
    listed(3, 3, vcpu(0, "yes", "no", 1), vcpu(1, "yes", "yes"), vcpu(2, "yes", "yes", 2)),
    listed(2, 2, vcpu(0, "yes"), vcpu(0, "yes")), listed(2, 2, vcpu(0, "yes", "yes"), vcpu(1, "yes", "yes")),
    listed(2, 1, vcpu(0, "no"), vcpu(1, "yes", "yes")), listed(2, 2, vcpu(0, "yes", None, 1), vcpu(1, "yes", None, 2)),
    listed(4, 0, vcpu(0, "no", "yes")), lettered("opop"), lettered("ofoo"), lettered("ofpf"), lettered("oofp"),
]
STARTS = [lettered(s) for s in ("ofpf", "opff", "ooff", "offp", "oooo", "opfp")] + \
    ["<vcpu current='1'>4</vcpu>", "<vcpu current='2'>4</vcpu>", "<vcpu>4</vcpu>"]


def definitions(pair):
    """lists of processors as definitions have them"""
    for parts in LISTS:
        def define(side, parts=parts):
            return side.ask(lambda c: c.defineXML(guest(parts)) and "") + \
                (side.vcpus() if side.must("list", "--all", "--name").strip() else "")
        pair.compare(parts, define)
    pair.settle()


def changed(side, parts, change):
    """What becomes of a stored definition."""
    side.conn.defineXML(guest(parts))
    return side.ask(lambda c: change(c.lookupByName("guest"))) + side.vcpus()


def stored_numbers(pair):
    """setvcpus of stored definitions"""
    for parts in STARTS:
        for n in range(1, 6):
            for flags in (CONFIG, CONFIG | HOTPLUGGABLE, CONFIG | MAXIMUM, CONFIG | MAXIMUM | HOTPLUGGABLE):
                pair.compare(f"{parts} setvcpus {n} {flags}", lambda side, a=(n, flags), p=parts:
                             changed(side, p, lambda dom: dom.setVcpusFlags(*a)))
    topology = "<vcpu>4</vcpu>", "<cpu><topology sockets='2' dies='1' cores='2' threads='1'/></cpu>"
    pair.on_both(lambda side: side.define(guest(*topology)))
    for args in ((2, 6), (8, 6), (4, 6), (2, 2), (2, 0), (2, 1), (300, 6)):
        pair.compare(f"topology {args}", lambda side, a=args:
                     side.ask(lambda c: c.lookupByName("guest").setVcpusFlags(*a)) + side.vcpus())
    pair.settle()


def stored_single(pair):
    """setvcpu of stored definitions"""
    for parts in STARTS:
        for which in ("0", "1", "2", "3", "1-2", "1-3", "5", "0-4", "2-3", "x", ""):
            for on in (0, 1):
                pair.compare(f"{parts} setvcpu {which} {on}", lambda side, a=(which, on, CONFIG), p=parts:
                             changed(side, p, lambda dom: dom.setVcpu(*a)))
    pair.settle()


def live_calls(pair):
    """what a running guest gets and is refused"""
    calls = [("setVcpu", args) for args in (
        ("1", 1, 0), ("1", 0, 1), ("2", 1, 1), ("9", 1, 1), ("2,9", 1, 3), ("x", 1, 1), ("2", 7, 1), ("2", 1, 4),
        ("3", 0, 1), ("", 1, 1), ("0", 0, 1), ("0-1", 0, 1), ("2-3", 1, 3), ("3", 1, 3))]
    calls += [("setVcpusFlags", args) for args in (
        (1, 1), (3, 1 | 16), (9, 1), (9, 3), (0, 1), (3, 5), (3, 4), (2, 8), (9, 2 | 16), (4, 3 | 16), (3, 64))]
    for parts in (lettered("ooff"), "<vcpu current='2'>4</vcpu>", lettered("ofpf")):
        pair.on_both(lambda side, p=parts: side.define(guest(p)))
        for state in ("off", "on"):
            if state == "on":
                pair.on_both(lambda side: side.must("start", "guest"))
            for name, args in calls:
                pair.compare(f"{parts} {state} {name}{args}", lambda side, n=name, a=args:
                             side.ask(lambda c: getattr(c.lookupByName("guest"), n)(*a)) + side.vcpus() +
                             side.vcpus("--inactive"))
        pair.commands(["vcpucount", "guest"], ["vcpupin", "guest"])
        pair.on_both(Side.destroy)
    pair.settle()


NUMA = "<cpu><numa><cell id='0' cpus='0-3' memory='64' unit='MiB'/></numa></cpu>"
ROOM = "<maxMemory slots='7' unit='MiB'>2048</maxMemory><memory unit='MiB'>{}</memory>"


def memdev(size=128, address="", model="dimm", target=""):
    return f"<memory model='{model}'><target><size unit='MiB'>{size}</size><node>0</node>{target}</target>{address}</memory>"


def virtio_mem(block, requested):
    """In KiB, of 128 MiB."""
    return memdev(model="virtio-mem", target=f"<block unit='KiB'>{block}</block><requested unit='KiB'>{requested}</requested>")


def slot(number, base=""):
    return f"<address type='dimm' slot='{number}'{base}/>"


MEMORY = [
    (memdev(), 192), (memdev(64) * 8, 576), (memdev(600), 664), (memdev(2100), 2164), (virtio_mem(2048, 65536), 192),
    (virtio_mem(2048, 1000), 192), (virtio_mem(2048, 1 << 20), 192), (virtio_mem(3000, 6000), 192), (memdev(128, slot(7)), 192),
    (memdev(128, slot(0)) * 2, 320),
]


def memory(side):
    """Where it is and how much. What a virtio-mem device has now is not shown by ours while it is nothing."""
    text = side.must("dumpxml", "guest")
    parts = re.findall(r"<memory .*?>.*?</memory>|<currentMemory.*?</currentMemory>", text, re.S)
    return re.sub(r"\s*<current unit='KiB'>0</current>", "", "\n".join(parts))


def known(side):
    """What changes from daemon to daemon: the rest is the same in all."""
    return side.vcpus() + memory(side) + side.part(r"<cpu .*?</cpu>") + side.part(r"<cpu .*?</cpu>", "--migratable") + \
        side.must("vcpucount", "guest") + \
        "\n".join(re.findall(r"VCPU: +\d+", side.must("vcpuinfo", "guest")))


def plugged_in_survive(pair):
    """processors that were plugged in: saved and restored, managed too, and known to another daemon"""
    pair.on_both(lambda side: side.define(guest(lettered("offp"))))
    pair.on_both(lambda side: side.must("start", "guest"))
    pair.commands(["setvcpu", "guest", "2", "--enable", "--live"])
    pair.compare("plugged", known)
    for side, other in ((pair.ours, "reference"), (pair.reference, "ours")):
        before = known(side)
        side.must("save", "guest", side.h.path("image"))
        for daemon in (side.which, other):
            side.switch(daemon)
            side.must("restore", side.h.path("image"))
            assert known(side) == before, f"{side.which} saved, {daemon} restored: {known(side)}"
            side.must("save", "guest", side.h.path("image"))
        side.must("restore", side.h.path("image"))
        side.must("managedsave", "guest")
        side.must("start", "guest")
        assert known(side) == before, known(side)
        side.must("setvcpus", "guest", "4", "--live")
        more = known(side)
        for daemon in (side.which, other):
            side.switch(daemon)
            assert known(side) == more, f"{daemon} took over: {known(side)}{side.logs()}"
        refused = side.virsh("setvcpus", "guest", "1", "--live").stderr
        assert "device unplug request" in refused or "hot unplug not supported" in refused, refused
    pair.compare("in the end", known)
    pair.on_both(Side.destroy)
    pair.settle()


def memory_devices(pair):
    """memory that is defined, joins a running guest, and changes; its place survives a save and other daemons"""
    def defined(side, dev, mib):
        return side.ask(lambda c: c.defineXML(guest("<vcpu>4</vcpu>", NUMA, dev, ROOM.format(mib))) and "")
    for dev, mib in MEMORY:
        pair.compare(f"define {dev}", lambda side, d=dev, m=mib: defined(side, d, m))
    pair.on_both(lambda side: side.define(guest("<vcpu>4</vcpu>", NUMA, memdev(), ROOM.format(192))))
    pair.on_both(lambda side: side.must("start", "guest"))
    for dev in [d for d, _ in MEMORY if d.count("<memory") == 1] + [memdev(64, slot(3, " base='0x150000000'")), memdev(64)]:
        pair.compare(f"attach {dev}", lambda side, d=dev:
                     side.ask(lambda c: c.lookupByName("guest").attachDeviceFlags(d, LIVE)) + memory(side))
    pair.commands(*[["update-memory-device", "guest", "--alias", alias, "--requested-size", size] for alias, size in (
        ("virtiomem0", "64MiB"), ("virtiomem0", "63MiB"), ("virtiomem0", "512MiB"), ("dimm0", "64MiB"))])
    pair.compare("in the end", memory)
    for side, other in ((pair.ours, "reference"), (pair.reference, "ours")):
        before = known(side)
        side.must("save", "guest", side.h.path("image"))
        for daemon in (other, side.which):
            side.switch(daemon)
            side.must("restore", side.h.path("image"))
            assert known(side) == before, f"{side.which} saved, {daemon} restored: {known(side)}{side.logs()}"
            side.switch(side.which if daemon == other else other)
            assert known(side) == before, f"after a restore by {daemon}, taken over: {known(side)}{side.logs()}"
            side.must("save", "guest", side.h.path("image"))
        side.switch(side.which)
    pair.settle()


EVENTS = """cmt mbmt mbml cpu_cycles instructions cache_references cache_misses branch_instructions branch_misses bus_cycles
    stalled_cycles_frontend stalled_cycles_backend ref_cpu_cycles cpu_clock task_clock page_faults context_switches
    cpu_migrations page_faults_min page_faults_maj alignment_faults emulation_faults""".split()
PERF = r"<perf>.*?</perf>"


def perf_events(pair):
    """counters of a guest's process, in its definition, live, in statistics, and with a daemon that comes later"""
    def event(name, enabled="yes"):
        return f"<event name='{name}' enabled='{enabled}'/>"

    def definition(*events):
        return guest("<vcpu>1</vcpu>", tail=f"<perf>{''.join(events)}</perf>")

    def shown(side):
        return side.part(PERF) + side.part(PERF, "--inactive") + side.shown("perf", "guest") + side.shown("perf", "guest", "--config")

    def names(side):
        return re.sub(r"=\d+", "", side.shown("domstats", "guest", "--perf"))
    for name in ("cmt", "cpu_cycles"):  # where this machine has none, the start fails
        pair.on_both(lambda side, n=name: side.define(definition(event(n))))
        pair.commands(["start", "guest"])
        pair.on_both(lambda side: side.virsh("destroy", "guest"))
    pair.on_both(lambda side: side.define(definition(event("page_faults"), event("cpu_clock", "no"))))
    pair.commands(["perf", "guest", "--enable", "cpu_migrations,cmt", "--config"], ["perf", "guest", "--disable", "cmt"],
                  ["perf", "guest", "--enable", "foo"], ["perf", "guest", "--enable", "cmt", "--live"])
    pair.compare("defined", shown)
    pair.on_both(lambda side: side.must("start", "guest"))
    pair.commands(*[["perf", "guest", "--enable", name, "--live"] for name in EVENTS])
    pair.commands(["perf", "guest", "--disable", "page_faults_min", "--live"])
    pair.compare("live", shown)
    pair.compare("counted", names)
    assert int(re.search(r"perf.task_clock=(\d+)", pair.ours.must("domstats", "guest", "--perf")).group(1)) >= 0
    pair.on_both(lambda side: side.switch(side.which))
    pair.compare("known to the next daemon", shown)
    pair.compare("counted by it", names)
    pair.on_both(Side.destroy)
    pair.settle()


def dirty_rate(pair):
    """measured while the guest runs; statistics of I/O threads and processors"""
    pair.on_both(lambda side: side.define(guest("<vcpu>2</vcpu><iothreads>2</iothreads>")))
    off = ["domdirtyrate-calc", "guest"]
    pair.commands(off, off + ["--seconds", "0"])
    pair.on_both(lambda side: side.must("start", "guest"))
    pair.commands(["domstats", "guest", "--dirtyrate"], ["domstats", "guest", "--iothread"], ["domstats", "guest", "--memory"],
                  off + ["--seconds", "0"], off + ["--seconds", "61"], off + ["--seconds", "1", "--mode", "dirty-ring"],
                  off + ["--seconds", "1", "--mode", "page-sampling"])

    def measured(side):
        assert host.wait_for(lambda: "calc_status=2" in side.must("domstats", "guest", "--dirtyrate"), 30), \
            side.must("domstats", "guest", "--dirtyrate")
        return re.sub(r"(start_time|per_second)=\d+", r"\1", side.must("domstats", "guest", "--dirtyrate"))
    pair.compare("measured", measured)
    pair.compare("all statistics", lambda side: re.sub(r"=.*", "", side.must("domstats", "guest")))
    # QEMU 7.2 under TCG does not outlive this one: the reference's guest ends.
    pair.ours.refused("requires KVM", *off, "--mode", "dirty-bitmap")
    pair.commands(["qemu-attach", "1"])
    pair.compare("oom score", oom_score)
    pair.on_both(Side.destroy)
    pair.settle()


def threads(pair):
    """of I/O, which are only counted or have numbers, in all forms of the text"""
    def listed_threads(side):
        return str([re.findall(r"<iothread[^>]*>(?:\d+)?", side.must("dumpxml", "guest", *form))
                    for form in ([], ["--inactive"], ["--migratable"], ["--security-info"])])
    pair.on_both(lambda side: side.define(guest("<vcpu>1</vcpu><iothreads>2</iothreads>")))
    pair.on_both(lambda side: side.must("start", "guest", "--paused"))
    pair.compare("at the start", listed_threads)
    for verb, number, where in itertools.product(("iothreadadd", "iothreaddel"), ("5", "2"), ("--live", "--config")):
        pair.commands([verb, "guest", number, where])
        pair.compare(f"after {verb} {number} {where}", listed_threads)
    pair.on_both(Side.destroy)
    pair.settle()


def placement(pair):
    """what numad is to choose, where it is not installed"""
    assert not os.path.exists("/usr/bin/numad"), "only the reference asks it"
    for parts in ("<vcpu placement='auto'>1</vcpu>",
                  "<vcpu>1</vcpu><numatune><memory mode='strict' placement='auto'/></numatune>"):
        pair.compare(parts, lambda side, parts=parts: side.ask(lambda c: c.createXML(guest(parts), 1)))
    pair.settle()


def oom_score(side):
    with open(f"/proc/{side.h.guests()[0]}/oom_score_adj", encoding="ascii") as f:
        return f.read()


TESTS = [definitions, stored_numbers, stored_single, live_calls, plugged_in_survive, memory_devices, perf_events, dirty_rate, threads, placement]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        return 0
    with Pair() as pair:
        return tap.run(TESTS, sys.argv[1:], pair)


if __name__ == "__main__":
    sys.exit(main())
