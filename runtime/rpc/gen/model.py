# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads protocol/NAME.yaml into objects: types with their C form, procedures with resolved types and flag values."""

import os
import re
from dataclasses import dataclass, field

import yaml

# Type of the description -> (kind of codec.h, C type, size and alignment in C, least bytes on the wire).
PRIMITIVES = {
    "int": ("INT", "int", 4),
    "uint": ("UINT", "unsigned", 4),
    "hyper": ("HYPER", "int64_t", 8),
    "uhyper": ("UHYPER", "uint64_t", 8),
    "double": ("DOUBLE", "double", 8),
    "char": ("CHAR", "char", 4),
    "uchar": ("UCHAR", "unsigned char", 4),
    "short": ("SHORT", "short", 4),
    "ushort": ("USHORT", "unsigned short", 4),
    "opaque": ("OPAQUE", "uint8_t", 1),
}

KEYWORDS = {"register", "restrict", "default", "continue", "return", "goto", "switch"}

# The C parser where PyYAML has it: ten times faster.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

PROC_KEYS = {"num", "name", "dir", "args", "ret", "msg", "prio", "acl", "aclfilter", "stream", "api", "conn", "ro", "fds",
             "pre_auth"}

KINDS = ["hypervisor", "network", "interface", "nodedev", "nwfilter", "secret", "storage"]


class DescriptionError(Exception):
    """A mistake in a description; the text names the place."""


@dataclass
class Type:
    """A type that has a row of its own in the codec tables."""

    name: str
    kind: str  # VH_XDR_*
    c_type: str
    wire: int
    max: int = 0
    fields: list = field(default_factory=list)

    @property
    def symbol(self):
        return f"vh_xdr_{self.name}"


@dataclass
class Field:
    """A member of a struct or an arm of a union: a type and a shape around it."""

    name: str
    type: Type
    shape: str  # ONE, OPTIONAL, FIXED, VARIABLE
    count: int = 0
    selector: int = 0
    secret: bool = False

    @property
    def wire(self):
        """Least bytes on the wire."""
        if self.shape in ("OPTIONAL", "VARIABLE"):
            return 4
        if self.shape == "FIXED":
            size = self.type.wire * self.count
            return (size + 3) // 4 * 4
        return self.type.wire


@dataclass
class Proc:
    """A procedure; args is the message of an event."""

    num: int
    const: str  # REMOTE_PROC_DOMAIN_CREATE
    name: str  # DOMAIN_CREATE
    dir: str
    args: Type
    ret: Type
    row: dict
    checks: list = field(default_factory=list)  # rules of arg_checks.yaml
    event_pair: "Proc" = None  # the call that takes back this registration for events, and the other way round
    registers: bool = False  # of the pair, the one that registers

    @property
    def member(self):
        """Name in an ops struct; what C does not allow gets an underscore."""
        name = self.name.lower()
        return name + "_" if name in KEYWORDS else name


@dataclass
class Program:
    """One description. number is None for message.yaml, which has types only."""

    name: str
    number: int
    version: int
    number_const: str
    version_const: str
    constants: dict
    enums: dict
    typedefs: list  # (name, C declaration)
    types: list  # own structs and unions, a type after those it uses
    strings: list  # own string types
    enum_types: list
    procs: list
    proc_enum: str


class Loader:
    """Loads descriptions in order; a later one may use types of an earlier one (qemu uses remote)."""

    def __init__(self, directory):
        self.directory = directory
        self.types = {name: Type(name, kind, c, wire) for name, (kind, c, wire) in PRIMITIVES.items()}
        self.shaped = {}  # typedef with a shape: name -> (type, shape, count)

    def load(self, name):
        return _ProgramLoader(self, name, load_yaml(self.directory, name)).load()


