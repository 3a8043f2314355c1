#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the C table of the permissions of the API's access control (profiles/lang.h) from the protocol's descriptions.

usage: gen-permissions.py OUTPUT.c PROTOCOL.yaml..."""

import sys

import yaml

HEAD = """\
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generated from runtime/rpc/protocol by profiles/gen-permissions.py. */

#include "lang.h"

const char *const vh_lang_permissions[] = {
"""


def permissions(description):
    """OBJECT.PERMISSION of every check of every procedure, as action names have them."""
    for procedure in description.get("procs", []):
        for rule in procedure.get("acl") or []:
            kind, permission = rule.split(":")[:2]
            yield f"{kind}.{permission}".replace("_", "-")


def main():
    found = set()
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as f:
            found.update(permissions(yaml.load(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
    if not found:
        sys.exit("gen-permissions.py: no access checks in " + " ".join(sys.argv[2:]))
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write(HEAD + "".join(f'        "{word}",\n' for word in sorted(found)) + "        NULL,\n};\n")


if __name__ == "__main__":
    main()
