/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Flags and parameters of migrations. */

#include "migrate-params.h"

/* ---- the list of a call ---- */

enum {
        ALL_FLAGS = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_TUNNELLED | VIR_MIGRATE_PERSIST_DEST |
                    VIR_MIGRATE_UNDEFINE_SOURCE | VIR_MIGRATE_PAUSED | QEMU_MIGRATE_STORAGE |
                    VIR_MIGRATE_CHANGE_PROTECTION | VIR_MIGRATE_UNSAFE | VIR_MIGRATE_OFFLINE | VIR_MIGRATE_COMPRESSED |
                    VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE | VIR_MIGRATE_RDMA_PIN_ALL |
                    VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_TLS | VIR_MIGRATE_PARALLEL |
                    VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES | VIR_MIGRATE_POSTCOPY_RESUME | VIR_MIGRATE_ZEROCOPY,
};

typedef enum Kind { TEXT, INT, OPT_INT, ULLONG, LIST } Kind;

/* A parameter and its member. */
typedef struct Row {
        const char *name;
        Kind kind;
        size_t offset;
} Row;

#define ROW(name, kind, member)                                                                                        \
        {                                                                                                              \
                VIR_MIGRATE_PARAM_##name, kind, offsetof(QemuMigrateParams, member)                                    \
        }

static const Row rows[] = {
        ROW(URI, TEXT, uri),
        ROW(DEST_NAME, TEXT, dest_name),
        ROW(DEST_XML, TEXT, dest_xml),
        ROW(PERSIST_XML, TEXT, persist_xml),
        ROW(BANDWIDTH, ULLONG, bandwidth),
        ROW(BANDWIDTH_POSTCOPY, ULLONG, bandwidth_postcopy),
        ROW(GRAPHICS_URI, TEXT, graphics_uri),
        ROW(LISTEN_ADDRESS, TEXT, listen_address),
        ROW(MIGRATE_DISKS, LIST, disks),
        ROW(DISKS_PORT, INT, disks_port),
        ROW(DISKS_URI, TEXT, disks_uri),
        ROW(COMPRESSION, LIST, compression),
        ROW(COMPRESSION_MT_LEVEL, OPT_INT, mt_level),
        ROW(COMPRESSION_MT_THREADS, OPT_INT, mt_threads),
        ROW(COMPRESSION_MT_DTHREADS, OPT_INT, mt_dthreads),
        ROW(COMPRESSION_XBZRLE_CACHE, ULLONG, xbzrle_cache),
        ROW(AUTO_CONVERGE_INITIAL, OPT_INT, converge_initial),
        ROW(AUTO_CONVERGE_INCREMENT, OPT_INT, converge_increment),
        ROW(PARALLEL_CONNECTIONS, OPT_INT, parallel_connections),
        ROW(TLS_DESTINATION, TEXT, tls_destination),
};

static const int types[] = {
        [TEXT] = VIR_TYPED_PARAM_STRING,   [INT] = VIR_TYPED_PARAM_INT,     [OPT_INT] = VIR_TYPED_PARAM_INT,
        [ULLONG] = VIR_TYPED_PARAM_ULLONG, [LIST] = VIR_TYPED_PARAM_STRING,
};

static int validate(const remote_typed_param *params, uint32_t n, VhError **err)
{
        VhTypedField fields[VH_ARRAY_SIZE(rows)];

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                fields[i] = (VhTypedField){ rows[i].name, types[rows[i].kind], rows[i].kind == LIST };
        return vh_typed_validate(params, n, fields, VH_ARRAY_SIZE(fields), err);
}

/* Parameters that may be given several times are read apart. */
static void read_row(QemuMigrateParams *p, const Row *row, const remote_typed_param *param)
{
        void *member = (char *)p + row->offset;

        switch (row->kind) {
        case TEXT:
                *(const char **)member = param->value.s;
                break;
        case INT:
                *(int *)member = param->value.i;
                break;
        case OPT_INT:
                *(VhOptInt *)member = (VhOptInt){ param->value.i, true };
                break;
        case ULLONG:
                *(uint64_t *)member = param->value.ul;
                break;
        case LIST:
                break;
        }
}

static int add_compression(QemuMigrateParams *p, const char *method, VhError **err)
{
        unsigned bit = strcmp(method, "mt") == 0       ? QEMU_COMPRESSION_MT
                       : strcmp(method, "xbzrle") == 0 ? QEMU_COMPRESSION_XBZRLE
                                                       : 0;

        if (!bit)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Unsupported compression method '%s'",
                                    method);
        if (p->compression & bit)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "Compression method '%s' is specified twice", method);
        p->compression |= bit;
        return 0;
}

static int read_lists(QemuMigrateParams *p, VhCall *call, const remote_typed_param *params, uint32_t n, VhError **err)
{
        size_t n_disks = 0;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < n; i++)
                if (strcmp(params[i].field, VIR_MIGRATE_PARAM_COMPRESSION) == 0)
                        r = add_compression(p, params[i].value.s, err);
                else if (strcmp(params[i].field, VIR_MIGRATE_PARAM_MIGRATE_DISKS) == 0) {
                        if (!p->disks)
                                p->disks = vh_call_new(call, const char *, n + 1);
                        p->disks[n_disks++] = params[i].value.s;
                }
        return r;
}

