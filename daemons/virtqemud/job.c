/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The queue of jobs of a domain. */

#include "job.h"

#include <errno.h>
#include <time.h>

enum { USEC_PER_SEC = 1000000 };

const char *const qemu_job_names[QEMU_JOB_MAX] = {
        [QEMU_JOB_NONE] = "none",
        [QEMU_JOB_QUERY] = "query",
        [QEMU_JOB_DESTROY] = "destroy",
        [QEMU_JOB_SUSPEND] = "suspend",
        [QEMU_JOB_MODIFY] = "modify",
        [QEMU_JOB_ABORT] = "abort",
        [QEMU_JOB_MIGRATION_OP] = "migration operation",
        [QEMU_JOB_ASYNC] = "none",
        [QEMU_JOB_ASYNC_NESTED] = "async nested",
};

const char *const qemu_async_job_names[QEMU_ASYNC_MAX] = {
        [QEMU_ASYNC_NONE] = "none",
        [QEMU_ASYNC_MIGRATION_OUT] = "migration out",
        [QEMU_ASYNC_MIGRATION_IN] = "migration in",
        [QEMU_ASYNC_SAVE] = "save",
        [QEMU_ASYNC_DUMP] = "dump",
        [QEMU_ASYNC_SNAPSHOT] = "snapshot",
        [QEMU_ASYNC_START] = "start",
        [QEMU_ASYNC_BACKUP] = "backup",
};

/* What else may be done while an asynchronous job goes on. */
static const uint32_t always_allowed =
        1u << QEMU_JOB_QUERY | 1u << QEMU_JOB_DESTROY | 1u << QEMU_JOB_ABORT | 1u << QEMU_JOB_ASYNC_NESTED;
static const uint32_t also_allowed[QEMU_ASYNC_MAX] = {
        [QEMU_ASYNC_MIGRATION_OUT] = 1u << QEMU_JOB_SUSPEND | 1u << QEMU_JOB_MIGRATION_OP,
        [QEMU_ASYNC_BACKUP] = 1u << QEMU_JOB_SUSPEND | 1u << QEMU_JOB_MODIFY,
};

static bool fits(const QemuJobs *jobs, const QemuJobSlot *slot)
{
        if (slot->job == QEMU_JOB_ASYNC)
                return !jobs->async && !jobs->active;
        return !jobs->active && (!jobs->async || jobs->async_allows >> slot->job & 1);
}

static uint64_t now_msec(void)
{
        enum { MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000 * 1000 };
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t)now.tv_sec * MSEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_MSEC;
}

static void take(QemuJobs *jobs, QemuJobSlot *slot)
{
        if (slot->job != QEMU_JOB_ASYNC) {
                jobs->active = slot;
                return;
        }
        jobs->async = slot;
        jobs->async_kind = slot->async;
        jobs->async_since = now_msec();
        jobs->async_allows = always_allowed | also_allowed[slot->async];
}

/* Gives every waiting slot its turn that fits now; granted() may come back into the queue. */
static void serve(QemuJobs *jobs)
{
        QemuJobSlot *slot;

again:
        DL_FOREACH (jobs->waiting, slot) {
                if (!fits(jobs, slot))
                        continue;
                DL_DELETE(jobs->waiting, slot);
                take(jobs, slot);
                slot->granted(slot, 0, NULL);
                goto again;
        }
}

static int wait_error(const QemuJobs *jobs, VhError **err)
{
        const QemuJobSlot *holder = jobs->active ? jobs->active : jobs->async;

        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_TIMEOUT,
                            "cannot acquire state change lock (held by monitor=%s)", holder ? holder->api : "none");
}

static void set_timer(QemuJobs *jobs);

static void expired(void *data)
{
        QemuJobs *jobs = data;
        QemuJobSlot *slot = jobs->waiting;
        _vh_error_ VhError *err = NULL;
        int r;

        if (slot && slot->deadline <= vh_loop_now(jobs->loop)) {
                r = wait_error(jobs, &err);
                DL_DELETE(jobs->waiting, slot);
                slot->granted(slot, r, err);
        }
        set_timer(jobs);
}

/* All wait equally long, so the first in turn is the first to give up. */
static void set_timer(QemuJobs *jobs)
{
        uint64_t now = vh_loop_now(jobs->loop);
        uint64_t delay = UINT64_MAX;

        if (jobs->waiting)
                delay = jobs->waiting->deadline > now ? jobs->waiting->deadline - now : 0;
        if (jobs->timer)
                vh_source_rearm(jobs->timer, delay);
        else if (delay != UINT64_MAX)
                jobs->timer = vh_loop_add_timer(jobs->loop, delay, expired, jobs);
}

void qemu_job_begin(QemuJobs *jobs, QemuJobSlot *slot)
{
        if (fits(jobs, slot)) {
                take(jobs, slot);
                slot->granted(slot, 0, NULL);
                return;
        }
        slot->deadline = vh_loop_now(jobs->loop) + (uint64_t)QEMU_JOB_WAIT_SECONDS * USEC_PER_SEC;
        DL_APPEND(jobs->waiting, slot);
        set_timer(jobs);
}

void qemu_job_end(QemuJobs *jobs, QemuJobSlot *slot)
{
        if (jobs->active == slot)
                jobs->active = NULL;
        else if (jobs->async == slot) {
                jobs->async = NULL;
                jobs->async_kind = QEMU_ASYNC_NONE;
        } else
                DL_DELETE(jobs->waiting, slot);
        serve(jobs);
        if (jobs->timer)
                set_timer(jobs);
}

void qemu_job_pass(QemuJobs *jobs, const QemuJobSlot *from, QemuJobSlot *to)
{
        *to = *from;
        if (jobs->active == from)
                jobs->active = to;
        if (jobs->async == from)
                jobs->async = to;
}

void qemu_jobs_done(QemuJobs *jobs)
{
        _vh_error_ VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "the daemon is going down");

        while (jobs->waiting) {
                QemuJobSlot *slot = jobs->waiting;

                DL_DELETE(jobs->waiting, slot);
                slot->granted(slot, r, err);
        }
        jobs->timer = vh_source_free(jobs->timer);
}
