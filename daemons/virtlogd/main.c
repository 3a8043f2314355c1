/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlogd: log files of guests. */

#include "calls.h"
#include "service/daemon.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { NULL };
        static const VhProgramDesc self = { .name = "virtlogd", .drivers = drivers, .helper = &log_helper };

        return vh_daemon_main(&self, argc, argv);
}
