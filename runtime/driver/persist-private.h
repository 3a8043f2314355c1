/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by persist.c, persist-load.c and persist-queue.c only. */

#include "base/file.h"
#include "driver/persist.h"
#include "event/pool.h"

#define VH_PERSIST_SUFFIX ".xml"

struct VhPersist {
        const VhPersistKind *kind;
        char *dir;
        char *autostart_dir; /* NULL: none */
        /* NULL: the caller waits for the disk. One worker, so that changes come to disk in their order. */
        VhPool *pool;
        VhLoop *loop;
        void (*unlinked)(void *data, const char *name, bool autostart); /* see vh_persist_set_loop() */
        void *data;
        struct VhPersistOp *ops;       /* not done yet, oldest first */
        struct VhPersistHeld *calls;   /* whose answers wait for them, likewise */
        uint64_t last_op, last_before; /* the number of the newest, now and when a call began */
};

/* A change of what is on disk. */
typedef struct VhPersistOp {
        VhPersist *persist;
        int (*run)(struct VhPersistOp *op, VhError **err); /* uses what is below, and what never changes of persist */
        void (*failed)(struct VhPersistOp *op); /* on the loop, after the change was thought to be done; may be NULL */
        char *name, *new_name;
        VhFileDraft *draft;
        bool autostart;
        uint64_t number;
        bool ran;
        VhError *err;
        struct VhPersistOp *prev, *next;
} VhPersistOp;

VhPersistOp *vh_persist_op_new(VhPersist *p, const char *name, int (*run)(VhPersistOp *op, VhError **err));
/* Carries the change out, or has that done; takes op over. Returns 0 also for one that is still to be done. */
int vh_persist_op_do(VhPersistOp *op, VhError **err);
/* Waits for all that is to be done. */
void vh_persist_drain(VhPersist *p);

/* "dir/name.xml"; the caller frees it. */
char *vh_persist_entry(const char *dir, const char *name);

/* Gives a definition another file name, the autostart link included; -EEXIST if that file exists. */
int vh_persist_move(VhPersist *p, const char *from, const char *to, VhError **err);