class _ProgramLoader:
    def __init__(self, loader, name, data):
        self.name = name
        self.data = data
        self.types = loader.types
        self.shaped = loader.shaped
        self.values = dict(data.get("externals") or {}, **(data.get("constants") or {}))
        self.secret = data.get("secret") or {}
        self.loading = []
        self.own = []
        self.strings = []
        self.typedefs = []

    def load(self):
        data = self.data
        for enum in data["enums"]:
            self.types[enum] = Type(enum, "INT", enum, 4)
        for name in data["typedefs"]:
            self._typedef(name)
        for name in list(data["structs"]) + list(data["unions"]):
            self._type(name)
        self._check_secrets()
        program = data["program"] or {}
        return Program(
            self.name, program.get("number"), program.get("version"), program.get("number_const"),
            program.get("version_const"), data.get("constants") or {}, data["enums"], self.typedefs, self.own, self.strings,
            [self.types[e] for e in data["enums"]], self._procs(data.get("procs", [])), data.get("proc_enum"))

    def _fail(self, place, text):
        raise DescriptionError(f"{self.name}.yaml: {place}: {text}")

    def _number(self, value, place):
        if isinstance(value, int):
            return value
        if value not in self.values:
            self._fail(place, f"unknown constant {value}")
        return self.values[value]

    def _typedef(self, name):
        row = self.data["typedefs"][name]
        if row["type"] == "string":
            string = Type(name, "STRING", "char *", 4, max=self._number(row["max"], name))
            self.types[name] = string
            self.strings.append(string)
            self.typedefs.append((name, f"char *{name}"))
            return
        base = self._base(row["type"], name)
        shape, count = self._shape(row, name)
        if shape == "VARIABLE" or shape == "ONE":
            self._fail(name, "only optional and fixed types can have a typedef")
        self.shaped[name] = (row["type"], shape, count)
        if shape == "FIXED":
            self.typedefs.append((name, f"{base.c_type} {name}[{count}]"))
        elif base.kind == "STRING":
            self.typedefs.append((name, f"char *{name}"))
        else:
            self.typedefs.append((name, f"{base.c_type} *{name}"))

    def _base(self, name, place):
        """The type, or for a typedef's target a struct that is described further down."""
        if name in self.types:
            return self.types[name]
        if name in self.data["structs"]:
            return Type(name, "STRUCT", name, 0)
        self._fail(place, f"unknown type {name}")

    def _type(self, name, place=None):
        if name in self.types:
            return self.types[name]
        if name in self.loading:
            self._fail(name, "a type cannot contain itself")
        self.loading.append(name)
        if name in self.data["structs"]:
            made = self._struct(name)
        elif name in self.data["unions"]:
            made = self._union(name)
        else:
            self._fail(place or name, f"unknown type {name}")
        self.loading.remove(name)
        self.types[name] = made
        self.own.append(made)
        return made

    def _struct(self, name):
        fields = [self._field(row, name) for row in self.data["structs"][name]]
        return Type(name, "STRUCT", name, sum(f.wire for f in fields), fields=fields)

    def _union(self, name):
        row = self.data["unions"][name]
        head = self._field(row["discriminant"], name)
        if head.type.kind != "INT" or head.shape != "ONE":
            self._fail(name, "the discriminant must be an int")
        arms = []
        for arm in row["arms"]:
            made = self._field(arm["field"], name)
            made.selector = arm["case"]
            if made.shape != "ONE":
                self._fail(f"{name}.{made.name}", "an arm cannot be optional or an array")
            arms.append(made)
        return Type(name, "UNION", name, 4 + min(a.wire for a in arms), fields=[head] + arms)

    def _field(self, row, owner):
        place = f"{owner}.{row['name']}"
        name = row["type"]
        shape, count = self._shape(row, place)
        if name in self.shaped:
            if shape != "ONE":
                self._fail(place, f"{name} already has a shape")
            name, shape, count = self.shaped[name]
        if name == "string":
            self._fail(place, "strings need a typedef that has their maximum")
        made = self._type(name, place)
        if made.kind == "OPAQUE" and shape not in ("FIXED", "VARIABLE"):
            self._fail(place, "opaque needs len or max")
        secret = row["name"] in self.secret.get(owner, [])
        return Field(row["name"], made, shape, count, secret=secret)

    def _shape(self, row, place):
        if row.get("opt"):
            return "OPTIONAL", 0
        if "max" in row:
            return "VARIABLE", self._number(row["max"], place)
        if "len" in row:
            return "FIXED", self._number(row["len"], place)
        return "ONE", 0

    def _check_secrets(self):
        for owner, names in self.secret.items():
            known = [f.name for f in self.types[owner].fields] if owner in self.types else []
            for name in names:
                if name not in known:
                    self._fail("secret", f"there is no field {owner}.{name}")

    def _procs(self, rows):
        taken = set()
        for row in rows:
            if row["num"] in taken:
                self._fail(row["name"], f"number {row['num']} is taken")
            taken.add(row["num"])
        prefix = rows[0]["name"].split("_PROC_")[0] + "_PROC_" if rows else None
        return [self._proc(row, prefix) for row in rows]

    def _proc(self, row, prefix):
        place = row["name"]
        if not place.startswith(prefix):
            self._fail(place, f"does not begin with {prefix}")
        for key in set(row) - PROC_KEYS:
            self._fail(place, f"unknown key {key}")
        if row.get("conn") not in [None] + KINDS:
            self._fail(place, f"conn cannot be {row['conn']}")
        args = row.get("args") or row.get("msg")
        ret = row.get("ret")
        return Proc(row["num"], place, place[len(prefix):], row["dir"],
                    self._type(args, place) if args else None, self._type(ret, place) if ret else None, row)


