#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the sample .conf files: every key with its help, range and default, commented out.

usage: sample.py DAEMONS-DIR OUTPUT-DIR [FILE.conf ...] [NAME=DIR ...], all files without FILE.conf"""

import os
import sys
import textwrap

import model

WIDTH = 88

EFFECTS = {
    "none": None,
    "live": "takes effect at the next start, or at once through virt-admin",
    "reload": "takes effect at the next reload",
    "restart": "takes effect at the next start",
}

SETTINGS = {
    "socket-mode": "SocketMode= of {units}",
    "socket-group": "SocketGroup= of {units}",
    "listen-stream": "ListenStream= of {units}",
    "unit": "enabling {units}",
}


def comment(text):
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def allowed_text(option):
    if option.type == "bool":
        return "0 or 1"
    if option.limits:
        low, high = option.limits
        _, top = model.TYPES[option.type]
        text = f"{low} or more" if high == top else f"{low} to {high}"
        return text + (' or "unlimited"' if option.type == "u64-or-string" else "")
    if option.choices:
        return ", ".join(f'"{c}"' for c in option.choices)
    return None


def default_text(option):
    value = option.default
    texts = [] if value is None else [model.conf_text(value)]
    if option.default_session is not None:
        texts.append(f"{model.conf_text(option.default_session)} in session mode")
    if option.default_note:
        texts.append(option.default_note)
    return ", ".join(texts) or "not set"


def replaced_text(option, daemon):
    if not option.replaced_by or not daemon:
        return None
    kinds = {s.kind: s.unit for s in daemon.sockets}
    units = ", ".join(kinds[k] for k in option.replaced_by["sockets"] if k in kinds)
    return "With sockets from systemd this is " + SETTINGS[option.replaced_by["setting"]].format(units=units) + "."


def facts(option):
    rows = [("Type", option.type + (f", {option.unit}" if option.unit else "")), ("Allowed", allowed_text(option)),
            ("Default", default_text(option)), ("Change", EFFECTS[option.change])]
    return "".join(f"# {name}: {text}\n" for name, text in rows if text)


def option_text(option, daemon):
    text = comment(option.help)
    replaced = replaced_text(option, daemon)
    if replaced:
        text += comment(textwrap.fill(replaced, WIDTH, break_on_hyphens=False))
    return text + facts(option) + f"#{option.name} = {model.example_text(option)}\n"


def sample_text(conf, daemon=None):
    out = [f"# Settings of {conf.title}\n#\n"
           "# Every key is shown with its help and commented out. Values: numbers, \"strings\", [ \"lists\" ]; 0 and 1\n"
           "# for no and yes. A daemon reads this file when it starts.\n"]
    section = None
    for option in conf.options:
        if option.obsolete:
            continue
        if option.section != section:
            section = option.section
            out.append(f"\n########## {section}\n")
        out.append("\n" + option_text(option, daemon))
    return "".join(out)


def main():
    files = [a for a in sys.argv[3:] if "=" not in a]
    m = model.Model(sys.argv[1], model.parse_paths([a for a in sys.argv[3:] if "=" in a]))
    os.makedirs(sys.argv[2], exist_ok=True)
    owners = {d.conf.file: d for d in m.daemons.values()}
    for conf in [m.confs[file] for file in files or m.confs]:
        model.write_if_changed(os.path.join(sys.argv[2], conf.file), sample_text(conf, owners.get(conf.file)))


if __name__ == "__main__":
    main()
