/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans of commands and jobs about images, step by step, and back if one fails. */

#include "block-task.h"

#include <errno.h>

void qemu_plan_add_job(QemuPlan *plan, json_t *cmd, const char *id, json_t *undo)
{
        qemu_plan_add(plan, cmd, undo);
        plan->steps[plan->n - 1].job = vh_xstrdup(id);
}

void qemu_plan_add_try(QemuPlan *plan, json_t *cmd)
{
        qemu_plan_add(plan, cmd, NULL);
        plan->steps[plan->n - 1].optional = true;
}

const json_t *qemu_job_find(const json_t *answer, const char *id)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i,
                           item) if (vh_streq(json_string_value(json_object_get(item, "id")), id)) return item;
        return NULL;
}

static void stop_waiting(QemuBlockTask *t)
{
        if (!t->proc)
                return;
        LL_DELETE2(t->proc->job_waits, t, next_wait);
        t->proc = NULL;
        t->waiting = t->concluded = t->asking = false;
}

/* That one step back fails does not stop the others. */
static void take_back(QemuBlockTask *t)
{
        QemuMonitor *mon = qemu_process_monitor(t->task.dom);

        while (mon && t->next > 0) {
                QemuStep *step = &t->plan.steps[--t->next];

                if (step->undo)
                        qmp_send(mon, VH_TAKE_PTR(step->undo), NULL, NULL);
        }
}

static void fail(QemuBlockTask *t, int r, VhError *err)
{
        stop_waiting(t);
        take_back(t);
        t->done(t, r, err);
}

static void send_next(QemuBlockTask *t);

static void step_done(QemuBlockTask *t)
{
        stop_waiting(t);
        t->next++;
        send_next(t);
}

/* ---- a job of QEMU's ---- */

static void dismissed(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuBlockTask *t = (QemuBlockTask *)task;

        if (r < 0)
                fail(t, r, vh_error_copy(err));
        else
                step_done(t);
}

static void got_jobs(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        QemuBlockTask *t = (QemuBlockTask *)task;
        const char *id = t->plan.steps[t->next].job;
        const json_t *job = qemu_job_find(ret, id);
        const char *why = json_string_value(json_object_get(job, "error"));
        VhError *err = NULL;

        if (r < 0)
                err = vh_error_copy(error);
        else if (why)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "block job '%s' failed: %s", id, why);
        if (r < 0) {
                if (qemu_process_monitor(task->dom))
                        qmp_send(qemu_process_monitor(task->dom), qmp_command("job-dismiss", "{s:s}", "id", id), NULL,
                                 NULL);
                fail(t, r, err);
                return;
        }
        qemu_task_qmp_try(task, qmp_command("job-dismiss", "{s:s}", "id", id), dismissed);
}

static void ask_outcome(QemuBlockTask *t)
{
        t->asking = true;
        qemu_task_qmp_try(&t->task, qmp_command("query-jobs", NULL), got_jobs);
}

bool qemu_block_task_job(QemuProcess *proc, const char *id, const char *status)
{
        QemuBlockTask *t;

        LL_FOREACH2(proc->job_waits, t, next_wait)
        {
                if (strcmp(t->plan.steps[t->next].job, id) != 0)
                        continue;
                if (strcmp(status, "concluded") != 0 || t->concluded)
                        return true;
                t->concluded = true;
                if (!t->task.waiting_qmp)
                        ask_outcome(t);
                return true;
        }
        return false;
}

void qemu_block_tasks_stop(QemuProcess *proc)
{
        QemuBlockTask *t;

again:
        LL_FOREACH2(proc->job_waits, t, next_wait)
        {
                VhError *err = NULL;
                int r;

                if (t->task.waiting_qmp)
                        continue; /* fails with its command */
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
                t->next = 0;
                fail(t, r, err);
                goto again;
        }
}

/* ---- commands ---- */

static void answered(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuBlockTask *t = (QemuBlockTask *)task;

        if (r < 0 && !t->plan.steps[t->next].optional)
                fail(t, r, vh_error_copy(err));
        else if (!t->waiting)
                step_done(t);
        else if (t->concluded)
                ask_outcome(t);
        /* else its end comes as an event */
}

static void send_next(QemuBlockTask *t)
{
        QemuStep *step;

        if (t->next == t->plan.n) {
                t->done(t, 0, NULL);
                return;
        }
        step = &t->plan.steps[t->next];
        /* The job may be over before the command is answered. */
        if (step->job && qemu_process(t->task.dom)) {
                t->proc = qemu_process(t->task.dom);
                t->waiting = true;
                LL_PREPEND2(t->proc->job_waits, t, next_wait);
        }
        qemu_task_qmp_try(&t->task, VH_TAKE_PTR(step->cmd), answered);
}

void qemu_block_task_run(QemuBlockTask *t, void (*done)(QemuBlockTask *t, int r, VhError *err))
{
        t->done = done;
        send_next(t);
}

void qemu_block_task_finish(QemuBlockTask *t, int r, VhError *err)
{
        qemu_task_end(&t->task, r, err);
}

void qemu_block_task_cleanup(QemuTask *task)
{
        QemuBlockTask *t = (QemuBlockTask *)task;

        stop_waiting(t);
        qemu_plan_done(&t->plan);
}
