#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed at one system call after the other of an operation that changes files, processes or guests. Started
again, it says what is true; nobody's guest has stopped who was not asked to; what was half done is done or taken back, and
leaves nothing: no file, process, network device, lock, control group, and files belong to whom they belonged before.
crashes.py FAULT-LIBRARY [TEST...]; needs root. Prints TAP."""

import json
import os
import pwd
import subprocess
import sys

import libvirt
import libvirt_qemu

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import host  # noqa: E402
from groups import Groups  # noqa: E402
from guesthost import lives  # noqa: E402
import leftovers  # noqa: E402
import tap  # noqa: E402
from live import Live, wait_for  # noqa: E402

FAULT_LIBRARY = os.path.abspath(sys.argv.pop(1))
GUEST = """<domain type='qemu'><name>NAME</name><memory unit='KiB'>MEMORY</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
</os><features><acpi/></features><devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='ROOT/NAME.qcow2'/>
<target dev='vda' bus='virtio'/></disk><controller type='scsi' model='virtio-scsi'/>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><model type='virtio'/></interface>MORE
<memballoon model='none'/></devices></domain>"""
# A program beside it, and a lock that somebody thought of.
FOLDER = "<filesystem type='mount'><driver type='virtiofs'/><source dir='ROOT/share'/><target dir='tag'/></filesystem>"
EQUIPMENT = FOLDER + """<lease><lockspace>space</lockspace><key>NAME</key><target path='ROOT/leases'/></lease>"""
ALL = os.environ.get("CRASH_ALL")
if ALL:  # a TPM takes seconds to be set up
    EQUIPMENT += "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
MEMORY = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
NIC = """<interface type='bridge'><mac address='52:54:00:00:00:02'/><source bridge='br0'/><target dev='second'/><model type='virtio'/></interface>"""
# Guests have an account of their own, to which images are given and from which they are taken back, and locks.
CONF = """security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ CONTROLLERS ]
stdio_handler = "file"
lock_manager = "lockd"
"""
ACCOUNT = "libvirt-qemu"
DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/new.img'/>
<target dev='sda' bus='scsi'/></disk>"""
SNAPSHOT = "<domainsnapshot><name>s</name><disks><disk name='vda'><source file='ROOT/snap.qcow2'/></disk></disks></domainsnapshot>"
COPY = "<disk type='file'><driver type='qcow2'/><source file='ROOT/copy.qcow2'/></disk>"
DRIVE = "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>SOURCE<target dev='hdc' bus='ide'/><readonly/></disk>"
BACKUP = "<domainbackup><disks><disk name='vda' type='file'><target file='ROOT/backup.qcow2'/></disk></disks></domainbackup>"
PULL = """<domainbackup mode='pull'><server transport='unix' socket='ROOT/sockets/nbd'/><disks><disk name='vda' type='file'>
<scratch file='ROOT/scratch.qcow2'/></disk></disks></domainbackup>"""
MEMORY_SNAPSHOT = """<domainsnapshot><name>m</name><memory snapshot='external' file='ROOT/saved'/><disks><disk name='vda'>
<source file='ROOT/snap.qcow2'/></disk></disks></domainsnapshot>"""
PERSISTENT = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
POINTS = 6  # of an operation that are tried, spread over all of it; CRASH_ALL=1 tries all
MOST_CALLS = 400


