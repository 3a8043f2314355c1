/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtxend: the Xen driver and nothing else. */

#include "drivers.h"
#include "service/daemon.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { &vh_driver_xen, NULL };
        static const VhProgramDesc self = { .name = "virtxend", .routing = VH_ROUTE_MODULAR, .drivers = drivers };

        return vh_daemon_main(&self, argc, argv);
}
