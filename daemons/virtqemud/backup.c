/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A backup from its call to its end: images for it are made, all disks begin in one moment, and each disk's job ends
 * for itself. */

#include "backup-parts.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "block-bitmap.h"
#include "guest-secrets.h"
#include "migrate.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "status.h"
#include "tls-objects.h"

VH_LOG_SOURCE("qemu.backup");

enum { GRANULARITY = 65536 }; /* bytes that one bit of a temporary bitmap stands for, as in the reference */

static void backup_cleanup(QemuTask *task)
{
        QemuBackup *b = (QemuBackup *)task;
        QemuProcess *proc = qemu_process(task->dom);

        if (proc && proc->backup == b)
                proc->backup = NULL;
        free(b->xml);
        free(b->checkpoint_xml);
        vh_backup_free(b->def);
        vh_checkpoint_obj_free(b->checkpoint);
        for (uint32_t i = 0; i < b->n_stores; i++)
                qemu_source_free(b->stores[i]);
        free(b->stores);
        qemu_plan_done(&b->exports);
        json_decref(b->nodes);
        qemu_host_work_drop(b->work, true);
        qemu_block_task_cleanup(task);
}

/* ---- the end ---- */

static json_t *drop_tls(void)
{
        return qmp_command("object-del", "{s:s}", "id", QEMU_BACKUP_TLS);
}

static unsigned count_jobs(const QemuProcess *proc, const QemuBlockJob *but)
{
        const QemuBlockJob *job;
        unsigned n = 0;

        LL_FOREACH (proc->block_jobs, job)
                n += job->type == QEMU_BLOCK_JOB_BACKUP && job != but;
        return n;
}

/* One that is pulled ends no other way than by being told to. */
static int kind_of_end(const QemuBackup *b)
{
        if (b->failed)
                return VIR_DOMAIN_JOB_FAILED;
        return b->cancelled && !qemu_backup_is_pull(b) ? VIR_DOMAIN_JOB_CANCELLED : VIR_DOMAIN_JOB_COMPLETED;
}

static void keep_stats(QemuBackup *b)
{
        const QemuTask *task = &b->block.task;

        qemu_stats_tick(&b->stats);
        b->stats.has_success = true;
        b->stats.success = !b->failed;
        b->stats.cancelled = b->cancelled;
        qemu_domain_keep_stats(task->dom, &b->stats);
        qemu_domain_priv(task->dom)->completed->type = kind_of_end(b);
        qemu_domain_tell_completed(task->driver, task->dom);
}

static void over(QemuBlockTask *t, int r, VhError *err)
{
        QemuBackup *b = (QemuBackup *)t;

        vh_error_free(err);
        if (b->begun)
                keep_stats(b);
        if (qemu_process(t->task.dom))
                qemu_process(t->task.dom)->backup = NULL;
        qemu_status_save(t->task.dom);
        qemu_task_end(&t->task, 0, NULL);
}

void qemu_backup_job_ended(QemuProcess *proc, const QemuBlockJob *ended)
{
        QemuBackup *b = proc->backup;

        if (b && b->started && !count_jobs(proc, ended)) {
                b->started = false;
                over(&b->block, 0, NULL);
        }
}

/* All disks end together, but for those that have ended. */
static void cancel_all(QemuProcess *proc)
{
        QemuBlockJob *job;

        LL_FOREACH (proc->block_jobs, job) {
                if (job->type != QEMU_BLOCK_JOB_BACKUP || job->state >= QEMU_BLOCK_JOB_ABORTING || job->ending)
                        continue;
                job->state = QEMU_BLOCK_JOB_ABORTING;
                qmp_send(proc->mon, qmp_command("block-job-cancel", "{s:s,s:b}", "device", job->name, "force", 1), NULL,
                         NULL);
        }
}

