# SPDX-License-Identifier: LGPL-2.1-or-later
"""What calls are told by their arguments alone: every procedure with usual arguments, about objects that do not exist, and with
each argument, each pair of flags and (on the full connection) each pair of arguments made unusual. The description decides what is sent."""

import itertools

import wire
from procedures import LEFT_OUT, SESSION, Line

# They change who the client is.
SKIPPED = SESSION | LEFT_OUT | {"CONNECT_SET_IDENTITY", "AUTH_SASL_INIT", "AUTH_SASL_START", "AUTH_SASL_STEP"}
NUMBERS = {
    "int": (0, -1, -2, 2, 100, 20000, 0x7FFFFFFF),
    "hyper": (0, -1, -2, 2, 100, 20000, 0x7FFFFFFF),
    "uint": (0, 2, 100, 20000, 0x7FFFFFFF, 0xFFFFFFFF),
    "uhyper": (0, 2, 100, 20000, 0x7FFFFFFF, 0xFFFFFFFF),
}
SINGLE_FLAGS = [(hex(1 << bit), 1 << bit) for bit in range(31)]
FLAG_PAIRS = [(hex(1 << a | 1 << b), 1 << a | 1 << b) for a, b in itertools.combinations(range(12), 2)]
FLAGS_WITH_OTHERS = SINGLE_FLAGS[:12]
SHOWN_LABELS = 8


def resolved(program, field):
    """The field with typedefs followed."""
    while True:
        if isinstance(field, str):
            field = {"type": field}
        if {"opt", "max", "len"} & field.keys() or field["type"] in wire.PRIMITIVES or field["type"] in ("string", "opaque"):
            return field
        kind, body = program.lookup(field["type"])
        if kind != "typedefs":
            return field
        field = body


def usual(program, field):
    """A value that is there and not empty."""
    field = resolved(program, field)
    name = field["type"]
    if field.get("opt"):
        return usual(program, {k: v for k, v in field.items() if k != "opt"})
    if name == "string":
        return b"x"
    if name == "opaque":
        return b"\1" * program.constant(field.get("len", 1))
    if "max" in field or "len" in field:
        return [usual(program, name)] * program.constant(field.get("len", 1))
    if name in wire.PRIMITIVES:
        return 1
    kind, body = program.lookup(name)
    if kind == "enums":
        return 0
    if kind == "structs":
        return {f["name"]: usual(program, f) for f in body}
    arm = body["arms"][0]
    return arm["case"], usual(program, arm["field"])


def unusual(program, field):
    """[(label, value)]"""
    field = resolved(program, field)
    name = field["type"]
    absent = [("NULL", None)] if field.get("opt") else []
    if "max" in field:
        return absent + [("none", b"" if name == "opaque" else [])]
    if name == "string":
        return absent + [('""', b"")]
    return absent + [(str(v), v) for v in NUMBERS.get(name, ())]


def cases(program, fields):
    """(group, label, values): what is sent; the group is the argument that is unusual, or all for pairs."""
    values = {f["name"]: usual(program, f) for f in fields}
    yield "usual", "usual", values if "flags" not in values else {**values, "flags": 0}
    has_flags = isinstance(values.get("flags"), int)
    if has_flags:
        values["flags"] = 0
        for label, v in SINGLE_FLAGS + FLAG_PAIRS:
            yield "flags", label, {**values, "flags": v}
    variants = [[(f["name"], label, v) for label, v in unusual(program, f)] for f in fields if f["name"] != "flags"]
    for name, label, v in itertools.chain(*variants):
        yield name, label, {**values, name: v}
        for flag, bits in FLAGS_WITH_OTHERS if has_flags else []:
            yield "pairs", f"{name} {label} flags {flag}", {**values, name: v, "flags": bits}
    for one, other in itertools.combinations(variants, 2):
        for (a, a_label, a_value), (b, b_label, b_value) in itertools.product(one, other):
            yield "pairs", f"{a} {a_label} {b} {b_label}", {**values, a: a_value, b: b_value}


def text(answer, flags):
    """The answer in a line, with the flags that were sent by name, so that equal answers look equal."""
    if not isinstance(answer, dict) or "code" not in answer:
        return str(answer)
    message = answer["message"].replace(f"({flags:#x})", "(FLAGS)") if flags else answer["message"]
    return f"{answer['code']} of {answer['domain']}: {message}"


def summary(answers):
    """{answer: [labels]} as lines."""
    lines = []
    for answer, labels in answers.items():
        shown = ", ".join(labels[:SHOWN_LABELS]) + (f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else "")
        lines.append(f"{shown}: {answer}")
    return sorted(lines)


def probe(line, program, proc, with_pairs):
    """{group: lines}"""
    groups = {}
    for group, label, values in cases(program, program.lookup(proc["args"])[1]):
        if group == "pairs" and not with_pairs:
            continue
        answer = line.ask(proc["num"], program.encode(proc["args"], values), program)
        flags = values.get("flags")
        groups.setdefault(group, {}).setdefault(text(answer, flags if isinstance(flags, int) else 0), []).append(label)
        if proc.get("stream"):
            line.drop()
    return {group: summary(answers) for group, answers in groups.items()}


def run(server):
    results = {}
    for socket in ("rw", "ro"):
        for program in (wire.program("remote"), wire.program("qemu")):
            line = Line(server.socket(socket), server.uris["test"], "open")
            for name, proc in program.procs.items():
                # Registrations outlive the call.
                if proc.get("dir") != "call" or not proc.get("args") or name in SKIPPED or "EVENT" in name:
                    continue
                for group, lines in probe(line, program, proc, socket == "rw").items():
                    results[f"{socket}/{name}/{group}"] = lines
            line.drop()
    return results
