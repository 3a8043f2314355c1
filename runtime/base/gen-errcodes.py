#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes errcodes.h and errcodes.c from errors.yaml: the enums, and the text template of each code."""

import sys

import yaml


def c_string(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def enum(name, rows):
    lines = [f"typedef enum {name} {{"]
    lines += [f"        {row['name']} = {row['num']}," for row in rows]
    return "\n".join(lines + [f"}} {name};", ""])


def header(data):
    return "\n".join([
        "/* Generated from base/errors.yaml. */",
        "#pragma once",
        "#include <stdbool.h>",
        "",
        enum("VhErrorCode", data["codes"]),
        enum("VhErrorDomain", data["domains"]),
        "/* Text of a code: with a detail it holds one %s, without it is whole. NULL for an unknown code. */",
        "const char *vh_error_template(int code, bool with_detail);",
        "/* Name of a domain (\"QEMU Driver\") as client libraries print it; NULL if unknown. */",
        "const char *vh_error_domain_name(int domain);",
        "",
    ])


def source(data):
    lines = [
        "/* Generated from base/errors.yaml. */",
        '#include "errcodes.h"',
        "#include <stddef.h>",
        "",
        "static const struct { const char *bare, *detail; } templates[] = {",
    ]
    for row in data["codes"]:
        template = row["template"]
        lines.append(f"        [{row['num']}] = {{ {c_string(template['bare'])}, {c_string(template['detail'])} }},")
    lines += ["};", "", "static const char *const domains[] = {"]
    lines += [f"        [{row['num']}] = {c_string(row['display'])}," for row in data["domains"]]
    lines += [
        "};",
        "",
        "const char *vh_error_template(int code, bool with_detail)",
        "{",
        "        if (code < 0 || (size_t)code >= sizeof(templates) / sizeof(templates[0]))",
        "                return NULL;",
        "        return with_detail ? templates[code].detail : templates[code].bare;",
        "}",
        "",
        "const char *vh_error_domain_name(int domain)",
        "{",
        "        if (domain < 0 || (size_t)domain >= sizeof(domains) / sizeof(domains[0]))",
        "                return NULL;",
        "        return domains[domain];",
        "}",
        "",
    ]
    return "\n".join(lines)


def main(yaml_path, header_path, source_path):
    with open(yaml_path, encoding="utf-8") as f:
        data = yaml.safe_load(f)
    with open(header_path, "w", encoding="utf-8") as f:
        f.write(header(data))
    with open(source_path, "w", encoding="utf-8") as f:
        f.write(source(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
