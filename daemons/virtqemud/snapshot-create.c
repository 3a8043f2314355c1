/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Taking a snapshot: of a guest that runs, inside its images or by new ones on top of them, with or without its memory;
 * of one that does not run, by qemu-img. */

#include <errno.h>

#include "audit.h"
#include "agent-fs.h"
#include "agent.h"
#include "base/buf.h"
#include "base/log.h"
#include "block-bitmap.h"
#include "block-ops.h"
#include "guest-cpu.h"
#include "guest-locks.h"
#include "guest-secrets.h"
#include "migrate-blockers.h"
#include "model/domain-tables.h"
#include "moment.h"
#include "qemu-ops.h"

VH_LOG_SOURCE("qemu.snapshot");

typedef struct CreateTask {
        QemuBlockTask block;
        VhSnapshot *snap;
        uint32_t flags;
        bool resume; /* it ran, and goes on afterwards */
        bool made_memory;
        bool frozen; /* the guest's file systems are */
        int r;       /* the outcome, while the guest is made to go on */
        VhError *error;
        VhDiskSource **overlays;     /* by disk of the domain, NULL: none */
        uint32_t n_disks, n_planned; /* planned: of the first disks the images may be there */
        json_t *nodes;               /* what QEMU has open */
        QemuHostWork *work;          /* gets the secrets that new images need; NULL: none yet */
} CreateTask;

static void create_cleanup(QemuTask *task)
{
        CreateTask *c = (CreateTask *)task;

        for (uint32_t i = 0; i < c->n_disks; i++)
                qemu_source_free(c->overlays[i]);
        free(c->overlays);
        json_decref(c->nodes);
        qemu_host_work_drop(c->work, true);
        vh_snapshot_obj_free(c->snap);
        vh_error_free(c->error);
        qemu_block_task_cleanup(task);
}

static bool wants(const CreateTask *c, VhSnapshotLocation location)
{
        for (uint32_t i = 0; i < c->snap->def->disks.n; i++)
                if (c->snap->def->disks.items[i]->location == location)
                        return true;
        return false;
}

/* ---- the end ---- */

/* What was made for a snapshot that did not come to be. */
static void remove_files(const CreateTask *c)
{
        if (c->made_memory)
                (void)unlink(c->snap->def->memory->file);
        for (uint32_t i = 0; i < c->n_planned; i++)
                if (c->overlays[i])
                        qemu_new_image_drop(qemu_process(c->block.task.dom), c->overlays[i],
                                            c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT);
}

static void went_on(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        CreateTask *c = (CreateTask *)task;

        if (r < 0)
                vh_log_error("domain '%s' stays paused: %s", task->dom->node.name, vh_error_text(err, r));
        qemu_task_end(task, c->r, VH_TAKE_PTR(c->error));
}

static bool is_alive(const CreateTask *c)
{
        const QemuProcess *proc = qemu_process(c->block.task.dom);

        return proc && proc->mon && !proc->killing;
}

static void go_on(CreateTask *c)
{
        QemuTask *task = &c->block.task;

        if (c->resume && is_alive(c))
                qemu_task_cont(task, 0, went_on);
        else
                went_on(task, NULL, 0, NULL);
}

/* A guest that cannot write any more is nothing that a client may overlook, even if it has its snapshot. */
static void thawed(void *data, int r, const VhError *err)
{
        CreateTask *c = data;

        if (r < 0 && c->r == 0) {
                c->r = r;
                c->error = vh_error_copy(err);
        } else if (r < 0)
                vh_log_error("domain '%s': its file systems may stay frozen: %s", c->block.task.dom->node.name,
                             vh_error_text(err, r));
        go_on(c);
}

/* The guest goes on as it did before, then the task ends. err is taken over. */
static void finish(CreateTask *c, int r, VhError *err)
{
        QemuTask *task = &c->block.task;

        c->r = r;
        c->error = err;
        if (c->frozen && is_alive(c))
                qemu_agent_freeze(task->driver, task->dom, false, thawed, c);
        else
                go_on(c);
}

static void failed(QemuBlockTask *t, int r, VhError *err)
{
        remove_files((CreateTask *)t);
        finish((CreateTask *)t, r, err);
}

