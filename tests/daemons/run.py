#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes a program a daemon, tried on all of them: arguments, configuration, sockets, activation, idle exit, signals,
pid file, background, session mode. Needs root, for a private mount namespace."""

import os
import re
import signal
import socket
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

DRIVER_DAEMONS = ["virtqemud", "virtxend", "virtlxcd", "virtbhyved", "virtvboxd", "virtinterfaced", "virtnetworkd",
                  "virtnodedevd", "virtnwfilterd", "virtsecretd", "virtstoraged"]
FRONT = ["libvirtd", "virtproxyd"]
HELPERS = ["virtlogd", "virtlockd"]
ALL = FRONT + DRIVER_DAEMONS + HELPERS
NOBODY = 65534
ACTIVATE = os.path.join(HERE, "activate.py")


def sockets_dir(h):
    return h.path("run", "libvirt")


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def run(h, name, *args, env=None, timeout=10):
    """Runs a daemon's program that is expected to end by itself."""
    return subprocess.run(h.enter([host.daemon_program(name), *args]), capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False)


def admin(path):
    c = wire.Connection(path)
    c.call("CONNECT_OPEN", _prog="admin", flags=0)
    return c


def server_names(path):
    with admin(path) as c:
        reply = c.call("CONNECT_LIST_SERVERS", _prog="admin", need_results=1, flags=0)
        return sorted(s["name"] for s in reply["servers"])


class HostTest(unittest.TestCase):
    def setUp(self):
        self.host = host.Host()
        self.addCleanup(self.host.close)

    def start(self, name, *args, conf=host.CONF_OPEN, **kw):
        """Starts a daemon of ours; virtlogd and virtlockd know none of the usual keys."""
        return self.host.start(host.daemon_program(name), *args, sockets=host.sockets_of(name),
                               conf="" if name in HELPERS else conf, **kw)

    def activate(self, name, pairs, *args, conf=host.CONF_OPEN, **kw):
        sockets = [os.path.basename(p.split("=")[1]) for p in pairs if "=/" in p]
        return self.host.start(host.daemon_program(name), *args, sockets=sockets, conf=conf,
                               prefix=[sys.executable, ACTIVATE, *pairs, "--"], **kw)


class EveryDaemon(HostTest):
    """Each of the fifteen, started by hand."""

    def check_sockets(self, name, daemon):
        # An answer means that start-up is over; modes are final then.
        self.assertEqual(server_names(daemon.socket("admin-sock")), sorted(["admin", name]))
        for path in daemon.sockets:
            kind = path.rsplit("/", 1)[1]
            wanted = 0o700 if "admin" in kind or name in HELPERS else 0o777
            self.assertEqual(mode_of(path), wanted, path)
            self.assertEqual(os.stat(path).st_uid, 0)
        self.assertEqual(len(daemon.sockets), 2 if name in HELPERS else 3)

    def check_unsupported(self, name, daemon):
        """A call that fails (nobody has written it yet, or its arguments are blank) does not end the connection."""
        with wire.Connection(daemon.sockets[0]) as c:
            for _ in range(2):
                with self.assertRaises(wire.RpcError) as e:
                    if name in HELPERS:
                        self.call_first(c, name.removeprefix("virt").removesuffix("d"))
                    else:
                        c.call("DOMAIN_CREATE")
                self.assertIn(e.exception.body["code"], (38, 55) if name in HELPERS else (1, 3))

    def call_first(self, c, program):
        names = sorted(n for n, p in wire.program(program).procs.items() if p["dir"] == "call")
        c.call(names[0], _prog=program)

    def check(self, name):
        daemon = self.start(name)
        self.check_sockets(name, daemon)
        self.check_unsupported(name, daemon)
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual([s for s in daemon.sockets if os.path.exists(s)], [])
        self.assertFalse(os.path.exists(self.host.path("run", f"{name}.pid")))

    def test_by_hand(self):
        for name in ALL:
            with self.subTest(name):
                try:
                    self.check(name)
                finally:
                    for daemon in self.host.daemons:  # one that fails must not be in the way of the next
                        daemon.stop()


