#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records frames between stock clients and Debian's libvirtd: record.py writes recorded.bin beside itself, one frame for each
program, procedure, type and status that it sees. Frames with XML are left out. runtime/rpc/test-frames.c decodes them."""

import os
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "harness"))

import host as harness  # noqa: E402

CONNECT_GET_HOSTNAME = 59
HEADER = struct.Struct(">IIIiIII")
SIZE_MAX = 2000

VIRSH = """
version
nodeinfo
nodecpustats
nodememstats
freecell --all
list --all
list --all --uuid
dominfo test
domstate test --reason
domid test
vcpuinfo test
vcpucount test
schedinfo test
domstats test
dommemstat test
domblkstat test vda
domifstat test vnet0
domiflist test
domifaddr test
domfsinfo test
domtime test
guestinfo test
emulatorpin test
vcpupin test
iothreadinfo test
memtune test
numatune test
blkdeviotune test vda
perf test
cpu-stats test
suspend test
resume test
setmem test 1048576
setmaxmem test 4194304
setvcpus test 1
autostart test
send-key test KEY_A
domjobinfo test
managedsave test
start test
managedsave-remove test
desc test --new-desc words
metadata test urn:x
reset test
screenshot test /dev/null
snapshot-create-as test s1 about
snapshot-list test
snapshot-current test --name
snapshot-info test s1
snapshot-revert test s1
snapshot-delete test s1
checkpoint-list test
reboot test
dominfo nosuchguest
net-list --all
net-info default
net-autostart default
net-dhcp-leases default
net-port-list default
net-destroy default
net-start default
net-name 6d2b4d2e-0000-0000-0000-000000000000
pool-list --all --details
pool-info default-pool
pool-refresh default-pool
pool-autostart default-pool
vol-list default-pool --details
vol-create-as default-pool v1 1M
vol-info v1 --pool default-pool
vol-path v1 --pool default-pool
vol-wipe v1 --pool default-pool
vol-upload v1 /etc/hostname --pool default-pool
vol-delete v1 --pool default-pool
iface-list --all
iface-mac eth1
iface-destroy eth1
iface-start eth1
nodedev-list
nodedev-info computer
secret-list
nwfilter-list
nwfilter-binding-list
cpu-models x86_64
maxvcpus
hostname
sysinfo
qemu-monitor-command test x
set-user-password test someone words
shutdown test
destroy test
undefine test
domrename test test2
"""

# They listen while the others work.
LISTENERS = [
    "event --all --loop --timeout 4",
    "net-event --event lifecycle --loop --timeout 4",
    "pool-event --event lifecycle --loop --timeout 4",
    "pool-event --event refresh --loop --timeout 4",
    "nodedev-event --event lifecycle --loop --timeout 4",
]

VIRT_ADMIN = """
srv-list
srv-threadpool-info libvirtd
srv-threadpool-set libvirtd --max-workers 21
srv-clients-info libvirtd
srv-clients-set libvirtd --max-clients 4999
client-list libvirtd
client-info libvirtd 1
client-info libvirtd 999
client-disconnect libvirtd 999
srv-update-tls libvirtd
daemon-log-filters 3:remote
daemon-log-outputs 3:stderr
""".strip().splitlines()


def receive(sock, n):
    """Exactly n bytes, b"" at the end; descriptors are not forwarded."""
    data = b""
    while len(data) < n:
        piece = sock.recv(n - len(data))
        if not piece:
            return b""
        data += piece
    return data


class Recorder:
    """A proxy in front of a socket; `seen` has the longest frame of each sort."""

    def __init__(self, path, target, seen):
        self.target = target
        self.seen = seen
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(10)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        try:
            while True:
                length = receive(source, 4)
                if not length:
                    break
                frame = length + receive(source, struct.unpack(">I", length)[0] - 4)
                self.keep(frame)
                sink.sendall(frame)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def keep(self, frame):
        _, program, _, proc, kind, _, status = HEADER.unpack(frame[:HEADER.size])
        if b"<" in frame[HEADER.size:] or len(frame) > SIZE_MAX or proc == CONNECT_GET_HOSTNAME:
            return
        key = (program, proc, kind, status)
        if key not in self.seen or len(self.seen[key]) < len(frame):
            self.seen[key] = frame


def main():
    seen = {}
    with harness.Host() as place:
        daemon = harness.start_reference(place)
        for suffix in ("libvirt-sock", "libvirt-admin-sock"):
            Recorder(place.path(suffix), daemon.socket(suffix), seen)
        virsh = ["virsh", "-k", "0", "-c", f"test+unix:///default?socket={place.path('libvirt-sock')}"]
        admin = ["virt-admin", "-c", f"libvirtd:///system?socket={place.path('libvirt-admin-sock')}"]
        listeners = [subprocess.Popen([*virsh, *line.split()], stdout=subprocess.DEVNULL) for line in LISTENERS]
        time.sleep(1)
        # On standard input, where an error does not end it.
        subprocess.run(virsh, input=VIRSH, text=True, check=False, stdout=subprocess.DEVNULL, timeout=120)
        for listener in listeners:
            listener.wait(20)
        # Clients are numbered from 1; one of these calls asks about itself.
        for line in VIRT_ADMIN + [f"client-info admin {n}" for n in range(10, 20)]:
            subprocess.run([*admin, *line.split()], check=False, stdout=subprocess.DEVNULL, timeout=20)
    with open(os.path.join(HERE, "recorded.bin"), "wb") as f:
        f.writelines(seen[key] for key in sorted(seen))
    print(f"{len(seen)} frames")


if __name__ == "__main__":
    main()
