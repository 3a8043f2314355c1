/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The preset files of a root, read as systemd reads them (systemd.preset(5)). */

#include "apply/tree.h"
#include "base/arena.h"

typedef struct VhPresetLine {
        struct VhPresetLine *next; /* in the order in which they count */
        bool enable, ignore;
        const char *pattern;
        const char *path; /* of the file, from the root */
        unsigned line;
} VhPresetLine;

/* All lines of all files, in memory of arena. Returns 0 or negative errno with err. */
int vh_preset_lines(const VhTree *tree, VhArena *arena, VhPresetLine **ret, VhError **err);
/* The line that decides about a unit, or NULL: then it is enabled. */
const VhPresetLine *vh_preset_line_for(const VhPresetLine *lines, const char *unit);
