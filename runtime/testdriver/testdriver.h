/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The driver that needs no hypervisor: test:///default and test:///PATH. */

#include "driver/driver.h"

extern const VhDriver vh_driver_test;
