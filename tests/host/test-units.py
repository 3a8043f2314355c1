#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our units and daemons on a booted test host: activation, idle exit, restart under load, conflicts, rights."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import host  # noqa: E402
import tap  # noqa: E402
from vhost import HERE, Failure, VHost  # noqa: E402

DRIVERS = ["virtqemud", "virtnetworkd", "virtstoraged", "virtsecretd", "virtnodedevd", "virtnwfilterd", "virtinterfaced",
           "virtlxcd", "virtvboxd", "virtxend"]
MODULAR = [*DRIVERS, "virtproxyd", "virtlogd", "virtlockd"]
QEMU = "qemu+unix:///system?socket=/run/libvirt/virtqemud-sock"
PSS_MAX_KIB = 5 * 1024
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def expect(condition, message):
    if not condition:
        raise Failure(message)


def sockets(name):
    kinds = ["", "-admin"] if name in ("virtlogd", "virtlockd") else ["", "-ro", "-admin"]
    return [f"{name}{k}.socket" for k in kinds]


def stop_all(h):
    units = [u for n in [*MODULAR, "libvirtd"] for u in [*sockets(n), f"{n}.service"]]
    h.try_run("systemctl", "stop", *units)
    h.try_run("systemctl", "reset-failed")


def listen(h, *names):
    stop_all(h)
    h.run("systemctl", "start", *(u for n in names for u in sockets(n)))


def virsh(h, *command, uri=QEMU):
    return h.run("virsh", "-c", uri, *command)


def timeout_args(h, name, seconds):
    h.write(f"/etc/default/{name}", f'{name.upper()}_ARGS="--timeout {seconds}"\n')


@test
def units_are_valid(h):
    """systemd-analyze verify has nothing to say about our units"""
    units = h.run("sh", "-c", "cd /usr/lib/systemd/system && ls virt*.service virt*.socket libvirtd*.s*").split()
    out = h.try_run("systemd-analyze", "verify", "--man=no", *(f"/usr/lib/systemd/system/{u}" for u in units), timeout=60)[1]
    expect(out == "", out)


@test
def first_connection_activates(h):
    """the first connection to a socket starts its daemon"""
    listen(h, "virtqemud")
    expect(h.state("virtqemud.service") == "inactive", "the daemon runs before anybody asked")
    expect(virsh(h, "uri") == QEMU, "the connection gives another URI")
    expect(h.state("virtqemud.service") == "active", "the daemon is not active after a connection")


@test
def activated_sockets_have_their_rights(h):
    """sockets made by systemd: rw and ro for everyone, admin for root alone"""
    listen(h, "virtqemud")
    out = h.run("stat", "-c", "%n %a %U:%G", *(f"/run/libvirt/virtqemud-{k}" for k in ("sock", "sock-ro", "admin-sock")))
    expect(out.split("\n") == ["/run/libvirt/virtqemud-sock 666 root:root", "/run/libvirt/virtqemud-sock-ro 666 root:root",
                               "/run/libvirt/virtqemud-admin-sock 600 root:root"], out)


@test
def own_sockets_have_their_rights(h):
    """sockets made by the daemon itself: modes and group of its configuration"""
    stop_all(h)
    h.write("/etc/libvirt/virtqemud.conf", 'unix_sock_group = "libvirt"\nunix_sock_rw_perms = "0770"\n')
    try:
        h.run("virtqemud", "-d", "-p", "/run/own.pid")
        h.wait("own sockets", lambda: h.try_run("test", "-S", "/run/libvirt/virtqemud-admin-sock")[0] == 0)
        out = h.run("stat", "-c", "%a %U:%G", *(f"/run/libvirt/virtqemud-{k}" for k in ("sock", "sock-ro", "admin-sock")))
        expect(out.split("\n") == ["770 root:libvirt", "777 root:libvirt", "700 root:libvirt"], out)
    finally:
        h.try_run("sh", "-c", "kill $(cat /run/own.pid); while [ -e /run/own.pid ]; do sleep 0.1; done", timeout=10)
        h.try_run("rm", "-f", "/etc/libvirt/virtqemud.conf")