class Crashing(Live):
    """A daemon that dies when told to, a guest "f", and another one that nobody ever touches."""

    def __init__(self):
        self.groups = Groups()
        super().__init__(base=CONF.replace("CONTROLLERS", '"cpu"' if self.groups.path else ""), groups=bool(self.groups.path))
        self.run("ip link add br0 type bridge && ip link set br0 up")
        for folder in ("share", "leases", "sockets", "log/qemu", "lib/qemu/snapshot", "lib/qemu/checkpoint", "lib/qemu/save", "etc/qemu/autostart", "lib/swtpm",
                       "run/libvirt/qemu/swtpm"):
            os.makedirs(self.path(folder))
        self.write("", "leases", "f")
        account = pwd.getpwnam(ACCOUNT)
        os.chown(self.path("sockets"), account.pw_uid, account.pw_gid)
        self.start(host.daemon_program("virtlockd"), sockets=host.sockets_of("virtlockd"))
        self.start_daemon()

    def __enter__(self):
        super().__enter__()
        for name in ("f", "calm"):
            self.make_image(name)
        for name in ("new.img", "cd.img"):
            with open(self.path(name), "wb") as f:
                f.truncate(1 << 20)
        self.conn.createXML(self.xml("calm"), libvirt.VIR_DOMAIN_START_PAUSED)
        self.calm = self.guests()
        self.before = self.inventory()
        return self

    def close(self):
        super().close()
        self.groups.close()

    def run(self, script):
        """A shell script inside; its output."""
        return subprocess.run(self.enter(["sh", "-c", script]), stdout=subprocess.PIPE, text=True, check=True).stdout

    def start_daemon(self):
        self.process, uri = self.daemon("ours", env={"LD_PRELOAD": FAULT_LIBRARY, "FAULT_ARM": self.path("arm")})
        self.conn = libvirt.open(uri)

    def make_image(self, name):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.path(f"{name}.qcow2"), "1M"], check=True)

    def xml(self, name, memory=16384, more=""):
        return self.fill(GUEST.replace("MORE", more).replace("NAME", name).replace("MEMORY", str(memory)))

    def fill(self, text):
        return text.replace("ROOT", self.root)

    def guests(self):
        """Processes of guests, not of programs beside them."""
        files = [self.path("run", "libvirt", "qemu", f"{name}.pid") for name in ("f", "calm")]
        texts = [open(path, encoding="ascii").read() for path in files if os.path.exists(path)]
        return [int(text) for text in texts if text and lives(int(text))]

    def images(self):
        """Those that are given back: an image behind another may be in use elsewhere, and stays as it is."""
        names = ["new.img", "leases/f"] + ([] if os.path.exists(self.path("snap.qcow2")) else ["f.qcow2"])
        return [self.path(name) for name in names if os.path.exists(self.path(name))]

    def inventory(self):
        """What of the host guests have for themselves while they run, and not for longer."""
        return leftovers.inventory(self, self.images()) | {f"group {g}" for g in self.groups.all()}

    def dom(self):
        """The guest, None if nobody knows it."""
        try:
            return self.conn.lookupByName("f")
        except libvirt.libvirtError as err:
            assert err.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN, err
            return None

    def run_and_kill(self, at, call):
        """Runs a call whose daemon dies at that system call. Returns whether it did, and the call's error."""
        error = None
        os.rename(self.write(f"{self.process.pid} {at}\n", "arm.new"), self.path("arm"))
        try:
            call(self, self.conn.lookupByName("f") if call.known else None)
        except libvirt.libvirtError as err:
            error = err
        try:
            os.unlink(self.path("arm"))
            return False, error
        except FileNotFoundError:
            self.process.process.wait(20)
            return True, error

    def restart(self):
        self.conn.close()
        self.start_daemon()
        # Which guests are left is known once the daemon has talked to them.
        wait_for(lambda: all(not d.isActive() or settled(d) for d in self.conn.listAllDomains()))

    def qmp(self, dom, command, **arguments):
        return json.loads(libvirt_qemu.qemuMonitorCommand(dom, json.dumps({"execute": command, "arguments": arguments}), 0))["return"]

    def jobs(self, dom, status=None):
        """What works on images: all, or those that have come so far."""
        return [job["id"] for job in self.qmp(dom, "query-jobs") if status in (None, job["status"])]

    def check(self):
        """The daemon and the processes tell the same, and the other guest was left alone."""
        dom = self.dom()
        active = bool(dom and dom.isActive())
        assert set(self.calm) <= set(self.guests()), "the other guest has stopped"
        assert self.conn.lookupByName("calm").isActive()
        wait_for(lambda: len(self.guests()) == 1 + active)
        wait_for(lambda: sum("qemu-system" in words[0] for words in leftovers.processes(self.root, self.holder.pid)) == 1 + active)
        if active:
            # QEMU dies of a question for its images behind the end of a pull that nobody has dismissed.
            wait_for(lambda: not self.jobs(dom, "concluded"))
            try:
                wait_for(lambda: not self.differences(dom))
            except AssertionError:
                raise AssertionError(self.differences(dom)) from None
        return active

    def differences(self, dom):
        """Between the live definition and what QEMU has."""
        devices = {d["name"] for d in self.qmp(dom, "qom-list", path="/machine/peripheral")}
        images = [n["file"] for n in self.qmp(dom, "query-named-block-nodes", flat=True) if n["drv"] == "file"]
        text = dom.XMLDesc()
        found = [f"{path} is open only" for path in images
                 if f"file='{path}'" not in text and not (self.jobs(dom) and "scratch" in path)]
        if ("scsi0-0-0-0" in devices) != ("target dev='sda'" in text):
            found.append(f"the disk is in QEMU: {'scsi0-0-0-0' in devices}, in the definition: {'sda' in text}")
        if ("fs0" in devices) != ("alias name='fs0'" in text):
            found.append(f"the folder is in QEMU: {'fs0' in devices}")
        return found

    def check_clean(self):
        dom = self.dom()
        if dom and dom.isActive():
            dom.destroy()
        dom = self.dom()
        if dom:
            dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE |
                               libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)
        assert not self.dom()
        self.no_more(lambda: self.inventory() - self.before, "left behind")
        assert not [name for name in os.listdir(self.root) if "TRANSIENT" in name], "a temporary image stayed"
        lost = {what for what in self.before - self.inventory() if not what.startswith("group ")}
        assert not lost, f"lost: {lost}"

    @staticmethod
    def no_more(what, title):
        try:
            wait_for(lambda: not what())
        except AssertionError:
            raise AssertionError(f"{title}: {sorted(what())}") from None


