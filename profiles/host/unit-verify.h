/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What systemd-analyze says about the units of a profile, told at the profile's lines. */

#include "conf/finding.h"
#include "profile.h"

/* Writes the units of all daemons of the profile with their drop-ins into a folder of its own, has systemd-analyze(1)
 * verify them, and adds what it finds in drop-ins as errors "unit-verify" at
 * the lines of the profile that they come from. Distributions' own units are not looked at:
 * plain ones stand for them. Returns 0, or negative errno with err if that cannot be done. */
int vh_unit_verify(const VhProfile *p, VhFindings *findings, VhError **err);
