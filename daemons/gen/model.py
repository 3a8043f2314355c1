# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the descriptions of daemons and .conf files: expands what is included or written once for several, refuses what it
does not know, and hands out plain objects. All generators read through this."""

import glob
import os
import re
import sys
from dataclasses import dataclass, field

import yaml

UINT_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
INT_MIN, INT_MAX = -2**31, 2**31 - 1

# type: (lowest, highest) for numbers, None for the rest
TYPES = {
    "bool": (0, 1),
    "int": (INT_MIN, INT_MAX),
    "uint": (0, UINT_MAX),
    "u64": (0, U64_MAX),
    "string": None,
    "enum": None,
    "string-list": None,
    "string-or-list": None,
    "u64-or-string": (0, U64_MAX),
}
FORMATS = ["any", "mode", "port", "address", "host", "uuid", "id", "path", "log-filters", "log-outputs", "alias"]
# Formats that no daemon of libvirt looks at before it uses the value.
LAX_FORMATS = {"address", "host", "id", "path"}
CHANGES = ["none", "live", "reload", "restart"]
WEIGHTS = ["none", "low", "medium", "high", "critical"]
REPLACEMENTS = ["socket-mode", "socket-group", "listen-stream", "unit"]
SOCKET_KINDS = ["rw", "ro", "admin", "tcp", "tls"]
ROLES = ["monolithic", "hypervisor", "secondary", "proxy", "log", "lock"]


class DescriptionError(Exception):
    """A description is wrong; the text names the file and the thing."""


@dataclass
class Option:
    name: str
    type: str
    section: str
    help: str
    format: str = "any"
    range: list = None
    choices: list = None
    default: object = None
    default_session: object = None
    default_note: str = None
    example: object = None
    unit: str = None
    change: str = "restart"
    weight: str = "none"
    replaced_by: dict = None
    at_most: str = None
    together: list = None
    lax: bool = None
    obsolete: bool = False
    secret: bool = False  # profiles name a file that holds it
    since: str = None

    @property
    def limits(self):
        """Lowest and highest number, or None for what is no number."""
        full = TYPES[self.type]
        if full is None or self.range is None:
            return full
        return tuple(own if own is not None else limit for own, limit in zip(self.range, full))


@dataclass
class Conf:
    file: str
    title: str
    options: list
    mode: int = 0o644
    session: bool = False
    lenient: bool = False


@dataclass
class Socket:
    kind: str
    unit: str
    file: str = None
    port: str = None
    auth_key: str = None
    mode_key: str = None
    enable_key: str = None
    port_key: str = None
    mode: int = 0
    unit_mode: int = 0
    session: bool = False


@dataclass
class Rights:
    """What a daemon may do. native holds the reason why nothing under it uses another ABI."""
    capabilities: list = field(default_factory=list)
    syscalls: list = field(default_factory=list)
    address_families: list = field(default_factory=list)
    paths: list = field(default_factory=list)
    mounts: str = "host"
    mounts_why: str = None
    spawns: bool = True
    guests: bool = False
    denied_syscalls: list = field(default_factory=list)
    native: str = None


@dataclass
class Unit:
    after: list = field(default_factory=list)
    before: list = field(default_factory=list)
    socket_before: list = field(default_factory=list)
    wants: list = field(default_factory=list)
    conflicts: list = field(default_factory=list)
    condition: dict = field(default_factory=dict)
    service: dict = field(default_factory=dict)
    reload: str = "HUP"


@dataclass
class Daemon:
    name: str
    title: str
    role: str
    drivers: list
    session: bool
    sockets: list
    conf: Conf
    driver_confs: list
    units: bool = True
    listen_option: bool = False
    needs: list = field(default_factory=list)
    wants: list = field(default_factory=list)
    state: list = field(default_factory=list)
    lock: str = None
    idle: dict = field(default_factory=dict)
    boot: str = None
    unit: Unit = None
    rights: Rights = None

    @property
    def args_variable(self):
        return self.name.upper() + "_ARGS"

    @property
    def args_default(self):
        seconds = self.idle.get("seconds", 0)
        return f"--timeout {seconds}" if seconds else ""


class Model:
    """All daemons and .conf files. paths replaces @sysconfdir@ and the like; values stay unreplaced when it is None."""

    def __init__(self, top, paths=None):
        self.top = top
        self.paths = paths
        self.files_read = []
        self.common = {}
        self.confs = {}
        self.daemons = {}
        for path in sorted(glob.glob(os.path.join(top, "conf", "*.yaml"))):
            for conf in self._confs_of(path):
                self.confs[conf.file] = conf
        for path in sorted(glob.glob(os.path.join(top, "*", "daemon.yaml"))):
            daemon = self._daemon_of(path)
            self.daemons[daemon.name] = daemon
            self.confs[daemon.conf.file] = daemon.conf
        self.confs = dict(sorted(self.confs.items()))
        self._check_references()

    def _load(self, path):
        self.files_read.append(path)
        with open(path, encoding="utf-8") as f:
            data = yaml.safe_load(f)
        if not isinstance(data, dict):
            raise DescriptionError(f"{path}: not a mapping")
        return self._replace_paths(data)

    def _replace_paths(self, data):
        if isinstance(data, dict):
            return {key: self._replace_paths(value) for key, value in data.items()}
        if isinstance(data, list):
            return [self._replace_paths(value) for value in data]
        if isinstance(data, str) and self.paths is not None:
            return re.sub(r"@([a-z]+dir)@", lambda m: self.paths[m[1]], data)
        return data

    def _common(self, name):
        if name not in self.common:
            self.common[name] = self._load(os.path.join(self.top, "common", name + ".yaml"))
        return self.common[name]

    # options

    def _options_of_section(self, where, section):
        known(where, section, {"section", "options", "each"})
        rows = []
        for values in section.get("each", [{}]):
            for row in section["options"]:
                row = fill_in(row, values) if values else row
                rows.append(make_option(where, dict(row, section=fill_in(section["section"], values))))
        return rows

    def _options_of_group(self, name, where):
        group = self._common(name)
        known(where, group, {"section", "options", "include"})
        options = self._options_of_section(where, {k: v for k, v in group.items() if k != "include"}) \
            if "options" in group else []
        for other in group.get("include", []):
            options += self._options_of_group(other, f"common/{other}.yaml")
        return options

    def _options_of_daemon(self, where, entries):
        options = []
        for entry in entries:
            if "include" not in entry:
                options += self._options_of_section(where, entry)
                continue
            known(where, entry, {"include", "set"})
            rows = self._options_of_group(entry["include"], f"common/{entry['include']}.yaml")
            options += override(where, rows, entry.get("set", {}))
        return check_unique(where, options)

    # .conf files of drivers

    def _confs_of(self, path):
        data = self._load(path)
        where = os.path.relpath(path, self.top)
        known(where, data, {"file", "title", "mode", "session", "lenient", "change", "each", "sections"})
        for values in data.get("each", [{}]):
            options = []
            for section in data["sections"]:
                options += self._options_of_section(where, section)
            for option in options:
                option.change = data.get("change", option.change)
            yield Conf(file=fill_in(data["file"], values), title=fill_in(data["title"], values),
                       options=check_unique(where, options), mode=int(data.get("mode", "0644"), 8),
                       session=values.get("session", data.get("session", False)), lenient=data.get("lenient", False))

    # daemons

    def _rights_of(self, where, data):
        known(where, data, {"include", "capabilities", "syscalls", "address_families", "paths", "mounts", "mounts_why",
                            "spawns"})
        rights = Rights(mounts=data.get("mounts", "host"), mounts_why=data.get("mounts_why"),
                        spawns=data.get("spawns", True),
                        guests="guests" in data.get("include", []), paths=data.get("paths", []))
        for source in [self._common("rights")[name] for name in data.get("include", [])] + [data]:
            merge_named(rights.capabilities, source.get("capabilities", []), "name")
            merge_named(rights.syscalls, source.get("syscalls", []), "group")
            merge_named(rights.denied_syscalls, source.get("denied_syscalls", []), "group")
            rights.native = rights.native or source.get("native")
            rights.address_families += [f for f in source.get("address_families", [])
                                        if f not in rights.address_families]
        rights.capabilities.sort(key=lambda c: c["name"])
        return rights

    def _sockets_of(self, name, which):
        suffix = {"rw": ""}
        for row in self._common("sockets")[which]:
            row = dict(row)
            for key in ("mode", "unit_mode"):
                row[key] = int(row.get(key, "0"), 8)
            if row.get("file"):
                row["file"] = row["file"].format(name=name)
            yield Socket(unit=f"{name}{suffix.get(row['kind'], '-' + row['kind'])}.socket", **row)

    def _daemon_of(self, path):
        data = self._load(path)
        where = os.path.relpath(path, self.top)
        name = data.pop("name")
        if name != os.path.basename(os.path.dirname(path)):
            raise DescriptionError(f"{where}: name is {name}")
        if data["role"] not in ROLES:
            raise DescriptionError(f"{where}: role {data['role']}")
        conf = Conf(file=name + ".conf", title=f"{name}, the daemon for {data['title']}",
                    options=self._options_of_daemon(where, data.pop("options")), session=data["session"])
        unit = data.pop("unit", {})
        known(where, unit, set(Unit.__dataclass_fields__))
        sockets = list(self._sockets_of(name, data.pop("sockets")))
        for socket in sockets:
            socket.session = socket.session and data["session"]
        rights = self._rights_of(where, data.pop("rights", {}))
        known(where, data, set(Daemon.__dataclass_fields__))
        return Daemon(name=name, conf=conf, sockets=sockets, unit=Unit(**unit), rights=rights, **data)

    def _check_references(self):
        for daemon in self.daemons.values():
            for other in daemon.needs + daemon.wants:
                if other not in self.daemons:
                    raise DescriptionError(f"{daemon.name}: unknown daemon {other}")
            for file in daemon.driver_confs:
                if file not in self.confs:
                    raise DescriptionError(f"{daemon.name}: unknown file {file}")
        for conf in self.confs.values():
            names = {option.name for option in conf.options}
            for option in conf.options:
                for other in [option.at_most] * bool(option.at_most) + (option.together or []):
                    if other not in names:
                        raise DescriptionError(f"{conf.file}: {option.name} names {other}, which is not there")


def known(where, data, keys):
    for key in data:
        if key not in keys:
            raise DescriptionError(f"{where}: unknown key {key}")


def fill_in(data, values):
    """Puts values for {name} in all texts."""
    if isinstance(data, dict):
        return {key: fill_in(value, values) for key, value in data.items()}
    if isinstance(data, list):
        return [fill_in(value, values) for value in data]
    return data.format(**values) if isinstance(data, str) and values else data


def merge_named(rows, more, key):
    have = {row[key] for row in rows}
    rows += [row for row in more if row[key] not in have]


def override(where, options, changes):
    names = {option.name for option in options}
    for name, values in changes.items():
        if name not in names:
            raise DescriptionError(f"{where}: sets {name}, which is not included")
    merged = []
    for option in options:
        if option.name in changes:
            option = Option(**{**option.__dict__, **changes[option.name]})
            check_option(where, option)
        merged.append(option)
    return merged


def check_unique(where, options):
    seen = set()
    for option in options:
        if option.name in seen:
            raise DescriptionError(f"{where}: {option.name} appears twice")
        seen.add(option.name)
    return options


def make_option(where, row):
    known(f"{where}: {row.get('name')}", row, set(Option.__dataclass_fields__))
    option = Option(**row)
    if option.lax is None:
        option.lax = option.format in LAX_FORMATS
    check_option(where, option)
    return option


def check_option(where, option):
    place = f"{where}: {option.name}"
    for value, allowed, what in ((option.type, TYPES, "type"), (option.format, FORMATS, "format"),
                                 (option.change, CHANGES, "change"), (option.weight, WEIGHTS, "weight")):
        if value not in allowed:
            raise DescriptionError(f"{place}: {what} {value}")
    if option.replaced_by:
        known(place, option.replaced_by, {"setting", "sockets"})
        if option.replaced_by["setting"] not in REPLACEMENTS:
            raise DescriptionError(f"{place}: replaced by {option.replaced_by['setting']}")
    if option.type == "enum" and not option.choices:
        raise DescriptionError(f"{place}: enum without choices")
    if not option.help or any(len(line) > 96 for line in option.help.splitlines()):
        raise DescriptionError(f"{place}: help is missing or too wide")
    for value in (option.default, option.default_session, option.example):
        check_value(place, option, value)
    if option.default is None and option.example is None and option.type != "bool":
        raise DescriptionError(f"{place}: neither default nor example")


def check_value(place, option, value):
    if value is None:
        return
    items = value if isinstance(value, list) else [value]
    wants_list = option.type == "string-list"
    if isinstance(value, list) != wants_list and option.type != "string-or-list":
        raise DescriptionError(f"{place}: {value!r} does not fit {option.type}")
    for item in items:
        if isinstance(item, bool):
            raise DescriptionError(f"{place}: write 0 or 1, not {item}")
        if isinstance(item, int):
            low, high = option.limits or (1, 0)
            if not low <= item <= high:
                raise DescriptionError(f"{place}: {item} is out of range")
        elif option.type in ("bool", "int", "uint", "u64"):
            raise DescriptionError(f"{place}: {item!r} is no number")
        elif option.choices and item not in option.choices:
            raise DescriptionError(f"{place}: {item!r} is not among the choices")


def conf_text(value):
    """A value as it stands in a .conf file."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[ " + ", ".join(conf_text(v) for v in value) + " ]" if value else "[ ]"
    return f'"{value}"'


def example_text(option):
    """What the sample file shows for an option: the example, else the default, else something valid."""
    for value in (option.example, option.default):
        if value is not None:
            return conf_text(value)
    return conf_text(1)


def parse_paths(arguments):
    """NAME=DIR arguments as a dictionary, with the usual places for what is left out."""
    paths = {"sysconfdir": "/etc", "localstatedir": "/var", "runstatedir": "/run", "sbindir": "/usr/sbin",
             "envdir": "/etc/default"}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in paths:
            sys.exit(f"unknown directory name: {name}")
        paths[name] = value
    return paths


def write_if_changed(path, text):
    """Writes, but leaves an equal file alone so that nothing that depends on it is built again."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
