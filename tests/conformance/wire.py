# SPDX-License-Identifier: LGPL-2.1-or-later
"""A wire client made from the protocol descriptions: any procedure, any argument, no client library in between.

    w = Wire("/run/libvirt/libvirt-sock"); w.open("test:///default")
    w.call("DOMAIN_LOOKUP_BY_NAME", name="test")   -> dict of the reply
    WireError is raised for an error reply; its attributes are the fields of the error body.

Arguments left out are zero, "" or absent.
"""
import os
import select
import socket
import struct
import time

import yaml

CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS, STREAM_HOLE = range(7)
STATUS_OK, STATUS_ERROR, STATUS_CONTINUE = range(3)
PROTOCOL_DIR = os.path.join(os.path.dirname(__file__), "..", "..", "runtime", "rpc", "protocol")


class WireError(Exception):
    def __init__(self, body):
        super().__init__(f"{body['code']}/{body['domain']}: {body['message']}")
        self.__dict__.update(body)


class Description:
    """Types and procedures of one program, with those of the programs it borrows from."""

    WORDS = {"int": ">i", "uint": ">I", "hyper": ">q", "uhyper": ">Q", "double": ">d", "char": ">i", "uchar": ">I",
             "short": ">i", "ushort": ">I", "bool": ">i"}

    def __init__(self, *files):
        self.structs, self.typedefs, self.unions, self.enums, self.consts, self.procs = {}, {}, {}, {}, {}, {}
        for name in files:
            with open(os.path.join(PROTOCOL_DIR, name)) as f:
                y = yaml.safe_load(f)
            self.consts.update(y.get("externals") or {})
            self.consts.update(y.get("constants") or {})
            for key in ("structs", "typedefs", "unions", "enums"):
                getattr(self, key).update(y.get(key) or {})
            self.program = y["program"]
            self.procs = {p["name"].split("_PROC_", 1)[1]: p for p in y["procs"]}
            self.by_num = {p["num"]: p for p in y["procs"]}

    def size(self, n):
        return n if isinstance(n, int) else self.consts[n]

    def encode(self, spec, v):
        """spec: a field of the description; v: the value or None for the default."""
        if spec.get("opt"):
            if v is None:
                return struct.pack(">I", 0)
            return struct.pack(">I", 1) + self.encode({k: x for k, x in spec.items() if k != "opt"}, v)
        t = spec["type"]
        if t in ("string", "opaque"):
            raw = (v or b"") if not isinstance(v, str) else v.encode()
            if "len" in spec:
                return raw.ljust(self.size(spec["len"]), b"\0")
            return struct.pack(">I", len(raw)) + raw + b"\0" * (-len(raw) % 4)
        if "max" in spec:
            items = list(v or [])
            return struct.pack(">I", len(items)) + b"".join(self.encode({"type": t}, i) for i in items)
        if "len" in spec:
            items = list(v or []) + [None] * (self.size(spec["len"]) - len(v or []))
            return b"".join(self.encode({"type": t}, i) for i in items)
        if t in self.WORDS:
            return struct.pack(self.WORDS[t], v or 0)
        if t in self.enums:
            return struct.pack(">i", v or 0)
        if t in self.typedefs:
            return self.encode(self.typedefs[t], v)
        if t in self.unions:
            u = self.unions[t]
            kind, value = v if v is not None else (u["arms"][0]["case"], None)
            arm = next(a for a in u["arms"] if a["case"] == kind)
            return struct.pack(">i", kind) + self.encode(arm["field"], value)
        v = v or {}
        unknown = set(v) - {f["name"] for f in self.structs[t]}
        if unknown:
            raise KeyError(f"{t} has no {unknown}")
        return b"".join(self.encode(f, v.get(f["name"])) for f in self.structs[t])

    def decode(self, spec, data, pos):
        if spec.get("opt"):
            present, = struct.unpack_from(">I", data, pos)
            if not present:
                return None, pos + 4
            return self.decode({k: x for k, x in spec.items() if k != "opt"}, data, pos + 4)
        t = spec["type"]
        if t in ("string", "opaque"):
            if "len" in spec:
                n = self.size(spec["len"])
            else:
                n, = struct.unpack_from(">I", data, pos)
                pos += 4
            raw = data[pos:pos + n]
            if len(raw) != n:
                raise ValueError("string runs past the frame")
            pos += n + (-n % 4)
            return (raw.decode("utf-8", "replace") if t == "string" else raw.hex()), pos
        if "max" in spec or "len" in spec:
            if "len" in spec:
                n = self.size(spec["len"])
            else:
                n, = struct.unpack_from(">I", data, pos)
                pos += 4
                if n > self.size(spec["max"]):
                    raise ValueError(f"{n} items of {t}, {spec['max']} allowed")
            items = []
            for _ in range(n):
                item, pos = self.decode({"type": t}, data, pos)
                items.append(item)
            return items, pos
        if t in self.WORDS:
            size = struct.calcsize(self.WORDS[t])
            return struct.unpack_from(self.WORDS[t], data, pos)[0], pos + size
        if t in self.enums:
            return struct.unpack_from(">i", data, pos)[0], pos + 4
        if t in self.typedefs:
            return self.decode(self.typedefs[t], data, pos)
        if t in self.unions:
            kind, = struct.unpack_from(">i", data, pos)
            arm = next(a for a in self.unions[t]["arms"] if a["case"] == kind)
            value, pos = self.decode(arm["field"], data, pos + 4)
            return (kind, value), pos
        out = {}
        for f in self.structs[t]:
            out[f["name"]], pos = self.decode(f, data, pos)
        return out, pos


