/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A few procedures of the remote program, with streams of every sort, for the unit tests of this folder. */

#include "rpc/test-peer.h"

enum { TEST_EVENTS_MAX = 8 };

typedef struct TestRemote {
        char *opened_uri;
        unsigned open_flags;
        char *identity_user; /* what CONNECT_SET_IDENTITY said */
        char *token;
        uint64_t identity_uid;
        int console_fd; /* our end of the console */
        int upload_fd;  /* where an upload goes */
        unsigned holes;
        bool slow_sink; /* takes one byte at a time, and only when woken */
        VhStream *sink_stream;
        unsigned sunk;
        bool finished, freed;
        VhCall *late; /* CONNECT_GET_HOSTNAME, not answered yet */
        /* Registrations: index = callback id or, of the older calls, kind of event. */
        VhClient *callbacks[TEST_EVENTS_MAX], *kinds[TEST_EVENTS_MAX];
        int next_callback;
        bool refuse_events;
        bool hold_event;         /* do not answer the first registration, */
        VhCall *held_event_call; /* which is then here */
} TestRemote;

void test_remote_serve(VhServer *server, TestRemote *remote);
/* A reboot event to who has this callback id, and to who registered in the older way. */
void test_remote_emit(TestRemote *remote, int callback);
void test_remote_done(TestRemote *remote);