def load_yaml(directory, name):
    with open(os.path.join(directory, f"{name}.yaml"), encoding="utf-8") as f:
        return yaml.load(f, Loader=YAML_LOADER)


def load_api(directory):
    """The public enums: {"enums": {name: {member: value}}, "macros": {name: value}}."""
    return load_yaml(directory, "api_flags")


def load_params(directory):
    """Field names of typed parameters and plain pairs: {constant: field}, in the order of typed_params.yaml. Where a field has
    an index (<n>), it becomes a printf format, as in the public headers."""
    data = load_yaml(directory, "typed_params")
    rows = [row for group in data["groups"].values() for row in group["params"]]
    rows += [row for group in data["plain_pairs"].values() for row in group["fields"]]
    return {row["const"]: re.sub("<[a-z]+>", "%u", row["field"]) for row in rows if row["const"]}


# Keys of a family in events.yaml: a call that registers, and the one that takes that back.
EVENT_PAIRS = [("register", "deregister"), ("legacy_register", "legacy_deregister"), ("oldest_register", "oldest_deregister")]


def add_events(directory, programs):
    """Tells the calls of events.yaml what they are to each other."""
    by_const = {proc.const: proc for program in programs for proc in program.procs}

    def find(family, const):
        if const not in by_const:
            raise DescriptionError(f"events.yaml: {family}: unknown procedure {const}")
        return by_const[const]

    data = load_yaml(directory, "events")
    for name, family in data.items():
        # The session itself tells its client of a lost connection.
        if not isinstance(family, dict) or "register" not in family or name == "connection_close":
            continue
        for row in family["events"]:
            for const in filter(None, (row["proc"], row.get("legacy_proc"))):
                find(name, const)
        for register, deregister in EVENT_PAIRS:
            if register in family:
                first, second = find(name, family[register]), find(name, family[deregister])
                first.event_pair, second.event_pair, first.registers = second, first, True


def add_checks(directory, programs):
    """Gives procedures the rules that arg_checks.yaml has for them."""
    by_name = {program.name: {proc.name: proc for proc in program.procs} for program in programs}
    for program, procs in load_yaml(directory, "arg_checks").items():
        for name, rules in procs.items():
            proc = by_name.get(program, {}).get(name)
            if proc is None or proc.dir != "call":
                raise DescriptionError(f"arg_checks.yaml: there is no call {name} in {program}")
            proc.checks = rules