void qemu_backup_disk_ended(QemuProcess *proc, const QemuBlockJob *job, const VhDisk *disk, QemuPlan *plan)
{
        QemuBackup *b = proc->backup;
        VhBackupDisk *bd = b ? qemu_backup_disk(b->def, disk->target) : NULL;
        _vh_free_ char *node = qemu_format_node(&disk->src);

        if (bd)
                bd->state = job->state == QEMU_BLOCK_JOB_ABORTING ? VH_BACKUP_CANCELLED
                            : job->error                          ? VH_BACKUP_FAILED
                                                                  : VH_BACKUP_COMPLETE;
        if (b && bd && bd->state == VH_BACKUP_FAILED && !b->failed) {
                b->failed = true;
                (void)snprintf(b->stats.error, sizeof(b->stats.error), "%s", job->error);
        }
        /* A daemon before us may have been asked for that. */
        if (b && bd && bd->state == VH_BACKUP_CANCELLED && !b->failed)
                b->cancelled = true;
        if (bd && bd->state != VH_BACKUP_COMPLETE)
                cancel_all(proc);
        if (job->bitmap)
                qemu_plan_add_try(
                        plan, qmp_command("block-dirty-bitmap-remove", "{s:s,s:s}", "node", node, "name", job->bitmap));
        /* The exports hold the images of all disks. */
        if (b && qemu_backup_is_pull(b)) {
                qemu_plan_add_try(plan, qmp_command("nbd-server-stop", NULL));
                if (b->def->server->tls == VH_YES)
                        qemu_plan_add_try(plan, drop_tls());
                if (b->def->server->transport == VH_BACKUP_UNIX)
                        (void)unlink(b->def->server->socket);
        }
}

void qemu_backup_drop_scratch(const QemuBlockJob *job)
{
        const QemuBackup *b = job->proc->backup;

        if (!b || !b->def || !qemu_backup_is_pull(b) || b->reuse || !job->store ||
            job->store->type != VH_DISK_TYPE_FILE)
                return;
        if (unlink(job->store->path) < 0 && errno != ENOENT)
                vh_log_warning("cannot remove the scratch image '%s': %s", job->store->path, strerror(errno));
}

void qemu_backup_abort(QemuProcess *proc)
{
        if (proc->backup)
                proc->backup->cancelled = true;
        cancel_all(proc);
        qemu_status_save(proc->dom);
}

void qemu_backup_stop(QemuProcess *proc)
{
        QemuBackup *b = proc->backup;

        proc->backup = NULL;
        if (b && b->started)
                qemu_task_end(&b->block.task, 0, NULL);
}

/* ---- the start ---- */

static void drop_jobs(QemuBackup *b)
{
        QemuProcess *proc = qemu_process(b->block.task.dom);
        QemuBlockJob *job = proc ? proc->block_jobs : NULL, *next;

        for (; job; job = next) {
                next = job->next;
                if (job->type != QEMU_BLOCK_JOB_BACKUP)
                        continue;
                if (job->store)
                        qemu_new_image_drop(proc, job->store, b->reuse);
                qemu_block_job_drop(job);
        }
}

static void give_up(QemuBackup *b, int r, VhError *err)
{
        drop_jobs(b);
        qemu_status_save(b->block.task.dom);
        qemu_task_end(&b->block.task, r, err);
}

/* What nobody can pull ends as if it had been aborted, and without its checkpoint. */
static void give_back(QemuBackup *b, QemuProcess *proc)
{
        const VhCheckpointDef *def = b->checkpoint ? b->checkpoint->def : NULL;

        for (uint32_t i = 0; def && i < def->disks.n; i++) {
                const VhDisk *disk = qemu_disk_find(proc->dom->def, def->disks.items[i]->name);
                _vh_free_ char *node = disk ? qemu_format_node(&disk->src) : NULL;

                if (disk && def->disks.items[i]->mode == VH_CHECKPOINT_BITMAP)
                        qmp_send(proc->mon,
                                 qmp_command("block-dirty-bitmap-remove", "{s:s,s:s}", "node", node, "name",
                                             def->disks.items[i]->bitmap),
                                 NULL, NULL);
        }
        b->failed = true;
        cancel_all(proc);
}

