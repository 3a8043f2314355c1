/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pull and commit: images of a chain are merged downwards or upwards while the guest runs. */

#include <errno.h>

#include "block-bitmap.h"
#include "block-ops.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "transient.h"

typedef struct MergeTask {
        QemuBlockTask block;
        char *disk, *base, *top;
        uint64_t speed; /* bytes a second, 0: no limit */
        uint32_t flags;
        QemuBlockJob *job;
} MergeTask;

static void merge_cleanup(QemuTask *task)
{
        MergeTask *m = (MergeTask *)task;

        free(m->disk);
        free(m->base);
        free(m->top);
        qemu_block_task_cleanup(task);
}

int qemu_block_speed(uint64_t bandwidth, bool bytes, uint64_t *ret, VhError **err)
{
        enum { MIB_SHIFT = 20 };

        if (!bytes && bandwidth > (uint64_t)INT64_MAX >> MIB_SHIFT)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OVERFLOW, "bandwidth must be less than %llu",
                                    (unsigned long long)INT64_MAX >> MIB_SHIFT);
        if (bandwidth > INT64_MAX)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OVERFLOW, "bandwidth must be less than %llu",
                                    (unsigned long long)INT64_MAX);
        *ret = bytes ? bandwidth : bandwidth << MIB_SHIFT;
        return 0;
}

json_t *qemu_block_job_args(const QemuBlockJob *job, uint64_t speed)
{
        json_t *args = json_object();

        qj_str(args, "job-id", job->name);
        qj_uint(args, "speed", (json_int_t)speed);
        json_object_set_new(args, "auto-finalize", json_true());
        json_object_set_new(args, "auto-dismiss", json_false());
        return args;
}

/* The command has been answered: the job runs, or never came to be. */
static void merge_started(QemuBlockTask *t, int r, VhError *err)
{
        MergeTask *m = (MergeTask *)t;
        QemuProcess *proc = qemu_process(t->task.dom);
        VhDisk *disk = m->job && proc ? qemu_block_job_disk(m->job) : NULL;

        if (r == 0 && m->job->state == QEMU_BLOCK_JOB_NEW)
                m->job->state = QEMU_BLOCK_JOB_RUNNING;
        else if (r < 0 && proc) {
                if (disk && disk->mirror)
                        disk->mirror = vh_xml_bind_free(&vh_table_disk_mirror, disk->mirror);
                qemu_block_job_drop(m->job);
        }
        qemu_status_save(t->task.dom);
        qemu_block_task_finish(t, r, err);
}

/* The status file knows the job before QEMU does. */
static void merge_go(MergeTask *m, QemuBlockJob *job, const char *command, json_t *args)
{
        m->job = job;
        job->flags = m->flags;
        qemu_status_save(m->block.task.dom);
        qemu_plan_add(&m->block.plan, qmp_command_args(command, args), NULL);
        qemu_block_task_run(&m->block, merge_started);
}

/* What a chain's image is called inside the header of another: relative if the chain was made so. */
static char *backing_name(const VhDiskSource *parent, const VhDiskSource *base, VhError **err)
{
        const char *slash = parent->path ? strrchr(parent->path, '/') : NULL;
        size_t dir = slash ? (size_t)(slash - parent->path) + 1 : 0;

        if (!base)
                return vh_xstrdup("");
        if (dir && base->path && strncmp(parent->path, base->path, dir) == 0 && !strchr(base->path + dir, '/'))
                return vh_xstrdup(base->path + dir);
        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                     "can't keep relative backing relationship: '%s' and '%s' are not in one folder", parent->path,
                     base->path ? base->path : "");
        return NULL;
}

static int add_relative(json_t *args, const VhDiskSource *parent, const VhDiskSource *base, VhError **err)
{
        _vh_free_ char *name = backing_name(parent, base, err);

        if (!name)
                return -EINVAL;
        qj_str(args, "backing-file", name);
        return 0;
}

static VhDisk *need_disk(const MergeTask *m, VhError **err)
{
        VhDomainObj *dom = m->block.task.dom;
        VhDisk *disk = qemu_disk_need(dom->def, m->disk, err);

        if (!disk || qemu_block_job_check_none(qemu_process(dom), disk, err) < 0)
                return NULL;
        if (!qemu_disk_is_empty(disk))
                return disk;
        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "disk '%s' has no source", disk->target);
        return NULL;
}

/* ---- pull ---- */