@test
def idle_daemon_leaves_and_comes_back(h):
    """without clients the daemon leaves after --timeout, and the next connection starts it again"""
    timeout_args(h, "virtqemud", 1)
    try:
        listen(h, "virtqemud")
        for _ in range(3):
            virsh(h, "uri")
            expect(h.state("virtqemud.service") == "active", "not active after a connection")
            h.wait("idle exit", lambda: h.state("virtqemud.service") == "inactive")
            expect(h.run("systemctl", "show", "-P", "Result", "virtqemud.service") == "success", "left with a failure")
            expect(h.state("virtqemud.socket") == "active", "the socket went with the daemon")
    finally:
        timeout_args(h, "virtqemud", 120)


@test
def connected_client_keeps_it(h):
    """a connected client that says nothing keeps the daemon"""
    timeout_args(h, "virtqemud", 1)
    try:
        listen(h, "virtqemud")
        h.run("sh", "-c", f"(sleep 4; echo uri) | virsh -c '{QEMU}' & sleep 3; systemctl is-active virtqemud.service; wait")
    finally:
        timeout_args(h, "virtqemud", 120)


@test
def restart_under_load(h):
    """systemctl restart, four times, while clients call: they reconnect and nobody hangs"""
    listen(h, "virtqemud")
    out = h.run("python3", f"{HERE}/load.py", "/run/libvirt/virtqemud-sock", "qemu:///system", "6", "4", "virtqemud.service",
                timeout=300)
    numbers = {k: float(v) for k, v in re.findall(r"(\w+)=([\d.]+)", out)}
    # At most ten seconds for a connection of a client whose connect fell into a restart.
    expect(numbers["hung"] == 0 and numbers["connects"] >= 5 and numbers["calls"] > 20 and numbers["longest"] < 30, out)
    expect(h.state("virtqemud.service") == "active", h.journal("virtqemud"))


@test
def killed_daemon_comes_back(h):
    """a daemon that dies under its clients is there again for the next one"""
    listen(h, "virtqemud")
    virsh(h, "uri")
    h.run("systemctl", "kill", "-s", "KILL", "virtqemud.service")
    h.wait("answer after the kill", lambda: h.try_run("virsh", "-c", QEMU, "uri")[0] == 0)


@test
def reload_keeps_the_process(h):
    """systemctl reload reloads: same process, connections stay"""
    listen(h, "virtqemud")
    virsh(h, "uri")
    pid = h.run("systemctl", "show", "-P", "MainPID", "virtqemud.service")
    out = h.run("sh", "-c", f"(echo uri; sleep 1; systemctl reload virtqemud.service; sleep 1; echo uri) | virsh -q -c '{QEMU}'")
    expect(out.count(QEMU) == 2, out)
    expect(h.run("systemctl", "show", "-P", "MainPID", "virtqemud.service") == pid, "another process after reload")


@test
def libvirtd_and_modular_exclude_each_other(h):
    """starting libvirtd's sockets stops those of the modular daemons, and the other way round"""
    listen(h, "virtqemud")
    virsh(h, "uri")
    h.run("systemctl", "start", *sockets("libvirtd"), "libvirtd.service")
    expect(h.state("virtqemud.socket") == "inactive", "virtqemud.socket beside libvirtd")
    expect(h.state("virtqemud.service") == "inactive", "virtqemud beside libvirtd")
    expect(h.run("virsh", "-c", "qemu+unix:///system?socket=/run/libvirt/libvirt-sock", "uri"), "libvirtd does not answer")
    h.run("systemctl", "start", *sockets("virtqemud"), "virtqemud.service")
    expect(h.state("libvirtd.socket") == "inactive", "libvirtd.socket beside virtqemud")
    expect(h.state("libvirtd.service") == "inactive", "libvirtd beside virtqemud")
    virsh(h, "uri")


@test
def proxy_and_libvirtd_exclude_each_other(h):
    """virtproxyd and libvirtd share socket names: only one of them, and its socket file is there"""
    listen(h, "virtproxyd")
    h.run("systemctl", "start", *sockets("libvirtd"))
    expect(h.state("virtproxyd.socket") == "inactive", "virtproxyd.socket beside libvirtd.socket")
    h.run("test", "-S", "/run/libvirt/libvirt-sock")
    h.run("systemctl", "start", *sockets("virtproxyd"))
    expect(h.state("libvirtd.socket") == "inactive", "libvirtd.socket beside virtproxyd.socket")
    h.run("test", "-S", "/run/libvirt/libvirt-sock")


