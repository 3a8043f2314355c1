#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the tables of x86 CPUs: gen-x86.py x86.yaml > x86-data.h"""

import sys

import yaml

REGISTERS = {"eax": "VH_X86_EAX", "ebx": "VH_X86_EBX", "ecx": "VH_X86_ECX", "edx": "VH_X86_EDX"}
USES = {
    "both": "VH_X86_FOR_HOST | VH_X86_FOR_GUEST",
    "host": "VH_X86_FOR_HOST",
    "guest": "VH_X86_FOR_GUEST",
    "none": "0",
}
STEPPING_MAX = 15


class Tables:
    def __init__(self, data):
        self.data = data
        self.features = {}  # name: (word, bit)
        for word, register in enumerate(data["registers"]):
            for bit, name in enumerate(register["names"].split()):
                if name != "-":
                    self.add_feature(name, word, bit)
        self.models = {}  # name: set of features
        for model in data["models"]:
            self.models[str(model["name"])] = self.features_of(model)

    def add_feature(self, name, word, bit):
        if name in self.features or bit > 31:
            sys.exit(f"feature {name} is there twice or lies outside of its register")
        self.features[name] = (word, bit)

    def known(self, names):
        for name in names:
            if name not in self.features:
                sys.exit(f"unknown feature {name}")
        return set(names)

    def features_of(self, model):
        like = model.get("like")
        result = set(self.models[str(like)]) if like else set()
        drop, add = self.known(model.get("drop", [])), self.known(model.get("add", []))
        if drop - result or add & result:
            sys.exit(f"model {model['name']}: drops what it has not, or adds what it has")
        return (result - drop) | add

    def words(self, names):
        words = [0] * len(self.data["registers"])
        for name in names:
            word, bit = self.features[name]
            words[word] |= 1 << bit
        return ", ".join(f"{w:#x}" for w in words)

    def index(self, name):
        return list(self.features).index(name)


def signatures(text):
    """'6:85/0-4,86' as rows of numbers."""
    family, models = text.split(":")
    for model in models.split(","):
        number, _, steppings = model.partition("/")
        first, _, last = steppings.partition("-")
        yield int(family), int(number), int(first or 0), int(last or first or STEPPING_MAX)


def print_words(tables):
    print(f"_Static_assert(VH_X86_WORDS == {len(tables.data['registers'])}, \"x86.h\");\n")
    print("const VhX86Word vh_x86_words[VH_X86_WORDS] = {")
    for r in tables.data["registers"]:
        if "msr" in r:
            print(f"        {{ {r['msr']:#x}, 0, VH_X86_MSR }},")
        else:
            print(f"        {{ {r['leaf']:#x}, {r.get('subleaf', 0)}, {REGISTERS[r['register']]} }},")
    print("};\n")


def print_features(tables):
    fixed = tables.known(tables.data["not-migratable"])
    print("const VhX86Feature vh_x86_features[] = {")
    for name, (word, bit) in tables.features.items():
        print(f'        {{ "{name}", {word}, {bit}, {"true" if name in fixed else "false"} }},')
    print("};\nconst unsigned vh_x86_n_features = VH_ARRAY_SIZE(vh_x86_features);\n")


def print_models(tables):
    vendors = tables.data["vendors"]
    print("static const VhX86Vendor vendors[] = {")
    for name, ident in vendors.items():
        print(f'        {{ "{name}", "{ident}" }},')
    print("};\n")
    for i, model in enumerate(tables.data["models"]):
        if "signatures" in model:
            rows = ", ".join("{ %u, %u, %u, %u }" % row for row in signatures(model["signatures"]))
            print(f"static const VhX86Signature signatures_{i}[] = {{ {rows} }};")
    print("\nconst VhX86Model vh_x86_models[] = {")
    for i, model in enumerate(tables.data["models"]):
        print_model(tables, i, model, list(vendors))
    print("};\nconst unsigned vh_x86_n_models = VH_ARRAY_SIZE(vh_x86_models);")


def print_model(tables, i, model, vendors):
    name = str(model["name"])
    print(f'        {{\n                .name = "{name}",')
    if "vendor" in model:
        print(f"                .vendor = &vendors[{vendors.index(model['vendor'])}],")
    print(f"                .bits = {{ {{ {tables.words(tables.models[name])} }} }},")
    if "signatures" in model:
        print(f"                .signatures = signatures_{i},\n                .n_signatures = VH_ARRAY_SIZE(signatures_{i}),")
    if "removed" in model:
        print(f"                .removed = &vh_x86_features[{tables.index(model['removed'])}],")
    print(f"                .uses = {USES[model.get('decode', 'both')]},\n        }},")


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        tables = Tables(yaml.safe_load(f))
    print("/* Made from x86.yaml. */\n")
    print_words(tables)
    print_features(tables)
    print_models(tables)


if __name__ == "__main__":
    main()
