/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The target's daemon, of which this one is a client: opening a connection by its URI. */

#include "migrate-dial.h"
#include "migrate-tls.h"
#include "rpc/client.h"

/* What the daemon over there can do. */
typedef struct QemuFarDaemon {
        VhRemote *remote; /* the receiver's, as is: */
        QemuTlsLink *tls; /* what the connection goes through; NULL: it is plain */
        bool has_params;  /* protocol 3 with parameters */
        bool has_offline;
} QemuFarDaemon;

typedef struct QemuFarOpen QemuFarOpen;
/* r = 0: far is filled; else negative errno with err, which is taken over. */
typedef void (*QemuFarDone)(void *data, int r, const QemuFarDaemon *far, VhError *err);

/* Opens uri (qemu+unix, qemu+tcp, qemu+tls, qemu+ssh) and asks what it can. done is called once, from the loop, unless
 * it is cancelled before. Returns 0, or negative errno with *err for a URI that cannot be used. */
int qemu_far_open(QemuFarOpen **ret, QemuDriver *driver, const char *uri, QemuFarDone done, void *data, VhError **err);
/* Accepts NULL, returns NULL. */
QemuFarOpen *qemu_far_open_cancel(QemuFarOpen *open);
