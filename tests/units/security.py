#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sandbox of each service against the distribution's: systemd's own score must be better, whatever it is worth.

usage: security.py UNIT-DIR SOURCE-DIR [--write]     --write puts the table into docs/SANDBOX.md

A daemon that the distribution has no unit for is measured against libvirtd.service, which does its work there. Without
libvirt packages on this machine the distribution's scores are those in the table. Exit status 77: systemd-analyze is
missing or knows no --offline."""

import glob
import os
import re
import shutil
import subprocess
import sys

UNITS, SOURCE = sys.argv[1:3]
TABLE = os.path.join(SOURCE, "docs", "SANDBOX.md")
BEGIN = "| Unit | Score | Distribution's unit | Its score |\n|---|---|---|---|\n"

sys.path.insert(0, os.path.join(SOURCE, "daemons", "gen"))
import model  # noqa: E402


def score(path):
    run = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=100", path],
                         capture_output=True, text=True, check=False, env={**os.environ, "LANG": "C.UTF-8"})
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", run.stdout)
    if not found:
        sys.exit(f"no score for {path}: {run.stdout}{run.stderr}")
    return float(found[1])


def theirs(name):
    """(unit, score) of the distribution for one of our services; None without its packages."""
    for unit in (name, "libvirtd.service"):
        for folder in ("/lib/systemd/system", "/usr/lib/systemd/system"):
            path = os.path.join(folder, unit)
            if os.path.exists(path):
                return unit, score(path)
    return None


def rows():
    with open(TABLE, encoding="utf-8") as f:
        old = {m[1]: (m[2], float(m[3])) for m in re.finditer(r"^\| (\S+) \| \S+ \| (\S+) \| (\S+) \|$", f.read(), re.M)}
    for path in sorted(glob.glob(os.path.join(UNITS, "*.service"))):
        name = os.path.basename(path)
        yield name, score(path), theirs(name) or old[name]


def reasons():
    """What each daemon holds, and why: out of the descriptions."""
    out = []
    for daemon in model.Model(os.path.join(SOURCE, "daemons"), model.parse_paths([])).daemons.values():
        if not daemon.units:
            continue
        out.append(f"\n### {daemon.name}\n\n")
        for right in daemon.rights.capabilities:
            out.append(f"- `{right['name']}`: {right['why']}\n")
        for right in daemon.rights.syscalls if not daemon.rights.guests else []:
            out.append(f"- system calls `{right['group']}`: {right['why']}\n")
        for right in daemon.rights.denied_syscalls if daemon.rights.guests else []:
            out.append(f"- no system calls `{right['group']}`: {right['why']}\n")
        for right in daemon.rights.paths:
            out.append(f"- `{right['path']}`: {right['why']}\n")
        if daemon.rights.native:
            out.append(f"- no other ABI: {daemon.rights.native}\n")
        if daemon.rights.mounts == "host":
            out.append(f"- files as the host has them: {daemon.rights.mounts_why}\n")
    return "".join(out)


def text_of(table):
    with open(TABLE, encoding="utf-8") as f:
        head = f.read().partition(BEGIN)[0]
    lines = "".join(f"| {name} | {own} | {unit} | {other} |\n" for name, own, (unit, other) in table)
    return head + BEGIN + lines + "\n## Rights and their reasons\n" + reasons()


def main():
    if not shutil.which("systemd-analyze"):
        return 77
    table = list(rows())
    failed = 0
    for name, own, (unit, other) in table:
        print(f"{'ok' if own < other else 'not ok'} {name} {own}, {unit} of the distribution {other}")
        failed += own >= other
    text = text_of(table)
    if "--write" in sys.argv:
        with open(TABLE, "w", encoding="utf-8") as f:
            f.write(text)
    with open(TABLE, encoding="utf-8") as f:
        current = f.read()
    # Scores move with systemd's version, rights do not.
    if current.partition("## Rights")[2] != text.partition("## Rights")[2]:
        print("not ok docs/SANDBOX.md is out of date: tests/units/security.py UNIT-DIR SOURCE-DIR --write")
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
