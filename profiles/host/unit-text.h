/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The assignments of unit files and drop-ins, in the order in which they count, with their places. */

#include "conf/finding.h"

typedef struct VhUnitLine {
        struct VhUnitLine *next;
        const char *section, *key, *value; /* continued lines are joined with a blank */
        const char *file;
        unsigned line, column; /* of the key, from 1 */
        unsigned width;        /* of the key */
        unsigned lines;        /* of the file that it takes, with those that continue it */
} VhUnitLine;

/* All zero is a valid empty list; the arena owns the entries. */
typedef struct VhUnitLines {
        VhUnitLine *first, *last;
} VhUnitLines;

/* Appends what a file says; what is no assignment, section or comment goes to findings as "unit-syntax". */
void vh_unit_parse(VhArena *arena, VhUnitLines *list, const char *file, const char *text, VhFindings *findings);
/* For keys with one value: the last assignment, or NULL if there is none or it is empty. */
const VhUnitLine *vh_unit_value(const VhUnitLines *list, const char *section, const char *key);
/* For keys that add up: the one behind prev (NULL: the first), where an empty assignment takes back all before it. */
const VhUnitLine *vh_unit_next(const VhUnitLines *list, const char *section, const char *key, const VhUnitLine *prev);

/* The same for environment files (systemd.exec(5)): NAME=value, quotes taken off; section is "". */
void vh_env_parse(VhArena *arena, VhUnitLines *list, const char *file, const char *text, VhFindings *findings);
