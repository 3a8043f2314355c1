/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The admin program, which every daemon serves on its admin socket to its own user and root. */

#include "rpc/server.h"

enum { VH_ADMIN_SERVERS_MAX = 2 };

typedef struct VhAdmin {
        VhServer *servers[VH_ADMIN_SERVERS_MAX]; /* what clients can look at, NULL at the end */
        /* Changes the idle time of the daemon, 0: stays. */
        void (*set_timeout)(void *data, unsigned seconds);
        void *data;
} VhAdmin;

/* Adds the program to server. admin must outlive it. */
void vh_admin_serve(VhServer *server, VhAdmin *admin);
