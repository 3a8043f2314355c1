#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virt-install, virt-clone and virt-xml as users run them: with paths, sizes, discs and trees, networks and firmware. Storage is
ours, as the guests are; Debian's libvirtd has networks. Alone, with all of that, it says what must come out. Prints TAP."""

import difflib
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import linux  # noqa: E402
import peers  # noqa: E402
import tap  # noqa: E402

GUEST = peers.GUEST.replace("<memballoon model='none'/>", "")
IMAGES = "/var/lib/libvirt/images"
COMMON = ("--memory", "128", "--vcpus", "1", "--graphics", "none", "--osinfo", "generic", "--noautoconsole", "--virt-type", "qemu",
          "--wait", "0", "--network", "none")
# What differs from run to run.
NAMES = [(r"<uuid>[-0-9a-f]{36}</uuid>", "<uuid/>"), (r"52:54:00(:[0-9a-f]{2}){3}", "MAC"), (r"/tmp/vh-\w+", "ROOT"), (r"/dev/pts/\d+", "PTY"),
         (r"virtinst-\w+", "FETCHED"), (r"portid='[^']*'", "PORT"), (r"vnet\d+", "vnet"), (r"domain-\d+-", "domain-N-"), (r" id='\d+'>", " id='N'>"),
         # Of the reference alone: the control group of a machine without control groups, names of a run in what is stored of a transient guest.
         (r"  <resource>\n.*\n  </resource>\n", "")]


def settled(text):
    for pattern, by in NAMES:
        text = re.sub(pattern, by, text)
    return text


class Installed(peers.Peered):
    # The other daemon has no pools.
    blind = tuple(word.replace("exec", "for d in /run/libvirt/storage /etc/libvirt/storage; do mkdir -p $d && mount -t tmpfs none $d; done && exec")
                  for word in peers.BLIND)

    def __init__(self, reference=False):
        super().__init__(reference)
        if not reference:
            host.start_ours(self, "virtstoraged")
        self.run(f"mkdir -p {IMAGES} /var/lib/libvirt/tree /var/lib/libvirt/boot && truncate -s 1M {IMAGES}/there.img {IMAGES}/disc.iso && "
                 f"ln {linux.KERNEL}/vmlinuz {linux.KERNEL}/initrd /var/lib/libvirt/tree 2>/dev/null || "
                 f"cp {linux.KERNEL}/vmlinuz {linux.KERNEL}/initrd /var/lib/libvirt/tree")
        peers.networks(self)

    def tool(self, *command):
        """A tool of virt-manager inside, where its files are the daemon's."""
        run = subprocess.run(self.enter([command[0], "--connect", self.uri, *command[1:]]), capture_output=True, text=True, timeout=90,
                             env={**os.environ, "LC_ALL": "C", "HOME": self.root}, check=False)
        return [run.returncode, *(line.replace(self.uri, "URI") for line in run.stderr.splitlines() if "WARNING" not in line)], run.stdout

    def install(self, *options):
        """What became of it, and the guest that it made, which is removed."""
        outcome, text = self.tool("virt-install", "--name", "vi", *COMMON, *options)
        state = self.virsh("domstate", "vi").stdout.strip()
        xml = settled(self.virsh("dumpxml", "vi").stdout)
        stored = re.sub(r"\n *<alias name='[^']*'/>|\n *<imagelabel>.*</imagelabel>", "", settled(self.virsh("dumpxml", "vi", "--inactive").stdout))
        stored = re.sub(r"<(\w+)( [^<>]*)?>\s*</\1>", r"<\1\2/>", stored)
        if state == "running":
            self.must("destroy", "vi")
        self.virsh("undefine", "vi", "--nvram")
        return [*outcome, state, xml or settled(text), stored]


