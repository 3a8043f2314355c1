/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where the memory of a guest goes: URIs of clients, what QEMU listens on, and what the source connects to. */

#include "qemu.h"

typedef enum QemuMigrateScheme {
        QEMU_MIGRATE_TCP,
        QEMU_MIGRATE_UNIX,
        QEMU_MIGRATE_RDMA,
} QemuMigrateScheme;

/* An address; strings are owned. */
typedef struct QemuMigrateAddress {
        QemuMigrateScheme scheme;
        bool old_style; /* "tcp:HOST:PORT", no proper URI */
        char *host;
        int port;   /* 0: none given */
        char *path; /* of a UNIX socket */
} QemuMigrateAddress;

/* Reads "tcp://HOST[:PORT]", "tcp:HOST[:PORT]", "rdma://...", "unix:///PATH". Returns 0 or negative errno with *err. */
int qemu_migrate_address_parse(QemuMigrateAddress *a, const char *uri, VhError **err);
void qemu_migrate_address_done(QemuMigrateAddress *a);
#define _qemu_migrate_address_ _vh_cleanup_(qemu_migrate_address_done)
/* Back to text; the caller frees it. */
char *qemu_migrate_address_text(const QemuMigrateAddress *a);

/* What QEMU is told to connect to; the caller frees it. */
char *qemu_migrate_address_qemu(const QemuMigrateAddress *a);

/* What QEMU is told to listen on at port: "tcp:[::]:49152". listen: numeric address of the client or of qemu.conf,
 * NULL: all. The caller frees it. */
char *qemu_migrate_listen_text(const QemuMigrateAddress *a, const char *listen);

/* A free port of migration_port_min to migration_port_max that no migration has. Returns it, or negative errno. */
int qemu_migrate_take_port(QemuDriver *driver, VhError **err);

/* The name of this host for others: migration_host of qemu.conf, or the host's name, which must not be localhost. The
 * caller frees it; NULL with *err. */
char *qemu_migrate_hostname(const QemuDriver *driver, VhError **err);
