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
        if (vh_domain_obj_active(dom) && has_location(snap->def, VH_LOCATION_EXTERNAL))
                return unsupported(err, "merging the images of a snapshot while the guest runs is not supported yet: "
                                        "use blockcommit and delete the metadata, or shut the guest down first");
        return 0;
}

/* Where a disk of the tree stood on the image that goes, it stands on the one below. */
static void repoint(VhDomainDef *def, const char *target, const char *from, const VhDiskSource *to)
{
        VhDisk *disk = def ? qemu_disk_find(def, target) : NULL;

        if (!disk || !vh_streq(disk->src.path, from))
                return;
        qemu_chain_replace(disk, qemu_source_copy(to));
}

static void repoint_children(DeleteTask *d, VhMoment *m, const VhSnapshotDisk *sd, const VhDiskSource *to)
{
        for (VhMoment *c = m->first_child; c; c = c->sibling) {
                VhSnapshot *child = c->def;

                repoint(child->dom, sd->name, sd->src.path, to);
                repoint(child->inactive, sd->name, sd->src.path, to);
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

        for (uint32_t i = 0; r == 0 && snap && i < snap->def->disks.n; i++) {
                const VhSnapshotDisk *sd = snap->def->disks.items[i];
                const VhDisk *then = qemu_disk_find(snap->dom, sd->name);
                _qemu_source_ VhDiskSource *to = NULL;

                if (sd->location != VH_LOCATION_EXTERNAL || !then)
                        continue;
                to = qemu_disk_top(then);
                repoint_children(d, m, sd, to);
                r = drop_stored(d, sd, to, &err);
        }
        if (r == 0 && snap && snap->def->memory && snap->def->memory->location == VH_LOCATION_EXTERNAL &&
            unlink(snap->def->memory->file) < 0 && errno != ENOENT)
                vh_log_warning("cannot remove '%s': %s", snap->def->memory->file, strerror(errno));
        gone(d, r, err);
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

static int check_children(const VhMoment *m, VhError **err)
{
        for (const VhMoment *c = vh_moment_next(NULL, m, m); c; c = vh_moment_next(NULL, m, c))
                if (vh_snapshot_is_external(vh_snapshot_of(c)->def))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "deletion of external children disk snapshots not supported");
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
                r = check_children(m, err);
        if (r < 0)
                return r;
        d = (DeleteTask *)qemu_task_new(qemu_driver(call), dom, call, &delete_class);
        d->metadata_only = metadata;
        collect(d, m, args->flags & children, !(args->flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY));
        return qemu_task_go(&d->block.task);
}
