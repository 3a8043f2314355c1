# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the wire that knows nothing but the descriptions in runtime/rpc/protocol/.

It exists so that tests can send what a proper client library never would: every field of a frame can be set, payloads are
encoded from plain Python values by the description, and raw bytes can be sent as they are."""

import array
import os
import select
import socket
import struct
import time

import yaml

PROTOCOL_DIR = os.path.join(os.path.dirname(__file__), "..", "..", "runtime", "rpc", "protocol")

CALL, REPLY, MESSAGE, STREAM, CALL_WITH_FDS, REPLY_WITH_FDS, STREAM_HOLE = range(7)
OK, ERROR, CONTINUE = range(3)

HEADER = struct.Struct(">IIiiIi")
LENGTH = struct.Struct(">I")

PRIMITIVES = {
    "int": struct.Struct(">i"),
    "uint": struct.Struct(">I"),
    "hyper": struct.Struct(">q"),
    "uhyper": struct.Struct(">Q"),
    "double": struct.Struct(">d"),
    "char": struct.Struct(">i"),
    "uchar": struct.Struct(">I"),
    "short": struct.Struct(">i"),
    "ushort": struct.Struct(">I"),
}


class Closed(Exception):
    """The server hung up."""


class Program:
    """One RPC program: its procedures and the codec of its types."""

    def __init__(self, name, base=None):
        path = os.path.join(PROTOCOL_DIR, name + ".yaml")
        with open(path, encoding="utf-8") as f:
            data = yaml.load(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.base = base
        self.number = data["program"]["number"] if data.get("program") else 0
        self.version = data["program"]["version"] if data.get("program") else 0
        self.constants = {**(data.get("externals") or {}), **(data.get("constants") or {})}
        self.types = {}
        for kind in ("enums", "typedefs", "structs", "unions"):
            for type_name, body in (data.get(kind) or {}).items():
                self.types[type_name] = (kind, body)
        prefix = "_PROC_"
        self.procs = {}
        self.by_number = {}
        for proc in data.get("procs") or []:
            proc["short"] = proc["name"][proc["name"].index(prefix) + len(prefix):]
            self.procs[proc["short"]] = proc
            self.by_number[proc["num"]] = proc

    def constant(self, value):
        if isinstance(value, int):
            return value
        if value in self.constants:
            return self.constants[value]
        return self.base.constant(value)

    def lookup(self, name):
        if name in self.types:
            return self.types[name]
        return self.base.lookup(name) if self.base else None

    # Encoding: value shapes are int, float, str, bytes, list, dict, None for an absent optional, (case, value) for unions.
    def encode(self, field, value):
        if isinstance(field, str):
            field = {"type": field}
        if field.get("opt"):
            if value is None:
                return struct.pack(">I", 0)
            return struct.pack(">I", 1) + self._encode_counted(field, value)
        return self._encode_counted(field, value)

    def _encode_counted(self, field, value):
        name = field["type"]
        if name in ("string", "opaque"):
            data = value.encode() if isinstance(value, str) else bytes(value)
            head = b"" if "len" in field else struct.pack(">I", len(data))
            return head + data + b"\0" * (-len(data) % 4)
        if "max" in field:
            return struct.pack(">I", len(value)) + b"".join(self._encode_one(name, v) for v in value)
        if "len" in field:
            return b"".join(self._encode_one(name, v) for v in value)
        return self._encode_one(name, value)

    def _encode_one(self, name, value):
        if name in PRIMITIVES:
            return PRIMITIVES[name].pack(value)
        kind, body = self.lookup(name)
        if kind == "enums":
            return struct.pack(">i", value)
        if kind == "typedefs":
            return self.encode(body, value)
        if kind == "structs":
            return b"".join(self.encode(f, value[f["name"]]) for f in body)
        case, inner = value
        arm = next(a for a in body["arms"] if a["case"] == case)
        return struct.pack(">i", case) + self.encode(arm["field"], inner)

    def decode(self, field, data, pos=0):
        """The value and the position after it."""
        if isinstance(field, str):
            field = {"type": field}
        if field.get("opt"):
            (present,) = struct.unpack_from(">I", data, pos)
            pos += 4
            if not present:
                return None, pos
        return self._decode_counted(field, data, pos)

    def _decode_counted(self, field, data, pos):
        name = field["type"]
        if name in ("string", "opaque"):
            if "len" in field:
                count = self.constant(field["len"])
            else:
                (count,) = struct.unpack_from(">I", data, pos)
                pos += 4
            raw = bytes(data[pos:pos + count])
            if len(raw) != count:
                raise ValueError("payload too short")
            return (raw.decode(errors="surrogateescape") if name == "string" else raw), pos + count + -count % 4
        if "max" in field or "len" in field:
            if "len" in field:
                count = self.constant(field["len"])
            else:
                (count,) = struct.unpack_from(">I", data, pos)
                pos += 4
            out = []
            for _ in range(count):
                item, pos = self._decode_one(name, data, pos)
                out.append(item)
            return out, pos
        return self._decode_one(name, data, pos)

    def _decode_one(self, name, data, pos):
        if name in PRIMITIVES:
            s = PRIMITIVES[name]
            return s.unpack_from(data, pos)[0], pos + s.size
        kind, body = self.lookup(name)
        if kind == "enums":
            return struct.unpack_from(">i", data, pos)[0], pos + 4
        if kind == "typedefs":
            return self.decode(body, data, pos)
        if kind == "structs":
            out = {}
            for f in body:
                out[f["name"]], pos = self.decode(f, data, pos)
            return out, pos
        (case,) = struct.unpack_from(">i", data, pos)
        arm = next(a for a in body["arms"] if a["case"] == case)
        value, pos = self.decode(arm["field"], data, pos + 4)
        return (case, value), pos

    def blank(self, field):
        """The smallest valid value of a type: zero, empty, absent."""
        if isinstance(field, str):
            field = {"type": field}
        if field.get("opt"):
            return None
        name = field["type"]
        if name in ("string", "opaque"):
            return bytes(self.constant(field["len"])) if "len" in field else b""
        if "max" in field:
            return []
        if "len" in field:
            return [self.blank(name)] * self.constant(field["len"])
        if name in PRIMITIVES:
            return 0
        kind, body = self.lookup(name)
        if kind == "enums":
            return 0
        if kind == "typedefs":
            return self.blank(body)
        if kind == "structs":
            return {f["name"]: self.blank(f) for f in body}
        arm = body["arms"][0]
        return arm["case"], self.blank(arm["field"])


_programs = {}


def program(name):
    """The program of that name, read once."""
    if name not in _programs:
        base = program("remote") if name not in ("remote", "message", "keepalive") else None
        _programs[name] = Program(name, base)
    return _programs[name]


def frame(proc, payload=b"", *, prog=None, vers=None, type=CALL, serial=0, status=OK, length=None, fds=None):
    """The bytes of a frame. proc: number; prog: Program or number; length and fds (the count word) may be lies."""
    if prog is None:
        prog = program("remote")
    if isinstance(prog, Program):
        vers = prog.version if vers is None else vers
        prog = prog.number
    if fds is not None:
        payload = struct.pack(">I", fds) + payload
    if length is None:
        length = LENGTH.size + HEADER.size + len(payload)
    return LENGTH.pack(length & 0xFFFFFFFF) + HEADER.pack(prog, 1 if vers is None else vers, proc, type, serial, status) + payload


class Frame:
    """A frame as it came."""

    def __init__(self, data, fds=()):
        self.prog, self.vers, self.proc, self.type, self.serial, self.status = HEADER.unpack_from(data)
        self.payload = data[HEADER.size:]
        self.fds = list(fds)
        if self.type == REPLY_WITH_FDS:
            self.payload = self.payload[4:]

    def error(self):
        """The error body as a dict, None if this is not an error."""
        if self.status != ERROR:
            return None
        return program("message").decode("virNetMessageError", self.payload)[0]


class RpcError(Exception):
    def __init__(self, body):
        super().__init__(body["message"])
        self.body = body


class Connection:
    """A UNIX socket connection that sends and receives whole frames."""

    def __init__(self, path, timeout=5.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.timeout = timeout
        self.serial = 0
        self.buf = bytearray()
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, data):
        try:
            self.sock.settimeout(self.timeout)
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed from e

    def send_fd(self, fd):
        """One descriptor in its single zero byte, as it follows a frame with descriptors."""
        try:
            self.sock.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed from e

    def _fill(self, size, deadline):
        while len(self.buf) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError
            try:
                chunk = self.sock.recv(size - len(self.buf))
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise Closed
            self.buf += chunk

    def _recv_fd(self):
        _, ancillary, _, _ = self.sock.recvmsg(1, socket.CMSG_SPACE(4))
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                return array.array("i", data)[0]
        raise ValueError("no descriptor")

    def recv(self, timeout=None):
        """The next frame. TimeoutError if none comes, Closed on end of file."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        self._fill(LENGTH.size, deadline)
        (length,) = LENGTH.unpack_from(self.buf)
        self._fill(length, deadline)
        data = bytes(self.buf[LENGTH.size:length])
        del self.buf[:length]
        fds = []
        if HEADER.unpack_from(data)[3] == REPLY_WITH_FDS:
            (count,) = struct.unpack_from(">I", data, HEADER.size)
            fds = [self._recv_fd() for _ in range(count)]
        return Frame(data, fds)

    def reply(self, serial, timeout=None):
        """The reply of that serial; messages on the way are kept in self.events."""
        while True:
            f = self.recv(timeout)
            if f.type in (REPLY, REPLY_WITH_FDS) and f.serial == serial:
                return f
            self.events.append(f)

    def next_serial(self):
        self.serial += 1
        return self.serial - 1

    def call_raw(self, proc, payload=b"", **kw):
        """Sends a call and returns the reply frame, error or not."""
        serial = kw.pop("serial", None)
        if serial is None:
            serial = self.next_serial()
        self.send(frame(proc, payload, serial=serial, **kw))
        return self.reply(serial)

    def post(self, proc_name, _prog="remote", /, **args):
        """Sends a call as call() does and returns its serial; the reply is left to the caller."""
        p = program(_prog)
        proc = p.procs[proc_name]
        payload = p.encode(proc["args"], {**p.blank(proc["args"]), **args}) if proc.get("args") else b""
        serial = self.next_serial()
        self.send(frame(proc["num"], payload, prog=p, serial=serial))
        return serial

    def event(self, name):
        """The next event message of that name, decoded; others are dropped."""
        p = program("remote")
        proc = p.procs[name]
        while True:
            f = self.events.pop(0) if self.events else self.recv()
            if f.type == MESSAGE and f.prog == p.number and f.proc == proc["num"]:
                return p.decode(proc["msg"], f.payload)[0]

    def call(self, proc_name, /, _prog="remote", **args):
        """Calls a procedure by its short name with arguments by name (others blank); returns the decoded reply."""
        p = program(_prog)
        proc = p.procs[proc_name]
        f = self.reply(self.post(proc_name, _prog, **args))
        if f.status == ERROR:
            raise RpcError(f.error())
        return p.decode(proc["ret"], f.payload)[0] if proc.get("ret") else None

    def open(self, uri="", flags=0):
        """What every client does first: AUTH_LIST, then CONNECT_OPEN."""
        types = self.call("AUTH_LIST")["types"]
        if types == [2]:
            self.call("AUTH_POLKIT")
        self.call("CONNECT_OPEN", name=uri, flags=flags)
        return self
