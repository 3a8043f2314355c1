/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counters and sizes of disks. */

#include <errno.h>
#include <sys/stat.h>

#include "image-backing.h"
#include "live-stats.h"
#include "qemu-ops.h"
#include "task.h"

enum { BLOCK = 512 }; /* of st_blocks */

bool qemu_block_is_of(const char *qdev, const char *alias)
{
        const char *rest = qdev ? vh_startswith(qdev, "/machine/peripheral/") : NULL;
        const char *end = vh_startswith(rest ? rest : qdev ? qdev : "", alias);

        return end && (*end == '\0' || *end == '/');
}

static int64_t counter(const json_t *stats, const char *name)
{
        return json_integer_value(json_object_get(stats, name));
}

bool qemu_block_stats_find(const json_t *answer, const char *alias, QemuBlockStats *out)
{
        const json_t *item, *s;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                if (!alias || !qemu_block_is_of(json_string_value(json_object_get(item, "qdev")), alias))
                        continue;
                s = json_object_get(item, "stats");
                *out = (QemuBlockStats){
                        counter(s, "rd_operations"),
                        counter(s, "rd_bytes"),
                        counter(s, "rd_total_time_ns"),
                        counter(s, "wr_operations"),
                        counter(s, "wr_bytes"),
                        counter(s, "wr_total_time_ns"),
                        counter(s, "flush_operations"),
                        counter(s, "flush_total_time_ns"),
                        counter(json_object_get(json_object_get(item, "parent"), "stats"), "wr_highest_offset"),
                };
                return true;
        }
        return false;
}

static void local_size(const VhDisk *disk, remote_domain_get_block_info_ret *sizes)
{
        struct stat st;

        if (!disk->src.path || stat(disk->src.path, &st) < 0)
                return;
        sizes->physical = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : sizes->capacity;
}

bool qemu_block_sizes_find(const json_t *answer, const VhDisk *disk, remote_domain_get_block_info_ret *sizes)
{
        _vh_free_ char *name = vh_xasprintf("libvirt-%u-format", disk->src.index.val);
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                const json_t *image = json_object_get(item, "image");

                if (!vh_streq(json_string_value(json_object_get(item, "node-name")), name))
                        continue;
                sizes->capacity = (uint64_t)counter(image, "virtual-size");
                sizes->physical = sizes->capacity;
                local_size(disk, sizes);
                return true;
        }
        return false;
}

/* The disk that a client names by target or path. */
static const VhDisk *find_disk(const VhDomainDef *def, const char *path, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->target, path) || vh_streq(def->disks.items[i]->src.path, path))
                        return def->disks.items[i];
        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid path: %s", path);
        return NULL;
}

/* Counters of one disk, or of all when the path is empty. */
static int sum_stats(const VhDomainDef *def, const char *path, const json_t *answer, QemuBlockStats *sum, VhError **err)
{
        const VhDisk *disk = *path ? find_disk(def, path, err) : NULL;

        if (*path && !disk)
                return -EINVAL;
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *d = def->disks.items[i];
                QemuBlockStats s = { 0 };

                if (disk && d != disk)
                        continue;
                if (!qemu_block_stats_find(answer, d->info.alias, &s) && disk)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "cannot find statistics for device '%s'", d->target);
                *sum = (QemuBlockStats){
                        sum->rd_req + s.rd_req,       sum->rd_bytes + s.rd_bytes,       sum->rd_times + s.rd_times,
                        sum->wr_req + s.wr_req,       sum->wr_bytes + s.wr_bytes,       sum->wr_times + s.wr_times,
                        sum->flush_req + s.flush_req, sum->flush_times + s.flush_times,
                };
        }
        return 0;
}

static void got_block_stats(QemuTask *task, json_t *answer)
{
        const remote_domain_block_stats_args *args = task->call->args;
        remote_domain_block_stats_ret *ret = task->call->ret;
        QemuBlockStats sum = { 0 };
        VhError *err = NULL;
        int r = sum_stats(task->dom->def, args->path, answer, &sum, &err);

        ret->rd_req = sum.rd_req;
        ret->rd_bytes = sum.rd_bytes;
        ret->wr_req = sum.wr_req;
        ret->wr_bytes = sum.wr_bytes;
        ret->errs = -1;
        qemu_task_end(task, r, err);
}