def settled(dom):
    try:
        dom.blockInfo("vda")
        return True
    except libvirt.libvirtError as err:
        return err.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN


# ---- operations: (name, what is there before, the call, what is true behind it) ----

def nothing(h):
    pass


def forgetful(h):
    h.conn.defineXML(h.xml("f").replace("<target dev='vda'", "<transient/><target dev='vda'"))


def defined(h):
    h.conn.defineXML(h.xml("f"))


def running(h):
    h.conn.defineXML(h.xml("f")).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def equipped(h):
    h.conn.defineXML(h.xml("f", more=EQUIPMENT).replace("<os>", MEMORY + "<os>"))


def equipped_running(h):
    """Not paused: it has its locks."""
    equipped(h)
    h.dom().create()


def shared_running(h):
    h.conn.defineXML(h.xml("f").replace("<os>", MEMORY + "<os>")).create()


def attached(h):
    running(h)
    h.dom().attachDeviceFlags(h.fill(DISK), PERSISTENT)


def saved(h):
    running(h)
    h.dom().managedSave()


def snapped(h):
    running(h)
    h.dom().snapshotCreateXML(h.fill(SNAPSHOT), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)


def copied(h):
    """All of the image, and the copy goes along with it."""
    running(h)
    h.dom().blockCopy("vda", h.fill(COPY), {}, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
    wait_for(lambda: "ready='yes'" in h.dom().XMLDesc())


def with_vcpus(h):
    h.conn.defineXML(h.xml("f").replace("<os>", "<vcpu current='1'>4</vcpu><os>")).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def with_drive(h):
    h.conn.defineXML(h.xml("f", more=DRIVE.replace("SOURCE", ""))).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


def backed_up(h):
    """One that waits for whoever pulls it."""
    running(h)
    h.dom().backupBegin(h.fill(PULL), None)


def checked(h):
    running(h)
    h.dom().checkpointCreateXML("<domaincheckpoint><name>c</name></domaincheckpoint>")


def kept_inside(h):
    running(h)
    h.dom().snapshotCreateXML("<domainsnapshot><name>i</name></domainsnapshot>")


def any_state(h, active, done):
    """check() has said it all."""


def is_defined(h, active, done):
    assert h.dom(), "the definition is lost"


def is_off(h, active, done):
    assert h.dom() and not (active and done), "it runs"


def runs_on(h, active, done):
    assert active, "it was stopped"


def runs_if_done(h, active, done):
    assert h.dom() and (active or not done), "it was started, they said"


def saved_or_runs(h, active, done):
    """Never both, never neither."""
    dom = h.dom()
    assert dom, "the definition is lost"
    image = bool(dom.hasManagedSaveImage())
    assert active or image, "neither the guest nor its image is there"
    if not active:
        dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        assert dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED


def file_or_runs(h, active, done):
    assert active or os.path.exists(h.path("saved")), "neither the guest nor its image is there"
    if not active:
        h.conn.restoreFlags(h.path("saved"), None, libvirt.VIR_DOMAIN_SAVE_PAUSED)
        assert h.dom().isActive()


def snapshot_is_whole(h, active, done):
    """The metadata may be missing, never the image."""
    runs_on(h, active, done)
    for name in h.dom().snapshotListNames():
        assert name == "s" and "snap.qcow2" in h.dom().XMLDesc()


def merged_or_whole(h, active, done):
    """The snapshot is there and can be deleted, or all of it is gone. A file without one is told of."""
    runs_on(h, active, done)
    dom = h.dom()
    wait_for(lambda: not h.jobs(dom))
    assert not (done and dom.snapshotListNames()), "it was deleted, they said"
    for name in dom.snapshotListNames():
        dom.snapshotLookupByName(name).delete()
    assert "snap.qcow2" not in dom.XMLDesc(), "the image is still in use"


def job_is_whole(h, active, done):
    """It is there and can be ended, or has left nothing."""
    runs_on(h, active, done)
    dom = h.dom()
    wait_for(lambda: not h.jobs(dom) or "ready='yes'" in dom.XMLDesc())
    if h.jobs(dom):
        dom.blockJobAbort("vda", 0)
    assert not h.jobs(dom) and "<mirror" not in dom.XMLDesc()


def job_ends(h, active, done):
    """It goes on as if nobody had asked, or ends as asked."""
    assert not (done and h.jobs(h.dom())), "it has ended, they said"
    job_is_whole(h, active, done)


def backup_ends(h, active, done):
    runs_on(h, active, done)
    dom = h.dom()
    if dom.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
        try:
            dom.abortJob()
        except libvirt.libvirtError:
            pass  # it is over
    wait_for(lambda: dom.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE)
    job_is_whole(h, active, done)


def bitmaps(h, dom):
    return sorted(b["name"] for n in h.qmp(dom, "query-named-block-nodes", flat=True) if n["drv"] == "qcow2"
                  for b in n.get("dirty-bitmaps", []))


def checkpoints_are_true(h, active, done):
    """As in the reference its bitmap comes before it and goes before it: one without it is told of, and can be forgotten."""
    runs_on(h, active, done)
    dom = h.dom()
    for checkpoint in dom.listAllCheckpoints():
        whole = checkpoint.getName() in bitmaps(h, dom)
        checkpoint.delete(0 if whole else libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY)
    dom.checkpointCreateXML("<domaincheckpoint><name>after</name></domaincheckpoint>").delete()


def snapshots_are_inside(h, active, done):
    runs_on(h, active, done)
    dom = h.dom()
    wait_for(lambda: not h.jobs(dom))
    for name in dom.snapshotListNames():
        dom.snapshotLookupByName(name).delete()
    assert dom.state()[0] == libvirt.VIR_DOMAIN_PAUSED


def either_name(h, active, done):
    names = [d.name() for d in h.conn.listAllDomains() if d.name() != "calm"]
    assert names == ["g"] if done else names in (["f"], ["g"]), names
    if names == ["g"]:
        h.conn.lookupByName("g").rename("f")


def threads_are_true(h, active, done):
    runs_on(h, active, done)
    threads = [t["id"] for t in h.qmp(h.dom(), "query-iothreads")]
    wait_for(lambda: ("iothread7" in threads) == ("<iothread id='7'" in h.dom().XMLDesc()))


def vcpus_are_true(h, active, done):
    runs_on(h, active, done)
    cpus = len(h.qmp(h.dom(), "query-cpus-fast"))
    wait_for(lambda: h.dom().vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE) == cpus)


