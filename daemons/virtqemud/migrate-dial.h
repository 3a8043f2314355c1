/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connections to other hosts, made on a worker: names may take long to resolve, and hosts long to answer. */

#include "qemu.h"

typedef struct QemuDial QemuDial;

typedef enum QemuDialKind {
        QEMU_DIAL_TCP,
        QEMU_DIAL_UNIX,
        QEMU_DIAL_SSH, /* a program on the other host that talks to its daemon */
} QemuDialKind;

/* Where to; strings are copied. */
typedef struct QemuDialTo {
        QemuDialKind kind;
        const char *host; /* tcp, ssh */
        int port;         /* 0 with ssh: ssh's own */
        const char *user; /* ssh; NULL: ssh's own */
        const char *path; /* unix: the socket; ssh: the socket there */
        const char *uri;  /* ssh: of the daemon there */
} QemuDialTo;

/* fd >= 0: the connection, the receiver's; else negative errno with err, which is taken over. */
typedef void (*QemuDialDone)(void *data, int fd, VhError *err);

/* Never NULL; done is called once, from the loop, unless it is cancelled before. */
QemuDial *qemu_dial(QemuDriver *driver, const QemuDialTo *to, QemuDialDone done, void *data);
/* Accepts NULL, returns NULL. */
QemuDial *qemu_dial_cancel(QemuDial *dial);
