/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is wrong with a host that nobody wrote a profile for. */

#include "host/survey.h"

/* Adds all findings; codes beginning with "conf-" and "unit-" are about one file, with "host-" about how files and
 * units go together. */
void vh_survey_lint(VhSurvey *host, VhFindings *findings);
