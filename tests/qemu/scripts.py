#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scripts of the administrator for guests that arrive: from an image and from another machine. They are called at the same
moments with the same arguments as by Debian's libvirtd, and may change or refuse the guest. Prints TAP."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import guesthost  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid><title>before</title>
<memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"""
# Writes down how it is called and whether it got a definition; then does what the file "act" says for the operation.
SCRIPT = """#!/bin/sh
xml=$(cat)
case $xml in "<domain"*"<title>before</title>"*) kind=domain ;; "<domain"*) kind=changed ;; *) kind=nothing ;; esac
echo "$@" $kind >> {told}
. {act}
"""
CHANGE = '[ "$2" != {step} ] || printf "%s" "$xml" | sed "s/before/after/"\n'
BLANK = '[ "$2" != {step} ] || echo " "\n'
GARBAGE = '[ "$2" != {step} ] || echo "<domain>"\n'
OTHER = '[ "$2" != {step} ] || printf "%s" "$xml" | sed "s/16384/32768/g"\n'
REFUSE = '[ "$2" != {step} ] || {{ echo told why >&2; exit 3; }}\n'
ACTS = {"nothing": "", "change": CHANGE, "blank": BLANK, "garbage": GARBAGE, "other": OTHER, "refuse": REFUSE}


class Side(guesthost.Virsh):
    def __init__(self, machine, which):
        self.machine = machine
        machine.write(SCRIPT.format(told=machine.write("", "told"), act=machine.write("", "act")), "etc", "hooks", "qemu")
        os.chmod(machine.path("etc", "hooks", "qemu"), 0o755)
        self.daemon, self.uri = machine.daemon(which)

    def act(self, what, step):
        self.machine.write(ACTS[what].format(step=step), "act")
        self.machine.write("", "told")

    def told(self):
        with open(self.machine.path("told"), encoding="ascii") as f:
            return f.read().splitlines()

    def title(self):
        found = re.search("<title>(.*)</title>", self.virsh("dumpxml", "a").stdout)
        return found.group(1) if found else None

    def define(self):
        return self.machine.write(GUEST, "a.xml")


def outcome(side, what, run):
    """What a client and the scripts see of it. The words of errors are each daemon's own."""
    codes = re.findall(r"Hook script execution failed|XML error|unsupported configuration", run.stderr)
    return what, run.returncode, codes[:1], side.told(), side.title()


def restored(which):
    with guesthost.GuestHost() as h:
        side = Side(h, which)
        for what in ACTS:
            side.act("nothing", "")
            side.must("create", side.define())
            image = h.path("image")
            side.must("save", "a", image)
            side.act(what, "restore")
            yield outcome(side, what, side.virsh("restore", image))
            side.virsh("destroy", "a")
            assert not side.must("list", "--all", "--name").strip(), f"a guest is left behind after {what}"


def managed(which):
    """A managed image of a guest that is defined: it stays so."""
    with guesthost.GuestHost() as h:
        side = Side(h, which)
        side.must("define", side.define())
        for what in ("change", "refuse"):
            side.act("nothing", "")
            side.must("start", "a")
            side.must("managedsave", "a")
            side.act(what, "restore")
            yield outcome(side, what, side.virsh("start", "a"))
            side.virsh("destroy", "a")
            side.virsh("managedsave-remove", "a")
            assert side.title() == "before", f"the stored definition changed: {side.title()}"


def moved(which):
    with pair.Pair() as p:
        source, target = Side(p.source, which), Side(p.target, which)
        for what in ACTS:
            source.act("nothing", "")
            source.must("create", source.define())
            target.act(what, "migrate")
            to = f"qemu+unix:///system?socket={target.daemon.socket('-sock')}"
            run = source.virsh("migrate", "--live", "a", to, f"tcp://{p.target.address}")
            yield outcome(target, what, run)
            source.virsh("destroy", "a")
            target.virsh("destroy", "a")
            for side in (source, target):
                assert not side.must("list", "--all", "--name").strip(), f"a guest is left behind after {what}"


def moved_off(which):
    """The definition alone."""
    with pair.Pair() as p:
        source, target = Side(p.source, which), Side(p.target, which)
        to = f"qemu+unix:///system?socket={target.daemon.socket('-sock')}"
        for what in ACTS:
            source.act("nothing", "")
            source.must("define", source.define())
            target.act(what, "migrate")
            run = source.virsh("migrate", "--offline", "--persistent", "--undefinesource", "a", to)
            yield outcome(target, what, run)
            for side in (source, target):
                side.virsh("undefine", "a")
                assert not side.must("list", "--all", "--name").strip(), f"a guest is left behind after {what}"


def same(scenario):
    theirs, ours = list(scenario("reference")), list(scenario("ours"))
    bad = [f"--- reference\n{a}\n--- ours\n{b}" for a, b in zip(theirs, ours, strict=True) if a != b]
    assert not bad, "\n".join(bad)
    return ours


def from_an_image():
    """Changed, left alone, refused, spoilt."""
    by_act = {row[0]: row for row in same(restored)}
    assert by_act["change"][4] == "after" and by_act["refuse"][1] != 0 and by_act["other"][1] != 0, by_act
    assert by_act["nothing"][3][0] == "a restore begin - domain", by_act


def from_a_managed_image():
    """The same where the guest is defined."""
    same(managed)


def from_another_machine():
    """The target's scripts."""
    by_act = {row[0]: row for row in same(moved)}
    assert by_act["change"][4] == "after" and by_act["refuse"][1] != 0 and by_act["other"][1] != 0, by_act
    assert by_act["nothing"][3][0] == "a migrate begin - domain", by_act


def from_another_machine_without_running():
    """Only the definition comes."""
    by_act = {row[0]: row for row in same(moved_off)}
    assert by_act["change"][4] == "after" and by_act["refuse"][1] != 0 and by_act["other"][1] != 0, by_act


if __name__ == "__main__":
    sys.exit(tap.run([from_an_image, from_a_managed_image, from_another_machine, from_another_machine_without_running],
                     sys.argv[1:]))
