/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checkpoints: a bitmap in each image marks what the guest has written since. Every checkpoint's bitmap goes on from
 * its own moment, so that none depends on another. */

#include <errno.h>
#include <time.h>

#include "block-bitmap.h"
#include "checkpoint.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "transient.h"

/* ---- create ---- */

static int check_disks(const VhDomainDef *dom, const VhCheckpointDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhCheckpointDisk *cd = def->disks.items[i];
                const VhDisk *disk = qemu_disk_find(dom, cd->name);

                if (cd->mode != VH_CHECKPOINT_BITMAP || !disk)
                        continue;
                if (!vh_streq(cd->bitmap, def->name))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "bitmap for disk '%s' must match checkpoint name '%s'", cd->name,
                                            def->name);
                if (qemu_disk_is_empty(disk))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "checkpoint for disk %s unsupported: it has no source", cd->name);
                if (qemu_transient_refuse_job(disk, err) < 0)
                        return -EINVAL;
                if (disk->format != VH_STORAGE_FORMAT_QCOW2)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "checkpoint for disk %s unsupported for storage type %s", cd->name,
                                            vh_xml_names_text(&vh_storage_format_names,
                                                              VH_MAX(disk->format, VH_STORAGE_FORMAT_RAW)));
        }
        return 0;
}

const VhCheckpointDisk *qemu_checkpoint_disk(const VhMoment *m, const char *target)
{
        const VhCheckpointDef *def = m ? vh_checkpoint_of(m)->def : NULL;

        for (uint32_t i = 0; def && i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, target) && def->disks.items[i]->mode == VH_CHECKPOINT_BITMAP)
                        return def->disks.items[i];
        return NULL;
}

int qemu_checkpoint_prepare(QemuDriver *driver, VhDomainObj *dom, const char *xml, VhCheckpoint **ret, VhError **err)
{
        _vh_checkpoint_obj_ VhCheckpoint *cp = vh_new(VhCheckpoint, 1);
        int r = vh_checkpoint_parse(xml, VH_XML_STRICT, &cp->def, err);

        if (r < 0)
                return r;
        cp->def->creation_time = (VhOptU64){ .val = (uint64_t)time(NULL), .set = true };
        if (cp->def->name && !*cp->def->name)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_XML_ERROR,
                                    "the name of a checkpoint cannot be empty");
        if (!cp->def->name)
                cp->def->name = vh_xasprintf("%llu", (unsigned long long)cp->def->creation_time.val);
        if (strchr(cp->def->name, '/'))
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_XML_ERROR, "name %s cannot contain '/'",
                                    cp->def->name);
        if (vh_moment_find(&dom->checkpoints, cp->def->name))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                                    cp->def->name);
        r = vh_checkpoint_align(dom->def, cp->def, err);
        if (r == 0)
                r = check_disks(dom->def, cp->def, err);
        if (r == 0)
                r = qemu_moment_take_def(driver, dom, &cp->dom, err);
        if (r < 0)
                return r;
        *ret = VH_TAKE_PTR(cp);
        return 0;
}

void qemu_checkpoint_actions(const VhDomainDef *dom, const VhCheckpointDef *def, json_t *actions)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhCheckpointDisk *cd = def->disks.items[i];
                const VhDisk *disk = qemu_disk_find(dom, cd->name);
                _vh_free_ char *node = disk ? qemu_format_node(&disk->src) : NULL;

                if (disk && cd->mode == VH_CHECKPOINT_BITMAP)
                        json_array_append_new(actions, qemu_bitmap_add(node, cd->bitmap, true, false, 0));
        }
}

int qemu_checkpoint_add(QemuDriver *driver, VhDomainObj *dom, VhCheckpoint *cp, VhMoment **ret, VhError **err)
{
        VhMoment *parent = dom->checkpoints.current, *m;
        int r;

        vh_moments_init(dom);
        if (!parent && cp->def->parent)
                parent = vh_moment_find(&dom->checkpoints, cp->def->parent);
        m = vh_moment_add(&dom->checkpoints, cp->def->name, parent, cp);
        if (!m) {
                vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                             cp->def->name);
                vh_checkpoint_obj_free(cp);
                return -EEXIST;
        }
        r = qemu_moment_save(driver, dom, QEMU_CHECKPOINTS, m, err);
        if (r < 0) {
                vh_moment_remove(&dom->checkpoints, m);
                return r;
        }
        dom->checkpoints.current = m;
        *ret = m;
        return 0;
}

