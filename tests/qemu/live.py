#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU guests that run, with stock virsh: the same commands give the same answers on Debian's libvirtd and on ours, guests
outlive their daemon and go from one to the other, and what fails does so in time and leaves nothing behind. Prints TAP."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

from guesthost import GuestHost  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><memory>65536</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/NAME.img'/>
<target dev='vda' bus='virtio'/></disk><interface type='user'><mac address='52:54:00:11:22:33'/><model type='virtio'/></interface>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<graphics type='vnc' port='-1' autoport='yes'/></devices></domain>"""
TINY = ("<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"
        "</os><devices><emulator>EMULATOR</emulator><memballoon model='none'/></devices></domain>")
QEMU = "/usr/bin/qemu-system-x86_64"
QUERY_NODES = '{"execute":"query-named-block-nodes"}'
CHANGES = [(re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"), (re.compile(r"libvirt-\d+"), "LIBVIRT-N"),
           (re.compile(r"(CPU time: +|total_times |rss |CPU: +)[\d.]+s?"), r"\1N"), (re.compile(r"/dev/pts/\d+"), "PTY"),
           # The reference may still be asking QEMU something right after a start.
           (re.compile(r"occupied \([\d.]+s\)"), "ok"),
           (re.compile(r',"id":"LIBVIRT-N"|"id":"LIBVIRT-N",'), "")]


class Live(GuestHost):

    def guest(self, name, xml=GUEST, emulator=QEMU):
        with open(self.path(f"{name}.img"), "wb") as f:
            f.truncate(1 << 20)
        return self.write(xml.replace("NAME", name).replace("ROOT", self.root).replace("EMULATOR", emulator), f"{name}.xml")


def virsh(uri, *command, timeout=60):
    run = subprocess.run(["virsh", "-c", uri, *command], capture_output=True, text=True, timeout=timeout,
                         env={**os.environ, "LC_ALL": "C"}, check=False)
    text = run.stdout + run.stderr
    for pattern, by in CHANGES:
        text = pattern.sub(by, text)
    return f"{run.returncode}\n{text}"


def must(uri, *command):
    out = virsh(uri, *command)
    assert out.startswith("0\n"), f"{command}: {out}"
    return out[2:]


def wait_for(what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{what} did not become true"
        time.sleep(0.02)


def life_session(h, uri):
    """Commands on a guest whose answers are compared word by word."""
    for command in [
            ["define", h.guest("a")], ["suspend", "a"], ["start", "a"], ["start", "a"], ["domstate", "a", "--reason"], ["list"],
            ["domid", "a"], ["suspend", "a"], ["domstate", "a", "--reason"], ["suspend", "a"], ["resume", "a"], ["resume", "a"],
            ["domstate", "a", "--reason"], ["reset", "a"], ["domcontrol", "a"], ["send-key", "a", "KEY_A"], ["inject-nmi", "a"],
            ["vncdisplay", "a"], ["ttyconsole", "a"], ["domblklist", "a"], ["domiflist", "a"], ["domifstat", "a", "vnet9"],
            ["qemu-monitor-command", "a", '{"execute":"query-status"}'], ["qemu-monitor-command", "a", "--hmp", "info status"],
            ["qemu-monitor-command", "a", '{"execute":"no-such"}'], ["qemu-monitor-command", "a", "{"],
            ["qemu-agent-command", "a", '{"execute":"guest-ping"}'], ["domblkinfo", "a", "vda"], ["domblkinfo", "a", "vdz"],
            ["dommemstat", "a"], ["undefine", "a"], ["list", "--all"], ["create", h.guest("a")], ["destroy", "a"],
            ["list", "--all"], ["define", h.guest("b")], ["start", "b", "--paused"], ["domstate", "b", "--reason"],
            ["managedsave", "b"], ["list", "--all", "--managed-save"], ["undefine", "b"], ["start", "b"],
            ["domstate", "b", "--reason"], ["save", "b", h.path("b.save")], ["domstate", "b", "--reason"],
            ["restore", h.path("b.save")], ["domstate", "b", "--reason"], ["destroy", "b", "--graceful"],
            ["domstate", "b", "--reason"], ["destroy", "b"], ["restore", h.path("nothing")],
            ["create", h.guest("p"), "--paused", "--autodestroy"]]:
        yield command, virsh(uri, *command)
    wait_for(lambda: " p " not in virsh(uri, "list"))  # autodestroy takes its time
    yield ["list", "--all"], virsh(uri, "list", "--all")


def stored_sizes(h, uri):
    """Of an image that no guest uses."""
    xml = h.guest("q", GUEST.replace("type='raw'/><source", "type='qcow2'/><source"))
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", h.path("q.img"), "3M"], check=True)
    for command in [["define", xml], ["domblkinfo", "q", "vda"], ["undefine", "q"]]:
        yield command, virsh(uri, *command)


def same_answers_as_the_reference():
    answers = {}
    for which in ("reference", "ours"):
        with Live() as h:
            daemon, uri = h.daemon(which)
            answers[which] = [(" ".join(c).replace(h.root, ""), out.replace(h.root, "")) for c, out in [*life_session(h, uri), *stored_sizes(h, uri)]]
            assert daemon.alive(), daemon.log()
    bad = [f"virsh {command}\n--- reference\n{theirs}\n--- ours\n{ours}"
           for (command, theirs), (_, ours) in zip(answers["reference"], answers["ours"], strict=True) if theirs != ours]
    assert not bad, "\n".join(bad)


def guests_outlive_their_daemon():
    """Killed and stopped properly: guests run on under their ids, and one that ended meanwhile is seen to have."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        must(uri, "define", h.guest("a"))
        must(uri, "start", "a")
        must(uri, "create", h.guest("b"), "--paused")
        before = h.guests()
        for sig in (signal.SIGKILL, signal.SIGTERM):
            daemon.stop(sig)
            assert sorted(h.guests()) == sorted(before)
            daemon, uri = h.daemon("ours")
            assert virsh(uri, "domid", "a") == "0\n1\n\n" and virsh(uri, "domid", "b") == "0\n2\n\n"
            assert "running (booted)" in virsh(uri, "domstate", "a", "--reason")
            assert "paused (user)" in virsh(uri, "domstate", "b", "--reason")
        must(uri, "resume", "b")
        daemon.stop(signal.SIGKILL)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        wait_for(lambda: "shut off (crashed)" in virsh(uri, "domstate", "a", "--reason"))
        wait_for(lambda: "b" not in must(uri, "list", "--all", "--name").split())
        left = [n for n in os.listdir(h.path("run", "libvirt", "qemu")) if n.startswith(("a.", "b."))]
        assert not left, left


