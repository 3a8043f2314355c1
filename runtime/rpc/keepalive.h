/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finds out that a peer hangs: one that was silent for an interval is asked, one that does not answer several times is
 * given up. Used towards clients and towards other daemons. */

#include "event/loop.h"
#include "rpc/frame.h"

typedef struct VhKeepalive VhKeepalive;

typedef struct VhKeepaliveOps {
        /* Microseconds of silence before a ping (UINT64_MAX: never), and how many pings may stay without answer. Asked
         * each time, because the limits of a running daemon change. */
        uint64_t (*interval)(void *data);
        unsigned (*count)(void *data);
        /* False: the peer need not say anything now; nothing is asked until vh_keepalive_wake(). NULL: always true. */
        bool (*wanted)(void *data);
        void (*ping)(void *data);
        /* May free the keepalive. */
        void (*dead)(void *data);
} VhKeepaliveOps;

/* ops must stay valid. */
VhKeepalive *vh_keepalive_new(VhLoop *loop, const VhKeepaliveOps *ops, void *data);
/* Accepts NULL, returns NULL. */
VhKeepalive *vh_keepalive_free(VhKeepalive *keepalive);
/* Something came from the peer. */
void vh_keepalive_heard(VhKeepalive *keepalive);
/* What ops->wanted tells may have become true. */
void vh_keepalive_wake(VhKeepalive *keepalive);

/* Adds a message of the keepalive program: KEEPALIVE_PROC_PING. */
void vh_keepalive_add(VhBuf *out, int32_t proc);
/* True if the frame belongs to the keepalive program; a ping is answered in out. */
bool vh_keepalive_frame(const VhFrame *frame, VhBuf *out);
