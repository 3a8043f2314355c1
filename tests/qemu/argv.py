#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions of QEMU guests and their command lines: each one in argv/ gives the arguments that stand beside it (golden files), and
those that Debian's libvirtd gives, but for what argv/known-differences.yaml allows and explains. All forms of its dump are the same. Order and text count; members of JSON
arguments may come in any order. VIRTHOST_REGENERATE=1 rewrites the golden files. Prints TAP."""

import difflib
import glob
import json
import os
import re
import shlex
import sys

import libvirt
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402

CASES = os.path.join(HERE, "argv")
# QEMU programs besides those for x86.
ARCHS = ("aarch64", "arm", "ppc64", "s390x", "riscv64")


def plain(word):
    """An argument with the members of its JSON in order."""
    return json.dumps(json.loads(word), sort_keys=True) if word.startswith("{") else word


def lines(text):
    """A command line as lines: environment, program, then an option with its argument each."""
    result = []
    for word in shlex.split(text):
        if result and result[-1].startswith("-") and " " not in result[-1] and not word.startswith("-"):
            result[-1] += " " + plain(word)
        elif not word.startswith("PATH="):
            result.append(word)
    return result


def native(conn, xml):
    try:
        return lines(conn.domainXMLToNative("qemu-argv", xml, 0))
    except libvirt.libvirtError as e:
        return [f"error: {e}"]


def changes(a, b):
    return [line for line in difflib.unified_diff(a, b, n=0, lineterm="")
            if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def check_golden(path, ours):
    golden = path.replace(".xml", ".args")
    if os.environ.get("VIRTHOST_REGENERATE"):
        with open(golden, "w", encoding="utf-8") as f:
            f.write("\n".join(ours) + "\n")
    with open(golden, encoding="utf-8") as f:
        return changes(f.read().splitlines(), ours)


# Ours adds where in the document something is wrong.
PLACE = re.compile(r" at /\S+( \(line \d+\))?$")
# Of dumpxml: stored, with secrets, with the CPU as it would be, for other hosts.
FORMS = (2, 3, 6, 8, 10)


def dump(dom, form):
    """Lines; of a definition whose CPU nobody can tell, why."""
    try:
        # Addresses that a definition did not give are random.
        return re.sub("52:54:00:[0-9a-f:]{8}", "MAC", dom.XMLDesc(form)).splitlines()
    except libvirt.libvirtError as e:
        return [f"error {e.get_error_code()}: {e}"]


def dumps(conn, xml):
    try:
        dom = conn.defineXML(xml)
    except libvirt.libvirtError as e:
        return [f"error {e.get_error_code()}: {PLACE.sub('', str(e))}"]
    try:
        return [dump(dom, form) for form in FORMS]
    finally:
        dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def dump_differences(theirs, ours):
    if len(theirs) != len(ours):
        return [f"-{str(theirs)[:300]}", f"+{str(ours)[:300]}"]
    return [f"form {form}: {line}" for form, a, b in zip(FORMS, theirs, ours) for line in changes(a, b)]


class Known:
    """Rows of known-differences.yaml; one that explains nothing is an error."""

    def __init__(self):
        with open(os.path.join(CASES, "known-differences.yaml"), encoding="utf-8") as f:
            self.rows = yaml.safe_load(f)
        self.used = set()

    def explains(self, case, line):
        for i, row in enumerate(self.rows):
            if case in row["cases"] and re.search(row["line"], line):
                self.used.add(i)
                return True
        return False

    def stale(self):
        return [row for i, row in enumerate(self.rows) if i not in self.used]


class Report:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def say(self, name, problems):
        self.count += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for problem in problems:
            print(f"# {problem}")


def connect(daemon):
    return libvirt.open(f"qemu+unix:///system?socket={daemon.socket('-sock')}")


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    report = Report()
    paths = sorted(glob.glob(os.path.join(CASES, "*.xml")))
    answers = {}
    shown = {}
    with host.Host(archs=ARCHS) as h:
        conn = connect(host.start_ours(h, "virtqemud"))
        for path in paths:
            with open(path, encoding="utf-8") as f:
                xml = f.read()
            answers[path] = native(conn, xml)
            shown[path] = dumps(conn, xml)
            report.say(f"golden {os.path.basename(path)}", check_golden(path, answers[path]))
        conn.close()
    if host.reference_program() is None:
        print(f"ok {report.count + 1} - comparison # SKIP Debian's libvirtd 9.0.0 is not here\n1..{report.count + 1}")
        return report.failed > 0
    known = Known()
    with host.Host(archs=ARCHS) as h:
        conn = connect(host.start_reference(h))
        for path in paths:
            case = os.path.basename(path)[:-len(".xml")]
            with open(path, encoding="utf-8") as f:
                xml = f.read()
            reference = native(conn, xml)
            told = dump_differences(dumps(conn, xml), shown[path])
            report.say(f"dumps {case}", [line for line in told if not known.explains(case, line)])
            found = changes(reference, answers[path])
            report.say(f"reference {case}", [line for line in found if not known.explains(case, line)])
        conn.close()
    report.say("known differences are still there", [str(row) for row in known.stale()])
    print(f"1..{report.count}")
    return report.failed > 0


if __name__ == "__main__":
    sys.exit(main())
