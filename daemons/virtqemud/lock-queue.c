/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Acts at virtlockd for one guest, in their order. */

#include "lock-queue.h"

#include <errno.h>
#include <utlist.h>

#include "base/log.h"
#include "helper-call.h"

VH_LOG_SOURCE("qemu.locks");

/* What the worker needs are copies: it may outlive the guest. */
struct QemuLockTask {
        QemuLockTask *prev, *next;
        QemuLockQueue *queue; /* NULL: the guest is gone */
        QemuLockQueue *left;  /* whose last it is; NULL: nobody waits for it */
        QemuDriver *driver;
        QemuLockAct act;
        QemuLockList locks; /* to be acquired or released */
        char *run_dir, *name;
        uint8_t uuid[VH_UUID_LEN];
        int id;
        pid_t pid;
        bool clear; /* virtlockd may have some of the locks from before */
        bool busy;  /* with a worker, or inside done() */
        QemuLockDone done;
        void *data;
        VhError *err;
};

/* ---- lists ---- */

void qemu_lock_list_add(QemuLockList *list, const QemuLock *lock)
{
        list->items = vh_xrealloc(list->items, list->n + 1, sizeof(*list->items));
        list->items[list->n++] = (QemuLock){
                .space = vh_xstrdup(lock->space),
                .name = vh_xstrdup(lock->name),
                .flags = lock->flags,
                .make_space = lock->make_space,
                .device = vh_xstrdup(lock->device),
                .volume_space = vh_xstrdup(lock->volume_space),
                .unit_space = vh_xstrdup(lock->unit_space),
        };
}

static void add_all(QemuLockList *list, const QemuLockList *locks)
{
        for (size_t i = 0; i < locks->n; i++)
                qemu_lock_list_add(list, &locks->items[i]);
}

static void drop_last(QemuLockList *list)
{
        qemu_lock_done(&list->items[--list->n]);
}

bool qemu_lock_list_remove(QemuLockList *list, const QemuLock *lock)
{
        for (size_t i = list->n; i-- > 0;) {
                QemuLock found = list->items[i];

                if (!vh_streq(found.space, lock->space) || !vh_streq(found.name, lock->name))
                        continue;
                list->items[i] = list->items[list->n - 1];
                list->items[list->n - 1] = found;
                drop_last(list);
                return true;
        }
        return false;
}

void qemu_lock_list_done(QemuLockList *list)
{
        while (list->n)
                drop_last(list);
        free(list->items);
        list->items = NULL;
}

/* ---- one act ---- */

static void task_free(QemuLockTask *task)
{
        qemu_lock_list_done(&task->locks);
        vh_error_free(task->err);
        free(task->run_dir);
        free(task->name);
        free(task);
}

static bool acquires(const QemuLockTask *task)
{
        return task->act == QEMU_LOCK_ALL || task->act == QEMU_LOCK_ONE;
}

static int work(void *data)
{
        QemuLockTask *task = data;
        const QemuLockOwner owner = { task->run_dir, task->name, task->uuid, task->id, task->pid };

        if (task->clear)
                (void)qemu_lockd_release(&owner, task->locks.items, task->locks.n, NULL);
        return acquires(task) ? qemu_lockd_acquire(&owner, task->locks.items, task->locks.n, &task->err)
                              : qemu_lockd_release(&owner, task->locks.items, task->locks.n, &task->err);
}

/* Whether virtlockd has to be asked now that its turn has come. */
static bool is_needed(const QemuLockTask *task)
{
        switch (task->act) {
        case QEMU_LOCK_ALL:
                return !task->queue->held;
        case QEMU_UNLOCK_ALL:
        case QEMU_LOCK_ONE:
        case QEMU_UNLOCK_ONE:
                return task->queue->held;
        case QEMU_LOCK_WAIT:
                return false;
        }
        return false;
}

static void apply(QemuLockTask *task, int r)
{
        QemuLockQueue *queue = task->queue;

        if (task->act == QEMU_LOCK_ALL)
                queue->held = r >= 0;
        else if (task->act == QEMU_UNLOCK_ALL) {
                queue->held = false;
                queue->unsure = r < 0;
        } else if (task->act == QEMU_LOCK_ONE && r < 0)
                qemu_lock_list_remove(&queue->all, &task->locks.items[0]);
        if (r < 0 && !acquires(task))
                vh_log_warning("domain '%s': its locks could not be released: %s", task->name,
                               vh_error_text(task->err, r));
}

