/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What qemu.conf says of TLS, and the objects that QEMU needs for it: credentials from a folder of certificates, and
 * secrets that travel encrypted with the guest's own key. Pure but for looking whether folders exist. */

#include <jansson.h>

#include "conf/conf.h"

/* What TLS is used for: each has its own settings, which fall back to the default ones. */
typedef enum QemuTlsUse {
        QEMU_TLS_VNC,
        QEMU_TLS_SPICE,
        QEMU_TLS_CHARDEV,
        QEMU_TLS_MIGRATE,
        QEMU_TLS_BACKUP,
        QEMU_TLS_NBD,
        QEMU_TLS_VXHS,
} QemuTlsUse;

typedef struct QemuTls {
        bool wanted;        /* by the settings, for what does not say it itself */
        bool verify;        /* peers have to show a certificate */
        const char *dir;    /* of certificates; belongs to the settings or is constant */
        const char *secret; /* UUID of the secret that the server's key is encrypted with; NULL: it is not */
} QemuTls;

/* The settings of one use; conf may be NULL. */
QemuTls qemu_tls_settings(const VhConf *conf, QemuTlsUse use);

/* Names in QEMU: "objALIAS_tls0" of credentials, "ALIAS-secret0" of a secret. The caller frees them. */
char *qemu_tls_alias(const char *alias);
char *qemu_secret_alias(const char *alias);

/* Of VNC's credentials. */
#define QEMU_VNC_TLS "vnc-tls-creds0"

/* The credentials as an object for -object and object-add. server: this end listens. key_secret: id of the secret
 * object that opens the key, NULL for none. */
json_t *qemu_tls_object(const QemuTls *tls, const char *id, bool server, const char *key_secret);
