/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Items of work on the host, made and taken back on a worker. */

#include "host-work.h"

#include <errno.h>
#include <utlist.h>

struct QemuHostWork {
        QemuHostItem *items;
        VhPool *pool;
        QemuHostWorkFn fn; /* NULL: nobody wants it any more */
        void *data;
        VhError *err;
        bool busy; /* on a worker */
};

QemuHostWork *qemu_host_work_new(void)
{
        return vh_new(QemuHostWork, 1);
}

void qemu_host_work_add(QemuHostWork *work, QemuHostItem *item)
{
        DL_APPEND(work->items, item);
}

bool qemu_host_work_empty(const QemuHostWork *work)
{
        return !work->items;
}

static void work_free(QemuHostWork *work)
{
        QemuHostItem *item, *next;

        DL_FOREACH_SAFE (work->items, item, next)
                item->class->free(item);
        vh_error_free(work->err);
        free(work);
}

/* ---- on the worker ---- */

/* From the last to the first. */
static int remove_items(void *data)
{
        QemuHostWork *work = data;
        QemuHostItem *item = work->items ? work->items->prev : NULL;

        while (item) {
                if (item->made && item->class->remove)
                        item->class->remove(item);
                item->made = false;
                item = item == work->items ? NULL : item->prev;
        }
        return 0;
}

static int make_items(void *data)
{
        QemuHostWork *work = data;
        QemuHostItem *item;
        int r = 0;

        DL_FOREACH (work->items, item) {
                r = item->class->make(item, &work->err);
                if (r < 0)
                        break;
                item->made = true;
        }
        if (r < 0)
                remove_items(work);
        return r;
}

/* ---- on the loop ---- */

static void removed(void *data, int r)
{
        QemuHostWork *work = data;

        if (r == -ECANCELED)
                remove_items(work); /* the pool ended before */
        work->busy = false;
        if (work->fn)
                work->fn(work->data, 0, NULL);
        else
                work_free(work);
}

static void made(void *data, int r)
{
        QemuHostWork *work = data;

        work->busy = false;
        if (!work->fn) {
                /* A pool that ends runs nothing more, and would leave it all behind. */
                remove_items(work);
                work_free(work);
                return;
        }
        if (r == -ECANCELED && !work->err)
                vh_error_set(&work->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_ABORTED, "the daemon stops");
        work->fn(work->data, r, work->err);
}

void qemu_host_work_go(QemuHostWork *work, VhPool *pool, QemuHostWorkFn fn, void *data)
{
        work->pool = pool;
        work->fn = fn;
        work->data = data;
        work->busy = work->items != NULL;
        if (work->busy)
                vh_pool_submit(pool, make_items, made, work);
        else
                fn(data, 0, NULL);
}

void qemu_host_work_undo(QemuHostWork *work, VhPool *pool, QemuHostWorkFn fn, void *data)
{
        QemuHostItem *item;

        DL_FOREACH (work->items, item)
                item->made = true;
        work->pool = pool;
        work->fn = fn;
        work->data = data;
        work->busy = true;
        vh_pool_submit(pool, remove_items, removed, work);
}

void qemu_host_work_adopt(QemuHostWork *work, QemuProcess *proc, QemuLaunch *launch)
{
        QemuHostItem *item;

        DL_FOREACH (work->items, item)
                if (item->class->adopt)
                        item->class->adopt(item, proc, launch);
}

QemuHostWork *qemu_host_work_drop(QemuHostWork *work, bool undo)
{
        if (!work)
                return NULL;
        work->fn = NULL;
        if (work->busy)
                return NULL;
        if (undo && work->items && work->items->made)
                qemu_host_work_undo(work, work->pool, NULL, NULL);
        else
                work_free(work);
        return NULL;
}
