/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtnwfilterd: the nwfilter driver and nothing else. */

#include "drivers.h"
#include "service/daemon.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { &vh_driver_nwfilter, NULL };
        static const VhProgramDesc self = { .name = "virtnwfilterd", .routing = VH_ROUTE_MODULAR, .drivers = drivers };

        return vh_daemon_main(&self, argc, argv);
}
