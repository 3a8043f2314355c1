# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every procedure of the remote, qemu and lxc programs, in turn: with smallest valid arguments, with none, with one word too
few, on a read-only connection, and before open. The description decides what is sent, so a new row is tested by itself."""

import os

import wire
from frames import describe

# Calls that end or change the session itself, so that what follows would be about something else.
SESSION = {"CONNECT_OPEN", "CONNECT_CLOSE"}
# Calls whose answer proves nothing: one suspends the machine, and to a login that nobody asked for the reference answers
# with the last error its thread happens to remember.
LEFT_OUT = {"NODE_SUSPEND_FOR_DURATION", "AUTH_POLKIT"}


class Line:
    """A connection in a wanted state that is made anew whenever the server hung up."""

    def __init__(self, path, uri, state):
        self.path, self.uri, self.state, self.conn = path, uri, state, None

    def ask(self, number, payload, prog):
        if self.conn is None:
            self.conn = wire.Connection(self.path, timeout=60)
            self.conn.call("AUTH_LIST")
            if self.state == "open":
                self.conn.call("CONNECT_OPEN", name=self.uri, flags=0)
        try:
            f = self.conn.call_raw(number, payload, prog=prog)
        except wire.Closed:
            self.drop()
            return "closed"
        except TimeoutError:
            self.drop()
            return "silent"
        for fd in f.fds:
            os.close(fd)
        out = describe(f)
        # Serial, program and procedure are those of the call (checked here); the size of an answer is its own business.
        if (f.prog, f.proc, f.serial) != (prog.number, number, self.conn.serial - 1):
            return {"mismatch": out}
        if f.status == wire.ERROR:
            # str1 and str2 are the parts that message was made of.
            return {k: out["error"][k] for k in ("code", "domain", "level", "message")}
        return "ok"

    def drop(self):
        if self.conn:
            self.conn.sock.close()
        self.conn = None


def payloads(program, proc):
    """label → payload."""
    if not proc.get("args"):
        return {"blank": b""}
    blank = program.encode(proc["args"], program.blank(proc["args"]))
    return {"blank": blank, "empty": b"", "short": blank[:-4]}


def sweep(results, prefix, line, program, labels, fresh=False):
    for name, proc in program.procs.items():
        if proc.get("dir") != "call" or name in SESSION or name in LEFT_OUT:
            continue
        for label, payload in payloads(program, proc).items():
            if label not in labels:
                continue
            results[f"{prefix}/{name}/{label}"] = line.ask(proc["num"], payload, program)
            if proc.get("stream") or fresh:
                line.drop()
    line.drop()


def run(server):
    results = {}
    remote = wire.program("remote")
    for driver, uri in server.uris.items():
        sweep(results, driver, Line(server.socket("rw"), uri, "open"), remote, ("blank", "empty", "short"))
        sweep(results, f"{driver}-ro", Line(server.socket("ro"), uri, "open"), remote, ("blank",))
        for name in ("qemu", "lxc"):
            sweep(results, f"{driver}-{name}", Line(server.socket("rw"), uri, "open"), wire.program(name), ("blank", "empty"))
    sweep(results, "unopened", Line(server.socket("rw"), "", "auth"), remote, ("blank",))
    return results
