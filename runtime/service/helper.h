/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A daemon without drivers: virtlogd, virtlockd. It serves one program of its own, and what it holds for others (pipes,
 * locks) outlives its program: on SIGUSR1 everything is handed to a fresh copy of it (service/reexec.h). */

#include "rpc/server.h"
#include "service/handover.h"
#include "service/paths.h"
#include "service/settings.h"

typedef struct VhHelperEnv {
        VhLoop *loop;
        const VhSettings *settings;
        const VhPaths *paths;
} VhHelperEnv;

typedef struct VhHelper {
        const VhProgram *program;
        /* Of every call, see VhService; call->target is what start() gave. */
        int (*before_call)(VhCall *call, const void **ops, VhError **err);
        /* Begins; state is what save() of the program before us left, or NULL. *ret goes to all others. */
        int (*start)(void **ret, const VhHelperEnv *env, const json_t *state, VhError **err);
        /* The daemon ends: clients that go from now on go because of that. NULL: nothing to do. */
        void (*ending)(void *self);
        /* All clients are gone. Accepts NULL. */
        void (*stop)(void *self);
        /* Holds something for somebody: no idle exit. NULL: never. */
        bool (*busy)(const void *self);
        /* A fresh copy is to take over: begins nothing more that save() would have to wait for, and returns whether
         * nothing is under way. It is asked again until that is so, or go_on() says that there is no other copy. NULL:
         * nothing ever is. */
        bool (*settle)(void *self);
        void (*go_on)(void *self);
        /* Adds what start() needs, and the descriptors that go with it. */
        void (*save)(const void *self, json_t *state, VhKeptFds *fds);
        /* A client came; state is what client_save() left of it, NULL for a new one. NULL: nothing is kept of clients.
         */
        int (*client_new)(void *self, VhClient *client, const json_t *state, VhError **err);
        /* A new reference. */
        json_t *(*client_save)(const VhClient *client);
} VhHelper;
