/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits of one disk's block I/O as typed parameters. */

#include <errno.h>

#include "block-job.h"
#include "live-edit.h"
#include "live-stats.h"
#include "qemu-ops.h"
#include "task.h"

#define LIMIT_MAX 1000000000000000ull /* what QEMU takes */

/* Values of one kind are set together: what a call leaves out of a kind that it touches is reset. */
typedef enum LimitKind {
        LIMIT_BYTES,
        LIMIT_IOPS,
        LIMIT_BYTES_MAX,
        LIMIT_IOPS_MAX,
        LIMIT_SIZE,
        LIMIT_BYTES_LENGTH,
        LIMIT_IOPS_LENGTH,
        LIMIT_KINDS,
} LimitKind;

static const char *const kind_names[LIMIT_KINDS] = {
        "bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max", NULL, "bytes_sec_max_length", "iops_sec_max_length",
};

#define ROW(kind, field, qemu)                                                                                         \
        {                                                                                                              \
#field, qemu, kind, offsetof(VhDiskIotune, field)                                                      \
        }
#define ROWS(kind, suffix, q, qemu)                                                                                    \
        ROW(kind, total_##suffix, q qemu), ROW(kind, read_##suffix, q "_rd" qemu),                                     \
                ROW(kind, write_##suffix, q "_wr" qemu)

/* In the order of the wire; the name of the group of disks stands behind size_iops_sec. Of three of a kind the first is
 * the total. */
static const struct {
        const char *name;
        const char *qemu; /* in the answer to query-block */
        LimitKind kind;
        size_t offset;
} rows[] = {
        ROWS(LIMIT_BYTES, bytes_sec, "bps", ""),
        ROWS(LIMIT_IOPS, iops_sec, "iops", ""),
        ROWS(LIMIT_BYTES_MAX, bytes_sec_max, "bps", "_max"),
        ROWS(LIMIT_IOPS_MAX, iops_sec_max, "iops", "_max"),
        ROW(LIMIT_SIZE, size_iops_sec, "iops_size"),
        ROWS(LIMIT_BYTES_LENGTH, bytes_sec_max_length, "bps", "_max_length"),
        ROWS(LIMIT_IOPS_LENGTH, iops_sec_max_length, "iops", "_max_length"),
};

/* Of the rows, which are those with bursts, and how far it is to their bursts. */
enum { BURSTABLE = 6, TO_BURST = 6 };

static uint64_t *field(VhDiskIotune *tune, size_t row)
{
        return (uint64_t *)((char *)tune + rows[row].offset);
}

static uint64_t value(const VhDiskIotune *tune, size_t row)
{
        return *field((VhDiskIotune *)(uintptr_t)tune, row);
}

/* By target name, or by the path of its source. */
static VhDisk *find_disk(const VhDomainDef *def, const char *name, VhError **err)
{
        VhDisk *disk = qemu_disk_find(def, name);

        if (!disk)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk '%s' was not found in the domain config",
                             name ? name : "");
        return disk;
}

/* ---- what they are ---- */

static void add_limits(VhCall *call, VhTypedList *list, const VhDiskIotune *tune)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                vh_typed_add_ullong(list, rows[i].name, value(tune, i));
                if (rows[i].kind == LIMIT_SIZE)
                        vh_typed_add_string(list, "group_name", vh_call_strdup(call, tune->group_name));
        }
}

static void answer_limits(VhCall *call, const VhDiskIotune *tune)
{
        const remote_domain_get_block_io_tune_args *args = call->args;
        remote_domain_get_block_io_tune_ret *ret = call->ret;
        VhTypedList list = VH_TYPED_LIST(call);

        add_limits(call, &list, tune);
        VH_TYPED_ANSWER(args, ret, &list);
}

/* Of a running guest QEMU knows what it made of them. */
static void got_block(QemuTask *task, json_t *answer)
{
        const remote_domain_get_block_io_tune_args *args = task->call->args;
        VhDiskIotune tune = { 0 };
        VhError *err = NULL;
        const VhDisk *disk = find_disk(task->dom->def, args->disk, &err);
        const json_t *image = disk ? json_object_get(qemu_block_find(answer, disk->info.alias), "inserted") : NULL;

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                *field(&tune, i) = (uint64_t)json_integer_value(json_object_get(image, rows[i].qemu));
        tune.group_name = (char *)(uintptr_t)json_string_value(json_object_get(image, "group"));
        if (disk)
                answer_limits(task->call, &tune);
        qemu_task_end(task, disk ? 0 : -EINVAL, err);
}

