/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a client wants of a migration: flags (VIR_MIGRATE_*) and parameters (VIR_MIGRATE_PARAM_*) of a call, checked. */

#include "qemu.h"

typedef enum QemuMigrateCompression {
        QEMU_COMPRESSION_MT = 1 << 0,
        QEMU_COMPRESSION_XBZRLE = 1 << 1,
} QemuMigrateCompression;

/* Strings belong to the call that brought them. Numbers without a value in the call are not set. */
typedef struct QemuMigrateParams {
        uint32_t flags;
        const char *uri; /* where the memory goes to */
        const char *dest_name;
        const char *dest_xml;
        const char *persist_xml;
        const char *graphics_uri;
        const char *listen_address;
        const char *disks_uri;
        const char *tls_destination;
        uint64_t bandwidth;          /* MiB/s; 0: the domain's own limit */
        uint64_t bandwidth_postcopy; /* MiB/s; 0: no limit */
        int disks_port;              /* 0: we choose */
        unsigned compression;        /* QemuMigrateCompression */
        VhOptInt mt_level, mt_threads, mt_dthreads;
        VhOptInt converge_initial, converge_increment;
        VhOptInt parallel_connections;
        bool has_xbzrle_cache;
        uint64_t xbzrle_cache; /* bytes */
        const char **disks;    /* targets of the disks to copy, NULL-terminated; NULL: all that need it */
} QemuMigrateParams;

enum {
        /* Flags that mean that disks are copied too. */
        QEMU_MIGRATE_STORAGE = VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC,
};

/* Reads the list of a call with parameters. call's arena holds what is made. Returns 0 or negative errno with *err. */
int qemu_migrate_params_read(QemuMigrateParams *p, VhCall *call, const remote_typed_param *params, uint32_t n,
                             uint32_t flags, VhError **err);
/* The same checks for who filled p by itself. */
int qemu_migrate_params_check(const QemuMigrateParams *p, VhError **err);
/* What only the source can check: a target is not told of flags that are the source's own affair. */
int qemu_migrate_params_check_source(const QemuMigrateParams *p, VhError **err);
/* The parameters as a list for another daemon; its arena holds it. */
void qemu_migrate_params_list(const QemuMigrateParams *p, VhTypedList *list);
