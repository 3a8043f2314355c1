# SPDX-License-Identifier: LGPL-2.1-or-later
"""client_calls.h: a typed function for each call, over vh_remote_call_sync() (rpc/client.h)."""

from cgen import INDENT, header
from emit_ops import calls


def stub(program, proc):
    parameters = ["VhRemote *remote"]
    if proc.args:
        parameters.append(f"const {proc.args.c_type} *args")
    if proc.ret:
        parameters.append(f"{proc.ret.c_type} *ret")
    args = "args" if proc.args else "NULL"
    ret = "ret" if proc.ret else "NULL"
    row = f"&vh_program_{program.name}.procs[{proc.const}]"
    return [
        f"static inline int vh_call_{program.name}_{proc.member}({', '.join(parameters)}, VhArena *arena, VhError **err)",
        "{",
        f"{INDENT}return vh_remote_call_sync(remote, &vh_program_{program.name}, {row}, {args}, {ret}, arena, err);",
        "}",
        "",
    ]


def client_header(programs):
    body = ["/* Each makes the call and waits for the answer. ret is zeroed by the caller and points into arena afterwards.",
            " * Returns 0, or negative errno with *err (the server's error, or what went wrong on the way). */", ""]
    for program in programs:
        for proc in calls(program):
            body += stub(program, proc)
    return header("rpc/protocol/", ['"procs.h"', '"rpc/client.h"'], body)
