# SPDX-License-Identifier: LGPL-2.1-or-later
"""A virtual machine with the files of this one and Debian's kernel: what the kernel that tests run on may not have, such
as AppArmor and control groups with all controllers. It reads this machine's files and changes none of them."""

import base64
import os
import re
import signal
import subprocess
import sys
import tempfile

import host

KERNEL_SAYS = re.compile(r"\[ *\d+\.\d+\] ")

GUEST = os.path.join(host.build_dir(), "tests", "guest")
MAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "qemu", "guest", "make-guest")
VIRTIOFSD = "/usr/lib/qemu/virtiofsd"
MEMORY = "2G"


def run(program, seconds=600, env=None, kernel=""):
    """Runs a program in it, which passes its output on line by line. Returns its exit status. env: for the program, in
    addition to VIRTHOST_BUILD. kernel: more arguments for the kernel."""
    subprocess.run([MAKE, GUEST], check=True)
    with tempfile.TemporaryDirectory(prefix="vh-machine-") as folder:
        files = os.path.join(folder, "files")
        with open(os.path.join(folder, "log"), "w+", encoding="utf-8") as log:
            server = subprocess.Popen([VIRTIOFSD, f"--socket-path={files}", "-o", "source=/", "-o", "sandbox=chroot", "-o",
                                       "cache=always", "--rlimit-nofile=0"], stdout=log, stderr=log)
            try:
                if not host.wait_for(lambda: os.path.exists(files), 20):
                    log.seek(0)
                    raise RuntimeError(f"virtiofsd does not come up:\n{log.read()}")
                return boot(files, program, seconds, env or {}, kernel)
            finally:
                server.terminate()
                server.wait()


def boot(files, program, seconds, env, kernel):
    words = base64.b64encode("\0".join(f"{k}={v}" for k, v in {**env, "VIRTHOST_BUILD": host.build_dir()}.items()).encode())
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-M", "q35", "-cpu", "max", "-smp", "2", "-m", MEMORY,
               "-object", f"memory-backend-memfd,id=mem,size={MEMORY},share=on", "-numa", "node,memdev=mem", "-nodefaults",
               "-display", "none", "-no-reboot", "-serial", "stdio", "-chardev", f"socket,id=files,path={files}", "-device",
               "vhost-user-fs-pci,chardev=files,tag=root", "-kernel", os.path.join(GUEST, "vmlinuz"), "-initrd",
               os.path.join(GUEST, "machine"), "-append",
               f"console=ttyS0 quiet loglevel=0 panic=-1 run={program} env={words.decode()} {kernel}"]
    status = None
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as qemu:
        signal.signal(signal.SIGALRM, lambda *args: qemu.kill())
        signal.alarm(seconds)
        for line in qemu.stdout:
            line = line.replace("\r", "")
            if line.startswith("machine ends: "):
                status = int(line.rpartition(" ")[2])
            elif not KERNEL_SAYS.match(line):
                sys.stdout.write(line)
                sys.stdout.flush()
        signal.alarm(0)
    if status is None:
        raise RuntimeError(f"the machine did not come to its end within {seconds} s")
    return status
