/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Findings for people (with the line of the file and a mark below it) and for programs (a JSON object a line). */

#include "conf/finding.h"

#include <stdio.h>

typedef struct VhReportStyle {
        bool color;
        bool json;
        bool quiet; /* no warnings */
} VhReportStyle;

/* source is the text of the file that findings are about; it may be NULL. */
void vh_report(FILE *out, const VhFindings *f, const char *source, VhReportStyle style);
/* The same for findings in several files: source() gives the text of each, or NULL; it may be NULL itself. */
typedef const char *(*VhSourceFn)(const void *userdata, const char *file);
void vh_report_files(FILE *out, const VhFindings *f, VhSourceFn source, const void *userdata, VhReportStyle style);