static void got_block_stats_flags(QemuTask *task, json_t *answer)
{
        const remote_domain_block_stats_flags_args *args = task->call->args;
        remote_domain_block_stats_flags_ret *ret = task->call->ret;
        VhTypedList list = VH_TYPED_LIST(task->call);
        QemuBlockStats sum = { 0 };
        VhError *err = NULL;
        int r = sum_stats(task->dom->def, args->path, answer, &sum, &err);

        vh_typed_add_llong(&list, "wr_bytes", sum.wr_bytes);
        vh_typed_add_llong(&list, "wr_operations", sum.wr_req);
        vh_typed_add_llong(&list, "rd_bytes", sum.rd_bytes);
        vh_typed_add_llong(&list, "rd_operations", sum.rd_req);
        vh_typed_add_llong(&list, "flush_operations", sum.flush_req);
        vh_typed_add_llong(&list, "wr_total_times", sum.wr_times);
        vh_typed_add_llong(&list, "rd_total_times", sum.rd_times);
        vh_typed_add_llong(&list, "flush_total_times", sum.flush_times);
        if (r == 0)
                VH_TYPED_ANSWER(args, ret, &list);
        qemu_task_end(task, r, err);
}

static void block_stats_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-blockstats", NULL), got_block_stats);
}

static void block_stats_flags_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-blockstats", NULL), got_block_stats_flags);
}

static const QemuTaskClass block_stats_class = {
        .api = "remoteDispatchDomainBlockStats",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = block_stats_run,
};
static const QemuTaskClass block_stats_flags_class = {
        .api = "remoteDispatchDomainBlockStatsFlags",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = block_stats_flags_run,
};

QEMU_OP_RET(domain_block_stats)
{
        return qemu_task_start(call, &args->dom, &block_stats_class, NULL, err);
}

QEMU_OP_RET(domain_block_stats_flags)
{
        int r = vh_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU, "qemuDomainBlockStatsFlags",
                               err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &block_stats_flags_class, NULL, err);
}

/* ---- sizes ---- */

/* The same disk, in the words of this call. */
static const VhDisk *find_assigned(const VhDomainDef *def, const char *path, VhError **err)
{
        const VhDisk *disk = find_disk(def, path, NULL);

        if (!disk)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid path %s not assigned to domain", path);
        return disk;
}

static void got_nodes(QemuTask *task, json_t *answer)
{
        const remote_domain_get_block_info_args *args = task->call->args;
        VhError *err = NULL;
        const VhDisk *disk = find_assigned(task->dom->def, args->path, &err);
        int r = disk ? 0 : -EINVAL;

        if (disk && !qemu_block_sizes_find(answer, disk, task->call->ret))
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "QEMU has no image for disk '%s'",
                                 disk->target);
        qemu_task_end(task, r, err);
}

static void got_highest(QemuTask *task, json_t *answer)
{
        const remote_domain_get_block_info_args *args = task->call->args;
        remote_domain_get_block_info_ret *ret = task->call->ret;
        const VhDisk *disk = find_disk(task->dom->def, args->path, NULL);
        QemuBlockStats stats;

        if (disk && qemu_block_stats_find(answer, disk->info.alias, &stats))
                ret->allocation = (uint64_t)stats.highest;
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static void block_info_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-blockstats", NULL), got_highest);
}

static const QemuTaskClass block_info_class = {
        .api = "remoteDispatchDomainGetBlockInfo",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = block_info_run,
};

/* What a guest would see of an image that is not in use. */
static int stored_capacity(const VhDisk *disk, uint64_t *capacity, VhError **err)
{
        int r;

        if (disk->format <= VH_STORAGE_FORMAT_RAW)
                return 0;
        if (disk->format != VH_STORAGE_FORMAT_QCOW2)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "the size of '%s' is not known while the guest does not run: its format is neither "
                                    "raw nor qcow2",
                                    disk->src.path);
        r = qemu_qcow2_capacity(disk->src.path, capacity);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, -r, "cannot read the qcow2 header of '%s'", disk->src.path) : 0;
}

/* Of a guest that does not run. Formats besides raw and qcow2 would have to be opened. */
static int inactive_info(const VhDomainDef *def, const char *path, remote_domain_get_block_info_ret *ret, VhError **err)
{
        const VhDisk *disk = find_assigned(def, path, err);
        struct stat st;

        if (!disk)
                return -EINVAL;
        if (!disk->src.path || stat(disk->src.path, &st) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, disk->src.path ? errno : ENOENT, "failed to stat '%s'", path);
        ret->allocation = (uint64_t)st.st_blocks * BLOCK;
        ret->physical = ret->capacity = (uint64_t)st.st_size;
        return stored_capacity(disk, &ret->capacity, err);
}

QEMU_OP_RET(domain_get_block_info)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetBlockInfo", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        if (!vh_domain_obj_active(dom))
                return inactive_info(dom->def, args->path, ret, err);
        return qemu_task_start(call, &args->dom, &block_info_class, NULL, err);
}