static void halted(QemuTask *task)
{
        qemu_task_end(task, 0, NULL);
}

/* The snapshot is there: it enters the tree. */
static void taken(CreateTask *c)
{
        QemuTask *task = &c->block.task;
        remote_domain_snapshot_create_xml_ret *ret = task->call ? task->call->ret : NULL;
        VhError *err = NULL;
        VhMoment *m = NULL;
        int r = 0;

        if (c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA) {
                if (ret) {
                        ret->snap.name = vh_call_own(task->call, vh_xstrdup(c->snap->def->name));
                        vh_domain_obj_wire(task->dom, &ret->snap.dom);
                }
        } else {
                r = qemu_snapshot_add(task->driver, task->dom, VH_TAKE_PTR(c->snap), c->flags, &m, &err);
                if (r == 0 && ret)
                        vh_snapshot_wire(task->dom, m, &ret->snap);
        }
        if (r == 0 && c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT && qemu_process(task->dom)) {
                qemu_process_kill(qemu_process(task->dom), QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT,
                                  VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
                qemu_task_wait_stopped(task, halted);
                return;
        }
        finish(c, r, err);
}

/* ---- disks of a running guest, outside ---- */

/* The new image stands on top, in what runs and in what is stored. */
static void push_overlay(CreateTask *c, uint32_t i)
{
        VhDomainObj *dom = c->block.task.dom;
        VhDisk *disk = dom->def->disks.items[i];
        _vh_error_ VhError *err = NULL;

        if (qemu_chain_push_stored(c->block.task.driver, dom, disk->target, c->overlays[i], disk->src.path, &err) < 0)
                vh_log_error("domain '%s': the stored definition does not know the snapshot's image: %s",
                             dom->node.name, vh_error_text(err, -EIO));
        qemu_audit_image(qemu_process(dom), "snapshot", &disk->src, c->overlays[i], true);
        qemu_chain_push(disk, VH_TAKE_PTR(c->overlays[i]));
}

static void disks_taken(QemuBlockTask *t, int r, VhError *err)
{
        CreateTask *c = (CreateTask *)t;

        if (r < 0) {
                failed(t, r, err);
                return;
        }
        for (uint32_t i = 0; i < c->n_disks; i++)
                if (c->overlays[i])
                        push_overlay(c, i);
        qemu_status_save(t->task.dom);
        taken(c);
}

/* Marks of what has changed since a checkpoint go on in the new image. */
static void add_bitmaps(json_t *actions, const VhDiskSource *overlay, const json_t *bitmaps)
{
        _vh_free_ char *node = qemu_format_node(overlay);
        const json_t *b;
        size_t i;

        json_array_foreach((json_t *)bitmaps, i, b)
        {
                if (qemu_bitmap_is_good(b))
                        json_array_append_new(
                                actions,
                                qemu_bitmap_add(node, json_string_value(json_object_get(b, "name")), true, false,
                                                (unsigned)json_integer_value(json_object_get(b, "granularity"))));
        }
}

static int plan_disk(CreateTask *c, uint32_t i, const QemuBuild *b, json_t *actions, VhError **err)
{
        VhDomainObj *dom = c->block.task.dom;
        VhDisk *disk = dom->def->disks.items[i];
        _vh_free_ char *node = qemu_format_node(&disk->src), *overlay = NULL;
        _qemu_source_ VhDiskSource *below = qemu_disk_top(disk);
        QemuBlockSize size = { 0 };
        QemuNewImage image = { .disk = disk,
                               .backing = below,
                               .reuse = c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT };
        int r;

        if (!c->overlays[i])
                return 0;
        r = qemu_block_size(c->nodes, &disk->src, &size, err);
        if (r < 0)
                return r;
        image.src = c->overlays[i];
        image.capacity = size.capacity;
        image.cluster = disk->format == image.src->format ? size.cluster : 0;
        overlay = qemu_format_node(image.src);
        json_array_append_new(actions, json_pack("{s:s,s:{s:s,s:s}}", "type", "blockdev-snapshot", "data", "node", node,
                                                 "overlay", overlay));
        add_bitmaps(actions, image.src, size.bitmaps);
        return qemu_plan_new_image(b, qemu_process(dom), &image, &c->block.plan);
}

static int plan_disks(CreateTask *c, json_t *actions, VhError **err)
{
        VhDomainObj *dom = c->block.task.dom;
        int r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        QemuLaunch launch;
        QemuBuild b;

        if (r < 0)
                return r;
        b = qemu_change_build(qemu_process(dom), dom->def, &launch, err);
        qemu_host_work_adopt(c->work, qemu_process(dom), &launch);
        for (; r == 0 && c->n_planned < c->n_disks; c->n_planned += r == 0)
                r = plan_disk(c, c->n_planned, &b, actions, err);
        qemu_launch_done(&launch);
        return r;
}

static void host_ready(void *data, int r, const VhError *error)
{
        CreateTask *c = data;
        json_t *actions = json_array(), *args = json_object();
        VhError *err = vh_error_copy(error);

        r = r < 0 ? r : plan_disks(c, actions, &err);
        c->work = qemu_host_work_drop(c->work, false);
        json_object_set_new(args, "actions", actions);
        if (r < 0) {
                json_decref(args);
                failed(&c->block, r, err);
                return;
        }
        if (json_array_size(actions))
                qemu_plan_add(&c->block.plan, qmp_command_args("transaction", args), NULL);
        else
                json_decref(args);
        qemu_block_task_run(&c->block, disks_taken);
}

/* The images that will be on top, with their numbers, by which their secrets are known. */
static void make_overlay(CreateTask *c, uint32_t i, const QemuLaunch *launch)
{
        VhDomainObj *dom = c->block.task.dom;
        const VhSnapshotDisk *sd = qemu_snapshot_disk(c->snap->def, dom->def->disks.items[i]->target);

        if (!sd || sd->location != VH_LOCATION_EXTERNAL)
                return;
        c->overlays[i] = qemu_source_copy(&sd->src);
        qemu_chain_close(c->overlays[i]);
        qemu_source_number(qemu_process(dom), c->overlays[i]);
        qemu_image_secrets_want(launch, c->overlays[i], c->work);
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        CreateTask *c = (CreateTask *)task;
        QemuLaunch launch;

        (void)qemu_change_build(qemu_process(task->dom), task->dom->def, &launch, NULL);
        c->nodes = json_incref(nodes);
        c->n_disks = task->dom->def->disks.n;
        c->overlays = vh_new(VhDiskSource *, c->n_disks + 1);
        c->work = qemu_host_work_new();
        for (uint32_t i = 0; i < c->n_disks; i++)
                make_overlay(c, i, &launch);
        qemu_host_work_go(c->work, task->driver->pool, host_ready, c);
}

static void nodes_failed(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                failed((QemuBlockTask *)task, r, vh_error_copy(err));
        else
                got_nodes(task, ret);
}

static void take_disks(CreateTask *c)
{
        qemu_task_qmp_try(&c->block.task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), nodes_failed);
}

