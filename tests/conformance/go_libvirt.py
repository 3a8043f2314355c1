# SPDX-License-Identifier: LGPL-2.1-or-later
"""go-libvirt: a second implementation of the wire that shares no code with libvirt. go_libvirt/main.go prints a line a call."""

import os
import subprocess
import tempfile

import host

HERE = os.path.dirname(os.path.abspath(__file__))
# Where Debian installs Go sources.
GOPATH = "/usr/share/gocode"


def build(folder):
    program = os.path.join(folder, "go-client")
    subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "go_libvirt", "main.go")], check=True, timeout=280,
                   env={**os.environ, "GOPATH": GOPATH, "GO111MODULE": "off", "CGO_ENABLED": "0",
                        "GOCACHE": os.path.join(host.build_dir(), "go-cache"), "GOFLAGS": "-p=2"})
    return program


def run(server):
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([build(folder), server.socket("rw")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           timeout=60, check=False)
    lines = [line.partition("\t") for line in p.stdout.strip().split("\n")]
    return {**{name: value for name, _, value in lines}, "exit status": p.returncode}
