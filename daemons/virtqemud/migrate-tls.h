/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* TLS to the target's daemon. Who uses it talks to a plain socket; what goes through it is encrypted and decrypted on
 * the loop. Certificates are those of the reference's clients. */

#include "qemu.h"

typedef struct QemuTlsLink QemuTlsLink;

/* Strings are copied. */
typedef struct QemuTlsTo {
        const char *host;     /* that the target's certificate must be for */
        const char *pki_path; /* folder of all certificates; NULL: the host's */
        const char *priority; /* of algorithms, in the words of GnuTLS; NULL: its own */
        bool no_verify;       /* take any certificate */
} QemuTlsTo;

/* fd >= 0: the plain socket, the receiver's; else negative errno with err, which is taken over. */
typedef void (*QemuTlsDone)(void *data, int fd, VhError *err);

/* fd: a connection to the target, taken over. The greeting runs on a worker; done is called once, from the loop, unless
 * the link is freed before. Never NULL; the link must last as long as the plain socket is used. */
QemuTlsLink *qemu_tls_open(QemuDriver *driver, const QemuTlsTo *to, int fd, QemuTlsDone done, void *data);
/* Hangs up. Accepts NULL, returns NULL. */
QemuTlsLink *qemu_tls_free(QemuTlsLink *link);