/* What the images below tell goes into the top's own bitmaps, which stays true if the pull fails. */
static void plan_bitmaps(MergeTask *m, const VhDisk *disk, unsigned base, const json_t *nodes)
{
        json_t *actions = json_array();

        qemu_bitmaps_carry(nodes, &disk->src, qemu_backing(&disk->src), base, &disk->src, actions);
        if (json_array_size(actions))
                qemu_plan_add(&m->block.plan, qemu_transaction(json_incref(actions)), NULL);
        json_decref(actions);
}

static int pull(MergeTask *m, const json_t *nodes, VhError **err)
{
        VhDisk *disk = need_disk(m, err);
        VhDiskSource *base = disk && m->base ? qemu_chain_find(disk, &disk->src, m->base, NULL, err) : NULL;
        _vh_free_ char *node = NULL, *base_node = NULL;
        QemuBlockJob *job;
        json_t *args;

        if (!disk || (m->base && !base))
                return -EINVAL;
        if ((m->flags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) && !base)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null base");
        if (qemu_transient_refuse_job(disk, err) < 0)
                return -EINVAL;
        node = qemu_format_node(&disk->src);
        job = qemu_block_job_add(qemu_process(m->block.task.dom), QEMU_BLOCK_JOB_PULL, disk,
                                 vh_xasprintf("pull-%s-%s", disk->target, node));
        job->base = base ? base->index.val : 0;
        args = qemu_block_job_args(job, m->speed);
        qj_str(args, "device", node);
        if (base) {
                base_node = qemu_format_node(base);
                qj_str(args, "base-node", base_node);
        }
        if ((m->flags & VIR_DOMAIN_BLOCK_REBASE_RELATIVE) && add_relative(args, &disk->src, base, err) < 0) {
                json_decref(args);
                qemu_block_job_drop(job);
                return -EINVAL;
        }
        plan_bitmaps(m, disk, job->base, nodes);
        merge_go(m, job, "block-stream", args);
        return 0;
}

/* ---- commit ---- */

static int check_base(const MergeTask *m, QemuCommit *c, VhError **err)
{
        VhDiskSource *first = (VhDiskSource *)qemu_backing(c->top);
        bool shallow = m->flags & VIR_DOMAIN_BLOCK_COMMIT_SHALLOW;

        c->base = first ? first : c->top;
        if (m->base)
                c->base = qemu_chain_find(c->disk, c->top, m->base, NULL, err);
        else if (!shallow)
                while (qemu_backing(c->base))
                        c->base = (VhDiskSource *)qemu_backing(c->base);
        else if (!first)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "top '%s' in chain for '%s' has no backing file", c->top->path, c->disk->src.path);
        if (!c->base)
                return -EINVAL;
        if (c->base == c->top)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "could not find base image in chain for '%s'", c->disk->target);
        if (shallow && c->base != first)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "base '%s' is not immediately below '%s' in chain for '%s'", m->base, c->top->path,
                                    c->disk->target);
        return 0;
}

/* Committing what the guest writes to never ends by itself, so it has to be asked for. */
static int check_commit(const MergeTask *m, QemuCommit *c, VhError **err)
{
        c->disk = need_disk(m, err);
        c->top = c->disk ? qemu_chain_find(c->disk, NULL, m->top, &c->parent, err) : NULL;
        if (!c->top)
                return -EINVAL;
        if (check_base(m, c, err) < 0 || qemu_transient_refuse_job(c->disk, err) < 0)
                return -EINVAL;
        if (!c->parent && !(m->flags & VIR_DOMAIN_BLOCK_COMMIT_ACTIVE))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "commit of '%s' active layer requires active flag", c->disk->target);
        if (c->parent && m->flags & VIR_DOMAIN_BLOCK_COMMIT_ACTIVE && m->top)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "active commit requested but '%s' is not active", c->top->path);
        return 0;
}

/* The base that the guest will write to shows up as the disk's mirror. */
static void add_mirror(const QemuCommit *c)
{
        VhDiskMirror *mirror = vh_xml_bind_new(&vh_table_disk_mirror);
        VhDiskSource *src = qemu_source_copy(c->base);

        mirror->job = QEMU_MIRROR_COMMIT;
        src->backing = qemu_source_free(src->backing);
        mirror->src = *src;
        free(src);
        c->disk->mirror = mirror;
}