/* Jobs may be over already: what is left to do comes behind this task's turn. */
static void exported(QemuBlockTask *t, int r, VhError *err)
{
        QemuBackup *b = (QemuBackup *)t;
        QemuProcess *proc = qemu_process(t->task.dom);
        VhMoment *m;

        if (!proc || !proc->mon) {
                give_up(b, r, err);
                return;
        }
        b->started = true;
        b->begun = r == 0;
        if (r < 0)
                give_back(b, proc);
        else if (b->checkpoint)
                r = qemu_checkpoint_add(t->task.driver, t->task.dom, VH_TAKE_PTR(b->checkpoint), &m, &err);
        qemu_status_save(t->task.dom);
        vh_call_finish(VH_TAKE_PTR(t->task.call), r, err);
        qemu_backup_job_ended(proc, NULL);
}

static void begun(QemuBlockTask *t, int r, VhError *err)
{
        QemuBackup *b = (QemuBackup *)t;
        QemuProcess *proc = qemu_process(t->task.dom);
        QemuBlockJob *job;

        if (r < 0) {
                give_up(b, r, err);
                return;
        }
        LL_FOREACH (proc->block_jobs, job)
                if (job->type == QEMU_BLOCK_JOB_BACKUP && job->state == QEMU_BLOCK_JOB_NEW)
                        job->state = QEMU_BLOCK_JOB_RUNNING;
        qemu_plan_done(&t->plan);
        t->plan = b->exports;
        b->exports = (QemuPlan){ 0 };
        t->next = 0;
        qemu_block_task_run(t, exported);
}

static json_t *backup_action(const QemuBlockJob *job, const char *device, const char *target, const VhBackupDisk *bd,
                             bool pull)
{
        json_t *args = qemu_block_job_args(job, 0);

        qj_str(args, "device", device);
        qj_str(args, "target", target);
        qj_str(args, "sync", pull ? "none" : bd->incremental ? "incremental" : "full");
        if (!pull && bd->incremental)
                qj_str(args, "bitmap", job->bitmap);
        return json_pack("{s:s,s:o}", "type", "blockdev-backup", "data", args);
}

/* What has changed since the checkpoint, as it is at the backup's moment: in the image for a push, in the scratch image
 * for those who pull. */
static int add_increment(const QemuBackup *b, const VhBackupDisk *bd, const char *bitmap, const VhDisk *disk,
                         const char *node, const json_t *nodes, json_t *actions, VhError **err)
{
        const VhCheckpointDisk *cd =
                qemu_checkpoint_disk(vh_moment_find(&b->block.task.dom->checkpoints, bd->incremental), bd->name);
        const char *from = cd && cd->bitmap ? cd->bitmap : bd->incremental;
        json_t *sources = qemu_bitmap_sources(nodes, &disk->src, 0, from, NULL);

        if (!sources)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CHECKPOINT_INCONSISTENT,
                                    "missing or broken bitmap '%s' for disk '%s'", from, bd->name);
        json_array_append_new(actions, qemu_bitmap_add(node, bitmap, false, true, GRANULARITY));
        json_array_append_new(actions, qemu_bitmap_merge(node, bitmap, sources));
        return 0;
}

static void plan_export(QemuPlan *plan, const VhBackupDisk *bd, const char *store)
{
        _vh_free_ char *id = vh_xasprintf("libvirt-nbd-%s", store);
        json_t *args = json_pack("{s:s,s:s,s:s,s:b,s:s}", "type", "nbd", "id", id, "node-name", store, "writable", 0,
                                 "name", bd->export_name);

        if (bd->incremental)
                json_object_set_new(args, "bitmaps", json_pack("[s]", bd->export_bitmap));
        qemu_plan_add(plan, qmp_command_args("block-export-add", args), NULL);
}

static bool is_layered(const QemuBackup *b, const VhBackupDisk *bd)
{
        return qemu_backup_is_pull(b) || bd->incremental;
}

