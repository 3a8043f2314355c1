# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts whose daemons run real guests, and virsh on them."""

import os
import signal
import subprocess

import host

# What a daemon needs to run guests as root beside the machine's own: no other daemon, no other account, nothing shared.
QEMU_CONF = """user = "root"
group = "root"
security_driver = "none"
namespaces = [ ]
remember_owner = 0
cgroup_controllers = [ ]
stdio_handler = "file"
"""


def lives(pid):
    """Not true for a process that ended and that nobody has reaped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class GuestHost(host.Host):
    """Guests that are left over end with it."""

    def __init__(self, conf="", base=QEMU_CONF, **kw):
        super().__init__(**kw)
        self.write(base + conf, "etc", "qemu.conf")

    def close(self):
        # One that is killed cannot tell what it leaks.
        how = signal.SIGTERM if "ASAN_OPTIONS" in os.environ else signal.SIGKILL
        for daemon in reversed(self.daemons):
            daemon.stop(how)
        for pid in self.guests():
            os.kill(pid, signal.SIGKILL)
        super().close()

    def guests(self):
        """Processes of guests, by their pid files."""
        folder = self.path("run", "libvirt", "qemu")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        texts = [open(os.path.join(folder, n), encoding="ascii").read() for n in names
                 if n.endswith(".pid") and n != "driver.pid"]
        # One that is being written is empty for a moment.
        return [int(t) for t in texts if t and lives(int(t))]

    def daemon(self, which, conf="", args=(), **kw):
        """Starts "ours" (virtqemud), "ours-all" (libvirtd) or "reference"; returns it and its URI."""
        conf = host.CONF_OPEN + conf
        if which == "reference":
            daemon = host.start_reference(self, *args, conf=conf, **kw)
        else:
            name = "libvirtd" if which == "ours-all" else "virtqemud"
            daemon = self.start(host.daemon_program(name), *args, sockets=host.sockets_of(name), conf=conf, **kw)
        return daemon, f"qemu+unix:///system?socket={daemon.socket('-sock')}"


class Virsh:
    """For classes with a uri."""

    seconds = 60  # for one call

    def virsh(self, *command):
        return subprocess.run(["virsh", "-q", "-c", self.uri, *command], capture_output=True, text=True, timeout=self.seconds,
                              env={**os.environ, "LC_ALL": "C"}, check=False)

    def must(self, *command):
        run = self.virsh(*command)
        assert run.returncode == 0, f"virsh {' '.join(command)}: {run.stderr}"
        return run.stdout

    def refused(self, text, *command):
        run = self.virsh(*command)
        assert run.returncode != 0 and text in run.stderr, f"virsh {' '.join(command)}: {run.stdout}{run.stderr}"
