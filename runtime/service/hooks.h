/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The administrator's script for daemons, CONFIG/hooks/daemon: told when a system daemon starts, reloads and stops. Its
 * exit status changes nothing. */

#include "event/loop.h"
#include "service/paths.h"

typedef struct VhHooks VhHooks;

VhHooks *vh_hooks_new(VhLoop *loop, const VhPaths *paths);
/* Scripts that still run go on. Accepts NULL, returns NULL. */
VhHooks *vh_hooks_free(VhHooks *hooks);

/* Starts it, if there is one, with the arguments "-", operation, suboperation, extra; nobody waits for it. */
void vh_hooks_run(VhHooks *hooks, const char *operation, const char *suboperation, const char *extra);
