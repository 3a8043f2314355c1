#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the descriptions and of what is made from them.

usage: test_gen.py SOURCE-DIR (the top of the source tree). VIRTHOST_REGENERATE=1 rewrites the golden files."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import lenses
import man
import model
import sample
import tables
import units

TOP = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
GOLDEN = os.path.join(TOP, "tests", "golden", "gen")
PATHS = model.parse_paths([])


def load(top=os.path.join(TOP, "daemons")):
    return model.Model(top, PATHS)


class Facts(unittest.TestCase):
    """The descriptions against what libvirt 9.0.0 knows."""

    @classmethod
    def setUpClass(cls):
        cls.model = load()
        cls.facts = {}
        drivers = [d.conf.file for d in cls.model.daemons.values() if d.role not in ("log", "lock")]
        with open(os.path.join(TOP, "tests", "data", "options-9.0.0.tsv"), encoding="utf-8") as f:
            for line in f:
                if line.startswith("#"):
                    continue
                key, kind, default, files = line.rstrip("\n").split("\t")
                for file in files.split(","):
                    for one in drivers if file == "@driver" else [file]:
                        cls.facts[one, key] = (kind, default)

    def ours(self):
        return {(c.file, o.name): o for c in self.model.confs.values() for o in c.options if not o.since}

    def test_same_keys(self):
        self.assertEqual(sorted(self.ours()), sorted(self.facts))

    def test_same_types(self):
        for place, option in self.ours().items():
            # A string with a fixed set of values is an enum to us where libvirt checks late.
            self.assertEqual(option.type, self.facts[place][0], place)

    def test_same_defaults(self):
        for place, option in self.ours().items():
            default = self.facts[place][1]
            if default != "-":
                self.assertEqual(default_json(option), default, place)


class ManualPages(unittest.TestCase):
    def test_every_option_is_explained(self):
        m = load()
        pages = dict(man.pages(m, "0"))
        for conf in m.confs.values():
            for option in conf.options:
                if not option.obsolete:
                    self.assertIn(f"\n\\fB{option.name}\\fR = ", pages[conf.file + ".5"])

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_pages_are_clean(self):
        for name, text in man.pages(load(), "0"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, text=True, capture_output=True,
                                  check=True)
            self.assertEqual(done.stderr, "", name)


def default_json(option):
    text = json.dumps(option.default)
    return text if option.default_session is None else f"{text}/{json.dumps(option.default_session)}"


