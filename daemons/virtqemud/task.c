/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operations on a domain that wait. */

#include "task.h"

#include <errno.h>

#include "guest-locks.h"
#include "process.h"

QemuTask *qemu_task_new(QemuDriver *driver, VhDomainObj *dom, VhCall *call, const QemuTaskClass *class)
{
        QemuTask *task = vh_xcalloc(1, class->size);

        task->class = class;
        task->driver = driver;
        task->dom = vh_domain_obj_ref(dom);
        task->call = call;
        return task;
}

/* A call that ends at the end of this turn: a task may end inside the handler that made it, when the call is not yet
 * one that can be finished. */
typedef struct Ending {
        VhLater later;
        VhLoop *loop;
        VhCall *call;
        int r;
        VhError *err;
} Ending;

static void finish_call(VhLater *later)
{
        Ending *ending = VH_CONTAINER_OF(later, Ending, later);

        vh_call_finish(ending->call, ending->r, ending->err);
        free(ending);
}

static void locks_settled(void *data, int r, const VhError *err)
{
        Ending *ending = data;

        vh_loop_later(ending->loop, &ending->later);
}

/* Who changed a guest is told when its locks are what they should be: another host may wait for them. The answer is
 * that of now. */
static bool wait_for_locks(QemuTask *task, Ending *ending)
{
        QemuProcess *proc = qemu_process(task->dom);

        if (!proc || task->class->job <= QEMU_JOB_QUERY || !qemu_locks_settle(proc, locks_settled, ending))
                return false;
        if (ending->r == 0)
                ending->r = VH_MIN(vh_call_prepare(ending->call, &ending->err), 0);
        return true;
}

static void end_call(QemuTask *task, VhCall *call, int r, VhError *err)
{
        VhLoop *loop = task->driver->env.loop;
        Ending *ending = vh_new(Ending, 1);

        *ending = (Ending){ { .run = finish_call }, loop, call, r, err };
        if (!wait_for_locks(task, ending))
                vh_loop_later(loop, &ending->later);
}

static QemuJobs *queue(QemuTask *task)
{
        return task->class->agent ? qemu_agent_jobs(task->driver, task->dom) : qemu_jobs(task->driver, task->dom);
}

static void end_job(QemuTask *task)
{
        qemu_job_end(queue(task), &task->slot);
        if (task->class->async != QEMU_ASYNC_NONE)
                qemu_status_save(task->dom); /* a guest's status names the job that goes on */
}

void qemu_task_end(QemuTask *task, int r, VhError *err)
{
        VhCall *call = task->call;
        QemuProcess *proc;

        if (task->ended)
                task->ended(task, r, err);
        if (task->class->cleanup)
                task->class->cleanup(task);
        proc = qemu_process(task->dom);
        if (proc)
                qemu_locks_forget(proc, task);
        if (task->waiting_qmp && proc && proc->mon)
                qmp_forget(proc->mon, task);
        if (call && r == 0 && vh_persist_hold(task->driver->persist, task->dom->node.name, call))
                call = NULL;
        if (call)
                end_call(task, call, r, err);
        else
                vh_error_free(err);
        if (task->has_job)
                end_job(task);
        vh_domain_obj_unref(task->dom);
        free(task);
}

/* QEMU is gone, and what it leaves behind is on its way: there is nobody to talk to. Who wants its end waits for it. */
static bool is_over(const QemuTask *task)
{
        const QemuProcess *proc = qemu_process(task->dom);

        return proc && proc->stopping && task->class->job != QEMU_JOB_DESTROY;
}