def medium_is_true(h, active, done):
    """What is in the drive is what the definition says."""
    runs_on(h, active, done)
    inside = [n["file"] for n in h.qmp(h.dom(), "query-named-block-nodes", flat=True) if n["drv"] == "file"]
    wait_for(lambda: (h.path("cd.img") in inside) == ("cd.img" in h.dom().XMLDesc()))


def operation(before, after, known=True, always=True):
    """always: False: only with CRASH_ALL=1."""
    def mark(function):
        if not (always or os.environ.get("CRASH_ALL")):
            return function
        function.before, function.after, function.known = before, after, known
        OPERATIONS.append(function)
        return function
    return mark


OPERATIONS = []


@operation(nothing, any_state, known=False)
def define(h, dom):
    h.conn.defineXML(h.xml("f"))


@operation(defined, is_defined)
def redefine(h, dom):
    text = dom.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    h.conn.defineXML(text.replace("16384", "20480"))


@operation(defined, any_state)
def undefine(h, dom):
    dom.undefine()


@operation(defined, is_defined)
def autostart(h, dom):
    dom.setAutostart(1)
    dom.setAutostart(0)


@operation(defined, runs_if_done)
def start(h, dom):
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


@operation(forgetful, runs_if_done)
def start_forgetful(h, dom):
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


