#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What profiles take for granted of a host: groups, users, certificates. check --root, plan, apply and lint find the same.

usage: test_requirements.py VIRTHOST UNIT-DIR (where the build has its units)"""

import glob
import json
import os
import sys
import tempfile
import unittest

import pki
from roots import Root

VIRTHOST, UNITS = sys.argv.pop(1), sys.argv.pop(1)
DAEMONS = ["virtqemud", "virtlogd", "virtlockd", "virtproxyd"]
HEAD = "profile: p\ntarget: {distribution: debian}\nhypervisors: [qemu]\ndrivers: []\n"
TLS = HEAD + "remote:\n  tls:\n    enabled: true\n"
NAMED = TLS + "    pki: /srv/pki\n"
PASSWD = "root:x:0:0::/:/bin/sh\nanna:x:1000:1000::/:/bin/sh\n"
# profile, certificates (None: none), expected findings: code, line, column
ROWS = [
    (HEAD + "access: {group: libvirt}\n", None, []),
    (HEAD + "access: {group: libvirtd}\n", None, [("host-no-group", 5, 17)]),
    (HEAD + "access: {group: +200}\n", None, []),
    (HEAD + "access: {group: packaged}\n", None, []),
    (HEAD + "access: {group: daemon-user}\n", None, []),
    (HEAD + "access:\n  group: vmadmins\n  create_group: true\n", None, []),
    (HEAD + "access:\n  group: libvirt\n  members: [anna, bert]\n", None, [("host-no-user", 7, 19)]),
    (HEAD + "access:\n  polkit:\n    manage: {users: [anna], groups: [libvirt, wheel]}\n", None, [("host-no-group", 7, 47)]),
    (HEAD + "files:\n  qemu.conf:\n    user: qemu\n    group: libvirt\n", None, [("host-no-user", 7, 11)]),
    (HEAD + "daemons:\n  virtqemud: {settings: {unix_sock_group: kvm}}\n", None, [("host-no-group", 6, 43)]),
    (TLS, {}, []),
    (TLS, None, [("host-no-certificate", 7, 14)] * 3),
    (TLS, {"private": None}, [("host-no-certificate", 7, 14)]),
    (NAMED, {}, [("host-no-certificate", 8, 10)] * 3),
    (TLS, {"certificate": "expired.pem"}, [("host-certificate-time", 7, 14)]),
    (TLS, {"certificate": "soon.pem"}, [("host-certificate-time", 7, 14)]),
    (TLS, {"certificate": "client.pem"}, [("host-certificate-use", 7, 14)]),
    (TLS, {"certificate": "ca.pem", "private": "ca.key"}, [("host-certificate-use", 7, 14)]),
    (TLS, {"ca": "other-ca.pem"}, [("host-certificate-signer", 7, 14)]),
    (TLS, {"private": "other.key"}, [("host-certificate-key", 7, 14)]),
    (TLS, {"private": "rubbish"}, [("host-bad-certificate", 7, 14)]),
    (TLS, {"certificate": ""}, [("host-bad-certificate", 7, 14)]),
    (TLS, {"mode": 0o644}, [("host-key-open", 7, 14)]),
    (NAMED + "    revoked: /etc/pki/crl.pem\n", {}, [("host-no-certificate", 8, 10)] * 3 + [("host-no-certificate", 9, 14)]),
    (HEAD + "files:\n  qemu.conf:\n    vnc_tls: true\n", None, [("host-no-certificate", 7, 14)] * 3),
    (HEAD + "files:\n  qemu.conf:\n    vnc_tls: false\n", None, []),
]


class Requirements(unittest.TestCase):
    def root(self, certificates, layout=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Root(folder.name, UNITS, DAEMONS, layout or [])
        root.write("/etc/passwd", PASSWD)
        root.write("/usr/lib/sysusers.d/some.conf", "# c\ng packaged - -\nu daemon-user - - /\n")
        if certificates is not None:
            pki.install(root, **certificates)
        return root

    def findings(self, root, verb, text):
        path = root.place("/root/profile.yaml")
        root.write("/root/profile.yaml", text)
        run = root.run(VIRTHOST, verb, "--json", path)
        rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"severity"')]
        # The daemons of this build have no TLS, and these hosts not all units: that is said elsewhere.
        rows = [r for r in rows if r["code"].startswith("host-")]
        self.assertEqual(run.returncode, 0, run)
        self.assertTrue(all(r["severity"] == "warning" and r["path"].startswith("$.") for r in rows), rows)
        self.assertTrue(all(r["file"] == path for r in rows), rows)
        return [(r["code"], r["line"], r["column"]) for r in rows]

    def test_images(self):
        for number, (text, certificates, expected) in enumerate(ROWS):
            with self.subTest(number):
                root = self.root(certificates)
                for verb in ("check", "plan", "apply"):
                    self.assertEqual(self.findings(root, verb, text), expected, verb)

    def test_strict(self):
        root = self.root(None)
        path = root.place("/profile.yaml")
        root.write("/profile.yaml", HEAD + "access: {group: nope}\n")
        run = root.run(VIRTHOST, "check", "--strict", path)
        self.assertEqual(run.returncode, 1)
        self.assertIn("profile.yaml:5:17: warning: there is no group nope in this image", run.stderr)
        self.assertIn("access: {group: nope}\n", run.stderr)
        self.assertIn("    hint: the sockets cannot be made", run.stderr)

    def test_link_to_certificates(self):
        """as tools for certificates leave them; links stay inside the root"""
        root = self.root({})
        for what, place in pki.PLACES.items():
            os.rename(root.place(place), root.place(f"/store/{what}"))
            root.link(place, f"/store/{what}")
        self.assertEqual(self.findings(root, "check", TLS), [])
        root.link(pki.PLACES["key"], pki.PLACES["key"])
        self.assertEqual(self.findings(root, "check", TLS), [("host-bad-certificate", 7, 14)])

    def test_lint_names_the_profile(self):
        """what lint finds in files that apply wrote, whole or in part, has the profile's place"""
        root = self.root({}, DAEMONS)
        text = TLS + "access:\n  group: libvirt\nlimits:\n  max_workers: 30\n"
        root.write("/root/profile.yaml", text)
        root.write("/etc/libvirt/virtproxyd.conf", "# mine\nmin_workers = 50\n")
        self.assertEqual(root.run(VIRTHOST, "apply", root.place("/root/profile.yaml")).returncode, 0)
        root.write("/etc/group", "root:x:0:\n")
        os.unlink(root.place(pki.PLACES["key"]))
        run = root.run(VIRTHOST, "lint", "--json")
        rows = {(r["code"], (r["origin"] or "").replace(root.path, ""), r["path"]) for r in map(json.loads, run.stdout.splitlines())}
        self.assertLessEqual({("host-no-group", "/root/profile.yaml:9:10", "$.access.group"),
                              ("host-no-certificate", "/root/profile.yaml:7:14", "$.remote.tls.enabled")}, rows)
        self.assertIn(("conf-bound", "", None), rows, "a key of somebody else")
        self.assertIn(f"    from {root.path}/root/profile.yaml:9:10 ($.access.group)\n", root.run(VIRTHOST, "lint").stderr)

    def test_systemd_judges_units(self):
        """directives that systemd does not understand: told at the profile's line, for our units and for those of others"""
        units = "units:\n  virtqemud.service:\n    Service:\n      Nonsense: 1\n      TimeoutStopSec: 5 parsecs\n      Nice: 3\n"
        for target in ("virthost", "libvirt"):
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
                f.write(HEAD.replace("{distribution: debian}", f"{{daemons: {target}, distribution: fedora}}") + units)
                f.flush()
                run = Root.bare(VIRTHOST, "check", "--systemd", "--json", f.name)
            rows = [json.loads(line) for line in run.stdout.splitlines()]
            self.assertEqual([(r["code"], r["file"], r["line"], r["column"]) for r in rows],
                             [("unit-verify", f.name, 8, 17), ("unit-verify", f.name, 9, 23)], run)
            self.assertEqual(run.returncode, 1)
            self.assertIn("/etc/systemd/system/virtqemud.service.d/50-virthost.conf:3: Unknown key", rows[0]["message"])

    def test_systemd_likes_examples(self):
        """the profiles that come along, as systemd sees what they come to"""
        for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hosts", "*.yaml")):
            run = Root.bare(VIRTHOST, "check", "--systemd", "--json", path)
            self.assertEqual((run.returncode, [row for row in run.stdout.splitlines() if "unit-verify" in row]), (0, []), path)

    def test_lint_finds_the_same(self):
        for _, certificates, expected in (row for row in ROWS if row[0] == TLS):
            root = self.root(certificates, DAEMONS)
            root.enable("virtproxyd-tls.socket")
            run = root.run(VIRTHOST, "lint", "--json")
            rows = [json.loads(line) for line in run.stdout.splitlines()]
            self.assertEqual([r["code"] for r in rows], [code for code, _, _ in expected], run)


class ThisHost(unittest.TestCase):
    def test_this_host(self):
        """what would keep a daemon from starting is an error here"""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "p.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(HEAD + "access: {group: surely-not-there}\n")
            root = Root(os.path.join(folder, "root"), UNITS, [], [])
            plain = root.run(VIRTHOST, "check", path)
            self.assertEqual((plain.returncode, "warning" in plain.stderr), (0, True))
            for options in (["--host"], ["--root", "/"]):
                run = root.bare(VIRTHOST, "check", *options, path)
                self.assertEqual(run.returncode, 1)
                self.assertIn("p.yaml:5:17: error: there is no group surely-not-there on this host [host-no-group]", run.stderr)


if __name__ == "__main__":
    unittest.main()