/* ---- inside the images ---- */

static void inside_taken(QemuBlockTask *t, int r, VhError *err)
{
        if (r < 0)
                failed(t, r, err);
        else
                taken((CreateTask *)t);
}

static void take_inside(CreateTask *c)
{
        const VhDomainDef *def = c->block.task.dom->def;
        _vh_free_ char *id = vh_xasprintf("snapshot-save-%s", c->snap->def->name);
        json_t *args = json_object(), *devices = json_array();

        qj_str(args, "job-id", id);
        qj_str(args, "tag", c->snap->def->name);
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhSnapshotDisk *sd = qemu_snapshot_disk(c->snap->def, def->disks.items[i]->target);
                _vh_free_ char *node = qemu_format_node(&def->disks.items[i]->src);

                if (!sd || sd->location != VH_LOCATION_INTERNAL)
                        continue;
                if (!json_array_size(devices))
                        qj_str(args, "vmstate", node);
                json_array_append_new(devices, json_string(node));
        }
        json_object_set_new(args, "devices", devices);
        qemu_plan_add_job(&c->block.plan, qmp_command_args("snapshot-save", args), id, NULL);
        qemu_block_task_run(&c->block, inside_taken);
}

/* ---- of a guest that runs ---- */

static void memory_saved(void *data, int r, const VhError *err)
{
        CreateTask *c = data;

        if (r < 0) {
                failed(&c->block, r, vh_error_copy(err));
                return;
        }
        c->made_memory = true;
        take_disks(c);
}

