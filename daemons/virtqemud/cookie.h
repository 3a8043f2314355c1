/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two daemons of a migration tell each other through the client between the phases: an XML text, that of the
 * reference. */

#include "migrate-stats.h"

/* A disk to copy, or one with bitmaps. */
typedef struct QemuCookieDisk {
        char *target;
        uint64_t capacity; /* bytes */
} QemuCookieDisk;

/* Something that QEMU can do in a migration, and whether the side turns it on without being asked. */
typedef struct QemuCookieCap {
        char *name;
        bool automatic;
} QemuCookieCap;

typedef struct QemuCookieGraphics {
        char *type;
        char *listen;
        int port, tls_port; /* 0: none */
        char *tls_subject;
} QemuCookieGraphics;

typedef struct QemuCookie {
        char *name;
        uint8_t uuid[VH_UUID_LEN];
        char *hostname;
        uint8_t host_uuid[VH_UUID_LEN];
        bool lockstate;    /* the target must understand that locks change hands */
        char *lock_driver; /* NULL: no lock driver keeps a state */
        char *leases;
        char *persistent; /* the stored definition, XML; NULL: not sent */
        QemuCookieGraphics graphics;
        bool has_nbd;
        int nbd_port; /* 0: unset */
        QemuCookieDisk *disks;
        size_t n_disks;
        bool has_stats;
        QemuJobStats stats;
        char *cpu; /* <cpu>, XML */
        bool has_caps;
        QemuCookieCap *caps;
        size_t n_caps;
} QemuCookie;

/* Fills who we are. */
void qemu_cookie_init(QemuCookie *cookie, const QemuDriver *driver, const char *name, const uint8_t uuid[VH_UUID_LEN]);
void qemu_cookie_done(QemuCookie *cookie);
#define _qemu_cookie_ _vh_cleanup_(qemu_cookie_done)
void qemu_cookie_add_disk(QemuCookie *cookie, const char *target, uint64_t capacity);
void qemu_cookie_add_cap(QemuCookie *cookie, const char *name, bool automatic);

/* The text; the caller frees it. */
char *qemu_cookie_format(const QemuCookie *cookie);

/* Reads len bytes of the other side (0: it sent none, and nothing is filled). name and uuid are those of the guest that
 * it must be about; name NULL: any. A cookie of this very host is refused. Returns 0 or negative errno with *err. */
int qemu_cookie_parse(QemuCookie *cookie, const QemuDriver *driver, const char *name, const uint8_t *uuid,
                      const void *text, size_t len, VhError **err);