class Arguments(HostTest):
    def test_help_and_version(self):
        for name in ALL:
            with self.subTest(name):
                out = run(self.host, name, "--help")
                self.assertEqual(out.returncode, 0)
                self.assertIn("--timeout SECONDS", out.stdout)
                self.assertEqual("--listen" in out.stdout, name == "libvirtd")
                self.assertIn(f"/etc/libvirt/{name}.conf", out.stdout)
                out = run(self.host, name, "-V")
                self.assertEqual((out.returncode, out.stderr), (0, ""))
                self.assertTrue(out.stdout.endswith(" (libvirt) 9.0.0\n"), out.stdout)

    def test_mistakes(self):
        for args, text in [
                (["--bogus"], "unrecognized option '--bogus'"),
                (["-x"], "invalid option -- 'x'"),
                (["-t"], "option requires an argument -- 't'"),
                (["-t", "x"], "Invalid value for timeout"),
                (["-t", "-5"], "Invalid value for timeout"),
                (["-t", "2147484"], "Invalid value for timeout"),
                (["extra"], "unexpected, non-option, command line arguments"),
                (["-f", "/nonexistent"], "/nonexistent"),
        ]:
            with self.subTest(args=args):
                out = run(self.host, "virtqemud", *args)
                self.assertEqual(out.returncode, 1)
                self.assertIn(text, out.stderr)
        self.assertEqual(run(self.host, "virtqemud", "-l").returncode, 1)


class OpenFiles(HostTest):
    def limits(self, prlimit):
        """Soft and hard limit of a daemon started with others, and what it logged."""
        daemon = self.start("virtproxyd", prefix=["prlimit", f"--nofile={prlimit}"])
        with open(f"/proc/{host.daemon_pid(self.host, 'virtproxyd')}/limits", encoding="ascii") as f:
            found = re.search(r"^Max open files\s+(\d+)\s+(\d+)", f.read(), re.M).groups()
        return found, daemon.log()

    def test_soft_limit_is_raised(self):
        limits, log = self.limits("256:20000")
        self.assertEqual(limits, ("20000", "20000"))
        self.assertNotIn("open files", log)

    def test_too_low_for_max_clients(self):
        limits, log = self.limits("256:4000")
        self.assertEqual(limits, ("4000", "4000"))
        self.assertIn("max_clients = 5000 and admin_max_clients = 5000 need 15064 open files, the limit is 4000", log)


