/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Making temporary images of transient disks: QEMU opens the disks' own images, as far as it has not, tells how large
 * they are, and puts new ones on top. */

#include <errno.h>
#include <unistd.h>

#include "block-ops.h"
#include "model/domain-tables.h"
#include "transient.h"

typedef struct Temporary {
        VhDisk *disk;          /* its image is the new one already */
        VhDiskSource *overlay; /* the new one alone, for what makes it */
        bool opened;           /* its own image was open before */
} Temporary;

struct QemuTransients {
        QemuBlockTask block;
        QemuProcess *proc;
        const VhDomainDef *def;
        VH_LIST(Temporary) list;
        bool plug; /* the disks that were not open join as well */
        QemuValuesDone done;
        void *data;
};

static void cleanup(QemuTask *task)
{
        QemuTransients *t = (QemuTransients *)task;

        for (uint32_t i = 0; i < t->list.n; i++) {
                qemu_source_free(t->list.items[i]->overlay);
                free(t->list.items[i]);
        }
        free(t->list.items);
        qemu_block_task_cleanup(task);
}

static void made(QemuTask *task, int r, const VhError *err)
{
        QemuTransients *t = (QemuTransients *)task;

        t->done(t->data, r, err);
}

/* ---- on top ---- */

static void plan_snapshot(const Temporary *tmp, json_t *actions)
{
        _vh_free_ char *below = qemu_format_node(qemu_backing(&tmp->disk->src));
        _vh_free_ char *node = qemu_format_node(tmp->overlay);

        json_array_append_new(actions, json_pack("{s:s,s:{s:s,s:s}}", "type", "blockdev-snapshot", "data", "node",
                                                 below, "overlay", node));
}

static int plan_image(QemuTransients *t, const QemuBuild *b, const Temporary *tmp, const json_t *nodes)
{
        const VhDiskSource *below = qemu_backing(&tmp->disk->src);
        QemuBlockSize size = { 0 };
        int r = qemu_block_size(nodes, below, &size, b->err);
        const QemuNewImage image = {
                .disk = tmp->disk,
                .src = tmp->overlay,
                .backing = below,
                .capacity = size.capacity,
                .cluster = below->format == tmp->overlay->format ? size.cluster : 0,
        };

        return r < 0 ? r : qemu_plan_new_image(b, t->proc, &image, &t->block.plan);
}

/* Firmware has looked for disks already. */
static int plan_plugs(QemuTransients *t, const QemuBuild *b)
{
        bool any = false;
        int r = 0;

        for (uint32_t i = 0; t->plug && r == 0 && i < t->list.n; i++) {
                if (t->list.items[i]->opened)
                        continue;
                r = qemu_plan_attach(b, VH_DEVICE_DISK, t->list.items[i]->disk, &t->block.plan);
                any = true;
        }
        if (any)
                qemu_plan_add(&t->block.plan, qmp_command("system_reset", NULL), NULL);
        return r;
}

static int plan_all(QemuTransients *t, const json_t *nodes, VhError **err)
{
        json_t *actions = json_array(), *args = json_object();
        QemuLaunch launch;
        QemuBuild b = qemu_change_build(t->proc, t->def, &launch, err);
        int r = 0;

        json_object_set_new(args, "actions", actions);
        for (uint32_t i = 0; r == 0 && i < t->list.n; i++) {
                r = plan_image(t, &b, t->list.items[i], nodes);
                plan_snapshot(t->list.items[i], actions);
        }
        qemu_plan_add(&t->block.plan, qmp_command_args("transaction", args), NULL);
        return r < 0 ? r : plan_plugs(t, &b);
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        QemuTransients *t = (QemuTransients *)task;
        VhError *err = NULL;
        int r = plan_all(t, nodes, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_block_task_run(&t->block, qemu_block_task_finish);
}

static void opened(QemuBlockTask *block, int r, VhError *err)
{
        if (r < 0)
                qemu_task_end(&block->task, r, err);
        else
                qemu_task_qmp(&block->task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static void run(QemuTask *task)
{
        qemu_block_task_run((QemuBlockTask *)task, opened);
}

/* ---- which ---- */

static const QemuTaskClass class = {
        .size = sizeof(QemuTransients),
        .job = QEMU_JOB_NONE, /* who wants the images has it */
        .run = run,
        .cleanup = cleanup,
};

QemuTransients *qemu_transients_new(QemuProcess *proc, const VhDomainDef *def, QemuValuesDone done, void *data)
{
        QemuTransients *t = (QemuTransients *)qemu_task_new(proc->driver, proc->dom, NULL, &class);

        t->proc = proc;
        t->def = def;
        t->done = done;
        t->data = data;
        return t;
}

static int check_free(const VhDisk *disk, const char *path, VhError **err)
{
        return access(path, F_OK) < 0 && errno == ENOENT
                       ? 0
                       : vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                      "Overlay file '%s' for transient disk '%s' already exists", path, disk->target);
}

/* One that is shared is opened as a disk that is only read. */
static int plan_open(QemuTransients *t, const QemuBuild *b, const VhDisk *disk)
{
        VhDisk *as = vh_xml_bind_dup(&vh_table_disk, disk);
        int r;

        as->readonly = as->readonly || qemu_transient_is_shared(disk);
        r = qemu_plan_images(b, as, &t->block.plan);
        vh_xml_bind_free(&vh_table_disk, as);
        return r;
}

int qemu_transients_add(QemuTransients *t, const QemuBuild *b, VhDisk *disk, bool is_open)
{
        _vh_free_ char *path = vh_xasprintf("%s.TRANSIENT-%s", disk->src.path, t->def->name);
        int r = check_free(disk, path, b->err);
        Temporary *tmp;

        if (r == 0 && !is_open)
                r = plan_open(t, b, disk);
        if (r < 0)
                return r;
        tmp = vh_new(Temporary, 1);
        tmp->disk = disk;
        tmp->opened = is_open;
        tmp->overlay = qemu_source_file(path, VH_STORAGE_FORMAT_QCOW2);
        qemu_source_number(t->proc, tmp->overlay);
        vh_list_add(&t->list, tmp);
        qemu_chain_push(disk, qemu_source_copy(tmp->overlay));
        qemu_chain_close(tmp->overlay);
        return 0;
}

void qemu_transients_go(QemuTransients *t)
{
        t->block.task.ended = made;
        (void)qemu_task_go(&t->block.task);
}

QemuTransients *qemu_transients_free(QemuTransients *t)
{
        if (t)
                qemu_task_end(&t->block.task, 0, NULL);
        return NULL;
}

void qemu_transients_start(QemuProcess *proc, QemuLaunch *launch, QemuValuesDone done, void *data)
{
        VhDomainDef *def = proc->dom->def;
        QemuTransients *t = qemu_transients_new(proc, def, done, data);
        _vh_error_ VhError *err = NULL;
        const QemuBuild b = { def, proc->caps, launch, NULL, &err };
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++)
                if (def->disks.items[i]->transient)
                        r = qemu_transients_add(t, &b, def->disks.items[i],
                                                !qemu_transient_is_shared(def->disks.items[i]));
        /* A daemon that comes after us removes what stands there. */
        if (r == 0 && t->list.n)
                r = qemu_status_write(proc->dom, &err);
        if (r < 0 || !t->list.n) {
                qemu_transients_free(t);
                done(data, r, err);
                return;
        }
        t->plug = true;
        qemu_transients_go(t);
}
