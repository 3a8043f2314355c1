/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copy: a running disk is mirrored into another image, which can take its place. */

#include <errno.h>
#include <sys/stat.h>

#include "audit.h"
#include "block-ops.h"
#include "guest-chains.h"
#include "guest-secrets.h"
#include "image/head.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "transient.h"

enum {
        COPY_SHALLOW = VIR_DOMAIN_BLOCK_COPY_SHALLOW,
        COPY_REUSE = VIR_DOMAIN_BLOCK_COPY_REUSE_EXT,
};

typedef struct CopyTask {
        QemuBlockTask block;
        char *disk;
        VhDiskSource *dest; /* with its format, 0: that of the disk */
        uint64_t speed;     /* bytes a second */
        uint64_t buffer;    /* bytes, 0: QEMU's choice */
        uint32_t granularity;
        uint32_t flags; /* VIR_DOMAIN_BLOCK_COPY_* */
        QemuBlockSize size;
        QemuHostWork *work; /* finds what the destination stands on, gets its secrets; NULL: none yet */
} CopyTask;

static void copy_cleanup(QemuTask *task)
{
        CopyTask *copy = (CopyTask *)task;

        free(copy->disk);
        qemu_source_free(copy->dest);
        qemu_host_work_drop(copy->work, true);
        qemu_block_task_cleanup(task);
}

static QemuBlockJob *job_of(const CopyTask *copy)
{
        QemuProcess *proc = qemu_process(copy->block.task.dom);
        const VhDisk *disk = proc ? qemu_disk_find(copy->block.task.dom->def, copy->disk) : NULL;

        return disk ? qemu_block_job_of(proc, disk) : NULL;
}

static void copy_started(QemuBlockTask *t, int r, VhError *err)
{
        CopyTask *copy = (CopyTask *)t;
        QemuBlockJob *job = job_of(copy);
        VhDisk *disk = job ? qemu_block_job_disk(job) : NULL;

        if (r == 0 && job && job->state == QEMU_BLOCK_JOB_NEW)
                job->state = QEMU_BLOCK_JOB_RUNNING;
        if (r < 0 && job) {
                if (disk)
                        disk->mirror = vh_xml_bind_free(&vh_table_disk_mirror, disk->mirror);
                qemu_block_job_drop(job);
        }
        if (r < 0)
                qemu_new_image_drop(qemu_process(t->task.dom), copy->dest, copy->flags & COPY_REUSE);
        qemu_status_save(t->task.dom);
        qemu_block_task_finish(t, r, err);
}

/* ---- what is asked for ---- */

static int check_dest(const CopyTask *copy, const VhDisk *disk, VhError **err)
{
        const VhDiskSource *dest = copy->dest;
        struct stat st;

        if (dest->type == VH_DISK_TYPE_NETWORK)
                return 0;
        if (dest->type != VH_DISK_TYPE_FILE && dest->type != VH_DISK_TYPE_BLOCK)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "a disk cannot be copied to this type of destination");
        if (*dest->path != '/')
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "absolute path must be used as block copy target");
        if (stat(dest->path, &st) < 0) {
                if (errno != ENOENT)
                        return vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to stat for disk %s: %s", disk->target,
                                            dest->path);
                if (copy->flags & COPY_REUSE || dest->type == VH_DISK_TYPE_BLOCK)
                        return vh_error_sys(err, VIR_FROM_QEMU, errno, "missing destination file for disk %s: %s",
                                            disk->target, dest->path);
                return 0;
        }
        if (!(copy->flags & COPY_REUSE) && S_ISREG(st.st_mode) && st.st_size > 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "external destination file for disk %s already exists and is not a block device: "
                                    "%s",
                                    disk->target, dest->path);
        if (dest->type == VH_DISK_TYPE_BLOCK && !S_ISBLK(st.st_mode))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "blockdev flag requested for disk %s, but file '%s' is not a block device",
                                    disk->target, dest->path);
        return 0;
}

