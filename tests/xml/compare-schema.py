#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which elements and attributes of the reference's schemas our tables do not know: compare-schema.py LIST-PATHS. Those that are
meant stand in schema-gaps.yaml with a reason; a new one fails, and so does one that is none any more."""

import os
import subprocess
import sys

import yaml

from schema_paths import Schema

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMAS = "/usr/share/libvirt/schemas"
DOCUMENTS = {"domain": "domain.rng", "snapshot": "domainsnapshot.rng", "checkpoint": "domaincheckpoint.rng",
             "backup": "domainbackup.rng"}
SKIP = 77


class Known:
    """What our tables know."""

    def __init__(self, program, document):
        lines = subprocess.run([program, document], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        self.exact = {line for line in lines if not line.endswith("/...")}
        self.below = tuple(line[:-3] for line in lines if line.endswith("/..."))

    def __contains__(self, path):
        return path in self.exact or path.startswith(self.below) if self.below else path in self.exact


def outermost(paths):
    """Without those below another one."""
    kept = []
    for path in sorted(paths):
        if not any(path.startswith(k + "/") for k in kept):
            kept.append(path)
    return kept


def main(program):
    if not os.path.isdir(SCHEMAS):
        print("1..0 # SKIP the reference's schemas are not installed")
        return SKIP
    with open(os.path.join(HERE, "schema-gaps.yaml"), encoding="utf-8") as f:
        gaps = yaml.safe_load(f) or {}
    print(f"1..{len(DOCUMENTS)}")
    failed = 0
    for number, (document, schema) in enumerate(DOCUMENTS.items(), 1):
        paths = Schema(os.path.join(SCHEMAS, schema)).paths()
        known = Known(program, document)
        missing = [p for p in paths if p not in known]
        meant = set(gaps.get(document) or {})
        unmeant = sorted(set(outermost(missing)) - meant)
        stale = sorted(meant - set(missing))
        for path in unmeant:
            print(f"# not known: {path}")
        for path in stale:
            print(f"# known by now, remove it from schema-gaps.yaml: {path}")
        failed += bool(unmeant or stale)
        print(f"{'not ok' if unmeant or stale else 'ok'} {number} {document}: {len(paths) - len(missing)} of {len(paths)} paths")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
