#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the generator of preset policies."""

import unittest

import gen


def policy(*rules):
    return {"name": "p", "title": "t", "rules": list(rules)}


class Policies(unittest.TestCase):
    def assert_refused(self, text, *rules):
        with self.assertRaises(gen.PolicyError) as caught:
            gen.check_policies([policy(*rules)])
        self.assertIn(text, str(caught.exception))

    def test_mistakes(self):
        self.assert_refused("colour: red", {"colour": "red", "state": "enable"})
        self.assert_refused("wanted: 3", {"wanted": 3, "state": "enable"})
        self.assert_refused("unit: timer", {"unit": "timer", "state": "enable"})
        self.assert_refused("state: on", {"state": "on"})
        self.assert_refused("without state", {"wanted": True})
        self.assert_refused("last rule", {"wanted": True, "state": "enable"})

    def test_rows(self):
        good = policy({"wanted": False, "unit": "service", "state": "disable"}, {"state": "enable"})
        gen.check_policies([good])
        text = gen.table([good])
        self.assertIn("        { .wanted = VH_PRESET_NO, .unit = VH_PRESET_SERVICE, .enable = false },\n"
                      "        { .unit = VH_PRESET_ANY_UNIT, .enable = true },\n", text)


if __name__ == "__main__":
    unittest.main()