class Configuration(HostTest):
    def check_fails(self, conf, status, *texts, name="virtqemud", args=()):
        path = self.host.write(conf, "bad.conf")
        out = run(self.host, name, "-f", path, *args)
        self.assertEqual(out.returncode, status, out.stderr)
        for text in texts:
            self.assertIn(text, out.stderr)

    def test_mistakes(self):
        for conf, status, texts in [
                ("max_clients = x\n", 1, ["bad.conf:1:15:"]),
                ("\nmax_clients = \"5\"\n", 1, ["bad.conf:2:", "max_clients"]),
                ("log_level = 7\n", 1, ["log_level"]),
                ("log_filters = \"9:rpc\"\n", 1, ["log_filters"]),
                ("unix_sock_rw_perms = \"888\"\n", 1, ["unix_sock_rw_perms"]),
                ("auth_unix_rw = \"kerberos\"\n", 1, ["auth_unix_rw"]),
                ("min_workers = 30\n", 1, ["min_workers (30) must not be over max_workers (20)"]),
                ("max_clients = 10\n", 1, ["bad.conf:1:15:", "max_anonymous_clients"]),
                ("unix_sock_group = \"no-such-group\"\n", 6, ["no-such-group"]),
                ("auth_unix_rw = \"sasl\"\n", 6, ["no SASL"]),
                ("access_drivers = [ \"polkit\" ]\n", 1, ["no access driver 'polkit'"]),
                ("host_uuid = \"00000000-0000-0000-0000-000000000000\"\n", 1, ["host_uuid"]),
        ]:
            with self.subTest(conf=conf):
                self.check_fails(conf, status, *texts)

    def test_check_finds_everything(self):
        path = self.host.write('max_clients = "a"\nlog_level = 9\nfoo = 1\n', "bad.conf")
        out = run(self.host, "virtnetworkd", "--check", "-f", path)
        self.assertEqual(out.returncode, 1)
        for text in ["bad.conf:1:15: error:", "bad.conf:2:13: error:", "bad.conf:3:1: warning:"]:
            self.assertIn(text, out.stdout)
        self.assertFalse(os.path.exists(sockets_dir(self.host)))

    def test_check_accepts(self):
        path = self.host.write("max_clients = 30\n", "good.conf")
        out = run(self.host, "libvirtd", "--check", "-f", path)
        self.assertEqual((out.returncode, out.stderr), (0, ""))

    def test_no_file_means_defaults(self):
        self.assertEqual(run(self.host, "virtlogd", "--check").returncode, 0)

    def test_modes_and_group(self):
        daemon = self.start("virtqemud", conf=host.CONF_OPEN.replace('rw_perms = "0777"', 'rw_perms = "0770"') +
                            'unix_sock_group = "+12345"\nunix_sock_admin_perms = "0750"\n')
        self.assertEqual([mode_of(s) for s in daemon.sockets], [0o770, 0o777, 0o750])
        self.assertEqual({os.stat(s).st_gid for s in daemon.sockets}, {12345})

    def test_stale_socket_is_replaced(self):
        path = self.host.path("run", "libvirt", "virtqemud-sock")
        os.makedirs(os.path.dirname(path))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
        daemon = self.start("virtqemud")
        self.assertEqual(server_names(daemon.socket("admin-sock")), ["admin", "virtqemud"])
        with wire.Connection(daemon.sockets[0]) as c:
            self.assertEqual(c.call("AUTH_LIST")["types"], [0])

    def test_environment_is_stronger_than_the_file(self):
        daemon = self.start("virtqemud", conf=host.CONF_OPEN + "log_level = 4\n",
                            env={"LIBVIRT_DEBUG": "2", "LIBVIRT_LOG_FILTERS": "1:rpc"})
        with admin(daemon.socket("admin-sock")) as c:
            self.assertEqual(c.call("CONNECT_GET_LOGGING_FILTERS", _prog="admin")["filters"], "1:*rpc* ")
            self.assertEqual(c.call("CONNECT_GET_LOGGING_OUTPUTS", _prog="admin")["outputs"], "2:stderr")


class ReadOnly(HostTest):
    def test_writes_are_refused(self):
        daemon = self.start("virtqemud")
        for path, flags in [(daemon.socket("-sock-ro"), 0), (daemon.socket("virtqemud-sock"), 1)]:
            with wire.Connection(path) as c, self.assertRaises(wire.RpcError) as e:
                c.open("qemu:///system", flags)
                c.call("DOMAIN_CREATE")
            self.assertEqual((e.exception.body["code"], e.exception.body["message"]),
                             (29, "operation forbidden: read only access prevents virDomainCreate"))


