/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirtd: every driver in one process. */

#include "drivers.h"
#include "service/daemon.h"
#include "testdriver/testdriver.h"

int main(int argc, char **argv)
{
        static const VhDriver *const drivers[] = {
                &vh_driver_network,
                &vh_driver_interface,
                &vh_driver_secret,
                &vh_driver_storage,
                &vh_driver_nodedev,
                &vh_driver_nwfilter,
                &vh_driver_xen,
                &vh_driver_qemu,
                &vh_driver_lxc,
                &vh_driver_vbox,
                &vh_driver_bhyve,
                &vh_driver_test,
                NULL,
        };
        static const VhProgramDesc self = { .name = "libvirtd", .routing = VH_ROUTE_LOCAL, .drivers = drivers };

        return vh_daemon_main(&self, argc, argv);
}
