# SPDX-License-Identifier: LGPL-2.1-or-later
"""procs.h and procs.c: procedure numbers, and a dispatch row for each procedure."""

from cgen import INDENT, c_int, c_string, enum, header, initializer, source
from emit_checks import Checks
from emit_ops import calls, ops_struct
from model import DescriptionError

# Error domain of a call, by the first prefix of the public function's name that fits, else by the connection kind.
API_DOMAINS = [
    ("virDomainSnapshot", "VIR_FROM_DOMAIN_SNAPSHOT"),
    ("virDomainCheckpoint", "VIR_FROM_DOMAIN_CHECKPOINT"),
    ("virDomainRevertToSnapshot", "VIR_FROM_DOMAIN_SNAPSHOT"),
    ("virNodeDevice", "VIR_FROM_NODEDEV"),
]
KIND_DOMAINS = {
    "hypervisor": "VIR_FROM_DOMAIN", "network": "VIR_FROM_NETWORK", "interface": "VIR_FROM_INTERFACE",
    "nodedev": "VIR_FROM_NODEDEV", "nwfilter": "VIR_FROM_NWFILTER", "secret": "VIR_FROM_SECRET",
    "storage": "VIR_FROM_STORAGE",
}
PROGRAM_DOMAINS = {"qemu": "VIR_FROM_NONE", "lxc": "VIR_FROM_NONE", "admin": "VIR_FROM_ADMIN", "lock": "VIR_FROM_LOCKING",
                   "log": "VIR_FROM_RPC", "keepalive": "VIR_FROM_RPC"}


def api_name(proc):
    """The public function; of several the first, which is the usual one."""
    api = proc.row.get("api")
    return api[0] if isinstance(api, list) else api


def kind_constant(kind):
    return f"VH_KIND_{(kind or 'none').upper()}"


def error_domain(program, proc):
    if program.name in PROGRAM_DOMAINS:
        return PROGRAM_DOMAINS[program.name]
    api = api_name(proc) or ""
    for prefix, domain in API_DOMAINS:
        if api.startswith(prefix):
            return domain
    return KIND_DOMAINS.get(proc.row.get("conn"), "VIR_FROM_NONE")


def procs_header(programs, numberless):
    body = []
    for p in programs:
        body += enum(p.proc_enum, {proc.const: proc.num for proc in p.procs})
        body += [f"extern const VhProgram vh_program_{p.name};", ""]
    body += ["/* All of the above, NULL-terminated. */", "extern const VhProgram *const vh_programs[];"]
    includes = ['"rpc/proc.h"'] + [f'"{p.name}_protocol.h"' for p in programs + numberless]
    return header("rpc/protocol/", includes, body)


def shim(program, proc):
    """The function that gives arguments, typed, to a member."""
    arguments = ["call"] + (["args"] if proc.args else []) + (["ret"] if proc.ret else []) + ["err"]
    ops = ops_struct(program, proc)
    return [
        f"static int {shim_name(program, proc)}(const void *p, VhCall *call, void *args, void *ret, VhError **err)",
        "{",
        f"{INDENT}const {ops} *ops = p;",
        "",
        f"{INDENT}if (!ops || !ops->{proc.member})",
        f"{INDENT * 2}return vh_proc_not_supported(call->proc, err);",
        f"{INDENT}return ops->{proc.member}({', '.join(arguments)});",
        "}",
    ]


def shim_name(program, proc):
    return f"invoke_{program.name}_{proc.member}"


def field_named(proc, name):
    """The int or unsigned member of args with that name."""
    for f in proc.args.fields if proc.args else []:
        if f.name == name and f.shape == "ONE" and f.type.kind in ("INT", "UINT"):
            return f
    return None


def event_role(proc):
    """What a procedure has to do with registrations for events; those without callback id are known by the kind of event."""
    if proc.event_pair:
        register = proc if proc.registers else proc.event_pair
        has_id = register.ret and register.ret.fields[0].name == "callbackID"
        return ("VH_ROLE_REGISTER" if proc.registers else "VH_ROLE_DEREGISTER") + ("" if has_id else "_KIND")
    if proc.dir == "event" and proc.args and proc.args.fields[0].name == "callbackID":
        return "VH_ROLE_EVENT"
    return None


