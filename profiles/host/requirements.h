/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a profile takes for granted of the host that it is for: users, groups, certificates. */

#include "apply/tree.h"
#include "profile.h"

/* Adds what the host does not have, at the value of the profile that needs it. On this machine what would keep a daemon
 * from starting is an error; an image may still get it, so there it is a warning. */
void vh_profile_check_host(const VhProfile *p, const VhTree *tree, VhFindings *findings);
