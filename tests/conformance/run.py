#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite: the same cases against the reference and against ours, compared.

    run.py SUITE            compare; the reference runs live if it is installed, else its recorded answers are used
    run.py --record SUITE   write the reference's answers to recorded/
    run.py --drop-stale SUITE   compare, and remove known differences (listed one a line) that are none any more
    run.py --show reference|ours SUITE [CASE]   print answers as JSON

Differences that are meant stand in known-differences.yaml with their reason. A pattern there that explains nothing any more
must be removed: a procedure that was built leaves the list of those that are not."""

import argparse
import collections
import difflib
import fnmatch
import importlib
import json
import os
import re
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "harness"), HERE]

import host  # noqa: E402

RECORDED = os.path.join(HERE, "recorded")
SKIP = 77


class Server:
    """Where a suite finds the daemon: socket("rw"|"ro"|"admin"), and the drivers it may open."""

    def __init__(self, kind, daemon, uris):
        self.kind, self.daemon, self.uris = kind, daemon, uris

    def socket(self, which):
        return self.daemon.socket({"rw": "-sock", "ro": "-sock-ro", "admin": "-admin-sock"}[which])

    def uri(self, driver):
        """A URI for client libraries."""
        path = self.uris[driver].split(":", 1)[1]
        return f"{driver}+unix:{path}?socket={self.socket('rw')}"


URIS = {"test": "test:///default", "qemu": "qemu:///system"}
# What differs from run to run whoever serves.
VOLATILE = [
    (re.compile(r"/tmp/vh-[^/]+"), "ROOT"),
    (re.compile(re.escape(HERE)), "HERE"),
    # The file is too short and no call failed: the errno is left over from something before.
    (re.compile(r"(failed to read metadata length in '.*'|incomplete save header in '.*'): .*"), r"\1: ERRNO"),
]


def normalise(value):
    if isinstance(value, str):
        for pattern, word in VOLATILE:
            value = pattern.sub(word, value)
        return value
    if isinstance(value, list):
        return [normalise(v) for v in value]
    if isinstance(value, dict):
        return {k: normalise(v) for k, v in value.items()}
    return value


def answers(kind, suite):
    """Runs a suite against a server; case → answer."""
    with host.Host() as h:
        module = importlib.import_module(suite)
        start = host.start_reference if kind == "reference" else host.start_ours
        daemon = start(h, conf=getattr(module, "CONF", host.CONF_OPEN))
        results = module.run(Server(kind, daemon, URIS))
        if not daemon.alive():
            results["daemon/still-runs"] = f"ended with {daemon.process.returncode}: {daemon.log()[-2000:]}"
        return normalise(results)


def recorded_path(suite):
    return os.path.join(RECORDED, suite + ".json")


def record(suite):
    os.makedirs(RECORDED, exist_ok=True)
    with open(recorded_path(suite), "w", encoding="utf-8") as f:
        f.write("{\n")
        lines = [f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in sorted(answers("reference", suite).items())]
        f.write(",\n".join(lines) + "\n}\n")


def reference_answers(suite):
    if host.reference_program():
        return answers("reference", suite)
    with open(recorded_path(suite), encoding="utf-8") as f:
        return normalise(json.load(f))


def known_differences(suite):
    with open(os.path.join(HERE, "known-differences.yaml"), encoding="utf-8") as f:
        return [d for d in yaml.safe_load(f) or [] if d["suite"] == suite]


def matches(answer, wanted):
    """wanted: None for anything, a string, or the part of an error that must agree."""
    if wanted is None or answer == wanted:
        return True
    return isinstance(wanted, dict) and isinstance(answer, dict) and all(answer.get(k) == v for k, v in wanted.items())


def known(rows, name, expected, got):
    """(row, its patterns that match) of the row that explains a difference, None if there is none."""
    for row in rows:
        patterns = [c for c in row["cases"] or [] if fnmatch.fnmatchcase(name, c)]
        if patterns and matches(expected, row.get("reference")) and matches(got, row.get("ours")):
            return row, patterns
    return None


def drop_stale(suite, stale):
    """Removes patterns that explain nothing, where each stands in a line of its own."""
    path = os.path.join(HERE, "known-differences.yaml")
    with open(path, encoding="utf-8") as f:
        lines = f.readlines()
    inside = False
    kept = []
    for line in lines:
        if line.startswith("- suite:"):
            inside = line.split(":", 1)[1].strip() == suite
        if not (inside and line.startswith("  - ") and yaml.safe_load(line)[0] in stale):
            kept.append(line)
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(kept)


def explain(expected, got):
    """The two answers; of texts only the lines that differ."""
    if isinstance(expected, list) and isinstance(got, list) and all(isinstance(line, str) for line in expected + got):
        return list(difflib.unified_diff(expected, got, "reference", "ours", n=0, lineterm=""))
    return [f"reference: {json.dumps(expected, sort_keys=True)}", f"ours:      {json.dumps(got, sort_keys=True)}"]


def compare(suite, drop=False):
    """Prints TAP; true if ours does what the reference does, known differences aside. drop: remove patterns of known
    differences that explain nothing any more."""
    expected, got = reference_answers(suite), answers("ours", suite)
    rows = known_differences(suite)
    used, differ, failed = collections.Counter(), 0, 0
    names = sorted(expected.keys() | got.keys())
    print(f"1..{len(names) + sum(len(row['cases'] or []) for row in rows)}")
    for number, name in enumerate(names, 1):
        if expected.get(name) == got.get(name):
            print(f"ok {number} {name}")
            continue
        found = known(rows, name, expected.get(name), got.get(name))
        if found:
            used.update((id(found[0]), pattern) for pattern in found[1])
            print(f"ok {number} {name} # known difference: {found[0]['reason']}")
            differ += 1
            continue
        failed += 1
        print(f"not ok {number} {name}")
        print("\n".join("#   " + line for line in explain(expected.get(name), got.get(name))))
    stale, number = set(), len(names)
    for row in rows:
        for pattern in row["cases"] or []:
            number += 1
            count = used[id(row), pattern]
            print(f"{'ok' if count else 'not ok'} {number} {pattern} differs in {count} cases: {row['reason']}")
            if not count:
                stale.add(pattern)
    if drop and stale:
        drop_stale(suite, stale)
    elif stale:
        print(f"# {len(stale)} patterns explain nothing: remove them (run.py --drop-stale {suite})")
    print(f"# of {len(names)} cases {differ} differ as known, {failed} otherwise")
    return not failed and not stale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--drop-stale", action="store_true")
    parser.add_argument("--show", choices=("reference", "ours"))
    parser.add_argument("suite")
    parser.add_argument("case", nargs="?", default="*")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("1..0 # SKIP private mount namespaces need root")
        return SKIP
    if args.record or os.environ.get("VIRTHOST_REGENERATE"):
        record(args.suite)
        return 0
    if args.show:
        for name, answer in answers(args.show, args.suite).items():
            if fnmatch.fnmatchcase(name, args.case):
                print(name, json.dumps(answer))
        return 0
    return 0 if compare(args.suite, args.drop_stale) else 1


if __name__ == "__main__":
    sys.exit(main())
