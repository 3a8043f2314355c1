/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtproxyd: where clients of the monolithic daemon, and the network, find the driver daemons. */

#include "service/daemon.h"
#include "testdriver/testdriver.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = { &vh_driver_test, NULL };
        static const VhProgramDesc self = { .name = "virtproxyd", .routing = VH_ROUTE_PROXY, .drivers = drivers };

        return vh_daemon_main(&self, argc, argv);
}
