/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Telling QEMU how to migrate: capabilities (yes or no) and parameters. Both sides of a migration get what they have in
 * common. */

#include <errno.h>

#include "api.h"
#include "migrate-bitmaps.h"
#include "migrate.h"
#include "tls-objects.h"

#define TLS_ALIAS     "libvirt_migrate"
#define DIRTY_BITMAPS "dirty-bitmaps"

enum { MIB = 1024 * 1024 };

/* Bytes a second: what QEMU takes at most, as the reference gives it. */
#define NO_LIMIT INT64_C(9223372036853727232)

/* ---- capabilities ---- */

typedef enum Side { SOURCE = 1, TARGET = 2, BOTH = 3 } Side;

typedef struct Capability {
        const char *name;
        uint32_t flag;        /* of the call that asks for it; 0: nobody does */
        unsigned compression; /* method that needs it */
        Side always;          /* sides that turn it on if QEMU has it; 0: none */
} Capability;

/* In the order of the reference. */
static const Capability capabilities[] = {
        { "xbzrle", 0, QEMU_COMPRESSION_XBZRLE, 0 },
        { "auto-converge", VIR_MIGRATE_AUTO_CONVERGE, 0, 0 },
        { "rdma-pin-all", VIR_MIGRATE_RDMA_PIN_ALL, 0, 0 },
        { "postcopy-ram", VIR_MIGRATE_POSTCOPY, 0, 0 },
        { "compress", 0, QEMU_COMPRESSION_MT, 0 },
        { "pause-before-switchover", 0, 0, SOURCE },
        { "late-block-activate", 0, 0, TARGET },
        { "multifd", VIR_MIGRATE_PARALLEL, 0, 0 },
        { DIRTY_BITMAPS, 0, 0, 0 },
        { "return-path", 0, 0, 0 },
        { "zero-copy-send", VIR_MIGRATE_ZEROCOPY, 0, 0 },
};

static bool qemu_has(const json_t *caps, const char *name)
{
        size_t i;
        const json_t *item;

        json_array_foreach(
                caps, i, item) if (vh_streq(json_string_value(json_object_get(item, "capability")), name)) return true;
        return false;
}

void qemu_migrate_cookie_caps(QemuCookie *cookie, const json_t *caps, bool incoming)
{
        Side side = incoming ? TARGET : SOURCE;

        for (size_t i = 0; i < VH_ARRAY_SIZE(capabilities); i++)
                if (qemu_has(caps, capabilities[i].name))
                        qemu_cookie_add_cap(cookie, capabilities[i].name, capabilities[i].always & side);
}

bool qemu_migrate_can_move_bitmaps(const json_t *caps)
{
        return qemu_has(caps, DIRTY_BITMAPS);
}

static bool is_wanted(const Capability *cap, const MigrateTask *t, Side side)
{
        const QemuMigrateParams *p = &t->params;

        if (strcmp(cap->name, DIRTY_BITMAPS) == 0)
                return t->in.n_bitmaps > 0;
        /* A tunnel has one direction. */
        if (strcmp(cap->name, "return-path") == 0)
                return !(p->flags & VIR_MIGRATE_TUNNELLED);
        return (cap->always & side) || (p->flags & cap->flag) || (p->compression & cap->compression);
}

/* What was asked for must be there on both sides. */
static int check_cap(const Capability *cap, const MigrateTask *t, const json_t *caps, Side side, VhError **err)
{
        bool asked = (t->params.flags & cap->flag) || (t->params.compression & cap->compression);

        if (!asked)
                return 0;
        if (!qemu_has(caps, cap->name))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Migration option '%s' is not supported by QEMU binary", cap->name);
        if (!qemu_cookie_has_cap(&t->in, cap->name))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Migration option '%s' is not supported by QEMU binary on the %s host", cap->name,
                                    side == SOURCE ? "target" : "source");
        return 0;
}

static json_t *cap_state(const Capability *cap, bool on)
{
        return json_pack("{s:s, s:b}", "capability", cap->name, "state", on);
}

