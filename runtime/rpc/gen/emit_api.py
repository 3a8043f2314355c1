# SPDX-License-Identifier: LGPL-2.1-or-later
"""api.h: the constants of the public API."""

from cgen import c_int, c_string, enum, header


def flag_values(api):
    """{constant: value} of all public enums."""
    return {k: v for members in api["enums"].values() for k, v in members.items()}


# Enums that base/errcodes.h defines, from errors.yaml.
ERROR_ENUMS = {"virErrorLevel", "virErrorDomain", "virErrorNumber"}


def api_header(api, params):
    body = []
    for name, members in api["enums"].items():
        if name not in ERROR_ENUMS:
            body += enum(name, members)
    body += [f"#define {name} {c_int(value)}" for name, value in api["macros"].items()]
    body += ["", "/* Field names of typed parameters. */"]
    body += [f"#define {name} {c_string(text)}" for name, text in params.items()]
    return header("rpc/protocol/api_flags.yaml and typed_params.yaml", [], body)
