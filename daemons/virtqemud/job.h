/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who works on a domain: one job at a time, the others wait in turn. An asynchronous job (save, dump, migration, ...)
 * lasts long and lets the kinds of jobs in that its mask names. Names are those of the reference's status files. */

#include <utlist.h>

#include "base/error.h"
#include "event/loop.h"

typedef enum QemuJob {
        QEMU_JOB_NONE,
        QEMU_JOB_QUERY,
        QEMU_JOB_DESTROY,
        QEMU_JOB_SUSPEND,
        QEMU_JOB_MODIFY,
        QEMU_JOB_ABORT,
        QEMU_JOB_MIGRATION_OP,
        QEMU_JOB_ASYNC,        /* asks for an asynchronous job */
        QEMU_JOB_ASYNC_NESTED, /* a step inside the asynchronous job that the asker holds */
        QEMU_JOB_MAX,
} QemuJob;

typedef enum QemuAsyncJob {
        QEMU_ASYNC_NONE,
        QEMU_ASYNC_MIGRATION_OUT,
        QEMU_ASYNC_MIGRATION_IN,
        QEMU_ASYNC_SAVE,
        QEMU_ASYNC_DUMP,
        QEMU_ASYNC_SNAPSHOT,
        QEMU_ASYNC_START,
        QEMU_ASYNC_BACKUP,
        QEMU_ASYNC_MAX,
} QemuAsyncJob;

enum {
        /* How long a call waits for its turn before it fails, as in the reference. */
        QEMU_JOB_WAIT_SECONDS = 30,
};

/* One that waits for or has the job; embedded in its owner. */
typedef struct QemuJobSlot QemuJobSlot;
struct QemuJobSlot {
        QemuJobSlot *prev, *next;
        QemuJob job;
        QemuAsyncJob async; /* with QEMU_JOB_ASYNC */
        const char *api;    /* who, for messages: "remoteDispatchDomainSuspend" */
        uint64_t deadline;
        /* It is its turn (r = 0), or it never will be (r negative, err borrowed). */
        void (*granted)(QemuJobSlot *slot, int r, const VhError *err);
};

/* Of one domain; all zero is a valid free one. */
typedef struct QemuJobs {
        QemuJobSlot *waiting; /* in turn */
        QemuJobSlot *active;
        QemuJobSlot *async;
        QemuAsyncJob async_kind;
        uint64_t async_since;  /* milliseconds since 1970 */
        uint32_t async_allows; /* bits 1 << QemuJob */
        VhSource *timer;       /* of the first deadline */
        VhLoop *loop;
} QemuJobs;

/* Asks for the job; granted() may be called inside. jobs->loop must be set. */
void qemu_job_begin(QemuJobs *jobs, QemuJobSlot *slot);
/* Ends an active job, or takes a waiting one out. */
void qemu_job_end(QemuJobs *jobs, QemuJobSlot *slot);
/* The job of one slot becomes that of another. */
void qemu_job_pass(QemuJobs *jobs, const QemuJobSlot *from, QemuJobSlot *to);
/* Fails all that wait. */
void qemu_jobs_done(QemuJobs *jobs);

extern const char *const qemu_job_names[QEMU_JOB_MAX];         /* "query", ... of status files */
extern const char *const qemu_async_job_names[QEMU_ASYNC_MAX]; /* "save", ... */