/* store is taken over. */
static int plan_disk(QemuBackup *b, VhBackupDisk *bd, VhDiskSource *store_image, const QemuBuild *build,
                     json_t *actions)
{
        QemuProcess *proc = qemu_process(b->block.task.dom);
        VhError **err = build->err;
        VhDisk *disk = qemu_disk_find(build->def, bd->name);
        _vh_free_ char *device = qemu_format_node(&disk->src), *store = NULL;
        _qemu_source_ VhDiskSource *top = qemu_disk_top(disk);
        /* A scratch image stands on the guest's; so does the target of an increment, which is a layer on top of it. */
        bool layered = is_layered(b, bd);
        QemuNewImage image = {
                .disk = disk, .backing = layered ? top : NULL, .reuse = b->reuse, .open_backing = layered
        };
        QemuBlockSize size = { 0 };
        QemuBlockJob *job;
        int r = qemu_block_size(b->nodes, &disk->src, &size, err);

        if (r < 0) {
                qemu_source_free(store_image);
                return r;
        }
        job = qemu_block_job_add(proc, QEMU_BLOCK_JOB_BACKUP, disk, vh_xasprintf("backup-%s-%s", disk->target, device));
        job->store = store_image;
        bd->index = job->store->index;
        bd->state = VH_BACKUP_RUNNING;
        store = qemu_format_node(job->store);
        image.src = job->store;
        image.capacity = size.capacity;
        image.cluster = disk->format == bd->format ? size.cluster : 0;
        r = qemu_plan_new_image(build, proc, &image, &b->block.plan);
        if (r < 0)
                return r;
        if (bd->incremental) {
                _vh_free_ char *bitmap = vh_xasprintf("backup-%s", bd->name);

                r = add_increment(b, bd, qemu_backup_is_pull(b) ? bd->export_bitmap : bitmap, disk,
                                  qemu_backup_is_pull(b) ? store : device, b->nodes, actions, err);
                if (r < 0)
                        return r;
                if (!qemu_backup_is_pull(b))
                        job->bitmap = VH_TAKE_PTR(bitmap);
        }
        json_array_append_new(actions, backup_action(job, device, store, bd, qemu_backup_is_pull(b)));
        if (qemu_backup_is_pull(b))
                plan_export(&b->exports, bd, store);
        return 0;
}

static int plan_tls(QemuBackup *b, VhError **err)
{
        const QemuTls tls = qemu_tls_settings(b->block.task.driver->conf, QEMU_TLS_BACKUP);

        if (tls.secret)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "keys of backups that are encrypted (backup_tls_x509_secret_uuid) cannot be used");
        qemu_plan_add(&b->block.plan,
                      qmp_command_args("object-add", qemu_tls_object(&tls, QEMU_BACKUP_TLS, true, NULL)), drop_tls());
        return 0;
}

static int plan_server(QemuBackup *b, VhError **err)
{
        const VhBackupServer *server = b->def->server;
        bool local = server->transport == VH_BACKUP_UNIX;
        json_t *data = json_object(), *args;
        int r = 0;

        if (local)
                qj_str(data, "path", server->socket);
        else {
                qj_str(data, "host", server->name);
                qj_str(data, "port", server->port);
        }
        args = json_pack("{s:{s:s,s:o}}", "addr", "type", local ? "unix" : "inet", "data", data);
        if (server->tls == VH_YES) {
                r = plan_tls(b, err);
                qj_str(args, "tls-creds", QEMU_BACKUP_TLS);
        }
        qemu_plan_add(&b->block.plan, qmp_command_args("nbd-server-start", args), qmp_command("nbd-server-stop", NULL));
        return r;
}

static int plan_disks(QemuBackup *b, json_t *actions, VhError **err)
{
        VhDomainObj *dom = b->block.task.dom;
        QemuLaunch launch;
        const QemuBuild build = qemu_change_build(qemu_process(dom), dom->def, &launch, err);
        int r = 0;

        qemu_host_work_adopt(b->work, qemu_process(dom), &launch);
        for (uint32_t i = 0; r == 0 && i < b->n_stores; i++)
                if (b->stores[i])
                        r = plan_disk(b, b->def->disks.items[i], VH_TAKE_PTR(b->stores[i]), &build, actions);
        qemu_launch_done(&launch);
        return r;
}

static int plan(QemuBackup *b, VhError **err)
{
        VhDomainObj *dom = b->block.task.dom;
        json_t *actions = json_array();
        int r = 0;

        if (b->checkpoint)
                qemu_checkpoint_actions(dom->def, b->checkpoint->def, actions);
        r = plan_disks(b, actions, err);
        if (r == 0 && qemu_backup_is_pull(b))
                r = plan_server(b, err);
        if (r == 0)
                qemu_plan_add(&b->block.plan, qemu_transaction(json_incref(actions)), NULL);
        json_decref(actions);
        return r;
}