class Activation(HostTest):
    def path(self, name):
        return self.host.path("run", "libvirt", name)

    def inside(self, name):
        return f"/run/libvirt/{name}"

    def test_sockets_are_taken_by_name(self):
        pairs = [f"virtqemud-admin.socket={self.inside('virtqemud-admin-sock')}",
                 f"virtqemud.socket={self.inside('virtqemud-sock')}"]
        self.activate("virtqemud", pairs)
        self.assertTrue(host.wait_for(lambda: server_names(self.path("virtqemud-admin-sock")) == ["admin", "virtqemud"]))
        with wire.Connection(self.path("virtqemud-sock")) as c:
            self.assertEqual(c.call("AUTH_LIST")["types"], [0])
        # Nothing is made that was not passed, and what was passed is the system manager's.
        self.assertFalse(os.path.exists(self.path("virtqemud-sock-ro")))
        self.assertEqual(mode_of(self.path("virtqemud-sock")), 0o666)
        self.assertEqual(self.host.daemons[-1].stop(), 0)
        self.assertTrue(os.path.exists(self.path("virtqemud-sock")))

    def check_refused(self, name, pairs, status, text, args=()):
        conf = self.host.write(host.CONF_OPEN, "a.conf")
        out = subprocess.run(self.host.enter([sys.executable, ACTIVATE, *pairs, "--", host.daemon_program(name), "-f", conf,
                                              *args]),
                             capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual(out.returncode, status, out.stderr)
        self.assertIn(text, out.stderr)

    def test_unknown_name(self):
        self.check_refused("virtqemud", [f"other.socket={self.inside('x')}"], 6, "other.socket")

    def test_listen_is_refused(self):
        self.check_refused("libvirtd", [f"libvirtd.socket={self.inside('x')}"], 6, "--listen", ["--listen"])

    def test_tls_is_refused(self):
        self.check_refused("libvirtd", ["libvirtd-tls.socket=26514"], 6, "no TLS")

    def test_without_names(self):
        daemon = self.host.start(host.daemon_program("virtqemud"), sockets=host.sockets_of("virtqemud"), conf=host.CONF_OPEN,
                                 prefix=[sys.executable, ACTIVATE, f"-={self.inside('x')}", "--"])
        self.assertIn("without LISTEN_FDNAMES", daemon.log())

    def test_tcp(self):
        self.activate("libvirtd", [f"libvirtd.socket={self.inside('libvirt-sock')}", "libvirtd-tcp.socket=26509"],
                      conf=host.CONF_OPEN + 'auth_tcp = "none"\n')
        self.assertTrue(host.wait_for(lambda: tcp_answers(self.host, 26509)))


def tcp_answers(h, port):
    """Whether AUTH_LIST is answered on a port of the host's own network."""
    script = ("import socket,sys;s=socket.create_connection(('127.0.0.1',%d),2);"
              "s.sendall(bytes.fromhex('0000001c200080860000000100000042000000000000000000000000'));"
              "sys.exit(s.recv(100)[:4]!=bytes.fromhex('00000024'))" % port)
    return subprocess.run(h.enter(["/usr/bin/python3", "-c", script]), capture_output=True, check=False).returncode == 0


class Tcp(HostTest):
    CONF = host.CONF_OPEN + 'listen_tls = 0\nlisten_tcp = 1\ntcp_port = "26509"\nlisten_addr = "127.0.0.1"\n'

    def test_libvirtd_listens_when_told(self):
        self.start("libvirtd", "--listen", conf=self.CONF + 'auth_tcp = "none"\n')
        self.assertTrue(tcp_answers(self.host, 26509))

    def test_libvirtd_does_not_listen_by_itself(self):
        self.start("libvirtd", conf=self.CONF + 'auth_tcp = "none"\n')
        self.assertFalse(tcp_answers(self.host, 26509))

    def test_virtproxyd_listens(self):
        self.start("virtproxyd", conf=self.CONF + 'auth_tcp = "none"\n')
        self.assertTrue(tcp_answers(self.host, 26509))

    def test_what_this_build_has_not(self):
        for conf, text in [(self.CONF, "no SASL"), (self.CONF.replace("_tls = 0", "_tls = 1") + 'auth_tcp = "none"\n', "no TLS")]:
            path = self.host.write(conf, "tcp.conf")
            out = run(self.host, "libvirtd", "--listen", "-f", path)
            self.assertEqual(out.returncode, 6)
            self.assertIn(text, out.stderr)


class Life(HostTest):
    def test_idle_exit(self):
        daemon = self.start("virtqemud", "--timeout", "1")
        with wire.Connection(daemon.sockets[0]) as c:
            time.sleep(1.5)
            self.assertTrue(daemon.alive())
            self.assertEqual(c.call("AUTH_LIST")["types"], [0])
        self.assertTrue(host.wait_for(lambda: not daemon.alive(), 4))
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.sockets[0]))

    def test_timeout_can_be_set_by_administrators(self):
        daemon = self.start("virtnetworkd")
        with admin(daemon.socket("admin-sock")) as c:
            c.call("CONNECT_SET_DAEMON_TIMEOUT", _prog="admin", timeout=1, flags=0)
        self.assertTrue(host.wait_for(lambda: not daemon.alive(), 4))

    def test_hangup_reloads(self):
        for name in ["libvirtd", "virtproxyd", "virtqemud"]:
            daemon = self.start(name)
            os.kill(host.daemon_pid(self.host, name), signal.SIGHUP)
            time.sleep(0.2)
            self.assertEqual(server_names(daemon.socket("admin-sock")), sorted(["admin", name]))
            self.assertEqual(daemon.stop(), 0)

    def test_stop_signals(self):
        for sig in [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM]:
            daemon = self.start("virtsecretd")
            self.assertEqual(daemon.stop(sig), 0)

    def test_stop_with_clients(self):
        daemon = self.start("virtqemud", "--timeout", "100")
        with admin(daemon.socket("admin-sock")), wire.Connection(daemon.sockets[0]) as c:
            c.open("qemu:///system")
            self.assertEqual(daemon.stop(), 0)
            with self.assertRaises(wire.Closed):
                c.recv()

    def test_the_system_manager_is_told(self):
        path = self.host.path("notify")
        said = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            os.chmod(path, 0o777)
            reader = threading.Thread(target=lambda: collect(s, said), daemon=True)
            reader.start()
            daemon = self.start("virtqemud", env={"NOTIFY_SOCKET": path})
            self.assertTrue(host.wait_for(lambda: "READY=1" in said))
            os.kill(host.daemon_pid(self.host, "virtqemud"), signal.SIGHUP)
            self.assertTrue(host.wait_for(lambda: said.count("READY=1") == 2))
            daemon.stop()
            self.assertTrue(host.wait_for(lambda: "STOPPING=1" in said))
        self.assertTrue(said[1].startswith("RELOADING=1\nMONOTONIC_USEC="), said)

    def test_second_instance(self):
        self.start("virtqemud")
        out = run(self.host, "virtqemud")
        self.assertEqual(out.returncode, 1)
        self.assertIn("/run/virtqemud.pid", out.stderr)

    def test_background(self):
        conf = self.host.write(host.CONF_OPEN, "d.conf")
        out = run(self.host, "virtqemud", "-d", "-f", conf)
        self.assertEqual(out.returncode, 0, out.stderr)
        pid = host.daemon_pid(self.host, "virtqemud")
        self.assertEqual(server_names(self.host.path("run", "libvirt", "virtqemud-admin-sock")), ["admin", "virtqemud"])
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(host.wait_for(lambda: not os.path.exists(f"/proc/{pid}")))

    def test_background_tells_failures(self):
        self.start("virtqemud")
        self.assertEqual(run(self.host, "virtqemud", "-d").returncode, 1)


