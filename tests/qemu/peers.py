#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that need what other daemons have: secrets, networks, volumes. Debian's libvirtd is the other daemon; alone, as both,
it says what ours must do. Prints TAP."""

import json
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
from guesthost import GuestHost, Virsh  # noqa: E402
import luks  # noqa: E402
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>a</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e1930</uuid><memory>16384</memory><os>
<type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os><features><acpi/></features><devices><controller type='usb' model='none'/>
<controller type='scsi' model='virtio-scsi'/>DEVICES<memballoon model='none'/></devices></domain>"""
# The other daemon keeps its hands off the guests: their status, and the lock on them, are not where it looks.
BLIND = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
         'mkdir -p /run/libvirt/qemu && mount -t tmpfs none /run/libvirt/qemu && exec "$@"', "sh")

SECRET = "11111111-2222-3333-4444-55555555555"
SECRETS = {"5": ("volume", "volume", "disk"), "6": ("ceph", "name", "cluster"), "7": ("iscsi", "target", "target"), "8": ("tls", "name", "keys"),
           "9": ("volume", "volume", "no value")}
PASSPHRASE = "correct horse"


def disk(name, encryption="", kind="raw", target="sda", bus="scsi"):
    return (f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='/var/lib/libvirt/{name}'>{encryption}</source>"
            f"<target dev='{target}' bus='{bus}'/></disk>")


def encrypted(secret):
    return f"<encryption format='luks'><secret type='passphrase' {secret}/></encryption>"


def by_uuid(which):
    return f"uuid='{SECRET}{which}'"


def network_disk(protocol, name, inside="", **attributes):
    more = "".join(f" {key}='{value}'" for key, value in attributes.items())
    return (f"<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='{protocol}' name='{name}'{more}>"
            f"<host name='far'/>{inside}</source><target dev='vda' bus='virtio'/></disk>")


def login(kind, secret):
    return f"<auth username='bob'><secret type='{kind}' {secret}/></auth>"


