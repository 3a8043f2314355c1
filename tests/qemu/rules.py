#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files that a guest's AppArmor profile allows: our virt-aa-helper and Debian's get the same definitions, and print the same
rules or refuse both. Nothing is loaded. Prints TAP."""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import tap  # noqa: E402

REFERENCE = "/usr/lib/libvirt/virt-aa-helper"
OURS = os.path.join(host.build_dir(), "daemons", "virt-aa-helper")
PROFILE = "libvirt-11111111-2222-3333-4444-555555555555"
GUEST = """<domain type='qemu'><name>{name}</name><uuid>11111111-2222-3333-4444-555555555555</uuid>
<maxMemory slots='2' unit='MiB'>1024</maxMemory><memory unit='MiB'>256</memory><os><type arch='x86_64'>hvm</type>{os}</os>
<cpu><numa><cell id='0' cpus='0' memory='128' unit='MiB'/></numa></cpu><devices>{devices}</devices></domain>"""
# What ours lets a guest have for itself besides; the reference adds it when the guest starts.
# Folders of the run; the reference adds the memory's when it makes it.
OWN = re.compile(r'"/var/lib/libvirt/qemu/((channel/target/)?domain-|ram/)[^"/]*/\{,\*\*\}" rwk,')

BOOT = ["<kernel>DIR/k</kernel><initrd>DIR/i</initrd><dtb>DIR/d</dtb>", "<kernel>/etc/k</kernel>", "<kernel>/boot/k</kernel>",
        "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader><nvram>DIR/vars</nvram>"]
DEVICES = [
    "<emulator>/usr/bin/qemu-system-x86_64</emulator>",
    "<disk type='file'><driver name='qemu' type='qcow2'/><source file='DIR/top'/><target dev='vda' bus='virtio'/></disk>",
    "<disk type='file' device='cdrom'><source file='DIR/iso'/><target dev='hda' bus='ide'/><readonly/></disk>",
    "<disk type='file'><source file='DIR/base'/><target dev='vdb' bus='virtio'/><shareable/></disk>",
    "<disk type='block' device='lun'><source dev='/dev/null'/><target dev='sda' bus='scsi'/></disk>",
    "<disk type='network'><source protocol='nbd' name='x'><host transport='unix' socket='DIR/nbd'/></source><target dev='vda'/></disk>",
    "<filesystem type='mount'><source dir='DIR'/><target dir='x'/></filesystem>",
    "<filesystem type='mount'><source dir='DIR'/><target dir='x'/><readonly/></filesystem>",
    "<serial type='file'><source path='DIR/serial'/></serial><serial type='pty'/>",
    "<serial type='dev'><source path='/dev/ttyS0'/></serial><serial type='unix'><source mode='bind' path='DIR/sock'/></serial>",
    "<serial type='pipe'><source path='DIR/pipe'/></serial><parallel type='file'><source path='DIR/par'/></parallel>",
    "<console type='file'><source path='DIR/con'/><target type='virtio'/></console>",
    "<channel type='unix'><source mode='bind' path='DIR/chan'/><target type='virtio' name='org.x'/></channel>",
    "<graphics type='vnc' socket='DIR/vnc'/>",
    "<graphics type='spice'><listen type='none'/><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>",
    "<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD129'/></graphics>",
    "<interface type='vhostuser'><source type='unix' path='DIR/vhu' mode='client'/><model type='virtio'/></interface>",
    "<interface type='ethernet'/>",
    "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>",
    "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0' slot='2' function='0'/></source></hostdev>",
    "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source>"
    "</hostdev>",
    "<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.5001405df3e54061'/></hostdev>",
    "<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>",
    "<input type='passthrough' bus='virtio'><source evdev='/dev/input/event1'/></input>",
    "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>",
    "<tpm model='tpm-tis'><backend type='emulator' version='1.2'/></tpm>",
    "<smartcard mode='host-certificates'><certificate>a</certificate><certificate>b</certificate><certificate>c</certificate>"
    "<database>DIR/nss/</database></smartcard>",
    "<memory model='nvdimm'><source><path>DIR/nvdimm</path></source><target><size unit='MiB'>128</size><node>0</node>"
    "<label><size unit='KiB'>128</size></label></target></memory>",
    "<shmem name='my'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>",
    "<shmem name='srv'><model type='ivshmem-doorbell'/><server path='DIR/shm'/></shmem>",
    "<vsock model='virtio'><cid auto='yes'/></vsock>",
]
# Files of the system, and names that are odd.
PATHS = """/bin/x /etc/x /lib/x /lib64/x /lost+found/x /proc/x /sbin/x /selinux/x /sys/x /sys/devices/pci0/x /usr/bin/x /usr/lib/x
/usr/libexec/x /usr/sbin/x /usr/share/x /usr/share/OVMF/x /usr/share/ovmf/x /usr/share/AAVMF/x /usr/share/qemu/x /usr/share/qemu-efi/x
/usr/local/bin/x /usr/local/etc/x /usr/local/lib/x /usr/local/sbin/x /usr/local/x /usr/x /boot/x /vmlinuz-x /initrdx /dev/sda /bin
/etc /etc/libvirt-sandbox/services/x /sys/kernel/config/target/vhost/x DIR/a,b DIR/a&quot;b DIR/../y DIR/none/../z relative/x
DIR/a&amp;b DIR/link""".split()
NAMES = ["a b", "a*b", "a&amp;b", "a'b", "a&quot;b", "a,b", "a-name-that-is-longer-than-what-is-shown"]


def ask(program, xml):
    run = subprocess.run([program, "-c", "-d", "-u", PROFILE], input=xml, capture_output=True, text=True, check=False)
    lines = {re.sub("/+", "/", line.strip()) for line in (run.stdout + run.stderr).splitlines()}
    return run.returncode, sorted(line for line in lines if line.endswith(",") and not OWN.match(line)), run.stderr


def differences(folder, texts):
    for text in texts:
        text = text.replace("DIR", folder)
        theirs, ours = ask(REFERENCE, text), ask(OURS, text)
        if theirs[0] != ours[0] or (theirs[0] == 0 and theirs[1] != ours[1]):
            yield (f"{text}\nreference {theirs[0]}, ours {ours[0]}: {ours[2]}\nmissing {sorted({*theirs[1]} - {*ours[1]})}\n"
                   f"too many {sorted({*ours[1]} - {*theirs[1]})}")


def check(texts):
    with tempfile.TemporaryDirectory(prefix="vh-rules-") as folder:
        for name in ("base", "iso"):
            with open(os.path.join(folder, name), "wb") as f:
                f.truncate(1 << 20)
        os.symlink("base", os.path.join(folder, "link"))
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", os.path.join(folder, "top")], check=True)
        bad = list(differences(folder, texts))
    assert not bad, "\n\n".join(bad)


def guest(name="a", boot="", devices=""):
    return GUEST.format(name=name, os=boot, devices=devices)


def devices():
    """One kind after the other, and the files that it boots from."""
    check([guest(boot=boot) for boot in BOOT] + [guest(devices=one) for one in DEVICES])


def files_of_the_system():
    """Refused, or only to be read; links are followed."""
    check([guest(devices=f"<disk type='file'><source file='{path}'/><target dev='vda'/>{how}</disk>") for path in PATHS
           for how in ("", "<readonly/>")])


def names():
    """Of guests, which stand in patterns."""
    check([guest(name=name) for name in NAMES])


def patterns_are_names():
    """Characters of patterns in a file's name mean themselves, other than with the reference, which lets the guest have more."""
    for char in "*?[{^":
        _, rules, _ = ask(OURS, guest(devices=f"<disk type='file'><source file='/srv/a{char}b'/><target dev='vda'/></disk>"))
        assert f'"/srv/a\\{char}b" rwk,' in rules, rules


if __name__ == "__main__":
    sys.exit(tap.run([devices, files_of_the_system, names, patterns_are_names], sys.argv[1:]))
