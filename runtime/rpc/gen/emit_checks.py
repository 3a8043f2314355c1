# SPDX-License-Identifier: LGPL-2.1-or-later
"""Argument checks (arg_checks.yaml): for a procedure, up to two functions of procs.c that refuse a call before its driver is
asked; one for what is said before rights are looked at, one for the rest."""

from cgen import INDENT, c_string
from model import DescriptionError

# Rule → usual text. {arg} is the name that the public function has for the argument.
TEXTS = {
    "max": "{arg} > {limit}",
    "min": None,
    "nonnull": "{arg} in {api} must not be NULL",
    "absent": "{arg} in {api} must be NULL",
    "nonzero": "{arg} in {api} must not be zero",
    "positive": "{arg} in {api} must be greater than zero",
    "nonnegative": "{arg} in {api} must be zero or greater",
    "nonempty": "string {arg} in {api} must not be empty",
    "exclusive": "Flags '{a}' and '{b}' are mutually exclusive",
    "flag": "Flag '{b}' is required by flag '{a}'",
    "nothing": None,
    "fds": "{arg} in {api} must not be zero",
    "slot": "No FD available at slot {arg}",
}
MODIFIERS = {"as", "text", "when", "given", "with", "without", "first", "limit", "times", "code", "needs"}
# Codes of what the reference's server refuses by itself, before it calls its library.
SERVER_CODES = ("RPC", "INTERNAL_ERROR")


