#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of others on our daemons: virt-install with its ways to boot, the engine of virt-manager, exporters of figures.
virt-install asks storage and other drivers too; they run and answer that they have nothing. Prints TAP."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402
import linux  # noqa: E402
import tap  # noqa: E402

ENGINE = """
import sys
sys.path.insert(0, "/usr/share/virt-manager")
from virtinst import VirtinstConnection
conn = VirtinstConnection(sys.argv[1])
conn.open(None, None)
assert not conn.is_test() and conn.is_qemu()
caps = conn.caps
assert caps.guests, "no guests in the capabilities"
for guest in conn.fetch_all_domains():
    assert guest.name == "seen" and len(guest.devices.disk) == 1, guest.name
    guest.description = "changed by the engine"
    conn.defineXML(guest.get_xml())
print("engine is content")
"""


class Clients(linux.Linux):
    def __init__(self):
        super().__init__()
        for name in ("virtstoraged", "virtnetworkd", "virtnodedevd"):
            host.start_ours(self, name)
        _, self.uri = self.daemon("ours")
        self.guest()
        os.makedirs(self.path("lib", "boot"))

    def install(self, *options):
        """virt-install inside, where its files are the daemon's; the guest runs afterwards, and is then removed."""
        command = ["virt-install", "--connect", self.uri, "--name", "vi", "--memory", "128", "--vcpus", "1", "--network", "user",
                   "--graphics", "none", "--osinfo", "generic", "--noautoconsole", "--virt-type", "qemu", "--wait", "0"]
        run = subprocess.run(self.enter([*command, *options]), capture_output=True, text=True, timeout=90, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        assert linux.must(self.uri, "domstate", "vi").strip() == "running"
        xml = linux.must(self.uri, "dumpxml", "vi")
        linux.must(self.uri, "destroy", "vi")
        linux.must(self.uri, "undefine", "vi")
        return xml


def virt_install_imports(h):
    """--import of a kernel, and of a disk by its source."""
    kernel = f"kernel={linux.KERNEL}/vmlinuz,initrd={linux.KERNEL}/initrd,kernel_args=console=ttyS0"
    assert "<initrd>" in h.install("--import", "--disk", "none", "--boot", kernel)
    image = h.path("tiny.img")
    assert f"<source file='{image}'" in h.install("--import", "--disk", f"source.file={image},driver.type=raw")


def virt_install_installs(h):
    """A kernel and initrd that are fetched as those of --location are, and a disc. (Without a storage driver virt-install
    leaves the disc of --cdrom out of what it makes; as a disk of its own it is there.)"""
    kernel = f"kernel={linux.KERNEL}/vmlinuz,initrd={linux.KERNEL}/initrd,kernel_args=console=ttyS0"
    assert "virtinst-" in h.install("--install", kernel, "--disk", "none")
    assert not os.listdir(h.path("lib", "boot"))
    disc = h.write("no system on it\n", "disc.iso")
    xml = h.install("--import", "--boot", "cdrom", "--disk", f"device=cdrom,source.file={disc}")
    assert f"<source file='{disc}'" in xml and "device='cdrom'" in xml, xml


def engine_of_virt_manager(h):
    """It connects, reads what a guest has, and changes it."""
    linux.must(h.uri, "define", h.write(linux.GUEST.replace("tiny<", "seen<").replace("KERNEL", linux.KERNEL)
                                        .replace("ROOT", h.root), "seen.xml"))
    run = subprocess.run(["/usr/bin/python3", "-c", ENGINE, h.uri], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0 and "engine is content" in run.stdout, run.stdout + run.stderr
    assert linux.must(h.uri, "desc", "seen").strip() == "changed by the engine"
    linux.must(h.uri, "undefine", "seen")


def exporter(h):
    """prometheus-libvirt-exporter finds a running guest and its figures."""
    linux.must(h.uri, "create", h.guest(), "--paused")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    process = subprocess.Popen(["prometheus-libvirt-exporter", "--libvirt.uri", h.uri,
                                "--web.listen-address", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        text = fetch(f"http://127.0.0.1:{port}/metrics")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    assert "libvirt_up 1" in text, text[:2000]
    assert 'domain="tiny"' in text, text[:2000]
    linux.must(h.uri, "destroy", "tiny")


COLLECTD = """FQDNLookup false
Hostname "here"
BaseDir "ROOT"
PIDFile "ROOT/collectd.pid"
Interval 1
LoadPlugin csv
<Plugin csv>
DataDir "ROOT/csv"
</Plugin>
LoadPlugin virt
<Plugin virt>
Connection "URI"
RefreshInterval 1
HostnameFormat name
ExtraStats "cpu_util disk domain_state fs_info job_stats_background pcpu vcpu vcpupin"
</Plugin>
"""


WANTED = {"memory-total", "virt_vcpu-0", "disk_ops-vda", "domain_state", "virt_cpu_total"}


def collectd(h):
    """The virt plugin of collectd reads the figures of a guest that runs (it leaves out others)."""
    linux.must(h.uri, "create", h.guest())
    conf = h.write(COLLECTD.replace("ROOT", h.root).replace("URI", h.uri), "collectd.conf")
    log = open(h.path("collectd.log"), "w", encoding="utf-8")
    process = subprocess.Popen(["collectd", "-f", "-C", conf], stdout=log, stderr=log)
    try:
        found = host.wait_for(lambda: WANTED <= {n.rpartition("-20")[0] for n in files_below(h.path("csv", "tiny", "virt"))}, 30)
    finally:
        process.kill()
        process.wait()
        log.close()
    assert found, files_below(h.path("csv", "tiny", "virt"))
    with open(h.path("collectd.log"), encoding="utf-8") as f:
        # What needs control groups or an agent is not there, as with Debian's libvirtd.
        missing = ("CPUACCT", "QEMU guest agent", "getting the CPU params values", "virDomainGetFSInfo", "get file system info")
        complaints = [line for line in f if ("fail" in line.lower() or "error" in line.lower()) and not any(m in line for m in missing)]
    assert not complaints, complaints
    linux.must(h.uri, "destroy", "tiny")


def files_below(folder):
    return os.listdir(folder) if os.path.isdir(folder) else []


def fetch(url):
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.1)


TESTS = [virt_install_imports, virt_install_installs, engine_of_virt_manager, exporter, collectd]


def main():
    subprocess.run([os.path.join(HERE, "guest", "make-guest"), linux.KERNEL], check=True)
    with Clients() as h:
        return tap.run(TESTS, sys.argv[1:], h)


if __name__ == "__main__":
    sys.exit(main())