static void paused(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        CreateTask *c = (CreateTask *)task;

        if (r < 0)
                failed(&c->block, r, vh_error_copy(err));
        else if (c->snap->def->memory->location == VH_LOCATION_EXTERNAL)
                qemu_snapshot_save_memory(task->driver, task->dom, c->snap, memory_saved, c);
        else
                take_inside(c);
}

static void frozen(void *data, int r, const VhError *err)
{
        CreateTask *c = data;

        /* An agent that did not answer in time may have frozen some of them all the same; one that refused has not. */
        c->frozen = r >= 0 || (err && err->code == VIR_ERR_AGENT_UNRESPONSIVE);
        if (r < 0)
                finish(c, r, vh_error_copy(err));
        else
                take_disks(c);
}

/* The subtree as definitions have them: lines behind the first stand deeper, and the last has no end. */
static char *make_cookie(VhDomainObj *dom)
{
        _vh_free_ char *text = qemu_guest_cpu_cookie(dom);
        VhBuf b = { 0 };

        for (const char *c = text; c && *c && strcmp(c, "\n") != 0; c++) {
                vh_buf_addc(&b, *c);
                if (*c == '\n')
                        vh_buf_adds(&b, "  ");
        }
        return text ? vh_buf_take(&b) : NULL;
}

/* Its memory is taken with its processors stopped, or, if it may go on, until QEMU stops them for the rest. */
static void take_running(CreateTask *c)
{
        QemuTask *task = &c->block.task;
        const VhSnapshotMemory *memory = c->snap->def->memory;
        bool running = task->dom->state == VIR_DOMAIN_RUNNING;
        VhError *err = NULL;
        int r;

        if (memory->location == VH_LOCATION_NONE) {
                if (c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE)
                        qemu_agent_freeze(task->driver, task->dom, true, frozen, c);
                else
                        take_disks(c);
                return;
        }
        r = qemu_migrate_check_blockers(task->dom, NULL, &err);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        c->resume = running;
        c->snap->def->cookie = make_cookie(task->dom);
        if (!running || (c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE && memory->location == VH_LOCATION_EXTERNAL)) {
                paused(task, NULL, 0, NULL);
                return;
        }
        qemu_process(task->dom)->pause_reason = VIR_DOMAIN_PAUSED_SNAPSHOT;
        qemu_task_qmp_try(task, qmp_command("stop", NULL), paused);
}

/* ---- of one that does not ---- */

static void offline_done(void *data, int r, VhError *err)
{
        CreateTask *c = data;
        VhDomainObj *dom = c->block.task.dom;

        for (uint32_t i = 0; r == 0 && i < c->snap->def->disks.n; i++) {
                const VhSnapshotDisk *sd = c->snap->def->disks.items[i];
                const VhDisk *disk = qemu_disk_find(dom->def, sd->name);

                if (sd->location == VH_LOCATION_EXTERNAL && disk)
                        r = qemu_chain_push_stored(c->block.task.driver, dom, sd->name, &sd->src, disk->src.path, &err);
        }
        if (r < 0)
                qemu_task_end(&c->block.task, r, err);
        else
                taken(c);
}

static void add_overlay(QemuImageWork *work, const VhDisk *disk, const VhSnapshotDisk *sd)
{
        const char *format = vh_xml_names_text(&vh_storage_format_names, VH_MAX(disk->format, VH_STORAGE_FORMAT_RAW));

        qemu_image_work_add(work,
                            (const char *const[]){ "create", "-q", "-f",
                                                   vh_xml_names_text(&vh_storage_format_names, sd->src.format), "-F",
                                                   format, "-b", disk->src.path, sd->src.path, NULL },
                            (const char *const[]){ "rm", sd->src.path, NULL });
}

