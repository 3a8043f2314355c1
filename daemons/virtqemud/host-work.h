/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has to be there on the host before a guest's QEMU, or a device of it, can be made: tap devices, helper programs,
 * values of secrets. Getting it can block, so it happens on a worker, one item after the other; if one fails, those
 * before it are taken back. Items have copies of all that they use. */

#include "event/pool.h"
#include "launch.h"

typedef struct QemuHostItem QemuHostItem;
typedef struct QemuProcess QemuProcess;

typedef struct QemuHostItemClass {
        /* On a worker. make returns 0 or negative errno with *err, and leaves nothing behind then. */
        int (*make)(QemuHostItem *item, VhError **err);
        void (*remove)(QemuHostItem *item); /* NULL: nothing to take back */
        /* On the loop, once all is made: hands over to what runs on. May be NULL. */
        void (*adopt)(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch);
        void (*free)(QemuHostItem *item);
} QemuHostItemClass;

/* Begins the struct of each kind of item. */
struct QemuHostItem {
        const QemuHostItemClass *class;
        QemuHostItem *prev, *next;
        bool made;
};

typedef struct QemuHostWork QemuHostWork;

/* r < 0: err (borrowed) says why, and all is taken back. The work is freed by who was called. */
typedef void (*QemuHostWorkFn)(void *data, int r, const VhError *err);

QemuHostWork *qemu_host_work_new(void);
/* item is taken over. */
void qemu_host_work_add(QemuHostWork *work, QemuHostItem *item);
bool qemu_host_work_empty(const QemuHostWork *work);
/* Makes the items on a worker; fn is called at once if there is none. fn may be NULL if nothing is to be taken back:
 * the work frees itself then. */
void qemu_host_work_go(QemuHostWork *work, VhPool *pool, QemuHostWorkFn fn, void *data);
/* Takes all items back on a worker, also those that another run made. fn may be NULL: the work frees itself then. */
void qemu_host_work_undo(QemuHostWork *work, VhPool *pool, QemuHostWorkFn fn, void *data);
/* All items are made: they are handed over. */
void qemu_host_work_adopt(QemuHostWork *work, QemuProcess *proc, QemuLaunch *launch);
/* Frees the work, on the loop. While it goes on, or if what it made is not wanted any more (undo), the worker takes all
 * back first; fn is not called then. Accepts NULL, returns NULL. */
QemuHostWork *qemu_host_work_drop(QemuHostWork *work, bool undo);
