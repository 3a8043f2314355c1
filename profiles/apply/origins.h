/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which value of the profile an assignment on the host comes from: kept by apply, so that findings about the host's
 * files name the profile's line too. By file, section and key, not by line: files of others that are edited have lines
 * of their own, and people add some. */

#include "conf/finding.h"
#include "plan.h"
#include "report.h"

#define VH_ORIGINS_PATH "var/lib/virthost/origins"

/* The record of a plan. */
void vh_origins_format(const VhPlan *plan, VhBuf *b);

/* Sets origin and path of all findings about a file, or a link that enables a unit, that the record (what
 * vh_origins_format() made) knows. source() gives the texts of files by their name in findings. */
void vh_origins_map(const char *record, VhFindings *findings, VhSourceFn source, const void *userdata);
