#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What needs a kernel with AppArmor and with control groups of all controllers: runs itself in a virtual machine with Debian's
kernel (tests/harness/vm.py), and there guests under our virtqemud and Debian's libvirtd. Prints TAP.

    kernel.py [TEST...]"""

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import guesthost  # noqa: E402
import host  # noqa: E402
import pair  # noqa: E402
import tap  # noqa: E402

INSIDE = "VIRTHOST_INSIDE"
SECONDS = 850
HELPER = "/usr/lib/libvirt/virt-aa-helper"
PROFILES = "/etc/apparmor.d/libvirt"
LOADED = "/sys/kernel/security/apparmor/profiles"
CONF = """stdio_handler = "file"
namespaces = [ ]
remember_owner = 0
"""
UUID = "11111111-2222-3333-4444-555555555555"
LABEL = "libvirt-" + UUID
# What daemons asked QEMU, which takes long here: for the next one.
KNOWN = "/tmp/known"
GUEST = """<domain type='qemu'><name>a</name><uuid>{uuid}</uuid><memory>65536</memory><vcpu current='2'>3</vcpu>
<iothreads>2</iothreads><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features><devices>
<emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{images}/top'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><source file='{images}/iso'/><target dev='hda' bus='ide'/><readonly/></disk>
<serial type='file'><source path='{images}/serial'/></serial>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>{more}</domain>"""


class Machine(guesthost.GuestHost, guesthost.Virsh):
    """A host in the virtual machine, with images; which daemon serves it can change."""

    seconds = 300  # QEMU in QEMU, without KVM

    def __init__(self, conf="", base=CONF):
        super().__init__(conf=conf, base=base)
        os.makedirs(self.path("images"))
        os.makedirs(self.path("log", "qemu"), exist_ok=True)
        for name in ("base", "iso", "more", "outside"):
            with open(self.image(name), "wb") as f:
                f.truncate(1 << 20)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.image("base"), "-F", "raw", self.image("top")],
                       check=True)
        os.chmod(self.image("outside"), 0o666)
        os.chmod(self.path("images"), 0o755)
        if os.path.isdir(KNOWN):
            shutil.copytree(KNOWN, self.path("cache"), dirs_exist_ok=True)

    def close(self):
        shutil.copytree(self.path("cache"), KNOWN, dirs_exist_ok=True)
        super().close()

    def image(self, name):
        return self.path("images", name)

    def serve(self, which):
        for daemon in self.daemons:
            daemon.stop()
        self.daemons.clear()
        # The sockets of the daemon before would look like ours.
        for path in glob.glob(self.path("run", "libvirt", "*-sock*")):
            os.unlink(path)
        _, self.uri = self.daemon(which, wait=300.0)

    def xml(self, more=""):
        return self.write(GUEST.format(uuid=UUID, images=self.path("images"), more=more), "a.xml")

    def create(self, more=""):
        self.must("create", "--paused", self.xml(more))

    def pid(self):
        with open(self.path("run", "libvirt", "qemu", "a.pid"), encoding="ascii") as f:
            return int(f.read())

    def confined(self):
        with open(f"/proc/{self.pid()}/attr/current", encoding="ascii") as f:
            return f.read().strip()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


# ---- AppArmor ----


def rules_of(text):
    return {re.sub("/+", "/", line.strip()) for line in text.splitlines() if line.strip().endswith(",")}


def our_policy():
    """In place of Debian's: the machine's files are as before when it is off."""
    shutil.copy(HELPER, "/tmp/reference-helper")
    shutil.copy(os.path.join(host.build_dir(), "daemons", "virt-aa-helper"), HELPER)
    shutil.copytree(os.path.join(HERE, "..", "..", "daemons", "virtqemud", "apparmor.d"), "/etc/apparmor.d",
                    dirs_exist_ok=True)


def labels(h):
    return re.findall(r"<seclabel.*?(?:/>|</seclabel>)", h.must("dumpxml", "a"), re.S)


def confined_by_a_profile_of_its_own():
    """AppArmor enforces it; disks that come and go change it; nothing is left but the profile, as of the reference."""
    our_policy()
    with Machine() as h:
        h.serve("ours")
        assert re.search(r"<secmodel>\s*<model>apparmor</model>", h.must("capabilities")), "no AppArmor in the capabilities"
        h.create()
        assert h.confined() == LABEL + " (enforce)", h.confined()
        assert f"<label>{LABEL}</label>" in labels(h)[0] and "model='apparmor' relabel='yes'" in labels(h)[0], labels(h)
        assert "model='dac'" in labels(h)[1], labels(h)
        files = os.path.join(PROFILES, LABEL + ".files")
        theirs = subprocess.run(["/tmp/reference-helper", "-r", "-d", "-u", LABEL], input=h.must("dumpxml", "a"), text=True,
                                stderr=subprocess.PIPE, check=True).stderr
        lacking = {r for r in rules_of(theirs) if not r.startswith("#")} - rules_of(read(files))
        assert not lacking, f"rules of the reference that ours lack: {lacking}"
        allowed_and_not(h, files)
        h.must("destroy", "a")
        assert not os.path.exists(files) and os.path.exists(os.path.join(PROFILES, LABEL))
        assert LABEL not in read(LOADED)
        assert not [d for d in read_kernel_log() if "DENIED" in d and "outside" not in d], read_kernel_log()


def read_kernel_log():
    out = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if "apparmor=" in line]


def allowed_and_not(h, files):
    node = '{"execute":"blockdev-add","arguments":{"driver":"file","node-name":"x","filename":"%s"}}' % h.image("outside")
    assert "Permission denied" in h.must("qemu-monitor-command", "a", node), "QEMU opened a file that is not the guest's"
    h.must("attach-disk", "a", h.image("more"), "vdb", "--subdriver", "raw")
    assert f'"{h.image("more")}" rwk,' in read(files), read(files)
    h.must("snapshot-create-as", "a", "--disk-only", "--no-metadata", "--diskspec", f"vda,file={h.image('snap')}",
           "--diskspec", "vdb,snapshot=no")
    assert f'"{h.image("snap")}" rwk,' in read(files), read(files)


def some_are_not_confined():
    """By their definitions and by qemu.conf, with the reference's errors."""
    with Machine() as h:
        h.serve("ours")
        h.create("<seclabel type='none'/>")
        assert h.confined() == "unconfined", h.confined()
        assert labels(h)[0] == "<seclabel type='none' model='apparmor'/>", labels(h)
        h.must("destroy", "a")
        for label, error in [("<seclabel type='dynamic' model='selinux'/>", "Security driver model 'selinux' is not available"),
                             ("<seclabel type='static' model='apparmor'><label>nothing</label></seclabel>", "security label"),
                             ("<seclabel type='dynamic' model='apparmor'><baselabel>x</baselabel></seclabel>", "base label")]:
            h.refused(error, "create", h.xml(label))
    with Machine("security_require_confined = 1\n") as h:
        h.serve("ours")
        h.refused("Unconfined guests are not allowed on this host", "create", h.xml("<seclabel type='none'/>"))
    with Machine("security_default_confined = 0\n") as h:
        h.serve("ours")
        h.create()
        assert h.confined() == "unconfined", h.confined()


