# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wrong frames: every field of a frame wrong in turn. A case sends bytes on a fresh connection and a good call behind them;
what comes back before the good call's answer, or instead of it, is the result."""

import concurrent.futures
import contextlib
import os
import struct

import wire

# A login is needed, and root has it after AUTH_LIST.
CONF = 'auth_unix_rw = "polkit"\nauth_unix_ro = "polkit"\n'

GOOD_SERIAL = 0x7EEE0000
REMOTE = wire.program("remote")
ADMIN = wire.program("admin")
KEEPALIVE = wire.program("keepalive")
# How long a server may think before silence is taken as its answer. Replies of calls may overtake each other, so both the
# time before the good call and the time after it count.
SILENCE = 0.3
# Cases that run at once: they mostly wait.
PARALLEL = 8


def proc(name):
    return REMOTE.procs[name]["num"]


def args(proc_name, /, **values):
    p = REMOTE.procs[proc_name]
    return REMOTE.encode(p["args"], {**REMOTE.blank(p["args"]), **values})


def describe(f):
    """A frame as it is compared and recorded."""
    out = {"prog": f"{f.prog:#x}", "vers": f.vers, "proc": f.proc, "type": f.type, "serial": f.serial, "status": f.status}
    if f.status == wire.ERROR:
        body = f.error()
        out["error"] = {k: v for k, v in body.items() if v is not None}
    else:
        out["payload"] = len(f.payload)
    return out


class Session:
    """What a case sees: a connection in the state the case wants, and the record of what came back."""

    def __init__(self, path, state, uri):
        self.conn = wire.Connection(path, timeout=10)
        if state in ("auth", "open"):
            self.conn.call("AUTH_LIST")
        if state == "open":
            self.conn.call("CONNECT_OPEN", name=uri, flags=0)
        self.result = []

    def send(self, data, *fds):
        self.conn.send(data)
        for fd in fds:
            self.conn.send_fd(fd)

    def drain(self):
        """Records what comes until nothing comes."""
        while True:
            try:
                f = self.conn.recv(SILENCE)
            except TimeoutError:
                return
            except (struct.error, KeyError, ValueError):
                self.result.append("out of step")
                return
            for fd in f.fds:
                os.close(fd)
            self.result.append("alive" if f.serial == GOOD_SERIAL else describe(f))

    def collect(self, probe):
        """Records what the case brought, then whether a good call (probe) is still answered."""
        try:
            self.drain()
            if probe:
                self.conn.send(probe)
                self.drain()
            if "alive" not in self.result:
                self.result.append("silent")
        except wire.Closed:
            self.result.append("closed")

    def record(self):
        """The result in an order that does not depend on which of two calls was quicker."""
        frames = sorted((r for r in self.result if isinstance(r, dict)), key=lambda r: r["serial"])
        return frames + [r for r in self.result if not isinstance(r, dict)]


def probe_frame():
    return wire.frame(proc("AUTH_LIST"), serial=GOOD_SERIAL)


# name → (state, socket, function(session), probe?)
CASES = {}


def case(name, state="auth", socket="rw", probe=True):
    def add(function):
        CASES[name] = (state, socket, function, probe)
        return function
    return add


def simple(name, data, state="auth", socket="rw", probe=True):
    """A case that only sends these bytes."""
    CASES[name] = (state, socket, lambda s: s.send(data), probe)


HOSTNAME = "CONNECT_GET_HOSTNAME"

# Length word.
for value in (0, 3, 4, 5, 27):
    simple(f"length/{value}", wire.frame(proc(HOSTNAME), length=value), probe=value >= 4)
for value, label in ((33554436, "largest"), (33554437, "one-over"), (0x7FFFFFFF, "huge"), (0x80000000, "negative"),
                     (0xFFFFFFFF, "minus-one")):
    simple(f"length/{label}", wire.frame(proc(HOSTNAME), length=value), probe=False)
simple("length/longer-than-payload", wire.frame(proc("DOMAIN_LOOKUP_BY_ID"), struct.pack(">i", 1), length=36), "open", probe=False)
simple("length/not-multiple-of-four", wire.frame(proc(HOSTNAME), b"\0"), "open")
simple("length/two-frames-at-once", wire.frame(proc(HOSTNAME), serial=1) + wire.frame(proc("CONNECT_GET_TYPE"), serial=2), "open")


