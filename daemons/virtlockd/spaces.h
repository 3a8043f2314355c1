/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lock spaces: folders with a file for each thing that can be locked, and the default one without a folder, in which
 * disks themselves are locked by their paths. */

#include "resource.h"

typedef struct LockSpaces LockSpaces;
typedef struct LockSpace LockSpace;

LockSpaces *lock_spaces_new(void);
/* Unlocks everything; removes the files of auto-created resources. Accepts NULL, returns NULL. */
LockSpaces *lock_spaces_free(LockSpaces *spaces);
VH_DEFINE_CLEANUP(LockSpaces *, lock_spaces_free)
/* Something is locked. */
bool lock_spaces_busy(const LockSpaces *spaces);

/* Adds a folder, which is made if need be. -EEXIST semantics are the caller's: see lock_spaces_find(). */
int lock_spaces_add(LockSpaces *spaces, const char *dir, VhError **err);
/* "": the default one. NULL if there is none of that folder. */
LockSpace *lock_spaces_find(const LockSpaces *spaces, const char *dir);

/* Make and remove the file of a resource. */
int lock_space_create(LockSpace *space, const char *name, VhError **err);
int lock_space_delete(LockSpace *space, const char *name, VhError **err);
int lock_space_acquire(LockSpace *space, const char *name, unsigned flags, pid_t owner, VhError **err);
int lock_space_release(LockSpace *space, const char *name, pid_t owner, VhError **err);
/* Releases everything that owner has in any of them; returns how much that was. */
unsigned lock_spaces_release_all(LockSpaces *spaces, pid_t owner);

/* "defaultLockspace" and "lockspaces" of the state. What cannot be taken over is reported in the daemon's log. */
void lock_spaces_save(const LockSpaces *spaces, json_t *state, VhKeptFds *kept);
void lock_spaces_load(LockSpaces *spaces, const json_t *state);