@operation(running, runs_on, always=False)
def attach_forgetful(h, dom):
    dom.attachDeviceFlags(h.fill(DISK).replace("<target", "<transient/><target"), PERSISTENT)


@operation(running, is_off)
def destroy(h, dom):
    dom.destroy()


@operation(equipped, runs_if_done)
def start_equipped(h, dom):
    dom.create()


@operation(equipped_running, is_off)
def destroy_equipped(h, dom):
    dom.destroy()


@operation(equipped_running, runs_on)
def suspend(h, dom):
    dom.suspend()
    dom.resume()


@operation(running, runs_on)
def attach_interface(h, dom):
    dom.attachDeviceFlags(NIC, PERSISTENT)


@operation(running, runs_on)
def attach(h, dom):
    dom.attachDeviceFlags(h.fill(DISK), PERSISTENT)


@operation(shared_running, runs_on)
def attach_folder(h, dom):
    dom.attachDeviceFlags(h.fill(FOLDER), PERSISTENT)


@operation(attached, runs_on)
def detach(h, dom):
    dom.detachDeviceFlags(h.fill(DISK), PERSISTENT)


@operation(running, saved_or_runs)
def managed_save(h, dom):
    dom.managedSave()


@operation(saved, saved_or_runs)
def start_saved(h, dom):
    dom.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)


@operation(running, file_or_runs)
def save(h, dom):
    dom.save(h.path("saved"))


@operation(running, snapshot_is_whole)
def snapshot(h, dom):
    dom.snapshotCreateXML(h.fill(SNAPSHOT), libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)


@operation(snapped, snapshot_is_whole)
def forget_snapshot(h, dom):
    dom.snapshotLookupByName("s").delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)


@operation(snapped, merged_or_whole)
def delete_snapshot(h, dom):
    dom.snapshotLookupByName("s").delete()


@operation(copied, job_ends)
def pivot(h, dom):
    dom.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)


@operation(copied, job_ends)
def abort_copy(h, dom):
    dom.blockJobAbort("vda", 0)


