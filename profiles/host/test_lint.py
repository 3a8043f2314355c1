#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts with one mistake each: virthost lint names it, its file and its line, and nothing else.

usage: test_lint.py VIRTHOST UNIT-DIR (where the build has its units)"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import pki
from roots import SYSTEM, Root

VIRTHOST, UNITS = sys.argv.pop(1), sys.argv.pop(1)
MODULAR = ["virtqemud", "virtlogd", "virtlockd", "virtnetworkd", "virtproxyd"]
MONOLITHIC = ["libvirtd", "virtlogd", "virtlockd"]


def conf(name, text):
    return lambda root: root.write(f"/etc/libvirt/{name}", text)


def enable(unit):
    return lambda root: root.enable(unit)


def mask(unit):
    return lambda root: root.mask(unit)


def write(path, text):
    return lambda root: root.write(path, text)


def remove(path):
    return lambda root: root.remove(path)


LIB = "/usr/lib/systemd/system"
SOCKETS = f"{SYSTEM}/sockets.target.wants"
# layout, changes, expected findings: code, file, line, column
ROWS = [
    (MODULAR, [conf("virtqemud.conf", "max_clients = 5\nmax_client = 7\n")],
     [("conf-bound", "/etc/libvirt/virtqemud.conf", 1, 15), ("conf-unknown-key", "/etc/libvirt/virtqemud.conf", 2, 1)]),
    (MODULAR, [conf("virtqemud.conf", "# c\nmax_clients = \"5\"\n")],
     [("conf-type", "/etc/libvirt/virtqemud.conf", 2, 15)]),
    (MODULAR, [conf("virtqemud.conf", "log_level = 9\n")], [("conf-range", "/etc/libvirt/virtqemud.conf", 1, 13)]),
    (MODULAR, [conf("virtqemud.conf", "auth_unix_rw = \"polki\"\n")],
     [("conf-choice", "/etc/libvirt/virtqemud.conf", 1, 16)]),
    (MODULAR, [conf("virtqemud.conf", "log_level = \n")], [("conf-syntax", "/etc/libvirt/virtqemud.conf", 1, 13)]),
    (MODULAR, [conf("virtqemud.conf", "log_level = 1\nlog_level = 2\n")],
     [("conf-duplicate", "/etc/libvirt/virtqemud.conf", 2, 1)]),
    (MODULAR, [conf("qemu.conf", "vnc_tls = 2\n")], [("conf-range", "/etc/libvirt/qemu.conf", 1, 11)]),
    (MODULAR, [conf("virtqemud.conf", "listen_tcp = 1\n")], [("conf-wrong-file", "/etc/libvirt/virtqemud.conf", 1, 1)]),
    (MODULAR, [conf("qemu.conf", "max_clients = 9\n")], [("conf-wrong-file", "/etc/libvirt/qemu.conf", 1, 1)]),
    (MODULAR, [conf("virtqemud.conf", "\nunix_sock_group = \"libvirt\"\n")],
     [("host-dead-key", "/etc/libvirt/virtqemud.conf", 2, 1)]),
    (MODULAR, [conf("virtproxyd.conf", "tls_port = \"1234\"\n")], [("host-dead-key", "/etc/libvirt/virtproxyd.conf", 1, 1)]),
    (MODULAR, [conf("virtproxyd.conf", "listen_tcp = 1\n")], [("host-dead-key", "/etc/libvirt/virtproxyd.conf", 1, 1)]),
    (MONOLITHIC, [enable("libvirtd.service"), remove(f"{SOCKETS}/libvirtd.socket"), conf("libvirtd.conf", "listen_tcp = 1\n")],
     [("host-dead-key", "/etc/libvirt/libvirtd.conf", 1, 1)]),
    (MODULAR, [conf("libvirtd.conf", "log_level = 1\n")], [("host-unread-file", "/etc/libvirt/libvirtd.conf", 1, 1)]),
    (MONOLITHIC, [write("/etc/default/libvirtd", "# c\nLIBVIRTD_ARGS=\"--listen\"\n"),
                  conf("libvirtd.conf", "listen_tls = 0\n")],
     [("host-listen", "/etc/default/libvirtd", 2, 1)]),
    (MODULAR, [write("/etc/default/virtqemud", "VIRTQEMUD_ARGS=\"--listen\"\n")],
     [("host-listen", "/etc/default/virtqemud", 1, 1)]),
    (MONOLITHIC, [write("/etc/default/libvirtd", "libvirtd_opts=\"-l\"\n")],
     [("host-unused-variable", "/etc/default/libvirtd", 1, 1)]),
    (MODULAR, [write(f"{SYSTEM}/virtxend.socket.d/a.conf", "[Socket]\nSocketMode=0600\n")],
     [("host-orphan-drop-in", f"{SYSTEM}/virtxend.socket.d/a.conf", 0, 0)]),
    (MODULAR, [enable("virtxend.socket")], [("host-not-installed", f"{SOCKETS}/virtxend.socket", 0, 0)]),
    (MODULAR, [mask("virtqemud.service")], [("host-masked", f"{SYSTEM}/virtqemud.service", 0, 0)]),
    (MODULAR, [mask("virtlogd.socket")], [("host-masked", f"{SYSTEM}/virtlogd.socket", 0, 0)]),
    (MODULAR, [remove(f"{LIB}/virtlogd.socket"), remove(f"{SOCKETS}/virtlogd.socket")],
     [("host-missing-need", "virtqemud.socket", 0, 0)]),
    (MODULAR, [write(f"{SYSTEM}/virtqemud.socket.d/a.conf", "[Socket]\nSocketGroup=libvirtd\n")],
     [("host-no-group", f"{SYSTEM}/virtqemud.socket.d/a.conf", 2, 1)]),
    (MODULAR, [write(f"{SYSTEM}/virtqemud.socket.d/a.conf", "[Socket]\nSocketMode\n")],
     [("unit-syntax", f"{SYSTEM}/virtqemud.socket.d/a.conf", 2, 1)]),
    (MODULAR, [enable("virtproxyd-tls.socket"), lambda root: pki.install(root, private=None)],
     [("host-no-certificate", f"{SOCKETS}/virtproxyd-tls.socket", 0, 0)]),
    (MODULAR, [enable("virtproxyd-tls.socket"), write("/a.pem", pki.texts()["server.key"]), write("/b.pem", pki.texts()["good.pem"]),
               lambda root: os.chmod(root.place("/a.pem"), 0o600),
               conf("virtproxyd.conf", 'key_file = "/a.pem"\ncert_file = "/b.pem"\nca_file = "/c.pem"\n')],
     [("host-no-certificate", "/etc/libvirt/virtproxyd.conf", 3, 1)]),
    (MODULAR, [enable("virtproxyd-tcp.socket"), conf("virtproxyd.conf", 'auth_tcp = "none"\n')],
     [("host-open", "/etc/libvirt/virtproxyd.conf", 1, 1)]),
    (MODULAR, [conf("virtqemud.conf", 'auth_unix_rw = "none"\n')], [("host-open", "/etc/libvirt/virtqemud.conf", 1, 1)]),
    # nothing is wrong with these
    (MODULAR, [], []),
    (MONOLITHIC, [], []),
    (MODULAR, [write(f"{SYSTEM}/virtqemud.socket.d/a.conf", "[Socket]\nSocketMode=0660\nSocketGroup=libvirt\n"),
               conf("virtqemud.conf", 'auth_unix_rw = "none"\nmax_clients = 7000\n')], []),
    (MONOLITHIC, [mask("virtqemud.service"), mask("virtqemud.socket")], []),
    (MONOLITHIC, [write("/etc/default/libvirtd", 'LIBVIRTD_ARGS="--timeout 30"\nFOO=1\n')], []),
    (MONOLITHIC, [enable("libvirtd.service"), remove(f"{SOCKETS}/libvirtd.socket"),
                  write("/etc/default/libvirtd", "LIBVIRTD_ARGS=-l\n"),
                  conf("libvirtd.conf", 'listen_tcp = 1\nlisten_tls = 0\nunix_sock_group = "libvirt"\n')], []),
]