REMOTE = Description("remote.yaml")
QEMU = Description("remote.yaml", "qemu.yaml")


class Wire:
    def __init__(self, path, timeout=10):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.serial = 0
        self.events = []
        self.streams = []
        self.call("AUTH_LIST")

    def open(self, uri, flags=0):
        self.call("CONNECT_OPEN", name=uri, flags=flags)
        return self

    def close(self):
        self.call("CONNECT_CLOSE")
        self.sock.close()

    def _read(self, n):
        data = b""
        while len(data) < n:
            part = self.sock.recv(n - len(data))
            if not part:
                raise EOFError("connection closed by the daemon")
            data += part
        return data

    def frame(self):
        """Next frame: (header words prog..status, payload)."""
        size, = struct.unpack(">I", self._read(4))
        data = self._read(size - 4)
        head = struct.unpack(">6I", data[:24])
        pos = 28 if head[3] == REPLY_WITH_FDS else 24
        return head, data[pos:]

    def _event(self, desc, head, payload):
        p = desc.by_num[head[2]]
        msg = desc.decode({"type": p["msg"]}, payload, 0)[0] if p.get("msg") else None
        self.events.append((p["name"], msg))

    def call(self, proc, desc=REMOTE, **args):
        p = desc.procs[proc]
        payload = desc.encode({"type": p["args"]}, args) if p["args"] else b""
        serial, self.serial = self.serial, self.serial + 1
        head = struct.pack(">IIIiIII", 28 + len(payload), desc.program["number"], 1, p["num"], CALL, serial, STATUS_OK)
        self.sock.sendall(head + payload)
        while True:
            h, data = self.frame()
            if h[3] == MESSAGE:
                self._event(desc, h, data)
            elif h[3] == STREAM:
                self.streams.append((h, data))
            elif h[4] == serial:
                break
        if h[5] == STATUS_ERROR:
            raise WireError(REMOTE.decode({"type": "remote_error"}, data, 0)[0])
        if not p.get("ret"):
            return None
        return desc.decode({"type": p["ret"]}, data, 0)[0]

    def wait_events(self, seconds=0.3, desc=REMOTE):
        """Collects events until the line is silent for that long; returns and forgets them."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.sock], [], [], left)[0]:
            h, data = self.frame()
            if h[3] == MESSAGE:
                self._event(desc, h, data)
        out, self.events = self.events, []
        return out