def both(scenario):
    def test():
        outcomes = []
        for reference in (True, False):
            with Installed(reference) as h:
                outcomes.append(scenario(h))
        reference, ours = ([line for part in outcome for line in json.dumps(part, indent=1).replace("\\n", "\n").splitlines()] for outcome in outcomes)
        assert reference == ours, "\n".join(difflib.unified_diff(reference, ours, "reference", "ours", n=1, lineterm=""))
    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


def ran(outcome):
    assert outcome[0] == 0 and "running" in outcome, outcome
    return outcome


@both
def disks(h):
    """By path, new ones of a size, with a pool made for them; discs, trees with a kernel, and none at all."""
    tree = "/var/lib/libvirt/tree,kernel=vmlinuz,initrd=initrd"
    return [ran(h.install("--import", "--disk", f"{IMAGES}/there.img")),
            ran(h.install("--import", "--disk", f"size=0.01,path={IMAGES}/new.qcow2,sparse=yes")),
            ran(h.install("--cdrom", f"{IMAGES}/disc.iso", "--disk", f"path={IMAGES}/there.img,bus=virtio")),
            ran(h.install("--location", tree, "--disk", "none", "--extra-args", "console=ttyS0 no_timer_check")),
            h.install("--import", "--disk", f"{IMAGES}/missing.img"),
            sorted(os.listdir(h.path("lib", "images"))), os.listdir(h.path("lib", "boot")),
            sorted(h.must("pool-list", "--all", "--name").split()), sorted(h.must("vol-list", "images").split())]


@both
def devices(h):
    """Networks of each kind, displays, firmware; what is only shown."""
    disk = ("--import", "--disk", "none")
    return [ran(h.install(*disk, "--network", "network=isolated")), ran(h.install(*disk, "--network", "bridge=br7,model=e1000")),
            ran(h.install(*disk, "--network", "user", "--graphics", "vnc,port=5999", "--transient")),
            ran(h.install(*disk, "--boot", "uefi", "--osinfo", "detect=on,require=off", "--tpm", "none")),
            h.install(*disk, "--print-xml"), h.install(*disk, "--network", "network=absent"),
            ran(h.install(*disk, "--filesystem", "/tmp,tag", "--watchdog", "default", "--sound", "default", "--panic", "default", "--rng",
                          "/dev/urandom", "--channel", "unix,target.type=virtio,target.name=org.qemu.guest_agent.0"))]


@both
def changes(h):
    """virt-xml on guests that run and that do not, virt-clone."""
    h.must("define", h.file(GUEST.replace("DEVICES", peers.disk("images/there.img") + peers.interface("isolated"))))
    outcome = []
    def change(*options):
        outcome.append([*h.tool("virt-xml", "a", *options)[0], settled(h.must("dumpxml", "a")), settled(h.must("dumpxml", "a", "--inactive"))])
    change("--edit", "--memory", "32")
    change("--add-device", "--disk", f"{IMAGES}/disc.iso,device=cdrom,bus=ide")
    change("--edit", "target=hda", "--disk", "path=")
    change("--remove-device", "--disk", "target=hda")
    change("--remove-device", "--network", "all")
    outcome.append([*h.tool("virt-clone", "--original", "a", "--name", "b", "--auto-clone")[0], settled(h.must("dumpxml", "b")),
                    sorted(os.listdir(h.path("lib", "images")))])
    h.must("start", "a", "--paused")
    change("--update", "--add-device", "--network", "network=isolated,model=virtio,mac=52:54:00:00:00:05")
    change("--update", "--edit", "mac=52:54:00:00:00:05", "--network", "source=grouped,link.state=down")
    change("--update", "--add-device", "--disk", f"{IMAGES}/new.raw,size=0.001,format=raw,bus=scsi,target.dev=sdc")
    change("--update", "--remove-device", "--disk", "target=sdc")
    h.must("destroy", "a")
    h.must("undefine", "a")
    return outcome


TESTS = [disks, devices, changes]


def main():
    subprocess.run([os.path.join(HERE, "guest", "make-guest"), linux.KERNEL], check=True)
    return tap.run(TESTS, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