@operation(running, job_is_whole)
def copy(h, dom):
    dom.blockCopy("vda", h.fill(COPY), {}, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)


@operation(snapped, job_is_whole)
def pull(h, dom):
    dom.blockRebase("vda", None, 0, 0)


@operation(running, backup_ends)
def backup(h, dom):
    dom.backupBegin(h.fill(BACKUP), None)


@operation(backed_up, backup_ends)
def abort_backup(h, dom):
    dom.abortJob()


@operation(running, checkpoints_are_true)
def checkpoint(h, dom):
    dom.checkpointCreateXML("<domaincheckpoint><name>c</name></domaincheckpoint>")


@operation(checked, checkpoints_are_true)
def delete_checkpoint(h, dom):
    dom.checkpointLookupByName("c").delete()


@operation(running, snapshots_are_inside)
def snapshot_inside(h, dom):
    dom.snapshotCreateXML("<domainsnapshot><name>i</name></domainsnapshot>")


@operation(kept_inside, snapshots_are_inside)
def delete_inside(h, dom):
    dom.snapshotLookupByName("i").delete()


@operation(running, runs_on)
def memory_snapshot(h, dom):
    dom.snapshotCreateXML(h.fill(MEMORY_SNAPSHOT))


@operation(defined, either_name)
def rename(h, dom):
    dom.rename("g")


@operation(running, threads_are_true)
def iothreads(h, dom):
    dom.addIOThread(7, PERSISTENT)
    dom.delIOThread(7, PERSISTENT)


@operation(with_vcpus, vcpus_are_true)
def vcpus(h, dom):
    dom.setVcpusFlags(3, PERSISTENT)


@operation(with_drive, medium_is_true)
def media(h, dom):
    for source in ("<source file='ROOT/cd.img'/>", ""):
        dom.updateDeviceFlags(h.fill(DRIVE.replace("SOURCE", source)), PERSISTENT)


@operation(running, runs_on)
def resize(h, dom):
    dom.blockResize("vda", 2048)


@operation(running, runs_on)
def dump(h, dom):
    dom.coreDump(h.path("core"), libvirt.VIR_DUMP_LIVE | libvirt.VIR_DUMP_MEMORY_ONLY)


def prepare(h, op):
    for name in ("saved", "f.qcow2", "snap.qcow2", "copy.qcow2", "backup.qcow2", "core"):
        if os.path.exists(h.path(name)):
            os.unlink(h.path(name))
    h.make_image("f")
    op.before(h)


def try_point(h, op, at):
    """Returns whether the operation has so many system calls."""
    prepare(h, op)
    hit, error = h.run_and_kill(at, op)
    try:
        if hit:
            h.restart()
        else:
            assert not error, "without a fault it should do"
        op.after(h, h.check(), not error)
        h.check_clean()
    except Exception as why:
        raise AssertionError(f"{op.__name__}, killed at system call {at} (hit: {hit}), ended with: {error}") from why
    return hit


def count_calls(h, op):
    """How many points there are: the call is made once, with a fault that is too far away."""
    low, high = 0, 1
    while try_point(h, op, high):
        low, high = high, high * 3
        assert high < MOST_CALLS * 3, "it goes on and on"
    return low, high


def crash_at_every_point(op):
    """Doubling and halving finds the last point, and tries most on the way; the rest is spread evenly."""
    with Crashing() as h:
        low, high = count_calls(h, op)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if try_point(h, op, middle) else (low, middle)
        step = 1 if ALL else max(1, low // POINTS)
        for at in range(2, low, step):
            try_point(h, op, at)
        print(f"# {low} system calls")


def tests():
    for op in OPERATIONS:
        def test(op=op):
            crash_at_every_point(op)
        test.__name__ = op.__name__
        yield test


if __name__ == "__main__":
    libvirt.registerErrorHandler(lambda *args: None, None)
    sys.exit(tap.run(list(tests()), sys.argv[1:]))
