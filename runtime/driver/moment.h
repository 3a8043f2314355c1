/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshots and checkpoints of a domain: a forest of named moments with one current moment. Both kinds share this; what
 * a moment holds is the kind's own definition. */

#include "base/util.h"
#include <uthash.h>

typedef struct VhMoment {
        char *name;
        struct VhMoment *parent; /* NULL: a root */
        struct VhMoment *first_child;
        struct VhMoment *sibling; /* next child of the same parent */
        unsigned n_children;
        void *def; /* VhSnapshotDef or VhCheckpointDef, owned */
        UT_hash_handle hh;
} VhMoment;

/* All zero but def_free is a valid empty list. */
typedef struct VhMomentList {
        VhMoment *all;   /* in order of creation */
        VhMoment *roots; /* linked by sibling */
        VhMoment *current;
        void (*def_free)(void *def);
} VhMomentList;

/* Adds a moment below parent (NULL: a root); def is taken over. Returns NULL if the name is taken (def stays with the
 * caller). */
VhMoment *vh_moment_add(VhMomentList *list, const char *name, VhMoment *parent, void *def);
VhMoment *vh_moment_find(const VhMomentList *list, const char *name);
unsigned vh_moment_count(const VhMomentList *list);
/* Number of moments below m, without m itself. */
unsigned vh_moment_count_below(const VhMoment *m);
/* Removes and frees m; its children become children of its parent. A current m makes its parent current. */
void vh_moment_remove(VhMomentList *list, VhMoment *m);
/* Removes and frees everything below m, m itself stays; a current one among them makes m current. */
void vh_moment_remove_below(VhMomentList *list, VhMoment *m);
/* True if m is below ancestor. */
bool vh_moment_is_below(const VhMoment *m, const VhMoment *ancestor);
/* Next moment of the walk through everything below root, parents before children; start with m = root; NULL at the end.
 * With root NULL: through the whole forest, start with m = NULL. */
VhMoment *vh_moment_next(const VhMomentList *list, const VhMoment *root, const VhMoment *m);
/* Puts m (with everything below) under another parent. */
void vh_moment_set_parent(VhMomentList *list, VhMoment *m, VhMoment *parent);
void vh_moment_clear(VhMomentList *list);
