/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a client has registered for at the daemon behind a relay, so that it can be asked for again of the daemon that
 * takes the place of one that died.
 *
 * The new daemon gives out callback ids of its own. The client keeps those it was told: in each frame between the two
 * the id of one side is replaced by that of the other. */

#include "rpc/client.h"

typedef struct VhRelayEvents VhRelayEvents;

VhRelayEvents *vh_relay_events_new(void);
/* Connections on which calls of vh_relay_events_restore() are under way must be gone. Accepts NULL, returns NULL. */
VhRelayEvents *vh_relay_events_free(VhRelayEvents *events);
VH_DEFINE_CLEANUP(VhRelayEvents *, vh_relay_events_free)

/* Looks at a call of the client, a row with an event_role, before it is forwarded; ids in it become those of the
 * daemon. away: the daemon has not got the registrations now. Returns true if the call needs no daemon: something is
 * taken back that is only known here. */
bool vh_relay_events_call(VhRelayEvents *events, const VhProgram *program, const VhProc *proc, const VhFrame *frame,
                          bool away);
/* Looks at the reply of such a call; ids in it become those of the client. */
void vh_relay_events_reply(VhRelayEvents *events, const VhFrame *frame);
/* The same for an event with a callback id (VH_ROLE_EVENT). Returns false if the client does not want it any more. */
bool vh_relay_events_wanted(VhRelayEvents *events, const VhFrame *frame);

/* The daemon is gone; calls that it has not answered count as failed. */
void vh_relay_events_lost(VhRelayEvents *events);
/* True if there is something to be registered anew. */
bool vh_relay_events_any(const VhRelayEvents *events);
/* Registers everything anew on a fresh connection. fn runs once from the loop when all is answered; refused: what the
 * daemon said to a registration that it does not take any more, which is forgotten then, or NULL. If the connection
 * breaks before that, fn does not run. Returns false if there is nothing to do; fn does not run then either. */
bool vh_relay_events_restore(VhRelayEvents *events, VhRemote *remote, void (*fn)(void *data, const VhError *refused),
                             void *data);
