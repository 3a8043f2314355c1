# SPDX-License-Identifier: LGPL-2.1-or-later
"""ops.h: the structs of functions that serve procedures."""

from cgen import INDENT, header
from model import KINDS

# Ops struct of a program that has one for all its procedures.
PROGRAM_OPS = {"qemu": "VhQemuOps", "lxc": "VhLxcOps", "admin": "VhAdminOps", "lock": "VhLockOps", "log": "VhLogOps"}


def ops_of_kind(kind):
    return f"Vh{kind.capitalize()}Ops" if kind else "VhSessionOps"


def ops_struct(program, proc):
    return PROGRAM_OPS.get(program.name) or ops_of_kind(proc.row.get("conn"))


def calls(program):
    return [p for p in program.procs if p.dir == "call"]


def member(proc):
    parameters = ["VhCall *call"]
    if proc.args:
        parameters.append(f"const {proc.args.c_type} *args")
    if proc.ret:
        parameters.append(f"{proc.ret.c_type} *ret")
    return f"int (*{proc.member})({', '.join(parameters + ['VhError **err'])});"


def ops_header(programs):
    structs = {}
    for kind in [None] + KINDS:
        structs[ops_of_kind(kind)] = []
    for program in programs:
        for proc in calls(program):
            structs.setdefault(ops_struct(program, proc), []).append(INDENT + member(proc))
    body = ["/* Functions by which procedures are served, a struct for each kind of connection and each side program. What a",
            " * member may do is said in rpc/call.h; a NULL member is answered with VIR_ERR_NO_SUPPORT. */", ""]
    for name, members in structs.items():
        body += [f"typedef struct {name} {{"] + members + [f"}} {name};", ""]
    includes = ['"rpc/call.h"'] + [f'"{p.name}_protocol.h"' for p in programs]
    return header("rpc/protocol/", includes, body)
