#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtlockd: lock spaces, owners and their lifelines, two hosts with a common folder, and handing everything over to a
fresh copy of the program, of ours or of Debian's, in both directions. Needs root, for a private mount namespace.

    lockd.py owner SOCKET SPACE NAME FLAGS [deaf]     what the tests start as a guest: locks, then waits"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import wire  # noqa: E402

OURS = host.daemon_program("virtlockd")
REFERENCE = "/usr/sbin/virtlockd"
UUID = bytes(range(16))
SHARED, AUTO_CREATE = 1, 2
BUSY = (87, 51)
# Of owners without a lifeline: whoever registers himself is ended with his connection.
SOME_PID, OTHER_PID = 1, 2


def register(c, pid):
    c.call("REGISTER", "lock", owner={"uuid": UUID, "name": "guest", "id": 3, "pid": pid}, flags=0)


def act_as_guest(sock, space, name, flags, deaf=None):
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    c = wire.Connection(sock)
    register(c, os.getpid())
    c.call("ACQUIRE_RESOURCE", "lock", path=space, name=name, flags=int(flags))
    print("locked", flush=True)
    sys.stdin.readline()
    c.sock.close()
    time.sleep(60)


class LockTest(unittest.TestCase):
    def setUp(self):
        self.host = host.Host()
        self.addCleanup(self.host.close)
        self.space = self.host.path("space")
        self.image = self.host.write("x", "image")

    def start(self, program=OURS, on=None):
        on = on or self.host
        path = on.path("virtlockd")
        shutil.copy(program, path)
        return on.start(path, sockets=host.sockets_of("virtlockd"))

    def connect(self, daemon, pid=None, space=True):
        c = wire.Connection(daemon.sockets[0])
        self.addCleanup(c.sock.close)
        if pid != 0:
            register(c, pid or SOME_PID)
            if space:
                c.call("CREATE_LOCKSPACE", "lock", path=self.space)
        return c

    def acquire(self, c, name, flags=0, space=None):
        c.call("ACQUIRE_RESOURCE", "lock", path=self.space if space is None else space, name=name, flags=flags)

    def release(self, c, name, space=None):
        c.call("RELEASE_RESOURCE", "lock", path=self.space if space is None else space, name=name)

    def refused(self, function, *args, **kw):
        with self.assertRaises(wire.RpcError) as e:
            function(*args, **kw)
        body = e.exception.body
        return body["code"], body["domain"], body["message"]

    def refused_call(self, c, proc, **args):
        return self.refused(c.call, proc, "lock", **args)

    def assertBusy(self, function, *args, **kw):
        code, domain, message = self.refused(function, *args, **kw)
        self.assertEqual((code, domain), BUSY, message)
        self.assertRegex(message, "^resource busy: Lockspace resource '.*' is (not )?locked$")

    def guest(self, daemon, name, flags=0, space="", deaf=False):
        """A process with locks of its own and a lifeline."""
        p = subprocess.Popen([sys.executable, os.path.abspath(__file__), "owner", daemon.sockets[0], space, name, str(flags),
                              *(["deaf"] if deaf else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        self.assertEqual(p.stdout.readline(), "locked\n")
        return p

    def replace(self, program):
        """Another program takes over in the same process."""
        path = self.host.path("virtlockd")
        shutil.copy(program, path + ".new")
        os.rename(path + ".new", path)
        pid = host.daemon_pid(self.host, "virtlockd")
        before = os.stat(f"/proc/{pid}/exe").st_ino
        os.kill(pid, signal.SIGUSR1)
        self.assertTrue(host.wait_for(lambda: os.stat(f"/proc/{pid}/exe").st_ino != before))


class Locks(LockTest):
    def test_exclusive(self):
        d = self.start()
        a, b = self.connect(d), self.connect(d, pid=OTHER_PID)
        self.acquire(a, "disk", AUTO_CREATE)
        self.assertEqual(os.listdir(self.space), ["disk"])
        for flags in (0, SHARED, AUTO_CREATE):
            self.assertBusy(self.acquire, b, "disk", flags)
        self.assertIn("does not hold the resource lock", self.refused(self.release, b, "disk")[2])
        self.release(a, "disk")
        self.assertEqual(os.listdir(self.space), [])
        self.acquire(b, "disk", AUTO_CREATE)
        self.assertBusy(self.release, b, "other")

    def test_shared(self):
        d = self.start()
        a, b = self.connect(d), self.connect(d, pid=OTHER_PID)
        self.acquire(a, self.image, SHARED, "")
        self.acquire(b, self.image, SHARED, "")
        self.assertBusy(self.acquire, b, self.image, 0, "")
        self.release(a, self.image, "")
        self.assertBusy(self.acquire, a, self.image, 0, "")
        self.release(b, self.image, "")
        self.acquire(a, self.image, 0, "")
        self.assertTrue(os.path.exists(self.image))

    def test_other_names_of_a_disk(self):
        """A link is the same disk; trying it drops no lock."""
        d = self.start()
        c = self.connect(d)
        os.symlink(self.image, self.host.path("link"))
        os.link(self.image, self.host.path("hard"))
        self.acquire(c, self.image, 0, "")
        for name in ("link", "hard"):
            self.assertBusy(self.acquire, c, self.host.path(name), 0, "")
        with open(self.image, "r+b") as f, self.assertRaises(OSError):
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)

    def test_locks_of_others(self):
        d = self.start()
        c = self.connect(d)
        with open(self.image, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB, 1)
            self.assertBusy(self.acquire, c, self.image, 0, "")
            self.acquire(c, self.image, SHARED, "")

    def test_two_hosts(self):
        """Two daemons that see the same folder, ours and either."""
        for program in (OURS, REFERENCE):
            with self.subTest(program), host.Host() as other:
                here, there = self.connect(self.start()), self.connect(self.start(program, other))
                self.acquire(here, "disk", AUTO_CREATE)
                self.acquire(here, self.image, 0, "")
                self.assertBusy(self.acquire, there, "disk", AUTO_CREATE)
                self.assertBusy(self.acquire, there, self.image, 0, "")
                self.release(here, "disk")
                self.acquire(there, "disk", AUTO_CREATE)
                self.assertBusy(self.acquire, here, "disk", AUTO_CREATE)
                self.release(there, "disk")
                self.acquire(here, "disk", AUTO_CREATE)
                self.host.daemons[-1].stop()

    def test_shared_by_two_hosts(self):
        """The file stays as long as anybody shares it."""
        with host.Host() as other:
            here, there = self.connect(self.start()), self.connect(self.start(on=other))
            self.acquire(here, "disk", SHARED | AUTO_CREATE)
            self.acquire(there, "disk", SHARED | AUTO_CREATE)
            self.release(here, "disk")
            self.assertEqual(os.listdir(self.space), ["disk"])
            self.assertBusy(self.acquire, here, "disk", AUTO_CREATE)
            self.release(there, "disk")
            self.assertEqual(os.listdir(self.space), [])

    def test_resources(self):
        c = self.connect(self.start())
        c.call("CREATE_RESOURCE", "lock", path=self.space, name="lease")
        self.assertEqual(os.stat(os.path.join(self.space, "lease")).st_mode & 0o777, 0o600)
        self.acquire(c, "lease")
        for proc in ("CREATE_RESOURCE", "DELETE_RESOURCE"):
            self.assertEqual(self.refused_call(c, proc, path=self.space, name="lease")[:2], BUSY)
        self.release(c, "lease")
        self.assertEqual(os.listdir(self.space), ["lease"])
        c.call("DELETE_RESOURCE", "lock", path=self.space, name="lease")
        self.assertEqual(os.listdir(self.space), [])
        self.assertIn("is a disk", self.refused_call(c, "DELETE_RESOURCE", path="", name=self.image)[2])
        self.assertTrue(os.path.exists(self.image))


class Lifelines(LockTest):
    def test_end_of_guest_frees(self):
        d = self.start()
        c = self.connect(d)
        for name, flags, space in [("disk", AUTO_CREATE, self.space), (self.image, SHARED, ""), (self.image, 0, "")]:
            p = self.guest(d, name, flags, space)
            self.assertBusy(self.acquire, c, name, flags & AUTO_CREATE, space)
            p.kill()
            p.wait()
            self.assertTrue(host.wait_for(lambda: not self.is_locked(c, name, flags, space)))

    def is_locked(self, c, name, flags, space):
        try:
            self.acquire(c, name, flags & AUTO_CREATE, space)
        except wire.RpcError:
            return True
        self.release(c, name, space)
        return False

    def test_guest_without_lifeline_is_ended(self):
        d = self.start()
        for deaf, wanted in [(False, -signal.SIGTERM), (True, -signal.SIGKILL)]:
            p = self.guest(d, self.image, deaf=deaf)
            p.stdin.write("\n")
            p.stdin.flush()
            self.assertEqual(p.wait(5), wanted)

    def test_locks_taken_by_others_for_the_guest(self):
        """What the hypervisor's daemon adds is freed with the guest, not with the daemon's connection."""
        d = self.start()
        p = self.guest(d, self.image)
        c = self.connect(d, pid=p.pid)
        self.acquire(c, "more", AUTO_CREATE)
        c.sock.close()
        self.assertEqual(os.listdir(self.space), ["more"])
        p.kill()
        self.assertTrue(host.wait_for(lambda: os.listdir(self.space) == []))

    def test_end_of_daemon_ends_nobody(self):
        d = self.start()
        p = self.guest(d, self.image)
        self.assertEqual(d.stop(), 0)
        with self.assertRaises(subprocess.TimeoutExpired):
            p.wait(0.5)


class BadInput(LockTest):
    def test_order_of_calls(self):
        d = self.start()
        c = self.connect(d, pid=0)
        for proc in ("NEW", "ACQUIRE_RESOURCE", "RELEASE_RESOURCE", "CREATE_RESOURCE", "DELETE_RESOURCE", "RESTRICT"):
            self.assertEqual(self.refused_call(c, proc, path=self.space)[0], 55, proc)
        c.call("CREATE_LOCKSPACE", "lock", path=self.space)
        c = self.connect(d)
        c.call("RESTRICT", "lock")
        for proc in ("NEW", "ACQUIRE_RESOURCE", "RELEASE_RESOURCE", "CREATE_RESOURCE", "DELETE_RESOURCE", "REGISTER",
                     "CREATE_LOCKSPACE"):
            self.assertEqual(self.refused_call(c, proc, path=self.space)[0], 29, proc)

    def test_arguments(self):
        c = self.connect(self.start())
        outside = self.host.write("x", "outside")
        for name in ("../outside", "a/b", "", ".", "..", "x" * 300, outside):
            for proc in ("ACQUIRE_RESOURCE", "CREATE_RESOURCE", "DELETE_RESOURCE"):
                self.refused_call(c, proc, path=self.space, name=name)
        self.assertTrue(os.path.exists(outside))
        for path in ("relative", "../x", self.image, "/proc/nothing/x"):
            self.refused_call(c, "NEW", path=path)
        self.assertEqual(self.refused_call(c, "NEW", path=self.space)[2],
                         f"internal error: Lockspace for path {self.space} already exists")
        self.assertEqual(self.refused_call(c, "NEW", path="")[0], 55)
        self.assertEqual(self.refused_call(c, "ACQUIRE_RESOURCE", path="/other", name="x")[2],
                         "internal error: Lockspace for path /other does not exist")
        self.refused_call(c, "ACQUIRE_RESOURCE", path="", name="relative")
        self.refused_call(c, "REGISTER", owner={"uuid": UUID, "name": "x", "id": 1, "pid": 0})
        self.refused_call(c, "REGISTER", owner={"uuid": UUID, "name": "x", "id": 1, "pid": 0xffffffff})
        for proc in ("NEW", "ACQUIRE_RESOURCE", "RELEASE_RESOURCE", "CREATE_RESOURCE", "DELETE_RESOURCE", "RESTRICT"):
            self.assertIn("unsupported flags (0x80) in function virLockSpaceProtocolDispatch",
                          self.refused_call(c, proc, path=self.space, flags=0x80)[2])
        self.assertEqual(os.listdir(self.space), [])

    def test_fifo_does_not_hang(self):
        c = self.connect(self.start())
        os.mkfifo(self.host.path("fifo"))
        try:
            self.acquire(c, self.host.path("fifo"), 0, "")
        except wire.RpcError:
            pass
        self.acquire(c, "disk", AUTO_CREATE)

    def test_garbage(self):
        d = self.start()
        for proc in (1, 3, 6, 8, 99):
            c = self.connect(d, pid=0)
            c.send(wire.frame(proc, os.urandom(64), prog=wire.program("lock")))
            try:
                self.assertEqual(c.recv().status, wire.ERROR)
            except wire.Closed:
                pass
        self.acquire(self.connect(d), "disk", AUTO_CREATE)


class HandingOver(LockTest):
    def check(self, first, second):
        d = self.start(first)
        c = self.connect(d)
        closed = self.connect(d)
        closed.call("RESTRICT", "lock")
        p = self.guest(d, self.image)
        q = self.guest(d, "auto", AUTO_CREATE, self.space)
        self.acquire(c, "own", AUTO_CREATE)
        self.replace(second)
        self.assertBusy(self.acquire, c, self.image, 0, "")
        self.assertBusy(self.acquire, c, "auto", AUTO_CREATE)
        self.assertEqual(self.refused_call(closed, "NEW", path="/x")[0], 29)
        with open(self.image, "r+b") as f, self.assertRaises(OSError):
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
        self.release(c, "own")
        self.assertEqual(os.listdir(self.space), ["auto"])
        p.kill()
        self.assertTrue(host.wait_for(lambda: not self.locked_elsewhere()))
        q.stdin.write("\n")
        q.stdin.flush()
        self.assertEqual(q.wait(5), -signal.SIGTERM)
        self.assertTrue(host.wait_for(lambda: os.listdir(self.space) == []))
        self.acquire(self.connect(d), self.image, 0, "")

    def locked_elsewhere(self):
        with open(self.image, "r+b") as f:
            try:
                fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
            except OSError:
                return True
            return False

    def test_ours_to_ours(self):
        self.check(OURS, OURS)

    def test_ours_to_reference(self):
        self.check(OURS, REFERENCE)

    def test_reference_to_ours(self):
        self.check(REFERENCE, OURS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["owner"]:
        act_as_guest(*sys.argv[2:])
    else:
        unittest.main()
