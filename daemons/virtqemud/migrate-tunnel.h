/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tunnelled migration: the memory goes through the connection of the daemons, as a stream. */

#include "migrate.h"
#include "rpc/client.h"

/* How QEMU at the target knows its end of the tunnel. */
#define QEMU_TUNNEL_FD "tunnel"

/* Target: QEMU gets what comes over the stream of t's call. done is called with the outcome of handing it over. */
void qemu_tunnel_prepare(MigrateTask *t, QemuTaskResult done);

/* Source: from QEMU to a stream of the target's daemon. */
typedef struct QemuTunnel QemuTunnel;
/* Everything was sent and taken (r = 0), or it broke (err borrowed). */
typedef void (*QemuTunnelEnd)(void *data, int r, const VhError *err);

/* For the stream of the call with that serial, which was just sent. */
int qemu_tunnel_open(QemuTunnel **ret, QemuDriver *driver, VhRemote *remote, uint32_t serial, QemuTunnelEnd end,
                     void *data, VhError **err);
/* Accepts NULL, returns NULL. */
QemuTunnel *qemu_tunnel_free(QemuTunnel *tunnel);
/* QEMU's end, for the receiver; data flow from now on. */
int qemu_tunnel_take_fd(QemuTunnel *tunnel);
/* The target needs nothing of it any more. */
void qemu_tunnel_abort(QemuTunnel *tunnel);
/* The connection is gone: who waits for the end is told so, and may free the tunnel. */
void qemu_tunnel_lost(QemuTunnel *tunnel, int r, const VhError *err);
bool qemu_tunnel_is_over(const QemuTunnel *tunnel);
/* QEMU has sent everything: end is called once the target has it. */
void qemu_tunnel_wait(QemuTunnel *tunnel);
/* What the connection hears: frames, and that it was sent. */
void qemu_tunnel_frame(QemuTunnel *tunnel, const VhFrame *frame);
void qemu_tunnel_sent(QemuTunnel *tunnel);
