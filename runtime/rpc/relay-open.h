/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a relay gets its connection: connect, ask for the login scheme, open the URI, say for whom. */

#include "rpc/client.h"
#include "rpc/relay.h"

typedef struct VhRelayOpen VhRelayOpen;

/* Starts. *remote is set as soon as there is a connection; it belongs to the caller. fn runs once, from the loop,
 * unless the attempt is cancelled before; the result is no longer valid then. */
VhRelayOpen *vh_relay_open_start(VhClient *client, const VhRelayTarget *target, VhRemote **remote,
                                 void (*fn)(void *data, int r, const VhError *err), void *data);
/* Accepts NULL, returns NULL. To be done before the remote is freed. */
VhRelayOpen *vh_relay_open_cancel(VhRelayOpen *open);
