/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Members that many drivers share. */

#include "driver/driver.h"

/* The version that clients are told, of the library that we are compatible with: major * 1000000 + minor * 1000 +
 * release. */
enum { VH_LIB_VERSION = 9000000 };

/* The canonical name of this machine. */
int vh_op_connect_get_hostname(VhCall *call, remote_connect_get_hostname_ret *ret, VhError **err);

/* A driver that has no functions of its own yet: its URI opens, everything but the common procedures is "not
 * supported". */
int vh_empty_driver_start(void **state, const VhDriverEnv *env, VhError **err);
int vh_empty_driver_open(void *state, VhConn *conn, const char *path, const char *query, VhError **err);
