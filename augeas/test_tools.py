#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""augtool and Puppet with our lenses, as docs/AUGEAS.md and docs/puppet show.

usage: test_tools.py LENS-DIR SOURCE-DIR"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

LENSES, SOURCE = sys.argv.pop(1), sys.argv.pop(1)
BEFORE = """# Guests run as
#user = "root"
vnc_tls = 0
security_driver = [ "selinux", "dac" ]
of_others = 'x' # stays
max_core = "unlimited"
"""


class Host(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.makedirs(f"{self.root}/etc/libvirt")
        self.path = f"{self.root}/etc/libvirt/qemu.conf"
        self.write(BEFORE)

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)

    def read(self):
        with open(self.path, encoding="utf-8") as f:
            return f.read()


class Augtool(Host):
    def augtool(self, script):
        return subprocess.run(["augtool", "--nostdinc", "-I", LENSES, "-r", self.root, "-A", "-s", "-t",
                               "Virthost_qemu.lns incl /etc/libvirt/qemu.conf"], input=script, capture_output=True, text=True, check=False)

    def test_get(self):
        run = self.augtool("print /files/etc/libvirt/qemu.conf/security_driver\n")
        self.assertIn('/security_driver/1 = "selinux"', run.stdout)

    def test_set(self):
        run = self.augtool("""
            ins user after /files/etc/libvirt/qemu.conf/#comment[. =~ regexp('user *=.*')]
            set /files/etc/libvirt/qemu.conf/user libvirt-qemu
            set /files/etc/libvirt/qemu.conf/vnc_tls 1
            set /files/etc/libvirt/qemu.conf/security_driver/2 none
            rm /files/etc/libvirt/qemu.conf/max_core
            """)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertEqual(self.read(), """# Guests run as
#user = "root"
user = "libvirt-qemu"
vnc_tls = 1
security_driver = [ "selinux", "none" ]
of_others = 'x' # stays
""")

    def test_wrong_type(self):
        run = self.augtool("set /files/etc/libvirt/qemu.conf/vnc_tls maybe\n")
        self.assertNotEqual(run.returncode, 0, run.stdout)
        self.assertEqual(self.read(), BEFORE)


def has_puppet():
    return shutil.which("puppet") and os.path.isdir("/usr/share/puppet/modules/augeas_core")


@unittest.skipUnless(has_puppet(), "puppet or its augeas type is not installed")
class Puppet(Host):
    def puppet(self, settings):
        with open(os.path.join(SOURCE, "docs/puppet/libvirt_conf.pp"), encoding="utf-8") as f:
            manifest = f.read() + f"\nlibvirt_conf {{ 'qemu.conf': root => '{self.root}', load_path => '{LENSES}', settings => {settings} }}\n"
        run = subprocess.run(["puppet", "apply", "--detailed-exitcodes", "--confdir", f"{self.root}/puppet", "--vardir",
                              f"{self.root}/puppet-var", "-e", manifest], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout + run.stderr

    def test_apply_twice(self):
        settings = "{'user' => 'libvirt-qemu', 'vnc_tls' => 1, 'security_driver' => ['apparmor'], 'namespaces' => [], 'max_core' => undef}"
        status, out = self.puppet(settings)
        self.assertEqual(status, 2, out)  # changed
        after = self.read()
        self.assertEqual(after, """# Guests run as
#user = "root"
vnc_tls = 1
of_others = 'x' # stays
user = "libvirt-qemu"
security_driver = [ "apparmor" ]
namespaces = [ ]
""")
        status, out = self.puppet(settings)
        self.assertEqual(status, 0, out)  # nothing to do
        self.assertEqual(self.read(), after)

    def test_wrong_type(self):
        status, out = self.puppet("{'vnc_tls' => 'maybe'}")
        self.assertIn(status, (4, 6), out)  # failed
        self.assertEqual(self.read(), BEFORE)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    sys.exit(1 if not result.wasSuccessful() else 77 if result.skipped else 0)
