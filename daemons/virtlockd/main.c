/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlockd: locks on disks. */

#include "calls.h"
#include "service/daemon.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { NULL };
        static const VhProgramDesc self = { .name = "virtlockd", .drivers = drivers, .helper = &lock_helper };

        return vh_daemon_main(&self, argc, argv);
}
