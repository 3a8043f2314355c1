/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An operation on a running guest's images: a plan of commands, one after the other. A step may start a job of QEMU's
 * and then ends with that job, which is dismissed. When a step fails, those before it are taken back. */

#include "hotplug.h"

typedef struct QemuBlockTask QemuBlockTask;
struct QemuBlockTask {
        QemuTask task;
        QemuPlan plan;
        size_t next;
        bool waiting;      /* for the job of plan.steps[next] */
        bool concluded;    /* that job is over */
        bool asking;       /* how it ended is being asked */
        QemuProcess *proc; /* while it waits */
        QemuBlockTask *next_wait;
        /* All steps are done (r = 0), or all are taken back; err is taken over by it. */
        void (*done)(QemuBlockTask *t, int r, VhError *err);
};

/* Adds a step whose command starts job `id` (copied); undo may be NULL. */
void qemu_plan_add_job(QemuPlan *plan, json_t *cmd, const char *id, json_t *undo);
/* Adds a step whose failure does not matter: tidying up. */
void qemu_plan_add_try(QemuPlan *plan, json_t *cmd);

/* Runs the plan from t->next on; done() is called at once or later. More steps may be added and run from inside it. */
void qemu_block_task_run(QemuBlockTask *t, void (*done)(QemuBlockTask *t, int r, VhError *err));
/* For class->cleanup. */
void qemu_block_task_cleanup(QemuTask *task);
/* A done() that ends the task. */
void qemu_block_task_finish(QemuBlockTask *t, int r, VhError *err);
/* A job of QEMU's changed its state ("running", "ready", "concluded", ...). Returns false if no task waits for it. */
bool qemu_block_task_job(QemuProcess *proc, const char *id, const char *status);
/* The process is gone: whoever waits for a job fails. */
void qemu_block_tasks_stop(QemuProcess *proc);
/* The job in an answer to query-jobs, NULL if it is not there. */
const json_t *qemu_job_find(const json_t *answer, const char *id);
