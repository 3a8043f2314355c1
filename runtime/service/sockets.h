/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The sockets that a daemon listens on: those that systemd passed, or else its own. */

#include "service/handover.h"
#include "service/paths.h"
#include "service/settings.h"

typedef struct VhSockets VhSockets;

typedef struct VhSocketsConfig {
        const VhDaemonDesc *desc;
        const VhPaths *paths;
        const VhSettings *settings;
        bool listen;          /* --listen was given */
        const json_t *handed; /* servers of the program before, whose sockets are used; NULL: none */
        VhServer *main;       /* gets everything but the admin socket */
        VhServer *admin;
} VhSocketsConfig;

/* Adds listeners to the servers. Returns 0 or negative errno with *err; files that were made are removed then. */
int vh_sockets_open(VhSockets **ret, const VhSocketsConfig *config, VhError **err);
/* Removes the socket files that we made. The listeners belong to the servers. Accepts NULL, returns NULL. */
VhSockets *vh_sockets_free(VhSockets *sockets);
VH_DEFINE_CLEANUP(VhSockets *, vh_sockets_free)