static void host_ready(void *data, int r, const VhError *error)
{
        QemuBackup *b = data;
        VhDomainObj *dom = b->block.task.dom;
        VhError *err = vh_error_copy(error);

        r = r < 0 ? r : vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, &err);
        r = r < 0 ? r : plan(b, &err);
        b->work = qemu_host_work_drop(b->work, false);
        if (r < 0) {
                give_up(b, r, err);
                return;
        }
        qemu_process(dom)->backup = b;
        qemu_status_save(dom);
        qemu_block_task_run(&b->block, begun);
}

/* The image that a disk goes to, with its number, by which its secrets are known. */
static VhDiskSource *make_store(QemuBackup *b, const VhBackupDisk *bd, const QemuLaunch *launch)
{
        VhDiskSource *store = qemu_backup_store(bd);

        if (!is_layered(b, bd))
                qemu_chain_close(store);
        qemu_source_number(qemu_process(b->block.task.dom), store);
        qemu_image_secrets_want(launch, store, b->work);
        return store;
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        QemuBackup *b = (QemuBackup *)task;
        QemuLaunch launch;

        (void)qemu_change_build(qemu_process(task->dom), task->dom->def, &launch, NULL);
        b->nodes = json_incref(nodes);
        b->work = qemu_host_work_new();
        b->n_stores = b->def->disks.n;
        b->stores = vh_new(VhDiskSource *, b->n_stores + 1);
        for (uint32_t i = 0; i < b->n_stores; i++)
                if (b->def->disks.items[i]->backup == VH_YES)
                        b->stores[i] = make_store(b, b->def->disks.items[i], &launch);
        qemu_host_work_go(b->work, task->driver->pool, host_ready, b);
}

static int prepare(QemuBackup *b, VhError **err)
{
        VhDomainObj *dom = b->block.task.dom;
        int r = vh_backup_parse(b->xml, VH_XML_STRICT | VH_XML_INACTIVE, &b->def, err);

        if (r == 0)
                r = qemu_backup_align(dom, b->def, b->reuse, err);
        if (r == 0 && b->checkpoint_xml)
                r = qemu_checkpoint_prepare(b->block.task.driver, dom, b->checkpoint_xml, &b->checkpoint, err);
        return r;
}

static void backup_run(QemuTask *task)
{
        QemuBackup *b = (QemuBackup *)task;
        VhError *err = NULL;
        int r;

        if (!task->call) {
                b->started = b->begun = true; /* found in a status file */
                return;
        }
        qemu_stats_start(&b->stats, VIR_DOMAIN_JOB_OPERATION_BACKUP);
        r = prepare(b, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

const QemuTaskClass qemu_backup_class = {
        .api = "remoteDispatchDomainBackupBegin",
        .size = sizeof(QemuBackup),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_BACKUP,
        .need_active = true,
        .run = backup_run,
        .cleanup = backup_cleanup,
};

QEMU_OP(domain_backup_begin)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        QemuBackup *b;
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL, VIR_FROM_QEMU, "qemuBackupBegin",
                               err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        if (!vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot perform disk backup for inactive domain");
        vh_moments_init(dom);
        b = (QemuBackup *)qemu_task_new(qemu_driver(call), dom, call, &qemu_backup_class);
        b->xml = vh_xstrdup(args->backup_xml);
        b->checkpoint_xml = vh_xstrdup(args->checkpoint_xml);
        b->reuse = args->flags & VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL;
        return qemu_task_go(&b->block.task);
}

QEMU_OP_RET(domain_backup_get_xml_desc)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const QemuProcess *proc = dom ? qemu_process(dom) : NULL;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuBackupGetXMLDesc", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        if (!proc || !proc->backup || !proc->backup->def)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_BACKUP, "no domain backup job present");
        ret->xml = vh_call_own(call, vh_backup_format(proc->backup->def, 0));
        return 0;
}