static void run(QemuTask *task)
{
        VhError *err = NULL;
        int r = task->class->need_active ? vh_domain_obj_check_active(task->dom, VIR_FROM_DOMAIN, &err) : 0;

        if (r == 0 && task->class->need_active && is_over(task))
                r = vh_error_set(&err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain is not running");
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                task->class->run(task);
}

static void granted(QemuJobSlot *slot, int r, const VhError *err)
{
        QemuTask *task = VH_CONTAINER_OF(slot, QemuTask, slot);

        if (r < 0) {
                qemu_task_end(task, r, vh_error_copy(err));
                return;
        }
        task->has_job = true;
        run(task);
}

int qemu_task_go(QemuTask *task)
{
        if (task->class->job == QEMU_JOB_NONE) {
                run(task);
                return VH_LATER;
        }
        task->slot = (QemuJobSlot){
                .job = task->class->job,
                .async = task->class->async,
                .api = task->class->api,
                .granted = granted,
        };
        qemu_job_begin(queue(task), &task->slot);
        return VH_LATER;
}

int qemu_task_start(VhCall *call, const remote_nonnull_domain *wire, const QemuTaskClass *class,
                    int (*init)(QemuTask *task, VhError **err), VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        QemuTask *task;
        int r = 0;

        if (!dom)
                return -ENOENT;
        if (class->need_active)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r < 0)
                return r;
        task = qemu_task_new(qemu_driver(call), dom, call, class);
        if (init)
                r = init(task, err);
        if (r == 0)
                return qemu_task_go(task);
        task->call = NULL;
        qemu_task_end(task, r, NULL);
        return r;
}

static void got(void *data, json_t *ret, int r, const VhError *err)
{
        QemuTask *task = data;

        task->waiting_qmp = false;
        if (task->result)
                task->result(task, ret, r, err);
        else if (r < 0)
                qemu_task_end(task, r, vh_error_copy(err));
        else
                task->got(task, ret);
}

static void send_command(QemuTask *task, json_t *cmd, int fd)
{
        QemuMonitor *mon = qemu_process_monitor(task->dom);
        VhError *err = NULL;
        int r;

        if (mon) {
                /* A task waits for one answer: who goes on because of an event does not want an earlier one. */
                if (task->waiting_qmp) {
                        qmp_forget(mon, task);
                        qemu_locks_forget(qemu_process(task->dom), task);
                }
                task->waiting_qmp = true;
                qmp_send_fd(mon, cmd, fd, got, task);
                return;
        }
        json_decref(cmd);
        if (fd >= 0)
                close(fd);
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
        got(task, NULL, r, err);
        vh_error_free(err);
}

void qemu_task_qmp(QemuTask *task, json_t *cmd, QemuTaskGot next)
{
        task->got = next;
        task->result = NULL;
        send_command(task, cmd, -1);
}

void qemu_task_qmp_try(QemuTask *task, json_t *cmd, QemuTaskResult next)
{
        task->got = NULL;
        task->result = next;
        send_command(task, cmd, -1);
}

void qemu_task_qmp_fd(QemuTask *task, json_t *cmd, int fd, QemuTaskResult next)
{
        task->got = NULL;
        task->result = next;
        send_command(task, cmd, fd);
}

void qemu_task_cont(QemuTask *task, int reason, QemuTaskResult next)
{
        task->got = NULL;
        task->result = next;
        task->waiting_qmp = true;
        qemu_locks_cont(qemu_process(task->dom), reason, got, task);
}

void qemu_task_wait_stopped(QemuTask *task, void (*stopped)(QemuTask *task))
{
        task->stopped = stopped;
        if (vh_domain_obj_active(task->dom))
                LL_PREPEND2(task->driver->waiters, task, next_waiter);
        else
                stopped(task);
}

void qemu_task_pass_job(QemuTask *task, QemuJobSlot *slot)
{
        qemu_job_pass(qemu_jobs(task->driver, task->dom), &task->slot, slot);
        task->has_job = false;
}

void qemu_task_stop_waiting(QemuTask *task)
{
        LL_DELETE2(task->driver->waiters, task, next_waiter);
}

void qemu_waiters_tell(QemuDriver *driver, VhDomainObj *dom)
{
        QemuTask *task;

again:
        LL_FOREACH2(driver->waiters, task, next_waiter)
        {
                if (task->dom != dom)
                        continue;
                LL_DELETE2(driver->waiters, task, next_waiter);
                task->stopped(task);
                goto again;
        }
}
