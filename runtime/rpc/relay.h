/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Forwards one client's frames to another daemon, and what that daemon sends back to the client, without decoding:
 * calls, replies, events, streams, descriptors. The connection to the daemon is made with the first frame (login, open,
 * identity of the caller with the system token) and again after it broke: at the next call, or by and by if the client
 * had registered for events there. It is registered for them anew then, before anything else is forwarded; what
 * happened in between it does not hear of. Serials are the client's own, and so are callback ids.
 *
 * A daemon that hangs does not keep anybody waiting for ever: opening has a time limit, and while calls or streams are
 * under way the daemon is pinged. */

#include "rpc/client-conn.h"

typedef struct VhRelay VhRelay;

/* Times in microseconds; limits.h says what they are for. */
typedef struct VhRelayLimits {
        uint64_t open_usec;
        uint64_t ping_usec;
        unsigned ping_count;
        uint64_t retry_usec;
} VhRelayLimits;

typedef struct VhRelayTarget {
        const char *socket; /* "/run/libvirt/virtnetworkd-sock" */
        const char *uri;    /* what to open there */
        bool read_only;
        const char *token;    /* system token, NULL: no identity is handed over */
        VhRelayLimits limits; /* all 0: those of limits.h */
} VhRelayTarget;

/* The target is copied. */
VhRelay *vh_relay_new(VhClient *client, const VhRelayTarget *target);
/* Accepts NULL, returns NULL. Calls in flight are not answered. */
VhRelay *vh_relay_free(VhRelay *relay);
VH_DEFINE_CLEANUP(VhRelay *, vh_relay_free)

/* Neither may free the relay. Any member may be NULL. */
typedef struct VhRelayHooks {
        /* An open connection to the daemon broke, and what was under way got its error. reason:
         * VIR_CONNECT_CLOSE_REASON_*. */
        void (*lost)(void *data, int reason);
        /* The daemon that took the place of another does not take a registration for events that the client still
         * has. */
        void (*events_lost)(void *data, const VhError *err);
} VhRelayHooks;

/* hooks are copied; data is handed to them. */
void vh_relay_set_hooks(VhRelay *relay, const VhRelayHooks *hooks, void *data);

/* Connects and opens now; fn runs once, from the loop, with the outcome (r 0, or negative and err). */
void vh_relay_open(VhRelay *relay, void (*fn)(void *data, int r, const VhError *err), void *data);
/* Forwards a frame of the client, opening first if needed. A frame that cannot be forwarded is answered with an error.
 */
void vh_relay_forward(VhRelay *relay, const VhFrame *frame);
/* True if the call with this serial, or a stream that it opened, lives on the far side. */
bool vh_relay_owns(const VhRelay *relay, const VhFrameHeader *h);