# ---- AppArmor, the daemons themselves ----

DAEMONS = ("virtqemud", "virtlogd", "virtlockd")
CONFINED_CONF = """security_driver = "apparmor"
stdio_handler = "logd"
lock_manager = "lockd"
"""


def load_profiles():
    """Of the daemons, for those of the build."""
    folder = os.path.join(host.build_dir(), "daemons")
    for name in [f"usr.sbin.{d}" for d in (*DAEMONS, "libvirtd")] + ["usr.lib.libvirt.virt-aa-helper"]:
        path = os.path.join("/etc/apparmor.d", name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(read(os.path.join(folder, name)).replace("/usr/sbin/", folder + "/") + "\n")
        subprocess.run(["apparmor_parser", "-K", "-r", path], check=True)
    # Every refusal is to be seen.
    with open("/proc/sys/kernel/printk_ratelimit", "w", encoding="ascii") as f:
        f.write("0")


def start_confined(machine):
    """virtqemud and its helpers under their profiles; returns a client of it."""
    client = guesthost.Virsh()
    client.seconds = Machine.seconds
    if os.path.isdir(KNOWN):
        shutil.copytree(KNOWN, machine.path("cache"), dirs_exist_ok=True)
    os.makedirs(machine.path("log", "qemu"))
    for name in DAEMONS[1:]:
        machine.start(host.daemon_program(name), sockets=host.sockets_of(name))
    _, client.uri = machine.daemon("ours", wait=300.0)
    for daemon, name in zip(machine.daemons, (*DAEMONS[1:], DAEMONS[0]), strict=True):
        assert read(f"/proc/{daemon.pid}/attr/current") == f"{name} (enforce)", name
    return client


def live_and_move(one, other, images, xml):
    """What a guest goes through, on one machine and then the other."""
    one.must("define", xml)
    one.must("start", "a", "--paused")
    one.must("attach-disk", "a", f"{images}/more", "vdb", "--subdriver", "raw")
    one.must("snapshot-create-as", "a", "--disk-only", "--no-metadata", "--diskspec", f"vda,file={images}/snap", "--diskspec",
             "vdb,snapshot=no")
    one.must("resume", "a")
    one.must("managedsave", "a")
    one.must("start", "a")
    one.must("migrate", "a", other.uri, "--live", "--p2p", "--persistent", "--undefinesource", "--unsafe")
    other.must("detach-disk", "a", "vdb")
    other.must("dump", "a", f"{images}/core", "--memory-only", "--live")


def daemons_under_their_profiles():
    """They do what guests need, and nothing of that is refused; another program, and policy, they cannot touch."""
    our_policy()
    load_profiles()
    subprocess.run(["dmesg", "-C"], check=True)
    with pair.Pair(base=CONFINED_CONF) as cable, Machine() as shared:
        one, other = start_confined(cable.source), start_confined(cable.target)
        xml = GUEST.format(uuid=UUID, images=shared.path("images"), more="")
        try:
            live_and_move(one, other, shared.path("images"), shared.write(xml, "a.xml"))
        finally:
            assert not [d for d in read_kernel_log() if "DENIED" in d], "\n".join(read_kernel_log())
        other.refused("Permission denied", "dump", "a", "/etc/apparmor.d/libvirt/core", "--memory-only", "--live")
        other.must("destroy", "a")
        shared.write(xml.replace("/usr/bin/qemu-system-x86_64", "/usr/bin/true"), "other.xml")
        one.refused("Permission denied", "create", shared.path("other.xml"))


# ---- control groups ----

# Calls on a running guest, and what both daemons answer.
VALUES = [
    ["schedinfo", "a"], ["schedinfo", "a", "--live", "cpu_shares=512"], ["schedinfo", "a", "--set", "vcpu_quota=20000"],
    ["schedinfo", "a", "--set", "emulator_quota=30000"], ["schedinfo", "a", "--set", "global_quota=70000"],
    ["schedinfo", "a", "--set", "iothread_quota=40000"], ["schedinfo", "a", "--set", "vcpu_period=10"],
    ["vcpupin", "a", "1", "0"], ["vcpupin", "a", "2", "0"], ["vcpupin", "a", "1", "7"], ["vcpupin", "a"],
    ["emulatorpin", "a", "0-1"], ["emulatorpin", "a", "1"], ["emulatorpin", "a"],
    ["iothreadpin", "a", "2", "0"], ["iothreadadd", "a", "5"], ["iothreadadd", "a", "1"], ["iothreadinfo", "a"],
    ["iothreaddel", "a", "5"], ["iothreaddel", "a", "9"], ["iothreadset", "a", "1", "--poll-max-ns", "5000"],
    ["memtune", "a", "--hard-limit", "900000"], ["memtune", "a", "--soft-limit", "400000"],
    ["memtune", "a", "--soft-limit", "950000"], ["memtune", "a", "--swap-hard-limit", "1000000"], ["memtune", "a"],
    ["numatune", "a", "--nodeset", "0"], ["numatune", "a", "--nodeset", "3"], ["numatune", "a"],
    ["blkiotune", "a"], ["blkiotune", "a", "--device-write-iops-sec", "/dev/nix,100"],
]
GROUP_FILES = ("cpu.weight", "cpu.max", "cpuset.cpus", "cpuset.mems", "memory.max", "memory.high", "memory.swap.max")


def group_of(pid):
    """The folder that the groups of a guest's threads are in."""
    return "/sys/fs/cgroup" + os.path.dirname(read(f"/proc/{pid}/cgroup").split("::")[1])


def tree(pid):
    """Values of the guest's group and of those below it, and which processors its threads may use."""
    top = group_of(pid)
    values = {}
    for folder, _, files in os.walk(top):
        for name in sorted(set(files) & set(GROUP_FILES)):
            values[os.path.relpath(os.path.join(folder, name), top)] = read(os.path.join(folder, name))
    for task in os.listdir(f"/proc/{pid}/task"):
        allowed = re.search(r"Cpus_allowed_list:\s*(\S+)", read(f"/proc/{pid}/task/{task}/status")).group(1)
        values["processors of " + read(f"/proc/{pid}/task/{task}/comm")] = allowed
    return values


def without_workers(values):
    """QEMU's own helpers come and go."""
    return {k: v for k, v in values.items() if not k.startswith("processors of worker")}


def tuned(h, which):
    """What virsh says to each call, and what the kernel says afterwards."""
    h.serve(which)
    h.create()
    told = []
    for command in VALUES:
        run = h.virsh(*command)
        # The reference lists I/O threads as QEMU does, which has no order.
        lines = sorted(run.stdout.split("\n")) if command[0] == "iothreadinfo" else [run.stdout]
        told.append((" ".join(command), "\n".join([str(run.returncode), *lines, run.stderr]).strip()))
    found = without_workers(tree(h.pid()))
    h.must("destroy", "a")
    return told, found


def values_as_with_the_reference():
    """Pins, scheduler, memory, NUMA nodes and I/O threads of a running guest: answers and what the kernel holds."""
    with Machine('security_driver = "none"\n') as h:
        ours, our_tree = tuned(h, "ours")
        theirs, their_tree = tuned(h, "reference")
    bad = [f"virsh {command}\n--- reference\n{a}\n--- ours\n{b}" for (command, a), (_, b) in zip(theirs, ours, strict=True)
           if a != b]
    assert not bad, "\n".join(bad)
    assert our_tree == their_tree, "\n".join(f"{k}: reference {their_tree.get(k)}, ours {our_tree.get(k)}"
                                             for k in sorted({*our_tree, *their_tree}) if our_tree.get(k) != their_tree.get(k))
    assert our_tree["vcpu1/cpu.max"].split()[0] == "20000", our_tree


def groups_change_hands():
    """A guest with its groups and values goes from ours to the reference and back; each goes on with them."""
    with Machine('security_driver = "none"\n') as h:
        h.serve("ours")
        h.create()
        h.must("schedinfo", "a", "--set", "vcpu_quota=20000")
        h.serve("reference")
        assert re.search(r"vcpu_quota *: 20000", h.must("schedinfo", "a")), h.must("schedinfo", "a")
        h.must("schedinfo", "a", "--set", "vcpu_quota=25000")
        h.must("vcpupin", "a", "0", "1")
        h.serve("ours")
        assert re.search(r"vcpu_quota *: 25000", h.must("schedinfo", "a")), h.must("schedinfo", "a")
        values = tree(h.pid())
        assert values["vcpu0/cpu.max"].split()[0] == "25000" and values["vcpu0/cpuset.cpus"] == "1", values
        h.must("memtune", "a", "--hard-limit", "900000")
        top = group_of(h.pid())
        assert read(os.path.join(top, "memory.max")) == str(900000 * 1024)
        h.must("destroy", "a")
        assert not os.path.exists(top), "the group is still there"


TESTS = [confined_by_a_profile_of_its_own, some_are_not_confined, daemons_under_their_profiles, values_as_with_the_reference, groups_change_hands]


def only_qemu():
    """Debian's daemon with its QEMU driver alone: the others wait for what this machine does not have."""
    plugins = "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver"
    shutil.copytree(plugins, "/tmp/drivers", ignore=lambda folder, names: [n for n in names if "qemu" not in n])
    subprocess.run(["mount", "--bind", "/tmp/drivers", plugins], check=True)
    for other in glob.glob("/usr/bin/qemu-system-*"):
        if os.path.basename(other) != "qemu-system-x86_64":
            os.unlink(other)


def main():
    if INSIDE in os.environ:
        only_qemu()
        return tap.run(TESTS, os.environ[INSIDE].split())
    import vm
    return vm.run(os.path.abspath(__file__), SECONDS, {INSIDE: " ".join(sys.argv[1:])})


if __name__ == "__main__":
    sys.exit(main())
