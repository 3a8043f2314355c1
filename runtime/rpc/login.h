/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Logging in: what the AUTH_* procedures of the remote program do. */

#include "rpc/client-conn.h"

/* AUTH_LIST: the scheme that this client still has to go through. With polkit, a peer with uid 0 is logged in by
 * asking. */
VhAuth vh_login_scheme(VhClient *client);
/* AUTH_POLKIT: asks polkit about the peer and logs it in. Returns VH_LATER, or negative errno with *err. */
int vh_login_polkit(VhCall *call, VhError **err);
/* AUTH_SASL_*: there is no SASL yet; the error the reference gives when the socket wants another scheme. */
int vh_login_sasl(VhCall *call, VhError **err);
