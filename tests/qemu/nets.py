#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Network interfaces of guests on bridges, macvtaps and taps of a private network namespace: the devices on the host, what QEMU
is told, and the definitions are the same as with Debian's libvirtd; they change while the guest runs, survive a daemon, and leave
nothing behind. Prints TAP."""

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
import tap  # noqa: E402

GUEST = """<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<features><acpi/></features><devices><controller type='usb'/>NETS<memballoon model='none'/></devices></domain>"""
MAC = "52:54:00:00:00:0"
BRIDGE = f"<interface type='bridge'><mac address='{MAC}1'/><source bridge='br0'/><target dev='t1'/><model type='virtio'/>REST</interface>"
SOME = BRIDGE.replace("REST", "<driver queues='2'/><mtu size='1400'/><port isolated='yes'/>") + f"""
<interface type='bridge'><mac address='{MAC}2'/><source bridge='br0'/><model type='e1000'/></interface>
<interface type='ethernet'><mac address='{MAC}3'/><target dev='t3'/><script path='ROOT/script'/><model type='rtl8139'/></interface>
<interface type='ethernet'><mac address='{MAC}4'/><target dev='ready' managed='no'/><model type='virtio'/></interface>"""
MACVTAP = f"""<interface type='direct'><mac address='{MAC}5'/><source dev='v0' mode='bridge'/><model type='virtio'/></interface>"""
LIMITED = """<bandwidth><inbound average='1000' peak='2000' burst='512'/><outbound average='5'/></bandwidth>"""
SWITCHED = """<virtualport type='openvswitch'><parameters interfaceid='09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f' profileid='p'/>
</virtualport><vlan><tag id='42'/></vlan>"""
# A program that only writes down what it is asked to do.
SCRIBE = """#!/bin/sh
echo "$(basename $0) $*" >> ROOT/asked
"""
TOPOLOGY = """mount -t sysfs sys /sys && ip link add br0 type bridge && ip link set br0 up && ip link add br1 type bridge && ip link add v0 type veth peer name v1 &&
ip link set v0 up && ip link set v1 up && ip tuntap add dev ready mode tap vnet_hdr &&
ip link set ready address 02:00:00:00:00:01"""


class Net(Virsh, GuestHost):
    """A host with two bridges, a pair of devices for macvtaps, and a tap that is there already."""

    def __init__(self, reference=False):
        super().__init__()
        self.reference = reference
        os.makedirs(self.path("log", "qemu"))
        os.mkdir(self.path("bin"))
        for name in ("script", "bin/ovs-vsctl", "tc"):
            os.chmod(self.write(SCRIBE.replace("ROOT", self.root), name), 0o755)
        self.run(TOPOLOGY)
        self.start_daemon()

    def __exit__(self, *exc):
        for line in self.virsh("list", "--name").stdout.split():
            self.virsh("destroy", line)
        super().__exit__(*exc)

    def start_daemon(self, reference=None):
        self.reference = self.reference if reference is None else reference
        env = {"PATH": self.path("bin") + ":" + os.environ["PATH"]}
        self.daemon = host.start_reference(self, env=env) if self.reference else host.start_ours(self, "virtqemud", env=env)
        self.uri = f"qemu+unix:///system?socket={self.daemon.socket('-sock')}"

    def run(self, script, check=True):
        """A shell script inside; its output."""
        run = subprocess.run(self.enter(["sh", "-c", script]), capture_output=True, text=True, check=False)
        assert not check or run.returncode == 0, f"{script}: {run.stderr}"
        return run.stdout

    def device(self, xml):
        return self.write(xml.replace("ROOT", self.root), "device.xml")

    def guest(self, nets, name="a", start=True):
        xml = GUEST.replace("NAME", name).replace("NETS", nets).replace("ROOT", self.root)
        self.virsh("undefine", name)
        self.must("define", self.write(xml, f"{name}.xml"))
        if start:
            self.must("start", name, "--paused")

    def pid(self, name="a"):
        with open(self.path("run", "libvirt", "qemu", f"{name}.pid"), encoding="ascii") as f:
            return int(f.read())

    def asked(self):
        try:
            with open(self.path("asked"), encoding="utf-8") as f:
                return f.read().replace(self.root, "ROOT").splitlines()
        except OSError:
            return []

    def fake_tc(self):
        self.run(f"mount --bind {self.path('tc')} $(readlink -f /sbin/tc)")

    def links(self):
        """What counts of each network device, but for those that every namespace has."""
        found = {}
        for link in json.loads(self.run("ip -j -d link")):
            info = link.get("linkinfo", {})
            data = {key: value for key, value in info.get("info_data", {}).items() if key in ("vnet_hdr", "multi_queue", "mode", "type")}
            if link["ifname"] not in ("lo", "v0", "v1", "br0", "br1"):
                found[link["ifname"]] = {
                    "mac": link["address"], "mtu": link["mtu"], "master": link.get("master"), "qdisc": link["qdisc"],
                    "up": "UP" in link["flags"], "kind": info.get("info_kind"), "data": data,
                    "isolated": info.get("info_slave_data", {}).get("isolated")}
        return found

    def nets(self, name="a", *flags):
        """The interfaces of a definition."""
        return re.findall(r"<interface.*?</interface>", self.must("dumpxml", name, *flags).replace(self.root, "ROOT"), re.S)

    def arguments(self, name="a"):
        """What QEMU is told of its network, without numbers of descriptors."""
        with open(self.path("log", "qemu", f"{name}.log"), encoding="utf-8") as f:
            lines = [line for line in f.read().splitlines() if line.startswith("-netdev") or '"netdev"' in line]
        return [re.sub(r'"(fds?)":"[\d:]+"', lambda m: f'"{m[1]}":{m[0].count(":")}', line) for line in lines]

    def can(self, script):
        return subprocess.run(self.enter(["sh", "-c", script]), capture_output=True, check=False).returncode == 0


def both(scenario):
    """The outcome of a scenario on Debian's libvirtd and on ours must be the same."""
    def test():
        with Net(reference=True) as net:
            expected = scenario(net)
        with Net() as net:
            found = scenario(net)
        for want, have in zip(expected, found, strict=True):
            assert want == have, f"\n--- reference\n{json.dumps(want, indent=1)}\n--- ours\n{json.dumps(have, indent=1)}"
    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


