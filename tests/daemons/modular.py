#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Daemons together: a driver daemon gets other kinds of objects from their daemons, virtproxyd forwards everything, a
daemon that is missing fails its own calls and nothing else. Stock virsh is the client. Needs root."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import wire  # noqa: E402

UNSUPPORTED = 3
ARGUMENT_UNSUPPORTED = 74
ACCESS_DENIED = 88
TYPED_PARAM_STRING = 7
CLOSE_REASON_EOF = 1
LOST_DAEMON = os.path.join(HERE, "lost-daemon.py")

DOMAIN = "<domain type='qemu'><name>{name}</name><memory>1024</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os></domain>"

# The protocol is read while it still can be: the user may not be able to look into the tree.
AS_NOBODY = """
import os, sys
sys.path[:0] = [%r]
import wire
wire.program("remote"), wire.program("message")
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
c = wire.Connection(%r).open("qemu:///system")
try:
    c.call("CONNECT_SET_IDENTITY", params=%r, flags=0)
except wire.RpcError as e:
    sys.exit(e.body["code"])
"""


class Modular(unittest.TestCase):
    def setUp(self):
        self.host = host.Host()
        self.addCleanup(self.host.close)

    def start(self, *names):
        return [host.start_ours(self.host, name) for name in names]

    def virsh(self, uri, *command):
        return subprocess.run(self.host.enter(["virsh", "-c", uri, *command]), capture_output=True, text=True, timeout=20,
                              env={**os.environ, "LC_ALL": "C"}, check=False)

    def open(self, daemon, uri, which="-sock"):
        c = wire.Connection(daemon.socket(which))
        self.addCleanup(c.sock.close)
        return c.open(uri)

    def error(self, c, proc, **args):
        with self.assertRaises(wire.RpcError) as e:
            c.call(proc, **args)
        return e.exception.body

    def test_virsh_through_the_proxy(self):
        self.start("virtqemud", "virtproxyd")
        for uri in ["qemu:///system", "qemu:///system?mode=legacy"]:
            out = self.virsh(uri, "list", "--all")
            self.assertEqual((out.returncode, out.stderr), (0, ""))
        out = self.virsh("qemu:///system?mode=legacy", "uri")
        self.assertEqual(out.stdout.strip(), "qemu:///system?mode=legacy")

    def test_no_uri_finds_the_hypervisor_that_is_there(self):
        daemons = self.start("virtqemud", "virtproxyd")
        c = self.open(daemons[1], "")
        self.assertEqual(c.call("CONNECT_GET_URI")["uri"], "qemu:///system")
        self.assertEqual(c.call("CONNECT_GET_TYPE")["type"], "QEMU")

    def test_proxy_without_driver_daemon(self):
        proxy = self.start("virtproxyd")[0]
        c = wire.Connection(proxy.socket("-sock"))
        self.addCleanup(c.sock.close)
        self.assertIn("/run/libvirt/virtqemud-sock", self.error(c, "CONNECT_OPEN", name="qemu:///system")["message"])
        # The failure leaves the connection as it was.
        c.call("CONNECT_OPEN", name="test:///default", flags=0)
        self.assertEqual(c.call("CONNECT_GET_TYPE")["type"], "TEST")

    def test_secondary_objects_come_from_their_daemon(self):
        qemu, network = self.start("virtqemud", "virtnetworkd")
        c = self.open(qemu, "qemu:///system")
        self.assertEqual(self.error(c, "CONNECT_NUM_OF_NETWORKS")["code"], UNSUPPORTED)
        self.assertEqual(len(wire_clients(network)), 1)
        c.sock.close()
        self.assertTrue(host.wait_for(lambda: wire_clients(network) == []))

    def test_missing_secondary_fails_only_its_calls(self):
        qemu = self.start("virtqemud")[0]
        c = self.open(qemu, "qemu:///system")
        self.assertIn("/run/libvirt/virtstoraged-sock", self.error(c, "CONNECT_NUM_OF_STORAGE_POOLS")["message"])
        self.assertEqual(c.call("CONNECT_NUM_OF_DOMAINS")["num"], 0)
        # It may come later.
        self.start("virtstoraged")
        self.assertEqual(c.call("CONNECT_NUM_OF_STORAGE_POOLS")["num"], 0)

    def test_secondary_that_dies(self):
        qemu, network = self.start("virtqemud", "virtnetworkd")
        c = self.open(qemu, "qemu:///system")
        self.assertEqual(self.error(c, "CONNECT_NUM_OF_NETWORKS")["code"], UNSUPPORTED)
        network.stop()
        self.error(c, "CONNECT_NUM_OF_NETWORKS")
        self.assertEqual(c.call("CONNECT_NUM_OF_DOMAINS")["num"], 0)

    def test_calls_pipelined_behind_the_open(self):
        """What is sent before the answer waits for the daemon behind; the answers come in order."""
        proxy = self.start("virtqemud", "virtproxyd")[1]
        c = wire.Connection(proxy.socket("-sock"))
        self.addCleanup(c.sock.close)
        serials = [c.post("CONNECT_OPEN", name="qemu:///system", flags=0)]
        serials += [c.post("CONNECT_NUM_OF_DOMAINS") for _ in range(20)]
        for serial in serials:
            frame = c.recv()
            self.assertEqual((frame.serial, frame.status), (serial, wire.OK))

    def test_call_pipelined_behind_an_open_that_fails(self):
        proxy = self.start("virtproxyd")[0]
        c = wire.Connection(proxy.socket("-sock"))
        self.addCleanup(c.sock.close)
        for serial in [c.post("CONNECT_OPEN", name="qemu:///system", flags=0), c.post("CONNECT_NUM_OF_DOMAINS")]:
            frame = c.recv()
            self.assertEqual((frame.serial, frame.status), (serial, wire.ERROR))

    def test_last_reply_reaches_a_client_that_sent_more(self):
        for daemon in self.start("virtqemud", "virtproxyd"):
            for _ in range(20):
                c = self.open(daemon, "qemu:///system")
                serial = c.next_serial()
                procs = wire.program("remote").procs
                # In one piece: the daemon hangs up behind the first.
                c.send(wire.frame(procs["CONNECT_CLOSE"]["num"], serial=serial)
                       + wire.frame(procs["CONNECT_NUM_OF_DOMAINS"]["num"]) * 50)
                frame = c.recv()
                self.assertEqual((frame.serial, frame.status), (serial, wire.OK))
                with self.assertRaises(wire.Closed):
                    c.recv()

    def test_primary_that_dies_and_returns(self):
        qemu, proxy = self.start("virtqemud", "virtproxyd")
        c = self.open(proxy, "qemu:///system")
        c.call("CONNECT_REGISTER_CLOSE_CALLBACK")
        quiet = self.open(proxy, "qemu:///system")
        self.assertEqual(qemu.stop(signal.SIGKILL), -signal.SIGKILL)
        event = c.event("CONNECT_EVENT_CONNECTION_CLOSED")
        self.assertEqual(event["reason"], CLOSE_REASON_EOF)
        self.assertIn("/run/libvirt/virtqemud-sock", self.error(c, "CONNECT_NUM_OF_DOMAINS")["message"])
        self.start("virtqemud")
        for client in (c, quiet):
            self.assertEqual(client.call("CONNECT_NUM_OF_DOMAINS")["num"], 0)

    def application(self, mode):
        """lost-daemon.py through virtproxyd; returns (virtqemud, function that sends a line, if any, and reads one)."""
        qemu, _ = self.start("virtqemud", "virtproxyd")
        p = subprocess.Popen(self.host.enter([sys.executable, LOST_DAEMON, "qemu:///system?mode=legacy", mode]),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (p.kill(), p.communicate()))

        def talk(line=None):
            if line:
                p.stdin.write(line + "\n")
                p.stdin.flush()
            patience = threading.Timer(20, p.kill)
            patience.start()
            try:
                return p.stdout.readline().strip()
            finally:
                patience.cancel()
        self.assertEqual(talk(), "ready")
        return qemu, talk

    def killed(self, daemon):
        """The daemon dies by force; returns the one that takes its place."""
        self.assertEqual(daemon.stop(signal.SIGKILL), -signal.SIGKILL)
        return self.start(daemon.name)[0]

    def test_stock_application_without_events_goes_on(self):
        qemu, talk = self.application("quiet")
        self.assertEqual(qemu.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual(talk(), "closed 1")
        self.assertRegex(talk("call"), r"\Aerror \d+ alive 1\Z")
        self.start("virtqemud")
        self.assertEqual(talk("call"), "domains 0 alive 1")

    def define(self, name):
        path = self.host.write(DOMAIN.format(name=name), f"{name}.xml")
        self.assertEqual(self.virsh("qemu:///system", "define", path).stderr, "")

    def metadata(self, name):
        out = self.virsh("qemu:///system", "metadata", name, "http://x.org/", "--set", "<a/>", "--key", "k", "--config")
        self.assertEqual(out.stderr, "")

    def test_stock_application_hears_events_of_the_next_daemon(self):
        """One that only waits: its registrations are made anew without a call of its own."""
        qemu, talk = self.application("events")
        self.define("first")
        self.assertEqual(talk(), "lifecycle first 0")
        for name in ("second", "third"):
            qemu = self.killed(qemu)
            if name == "second":  # the library says it once
                self.assertEqual(talk(), "closed 1")
            self.assertTrue(host.wait_for(lambda: wire_clients(qemu)))
            self.assertTrue(talk("call").startswith("domains"))
            self.define(name)
            self.assertEqual(talk(), f"lifecycle {name} 0")
            self.metadata(name)
            self.assertEqual(talk(), f"metadata {name}")
        self.assertEqual(talk("deregister"), "deregistered")
        self.metadata("first")
        self.assertEqual(talk("call"), "domains 3 alive 1")
        self.assertEqual(self.virsh("qemu:///system", "undefine", "first").stderr, "")
        self.assertEqual(talk(), "lifecycle first 1")

    def test_stock_application_takes_back_what_a_dead_daemon_had(self):
        qemu, talk = self.application("events")
        self.assertEqual(qemu.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual(talk(), "closed 1")
        self.assertEqual(talk("deregister"), "deregistered")
        self.start("virtqemud")
        self.assertEqual(talk("call"), "domains 0 alive 1")
        self.define("first")
        self.assertEqual(talk(), "lifecycle first 0")
        self.metadata("first")
        self.assertEqual(talk("call"), "domains 1 alive 1")

    def test_daemon_that_hangs_delays_nobody_else(self):
        qemu, proxy = self.start("virtqemud", "virtproxyd")
        stuck = self.open(proxy, "qemu:///system")
        other = self.open(proxy, "test:///default")
        os.kill(host.daemon_pid(self.host, "virtqemud"), signal.SIGSTOP)
        self.addCleanup(os.kill, host.daemon_pid(self.host, "virtqemud"), signal.SIGCONT)
        serial = stuck.post("CONNECT_NUM_OF_DOMAINS")
        opening = wire.Connection(proxy.socket("-sock"))
        self.addCleanup(opening.sock.close)
        opening.post("CONNECT_OPEN", name="qemu:///system", flags=0)
        for _ in range(20):
            start = time.monotonic()
            other.call("CONNECT_GET_LIB_VERSION")
            self.assertLess(time.monotonic() - start, 10)  # it hangs until it is told to go on
        self.assertTrue(self.open(proxy, "test:///default"))
        os.kill(host.daemon_pid(self.host, "virtqemud"), signal.SIGCONT)
        self.assertEqual(stuck.recv().serial, serial)
        self.assertEqual(opening.recv().status, wire.OK)

    def test_secondary_daemon_serves_its_own_kind_only(self):
        network = self.start("virtnetworkd")[0]
        c = self.open(network, "network:///system")
        self.assertEqual(c.call("CONNECT_GET_TYPE")["type"], "network")
        self.assertEqual(c.call("CONNECT_GET_LIB_VERSION")["lib_ver"], 9000000)
        self.assertEqual(self.error(c, "CONNECT_NUM_OF_DOMAINS")["code"], UNSUPPORTED)
        self.assertEqual(self.error(c, "CONNECT_NUM_OF_STORAGE_POOLS")["message"], "internal error: connection not open")

    def test_read_only_reaches_the_read_only_socket(self):
        qemu, network = self.start("virtqemud", "virtnetworkd")
        c = self.open(qemu, "qemu:///system", "-sock-ro")
        self.error(c, "CONNECT_NUM_OF_NETWORKS")
        self.assertEqual([i["readonly"] for i in wire_clients(network)], [1])

    def as_nobody(self, path, *params):
        """The error code that an ordinary user gets for setting an identity, 0 for none."""
        script = AS_NOBODY % (os.path.dirname(wire.__file__), path, list(params))
        return subprocess.run([sys.executable, "-c", script], timeout=20, check=False).returncode

    def test_identity_needs_the_token(self):
        qemu = self.start("virtqemud")[0]
        with open(self.host.path("run", "libvirt", "common", "system.token"), encoding="ascii") as f:
            token = f.read()
        user = {"field": "user-name", "value": (TYPED_PARAM_STRING, "somebody")}
        path = qemu.socket("-sock")
        self.assertEqual(self.as_nobody(path, user), ACCESS_DENIED)
        self.assertEqual(self.as_nobody(path, user, {"field": "system.token", "value": (TYPED_PARAM_STRING, "0" * 32)}), ACCESS_DENIED)
        self.assertEqual(self.as_nobody(path, user, {"field": "system.token", "value": (TYPED_PARAM_STRING, token)}), 0)
        self.assertEqual(self.as_nobody(path, {"field": "shoe-size", "value": (TYPED_PARAM_STRING, "43")}), ARGUMENT_UNSUPPORTED)

    def test_token_is_shared_and_secret(self):
        self.start("virtqemud", "virtsecretd")
        path = self.host.path("run", "libvirt", "common", "system.token")
        with open(path, encoding="ascii") as f:
            self.assertRegex(f.read(), r"\A[0-9a-f]{32}\Z")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)


NO_CLIENT = 96  # VIR_ERR_NO_CLIENT


def wire_clients(daemon):
    """What the admin socket tells about each client of a daemon; one that leaves between the calls is left out."""
    with wire.Connection(daemon.socket("admin-sock")) as c:
        c.call("CONNECT_OPEN", _prog="admin", flags=0)
        clients = c.call("SERVER_LIST_CLIENTS", _prog="admin", srv={"name": daemon.name}, need_results=1, flags=0)["clients"]
        infos = []
        for client in clients:
            try:
                infos.append(c.call("CLIENT_GET_INFO", _prog="admin", clnt=client, flags=0)["params"])
            except wire.RpcError as e:
                if e.body["code"] != NO_CLIENT:
                    raise
        return [{p["field"]: p["value"][1] for p in params} for params in infos]


if __name__ == "__main__":
    unittest.main(verbosity=2)