QemuBlockJob *qemu_block_commit_new(QemuProcess *proc, const QemuCommit *c, json_t **args)
{
        _vh_free_ char *node = qemu_format_node(&c->disk->src), *top = qemu_format_node(c->top),
                       *base = qemu_format_node(c->base);
        QemuBlockJob *job = qemu_block_job_add(proc, c->parent ? QEMU_BLOCK_JOB_COMMIT : QEMU_BLOCK_JOB_ACTIVE_COMMIT,
                                               c->disk, vh_xasprintf("commit-%s-%s", c->disk->target, top));

        job->top = c->top->index.val;
        job->base = c->base->index.val;
        job->top_parent = c->parent ? c->parent->index.val : 0;
        job->delete_images = c->delete_images;
        *args = qemu_block_job_args(job, 0);
        qj_str(*args, "device", node);
        qj_str(*args, "top-node", top);
        qj_str(*args, "base-node", base);
        if (!c->parent)
                add_mirror(c);
        return job;
}

static int commit(MergeTask *m, VhError **err)
{
        QemuCommit c = { 0 };
        _vh_free_ char *relative = NULL;
        QemuBlockJob *job;
        json_t *args;
        int r = check_commit(m, &c, err);

        if (r < 0)
                return r;
        c.delete_images = m->flags & VIR_DOMAIN_BLOCK_COMMIT_DELETE;
        if (c.parent && m->flags & VIR_DOMAIN_BLOCK_COMMIT_RELATIVE) {
                relative = backing_name(c.parent, c.base, err);
                if (!relative)
                        return -EINVAL;
        }
        job = qemu_block_commit_new(qemu_process(m->block.task.dom), &c, &args);
        qj_uint(args, "speed", (json_int_t)m->speed);
        qj_str(args, "backing-file", relative);
        merge_go(m, job, "block-commit", args);
        return 0;
}

/* ---- calls ---- */

static void got_nodes(QemuTask *task, json_t *nodes)
{
        VhError *err = NULL;
        int r = pull((MergeTask *)task, nodes, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
}

static void pull_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static void commit_run(QemuTask *task)
{
        VhError *err = NULL;
        int r = commit((MergeTask *)task, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
}

#define MERGE_CLASS(word, run_)                                                                                        \
        {                                                                                                              \
                .api = "remoteDispatchDomainBlock" word, .size = sizeof(MergeTask), .job = QEMU_JOB_MODIFY,            \
                .need_active = true, .run = run_, .cleanup = merge_cleanup                                             \
        }
static const QemuTaskClass pull_class = MERGE_CLASS("Pull", pull_run);
static const QemuTaskClass commit_class = MERGE_CLASS("Commit", commit_run);

/* Returns NULL with an error if the domain does not run or the bandwidth is out of range. */
static MergeTask *merge_new(VhCall *call, const remote_nonnull_domain *wire, const QemuTaskClass *class,
                            uint64_t bandwidth, bool bytes, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        MergeTask *m;
        uint64_t speed = 0;

        if (!dom || qemu_block_speed(bandwidth, bytes, &speed, err) < 0 ||
            vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) < 0)
                return NULL;
        m = (MergeTask *)qemu_task_new(qemu_driver(call), dom, call, class);
        m->speed = speed;
        return m;
}

int qemu_block_pull(VhCall *call, const remote_nonnull_domain *wire, const char *disk, const char *base,
                    uint64_t bandwidth, uint32_t flags, VhError **err)
{
        MergeTask *m =
                merge_new(call, wire, &pull_class, bandwidth, flags & VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES, err);

        if (!m)
                return -EINVAL;
        m->disk = vh_xstrdup(disk);
        m->base = vh_xstrdup(base);
        m->flags = flags;
        return qemu_task_go(&m->block.task);
}

QEMU_OP(domain_block_pull)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES, VIR_FROM_QEMU, "qemuDomainBlockPull",
                               err);

        return r < 0 ? r : qemu_block_pull(call, &args->dom, args->path, NULL, args->bandwidth, args->flags, err);
}

QEMU_OP(domain_block_commit)
{
        enum {
                KNOWN = VIR_DOMAIN_BLOCK_COMMIT_SHALLOW | VIR_DOMAIN_BLOCK_COMMIT_ACTIVE |
                        VIR_DOMAIN_BLOCK_COMMIT_RELATIVE | VIR_DOMAIN_BLOCK_COMMIT_DELETE |
                        VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES,
        };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainBlockCommit", err);
        MergeTask *m;

        if (r < 0)
                return r;
        m = merge_new(call, &args->dom, &commit_class, args->bandwidth,
                      args->flags & VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES, err);
        if (!m)
                return -EINVAL;
        m->disk = vh_xstrdup(args->disk);
        m->base = vh_xstrdup(args->base);
        m->top = vh_xstrdup(args->top);
        m->flags = args->flags;
        return qemu_task_go(&m->block.task);
}
