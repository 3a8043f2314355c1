/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disks that move with the guest. The phases of a mirror are told by QEMU's events, which block-job.c hands on. */

#include "migrate-storage.h"

#include <errno.h>

#include "api.h"
#include "block-job.h"
#include "block-ops.h"
#include "command-parts.h"
#include "driver/uri.h"
#include "migrate-address.h"

#define TLS_OBJECT   "objlibvirt_migrate_tls0"
#define MIRROR_ENDED "migration of a disk failed: its mirror ended"

enum { MIB = 1024 * 1024, DEFAULT_NBD_PORT = 10809 };

/* ---- which ---- */

bool qemu_storage_is_copied(const QemuMigrateParams *p, const VhDisk *disk)
{
        if (!(p->flags & QEMU_MIGRATE_STORAGE) || qemu_disk_is_empty(disk))
                return false;
        if (!p->disks)
                return !disk->shareable && !disk->readonly;
        for (const char **d = p->disks; *d; d++)
                if (vh_streq(*d, disk->target))
                        return true;
        return false;
}

uint64_t qemu_storage_cookie(QemuCookie *cookie, const VhDomainDef *def, const QemuMigrateParams *p,
                             const json_t *nodes)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                QemuBlockSize size = { 0 };

                if (!qemu_storage_is_copied(p, disk))
                        continue;
                (void)qemu_block_size(nodes, &disk->src, &size, NULL);
                qemu_cookie_add_disk(cookie, disk->target, size.capacity);
                sum += size.capacity;
        }
        return sum;
}

/* A disk's name for NBD, which is the job's too. */
static char *export_name(const VhDisk *disk)
{
        return vh_xasprintf("drive-%s", disk->info.alias);
}

/* ---- target ---- */

/* The address of a server, for nbd-server-start (legacy form) and for the nbd driver of the source. */
static json_t *socket_address(const QemuMigrateAddress *a, bool legacy)
{
        json_t *data;
        char port[16];

        snprintf(port, sizeof(port), "%d", a->port);
        data = a->scheme == QEMU_MIGRATE_UNIX ? json_pack("{s:s}", "path", a->path)
                                              : json_pack("{s:s, s:s}", "host", a->host, "port", port);
        if (legacy)
                return json_pack("{s:s, s:o}", "type", a->scheme == QEMU_MIGRATE_UNIX ? "unix" : "inet", "data", data);
        json_object_set_new(data, "type", json_string(a->scheme == QEMU_MIGRATE_UNIX ? "unix" : "inet"));
        return data;
}

static int parse_disks_uri(const char *text, QemuMigrateAddress *a, VhError **err)
{
        _vh_uri_ VhUri *uri = NULL;
        int r = vh_uri_parse(&uri, text, err);

        if (r < 0)
                return r;
        if (strcmp(uri->scheme, "tcp") != 0 && strcmp(uri->scheme, "unix") != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Unsupported scheme in disks URI: %s",
                                    uri->scheme);
        return qemu_migrate_address_parse(a, text, err);
}

/* Where the server listens: the client's choice, or a port of ours. */
static int choose_server(MigrateTask *t, QemuMigration *m, QemuMigrateAddress *a, VhError **err)
{
        int r = 0;

        *a = (QemuMigrateAddress){ 0 };
        if (t->params.disks_uri)
                r = parse_disks_uri(t->params.disks_uri, a, err);
        if (r < 0 || a->scheme == QEMU_MIGRATE_UNIX)
                return r;
        free(a->host);
        a->host = vh_xstrdup(t->params.listen_address ? t->params.listen_address : "::");
        if (!a->port)
                a->port = t->params.disks_port;
        if (!a->port)
                a->port = r = qemu_migrate_take_port(t->task.driver, err);
        m->nbd_port = (unsigned)VH_MAX(a->port, 0);
        return VH_MIN(r, 0);
}

static void export_next(MigrateTask *t);