typedef struct CreateTask {
        QemuBlockTask block;
        char *xml;
        VhCheckpoint *cp;
} CreateTask;

static void create_cleanup(QemuTask *task)
{
        CreateTask *c = (CreateTask *)task;

        free(c->xml);
        vh_checkpoint_obj_free(c->cp);
        qemu_block_task_cleanup(task);
}

static void created(QemuBlockTask *t, int r, VhError *err)
{
        CreateTask *c = (CreateTask *)t;
        remote_domain_checkpoint_create_xml_ret *ret = t->task.call ? t->task.call->ret : NULL;
        VhMoment *m = NULL;

        if (r == 0)
                r = qemu_checkpoint_add(t->task.driver, t->task.dom, VH_TAKE_PTR(c->cp), &m, &err);
        if (r == 0 && ret)
                vh_checkpoint_wire(t->task.dom, m, &ret->checkpoint);
        qemu_block_task_finish(t, r, err);
}

static void create_run(QemuTask *task)
{
        CreateTask *c = (CreateTask *)task;
        json_t *actions = json_array();
        VhError *err = NULL;
        int r = qemu_checkpoint_prepare(task->driver, task->dom, c->xml, &c->cp, &err);

        if (r < 0) {
                json_decref(actions);
                qemu_task_end(task, r, err);
                return;
        }
        qemu_checkpoint_actions(task->dom->def, c->cp->def, actions);
        qemu_plan_add(&c->block.plan, qemu_transaction(actions), NULL);
        qemu_block_task_run(&c->block, created);
}

static const QemuTaskClass create_class = {
        .api = "remoteDispatchDomainCheckpointCreateXML",
        .size = sizeof(CreateTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = create_run,
        .cleanup = create_cleanup,
};

static int check_create(const VhDomainObj *dom, uint32_t flags, VhError **err)
{
        if (flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE)
                return 0;
        if (flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE)
                return vh_error_plain(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INVALID_ARG,
                                      "Flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE' is required by flag "
                                      "'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE'");
        if (!vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot create checkpoint for inactive domain");
        return 0;
}

QEMU_OP_RET(domain_checkpoint_create_xml)
{
        enum {
                KNOWN = VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE | VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE,
        };
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        CreateTask *c;
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuCheckpointCreateXML", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        vh_moments_init(dom);
        r = check_create(dom, args->flags, err);
        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE)
                return qemu_checkpoint_redefine(call, dom, args->xml_desc,
                                                args->flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE, ret, err);
        c = (CreateTask *)qemu_task_new(qemu_driver(call), dom, call, &create_class);
        c->xml = vh_xstrdup(args->xml_desc);
        return qemu_task_go(&c->block.task);
}

/* ---- delete ---- */

typedef struct DeleteTask {
        QemuBlockTask block;
        char *name;
        uint32_t flags;
} DeleteTask;

enum {
        WITH_CHILDREN = VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN,
        CHILDREN_ONLY = VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY,
        METADATA_ONLY = VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY,
};

static void delete_cleanup(QemuTask *task)
{
        free(((DeleteTask *)task)->name);
        qemu_block_task_cleanup(task);
}

static void forget(DeleteTask *d)
{
        QemuTask *task = &d->block.task;
        VhMoment *m = vh_moment_find(&task->dom->checkpoints, d->name);

        while (m && d->flags & (WITH_CHILDREN | CHILDREN_ONLY) && m->first_child) {
                VhMoment *leaf = m->first_child;

                while (leaf->first_child)
                        leaf = leaf->first_child;
                qemu_moment_remove(task->driver, task->dom, QEMU_CHECKPOINTS, leaf);
        }
        if (m && !(d->flags & CHILDREN_ONLY))
                qemu_moment_remove(task->driver, task->dom, QEMU_CHECKPOINTS, m);
}

static void deleted(QemuBlockTask *t, int r, VhError *err)
{
        if (r == 0)
                forget((DeleteTask *)t);
        qemu_block_task_finish(t, r, err);
}

/* Images below the top are opened for writing meanwhile. */
static void open_image(DeleteTask *d, const VhDisk *disk, const VhDiskSource *src, QemuPlan *after)
{
        if (src == &disk->src)
                return;
        qemu_plan_reopen(disk, src, true, &d->block.plan);
        qemu_plan_reopen(disk, src, false, after);
}

/* The next one that goes: the checkpoint, or all that are below it; NULL: there is none. */
static VhMoment *next_removed(const DeleteTask *d, VhMoment *m, const VhMoment *before)
{
        if (!before && !(d->flags & CHILDREN_ONLY))
                return m;
        return d->flags & (WITH_CHILDREN | CHILDREN_ONLY) ? vh_moment_next(NULL, m, before ? before : m) : NULL;
}

static void add_removals(const DeleteTask *d, VhMoment *m, const char *disk, const VhDiskSource *src,
                         const json_t *nodes, json_t *actions)
{
        _vh_free_ char *node = qemu_format_node(src);

        for (VhMoment *c = next_removed(d, m, NULL); c; c = next_removed(d, m, c)) {
                const VhCheckpointDisk *cd = qemu_checkpoint_disk(c, disk);

                if (cd && qemu_bitmap_find(nodes, src, cd->bitmap))
                        json_array_append_new(actions,
                                              qemu_bitmap_action("block-dirty-bitmap-remove", node, cd->bitmap));
        }
}

static bool is_in_chain(const json_t *nodes, const VhDisk *disk, const char *bitmap)
{
        for (const VhDiskSource *src = &disk->src; src; src = qemu_backing(src))
                if (qemu_bitmap_find(nodes, src, bitmap))
                        return true;
        return false;
}

/* Somebody else took a bitmap away: what the images have is not what the metadata says. */
static int check_bitmaps(const DeleteTask *d, VhMoment *m, const VhDisk *disk, const json_t *nodes, VhError **err)
{
        for (VhMoment *c = next_removed(d, m, NULL); c; c = next_removed(d, m, c)) {
                const VhCheckpointDisk *cd = qemu_checkpoint_disk(c, disk->target);

                if (cd && !is_in_chain(nodes, disk, cd->bitmap))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "bitmap '%s' not found in backing chain of '%s'", cd->bitmap, disk->target);
        }
        return 0;
}

