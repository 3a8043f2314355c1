#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cookies of migrations that are wrong, sent by a client of its own to each phase: they are refused with the words of
Debian's libvirtd, and the guest is where it was. Prints TAP."""

import contextlib
import os
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402

UUID = "5302feab-2896-426c-b995-731104088fd6"
GUEST = f"""<domain type='qemu'><name>a</name><uuid>{UUID}</uuid><memory>16384</memory>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><devices>DISK<interface type='user'><mac address='52:54:00:11:22:33'/></interface></devices></domain>"""
DISK = """<disk type='file' device='disk'><source file='/var/lib/libvirt/none.img'/><target dev='vda'/></disk>"""
GOOD = f"""<qemu-migration>
  <name>a</name>
  <uuid>{UUID}</uuid>
  <hostname>machine9</hostname>
  <hostuuid>00000009-1111-4222-8333-444455556666</hostuuid>
  EXTRA
</qemu-migration>
"""
LIVE, COPY = 1, 1 << 6
FEATURES = ("graphics", "lockstate", "persistent", "network", "nbd", "statistics", "memory-hotplug", "cpu-hotplug", "cpu",
            "capabilities", "block-dirty-bitmaps", "allowReboot", "zork")


def extra(text):
    return GOOD.replace("EXTRA", text)


def changed(old, new):
    return GOOD.replace(old, new).replace("EXTRA", "")


COOKIES = {
    "good": extra(""),
    "text": "hello",
    "cut": extra("")[:100],
    "other root": changed("qemu-migration", "domain"),
    "no name": changed("<name>a</name>", ""),
    "empty name": changed("<name>a<", "<name><"),
    "other name": changed("<name>a<", "<name>b<"),
    "second name": extra("<name>b</name>"),
    "no uuid": changed(f"<uuid>{UUID}</uuid>", ""),
    "wrong uuid": changed("<uuid>5302", "<uuid>zz02"),
    "other uuid": changed("<uuid>5302", "<uuid>5303"),
    "no hostname": changed("<hostname>machine9</hostname>", ""),
    "our hostname": changed("machine9", "machine1"),
    "no hostuuid": changed("<hostuuid>00000009-1111-4222-8333-444455556666</hostuuid>", ""),
    "wrong hostuuid": changed("<hostuuid>00", "<hostuuid>xy"),
    "our hostuuid": changed("00000009", "00000001"),
    "feature without name": extra("<feature/>"),
    **{f"feature {name}": extra(f"<feature name='{name}'/>") for name in FEATURES},
    "lockstate without driver": extra("<lockstate><leases>x</leases></lockstate>"),
    "other lock driver": extra("<lockstate driver='sanlock'><leases>x</leases></lockstate>"),
    "graphics without type": extra("<graphics/>"),
    "graphics without port": extra("<graphics type='spice' port='x'/>"),
    "graphics without listen": extra("<graphics type='vnc' port='5900'/>"),
    "nbd port": extra("<nbd port='x'/>"),
    "nbd without target": extra("<nbd><disk capacity='1'/></nbd>"),
    "nbd without capacity": extra("<nbd><disk target='vda'/></nbd>"),
    "nbd capacity": extra("<nbd><disk target='vda' capacity='x'/></nbd>"),
    "cpu without model": extra("<cpu mode='custom'><feature policy='require' name='x'/></cpu>"),
    "cap without name": extra("<capabilities><cap auto='yes'/></capabilities>"),
    "unknown cap": extra("<capabilities><cap name='zork' auto='maybe'/></capabilities>"),
    "wrong figure": extra("<statistics><started>x</started></statistics>"),
    "network without type": extra("<network><interface index='x'/></network>"),
    "bitmap disk without target": extra("<blockDirtyBitmaps><disk/></blockDirtyBitmaps>"),
    "bitmap without name": extra("<blockDirtyBitmaps><disk target='vda'><bitmap alias='x'/></disk></blockDirtyBitmaps>"),
    "bitmap without alias": extra("<blockDirtyBitmaps><disk target='vda'><bitmap name='x'/></disk></blockDirtyBitmaps>"),
    "bitmap of no disk": extra("<blockDirtyBitmaps><disk target='vdz'><bitmap name='x' alias='y'/></disk></blockDirtyBitmaps>"),
    "nul inside": extra("").replace("<hostname>", "\0<hostname>"),
    "no utf-8": extra("<zork>\udcff</zork>"),
}
# What the reference does not refuse, or in other words, and why ours differs.
DIFFERENT = {
    "document type": ("<!DOCTYPE x [<!ENTITY a 'b'>]>" + extra(""), "a document type is not allowed"),
    "negative capacity": (extra("<nbd><disk target='vda' capacity='-1'/></nbd>"), "Malformed disk capacity: '-1'"),
    "cpu mode": (extra("<cpu mode='zork'/>"), "unsupported configuration: Invalid mode attribute 'zork'"),
}
# Of those that finish takes nothing more is heard until the guest comes.
FINISH = ("other name", "text", "feature lockstate", "network without type")