DRIVES = "".join(
    f"""<disk type='file' device='{device}'><driver name='qemu' type='raw'/><source file='ROOT/medium.img'/>
<target dev='{name}' bus='{bus}'/><readonly/></disk>"""
    for device, name, bus in (("cdrom", "hdc", "ide"), ("cdrom", "sdb", "scsi"), ("cdrom", "sdc", "usb"), ("floppy", "fda", "fdc")))


def drives_keep_their_media():
    """What the daemon finds in QEMU after it was killed is what the definition says; a node that nobody has is closed."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        h.guest("medium")
        must(uri, "create", h.guest("a", GUEST.replace("<interface", DRIVES + "<interface")), "--paused")
        before = must(uri, "dumpxml", "a")
        assert before.count("<source file=") == 5, before
        node = {"driver": "null-co", "node-name": "libvirt-77-storage"}
        must(uri, "qemu-monitor-command", "a", json.dumps({"execute": "blockdev-add", "arguments": node}))
        daemon.stop(signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        wait_for(lambda: "null-co" not in must(uri, "qemu-monitor-command", "a", QUERY_NODES))
        assert must(uri, "dumpxml", "a") == before, must(uri, "dumpxml", "a")


def guests_change_daemons():
    """Started by one, used by the other, and back."""
    with Live() as h:
        for first, second in (("ours", "reference"), ("reference", "ours")):
            daemon, uri = h.daemon(first)
            must(uri, "create", h.guest("a"))
            must(uri, "create", h.guest("b"), "--paused")
            daemon.stop()
            daemon, uri = h.daemon(second)
            wait_for(lambda: "running" in virsh(uri, "domstate", "a"))
            assert "paused" in virsh(uri, "domstate", "b")
            must(uri, "resume", "b")
            must(uri, "suspend", "a")
            assert "rd_req" in must(uri, "domblkstat", "a", "vda")
            daemon.stop()
            daemon, uri = h.daemon(first)
            wait_for(lambda: "paused" in virsh(uri, "domstate", "a"))
            assert "running" in virsh(uri, "domstate", "b")
            must(uri, "destroy", "a")
            must(uri, "destroy", "b")
            daemon.stop()
            assert not h.guests()


def images_change_daemons():
    with Live() as h:
        for first, second in (("ours", "reference"), ("reference", "ours")):
            daemon, uri = h.daemon(first)
            must(uri, "create", h.guest("a"))
            must(uri, "save", "a", h.path("a.save"))
            daemon.stop()
            daemon, uri = h.daemon(second)
            must(uri, "restore", h.path("a.save"))
            assert "running (restored)" in virsh(uri, "domstate", "a", "--reason")
            must(uri, "destroy", "a")
            daemon.stop()


BAD_EMULATORS = {
    "exits": ("exit 1", "unexpectedly closed the monitor"),
    "complains": ("echo 'out of luck' >&2; exit 1", "out of luck"),
    "dies": ("kill -9 $$", "unexpectedly closed the monitor"),
}


def bad_emulators_give_errors():
    """A program that answers the first questions as QEMU does, and fails when it is to run a guest."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        for name, (script, message) in BAD_EMULATORS.items():
            path = h.write(f"#!/bin/sh\ncase \"$*\" in *-nographic*) exec {QEMU} \"$@\";; esac\n{script}\n", f"qemu-{name}")
            os.chmod(path, 0o755)
            out = virsh(uri, "create", h.guest(name, TINY, path))
            assert out.startswith("1\n") and message in out, (name, out)
        path = h.write("not a program", "qemu-text")
        os.chmod(path, 0o755)
        assert virsh(uri, "create", h.guest("text", TINY, path)).startswith("1\n")
        assert virsh(uri, "create", h.guest("none", TINY, "/nonexistent")).startswith("1\n")
        assert must(uri, "list", "--all", "--name").split() == []
        assert os.listdir(h.path("lib", "qemu", "channel", "target")) == []
        assert daemon.alive() and not h.guests()


