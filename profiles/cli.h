/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of the command share. */

#include "report.h"

enum {
        VH_EXIT_DONE = 0,
        VH_EXIT_FAILED = 1,
        VH_EXIT_USAGE = 2,
};

typedef struct VhVerb {
        const char *name;
        const char *help;
        int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
} VhVerb;

int vh_verb_check(int argc, char **argv);
int vh_verb_compile(int argc, char **argv);
