/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the two daemons of a migration tell each other through the client between the phases: an XML text, that of the
 * reference. */

#include "cpu/cpu.h"
#include "migrate-stats.h"

/* Parts of a cookie that a phase reads; the others may say what they like. */
typedef enum QemuCookiePart {
        QEMU_COOKIE_GRAPHICS = 1 << 0,
        QEMU_COOKIE_LOCKSTATE = 1 << 1,
        QEMU_COOKIE_PERSISTENT = 1 << 2,
        QEMU_COOKIE_NETWORK = 1 << 3,
        QEMU_COOKIE_NBD = 1 << 4,
        QEMU_COOKIE_STATS = 1 << 5,
        QEMU_COOKIE_MEMORY_HOTPLUG = 1 << 6, /* no content: the other side knows of it */
        QEMU_COOKIE_CPU_HOTPLUG = 1 << 7,
        QEMU_COOKIE_CPU = 1 << 8,
        QEMU_COOKIE_CAPS = 1 << 9,
        QEMU_COOKIE_BITMAPS = 1 << 10,

        /* What the phases read. */
        QEMU_COOKIE_FOR_PREPARE = QEMU_COOKIE_LOCKSTATE | QEMU_COOKIE_NBD | QEMU_COOKIE_MEMORY_HOTPLUG |
                                  QEMU_COOKIE_CPU_HOTPLUG | QEMU_COOKIE_CPU | QEMU_COOKIE_CAPS | QEMU_COOKIE_BITMAPS,
        QEMU_COOKIE_FOR_PERFORM = QEMU_COOKIE_GRAPHICS | QEMU_COOKIE_CAPS | QEMU_COOKIE_BITMAPS,
        QEMU_COOKIE_FOR_FINISH = QEMU_COOKIE_PERSISTENT | QEMU_COOKIE_NETWORK | QEMU_COOKIE_NBD | QEMU_COOKIE_STATS,
        QEMU_COOKIE_FOR_CONFIRM = QEMU_COOKIE_STATS,
} QemuCookiePart;

/* A disk to copy. */
typedef struct QemuCookieDisk {
        char *target;
        uint64_t capacity; /* bytes */
} QemuCookieDisk;

/* A bitmap of a disk's top image that goes along, and how the two QEMUs call it. */
typedef struct QemuCookieBitmap {
        char *target; /* of the disk */
        char *name;
        char *alias;
} QemuCookieBitmap;

/* What the switch of an interface remembers of it. */
typedef struct QemuCookieNet {
        unsigned index; /* in the definition */
        char *vport_type;
        char *port_data; /* NULL: none */
} QemuCookieNet;

/* Something that QEMU can do in a migration, and whether the side turns it on without being asked. */
typedef struct QemuCookieCap {
        char *name;
        bool automatic;
} QemuCookieCap;

typedef struct QemuCookieGraphics {
        char *type; /* NULL: there is none */
        char *listen;
        int port, tls_port; /* 0: none */
        char *tls_subject;
} QemuCookieGraphics;

typedef struct QemuCookie {
        char *name; /* NULL: nothing was read */
        uint8_t uuid[VH_UUID_LEN];
        char *hostname;
        uint8_t host_uuid[VH_UUID_LEN];
        bool lockstate;      /* the target must understand that locks change hands */
        bool memory_hotplug; /* and that memory can be plugged */
        char *lock_driver;   /* NULL: no lock driver keeps a state */
        char *leases;
        char *persistent; /* the stored definition, XML; NULL: not sent */
        QemuCookieGraphics graphics;
        QemuCookieNet *nets;
        size_t n_nets;
        bool has_nbd;
        int nbd_port; /* 0: unset */
        QemuCookieDisk *disks;
        size_t n_disks;
        bool has_stats;
        QemuJobStats stats;
        VhCpu *cpu; /* that the guest sees at the source; NULL: not sent */
        bool has_caps;
        QemuCookieCap *caps;
        size_t n_caps;
        QemuCookieBitmap *bitmaps; /* those of one disk stand together */
        size_t n_bitmaps;
} QemuCookie;

/* Fills who we are. */
void qemu_cookie_init(QemuCookie *cookie, const uint8_t host_uuid[VH_UUID_LEN], const char *name,
                      const uint8_t uuid[VH_UUID_LEN]);
void qemu_cookie_done(QemuCookie *cookie);
#define _qemu_cookie_ _vh_cleanup_(qemu_cookie_done)
void qemu_cookie_add_disk(QemuCookie *cookie, const char *target, uint64_t capacity);
void qemu_cookie_add_cap(QemuCookie *cookie, const char *name, bool automatic);
/* Takes over vport_type and port_data. */
void qemu_cookie_add_net(QemuCookie *cookie, unsigned index, char *vport_type, char *port_data);
void qemu_cookie_add_bitmap(QemuCookie *cookie, const char *target, const char *name, const char *alias);
/* Frees what one holds that is taken out. */
void qemu_cookie_drop_bitmap(QemuCookieBitmap *bitmap);
/* Whether the other side knows a capability of QEMU; one that does not list any may. */
bool qemu_cookie_has_cap(const QemuCookie *cookie, const char *name);

/* The text; the caller frees it. */
char *qemu_cookie_format(const QemuCookie *cookie);

/* Whom a cookie must be about. */
typedef struct QemuCookieFor {
        const uint8_t *host_uuid; /* ours: a cookie of this very host is refused */
        const char *name;         /* of the guest, NULL: any */
        const uint8_t *uuid;
        unsigned parts; /* QEMU_COOKIE_FOR_... */
} QemuCookieFor;

/* Reads len bytes of the other side (0: it sent none, and nothing is filled). Returns 0 or negative errno with *err,
 * and nothing is filled then. */
int qemu_cookie_parse(QemuCookie *cookie, const QemuCookieFor *what, const void *text, size_t len, VhError **err);
