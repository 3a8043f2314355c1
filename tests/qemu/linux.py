#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small Linux under our daemon: what needs somebody inside the guest. One boot serves most checks, and another one the
reference, whose answers through the agent must be the same. Prints TAP."""

import os
import re
import signal
import subprocess
import sys
import time

import libvirt

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
from guesthost import QEMU_CONF, GuestHost  # noqa: E402
import tap  # noqa: E402

KERNEL = os.path.join(host.build_dir(), "tests", "guest")
MORE_CONF = 'auto_dump_path = "ROOT/dumps"\n'
GUEST = """<domain type='qemu'><name>tiny</name><maxMemory slots='4' unit='MiB'>512</maxMemory><memory unit='MiB'>128</memory>
<vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><kernel>KERNEL/vmlinuz</kernel>
<initrd>KERNEL/initrd</initrd><cmdline>console=ttyS0 quiet mitigations=off nokaslr no_timer_check</cmdline></os>
<features><acpi/></features><cpu><numa><cell id='0' cpus='0-1' memory='128' unit='MiB'/></numa></cpu>
<on_crash>coredump-restart</on_crash>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='ROOT/tiny.img'/>
<target dev='vda' bus='virtio'/><serial>TINY1</serial></disk>
<interface type='user'><mac address='52:54:00:11:22:33'/><model type='virtio'/></interface>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<panic model='isa'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices></domain>"""


class Console:
    """The guest's serial line through virsh console."""

    def __init__(self, uri, name):
        self.virsh = subprocess.Popen(["script", "-qec", f"virsh -c {uri} console --force {name}", "/dev/null"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.virsh.stdout.fileno(), False)
        self.text = ""

    def close(self):
        try:
            self.virsh.stdin.close()
        except OSError:
            pass  # virsh went before, with the guest
        self.virsh.terminate()
        self.virsh.wait()
        self.virsh.stdout.close()

    def wait(self, pattern, seconds=60.0):
        """Reads until the pattern comes; what was read up to it is gone afterwards. Returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.text!r}"
            chunk = self.virsh.stdout.read()
            if chunk:
                self.text += chunk.decode(errors="replace")
            else:
                time.sleep(0.02)

    def type(self, text):
        self.virsh.stdin.write(text.encode())
        self.virsh.stdin.flush()

    def login(self):
        """From the prompt of a fresh boot, or of a line that somebody hung up."""
        if "login" in self.wait("login: |# ").group():
            self.type("root\n")
            if "Password" in self.wait("# |Password: ").group():
                self.type("guest\n")
                self.wait("# ")

    def run(self, command, seconds=30.0):
        """Runs a command in the guest's shell; its output."""
        self.type(f"{command}; echo end=$?\n")
        out = self.wait(r"end=\$\?\r\n((?:.|\n)*?)end=(\d+)", seconds)
        return out.group(1).replace("\r", "")


class Linux(GuestHost):
    def __init__(self):
        super().__init__()
        self.write(QEMU_CONF + MORE_CONF.replace("ROOT", self.root), "etc", "qemu.conf")
        os.mkdir(self.path("dumps"))
        os.mkdir(self.path("run", "lock"))  # where the reference locks terminals

    def guest(self):
        image = self.path("tiny.img")
        if not os.path.exists(image):
            with open(image, "wb") as f:
                f.truncate(4 << 20)
            subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
        return self.write(GUEST.replace("KERNEL", KERNEL).replace("ROOT", self.root), "tiny.xml")


def virsh(uri, *command, timeout=90):
    return subprocess.run(["virsh", "-q", "-c", uri, *command], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}, check=False)


def must(uri, *command):
    run = virsh(uri, *command)
    assert run.returncode == 0, f"virsh {' '.join(command)}: {run.stderr}"
    return run.stdout


