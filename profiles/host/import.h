/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The profile that says what a host's files and units say. */

#include "host/survey.h"

/* Writes the profile to out. What a profile cannot say goes to lost as warnings "import-lost", with its place; what had
 * no effect on the host and is left out as "import-dropped". */
void vh_import(VhSurvey *host, const char *name, VhBuf *out, VhFindings *lost);
