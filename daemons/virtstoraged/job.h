/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work on disks, done by a worker for a pool. */

#include "storage.h"

typedef struct StorageJob StorageJob;

/* What the job means for others, see StoragePool. */
typedef enum StorageJobKind { STORAGE_JOB_SHORT, STORAGE_JOB_ALONE, STORAGE_JOB_LONG } StorageJobKind;

typedef struct StorageJobClass {
        StorageJobKind kind;
        size_t size; /* of the job's struct, which begins with a StorageJob */
        /* On a worker; may use what the job has of its own, and the driver's stop_fd. */
        int (*work)(StorageJob *job);
        /* On the loop. r is what work() returned (-ECANCELED: it never ran); job->err why. Fills the reply of job->call
         * (NULL: there is none) and returns what the call ends with. The pool may be stopped; it is removed later. */
        int (*done)(StorageJob *job, int r);
        void (*free)(StorageJob *job); /* frees what the job has of its own; may be NULL */
} StorageJobClass;

struct StorageJob {
        const StorageJobClass *class;
        StorageDriver *driver;
        StoragePool *pool;
        StorageVol *vol; /* of long jobs, which mark it as used; NULL: none */
        VhCall *call;
        VhError *err;
};

/* A job on a pool that the call got with the right StorageWant. call may be NULL. */
void *storage_job_new(StorageDriver *driver, StoragePool *pool, VhCall *call, const StorageJobClass *class);
/* Hands it to a worker. Returns VH_LATER, or negative with *err if the driver stops; the job is gone then. */
int storage_job_go(StorageJob *job, VhError **err);
/* The call is served anew when the job on the pool is over; returns VH_LATER. */
int storage_wait(StoragePool *pool, VhCall *call);
/* Whether a call has to wait for what it wants. */
bool storage_must_wait(const StoragePool *pool, const VhCall *call, StorageWant want);
