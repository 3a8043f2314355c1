/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every driver that a daemon can be made of; each is defined in its daemon's folder. */

#include "driver/driver.h"

extern const VhDriver vh_driver_network;
extern const VhDriver vh_driver_interface;
extern const VhDriver vh_driver_secret;
extern const VhDriver vh_driver_storage;
extern const VhDriver vh_driver_nodedev;
extern const VhDriver vh_driver_nwfilter;
extern const VhDriver vh_driver_xen;
extern const VhDriver vh_driver_qemu;
extern const VhDriver vh_driver_lxc;
extern const VhDriver vh_driver_vbox;
extern const VhDriver vh_driver_bhyve;
