#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMUs and agents that die, hang or talk nonsense at any moment of an operation. The call ends, other guests are not held up,
the daemon lives, and nothing of what failed stays: no process, file, image, object inside QEMU or descriptor. Prints TAP."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import libvirt
import libvirt_qemu

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import tap  # noqa: E402
from live import Live, wait_for  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><devices><emulator>EMULATOR</emulator><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='ROOT/NAME.qcow2'/><target dev='vda' bus='virtio'/></disk><channel type='unix'>
<target type='virtio' name='org.qemu.guest_agent.0'/></channel><controller type='scsi' model='virtio-scsi'/><memballoon model='virtio'/></devices></domain>"""
# Those that leave a guest without a system at once.
DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/new.img'/>
<target dev='sda' bus='scsi'/></disk>"""
NIC = "<interface type='user'><mac address='52:54:00:11:22:44'/><model type='usb-net'/></interface>"
CHANNEL = "<channel type='pty'><target type='virtio' name='other'/></channel>"
COPY = "<disk type='file'><source file='ROOT/copy.qcow2'/><driver type='qcow2'/></disk>"
SNAPSHOT = "<domainsnapshot><name>s</name><disks><disk name='vda'><source file='ROOT/snap.qcow2'/></disk></disks></domainsnapshot>"
BACKUP = "<domainbackup><disks><disk name='vda' type='file'><target file='ROOT/backup.qcow2'/></disk></disks></domainbackup>"

# What QEMU or its monitor does instead of an answer. After the first kind the guest goes on.
SOFT = ["error", "odd-error", "number", "list", "object", "text", "null", "lists", "objects", "events", "twice"]
FATAL = ["close", "half", "garbage", "deep", "huge", "hang", "wrong-id"]
MOST_COMMANDS = 60  # of one operation: more means that it goes round in a circle


class Faulty(Live):
    """Two guests: one whose QEMU can be made to fail, and one that is as it should be."""

    def __enter__(self):
        super().__enter__()
        self.emulator = self.path("faulty-qemu")
        shutil.copy(os.path.join(HERE, "faulty-qemu"), self.emulator)
        self.process, uri = self.daemon("ours")
        self.uri = uri
        self.conn = libvirt.open(uri)
        self.other = libvirt.open(uri)  # for calls beside one that waits
        for name in ("f", "calm"):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.path(f"{name}.qcow2"), "1M"], check=True)
        with open(self.path("new.img"), "wb") as f:
            f.truncate(1 << 20)
        self.xml, calm = (self.fill(GUEST).replace("EMULATOR", self.emulator).replace("NAME", n) for n in ("f", "calm"))
        self.conn.createXML(calm, libvirt.VIR_DOMAIN_START_PAUSED)
        self.calm_pid = self.guests()
        os.makedirs(self.path("lib", "qemu", "snapshot"), exist_ok=True)
        self.files, self.fds = self.all_files(), self.all_fds()
        return self

    def __exit__(self, *exc):
        self.conn.close()
        self.other.close()
        status = self.process.stop()
        super().__exit__(*exc)
        assert exc[0] or status == 0, f"the daemon ends with {status}"

    def fill(self, text):
        return text.replace("ROOT", self.root)

    def arm(self, what, at):
        """The guest's QEMU goes wrong at one of its next commands."""
        for kind in ("fault", "happened"):
            if os.path.exists(self.path(f"f.{kind}")):
                os.unlink(self.path(f"f.{kind}"))
        os.rename(self.write(f"{what} {at}", "f.new"), self.path("f.fault"))

    def happened(self):
        return os.path.exists(self.path("f.happened"))

    def withdraw(self):
        """Nothing is to go wrong any more. Returns whether that was in time."""
        try:
            os.unlink(self.path("f.fault"))
        except FileNotFoundError:
            return False
        return True

    def set_agent(self, says):
        os.rename(self.write(says, "f.new"), self.path("f.agent"))

    def all_files(self):
        """What belongs to guests, without logs and the cache."""
        return sorted(os.path.join(folder, name) for top in (self.path("run", "libvirt"), self.path("lib"))
                      for folder, _, names in os.walk(top) for name in [*names, ""])

    def all_fds(self):
        """What the daemon has open, by kind: clients come and go."""
        folder = f"/proc/{self.process.pid}/fd"
        targets = []
        for fd in os.listdir(folder):
            try:
                targets.append(os.readlink(f"{folder}/{fd}").split(":")[0])
            except OSError:
                pass
        return sorted(targets)

    def processes(self):
        """Of guests and their helpers."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read()
                    if self.root.encode() in line and b"guest=f," in line:
                        found.append(line)
            except OSError:
                pass
        return found

    def alive(self):
        assert self.process.alive(), "the daemon is gone"

    def check_clean(self):
        """Nothing of the guest is left, and the other one is as it was."""
        self.alive()
        wait_for(lambda: [d.name() for d in self.other.listAllDomains()] == ["calm"])
        for have, want in ((self.processes, []), (self.all_files, self.files), (self.all_fds, self.fds), (self.guests, self.calm_pid)):
            try:
                wait_for(lambda: have() == want)
            except AssertionError:
                extra = [x for x in have() if x not in want], [x for x in want if x not in have()], have(), want
                raise AssertionError(f"{have.__name__}: too much {extra[0]}, missing {extra[1]}, {extra[2:]}") from None

    def start_guest(self):
        return self.conn.createXML(self.xml, libvirt.VIR_DOMAIN_START_PAUSED)

    def inside(self):
        """What QEMU and the daemon say of the guest's devices: what a failed call must not change."""
        dom = self.other.lookupByName("f")

        def ask(command, **arguments):
            return json.loads(libvirt_qemu.qemuMonitorCommand(dom, json.dumps({"execute": command, "arguments": arguments}), 0))["return"]
        return {
            "nodes": sorted(n["node-name"] for n in ask("query-named-block-nodes", flat=True) if n["drv"] in ("file", "qcow2", "raw")),
            "devices": sorted(d["name"] for d in ask("qom-list", path="/machine/peripheral")),
            "objects": sorted(o["name"] for o in ask("qom-list", path="/objects")),
            "jobs": [j["id"] for j in ask("query-jobs")],
            "chardevs": sorted(c["label"] for c in ask("query-chardev")),
            "fdsets": ask("query-fdsets"),
            "xml": dom.XMLDesc(),
        }


