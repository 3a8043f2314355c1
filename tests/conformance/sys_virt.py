# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sys::Virt, the Perl client: sys-virt.pl prints one line a call."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def run(server):
    p = subprocess.run(["perl", os.path.join(HERE, "sys-virt.pl"), server.uri("test")], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    lines = [line.partition("\t") for line in p.stdout.strip().split("\n")]
    return {**{name: value for name, _, value in lines}, "exit status": p.returncode}