def wait_for(what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


CHANGES = [(re.compile(r"LIBVIRT-\d+|libvirt-\d+"), "N"), (re.compile(r"(total_bytes|used_bytes|[a-z-]+-bytes *): *\d+"), r"\1: N"),
           (re.compile(r"Time: \d+"), "Time: N"), (re.compile(r"login-time *: \d+"), "login-time: N"),
           (re.compile(r"/tmp/vh-\w+"), "ROOT")]


def shown(run, root):
    text = f"{run.returncode}\n{run.stdout}{run.stderr}".replace(root, "ROOT")
    for pattern, by in CHANGES:
        text = pattern.sub(by, text)
    return text


QUIET = ["--disk-only", "--quiesce", "--diskspec"]
FROZEN = ["qemu-agent-command", "tiny", '{"execute":"guest-fsfreeze-status"}']
# Through the agent, whatever they answer: the same from both.
AGENT_CALLS = [
    ["qemu-agent-command", "tiny", '{"execute":"guest-ping"}'],
    ["qemu-agent-command", "tiny", '{"execute":"guest-ping"}', "--timeout", "3"],
    ["qemu-agent-command", "tiny", '{"execute":"guest-ping"}', "--block"],
    ["qemu-agent-command", "tiny", '{"execute":"no-such"}'],
    ["qemu-agent-command", "tiny", '{"execute":"guest-set-time","arguments":{"time":"x"}}'],
    ["qemu-agent-command", "tiny", "[]"],
    ["guestinfo", "tiny"], ["guestinfo", "tiny", "--user", "--os", "--timezone"], ["guestinfo", "tiny", "--hostname"],
    ["guestinfo", "tiny", "--filesystem"], ["guestinfo", "tiny", "--interface"], ["guestinfo", "tiny", "--disk"],
    ["domhostname", "tiny"], ["domhostname", "tiny", "--source", "agent"], ["domhostname", "tiny", "--source", "lease"],
    ["domfsinfo", "tiny"], ["domifaddr", "tiny", "--source", "agent"], ["domifaddr", "tiny", "--source", "agent", "--full"],
    ["domifaddr", "tiny"],
    ["domfsfreeze", "tiny"], ["qemu-agent-command", "tiny", '{"execute":"guest-fsfreeze-status"}'],
    ["domfsfreeze", "tiny"], ["domfsthaw", "tiny"], ["domfsthaw", "tiny"], ["domfsfreeze", "tiny", "/mnt"],
    ["domfsthaw", "tiny", "/mnt"], ["domfsthaw", "tiny"], ["domfsfreeze", "tiny", "/nothing"], ["domfsthaw", "tiny"],
    ["snapshot-create-as", "tiny", "q1", *QUIET, "vda,file=ROOT/q1"], FROZEN, ["snapshot-create-as", "tiny", "q2", *QUIET, "vda,file=ROOT/no/q2"], FROZEN,
    ["domfsfreeze", "tiny"], ["snapshot-create-as", "tiny", "q3", *QUIET, "vda,file=ROOT/q3"], FROZEN,
    ["domfsfreeze", "tiny", "/mnt"], ["snapshot-create-as", "tiny", "q4", *QUIET, "vda,file=ROOT/q4"], FROZEN, ["domfsthaw", "tiny"],
    ["snapshot-list", "tiny", "--name"], ["blockcommit", "tiny", "vda", "--active", "--pivot", "--wait"],
    ["snapshot-delete", "tiny", "q1", "--metadata"], FROZEN,
    ["domfstrim", "tiny"], ["domfstrim", "tiny", "--minimum", "4096"], ["domfstrim", "tiny", "--mountpoint", "/mnt"],
    ["domtime", "tiny"], ["domtime", "tiny", "--time", "1700000000"], ["domtime", "tiny", "--sync"],
    ["domtime", "tiny", "--now"],
    ["guestvcpus", "tiny"], ["guestvcpus", "tiny", "--cpulist", "0", "--disable"], ["guestvcpus", "tiny", "--cpulist", "7", "--enable"],
    ["vcpucount", "tiny", "--guest"], ["vcpucount", "tiny", "--guest", "--maximum", "--live"], ["setvcpus", "tiny", "1", "--guest"],
    ["setvcpus", "tiny", "2", "--guest"],
    ["set-user-password", "tiny", "root", "guest"], ["set-user-password", "tiny", "nobody", "guest"],
    ["get-user-sshkeys", "tiny", "root"], ["set-user-sshkeys", "tiny", "root", "--file", "KEYS"],
    ["get-user-sshkeys", "tiny", "root"], ["set-user-sshkeys", "tiny", "root", "--remove", "--file", "KEYS"],
    ["get-user-sshkeys", "tiny", "root"], ["get-user-sshkeys", "tiny", "nobody"],
    ["guest-agent-timeout", "tiny", "--timeout", "3"], ["guest-agent-timeout", "tiny", "--timeout", "-7"],
    ["guest-agent-timeout", "tiny"],
    ["dompmsuspend", "tiny", "mem", "--duration", "5"], ["dompmsuspend", "tiny", "disk"],
]


def answers(h, uri):
    keys = h.write("ssh-rsa AAAA tiny@test\n", "keys")
    for command in AGENT_CALLS:
        run = virsh(uri, *[keys if word == "KEYS" else word.replace("ROOT", h.root) for word in command])
        yield " ".join(command), shown(run, h.root)


class Tiny:
    """A guest that is up, with somebody logged in and an agent that answers."""

    def __init__(self, which):
        self.h = Linux()
        self.daemon, self.uri = self.h.daemon(which)
        begin = time.monotonic()
        must(self.uri, "create", self.h.guest(), "--paused")
        self.console = Console(self.uri, "tiny")
        self.console.wait("Connected to domain")
        must(self.uri, "resume", "tiny")
        self.console.login()
        wait_for(lambda: "state='connected'" in must(self.uri, "dumpxml", "tiny"))
        print(f"# {which}: up after {time.monotonic() - begin:.1f} s", flush=True)

    def configure(self, **keys):
        """Starts the daemon again with other keys of qemu.conf; the guest runs on."""
        self.console.close()
        self.daemon.stop()
        more = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        self.h.write(QEMU_CONF + MORE_CONF.replace("ROOT", self.h.root) + more, "etc", "qemu.conf")
        self.daemon, self.uri = self.h.daemon("ours")
        self.reconnect()

    def reconnect(self):
        """Opens the console again."""
        self.console.close()
        self.console = Console(self.uri, "tiny")
        self.console.wait("Connected to domain")
        self.console.type("\n")
        self.console.login()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.console.close()
        self.h.close()


def agent_answers_as_with_the_reference(s):
    ours = list(answers(s.h, s.uri))
    with Tiny("reference") as reference:
        theirs = list(answers(reference.h, reference.uri))
    bad = [f"virsh {command}\n--- reference\n{a}\n--- ours\n{b}"
           for (command, a), (_, b) in zip(theirs, ours, strict=True) if a != b]
    assert not bad, "\n".join(bad)


def frozen_file_systems(s):
    """A daemon that is killed leaves them frozen, and the next one thaws them when asked. An agent that is gone, or that hangs while
    it freezes, fails a snapshot, which leaves nothing."""
    def status():
        return must(s.uri, *FROZEN)
    must(s.uri, "domfsfreeze", "tiny")
    s.console.close()
    s.daemon.stop(signal.SIGKILL)
    s.daemon, s.uri = s.h.daemon("ours")
    s.reconnect()
    wait_for(lambda: virsh(s.uri, *FROZEN).returncode == 0)
    assert "frozen" in status()
    must(s.uri, "domfsthaw", "tiny")
    assert "thawed" in status()

    def refused(name):
        run = virsh(s.uri, "snapshot-create-as", "tiny", name, *QUIET, f"vda,file={s.h.path(name)}")
        assert run.returncode != 0 and not os.path.exists(s.h.path(name)), run.stderr
        assert name not in must(s.uri, "snapshot-list", "tiny", "--name") + must(s.uri, "domblklist", "tiny")
        return run.stderr
    pid = s.console.run("pidof qemu-ga").strip()
    s.console.run(f"kill -STOP {pid}")
    must(s.uri, "guest-agent-timeout", "tiny", "--timeout", "1")
    assert "agent" in refused("f1").lower()
    s.console.run(f"kill -CONT {pid}")
    must(s.uri, "guest-agent-timeout", "tiny", "--timeout", "-2")
    # It wakes up with all that it was asked meanwhile, the thaw being the last.
    wait_for(lambda: virsh(s.uri, *FROZEN, "--timeout", "5").returncode == 0)
    wait_for(lambda: "thawed" in status())
    must(s.uri, "snapshot-create-as", "tiny", "f2", *QUIET, f"vda,file={s.h.path('f2')}")
    must(s.uri, "blockcommit", "tiny", "vda", "--active", "--pivot", "--wait")
    must(s.uri, "snapshot-delete", "tiny", "f2", "--metadata")
    assert "thawed" in status()


def dumps(s):
    """Memory alone in every form, live or not, and QEMU's whole state; the guest goes on."""
    to = s.h.path("dump")
    for options, magic in [(["--memory-only"], b"\x7fELF"), (["--memory-only", "--live"], b"\x7fELF"),
                           (["--memory-only", "--format", "kdump-zlib"], b"makedumpfile"), (["--live"], b"QEVM"),
                           (["--bypass-cache"], b"QEVM")]:
        must(s.uri, "dump", "tiny", to, *options)
        with open(to, "rb") as f:
            assert f.read(len(magic)) == magic, options
        os.unlink(to)
        assert must(s.uri, "domstate", "tiny", "--reason").strip() in ("running (unpaused)", "running (booted)")
    assert "Failed to create file" in virsh(s.uri, "dump", "tiny", "/nonexistent/x").stderr
    assert s.console.run("echo alive").strip() == "alive"


def packed_images(s):
    """Saved through a program and without, and restored from that; the guest does not notice."""
    s.console.run("echo kept > /tmp/kept")
    for form, magic in [("gzip", b"\x1f\x8b"), ("raw", b"QEVM")]:
        image = s.h.path("image")
        s.configure(save_image_format=form)
        must(s.uri, "save", "tiny", image)
        with open(image, "rb") as f:
            data = f.read(200000)
        assert magic in data, form
        assert "<name>tiny</name>" in must(s.uri, "save-image-dumpxml", image)
        must(s.uri, "restore", image)
        assert must(s.uri, "domstate", "tiny", "--reason").strip() == "running (restored)"
        os.unlink(image)
        s.reconnect()
        assert s.console.run("cat /tmp/kept").strip() == "kept", form
    s.configure(save_image_format="nothing")
    assert "Invalid save image format specified in configuration file" in virsh(s.uri, "save", "tiny", "/tmp/x").stderr
    s.configure()


def a_panic_dumps_and_restarts(s):
    """on_crash: the dump lies in its folder, and the guest boots again."""
    s.console.type("echo c > /proc/sysrq-trigger\n")
    s.console.wait("tiny is up")
    s.console.login()
    dumps_made = os.listdir(s.h.path("dumps"))
    assert len(dumps_made) == 1 and re.fullmatch(r"\d+-tiny-[\d:-]+", dumps_made[0]), dumps_made
    assert must(s.uri, "domstate", "tiny", "--reason").strip() == "running (crashed)"
    os.unlink(s.h.path("dumps", dumps_made[0]))


def devices_leave(s):
    """PCI devices that the guest lets go of, memory and a processor that it takes."""
    disk = s.h.path("extra.img")
    with open(disk, "wb") as f:
        f.truncate(2 << 20)
    must(s.uri, "attach-disk", "tiny", disk, "vdb", "--live", "--subdriver", "raw")
    wait_for(lambda: s.console.run("cat /sys/block/vdb/size").strip() == "4096")
    must(s.uri, "detach-disk", "tiny", "vdb", "--live")
    assert "vdb" not in must(s.uri, "domblklist", "tiny")
    assert "vdb" not in s.console.run("ls /sys/block")
    net = s.h.write("<interface type='user'><mac address='52:54:00:aa:00:01'/><model type='virtio'/></interface>", "net.xml")
    must(s.uri, "attach-device", "tiny", net, "--live")
    wait_for(lambda: "52:54:00:aa:00:01" in s.console.run("cat /sys/class/net/*/address"))
    must(s.uri, "detach-device", "tiny", net, "--live")
    assert "52:54:00:aa:00:01" not in s.console.run("cat /sys/class/net/*/address")
    assert "52:54:00:aa:00:01" not in must(s.uri, "domiflist", "tiny")
    dimm = s.h.write("<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>", "dimm.xml")
    before = int(s.console.run("awk '/MemTotal/ { print $2 }' /proc/meminfo"))
    must(s.uri, "attach-device", "tiny", dimm, "--live")
    wait_for(lambda: int(s.console.run("awk '/MemTotal/ { print $2 }' /proc/meminfo")) > before + 100000)
    must(s.uri, "setvcpus", "tiny", "2", "--live")
    cpu = "/sys/devices/system/cpu/cpu1/online"
    wait_for(lambda: s.console.run(f"[ -e {cpu} ] && echo 1 > {cpu}; nproc").strip() == "2")
    assert must(s.uri, "vcpucount", "tiny", "--guest").strip() == "2"


def reboot_and_power(s):
    """By agent and by button; the last one ends the guest."""
    must(s.uri, "reboot", "tiny", "--mode", "agent")
    s.console.wait("tiny is up")
    s.console.login()
    wait_for(lambda: "state='connected'" in must(s.uri, "dumpxml", "tiny"))
    must(s.uri, "reboot", "tiny", "--mode", "acpi")
    s.console.wait("tiny is up")
    s.console.login()
    must(s.uri, "shutdown", "tiny", "--mode", "acpi")
    wait_for(lambda: "tiny" not in must(s.uri, "list", "--all", "--name"))


TESTS = [agent_answers_as_with_the_reference, frozen_file_systems, dumps, packed_images, a_panic_dumps_and_restarts, devices_leave, reboot_and_power]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    subprocess.run([os.path.join(HERE, "guest", "make-guest"), KERNEL], check=True)
    with Tiny("ours") as shared:
        return tap.run(TESTS, sys.argv[1:], shared)


if __name__ == "__main__":
    sys.exit(main())
