#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the C products of the RPC descriptions: main.py DESCRIPTIONS OUTPUT. products() lists the files."""

import os
import sys

import emit_api
import emit_client
import emit_ops
import emit_procs
import emit_types
from model import DescriptionError, Loader, add_checks, add_events, load_api, load_params

# In the order of use: a program may use types of those before it.
TYPES_ONLY = ["message"]
PROGRAMS = ["remote", "qemu", "lxc", "admin", "lock", "log", "keepalive"]
USES = {"qemu": ["remote"], "lxc": ["remote"]}


def protocol_files(program):
    uses = [f'"{name}_protocol.h"' for name in USES.get(program.name, [])]
    return {
        f"{program.name}_protocol.h": emit_types.protocol_header(program, uses),
        f"{program.name}_protocol.c": emit_types.protocol_source(program),
    }


def products(directory, types_only=TYPES_ONLY, programs=PROGRAMS):
    """{file name: content}"""
    loader = Loader(directory)
    types_only = [loader.load(name) for name in types_only]
    programs = [loader.load(name) for name in programs]
    add_checks(directory, programs)
    add_events(directory, programs)
    api = load_api(directory)
    files = {}
    for program in types_only + programs:
        files.update(protocol_files(program))
    files["api.h"] = emit_api.api_header(api, load_params(directory))
    files["procs.h"] = emit_procs.procs_header(programs, types_only)
    files["procs.c"] = emit_procs.procs_source(programs, emit_api.flag_values(api))
    files["ops.h"] = emit_ops.ops_header([p for p in programs if p.name != "keepalive"])
    files["client_calls.h"] = emit_client.client_header(programs)
    return files


def write(files, output):
    for name, text in files.items():
        with open(os.path.join(output, name), "w", encoding="utf-8") as f:
            f.write(text)


def main(directory, output):
    try:
        write(products(directory), output)
    except DescriptionError as e:
        sys.exit(f"error: {e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
