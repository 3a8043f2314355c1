#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls every procedure with well-formed but odd values: extreme numbers, names of other things, half an XML document. Our
daemon answers each call, lives, and ends without complaint (with a sanitizer build: without a leak or bad access).

    values.py [--seed N] [URI...]"""

import argparse
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "harness"))

import host  # noqa: E402
import wire  # noqa: E402

REMOTE = wire.program("remote")
URIS = ["test:///default", "qemu:///system"]
NUMBERS = [0, 1, 2, -1, 0x7FFFFFFF, -0x80000000]
GUEST = "6695eb01-f6a4-8304-79aa-97f2502e193f"
UUID = bytes.fromhex(GUEST.replace("-", ""))
TEXTS = ["test", "default", "default-pool", "eth1", "computer", "v1", "s1", "vda", "", "%s%n", "\x01"]
XML = [
    f"<domain type='qemu'><name>test</name><uuid>{GUEST}</uuid><memory>1024</memory><os><type>hvm</type></os></domain>",
    "<domain type='test'><name>a</name><memory>1</memory><os><type>hvm</type></os></domain>",
    "<domainsnapshot><name>s1</name></domainsnapshot>", "<domaincheckpoint><name>c1</name></domaincheckpoint>",
    "<network><name>n</name></network>", "<volume><name>v1</name><capacity>1</capacity></volume>",
    "<pool type='dir'><name>p</name><target><path>/x</path></target></pool>", "<interface type='ethernet' name='e'/>",
    "<device><name>d</name></device>", "<a><b/>", "<", "",
]
BITS = {"uint": 32, "uhyper": 64, "uchar": 8, "ushort": 16}
# They end the connection or wait for a login dialogue.
LEFT_OUT = ("CONNECT_OPEN", "CONNECT_CLOSE", "AUTH_")


class Values:
    """Odd values for a type; `file` is used wherever a path may be written to."""

    def __init__(self, seed, file):
        self.random = random.Random(seed)
        self.file = file

    def text(self, name):
        if "xml" in name.lower():
            return self.random.choice(XML)
        if name in ("to", "from", "path", "file", "newfile"):
            return self.file
        return self.random.choice(TEXTS)

    def number(self, kind):
        value = self.random.choice(NUMBERS)
        if kind in BITS:
            return value % (1 << BITS[kind])
        return max(-100, min(100, value)) if kind in ("char", "short") else value

    def field(self, field):
        count = REMOTE.constant(field["len"]) if "len" in field else None
        if "max" in field and field["type"] != "string":
            count = self.random.randrange(0, min(3, REMOTE.constant(field["max"]) + 1))
        if count is None:
            return self.value(field["type"], field["name"])
        if field["type"] == "opaque":
            return UUID[:count] if count <= len(UUID) else bytes(count)
        return [self.value(field["type"], field["name"]) for _ in range(count)]

    def value(self, kind, name):
        if kind in wire.PRIMITIVES:
            return self.number(kind)
        shape, body = REMOTE.lookup(kind)
        if shape == "enums":
            return self.number("int")
        if shape == "typedefs":
            return self.typedef(body, name)
        if shape == "unions":
            arm = self.random.choice(body["arms"])
            return arm["case"], self.field(arm["field"])
        return {f["name"]: self.field(f) for f in body}

    def typedef(self, body, name):
        if body.get("opt") and self.random.random() < 0.3:
            return None
        if body["type"] == "string":
            return self.text(name)
        return self.field(dict(body, name=name))


def connect(daemon, uri):
    connection = wire.Connection(daemon.socket("libvirt-sock"), timeout=20)
    connection.call("CONNECT_OPEN", name=uri, flags=0)
    return connection


def procedures():
    for proc in REMOTE.procs.values():
        if proc["dir"] == "call" and proc.get("args") and not proc.get("fds") and not proc["short"].startswith(LEFT_OUT):
            yield proc


def call_all(daemon, uri, values):
    """Returns what went wrong as text, or None."""
    connection = connect(daemon, uri)
    for proc in procedures():
        payload = REMOTE.encode(proc["args"], values.value(proc["args"], ""))
        try:
            connection.call_raw(proc["num"], payload)
        except (wire.Closed, TimeoutError) as e:
            return f"{proc['short']} with {payload.hex()}: {e!r}\n{daemon.log()}"
    connection.sock.close()
    return None


def run(uri, seed, rounds):
    with host.Host() as place:
        daemon = host.start_ours(place)
        values = Values(seed, place.path("file"))
        for _ in range(rounds):
            wrong = call_all(daemon, uri, values)
            if wrong:
                return wrong
        status = daemon.stop()
        return f"ended with {status}:\n{daemon.log()}" if status else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("uri", nargs="*", default=URIS)
    args = parser.parse_args()
    failed = False
    for uri in args.uri:
        wrong = run(uri, args.seed, args.rounds)
        print(f"{uri}: {wrong or 'ok'}")
        failed |= wrong is not None
    return failed


if __name__ == "__main__":
    sys.exit(main())
