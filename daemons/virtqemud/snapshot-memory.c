/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The memory of a guest that runs, outside its images: a saved guest beside them, as part of a snapshot. */

#include <errno.h>
#include <unistd.h>

#include "guest-text.h"
#include "guest-cpu.h"
#include "moment.h"
#include "process.h"
#include "save-image.h"
#include "stream-out.h"

/* A step of the task that takes the snapshot, which holds the guest's job. */
typedef struct MemoryTask {
        QemuStreamTask stream;
        const VhSnapshot *snap; /* of who waits */
        void (*done)(void *data, int r, const VhError *err);
        void *data;
} MemoryTask;

static void memory_cleanup(QemuTask *task)
{
        MemoryTask *m = (MemoryTask *)task;

        qemu_stream_done(&m->stream);
        if (m->stream.fd >= 0)
                close(m->stream.fd);
}

static void memory_ended(QemuTask *task, int r, const VhError *err)
{
        MemoryTask *m = (MemoryTask *)task;

        if (r < 0 && m->stream.fd >= 0)
                (void)unlink(m->snap->def->memory->file);
        m->done(m->data, r, err);
}

static int finish_work(void *data)
{
        return qemu_save_image_finish(((MemoryTask *)data)->stream.fd);
}

static void finish_done(void *data, int r)
{
        MemoryTask *m = data;
        VhError *err = NULL;

        if (r < 0)
                vh_error_sys(&err, VIR_FROM_QEMU, r, "unable to finish '%s'", m->snap->def->memory->file);
        qemu_task_end(&m->stream.task, r, err);
}

static void written(QemuStreamTask *stream, int r, VhError *err)
{
        if (r < 0)
                qemu_task_end(&stream->task, r, err);
        else
                vh_pool_submit(stream->task.driver->pool, finish_work, finish_done, stream);
}

static void memory_run(QemuTask *task)
{
        MemoryTask *m = (MemoryTask *)task;
        const VhSnapshotDef *def = m->snap->def;
        _vh_free_ char *xml = qemu_migratable_text(m->snap->dom);
        _vh_free_ char *cookie = qemu_guest_cpu_cookie(task->dom);
        VhError *err = NULL;
        int r = qemu_image_format(task->driver->conf, "snapshot_image_format", "snapshot", false, &m->stream.format,
                                  &err);

        if (r == 0)
                r = m->stream.fd = qemu_save_image_create(def->memory->file, xml, cookie,
                                                          def->state == VH_SNAPSHOT_RUNNING, m->stream.format, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_stream_out(&m->stream, written);
}

static const QemuTaskClass memory_class = {
        .api = "snapshotMemory",
        .size = sizeof(MemoryTask),
        .need_active = true,
        .run = memory_run,
        .cleanup = memory_cleanup,
};

void qemu_snapshot_save_memory(QemuDriver *driver, VhDomainObj *dom, const VhSnapshot *snap,
                               void (*done)(void *data, int r, const VhError *err), void *data)
{
        MemoryTask *m = (MemoryTask *)qemu_task_new(driver, dom, NULL, &memory_class);

        m->stream.fd = -1;
        m->stream.what = "snapshot";
        m->stream.operation = VIR_DOMAIN_JOB_OPERATION_SNAPSHOT;
        m->snap = snap;
        m->done = done;
        m->data = data;
        m->stream.task.ended = memory_ended;
        (void)qemu_task_go(&m->stream.task);
}
