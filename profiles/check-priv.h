/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the files that check profiles. */

#include "conf/check.h"
#include "profile.h"

/* Adds a warning, once for each code and place. */
void vh_check_warn(VhFindings *f, const VhProfile *p, const char *code, const VhYamlNode *node, const char *path,
                   const char *text);
/* The setting of an option in the first daemon of the profile that has it, or NULL. */
const VhSetting *vh_check_any_setting(const VhProfile *p, const char *option);
void vh_check_target(const VhProfile *p, VhFindings *f);
