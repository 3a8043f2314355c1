/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlockd: leases on disks. Its program is known; no procedure of it is served yet. */

#include "procs.h"
#include "service/daemon.h"

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        *ops = NULL;
        return 0;
}

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { NULL };
        static const VhService services[] = { { &vh_program_lock, before_call, NULL }, { 0 } };
        static const VhProgramDesc self = { .name = "virtlockd", .drivers = drivers, .services = services };

        return vh_daemon_main(&self, argc, argv);
}
