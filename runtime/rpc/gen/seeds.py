#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Payloads made from the descriptions by Python, for the tests of what C makes of them.

    seeds.py DESCRIPTIONS CORPUS       seeds of the RPC fuzz targets, in CORPUS/payload/ and CORPUS/frame-print/
    seeds.py DESCRIPTIONS --pack FILE  the payload seeds in one file, each behind a length word

For every payload there is a poor seed (nothing optional, empty lists) and a rich one (everything there, two items a list)."""

import os
import struct
import sys

from main import PROGRAMS, TYPES_ONLY
from model import Loader

SCALARS = {"INT": ">i", "UINT": ">I", "HYPER": ">q", "UHYPER": ">Q", "DOUBLE": ">d", "CHAR": ">i", "UCHAR": ">I",
           "SHORT": ">i", "USHORT": ">I"}
FRAME_HEADER = ">IIIiIII"
CALL, REPLY, MESSAGE = 0, 1, 2


def padded(data):
    return data + bytes(-len(data) % 4)


def value(t, rich):
    """A type in XDR."""
    if t.kind == "STRING":
        text = b"seed" if rich else b""
        return struct.pack(">I", len(text)) + padded(text)
    if t.kind == "STRUCT":
        return b"".join(member(f, rich) for f in t.fields)
    if t.kind == "UNION":
        arm = t.fields[-1 if rich else 1]
        return struct.pack(">i", arm.selector) + member(arm, rich)
    return struct.pack(SCALARS[t.kind], 1 if rich else 0)


def items(t, n, rich):
    return padded(b"o" * n) if t.kind == "OPAQUE" else b"".join(value(t, rich) for _ in range(n))


def member(f, rich):
    """A field with its shape in XDR."""
    if f.shape == "OPTIONAL":
        return struct.pack(">I", rich) + (value(f.type, rich) if rich else b"")
    if f.shape == "FIXED":
        return items(f.type, f.count, rich)
    if f.shape == "VARIABLE":
        n = min(2, f.count) if rich else 0
        return struct.pack(">I", n) + items(f.type, n, rich)
    return value(f.type, rich)


def frame(program, proc, kind, payload):
    return struct.pack(FRAME_HEADER, 28 + len(payload), program.number, program.version, proc.num, kind, 7, 0) + payload


def kind_of(proc, reply):
    if proc.dir != "call":
        return MESSAGE
    return REPLY if reply else CALL


def seeds(directory):
    """(target, name, content) of each seed; the selector of a payload is what fuzz-payload.c reads."""
    loader = Loader(directory)
    for name in TYPES_ONLY:
        loader.load(name)
    for index, program in enumerate(loader.load(name) for name in PROGRAMS):
        for proc in program.procs:
            for reply, t in enumerate((proc.args, proc.ret)):
                for rich in (False, True) if t else ():
                    payload = value(t, rich)
                    selector = struct.pack(">BHB", index, proc.num, reply | (proc.num & 3) << 1)
                    seed = f"{program.name}-{proc.num}-{'ret' if reply else 'args'}-{'rich' if rich else 'poor'}"
                    yield "payload", seed, selector + payload
                    yield "frame-print", seed, frame(program, proc, kind_of(proc, reply), payload)


def pack(directory, path):
    with open(path, "wb") as f:
        for target, _, content in seeds(directory):
            if target == "payload":
                f.write(struct.pack(">I", len(content)) + content)


def main(directory, corpus, path=None):
    if corpus == "--pack":
        pack(directory, path)
        return
    for target, name, content in seeds(directory):
        os.makedirs(os.path.join(corpus, target), exist_ok=True)
        with open(os.path.join(corpus, target, name), "wb") as f:
            f.write(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
