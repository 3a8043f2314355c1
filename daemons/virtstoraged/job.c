/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs, and calls that wait for them. */

#include "job.h"

#include <errno.h>
#include <utlist.h>

typedef struct StorageWaiter {
        VhCall *call;
        struct StorageWaiter *prev, *next;
} StorageWaiter;

/* ---- who waits ---- */

/* Who comes later stands behind those that wait, or they would wait for ever. */
bool storage_must_wait(const StoragePool *pool, const VhCall *call, StorageWant want)
{
        return pool->busy || (want == STORAGE_ALONE && pool->readers) || (pool->waiters && !call->resumed);
}

int storage_wait(StoragePool *pool, VhCall *call)
{
        StorageWaiter *waiter = vh_new(StorageWaiter, 1);

        waiter->call = call;
        DL_APPEND(pool->waiters, waiter);
        return VH_LATER;
}

/* Each finds out anew what is there: the pool may be gone. */
static void serve_waiters(StorageWaiter *waiters)
{
        StorageWaiter *waiter, *next;

        DL_FOREACH_SAFE (waiters, waiter, next) {
                vh_call_resume(waiter->call);
                free(waiter);
        }
}

/* ---- jobs ---- */

void *storage_job_new(StorageDriver *driver, StoragePool *pool, VhCall *call, const StorageJobClass *class)
{
        StorageJob *job = vh_xcalloc(1, class->size);

        job->class = class;
        job->driver = driver;
        job->pool = pool;
        job->call = call;
        return job;
}

static void job_free(StorageJob *job)
{
        if (job->class->free)
                job->class->free(job);
        vh_error_free(job->err);
        free(job);
}

/* by: 1 or -1. */
static void count(StorageJob *job, int by)
{
        StoragePool *pool = job->pool;

        job->driver->n_jobs += (unsigned)by;
        switch (job->class->kind) {
        case STORAGE_JOB_SHORT:
                pool->readers += (unsigned)by;
                return;
        case STORAGE_JOB_ALONE:
                pool->busy = by > 0;
                return;
        case STORAGE_JOB_LONG:
                pool->long_jobs += (unsigned)by;
                if (job->vol)
                        job->vol->in_use += (unsigned)by;
                return;
        }
}

/* A transient pool that does not run. */
static bool is_gone(const StoragePool *pool)
{
        return !pool->active && !pool->persistent && !pool->busy && !pool->readers && !pool->long_jobs;
}

static int run(void *data)
{
        StorageJob *job = data;

        return job->class->work(job);
}

static void ended(void *data, int r)
{
        StorageJob *job = data;
        StoragePool *pool = job->pool;
        StorageWaiter *waiters;
        VhCall *call = job->call;
        VhError *err;

        if (r == -ECANCELED && !job->err)
                vh_error_set(&job->err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_ABORTED, "the daemon stops");
        count(job, -1);
        r = job->class->done(job, r);
        err = r < 0 ? VH_TAKE_PTR(job->err) : NULL;
        waiters = pool->busy || pool->readers ? NULL : VH_TAKE_PTR(pool->waiters);
        if (is_gone(pool))
                storage_pool_remove(job->driver, pool);
        else
                storage_pool_refresh_if_wanted(job->driver, pool);
        if (call)
                vh_call_finish(call, r, err);
        else
                vh_error_free(err);
        job_free(job);
        serve_waiters(waiters);
}

int storage_job_go(StorageJob *job, VhError **err)
{
        if (job->driver->stopping) {
                job_free(job);
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_ABORTED, "the daemon stops");
        }
        count(job, 1);
        vh_pool_submit(job->driver->workers, run, ended, job);
        return VH_LATER;
}
