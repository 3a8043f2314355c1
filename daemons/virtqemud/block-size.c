/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes and errors of a running guest's disks. */

#include <errno.h>

#include "block-ops.h"
#include "live-stats.h"
#include "qemu-ops.h"

int qemu_block_size(const json_t *nodes, const VhDiskSource *src, QemuBlockSize *ret, VhError **err)
{
        _vh_free_ char *name = qemu_format_node(src);
        const json_t *item, *image;
        size_t i;

        json_array_foreach((json_t *)nodes, i, item)
        {
                if (!vh_streq(json_string_value(json_object_get(item, "node-name")), name))
                        continue;
                image = json_object_get(item, "image");
                ret->capacity = (uint64_t)json_integer_value(json_object_get(image, "virtual-size"));
                ret->cluster = (unsigned)json_integer_value(json_object_get(image, "cluster-size"));
                ret->bitmaps = json_object_get(item, "dirty-bitmaps");
                return 0;
        }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "QEMU has no image '%s'", name);
}

static void done(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

/* ---- resize ---- */

enum { SECTOR = 512, KIB = 1024 };

static void resize_run(QemuTask *task)
{
        const remote_domain_block_resize_args *args = task->call->args;
        uint64_t size = args->flags & VIR_DOMAIN_BLOCK_RESIZE_BYTES ? args->size : args->size * KIB;
        VhError *err = NULL;
        const VhDisk *disk = qemu_disk_find(task->dom->def, args->disk);
        _vh_free_ char *node = NULL;
        int r = 0;

        if (!disk)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "disk '%s' was not found in the domain config", args->disk);
        else if (qemu_disk_is_empty(disk) || disk->readonly)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "can't resize empty or readonly disk '%s'", disk->target);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        if (disk->format == VH_STORAGE_FORMAT_QCOW2)
                size = (size + SECTOR - 1) / SECTOR * SECTOR;
        node = qemu_format_node(&disk->src);
        qemu_task_qmp(task, qmp_command("block_resize", "{s:s,s:I}", "node-name", node, "size", (json_int_t)size),
                      done);
}

static const QemuTaskClass resize_class = {
        .api = "remoteDispatchDomainBlockResize",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = resize_run,
};

QEMU_OP(domain_block_resize)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_BLOCK_RESIZE_BYTES, VIR_FROM_QEMU, "qemuDomainBlockResize", err);

        if (r == 0 && args->size > (args->flags & VIR_DOMAIN_BLOCK_RESIZE_BYTES ? INT64_MAX : INT64_MAX / KIB))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OVERFLOW, "size must be less than %llu",
                                 (unsigned long long)INT64_MAX / KIB);
        return r < 0 ? r : qemu_task_start(call, &args->dom, &resize_class, NULL, err);
}

/* ---- thresholds ---- */

/* "vda" or "vda[3]". */
static int check_name(const char *name, VhError **err)
{
        const char *open = strchr(name, '[');
        _vh_free_ char *digits = open ? vh_xstrndup(open + 1, strcspn(open + 1, "]")) : NULL;
        unsigned index;

        if (!open || (vh_parse_uint(digits, &index) == 0 && strcmp(open + 1 + strlen(digits), "]") == 0))
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "failed to parse block device '%s'", name);
}

static void threshold_run(QemuTask *task)
{
        const remote_domain_set_block_threshold_args *args = task->call->args;
        _vh_free_ char *target = vh_xstrndup(args->dev, strcspn(args->dev, "["));
        VhError *err = NULL;
        VhDisk *disk = qemu_disk_find(task->dom->def, target);
        VhDiskSource *src = disk ? qemu_chain_find(disk, NULL, args->dev, NULL, NULL) : NULL;
        _vh_free_ char *node = src ? qemu_storage_node(src) : NULL;
        int r = check_name(args->dev, &err);

        if (r == 0 && !src)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "failed to find disk '%s'", args->dev);
        if (r == 0)
                src->threshold_indexed = strchr(args->dev, '[') != NULL;
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp(task,
                              qmp_command("block-set-write-threshold", "{s:s,s:I}", "node-name", node,
                                          "write-threshold", (json_int_t)args->threshold),
                              done);
}

static const QemuTaskClass threshold_class = {
        .api = "remoteDispatchDomainSetBlockThreshold",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = threshold_run,
};

QEMU_OP(domain_set_block_threshold)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainSetBlockThreshold", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &threshold_class, NULL, err);
}

/* ---- errors ---- */

/* What QEMU says of a disk's last request as virDomainDiskErrorCode. */
static int error_code(const json_t *answer, const char *alias)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                const char *qdev = json_string_value(json_object_get(item, "qdev"));
                const char *status = json_string_value(json_object_get(item, "io-status"));

                if (!qemu_block_is_of(qdev, alias))
                        continue;
                if (vh_streq(status, "nospace"))
                        return VIR_DOMAIN_DISK_ERROR_NO_SPACE;
                return vh_streq(status, "failed") ? VIR_DOMAIN_DISK_ERROR_UNSPEC : VIR_DOMAIN_DISK_ERROR_NONE;
        }
        return VIR_DOMAIN_DISK_ERROR_NONE;
}

static void got_block(QemuTask *task, json_t *answer)
{
        const remote_domain_get_disk_errors_args *args = task->call->args;
        remote_domain_get_disk_errors_ret *ret = task->call->ret;
        const VhDomainDef *def = task->dom->def;

        ret->errors.val = vh_call_new(task->call, remote_domain_disk_error, def->disks.n);
        for (uint32_t i = 0; i < def->disks.n && ret->errors.len < args->maxerrors; i++) {
                int code = error_code(answer, def->disks.items[i]->info.alias);

                if (code != VIR_DOMAIN_DISK_ERROR_NONE)
                        ret->errors.val[ret->errors.len++] = (remote_domain_disk_error){
                                .disk = vh_call_own(task->call, vh_xstrdup(def->disks.items[i]->target)),
                                .error = code,
                        };
        }
        ret->nerrors = (int)ret->errors.len;
        qemu_task_end(task, 0, NULL);
}

static void errors_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-block", NULL), got_block);
}

static const QemuTaskClass errors_class = {
        .api = "remoteDispatchDomainGetDiskErrors",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = errors_run,
};

QEMU_OP_RET(domain_get_disk_errors)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetDiskErrors", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0 && !args->maxerrors) {
                ret->nerrors = (int)dom->def->disks.n;
                return 0;
        }
        return r < 0 ? r : qemu_task_start(call, &args->dom, &errors_class, NULL, err);
}
