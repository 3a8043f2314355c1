# SPDX-License-Identifier: LGPL-2.1-or-later
"""NAME_protocol.h and NAME_protocol.c: the C structs of a program and the tables that describe them to the codec."""

from cgen import INDENT, c_int, c_string, enum, header, initializer, source

def declaration(f):
    """A field as a C member."""
    c_type = f.type.c_type
    blank = "" if c_type.endswith("*") else " "
    if f.shape == "FIXED":
        return f"{c_type}{blank}{f.name}[{f.count}];"
    if f.shape == "VARIABLE":
        return f"struct {{ uint32_t len; {c_type}{blank}*val; }} {f.name};"
    if f.shape == "OPTIONAL" and f.type.kind != "STRING":
        return f"{c_type} *{f.name};"
    return f"{c_type}{blank}{f.name};"


def struct(t):
    lines = [f"struct {t.name} {{"]
    if t.kind == "UNION":
        head, arms = t.fields[0], t.fields[1:]
        lines += [INDENT + declaration(head), INDENT + "union {"]
        lines += [INDENT * 2 + declaration(f) for f in arms]
        lines += [INDENT + "};"]
    else:
        lines += [INDENT + declaration(f) for f in t.fields]
    return lines + ["};"]


def forward_declarations(program):
    lines = [f"typedef struct {t.name} {t.name};" for t in program.types]
    return lines + [f"typedef {declared};" for _, declared in program.typedefs] + [""]


def protocol_header(program, uses):
    body = []
    if program.number is not None:
        body += enum("", {program.number_const: program.number, program.version_const: program.version})
    if program.constants:
        body += enum("", program.constants)
    for name, members in program.enums.items():
        body += enum(name, members)
    body += forward_declarations(program)
    for t in program.types:
        body += struct(t) + [f"extern const VhXdrType {t.symbol};", ""]
    body += [f"extern const VhXdrType {t.symbol};" for t in program.strings + program.enum_types]
    return header(f"rpc/protocol/{program.name}.yaml", ['"rpc/codec.h"'] + uses, body)


def field_row(owner, f):
    return "{" + initializer([
        ("name", c_string(f.name)),
        ("type", f"&{f.type.symbol}"),
        ("offset", f"offsetof({owner.name}, {f.name})"),
        ("count", f.count or None),
        ("shape", f"VH_XDR_{f.shape}" if f.shape != "ONE" else None),
        ("selector", c_int(f.selector) if f.selector else None),
        ("secret", "true" if f.secret else None),
    ]) + "}"


def type_row(t):
    table = f"fields_{t.name}" if t.fields else None
    return f"const VhXdrType {t.symbol} = {{" + initializer([
        ("name", c_string(t.name)),
        ("kind", f"VH_XDR_{t.kind}"),
        ("size", f"sizeof({t.c_type})"),
        ("wire", t.wire),
        ("max", t.max or None),
        ("fields", table),
        ("n_fields", len(t.fields) or None),
    ]) + "};"


def type_table(t):
    rows = [f"{INDENT}{field_row(t, f)}," for f in t.fields]
    return [f"static const VhXdrField fields_{t.name}[] = {{"] + rows + ["};", type_row(t), ""]


def protocol_source(program):
    body = [type_row(t) for t in program.strings + program.enum_types] + [""]
    for t in program.types:
        body += type_table(t)
    return source(f"rpc/protocol/{program.name}.yaml", [f'"{program.name}_protocol.h"', "<stddef.h>"], body)