static void exported(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0)
                t->storage_done(t, r, err);
        else
                export_next(t);
}

static void export_next(MigrateTask *t)
{
        const VhDomainDef *def = t->task.dom->def;
        const VhDisk *disk;
        _vh_free_ char *node = NULL, *name = NULL, *id = NULL;

        while (t->next_disk < def->disks.n && !qemu_storage_is_copied(&t->params, def->disks.items[t->next_disk]))
                t->next_disk++;
        if (t->next_disk == def->disks.n) {
                t->storage_done(t, 0, NULL);
                return;
        }
        disk = def->disks.items[t->next_disk++];
        node = qemu_format_node(&disk->src);
        name = export_name(disk);
        id = vh_xasprintf("libvirt-nbd-%s", node);
        qemu_task_qmp_try(&t->task,
                          qmp_command("block-export-add", "{s:s, s:s, s:s, s:b, s:s}", "type", "nbd", "id", id,
                                      "node-name", node, "writable", 1, "name", name),
                          exported);
}

void qemu_storage_prepare(MigrateTask *t, QemuStorageDone done)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        _qemu_migrate_address_ QemuMigrateAddress a = { 0 };
        _vh_error_ VhError *err = NULL;
        json_t *args;
        int r;

        if (!(t->params.flags & QEMU_MIGRATE_STORAGE)) {
                done(t, 0, NULL);
                return;
        }
        r = choose_server(t, m, &a, &err);
        if (r < 0) {
                done(t, r, err);
                return;
        }
        args = json_pack("{s:o}", "addr", socket_address(&a, true));
        if (t->params.flags & VIR_MIGRATE_TLS)
                json_object_set_new(args, "tls-creds", json_string(TLS_OBJECT));
        m->nbd_running = true;
        t->storage_done = done;
        qemu_task_qmp_try(&t->task, qmp_command_args("nbd-server-start", args), exported);
}

void qemu_storage_stop_server(QemuMigration *m)
{
        if (!m->nbd_running)
                return;
        qemu_migrate_send(m, qmp_command("nbd-server-stop", NULL));
        m->nbd_running = false;
}

/* ---- source: one mirror ---- */

static char *node_name(const char *target, const char *layer)
{
        return vh_xasprintf("migration-%s-%s", target, layer);
}

static void ignored(void *data, json_t *ret, int r, const VhError *err)
{
}

static void send(QemuProcess *proc, json_t *cmd)
{
        if (proc->mon)
                qmp_send(proc->mon, cmd, ignored, NULL);
        else
                json_decref(cmd);
}

static void delete_nodes(QemuProcess *proc, const char *target)
{
        static const char *const layers[] = { "format", "storage" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(layers); i++) {
                _vh_free_ char *node = node_name(target, layers[i]);

                send(proc, qmp_command("blockdev-del", "{s:s}", "node-name", node));
        }
}

/* QEMU is done with it; frees the job. */
static void drop_mirror(QemuBlockJob *job)
{
        send(job->proc, qmp_command("job-dismiss", "{s:s}", "id", job->name));
        delete_nodes(job->proc, job->disk);
        qemu_block_job_drop(job);
}

/* After the migration has lost interest. */
static void orphan_changed(QemuBlockJob *job, const char *status, void *data)
{
        if (strcmp(status, "concluded") == 0)
                drop_mirror(job);
}

static void mirror_changed(QemuBlockJob *job, const char *status, void *data);

static QemuBlockJob *first_mirror(const QemuProcess *proc)
{
        QemuBlockJob *job;

        LL_FOREACH (proc->block_jobs, job)
                if (job->changed == mirror_changed)
                        return job;
        return NULL;
}

static bool all_in_state(const QemuProcess *proc, QemuBlockJobState state)
{
        const QemuBlockJob *job;

        LL_FOREACH (proc->block_jobs, job)
                if (job->changed == mirror_changed && job->state != state)
                        return false;
        return true;
}

