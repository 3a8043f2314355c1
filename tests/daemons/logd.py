#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtlogd: pipes into files, rotation, reading, and handing everything over to a fresh copy of the program, of ours or of
Debian's, in both directions. logd.py FAULT-LIBRARY; needs root, for a private mount namespace."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import wire  # noqa: E402

FAULT_LIBRARY = os.path.abspath(sys.argv.pop(1))  # daemons work in the root directory
OURS = host.daemon_program("virtlogd")
REFERENCE = "/usr/sbin/virtlogd"
UUID = bytes(range(16))
SMALL = "max_size = 100\nmax_backups = 2\n"
INODE_UNKNOWN = 1


class LogTest(unittest.TestCase):
    def setUp(self):
        self.host = host.Host()
        self.addCleanup(self.host.close)

    def start(self, program=OURS, conf="", *args, **kw):
        # By a copy: a test may put another program in its place.
        path = self.host.path("virtlogd")
        shutil.copy(program, path)
        self.daemon = self.host.start(path, *args, sockets=host.sockets_of("virtlogd"), conf=conf, **kw)
        self.client = self.connect()

    def connect(self):
        c = wire.Connection(self.daemon.sockets[0])
        self.addCleanup(c.sock.close)
        return c

    def call(self, proc, **args):
        return self.client.call(proc, "log", **args)

    def error(self, proc, **args):
        with self.assertRaises(wire.RpcError) as e:
            self.call(proc, **args)
        return e.exception.body

    def open_args(self, path, name="guest", driver="qemu", flags=0):
        return {"driver": driver, "dom": {"uuid": UUID, "name": name}, "path": path, "flags": flags}

    def open(self, path, **kw):
        """Opens a log; returns the position and the end to write to."""
        p = wire.program("log")
        f = self.client.reply(self.client.post("DOMAIN_OPEN_LOG_FILE", "log", **self.open_args(path, **kw)))
        if f.status == wire.ERROR:
            raise wire.RpcError(f.error())
        self.assertEqual(len(f.fds), 1)
        pipe = open(f.fds[0], "wb", buffering=0)
        self.addCleanup(pipe.close)
        return p.decode("virLogManagerProtocolDomainOpenLogFileRet", f.payload)[0]["pos"], pipe

    def append(self, path, text):
        return self.call("DOMAIN_APPEND_LOG_FILE", driver="qemu", dom={"uuid": UUID, "name": "guest"}, path=path,
                         message=text)

    def position(self, path):
        return self.call("DOMAIN_GET_LOG_FILE_POSITION", path=path)["pos"]

    def read(self, path, pos, n=1000):
        return self.call("DOMAIN_READ_LOG_FILE", path=path, pos=pos, maxlen=n)["data"]

    def inside(self, name):
        return os.path.join("/var/log/libvirt", name)

    def content(self, name):
        try:
            with open(self.host.path("log", name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def files(self):
        return sorted(os.listdir(self.host.path("log")))

    def replace(self, program):
        """Another program takes over in the same process."""
        path = self.host.path("virtlogd")
        shutil.copy(program, path + ".new")
        os.rename(path + ".new", path)
        pid = host.daemon_pid(self.host, "virtlogd")
        before = os.stat(f"/proc/{pid}/exe").st_ino
        os.kill(pid, signal.SIGUSR1)
        self.assertTrue(host.wait_for(lambda: os.stat(f"/proc/{pid}/exe").st_ino != before), self.daemon.log())


class Writing(LogTest):
    def test_pipe(self):
        self.start()
        pos, pipe = self.open(self.inside("g.log"))
        self.assertEqual(pos, {"inode": os.stat(self.host.path("log", "g.log")).st_ino, "offset": 0})
        self.assertEqual(os.stat(self.host.path("log", "g.log")).st_mode & 0o777, 0o600)
        pipe.write(b"one\n")
        self.assertEqual(self.position(self.inside("g.log"))["offset"], 4)
        self.assertEqual(self.read(self.inside("g.log"), pos), "one\n")
        self.append(self.inside("g.log"), "two\n")
        self.assertEqual(self.content("g.log"), b"one\ntwo\n")

    def test_busy_until_closed(self):
        self.start()
        _, pipe = self.open(self.inside("g.log"))
        body = self.error("DOMAIN_OPEN_LOG_FILE", **self.open_args(self.inside("g.log")))
        self.assertEqual((body["code"], body["domain"], body["int1"]), (38, 63, 16))
        self.assertIn("Cannot open log file: '/var/log/libvirt/g.log'", body["message"])
        pipe.write(b"last words\n")
        pipe.close()
        pos, _ = self.open(self.inside("g.log"))
        self.assertEqual(pos["offset"], len(b"last words\n"))

    def test_truncate(self):
        self.start()
        self.append(self.inside("g.log"), "old\n")
        pos, _ = self.open(self.inside("g.log"), flags=1)
        self.assertEqual((pos["offset"], self.content("g.log")), (0, b""))

    def test_rotation(self):
        """What is in which file, as Debian's virtlogd does it."""
        texts = ["a" * 39 + "\n", "b" * 39 + "\n", "c" * 39 + "\n", "d" * 9 + "\n" + "e" * 9 + "\n" + "f" * 99 + "\n",
                 "g" * 350 + "\n", "h\n"]
        seen = {}
        for program in (OURS, REFERENCE):
            self.start(program, SMALL)
            steps = []
            for text in texts:
                self.append(self.inside("g.log"), text)
                steps.append({name: self.content(name) for name in self.files()})
            seen[program] = steps
            self.daemon.stop()
            for name in self.files():
                os.unlink(self.host.path("log", name))
        self.assertEqual(seen[OURS], seen[REFERENCE])
        self.assertEqual(sorted(seen[OURS][-1]), ["g.log", "g.log.0", "g.log.1"])

    def test_no_limit_and_no_backups(self):
        self.start(conf="max_size = 0\n")
        self.append(self.inside("g.log"), "x" * 3000000)
        self.assertEqual(len(self.content("g.log")), 3000000)
        self.daemon.stop()
        self.start(conf="max_size = 10\nmax_backups = 0\n")
        self.append(self.inside("n.log"), "12345678\nabc\n")
        self.assertEqual(self.content("n.log"), b"abc\n")
        self.assertEqual(self.files(), ["g.log", "n.log"])

    def test_many_backups_cost_nothing(self):
        self.start(conf="max_size = 10\nmax_backups = 18446744073709551615\n")
        started = time.monotonic()
        self.append(self.inside("g.log"), "123456789\n" * 5)
        self.assertEqual(self.files(), ["g.log", "g.log.0", "g.log.1", "g.log.2", "g.log.3"])
        self.assertLess(time.monotonic() - started, 20)

    def test_reading_through_backups(self):
        self.start(conf=SMALL)
        self.append(self.inside("g.log"), "".join(f"line {i:04}\n" for i in range(25)))
        oldest = os.stat(self.host.path("log", "g.log.1")).st_ino
        for offset, n, wanted in [(0, 5, "line "), (95, 10, "0009\nline "), (0, 1000, 250), (5000, 1000, 150)]:
            data = self.read(self.inside("g.log"), {"inode": oldest, "offset": offset}, n)
            self.assertEqual(data if isinstance(wanted, str) else len(data), wanted)

    def test_end_of_daemon_writes_what_is_in_the_pipe(self):
        self.start()
        _, pipe = self.open(self.inside("g.log"))
        pipe.write(b"x" * 50000)
        self.daemon.stop()
        self.assertEqual(len(self.content("g.log")), 50000)


class BadInput(LogTest):
    def test_paths(self):
        self.start()
        os.mkfifo(self.host.path("log", "fifo"))
        for path, text in [("", "Unable to open file"), ("/nonexistent/x.log", "No such file or directory"),
                           ("/var/log/libvirt/", "Is a directory"), ("/var/log/libvirt/" + "x" * 300, "File name too long"),
                           ("../x.log", "no absolute path"), ("/var/log/libvirt/fifo", "/fifo")]:
            with self.subTest(path=path[:40]):
                self.assertIn(text, self.error("DOMAIN_OPEN_LOG_FILE", **self.open_args(path))["message"])
                self.assertIn(text, self.error("DOMAIN_APPEND_LOG_FILE", driver="", dom={"uuid": UUID, "name": ""},
                                               path=path, message="x")["message"])
        self.assertEqual(self.files(), ["fifo"])

    def test_names_are_only_names(self):
        self.start()
        _, pipe = self.open(self.inside("g.log"), name="../../etc/passwd", driver="a/b")
        pipe.write(b"x")
        self.assertEqual(self.position(self.inside("g.log"))["offset"], 1)
        self.assertIn("shorter than", self.error("DOMAIN_OPEN_LOG_FILE", **self.open_args(
            self.inside("h.log"), name="x" * 5000))["message"])
        self.assertEqual(self.files(), ["g.log"])

    def test_reads(self):
        self.start()
        self.append(self.inside("g.log"), "text\n")
        inode = os.stat(self.host.path("log", "g.log")).st_ino
        for pos, n, text in [((INODE_UNKNOWN, 0), 5, "Unable to seek to inode 1 offset 0: Bad file descriptor"),
                             ((inode, 1 << 63), 5, "Unable to seek to inode"),
                             ((inode, 0), 4194305, "Requested data len 4194305 is larger than maximum 4194304"),
                             ((inode, 0), (1 << 64) - 1, "is larger than maximum")]:
            body = self.error("DOMAIN_READ_LOG_FILE", path=self.inside("g.log"),
                              pos={"inode": pos[0], "offset": pos[1]}, maxlen=n)
            self.assertIn(text, body["message"])
        self.assertEqual(self.read(self.inside("g.log"), {"inode": inode, "offset": 0}, 4194304), "text\n")
        self.assertEqual(self.read(self.inside("g.log"), {"inode": inode, "offset": 0}, 0), "")
        self.assertIn("Unable to seek", self.error("DOMAIN_READ_LOG_FILE", path=self.inside("none.log"))["message"])
        self.assertIn("No open log file", self.error("DOMAIN_GET_LOG_FILE_POSITION", path=self.inside("g.log"))["message"])

    def test_flags(self):
        self.start()
        for proc, name in [("DOMAIN_OPEN_LOG_FILE", "OpenLogFile"), ("DOMAIN_GET_LOG_FILE_POSITION", "GetLogFilePosition"),
                           ("DOMAIN_READ_LOG_FILE", "ReadLogFile"), ("DOMAIN_APPEND_LOG_FILE", "AppendLogFile")]:
            self.assertIn(f"unsupported flags (0x10) in function virLogHandlerDomain{name}",
                          self.error(proc, path=self.inside("g.log"), flags=16)["message"])

    def test_full_disk(self):
        """The guest goes on; the file tells what is missing."""
        self.start()
        subprocess.run(self.host.enter(["sh", "-c", "mkdir /var/log/libvirt/small && "
                                        "mount -t tmpfs -o size=64k none /var/log/libvirt/small"]), check=True)
        _, pipe = self.open(self.inside("small/g.log"))
        for _ in range(100):
            pipe.write(b"x" * 9999 + b"\n")  # would block if nobody read
        self.assertIn("No space left on device", self.error(
            "DOMAIN_APPEND_LOG_FILE", driver="qemu", dom={"uuid": UUID, "name": "g"}, path=self.inside("small/g.log"),
            message="y")["message"])
        subprocess.run(self.host.enter(["mount", "-o", "remount,size=1m", "/var/log/libvirt/small"]), check=True)
        pipe.write(b"the end\n")
        self.position(self.inside("small/g.log"))
        text = subprocess.run(self.host.enter(["cat", "/var/log/libvirt/small/g.log"]), check=True,
                              capture_output=True).stdout
        lost = 100 * 10000 - 64 * 1024
        self.assertTrue(text.endswith(f"\n[virtlogd: {lost} bytes could not be written here and are lost]\nthe end\n".encode()),
                        text[-200:])
        self.assertEqual(self.daemon.log().count("No space left on device"), 1)

    def test_garbage(self):
        self.start()
        for proc in (1, 2, 3, 4, 77):
            c = self.connect()
            c.send(wire.frame(proc, os.urandom(64), prog=wire.program("log")))
            try:
                self.assertEqual(c.recv().status, wire.ERROR)
            except wire.Closed:
                pass
        self.append(self.inside("g.log"), "alive\n")
        self.assertEqual(self.content("g.log"), b"alive\n")


class HandingOver(LogTest):
    def check(self, first, second):
        """Connections, pipes and what is in them go over."""
        self.start(first)
        other = self.connect()
        pos, pipe = self.open(self.inside("g.log"), name="gäst \"1\"")
        pipe.write(b"before\n")
        self.replace(second)
        pipe.write(b"after\n")
        self.assertEqual(self.position(self.inside("g.log"))["offset"], len("before\nafter\n"))
        self.assertEqual(other.call("DOMAIN_READ_LOG_FILE", "log", path=self.inside("g.log"), pos=pos, maxlen=100)["data"],
                         "before\nafter\n")
        self.assertEqual(self.error("DOMAIN_OPEN_LOG_FILE", **self.open_args(self.inside("g.log")))["int1"], 16)
        self.client = self.connect()
        self.open(self.inside("h.log"))
        self.assertFalse(os.path.exists(self.host.path("run", "virtlogd-restart-exec.json")))

    def test_ours_to_ours(self):
        self.check(OURS, OURS)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual([s for s in self.daemon.sockets if os.path.exists(s)], [])

    def test_ours_to_reference(self):
        self.check(OURS, REFERENCE)

    def test_reference_to_ours(self):
        self.check(REFERENCE, OURS)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual([s for s in self.daemon.sockets if os.path.exists(s)], [])

    def test_under_load(self):
        """No line is lost and no client is hung up on."""
        self.start()
        _, pipe = self.open(self.inside("g.log"))
        lines = 20000

        def write():
            for i in range(lines):
                pipe.write(f"{i}\n".encode())

        writer = threading.Thread(target=write)
        writer.start()
        for i in range(5):
            self.replace(OURS)
            self.append(self.inside("other.log"), f"{i}\n")
        writer.join(30)
        self.assertFalse(writer.is_alive())
        self.position(self.inside("g.log"))
        self.assertEqual(self.content("g.log"), "".join(f"{i}\n" for i in range(lines)).encode())
        self.assertEqual(self.content("other.log"), b"0\n1\n2\n3\n4\n")

    def test_activated(self):
        """Sockets of systemd stay its own."""
        path = self.host.path("virtlogd")
        shutil.copy(OURS, path)
        self.daemon = self.host.start(
            path, sockets=host.sockets_of("virtlogd"), conf="", prefix=[
                sys.executable, os.path.join(HERE, "activate.py"), "virtlogd.socket=/run/libvirt/virtlogd-sock",
                "virtlogd-admin.socket=/run/libvirt/virtlogd-admin-sock", "--"])
        self.client = self.connect()
        self.replace(OURS)
        self.append(self.inside("g.log"), "x")
        self.daemon.stop()
        self.assertTrue(all(os.path.exists(s) for s in self.daemon.sockets))

    def test_in_the_background(self):
        self.start(OURS, "", "-d", wait=10)
        _, pipe = self.open(self.inside("g.log"))
        pid = host.daemon_pid(self.host, "virtlogd")
        self.replace(OURS)
        pipe.write(b"x")
        self.assertEqual(self.position(self.inside("g.log"))["offset"], 1)
        self.assertEqual(host.daemon_pid(self.host, "virtlogd"), pid)
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(host.wait_for(lambda: not os.path.exists(f"/proc/{pid}")))

    def test_program_is_gone(self):
        """What runs goes on."""
        self.start()
        _, pipe = self.open(self.inside("g.log"))
        os.unlink(self.host.path("virtlogd"))
        os.kill(host.daemon_pid(self.host, "virtlogd"), signal.SIGUSR1)
        self.assertTrue(host.wait_for(lambda: "cannot execute" in self.daemon.log()))
        pipe.write(b"x")
        self.assertEqual(self.position(self.inside("g.log"))["offset"], 1)

    def test_state_of_nobody(self):
        """A file that another process left is no state of ours; one that lies does no harm."""
        self.host.write('{"magic": "1", "daemon": {}}', "run", "virtlogd-restart-exec.json")
        self.start()
        self.append(self.inside("g.log"), "x")
        self.assertFalse(os.path.exists(self.host.path("run", "virtlogd-restart-exec.json")))


class HungFileSystem(LogTest):
    """Who writes or asks where nothing is taken waits, and nobody else."""

    PATIENCE = 10  # seconds: far more than a call takes, far less than for ever

    def setUp(self):
        super().setUp()
        os.mkdir(self.host.path("log", "slow"))
        self.start(env={"LD_PRELOAD": FAULT_LIBRARY, "FAULT_HANG": self.host.path("hang")})
        _, self.slow = self.open(self.inside("slow/g.log"))
        self.hang()

    def hang(self):
        self.host.write("/slow/", "hang")
        self.addCleanup(self.go_on)

    def go_on(self):
        if os.path.exists(self.host.path("hang")):
            os.unlink(self.host.path("hang"))

    def others_go_on(self):
        """Everything about another log."""
        began = time.monotonic()
        pos, pipe = self.open(self.inside("h.log"), flags=1)
        pipe.write(b"one\n")
        self.assertEqual(self.position(self.inside("h.log"))["offset"], 4)
        self.append(self.inside("h.log"), "two\n")
        self.assertEqual(self.read(self.inside("h.log"), pos), "one\ntwo\n")
        self.assertLess(time.monotonic() - began, self.PATIENCE)
        pipe.close()

    def test_others_go_on(self):
        self.slow.write(b"x" * 50000)
        waiting = self.connect()
        waiting.post("DOMAIN_GET_LOG_FILE_POSITION", "log", path=self.inside("slow/g.log"))
        self.others_go_on()
        gone = self.connect()
        gone.post("DOMAIN_APPEND_LOG_FILE", "log", driver="qemu", dom={"uuid": UUID, "name": "guest"},
                  path=self.inside("slow/g.log"), message="y")
        gone.sock.close()
        self.others_go_on()
        self.assertEqual(self.content("slow/g.log"), b"")
        self.go_on()
        answer = wire.program("log").decode("virLogManagerProtocolDomainGetLogFilePositionRet", waiting.recv().payload)
        self.assertEqual(answer[0]["pos"]["offset"], 50000)
        self.assertTrue(host.wait_for(lambda: self.content("slow/g.log") == b"x" * 50000 + b"y"))

    def test_no_handing_over_then(self):
        """What was taken from a pipe and is not in its file yet would be lost."""
        self.slow.write(b"taken\n")
        os.kill(host.daemon_pid(self.host, "virtlogd"), signal.SIGUSR1)
        self.assertTrue(host.wait_for(lambda: "work that is under way does not come to an end" in self.daemon.log()),
                        self.daemon.log())
        self.others_go_on()
        self.slow.write(b"waits\n")
        self.go_on()
        self.assertTrue(host.wait_for(lambda: self.content("slow/g.log") == b"taken\nwaits\n"))
        self.replace(OURS)
        self.slow.write(b"after\n")
        self.assertEqual(self.position(self.inside("slow/g.log"))["offset"], len("taken\nwaits\nafter\n"))
        self.others_go_on()

    def test_many(self):
        """Hundreds of logs that hang."""
        pipes = [self.open(self.inside(f"slow/{i}.log"))[1] for i in range(300)]
        for pipe in pipes:
            pipe.write(b"x\n")
        self.others_go_on()
        self.go_on()
        self.assertTrue(host.wait_for(lambda: all(self.content(f"slow/{i}.log") == b"x\n" for i in range(300))))


class Idle(LogTest):
    def test_open_log_keeps_it(self):
        self.start(OURS, "", "-t", "1")
        _, pipe = self.open(self.inside("g.log"))
        self.client.sock.close()
        time.sleep(2.5)
        self.assertTrue(self.daemon.alive())
        pipe.close()
        self.assertTrue(host.wait_for(lambda: not self.daemon.alive()))


if __name__ == "__main__":
    unittest.main()
