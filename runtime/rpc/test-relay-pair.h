/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the unit tests of relays: a server in front, one behind it, the hand-made peer before both. */

#include "rpc/relay.h"
#include "rpc/test-remote-service.h"

typedef struct Pair {
        TestPeer *front;
        VhServer *back;
        TestRemote remote;
        VhRelay *relay;
        char dir[32];
        char path[64];
        unsigned n_lost, n_events_lost;
        int reason;
} Pair;

extern Pair pair;

int pair_setup(void **state);
int pair_teardown(void **state);
/* The server behind comes and goes. */
void pair_start(void);
void pair_stop(void);
/* Replaces the relay. */
void pair_relay(const char *uri);
void pair_relay_with(const char *uri, const VhRelayLimits *limits);
/* A call that is answered. */
void pair_lib_version(TestPeer *t, uint32_t serial);
/* Makes a call of the remote program and checks that it succeeds; the reply is in t. */
void pair_call(TestPeer *t, int32_t number, uint32_t serial, const void *args);
