# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two machines that guests move between: each with a name, an address, a UUID and libvirt directories of its own; a cable
joins them. Clients outside reach the daemons of both by the paths of their sockets."""

import subprocess

import guesthost



class Machine(guesthost.GuestHost):
    """One of the two; number: 1 or 2."""

    def __init__(self, number, conf="", **kw):
        self.name = f"machine{number}"
        self.address = f"10.77.0.{number}"
        self.uuid = f"0000000{number}-1111-4222-8333-444455556666"
        super().__init__(conf, hostname=self.name, **kw)
        hosts = self.write("127.0.0.1 localhost\n10.77.0.1 machine1\n10.77.0.2 machine2\n", "hosts")
        self.run("mount", "--bind", hosts, "/etc/hosts")
        self.log_filters = None

    def run(self, *command):
        subprocess.run(self.enter(command), check=True)

    def daemon(self, which, conf="", args=(), **kw):
        return super().daemon(which, f'host_uuid = "{self.uuid}"\n' + conf, args, **kw)


class Pair:
    """Use as a context manager."""

    def __init__(self, conf="", **kw):
        self.source = Machine(1, conf, **kw)
        try:
            self.target = Machine(2, conf, **kw)
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
