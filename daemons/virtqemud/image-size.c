/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How large images are: what a guest sees of them, and what they take on the host. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "block-job.h"
#include "image/head.h"
#include "live-stats.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "task.h"

enum { BLOCK = 512 }; /* of st_blocks */

/* ---- on the host ---- */

static uint64_t device_size(const char *path)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

        return end < 0 ? 0 : (uint64_t)end;
}

/* Of an image that is a device only its guest's QEMU could tell how much of it is used, unless all of it is the disk.
 */
static int host_size(const char *path, QemuImageSize *ret)
{
        struct stat st;

        if (!path || stat(path, &st) < 0)
                return path ? -errno : -ENOENT;
        *ret = (QemuImageSize){ 0 };
        if (S_ISBLK(st.st_mode))
                ret->physical = device_size(path);
        else {
                ret->used = (uint64_t)st.st_blocks * BLOCK;
                ret->physical = (uint64_t)st.st_size;
        }
        ret->capacity = ret->physical;
        return 0;
}

static int stored_capacity(const VhDisk *disk, QemuImageSize *ret, VhError **err)
{
        VhImageHead head;
        int r;

        if (disk->format <= VH_STORAGE_FORMAT_RAW) {
                if (disk->src.type == VH_DISK_TYPE_BLOCK)
                        ret->used = ret->physical;
                return 0;
        }
        r = vh_image_head_read(disk->src.path, disk->format, &head);
        vh_image_head_done(&head);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, -r, "cannot read the header of '%s'", disk->src.path);
        if (!head.header.valid)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "the size of '%s' is not known while the guest does not run: it has no header of "
                                    "format '%s' that tells it",
                                    disk->src.path, vh_xml_names_text(&vh_storage_format_names, disk->format));
        ret->capacity = head.header.capacity;
        return 0;
}

int qemu_image_size_stored(const VhDisk *disk, QemuImageSize *ret, VhError **err)
{
        int r = host_size(disk->src.path, ret);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "failed to stat '%s'",
                                    disk->src.path ? disk->src.path : disk->target);
        return stored_capacity(disk, ret, err);
}

/* ---- in QEMU ---- */

static uint64_t number(const json_t *object, const char *key)
{
        return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const json_t *find_node(const json_t *answer, const char *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                if (vh_streq(json_string_value(json_object_get(item, "node-name")), name))
                        return item;
        }
        return NULL;
}

bool qemu_image_size_find(const json_t *answer, const VhDiskSource *src, QemuImageSize *ret)
{
        _vh_free_ char *format = qemu_format_node(src), *storage = qemu_storage_node(src);
        const json_t *image = json_object_get(find_node(answer, format), "image");
        const json_t *file = find_node(answer, storage);

        if (!image)
                return false;
        *ret = (QemuImageSize){
                .capacity = number(image, "virtual-size"),
                .used = number(image, "actual-size"),
                .physical = number(json_object_get(file, "image"), "virtual-size"),
                .threshold = number(file, "write_threshold"),
        };
        if (!ret->physical)
                ret->physical = ret->used ? ret->used : ret->capacity;
        return true;
}

/* ---- the call ---- */

static int check_disk(const VhDisk *disk, const char *path, VhError **err)
{
        if (!disk)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid path %s not assigned to domain",
                                    path);
        if (qemu_disk_is_empty(disk))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "disk '%s' does not currently have a source assigned", path);
        return 0;
}

static void answer(const QemuImageSize *size, uint64_t highest, remote_domain_get_block_info_ret *ret)
{
        ret->capacity = size->capacity;
        ret->allocation = size->used ? size->used : highest;
        ret->physical = size->physical;
}

/* Of a guest that runs the size of the file is still to be asked. */
typedef struct FileSize {
        QemuTask *task;
        char *path;
        QemuImageSize size;
} FileSize;

static int file_work(void *data)
{
        FileSize *file = data;
        QemuImageSize host;

        if (host_size(file->path, &host) == 0)
                file->size.physical = host.physical;
        return 0;
}

static void file_done(void *data, int r)
{
        FileSize *file = data;
        remote_domain_get_block_info_ret *ret = file->task->call->ret;

        answer(&file->size, ret->allocation, ret);
        qemu_task_end(file->task, 0, NULL);
        free(file->path);
        free(file);
}

static void ask_file(QemuTask *task, const VhDisk *disk, const QemuImageSize *size)
{
        FileSize *file = vh_new(FileSize, 1);

        *file = (FileSize){ task, vh_xstrdup(disk->src.path), *size };
        vh_pool_submit(task->driver->pool, file_work, file_done, file);
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        const remote_domain_get_block_info_args *args = task->call->args;
        const VhDisk *disk = qemu_disk_find(task->dom->def, args->path);
        QemuImageSize size;
        VhError *err = NULL;
        int r = check_disk(disk, args->path, &err);

        if (r == 0 && qemu_image_size_find(nodes, &disk->src, &size)) {
                ask_file(task, disk, &size);
                return;
        }
        if (r == 0)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "QEMU has no image for disk '%s'",
                                 disk->target);
        qemu_task_end(task, r, err);
}

static void got_highest(QemuTask *task, json_t *blocks)
{
        const remote_domain_get_block_info_args *args = task->call->args;
        remote_domain_get_block_info_ret *ret = task->call->ret;
        const VhDisk *disk = qemu_disk_find(task->dom->def, args->path);
        QemuBlockStats stats;

        if (disk && qemu_block_stats_find(blocks, disk->info.alias, &stats))
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

/* Of a guest that does not run: files can hang, so that a worker looks at them. */
typedef struct StoredSize {
        VhCall *call;
        VhDisk disk; /* no more of it than the worker needs */
        QemuImageSize size;
        VhError *err;
} StoredSize;

static int stored_work(void *data)
{
        StoredSize *stored = data;

        return qemu_image_size_stored(&stored->disk, &stored->size, &stored->err);
}

static void stored_done(void *data, int r)
{
        StoredSize *stored = data;

        if (r == 0)
                answer(&stored->size, 0, stored->call->ret);
        vh_call_finish(stored->call, r, stored->err);
        free(stored->disk.src.path);
        free(stored->disk.target);
        free(stored);
}

static int inactive_info(VhCall *call, const VhDomainDef *def, const char *path, VhError **err)
{
        const VhDisk *disk = qemu_disk_find(def, path);
        int r = check_disk(disk, path, err);
        StoredSize *stored;

        if (r < 0)
                return r;
        stored = vh_new(StoredSize, 1);
        stored->call = call;
        stored->disk.format = disk->format;
        stored->disk.src.type = disk->src.type;
        stored->disk.src.path = vh_xstrdup(disk->src.path);
        stored->disk.target = vh_xstrdup(disk->target);
        vh_pool_submit(qemu_driver(call)->pool, stored_work, stored_done, stored);
        return VH_LATER;
}

QEMU_OP_RET(domain_get_block_info)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetBlockInfo", err);

        if (!dom || r < 0)
                return dom ? r : -ENOENT;
        if (!vh_domain_obj_active(dom))
                return inactive_info(call, dom->def, args->path, err);
        return qemu_task_start(call, &args->dom, &block_info_class, NULL, err);
}
