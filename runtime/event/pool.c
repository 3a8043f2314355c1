/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker threads. One lock guards the two job lists; results come back through an eventfd. */

#include "event/pool.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <utlist.h>

enum {
        TRIM_SECONDS = 1,  /* a worker without a job gives back the memory that jobs left free, after this */
        IDLE_SECONDS = 10, /* and goes, after this */
};

typedef struct Job {
        VhWorkFn work;
        VhDoneFn done;
        void *data;
        int result;
        struct Job *prev, *next;
} Job;

struct VhPool {
        VhLoop *loop;
        VhSource *source;
        int wake_fd;
        pthread_mutex_t lock;
        pthread_cond_t work; /* a job was queued, or the pool stops */
        pthread_cond_t gone; /* a worker ended */
        Job *queued, *finished;
        VhPoolInfo info;
        bool stop;
};

static void finish_job(VhPool *pool, Job *job)
{
        uint64_t one = 1;

        pthread_mutex_lock(&pool->lock);
        if (!pool->finished && write(pool->wake_fd, &one, sizeof(one)) < 0)
                abort(); /* an eventfd takes 2^64 - 2 of them */
        DL_APPEND(pool->finished, job);
        pthread_mutex_unlock(&pool->lock);
}

static void wait_for_job(VhPool *pool, int seconds)
{
        struct timespec until;
        int r = 0;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += seconds;
        while (!pool->queued && !pool->stop && r != ETIMEDOUT)
                r = pthread_cond_timedwait(&pool->work, &pool->lock, &until);
}

/* Each worker has a heap of its own, and only the top of one goes back by itself. */
static void trim(VhPool *pool)
{
        pthread_mutex_unlock(&pool->lock);
        malloc_trim(0);
        pthread_mutex_lock(&pool->lock);
}

/* The next job, NULL when the worker should end. Called and returns with the lock held. */
static Job *next_job(VhPool *pool)
{
        Job *job;

        pool->info.idle++;
        wait_for_job(pool, TRIM_SECONDS);
        if (!pool->queued && !pool->stop)
                trim(pool);
        wait_for_job(pool, IDLE_SECONDS - TRIM_SECONDS);
        pool->info.idle--;
        job = pool->queued;
        if (job && (pool->stop || pool->info.current > pool->info.max))
                return NULL;
        if (job) {
                DL_DELETE(pool->queued, job);
                pool->info.queued--;
        }
        return job;
}

static void *worker(void *data)
{
        VhPool *pool = data;
        Job *job;

        pthread_mutex_lock(&pool->lock);
        while ((job = next_job(pool))) {
                pthread_mutex_unlock(&pool->lock);
                job->result = job->work(job->data);
                finish_job(pool, job);
                pthread_mutex_lock(&pool->lock);
        }
        pool->info.current--;
        pthread_cond_signal(&pool->gone);
        pthread_mutex_unlock(&pool->lock);
        return NULL;
}

/* With the lock held. Signals stay with the loop thread. */
static void start_worker(VhPool *pool)
{
        sigset_t all, old;
        pthread_attr_t attr;
        pthread_t thread;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attr, worker, pool) == 0)
                pool->info.current++;
        else if (pool->info.current == 0)
                abort(); /* nobody would ever run the job */
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void take_finished(void *data, uint32_t revents)
{
        VhPool *pool = data;
        uint64_t n;
        Job *jobs, *job;

        if (read(pool->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
                abort();
        pthread_mutex_lock(&pool->lock);
        jobs = VH_TAKE_PTR(pool->finished);
        pthread_mutex_unlock(&pool->lock);
        while ((job = jobs)) {
                DL_DELETE(jobs, job);
                job->done(job->data, job->result);
                free(job);
        }
}

VhPool *vh_pool_new(VhLoop *loop, unsigned min, unsigned max)
{
        VhPool *pool = vh_new(VhPool, 1);
        pthread_condattr_t attr;

        pool->loop = loop;
        pool->info.min = min;
        pool->info.max = max;
        pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (pool->wake_fd < 0)
                abort();
        pthread_mutex_init(&pool->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&pool->work, &attr);
        pthread_condattr_destroy(&attr);
        pthread_cond_init(&pool->gone, NULL);
        pool->source = vh_loop_add_io(loop, pool->wake_fd, EPOLLIN, take_finished, pool);
        return pool;
}

static void stop_workers(VhPool *pool)
{
        pthread_mutex_lock(&pool->lock);
        pool->stop = true;
        pthread_cond_broadcast(&pool->work);
        while (pool->info.current > 0)
                pthread_cond_wait(&pool->gone, &pool->lock);
        pthread_mutex_unlock(&pool->lock);
}

VhPool *vh_pool_free(VhPool *pool)
{
        Job *job;

        if (!pool)
                return NULL;
        stop_workers(pool);
        while ((job = pool->queued)) {
                DL_DELETE(pool->queued, job);
                job->result = -ECANCELED;
                DL_APPEND(pool->finished, job);
        }
        take_finished(pool, 0);
        vh_source_free(pool->source);
        close(pool->wake_fd);
        pthread_cond_destroy(&pool->gone);
        pthread_cond_destroy(&pool->work);
        pthread_mutex_destroy(&pool->lock);
        free(pool);
        return NULL;
}

void vh_pool_submit(VhPool *pool, VhWorkFn work, VhDoneFn done, void *data)
{
        Job *job = vh_new(Job, 1);

        *job = (Job){ .work = work, .done = done, .data = data };
        pthread_mutex_lock(&pool->lock);
        DL_APPEND(pool->queued, job);
        pool->info.queued++;
        if (pool->info.queued > pool->info.idle && pool->info.current < pool->info.max)
                start_worker(pool);
        pthread_cond_signal(&pool->work);
        pthread_mutex_unlock(&pool->lock);
}

int vh_pool_set_limits(VhPool *pool, unsigned min, unsigned max)
{
        if (max < 1 || min > max)
                return -EINVAL;
        pthread_mutex_lock(&pool->lock);
        pool->info.min = min;
        pool->info.max = max;
        for (unsigned need = pool->info.queued; need > pool->info.idle && pool->info.current < max; need--)
                start_worker(pool);
        pthread_mutex_unlock(&pool->lock);
        return 0;
}

void vh_pool_info(VhPool *pool, VhPoolInfo *info)
{
        pthread_mutex_lock(&pool->lock);
        *info = pool->info;
        pthread_mutex_unlock(&pool->lock);
}
