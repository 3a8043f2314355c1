/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading a running guest's memory, and the beginning of an image as it lies on the disk. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "block-job.h"
#include "event/pool.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"
#include "task.h"

/* ---- memory ---- */

typedef struct PeekTask {
        QemuTask task;
        char *path; /* where QEMU writes what was asked for */
} PeekTask;

static void peeked(QemuTask *task, json_t *unused)
{
        remote_domain_memory_peek_ret *ret = task->call->ret;
        const remote_domain_memory_peek_args *args = task->call->args;
        VhError *err = NULL;
        char *data = NULL;
        size_t n = 0;
        int r = vh_file_read(((PeekTask *)task)->path, args->size, &data, &n);

        if (r < 0)
                r = vh_error_sys(&err, VIR_FROM_QEMU, r, "failed to read temporary file created with template %s",
                                 ((PeekTask *)task)->path);
        else {
                ret->buffer.len = (uint32_t)n;
                ret->buffer.val = vh_call_own(task->call, data);
        }
        qemu_task_end(task, r, err);
}

static void peek_run(QemuTask *task)
{
        const remote_domain_memory_peek_args *args = task->call->args;
        const char *command = args->flags == VIR_MEMORY_VIRTUAL ? "memsave" : "pmemsave";
        PeekTask *peek = (PeekTask *)task;

        peek->path = vh_path_join(qemu_process(task->dom)->lib_dir, "memory");
        qemu_task_qmp(task,
                      qmp_command(command, "{s:I,s:I,s:s}", "val", (json_int_t)args->offset, "size",
                                  (json_int_t)args->size, "filename", peek->path),
                      peeked);
}

static void peek_cleanup(QemuTask *task)
{
        PeekTask *peek = (PeekTask *)task;

        if (peek->path)
                (void)unlink(peek->path);
        free(peek->path);
}

static const QemuTaskClass peek_class = {
        .api = "remoteDispatchDomainMemoryPeek",
        .size = sizeof(PeekTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = peek_run,
        .cleanup = peek_cleanup,
};

QEMU_OP_RET(domain_memory_peek)
{
        int r = vh_check_flags(args->flags, VIR_MEMORY_VIRTUAL | VIR_MEMORY_PHYSICAL, VIR_FROM_QEMU,
                               "qemuDomainMemoryPeek", err);

        if (r == 0 && !qemu_domain(call, &args->dom, err))
                r = -ENOENT;
        if (r == 0 && args->flags != VIR_MEMORY_VIRTUAL && args->flags != VIR_MEMORY_PHYSICAL)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL");
        return r < 0 ? r : qemu_task_start(call, &args->dom, &peek_class, NULL, err);
}

/* ---- images ---- */

/* A read that a slow disk may hold up: done by a worker, which knows nothing of the domain. */
typedef struct BlockPeek {
        VhCall *call;
        char *path, *target;
        uint64_t offset;
        uint32_t size;
        uint8_t *data;
        VhError *err;
} BlockPeek;

static int read_at(int fd, BlockPeek *peek)
{
        struct stat st = { 0 };
        off_t end = fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) ? lseek(fd, 0, SEEK_END) : st.st_size;
        uint64_t there = peek->offset < (uint64_t)end ? (uint64_t)end - peek->offset : 0;
        ssize_t n;

        if (there < peek->size)
                return vh_error_set(&peek->err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "'%s' starting from %" PRIu64 " has only %" PRIu64 " bytes available", peek->target,
                                    peek->offset, there);
        for (uint32_t done = 0; done < peek->size; done += (uint32_t)n) {
                n = pread(fd, peek->data + done, peek->size - done, (off_t)(peek->offset + done));
                if (n <= 0)
                        return vh_error_sys(&peek->err, VIR_FROM_QEMU, n < 0 ? errno : EIO, "cannot read '%s'",
                                            peek->path);
        }
        return 0;
}

static int peek_work(void *data)
{
        BlockPeek *peek = data;
        _vh_close_ int fd = open(peek->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0)
                return vh_error_sys(&peek->err, VIR_FROM_QEMU, errno, "cannot open '%s'", peek->path);
        return read_at(fd, peek);
}

static void peek_done(void *data, int r)
{
        BlockPeek *peek = data;
        remote_domain_block_peek_ret *ret = peek->call->ret;

        ret->buffer.len = r < 0 ? 0 : peek->size;
        ret->buffer.val = vh_call_own(peek->call, peek->data);
        vh_call_finish(peek->call, r, peek->err);
        free(peek->path);
        free(peek->target);
        free(peek);
}

/* Only what is as the guest sees it: other formats would show their own insides. */
static int check_image(const VhDisk *disk, const char *name, VhError **err)
{
        if (!disk)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk '%s' not found in domain", name);
        if (qemu_disk_is_empty(disk) || disk->format != VH_STORAGE_FORMAT_RAW)
                return vh_error_set(
                        err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                        "peeking is only supported for disk with 'raw' format not '%s'",
                        qemu_disk_is_empty(disk) ? "none" : vh_xml_names_text(&vh_storage_format_names, disk->format));
        if (disk->src.type != VH_DISK_TYPE_FILE && disk->src.type != VH_DISK_TYPE_BLOCK)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "disk '%s' is not a file or block device of this host", disk->target);
        return 0;
}

QEMU_OP_RET(domain_block_peek)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const VhDisk *disk;
        BlockPeek *peek;
        int r = dom ? vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainBlockPeek", err) : -ENOENT;

        if (r < 0)
                return r;
        disk = qemu_disk_find(dom->def, args->path);
        r = check_image(disk, args->path, err);
        if (r < 0)
                return r;
        peek = vh_new(BlockPeek, 1);
        peek->call = call;
        peek->path = vh_xstrdup(disk->src.path);
        peek->target = vh_xstrdup(disk->target);
        peek->offset = args->offset;
        peek->size = args->size;
        peek->data = vh_xcalloc(1, VH_MAX(args->size, 1u));
        vh_pool_submit(qemu_driver(call)->pool, peek_work, peek_done, peek);
        return VH_LATER;
}
