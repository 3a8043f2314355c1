#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of others on our daemons: virt-install with its ways to boot, the engine of virt-manager, exporters of figures.
Storage is ours; other drivers that are asked run and answer that they have nothing. Prints TAP."""

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
from virtinst import StoragePool, StorageVolume
pool = StoragePool(conn)
pool.type, pool.name, pool.target_path = "dir", "engine", sys.argv[2]
handle = pool.install(create=True, build=True)
vol = StorageVolume(conn)
vol.pool, vol.name, vol.capacity, vol.format = handle, "new.qcow2", 1 << 20, "qcow2"
assert vol.install().path() == sys.argv[2] + "/new.qcow2"
assert "engine" in [p.name for p in conn.fetch_all_pools()] and "new.qcow2" in [v.name for v in conn.fetch_all_vols()]
print("engine is content")
"""


IMAGES, TREE = "/var/lib/libvirt/images", "/var/lib/libvirt/tree"


class Clients(linux.Linux):
    def __init__(self):
        super().__init__()
        for name in ("virtstoraged", "virtnetworkd", "virtnodedevd"):
            host.start_ours(self, name)
        _, self.uri = self.daemon("ours")
        self.guest()
        for folder in ("boot", "images"):
            os.makedirs(self.path("lib", folder))

    def inside(self, *command):
        """The output of a program that has to succeed there."""
        run = subprocess.run(self.enter(list(command)), capture_output=True, text=True, timeout=90, env={**os.environ, "HOME": self.root}, check=False)
        assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"
        return run.stdout

    def install(self, *options):
        """virt-install inside, where its files are the daemon's; the guest runs afterwards, and is then removed."""
        command = ["virt-install", "--connect", self.uri, "--name", "vi", "--memory", "128", "--vcpus", "1", "--network", "user",
                   "--graphics", "none", "--osinfo", "generic", "--noautoconsole", "--virt-type", "qemu", "--wait", "0"]
        self.inside(*command, *options)
        assert linux.must(self.uri, "domstate", "vi").strip() == "running"
        xml = linux.must(self.uri, "dumpxml", "vi")
        linux.must(self.uri, "destroy", "vi")
        linux.must(self.uri, "undefine", "vi")
        return xml


def virt_install_imports(h):
    """--import of a kernel, and of disks: by source, by path, made with a size, in a pool that virt-install makes."""
    kernel = f"kernel={linux.KERNEL}/vmlinuz,initrd={linux.KERNEL}/initrd,kernel_args=console=ttyS0"
    assert "<initrd>" in h.install("--import", "--disk", "none", "--boot", kernel)
    image = h.path("tiny.img")
    assert f"<source file='{image}'" in h.install("--import", "--disk", f"source.file={image},driver.type=raw")
    assert "type='raw'" in h.install("--import", "--disk", image)
    made = f"{IMAGES}/made.qcow2"
    xml = h.install("--import", "--disk", f"path={made},size=0.02,sparse=yes")
    assert f"<source file='{made}'" in xml and "type='qcow2'" in xml, xml
    assert "virtual size: 20" in h.inside("qemu-img", "info", made)
    assert linux.must(h.uri, "-q", "vol-list", "images").split() == ["made.qcow2", made]
    assert "<source" in h.install("--import", "--disk", "pool=images,size=0.01") and len(linux.must(h.uri, "-q", "vol-list", "images").splitlines()) == 2
    assert made in h.install("--import", "--disk", "vol=images/made.qcow2")


def virt_install_installs(h):
    """A disc, a folder with a kernel, one on a web server, one on a disc."""
    h.inside("sh", "-c", f"mkdir -p {TREE} && cp {linux.KERNEL}/vmlinuz {linux.KERNEL}/initrd {TREE} && "
                         f"xorriso -as mkisofs -quiet -J -r -o {IMAGES}/tree.iso {TREE}")
    disc = f"{IMAGES}/tree.iso"
    disk = ("--disk", f"path={IMAGES}/root.img,size=0.01")
    xml = h.install("--cdrom", disc, *disk)
    assert f"<source file='{disc}'" in xml and "device='cdrom'" in xml and f"<source file='{IMAGES}/root.img'" in xml, xml
    server = subprocess.Popen(h.enter(["/usr/bin/python3", "-m", "http.server", "--directory", TREE, "--bind", "127.0.0.1", "8000"]),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answers = h.enter(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000"])
        assert host.wait_for(lambda: subprocess.run(answers, check=False, capture_output=True).returncode == 0), "no web server"
        for place in (TREE, "http://127.0.0.1:8000", disc):
            xml = h.install("--location", f"{place},kernel=vmlinuz,initrd=initrd", *disk, "--extra-args", "console=ttyS0 no_timer_check")
            assert "virtinst-" in xml, f"{place}: {xml}"
    finally:
        server.kill()
        server.wait()
    assert not os.listdir(h.path("lib", "boot")), "what was fetched is left"


def virt_clone_clones(h):
    """A guest with its disks."""
    linux.must(h.uri, "define", h.write(linux.GUEST.replace("tiny<", "first<").replace("KERNEL", linux.KERNEL)
                                        .replace("ROOT/tiny.img", f"{IMAGES}/first.img"), "first.xml"))
    h.inside("sh", "-c", f"head -c 3M /dev/urandom > {IMAGES}/first.img")
    h.inside("virt-clone", "--connect", h.uri, "--original", "first", "--name", "second", "--auto-clone")
    assert f"<source file='{IMAGES}/second.img'" in linux.must(h.uri, "dumpxml", "second")
    h.inside("cmp", f"{IMAGES}/first.img", f"{IMAGES}/second.img")
    for name in ("first", "second"):
        linux.must(h.uri, "undefine", name, "--remove-all-storage")
    assert not {"first.img", "second.img"} & set(os.listdir(h.path("lib", "images")))


def engine_of_virt_manager(h):
    """It connects, reads what a guest has, and changes it, makes a pool and a volume."""
    linux.must(h.uri, "define", h.write(linux.GUEST.replace("tiny<", "seen<").replace("KERNEL", linux.KERNEL)
                                        .replace("ROOT", h.root), "seen.xml"))
    assert "engine is content" in h.inside("/usr/bin/python3", "-c", ENGINE, h.uri, "/var/lib/libvirt/engine")
    linux.must(h.uri, "pool-destroy", "engine")
    linux.must(h.uri, "pool-undefine", "engine")
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


TESTS = [virt_install_imports, virt_install_installs, virt_clone_clones, engine_of_virt_manager, exporter, collectd]


def main():
    subprocess.run([os.path.join(HERE, "guest", "make-guest"), linux.KERNEL], check=True)
    with Clients() as h:
        return tap.run(TESTS, sys.argv[1:], h)


if __name__ == "__main__":
    sys.exit(main())