/* ---- source: all of them ---- */

static void end_storage(MigrateTask *t, int r, const VhError *err)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        QemuStorageDone done = t->storage_done;

        t->storage_done = NULL;
        if (m->task == t && r < 0)
                m->task = NULL;
        done(t, r, err);
}

static void fail(MigrateTask *t, const char *what)
{
        _vh_error_ VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "%s", what);

        end_storage(t, r, err);
}

static void tell_end(QemuBlockJob *job, bool completed)
{
        qemu_block_job_tell(job, completed ? VIR_DOMAIN_BLOCK_JOB_COMPLETED : VIR_DOMAIN_BLOCK_JOB_FAILED);
}

/* One has ended: as it should, or by itself. */
static void mirror_ended(QemuBlockJob *job, MigrateTask *t)
{
        QemuProcess *proc = job->proc;
        bool wanted = job->state == QEMU_BLOCK_JOB_ABORTING && !job->error;

        tell_end(job, wanted);
        drop_mirror(job);
        if (!t || !t->storage_done) {
                if (t)
                        qemu_migrate_cancel(proc->moving);
                return;
        }
        if (!wanted && !t->all_started)
                t->mirror_failed = true; /* another one is being made */
        else if (!wanted)
                fail(t, MIRROR_ENDED);
        else if (!first_mirror(proc))
                end_storage(t, 0, NULL);
}

static void mirror_changed(QemuBlockJob *job, const char *status, void *data)
{
        QemuMigration *m = job->proc->moving;
        MigrateTask *t = m ? m->mirroring : NULL;

        if (strcmp(status, "concluded") == 0) {
                mirror_ended(job, t);
                return;
        }
        /* One that ends well does not pass through this: it failed at the last moment, and the target lacks something.
         */
        if (strcmp(status, "aborting") == 0)
                vh_strset(&job->error, MIRROR_ENDED);
        if (strcmp(status, "ready") != 0 || job->state != QEMU_BLOCK_JOB_RUNNING)
                return;
        job->state = QEMU_BLOCK_JOB_READY;
        qemu_block_job_tell(job, VIR_DOMAIN_BLOCK_JOB_READY);
        if (t && t->storage_done && t->all_started && all_in_state(job->proc, QEMU_BLOCK_JOB_READY))
                end_storage(t, 0, NULL);
}

static void start_next(MigrateTask *t);

static void mirror_started(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuProcess *proc = qemu_process(task->dom);
        const VhDisk *disk = task->dom->def->disks.items[t->next_disk - 1];
        QemuBlockJob *job = qemu_block_job_of(proc, disk);

        if (r < 0) {
                if (job)
                        qemu_block_job_drop(job);
                delete_nodes(proc, disk->target);
                end_storage(t, r, err);
                return;
        }
        if (t->storage_done)
                start_next(t);
}

static void format_added(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuProcess *proc = qemu_process(task->dom);
        const VhDisk *disk = task->dom->def->disks.items[t->next_disk - 1];
        _vh_free_ char *target = node_name(disk->target, "format"), *node = qemu_format_node(&disk->src);
        QemuBlockJob *job;
        json_t *args;

        if (r < 0) {
                delete_nodes(proc, disk->target);
                end_storage(t, r, err);
                return;
        }
        job = qemu_block_job_add(proc, QEMU_BLOCK_JOB_COPY, disk, export_name(disk));
        job->changed = mirror_changed;
        job->state = QEMU_BLOCK_JOB_RUNNING;
        args = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "job-id", job->name, "device", node, "target", target,
                         "sync", t->params.flags & VIR_MIGRATE_NON_SHARED_INC ? "top" : "full", "auto-finalize", 1,
                         "auto-dismiss", 0);
        if (t->params.bandwidth)
                json_object_set_new(args, "speed", json_integer((json_int_t)t->params.bandwidth * MIB));
        if (t->params.flags & VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES)
                json_object_set_new(args, "copy-mode", json_string("write-blocking"));
        qemu_task_qmp_try(task, qmp_command_args("blockdev-mirror", args), mirror_started);
}

