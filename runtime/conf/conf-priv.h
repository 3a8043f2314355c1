/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the files of this folder only. */

#include "base/arena.h"
#include "conf/conf.h"

#include <errno.h>
#include <uthash.h>

typedef struct VhConfSlot VhConfSlot;

struct VhConf {
        VhArena arena; /* owns names, values and entries */
        char *name;
        VhConfEntry *first, *last;
        VhConfSlot *slots; /* the assignment that counts, by key */
        VhConf *defaults;  /* where look-ups go on, or NULL */
};

/* An empty one; name stands in messages. */
VhConf *vh_conf_new(const char *name);
/* Appends an entry out of conf's arena; the first of equal keys counts. */
void vh_conf_add(VhConf *conf, VhConfEntry *e);
/* Reports a file over VH_CONF_SIZE_MAX. */
int vh_conf_too_large(const char *name, VhFindings *findings, VhError **err);

/* What the format wants, for messages; NULL for VH_FORMAT_ANY. */
const char *vh_format_wanted(VhOptionFormat format);
