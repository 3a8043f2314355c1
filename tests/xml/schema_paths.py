# SPDX-License-Identifier: LGPL-2.1-or-later
"""Paths of elements and attributes that a RELAX NG schema accepts."""

import os
import xml.etree.ElementTree as ET

RNG = "{http://relaxng.org/ns/structure/1.0}"


class Schema:
    """A schema file with all that it includes."""

    def __init__(self, path):
        self.defines = {}
        self.start = []
        self._load(path)

    def _load(self, path):
        for node in ET.parse(path).getroot():
            self._top(node, os.path.dirname(path))

    def _top(self, node, directory):
        if node.tag == RNG + "include":
            self._load(os.path.join(directory, node.get("href")))
            # Definitions inside replace those of the file.
            for child in node:
                if child.tag == RNG + "define":
                    self.defines[child.get("name")] = [child]
        elif node.tag == RNG + "define":
            self.defines.setdefault(node.get("name"), []).append(node)
        elif node.tag == RNG + "start":
            self.start = self.start or list(node)
        elif node.tag == RNG + "div":
            for child in node:
                self._top(child, directory)

    def paths(self):
        """A sorted list; "PATH/*" where any element is accepted. What contains itself is followed once."""
        found = set()
        for node in self.start:
            self._walk(node, "", (), found)
        return sorted(found)

    def _walk(self, node, path, inside, found):
        kind = node.tag[len(RNG):] if node.tag.startswith(RNG) else ""
        if kind == "ref":
            for define in self.defines.get(node.get("name"), []):
                self._children(define, path, inside, found)
        elif kind == "element":
            for name in names(node):
                here = f"{path}/{name}" if path else name
                found.add(here)
                if node not in inside:
                    self._children(node, here, (*inside, node), found)
        elif kind == "attribute":
            found.update(f"{path}/@{name}" for name in names(node))
        else:
            self._children(node, path, inside, found)

    def _children(self, node, path, inside, found):
        for child in node:
            self._walk(child, path, inside, found)


def names(node):
    """Names of an element or attribute; "*" for any."""
    if node.get("name"):
        return [node.get("name").split(":")[-1]]
    out = []
    for name in node[0].iter():
        if name.tag == RNG + "name":
            out.append(name.text.strip())
        elif name.tag in (RNG + "anyName", RNG + "nsName"):
            out.append("*")
    return out
