/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "apply/tree.h"

/* Numbers of a user and a group by the files of this root (this machine's name services if it is live). Returns 0, or
 * -ENOENT with err. */
int vh_ids_find(const VhTree *tree, const char *user, const char *group, uid_t *uid, gid_t *gid, VhError **err);