@test
def every_modular_daemon_starts(h):
    """every modular daemon starts by its sockets and answers on the admin socket"""
    failed = []
    for name in MODULAR:
        listen(h, name)
        status, out = h.try_run("virt-admin", "-c", f"{name}+unix:///system?socket=/run/libvirt/{admin_socket(name)}", "srv-list")
        # Xen's daemon has a condition on its units that only holds on a Xen host.
        if h.run("systemctl", "show", "-P", "ConditionResult", f"{name}.socket") == "no":
            continue
        if status != 0 or h.state(f"{name}.service") != "active":
            failed.append(f"{name}: {out} {h.journal(name + '.service')}")
    expect(not failed, "\n".join(failed))


@test
def idle_daemons_are_small(h):
    """an idle daemon beside what every booted system runs: no more than 5 MiB"""
    sizes = {}
    for name in [*MODULAR, "libvirtd"]:
        listen(h, name)
        if h.run("systemctl", "show", "-P", "ConditionResult", f"{name}.socket") == "no":
            continue
        h.run("systemctl", "start", f"{name}.service")
        pid = h.run("systemctl", "show", "-P", "MainPID", f"{name}.service")
        sizes[name] = int(re.search(r"^Pss:\s+(\d+)", h.run("cat", f"/proc/{pid}/smaps_rollup"), re.M).group(1))
    expect(len(sizes) > 10 and all(size <= PSS_MAX_KIB for size in sizes.values()), f"KiB: {sizes}")


def admin_socket(name):
    return "libvirt-admin-sock" if name in ("libvirtd", "virtproxyd") else f"{name}-admin-sock"


@test
def proxy_reaches_the_driver(h):
    """virtproxyd forwards to virtqemud and activates it; if that one is stopped for good, only its calls fail"""
    uri = "qemu+unix:///system?socket=/run/libvirt/libvirt-sock"
    listen(h, "virtproxyd", "virtqemud")
    expect(virsh(h, "uri", uri=uri) == uri, "no answer through the proxy")
    expect(h.state("virtqemud.service") == "active", "virtqemud was not activated")
    h.run("systemctl", "stop", *sockets("virtqemud"), "virtqemud.service")
    status, out = h.try_run("virsh", "-c", uri, "uri")
    expect(status != 0 and "error:" in out, f"without virtqemud: {out}")
    h.run("systemctl", "start", *sockets("virtqemud"))
    expect(virsh(h, "uri", uri=uri) == uri, "no answer after virtqemud is back")
    expect(h.state("virtproxyd.service") == "active", h.journal("virtproxyd"))


@test
def users_are_asked_by_polkit(h):
    """a user may read; managing needs the group that polkit's rule names"""
    listen(h, "virtqemud")
    for user, groups in (("alice", "users"), ("bob", "users,libvirt")):
        h.run("useradd", "-m", "-G", groups, user)
    alone, member = (["runuser", "-u", u, "--", "virsh"] for u in ("alice", "bob"))
    expect(h.run(*alone, "-r", "-c", QEMU + "-ro", "uri") == QEMU + "-ro", "alice cannot read")
    status, out = h.try_run(*alone, "-c", QEMU, "uri")
    expect(status != 0 and "authentication" in out, f"alice may manage: {out}")
    expect(h.run(*member, "-c", QEMU, "uri") == QEMU, "bob, who is in the group, may not manage")


@test
def read_only_socket_refuses_changes(h):
    """writing through the read-only socket is refused with the reason"""
    listen(h, "virtqemud")
    h.write("/tmp/guest.xml", "<domain type='qemu'><name>x</name></domain>")
    status, out = h.try_run("virsh", "-r", "-c", QEMU + "-ro", "define", "/tmp/guest.xml")
    expect(status != 0 and "read only access prevents virDomainDefineXML" in out, out)


@test
def admin_socket_is_for_root(h):
    """virt-admin works for root and for nobody else"""
    listen(h, "virtqemud")
    uri = "virtqemud+unix:///system?socket=/run/libvirt/virtqemud-admin-sock"
    expect("virtqemud" in h.run("virt-admin", "-c", uri, "srv-list"), "no server list for root")
    status, _ = h.try_run("runuser", "-u", "nobody", "--", "virt-admin", "-c", uri, "srv-list")
    expect(status != 0, "nobody may administer")


