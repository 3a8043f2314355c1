#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every attribute of devices that can be updated, changed in turn (updates.yaml): in the running guest, in its definition and in both,
with the same answers, definitions and events as with Debian's libvirtd. Prints TAP."""

import copy
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import libvirt
import yaml

import changes
from changes import CONFIG, LIVE
import host
import tap

HERE = os.path.dirname(os.path.abspath(__file__))
FORCE = 4
TOPOLOGY = "ip link add br0 type bridge && ip link set br0 up && ip address add 10.9.9.1/24 dev br0 && ip link add br1 type bridge"


def text_of(tree):
    return ET.tostring(tree, encoding="unicode")


def without(tree):
    """The device without each of its attributes and elements."""
    for index, element in enumerate(tree.iter()):
        for name in element.keys():
            less = copy.deepcopy(tree)
            del list(less.iter())[index].attrib[name]
            yield f"no {element.tag}@{name}", less
        for place, child in enumerate(element):
            less = copy.deepcopy(tree)
            parent = list(less.iter())[index]
            parent.remove(parent[place])
            yield f"no {child.tag}", less


def reach(tree, path):
    """The element of that path, which is made if need be."""
    for step in [step for step in path.split("/") if step]:
        found = tree.find(step)
        tree = ET.SubElement(tree, step) if found is None else found
    return tree


def with_others(tree, values):
    """The device with each value that it has not."""
    for path, texts in values.items():
        element, _, name = path.partition("@")
        for text in texts:
            other = copy.deepcopy(tree)
            place = reach(other, element)
            if (place.get(name) if name else place.text) == text:
                continue
            if name:
                place.set(name, text)
            else:
                place.text = text
            yield f"{path}={text}", other


def with_more(tree, elements):
    for path, texts in elements.items():
        for text in texts:
            more, child = copy.deepcopy(tree), ET.fromstring(text)
            place = reach(more, "" if path == "." else path)
            for same in place.findall(child.tag):
                place.remove(same)
            place.append(child)
            yield f"{path}+{text}", more


def variants(row):
    tree = ET.fromstring(row["xml"])
    yield "same", tree
    yield from without(tree)
    yield from with_others(tree, row.get("set", {}))
    yield from with_more(tree, row.get("add", {}))


def table():
    with open(os.path.join(HERE, "updates.yaml"), encoding="utf-8") as f:
        return yaml.safe_load(f)


GUEST = """<domain type='qemu'><name>guest</name><uuid>11111111-2222-3333-4444-555555555555</uuid>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><iothreads>2</iothreads><os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>
<features><acpi/></features><devices><controller type='scsi' model='virtio-scsi'/><controller type='usb' model='qemu-xhci'/>DEVICES
</devices></domain>"""
TABLE = table()
FLAGS = (LIVE, CONFIG, LIVE | CONFIG, LIVE | FORCE)
# Where ours says more; numbers of images, which depend on what was tried before.
NOISE = re.compile(r" at /\S* \(line \d+\)| index='\w+'")


class Side(changes.Side):
    guest = GUEST.replace("DEVICES", "".join(row["xml"] for kind in ("disk", "interface", "graphics") for row in TABLE[kind]))
    images = ("a", "b", "c", "d")

    def prepare(self):
        subprocess.run(self.h.enter(["sh", "-c", TOPOLOGY]), check=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.h.path("q.qcow2"), "1M"], check=True)

    def definitions(self):
        return NOISE.sub("", super().definitions())

    def update(self, xml, flags):
        """What the client is told, the definitions and the events behind it, and whether something changed."""
        before = self.definitions()
        answer = self.ask(lambda _: self.dom().updateDeviceFlags(self.inside(xml), flags)).replace(self.h.root, "ROOT")
        after = self.definitions()
        lines = [line for line in after.splitlines() if line not in before.splitlines()]
        return NOISE.sub("", answer), lines, self.heard() if before != after else []

    def back(self, xml, flags):
        if flags & CONFIG:
            self.define(self.inside(self.guest))
        if flags & LIVE:
            self.ask(lambda _: self.dom().updateDeviceFlags(self.inside(xml), LIVE | FORCE))
        self.heard()


def update_row(pair, kind, row):
    known, met = TABLE["known"].get(kind, {}), set()
    for name, tree in variants(row):
        for flags in [f for f in FLAGS if f in row.get("flags", [LIVE])]:
            title = f"{row['name']} {name} {flags}"
            ours, reference = [side.update(text_of(tree), flags) for side in (pair.ours, pair.reference)]
            why = next((pattern for pattern in known if re.fullmatch(pattern, title)), None)
            if ours != reference and why:
                met.add(why)
            elif ours != reference:
                pair.wrong.append(f"{kind} {title}\nreference: {reference}\nours:      {ours}")
            if ours[1:] != ([], []) or reference[1:] != ([], []):
                pair.on_both(lambda side, f=flags: side.back(row["xml"], f))
    return met


def updates(pair, kind):
    met = set()
    for row in TABLE[kind]:
        met |= update_row(pair, kind, row)
    none_left = set(TABLE["known"].get(kind, {})) - met
    assert not none_left, f"no difference any more: {none_left}"
    assert pair.ours.definitions() == pair.reference.definitions(), "the definitions differ in the end"
    pair.settle()


def disks(pair):
    """of every bus and kind"""
    updates(pair, "disk")


def interfaces(pair):
    """of a bridge, of a tap, of QEMU itself"""
    updates(pair, "interface")


def displays(pair):
    """by VNC and SPICE"""
    updates(pair, "graphics")


TESTS = [disks, interfaces, displays]


def main():
    libvirt.registerErrorHandler(lambda *args: None, None)
    if host.reference_program() is None:
        print("1..0 # SKIP Debian's libvirtd 9.0.0 is not here")
        return 0
    changes.hear()
    with changes.Pair(Side) as pair:
        return tap.run(TESTS, sys.argv[1:], pair)


if __name__ == "__main__":
    sys.exit(main())
