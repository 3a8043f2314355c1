/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A unit of the host that takes back what was being tried when it went down, before daemons and their sockets start. It
 * is there as long as a try is, and no longer. */

#include "apply/tree.h"

/* Writes the unit and the link that enables it, which are on disk afterwards, and a mark that the next boot does not
 * find. Running systemd needs not know of the unit. */
int vh_boot_unit_put(const VhTree *tree, VhError **err);
/* Removes all of it; nothing happens if it is not there. */
int vh_boot_unit_remove(const VhTree *tree);
/* True until the host boots (or, if it is a container, starts) again. */
bool vh_boot_unit_is_fresh(const VhTree *tree);

/* Path of this program, for units that call it; NULL with err if it cannot be found. The caller frees it. */
char *vh_own_program(VhError **err);
