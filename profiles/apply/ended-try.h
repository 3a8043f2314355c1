/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A try that was taken back while nobody looked, for the next one who asks: by its timer, or at a boot. */

#include "apply/tree.h"

typedef struct VhEndedTry {
        char *profile; /* NULL: there was none */
        uint64_t time; /* seconds since 1970 */
        bool at_boot;  /* else nobody confirmed it in time */
} VhEndedTry;

/* Returns 0 or negative errno with *err. */
int vh_ended_try_put(const VhTree *tree, const char *profile, bool at_boot, VhError **err);
/* The last one, unless what was applied since makes it history. Returns 0 or negative errno with *err. */
int vh_ended_try_load(const VhTree *tree, VhEndedTry *ended, VhError **err);
void vh_ended_try_done(VhEndedTry *ended);
#define _vh_ended_try_ _vh_cleanup_(vh_ended_try_done)
