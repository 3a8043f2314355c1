/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A file that is locked for somebody: a disk itself, or a file that stands for one in the folder of a lock space. The
 * lock is on its first byte, where the daemons of other hosts look as well.
 *
 * It belongs to the open file (F_OFD_SETLK), not to the process: a second name of the same disk is refused, and closing
 * one name does not drop the lock of another. Locks of the older kind conflict with it. */

#include <jansson.h>

#include "base/error.h"
#include "service/handover.h"

typedef struct Resource Resource;

enum {
        RESOURCE_SHARED = 1 << 0,      /* several owners */
        RESOURCE_AUTO_CREATE = 1 << 1, /* the file is made, and removed when nobody owns it any more */
};

/* Opens and locks path for owner. name stands for it in messages. -EAGAIN with VIR_ERR_RESOURCE_BUSY when it is locked.
 */
int resource_lock(Resource **ret, const char *name, const char *path, unsigned flags, pid_t owner, VhError **err);
/* Unlocks whoever owns it. Accepts NULL, returns NULL. */
Resource *resource_free(Resource *resource);
VH_DEFINE_CLEANUP(Resource *, resource_free)
const char *resource_name(const Resource *resource);
/* One more owner, if both sides share. */
int resource_join(Resource *resource, unsigned flags, pid_t owner, VhError **err);
/* One owner less; *last: nobody is left. */
int resource_leave(Resource *resource, pid_t owner, bool *last, VhError **err);

json_t *resource_save(const Resource *resource, VhKeptFds *kept);
/* Takes over what another program of this process has locked. Negative errno if it is not to be understood. */
int resource_load(Resource **ret, const json_t *state);
