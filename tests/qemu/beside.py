#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs beside guests (swtpm, virtiofsd, qemu-pr-helper): started with the arguments, accounts and files that Debian's libvirtd
gives them, and ended with the guest, whichever daemon ends it. Prints TAP."""

import os
import pwd
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "harness")]

import host  # noqa: E402
import nets  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><uuid>11111111-2222-3333-4444-555555555555</uuid><memory>16384</memory>
<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features>
<devices><controller type='usb' model='none'/><memballoon model='none'/>NETS</devices></domain>"""
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
FOLDER = """<filesystem type='mount'><driver type='virtiofs' queue='512'/><binary path='/usr/lib/qemu/virtiofsd' xattr='on'>
<cache mode='always'/><sandbox mode='chroot'/><lock posix='on' flock='off'/></binary><source dir='ROOT/share'/><target dir='tag'/></filesystem>"""


class Beside(nets.Net):
    def __init__(self, reference=False):
        super().__init__(reference)
        os.mkdir(self.path("log", "swtpm"))
        self.run(f"mkdir -p /var/log/swtpm && mount --bind {self.path('log', 'swtpm')} /var/log/swtpm")
        os.mkdir(self.path("share"))

    def guest(self, nets_xml, name="a", start=True):
        nets.GUEST, kept = GUEST, nets.GUEST
        try:
            super().guest(nets_xml, name, start)
        finally:
            nets.GUEST = kept

    def programs(self):
        """Those that run in this place: account and arguments, numbers of descriptors left out."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                    words = f.read().split("\0")[:-1]
                if os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink(f"/proc/{self.holder.pid}/ns/mnt"):
                    # virtiofsd has a place of its own.
                    if self.root not in " ".join(words):
                        continue
                if words and os.path.basename(words[0]) in ("swtpm", "virtiofsd", "qemu-pr-helper"):
                    user = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
                    found.append([user, *[re.sub(r"^--fd=\d+$", "--fd=N", w.replace(self.root, "ROOT")) for w in words]])
            except OSError:
                continue
        return sorted(found)

    def folders(self):
        return re.findall(r"<filesystem.*?</filesystem>", self.must("dumpxml", "a").replace(self.root, "ROOT"), re.S)

    def files(self):
        """Who owns what: sockets, pid files and state."""
        return self.run("cd / && find run/libvirt/qemu/swtpm run/libvirt/qemu/*fs0* var/lib/libvirt/swtpm var/lib/libvirt/qemu/domain-*/*sock "
                        "-printf '%M %u %g %p\\n' 2>/dev/null | sed 's/domain-[0-9]*/domain-N/' | sort", check=False).splitlines()


# One that takes its time between the name of its socket and the mode, and then goes on as swtpm.
SLOW_SWTPM = """#!/usr/bin/python3
import os, re, socket, sys, time
at = sys.argv.index("--ctrl") + 1
path = re.search("path=([^,]*)", sys.argv[at]).group(1)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
time.sleep(0.5)
os.chmod(path, 0o600)
s.listen(1)
s.set_inheritable(True)
sys.argv[at] = f"type=unixio,fd={s.fileno()}"
os.execv("/usr/bin/swtpm", ["swtpm", *sys.argv[1:]])
"""


def both(scenario):
    def test():
        with Beside(reference=True) as expected, Beside() as found:
            assert (want := scenario(expected)) == (have := scenario(found)), f"\n{want}\n{have}"
    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


@both
def started_and_ended(place):
    """The same programs with the same arguments, accounts and files; none is left."""
    place.guest(TPM + FOLDER)
    # How open the state itself is differs by how swtpm_setup was called: its own default.
    outcome = [place.programs(), [line for line in place.files() if "permall" not in line]]
    place.must("destroy", "a")
    assert host.wait_for(lambda: not place.programs()), place.programs()
    return outcome + [[line for line in place.files() if "permall" not in line and not line.endswith("/swtpm")]]


@both
def state_goes_with_the_definition(place):
    """Unless somebody wants to keep it."""
    left = []
    for tpm in (TPM, TPM.replace("version", "persistent_state='yes' version")):
        for how in ([], ["--tpm"], ["--keep-tpm"]):
            place.guest(tpm, start=False)
            folder = place.path("lib", "swtpm", place.must("domuuid", "a").strip(), "tpm2")
            os.makedirs(folder, exist_ok=True)
            place.must("undefine", "a", *how)
            left.append((how, os.path.exists(folder)))
    return left


def state_stays():
    """A TPM is set up once."""
    with Beside() as place:
        place.guest(TPM)
        before = place.run("md5sum /var/lib/libvirt/swtpm/*/tpm2/*")
        place.must("destroy", "a")
        place.must("start", "a", "--paused")
        assert place.run("md5sum /var/lib/libvirt/swtpm/*/tpm2/*") == before


def plug_folders(place):
    """What becomes of folders that join a running guest, and whether they leave it: nobody inside lets them go."""
    place.guest("<controller type='scsi' model='virtio-scsi'/>")
    outcome = []
    for xml in (FOLDER, FOLDER.replace("'tag'", "'other'"), FOLDER.replace("/usr/lib/qemu/virtiofsd", "/missing").replace("'tag'", "'third'"),
                "<filesystem type='mount'><source dir='ROOT/share'/><target dir='fourth'/></filesystem>"):
        run = place.virsh("attach-device", "a", place.device(xml))
        outcome.append([run.returncode, place.programs(), place.files(), place.folders(), "/missing" in run.stderr or run.stderr])
    for xml in (FOLDER.replace("'tag'", "'nix'"), FOLDER):
        run = place.virsh("detach-device", "a", place.device(xml))
        outcome.append([run.returncode, place.folders(), run.stderr])
    place.must("destroy", "a")
    assert host.wait_for(lambda: not place.programs()), place.programs()
    return outcome + [place.files()]


def folders_join():
    """Plugged into a running guest: the program is there before, and ends with the device or the guest. (Debian's libvirtd does not
    outlive it where guests have no control groups.)"""
    with Beside() as place:
        found = plug_folders(place)
    joined, other, missing, local, absent, stays, left = found
    assert [step[0] for step in found[:-1]] == [0, 0, 1, 1, 1, 0], found
    assert len(joined[1]) == 1 and len(other[1]) == 2 and other[1:4] == missing[1:4] == local[1:4], found
    assert missing[4] is True and absent[1] == stays[1] == other[3] and "fs0-fs.pid" not in str(left), found


def state_is_made_up_for():
    """A TPM whose daemon was killed before it was set up is set up by the next start."""
    with Beside() as place:
        place.guest(TPM, start=False)
        os.makedirs(place.path("lib", "swtpm", place.must("domuuid", "a").strip(), "tpm2"))
        place.must("start", "a", "--paused")
        with open(place.path("log", "swtpm", "libvirt", "qemu", "a-swtpm.log"), encoding="utf-8") as f:
            assert "Successfully created EK certificate" in f.read()


def daemon_dies():
    """Programs outlive the daemon and go with the guest, also when the guest dies meanwhile."""
    with Beside() as place:
        place.guest(TPM + FOLDER)
        running = place.programs()
        place.daemon.stop(signal.SIGKILL)
        place.start_daemon()
        assert place.programs() == running and len(running) == 2
        pid = place.pid()
        place.daemon.stop(signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        place.start_daemon()
        assert host.wait_for(lambda: not place.programs()), place.programs()


def to_the_reference_and_back():
    """Each ends what the other started."""
    with Beside() as place:
        for first, second in ((False, True), (True, False)):
            place.daemon.stop()
            place.start_daemon(reference=first)
            place.guest(TPM + FOLDER)
            place.daemon.stop()
            place.start_daemon(reference=second)
            assert len(place.programs()) == 2
            assert host.wait_for(lambda: "paused" in place.virsh("domstate", "a").stdout)
            place.must("destroy", "a")
            assert host.wait_for(lambda: not place.programs()), place.programs()


def slow_to_listen():
    """A socket is left to its program until that is done with it."""
    with Beside() as place:
        os.chmod(place.write(SLOW_SWTPM, "bin", "swtpm"), 0o755)
        place.guest(TPM)
        place.must("destroy", "a")
        assert host.wait_for(lambda: not place.programs()), place.programs()


def failures():
    """A program that is missing or fails is the reason of the start's failure; the others end."""
    with Beside() as place:
        place.guest(TPM + FOLDER.replace("/usr/lib/qemu/virtiofsd", "/missing"), start=False)
        place.refused("/missing", "start", "a")
        assert host.wait_for(lambda: not place.programs()), place.programs()
        disk = ("<controller type='scsi' model='virtio-scsi'/><disk type='block' device='lun'><driver name='qemu' type='raw'/>"
                "<source dev='/dev/null'><reservations managed='yes'/></source><target dev='sda' bus='scsi'/></disk>")
        place.guest(disk, start=False)
        place.refused("", "start", "a")
        assert "a-pr-helper0.log" in os.listdir(place.path("log", "qemu"))
        assert host.wait_for(lambda: not place.programs()), place.programs()


TESTS = [started_and_ended, folders_join, state_goes_with_the_definition, state_stays, state_is_made_up_for, daemon_dies, to_the_reference_and_back,
         slow_to_listen, failures]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
