/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For whom a client locks: a guest, by its process. The guest's own connection is a lifeline: it was made before the
 * process became QEMU and stays open in it. When it ends, the guest is dead and its locks are free; a process that
 * lives without its lifeline is no longer protected and is ended. */

#include "event/loop.h"
#include "rpc/server.h"
#include "spaces.h"

/* What all of them share. */
typedef struct LockContext {
        LockSpaces *spaces;
        VhLoop *loop;
        bool ending;            /* the daemon ends: connections end with it */
        struct Victim *victims; /* processes that are being ended */
} LockContext;

typedef struct LockOwner {
        LockContext *context;
        bool restricted;
        pid_t pid; /* 0: not registered */
        unsigned id;
        char *name;
        uint8_t uuid[16];
        int pidfd; /* of a lifeline, else -1 */
} LockOwner;

/* Gives the client its owner, which goes with it. */
LockOwner *lock_owner_new(VhClient *client, LockContext *context);
LockOwner *lock_owner_of(const VhClient *client);
/* The client told for whom it speaks. */
void lock_owner_register(LockOwner *owner, VhClient *client, pid_t pid, unsigned id, const char *name,
                         const uint8_t uuid[16]);
/* Leaves processes that are being ended to themselves. */
void lock_context_done(LockContext *context);
/* The private part of a client in the state. */
json_t *lock_owner_save(const VhClient *client);
int lock_owner_load(LockOwner *owner, VhClient *client, const json_t *state);