static void limits_run(QemuTask *task)
{
        const remote_domain_get_block_io_tune_args *args = task->call->args;
        VhError *err = NULL;

        if (find_disk(task->dom->def, args->disk, &err))
                qemu_task_qmp(task, qmp_command("query-block", NULL), got_block);
        else
                qemu_task_end(task, -EINVAL, err);
}

static const QemuTaskClass limits_class = {
        .api = "remoteDispatchDomainGetBlockIoTune",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = limits_run,
};

QEMU_OP_RET(domain_get_block_io_tune)
{
        static const VhDiskIotune none = { 0 };
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const VhDomainDef *def;
        const VhDisk *disk;
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetBlockIoTune", err);

        if (r < 0 || !dom)
                return dom ? r : -ENOENT;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        /* A client that asks for the number of parameters need not name a disk. */
        disk = args->nparams ? find_disk(def, args->disk, err) : NULL;
        if (args->nparams && !disk)
                return -EINVAL;
        if (disk && def == dom->def && vh_domain_obj_active(dom))
                return qemu_task_start(call, &args->dom, &limits_class, NULL, err);
        answer_limits(call, disk && disk->iotune ? disk->iotune : &none);
        return 0;
}

/* ---- what they become ---- */

static const remote_typed_param *param(const remote_domain_set_block_io_tune_args *args, const char *name)
{
        return vh_typed_find(args->params.val, args->params.len, name);
}

/* Which kinds a call touches. */
static unsigned touched_by(const remote_domain_set_block_io_tune_args *args)
{
        unsigned kinds = 0;

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (param(args, rows[i].name))
                        kinds |= 1U << rows[i].kind;
        return kinds;
}

static bool is_length(LimitKind kind)
{
        return kind == LIMIT_BYTES_LENGTH || kind == LIMIT_IOPS_LENGTH;
}

/* A second is QEMU's own length, and a length does not go back to none, unless total and read/write change places.
 * first is the row of the total. */
static void keep_lengths(VhDiskIotune *tune, const VhDiskIotune *before, size_t first)
{
        bool total = value(tune, first), parts = value(tune, first + 1) || value(tune, first + 2);

        for (size_t i = first; i < first + 3; i++)
                if (!value(tune, i) && value(before, i) && !(i == first ? parts : total))
                        *field(tune, i) = 1;
}

static int set_values(VhDiskIotune *tune, const remote_domain_set_block_io_tune_args *args, VhError **err)
{
        const VhDiskIotune before = *tune;
        unsigned touched = touched_by(args);

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const remote_typed_param *p = param(args, rows[i].name);
                uint64_t wanted = p ? p->value.ul : 0;

                if (wanted > LIMIT_MAX)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                            "block I/O throttle limit value must be no more than %llu", LIMIT_MAX);
                if (touched & 1U << rows[i].kind)
                        *field(tune, i) = wanted;
        }
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (is_length(rows[i].kind) && touched & 1U << rows[i].kind && rows[i - 1].kind != rows[i].kind)
                        keep_lengths(tune, &before, i);
        return 0;
}

static int check_totals(const VhDiskIotune *tune, VhError **err)
{
        for (size_t i = 0; i + 2 < VH_ARRAY_SIZE(rows); i++) {
                LimitKind kind = rows[i].kind;
                bool first = i == 0 || rows[i - 1].kind != kind;

                if (first && kind_names[kind] && value(tune, i) && (value(tune, i + 1) || value(tune, i + 2)))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                            "total and read/write of %s cannot be set at the same time",
                                            kind_names[kind]);
        }
        return 0;
}

static bool has_limits(const VhDiskIotune *tune)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (value(tune, i) && rows[i].kind != LIMIT_SIZE)
                        return true;
        return false;
}

/* The limits of a group of disks, NULL if it has no disk yet. */
static const VhDiskIotune *limits_of_group(const VhDomainDef *def, const char *group)
{
        for (uint32_t i = 0; group && *group && i < def->disks.n; i++) {
                const VhDiskIotune *tune = def->disks.items[i]->iotune;

                if (tune && vh_streq(tune->group_name, group))
                        return tune;
        }
        return NULL;
}

