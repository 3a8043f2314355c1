/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tunnelled migration: the memory goes through the connection of the daemons, as a stream. */

#include "migrate.h"

/* How QEMU knows the end of the tunnel that it has. */
#define QEMU_TUNNEL_FD "tunnel"

/* Target: QEMU gets what comes over the stream of t's call. done is called with the outcome of handing it over. */
void qemu_tunnel_prepare(MigrateTask *t, QemuTaskResult done);