def collect(s, said):
    while True:
        try:
            said.append(s.recv(4096).decode())
        except OSError:
            return


class Session(HostTest):
    """The daemon of an ordinary user."""

    def setUp(self):
        super().setUp()
        self.home = self.host.path("user")
        os.makedirs(os.path.join(self.home, "run"))
        for folder in (self.home, os.path.join(self.home, "run")):
            os.chown(folder, NOBODY, NOBODY)

    def start_session(self, name, *args):
        env = {**os.environ, "HOME": self.home, "XDG_RUNTIME_DIR": os.path.join(self.home, "run")}
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            env.pop(variable, None)
        log = open(os.path.join(self.host.root, "session.log"), "wb")
        self.addCleanup(log.close)
        p = subprocess.Popen(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                              host.daemon_program(name), *args],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        self.addCleanup(lambda: (p.poll() is None and p.kill(), p.wait()))
        return p

    def test_session(self):
        for name in ["virtqemud", "libvirtd", "virtproxyd", "virtsecretd", "virtlogd"]:
            with self.subTest(name):
                p = self.start_session(name)
                folder = os.path.join(self.home, "run", "libvirt")
                expected = [s for s in host.sockets_of(name) if not s.endswith("-ro")]
                self.assertTrue(host.wait_for(lambda: all(os.path.exists(os.path.join(folder, s)) for s in expected)), name)
                self.assertEqual([s for s in os.listdir(folder) if s.endswith("-ro")], [])
                self.assertEqual({mode_of(os.path.join(folder, s)) for s in expected}, {0o700})
                self.assertEqual(server_names(os.path.join(folder, expected[-1])), sorted(["admin", name]))
                p.terminate()
                self.assertEqual(p.wait(10), 0)

    def test_system_only_driver_has_none(self):
        p = self.start_session("virtlxcd", "-p", os.path.join(self.home, "pid"))
        p.terminate()
        p.wait(10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
