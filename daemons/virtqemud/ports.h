/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Whether nothing on this host listens on the TCP port now. */
bool qemu_port_is_free(int port);