static int check(CopyTask *copy, VhDisk **ret, VhError **err)
{
        VhDomainObj *dom = copy->block.task.dom;
        VhDisk *disk = qemu_disk_need(dom->def, copy->disk, err);
        int r = disk ? qemu_block_job_check_none(qemu_process(dom), disk, err) : -EINVAL;

        if (r == 0)
                r = qemu_transient_refuse_job(disk, err);
        if (r == 0 && dom->persistent && !(copy->flags & VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain is not transient");
        if (r == 0 && disk->device == VH_DISK_DEVICE_LUN)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "block copy is not supported for 'lun' disk '%s'", disk->target);
        if (r == 0 && qemu_disk_is_empty(disk))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "disk '%s' has no source",
                                 disk->target);
        if (r == 0)
                r = check_dest(copy, disk, err);
        if (r == 0 && !copy->dest->format)
                copy->dest->format = disk->format;
        *ret = disk;
        return r;
}

/* ---- the plan ---- */

static void add_mirror(VhDisk *disk, const VhDiskSource *dest)
{
        VhDiskMirror *mirror = vh_xml_bind_new(&vh_table_disk_mirror);
        VhDiskSource *src = qemu_source_copy(dest);

        mirror->job = QEMU_MIRROR_COPY;
        mirror->src = *src;
        free(src);
        disk->mirror = mirror;
}

static json_t *mirror_args(const CopyTask *copy, const QemuBlockJob *job, const VhDisk *disk)
{
        _vh_free_ char *node = qemu_format_node(&disk->src), *target = qemu_format_node(copy->dest);
        json_t *args = qemu_block_job_args(job, copy->speed);

        qj_str(args, "device", node);
        qj_str(args, "target", target);
        qj_uint(args, "granularity", copy->granularity);
        qj_uint(args, "buf-size", (json_int_t)copy->buffer);
        qj_str(args, "sync", copy->flags & COPY_SHALLOW ? "top" : "full");
        if (copy->flags & VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES)
                qj_str(args, "copy-mode", "write-blocking");
        return args;
}

static bool is_shallow(const CopyTask *copy, const VhDisk *disk)
{
        return copy->flags & COPY_SHALLOW && qemu_backing(&disk->src);
}

static int plan_with(CopyTask *copy, VhDisk *disk, const QemuBuild *b)
{
        QemuProcess *proc = qemu_process(copy->block.task.dom);
        const QemuBlockSize *size = &copy->size;
        bool shallow = is_shallow(copy, disk);
        QemuNewImage image = {
                .disk = disk,
                .src = copy->dest,
                .backing = shallow ? qemu_backing(&disk->src) : NULL,
                .capacity = size->capacity,
                .cluster = copy->dest->format == disk->format ? size->cluster : 0,
                .reuse = copy->flags & COPY_REUSE,
                .open_backing = shallow,
        };
        QemuBlockJob *job;
        int r = qemu_plan_new_image(b, proc, &image, &copy->block.plan);

        if (r < 0)
                return r;
        job = qemu_block_job_add(proc, QEMU_BLOCK_JOB_COPY, disk,
                                 vh_xasprintf("copy-%s-libvirt-%u-format", disk->target, disk->src.index.val));
        job->flags = copy->flags;
        job->shallow_new = shallow && !image.reuse;
        add_mirror(disk, copy->dest);
        qemu_audit_image(qemu_process(copy->block.task.dom), "mirror", NULL, copy->dest, true);
        qemu_plan_add(&copy->block.plan, qmp_command_args("blockdev-mirror", mirror_args(copy, job, disk)), NULL);
        return 0;
}

static int plan(CopyTask *copy, VhError **err)
{
        VhDisk *disk = NULL;
        QemuProcess *proc;
        QemuLaunch launch;
        QemuBuild b;
        int r = vh_domain_obj_check_active(copy->block.task.dom, VIR_FROM_DOMAIN, err);

        if (r == 0)
                r = check(copy, &disk, err);
        if (r < 0)
                return r;
        proc = qemu_process(copy->block.task.dom);
        b = qemu_change_build(proc, copy->block.task.dom->def, &launch, err);
        qemu_host_work_adopt(copy->work, proc, &launch);
        r = plan_with(copy, disk, &b);
        qemu_launch_done(&launch);
        return r;
}