@case("length/byte-by-byte", "open")
def _(s):
    for byte in wire.frame(proc(HOSTNAME), serial=3):
        s.send(bytes([byte]))


# Program and version.
for number in (0, 1, 0x20008085, 0x20008088, 0xFFFFFFFF):
    simple(f"program/{number:#x}", wire.frame(proc(HOSTNAME), prog=number))
simple("program/admin-on-main-socket", wire.frame(1, prog=ADMIN))
simple("program/qemu-before-open", wire.frame(1, b"\0" * 8, prog=wire.program("qemu")))
for version in (0, 2, 0xFFFFFFFF):
    simple(f"version/{version:#x}", wire.frame(proc(HOSTNAME), vers=version))
    simple(f"version/keepalive-{version:#x}", wire.frame(1, prog=KEEPALIVE, vers=version, type=wire.MESSAGE))

# Procedure.
for number in (0, -1, 9999, 0x7FFFFFFF, -0x80000000, 444, 107, 207):
    simple(f"procedure/{number}", wire.frame(number), "open")
simple("procedure/unknown-before-login", wire.frame(9999), "none")
simple("procedure/unknown-before-open", wire.frame(9999), "auth")

# Type and status.
for kind in (wire.REPLY, wire.MESSAGE, wire.STREAM, wire.REPLY_WITH_FDS, wire.STREAM_HOLE, 7, 100, -1):
    simple(f"type/{kind}", wire.frame(proc(HOSTNAME), type=kind), "open")
    simple(f"type/{kind}-before-login", wire.frame(proc(HOSTNAME), type=kind), "none")
for status in (wire.ERROR, wire.CONTINUE, 3, -1):
    simple(f"status/{status}", wire.frame(proc(HOSTNAME), status=status), "open")
    simple(f"status/{status}-unknown-procedure", wire.frame(9999, status=status), "open")
for status in (wire.OK, wire.ERROR, wire.CONTINUE, 3):
    simple(f"status/stream-{status}", wire.frame(proc(HOSTNAME), b"data", type=wire.STREAM, status=status), "open")

# Serial.
simple("serial/reused", wire.frame(proc(HOSTNAME), serial=5) + wire.frame(proc(HOSTNAME), serial=5), "open")
simple("serial/highest", wire.frame(proc(HOSTNAME), serial=0xFFFFFFFF), "open")
simple("serial/backwards", wire.frame(proc(HOSTNAME), serial=9) + wire.frame(proc(HOSTNAME), serial=2), "open")

# Payload.
LOOKUP = proc("DOMAIN_LOOKUP_BY_NAME")
GOOD_NAME = args("DOMAIN_LOOKUP_BY_NAME", name="no-such")
simple("payload/empty", wire.frame(LOOKUP), "open")
simple("payload/length-only", wire.frame(LOOKUP, GOOD_NAME[:4]), "open")
simple("payload/truncated-string", wire.frame(LOOKUP, GOOD_NAME[:-4]), "open")
simple("payload/missing-padding", wire.frame(LOOKUP, GOOD_NAME[:-1]), "open")
simple("payload/trailing-bytes", wire.frame(LOOKUP, GOOD_NAME + b"more bytes"), "open")
simple("payload/trailing-bytes-without-args", wire.frame(proc(HOSTNAME), b"\1" * 64), "open")
simple("payload/non-zero-padding", wire.frame(LOOKUP, GOOD_NAME[:-1] + b"x"), "open")
simple("payload/string-over-limit", wire.frame(LOOKUP, struct.pack(">I", 4194305) + b"a" * 4194308), "open")
simple("payload/string-at-limit", wire.frame(LOOKUP, struct.pack(">I", 4194304) + b"a" * 4194304), "open")
simple("payload/string-longer-than-frame", wire.frame(LOOKUP, struct.pack(">I", 4194304) + b"abcd"), "open")
simple("payload/string-negative", wire.frame(LOOKUP, b"\xff\xff\xff\xff" + b"abcd"), "open")
simple("payload/string-with-nul", wire.frame(LOOKUP, args("DOMAIN_LOOKUP_BY_NAME", name=b"a\0bc")), "open")
simple("payload/string-empty", wire.frame(LOOKUP, args("DOMAIN_LOOKUP_BY_NAME", name="")), "open")
simple("payload/string-not-utf8", wire.frame(LOOKUP, args("DOMAIN_LOOKUP_BY_NAME", name=b"\xff\xfe\xfd")), "open")
simple("payload/optional-flag-2", wire.frame(proc("CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY"), struct.pack(">iI", 0, 2) + b"\0" * 24),
       "open")