def a_hung_guest_hangs_alone():
    """One guest is stopped by a signal: calls about it wait, others are as quick as before, destroy ends it."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        must(uri, "create", h.guest("stuck", TINY))
        must(uri, "create", h.guest("free", TINY))
        conn = libvirt.open(uri)
        stuck, free = conn.lookupByName("stuck"), conn.lookupByName("free")
        os.kill(int(open(h.path("run", "libvirt", "qemu", "stuck.pid"), encoding="ascii").read()), signal.SIGSTOP)
        waiting = subprocess.Popen(["virsh", "-c", uri, "suspend", "stuck"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(0.3)
        slowest = 0.0
        for _ in range(50):
            begin = time.monotonic()
            free.suspend()
            free.resume()
            slowest = max(slowest, time.monotonic() - begin)
        assert waiting.poll() is None
        print(f"# slowest of 50 suspend and resume beside a hung guest: {slowest * 1000:.1f} ms")
        assert slowest < 1.0
        os.kill(int(open(h.path("run", "libvirt", "qemu", "stuck.pid"), encoding="ascii").read()), signal.SIGCONT)
        assert waiting.wait(10) == 0
        stuck.destroy()
        assert [d.name() for d in conn.listAllDomains()] == ["free"] and daemon.alive()


def guests_killed_at_any_time():
    """The process dies somewhere in its start, again and again: an error, or a guest that is gone; never a rest of one."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        path = h.guest("k", TINY)
        for i in range(15):
            starter = subprocess.Popen(["virsh", "-c", uri, "create", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.02 + 0.004 * i)
            for pid in h.guests():
                os.kill(pid, signal.SIGKILL)
            starter.wait(20)
            virsh(uri, "destroy", "k")  # a start that was not hit
            wait_for(lambda: not h.guests())
            wait_for(lambda: virsh(uri, "list", "--all", "--name").split() == ["0"])
        assert daemon.alive()
        assert not [n for n in os.listdir(h.path("run", "libvirt", "qemu")) if n.startswith("k.")]


def many_at_once():
    """Twenty starts at once, one listing of all, a restart of the daemon under them."""
    with Live() as h:
        daemon, uri = h.daemon("ours")
        names = [f"m{i}" for i in range(20)]
        for name in names:
            must(uri, "define", h.guest(name, TINY))
        starters = [subprocess.Popen(["virsh", "-c", uri, "start", n, "--paused"], stdout=subprocess.DEVNULL) for n in names]
        assert [s.wait(60) for s in starters] == [0] * len(names)
        conn = libvirt.open(uri)
        assert len(conn.getAllDomainStats()) == len(names)
        conn.close()
        daemon.stop(signal.SIGKILL)
        daemon, uri = h.daemon("ours")
        conn = libvirt.open(uri)
        assert all(d.state()[0] == libvirt.VIR_DOMAIN_PAUSED for d in conn.listAllDomains())
        for d in conn.listAllDomains():
            d.destroy()
        assert not h.guests() and daemon.alive()


TESTS = [same_answers_as_the_reference, guests_outlive_their_daemon, drives_keep_their_media, guests_change_daemons, images_change_daemons,
         bad_emulators_give_errors, a_hung_guest_hangs_alone, guests_killed_at_any_time, many_at_once]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    sys.exit(tap.run(TESTS, sys.argv[1:]))


if __name__ == "__main__":
    main()
