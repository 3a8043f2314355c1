/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one guest asks of virtlockd: one thing after the other, on workers. */

#include "guest-locks.h"
#include "lock-client.h"

/* Locks; strings are the list's own. */
typedef struct QemuLockList {
        QemuLock *items;
        size_t n;
} QemuLockList;

void qemu_lock_list_add(QemuLockList *list, const QemuLock *lock);
/* Takes out the lock that is the same thing. False: it is not there. */
bool qemu_lock_list_remove(QemuLockList *list, const QemuLock *lock);
void qemu_lock_list_done(QemuLockList *list);

typedef enum QemuLockAct {
        QEMU_LOCK_ALL,   /* what the guest needs, if it does not have it */
        QEMU_UNLOCK_ALL, /* if it has it */
        QEMU_LOCK_ONE,   /* if it has the others */
        QEMU_UNLOCK_ONE, /* likewise */
        QEMU_LOCK_WAIT,  /* nothing; done when all before is */
} QemuLockAct;

typedef struct QemuLockTask QemuLockTask;

/* Zero but for driver and dom. */
typedef struct QemuLockQueue {
        QemuDriver *driver;
        const VhDomainObj *dom;
        pid_t pid;        /* of the guest */
        QemuLockList all; /* what it needs */
        bool held;        /* it has them */
        bool unsure;      /* it could not give them back, and may have them still */
        bool stopped;     /* the guest is gone: nothing is got for it any more */
        QemuLockTask *tasks;
        QemuLockTask *last;       /* that a worker still has of a guest that is gone; NULL: none */
        void (*over)(void *data); /* waits for its end; NULL: nobody */
        void *over_data;
} QemuLockQueue;

/* Queues an act; one: with *_ONE, copied. done (may be NULL) is called once, inside or later. A lock that could not be
 * had is not among all afterwards. */
void qemu_lock_queue_add(QemuLockQueue *queue, QemuLockAct act, const QemuLock *one, QemuLockDone done, void *data);
/* Those that wait with data are not told. */
void qemu_lock_queue_forget(QemuLockQueue *queue, const void *data);
/* The guest is gone: who waits is told so, and what a worker still gets is given back. */
void qemu_lock_queue_stop(QemuLockQueue *queue);
/* Whether a worker still gets or gives back locks of a guest that is gone; over() is called then once it is done. */
bool qemu_lock_queue_is_busy(QemuLockQueue *queue, void (*over)(void *data), void *data);
/* The queue is to be freed: nobody waits for a worker any more. */
void qemu_lock_queue_done(QemuLockQueue *queue);