int qemu_migrate_params_read(QemuMigrateParams *p, VhCall *call, const remote_typed_param *params, uint32_t n,
                             uint32_t flags, VhError **err)
{
        int r = validate(params, n, err);

        *p = (QemuMigrateParams){ .flags = flags };
        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(rows); i++) {
                const remote_typed_param *param = vh_typed_find(params, n, rows[i].name);

                if (param)
                        read_row(p, &rows[i], param);
        }
        p->has_xbzrle_cache = vh_typed_find(params, n, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE);
        if (r == 0)
                r = read_lists(p, call, params, n, err);
        return r < 0 ? r : qemu_migrate_params_check(p, err);
}

/* ---- what goes with what ---- */

static const struct {
        uint32_t a, b;
        const char *name_a, *name_b;
} exclusive[] = {
        { VIR_MIGRATE_NON_SHARED_DISK, VIR_MIGRATE_NON_SHARED_INC, "VIR_MIGRATE_NON_SHARED_DISK",
          "VIR_MIGRATE_NON_SHARED_INC" },
        { VIR_MIGRATE_TUNNELLED, VIR_MIGRATE_PARALLEL, "VIR_MIGRATE_TUNNELLED", "VIR_MIGRATE_PARALLEL" },
        /* A tunnel has one direction, TLS needs two. */
        { VIR_MIGRATE_TUNNELLED, VIR_MIGRATE_TLS, "VIR_MIGRATE_TUNNELLED", "VIR_MIGRATE_TLS" },
};

static int check_flags(uint32_t flags, VhError **err)
{
        int r = vh_check_flags(flags, ALL_FLAGS, VIR_FROM_QEMU, "qemuDomainMigrate", err);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(exclusive); i++)
                if ((flags & exclusive[i].a) && (flags & exclusive[i].b))
                        r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                           "Flags '%s' and '%s' are mutually exclusive", exclusive[i].name_a,
                                           exclusive[i].name_b);
        if (r == 0 && (flags & VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES) && !(flags & QEMU_MIGRATE_STORAGE))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES requires one of "
                                 "VIR_MIGRATE_NON_SHARED_DISK, VIR_MIGRATE_NON_SHARED_INC");
        if (r == 0 && (flags & VIR_MIGRATE_ZEROCOPY) && !(flags & VIR_MIGRATE_PARALLEL))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "zero-copy is only available for parallel migration");
        return r;
}

static int refuse_tuning(const char *what, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Turn %s on to tune it", what);
}

int qemu_migrate_params_check(const QemuMigrateParams *p, VhError **err)
{
        int r = check_flags(p->flags, err);

        if (r < 0)
                return r;
        if ((p->mt_level.set || p->mt_threads.set || p->mt_dthreads.set) && !(p->compression & QEMU_COMPRESSION_MT))
                return refuse_tuning("multithread compression", err);
        if (p->has_xbzrle_cache && !(p->compression & QEMU_COMPRESSION_XBZRLE))
                return refuse_tuning("xbzrle compression", err);
        if (p->parallel_connections.set && !(p->flags & VIR_MIGRATE_PARALLEL))
                return refuse_tuning("parallel migration", err);
        return 0;
}

int qemu_migrate_params_check_source(const QemuMigrateParams *p, VhError **err)
{
        if ((p->converge_initial.set || p->converge_increment.set) && !(p->flags & VIR_MIGRATE_AUTO_CONVERGE))
                return refuse_tuning("auto convergence", err);
        return 0;
}

/* ---- the list for another daemon ---- */

static void list_row(const QemuMigrateParams *p, const Row *row, VhTypedList *list)
{
        const void *member = (const char *)p + row->offset;
        const VhOptInt *number = member;

        switch (row->kind) {
        case TEXT:
                if (*(const char *const *)member)
                        vh_typed_add_string(list, row->name, *(const char *const *)member);
                break;
        case INT:
                if (*(const int *)member)
                        vh_typed_add_int(list, row->name, *(const int *)member);
                break;
        case OPT_INT:
                if (number->set)
                        vh_typed_add_int(list, row->name, number->val);
                break;
        case ULLONG:
                if (*(const uint64_t *)member)
                        vh_typed_add_ullong(list, row->name, *(const uint64_t *)member);
                break;
        case LIST:
                break;
        }
}

void qemu_migrate_params_list(const QemuMigrateParams *p, VhTypedList *list)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                list_row(p, &rows[i], list);
        for (const char **disk = p->disks; disk && *disk; disk++)
                vh_typed_add_string(list, VIR_MIGRATE_PARAM_MIGRATE_DISKS, *disk);
        if (p->compression & QEMU_COMPRESSION_MT)
                vh_typed_add_string(list, VIR_MIGRATE_PARAM_COMPRESSION, "mt");
        if (p->compression & QEMU_COMPRESSION_XBZRLE)
                vh_typed_add_string(list, VIR_MIGRATE_PARAM_COMPRESSION, "xbzrle");
}