/* All that we know, so that nothing is left from an earlier migration. t NULL: all off. */
static json_t *list_caps(const json_t *caps, const MigrateTask *t, Side side)
{
        json_t *list = json_array();

        for (size_t i = 0; i < VH_ARRAY_SIZE(capabilities); i++)
                if (qemu_has(caps, capabilities[i].name))
                        json_array_append_new(list,
                                              cap_state(&capabilities[i], t && is_wanted(&capabilities[i], t, side)));
        return list;
}

/* ---- parameters ---- */

/* Numbers that the client may give; QEMU has its own value for those that are not given. */
static const struct {
        const char *name;
        size_t offset;
        Side side;
} numbers[] = {
        { "compress-level", offsetof(QemuMigrateParams, mt_level), SOURCE },
        { "compress-threads", offsetof(QemuMigrateParams, mt_threads), SOURCE },
        { "decompress-threads", offsetof(QemuMigrateParams, mt_dthreads), TARGET },
        { "cpu-throttle-initial", offsetof(QemuMigrateParams, converge_initial), SOURCE },
        { "cpu-throttle-increment", offsetof(QemuMigrateParams, converge_increment), SOURCE },
        { "multifd-channels", offsetof(QemuMigrateParams, parallel_connections), BOTH },
};

static void set(json_t *o, const char *key, int64_t value)
{
        json_object_set_new(o, key, json_integer(value));
}

static int64_t bytes_per_second(uint64_t mib)
{
        return mib == 0 || mib > (uint64_t)NO_LIMIT / MIB ? NO_LIMIT : (int64_t)(mib * MIB);
}

static void add_source_params(const MigrateTask *t, json_t *o)
{
        const QemuMigrateParams *p = &t->params;
        const QemuDomain *priv = qemu_domain_priv(t->task.dom);

        set(o, "max-bandwidth", bytes_per_second(p->bandwidth ? p->bandwidth : priv->migrate_speed));
        if (p->bandwidth_postcopy)
                set(o, "max-postcopy-bandwidth", bytes_per_second(p->bandwidth_postcopy));
        if (p->has_xbzrle_cache)
                set(o, "xbzrle-cache-size", (int64_t)p->xbzrle_cache);
}

static json_t *list_params(const MigrateTask *t, const json_t *old, Side side)
{
        json_t *o = json_object();
        bool tls = t->params.flags & VIR_MIGRATE_TLS;

        for (size_t i = 0; i < VH_ARRAY_SIZE(numbers); i++) {
                const VhOptInt *v = (const VhOptInt *)((const char *)&t->params + numbers[i].offset);

                if (v->set && numbers[i].side & side)
                        set(o, numbers[i].name, v->val);
        }
        if (json_object_get(old, "tls-creds")) {
                const char *peer = t->params.tls_destination ? t->params.tls_destination : "";

                json_object_set_new(o, "tls-creds", json_string(tls ? "obj" TLS_ALIAS "_tls0" : ""));
                json_object_set_new(o, "tls-hostname", json_string(tls && side == SOURCE ? peer : ""));
        }
        if (side == SOURCE)
                add_source_params(t, o);
        return o;
}

/* What of the old parameters has to be put back: those that we change. */
static json_t *keep_old(const json_t *old, json_t *changed)
{
        json_t *kept = json_object();
        const char *key;
        json_t *value;

        json_object_foreach(changed, key, value) if (json_object_get(old, key))
                json_object_set(kept, key, json_object_get(old, key));
        return kept;
}

/* ---- the steps ---- */

static Side side_of(const MigrateTask *t)
{
        return qemu_migration(t->task.dom)->incoming ? TARGET : SOURCE;
}

static int add_bitmaps(const MigrateTask *t, json_t *params, VhError **err)
{
        json_t *map;
        int r = t->in.n_bitmaps ? qemu_migrate_bitmap_mapping(&t->in, t->task.dom->def, &map, err) : 0;

        if (r == 0 && t->in.n_bitmaps)
                json_object_set_new(params, "block-bitmap-mapping", map);
        return r;
}

