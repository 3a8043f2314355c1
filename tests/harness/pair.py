# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two machines that guests move between: each with a name, an address, a UUID and libvirt directories of its own; a cable
joins them. Clients outside reach the daemons of both by the paths of their sockets."""

import os
import signal
import subprocess

import host

CONF = """user = "root"
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


class Machine(host.Host):
    """One of the two; number: 1 or 2."""

    def __init__(self, number, conf=""):
        self.name = f"machine{number}"
        self.address = f"10.77.0.{number}"
        self.uuid = f"0000000{number}-1111-4222-8333-444455556666"
        super().__init__(hostname=self.name)
        self.write(CONF + conf, "etc", "qemu.conf")
        hosts = self.write("127.0.0.1 localhost\n10.77.0.1 machine1\n10.77.0.2 machine2\n", "hosts")
        self.run("mount", "--bind", hosts, "/etc/hosts")
        self.log_filters = None

    def run(self, *command):
        subprocess.run(self.enter(command), check=True)

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.stop(signal.SIGKILL)
        for pid in self.guests():
            os.kill(pid, signal.SIGKILL)
        super().close()

    def guests(self):
        """Processes of guests, by their pid files."""
        folder = self.path("run", "libvirt", "qemu")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        pids = [int(open(os.path.join(folder, n), encoding="ascii").read() or 0) for n in names
                if n.endswith(".pid") and n != "driver.pid"]
        return [p for p in pids if p and lives(p)]

    def daemon(self, which, conf="", args=(), **kw):
        """Starts "ours" (virtqemud), "ours-all" (libvirtd) or "reference"; returns it and its URI."""
        conf = host.CONF_OPEN + f'host_uuid = "{self.uuid}"\n' + conf
        if which == "reference":
            daemon = self.start(host.REFERENCE, *args, sockets=host.LIBVIRT_SOCKETS, conf=conf, **kw)
        else:
            name = "libvirtd" if which == "ours-all" else "virtqemud"
            daemon = self.start(host.daemon_program(name), *args, sockets=host.sockets_of(name), conf=conf, **kw)
        return daemon, f"qemu+unix:///system?socket={daemon.socket('-sock')}"


class Pair:
    """Use as a context manager."""

    def __init__(self, conf=""):
        self.source = Machine(1, conf)
        try:
            self.target = Machine(2, conf)
        except Exception:
            self.source.close()
            raise
        subprocess.run(["ip", "link", "add", "cable1", "netns", str(self.source.holder.pid), "type", "veth", "peer", "name",
                        "cable2", "netns", str(self.target.holder.pid)], check=True)
        for number, machine in ((1, self.source), (2, self.target)):
            machine.run("ip", "address", "add", f"{machine.address}/24", "dev", f"cable{number}")
            machine.run("ip", "link", "set", f"cable{number}", "up")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.source.close()
        self.target.close()