class Checks:
    """Writes the functions of one procedure. flags: names of api_flags.yaml; domain: the error domain of its library."""

    def __init__(self, proc, api, domain, flags):
        self.proc, self.api, self.domain, self.flags = proc, api, domain, flags
        self.fields = {f.name: f for f in proc.args.fields} if proc.args else {}

    def fail(self, text):
        raise DescriptionError(f"arg_checks.yaml: {self.proc.const}: {text}")

    def field(self, name):
        if name not in self.fields:
            self.fail(f"args have no {name}")
        return self.fields[name]

    def number(self, name):
        field = self.field(name)
        if field.shape != "ONE" or field.type.kind not in ("INT", "UINT", "HYPER", "UHYPER"):
            self.fail(f"{name} is not a number")
        return field

    def count(self, name):
        """The number itself, or how many items a list has."""
        if self.field(name).shape == "VARIABLE":
            return f"a->{name}.len"
        self.number(name)
        return f"a->{name}"

    def present(self, name):
        field = self.field(name)
        return f"a->{name}" if field.shape == "OPTIONAL" else self.count(name)

    def mask(self, names):
        names = [names] if isinstance(names, str) else names
        for name in names:
            if name not in self.flags:
                self.fail(f"unknown flag {name}")
        self.number("flags")
        return " | ".join(names) if len(names) == 1 else f"({' | '.join(names)})"

    def product(self, rule, name):
        """The number, times another in the wide type of the same sign, which holds it."""
        other = rule.get("times")
        if other is None:
            return self.count(name)
        if self.field(other).shape == "VARIABLE":
            return f"(uint64_t)a->{name} * {self.count(other)}"
        kinds = {self.number(n).type.kind for n in (name, other)}
        if len(kinds) > 1:
            self.fail(f"{name} * {other} mixes signed and unsigned")
        return f"({'int64_t' if kinds == {'INT'} else 'uint64_t'})a->{name} * a->{other}"

    def condition(self, kind, rule):
        """C text that is true for what is refused."""
        arg = rule[kind]
        if kind in ("max", "min"):
            return f"{self.product(rule, arg)} {'>' if kind == 'max' else '<'} {rule['limit']}"
        if kind == "absent":
            return f"{self.present(arg)}"
        if kind == "nonnull":
            return f"!{self.present(arg)}"
        if kind in ("nonzero", "positive", "nothing"):
            return f"!{self.count(arg)}"
        if kind == "nonnegative":
            return f"{self.count(arg)} < 0"
        if kind == "nonempty":
            if self.field(arg).type.kind != "STRING" or self.field(arg).shape != "ONE":
                self.fail(f"{arg} is not a string that is always there")
            return f"!*a->{arg}"
        if kind == "exclusive":
            mask = self.mask(arg)
            return f"(a->flags & {mask}) == {mask}"
        if kind == "flag":
            return f"a->flags & {self.mask(arg)} && !(a->flags & {self.mask(rule['needs'])})"
        return "!call->n_fds" if kind == "fds" else f"call->n_fds <= {arg}"

    def guards(self, rule):
        """C text of the conditions under which a rule applies."""
        for name, value in rule.get("when", {}).items():
            self.number(name)
            if not isinstance(value, int) and value not in self.flags:
                self.fail(f"unknown value {value}")
            yield f"a->{name} == {value}"
        if "given" in rule:
            yield self.present(rule["given"])
        if "with" in rule:
            yield f"a->flags & {self.mask(rule['with'])}"
        if "without" in rule:
            yield f"!(a->flags & {self.mask(rule['without'])})"

    def text(self, kind, rule):
        """(format, arguments) of the message."""
        arg = rule.get("as", rule[kind])
        names = rule["exclusive"] if kind == "exclusive" else [rule.get("flag"), rule.get("needs")]
        if "times" in rule:
            arg = f"{arg} * {rule['times']}"
        text = rule.get("text", TEXTS[kind])
        if text is None:
            self.fail(f"a rule of {kind} needs a text")
        text = text.format(arg=arg, api=self.api, limit=rule.get("limit"), a=names[0], b=names[1])
        if "%d" in text or "%u" in text:
            return c_string(text), f", ({'int' if '%d' in text else 'unsigned'})a->{rule[kind]}"
        return '"%s"', f", {c_string(text)}"

    def kind(self, rule):
        kinds = [k for k in rule if k in TEXTS]
        if len(kinds) != 1 or set(rule) - MODIFIERS - set(kinds):
            self.fail(f"a rule cannot have {', '.join(map(str, rule))}")
        return kinds[0]

    def code(self, kind, rule):
        return rule.get("code", {"max": "RPC", "slot": "INTERNAL_ERROR"}.get(kind, "INVALID_ARG"))

    def is_first(self, rule):
        return bool(rule.get("first")) or self.code(self.kind(rule), rule) in SERVER_CODES

    def refusal(self, kind, rule):
        if kind == "nothing":
            return f"{INDENT * 2}return VH_ARGS_NOTHING;"
        code = self.code(kind, rule)
        text, arguments = self.text(kind, rule)
        setter, domain = ("set", "VIR_FROM_RPC") if code in SERVER_CODES else ("plain", self.domain)
        return f"{INDENT * 2}return vh_error_{setter}(err, {domain}, VIR_ERR_{code}, {text}{arguments});"

    def statement(self, rule):
        kind = self.kind(rule)
        condition, guards = self.condition(kind, rule), list(self.guards(rule))
        if guards and " && " in condition:
            condition = f"({condition})"
        return [f"{INDENT}if ({' && '.join(guards + [condition])})", self.refusal(kind, rule)]

    def function(self, name, rules):
        body = [line for rule in rules for line in self.statement(rule)]
        uses_args = any("a->" in line for line in body)
        return [
            f"static int {name}(const VhCall *call, VhError **err)",
            "{",
        ] + ([f"{INDENT}const {self.proc.args.c_type} *a = call->args;", ""] if uses_args else []) + body + [
            f"{INDENT}return 0;",
            "}",
            "",
        ]

    def functions(self, program_name):
        """(lines of C, {member of the row: name of the function})"""
        lines, members = [], {}
        for member, first in (("check_first", True), ("check", False)):
            rules = [r for r in self.proc.checks if self.is_first(r) == first]
            if rules:
                members[member] = f"{member}_{program_name}_{self.proc.member}"
                lines += self.function(members[member], rules)
        return lines, members
