#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the C table of preset policies (presets/preset.h) from policies.yaml.

usage: gen.py policies.yaml OUTPUT.c"""

import sys

import yaml

CONDITIONS = ("wanted", "open", "activated", "boot")
UNITS = ("service", "socket", "listener")
STATES = ("enable", "disable")

HEAD = """\
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generated from presets/policies.yaml by presets/gen.py. */

#include "preset.h"

"""


class PolicyError(Exception):
    """A policy is wrong; the text says which and how."""


def check_rule(policy, rule):
    for key, value in rule.items():
        good = (value in (True, False) if key in CONDITIONS else value in UNITS if key == "unit" else
                value in STATES if key == "state" else False)
        if not good:
            raise PolicyError(f"policy {policy['name']}: {key}: {value}")
    if "state" not in rule:
        raise PolicyError(f"policy {policy['name']}: a rule without state")


def check_policies(policies):
    for policy in policies:
        for rule in policy["rules"]:
            check_rule(policy, rule)
        # Nothing may be left without a line.
        if set(policy["rules"][-1]) != {"state"}:
            raise PolicyError(f"policy {policy['name']}: the last rule must fit everything")


def tristate(rule, key):
    return {None: "VH_PRESET_ANY", True: "VH_PRESET_YES", False: "VH_PRESET_NO"}[rule.get(key)]


def rule_row(rule):
    fields = [f".{key} = {tristate(rule, key)}" for key in CONDITIONS if key in rule]
    fields.append(".unit = VH_PRESET_" + rule.get("unit", "any unit").upper().replace(" ", "_"))
    fields.append(f".enable = {'true' if rule['state'] == 'enable' else 'false'}")
    return "        { " + ", ".join(fields) + " },\n"


def table(policies):
    out = [HEAD]
    for policy in policies:
        rows = "".join(rule_row(rule) for rule in policy["rules"])
        out.append(f"static const VhPresetRule rules_{policy['name']}[] = {{\n{rows}}};\n\n")
    rows = "".join(f'        {{ "{p["name"]}", "{p["title"]}", rules_{p["name"]}, VH_ARRAY_SIZE(rules_{p["name"]}) }},\n'
                   for p in policies)
    out.append(f"const VhPresetPolicy vh_preset_policies[] = {{\n{rows}        {{ 0 }},\n}};\n")
    return "".join(out)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        policies = yaml.safe_load(f)["policies"]
    check_policies(policies)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(table(policies))


if __name__ == "__main__":
    main()