def ends(function, seconds=30):
    """The result of a call that must come back: (value, None) or (None, error). Runs it in a thread of its own."""
    result = []

    def call():
        try:
            result.append((function(), None))
        except libvirt.libvirtError as err:
            result.append((None, err))
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert result, "the call does not come back"
    return result[0]


def destroy(h):
    try:
        h.other.lookupByName("f").destroy()
    except libvirt.libvirtError as err:
        assert err.get_error_code() in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID), err


# ---- operations ----

OPERATIONS = {}
LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE


class Operation:
    """A call, what must be before it, and how it is taken back. ends: the guest is another one if it succeeds. made: files that
    are there if it succeeds. one_way: QEMU does it at once, and commands that fail behind that take nothing back."""

    def __init__(self, run, before=None, back=None, ends=False, made=(), one_way=False):
        self.run, self.before, self.back, self.ends, self.made, self.one_way = run, before, back, ends, made, one_way


def device(xml):
    def attach(h, dom):
        dom.attachDeviceFlags(h.fill(xml), LIVE)

    def detach(h, dom):
        dom.detachDeviceFlags(h.fill(xml), LIVE)
    return Operation(attach, back=detach), Operation(detach, before=attach, back=attach)


def copy(h, dom):
    dom.blockCopy("vda", h.fill(COPY), {}, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)


def copy_all(h, dom):
    copy(h, dom)
    wait_for(lambda: "ready='yes'" in dom.XMLDesc())


def abort_copy(h, dom):
    dom.blockJobAbort("vda", 0)


def stop_backup(h, dom):
    try:
        dom.abortJob()
    except libvirt.libvirtError:
        pass  # it is over


def stats(h, dom):
    h.conn.domainListGetStats([dom])
    dom.memoryStats()
    dom.blockInfo("vda")


for _name, _xml in (("disk", DISK), ("nic", NIC), ("channel", CHANNEL)):
    OPERATIONS[f"attach-{_name}"], OPERATIONS[f"detach-{_name}"] = device(_xml)
