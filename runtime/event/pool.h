/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Worker threads for what can block. A job owns what it touches: work() runs on a worker, then done() on the loop
 * thread with its result. Workers start on demand and go when they are idle. */

#include "event/loop.h"

typedef struct VhPool VhPool;

typedef struct VhPoolInfo {
        unsigned min;     /* what administrators set and see; idle workers are not kept for it */
        unsigned max;     /* upper limit */
        unsigned current; /* threads there are */
        unsigned idle;    /* of them without a job */
        unsigned queued;  /* jobs that wait */
} VhPoolInfo;

typedef int (*VhWorkFn)(void *data);
typedef void (*VhDoneFn)(void *data, int r);

/* A pool without threads yet; min <= max, max >= 1. */
VhPool *vh_pool_new(VhLoop *loop, unsigned min, unsigned max);
/* Waits for running jobs; done() of each is called, with -ECANCELED for jobs that never ran. Accepts NULL, returns
 * NULL. */
VhPool *vh_pool_free(VhPool *pool);
VH_DEFINE_CLEANUP(VhPool *, vh_pool_free)

/* Queues a job. r of done() is what work() returned. */
void vh_pool_submit(VhPool *pool, VhWorkFn work, VhDoneFn done, void *data);
/* New limits; takes effect as workers get idle. Returns -EINVAL unless min <= max and max >= 1. */
int vh_pool_set_limits(VhPool *pool, unsigned min, unsigned max);
void vh_pool_info(VhPool *pool, VhPoolInfo *info);
