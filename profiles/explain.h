/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known about a key, an option, or a line: texts for people. */

#include "plan.h"

/* A key of the language ("limits.max_clients", "$.files.qemu.conf.user") or a bare option ("max_clients"). With a
 * profile (or NULL) also what it says. False if nothing is called so; *near is then a similar name or NULL. */
bool vh_explain_key(VhBuf *b, const char *key, const VhProfile *p, const char **near);
/* A line of a generated file: which value it comes from. */
void vh_explain_file_line(VhBuf *b, const VhPlanFile *f, unsigned line);
/* A line of a layer of the profile: the lines of files and the units that come of it; how many there are is returned.
 */
size_t vh_explain_profile_line(VhBuf *b, const VhPlan *plan, const char *file, unsigned line);
