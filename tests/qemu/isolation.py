#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest may do on the host: its account, its capabilities, its files, before, during and after it runs, under our
virtqemud and under Debian's libvirtd. Needs root and QEMU."""

import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness")]

import guesthost  # noqa: E402
import host  # noqa: E402

CONF = """stdio_handler = "file"
security_driver = "none"
cgroup_controllers = []
"""
NO_NAMESPACE = "namespaces = []\n"
SCRIPT = """#!/bin/sh
echo "$@" >> {told}
sed -n 's/^<domain type=.\\([a-z]*\\).*/xml \\1/p' >> {told}
[ "$2" != "$(cat {refuse})" ] || {{ echo told why >&2; exit 7; }}
[ "$1-$2" != "hung-$(cat {hang})" ] || exec sleep 30
"""
GUEST = """<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{top}'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><source file='{iso}'/><target dev='hda' bus='ide'/><readonly/></disk>
<disk type='file' device='disk'><source file='{shared}'/><target dev='vdb' bus='virtio'/><shareable/></disk>
<serial type='file'><source path='{serial}'/></serial>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>{devices}</devices>{more}</domain>"""
IMAGES = ("top", "middle", "base", "iso", "shared")
PREFIX = "trusted.libvirt.security."


def account():
    try:
        entry = pwd.getpwnam("libvirt-qemu")
    except KeyError:
        return 0, 0
    return entry.pw_uid, grp.getgrnam("libvirt-qemu").gr_gid


@contextlib.contextmanager
def huge_pages(number):
    """Sets so many aside, and tells how many it got."""
    path = "/proc/sys/vm/nr_hugepages"
    with open(path, encoding="ascii") as f:
        before = f.read()
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write(str(int(before) + number))
        with open(path, encoding="ascii") as f:
            yield int(f.read()) - int(before)
    finally:
        with open(path, "w", encoding="ascii") as f:
            f.write(before)


def boot_time():
    with open("/proc/stat", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("btime "))


