#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every call about a guest, on one that is there and paused: the same answers and errors as Debian's libvirtd, first with
the smallest arguments by the description of the protocol (a new row is tested by itself), then with those that matter for
what other suites do not look at. Prints TAP."""

import json
import os
import socket
import sys

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))
sys.path.insert(0, os.path.join(HERE, "..", "conformance"))
sys.path.insert(0, HERE)

from frames import describe  # noqa: E402
from live import GUEST, Live, must, virsh, wait_for  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402

# Calls with which Debian's libvirtd ends by a signal or hangs, so that there is nothing to compare with.
FATAL = {"DOMAIN_MIGRATE_PERFORM", "DOMAIN_MIGRATE_PERFORM3", "DOMAIN_MIGRATE_PERFORM3_PARAMS", "DOMAIN_SET_BLOCK_THRESHOLD",
         "DOMAIN_SAVE_PARAMS"}
# Answers that need not be the same: call → why.
DIFFERENT = {
    "DOMAIN_GET_XML_DESC": "has a UUID and ports of its own; live.py compares it",
    "DOMAIN_GET_INFO": "processor time",
    "DOMAIN_CORE_DUMP": "an empty path is the root folder there, and no file here",
    "DOMAIN_CORE_DUMP_WITH_FORMAT": "likewise",
    "DOMAIN_SAVE": "likewise",
    "DOMAIN_SAVE_FLAGS": "likewise",
}
UUID = "1b9c2d8e-6a55-4a5e-9f70-0c9a3c1f2b11"
OTHER = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>NAME</name><memory>16384</memory>
<os><type arch='x86_64' machine='pc-i440fx-1.4'>hvm</type></os><devices>
<disk type='file' device='disk'><driver type='raw'/><source file='ROOT/NAME.img'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
<graphics type='vnc' port='-1' passwd='abc'/><memballoon model='none'/></devices>
<qemu:commandline><qemu:arg value='-no-hpet'/></qemu:commandline>
<qemu:capabilities><qemu:del capability='usb-net'/></qemu:capabilities></domain>"""


class Asked:
    """A daemon with a paused guest "a", and answers of it."""

    def __init__(self, h, which):
        os.makedirs(h.path("run", "lock"))  # where the reference locks terminals
        self.h = h
        self.daemon, self.uri = h.daemon(which)
        self.program = wire.program("remote")
        self.conn = None

    def ready(self, xml):
        if not virsh(self.uri, "domstate", "a").strip().endswith("paused"):
            virsh(self.uri, "destroy", "a")
            must(self.uri, "define", xml)
            must(self.uri, "start", "a", "--paused")

    def connection(self):
        if self.conn is None:
            self.conn = wire.Connection(self.daemon.socket("-sock"), timeout=30)
            self.conn.call("AUTH_LIST")
            self.conn.call("CONNECT_OPEN", name="qemu:///system", flags=0)
        return self.conn

    def ask(self, name, proc, args):
        conn = self.connection()
        args["dom"] = conn.call("DOMAIN_LOOKUP_BY_NAME", name="a")["dom"]
        f = conn.call_raw(proc["num"], self.program.encode(proc["args"], args))
        for fd in f.fds:
            os.close(fd)
        if proc.get("stream"):
            conn.sock.close()
            self.conn = None
        if f.status == wire.ERROR:
            error = describe(f)["error"]
            return error["code"], error["message"].replace(self.h.root, "ROOT")
        return ("ok", json.dumps(self.program.decode(proc["ret"], f.payload), default=repr)) if proc.get("ret") else "ok"


def sweep(which):
    with Live() as h:
        asked = Asked(h, which)
        answers = {}
        for name, proc in asked.program.procs.items():
            blank = asked.program.blank(proc["args"]) if proc.get("dir") == "call" and proc.get("args") else {}
            if isinstance(blank.get("dom"), dict) and name not in FATAL:
                asked.ready(h.guest("a", GUEST.replace("</name>", f"</name><uuid>{UUID}</uuid>")))
                answers[name] = asked.ask(name, proc, blank)
        return answers


def smallest_arguments():
    """Every procedure with a domain, with nothing but it."""
    theirs, ours = sweep("reference"), sweep("ours")
    assert len(theirs) > 120, len(theirs)
    bad = [f"{name}:\n  reference {theirs[name]}\n  ours      {ours[name]}" for name in theirs
           if theirs[name] != ours[name] and name not in DIFFERENT]
    assert not bad, "\n".join(bad)


def attempt(function, *args):
    try:
        return function(*args)
    except libvirt.libvirtError as e:
        return e.get_error_code(), e.get_error_message()


def vnc_hello(s):
    """What a VNC server begins with: its version, and whether it wants a password."""
    with s:
        s.settimeout(10)
        version = s.recv(12)
        s.send(b"RFB 003.008\n")
        return version, s.recv(2)


