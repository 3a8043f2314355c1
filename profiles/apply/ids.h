/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "apply/tree.h"

/* Numbers of a user and a group by the files of this root (this machine's name services if it is live). Returns 0, or
 * -ENOENT with err. */
int vh_ids_find(const VhTree *tree, const char *user, const char *group, uid_t *uid, gid_t *gid, VhError **err);

/* True if this root surely has no such user (group): it is not in its files, no name service of this machine knows it,
 * and no sysusers.d of an image makes it at boot. An image without a file of accounts may have them elsewhere. Numbers
 * are always there. */
bool vh_ids_lacks_user(const VhTree *tree, const char *name);
bool vh_ids_lacks_group(const VhTree *tree, const char *name);