static void got_params(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        _vh_error_ VhError *why = NULL;
        json_t *params;

        if (r < 0) {
                t->setup_done(task, NULL, r, err);
                return;
        }
        params = list_params(t, ret, side_of(t));
        r = add_bitmaps(t, params, &why);
        if (r < 0) {
                json_decref(params);
                t->setup_done(task, NULL, r, why);
                return;
        }
        json_decref(m->old_params);
        m->old_params = keep_old(ret, params);
        qemu_status_save(task->dom);
        if (json_object_size(params))
                qemu_task_qmp_try(task, qmp_command_args("migrate-set-parameters", params), t->setup_done);
        else {
                json_decref(params);
                t->setup_done(task, NULL, 0, NULL);
        }
}

static void ask_params(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                t->setup_done(task, NULL, r, err);
        else
                qemu_task_qmp_try(task, qmp_command("query-migrate-parameters", NULL), got_params);
}

/* Certificates are read by QEMU, and it says what is wrong with them. */
static void add_tls(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        QemuTls tls = qemu_tls_settings(task->driver->conf, QEMU_TLS_MIGRATE);
        _vh_free_ char *id = qemu_tls_alias(TLS_ALIAS);
        _vh_error_ VhError *why = NULL;

        if (r < 0 || !(t->params.flags & VIR_MIGRATE_TLS))
                ask_params(task, ret, r, err);
        else if (tls.secret) {
                r = vh_error_set(&why, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "keys of migrations that are encrypted (migrate_tls_x509_secret_uuid) cannot be used");
                t->setup_done(task, NULL, r, why);
        } else {
                m->has_tls = true;
                qemu_task_qmp_try(task, qmp_command_args("object-add", qemu_tls_object(&tls, id, m->incoming, NULL)),
                                  ask_params);
        }
}

static void set_caps(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);
        _vh_error_ VhError *why = NULL;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(capabilities); i++)
                r = check_cap(&capabilities[i], t, ret, side_of(t), &why);
        if (r < 0) {
                t->setup_done(task, NULL, r, why ? why : err);
                return;
        }
        json_decref(m->known_caps);
        m->known_caps = json_incref(ret);
        qemu_task_qmp_try(task,
                          qmp_command_args("migrate-set-capabilities",
                                           json_pack("{s:o}", "capabilities", list_caps(ret, t, side_of(t)))),
                          add_tls);
}

void qemu_migrate_setup(MigrateTask *t, QemuTaskResult done)
{
        t->setup_done = done;
        qemu_task_qmp_try(&t->task, qmp_command("query-migrate-capabilities", NULL), set_caps);
}

static json_t *no_caps(const json_t *caps)
{
        return qmp_command_args("migrate-set-capabilities",
                                json_pack("{s:o}", "capabilities", list_caps(caps, NULL, BOTH)));
}

static json_t *no_tls(void)
{
        return qmp_command("object-del", "{s:s}", "id", "obj" TLS_ALIAS "_tls0");
}

void qemu_migrate_reset(QemuMigration *m)
{
        if (m->known_caps)
                qemu_migrate_send(m, no_caps(m->known_caps));
        if (m->old_params && json_object_size(m->old_params))
                qemu_migrate_send(m, qmp_command_args("migrate-set-parameters", VH_TAKE_PTR(m->old_params)));
        if (m->has_tls)
                qemu_migrate_send(m, no_tls());
        m->has_tls = false;
}

static void got_left_caps(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r == 0 && proc->mon)
                qmp_send(proc->mon, no_caps(ret), NULL, NULL);
}

void qemu_migrate_reset_left(QemuProcess *proc)
{
        qmp_send(proc->mon, qmp_command("query-migrate-capabilities", NULL), got_left_caps, proc);
        if (proc->left_params)
                qmp_send(proc->mon, qmp_command_args("migrate-set-parameters", VH_TAKE_PTR(proc->left_params)), NULL,
                         NULL);
        if (proc->left_flags & VIR_MIGRATE_TLS)
                qmp_send(proc->mon, no_tls(), NULL, NULL);
}