OPERATIONS |= {
    "iothread": Operation(lambda h, dom: dom.addIOThread(9, LIVE), back=lambda h, dom: dom.delIOThread(9, LIVE)),
    "resize": Operation(lambda h, dom: dom.blockResize("vda", 1024)),
    "stats": Operation(stats),
    "resume": Operation(lambda h, dom: dom.resume(), back=lambda h, dom: dom.suspend()),
    "suspend": Operation(lambda h, dom: dom.suspend(), before=lambda h, dom: dom.resume()),
    "copy": Operation(copy, back=abort_copy, made=("copy.qcow2",)),
    "pivot": Operation(lambda h, dom: dom.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT), before=copy_all, ends=True,
                       made=("copy.qcow2",), one_way=True),
    "backup": Operation(lambda h, dom: dom.backupBegin(h.fill(BACKUP), None), back=stop_backup, made=("backup.qcow2",)),
    # QEMU may be through before the command that fails; it refuses a second dump of a guest that stays paused.
    "dump": Operation(lambda h, dom: dom.coreDump(h.path("core"), libvirt.VIR_DUMP_LIVE), ends=True, made=("core",)),
    "snapshot": Operation(lambda h, dom: dom.snapshotCreateXML(h.fill(SNAPSHOT), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY),
                          ends=True, made=("snap.qcow2",)),
    "save": Operation(lambda h, dom: dom.save(h.path("saved")), ends=True, made=("saved",)),
}


def fresh(h, operation):
    """A guest that the operation can begin with."""
    for name in operation.made:
        if os.path.exists(h.path(name)):
            os.unlink(h.path(name))
    try:
        dom = h.other.lookupByName("f")
    except libvirt.libvirtError:
        dom = h.start_guest()
    if operation.before:
        operation.before(h, dom)
    return dom


def calm_goes_on(h):
    """Calls about the other guest are answered while one waits."""
    calm = h.other.lookupByName("calm")
    for _ in range(3):
        _, err = ends(lambda: (calm.resume(), calm.suspend(), calm.memoryStats()))
        assert not err, err


def run(h, call):
    """Runs a call that a fault is prepared for. Returns the error, None if there was none; the guest may be destroyed."""
    result = []

    def body():
        try:
            call()
            result.append(None)
        except Exception as err:  # which one, is for who looks at it
            result.append(err)
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    wait_for(lambda: result or h.happened(), 60)
    thread.join(0.2)
    if not result:  # it waits for an answer that never comes, or needs longer
        calm_goes_on(h)
        thread.join(1)
    if not result:
        destroy(h)
        thread.join(30)
        assert result, "the call outlives the guest"
    if result[0] and not isinstance(result[0], libvirt.libvirtError):
        raise result[0]
    return result[0]


def each_point(h, name, operation, faults, after):
    """Runs an operation again and again, each time with a fault at the next command, until it has no such command any more."""
    for at in range(1, MOST_COMMANDS):
        for what in faults(at):
            dom = fresh(h, operation)
            before = h.inside()
            h.arm(what, at)
            err = run(h, lambda: operation.run(h, dom))
            hit = h.happened() or not h.withdraw()
            try:
                assert hit or not err, "without a fault it should do"
                after(h, dom, operation, what, err, before)
            except Exception as why:
                raise AssertionError(f"{name}, {what} at command {at} (hit: {hit}), ended with: {err}") from why
        if not hit:
            return at - 1
    raise AssertionError(f"{name} goes on and on")


def same_inside(h, before):
    now = {}

    def same():
        now.clear()
        now.update(h.inside())
        return now == before
    try:
        wait_for(same)
    except AssertionError:
        different = {k: (before[k], now[k]) for k in now if before[k] != now[k]}
        raise AssertionError(f"it left: {different}") from None


def no_files(h, operation):
    for name in operation.made:
        assert not os.path.exists(h.path(name)), f"{name} is left"


def guest_goes_on(h, dom, operation, what, err, before):
    """Behind a command that failed: as before, or done. Behind an answer that makes no sense QEMU may have done it."""
    h.alive()
    if what not in ("error", "events", "twice"):
        destroy(h)
        h.check_clean()
        return
    if err:
        if not operation.one_way:
            same_inside(h, before)
        if not operation.before:
            no_files(h, operation)
    if operation.ends or operation.before:
        destroy(h)
        h.check_clean()
    elif not err and operation.back:
        operation.back(h, dom)
        same_inside(h, before)