static void storage_added(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        const VhDisk *disk = task->dom->def->disks.items[t->next_disk - 1];
        _vh_free_ char *format = node_name(disk->target, "format"), *storage = node_name(disk->target, "storage");

        if (r < 0)
                end_storage(t, r, err);
        else
                qemu_task_qmp_try(task,
                                  qmp_command("blockdev-add", "{s:s, s:b, s:s, s:s}", "node-name", format, "read-only",
                                              0, "driver", "raw", "file", storage),
                                  format_added);
}

/* Where the target's server is: what the client says, or the host that the memory goes to. */
static int server_address(const MigrateTask *t, QemuMigrateAddress *a, VhError **err)
{
        _qemu_migrate_address_ QemuMigrateAddress memory = { 0 };
        int r;

        *a = (QemuMigrateAddress){ 0 };
        if (t->params.disks_uri) {
                r = parse_disks_uri(t->params.disks_uri, a, err);
                if (r == 0 && a->scheme == QEMU_MIGRATE_TCP && !a->port)
                        a->port = t->in.nbd_port ? t->in.nbd_port : DEFAULT_NBD_PORT;
                return r;
        }
        if (!t->in.nbd_port || !t->params.uri)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "the destination does not serve the disks");
        r = qemu_migrate_address_parse(&memory, t->params.uri, err);
        if (r == 0 && memory.scheme == QEMU_MIGRATE_UNIX)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "a URI for the disks is needed when the memory goes to a UNIX socket");
        if (r < 0)
                return r;
        a->host = VH_TAKE_PTR(memory.host);
        a->port = t->in.nbd_port;
        return 0;
}

/* Whether a client wants no more of it. */
static bool end_if_aborted(MigrateTask *t)
{
        _vh_error_ VhError *err = NULL;
        int r;

        if (!qemu_migration(t->task.dom)->aborted)
                return false;
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_ABORTED, "migration out: canceled by client");
        end_storage(t, r, err);
        return true;
}

static void start_next(MigrateTask *t)
{
        const VhDomainDef *def = t->task.dom->def;
        _qemu_migrate_address_ QemuMigrateAddress a = { 0 };
        _vh_free_ char *name = NULL, *node = NULL;
        _vh_error_ VhError *err = NULL;
        const VhDisk *disk;
        json_t *args;
        int r;

        if (end_if_aborted(t))
                return;
        if (t->mirror_failed) {
                fail(t, MIRROR_ENDED);
                return;
        }
        while (t->next_disk < def->disks.n && !qemu_storage_is_copied(&t->params, def->disks.items[t->next_disk]))
                t->next_disk++;
        if (t->next_disk == def->disks.n) {
                t->all_started = true;
                if (all_in_state(qemu_process(t->task.dom), QEMU_BLOCK_JOB_READY))
                        end_storage(t, 0, NULL);
                return;
        }
        disk = def->disks.items[t->next_disk++];
        r = server_address(t, &a, &err);
        if (r == 0)
                r = qemu_block_job_check_none(qemu_process(t->task.dom), disk, &err);
        if (r < 0) {
                end_storage(t, r, err);
                return;
        }
        name = export_name(disk);
        node = node_name(disk->target, "storage");
        args = json_pack("{s:s, s:o, s:s, s:s, s:b, s:s}", "driver", "nbd", "server", socket_address(&a, false),
                         "export", name, "node-name", node, "read-only", 0, "discard", "unmap");
        if (t->params.flags & VIR_MIGRATE_TLS) {
                json_object_set_new(args, "tls-creds", json_string(TLS_OBJECT));
                if (t->params.tls_destination)
                        json_object_set_new(args, "tls-hostname", json_string(t->params.tls_destination));
        }
        qemu_task_qmp_try(&t->task, qmp_command_args("blockdev-add", args), storage_added);
}