static void host_ready(void *data, int r, const VhError *error)
{
        CopyTask *copy = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = plan(copy, &err);
        copy->work = qemu_host_work_drop(copy->work, false);
        if (r < 0) {
                qemu_task_end(&copy->block.task, r, err);
                return;
        }
        qemu_status_save(copy->block.task.dom);
        qemu_block_task_run(&copy->block, copy_started);
}

/* The destination as it will be open, and who gets what that needs. */
static void prepare(CopyTask *copy, const VhDisk *disk)
{
        QemuProcess *proc = qemu_process(copy->block.task.dom);
        QemuLaunch launch;

        /* What is behind an image that gets all is not opened. */
        if (!is_shallow(copy, disk))
                qemu_chain_close(copy->dest);
        qemu_source_number(proc, copy->dest);
        (void)qemu_change_build(proc, copy->block.task.dom->def, &launch, NULL);
        copy->work = qemu_host_work_new();
        qemu_image_secrets_want(&launch, copy->dest, copy->work);
        qemu_host_work_go(copy->work, proc->driver->pool, host_ready, copy);
}

static void followed(void *data, int r, const VhError *error)
{
        CopyTask *copy = data;
        VhError *err = vh_error_copy(error);
        VhDisk *disk = NULL;

        r = r < 0 ? r : vh_domain_obj_check_active(copy->block.task.dom, VIR_FROM_DOMAIN, &err);
        r = r < 0 ? r : check(copy, &disk, &err);
        if (r == 0)
                qemu_host_work_adopt(copy->work, qemu_process(copy->block.task.dom), NULL);
        copy->work = qemu_host_work_drop(copy->work, false);
        if (r < 0)
                qemu_task_end(&copy->block.task, r, err);
        else
                prepare(copy, disk);
}

/* An image that is there may stand on others. */
static void follow(CopyTask *copy, const VhDisk *disk)
{
        copy->work = qemu_host_work_new();
        if (is_shallow(copy, disk) && copy->flags & COPY_REUSE)
                qemu_chain_want_source(copy->dest, copy->work);
        qemu_host_work_go(copy->work, copy->block.task.driver->pool, followed, copy);
}

static void got_size(QemuTask *task, json_t *ret)
{
        CopyTask *copy = (CopyTask *)task;
        VhError *err = NULL;
        VhDisk *disk = NULL;
        int r = check(copy, &disk, &err);

        if (r == 0)
                r = qemu_block_size(ret, &disk->src, &copy->size, &err);
        copy->size.bitmaps = NULL;
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                follow(copy, disk);
}

static void copy_run(QemuTask *task)
{
        VhError *err = NULL;
        VhDisk *disk;
        int r = check((CopyTask *)task, &disk, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_size);
}

static const QemuTaskClass copy_class = {
        .api = "remoteDispatchDomainBlockCopy",
        .size = sizeof(CopyTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = copy_run,
        .cleanup = copy_cleanup,
};

/* ---- calls ---- */

static CopyTask *copy_new(VhCall *call, const remote_nonnull_domain *wire, const char *disk, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        CopyTask *copy;

        if (!dom || vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) < 0)
                return NULL;
        copy = (CopyTask *)qemu_task_new(qemu_driver(call), dom, call, &copy_class);
        copy->disk = vh_xstrdup(disk);
        return copy;
}

/* Ends a task that has not begun; the handler reports the error itself. */
static int give_up(CopyTask *copy, int r)
{
        copy->block.task.call = NULL;
        qemu_task_end(&copy->block.task, r, NULL);
        return r;
}

/* The older form: the copy's file instead of a base. */
static int rebase_copy(VhCall *call, const remote_domain_block_rebase_args *args, VhError **err)
{
        CopyTask *copy;
        int r = 0;

        if (!args->base)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                      "base is required when starting a copy");
        copy = copy_new(call, &args->dom, args->path, err);
        if (!copy)
                return -EINVAL;
        r = qemu_block_speed(args->bandwidth, args->flags & VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES, &copy->speed, err);
        if (r < 0)
                return give_up(copy, r);
        copy->dest = qemu_source_file(args->base,
                                      args->flags & VIR_DOMAIN_BLOCK_REBASE_COPY_RAW ? VH_STORAGE_FORMAT_RAW : 0);
        if (args->flags & VIR_DOMAIN_BLOCK_REBASE_COPY_DEV)
                copy->dest->type = VH_DISK_TYPE_BLOCK;
        if (args->flags & VIR_DOMAIN_BLOCK_REBASE_SHALLOW)
                copy->flags |= COPY_SHALLOW;
        if (args->flags & VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT)
                copy->flags |= COPY_REUSE;
        return qemu_task_go(&copy->block.task);
}