class Isolation(unittest.TestCase):
    def setUp(self):
        self.host = guesthost.GuestHost()
        self.addCleanup(self.host.close)
        os.mkdir(self.host.path("log", "qemu"))
        os.mkdir(self.host.path("images"))
        for name in ("base", "iso", "shared"):
            with open(self.image(name), "wb") as f:
                f.truncate(1 << 20)
        for name, behind, kind in (("middle", "base", "raw"), ("top", "middle", "qcow2")):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", behind, "-F", kind, self.image(name)],
                           check=True)
        for name in IMAGES:
            os.chmod(self.image(name), 0o600)

    def image(self, name):
        return self.host.path("images", name)

    def start(self, conf=NO_NAMESPACE):
        self.host.write(CONF + conf, "etc", "qemu.conf")
        self.daemon = self.start_daemon()
        self.uri = f"qemu+unix:///system?socket={self.daemon.sockets[0]}"

    def start_daemon(self):
        return host.start_ours(self.host, "virtqemud")

    def virsh(self, *args, fails=False):
        out = subprocess.run(["virsh", "-c", self.uri, *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(out.returncode != 0, fails, out.stderr)
        return out.stderr if fails else out.stdout

    def define(self, more="", devices=""):
        names = {name: self.image(name) for name in IMAGES}
        self.virsh("define", self.host.write(GUEST.format(serial=self.image("serial"), more=more, devices=devices, **names), "a.xml"))

    def owners(self):
        return {name: (os.stat(self.image(name)).st_uid, os.stat(self.image(name)).st_gid) for name in IMAGES}

    def memory(self, name):
        path = self.image(name)
        return {k.removeprefix(PREFIX): os.getxattr(path, k).decode() for k in os.listxattr(path) if k.startswith(PREFIX)}

    def process(self):
        """Fields of /proc/PID/status of QEMU."""
        with open(self.host.path("run", "libvirt", "qemu", "a.pid"), encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return pid, dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)

    def check_life(self):
        """Account, files and what is left of it."""
        uid, gid = account()
        self.define()
        self.virsh("start", "a")
        _, status = self.process()
        self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        self.assertEqual(status["Gid"].split(), [str(gid)] * 4)
        self.assertIn(str(gid), status["Groups"].split())
        self.assertEqual(int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapInh"], 16), 0)
        running = self.owners()
        memory = {name: self.memory(name) for name in IMAGES}
        label = re.search(r"<seclabel type='dynamic' model='dac'.*?</seclabel>", self.virsh("dumpxml", "a"), re.S)[0]
        self.assertIn(f"<label>+{uid}:+{gid}</label>", label)
        self.virsh("destroy", "a")
        self.assertNotIn("seclabel", self.virsh("dumpxml", "a"))
        self.virsh("undefine", "a")
        # The moment of the boot, which the kernel counts back from its clock, differs by a second now and then.
        for noted in memory.values():
            if "timestamp_dac" in noted:
                self.assertLess(abs(int(noted.pop("timestamp_dac")) - boot_time()), 3)
        return running, memory, self.owners(), {name: self.memory(name) for name in IMAGES}

    def ram_files(self):
        out = subprocess.run(self.host.enter(["find", "/var/lib/libvirt/qemu/ram", "-mindepth", "1", "-printf", "%P %U:%G\\n"]),
                             capture_output=True, text=True, check=True).stdout
        return sorted(out.splitlines())

    def test_memory_in_files(self):
        """Files that back a guest's memory are its account's, and go with it; also when both it and the daemon die."""
        self.start()
        self.define(more="<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>")
        owner = "{}:{}".format(*account())
        for number, end in enumerate(("destroy", "kill"), 1):
            self.virsh("start", "a", "--paused")
            self.assertEqual(self.ram_files(), [f"{number}-a {owner}", f"{number}-a/pc.ram {owner}"])
            if end == "destroy":
                self.virsh("destroy", "a")
            else:
                pid, _ = self.process()
                self.daemon.stop(signal.SIGKILL)
                os.kill(pid, signal.SIGKILL)
                self.start()
            host.wait_for(lambda: self.ram_files() == [])

    def huge_folders(self):
        out = subprocess.run(self.host.enter(["find", "/dev/hugepages/libvirt/qemu", "-mindepth", "1", "-printf", "%P %U:%G\\n"]),
                             capture_output=True, text=True, check=True).stdout
        return out.splitlines()

    def test_huge_pages(self):
        """Where they are mounted is found, each guest has its folder there as long as it runs."""
        self.start()
        self.define(more="<memoryBacking><hugepages/></memoryBacking>")
        self.assertIn("hugetlbfs filesystem is not mounted", self.virsh("start", "a", "--paused", fails=True))
        subprocess.run(self.host.enter(["sh", "-c", "mkdir -p /dev/hugepages && mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"]),
                       check=True)
        owner = "{}:{}".format(*account())
        with huge_pages(48) as there:
            if there >= 48:
                self.virsh("start", "a", "--paused")
                self.assertEqual(self.huge_folders(), [f"2-a {owner}"])
                self.virsh("destroy", "a")
            else:  # this kernel has no room for them
                self.virsh("start", "a", "--paused", fails=True)
        self.assertEqual(self.huge_folders(), [])

    def test_like_the_reference(self):
        if host.reference_program() is None:
            self.fail("Debian's libvirtd is not installed")
        self.start()
        ours = self.check_life()
        self.daemon.stop()
        for name in IMAGES:
            os.chown(self.image(name), 0, 0)
        self.start_daemon = lambda: host.start_reference(self.host)
        self.start()
        self.assertEqual(ours, self.check_life())
        self.assertEqual(ours[1]["top"]["dac"], "+0:+0")
        self.assertEqual(ours[2]["top"], (0, 0))
        self.assertEqual(ours[3]["top"], {})

    def test_owner_is_remembered(self):
        """Also by a daemon that did not start the guest."""
        os.chown(self.image("top"), 12345, 54321)
        self.start()
        self.define()
        self.virsh("start", "a")
        self.assertEqual(self.owners()["top"], account())
        self.daemon.stop(signal.SIGKILL)
        self.start()
        pid, _ = self.process()
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while self.owners()["top"] != (12345, 54321) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.owners()["top"], (12345, 54321))

    def test_failed_start_leaves_files_alone(self):
        os.chown(self.image("top"), 12345, 54321)
        os.unlink(self.image("shared"))
        self.start()
        self.define()
        self.assertIn("shared", self.virsh("start", "a", fails=True))
        self.assertEqual(os.stat(self.image("top")).st_uid, 12345)
        self.assertEqual(self.memory("top"), {})

    def test_old_memory_is_none(self):
        """Of before the last boot."""
        os.setxattr(self.image("top"), PREFIX + "dac", b"+7:+7")
        os.setxattr(self.image("top"), PREFIX + "ref_dac", b"5")
        os.setxattr(self.image("top"), PREFIX + "timestamp_dac", b"1000")
        self.start()
        self.define()
        self.virsh("start", "a")
        self.assertEqual(self.memory("top")["ref_dac"], "1")
        self.virsh("destroy", "a")
        self.assertEqual(self.owners()["top"], (0, 0))

    def test_settings(self):
        self.start('user = "root"\ngroup = "+0"\ndynamic_ownership = 0\nmax_core = 4096\nmax_processes = 5000\nmax_files = 3000\n')
        self.define()
        self.virsh("start", "a")
        pid, status = self.process()
        self.assertEqual(status["Uid"].split()[0], "0")
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            limits = {line[:25].strip(): line[25:].split()[:2] for line in f}
        self.assertEqual(limits["Max core file size"], ["4096"] * 2)
        self.assertEqual(limits["Max processes"], ["5000"] * 2)
        self.assertEqual(limits["Max open files"], ["3000"] * 2)
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual(set(self.owners().values()), {(0, 0)})
        self.virsh("destroy", "a")

    def test_unknown_account(self):
        self.start('user = "nobody-of-that-name"\n')
        self.define()
        self.assertIn("there is no user 'nobody-of-that-name'", self.virsh("start", "a", fails=True))

    def test_label_of_the_guest(self):
        self.start()
        self.define("<seclabel type='static' model='dac' relabel='yes'><label>+33:+33</label></seclabel>")
        self.virsh("start", "a")
        self.assertEqual(self.process()[1]["Uid"].split()[0], "33")
        self.assertEqual(self.owners()["top"], (33, 33))
        self.virsh("destroy", "a")
        self.assertEqual(self.owners()["top"], (0, 0))

    def dev_of_guest(self):
        """What the guest sees in /dev: names, kinds and owners."""
        pid, _ = self.process()
        folder = f"/proc/{pid}/root/dev"
        seen = {}
        for name in os.listdir(folder):
            st = os.lstat(os.path.join(folder, name))
            seen[name] = (stat.S_IFMT(st.st_mode), st.st_rdev if stat.S_ISCHR(st.st_mode) else 0, st.st_uid)
        return seen

    def test_dev(self):
        """The nodes that every guest needs, as on the host, and what is mounted there; all else is not to be seen."""
        self.start("")
        self.define()
        self.virsh("start", "a")
        seen = self.dev_of_guest()
        needed = ["null", "full", "zero", "random", "urandom", "ptmx"]
        self.assertLessEqual(set(needed + ["pts"]), set(seen))
        self.assertLessEqual(set(seen), {*needed, "kvm", "pts", "shm", "mqueue", "hugepages"})
        for name in needed:
            st = os.lstat("/dev/" + name)
            self.assertEqual(seen[name], (stat.S_IFMT(st.st_mode), st.st_rdev if stat.S_ISCHR(st.st_mode) else 0, 0), name)
        self.virsh("destroy", "a")

    def test_nodes_come_and_go(self):
        """A block device that is attached is there, and belongs to the guest, until it goes; on the host nothing changes. One that
        does not join is not there."""
        node = self.image("node")
        loop = subprocess.run(["losetup", "-f", "--show", self.image("shared")], capture_output=True, text=True, check=False)
        if loop.returncode == 0:
            self.addCleanup(subprocess.run, ["losetup", "-d", loop.stdout.strip()], check=False)
        os.mknod(node, 0o660 | stat.S_IFBLK, os.stat(loop.stdout.strip()).st_rdev if loop.returncode == 0 else os.makedev(7, 99))
        inside = "/dev/node-of-test"
        self.start("")
        subprocess.run(self.host.enter(["cp", "-a", node, inside]), check=True)
        self.addCleanup(os.unlink, inside)
        self.define()
        self.virsh("start", "--paused", "a")
        self.assertNotIn("node-of-test", self.dev_of_guest())
        disk = f"<disk type='block' device='disk'>DRIVER<source dev='{inside}'/><target dev='sdx' bus='usb'/></disk>"
        wrong = disk.replace("DRIVER", "<driver name='qemu' type='qcow2'/>")
        self.virsh("attach-device", "a", self.host.write(wrong, "disk.xml"), fails=True)  # that is no such image
        self.assertNotIn("node-of-test", self.dev_of_guest())
        if loop.returncode == 0:  # not every machine has one to give
            self.virsh("attach-device", "a", self.host.write(disk.replace("DRIVER", ""), "disk.xml"))
            self.assertEqual(self.dev_of_guest()["node-of-test"][2], account()[0])
            self.virsh("detach-disk", "a", "sdx")
            self.assertNotIn("node-of-test", self.dev_of_guest())
        self.assertEqual(os.stat(inside).st_uid, 0)
        self.virsh("destroy", "a")

    def test_images_that_do_not_join(self):
        """They are given back."""
        self.start()
        self.define()
        self.virsh("start", "--paused", "a")
        before = self.owners()
        with open(self.image("extra"), "wb") as f:
            f.truncate(1 << 20)
        disk = f"""<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{self.image("extra")}'/>
            <backingStore/><target dev='sdx' bus='usb'/></disk>"""
        self.assertIn("not in qcow2", self.virsh("attach-device", "a", self.host.write(disk, "disk.xml"), fails=True))
        self.assertEqual(os.stat(self.image("extra")).st_uid, 0)
        self.assertEqual(self.owners(), before)
        self.virsh("destroy", "a")

    def test_files_below_dev(self):
        """An image, a pipe and a socket there are the guest's, and nothing else is."""
        folder = tempfile.mkdtemp(prefix="vh-", dir="/dev")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        paths = {name: os.path.join(folder, name) for name in ("image", "pipe", "socket", "other")}
        for name in ("image", "other"):
            with open(paths[name], "wb") as f:
                f.truncate(1 << 20)
        os.mkfifo(paths["pipe"])
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(paths["socket"])
        listener.listen()
        self.start("")
        self.define(devices=f"""<disk type='file' device='disk'><source file='{paths["image"]}'/><target dev='vdx' bus='virtio'/></disk>
            <serial type='pipe'><source path='{paths["pipe"]}'/></serial>
            <channel type='unix'><source mode='connect' path='{paths["socket"]}'/><target type='virtio' name='x'/></channel>""")
        self.virsh("start", "--paused", "a")
        pid, _ = self.process()
        self.assertEqual(set(os.listdir(f"/proc/{pid}/root{folder}")), {"image", "pipe", "socket"})
        self.assertEqual(os.stat(paths["image"]).st_uid, account()[0])
        self.assertTrue(os.path.samefile(paths["image"], f"/proc/{pid}/root{paths['image']}"))
        self.virsh("destroy", "a")
        self.assertEqual(os.stat(paths["image"]).st_uid, 0)

    def scripts(self):
        """A script that writes down how it is called, and refuses or hangs when it is told to."""
        names = {n: self.host.write("", n) for n in ("told", "refuse", "hang")}
        os.chmod(self.host.write(SCRIPT.format(**names), "etc", "hooks", "qemu"), 0o755)
        os.chmod(self.host.write(f"#!/bin/sh\necho second $2 >> {names['told']}\n", "etc", "hooks", "qemu.d", "b"), 0o755)
        self.host.write("not executable", "etc", "hooks", "qemu.d", "a")
        return names

    def told(self, names):
        with open(names["told"], encoding="ascii") as f:
            return f.read().splitlines()

    def test_scripts(self):
        names = self.scripts()
        self.start()
        self.define()
        self.virsh("start", "a")
        self.virsh("destroy", "a")
        steps = (("prepare", "begin"), ("start", "begin"), ("started", "begin"), ("stopped", "end"), ("release", "end"))
        want = [line for s, when in steps for line in (f"a {s} {when} -", "xml qemu", f"second {s}")]
        self.assertEqual(self.told(names), want)
        for step, undone in (("prepare", ("stopped", "release")), ("start", ("stopped", "release")),
                             ("started", ("stopped", "release"))):
            self.host.write(step, "refuse")
            self.host.write("", "told")
            self.assertRegex(self.virsh("start", "a", fails=True), "Hook script execution failed: .*told why")
            self.assertEqual([line.split()[1] for line in self.told(names) if line.startswith("a ")][-2:], list(undone))
            self.assertIn("shut off", self.virsh("domstate", "a"))
        self.host.write("", "refuse")
        self.virsh("start", "a")
        self.virsh("destroy", "a")

    def test_script_that_hangs(self):
        """Its guest waits; another starts and ends meanwhile."""
        self.scripts()
        self.host.write("prepare", "hang")
        self.start()
        self.define()
        self.virsh("define", self.host.write("<domain type='qemu'><name>hung</name><memory>16384</memory><os><type>hvm</type>"
                                             "</os></domain>", "hung.xml"))
        with subprocess.Popen(["virsh", "-c", self.uri, "start", "hung"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as waiting:
            time.sleep(0.3)
            self.virsh("start", "a")
            self.virsh("destroy", "a")
            self.assertIsNone(waiting.poll())
            waiting.kill()
        self.daemon.stop(signal.SIGKILL)

    def test_script_of_the_daemon(self):
        log = self.host.write("", "told")
        os.chmod(self.host.write(f"#!/bin/sh\necho \"$@\" >> {log}\n", "etc", "hooks", "daemon"), 0o755)
        self.start()
        self.daemon.process.send_signal(signal.SIGHUP)
        host.wait_for(lambda: len(self.told({"told": log})) == 2)
        self.daemon.stop()
        host.wait_for(lambda: len(self.told({"told": log})) == 3)
        self.assertEqual(self.told({"told": log}), ["- start - start", "- reload begin SIGHUP", "- shutdown - shutdown"])


if __name__ == "__main__":
    unittest.main()
