/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The record of what was applied to a root: every file and link that is ours, and what it was like when it was written.
 * By it a later run tells its own files from those of others, sees what was changed by hand, and knows what to remove.
 * It is a file of the set of changes like any other, so that taking changes back takes the record back too. */

#include "apply/changes.h"

#define VH_APPLIED_PATH "var/lib/virthost/applied"

typedef struct VhAppliedItem {
        char *path;
        VhNodeKind kind; /* file or link */
        uint64_t fingerprint;
        bool edited;   /* a file of somebody else that has keys of ours in it */
        bool original; /* what was there before is kept, see vh_applied_original() */
} VhAppliedItem;

/* All zero is a host that nothing was applied to. */
typedef struct VhApplied {
        char *profile; /* NULL: none */
        unsigned generation;
        VhAppliedItem *items;
        size_t n;
} VhApplied;

int vh_applied_load(const VhTree *tree, VhApplied *a, VhError **err);
void vh_applied_done(VhApplied *a);
#define _vh_applied_ _vh_cleanup_(vh_applied_done)
const VhAppliedItem *vh_applied_find(const VhApplied *a, const char *path);
VhAppliedItem *vh_applied_add(VhApplied *a, const char *path, const VhNode *node);
void vh_applied_format(const VhApplied *a, VhBuf *b);

/* Of kind, content and mode. */
uint64_t vh_node_fingerprint(const VhNode *node);
/* Where the file of somebody else that ours replaced is kept; the caller frees it. */
char *vh_applied_original(const char *path);
