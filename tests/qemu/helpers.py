#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests of Debian's libvirtd with virtlogd and virtlockd of ours beside it: it must not notice. The same with all three
of Debian shows what is expected. Needs root and QEMU."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import guesthost  # noqa: E402
import host  # noqa: E402
import wire  # noqa: E402

CONF = """user = "root"
group = "root"
stdio_handler = "logd"
lock_manager = "lockd"
security_driver = "none"
namespaces = []
cgroup_controllers = []
"""
GUEST = """<domain type='qemu'><name>{name}</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/>
<target dev='vda' bus='virtio'/></disk>
<serial type='pty'><log file='/var/log/libvirt/qemu/{name}-serial.log'/></serial></devices></domain>"""


class StockLibvirtd(unittest.TestCase):
    programs = {"virtlogd": host.daemon_program("virtlogd"), "virtlockd": host.daemon_program("virtlockd")}
    lockd_conf = ""
    version = "libvirt version: 9.0.0"

    def setUp(self):
        if host.reference_program() is None:
            self.fail("Debian's libvirtd is not installed")
        self.host = guesthost.GuestHost(base=CONF)
        self.addCleanup(self.host.close)
        os.mkdir(self.host.path("log", "qemu"))
        self.host.write(self.lockd_conf, "etc", "qemu-lockd.conf")
        for name, program in self.programs.items():
            self.host.start(program, sockets=host.sockets_of(name))
        daemon = self.start_daemon()
        self.uri = f"qemu+unix:///system?socket={daemon.sockets[0]}"
        self.image = self.host.path("disk.img")
        with open(self.image, "wb") as f:
            f.truncate(1 << 20)

    def start_daemon(self):
        return host.start_reference(self.host)

    def virsh(self, *args, fails=False):
        out = subprocess.run(["virsh", "-c", self.uri, *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(out.returncode != 0, fails, out.stderr)
        return out.stderr

    def define(self, name):
        path = self.host.write(GUEST.format(name=name, image=self.image), f"{name}.xml")
        self.virsh("define", path)

    def log(self, name):
        with open(self.host.path("log", "qemu", name), encoding="utf-8") as f:
            return f.read()

    def locked(self):
        """Whether somebody holds the image: as another host would see it."""
        with open(self.image, "r+b") as f:
            try:
                fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
            except OSError:
                return True
            return False

    def hand_over(self):
        """Fresh copies of both take over."""
        for name in self.programs:
            os.kill(host.daemon_pid(self.host, name), signal.SIGUSR1)
        time.sleep(0.5)

    def test_life(self):
        self.define("a")
        self.virsh("start", "a")
        self.assertIn(f"starting up {self.version}", self.log("a.log"))
        self.assertIn("char device redirected to", self.log("a.log"))
        self.assertEqual(self.log("a-serial.log"), "")
        self.assertIn("logfile=/dev/fdset/0,logappend=on", self.log("a.log"))
        self.assertTrue(self.locked())
        self.virsh("suspend", "a")
        self.assertFalse(self.locked())
        self.hand_over()
        self.virsh("resume", "a")
        self.assertTrue(self.locked())
        self.hand_over()
        self.assertTrue(self.locked())
        self.virsh("destroy", "a")
        self.assertFalse(self.locked())
        self.assertIn("shutting down, reason=destroyed", self.log("a.log"))
        with open(self.image, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX, 1)
            self.assertIn(f"resource busy: Lockspace resource '{self.image}' is locked", self.virsh("start", "a", fails=True))


class OurDisks(StockLibvirtd):
    """A disk that joins a guest of ours is locked, and free when it leaves."""

    version = "virthost version: "

    def start_daemon(self):
        return host.start_ours(self.host, "virtqemud")

    def test_life(self):
        path = self.host.write(GUEST.format(name="a", image=self.image).replace("<serial", "<controller type='scsi' model='virtio-scsi'/><serial"), "a.xml")
        self.virsh("define", path)
        self.virsh("start", "a")
        self.image = self.host.path("second.img")
        with open(self.image, "wb") as f:
            f.truncate(1 << 20)
        disk = self.host.write(f"<disk type='file'><driver name='qemu' type='raw'/><source file='{self.image}'/><target dev='sdb' bus='scsi'/></disk>", "disk.xml")
        with open(self.image, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX, 1)
            self.assertIn(f"resource busy: Lockspace resource '{self.image}' is locked", self.virsh("attach-device", "a", disk, fails=True))
        self.assertFalse(self.locked())
        self.virsh("attach-device", "a", disk)
        self.assertTrue(self.locked())
        self.virsh("suspend", "a")
        self.assertFalse(self.locked())
        self.virsh("resume", "a")
        self.assertTrue(self.locked())
        self.virsh("detach-device", "a", disk)
        self.assertFalse(self.locked())


class WithLockFolder(StockLibvirtd):
    """Locks on files that stand for disks; Debian's libvirtd and ours name them alike, so that both exclude each other."""

    lockd_conf = 'file_lockspace_dir = "/var/lib/libvirt/lockd/files"\n'

    def setUp(self):
        super().setUp()
        self.folder = self.host.path("lib", "lockd", "files")

    def locked(self):
        return os.path.isdir(self.folder) and len(os.listdir(self.folder)) > 0

    def test_life(self):
        self.define("a")
        self.virsh("start", "a")
        self.assertEqual(os.listdir(self.folder), [hashlib.sha256(self.image.encode()).hexdigest()])
        self.hand_over()
        self.virsh("destroy", "a")
        self.assertFalse(self.locked())


class AllStock(StockLibvirtd):
    programs = {"virtlogd": "/usr/sbin/virtlogd", "virtlockd": "/usr/sbin/virtlockd"}


class OursWithStock(AllStock):
    """Our virtqemud with virtlogd and virtlockd of Debian."""

    version = "virthost version: "

    def start_daemon(self):
        return host.start_ours(self.host, "virtqemud")


class Ours(StockLibvirtd):
    """All three of ours."""

    version = "virthost version: "

    def start_daemon(self):
        self.qemud = host.start_ours(self.host, "virtqemud")
        return self.qemud

    def test_locks_while_the_daemon_is_away(self):
        """They are the guest's, not the daemon's."""
        self.define("a")
        self.virsh("start", "a")
        self.qemud.stop(signal.SIGKILL)
        self.assertTrue(self.locked())
        self.start_daemon()
        self.virsh("suspend", "a")
        self.assertFalse(self.locked())
        self.virsh("resume", "a")
        self.assertTrue(self.locked())
        with open(self.host.path("run", "libvirt", "qemu", "a.pid"), encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGKILL)
        deadline = time.monotonic() + 5
        while self.locked() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertFalse(self.locked())


class HungHelper(Ours):
    """One that does not answer holds up the guests that need it, and nobody else."""

    # Seconds that a helper has to answer.
    ANSWER_TIME = 5

    def others_go_on(self, *command):
        """While a command of virsh runs; returns its exit status and what it said."""
        with wire.Connection(self.qemud.socket("-sock")) as other, subprocess.Popen(
                ["virsh", "-c", self.uri, *command], stderr=subprocess.PIPE, text=True) as run:
            other.open("qemu:///system")
            slowest = 0
            while run.poll() is None:
                begin = time.monotonic()
                other.call("CONNECT_NUM_OF_DOMAINS")
                slowest = max(slowest, time.monotonic() - begin)
                time.sleep(0.01)
            self.assertLess(slowest, self.ANSWER_TIME / 2, "another client's call waited")
            return run.returncode, run.stderr.read()

    def hang(self, name):
        pid = host.daemon_pid(self.host, name)
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        return pid

    def test_virtlogd(self):
        self.define("a")
        self.virsh("start", "a")
        pid = self.hang("virtlogd")
        self.assertEqual(self.others_go_on("destroy", "a"), (0, ""))
        self.assertIn("shutting down, reason=destroyed", self.log("a.log"))
        status, why = self.others_go_on("start", "a")
        self.assertEqual(status, 1)
        self.assertIn("no answer to the call", why)
        os.kill(pid, signal.SIGCONT)
        self.virsh("start", "a")
        self.virsh("destroy", "a")


    def test_virtlockd(self):
        """No lock: no start, no resume, no disk. What a guest gives back late is free for the next."""
        self.define("a")
        pid = self.hang("virtlockd")
        status, why = self.others_go_on("start", "a")
        self.assertEqual(status, 1)
        self.assertIn("cannot register with the lock daemon: Connection timed out", why)
        os.kill(pid, signal.SIGCONT)
        self.virsh("start", "a")
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(self.others_go_on("suspend", "a")[0], 0)
        status, why = self.others_go_on("resume", "a")
        self.assertEqual(status, 1)
        self.assertIn("no answer to the call", why)
        os.kill(pid, signal.SIGCONT)
        self.virsh("resume", "a")
        self.assertTrue(self.locked())
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(self.others_go_on("destroy", "a"), (0, ""))
        os.kill(pid, signal.SIGCONT)
        self.virsh("start", "a")
        self.assertTrue(self.locked())
        self.virsh("destroy", "a")


class OursWithLockFolder(WithLockFolder):
    version = "virthost version: "

    def start_daemon(self):
        return host.start_ours(self.host, "virtqemud")


if __name__ == "__main__":
    unittest.main()
