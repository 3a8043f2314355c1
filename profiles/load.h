/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every verb that takes a profile begins with. */

#include "layers.h"
#include "profile.h"
#include "report.h"

typedef struct VhLoadOptions {
        bool strict;      /* warnings are errors */
        const char *base; /* a file below all layers, or NULL */
        VhLayers *layers; /* files of earlier calls, or NULL; must live as long as the profile */
        VhReportStyle style;
} VhLoadOptions;

/* Reads (- is standard input) and checks a profile and reports what is wrong, on standard error or as JSON on standard
 * output. Everything belongs to arena. NULL: not usable, it has been said. */
VhProfile *vh_load_profile(const char *path, VhArena *arena, VhFindings *findings, const VhLoadOptions *options);

/* Text of a file that was read into layers (a VhLayers), for findings about a profile that come later; a VhSourceFn. */
const char *vh_load_source(const void *layers, const char *file);

/* What --color=WHEN comes to. */
bool vh_wants_color(const char *when);