static void take_offline(CreateTask *c)
{
        const VhDomainDef *def = c->block.task.dom->def;
        QemuImageWork *work = qemu_image_work_new();

        qemu_image_work_internal(work, def, c->snap->def, "-c", "-d");
        for (uint32_t i = 0; i < def->disks.n && !(c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT); i++) {
                const VhSnapshotDisk *sd = qemu_snapshot_disk(c->snap->def, def->disks.items[i]->target);

                if (sd && sd->location == VH_LOCATION_EXTERNAL)
                        add_overlay(work, def->disks.items[i], sd);
        }
        qemu_image_work_run(work, c->block.task.driver, offline_done, c);
}

/* ---- the call ---- */

static int check_again(CreateTask *c, VhError **err)
{
        VhDomainObj *dom = c->block.task.dom;
        bool exists;
        int r = qemu_snapshot_align(dom, c->snap->def, c->flags, err);

        if (r < 0)
                return r;
        exists = vh_moment_find(&dom->snapshots, c->snap->def->name);
        if (exists && !(c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                                    c->snap->def->name);
        if (c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT && !dom->persistent)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot halt after transient domain snapshot");
        if (wants(c, VH_LOCATION_INTERNAL) && vh_domain_obj_active(dom) && qemu_process(dom)->block_jobs)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_BLOCK_COPY_ACTIVE, "domain has active block job");
        return qemu_snapshot_take_defs(c->block.task.driver, dom, c->snap, err);
}

/* A snapshot that nobody would know of is not taken. */
static int check_room(CreateTask *c, VhError **err)
{
        const VhMoment m = { .name = c->snap->def->name, .def = c->snap };

        return c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
                       ? 0
                       : qemu_moment_check_room(c->block.task.driver, c->block.task.dom, QEMU_SNAPSHOTS, &m, err);
}

/* Only a guest's QEMU is given keys: without one the new image would not be encrypted. */
static int check_encryption(const CreateTask *c, VhError **err)
{
        if (vh_domain_obj_active(c->block.task.dom) || c->flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)
                return 0;
        for (uint32_t i = 0; i < c->snap->def->disks.n; i++)
                if (qemu_encryption_of(NULL, &c->snap->def->disks.items[i]->src))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "an encrypted image for disk '%s' can be made only while the guest runs",
                                            c->snap->def->disks.items[i]->name);
        return 0;
}

static void create_run(QemuTask *task)
{
        CreateTask *c = (CreateTask *)task;
        VhError *err = NULL;
        int r = check_again(c, &err);

        if (r == 0)
                r = check_room(c, &err);
        if (r == 0)
                r = check_encryption(c, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else if (vh_domain_obj_active(task->dom)) {
                /* A daemon that finds the job there looks what has come of it. */
                qemu_status_save(task->dom);
                take_running(c);
        } else
                take_offline(c);
}

static const QemuTaskClass create_class = {
        .api = "remoteDispatchDomainSnapshotCreateXML",
        .size = sizeof(CreateTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_SNAPSHOT,
        .run = create_run,
        .cleanup = create_cleanup,
};

QEMU_OP_RET(domain_snapshot_create_xml)
{
        const uint32_t known = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT |
                               VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_HALT |
                               VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT |
                               VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |
                               VIR_DOMAIN_SNAPSHOT_CREATE_LIVE | VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE;
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        _vh_snapshot_obj_ VhSnapshot *snap = NULL;
        CreateTask *c;
        int r = vh_check_flags(args->flags, known, VIR_FROM_QEMU, "qemuSnapshotCreateXML", err);

        if (r == 0)
                r = qemu_snapshot_check_flags(args->flags, err);
        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        vh_moments_init(dom);
        snap = vh_new(VhSnapshot, 1);
        r = vh_snapshot_parse(args->xml_desc, VH_XML_STRICT, &snap->def, err);
        if (r < 0)
                return r;
        r = qemu_snapshot_check_name(snap->def->name, err);
        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)
                return qemu_snapshot_redefine(call, dom, &snap, args->flags, ret, err);
        if (args->flags & VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE && vh_domain_obj_active(dom)) {
                r = qemu_agent_check(dom, err);
                if (r < 0)
                        return r;
        }
        c = (CreateTask *)qemu_task_new(qemu_driver(call), dom, call, &create_class);
        c->flags = args->flags;
        c->snap = VH_TAKE_PTR(snap);
        return qemu_task_go(&c->block.task);
}
