#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virthost apply, try and rollback on booted hosts: with our daemons, and with Debian's libvirt.

usage: test-apply.py ours|debian [TEST...]"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))
import host  # noqa: E402
import tap  # noqa: E402
from vhost import VHOST, Failure, VHost  # noqa: E402

MODULAR = """\
profile: node
layout: modular
hypervisors: [qemu]
drivers: [network, secret]
access:
  group: libvirt
  read_write: {mode: "0660", auth: none}
limits: {max_clients: 300}
"""
MONOLITHIC = """\
profile: node
layout: monolithic
access:
  group: libvirt
  read_write: {mode: "0660", auth: none}
limits: {max_clients: 300}
"""
QEMU = "qemu+unix:///system?socket=/run/libvirt/virtqemud-sock"
GUEST = """\
<domain type='qemu'>
  <name>guest</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
</domain>
"""
FAULT = "/usr/lib/libfault.so"
TESTS = {"ours": [], "debian": []}


def test(kind):
    def add(function):
        TESTS[kind].append(function)
        return function
    return add


def expect(condition, message):
    if not condition:
        raise Failure(message)


def expect_equal(have, want):
    if have != want and isinstance(have, list):
        have, want = [x for x in have if x not in want], [x for x in want if x not in have]
        raise Failure("\n".join([*(f"more: {x}" for x in have), *(f"less: {x}" for x in want)]) or "another order")
    if have != want:
        raise Failure(f"have {have}\nwant {want}")


def profile(h, text, path="/root/profile.yaml"):
    h.write(path, text)
    return path


def plan(h, text):
    out = h.run("virthost", "plan", "--json", profile(h, text))
    return json.loads(out.splitlines()[-1])


def actions(h, text):
    return [f"{a['action']} {a.get('option') or a['unit']}" for a in plan(h, text)["actions"]]


def apply(h, text, *options, timeout=120):
    return h.run("virthost", "apply", *options, profile(h, text), timeout=timeout)


def refused(h, text, says, verb="apply"):
    before = state(h)
    status, out = h.try_run("virthost", verb, profile(h, text), timeout=120)
    expect(status == 1 and says in out, f"exit {status}: {out}")
    expect_equal(state(h), before)


def pid(h, service):
    return int(h.run("systemctl", "show", "-P", "MainPID", service))


# What a profile decides, as one text: files, links, sockets, units.
STATE = r"""
find /etc/libvirt /etc/systemd/system /etc/default /etc/systemd/system-preset -not -type d -not -path '*/nwfilter/*' \
        -not -path '*/qemu/networks/*' -printf '%p %m %U %G %l\n' | sort
find /etc/libvirt/*.conf /etc/default/virt* /etc/default/libvirtd /etc/systemd/system/*/*virthost* -type f | sort | xargs -r sha256sum
find /run/libvirt -maxdepth 1 -type s -printf '%p %m %U %G\n' | sort
systemctl list-unit-files --no-legend --no-pager 'virt*' 'libvirtd*' | awk '{print $1, $2}' | sort
systemctl list-units --no-legend --no-pager --plain --type=socket --state=active 'virt*' 'libvirtd*' | awk '{print $1}' | sort
"""


def state(h):
    return h.try_run("sh", "-c", STATE)[1].split("\n")


def virsh(h, *command, uri=QEMU):
    return h.run("virsh", "-c", uri, *command)


def clients_max(h, daemon="virtqemud", socket="virtqemud-admin-sock"):
    out = h.run("virt-admin", "-c", f"{daemon}+unix:///system?socket=/run/libvirt/{socket}", "srv-clients-info", daemon)
    return int(next(line.split(":")[1] for line in out.splitlines() if line.startswith("nclients_max")))


def fresh(h, text=MODULAR):
    """The host with this profile, whatever an earlier test has left."""
    h.try_run("virthost", "rollback", "0", timeout=120)
    h.try_run("systemctl", "reset-failed")
    apply(h, text)


