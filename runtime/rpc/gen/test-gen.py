#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the generators: the sample description gives the expected C, mistakes are named, rows are complete.

test-gen.py GOLDEN PROTOCOL; VIRTHOST_REGENERATE=1 rewrites the expected files."""

import copy
import os
import re
import sys
import tempfile
import unittest

import yaml

import coverage
import main
from model import DescriptionError, load_yaml

GOLDEN, PROTOCOL = sys.argv[1:3]
DESCRIPTION = os.path.join(GOLDEN, "description")
EXPECTED = os.path.join(GOLDEN, "expected")


class Golden(unittest.TestCase):
    """Every product of the sample description."""

    maxDiff = None

    def test_products(self):
        files = main.products(DESCRIPTION, types_only=[], programs=["sample"])
        if os.environ.get("VIRTHOST_REGENERATE") == "1":
            main.write(files, EXPECTED)
        self.assertEqual(sorted(files), sorted(os.listdir(EXPECTED)))
        for name, text in files.items():
            with self.subTest(name), open(os.path.join(EXPECTED, name), encoding="utf-8") as f:
                self.assertMultiLineEqual(f.read(), text)


class Mistakes(unittest.TestCase):
    """A wrong description is refused with the place of the mistake."""

    def setUp(self):
        self.parts = {}
        for name in ("sample", "api_flags", "arg_checks", "typed_params", "events"):
            self.parts[name] = load_yaml(DESCRIPTION, name)
        self.sample = copy.deepcopy(self.parts["sample"])

    def refused(self, pattern):
        with tempfile.TemporaryDirectory() as directory:
            for name, data in dict(self.parts, sample=self.sample).items():
                with open(os.path.join(directory, f"{name}.yaml"), "w", encoding="utf-8") as f:
                    yaml.safe_dump(data, f, sort_keys=False)
            with self.assertRaisesRegex(DescriptionError, pattern):
                main.products(directory, types_only=[], programs=["sample"])

    def field(self, owner, **row):
        self.sample["structs"][owner].append(dict({"name": "extra"}, **row))

    def test_unknown_type(self):
        self.field("sample_ret", type="nonsense")
        self.refused(r"sample\.yaml: sample_ret\.extra: unknown type nonsense")

    def test_unknown_constant(self):
        self.field("sample_ret", type="int", max="NO_SUCH_MAX")
        self.refused(r"sample_ret\.extra: unknown constant NO_SUCH_MAX")

    def test_recursion(self):
        self.field("sample_point", type="sample_everything")
        self.refused(r"a type cannot contain itself")

    def test_string_without_limit(self):
        self.field("sample_ret", type="string")
        self.refused(r"sample_ret\.extra: strings need a typedef")

    def test_array_of_shaped_type(self):
        self.field("sample_ret", type="sample_uuid", max=4)
        self.refused(r"sample_ret\.extra: sample_uuid already has a shape")

    def test_single_opaque(self):
        self.field("sample_ret", type="opaque")
        self.refused(r"opaque needs len or max")

    def test_duplicate_number(self):
        self.sample["procs"][1]["num"] = 1
        self.refused(r"SAMPLE_PROC_TAKE: number 1 is taken")

    def test_unknown_key(self):
        self.sample["procs"][0]["strema"] = {}
        self.refused(r"SAMPLE_PROC_NOTHING: unknown key strema")

    def test_wrong_prefix(self):
        self.sample["procs"][1]["name"] = "OTHER_TAKE"
        self.refused(r"OTHER_TAKE: does not begin with SAMPLE_PROC_")

    def test_unknown_conn(self):
        self.sample["procs"][1]["conn"] = "hypervizor"
        self.refused(r"SAMPLE_PROC_TAKE: conn cannot be hypervizor")

    def test_unknown_flag(self):
        self.sample["procs"][1]["acl"] = ["domain:save:NO_FLAG"]
        self.refused(r"SAMPLE_PROC_TAKE: unknown flag NO_FLAG")

    def test_rule_without_flags(self):
        self.sample["procs"][2]["acl"] = ["domain:save:SAMPLE_LIVE"]
        self.refused(r"SAMPLE_PROC_GIVE: .* needs flags in args")

    def test_condition_on_string(self):
        self.sample["procs"][4]["ro"] = {"deny_param": {"name": "SAMPLE_AGENT"}}
        self.refused(r"SAMPLE_PROC_DOWNLOAD: args have no number name")

    def check(self, rule):
        self.parts["arg_checks"]["sample"]["TAKE"] = [rule]

    def test_check_of_unknown_call(self):
        self.parts["arg_checks"]["sample"]["EVENT"] = []
        self.refused(r"arg_checks.yaml: there is no call EVENT in sample")

    def test_limit_on_string(self):
        self.check({"max": "name", "limit": 1})
        self.refused(r"arg_checks.yaml: SAMPLE_PROC_TAKE: name is not a number")

    def test_check_of_unknown_argument(self):
        self.check({"nonnull": "passwort"})
        self.refused(r"SAMPLE_PROC_TAKE: args have no passwort")

    def test_check_without_text(self):
        self.check({"min": "source", "limit": 3})
        self.refused(r"SAMPLE_PROC_TAKE: a rule of min needs a text")

    def test_check_of_two_kinds(self):
        self.check({"nonzero": "source", "nothing": "source"})
        self.refused(r"SAMPLE_PROC_TAKE: a rule cannot have nonzero, nothing")

    def test_check_of_unknown_flag(self):
        self.check({"exclusive": ["SAMPLE_LIVE", "SAMPLE_DEAD"]})
        self.refused(r"SAMPLE_PROC_TAKE: unknown flag SAMPLE_DEAD")

    def test_unknown_read_only_word(self):
        self.sample["procs"][1]["ro"] = "denied"
        self.refused(r"ro cannot be denied")

    def test_unknown_event_message(self):
        self.parts["events"]["sample"]["events"][0]["proc"] = "SAMPLE_PROC_NONE"
        self.refused(r"events\.yaml: sample: unknown procedure SAMPLE_PROC_NONE")

    def test_unknown_secret(self):
        self.sample["secret"] = {"sample_args": ["passwd"]}
        self.refused(r"there is no field sample_args\.passwd")


class Complete(unittest.TestCase):
    """The real products hold every procedure of the descriptions, found by reading both anew."""

    @classmethod
    def setUpClass(cls):
        cls.files = main.products(PROTOCOL)

    def rows(self, program):
        """{number: (name, text of the row)}"""
        text = re.search(rf"procs_{program}\[\] = {{\n(.*?)\n}};", self.files["procs.c"], re.S).group(1)
        return {number: (name, row) for row, number, name in re.findall(r'(\[(\d+)\] = {.*?\.name = "(\w+)".*)', text)}

    def test_every_procedure(self):
        for program in main.PROGRAMS:
            procs = load_yaml(PROTOCOL, program)["procs"]
            rows = self.rows(program)
            self.assertEqual(len(rows), len(procs))
            for proc in procs:
                self.assertTrue(proc["name"].endswith("_PROC_" + rows[str(proc["num"])][0]))

    def test_attributes(self):
        """Each attribute is in the row exactly if it is in the description."""
        for program in main.PROGRAMS:
            rows = self.rows(program)
            procs = load_yaml(PROTOCOL, program)["procs"]
            for proc in procs:
                row = rows[str(proc["num"])][1] + ","
                fds = proc.get("fds") or {}
                expected = {
                    f".dir = VH_DIR_{proc['dir'].upper()},": True,
                    f".kind = VH_KIND_{(proc.get('conn') or 'none').upper()},": True,
                    f".n_acl = {len(proc.get('acl') or [])},": bool(proc.get("acl")),
                    f".args_xdr = &vh_xdr_{proc.get('args') or proc.get('msg')},": bool(proc.get("args") or proc.get("msg")),
                    f".ret_xdr = &vh_xdr_{proc.get('ret')},": bool(proc.get("ret")),
                    "VH_PROC_RO_DENY": proc.get("ro") == "deny",
                    ".ro_deny_flags": isinstance(proc.get("ro"), dict) and "deny_flags" in proc["ro"],
                    ".ro_deny = {offsetof": isinstance(proc.get("ro"), dict) and "deny_param" in proc["ro"],
                    "VH_PROC_PRE_AUTH": bool(proc.get("pre_auth")),
                    "VH_PROC_HIGH": proc.get("prio") == "high",
                    "VH_PROC_FDS_CALL": "call" in fds,
                    "VH_PROC_FDS_REPLY": "reply" in fds,
                    ".stream = VH_STREAM_": "stream" in proc,
                    ".sparse_flag": "sparse_flag" in proc.get("stream", {}),
                    ".aclfilter": bool(proc.get("aclfilter")),
                }
                for text, there in expected.items():
                    self.assertEqual(text in row, there, f"{proc['name']}: {text}")

    def test_events(self):
        """Messages that carry a callback id, and the calls that have to do with them."""
        roles = {name: match.group(1) for program in main.PROGRAMS for name, row in self.rows(program).values()
                 if (match := re.search(r"event_role = VH_ROLE_(\w+)", row))}
        families = [f for name, f in load_yaml(PROTOCOL, "events").items() if "register" in f and name != "connection_close"]
        expected = {row["proc"]: "EVENT" for f in families for row in f["events"]}
        for family in families:
            for key in ("register", "deregister"):
                expected[family[key]] = key.upper()
                expected.update({family[age + key]: f"{key.upper()}_KIND" for age in ("legacy_", "oldest_") if age + key in family})
        self.assertEqual(roles, {const.partition("_PROC_")[2]: role for const, role in expected.items()})

    def test_every_call_has_member_and_stub(self):
        for program in main.PROGRAMS:
            for name, row in self.rows(program).values():
                if ".dir = VH_DIR_CALL" not in row:
                    self.assertNotIn(".invoke", row)
                    continue
                member = re.search(rf"\.invoke = invoke_{program}_({name.lower()}_?)}}", row).group(1)
                self.assertIn(f"int (*{member})(VhCall *call", self.files["ops.h"])
                self.assertIn(f"vh_call_{program}_{member}(", self.files["client_calls.h"])


class Coverage(unittest.TestCase):
    """The coverage page finds members of ops structs however they are written."""

    def test_served(self):
        with tempfile.TemporaryDirectory() as root:
            folder = os.path.join(root, "daemons", "sampled")
            os.makedirs(folder)
            with open(os.path.join(folder, "ops.c"), "w", encoding="utf-8") as f:
                f.write("#define OP(name) .name = sampled_##name\n"
                        "static const VhNetworkOps network_ops = {\n"
                        "        .network_create = create,\n"
                        "        OP(network_destroy),\n"
                        "};\n"
                        "static const Other other = {\n        .network_undefine = 1,\n};\n")
            self.assertEqual(coverage.served(root), {("VhNetworkOps", "network_create"): ["sampled"],
                                                     ("VhNetworkOps", "network_destroy"): ["sampled"]})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
