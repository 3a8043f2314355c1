/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings that a running daemon takes through its admin socket. */

#include "conf/conf.h"

/* True if there is a call for this option of this daemon. */
bool vh_live_can(const VhDaemonDesc *d, const char *option);

typedef struct VhLiveSetting {
        const char *option;
        const char *value; /* as in a .conf file; NULL: the default */
} VhLiveSetting;

/* Sets all of them in the daemon that listens on socket (a path), and asks whether they arrived. Returns 0 or negative
 * errno with err; some may be set then. */
int vh_live_set(const VhDaemonDesc *d, const char *socket, const VhLiveSetting *settings, size_t n, VhError **err);
