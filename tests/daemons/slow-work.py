#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work that takes long keeps nobody waiting but the client that asked for it: a disk that is slow or fails, a QEMU that was
never asked before, a large host file of the test driver. slow-work.py FAULT-LIBRARY; needs root."""

import os
import select
import statistics
import sys
import time
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import wire  # noqa: E402

FAULT_LIBRARY = os.path.abspath(sys.argv.pop(1))  # daemons work in the root directory
SLOW = 0.3
# Of a call of another client. A daemon that waited for the disk would need three hundred.
PATIENCE = 0.005
EIO = 5
SYSTEM_ERROR = 38
DOMAIN = "<domain type='qemu'><name>{name}</name><memory>{memory}</memory><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"


class Base(unittest.TestCase):
    """A daemon with two clients: one asks for what takes long, the other goes on."""

    def start(self, name, uri, **env):
        self.host = host.Host()
        self.addCleanup(self.host.close)
        self.prepare()
        self.daemon = host.start_ours(self.host, name, env={k: v.format(host=self.host.path("")) for k, v in env.items()})
        self.c, self.other = self.connect().open(uri), self.connect().open(uri)

    def prepare(self):
        """Before the daemon starts."""

    def connect(self):
        c = wire.Connection(self.daemon.socket("-sock"))
        self.addCleanup(c.sock.close)
        return c

    def others_go_on(self, serial, least, sure=True):
        """Until our call is answered, which takes about so long; sure: not less."""
        start, times, early = time.monotonic(), [], []
        while time.monotonic() < start + least:
            before = time.monotonic()
            self.other.call("CONNECT_GET_LIB_VERSION")
            times.append(time.monotonic() - before)
            if sure and time.monotonic() < start + least:
                early += select.select([self.c.sock], [], [], 0)[0]
            time.sleep(0.005)
        self.assertLess(statistics.median(times), PATIENCE)
        self.assertLess(max(times), least / 2)
        self.assertEqual(early, [], "the answer did not wait")
        frame = self.c.recv()
        self.assertEqual((frame.serial, frame.status), (serial, wire.OK))


class SlowDisk(Base):
    def setUp(self):
        self.start("virtqemud", "qemu:///system", LD_PRELOAD=FAULT_LIBRARY, FAULT_DISK="{host}disk")
        self.disk = self.host.path("disk")
        self.define("calm")  # what is asked of QEMU once is known now
        self.set_disk(SLOW)

    def set_disk(self, seconds, errno=0):
        with open(self.disk + ".new", "w", encoding="ascii") as f:
            f.write(f"{int(seconds * 1000)} {errno}")
        os.rename(self.disk + ".new", self.disk)

    def define(self, name, memory=1024):
        return self.c.call("DOMAIN_DEFINE_XML", xml=DOMAIN.format(name=name, memory=memory))["dom"]

    def file(self, *path):
        return self.host.path("etc", "qemu", *path)

    def test_each_change_waits_alone(self):
        dom = self.define("first")
        steps = [("DOMAIN_DEFINE_XML", {"xml": DOMAIN.format(name="second", memory=2048)}),
                 ("DOMAIN_SET_AUTOSTART", {"dom": dom, "autostart": 1}),
                 ("DOMAIN_SET_MEMORY_FLAGS", {"dom": dom, "memory": 512, "flags": 2}),
                 ("DOMAIN_RENAME", {"dom": dom, "new_name": "renamed", "flags": 0}),
                 ("DOMAIN_UNDEFINE", {"dom": dict(dom, name="renamed")})]
        for proc, args in steps:
            with self.subTest(proc):
                self.others_go_on(self.c.post(proc, **args), 0.9 * SLOW)
        self.assertTrue(os.path.exists(self.file("second.xml")))
        self.assertFalse(os.path.exists(self.file("renamed.xml")))
        self.assertFalse(os.path.lexists(self.file("autostart", "renamed.xml")))

    def test_changes_keep_their_order(self):
        """Of one client without waiting for answers, and of two."""
        dom = {"name": "guest", "uuid": uuid.uuid4().bytes, "id": -1}
        xml = DOMAIN.replace("<memory>", f"<uuid>{uuid.UUID(bytes=dom['uuid'])}</uuid><memory>")
        self.set_disk(0.05)
        serials = []
        for memory in (1024, 2048, 3072):
            serials += [self.c.post("DOMAIN_DEFINE_XML", xml=xml.format(name="guest", memory=memory)),
                        self.c.post("DOMAIN_SET_AUTOSTART", dom=dom, autostart=1),
                        self.c.post("DOMAIN_UNDEFINE", dom=dom)]
        serials.append(self.c.post("DOMAIN_DEFINE_XML", xml=xml.format(name="guest", memory=4096)))
        got = [self.c.recv() for _ in serials]
        self.assertEqual([(f.serial, f.status) for f in got], [(s, wire.OK) for s in serials])
        with open(self.file("guest.xml"), encoding="utf-8") as f:
            self.assertIn("4096", f.read())
        self.assertFalse(os.path.lexists(self.file("autostart", "guest.xml")))
        self.c.post("DOMAIN_DEFINE_XML", xml=xml.format(name="guest", memory=5120))
        self.connect().open("qemu:///system").call("DOMAIN_UNDEFINE", dom=dom)
        self.assertEqual(self.c.recv().status, wire.OK)
        self.assertFalse(os.path.exists(self.file("guest.xml")))

    def test_what_is_answered_survives(self):
        self.define("kept")
        self.daemon.process.kill()
        with open(self.file("kept.xml"), encoding="utf-8") as f:
            self.assertIn("<name>kept</name>", f.read())

    def test_daemon_ends_with_changes_under_way(self):
        self.c.post("DOMAIN_DEFINE_XML", xml=DOMAIN.format(name="late", memory=1024))
        time.sleep(0.1)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertTrue(os.path.exists(self.file("late.xml")))
        self.assertEqual([n for n in os.listdir(self.file()) if n.startswith(".")], [])

    def test_client_that_leaves_before_the_answer(self):
        self.c.post("DOMAIN_DEFINE_XML", xml=DOMAIN.format(name="left", memory=1024))
        time.sleep(0.1)
        self.c.sock.close()
        time.sleep(2 * SLOW)
        self.assertEqual(self.connect().open("qemu:///system").call("DOMAIN_LOOKUP_BY_NAME", name="left")["dom"]["name"], "left")
        self.assertTrue(os.path.exists(self.file("left.xml")))

    def test_disk_that_fails(self):
        """The call fails; what it changed is in memory, and on disk with the next change."""
        self.set_disk(0, EIO)
        with self.assertRaises(wire.RpcError) as e:
            self.define("broken")
        self.assertEqual(e.exception.body["code"], SYSTEM_ERROR)
        self.assertIn("broken.xml", e.exception.body["message"])
        self.assertFalse(os.path.exists(self.file("broken.xml")))
        self.set_disk(0)
        dom = self.c.call("DOMAIN_LOOKUP_BY_NAME", name="broken")["dom"]
        self.c.call("DOMAIN_SET_MEMORY_FLAGS", dom=dom, memory=512, flags=2)
        self.assertTrue(os.path.exists(self.file("broken.xml")))


class SlowEmulator(Base):
    """QEMU takes its time when it is asked what it can do."""

    def prepare(self):
        path = self.host.write(f"#!/bin/sh\nsleep {SLOW}\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n", "bin", "qemu-system-x86_64")
        os.chmod(path, 0o755)

    def setUp(self):
        self.start("virtqemud", "qemu:///system", PATH="{host}bin:" + os.environ["PATH"])

    def test_only_who_defines_waits(self):
        self.others_go_on(self.c.post("DOMAIN_DEFINE_XML", xml=DOMAIN.format(name="guest", memory=1024)), SLOW)
        dom = self.c.call("DOMAIN_LOOKUP_BY_NAME", name="guest")["dom"]
        self.assertRegex(self.c.call("DOMAIN_GET_XML_DESC", dom=dom, flags=0)["xml"], r"machine='pc-i440fx-\d")

    def test_version_and_two_at_once(self):
        serial = self.c.post("CONNECT_GET_VERSION")
        second = self.connect().open("qemu:///system")
        xml = DOMAIN.format(name="second", memory=1024)
        expected = second.post("DOMAIN_DEFINE_XML", xml=xml)
        self.others_go_on(serial, SLOW)
        frame = second.recv()
        self.assertEqual((frame.serial, frame.status), (expected, wire.OK))

    def test_client_that_leaves_meanwhile(self):
        self.c.post("DOMAIN_DEFINE_XML", xml=DOMAIN.format(name="left", memory=1024))
        time.sleep(0.1)
        self.c.sock.close()
        c = self.connect().open("qemu:///system")
        c.call("CONNECT_GET_VERSION")
        self.assertEqual(c.call("CONNECT_NUM_OF_DEFINED_DOMAINS")["num"], 0)

    def test_daemon_ends_meanwhile(self):
        self.c.post("CONNECT_GET_VERSION")
        time.sleep(0.1)
        self.assertEqual(self.daemon.stop(), 0)


class LargeHostFile(Base):
    """Thousands of domains in a file that test:///FILE names."""

    def setUp(self):
        self.start("virtproxyd", "test:///default")
        domain = "<domain type='test'><name>guest{}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        self.path = self.host.write(f"<node>{''.join(domain.format(i) for i in range(8000))}</node>", "node.xml")

    def test_only_who_opens_waits(self):
        c = self.c = self.connect()
        first, second = c.post("CONNECT_OPEN", name=f"test://{self.path}", flags=0), c.post("CONNECT_NUM_OF_DOMAINS")
        self.others_go_on(first, 0.1, sure=False)
        frame = c.recv()
        self.assertEqual((frame.serial, frame.status), (second, wire.OK))
        self.assertEqual(wire.program("remote").decode("remote_connect_num_of_domains_ret", frame.payload)[0]["num"], 8000)

    def test_mistakes_and_leaving(self):
        c = self.connect()
        with self.assertRaises(wire.RpcError) as e:
            c.open("test:///no/such/file")
        self.assertIn("/no/such/file", e.exception.body["message"])
        c.open("test:///default")
        leaving = self.connect()
        leaving.post("CONNECT_OPEN", name=f"test://{self.path}", flags=0)
        time.sleep(0.02)
        leaving.sock.close()
        self.connect().post("CONNECT_OPEN", name=f"test://{self.path}", flags=0)
        time.sleep(0.02)
        self.assertEqual(c.call("CONNECT_GET_TYPE")["type"], "TEST")
        self.assertEqual(self.daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
