# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private place for daemons: a mount and network namespace whose libvirt directories are folders of a temporary
directory. The real machine is not touched, several hosts run at once, and clients outside reach the sockets by their path
under the temporary directory."""

import ctypes
import glob
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

# What libvirt daemons write to: folder of the temporary directory → place inside.
DIRS = {
    "run": "/run",
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
}

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listens(path, pid):
    """Whether that process (None: any) takes connections there. A socket file alone is there a moment earlier; and where another daemon
    was killed, a child that it was about to start a program in may hold the socket for a moment longer (unix(7), SO_PEERCRED)."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
        return pid in (None, struct.unpack("iii", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])


def wait_for(condition, seconds=20.0):
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Host:
    """Use as a context manager: everything started in it ends, and its files are removed."""

    def __init__(self, keep=False, hostname=None, groups=False, archs=()):
        """hostname: makes it a machine with a name of its own. groups: the control group of the caller is the top of all
        (groups.py). archs: words of QEMU programs that are there besides those for x86; a daemon that tells what it can do asks each,
        which takes half a minute for all that Debian has."""
        self.keep = keep
        self.namespaces = ["--mount", "--net"] + (["--uts"] if hostname else []) + (["--cgroup"] if groups else [])
        self.daemons = []
        # Short, because socket paths end at 107 bytes.
        self.root = tempfile.mkdtemp(prefix="vh-", dir="/tmp")
        os.chmod(self.root, 0o755)
        mounts = []
        for folder, place in DIRS.items():
            path = os.path.join(self.root, folder)
            os.mkdir(path)
            mounts.append(f"mkdir -p {place} && mount --bind {path} {place}")
        # No KVM inside, on any machine: answers about the host are the same everywhere, and the reference does not probe
        # QEMU again and again where root may use /dev/kvm but QEMU's user may not.
        no_kvm = self.write("", "no-kvm")
        os.chmod(no_kvm, 0o600)
        # Read-only, since root may write to any file that can be written to at all.
        mounts.append(f"{{ [ ! -e /dev/kvm ] || {{ mount --bind {no_kvm} /dev/kvm && mount -o remount,bind,ro /dev/kvm; }}; }}")
        mounts.append(f"mount --all --fstab {self._hide_programs(no_kvm, archs)}")
        if hostname:
            mounts.append(f"hostname {hostname}")
        if groups:
            mounts.append("mount -t cgroup2 none /sys/fs/cgroup")
        # cat ends when our end of its stdin does: the namespace cannot outlive the test.
        script = " && ".join(["set -e", *mounts, "ip link set lo up 2>/dev/null || true", "echo ready", "exec cat"])
        self.holder = subprocess.Popen(
            ["unshare", *self.namespaces, "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline().strip() != b"ready":
            self.close()
            raise RuntimeError("no private mount namespace: tests with daemons need root")

    def _hide_programs(self, nothing, archs):
        """Writes the list of mounts that hide the QEMU programs of other architectures; returns its path."""
        shown = {"i386", "x86_64", "microvm", *archs}
        hidden = [path for path in glob.glob("/usr/bin/qemu-system-*")
                  if path.rpartition("-")[2] not in shown and not os.path.islink(path)]
        return self.write("".join(f"{nothing} {path} none bind 0 0\n" for path in hidden), "hidden-programs")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            error.add_note(self.last_words())
        self.close()

    def last_words(self, lines=12):
        """The ends of what daemons and guests wrote: a test that failed elsewhere must be understood from its output."""
        logs = {d.log_path for d in self.daemons} | set(glob.glob(self.path("log", "**", "*.log"), recursive=True))
        texts = []
        for path in sorted(logs):
            with open(path, encoding="utf-8", errors="replace") as f:
                # Debian's libvirtd cannot ask the interfaces of a test's namespace everything, and says so dozens of times.
                said = [line[:400] for line in f.read().splitlines() if "virNetDevSendEthtoolIoctl" not in line]
                texts += [f"{os.path.basename(path)}:", *("  " + line for line in said[-lines:])]
        return "\n".join(texts)

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.stop()
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)

    def path(self, *parts):
        """A path as seen from outside: path("run", "libvirt", "libvirt-sock")."""
        return os.path.join(self.root, *parts)

    def write(self, text, *parts):
        """Writes a file below the temporary directory; returns its path."""
        path = self.path(*parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def enter(self, command):
        """The command line that runs a command inside."""
        return ["nsenter", "-t", str(self.holder.pid), *self.namespaces, "--", *command]

    def start(self, program, *args, sockets, conf="", env=None, wait=20.0, prefix=()):
        """Starts a daemon inside with a private configuration and waits until its sockets listen."""
        name = os.path.basename(program)
        conf_path = self.write(conf, f"{name}.conf")
        command = [*prefix, program, "-f", conf_path, *args]
        daemon = Daemon(self, name, command, sockets, env)
        self.daemons.append(daemon)
        daemon.wait_ready(wait)
        return daemon


class Daemon:
    """A daemon that runs inside a host; its output is in `log`."""

    def __init__(self, host, name, command, sockets, env=None):
        self.host = host
        self.name = name
        self.sockets = [host.path("run", "libvirt", s) for s in sockets]
        self.leaves = "-d" in command  # another process goes on
        self.log_path = host.path(f"{name}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                host.enter(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent,
                env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def socket(self, suffix=""):
        """The first socket, or the one whose name ends in suffix."""
        return next(s for s in self.sockets if s.endswith(suffix))

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_ready(self, seconds):
        deadline = time.monotonic() + seconds
        pid = None if self.leaves else self.process.pid
        while not all(_listens(s, pid) for s in self.sockets):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not there after {seconds} s:\n{self.log()}")
            time.sleep(0.02)

    def alive(self):
        return self.process.poll() is None

    def stop(self, sig=signal.SIGTERM, wait=10.0):
        """Ends the daemon; returns its exit status (negative: the signal)."""
        if self.alive():
            self.process.send_signal(sig)
            try:
                self.process.wait(wait)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


CONF_OPEN = """auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0777"
unix_sock_ro_perms = "0777"
"""

REFERENCE = "/usr/sbin/libvirtd"


def daemon_pid(h, name):
    """Of the daemon itself: what a test starts may be a wrapper. One that is activated listens before it has started."""
    path = h.path("run", f"{name}.pid")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not (os.path.exists(path) and os.path.getsize(path)):
        time.sleep(0.02)
    with open(path, encoding="ascii") as f:
        return int(f.read())


def build_dir():
    """The build to test: VIRTHOST_BUILD, or build/ of this tree."""
    top = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    return os.path.abspath(os.environ.get("VIRTHOST_BUILD", os.path.join(top, "build")))


def daemon_program(name):
    """Where the build puts a daemon of ours, None if it is not built."""
    for path in (os.path.join(build_dir(), "daemons", name), os.path.join(build_dir(), "daemons", name, name)):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def reference_program():
    """Debian's libvirtd, None if it is not installed (or is ours)."""
    if not os.path.exists(REFERENCE):
        return None
    out = subprocess.run([REFERENCE, "--version"], capture_output=True, text=True, check=False).stdout
    return REFERENCE if "9.0.0" in out and "virthost" not in out else None


LIBVIRT_SOCKETS = ("libvirt-sock", "libvirt-sock-ro", "libvirt-admin-sock")


def start_reference(host, *args, conf=CONF_OPEN, **kw):
    """Debian's libvirtd; the guests that it finds are its own again when this returns."""
    daemon = host.start(REFERENCE, *args, sockets=LIBVIRT_SOCKETS, conf=conf, **kw)
    if glob.glob(host.path("run", "libvirt", "qemu", "*.pid")):
        _wait_for_guests(f"qemu+unix:///system?socket={daemon.socket('-sock')}")
    return daemon


def _wait_for_guests(uri):
    """It answers before it has found them, and "destroy" may then lose against the thread that does that, which takes the
    dying guest off the list first. Asking for disk errors waits for that thread."""
    for name in subprocess.run(["virsh", "-c", uri, "list", "--name"], check=False, capture_output=True, text=True).stdout.split():
        subprocess.run(["virsh", "-c", uri, "domblkerror", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def start_ours(host, name="libvirtd", conf=CONF_OPEN, **kw):
    program = daemon_program(name)
    if program is None:
        raise RuntimeError(f"{name} is not built in {build_dir()}")
    return host.start(program, sockets=sockets_of(name), conf=conf, **kw)


def sockets_of(name):
    """Socket file names of a daemon: rw, ro (where there is one), admin."""
    stem = "libvirt" if name in ("libvirtd", "virtproxyd") else name
    kinds = ["sock", "admin-sock"] if name in ("virtlogd", "virtlockd") else ["sock", "sock-ro", "admin-sock"]
    return [f"{stem}-{k}" for k in kinds]