class Skip(Exception):
    pass


def has_macvtap(net):
    return net.can("ip link add link v0 name probe type macvtap && test -e /dev/tap$(cat /sys/class/net/probe/ifindex 2>/dev/null || "
                   "ip -o link show probe | cut -d: -f1); r=$?; ip link del probe; exit $r")


@both
def devices(net):
    """Bridges with queues, MTU and isolation, taps with a script, taps that are there already."""
    net.guest(SOME)
    running = [net.links(), net.nets(), net.arguments(), net.asked()]
    net.must("destroy", "a")
    return running + [net.links(), net.nets("a", "--inactive"), net.asked()]


@both
def macvtap(net):
    """A device of its own on a device of the host, in all modes; gone after the guest."""
    if not has_macvtap(net):
        return ["no macvtap on this kernel"]
    outcome = []
    for mode in ("bridge", "vepa", "private", "passthrough"):
        net.guest(MACVTAP.replace("bridge", mode))
        lower = net.run("ip -o link show v0")
        outcome += [net.links(), net.nets(), net.arguments(), MAC in lower]
        net.must("resume", "a")
        outcome.append(host.wait_for(lambda: any(link["up"] for link in net.links().values())))
        net.must("suspend", "a")
        outcome.append(host.wait_for(lambda: not any(link["up"] for link in net.links().values())))
        net.must("destroy", "a")
        outcome += [net.links(), MAC in net.run("ip -o link show v0")]
    return outcome


@both
def limits(net):
    """The commands for tc(8), at the start and at changes."""
    net.fake_tc()
    # The reference also sets "no queue" with tc.
    def commands():
        return [line for line in net.asked() if "noqueue" not in line]
    net.guest(BRIDGE.replace("REST", LIMITED) + f"<interface type='ethernet'><mac address='{MAC}3'/><target dev='t3'/>{LIMITED}</interface>")
    outcome = [commands()]
    net.must("domiftune", "a", "t1", "--inbound", "700,800,90", "--live", "--config")
    outcome += [commands(), net.must("domiftune", "a", "t1", "--live"), net.must("domiftune", "a", "t1", "--config")]
    net.must("domiftune", "a", "t1", "--outbound", "0", "--live")
    outcome += [commands(), net.nets(), net.nets("a", "--inactive")]
    return outcome


@both
def open_vswitch(net):
    """What its tool is asked to do."""
    net.guest(BRIDGE.replace("REST", SWITCHED))
    outcome = [net.links(), net.nets()]
    uuid = net.must("domuuid", "a").strip()
    net.must("destroy", "a")
    return outcome + [[line.replace(uuid, "UUID") for line in net.asked()]]


@both
def attach_and_change(net):
    """An interface that comes while the guest runs, gets another bridge, and is told to the guest as unplugged."""
    net.guest(BRIDGE.replace("REST", ""))
    added = f"<interface type='bridge'><mac address='{MAC}6'/><source bridge='br0'/><target dev='t6'/><model type='virtio'/><driver queues='2'/></interface>"
    net.must("attach-device", "a", net.device(added), "--live")
    outcome = [net.links(), net.nets(), net.must("domiflist", "a"), net.must("domif-getlink", "a", "t6")]
    net.must("update-device", "a", net.device(added.replace("br0", "br1")), "--live")
    outcome += [net.links(), net.nets()]
    net.must("domif-setlink", "a", "t6", "down")
    outcome += [net.must("domif-getlink", "a", "t6"), net.nets()]
    for change in (("virtio", "e1000"), ("queues='2'", "queues='3'"), ("br0", "missing"), ("t6", "other")):
        run = net.virsh("update-device", "a", net.device(added.replace(*change)), "--live")
        outcome.append([run.returncode, run.stderr.splitlines()[1:]])
    return outcome + [net.links(), [re.sub(r"\d+", "N", net.must("domifstat", "a", "t1"))]]


