/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The typed parameters of the admin program. */

#include "driver/typedparam.h"
#include "rpc/server.h"

/* The list types of both programs are the same on the wire and in memory. */
_Static_assert(sizeof(admin_typed_param) == sizeof(remote_typed_param), "typed parameters differ");
_Static_assert(offsetof(admin_typed_param, value) == offsetof(remote_typed_param, value), "typed parameters differ");

/* on_admin: the server is the one that the question came through. */
void vh_admin_workers_get(VhServer *server, bool on_admin, VhTypedList *list);
int vh_admin_workers_set(VhServer *server, const remote_typed_param *params, uint32_t n, VhError **err);
void vh_admin_limits_get(VhServer *server, VhTypedList *list);
int vh_admin_limits_set(VhServer *server, const remote_typed_param *params, uint32_t n, VhError **err);
void vh_admin_client_info(VhClient *client, VhTypedList *list);
