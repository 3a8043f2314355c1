#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The coverage page: coverage.py SOURCE_ROOT OUTPUT writes which procedures are served, and by whom, as Markdown.

It reads the initialised ops structs in the C sources: a member that is set is served by the folder that sets it."""

import os
import re
import sys

from emit_ops import PROGRAM_OPS, calls, ops_struct
from main import PROGRAMS, TYPES_ONLY
from model import Loader

OPS = re.compile(r"const (Vh\w+Ops) \w+ = \{(.*?)\n\};", re.S)
# .domain_create = ..., or a macro that has the member as its argument: SERVE(domain_create)
MEMBER = re.compile(r"^\s*(?:\.|[A-Z_]+\()(\w+)(?: =|\))", re.M)

# Folder -> how the page calls it; other folders are called by their name.
NAMES = {"runtime/testdriver": "test", "runtime/driver": "every driver", "runtime/service": "every daemon",
         "runtime/rpc": "every daemon"}


def sources(root):
    for top in ("runtime", "daemons"):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(".c") and not name.startswith(("test-", "fuzz-")):
                    yield os.path.relpath(folder, root), os.path.join(folder, name)


def served(root):
    """{(ops struct, member): [who]}"""
    found = {}
    for folder, path in sources(root):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        who = NAMES.get(folder, os.path.basename(folder))
        for struct, body in OPS.findall(text):
            for member in MEMBER.findall(body):
                servers = found.setdefault((struct, member), [])
                if who not in servers:
                    servers.append(who)
    return found


def section(title, program, procs, found):
    rows = [(p, found.get((ops_struct(program, p), p.member), [])) for p in procs]
    done = sum(1 for _, who in rows if who)
    lines = [f"## {title}: {done} of {len(rows)}", "", "| Number | Procedure | Served by |", "|---:|---|---|"]
    return lines + [f"| {p.num} | {p.name} | {', '.join(sorted(who))} |" for p, who in rows] + [""]


def page(root):
    loader = Loader(os.path.join(root, "runtime", "rpc", "protocol"))
    for name in TYPES_ONLY:
        loader.load(name)
    found = served(root)
    lines = ["# Procedures and who serves them", "",
             "Made from the sources by `ninja -C build coverage-page`. What nobody serves is answered with \"not supported\".", ""]
    for program in [loader.load(name) for name in PROGRAMS]:
        if program.name in PROGRAM_OPS:
            lines += section(f"Program {program.name}", program, calls(program), found)
            continue
        for kind in sorted({p.row.get("conn") or "" for p in calls(program)}):
            procs = [p for p in calls(program) if (p.row.get("conn") or "") == kind]
            lines += section(f"Program {program.name}, {kind or 'session'}", program, procs, found)
    return "\n".join(lines)


def main(root, output):
    with open(output, "w", encoding="utf-8") as f:
        f.write(page(root))


if __name__ == "__main__":
    main(*sys.argv[1:])