simple("payload/array-over-limit", wire.frame(proc("DOMAIN_SET_MEMORY_PARAMETERS"),
       args("DOMAIN_SET_MEMORY_PARAMETERS")[:-8] + struct.pack(">I", 17) + b"\0" * 800), "open")
simple("payload/array-count-huge", wire.frame(proc("DOMAIN_SET_MEMORY_PARAMETERS"),
       args("DOMAIN_SET_MEMORY_PARAMETERS")[:-8] + b"\xff\xff\xff\xff"), "open")
simple("payload/union-bad-case", wire.frame(proc("DOMAIN_SET_MEMORY_PARAMETERS"),
       args("DOMAIN_SET_MEMORY_PARAMETERS")[:-8] + struct.pack(">I", 1) + struct.pack(">I4si", 4, b"name", 99) + b"\0" * 12), "open")
simple("payload/error-body-in-call", wire.frame(LOOKUP, GOOD_NAME, status=wire.ERROR), "open")

# Descriptors. The count word of CALL_WITH_FDS may lie; the descriptors follow the frame.
for count in (0, 1, 33, 0xFFFFFFFF):
    simple(f"fds/count-{count}-none-sent", wire.frame(proc(HOSTNAME), type=wire.CALL_WITH_FDS, fds=count), "open", probe=count in (0, 33))
simple("fds/without-count", wire.frame(proc(HOSTNAME), type=wire.CALL_WITH_FDS), "open")


@case("fds/one-on-a-call-without-use", "open")
def _(s):
    s.send(wire.frame(proc(HOSTNAME), type=wire.CALL_WITH_FDS, fds=1), 0)


@case("fds/thirty-two", "open")
def _(s):
    s.send(wire.frame(proc(HOSTNAME), type=wire.CALL_WITH_FDS, fds=32), *([0] * 32))


@case("fds/byte-without-descriptor", "open", probe=False)
def _(s):
    s.send(wire.frame(proc(HOSTNAME), type=wire.CALL_WITH_FDS, fds=1))
    s.send(b"\0")


@case("fds/unknown-procedure", "open")
def _(s):
    s.send(wire.frame(9999, type=wire.CALL_WITH_FDS, fds=1), 0)


simple("fds/missing-on-a-call-that-needs-one", wire.frame(proc("DOMAIN_OPEN_GRAPHICS"), args("DOMAIN_OPEN_GRAPHICS")), "open")

# Order of calls.
for name in (HOSTNAME, "CONNECT_OPEN", "CONNECT_CLOSE", "DOMAIN_LOOKUP_BY_ID", "CONNECT_SUPPORTS_FEATURE", "AUTH_POLKIT", "AUTH_SASL_INIT"):
    p = REMOTE.procs[name]
    payload = REMOTE.encode(p["args"], REMOTE.blank(p["args"])) if p.get("args") else b""
    simple(f"order/{name}-before-login", wire.frame(p["num"], payload), "none")
    # A polkit login that nobody asked for: the reference answers with the last error its thread happens to remember.
    if name not in ("CONNECT_OPEN", "AUTH_POLKIT"):
        simple(f"order/{name}-before-open", wire.frame(p["num"], payload), "auth")
for feature in (0, 8, 10, 14, 15, 9999):
    simple(f"order/feature-{feature}-before-open",
           wire.frame(proc("CONNECT_SUPPORTS_FEATURE"), args("CONNECT_SUPPORTS_FEATURE", feature=feature)), "auth")
    simple(f"order/feature-{feature}-after-open",
           wire.frame(proc("CONNECT_SUPPORTS_FEATURE"), args("CONNECT_SUPPORTS_FEATURE", feature=feature)), "open")
simple("order/bad-payload-before-open", wire.frame(LOOKUP), "auth")
simple("order/auth-twice", wire.frame(proc("AUTH_LIST")), "open")
for uri in ("test:///default", "nonsense:///x", "qemu:///nowhere", "qemu://host/system", ":", "", "test", "test:///missing.xml"):
    simple(f"order/open-twice-{uri}", wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name=uri)), "open")
    if uri:
        simple(f"open/{uri}", wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name=uri)), "auth")
