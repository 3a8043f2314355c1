/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemons that have networks, secrets, storage and network filters, of which this driver is a client. Calls block,
 * so all of this is for workers (host-work.h). */

#include "driver/driver.h"
#include "rpc/client.h"

typedef struct QemuPeers QemuPeers;

/* Connections that are made when they are needed first. They belong to the thread that makes them, which frees them
 * again; env must last as long. */
QemuPeers *qemu_peers_new(const VhDriverEnv *env);
/* Accepts NULL, returns NULL. */
QemuPeers *qemu_peers_free(QemuPeers *peers);
VH_DEFINE_CLEANUP(QemuPeers *, qemu_peers_free)

/* The daemon that serves a kind (VH_KIND_NETWORK, ...): of those in the driver's run directory the kind's own, or the
 * one that serves everything. The connection stays peers'. NULL with *err. */
VhRemote *qemu_peer(QemuPeers *peers, VhKind kind, VhError **err);