class Rows:
    """Writes the rows of one program; flags are names of api_flags.yaml."""

    def __init__(self, program, flags):
        self.program = program
        self.flags = flags

    def fail(self, proc, text):
        raise DescriptionError(f"{self.program.name}.yaml: {proc.const}: {text}")

    def mask(self, proc, names):
        value = 0
        for name in names:
            if name not in self.flags:
                self.fail(proc, f"unknown flag {name}")
            value |= self.flags[name]
        return value

    def condition(self, proc, name, value):
        if not field_named(proc, name):
            self.fail(proc, f"args have no number {name}")
        if value not in self.flags:
            self.fail(proc, f"unknown value {value}")
        return f"{{offsetof({proc.args.name}, {name}), {self.flags[value]}}}"

    def acl_rule(self, proc, text):
        """object:permission[:[!]FLAG|FLAG[:param:value]]"""
        parts = text.split(":")
        flags = parts[2] if len(parts) > 2 else ""
        when = "{-1, 0}"
        if len(parts) == 5:
            when = self.condition(proc, parts[3], parts[4])
        elif len(parts) not in (2, 3):
            self.fail(proc, f"access rule {text} cannot be read")
        if flags and not field_named(proc, "flags"):
            self.fail(proc, f"access rule {text} needs flags in args")
        mask = self.mask(proc, flags.lstrip("!").split("|")) if flags else 0
        return "{" + initializer([
            ("object", c_string(parts[0])), ("permission", c_string(parts[1])),
            ("flags", hex(mask) if mask else None), ("unless", "true" if flags.startswith("!") else None),
            ("when", when)]) + "}"

    def acl(self, proc):
        rules = proc.row.get("acl") or []
        if not rules:
            return None
        return f"(const VhAclRule[]){{{', '.join(self.acl_rule(proc, r) for r in rules)}}}"

    def flag_bits(self, proc):
        row = proc.row
        fds = row.get("fds") or {}
        bits = [name for name, on in [
            ("VH_PROC_PRE_AUTH", row.get("pre_auth")), ("VH_PROC_HIGH", row.get("prio") == "high"),
            ("VH_PROC_FDS_CALL", "call" in fds), ("VH_PROC_FDS_REPLY", "reply" in fds),
            ("VH_PROC_RO_DENY", row.get("ro") == "deny")] if on]
        return " | ".join(bits) or None

    def read_only(self, proc):
        """(mask of flags, condition) that a read-only connection is refused for."""
        ro = proc.row.get("ro", "allow")
        if isinstance(ro, str):
            if ro not in ("allow", "deny"):
                self.fail(proc, f"ro cannot be {ro}")
            return None, "{-1, 0}"
        mask = self.mask(proc, ro.get("deny_flags", []))
        params = [self.condition(proc, k, v) for k, v in ro.get("deny_param", {}).items()]
        if len(params) > 1 or set(ro) - {"deny_flags", "deny_param"}:
            self.fail(proc, "ro has a rule that the rows cannot hold")
        return hex(mask) if mask else None, params[0] if params else "{-1, 0}"

    def row(self, proc, checks):
        row = proc.row
        stream = row.get("stream") or {}
        sparse = stream.get("sparse_flag")
        ro_flags, ro_deny = self.read_only(proc)
        filters = row.get("aclfilter") or [None]
        return f"[{proc.num}] = {{" + initializer([
            ("number", proc.num),
            ("dir", f"VH_DIR_{proc.dir.upper()}"),
            ("name", c_string(proc.name)),
            ("api", c_string(api_name(proc)) if api_name(proc) else None),
            ("error_domain", error_domain(self.program, proc)),
            ("kind", kind_constant(row.get("conn"))),
            ("stream", f"VH_STREAM_{stream['dir'].upper()}" if stream else None),
            ("event_role", event_role(proc)),
            ("event_pair", proc.event_pair.num if proc.event_pair else None),
            ("sparse_flag", hex(self.mask(proc, [sparse])) if sparse else None),
            ("flags", self.flag_bits(proc)),
            ("args_size", f"sizeof({proc.args.c_type})" if proc.args else None),
            ("args_xdr", f"&{proc.args.symbol}" if proc.args else None),
            ("ret_size", f"sizeof({proc.ret.c_type})" if proc.ret else None),
            ("ret_xdr", f"&{proc.ret.symbol}" if proc.ret else None),
            ("flags_offset", f"offsetof({proc.args.name}, flags)" if field_named(proc, "flags") else -1),
            ("ro_deny_flags", ro_flags),
            ("ro_deny", ro_deny),
            ("acl", self.acl(proc)),
            ("n_acl", len(row["acl"]) if row.get("acl") else None),
            ("aclfilter", c_string(filters[0]) if filters[0] else None),
            ("check_first", checks.get("check_first")),
            ("check", checks.get("check")),
            ("invoke", shim_name(self.program, proc) if proc.dir == "call" else None),
        ]) + "},"

    def table(self):
        p = self.program
        body = []
        checks = {}
        for proc in calls(p):
            body += shim(p, proc) + [""]
            functions, checks[proc.num] = Checks(proc, api_name(proc), error_domain(p, proc), self.flags).functions(p.name)
            body += functions
        rows = [INDENT + self.row(proc, checks.get(proc.num, {})) for proc in p.procs]
        body += [f"static const VhProc procs_{p.name}[] = {{"] + rows + ["};", ""]
        return body + [f"const VhProgram vh_program_{p.name} = {{" + initializer([
            ("name", c_string(p.name)), ("number", c_int(p.number)), ("version", p.version), ("procs", f"procs_{p.name}"),
            ("n_procs", f"VH_ARRAY_SIZE(procs_{p.name})")]) + "};", ""]


def procs_source(programs, flags):
    body = []
    for p in programs:
        body += Rows(p, flags).table()
    names = [f"&vh_program_{p.name}" for p in programs] + ["NULL"]
    body += [f"const VhProgram *const vh_programs[] = {{{', '.join(names)}}};"]
    return source("rpc/protocol/", ['"procs.h"', '"api.h"', '"ops.h"', "<stddef.h>"], body)
