# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test host for Python tests: boots with our installation, runs commands inside, and is gone afterwards whatever happens."""

import os
import shutil
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VHOST = os.path.join(HERE, "vhost")


class Failure(Exception):
    """What a test found wrong."""


class VHost:
    """With reference, Debian's libvirt is what is installed, and of ours only the virthost command."""

    def __init__(self, build, reference=False):
        self.scratch = tempfile.mkdtemp(prefix="vhost-", dir="/tmp")
        # The last part names the control group: hosts of several runs must not share one.
        self.dir = os.path.join(self.scratch, os.path.basename(self.scratch))
        self.dest = os.path.join(self.scratch, "dest")
        self.reference = reference
        try:
            self.install(build)
            self.start()
        except BaseException:
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise

    def install(self, build):
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"], check=True,
                       env={**os.environ, "DESTDIR": self.dest}, stdout=subprocess.DEVNULL)
        if self.reference:
            everything = self.dest + "-all"
            os.rename(self.dest, everything)
            for path in ("usr/bin/virthost", "usr/share/augeas"):
                os.makedirs(os.path.dirname(os.path.join(self.dest, path)), exist_ok=True)
                os.rename(os.path.join(everything, path), os.path.join(self.dest, path))
            shutil.rmtree(everything)

    def start(self):
        subprocess.run([VHOST, "start", self.dir, self.dest], check=True,
                       env={**os.environ, "VHOST_FOR": str(os.getpid()), "VHOST_REFERENCE": "1" if self.reference else ""})

    def reboot(self, *kept):
        """Boots again with the same contents of these folders; everything else begins anew, /run too."""
        archive = os.path.join(self.scratch, "kept.tar")
        with open(archive, "wb") as f:
            subprocess.run([VHOST, "run", self.dir, "tar", "c", *kept], check=True, stdout=f, stderr=subprocess.DEVNULL)
        subprocess.run([VHOST, "stop", self.dir], check=True)
        # What was removed must not come back from an earlier reboot.
        for path in kept:
            shutil.rmtree(self.dest + path, ignore_errors=True)
        subprocess.run(["tar", "x", "-C", self.dest, "-f", archive], check=True)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        subprocess.run([VHOST, "stop", self.dir], check=False)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def try_run(self, *command, timeout=30, stdin=None):
        """Runs a command inside; returns (exit status, output of both kinds). A command that hangs is a Failure."""
        try:
            p = subprocess.run([VHOST, "run", self.dir, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               timeout=timeout, check=False, input=stdin)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"hangs: {' '.join(command)}") from e
        return p.returncode, p.stdout.strip()

    def run(self, *command, **kw):
        """Runs a command that must succeed; returns its output."""
        status, out = self.try_run(*command, **kw)
        if status != 0:
            raise Failure(f"{' '.join(command)}: exit {status}: {out}")
        return out

    def write(self, path, text, mode="0644"):
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path} && chmod {mode} {path}", stdin=text)

    def state(self, unit):
        return self.try_run("systemctl", "is-active", unit)[1]

    def wait(self, what, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"not after {seconds} s: {what}")
            time.sleep(0.1)

    def journal(self, unit):
        return self.try_run("journalctl", "-q", "--no-pager", "-n", "30", "-u", unit)[1]