def displays(h, dom):
    answers = []
    for display, flags in ((0, 0), (0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH), (1, 0), (0, 4)):
        mine, his = socket.socketpair()
        r = attempt(dom.openGraphics, display, his.fileno(), flags)
        his.close()
        answers.append((r, vnc_hello(mine) if r == 0 else mine.close()))
        r = attempt(dom.openGraphicsFD, display, flags)
        answers.append(vnc_hello(socket.socket(fileno=r)) if isinstance(r, int) else r)
    return answers


def peeks(h, dom):
    memory = [attempt(dom.memoryPeek, *a) for a in ((0xffff0, 16, 2), (0, 16, 1), (0, 16, 0), (0, 16, 3), (1 << 40, 16, 2), (0, 0, 2),
                                                    (0, 16, 4), (0xf0000, 65536, 2))]
    image = [attempt(dom.blockPeek, *a) for a in (("vda", 0, 22, 0), (h.path("a.img"), 11, 5, 0), ("vdb", 0, 5, 0), ("hda", 0, 5, 0),
                                                  ("vda", 1 << 30, 5, 0), ("vda", 0, 5, 1), ("vda", (1 << 20) - 4, 8, 0))]
    return memory + image


def messages(h, dom):
    virsh(h.uri, "qemu-monitor-command", "a", '{"execute":"query-status"}')
    with open(h.path("run", "libvirt", "qemu", "a.xml"), encoding="utf-8") as f:
        status = [line.strip() for line in f if "<taint" in line or "<deprecation" in line]
    with open(h.path("log", "qemu", "a.log"), encoding="utf-8") as f:
        log = [line.partition(": ")[2] for line in f if "tainted" in line]
    return [attempt(dom.messages, flags) for flags in range(5)], status, log


def life_cycle(h, dom):
    answers = [(kind, action, flags, attempt(dom.setLifecycleAction, kind, action, flags))
               for kind in range(-1, 4) for action in range(-1, 7) for flags in (0, 1, 2)]
    return answers, [line for line in dom.XMLDesc().splitlines() if "<on_" in line]


def odds_and_ends(h, dom):
    conn = dom.connect()
    return [attempt(dom.launchSecurityInfo), attempt(dom.setLaunchSecurityState, {"sev-secret": "x", "sev-secret-header": "y"}),
            attempt(conn.getSEVInfo), attempt(dom.getCPUStats, True), attempt(dom.getCPUStats, False), attempt(dom.shutdown),
            attempt(dom.shutdownFlags, 1), attempt(dom.reboot), [attempt(dom.detachDeviceAlias, "nope", n) for n in (1, 2, 3)],
            attempt(dom.createWithFiles, [], 0), attempt(dom.undefine), attempt(dom.undefineFlags, 0)]


def same_with(part):
    """Runs one of the functions above on both daemons."""
    answers = {}
    for which in ("reference", "ours"):
        with Live() as h:
            _, h.uri = h.daemon(which)
            must(h.uri, "create", h.guest("a", OTHER), "--paused")
            with open(h.path("a.img"), "r+b") as f:
                f.write(b"hello world" * 10)
            conn = libvirt.open(h.uri)
            answers[which] = repr(part(h, conn.lookupByName("a"))).replace(h.root, "ROOT")
            conn.close()
    assert answers["reference"] == answers["ours"], f"\n  reference {answers['reference']}\n  ours      {answers['ours']}"


def clients_of_displays():
    """A client gets a connection to a display, brings one, and is let in without a password if it says so."""
    same_with(displays)


def memory_and_images():
    """What is in a guest's memory and in a raw image."""
    same_with(peeks)


def what_is_unusual():
    """Messages, status file and log tell what taints a guest and what is deprecated in it."""
    same_with(messages)


def ends_of_a_guest():
    """What happens at a power-off, a reboot, a crash is changed while it runs."""
    same_with(life_cycle)


def the_rest():
    """Launch security, processor time, the button of a paused guest, devices and definitions that are not there."""
    same_with(odds_and_ends)


def reboots_that_end():
    """on_reboot=destroy: a reset ends the guest with the same reason, also where that was set while it ran."""
    answers = {}
    for which in ("reference", "ours"):
        with Live() as h:
            _, uri = h.daemon(which)
            text = GUEST.replace("<devices>", "<on_reboot>destroy</on_reboot><devices>")
            for name, xml, before in (("a", text, []), ("b", GUEST, ["set-lifecycle-action", "b", "reboot", "destroy"])):
                must(uri, "define", h.guest(name, xml))
                must(uri, "start", name)
                if before:
                    must(uri, *before)
                virsh(uri, "reset", name)  # which may say that QEMU went meanwhile
                wait_for(lambda: "shut off" in virsh(uri, "domstate", name), 30)
                answers.setdefault(which, []).append(virsh(uri, "domstate", name, "--reason"))
    assert answers["reference"] == answers["ours"], answers


TESTS = [smallest_arguments, clients_of_displays, memory_and_images, what_is_unusual, ends_of_a_guest, the_rest, reboots_that_end]

if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *_: None, None)
    sys.exit(tap.run(TESTS, sys.argv[1:]))
