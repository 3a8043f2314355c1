# SPDX-License-Identifier: LGPL-2.1-or-later
"""events.h and events.c: which message carries which event."""

from cgen import INDENT, c_string, header, initializer, source
from emit_procs import kind_constant
from model import DescriptionError


def events_header(families):
    body = [f"extern const VhEventTable vh_events_{name};" for name, _ in families]
    return header("rpc/protocol/events.yaml", ['"rpc/proc.h"'], body)


def event_row(family, row):
    identifier = row.get("id", 0)
    return f"{INDENT}[{identifier}] = {{" + initializer([
        ("id", identifier), ("name", c_string(row.get("virsh", family))), ("proc", row["proc"]),
        ("legacy", row.get("legacy_proc"))]) + "},"


def events_source(families, programs):
    owner = {proc.const: program.name for program in programs for proc in program.procs}
    body = []
    for name, family in families:
        for row in family["events"]:
            for const in (row["proc"], row.get("legacy_proc")):
                if const and const not in owner:
                    raise DescriptionError(f"events.yaml: {name}: unknown procedure {const}")
        body += [f"static const VhEventRow rows_{name}[] = {{"]
        body += [event_row(name, row) for row in family["events"]] + ["};", ""]
        body += [f"const VhEventTable vh_events_{name} = {{" + initializer([
            ("name", c_string(name)), ("program", f"&vh_program_{owner[family['register']]}"),
            ("kind", kind_constant(family.get("conn"))), ("rows", f"rows_{name}"),
            ("n_rows", f"VH_ARRAY_SIZE(rows_{name})")]) + "};", ""]
    return source("rpc/protocol/events.yaml", ['"events.h"', '"procs.h"'], body)
