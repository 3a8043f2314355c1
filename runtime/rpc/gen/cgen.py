# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small helpers for writing C."""

INDENT = " " * 8


def c_string(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_int(value):
    """A value as a C constant that has a type large enough."""
    if -0x80000000 <= value < 0x80000000:
        return "(-2147483647 - 1)" if value == -0x80000000 else str(value)
    return f"{value}u" if 0 <= value < 1 << 32 else f"{value}{'u' if value >= 1 << 63 else ''}ll"


def banner(sources):
    return [f"/* Generated from {sources}; do not edit. */"]


def header(sources, includes, body):
    lines = banner(sources) + ["#pragma once", ""] + [f"#include {i}" for i in includes] + [""]
    return "\n".join(lines + body) + "\n"


def source(sources, includes, body):
    lines = banner(sources) + [f"#include {i}" for i in includes] + [""]
    return "\n".join(lines + body) + "\n"


def enum(name, members):
    """A typedef of an enum; members is {name: value}."""
    head = f"typedef enum {name} {{" if name else "enum {"
    return [head] + [f"{INDENT}{k} = {c_int(v)}," for k, v in members.items()] + [f"}} {name};" if name else "};", ""]


def initializer(pairs):
    """`.a = 1, .b = 2` of those pairs that have a value."""
    return ", ".join(f".{k} = {v}" for k, v in pairs if v is not None)
