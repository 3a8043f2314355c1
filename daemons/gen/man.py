#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the manual pages: NAME.8 for every daemon, FILE.5 for every .conf file.

usage: man.py DAEMONS-DIR OUTPUT-DIR [NAME=DIR ...]"""

import os
import sys

import model
import sample

ARGUMENTS = [
    ("-h, --help", None, "Print the arguments and leave."),
    ("-V, --version", None, "Print name and version and leave."),
    ("-v, --verbose", None, "Log at level info."),
    ("-d, --daemon", None, "Run in the background and write a PID file."),
    ("-l, --listen", None, "Open the TCP listeners that the configuration names. Not together with sockets from systemd."),
    ("-t, --timeout", "SECONDS", "Leave after that long without clients and without anything that needs the daemon; "
                                 "0 for never, which is the default."),
    ("-f, --config", "FILE", "Configuration file. It must exist when it is named here."),
    ("-p, --pid-file", "FILE", "PID file."),
    ("--check", None, "Read and check the configuration, print every problem, and leave with 0 or 1."),
]

SIGNALS = [
    ("SIGHUP", "Drivers read their definitions again. The daemon's own configuration file is read only at start."),
    ("SIGTERM, SIGINT, SIGQUIT", "Orderly stop. Guests keep running."),
]

STATUS = [
    ("0", "Normal end, idle exit too."),
    ("1", "Wrong arguments or configuration, or another instance holds the PID file."),
    ("2", "The runtime directory cannot be made."),
    ("6", "A socket cannot be made, or systemd passed one that the daemon does not know."),
]

SOCKET_USE = {
    "rw": "everything",
    "ro": "reading only",
    "admin": "administration, for the daemon's own user",
    "tcp": "remote clients, unencrypted",
    "tls": "remote clients over TLS",
}


def roff(text):
    """Text safe for troff: backslashes, dashes that are typed, control characters at a line start."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(("\\&" + line) if line[:1] in (".", "'") else line for line in lines)


def bold(text):
    return f"\\fB{roff(text)}\\fR"


def items(rows):
    return "".join(f".TP\n{term}\n{text}\n" for term, text in rows)


def head(name, section, title, version):
    return f'.TH {name.upper()} {section} "" "virthost {version}"\n.SH NAME\n{roff(name)} \\- {roff(title)}\n'


def argument_rows(daemon):
    for names, value, help_text in ARGUMENTS:
        if "--listen" in names and not daemon.listen_option:
            continue
        yield bold(names) + (f" \\fI{value}\\fR" if value else ""), roff(help_text)


def socket_rows(daemon):
    for s in daemon.sockets:
        place = "/run/libvirt/" + s.file if s.file else "port " + s.port
        yield bold(place), roff(f"For {SOCKET_USE[s.kind]}; unit {s.unit}.")


def file_rows(daemon):
    yield bold("/etc/libvirt/" + daemon.conf.file), f"Settings, see {bold(daemon.conf.file)}(5)."
    for file in daemon.driver_confs:
        yield bold("/etc/libvirt/" + file), f"See {bold(file)}(5)."
    for path in daemon.state:
        yield bold(path), "State of the driver."


def daemon_page(daemon, version):
    out = [head(daemon.name, 8, f"daemon for {daemon.title}", version)]
    out.append(f".SH SYNOPSIS\n{bold(daemon.name)} [\\fIOPTION\\fR]...\n")
    modes = "in system mode as root, and in session mode as any user" if daemon.session else "in system mode as root"
    about = f"{daemon.name} serves clients of the libvirt protocol. It runs {modes}."
    if daemon.idle.get("seconds"):
        kept = daemon.idle.get("kept_by")
        about += (f" Its unit starts it when a client connects and lets it leave after {daemon.idle['seconds']} idle seconds"
                  + (f"; it stays while there are {' or '.join(kept)}." if kept else "."))
    out.append(f".SH DESCRIPTION\n{roff(about)}\n")
    out.append(".SH OPTIONS\n" + items(argument_rows(daemon)))
    out.append(".SH SOCKETS\n" + items(socket_rows(daemon)))
    out.append(".SH FILES\n" + items(file_rows(daemon)))
    out.append(f".SH ENVIRONMENT\n.TP\n{bold(daemon.args_variable)}\nFurther arguments, read by the unit from "
               f"{bold('/etc/default/' + daemon.name)} or {bold('/etc/sysconfig/' + daemon.name)}.\n")
    signals = SIGNALS if daemon.unit.reload == "HUP" else SIGNALS[1:]
    out.append(".SH SIGNALS\n" + items((bold(name), roff(text)) for name, text in signals))
    out.append(".SH EXIT STATUS\n" + items((bold(code), roff(text)) for code, text in STATUS))
    out.append(f".SH SEE ALSO\n{bold(daemon.conf.file)}(5), {bold('virthost')}(1), {bold('virsh')}(1), "
               f"{bold('virt-admin')}(1)\n")
    return "".join(out)


def option_item(option, daemon):
    value = {"bool": "0|1", "string-list": "[ ... ]"}.get(option.type, option.type)
    facts = [roff(option.help.strip())]
    replaced = sample.replaced_text(option, daemon)
    if replaced:
        facts.append(roff(replaced))
    rows = [("Allowed", sample.allowed_text(option)), ("Default", sample.default_text(option)),
            ("Change", sample.EFFECTS[option.change])]
    facts += [roff(f"{name}: {text}.") for name, text in rows if text]
    return f"{bold(option.name)} = \\fI{roff(value)}\\fR", "\n.br\n".join(facts)


def conf_page(conf, daemon, version):
    out = [head(conf.file, 5, f"settings of {conf.title}", version)]
    out.append(".SH DESCRIPTION\n" + roff(
        "The file holds one KEY = VALUE a line. A value is a number, a \"string\", or a list of strings in brackets; "
        "# begins a comment. The first of two equal keys counts. virthost check and the daemon's --check name wrong and "
        "unknown keys with their line.") + "\n")
    section = None
    for option in conf.options:
        if option.obsolete:
            continue
        if option.section != section:
            section = option.section
            out.append(f".SH {roff(section).upper()}\n")
        out.append(items([option_item(option, daemon)]))
    if daemon:
        out.append(f".SH SEE ALSO\n{bold(daemon.name)}(8)\n")
    return "".join(out)


def pages(m, version):
    """(file name, text) of every page."""
    owners = {d.conf.file: d for d in m.daemons.values()}
    for daemon in m.daemons.values():
        yield daemon.name + ".8", daemon_page(daemon, version)
    for conf in m.confs.values():
        yield conf.file + ".5", conf_page(conf, owners.get(conf.file), version)


def main():
    arguments = dict(a.split("=", 1) for a in sys.argv[3:])
    version = arguments.pop("version", "")
    m = model.Model(sys.argv[1], model.parse_paths([f"{k}={v}" for k, v in arguments.items()]))
    os.makedirs(sys.argv[2], exist_ok=True)
    for file, text in pages(m, version):
        model.write_if_changed(os.path.join(sys.argv[2], file), text)


if __name__ == "__main__":
    main()
