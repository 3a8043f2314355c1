/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Xen driver: connections open and say what they are; no object can be managed yet. */

#include "drivers.h"
#include "driver/common-ops.h"

static const VhHypervisorOps hypervisor_ops = {
        .connect_get_hostname = vh_op_connect_get_hostname,
};

const VhDriver vh_driver_xen = {
        .name = "Xen",
        .scheme = "xen",
        .domain = VIR_FROM_XEN,
        .bare_path_ok = true,
        .start = vh_empty_driver_start,
        .open = vh_empty_driver_open,
        .hypervisor = &hypervisor_ops,
};