simple("open/name-absent", wire.frame(proc("CONNECT_OPEN"), struct.pack(">II", 0, 0)), "auth")
for flags in (1, 2, 4, 8, 0xFFFFFFFF):
    simple(f"open/flags-{flags:#x}", wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name="test:///default", flags=flags)), "auth")


@case("open/again-after-close", "open")
def _(s):
    s.send(wire.frame(proc("CONNECT_CLOSE"), serial=1))
    s.result.append(describe(s.conn.reply(1)))
    s.send(wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name="test:///default"), serial=2))


@case("open/again-after-failure", "auth")
def _(s):
    s.send(wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name="nonsense:///"), serial=1))
    s.conn.reply(1)
    s.send(wire.frame(proc("CONNECT_OPEN"), args("CONNECT_OPEN", name="test:///default"), serial=2))
    s.result.append(describe(s.conn.reply(2)))


# Read-only: on the ro socket, and by flag on the rw one.
DEFINE = wire.frame(proc("DOMAIN_DEFINE_XML"), args("DOMAIN_DEFINE_XML", xml="<domain/>"))
simple("read-only/define", DEFINE, "open", "ro")
simple("read-only/define-undecodable", wire.frame(proc("DOMAIN_DEFINE_XML")), "open", "ro")
simple("read-only/define-before-open", DEFINE, "auth", "ro")
simple("read-only/lookup", wire.frame(LOOKUP, GOOD_NAME), "open", "ro")
simple("read-only/secure-xml", wire.frame(proc("DOMAIN_GET_XML_DESC"), args("DOMAIN_GET_XML_DESC", flags=1)), "open", "ro")


@case("read-only/by-flag")
def _(s):
    s.conn.call("CONNECT_OPEN", name="test:///default", flags=1)
    s.send(DEFINE)


# Keepalive.
simple("keepalive/ping", wire.frame(1, prog=KEEPALIVE, type=wire.MESSAGE), "none")
simple("keepalive/pong-unasked", wire.frame(2, prog=KEEPALIVE, type=wire.MESSAGE), "none")
simple("keepalive/unknown", wire.frame(3, prog=KEEPALIVE, type=wire.MESSAGE), "none")
simple("keepalive/as-call", wire.frame(1, prog=KEEPALIVE, type=wire.CALL), "none")
simple("keepalive/with-payload", wire.frame(1, b"abcdefgh", prog=KEEPALIVE, type=wire.MESSAGE), "none")

# Garbage.
simple("garbage/http", b"GET / HTTP/1.0\r\n\r\n", "none", probe=False)
simple("garbage/zeros", bytes(64), "none", probe=False)
simple("garbage/tls-hello", bytes.fromhex("1603010200010001fc0303"), "none", probe=False)

# The admin socket speaks another program.
simple("admin/remote-program", wire.frame(proc("AUTH_LIST")), "none", "admin", probe=False)
simple("admin/call-before-open", wire.frame(ADMIN.procs["CONNECT_LIST_SERVERS"]["num"], b"\0" * 8, prog=ADMIN), "none", "admin", probe=False)
simple("admin/unknown-procedure", wire.frame(9999, prog=ADMIN), "none", "admin", probe=False)
simple("admin/open-with-flags", wire.frame(1, struct.pack(">I", 1), prog=ADMIN), "none", "admin", probe=False)
simple("admin/open-twice", wire.frame(1, struct.pack(">I", 0), prog=ADMIN, serial=0) +
       wire.frame(1, struct.pack(">I", 0), prog=ADMIN, serial=1), "none", "admin", probe=False)
simple("admin/truncated", wire.frame(1, prog=ADMIN), "none", "admin", probe=False)


def run_case(server, name):
    state, socket, function, probe = CASES[name]
    try:
        session = Session(server.socket(socket), state, "test:///default")
    except wire.RpcError as e:
        return [f"no connection to test: {e}"]
    try:
        with contextlib.suppress(wire.Closed):  # what came before is still to be read
            function(session)
        session.collect(probe_frame() if probe else None)
    except wire.Closed:
        session.result.append("closed")
    except wire.RpcError as e:
        session.result.append(f"refused: {e}")
    finally:
        session.conn.sock.close()
    return session.record()


def run(server):
    """case name → result, on connections to test:///default."""
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return dict(zip(CASES, pool.map(lambda name: run_case(server, name), CASES)))
