#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the systemd service and socket units of the daemons.

Names, sockets, modes and arguments are those of libvirt 9.0.0, so that drop-ins and habits carry over. Different on
purpose: every UNIX socket is removed with its unit (a file left behind sends clients to a dead daemon), sockets and
services of the two arrangements exclude each other in both directions and in order, and what a daemon has no use for
is taken away from it.

With --c they become a C table for the compiler of profiles instead.

usage: units.py DAEMONS-DIR OUTPUT-DIR [NAME=DIR ...]
       units.py --c DAEMONS-DIR OUTPUT.c [NAME=DIR ...]"""

import os
import sys

import model
import tables

MONOLITHIC = "libvirtd"
# Sockets of these roles serve API clients: they belong to one of the two arrangements.
MODULAR_ROLES = {"hypervisor", "secondary", "proxy"}
# Where ProtectSystem=full takes away the right to write.
PROTECTED = ("/etc", "/usr", "/boot", "/efi")


class Section:
    """Directives in order; a list makes one line of words."""

    def __init__(self, name):
        self.name = name
        self.lines = []

    def add(self, key, value):
        if value is None or value == []:
            return
        if isinstance(value, list):
            value = " ".join(value)
        self.lines.append(f"{key}={value}")

    def comment(self, text):
        self.lines.append(f"# {text}")

    def text(self):
        return f"[{self.name}]\n" + "".join(line + "\n" for line in self.lines)


def unit_text(sections):
    return "\n".join(section.text() for section in sections if section.lines)


def unix_sockets(daemon):
    return [s for s in daemon.sockets if s.file]


def main_socket(daemon):
    return daemon.sockets[0].unit


def rivals(m, daemon, socket):
    """Socket units that must not be up together with this one."""
    if daemon.role not in MODULAR_ROLES or MONOLITHIC not in m.daemons:
        return []
    theirs = m.daemons[MONOLITHIC].sockets
    if daemon.role == "proxy":
        return [s.unit for s in theirs]
    return [s.unit for s in theirs if s.kind == socket.kind]


def socket_unit(m, daemon, socket, paths):
    service = daemon.name + ".service"
    others = rivals(m, daemon, socket)
    first = main_socket(daemon)
    unit, body, install = Section("Unit"), Section("Socket"), Section("Install")
    unit.add("Description", f"{daemon.name}: {socket_title(socket)} of the daemon for {daemon.title}")
    unit.add("Documentation", f"man:{daemon.name}(8)")
    unit.add("Before", daemon.unit.socket_before + [service])
    if socket.unit != first:
        unit.add("BindsTo", first)
    unit.add("Conflicts", others)
    unit.add("After", ([first] if socket.unit != first else []) + others)
    for key, value in daemon.unit.condition.items():
        unit.add(key, value)
    body.add("ListenStream", f"{paths['runstatedir']}/libvirt/{socket.file}" if socket.file else socket.port)
    body.add("Service", service)
    if socket.file:
        body.add("SocketMode", f"{socket.unit_mode:04o}")
        body.add("RemoveOnStop", "yes")
    install.add("WantedBy", "sockets.target")
    if socket.file:
        install.add("Also", [s.unit for s in unix_sockets(daemon) if s.unit != socket.unit])
    return unit_text([unit, body, install])


def socket_title(socket):
    return {"rw": "socket", "ro": "read-only socket", "admin": "admin socket", "tcp": "TCP port",
            "tls": "TLS port"}[socket.kind]


def service_unit(m, daemon, paths):
    unit = Section("Unit")
    unit.add("Description", f"{daemon.name}, the daemon for {daemon.title}")
    unit.add("Documentation", f"man:{daemon.name}(8)")
    own = [s.unit for s in unix_sockets(daemon)]
    needed = [main_socket(m.daemons[name]) for name in daemon.needs]
    modular = daemon.role in MODULAR_ROLES
    unit.add("Conflicts", ([MONOLITHIC + ".service"] if modular else []) + daemon.unit.conflicts)
    # Where its sockets are masked, a daemon makes them itself; the helpers' are needed by the others.
    helper = daemon.role in ("log", "lock")
    unit.add("Requires", (own if helper else []) + needed)
    unit.add("Wants", ([] if helper else own) + daemon.unit.wants)
    after = own + needed + ([MONOLITHIC + ".service"] if modular else [])
    if daemon.role not in ("log", "lock"):
        after += ["network.target", "dbus.service", "apparmor.service", "local-fs.target"]
    unit.add("After", after + daemon.unit.after)
    unit.add("Before", daemon.unit.before)
    for key, value in daemon.unit.condition.items():
        unit.add(key, value)
    return unit_text([unit, service_section(daemon, paths), install_section(daemon)])


def service_section(daemon, paths):
    service = Section("Service")
    service.add("Type", "notify")
    service.add("Environment", f'{daemon.args_variable}="{daemon.args_default}"')
    service.add("EnvironmentFile", f"-{paths['envdir']}/{daemon.name}")
    service.add("ExecStart", f"{paths['sbindir']}/{daemon.name} ${daemon.args_variable}")
    service.add("ExecReload", f"/bin/kill -{daemon.unit.reload} $MAINPID")
    if daemon.role not in ("log", "lock"):
        service.add("Restart", "on-failure")
    for key, value in daemon.unit.service.items():
        service.add(key, str(value))
    add_sandbox(service, daemon.rights)
    return service


def install_section(daemon):
    install = Section("Install")
    sockets = [s.unit for s in unix_sockets(daemon)]
    if daemon.role in ("log", "lock"):
        install.add("Also", sockets)
        return install
    install.add("WantedBy", "multi-user.target")
    # Stock libvirt lists the helpers here, and disabling the daemon then takes them from the others. They are needed
    # by Requires= and enabled by their own units.
    install.add("Also", sockets)
    return install


def add_sandbox(service, rights):
    service.add("CapabilityBoundingSet", [c["name"] for c in rights.capabilities] or "")
    if rights.guests:
        if rights.denied_syscalls:
            service.add("SystemCallFilter", "~" + " ".join(d["group"] for d in rights.denied_syscalls))
            service.add("SystemCallErrorNumber", "EPERM")
        if rights.native:
            service.add("SystemCallArchitectures", "native")
            service.add("LockPersonality", "yes")
        service.comment("No more than that: guests are children of the daemon and inherit its sandbox.")
        return
    service.add("RestrictAddressFamilies", rights.address_families)
    service.add("SystemCallFilter", [s["group"] for s in rights.syscalls])
    service.add("SystemCallErrorNumber", "EPERM")
    service.add("SystemCallArchitectures", "native")
    service.add("LockPersonality", "yes")
    if not rights.spawns:
        service.add("NoNewPrivileges", "yes")
        service.add("MemoryDenyWriteExecute", "yes")
        service.add("RestrictNamespaces", "yes")
        service.add("RestrictRealtime", "yes")
        service.add("RestrictSUIDSGID", "yes")
    if rights.mounts == "own":
        add_file_sandbox(service, rights)
    else:
        service.comment(f"Files stay as the host sees them: {rights.mounts_why}.")


def add_file_sandbox(service, rights):
    service.add("ProtectSystem", "full")
    service.add("ReadWritePaths", ["-" + p["path"] for p in rights.paths
                                   if p["access"] == "rw" and p["path"].startswith(PROTECTED)])
    service.add("ProtectControlGroups", "yes")
    service.add("ProtectKernelLogs", "yes")
    service.add("ProtectClock", "yes")
    if not rights.spawns:
        service.add("ProtectKernelTunables", "yes")
        service.add("ProtectKernelModules", "yes")


def shutdown_target():
    """What guests and those who stop them at shutdown order themselves by."""
    unit = Section("Unit")
    unit.add("Description", "virt-guest-shutdown: order of guests at shutdown")
    unit.add("Documentation", "man:virtqemud(8)")
    return unit_text([unit])


def all_units(m, paths):
    """File name and text of every unit, in order."""
    units = {"virt-guest-shutdown.target": shutdown_target()}
    for daemon in m.daemons.values():
        if not daemon.units:
            continue
        units[daemon.name + ".service"] = service_unit(m, daemon, paths)
        for socket in daemon.sockets:
            units[socket.unit] = socket_unit(m, daemon, socket, paths)
    return dict(sorted(units.items()))


def c_table(units):
    rows = "".join(f"        {{ {tables.c_string(name)},\n          {tables.c_string(text)} }},\n"
                   for name, text in units.items())
    return f"""/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generated from daemons/ by daemons/gen/units.py: change the descriptions instead. */

#include "plan.h"

const VhUnitText vh_unit_texts[] = {{
{rows}        {{ NULL, NULL }},
}};
"""


def main():
    as_table = sys.argv[1] == "--c"
    daemons, output, *directories = sys.argv[1 + as_table:]
    paths = model.parse_paths(directories)
    texts = all_units(model.Model(daemons, paths), paths)
    if as_table:
        model.write_if_changed(output, c_table(texts))
        return
    os.makedirs(output, exist_ok=True)
    for name, text in texts.items():
        model.write_if_changed(os.path.join(output, name), text)


if __name__ == "__main__":
    main()