static int plan_removals(DeleteTask *d, VhMoment *m, const json_t *nodes, QemuPlan *after, VhError **err)
{
        const VhDomainDef *def = d->block.task.dom->def;
        json_t *actions = json_array();
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];

                r = check_bitmaps(d, m, disk, nodes, err);
                for (const VhDiskSource *src = &disk->src; r == 0 && src; src = qemu_backing(src)) {
                        size_t n = json_array_size(actions);

                        add_removals(d, m, disk->target, src, nodes, actions);
                        if (json_array_size(actions) > n)
                                open_image(d, disk, src, after);
                }
        }
        if (r == 0 && json_array_size(actions))
                qemu_plan_add(&d->block.plan, qemu_transaction(json_incref(actions)), NULL);
        json_decref(actions);
        return r;
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        DeleteTask *d = (DeleteTask *)task;
        VhMoment *m = vh_moment_find(&task->dom->checkpoints, d->name);
        QemuPlan after = { 0 };
        VhError *err = NULL;
        int r = m ? plan_removals(d, m, nodes, &after, &err) : 0;

        for (size_t i = 0; r == 0 && i < after.n; i++)
                qemu_plan_add(&d->block.plan, VH_TAKE_PTR(after.steps[i].cmd), NULL);
        qemu_plan_done(&after);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_block_task_run(&d->block, deleted);
}

static void delete_run(QemuTask *task)
{
        DeleteTask *d = (DeleteTask *)task;
        VhError *err = NULL;
        int r;

        if (d->flags & METADATA_ONLY)
                deleted(&d->block, 0, NULL);
        else if (!vh_domain_obj_active(task->dom)) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "cannot delete checkpoint for inactive domain");
                qemu_task_end(task, r, err);
        } else
                qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static const QemuTaskClass delete_class = {
        .api = "remoteDispatchDomainCheckpointDelete",
        .size = sizeof(DeleteTask),
        .job = QEMU_JOB_MODIFY,
        .run = delete_run,
        .cleanup = delete_cleanup,
};

