/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asks polkit on the system bus whether a peer may do something. */

#include "event/loop.h"
#include "rpc/identity.h"

typedef struct VhPolkit VhPolkit;

/* Outcome: r 0 allowed; negative: err says why not (not to be freed). Runs from the loop exactly once unless the query
 * is freed before. */
typedef void (*VhPolkitFn)(void *data, int r, VhError *err);

/* Starts a query for action ("org.libvirt.unix.manage") about the process of id; a password dialogue is allowed.
 * Failures to even ask come through fn too. The query frees itself behind fn's back: the result is only good for
 * cancelling before. */
VhPolkit *vh_polkit_check(VhLoop *loop, const VhIdentity *id, const char *action, VhPolkitFn fn, void *data);
/* Cancels. Accepts NULL, returns NULL. */
VhPolkit *vh_polkit_free(VhPolkit *query);
