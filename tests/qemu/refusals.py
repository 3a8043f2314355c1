#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fragments of definitions, most of them wrong, as Debian's libvirtd and ours take them: refused by both with the same code, or
accepted by both and dumped alike. refusals.yaml has the fragments; a row with `ours` says where and why we differ on purpose, and one
that does not differ any more is an error. Prints TAP."""

import os
import re
import sys

import libvirt
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "harness"))

import host  # noqa: E402

FLAGS = libvirt.VIR_DOMAIN_XML_INACTIVE
BASE = {
    "name": "<name>g</name>",
    "uuid": "<uuid>00000000-1111-4222-8333-444444444444</uuid>",
    "memory": "<memory>131072</memory>",
    "vcpu": "<vcpu>2</vcpu>",
}
MACHINES = {"pc": "pc-i440fx-7.2", "q35": "pc-q35-7.2"}
# The reference ends itself on these: it is not asked.
FATAL = "reference ends"


def definition(row):
    """A small guest with the fragment instead of, or beside, its own elements."""
    fragment = row.get("domain", "")
    os_element = f"<os><type arch='x86_64' machine='{MACHINES[row.get('machine', 'pc')]}'>hvm</type></os>"
    own = "".join(text for name, text in {**BASE, "os": os_element}.items() if not re.match(rf"<{name}[ />]", fragment))
    return f"<domain type='qemu'>{own}{fragment}<devices>{row.get('devices', '')}</devices></domain>"


def without_chance(xml):
    """MAC addresses that a definition did not give are random."""
    return re.sub(r"52:54:00:[0-9a-f:]{8}", "52:54:00:xx:xx:xx", xml)


def answer(conn, row):
    """("accepted", dump) or (code, message)."""
    try:
        dom = conn.defineXML(definition(row))
    except libvirt.libvirtError as e:
        return e.get_error_code(), str(e)
    try:
        return "accepted", without_chance(dom.XMLDesc(FLAGS))
    finally:
        dom.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)


def answers(daemon, rows):
    conn = libvirt.open(f"qemu+unix:///system?socket={daemon.socket('-sock')}")
    try:
        return [answer(conn, row) for row in rows]
    finally:
        conn.close()


def problem(row, theirs, ours):
    """What is wrong with the two answers, None if nothing is."""
    same = theirs[0] == ours[0] and (theirs[0] != "accepted" or theirs[1] == ours[1])
    if "ours" in row:
        return "the row says that we differ, but we do not" if same else None
    return None if same else f"reference: {theirs[0]}: {theirs[1]}\nours: {ours[0]}: {ours[1]}"


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        return 77
    with open(os.path.join(HERE, "refusals.yaml"), encoding="utf-8") as f:
        rows = yaml.safe_load(f)
    with host.Host() as h:
        ours = answers(host.start_ours(h, "virtqemud"), rows)
    asked = [row for row in rows if row.get("ours") != FATAL]
    with host.Host() as h:
        theirs = iter(answers(host.start_reference(h), asked))
    failed = 0
    print(f"1..{len(rows)}")
    for n, (row, our) in enumerate(zip(rows, ours), 1):
        if row.get("ours") == FATAL:
            wrong = "accepted" if our[0] == "accepted" else None
        else:
            wrong = problem(row, next(theirs), our)
        failed += wrong is not None
        name = (row.get("domain") or row.get("devices")).replace("#", " ").replace("\n", " ")
        print(f"{'ok' if wrong is None else 'not ok'} {n} - {row.get('machine', 'pc')} {name[:150]}")
        if wrong:
            print("\n".join("# " + line for line in wrong.splitlines()))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
