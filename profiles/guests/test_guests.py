#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt-guests with a virsh that keeps its guests in files: what is saved, shut down, started, and left alone.

usage: test_guests.py SCRIPT"""

import os
import subprocess
import sys
import tempfile
import time
import unittest

SCRIPT = os.path.abspath(sys.argv.pop(1))
# A guest is a file in a folder of its connection, with its state in it; t-: transient, slow-: needs some seconds, deaf-: never.
VIRSH = r"""#!/bin/sh
[ "$1" = -q ] && shift
where=default
if [ "$1" = -c ]; then where=$(echo "$2" | tr -d /:); shift 2; fi
cd "$GUESTS/$where" 2> /dev/null || exit 1
echo "$where $*" >> "$GUESTS/log"
verb=$1; shift
for guest; do :; done
case $verb in
list)
        for g in *; do
                if [ ! -e "$g" ] || [ "$(cat "$g")" = 'shut off' ]; then continue; fi
                case "$* $g" in *--persistent*t-*) continue ;; esac
                echo "$g"
        done; echo ;;
domstate) [ -e "$guest" ] && sed 's/^bad$/shut off/' "$guest" ;;
start) [ "$(cat "$guest")" != bad ] && echo running > "$guest" ;;
managedsave) echo 'shut off' > "$guest" ;;
shutdown)
        case $guest in
        deaf-*) ;;
        t-*) rm "$guest" ;;
        slow-*) (sleep 2; echo 'shut off' > "$guest") > /dev/null 2>&1 & ;;
        *) echo 'shut off' > "$guest" ;;
        esac ;;
domtime) ;;
*) exit 1 ;;
esac
"""


class Guests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(os.path.join(self.folder, "bin"))
        with open(os.path.join(self.folder, "bin/virsh"), "w", encoding="utf-8") as f:
            f.write(VIRSH)
        os.chmod(f.name, 0o755)

    def guests(self, connection, **states):
        os.makedirs(os.path.join(self.folder, connection), exist_ok=True)
        for name, state in states.items():
            with open(os.path.join(self.folder, connection, name.replace("_", "-")), "w", encoding="utf-8") as f:
                f.write(state)

    def state(self, connection="default"):
        out = {}
        for name in sorted(os.listdir(os.path.join(self.folder, connection))):
            with open(os.path.join(self.folder, connection, name), encoding="utf-8") as f:
                out[name] = f.read().strip()
        return out

    def run_it(self, verb, status=0, **settings):
        env = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "GUESTS": self.folder, "LISTFILE": f"{self.folder}/list", **settings}
        done = subprocess.run(["sh", SCRIPT, *verb.split()], env=env, capture_output=True, text=True, check=False, timeout=30)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as f:
            return f.read().splitlines()

    def test_saved_and_started(self):
        self.guests("default", a="running", b="shut off", t_x="running", p="paused")
        self.run_it("stop", ON_SHUTDOWN="suspend", BYPASS_CACHE="1")
        self.assertEqual(self.state(), {"a": "shut off", "b": "shut off", "p": "shut off", "t-x": "running"})
        self.assertIn("default managedsave --bypass-cache a", self.log())
        self.run_it("start", ON_BOOT="start", SYNC_TIME="1")
        self.assertEqual(self.state(), {"a": "running", "b": "shut off", "p": "running", "t-x": "running"})
        self.assertIn("default domtime --sync a", self.log())
        self.assertFalse(os.path.exists(f"{self.folder}/list"))
        self.guests("default", a="shut off")
        self.run_it("start", ON_BOOT="start")
        self.assertEqual(self.state()["a"], "shut off", "started without having run")

    def test_ignored_at_boot(self):
        self.guests("default", a="running")
        self.run_it("stop", ON_SHUTDOWN="shutdown")
        self.run_it("start", ON_BOOT="ignore")
        self.assertEqual(self.state(), {"a": "shut off"})
        self.assertFalse(os.path.exists(f"{self.folder}/list"))

    def test_several_connections(self):
        self.guests("qemusystem", a="running")
        self.guests("lxcsystem", b="running")
        out = self.run_it("stop", ON_SHUTDOWN="suspend", URIS="qemu:///system gone:///system lxc:///system")
        self.assertEqual((self.state("qemusystem"), self.state("lxcsystem")), ({"a": "shut off"}, {"b": "shut off"}))
        with open(f"{self.folder}/list", encoding="utf-8") as f:
            self.assertEqual([line.split() for line in f], [["qemu:///system", "a"], ["lxc:///system", "b"]])
        self.assertNotIn("gone:///system: saving", out)
        self.run_it("start", ON_BOOT="start")
        self.assertEqual((self.state("qemusystem"), self.state("lxcsystem")), ({"a": "running"}, {"b": "running"}))

    def test_shut_down_one_after_the_other(self):
        self.guests("default", a="running", deaf_b="running", slow_c="running", t_d="running")
        started = time.monotonic()
        out = self.run_it("stop", ON_SHUTDOWN="shutdown", SHUTDOWN_TIMEOUT="4")
        self.assertEqual(self.state(), {"a": "shut off", "deaf-b": "running", "slow-c": "shut off"})
        self.assertIn("did not shut down in time: deaf-b", out)
        self.assertLess(time.monotonic() - started, 20)

    def test_shut_down_side_by_side(self):
        self.guests("default", slow_a="running", slow_b="running", slow_c="running", deaf_d="running")
        started = time.monotonic()
        out = self.run_it("stop", ON_SHUTDOWN="shutdown", PARALLEL_SHUTDOWN="4", SHUTDOWN_TIMEOUT="6")
        self.assertEqual(list(self.state().values()), ["running"] + ["shut off"] * 3)
        self.assertIn("in time: deaf-d", out)
        self.assertLess(time.monotonic() - started, 15)

    def test_one_that_does_not_start(self):
        self.guests("default", a="running", b="running")
        self.run_it("stop", ON_SHUTDOWN="suspend")
        self.guests("default", a="bad")
        os.unlink(f"{self.folder}/default/b")
        self.guests("default", b="shut off")
        self.assertIn("a did not start", self.run_it("start", ON_BOOT="start"))
        self.assertEqual(self.state()["b"], "running")

    def test_wrong_use(self):
        self.assertIn("usage", self.run_it("", 2))
        self.run_it("start")


if __name__ == "__main__":
    unittest.main()