QEMU_OP(domain_checkpoint_delete)
{
        DeleteTask *d;
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_check_flags(args->flags, WITH_CHILDREN | CHILDREN_ONLY | METADATA_ONLY, VIR_FROM_QEMU,
                               "qemuCheckpointDelete", err);

        if (r == 0 && args->flags & WITH_CHILDREN && args->flags & CHILDREN_ONLY)
                r = vh_error_plain(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INVALID_ARG,
                                   "Flags 'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN' and "
                                   "'VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY' are mutually exclusive");
        if (r == 0)
                r = vh_checkpoint_lookup(&qemu_moments, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        d = (DeleteTask *)qemu_task_new(qemu_driver(call), dom, call, &delete_class);
        d->name = vh_xstrdup(m->name);
        d->flags = args->flags;
        return qemu_task_go(&d->block.task);
}

/* ---- what it looks like ---- */

enum {
        XML_KNOWN =
                VIR_DOMAIN_CHECKPOINT_XML_SECURE | VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | VIR_DOMAIN_CHECKPOINT_XML_SIZE,
};

static char *text_of(const VhMoment *m, const VhCheckpointDef *def, uint32_t flags)
{
        return vh_checkpoint_text(m, def, !(flags & VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN),
                                  flags & VIR_DOMAIN_CHECKPOINT_XML_SECURE ? VH_XML_SECURE : 0);
}

/* A bitmap that tells, for a moment, what all images of the chain do. */
#define SIZE_BITMAP "libvirt-tmp-size-xml"

static VhMoment *sized(const QemuTask *task)
{
        const remote_domain_checkpoint_get_xml_desc_args *args = task->call->args;

        return vh_moment_find(&task->dom->checkpoints, args->checkpoint.name);
}

static void sizes_done(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        qemu_task_end(task, 0, NULL);
}

static void got_sizes(QemuTask *task, json_t *nodes)
{
        const remote_domain_checkpoint_get_xml_desc_args *args = task->call->args;
        remote_domain_checkpoint_get_xml_desc_ret *ret = task->call->ret;
        VhMoment *m = sized(task);
        VhCheckpointDef *copy = m ? vh_checkpoint_copy(vh_checkpoint_of(m)->def) : NULL;
        json_t *actions = json_array();
        VhError *err = NULL;

        for (uint32_t i = 0; copy && i < copy->disks.n; i++) {
                VhCheckpointDisk *cd = copy->disks.items[i];
                const VhDisk *disk = qemu_disk_find(task->dom->def, cd->name);
                const json_t *b = disk ? qemu_bitmap_find(nodes, &disk->src, SIZE_BITMAP) : NULL;
                _vh_free_ char *node = b ? qemu_format_node(&disk->src) : NULL;

                if (!b)
                        continue;
                cd->size = (VhOptU64){ (uint64_t)json_integer_value(json_object_get(b, "count")), true };
                json_array_append_new(actions, qemu_bitmap_action("block-dirty-bitmap-remove", node, SIZE_BITMAP));
        }
        if (m) {
                ret->xml = vh_call_own(task->call, text_of(m, copy, args->flags));
                vh_checkpoint_free(copy);
                qemu_task_qmp_try(task, qemu_transaction(actions), sizes_done);
                return;
        }
        json_decref(actions);
        qemu_task_end(task,
                      vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                                   "no domain checkpoint with matching name '%s'", args->checkpoint.name),
                      err);
}

static void sizes_merged(QemuTask *task, json_t *answer)
{
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_sizes);
}

static void merge_sizes(QemuTask *task, json_t *nodes)
{
        const VhDomainDef *def = task->dom->def;
        json_t *actions = json_array();

        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                const VhCheckpointDisk *cd = qemu_checkpoint_disk(sized(task), disk->target);
                unsigned granularity = 0;
                json_t *sources = cd ? qemu_bitmap_sources(nodes, &disk->src, 0, cd->bitmap, &granularity) : NULL;
                _vh_free_ char *node = qemu_format_node(&disk->src);

                if (!sources)
                        continue;
                json_array_append_new(actions, qemu_bitmap_add(node, SIZE_BITMAP, false, true, granularity));
                json_array_append_new(actions, qemu_bitmap_merge(node, SIZE_BITMAP, sources));
        }
        qemu_task_qmp(task, qemu_transaction(actions), sizes_merged);
}

static void sizes_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), merge_sizes);
}

static const QemuTaskClass sizes_class = {
        .api = "remoteDispatchDomainCheckpointGetXMLDesc",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = sizes_run,
};

QEMU_OP_RET(domain_checkpoint_get_xml_desc)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_check_flags(args->flags, XML_KNOWN, VIR_FROM_QEMU, "qemuCheckpointGetXMLDesc", err);

        if (r == 0)
                r = vh_checkpoint_lookup(&qemu_moments, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_CHECKPOINT_XML_SIZE)
                return qemu_task_start(call, &args->checkpoint.dom, &sizes_class, NULL, err);
        ret->xml = vh_call_own(call, text_of(m, vh_checkpoint_of(m)->def, args->flags));
        return 0;
}
