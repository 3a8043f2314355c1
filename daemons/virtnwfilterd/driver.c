/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The nwfilter driver: connections open and say what they are; no object can be managed yet. */

#include "drivers.h"
#include "driver/common-ops.h"

const VhDriver vh_driver_nwfilter = {
        .name = "nwfilter",
        .scheme = "nwfilter",
        .domain = VIR_FROM_NWFILTER,
        .start = vh_empty_driver_start,
        .open = vh_empty_driver_open,
};
