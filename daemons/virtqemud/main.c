/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtqemud: the QEMU driver and nothing else. */

#include "drivers.h"
#include "service/daemon.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { &vh_driver_qemu, NULL };
        static const VhProgramDesc self = { .name = "virtqemud", .routing = VH_ROUTE_MODULAR, .drivers = drivers };

        return vh_daemon_main(&self, argc, argv);
}