class Peered(Virsh, GuestHost):
    """A host with Debian's libvirtd for everything but guests, and ours (or the reference too) for these."""

    blind = BLIND

    def __init__(self, reference=False, conf="", before="true"):
        super().__init__(conf=conf)
        self.run(before)
        self.reference = reference
        os.makedirs(self.path("log", "qemu"))
        if reference:
            self.start_daemon()
            self.peer_uri = self.uri
        else:
            self.peer, self.peer_uri = self.daemon("reference", prefix=self.blind)
            self.start_daemon()

    def __exit__(self, *exc):
        self.virsh("destroy", "a")
        super().__exit__(*exc)

    def start_daemon(self):
        self.qemud = host.start_reference(self) if self.reference else host.start_ours(self, "virtqemud")
        self.uri = f"qemu+unix:///system?socket={self.qemud.socket('-sock')}"

    def ask(self, *command):
        """virsh at the other daemon."""
        run = subprocess.run(["virsh", "-q", "-c", self.peer_uri, *command], capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, f"virsh {' '.join(command)}: {run.stderr}"
        return run.stdout

    def run(self, script):
        """A shell script inside; its output."""
        run = subprocess.run(self.enter(["sh", "-c", script]), capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{script}: {run.stderr}"
        return run.stdout

    def file(self, text, name="some.xml"):
        return self.write(text, "tmp", name)

    def guest(self, devices):
        """What becomes of a start: the text of the error, or nothing."""
        run = self.virsh("create", self.file(GUEST.replace("DEVICES", devices)), "--paused")
        return "\n".join(run.stderr.splitlines()[1:]) if run.returncode else ""

    def started(self, devices):
        error = self.guest(devices)
        assert not error, error

    def secrets(self):
        for which, (kind, element, name) in SECRETS.items():
            private = "yes" if kind == "volume" else "no"
            self.ask("secret-define", self.file(f"<secret ephemeral='no' private='{private}'><uuid>{SECRET}{which}</uuid>"
                                                f"<usage type='{kind}'><{element}>{name}</{element}></usage></secret>"))
            if name != "no value":
                self.ask("secret-set-value", SECRET + which, "--file", self.file(PASSPHRASE, "value"), "--plain")

    def images(self):
        for name in ("a.luks", "b.luks"):
            luks.make(self.path("lib", name), PASSPHRASE, 1 << 20)

    def native(self, devices):
        """What of the command line speaks of images, secrets and displays, or the error."""
        run = self.virsh("domxml-to-native", "qemu-argv", self.file(GUEST.replace("DEVICES", devices)))
        if run.returncode:
            return run.stderr.strip()
        text = re.sub(r'"(data|iv)":"[^"]*"', lambda m: f'"{m[1]}":{len(m[0])}', run.stdout)
        return re.findall(r"-(?:object|blockdev|chardev|vnc|netdev) \S+", text)

    def qmp(self, command, **arguments):
        return json.loads(self.must("qemu-monitor-command", "a", json.dumps({"execute": command, "arguments": arguments})))["return"]

    def objects(self):
        return sorted(o["name"] for o in self.qmp("qom-list", path="/objects") if o["name"] not in ("type", "pc.ram"))


def same(expected, found):
    for want, have in zip(expected, found, strict=True):
        assert want == have, f"\n--- reference\n{json.dumps(want, indent=1)}\n--- ours\n{json.dumps(have, indent=1)}"


def both(scenario):
    """The outcome of a scenario on Debian's libvirtd alone and on ours with it must be the same."""
    def test():
        with Peered(reference=True) as h:
            expected = scenario(h)
        with Peered() as h:
            found = scenario(h)
        same(expected, found)
    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


# ---- secrets ----

TLS_CONF = f"""default_tls_x509_cert_dir = "/var/lib/libvirt/pki"
default_tls_x509_secret_uuid = "{SECRET}8"
"""
CERTIFICATES = """mkdir -p /var/lib/libvirt/pki && cd /var/lib/libvirt/pki &&
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca-cert.pem -subj /CN=ca -days 2 2>/dev/null &&
openssl req -newkey rsa:2048 -passout 'pass:PASS' -keyout server-key.pem -out request.pem -subj /CN=far 2>/dev/null &&
openssl x509 -req -in request.pem -CA ca-cert.pem -CAkey ca-key.pem -CAcreateserial -out server-cert.pem -days 2 2>/dev/null"""


@both
def secrets_as_arguments(h):
    """Each use of a secret on the command line, and why there is none."""
    h.secrets()
    uses = [disk("x", encrypted(by_uuid(5))), disk("x", encrypted(by_uuid(5)), "qcow2"), disk("x", encrypted("usage='disk'")),
            network_disk("rbd", "p/i", login("ceph", "usage='cluster'")), network_disk("rbd", "p/i", login("ceph", by_uuid(6)) + encrypted(by_uuid(5))),
            network_disk("iscsi", "iqn.2000-01.far:x/1", login("iscsi", by_uuid(7))),
            network_disk("https", "x", login("iscsi", by_uuid(7)) + "<cookies><cookie name='a'>b</cookie><cookie name='c'>d</cookie></cookies>"),
            network_disk("nbd", "x", tls="yes"),
            "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2000-01.far:x/1'><host name='far' port='3260'/>"
            f"{login('iscsi', by_uuid(7))}</source></hostdev>"]
    wrong = [disk("x", encrypted(by_uuid(6))), disk("x", encrypted(by_uuid(4))), disk("x", encrypted("usage='none'")), disk("x", encrypted(by_uuid(9))),
             network_disk("rbd", "p/i", login("ceph", by_uuid(7)))]
    return [h.native(devices) for devices in uses + wrong]


@both
def encrypted_disks(h):
    """Guests start with them, and they come and go; the value is in no file."""
    h.secrets()
    h.images()
    h.started(disk("a.luks", encrypted(by_uuid(5))))
    added = h.file(disk("b.luks", encrypted("usage='disk'"), target="sdb"), "added.xml")
    outcome = [h.objects()]
    h.must("attach-device", "a", added)
    outcome += [h.objects(), re.findall(r"<disk.*?</disk>", h.must("dumpxml", "a"), re.S)]
    h.must("detach-device", "a", added)
    assert host.wait_for(lambda: "sdb" not in h.must("domblklist", "a"), 20), "the disk did not leave"
    outcome.append(h.objects())
    for folder, names in (("log", ["a.log"]), ("run/libvirt", ["a.xml"])):
        for name in names:
            with open(h.path(folder, "qemu", name), encoding="utf-8") as f:
                assert PASSPHRASE not in f.read(), name
    h.must("destroy", "a")
    for devices in (disk("a.luks", encrypted(by_uuid(6))), disk("a.luks", encrypted(by_uuid(9)))):
        outcome.append(h.guest(devices))
    return outcome + [h.must("list", "--all", "--name")]


@both
def encrypted_destinations(h):
    """A disk is copied into encrypted images and out of them, and they are put into a drive. QEMU cannot make such images on a busy
    machine: they are there."""
    h.secrets()
    h.images()
    h.run("qemu-img create -q -f qcow2 /var/lib/libvirt/a.qcow2 1M")
    drive = "<disk type='file' device='cdrom'>SOURCE<target dev='hdc' bus='ide'/><readonly/></disk>"
    h.started(disk("a.qcow2", kind="qcow2", target="vda", bus="virtio") + drive.replace("SOURCE", ""))
    outcome = []

    def copied(name, secret, *options):
        xml = h.file(f"<disk type='file'><driver name='qemu' type='raw'/><source file='/var/lib/libvirt/{name}'>{encrypted(secret)}</source></disk>")
        run = h.virsh("blockcopy", "a", "vda", "--xml", xml, "--reuse-external", "--wait", *options)
        outcome.append([run.returncode, run.stderr, h.objects(), re.findall("<encryption.*?</encryption>", h.must("dumpxml", "a"), re.S)])

    def inserted(source):
        run = h.virsh("update-device", "a", h.file(drive.replace("SOURCE", source)))
        outcome.append([run.returncode, run.stderr.splitlines()[1:], h.objects()])

    def medium(name, secret):
        return f"<driver name='qemu' type='raw'/><source file='/var/lib/libvirt/{name}'>{encrypted(secret)}</source>"
    copied("a.luks", by_uuid(5))
    h.must("blockjob", "a", "vda", "--abort")
    copied("a.luks", by_uuid(4))
    copied("a.luks", by_uuid(6))
    copied("b.luks", "usage='disk'", "--pivot")
    h.must("blockcopy", "a", "vda", "/var/lib/libvirt/e.qcow2", "--format", "qcow2", "--wait", "--pivot")
    outcome.append(h.objects())
    for source in (medium("a.luks", by_uuid(5)), medium("b.luks", "usage='disk'"), medium("a.luks", by_uuid(9)), ""):
        inserted(source)
    return outcome


def read_encrypted(h, name, kind, pattern):
    """Whether the first cluster of an image is what the guest wrote, for who has the passphrase."""
    key = {"luks": "key-secret=k", "qcow2": "encrypt.key-secret=k"}[kind]
    run = subprocess.run(["qemu-io", "--object", f"secret,id=k,data={PASSPHRASE}", "--image-opts", "-r", "-U", "-c",
                          f"read -P {pattern} 0 64k", f"driver={kind},{key},file.filename={h.path('lib', name)}"],
                         capture_output=True, text=True, check=False)
    assert "read 65536" in run.stdout, f"{name}: {run.stdout}{run.stderr}"
    return "verification failed" not in run.stdout


@both
def encrypted_moments(h):
    """Snapshots and backups whose images are encrypted, and there: QEMU cannot make such on a busy machine."""
    h.secrets()
    h.images()
    luks.make_qcow2(h.path("lib", "s.qcow2"), PASSPHRASE, 1 << 20)
    h.run("qemu-img create -q -f qcow2 /var/lib/libvirt/a.qcow2 1M && qemu-io -c 'write -P 7 0 64k' /var/lib/libvirt/a.qcow2")
    h.started(disk("a.qcow2", kind="qcow2", target="vda", bus="virtio"))
    outcome = []

    def said(run):
        outcome.append([run.returncode, run.stderr, h.objects(), re.findall("<encryption.*?</encryption>", h.must("dumpxml", "a"), re.S)])

    def backup(name, secret):
        said(h.virsh("backup-begin", "a", h.file(f"<domainbackup><disks><disk name='vda' type='file'><target file='/var/lib/libvirt/{name}'>"
                                                 f"{encrypted(secret)}</target><driver type='raw'/></disk></disks></domainbackup>"), "--reuse-external"))
        assert host.wait_for(lambda: "None" in h.must("domjobinfo", "a"), 20), "the backup does not end"
        outcome.append(h.objects())

    def snapshot(secret):
        text = (f"<domainsnapshot><disks><disk name='vda' snapshot='external'><driver type='qcow2'/><source file='/var/lib/libvirt/s.qcow2'>"
                f"{encrypted(secret)}</source></disk></disks></domainsnapshot>")
        said(h.virsh("snapshot-create", "a", h.file(text), "--disk-only", "--no-metadata", "--reuse-external"))
    backup("a.luks", by_uuid(5))
    assert read_encrypted(h, "a.luks", "luks", 7) and not read_encrypted(h, "b.luks", "luks", 7)
    backup("b.luks", by_uuid(6))
    backup("b.luks", by_uuid(9))
    snapshot(by_uuid(6))
    snapshot(by_uuid(9))
    snapshot("usage='disk'")
    drive = h.qmp("query-block")[0]["qdev"]
    h.qmp("human-monitor-command", **{"command-line": f'qemu-io -d {drive} "write -P 9 0 64k"'})
    h.must("destroy", "a")
    assert read_encrypted(h, "s.qcow2", "qcow2", 9)
    return outcome


def encrypted_while_off():
    """The reference makes an image of a guest that is off that is not encrypted, and says nothing."""
    with Peered() as h:
        h.secrets()
        h.run("qemu-img create -q -f qcow2 /var/lib/libvirt/a.qcow2 1M")
        h.must("define", h.file(GUEST.replace("DEVICES", disk("a.qcow2", kind="qcow2", target="vda", bus="virtio"))))
        text = (f"<domainsnapshot><disks><disk name='vda' snapshot='external'><source file='/var/lib/libvirt/s.qcow2'>{encrypted(by_uuid(5))}"
                "</source></disk></disks></domainsnapshot>")
        h.refused("can be made only while the guest runs", "snapshot-create", "a", h.file(text), "--disk-only")
        assert not os.path.exists(h.path("lib", "s.qcow2"))
        h.must("undefine", "a")


def secrets_after_restart():
    """The key of a guest's secrets outlives the daemon."""
    with Peered() as h:
        h.secrets()
        h.images()
        h.started(disk("a.luks", encrypted(by_uuid(5))))
        h.qemud.stop(signal.SIGKILL)
        h.start_daemon()
        h.must("attach-device", "a", h.file(disk("b.luks", encrypted(by_uuid(5)), target="sdb")))
        assert "libvirt-2-format-encryption-secret0" in h.objects(), h.objects()


def keys_of_certificates():
    """VNC and character devices with certificates whose key is encrypted."""
    expected, found = [], []
    devices = "<graphics type='vnc' port='5999'/><serial type='tcp'><source mode='bind' host='127.0.0.1' service='5998'/></serial>"
    for outcome, reference in ((expected, True), (found, False)):
        with Peered(reference, TLS_CONF + "vnc_tls = 1\nchardev_tls = 1\n", CERTIFICATES.replace("PASS", PASSPHRASE)) as h:
            h.secrets()
            outcome += [h.native(devices), h.native(network_disk("nbd", "x", tls="yes"))]
            h.started(devices)
            outcome.append(h.objects())
    same(expected, found)


# ---- networks ----

NETWORKS = {
    "isolated": "<bridge name='vbr5'/>",
    "bridged": "<forward mode='bridge'/><bridge name='br7'/>",
    "direct": "<forward mode='bridge'><interface dev='v0'/></forward>",
    "grouped": "<bridge name='vbr6'/><portgroup name='all' default='yes'/><portgroup name='some'/>",
    "stopped": "<bridge name='vbr8'/>",
}
LINKS = """mount -t sysfs sys /sys && ip link add br7 type bridge && ip link set br7 up && ip link add v0 type veth peer name v1 &&
ip link set v0 up && ip link set v1 up"""
MACVTAP = ("ip link add link v0 name probe type macvtap && test -e /dev/tap$(cat /sys/class/net/probe/ifindex); r=$?; ip link del probe; exit $r")


def networks(h):
    h.run(LINKS)
    for name, inside in NETWORKS.items():
        h.ask("net-define", h.file(f"<network><name>{name}</name>{inside}</network>"))
        if name != "stopped":
            h.ask("net-start", name)


def interface(network, mac=1, inside="", **source):
    more = "".join(f" {key}='{value}'" for key, value in source.items())
    return (f"<interface type='network'><mac address='52:54:00:00:00:0{mac}'/><source network='{network}'{more}/><model type='virtio'/>{inside}"
            "</interface>")


def ports(h, network):
    """As the network has them, without their names."""
    texts = [h.ask("net-port-dumpxml", network, port) for port in h.ask("net-port-list", network).split()]
    return sorted(re.sub(r"<uuid>[-0-9a-f]+</uuid>", "", text, count=1) for text in texts)


def interfaces(h, *flags):
    text = re.sub(r"portid='[^']*'", "portid", h.must("dumpxml", "a", *flags))
    return re.findall(r"<interface.*?</interface>", text, re.S)


def stored(texts):
    """The reference leaves names and numbers of the run in the stored form of a transient guest."""
    return [re.sub(r"\n *<alias name='\w[-\w]*'/>| index='\d+'", "", text) for text in texts]


def tap_masters(h):
    links = [line.split() for line in h.run("ip -o link").splitlines() if ": vnet" in line]
    return sorted(words[words.index("master") + 1] if "master" in words else "none" for words in links)


@both
def interfaces_in_networks(h):
    """Networks with a bridge of their own, with the host's, and with a device of the host; what they refuse."""
    networks(h)
    h.can_macvtap = subprocess.run(h.enter(["sh", "-c", MACVTAP]), capture_output=True, check=False).returncode == 0
    outcome = []
    for network in ["isolated", "bridged", "grouped"] + (["direct"] if h.can_macvtap else []):
        h.started(interface(network))
        outcome += [interfaces(h), stored(interfaces(h, "--inactive")), h.must("domiflist", "a").split()[1:], ports(h, network), tap_masters(h)]
        h.must("destroy", "a")
        outcome += [ports(h, network), tap_masters(h)]
    for wrong in (interface("isolated", inside="<virtualport type='openvswitch'/>"), interface("isolated", inside="<vlan><tag id='3'/></vlan>"),
                  interface("nowhere"), interface("stopped"), interface("isolated") + interface("nowhere", 2)):
        outcome += [h.guest(wrong), ports(h, "isolated"), h.must("list", "--all", "--name")]
    assert h.guest(interface("isolated") + disk("missing"))
    return outcome + [ports(h, "isolated"), tap_masters(h)]


@both
def interfaces_come(h):
    """They join a running guest, change, and leave no port where they cannot join."""
    networks(h)
    h.started(interface("isolated"))
    h.must("attach-device", "a", h.file(interface("grouped", 2, portgroup="some")))
    outcome = [interfaces(h), ports(h, "grouped"), tap_masters(h)]
    run = h.virsh("attach-device", "a", h.file(interface("isolated", 3, "<rom file='/missing'/>")))
    outcome += [run.returncode, ports(h, "isolated"), tap_masters(h)]
    run = h.virsh("attach-device", "a", h.file(interface("stopped", 3)))
    outcome += [run.stderr.splitlines()[1:], len(interfaces(h))]
    h.must("update-device", "a", h.file(interface("isolated", 1, "<link state='down'/>")), "--live")
    outcome += [interfaces(h), ports(h, "isolated"), tap_masters(h)]
    h.must("destroy", "a")
    return outcome + [ports(h, "isolated"), ports(h, "grouped")]


@both
def interfaces_move(h):
    """A running guest's interface goes to another network, group and bridge, with all that the network gives it; what cannot
    go there stays as it was, with its port."""
    networks(h)
    h.can_macvtap = False
    h.started(interface("isolated"))
    outcome = []
    limited = "<bandwidth><inbound average='5' floor='7'/></bandwidth>"
    for new in (interface("grouped"), interface("grouped", portgroup="some"), interface("grouped", 1, "<link state='down'/>", portgroup="some"),
                interface("nowhere"), interface("stopped"), interface("direct"), interface("isolated", 1, "<vlan><tag id='3'/></vlan>"),
                interface("isolated", 1, "<virtualport type='openvswitch'/>"), interface("bridged"), bridged(1), bridged(1, "<mtu size='1300'/>"),
                interface("isolated", 1, "<port isolated='yes'/>"), interface("isolated", 1, limited), interface("isolated")):
        run = h.virsh("update-device", "a", h.file(new), "--live")
        outcome += [run.returncode, run.stderr.splitlines()[1:], interfaces(h), tap_masters(h)]
        outcome += [ports(h, network) for network in ("isolated", "grouped", "bridged", "direct")]
    h.must("destroy", "a")
    return outcome + [ports(h, network) for network in ("isolated", "grouped", "bridged", "direct")]


@both
def networks_go_and_come(h):
    """A network that ends takes the bridge along; when it is there again and the daemon of guests starts, taps join it."""
    networks(h)
    h.started(interface("isolated") + interface("bridged", 2))
    outcome = [tap_masters(h)]
    for network in ("isolated", "bridged"):
        h.ask("net-destroy", network)
        h.ask("net-start", network)
    outcome += [tap_masters(h), interfaces(h), ports(h, "isolated"), ports(h, "bridged"), h.must("domstate", "a")]
    h.qemud.stop()
    h.start_daemon()
    assert host.wait_for(lambda: len(tap_masters(h)) == 2, 20), "a tap did not join its bridge"
    assert host.wait_for(lambda: len(ports(h, "isolated") + ports(h, "bridged")) == 2, 20), "a port did not come back"
    outcome += [tap_masters(h), interfaces(h), ports(h, "isolated"), ports(h, "bridged")]
    h.must("destroy", "a")
    return outcome + [ports(h, "isolated"), ports(h, "bridged")]


def back_to_a_snapshot():
    """A guest that starts from a snapshot has a port of its own, not that of the run in which it was taken."""
    with Peered() as h:
        networks(h)
        h.run("qemu-img create -q -f qcow2 /var/lib/libvirt/s.qcow2 1M")
        h.must("define", h.file(GUEST.replace("DEVICES", interface("isolated") + disk("s.qcow2", kind="qcow2"))))
        h.must("start", "a", "--paused")
        before = h.ask("net-port-list", "isolated")
        h.must("snapshot-create-as", "a", "s")
        h.must("destroy", "a")
        assert not ports(h, "isolated")
        h.must("snapshot-revert", "a", "s", "--paused")
        assert len(ports(h, "isolated")) == 1 and h.ask("net-port-list", "isolated") != before
        h.must("destroy", "a")
        assert not ports(h, "isolated")


def daemon_dies():
    """Ports outlive the daemon, come back where the network lost them, and go with the guest when nobody watches."""
    with Peered() as h:
        networks(h)
        h.started(interface("isolated") + interface("bridged", 2))
        before, names = interfaces(h), h.ask("net-port-list", "bridged")
        h.qemud.stop(signal.SIGKILL)
        h.ask("net-destroy", "bridged")
        h.ask("net-start", "bridged")
        assert not ports(h, "bridged")
        h.start_daemon()
        assert interfaces(h) == before, interfaces(h)
        assert host.wait_for(lambda: h.ask("net-port-list", "bridged") == names, 20), "the port did not come back"
        pids = h.guests()
        h.qemud.stop(signal.SIGKILL)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        h.start_daemon()
        assert host.wait_for(lambda: not ports(h, "isolated") + ports(h, "bridged"), 20), "ports stay behind"


def to_the_reference_and_back():
    """Each takes over the guest of the other and removes its ports."""
    with Peered() as h:
        networks(h)
        for first in (True, False):
            if first:
                h.started(interface("isolated") + interface("bridged", 2))
                before = interfaces(h)
                h.qemud.stop()
                h.peer.stop()
            h.reference = first
            if first:
                h.start_daemon()
                h.peer_uri = h.uri
                assert interfaces(h) == before, interfaces(h)
                h.must("destroy", "a")
                assert not ports(h, "isolated") + ports(h, "bridged")
                h.started(interface("isolated") + interface("bridged", 2))
                before = interfaces(h)
                h.qemud.stop()
            else:
                h.peer, h.peer_uri = h.daemon("reference", prefix=BLIND)
                h.start_daemon()
                assert interfaces(h) == before, interfaces(h)
                h.must("destroy", "a")
                assert not ports(h, "isolated") + ports(h, "bridged")


# ---- network filters ----

FILTERS = {"open": "", "named": "<rule action='accept' direction='out'><ip srcipaddr='$IP'/></rule>"}


def filters(h):
    networks(h)
    for name, inside in FILTERS.items():
        h.ask("nwfilter-define", h.file(f"<filter name='{name}'>{inside}</filter>"))


def filterref(name, **parameters):
    return f"<filterref filter='{name}'>" + "".join(f"<parameter name='{k}' value='{v}'/>" for k, v in parameters.items()) + "</filterref>"


def bridged(mac, inside=""):
    return f"<interface type='bridge'><mac address='52:54:00:00:00:0{mac}'/><source bridge='br7'/><model type='virtio'/>{inside}</interface>"


def bindings(h):
    """Without the numbers of devices: failed starts use up more or less of them."""
    names = [line.split()[0] for line in h.ask("nwfilter-binding-list").splitlines() if line.strip()]
    return sorted(re.sub(r"vnet\d+", "vnet", h.ask("nwfilter-binding-dumpxml", name)) for name in names)


@both
def filtered_interfaces(h):
    """Interfaces have the bindings of their filters while they are there."""
    filters(h)
    h.started(bridged(1, filterref("open")) + interface("isolated", 2, filterref("named", IP="10.0.0.1")))
    outcome = [bindings(h), interfaces(h)]
    h.must("attach-device", "a", h.file(bridged(3, filterref("named", IP="10.0.0.3"))))
    outcome += [bindings(h), interfaces(h)]
    for wrong in (bridged(4, filterref("absent")), bridged(4, filterref("open") + "<rom file='/missing'/>"), bridged(4, filterref("named"))):
        run = h.virsh("attach-device", "a", h.file(wrong))
        outcome += [run.returncode, [line for line in run.stderr.splitlines()[1:] if "rom" not in line], len(bindings(h)), len(tap_masters(h))]
    h.must("destroy", "a")
    return outcome + [bindings(h)]


@both
def filters_that_cannot_be(h):
    """Starts that fail leave no binding."""
    filters(h)
    outcome = []
    for wrong in (bridged(1, filterref("open")) + bridged(2, filterref("absent")), bridged(1, filterref("open")) + disk("missing"),
                  bridged(1, filterref("named")), interface("nowhere", 1, filterref("open"))):
        error = h.guest(wrong)
        outcome += ["missing" if "missing" in error else error, bindings(h), tap_masters(h), ports(h, "isolated")]
    return outcome


def filters_in_vain():
    """Where a filter would have no effect it is refused (the reference drops it without a word), and so it is without the
    filters' daemon, which is not needed to end a guest."""
    with Peered() as h:
        filters(h)
        for wrong in ("<interface type='user'><filterref filter='open'/></interface>", interface("direct", 1, filterref("open")),
                      "<interface type='direct'><source dev='v0' mode='bridge'/><filterref filter='open'/></interface>"):
            error = h.guest(wrong)
            assert "filterref is not supported for network interfaces of type" in error, error
            assert not ports(h, "direct")
        h.started(bridged(1, filterref("open")))
        h.peer.stop()
        run = h.virsh("attach-device", "a", h.file(bridged(2, filterref("open"))))
        assert "Failed to connect socket to '/run/libvirt/virtnwfilterd-sock': No such file or directory" in run.stderr, run.stderr
        h.must("destroy", "a")
        assert not h.must("list", "--all", "--name").strip() and not tap_masters(h)


@both
def filters_change(h):
    """A running guest's interface gets another filter, other parameters, none, and one again."""
    filters(h)
    h.started(bridged(1, filterref("open")))
    outcome = []
    for new in (filterref("named", IP="10.0.0.1"), filterref("named", IP="10.0.0.2"), filterref("absent"), "", filterref("absent"), filterref("open")):
        run = h.virsh("update-device", "a", h.file(bridged(1, new)), "--live")
        outcome += [run.returncode, run.stderr.splitlines()[1:], bindings(h), interfaces(h)]
    return outcome


def filters_after_restart():
    """Bindings outlive the daemon, those that got lost are made again, and those of guests that ended go."""
    with Peered() as h:
        filters(h)
        h.started(bridged(1, filterref("open")) + bridged(2, filterref("named", IP="10.0.0.1")))
        before = bindings(h)
        h.qemud.stop(signal.SIGKILL)
        h.ask("nwfilter-binding-delete", "vnet1")
        h.start_daemon()
        assert host.wait_for(lambda: "vnet1" in h.ask("nwfilter-binding-list")), "the binding did not come back"
        assert bindings(h) == before, bindings(h)
        pids = h.guests()
        h.qemud.stop(signal.SIGKILL)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        h.start_daemon()
        assert host.wait_for(lambda: not h.ask("nwfilter-binding-list").strip()), "bindings stay behind"


# ---- leases ----

LEASES = [{"ip-address": "10.0.0.7", "mac-address": "52:54:00:00:00:01", "client-id": "01:52:54:00:00:00:01", "expiry-time": 4000000000},
          {"ip-address": "10.0.0.8", "mac-address": "52:54:00:00:00:02", "hostname": "second", "expiry-time": 4000000000},
          {"ip-address": "10.0.0.9", "mac-address": "52:54:00:00:00:03", "hostname": "gone", "expiry-time": 5}]


@both
def leases(h):
    """What the network daemon knows of a guest's addresses and name."""
    networks(h)
    os.makedirs(h.path("lib", "dnsmasq"), exist_ok=True)
    h.write(json.dumps(LEASES), "lib", "dnsmasq", "vbr5.status")
    h.started(interface("isolated") + interface("bridged", 4) + "<interface type='user'/>")
    calls = (["domifaddr", "a"], ["domifaddr", "a", "--source", "lease", "--full"], ["domhostname", "a", "--source", "lease"],
             ["domifaddr", "a", "--source", "lease", "--interface", "vnet1"])
    def answers():
        return [[run.returncode, run.stdout, run.stderr] for run in (h.virsh(*call) for call in calls)]
    outcome = answers()
    h.must("attach-device", "a", h.file(interface("isolated", 2)))
    outcome += answers()
    h.must("destroy", "a")
    h.must("define", h.file(GUEST.replace("DEVICES", interface("isolated"))))
    outcome += answers()
    h.must("undefine", "a")
    return outcome


# ---- volumes ----

def pool(h):
    h.run("mkdir -p /var/lib/libvirt/p/folder && cd /var/lib/libvirt/p && truncate -s 1M v.raw && qemu-img create -q -f qcow2 q.qcow2 1M")
    h.ask("pool-define", h.file("<pool type='dir'><name>p</name><target><path>/var/lib/libvirt/p</path></target></pool>"))
    h.ask("pool-start", "p")


def volume(name, kind="raw", target="sda", inside="", of="p", mode=""):
    return (f"<disk type='volume' device='disk'><driver name='qemu' type='{kind}'/><source pool='{of}' volume='{name}' {mode}/>{inside}"
            f"<target dev='{target}' bus='scsi'/></disk>")


def disks(h, *flags):
    return re.findall(r"<disk.*?</disk>", h.must("dumpxml", "a", *flags), re.S)


def images(h):
    return sorted(node["image"]["filename"] for node in h.qmp("query-named-block-nodes"))


@both
def volumes(h):
    """Disks by pool and volume: what QEMU opens, what clients see, and why there is none."""
    pool(h)
    h.started(volume("v.raw") + volume("q.qcow2", "qcow2", "sdb"))
    outcome = [disks(h), stored(disks(h, "--inactive")), images(h), h.must("domblklist", "a").split(), h.must("domblkinfo", "a", "sdb").split()[:2]]
    h.must("detach-device", "a", h.file(volume("q.qcow2", "qcow2", "sdb")))
    assert host.wait_for(lambda: "sdb" not in h.must("domblklist", "a"), 20), "the disk did not leave"
    outcome.append(images(h))
    h.must("attach-device", "a", h.file(volume("q.qcow2", "qcow2", "sdc")))
    outcome += [disks(h), images(h)]
    h.must("destroy", "a")
    for wrong in (volume("absent"), volume("v.raw", of="absent"), volume("v.raw", mode="mode='direct'"), volume("folder")):
        outcome.append(h.guest(wrong))
    h.ask("pool-destroy", "p")
    return outcome + [h.guest(volume("v.raw")), h.must("list", "--all", "--name")]


def volumes_after_restart():
    """A daemon that takes over looks its guests' volumes up again."""
    with Peered() as h:
        pool(h)
        h.started(volume("v.raw"))
        before = disks(h)
        h.qemud.stop(signal.SIGKILL)
        h.start_daemon()
        assert disks(h) == before, disks(h)
        assert host.wait_for(lambda: "1048576" in h.virsh("domblkinfo", "a", "sda").stdout, 20), "the volume was not found again"
        h.must("blockresize", "a", "sda", "2M")
        assert os.stat(h.path("lib", "p", "v.raw")).st_size == 2 << 20


def nobody_there():
    """Without the other daemon the socket is named, and the guest can still end."""
    with Peered() as h:
        networks(h)
        h.images()
        pool(h)
        h.started(interface("isolated"))
        h.peer.stop()
        for daemon, devices in (("secret", disk("a.luks", encrypted(by_uuid(5)))), ("network", interface("isolated", 2)), ("storage", volume("v.raw"))):
            run = h.virsh("attach-device", "a", h.file(devices))
            assert f"Failed to connect socket to '/run/libvirt/virt{daemon}d-sock': No such file or directory" in run.stderr, run.stderr
        h.must("destroy", "a")
        assert not h.must("list", "--all", "--name").strip() and not tap_masters(h)


TESTS = [secrets_as_arguments, encrypted_disks, encrypted_destinations, encrypted_moments, encrypted_while_off, secrets_after_restart, keys_of_certificates, interfaces_in_networks, interfaces_come,
         interfaces_move, networks_go_and_come, back_to_a_snapshot, daemon_dies, to_the_reference_and_back, filtered_interfaces, filters_that_cannot_be, filters_in_vain, filters_change, filters_after_restart, leases, volumes,
         volumes_after_restart, nobody_there]

if __name__ == "__main__":
    sys.exit(tap.run(TESTS, sys.argv[1:]))
