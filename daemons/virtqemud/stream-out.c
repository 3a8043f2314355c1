/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's state into a descriptor: the limit of its speed, the descriptor, the command, its event, and the end of the
 * program in between. */

#include "stream-out.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "migrate.h"
#include "process.h"
#include "save-image.h"
#include "security.h"

static void stop_following(QemuStreamTask *stream)
{
        QemuProcess *proc = qemu_process(stream->task.dom);

        if (proc && proc->migration_data == stream)
                proc->migration = NULL;
        if (stream->watching)
                qemu_task_stop_waiting(&stream->task);
        stream->watching = false;
}

static void end(QemuStreamTask *stream, int r, VhError *err)
{
        stop_following(stream);
        stream->written(stream, r, err);
}

/* The process ended before its event came. */
static void gone(QemuTask *task)
{
        QemuStreamTask *stream = (QemuStreamTask *)task;
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");

        stream->watching = false;
        end(stream, r, err);
}

static void step_failed(QemuTask *task, int r, const VhError *err)
{
        end((QemuStreamTask *)task, r, vh_error_copy(err));
}

/* QEMU does not always say so. */
static bool is_full(int fd)
{
        struct statvfs fs;

        return fstatvfs(fd, &fs) == 0 && fs.f_blocks && !fs.f_bavail;
}

static void got_reason(QemuTask *task, json_t *ret, int r, const VhError *cause)
{
        QemuStreamTask *stream = (QemuStreamTask *)task;
        const char *why = json_string_value(json_object_get(ret, "error-desc"));
        VhError *err = NULL;

        if (!why)
                why = is_full(stream->fd) ? strerror(ENOSPC) : "unexpectedly failed";
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain %s job: %s", stream->what, why);
        end(stream, r, err);
}

static void packed(void *data, int r, const VhError *err)
{
        end(data, r, vh_error_copy(err));
}

/* All has left QEMU. */
static void got_figures(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuStreamTask *stream = (QemuStreamTask *)task;

        if (r == 0) {
                qemu_stats_tick(&stream->stats);
                qemu_stats_read_qmp(&stream->stats, ret);
                stream->stats.downtime = (uint64_t)json_integer_value(json_object_get(ret, "downtime"));
                stream->stats.has_downtime = true;
                qemu_domain_keep_stats(task->dom, &stream->stats);
                qemu_domain_tell_completed(task->driver, task->dom);
        }
        if (stream->filter)
                qemu_filter_wait(stream->filter, packed, stream);
        else
                end(stream, 0, NULL);
}

static void moved(void *data, const char *status)
{
        QemuStreamTask *stream = data;
        bool done = vh_streq(status, "completed");

        if (!done && !vh_streq(status, "failed") && !vh_streq(status, "cancelled"))
                return;
        stop_following(stream);
        qemu_task_qmp_try(&stream->task, qmp_command("query-migrate", NULL), done ? got_figures : got_reason);
}

static void started(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                step_failed(task, r, err);
        /* What follows comes by event, or with the process' end. */
}

static void got_fd(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = qemu_process(task->dom);

        if (r < 0) {
                step_failed(task, r, err);
                return;
        }
        proc->migration = moved;
        proc->migration_data = task;
        ((QemuStreamTask *)task)->watching = true;
        qemu_task_wait_stopped(task, gone);
        qemu_task_qmp_try(task, qmp_command("migrate", "{s:s}", "uri", "fd:" QEMU_STREAM_FD), started);
}

static int open_end(QemuStreamTask *stream, VhError **err)
{
        int fd = -1, r;

        if (stream->format == QEMU_IMAGE_RAW)
                fd = dup(stream->fd);
        else
                stream->filter =
                        qemu_filter_new(stream->task.driver->env.loop, stream->format, false, stream->fd, &fd, err);
        if (fd < 0)
                return -EMFILE;
        r = qemu_security_label_fd(qemu_process(stream->task.dom), fd, false, err);
        if (r < 0)
                close(fd);
        return r < 0 ? r : fd;
}

static void limit_set(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        VhError *err = r < 0 ? vh_error_copy(error) : NULL;
        int fd = r < 0 ? r : open_end((QemuStreamTask *)task, &err);

        if (fd < 0)
                end((QemuStreamTask *)task, fd, err);
        else
                qemu_task_qmp_fd(task, qmp_command("getfd", "{s:s}", "fdname", QEMU_STREAM_FD), fd, got_fd);
}

void qemu_stream_out(QemuStreamTask *stream, void (*written)(QemuStreamTask *stream, int r, VhError *err))
{
        stream->written = written;
        qemu_stats_start(&stream->stats, stream->operation);
        qemu_task_qmp_try(&stream->task,
                          qmp_command("migrate-set-parameters", "{s:I}", "max-bandwidth", (json_int_t)QEMU_NO_LIMIT),
                          limit_set);
}

void qemu_stream_done(QemuStreamTask *stream)
{
        stop_following(stream);
        stream->filter = qemu_filter_free(stream->filter);
}
