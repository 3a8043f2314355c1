/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots go: their names in the images, or the images that were put on top for them, whose content is merged down.
 */

#include <errno.h>

#include "base/log.h"
#include "block-ops.h"
#include "model/domain-tables.h"
#include "moment.h"
#include "qemu-ops.h"

VH_LOG_SOURCE("qemu.snapshot");

typedef struct DeleteTask {
        QemuBlockTask block;
        char **names; /* children first */
        size_t n, at;
        bool metadata_only;
} DeleteTask;

static void delete_next(DeleteTask *d);

static void delete_cleanup(QemuTask *task)
{
        DeleteTask *d = (DeleteTask *)task;

        for (size_t i = 0; i < d->n; i++)
                free(d->names[i]);
        free(d->names);
        qemu_block_task_cleanup(task);
}

static VhMoment *moment_of(const DeleteTask *d)
{
        return vh_moment_find(&d->block.task.dom->snapshots, d->names[d->at]);
}

static void gone(DeleteTask *d, int r, VhError *err)
{
        VhMoment *m = moment_of(d);

        if (r < 0) {
                qemu_task_end(&d->block.task, r, err);
                return;
        }
        if (m)
                qemu_moment_remove(d->block.task.driver, d->block.task.dom, QEMU_SNAPSHOTS, m);
        d->at++;
        delete_next(d);
}

static void step_done(QemuBlockTask *t, int r, VhError *err)
{
        gone((DeleteTask *)t, r, err);
}

static void offline_done(void *data, int r, VhError *err)
{
        gone(data, r, err);
}

/* ---- inside the images ---- */

static int check_same_image(const VhDomainDef *def, const VhSnapshot *snap, VhError **err)
{
        for (uint32_t i = 0; snap->dom && i < snap->def->disks.n; i++) {
                const VhSnapshotDisk *sd = snap->def->disks.items[i];
                const VhDisk *then = qemu_disk_find(snap->dom, sd->name), *now = qemu_disk_find(def, sd->name);

                if (sd->location != VH_LOCATION_INTERNAL || !then)
                        continue;
                if (!now || !vh_streq(now->src.path, then->src.path))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                            "disk image '%s' for internal snapshot '%s' is not the same as disk image "
                                            "currently used by VM",
                                            sd->name, snap->def->name);
        }
        return 0;
}

static void plan_inside(DeleteTask *d, const VhSnapshot *snap)
{
        const VhDomainDef *def = d->block.task.dom->def;
        _vh_free_ char *id = vh_xasprintf("snapshot-delete-%s", snap->def->name);
        json_t *args = json_object(), *devices = json_array();

        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhSnapshotDisk *sd = qemu_snapshot_disk(snap->def, def->disks.items[i]->target);
                _vh_free_ char *node = qemu_format_node(&def->disks.items[i]->src);

                if (sd && sd->location == VH_LOCATION_INTERNAL)
                        json_array_append_new(devices, json_string(node));
        }
        qj_str(args, "job-id", id);
        qj_str(args, "tag", snap->def->name);
        json_object_set_new(args, "devices", devices);
        qemu_plan_add_job(&d->block.plan, qmp_command_args("snapshot-delete", args), id, NULL);
}

static void delete_inside(DeleteTask *d, const VhSnapshot *snap)
{
        VhDomainObj *dom = d->block.task.dom;
        QemuImageWork *work;
        VhError *err = NULL;
        int r;

        if (!vh_domain_obj_active(dom)) {
                work = qemu_image_work_new();
                qemu_image_work_internal(work, snap->dom ? snap->dom : dom->def, snap->def, "-d", NULL);
                qemu_image_work_run(work, d->block.task.driver, offline_done, d);
                return;
        }
        r = check_same_image(dom->def, snap, &err);
        if (r < 0) {
                gone(d, r, err);
                return;
        }
        plan_inside(d, snap);
        qemu_block_task_run(&d->block, step_done);
}

/* ---- images of their own ---- */

static int unsupported(VhError **err, const char *text)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "%s", text);
}

static bool has_location(const VhSnapshotDef *def, VhSnapshotLocation location)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->location == location)
                        return true;
        return false;
}

static int check_marks(const VhSnapshotDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->deleting)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                            "snapshot disk '%s' was target of not completed snapshot delete",
                                            def->disks.items[i]->name);
        return 0;
}

