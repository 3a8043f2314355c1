/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One operation on a domain that has to wait: for its turn (job.h), for QEMU's answers, for a child. It is a chain of
 * short functions, each sending a command and naming the function that goes on with the answer.
 *
 *     static const QemuTaskClass suspend_class = { "remoteDispatchDomainSuspend", sizeof(QemuTask), QEMU_JOB_SUSPEND,
 *                                                  .need_active = true, .run = suspend_run };
 *     QEMU_OP(domain_suspend) { return qemu_task_start(call, &args->dom, &suspend_class, NULL, err); }
 *
 * A failure on the way (QEMU's error, its death, the job's timeout) ends the task and the call with that error; class->
 * cleanup runs in any case. The peer of the call may go meanwhile: the task runs to its end all the same. */

#include "job.h"
#include "qmp.h"
#include "qemu.h"

typedef struct QemuTask QemuTask;

/* Goes on with an answer; ret is borrowed. */
typedef void (*QemuTaskGot)(QemuTask *task, json_t *ret);
/* The same for who wants to see failures too: r < 0, err borrowed. */
typedef void (*QemuTaskResult)(QemuTask *task, json_t *ret, int r, const VhError *err);

typedef struct QemuTaskClass {
        const char *api;
        size_t size; /* of the struct that begins with a QemuTask */
        QemuJob job; /* QEMU_JOB_NONE: does not wait for a turn */
        QemuAsyncJob async;
        bool agent;       /* the turn is one with the guest's agent: those with the monitor go on beside it */
        bool need_active; /* the domain must run when the turn comes: else "domain is not running" */
        void (*run)(QemuTask *task);
        void (*cleanup)(QemuTask *task); /* frees what the task has of its own; NULL: nothing */
} QemuTaskClass;

struct QemuTask {
        const QemuTaskClass *class;
        QemuDriver *driver;
        VhDomainObj *dom; /* a reference */
        VhCall *call;     /* NULL: nobody waits */
        QemuJobSlot slot;
        QemuTaskGot got;
        QemuTaskResult result;
        /* Called at the end with the outcome, before the call is finished; NULL: nothing to do. */
        void (*ended)(QemuTask *task, int r, const VhError *err);
        void *opaque; /* of who made the task */
        bool waiting_qmp;
        bool has_job;
        QemuTask *next_waiter; /* of those that wait for a domain's end */
        void (*stopped)(QemuTask *task);
};

/* A new task for dom; call may be NULL. qemu_task_go() starts it. */
QemuTask *qemu_task_new(QemuDriver *driver, VhDomainObj *dom, VhCall *call, const QemuTaskClass *class);
/* Asks for the job and runs. The task may have ended when this returns; a call gets its answer through
 * vh_call_finish(), so its handler returns VH_LATER. */
int qemu_task_go(QemuTask *task);
/* Both for a handler's domain: looks it up. init (may be NULL) fills the task from the call before it starts. */
int qemu_task_start(VhCall *call, const remote_nonnull_domain *wire, const QemuTaskClass *class,
                    int (*init)(QemuTask *task, VhError **err), VhError **err);

/* Sends a command (taken over) to the domain's monitor and goes on in got(); an error ends the task. */
void qemu_task_qmp(QemuTask *task, json_t *cmd, QemuTaskGot got);
/* The same, handing errors to result(). */
void qemu_task_qmp_try(QemuTask *task, json_t *cmd, QemuTaskResult result);
/* The same with a descriptor (taken over). */
void qemu_task_qmp_fd(QemuTask *task, json_t *cmd, int fd, QemuTaskResult result);
/* Lets the domain's processors go on, which may have to wait for its locks (guest-locks.h), and then in result(). */
void qemu_task_cont(QemuTask *task, int reason, QemuTaskResult result);
/* Ends the task: r and err (taken over) go to the call. */
void qemu_task_end(QemuTask *task, int r, VhError *err);
/* Goes on in stopped() when the domain does not run any more; at once if it does not. */
void qemu_task_wait_stopped(QemuTask *task, void (*stopped)(QemuTask *task));
/* The job outlives the task: slot, which has no other use, takes the place of the task's own. */
void qemu_task_pass_job(QemuTask *task, QemuJobSlot *slot);
/* Takes a task out of those that wait for a domain's end. */
void qemu_task_stop_waiting(QemuTask *task);
