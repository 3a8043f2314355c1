#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the man page of a verb of virthost from what its --help says, which comes from the table of the verbs.

usage: verb-page.py VIRTHOST VERB > virthost-VERB.1"""

import re
import subprocess
import sys


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def options(text):
    """Pairs of option and what it does; lines that begin far to the right go on with the text above."""
    rows = []
    for line in text.splitlines():
        match = re.match(r"  (\S.*?)(?:  +(.*))?$", line)
        if match:
            rows.append([match[1], match[2] or ""])
        elif line.strip():
            rows[-1][1] = (rows[-1][1] + " " + line.strip()).strip()
    return rows


def page(verb, title, text):
    usage, about, table = re.match(r"usage: virthost (.*?)\n\n(.*)\n\n((?:  .*\n?|\s{3,}.*\n?)+)\Z", text, re.S).groups()
    out = [f'.TH VIRTHOST-{verb.upper()} 1 "" "virthost"', ".SH NAME", f"virthost\\-{verb} \\- {escape(title)}",
           ".SH SYNOPSIS", f".B virthost {escape(usage)}", ".SH DESCRIPTION", escape(about), ".SH OPTIONS"]
    for option, what in options(table):
        out += [".TP", f".B {escape(option)}", escape(what)]
    out += [".SH EXIT STATUS", "0 done, 1 failed, 2 wrong usage.", ".SH SEE ALSO",
            ".BR virthost (1),", ".BR virthost\\-profile (5)"]
    return "\n".join(out) + "\n"


def main():
    program, verb = sys.argv[1:3]

    def said(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout

    title = re.search(rf"^  {verb} +(.*)$", said("--help"), re.M)[1]
    sys.stdout.write(page(verb, title, said(verb, "--help")))


if __name__ == "__main__":
    main()