def guest_is_gone(h, dom, operation, what, err, before):
    """Behind the end of QEMU or of its monitor."""
    if what == "kill":
        wait_for(lambda: len(h.other.listAllDomains()) == 1) if h.happened() else None
    destroy(h)
    h.check_clean()


def operations(names, faults, after):
    with Faulty() as h:
        for name in names:
            points = each_point(h, name, OPERATIONS[name], faults, after)
            destroy(h)
            h.check_clean()
            print(f"# {name}: {points} commands")


def commands_that_fail():
    """Any one command of an operation fails: nothing changed, or all is done."""
    operations(OPERATIONS, lambda at: ["error"], guest_goes_on)


def answers_without_sense():
    """Answers of wrong types, events that nobody has heard of."""
    kinds = itertools.cycle(SOFT[1:])
    operations(OPERATIONS, lambda at: [next(kinds)], guest_goes_on)


def qemu_dies_in_operations():
    operations(OPERATIONS, lambda at: ["kill"], guest_is_gone)


def monitors_that_break():
    """Closed, cut off, garbage, endless lines, silence."""
    names = ["attach-disk", "detach-nic", "iothread", "stats", "copy", "backup", "dump", "snapshot", "save"]
    kinds = itertools.cycle(FATAL)
    operations(names, lambda at: [next(kinds)], guest_is_gone)


def monitor_closes_alone():
    """QEMU goes on without a monitor, before it greets and later: it is ended, as nobody can manage it."""
    with Faulty() as h:
        h.arm("close", 0)
        _, err = ends(h.start_guest)
        assert err and "closed the monitor" in str(err), err
        h.check_clean()
        dom = h.start_guest()
        h.arm("close", 1)
        _, err = ends(dom.memoryStats)
        wait_for(lambda: len(h.other.listAllDomains()) == 1, 30)
        h.check_clean()


def starts():
    """Everything of the above at each command of a start."""
    with Faulty() as h:
        for at in range(MOST_COMMANDS):
            for what in ("error", "kill", SOFT[at % len(SOFT)], FATAL[at % len(FATAL)]):
                h.arm(what, at)
                err = run(h, h.start_guest)
                hit = h.happened()
                try:
                    assert hit or not err, "without a fault it should do"
                    assert err or what != "kill" or not hit, "it started, they say"
                    destroy(h)
                    h.check_clean()
                except Exception as why:
                    raise AssertionError(f"{what} at command {at} (hit: {hit}), ended with: {err}") from why
            if not hit:
                print(f"# {at - 1} commands")
                return


AGENT = ["hang", "garbage", "half", "deep", "huge", "number", "list", "text", "null", "objects", "error", "odd-error", "late", "noise",
         "close"]


def agents():
    """What an agent says instead of an answer, to a command and to the synchronization before it."""
    calls = [lambda dom: dom.guestInfo(), lambda dom: dom.fsFreeze(), lambda dom: dom.fsThaw(), lambda dom: dom.getTime(),
             lambda dom: dom.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT), lambda dom: dom.fsInfo(),
             lambda dom: dom.guestVcpus(), lambda dom: dom.setUserPassword("root", "x"), lambda dom: dom.fSTrim(None, 0),
             lambda dom: dom.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT), lambda dom: dom.setTime({"seconds": 1})]
    with Faulty() as h:
        dom = h.start_guest()
        dom.resume()
        for number, what in enumerate([*AGENT, *("sync-" + w for w in AGENT)]):
            for call in (calls[number % len(calls)], calls[(number + 4) % len(calls)]):
                h.set_agent(what)
                dom.agentSetResponseTimeout(1)
                run(h, lambda: call(dom))
                h.alive()
                assert dom.isActive(), f"{what} ended the guest"
        destroy(h)
        h.check_clean()


TESTS = [starts, monitor_closes_alone, commands_that_fail, answers_without_sense, qemu_dies_in_operations, monitors_that_break, agents]

if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *args: None, None)
    sys.exit(tap.run(TESTS, sys.argv[1:]))