static void store(VhDisk *disk, const VhDiskIotune *tune, const char *group)
{
        char *name = vh_xstrdup(group);

        if (!disk->iotune)
                disk->iotune = vh_new(VhDiskIotune, 1);
        free(disk->iotune->group_name);
        *disk->iotune = *tune;
        disk->iotune->group_name = name;
}

/* All disks of a group have the same limits. */
static void store_all(VhDomainDef *def, VhDisk *disk, const VhDiskIotune *tune, const char *group)
{
        _vh_free_ char *name = group && *group ? vh_xstrdup(group) : NULL;

        store(disk, tune, name);
        for (uint32_t i = 0; name && i < def->disks.n; i++) {
                VhDisk *other = def->disks.items[i];

                if (other != disk && other->iotune && vh_streq(other->iotune->group_name, name))
                        store(other, tune, name);
        }
}

static int edit_limits(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_block_io_tune_args *args = opaque;
        const remote_typed_param *name = param(args, "group_name");
        VhDisk *disk = find_disk(def, args->disk, err);
        const VhDiskIotune *have = disk ? disk->iotune : NULL, *base;
        const char *group = name ? name->value.s : have ? have->group_name : NULL;
        VhDiskIotune tune = { 0 };
        int r;

        if (!disk)
                return -EINVAL;
        base = name ? limits_of_group(def, group) : NULL;
        base = base ? base : have;
        if (base)
                tune = *base;
        r = set_values(&tune, args, err);
        r = r < 0 ? r : check_totals(&tune, err);
        if (r < 0)
                return r;
        if (!has_limits(&tune) && name && *group && !(have && vh_streq(have->group_name, group)))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "creating a new group/updating existing with all tune parameters zero is not "
                                    "supported");
        /* Without limits it is in no group either. */
        store_all(def, disk, &tune, has_limits(&tune) ? group : NULL);
        return 0;
}

/* ---- what QEMU is told ---- */

/* Why QEMU would not take them. */
static int check_bursts(const VhDiskIotune *tune, unsigned touched, VhError **err)
{
        for (size_t i = 0; i < BURSTABLE; i++) {
                const char *name = rows[i].name;
                uint64_t limit = value(tune, i), burst = value(tune, i + TO_BURST);

                if (!burst || (limit && burst >= limit))
                        continue;
                if (limit)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "value '%s_max' cannot be smaller than '%s'", name, name);
                if (touched & (1U << rows[i].kind | 1U << rows[i + TO_BURST].kind))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "cannot reset '%s' when '%s_max' is set", name, name);
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "value '%s_max' cannot be set if '%s' is not set", name, name);
        }
        return 0;
}

static int plan_limits(QemuPlan *plan, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_block_io_tune_args *args = opaque;
        const remote_typed_param *name = param(args, "group_name");
        const VhDisk *disk = find_disk(def, args->disk, err);
        int r = disk ? check_bursts(disk->iotune, touched_by(args), err) : -EINVAL;
        json_t *limits;

        if (r < 0)
                return r;
        limits = qemu_throttle_props(disk);
        /* One that leaves its group says so. */
        if (name && !disk->iotune->group_name)
                json_object_set_new(limits, "group", json_string(""));
        qemu_plan_add(plan, qmp_command_args("block_set_io_throttle", limits), NULL);
        return 0;
}

static void tell_limits(VhTypedList *list, const VhDomainDef *def, const void *opaque)
{
        const remote_domain_set_block_io_tune_args *args = opaque;
        const VhDisk *disk = find_disk(def, args->disk, NULL);

        vh_typed_add_string(list, "blkdeviotune.disk", disk ? disk->target : args->disk);
        qemu_tell_params(list, "blkdeviotune.", args->params.val, args->params.len);
}

QEMU_OP(domain_set_block_io_tune)
{
        static const QemuValues limits = { .edit = edit_limits, .plan = plan_limits, .tell = tell_limits };
        VhTypedField fields[VH_ARRAY_SIZE(rows) + 1] = { { "group_name", VIR_TYPED_PARAM_STRING, false } };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetBlockIoTune", err);

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                fields[i + 1] = (VhTypedField){ rows[i].name, VIR_TYPED_PARAM_ULLONG, false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &limits, args, err);
}