SCOPE = "machine-qemu\\x2d{}\\x2dscoped.scope"
SCOPED = """<domain type='qemu'><name>scoped</name><memory>16384</memory><os><type arch='x86_64'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>"""
# Of a guest's group: the call, the controller that it needs, its file, and what is in it afterwards.
LIMITS = [(("memtune", "scoped", "--hard-limit", "900000"), "memory", "memory.max", str(900000 * 1024)),
          (("memtune", "scoped", "--soft-limit", "400000"), "memory", "memory.high", str(400000 * 1024)),
          (("schedinfo", "scoped", "--live", "cpu_shares=512"), "cpu", "cpu.weight", "512"),
          (("blkiotune", "scoped", "--weight", "300"), "io", "io.bfq.weight", "300"),
          (("numatune", "scoped", "--nodeset", "0"), "cpuset", "libvirt/emulator/cpuset.mems", "0")]


def machines(h):
    return [line.split()[0] for line in h.run("machinectl", "list", "--no-legend").splitlines()]


def scope_of(h, number):
    """Folder of the guest's control group, checked to be where its process is."""
    unit = SCOPE.format(number)
    expect(h.state(unit) == "active", f"{unit} is {h.state(unit)}: {h.journal('virtqemud')}")
    expect(h.run("systemctl", "show", "-P", "Slice", unit) == "machine.slice", f"{unit} is in another slice")
    folder = h.run("systemctl", "show", "-P", "ControlGroup", unit)
    pid = h.run("cat", "/run/libvirt/qemu/scoped.pid")
    inside = h.run("cat", f"/proc/{pid}/cgroup").rpartition("::")[2]
    expect(inside == f"{folder}/libvirt/emulator", f"QEMU is in {inside}, not below {folder}")
    return "/sys/fs/cgroup" + folder


def limits_arrive(h, folder):
    """Those whose controllers this kernel gives to the test host."""
    there = h.run("cat", f"{folder}/cgroup.controllers").split()
    for command, controller, name, value in LIMITS:
        if controller not in there or h.try_run("test", "-e", f"{folder}/{name}")[0]:
            continue
        virsh(h, *command)
        found = h.run("cat", f"{folder}/{name}")
        expect(found == value, f"virsh {' '.join(command)}: {name} is {found}")


@test
def guests_live_in_machine_scopes(h):
    """each guest is a machine of systemd, with its limits; it stays while the daemon stops and restarts, and leaves nothing"""
    listen(h, "virtlogd", "virtqemud")
    h.write("/tmp/scoped.xml", SCOPED)
    virsh(h, "create", "--paused", "/tmp/scoped.xml")
    pid = h.run("cat", "/run/libvirt/qemu/scoped.pid")
    folder = scope_of(h, 1)
    expect(machines(h) == ["qemu-1-scoped"], f"machinectl lists {machines(h)}")
    expect(h.run("machinectl", "show", "-p", "Leader", "--value", "qemu-1-scoped") == pid, "the machine's leader is not QEMU")
    limits_arrive(h, folder)
    for words in (["restart", "virtqemud.service"], ["stop", "virtqemud.socket", "virtqemud-ro.socket", "virtqemud-admin.socket",
                                                     "virtqemud.service"]):
        h.run("systemctl", *words)
        expect(h.try_run("test", "-d", f"/proc/{pid}")[0] == 0 and machines(h) == ["qemu-1-scoped"], f"gone by {words}")
        h.run("systemctl", "start", *sockets("virtqemud"))
        expect(virsh(h, "domstate", "scoped") == "paused", "the guest was not found again")
        expect(scope_of(h, 1) == folder, "the guest is in another group")
    virsh(h, "destroy", "scoped")
    h.wait("no machine", lambda: not machines(h))
    h.wait("no scope", lambda: not h.run("systemctl", "list-units", "--all", "--no-legend", "machine-qemu*"))
    expect(h.try_run("test", "-e", folder)[0] != 0, f"{folder} is still there")


def main():
    if os.geteuid() != 0:
        print("1..0 # SKIP a test host needs root")
        return 77
    with VHost(host.build_dir()) as h:
        return tap.run(TESTS, sys.argv[1:], h)


if __name__ == "__main__":
    sys.exit(main())
