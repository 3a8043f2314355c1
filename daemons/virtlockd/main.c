/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlockd: leases on disks. Its program is known; no procedure of it is served yet. */

#include "procs.h"
#include "service/daemon.h"

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        *ops = NULL;
        return 0;
}

static int start(void **ret, const VhHelperEnv *env, const json_t *state, VhError **err)
{
        return 0;
}

static void stop(void *self)
{
}

static void save(const void *self, json_t *state, VhKeptFds *kept)
{
}

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { NULL };
        static const VhHelper helper = {
                .program = &vh_program_lock,
                .before_call = before_call,
                .start = start,
                .stop = stop,
                .save = save,
        };
        static const VhProgramDesc self = { .name = "virtlockd", .drivers = drivers, .helper = &helper };

        return vh_daemon_main(&self, argc, argv);
}