static int check_outside(const VhDomainObj *dom, const VhMoment *m, VhError **err)
{
        const VhSnapshot *snap = vh_snapshot_of(m);

        if (m->n_children > 1)
                return unsupported(err, "deletion of external disk snapshots with multiple children not supported");
        if (m == dom->snapshots.current && m->first_child)
                return unsupported(err, "deletion of active external snapshot that is not a leaf snapshot is not "
                                        "supported");
        if (m->parent && !vh_snapshot_is_external(vh_snapshot_of(m->parent)->def))
                return unsupported(err,
                                   "deleting external snapshot that has internal snapshot as parent not supported");
        if (m->first_child && has_location(vh_snapshot_of(m->first_child)->def, VH_LOCATION_INTERNAL))
                return unsupported(err, "deleting external snapshot that has internal snapshot as child not supported");
        if (!snap->dom)
                return unsupported(err, "the snapshot does not tell what its images stand on");
        return check_marks(snap->def, err);
}

static void redirect(VhDomainDef *def, const VhSnapshotDisk *sd, const VhDiskSource *to)
{
        VhDisk *disk = def ? qemu_disk_find(def, sd->name) : NULL;

        if (disk)
                qemu_chain_redirect(disk, sd->src.path, to);
}

/* Where disks of the tree stood on the image that goes, they stand on the one below. A child's own image is named
 * without what is behind it. */
static void redirect_tree(DeleteTask *d, VhMoment *m, const VhSnapshotDisk *sd, const VhDiskSource *to)
{
        for (VhMoment *c = vh_moment_next(NULL, m, m); c; c = vh_moment_next(NULL, m, c)) {
                VhSnapshot *snap = c->def;
                _qemu_source_ VhDiskSource *alone = qemu_source_copy(to);
                _vh_error_ VhError *err = NULL;

                if (alone->backing && alone->backing->type != VH_DISK_TYPE_NONE)
                        alone->backing = qemu_source_free(alone->backing);
                redirect(snap->dom, sd, c->parent == m ? alone : to);
                redirect(snap->inactive, sd, c->parent == m ? alone : to);
                if (qemu_moment_save(d->block.task.driver, d->block.task.dom, QEMU_SNAPSHOTS, c, &err) < 0)
                        vh_log_error("domain '%s': %s", d->block.task.dom->node.name, vh_error_text(err, -EIO));
        }
}

/* The stored chain without the image. */
static int drop_stored(DeleteTask *d, const VhSnapshotDisk *sd, const VhDiskSource *to, VhError **err)
{
        VhDomainObj *dom = d->block.task.dom;
        _vh_domain_def_ VhDomainDef *def = vh_domain_def_copy(dom->def);
        VhDisk *disk = qemu_disk_find(def, sd->name);
        int r;

        if (!disk)
                return 0;
        if (vh_streq(disk->src.path, sd->src.path))
                qemu_chain_replace(disk, qemu_source_copy(to));
        else {
                /* What the images tell is enough. */
                disk->src.backing = qemu_source_free(disk->src.backing);
        }
        r = qemu_store(d->block.task.driver, def, err);
        if (r == 0)
                qemu_set_def(d->block.task.driver, dom, VH_TAKE_PTR(def));
        return r;
}

static void merged(void *data, int r, VhError *err)
{
        DeleteTask *d = data;
        VhMoment *m = moment_of(d);
        const VhSnapshot *snap = m ? vh_snapshot_of(m) : NULL;
        bool active = vh_domain_obj_active(d->block.task.dom);

        for (uint32_t i = 0; r == 0 && snap && i < snap->def->disks.n; i++) {
                const VhSnapshotDisk *sd = snap->def->disks.items[i];
                const VhDisk *then = qemu_disk_find(snap->dom, sd->name);
                _qemu_source_ VhDiskSource *to = NULL;

                if (sd->location != VH_LOCATION_EXTERNAL || !then)
                        continue;
                to = qemu_disk_top(then);
                redirect_tree(d, m, sd, to);
                if (!active)
                        r = drop_stored(d, sd, to, &err);
        }
        if (r == 0 && m)
                qemu_snapshot_mark_parent(d->block.task.driver, d->block.task.dom, m, false);
        gone(d, r, err);
}

static void merged_live(void *data, int r, const VhError *err)
{
        merged(data, r, vh_error_copy(err));
}

static const char *format_word(uint8_t format)
{
        return vh_xml_names_text(&vh_storage_format_names, VH_MAX(format, VH_STORAGE_FORMAT_RAW));
}

/* The image's content goes into the one below; an image that stands on it is told so. */
static void plan_merge(QemuImageWork *work, const VhMoment *m, const VhSnapshotDisk *sd, const VhDisk *below)
{
        const VhSnapshotDisk *above =
                m->first_child ? qemu_snapshot_disk(vh_snapshot_of(m->first_child)->def, sd->name) : NULL;

        qemu_image_work_add(work,
                            (const char *const[]){ "commit", "-q", "-f", format_word(sd->src.format), "-b",
                                                   below->src.path, sd->src.path, NULL },
                            NULL);
        if (above && above->location == VH_LOCATION_EXTERNAL)
                qemu_image_work_add(work,
                                    (const char *const[]){ "rebase", "-q", "-u", "-f", format_word(above->src.format),
                                                           "-F", format_word(below->format), "-b", below->src.path,
                                                           above->src.path, NULL },
                                    NULL);
        qemu_image_work_unlink(work, sd->src.path);
}