@both
def refusals(net):
    """A start that fails says why and leaves nothing."""
    outcome = []
    for nets in (BRIDGE.replace("br0", "missing").replace("REST", ""), SOME + BRIDGE.replace("t1", "t9").replace("br0", "missing").replace("REST", ""),
                 SOME.replace("'ready'", "'absent'"), SOME.replace("ROOT/script", "/bin/false"),
                 BRIDGE.replace("REST", "<driver name='vhost'/>")):
        net.guest(nets, start=False)
        run = net.virsh("start", "a")
        outcome += [[run.returncode, "vhost" in run.stderr, "missing" in run.stderr, "doesn't exist" in run.stderr], net.links()]
    return outcome


def no_tool():
    """Without Open vSwitch the reason is told."""
    with Net() as net:
        os.unlink(net.path("bin", "ovs-vsctl"))
        net.guest(BRIDGE.replace("REST", SWITCHED), start=False)
        net.refused("ovs-vsctl", "start", "a")
        net.guest(BRIDGE.replace("REST", "<filterref filter='clean-traffic'/>"), start=False)
        net.refused("Failed to connect socket to '/run/libvirt/virtnwfilterd-sock'", "start", "a")
        assert list(net.links()) == ["ready"], net.links()


def failing_hotplug():
    """What QEMU or the host refuses leaves no device."""
    with Net() as net:
        net.guest(BRIDGE.replace("REST", ""))
        before = net.links()
        for xml in (MACVTAP.replace("v0", "missing"), BRIDGE.replace("t1", "t7").replace(f"{MAC}1", f"{MAC}7").replace("br0", "missing"),
                    f"<interface type='bridge'><mac address='{MAC}8'/><source bridge='br0'/><target dev='t8'/><model type='virtio'/>"
                    "<rom file='/missing'/></interface>"):
            run = net.virsh("attach-device", "a", net.device(xml.replace("REST", "")), "--live", "--config")
            assert run.returncode != 0, xml
            assert net.links() == before, net.links()
        assert len(net.nets()) == 1 and len(net.nets("a", "--inactive")) == 1


def daemon_dies():
    """The devices outlive the daemon and go with the guest, also when nobody watches."""
    with Net() as net:
        direct = MACVTAP if has_macvtap(net) else ""
        net.guest(BRIDGE.replace("REST", "") + direct)
        before = net.links()
        net.daemon.stop(signal.SIGKILL)
        net.start_daemon()
        assert net.links() == before and len(net.nets()) == 1 + bool(direct)
        net.guest(f"<interface type='bridge'><mac address='{MAC}7'/><source bridge='br0'/></interface>{direct.replace(MAC + '5', MAC + '8')}", "b")
        assert len(net.links()) == 1 + 2 * (1 + bool(direct)), net.links()
        pids = [net.pid(), net.pid("b")]
        net.daemon.stop(signal.SIGKILL)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        net.start_daemon()
        assert host.wait_for(lambda: list(net.links()) == ["ready"]), net.links()
        assert host.wait_for(lambda: net.must("list", "--name").strip() == "")


def to_the_reference_and_back():
    """Each takes over the guest of the other, changes it, and cleans up behind it."""
    with Net(reference=True) as net:
        direct = MACVTAP if has_macvtap(net) else ""
        for first, second in ((True, False), (False, True)):
            net.daemon.stop()
            net.start_daemon(reference=first)
            net.guest(BRIDGE.replace("REST", "") + direct)
            before = net.links()
            net.daemon.stop()
            net.start_daemon(reference=second)
            assert net.links() == before and len(net.nets()) == 1 + bool(direct)
            net.must("domif-setlink", "a", "t1", "down")
            if not second:  # the reference finds no PCI controller when it has taken over a guest, its own either
                net.must("attach-device", "a", net.device(BRIDGE.replace("t1", "t2").replace("br0", "br1").replace(f"{MAC}1", f"{MAC}9")
                                                          .replace("REST", "")), "--live")
                assert net.links()["t2"]["master"] == "br1"
            net.must("destroy", "a")
            assert list(net.links()) == ["ready"], net.links()


TESTS = [devices, macvtap, limits, open_vswitch, attach_and_change, refusals, no_tool, failing_hotplug, daemon_dies,
         to_the_reference_and_back]

if __name__ == "__main__":
    if not os.path.exists("/dev/net/tun"):
        print("1..0 # SKIP no /dev/net/tun: this kernel makes no tap devices")
        sys.exit(0)
    sys.exit(tap.run(TESTS, sys.argv[1:]))