/* A client wants the end while disks are copied. A mirror that is being made is waited for: nothing may be left of it.
 */
static void aborted(MigrateTask *t)
{
        if (t->storage_done && t->all_started)
                (void)end_if_aborted(t);
}

void qemu_storage_copy(MigrateTask *t, QemuStorageDone done)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (!(t->params.flags & QEMU_MIGRATE_STORAGE)) {
                done(t, 0, NULL);
                return;
        }
        t->storage_done = done;
        t->moved = aborted;
        m->task = t;
        m->mirroring = t;
        start_next(t);
}

void qemu_storage_end(MigrateTask *t, QemuStorageDone done)
{
        QemuProcess *proc = qemu_process(t->task.dom);
        QemuBlockJob *job;

        if (!first_mirror(proc)) {
                done(t, 0, NULL);
                return;
        }
        t->storage_done = done;
        LL_FOREACH (proc->block_jobs, job) {
                if (job->changed != mirror_changed)
                        continue;
                job->state = QEMU_BLOCK_JOB_ABORTING;
                send(proc, qmp_command("block-job-cancel", "{s:s}", "device", job->name));
        }
}

void qemu_storage_cancel(QemuMigration *m)
{
        QemuProcess *proc = qemu_process(m->dom);
        QemuBlockJob *job;

        m->mirroring = NULL;
        LL_FOREACH (proc->block_jobs, job) {
                if (job->changed != mirror_changed)
                        continue;
                job->changed = orphan_changed;
                send(proc, qmp_command("block-job-cancel", "{s:s, s:b}", "device", job->name, "force", 1));
        }
}

/* ---- source: a daemon that came later ---- */

/* Takes the mirror of a disk for one that nobody wants any more; known: what QEMU says of it, NULL: nothing. */
static void orphan_mirror(QemuProcess *proc, const VhDisk *disk, const json_t *known)
{
        _vh_free_ char *name = export_name(disk);
        QemuBlockJob *job = qemu_block_job_find(proc, name);

        if (!job && known)
                job = qemu_block_job_add(proc, QEMU_BLOCK_JOB_COPY, disk, VH_TAKE_PTR(name));
        if (!known) {
                delete_nodes(proc, disk->target);
                if (job)
                        qemu_block_job_drop(job);
                return;
        }
        job->changed = orphan_changed;
        job->state = QEMU_BLOCK_JOB_ABORTING;
        if (vh_streq(json_string_value(json_object_get(known, "status")), "concluded"))
                drop_mirror(job);
        else
                send(proc, qmp_command("block-job-cancel", "{s:s, s:b}", "device", job->name, "force", 1));
}

static void got_left_jobs(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        const VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++) {
                _vh_free_ char *name = export_name(def->disks.items[i]);

                orphan_mirror(proc, def->disks.items[i], qemu_job_find(ret, name));
        }
}

void qemu_storage_cancel_left(QemuProcess *proc)
{
        if (proc->left_flags & QEMU_MIGRATE_STORAGE)
                qmp_send(proc->mon, qmp_command("query-jobs", NULL), got_left_jobs, proc);
}

/* ---- figures ---- */

void qemu_storage_stats(const QemuMigration *m, const json_t *jobs, QemuJobStats *stats)
{
        const json_t *job;
        size_t i;

        stats->disk_total = stats->disk_transferred = 0;
        json_array_foreach(jobs, i, job)
        {
                if (!vh_streq(json_string_value(json_object_get(job, "type")), "mirror"))
                        continue;
                stats->disk_total += (uint64_t)json_integer_value(json_object_get(job, "len"));
                stats->disk_transferred += (uint64_t)json_integer_value(json_object_get(job, "offset"));
        }
        stats->disk_remaining = stats->disk_total - stats->disk_transferred;
}