static void tell(QemuLockTask *task, int r, const VhError *err)
{
        QemuLockDone done = VH_TAKE_PTR(task->done);

        if (done)
                done(task->data, r, err);
}

/* ---- the queue ---- */

static void worked(void *data, int r);

/* The end of the first task. True: there may be another. */
static bool end_first(QemuLockTask *task, int r)
{
        QemuLockQueue *queue, *left;

        task->busy = true;
        tell(task, r, task->err);
        queue = task->queue;
        left = task->left;
        if (queue)
                DL_DELETE(queue->tasks, task);
        task_free(task);
        if (left)
                left->last = NULL;
        if (left && left->over)
                left->over(left->over_data);
        return queue != NULL;
}

static void go_on(QemuLockQueue *queue)
{
        QemuLockTask *task;

        while ((task = queue->tasks)) {
                if (is_needed(task)) {
                        if (task->act == QEMU_LOCK_ALL || task->act == QEMU_UNLOCK_ALL)
                                add_all(&task->locks, &queue->all);
                        task->clear = task->act == QEMU_LOCK_ALL && queue->unsure;
                        task->busy = true;
                        vh_pool_submit(qemu_helper_pool(queue->driver), work, worked, task);
                        return;
                }
                if (!end_first(task, 0))
                        return;
        }
}

/* The guest went while a worker got its locks: nobody else would give them back. If it is the daemon that goes, the
 * guest keeps them. */
static bool give_back(QemuLockTask *task)
{
        if (!acquires(task) || !task->driver->helper_calls)
                return false;
        task->act = QEMU_UNLOCK_ALL;
        vh_pool_submit(task->driver->helper_calls, work, worked, task);
        return true;
}

static void worked(void *data, int r)
{
        QemuLockTask *task = data;
        QemuLockQueue *queue = task->queue;

        if (!queue && r == 0 && give_back(task))
                return;
        if (queue)
                apply(task, r);
        if (end_first(task, r))
                go_on(queue);
}

static int guest_is_gone(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
}

static void refuse(QemuLockDone done, void *data)
{
        _vh_error_ VhError *err = NULL;
        int r = guest_is_gone(&err);

        if (done)
                done(data, r, err);
}

void qemu_lock_queue_add(QemuLockQueue *queue, QemuLockAct act, const QemuLock *one, QemuLockDone done, void *data)
{
        QemuLockTask *task;
        bool first = !queue->tasks;

        if (queue->stopped) {
                refuse(done, data);
                return;
        }
        task = vh_new(QemuLockTask, 1);
        *task = (QemuLockTask){
                .queue = queue,
                .driver = queue->driver,
                .act = act,
                .run_dir = vh_xstrdup(queue->driver->env.run_dir),
                .name = vh_xstrdup(queue->dom->node.name),
                .id = queue->dom->id,
                .pid = queue->pid,
                .done = done,
                .data = data,
        };
        memcpy(task->uuid, queue->dom->node.uuid, VH_UUID_LEN);
        if (one)
                qemu_lock_list_add(&task->locks, one);
        DL_APPEND(queue->tasks, task);
        if (first)
                go_on(queue);
}

void qemu_lock_queue_forget(QemuLockQueue *queue, const void *data)
{
        QemuLockTask *task;

        DL_FOREACH (queue->tasks, task)
                if (task->data == data)
                        task->done = NULL;
}

void qemu_lock_queue_stop(QemuLockQueue *queue)
{
        _vh_error_ VhError *err = NULL;
        int r = guest_is_gone(&err);
        QemuLockTask *task;

        queue->stopped = true;
        while ((task = queue->tasks)) {
                DL_DELETE(queue->tasks, task);
                task->queue = NULL;
                tell(task, r, err);
                if (task->busy) { /* who is busy with it frees it */
                        task->left = queue;
                        queue->last = task;
                } else
                        task_free(task);
        }
}

bool qemu_lock_queue_is_busy(QemuLockQueue *queue, void (*over)(void *data), void *data)
{
        queue->over = over;
        queue->over_data = data;
        return queue->last;
}

void qemu_lock_queue_done(QemuLockQueue *queue)
{
        qemu_lock_queue_stop(queue);
        if (queue->last)
                queue->last->left = NULL;
        qemu_lock_list_done(&queue->all);
}
