# SPDX-License-Identifier: LGPL-2.1-or-later
"""Control groups of version 2 that a test has for itself: what it starts sees them as the whole hierarchy."""

import os

from host import wait_for


def _mount_point():
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return next((line.split()[1] for line in f if line.split()[2] == "cgroup2"), None)


def _own():
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        return next(line.strip().partition("::")[2] for line in f if line.startswith("0::"))


class Groups:
    """The test's process is in a new group until close(). A process that enters a control group namespace now, and mounts
    cgroup2, has that group as its root."""

    def __init__(self):
        top = _mount_point()
        self.before = top and os.path.join(top, _own().lstrip("/"))
        self.path = top and os.path.join(self.before, f"vh-{os.getpid()}")
        try:
            if top:
                os.mkdir(self.path)
                self._move(self.path)
        except OSError as why:
            print(f"# control groups cannot be made here: {why}")
            self.close()
            self.path = None

    @staticmethod
    def _move(folder):
        with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as f:
            f.write(str(os.getpid()))

    def all(self):
        """The folders below."""
        return sorted(os.path.relpath(folder, self.path) for folder, _, _ in os.walk(self.path)) if self.path else []

    def close(self):
        if self.path and os.path.isdir(self.path):
            self._move(self.before)
            if not wait_for(self._remove):
                raise RuntimeError(f"{self.path} has processes")

    def _remove(self):
        """Whether all are gone: a process that was killed is in its group for a moment."""
        try:
            for folder, _, _ in os.walk(self.path, topdown=False):
                os.rmdir(folder)
        except OSError:
            return False
        return True
