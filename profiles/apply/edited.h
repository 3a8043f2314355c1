/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of somebody else that hold keys of ours: comments, order and other keys stay. What we set is remembered, so
 * that a key that the profile drops gets back the value it had, or goes. */

#include "edit.h"
#include "plan.h"
#include "apply/tree.h"

/* Where the keys that we set in a file are remembered; the caller frees it. */
char *vh_edited_memory(const char *path);

typedef struct VhEditing {
        VhConfEditor *editor; /* opened at first use */
        const VhTree *tree;
} VhEditing;

/* The text of a file with the keys of wanted (what the plan would write; "" for none) in it. Returns 0 with *text (the
 * caller frees it), or negative errno with err: it cannot be edited. */
int vh_edited_text(VhEditing *e, const char *path, const char *now, const char *wanted, char **text, VhError **err);
void vh_editing_done(VhEditing *e);