class Daemon:
    """One that is asked by hand."""

    def __init__(self, machine, which):
        self.machine = machine
        self.daemon, _ = machine.daemon(which)
        self.wire = wire.Connection(self.daemon.socket("-sock"), timeout=30).open("qemu:///system")
        self.dom = {"name": "a", "uuid": uuid.UUID(UUID).bytes, "id": -1}

    def call(self, name, cookie=None, **args):
        """What it answers; an error is its text."""
        if cookie is not None:
            args["cookie_in"] = cookie.encode(errors="surrogateescape") + b"\0"
        params = [{"field": field, "value": (7, value)} for field, value in args.pop("strings", {}).items()]
        if name.endswith("_PARAMS"):
            args["params"] = params
        try:
            return self.wire.call(name, **args)
        except wire.RpcError as e:
            return e.body["message"]

    def prepare(self, cookie, disk="", flags=LIVE, xml=GUEST):
        return self.call("DOMAIN_MIGRATE_PREPARE3_PARAMS", cookie, flags=flags,
                         strings={"destination_xml": xml.replace("DISK", disk), "migrate_uri": "tcp:127.0.0.1:0"})

    def end(self):
        """The guest, that runs or waits."""
        self.call("DOMAIN_DESTROY", dom=self.dom)
        assert host.wait_for(lambda: not self.machine.guests(), 20), "a guest did not end"

    def perform(self, cookie):
        return self.call("DOMAIN_MIGRATE_PERFORM3_PARAMS", cookie, dom=self.dom, dconnuri=None, flags=LIVE,
                         strings={"migrate_uri": "tcp:127.0.0.1:1"})

    def finish(self, cookie):
        return self.call("DOMAIN_MIGRATE_FINISH3_PARAMS", cookie, flags=LIVE, cancelled=0, strings={"destination_name": "a"})


@contextlib.contextmanager
def daemon(which):
    with pair.Pair() as p:
        yield Daemon(p.source, which)


def compare(ask):
    """Asks both daemons for answers by cookie, which must be the same."""
    answers = {}
    for which in ("reference", "ours"):
        with daemon(which) as d:
            answers[which] = ask(d)
            assert d.daemon.alive(), d.daemon.log()
    bad = [f"{name}: {ours!r}, the reference {theirs!r}" for name, theirs in answers["reference"].items()
           if (ours := answers["ours"][name]) != theirs]
    assert not bad, "\n".join(bad)
    return answers["ours"]


def sent(answer):
    return bytes(answer["cookie_out"]).decode() if isinstance(answer, dict) else answer


def no_image(text):
    """The image that is missing ends a prepare whose cookie was taken; the words are another test's matter."""
    return "taken" if "none.img" in text else text


def prepare_refuses_them():
    def ask(d):
        return {name: no_image(d.prepare(cookie, DISK)) for name, cookie in COOKIES.items()}

    answers = compare(ask)
    assert answers["good"] == "taken", answers["good"]


def perform_refuses_them():
    """The guest goes on at the source."""
    def ask(d):
        created = d.call("DOMAIN_CREATE_XML", xml_desc=GUEST.replace("DISK", ""), flags=0)
        assert isinstance(created, dict), created
        answers = {name: d.perform(cookie) for name, cookie in COOKIES.items()}
        state = d.call("DOMAIN_GET_STATE", dom=d.dom, flags=0)
        assert state["state"] == 1, state
        return answers

    answers = compare(ask)
    assert "127.0.0.1:1" in answers["good"], answers["good"]


def finish_throws_away_what_waits():
    def ask(d):
        answers = {}
        for name in FINISH:
            prepared = d.prepare(COOKIES["good"])
            assert isinstance(prepared, dict), prepared
            answers[name] = d.finish(COOKIES[name])
            assert host.wait_for(lambda: not d.machine.guests(), 20), f"{name}: QEMU still waits"
        return answers

    compare(ask)


def ours_refuses_more():
    with daemon("ours") as d:
        for name, (cookie, words) in DIFFERENT.items():
            answer = d.prepare(cookie, DISK, LIVE | COPY)
            assert words in answer, f"{name}: {answer}"


OS = "<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>"
SENDERS = {
    "memory can be plugged": f"""<maxMemory slots='4'>1048576</maxMemory><memory>131072</memory><vcpu current='1'>2</vcpu>{OS}
<cpu><numa><cell id='0' cpus='0-1' memory='131072'/></numa></cpu><devices/>""",
    "spice": f"""<memory>16384</memory>{OS}<devices><graphics type='spice' autoport='yes' listen='0.0.0.0'/>
<interface type='user'/></devices>""",
    "two displays": f"""<memory>16384</memory>{OS}<devices><graphics type='vnc' autoport='yes'/>
<graphics type='spice' autoport='yes'/></devices>""",
    "vnc on a socket": f"<memory>16384</memory>{OS}<devices><graphics type='vnc'><listen type='socket'/></graphics></devices>",
}


def what_they_send():
    """Begin and prepare tell of a guest what the reference tells."""
    def ask(d):
        answers = {}
        for name, guest in SENDERS.items():
            xml = f"<domain type='qemu'><name>a</name><uuid>{UUID}</uuid>{guest}</domain>"
            created = d.call("DOMAIN_CREATE_XML", xml_desc=xml, flags=1)
            assert isinstance(created, dict), created
            answers[f"begin, {name}"] = sent(d.call("DOMAIN_MIGRATE_BEGIN3_PARAMS", dom=d.dom, flags=LIVE))
            d.end()
            answers[f"prepare, {name}"] = sent(d.prepare(COOKIES["good"], xml=xml))
            d.end()
        return answers

    answers = compare(ask)
    assert "<graphics type='spice'" in answers["prepare, spice"] and "memory-hotplug" in answers["begin, memory can be plugged"]


TESTS = [what_they_send, prepare_refuses_them, perform_refuses_them, finish_throws_away_what_waits, ours_refuses_more]


if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