class Lint(unittest.TestCase):
    def host(self, layout, changes):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Root(folder.name, UNITS, layout, layout)
        for change in changes:
            change(root)
        return root

    def findings(self, root, *options):
        run = root.run(VIRTHOST, "lint", "--json", *options)
        rows = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(run.returncode, 1 if any(r["severity"] == "error" for r in rows) else 0, run)
        return rows

    def test_each_mistake(self):
        for number, (layout, changes, expected) in enumerate(ROWS):
            with self.subTest(number):
                rows = self.findings(self.host(layout, changes))
                self.assertEqual(sorted((r["code"], r["file"], r["line"], r["column"]) for r in rows), sorted(expected), rows)

    def test_both_layouts(self):
        root = self.host(MODULAR + ["libvirtd"], [])
        self.assertEqual([r["code"] for r in self.findings(root)], ["host-mixed-layout"])

    def test_suggestions(self):
        root = self.host(MODULAR, [conf("virtqemud.conf", "max_client = 7\n"), conf("virtnetworkd.conf", "tls_port = \"1\"\n")])
        hints = [r["hint"] for r in self.findings(root)]
        self.assertEqual(hints, ["it belongs to virtproxyd.conf", "did you mean 'max_clients'?"])

    def test_text(self):
        root = self.host(MODULAR, [conf("virtqemud.conf", "# c\n  log_level = 9\n")])
        run = root.run(VIRTHOST, "lint")
        self.assertIn("/etc/libvirt/virtqemud.conf:2:15: error:", run.stderr)
        self.assertIn("\n      log_level = 9\n                  ^\n", run.stderr)

    def test_strict(self):
        root = self.host(MODULAR, [conf("virtqemud.conf", "max_client = 7\n")])
        self.assertEqual(root.run(VIRTHOST, "lint").returncode, 0)
        self.assertEqual(root.run(VIRTHOST, "lint", "--strict").returncode, 1)

    def test_empty_root(self):
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([VIRTHOST, "lint", "--root", folder], capture_output=True, text=True, check=False)
            self.assertEqual((run.returncode, run.stderr), (0, "0 errors, 0 warnings\n"))
        run = subprocess.run([VIRTHOST, "lint", "--root", "/no/such"], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("/no/such", run.stderr)

    def test_file_that_cannot_be_read(self):
        """100 MB: said, at once; a link is followed"""
        root = self.host(MODULAR, [])
        with open(root.place("/etc/libvirt/virtqemud.conf"), "wb") as f:
            f.truncate(100 * 1024 * 1024)
        root.write("/etc/shared.conf", "vnc_tls = 2\n")
        root.link("/etc/libvirt/qemu.conf", "../shared.conf")
        self.assertEqual([(r["code"], r["file"], r["line"]) for r in self.findings(root)],
                         [("host-unreadable", "/etc/libvirt/virtqemud.conf", 0), ("conf-range", "/etc/libvirt/qemu.conf", 1)])

    def test_hostile_files(self):
        root = self.host(MODULAR, [])
        root.link("/etc/libvirt/virtqemud.conf", "/etc/libvirt/virtqemud.conf")
        os.mkfifo(root.place("/etc/libvirt/qemu.conf"))
        root.write(f"{SYSTEM}/virtqemud.socket.d/a.conf", "\\\n" * 1000 + "[")
        with open(root.place("/etc/default/virtqemud"), "wb") as f:
            f.write(os.urandom(4096))
        self.assertIn(root.run(VIRTHOST, "lint").returncode, (0, 1))


if __name__ == "__main__":
    unittest.main()
