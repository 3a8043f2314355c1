#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the Augeas lenses of all .conf files, and a test of each. The grammar they share is augeas/virthost.aug.

usage: lenses.py [--autoload] DAEMONS-DIR OUTPUT-DIR [NAME=DIR ...]

--autoload: augtool and other programs find the lenses by themselves. Only for packages that take the place of the
distribution's libvirt: two lenses that want the same file keep Augeas from reading it at all."""

import os
import string
import sys

import model

WIDTH = 110
# type of an option: constructors of its entries
ENTRIES = {
    "bool": ["entry {} Virthost.flag"],
    "int": ["entry {} Virthost.signed"],
    "uint": ["entry {} Virthost.number"],
    "u64": ["entry {} Virthost.number"],
    "string": ["entry {} Virthost.text"],
    "enum": ["entry {} Virthost.text"],
    "string-list": ["entry {} (Virthost.list Virthost.text)"],
    "string-or-list": ["text_or_list {}"],
    "u64-or-string": ["entry {} Virthost.number", "entry {} Virthost.word"],
}
# type: a value that its entry must refuse
WRONG = {"bool": "2", "int": '"1"', "uint": "-1", "u64": "-1", "string": "1", "enum": "1", "string-list": '"x"',
         "string-or-list": "1", "u64-or-string": "-1"}


def module_name(conf):
    return "Virthost_" + conf.file.removesuffix(".conf").replace("-", "_")


def file_name(conf):
    return module_name(conf).lower() + ".aug"


def names_of(conf, kind):
    return [o.name for o in conf.options if o.type == kind]


def wrap_names(names, indent):
    """/a|b|c/, broken over lines."""
    lines, line = [], ""
    for name in names:
        if line and len(indent) + len(line) + len(name) > WIDTH:
            lines.append(line)
            line = ""
        line += ("|" if line else "") + name
    lines.append(line)
    return f"\n{indent}| ".join(f"/{text}/" for text in lines)


def trie_of(names):
    top = {}
    for name in names:
        node = top
        for letter in name:
            node = node.setdefault(letter, {})
        node[""] = True
    return top


def letters_without(letters, first):
    """A bracket expression: what a name may have here, less some letters."""
    allowed = string.ascii_letters if first else string.digits + string.ascii_letters + "_"
    left = sorted(set(allowed) - set(letters))
    runs = []
    for letter in left:
        if runs and ord(letter) == ord(runs[-1][-1]) + 1:
            runs[-1] += letter
        else:
            runs.append(letter)
    return "[" + "".join(r if len(r) < 3 else f"{r[0]}-{r[-1]}" for r in runs) + "]"


def pattern_without(node, first=True):
    """A regular expression for all names but those of the trie. Augeas could subtract, but what it makes of a hundred
    names takes it twenty times as long to check."""
    letters = sorted(letter for letter in node if letter)
    parts = [letters_without(letters, first) + "[A-Za-z0-9_]*"]
    parts += [letter + pattern_without(node[letter], False) for letter in letters]
    return "(" + "|".join(parts) + ")" + ("?" if "" not in node and not first else "")


def lens_text(conf, sysconfdir, autoload):
    out = ["(* SPDX-License-Identifier: LGPL-2.1-or-later\n\n"
           f"   {conf.file}: settings of {conf.title}. Made from its description; see virthost.aug for the tree. *)\n"
           f"module {module_name(conf)} =\n\n"]
    if autoload:
        out.append("autoload xfm\n\n")
    lets = []
    kinds = [kind for kind in ENTRIES if names_of(conf, kind)]
    for kind in kinds:
        let = kind.replace("-", "_") + "_keys"
        out.append(f"let {let} = {wrap_names(names_of(conf, kind), ' ' * (len(let) + 5))}\n")
        lets += [f"Virthost.{entry.format(let)}" for entry in ENTRIES[kind]]
    others = pattern_without(trie_of(o.name for o in conf.options))
    out.append(f"(* Any name but these *)\nlet other_keys = /{others}/\n\n")
    lets.append("Virthost.any other_keys")
    out.append("let lns = Virthost.file (\n    " + "\n  | ".join(lets) + ")\n\n")
    out.append(f'let filter = incl "{sysconfdir}/libvirt/{conf.file}"\n')
    out.append("let xfm = transform lns filter\n")
    return "".join(out)


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def example_of(option):
    value = option.example if option.example is not None else option.default
    return 1 if value is None else value


def tree_of(name, value):
    if isinstance(value, list):
        items = "".join(f" {{ {quote(str(i))} = {quote(str(v))} }}" for i, v in enumerate(value, 1))
        return f"{{ {quote(name)}{items or ' { ' + quote('#list') + ' }'} }}"
    return f"{{ {quote(name)} = {quote(str(value))} }}"


def test_text(conf):
    module = module_name(conf)
    rows = [(o.name, example_of(o)) for o in conf.options]
    text = "".join(f"{name} = {model.conf_text(value)}\n" for name, value in rows)
    name, value = next(row for row in rows if row[1] != [])
    line = f"{name} = {model.conf_text(value)}\n"
    out = ["(* SPDX-License-Identifier: LGPL-2.1-or-later *)\n"
           f"module Test_{module.lower()} =\n\nlet lns = {module}.lns\n\n",
           "(* Every key, then one that is not ours *)\n",
           f"test lns get {quote('# text' + chr(10) + chr(10) + text + 'of_others = ' + chr(34) + 'x' + chr(34) + chr(10))} =\n"
           f"  {{ {quote('#comment')} = {quote('text')} }}\n  {{ {quote('#empty')} }}\n"]
    out += [f"  {tree_of(*row)}\n" for row in rows]
    out.append(f"  {{ {quote('of_others')} = {quote(quote('x'))} }}\n\n")
    out.append("(* Made, changed and removed *)\n")
    shape = f'set {quote("/" + name)} {quote(str(value))}' if not isinstance(value, list) else \
        "; ".join(f'set {quote(f"/{name}/{i}")} {quote(v)}' for i, v in enumerate(value, 1))
    out.append(f"test lns put {quote('# text' + chr(10))} after {shape} = {quote('# text' + chr(10) + line)}\n")
    out.append(f"test lns put {quote(line + '# text' + chr(10))} after rm {quote('/' + name)} = {quote('# text' + chr(10))}\n\n")
    out.append("(* Values of another type *)\n")
    for kind in ENTRIES:
        for wrong in names_of(conf, kind)[:1]:
            out.append(f"test lns get {quote(f'{wrong} = {WRONG[kind]}' + chr(10))} = *\n")
    return "".join(out)


def main():
    arguments = [a for a in sys.argv[1:] if a != "--autoload"]
    top, folder = arguments[:2]
    paths = model.parse_paths(arguments[2:])
    m = model.Model(top, paths)
    os.makedirs(folder, exist_ok=True)
    for conf in m.confs.values():
        model.write_if_changed(os.path.join(folder, file_name(conf)),
                               lens_text(conf, paths["sysconfdir"], "--autoload" in sys.argv))
        model.write_if_changed(os.path.join(folder, "test_" + file_name(conf)), test_text(conf))


if __name__ == "__main__":
    main()