QEMU_OP(domain_block_rebase)
{
        enum {
                COPY_ONLY = VIR_DOMAIN_BLOCK_REBASE_SHALLOW | VIR_DOMAIN_BLOCK_REBASE_REUSE_EXT |
                            VIR_DOMAIN_BLOCK_REBASE_COPY_RAW | VIR_DOMAIN_BLOCK_REBASE_COPY_DEV,
                KNOWN = COPY_ONLY | VIR_DOMAIN_BLOCK_REBASE_COPY | VIR_DOMAIN_BLOCK_REBASE_RELATIVE |
                        VIR_DOMAIN_BLOCK_REBASE_BANDWIDTH_BYTES,
        };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainBlockRebase", err);

        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_BLOCK_REBASE_COPY)
                return rebase_copy(call, args, err);
        if (args->flags & COPY_ONLY)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                      "use of flags in %s requires a copy job", "virDomainBlockRebase");
        return qemu_block_pull(call, &args->dom, args->path, args->base, args->bandwidth, args->flags, err);
}

static int read_params(CopyTask *copy, const remote_domain_block_copy_args *args, VhError **err)
{
        static const VhTypedField fields[] = {
                { VIR_DOMAIN_BLOCK_COPY_BANDWIDTH, VIR_TYPED_PARAM_ULLONG, false },
                { VIR_DOMAIN_BLOCK_COPY_GRANULARITY, VIR_TYPED_PARAM_UINT, false },
                { VIR_DOMAIN_BLOCK_COPY_BUF_SIZE, VIR_TYPED_PARAM_ULLONG, false },
        };
        const remote_typed_param *p;
        int r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);

        if (r < 0)
                return r;
        p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_BLOCK_COPY_BANDWIDTH);
        r = p ? qemu_block_speed(p->value.ul, true, &copy->speed, err) : 0;
        p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_BLOCK_COPY_GRANULARITY);
        copy->granularity = p ? p->value.ui : 0;
        p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_BLOCK_COPY_BUF_SIZE);
        copy->buffer = p ? p->value.ul : 0;
        if (r == 0 && copy->granularity & (copy->granularity - 1))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "granularity must be power of 2");
        if (r == 0 && copy->buffer > INT64_MAX)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OVERFLOW, "buf_size %llu is too large",
                                 (unsigned long long)copy->buffer);
        return r;
}

static int read_dest(CopyTask *copy, const char *xml, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        void *disk = NULL;
        int r = vh_xml_doc_parse_root(&root, xml, "(disk_definition)", VIR_FROM_DOMAIN, "disk", err);

        if (r == 0)
                r = vh_xml_bind_parse_new(&vh_table_disk, root, &disk, VH_XML_INACTIVE, NULL, err);
        if (r == 0)
                copy->dest = qemu_disk_top(disk);
        vh_xml_bind_free(&vh_table_disk, disk);
        if (r == 0 && (copy->dest->type == VH_DISK_TYPE_FILE || copy->dest->type == VH_DISK_TYPE_BLOCK) &&
            !copy->dest->path)
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "missing source for disk");
        return r;
}

QEMU_OP(domain_block_copy)
{
        enum {
                KNOWN = VIR_DOMAIN_BLOCK_COPY_SHALLOW | VIR_DOMAIN_BLOCK_COPY_REUSE_EXT |
                        VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB | VIR_DOMAIN_BLOCK_COPY_SYNCHRONOUS_WRITES,
        };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainBlockCopy", err);
        CopyTask *copy = r < 0 ? NULL : copy_new(call, &args->dom, args->path, err);

        if (!copy)
                return r < 0 ? r : -EINVAL;
        copy->flags = args->flags;
        r = read_params(copy, args, err);
        if (r == 0)
                r = read_dest(copy, args->destxml, err);
        return r < 0 ? give_up(copy, r) : qemu_task_go(&copy->block.task);
}