class Daemons(unittest.TestCase):
    """What the units promise."""

    @classmethod
    def setUpClass(cls):
        cls.model = load()
        cls.units = units.all_units(cls.model, PATHS)

    def directives(self, unit, key):
        lines = [line for line in self.units[unit].splitlines() if line.startswith(key + "=")]
        return " ".join(line.partition("=")[2] for line in lines).split()

    def test_fifteen_daemons(self):
        self.assertEqual(len(self.model.daemons), 15)

    def test_unix_sockets_are_removed_and_have_a_mode(self):
        for daemon in self.model.daemons.values():
            for socket in daemon.sockets if daemon.units else []:
                wanted = ["yes"] if socket.file else []
                self.assertEqual(self.directives(socket.unit, "RemoveOnStop"), wanted, socket.unit)
                self.assertEqual(len(self.directives(socket.unit, "SocketMode")), len(wanted), socket.unit)

    def test_no_two_units_listen_at_one_place_unless_they_conflict(self):
        places = {}
        for name in self.units:
            for place in self.directives(name, "ListenStream"):
                for other in places.get(place, []):
                    self.assertIn(other, self.directives(name, "Conflicts") + [name], (name, other))
                places.setdefault(place, []).append(name)
                self.assertLessEqual(len(places[place]), 2)

    def test_modular_units_exclude_the_monolithic_in_order(self):
        for daemon in self.model.daemons.values():
            if daemon.role not in units.MODULAR_ROLES or not daemon.units:
                continue
            service = daemon.name + ".service"
            self.assertIn("libvirtd.service", self.directives(service, "Conflicts"))
            self.assertIn("libvirtd.service", self.directives(service, "After"))
            rival = self.directives(daemon.name + "-admin.socket", "Conflicts")
            self.assertIn("libvirtd-admin.socket", rival)
            self.assertLessEqual(set(rival), set(self.directives(daemon.name + "-admin.socket", "After")))

    def test_everything_named_ours_exists(self):
        ours = tuple(self.model.daemons)
        for name in self.units:
            for key in ("Requires", "Wants", "After", "Before", "Conflicts", "Also", "Service", "BindsTo"):
                for other in self.directives(name, key):
                    if other.partition(".")[0].partition("-")[0] in ours:
                        self.assertIn(other, self.units, (name, key))

    def test_guests_outlive_their_daemon(self):
        for name in ("libvirtd", "virtqemud", "virtxend", "virtlxcd", "virtnetworkd"):
            self.assertEqual(self.directives(name + ".service", "KillMode"), ["process"])

    def test_sandbox_of_those_who_run_guests_takes_nothing_that_guests_need(self):
        for name in ("virtqemud.service", "virtlxcd.service", "libvirtd.service"):
            for word in ("Protect", "Private", "NoNewPrivileges", "RestrictNamespaces", "RestrictAddressFamilies", "DeviceAllow"):
                self.assertNotIn(word, self.units[name])
            # Single groups are taken away; a list of what is allowed would never be complete for guests.
            self.assertTrue(self.directives(name, "SystemCallFilter")[0].startswith("~"), name)
            self.assertIn("CAP_SYS_ADMIN", self.directives(name, "CapabilityBoundingSet"))
        for name in ("virtlxcd.service", "libvirtd.service"):
            self.assertIn("CAP_SYS_BOOT", self.directives(name, "CapabilityBoundingSet"))
            self.assertNotIn("SystemCallArchitectures", self.units[name])
            self.assertNotIn("@reboot", self.units[name])

    def test_every_right_has_a_reason(self):
        for daemon in self.model.daemons.values():
            for right in daemon.rights.capabilities + daemon.rights.syscalls + daemon.rights.denied_syscalls + daemon.rights.paths:
                self.assertTrue(right.get("why"), (daemon.name, right))
            if daemon.units and daemon.rights.mounts == "host":
                self.assertTrue(daemon.rights.mounts_why, daemon.name)

    def test_systemd_accepts_all(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(verify(self.model, folder), "")


def verify(m, folder):
    """What systemd-analyze says about all units, with stand-ins for the programs."""
    paths = dict(PATHS, sbindir=os.path.join(folder, "sbin"))
    os.mkdir(paths["sbindir"])
    for name in m.daemons:
        program = os.path.join(paths["sbindir"], name)
        with open(program, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n")
        os.chmod(program, stat.S_IRWXU)
    names = []
    for name, text in units.all_units(m, paths).items():
        names.append(os.path.join(folder, name))
        with open(names[-1], "w", encoding="utf-8") as f:
            f.write(text)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no"] + names, capture_output=True, text=True, check=False)
    # Units of the machine that the test runs on are not ours to judge.
    lines = (done.stdout + done.stderr).splitlines()
    return "\n".join(line for line in lines if "/lib/systemd/system/" not in line)


class Descriptions(unittest.TestCase):
    """Mistakes in a description are refused with their place."""

    def option(self, **values):
        row = {"name": "x", "type": "uint", "section": "S", "help": "Text.", "default": 1, **values}
        return model.make_option("f.yaml", row)

    def assert_refused(self, text, **values):
        with self.assertRaises(model.DescriptionError) as caught:
            self.option(**values)
        self.assertIn(text, str(caught.exception))

    def test_good(self):
        self.assertEqual(self.option().limits, (0, model.UINT_MAX))
        self.assertEqual(self.option(range=[2, None], default=2).limits, (2, model.UINT_MAX))

    def test_mistakes(self):
        self.assert_refused("unknown key colour", colour="red")
        self.assert_refused("type word", type="word")
        self.assert_refused("out of range", range=[2, 3])
        self.assert_refused("is no number", default="a")
        self.assert_refused("not among the choices", type="enum", choices=["a"], default="b")
        self.assert_refused("enum without choices", type="enum", default="b")
        self.assert_refused("does not fit", type="string-list", default="b")
        self.assert_refused("write 0 or 1", type="bool", default=True)
        self.assert_refused("help is missing", help="")
        self.assert_refused("neither default nor example", default=None)
        self.assert_refused("format odd", type="string", default="a", format="odd")

    def test_override_of_what_is_not_there(self):
        with self.assertRaises(model.DescriptionError):
            model.override("f.yaml", [self.option()], {"y": {"default": 2}})

    def test_same_key_twice(self):
        with self.assertRaises(model.DescriptionError):
            model.check_unique("f.yaml", [self.option(), self.option()])

    def test_each_fills_in(self):
        self.assertEqual(model.fill_in({"a": ["{k}_x", 1]}, {"k": "v"}), {"a": ["v_x", 1]})

    def test_values_as_conf_text(self):
        self.assertEqual(model.conf_text(["a", "b"]), '[ "a", "b" ]')
        self.assertEqual(model.conf_text([]), "[ ]")
        self.assertEqual(model.conf_text(-1), "-1")
        self.assertEqual(model.conf_text("x"), '"x"')


class Build(unittest.TestCase):
    """meson.build has to list what the generators read and make."""

    @classmethod
    def setUpClass(cls):
        cls.model = load()
        with open(os.path.join(TOP, "daemons", "gen", "meson.build"), encoding="utf-8") as f:
            cls.text = f.read()

    def names(self, variable):
        return sorted(re.findall(r"'([^']+)'", re.search(rf"^{variable} = \[(.*?)\]", self.text, re.M | re.S)[1]))

    def test_daemons_and_files(self):
        self.assertEqual(self.names("daemon_names"), sorted(self.model.daemons))
        drivers = set(self.model.confs) - {d.conf.file for d in self.model.daemons.values()}
        self.assertEqual({name + ".conf" for name in self.names("driver_conf_names")}, drivers)

    def test_inputs(self):
        for path in self.model.files_read:
            path = os.path.relpath(path, os.path.join(TOP, "daemons"))
            if not path.endswith("daemon.yaml"):
                self.assertIn(f"'../{path}'", self.text)


class Golden(unittest.TestCase):
    """A small set of descriptions through every generator."""

    def setUp(self):
        self.model = load(os.path.join(GOLDEN, "daemons"))

    def compare(self, name, text):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("VIRTHOST_REGENERATE"):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        with open(path, encoding="utf-8") as f:
            self.assertEqual(text, f.read(), f"{path} differs; VIRTHOST_REGENERATE=1 rewrites it")

    def test_tables(self):
        out = tables.Tables()
        for conf in self.model.confs.values():
            out.conf(conf)
        for daemon in self.model.daemons.values():
            out.daemon(daemon)
        out.index(self.model)
        self.compare("tables.c.txt", "".join(out.out))

    def test_sample(self):
        daemon = self.model.daemons["testd"]
        self.compare("testd.conf", sample.sample_text(daemon.conf, daemon))

    def test_lens(self):
        conf = self.model.daemons["testd"].conf
        self.compare("testd.aug", lenses.lens_text(conf, "/etc", True) + lenses.test_text(conf))

    def test_units(self):
        text = "".join(f"### {name}\n{text}" for name, text in units.all_units(self.model, PATHS).items())
        self.compare("units.txt", text)


if __name__ == "__main__":
    unittest.main()
