/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system token: a secret in RUN_DIR/common/system.token that only the daemons of one owner can read. Who shows it
 * is one of them, and may speak for its own client. */

#include "base/error.h"

enum { VH_TOKEN_LEN = 32 }; /* hex digits */

/* Reads the token, or makes it if this is the first daemon. *ret is to be freed. Returns 0 or negative errno with *err.
 */
int vh_system_token(const char *run_dir, char **ret, VhError **err);
