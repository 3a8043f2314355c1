#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the C tables of daemons, sockets, .conf files and options (runtime/conf/desc.h).

usage: tables.py DAEMONS-DIR OUTPUT.c [NAME=DIR ...]"""

import sys

import model

HEAD = """\
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generated from daemons/ by daemons/gen/tables.py: change the descriptions instead. */

#include "conf/desc.h"

"""

FINDERS = """\

const VhDaemonDesc *vh_daemon_desc_find(const char *name)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if (vh_streq((*d)->name, name))
                        return *d;
        return NULL;
}

const VhConfDesc *vh_conf_desc_find(const char *file)
{
        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++)
                if (vh_streq((*d)->file, file))
                        return *d;
        return NULL;
}
"""


def c_string(text):
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def c_bool(value):
    return "true" if value else "false"


def c_name(prefix, text):
    return prefix + "_" + "".join(c if c.isalnum() else "_" for c in text)


def c_enum(prefix, text):
    return c_name(prefix, text.upper())


class Tables:
    """Collects the text; rows that are equal in several files are written once."""

    def __init__(self):
        self.out = [HEAD]
        self.lists = {}
        self.rows = {}

    def words(self, items):
        """Name of a NULL-terminated array of strings, or NULL for None."""
        if items is None:
            return "NULL"
        key = tuple(items)
        if key not in self.lists:
            self.lists[key] = f"words_{len(self.lists)}"
            body = ", ".join([c_string(i) for i in key] + ["NULL"])
            self.out.append(f"static const char *const {self.lists[key]}[] = {{ {body} }};\n")
        return self.lists[key]

    def option(self, option):
        key = repr(option)
        if key not in self.rows:
            same_name = sum(1 for name in self.rows.values() if name.startswith(c_name("option", option.name) + "_v"))
            self.rows[key] = f"{c_name('option', option.name)}_v{same_name}"
            self.out.append(self.option_row(self.rows[key], option))
        return self.rows[key]

    def option_row(self, name, o):
        fields = [
            ("name", c_string(o.name)),
            ("type", c_enum("VH_OPTION", o.type)),
            ("format", c_enum("VH_FORMAT", o.format)),
            ("value", c_string(None if o.default is None else model.conf_text(o.default))),
            ("value_session", c_string(None if o.default_session is None else model.conf_text(o.default_session))),
            ("value_note", c_string(o.default_note)),
            ("example", c_string(model.example_text(o))),
            ("unit", c_string(o.unit)),
            ("section", c_string(o.section)),
            ("help", c_string(o.help.rstrip("\n"))),
            ("change", c_enum("VH_CHANGE", o.change)),
            ("weight", c_enum("VH_WEIGHT", o.weight)),
            ("choices", self.words(o.choices)),
            ("at_most", c_string(o.at_most)),
            ("together", self.words(o.together)),
            ("lax", c_bool(o.lax)),
            ("obsolete", c_bool(o.obsolete)),
            ("secret", c_bool(o.secret)),
        ]
        if o.limits:
            low, high = o.limits
            fields += [("min", f"{low}LL"), ("max", f"{high}ULL")]
        if o.replaced_by:
            setting, sockets = o.replaced_by["setting"], o.replaced_by["sockets"]
            if setting == "listen-stream" and len(sockets) > 1:
                setting = "listen-streams"
            fields += [("replaced_by", c_enum("VH_REPLACED", setting)), ("replaced_unit", c_string(" ".join(sockets)))]
        body = "".join(f"        .{key} = {value},\n" for key, value in fields if value not in ("NULL", "false"))
        return f"static const VhOptionDesc {name} = {{\n{body}}};\n"

    def conf(self, conf):
        name = c_name("conf", conf.file)
        rows = "".join(f"        &{self.option(o)},\n" for o in conf.options)
        self.out.append(f"static const VhOptionDesc *const {name}_options[] = {{\n{rows}}};\n")
        self.out.append(f"""static const VhConfDesc {name} = {{
        .file = {c_string(conf.file)},
        .title = {c_string(conf.title)},
        .options = {name}_options,
        .n_options = VH_ARRAY_SIZE({name}_options),
        .mode = {conf.mode:#o},
        .session = {c_bool(conf.session)},
        .lenient = {c_bool(conf.lenient)},
}};
""".replace("0o", "0"))

    def socket_row(self, s):
        texts = [("unit", s.unit), ("file", s.file), ("port", s.port), ("auth_key", s.auth_key),
                 ("mode_key", s.mode_key), ("enable_key", s.enable_key), ("port_key", s.port_key)]
        fields = [f".kind = VH_SOCKET_{s.kind.upper()}"] + [f".{k} = {c_string(v)}" for k, v in texts if v]
        fields += [f".mode = 0{s.mode:o}", f".unit_mode = 0{s.unit_mode:o}", f".session = {c_bool(s.session)}"]
        return "        { " + ", ".join(fields) + " },\n"

    def daemon(self, d):
        name = c_name("daemon", d.name)
        self.out.append(f"static const VhSocketDesc {name}_sockets[] = {{\n" +
                        "".join(self.socket_row(s) for s in d.sockets) + "};\n")
        files = "".join(f"&{c_name('conf', file)}, " for file in d.driver_confs)
        self.out.append(f"static const VhConfDesc *const {name}_confs[] = {{ {files}NULL }};\n")
        words = {key: self.words(value) for key, value in
                 (("drivers", d.drivers), ("needs", d.needs), ("wants", d.wants))}
        self.out.append(f"""static const VhDaemonDesc {name} = {{
        .name = {c_string(d.name)},
        .title = {c_string(d.title)},
        .role = {c_enum('VH_ROLE', d.role)},
        .drivers = {words['drivers']},
        .session = {c_bool(d.session)},
        .units = {c_bool(d.units)},
        .boot = {c_bool(d.boot)},
        .listen_option = {c_bool(d.listen_option)},
        .idle_seconds = {d.idle.get('seconds', 0)},
        .args_variable = {c_string(d.args_variable)},
        .service = {c_string(d.name + '.service')},
        .pid_file = {c_string(d.name + '.pid')},
        .log_file = {c_string(d.name + '.log')},
        .sockets = {name}_sockets,
        .n_sockets = VH_ARRAY_SIZE({name}_sockets),
        .conf = &{c_name('conf', d.conf.file)},
        .driver_confs = {name}_confs,
        .needs = {words['needs']},
        .wants = {words['wants']},
}};
""")

    def index(self, m):
        daemons = "".join(f"        &{c_name('daemon', name)},\n" for name in sorted(m.daemons))
        confs = "".join(f"        &{c_name('conf', file)},\n" for file in m.confs)
        self.out.append(f"const VhDaemonDesc *const vh_daemon_descs[] = {{\n{daemons}        NULL,\n}};\n")
        self.out.append(f"const VhConfDesc *const vh_conf_descs[] = {{\n{confs}        NULL,\n}};\n")
        self.out.append(FINDERS)


def main():
    m = model.Model(sys.argv[1], model.parse_paths(sys.argv[3:]))
    tables = Tables()
    for conf in m.confs.values():
        tables.conf(conf)
    for daemon in m.daemons.values():
        tables.daemon(daemon)
    tables.index(m)
    model.write_if_changed(sys.argv[2], "".join(tables.out))


if __name__ == "__main__":
    main()