static void delete_outside(DeleteTask *d, VhMoment *m)
{
        const VhSnapshot *snap = vh_snapshot_of(m);
        QemuImageWork *work;
        VhError *err = NULL;
        int r = check_outside(d->block.task.dom, m, &err);

        if (r < 0) {
                gone(d, r, err);
                return;
        }
        if (vh_domain_obj_active(d->block.task.dom)) {
                qemu_snapshot_merge(d->block.task.driver, d->block.task.dom, m, merged_live, d);
                return;
        }
        qemu_snapshot_mark_parent(d->block.task.driver, d->block.task.dom, m, true);
        work = qemu_image_work_new();
        for (uint32_t i = 0; i < snap->def->disks.n; i++) {
                const VhSnapshotDisk *sd = snap->def->disks.items[i];
                const VhDisk *below = qemu_disk_find(snap->dom, sd->name);

                if (sd->location == VH_LOCATION_EXTERNAL && below)
                        plan_merge(work, m, sd, below);
        }
        qemu_image_work_run(work, d->block.task.driver, merged, d);
}

/* ---- one after the other ---- */

static void delete_next(DeleteTask *d)
{
        VhMoment *m;

        while (d->at < d->n && !moment_of(d))
                d->at++;
        if (d->at == d->n) {
                qemu_task_end(&d->block.task, 0, NULL);
                return;
        }
        m = moment_of(d);
        if (d->metadata_only)
                gone(d, 0, NULL);
        else if (vh_snapshot_is_external(vh_snapshot_of(m)->def))
                delete_outside(d, m);
        else
                delete_inside(d, vh_snapshot_of(m));
}

static void delete_run(QemuTask *task)
{
        delete_next((DeleteTask *)task);
}

static const QemuTaskClass delete_class = {
        .api = "remoteDispatchDomainSnapshotDelete",
        .size = sizeof(DeleteTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_SNAPSHOT,
        .run = delete_run,
        .cleanup = delete_cleanup,
};

static int check_children(const VhMoment *m, uint32_t flags, VhError **err)
{
        bool external = false, internal = false;

        for (const VhMoment *c = vh_moment_next(NULL, m, m); c; c = vh_moment_next(NULL, m, c)) {
                bool outside = vh_snapshot_is_external(vh_snapshot_of(c)->def);

                external = external || outside;
                internal = internal || !outside;
        }
        if (external)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                                    internal ? "deletion of external and internal children disk snapshots not supported"
                                             : "deletion of external children disk snapshots not supported");
        if (flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN && vh_snapshot_is_external(vh_snapshot_of(m)->def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "deletion of external disk snapshots with children not supported");
        return 0;
}

/* Those below come before those above: a walk shows parents first. */
static void collect(DeleteTask *d, VhMoment *m, bool children, bool self)
{
        unsigned n = vh_moment_count_below(m) + 1;

        d->names = vh_new(char *, n);
        if (children)
                for (VhMoment *c = vh_moment_next(NULL, m, m); c; c = vh_moment_next(NULL, m, c))
                        d->names[d->n++] = vh_xstrdup(c->name);
        for (size_t i = 0; i < d->n / 2; i++) {
                char *name = d->names[i];

                d->names[i] = d->names[d->n - 1 - i];
                d->names[d->n - 1 - i] = name;
        }
        if (self)
                d->names[d->n++] = vh_xstrdup(m->name);
}

QEMU_OP(domain_snapshot_delete)
{
        const uint32_t children = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
        bool metadata = args->flags & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY;
        DeleteTask *d;
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_check_flags(args->flags, children | VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY, VIR_FROM_QEMU,
                               "qemuSnapshotDelete", err);

        if (r == 0 && (args->flags & children) == children)
                r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                   "Flags 'VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN' and "
                                   "'VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY' are mutually exclusive");
        if (r == 0)
                r = vh_snapshot_lookup(&qemu_moments, call, &args->snap, &dom, &m, err);
        if (r == 0 && args->flags & children && !metadata)
                r = check_children(m, args->flags, err);
        if (r < 0)
                return r;
        d = (DeleteTask *)qemu_task_new(qemu_driver(call), dom, call, &delete_class);
        d->metadata_only = metadata;
        collect(d, m, args->flags & children, !(args->flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY));
        return qemu_task_go(&d->block.task);
}