def start_try(h, *arguments):
    p = subprocess.Popen([VHOST, "run", h.dir, "virthost", "try", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)

    def waits():
        if p.poll() is not None:
            raise Failure(f"ended: {p.stdout.read()}")
        run = json.loads(h.run("virthost", "status", "--json"))["run"]
        return run and run["phase"] == "waiting"
    h.wait("the try", waits, 60)
    return p


@test("ours")
def apply_brings_it_up(h):
    """a profile makes the whole host: units, sockets with group and mode, virsh answers, the other layout is masked"""
    fresh(h)
    out = h.run("sh", "-c", "stat -c '%n %a %U:%G' /run/libvirt/virtqemud-*sock*")
    expect_equal(out.split("\n"), ["/run/libvirt/virtqemud-admin-sock 600 root:libvirt", "/run/libvirt/virtqemud-sock 660 root:libvirt",
                                   "/run/libvirt/virtqemud-sock-ro 666 root:libvirt"])
    for unit, want in (("virtqemud.service", "enabled"), ("virtqemud.socket", "enabled"), ("virtproxyd.socket", "enabled"),
                       ("libvirtd.service", "masked"), ("libvirtd.socket", "masked"), ("virtstoraged.socket", "disabled")):
        expect_equal(h.try_run("systemctl", "is-enabled", unit)[1], want)
    for name in ("virtqemud", "virtnetworkd", "virtsecretd", "virtproxyd", "virtlogd", "virtlockd"):
        expect_equal(h.state(f"{name}.socket"), "active")
    expect_equal(virsh(h, "uri"), QEMU)


@test("ours")
def second_apply_does_nothing(h):
    """applied again, nothing happens; a daemon that has left because it was idle is no difference"""
    fresh(h)
    h.run("systemctl", "stop", "virtqemud.service")
    before = h.run("stat", "-c", "%Y %i", "/etc/libvirt/virtqemud.conf")
    expect("nothing to do" in apply(h, MODULAR), "something was done")
    expect_equal(h.run("stat", "-c", "%Y %i", "/etc/libvirt/virtqemud.conf"), before)
    expect_equal(h.try_run("virthost", "diff", "--detailed-exitcode", profile(h, MODULAR)), (0, ""))


@test("ours")
def live_setting(h):
    """a limit that the admin socket can set: set in the daemons that run, no process ends"""
    fresh(h)
    virsh(h, "uri")
    h.try_run("systemctl", "stop", "virtnetworkd.service", "virtsecretd.service", "virtproxyd.service")
    before = pid(h, "virtqemud.service")
    text = MODULAR.replace("300", "400")
    expect_equal(actions(h, text), ["set max_clients"])
    apply(h, text)
    expect_equal(clients_max(h), 400)
    expect_equal(pid(h, "virtqemud.service"), before)
    h.run("systemctl", "restart", "virtqemud.service")
    expect_equal(clients_max(h), 400)


@test("ours")
def one_restart(h):
    """a setting that is only read at start, of one daemon: that daemon is restarted and no other"""
    fresh(h)
    virsh(h, "uri")
    h.run("systemctl", "start", "virtsecretd.service")
    others = pid(h, "virtsecretd.service")
    text = MODULAR + "daemons: {virtqemud: {settings: {max_client_requests: 9}}}\n"
    expect_equal(actions(h, text), ["restart virtqemud.service"])
    before = pid(h, "virtqemud.service")
    apply(h, text)
    expect(pid(h, "virtqemud.service") not in (0, before), "not restarted")
    expect_equal(pid(h, "virtsecretd.service"), others)


@test("ours")
def one_reload_of_a_helper(h):
    """virtlogd holds pipes of guests: it replaces itself and keeps its process"""
    fresh(h)
    h.run("systemctl", "start", "virtlogd.service")
    before = pid(h, "virtlogd.service")
    text = MODULAR + "daemons: {virtlogd: {settings: {max_size: 4194304}}}\n"
    expect_equal(actions(h, text), ["reload virtlogd.service"])
    apply(h, text)
    expect_equal(pid(h, "virtlogd.service"), before)


@test("ours")
def comment_is_no_change(h):
    """another name of the profile changes first lines of files, and nothing is done to units"""
    fresh(h)
    virsh(h, "uri")
    expect_equal(actions(h, MODULAR.replace("node", "edge")), [])


@test("ours")
def sockets_anew(h):
    """another socket mode under a running service: service and sockets stop, sockets start, service starts"""
    fresh(h)
    virsh(h, "uri")
    text = MODULAR.replace("0660", "0600")
    done = [a for a in actions(h, text) if "virtqemud" in a]
    expect_equal(done, ["stop virtqemud.service", "stop virtqemud.socket", "stop virtqemud-ro.socket", "stop virtqemud-admin.socket",
                        "start virtqemud.socket", "start virtqemud-ro.socket", "start virtqemud-admin.socket",
                        "start virtqemud.service"])
    apply(h, text)
    expect_equal(h.run("stat", "-c", "%a", "/run/libvirt/virtqemud-sock"), "600")
    expect_equal(h.state("virtqemud.service"), "active")


@test("ours")
def layout_and_back(h):
    """from modular to monolithic and back by rollback: the same state as before"""
    fresh(h)
    before = state(h)
    apply(h, MONOLITHIC)
    expect_equal(h.try_run("systemctl", "is-enabled", "virtqemud.socket")[1], "masked")
    expect_equal(virsh(h, "uri", uri="qemu+unix:///system?socket=/run/libvirt/libvirt-sock"),
                 "qemu+unix:///system?socket=/run/libvirt/libvirt-sock")
    h.run("virthost", "rollback", timeout=120)
    expect_equal(state(h), before)
    expect_equal(virsh(h, "uri"), QEMU)


TRADITIONAL = MODULAR + "startup: daemon\n"


@test("ours")
def startup_of_daemons(h):
    """daemons that make their sockets: services are enabled and run, socket units are masked; another apply brings activation back"""
    fresh(h)
    virsh(h, "uri")
    before = state(h)
    apply(h, TRADITIONAL)
    out = h.run("sh", "-c", "stat -c '%n %a %U:%G' /run/libvirt/virtqemud-*sock*")
    expect_equal(out.split("\n"), ["/run/libvirt/virtqemud-admin-sock 700 root:libvirt", "/run/libvirt/virtqemud-sock 660 root:libvirt",
                                   "/run/libvirt/virtqemud-sock-ro 777 root:libvirt"])
    for unit, enabled, active in (("virtqemud.service", "enabled", "active"), ("virtsecretd.service", "enabled", "active"),
                                  ("virtqemud.socket", "masked", "inactive"), ("virtlogd.socket", "enabled", "active"),
                                  ("virtstoraged.service", "disabled", "inactive"), ("libvirtd.service", "masked", "inactive")):
        expect_equal((unit, h.try_run("systemctl", "is-enabled", unit)[1], h.state(unit)), (unit, enabled, active))
    expect("--timeout" not in h.run("sh", "-c", "tr '\\0' ' ' < /proc/$(systemctl show -P MainPID virtqemud)/cmdline"), "it may leave")
    expect_equal(virsh(h, "uri"), QEMU)
    expect("nothing to do" in apply(h, TRADITIONAL), "something was done")
    during = state(h)
    h.reboot("/etc", "/var/lib/virthost")
    h.wait("boot", lambda: h.try_run("systemctl", "is-system-running", "--wait")[0] in (0, 1))
    expect_equal(state(h), during)
    expect_equal(virsh(h, "uri"), QEMU)
    h.run("systemctl", "stop", "virtsecretd.service")
    expect_equal(actions(h, TRADITIONAL), ["start virtsecretd.service"])
    h.run("virthost", "rollback", timeout=120)
    expect_equal(state(h), before)
    expect_equal(virsh(h, "uri"), QEMU)


@test("ours")
def reboot(h):
    """the host boots again into what was applied"""
    fresh(h)
    before = state(h)
    h.reboot("/etc", "/var/lib/virthost")
    expect_equal(state(h), before)
    expect_equal(virsh(h, "uri"), QEMU)
    expect("nothing to do" in apply(h, MODULAR), "something was done")


@test("ours")
def start_that_fails(h):
    """a unit that does not start: everything is taken back"""
    fresh(h)
    virsh(h, "uri")
    text = MODULAR + "units: {virtqemud.service: {Service: {ExecStartPre: /bin/false}}}\n"
    refused(h, text, "the host is as before")
    expect_equal(virsh(h, "uri"), QEMU)
    expect(json.loads(h.run("virthost", "status", "--json"))["run"] is None, "a journal is left")


@test("ours")
def unit_that_vanished(h):
    """a wanted unit whose file is gone is named before anything is done"""
    fresh(h)
    h.run("sh", "-c", "mv /usr/lib/systemd/system/virtstoraged.socket /root/; systemctl daemon-reload")
    try:
        refused(h, MODULAR.replace("secret]", "secret, storage]"), "apply-unit-missing")
    finally:
        h.run("sh", "-c", "mv /root/virtstoraged.socket /usr/lib/systemd/system/; systemctl daemon-reload")


@test("ours")
def unit_that_is_masked(h):
    """a wanted unit that the administrator masked is not unmasked without being asked to"""
    fresh(h)
    h.run("systemctl", "mask", "virtstoraged.socket")
    text = MODULAR.replace("secret]", "secret, storage]")
    try:
        refused(h, text, "apply-unit-masked")
        apply(h, text, "--unmask")
        expect_equal(h.state("virtstoraged.socket"), "active")
    finally:
        h.try_run("systemctl", "unmask", "virtstoraged.socket")


@test("ours")
def guests_are_counted_and_safe(h):
    """guests are named in the plan; a unit whose stop would end them is not stopped"""
    fresh(h)
    virsh(h, "uri")
    text = MODULAR + "daemons: {virtqemud: {settings: {max_client_requests: 9}}}\n"
    drop_in = "/etc/systemd/system/virtqemud.service.d/kill.conf"
    h.write("/run/libvirt/qemu/fake.xml", "<domstatus/>")
    try:
        expect("restart virtqemud: 1 guest runs on" in h.run("virthost", "plan", profile(h, text)), "no guests in the plan")
        h.write(drop_in, "[Service]\nKillMode=control-group\n")
        h.run("systemctl", "daemon-reload")
        refused(h, text, "apply-stops-guests")
    finally:
        h.run("rm", "-f", drop_in, "/run/libvirt/qemu/fake.xml")
        h.run("systemctl", "daemon-reload")


@test("ours")
def groups_are_made(h):
    """a group that the profile makes is there before the sockets that belong to it; a try would leave it behind and is refused"""
    fresh(h)
    text = MODULAR.replace("group: libvirt", "group: vmadmins\n  create_group: true")
    refused(h, text, "cannot be taken back", verb="try")
    apply(h, text)
    expect_equal(h.run("stat", "-c", "%G", "/run/libvirt/virtqemud-sock"), "vmadmins")


@test("ours")
def guests_run_on(h):
    """a real guest lives through a restart, sockets made anew, a try that ends, and a change of layout there and back"""
    fresh(h)
    h.write("/root/guest.xml", GUEST)
    virsh(h, "define", "/root/guest.xml")
    virsh(h, "start", "guest")
    before = h.run("pgrep", "-f", "guest=guest")
    try:
        for text in (MODULAR + "daemons: {virtqemud: {settings: {max_client_requests: 9}}}\n", MODULAR.replace("0660", "0600"), MODULAR):
            apply(h, text)
            expect("running" in virsh(h, "list"), "the guest is lost")
        status, out = h.try_run("virthost", "try", "--timeout", "1", profile(h, MONOLITHIC), timeout=120)
        expect(status == 1 and "as before" in out, f"exit {status}: {out}")
        expect("running" in virsh(h, "list"), "the guest is lost")
        expect_equal(h.run("pgrep", "-f", "guest=guest"), before)
    finally:
        h.try_run("virsh", "-c", QEMU, "destroy", "guest")
        h.try_run("virsh", "-c", QEMU, "undefine", "guest")


@test("ours")
def guests_at_shutdown(h):
    """libvirt-guests of a profile: a guest is saved when the service stops, and goes on when it starts"""
    text = MODULAR + "guests: {at_shutdown: suspend, at_boot: start}\n"
    fresh(h, text)
    expect_equal(h.state("libvirt-guests.service"), "active")
    h.write("/root/guest.xml", GUEST)
    virsh(h, "define", "/root/guest.xml")
    virsh(h, "start", "guest")
    try:
        h.run("systemctl", "stop", "libvirt-guests.service", timeout=60)
        expect_equal(virsh(h, "domstate", "guest"), "shut off")
        expect("Managed save:   yes" in virsh(h, "dominfo", "guest"), virsh(h, "dominfo", "guest"))
        h.run("systemctl", "start", "libvirt-guests.service", timeout=60)
        expect_equal(virsh(h, "domstate", "guest"), "running")
    finally:
        h.try_run("virsh", "-c", QEMU, "destroy", "guest")
        h.try_run("virsh", "-c", QEMU, "undefine", "--managed-save", "guest")


@test("ours")
def try_times_out(h):
    """nobody confirms: content, links, modes and running units are as before"""
    fresh(h)
    virsh(h, "uri")
    before = state(h)
    status, out = h.try_run("virthost", "try", "--timeout", "2", profile(h, MODULAR.replace("0660", "0600")), timeout=120)
    expect(status == 1 and "as before" in out, f"exit {status}: {out}")
    expect_equal(state(h), before)
    expect_equal(h.state("virtqemud.service"), "active")


@test("ours")
def try_is_confirmed(h):
    """another process confirms"""
    fresh(h)
    p = start_try(h, profile(h, MODULAR.replace("0660", "0600")))
    refused(h, MODULAR, "is being tried")
    h.run("virthost", "confirm")
    out, _ = p.communicate(timeout=20)
    expect(p.returncode == 0 and "kept" in out, out)
    expect_equal(h.run("stat", "-c", "%a", "/run/libvirt/virtqemud-sock"), "600")
    expect_equal(h.state("virthost-try.timer"), "inactive")
    expect_equal(h.run("find", "/etc/systemd/system", "/run", "-name", "virthost-try*"), "")


@test("ours")
def try_is_ended(h):
    """another process says no"""
    fresh(h)
    before = state(h)
    p = start_try(h, profile(h, MODULAR.replace("0660", "0600")))
    h.run("virthost", "rollback", timeout=60)
    p.communicate(timeout=20)
    expect_equal(p.returncode, 1)
    expect_equal(state(h), before)


@test("ours")
def session_is_lost(h):
    """the try's own process is killed: the timer takes everything back"""
    fresh(h)
    before = state(h)
    p = start_try(h, "--timeout", "3", profile(h, MODULAR.replace("0660", "0600")))
    h.run("pkill", "-KILL", "-x", "virthost")
    p.communicate(timeout=20)
    expect(state(h) != before, "taken back already")
    h.wait("the timer", lambda: json.loads(h.run("virthost", "status", "--json"))["run"] is None, 60)
    expect_equal(state(h), before)
    h.wait("word of it", lambda: "was taken back" in h.run("virthost", "status"))
    expect("nobody confirmed it" in h.run("virthost", "status"), h.run("virthost", "status"))


def reboot_in_a_try(h, text):
    """The host goes down while a profile is tried, and comes back by itself as it was before."""
    before = state(h)
    unit = "/etc/systemd/system/virthost-try-revert.service"
    p = start_try(h, profile(h, text))
    expect(state(h) != before, "nothing is tried")
    # Pulled in by every start of a socket; it must not act in this boot.
    h.run("systemctl", "start", "virthost-try-revert.service")
    h.run("test", "-e", unit)
    expect(json.loads(h.run("virthost", "status", "--json"))["run"]["phase"] == "waiting", "taken back without a boot")
    expect_equal(h.run("systemd-analyze", "verify", unit), "")
    h.reboot("/etc", "/var/lib/virthost")
    p.communicate(timeout=20)
    expect(not os.path.exists("/run/virthost-try"), "a mark on the machine that runs the test")
    h.wait("boot", lambda: h.try_run("systemctl", "is-system-running", "--wait")[0] in (0, 1))
    status = json.loads(h.run("virthost", "status", "--json"))
    expect(status["run"] is None, f"{status}: {h.journal('virthost-try-revert.service')}")
    expect(status["ended_try"] and status["ended_try"]["reason"] == "boot", status)
    expect("the machine went down during it" in h.run("virthost", "status"), h.run("virthost", "status"))
    expect_equal(state(h), before)
    expect(h.try_run("test", "-e", unit)[0] != 0, "the unit is still there")
    expect_equal(h.try_run("systemctl", "list-jobs", "--no-legend", "--no-pager"), (0, ""))


@test("ours")
def reboot_in_a_try_of_modes(h):
    """a boot takes back a try before the sockets are made: modes, and units that it enabled or disabled"""
    fresh(h)
    reboot_in_a_try(h, MODULAR.replace("0660", "0600").replace("network, secret", "storage, secret"))
    expect_equal(virsh(h, "uri"), QEMU)


@test("ours")
def reboot_in_a_try_of_a_layout(h):
    """a boot takes back a try that changed the layout"""
    fresh(h)
    reboot_in_a_try(h, MONOLITHIC)
    expect_equal(virsh(h, "uri"), QEMU)


@test("ours")
def listeners_need_a_new_connection(h):
    """a listener changes: who was there before cannot confirm it, who comes new can"""
    fresh(h)
    text = MODULAR + """\
remote:
  tls: {enabled: false}
units: {virtproxyd-tcp.socket: {Socket: {FreeBind: "yes"}}}
"""
    # A shell that was there before stands for the old connection.
    old = subprocess.Popen([VHOST, "run", h.dir, "setsid", "sh", "-c", "read line; virthost confirm"], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.5)
    p = start_try(h, profile(h, text))
    out, _ = old.communicate("go\n", timeout=20)
    expect(old.returncode == 1 and "connection" in out, out)
    h.run("setsid", "-w", "virthost", "confirm")
    out, _ = p.communicate(timeout=20)
    expect(p.returncode == 0, out)


@test("ours")
def killed_at_each_step(h):
    """kill -9 at points all over an apply; the next apply ends it, a rollback takes it back"""
    fresh(h)
    virsh(h, "uri")
    before = state(h)
    target = MODULAR.replace("0660", "0600")
    path = profile(h, target)
    with open(os.path.join(host.build_dir(), "profiles/apply/libfault.so"), "rb") as f:
        subprocess.run([VHOST, "run", h.dir, "sh", "-c", f"cat > {FAULT}"], input=f.read(), check=True)
    h.run("env", f"LD_PRELOAD={FAULT}", "FAULT_COUNT=/root/count", "virthost", "apply", path, timeout=120)
    after = state(h)
    calls = int(h.run("cat", "/root/count"))
    for at in range(5, calls, max(calls // 12, 1)):
        h.run("virthost", "rollback", timeout=120)
        expect_equal(state(h), before)
        h.try_run("env", f"LD_PRELOAD={FAULT}", f"FAULT_AT={at}", "virthost", "apply", path, timeout=120)
        if at % 2:
            run = json.loads(h.run("virthost", "status", "--json"))["run"]
            if run:
                h.run("virthost", "rollback", timeout=120)
                expect_equal(state(h), before)
        h.run("virthost", "apply", path, timeout=120)
        expect_equal(state(h), after)


@test("debian")
def debian_monolithic(h):
    """Debian's libvirt: sockets with group and mode, virsh answers, files of the package are kept for the way back"""
    def lasting():
        # Debian's socket units leave their files behind.
        return [line for line in state(h) if "/run/libvirt" not in line and not line.startswith("find:")]
    before = lasting()
    apply(h, MONOLITHIC)
    out = h.run("sh", "-c", "stat -c '%n %a %U:%G' /run/libvirt/libvirt-sock*")
    expect_equal(out.split("\n"), ["/run/libvirt/libvirt-sock 660 root:libvirt", "/run/libvirt/libvirt-sock-ro 666 root:libvirt"])
    text = h.run("cat", "/etc/libvirt/libvirtd.conf")
    expect("max_clients = 300" in text and "#unix_sock_ro_perms" in text, "the package's comments are gone")
    expect_equal(virsh(h, "uri", uri="test:///default"), "test:///default")
    expect_equal(virsh(h, "uri", uri="qemu:///system"), "qemu:///system")
    expect("nothing to do" in apply(h, MONOLITHIC), "something was done")
    h.run("virthost", "rollback", timeout=120)
    expect_equal(lasting(), before)


@test("debian")
def debian_live_and_restart(h):
    """one key at a time: set over libvirtd's admin socket, or one restart"""
    apply(h, MONOLITHIC)
    virsh(h, "uri", uri="qemu:///system")
    before = pid(h, "libvirtd.service")
    expect_equal(actions(h, MONOLITHIC.replace("300", "333")), ["set max_clients"])
    apply(h, MONOLITHIC.replace("300", "333"))
    expect_equal(clients_max(h, "libvirtd", "libvirt-admin-sock"), 333)
    expect_equal(pid(h, "libvirtd.service"), before)
    text = MONOLITHIC + "host: {uuid_source: machine-id}\n"
    expect_equal(actions(h, text.replace("300", "333")), ["restart libvirtd.service"])
    apply(h, text.replace("300", "333"))
    expect(pid(h, "libvirtd.service") != before, "not restarted")


@test("debian")
def debian_has_no_modular_daemons(h):
    """a modular profile on a host without those packages names each unit, and nothing is done"""
    refused(h, MODULAR, "apply-unit-missing")


@test("debian")
def debian_reboot(h):
    """the host boots again into what was applied"""
    apply(h, MONOLITHIC)
    h.try_run("systemctl", "stop", "libvirtd.service")
    before = state(h)
    h.reboot("/etc", "/var/lib/virthost")
    h.wait("boot", lambda: h.try_run("systemctl", "is-system-running", "--wait")[0] in (0, 1))
    expect_equal(state(h), before)
    expect("nothing to do" in apply(h, MONOLITHIC), "something was done")


@test("debian")
def debian_startup_of_daemons(h):
    """libvirtd that makes its sockets, and back"""
    apply(h, MONOLITHIC)
    before = state(h)
    apply(h, MONOLITHIC + "startup: daemon\n")
    expect_equal([h.try_run("systemctl", "is-enabled", f"libvirtd.{kind}")[1] for kind in ("service", "socket")], ["enabled", "masked"])
    expect_equal(h.run("stat", "-c", "%a %G", "/run/libvirt/libvirt-sock"), "660 libvirt")
    expect_equal(virsh(h, "uri", uri="qemu:///system"), "qemu:///system")
    apply(h, MONOLITHIC)
    expect_equal(state(h), before)
    expect_equal(virsh(h, "uri", uri="qemu:///system"), "qemu:///system")


@test("debian")
def debian_try_times_out(h):
    """a try that nobody confirms leaves Debian's libvirtd as it was"""
    apply(h, MONOLITHIC)
    virsh(h, "uri", uri="qemu:///system")
    before = state(h)
    status, out = h.try_run("virthost", "try", "--timeout", "2", profile(h, MONOLITHIC.replace("0660", "0600")), timeout=120)
    expect(status == 1 and "as before" in out, f"exit {status}: {out}")
    expect_equal(state(h), before)
    expect_equal(virsh(h, "uri", uri="qemu:///system"), "qemu:///system")


def main():
    kind, names = sys.argv[1], sys.argv[2:]
    if os.geteuid() != 0:
        print("1..0 # SKIP a test host needs root")
        return 77
    with VHost(host.build_dir(), reference=kind == "debian") as h:
        return tap.run(TESTS[kind], names, h)


if __name__ == "__main__":
    sys.exit(main())
