/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counters of disks. */

#include <errno.h>

#include "live-stats.h"
#include "qemu-ops.h"
#include "task.h"

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

const json_t *qemu_block_find(const json_t *answer, const char *alias)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                if (alias && qemu_block_is_of(json_string_value(json_object_get(item, "qdev")), alias))
                        return item;
        }
        return NULL;
}

static int64_t highest_offset(const json_t *item)
{
        return counter(json_object_get(json_object_get(item, "parent"), "stats"), "wr_highest_offset");
}

bool qemu_block_stats_find(const json_t *answer, const char *alias, QemuBlockStats *out)
{
        const json_t *item = qemu_block_find(answer, alias), *s = json_object_get(item, "stats");

        if (!item)
                return false;
        *out = (QemuBlockStats){
                counter(s, "rd_operations"),    counter(s, "rd_bytes"),
                counter(s, "rd_total_time_ns"), counter(s, "wr_operations"),
                counter(s, "wr_bytes"),         counter(s, "wr_total_time_ns"),
                counter(s, "flush_operations"), counter(s, "flush_total_time_ns"),
                highest_offset(item),
        };
        return true;
}

uint64_t qemu_block_stats_backing(const json_t *answer, const char *alias, unsigned depth)
{
        const json_t *item = qemu_block_find(answer, alias);

        while (depth--)
                item = json_object_get(item, "backing");
        return (uint64_t)highest_offset(item);
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
