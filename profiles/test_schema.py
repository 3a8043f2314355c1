#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The schema that "virthost schema" prints, through an independent validator: it takes all good profiles, and a good
part of the wrong ones is caught while they are written.

usage: test_schema.py VIRTHOST SOURCE-DIR"""

import glob
import json
import os
import subprocess
import sys
import unittest

import jsonschema
import yaml

VIRTHOST, TOP = (os.path.abspath(path) for path in (sys.argv.pop(1), sys.argv.pop(1)))
GOLDEN = os.path.join(TOP, "tests", "golden", "profiles")
HOSTS = os.path.join(TOP, "profiles", "hosts")


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.safe_load(f)


class Schema(unittest.TestCase):
    def setUp(self):
        done = subprocess.run([VIRTHOST, "schema"], capture_output=True, text=True, check=True)
        self.schema = json.loads(done.stdout)
        self.validator = jsonschema.Draft202012Validator(self.schema)

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_good_profiles_pass(self):
        layers = [os.path.join(GOLDEN, "layers", name + ".yaml") for name in ("site", "rack")]
        profiles = glob.glob(os.path.join(HOSTS, "*.yaml")) + glob.glob(os.path.join(GOLDEN, "pass-*.yaml")) + layers
        self.assertGreater(len(profiles), 15)
        for path in profiles:
            with self.subTest(path):
                self.assertEqual([error.message for error in self.validator.iter_errors(load(path))], [])

    def test_mistakes_that_a_schema_can_see_are_seen(self):
        for name in ("bad-layout", "unknown-top-key", "unknown-section-key", "unknown-daemon", "unknown-unit",
                     "unknown-option", "bad-choice", "text-for-map", "text-for-list", "quoted-number", "role",
                     "number-out-of-range", "secret-inline", "guests-timeout", "addresses-host-name"):
            with self.subTest(name):
                self.assertFalse(self.validator.is_valid(load(os.path.join(GOLDEN, f"fail-{name}.yaml"))))

    def test_every_option_of_every_file_is_there(self):
        with open(os.path.join(TOP, "tests", "data", "options-9.0.0.tsv"), encoding="utf-8") as f:
            rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
        self.assertGreater(len(rows), 150)
        for key, _, _, files in rows:
            for name in files.replace("@driver", "virtqemud.conf libvirtd.conf").replace(",", " ").split():
                self.assertIn(key, self.schema["$defs"][name]["properties"], (key, name))


if __name__ == "__main__":
    unittest.main()
