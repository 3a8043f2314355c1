# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots of hosts for tests: our units installed, sockets enabled, files written."""

import os
import subprocess

SYSTEM = "/etc/systemd/system"


class Root:
    """A host: units of some daemons installed and their main sockets enabled."""

    def __init__(self, path, units, installed, enabled):
        self.path = path
        self.write("/etc/os-release", "ID=debian\n")
        self.write("/etc/group", "root:x:0:\nlibvirt:x:106:\n")
        for name in sorted(os.listdir(units)):
            base, dot, kind = name.partition(".")
            if kind in ("socket", "service") and base.removesuffix("-ro").removesuffix("-admin").removesuffix("-tcp") \
                    .removesuffix("-tls") in installed:
                with open(os.path.join(units, name), encoding="utf-8") as f:
                    self.write(f"/usr/lib/systemd/system/{name}", f.read())
        for name in enabled:
            self.enable(name + ".socket")

    def place(self, path):
        path = self.path + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, path, text):
        with open(self.place(path), "w", encoding="utf-8") as f:
            f.write(text)

    def link(self, path, target):
        if os.path.lexists(self.place(path)):
            os.unlink(self.path + path)
        os.symlink(target, self.place(path))

    def enable(self, unit):
        folder = "sockets" if unit.endswith(".socket") else "multi-user"
        self.link(f"{SYSTEM}/{folder}.target.wants/{unit}", f"/usr/lib/systemd/system/{unit}")

    def mask(self, unit):
        self.link(f"{SYSTEM}/{unit}", "/dev/null")

    def remove(self, path):
        os.unlink(self.path + path)

    def run(self, virthost, verb, *options):
        return subprocess.run([virthost, verb, "--root", self.path, *options], capture_output=True, text=True, errors="replace",
                              check=False)

    @staticmethod
    def bare(virthost, verb, *options):
        """Without --root: this machine."""
        return subprocess.run([virthost, verb, *options], capture_output=True, text=True, check=False)
