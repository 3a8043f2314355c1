/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server with a small admin service, and a hand-made peer on a socket pair, for the unit tests of this folder. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ops.h"
#include "procs.h"
#include "rpc/login.h"
#include "rpc/server-private.h"

typedef struct TestPeer {
        VhLoop *loop;
        VhServer *server;
        VhListen listen;
        int fd;
        /* what the service does */
        bool reply_fd, send_event, close_soon;
        unsigned n_fds_seen;
        VhCall *late[16];
        unsigned n_late;
        /* the frame received last */
        VhFrameHeader h;
        uint8_t *payload;
        size_t payload_len;
        bool eof;
        VhBuf in, last;
} TestPeer;

int peer_setup(void **state);
int peer_teardown(void **state);
void peer_connect(TestPeer *t);
void peer_disconnect(TestPeer *t);
/* Lets the server do what it can. */
void peer_run(TestPeer *t);
/* The same, with patience for pauses that the server makes to share its time. */
void peer_settle(TestPeer *t);
/* Ends the late call i. */
void peer_finish(TestPeer *t, unsigned i);
void peer_send(TestPeer *t, const void *bytes, size_t len);
void peer_put_header(uint8_t *bytes, uint32_t len, const VhFrameHeader *h);
void peer_frame(TestPeer *t, const VhFrameHeader *h, const void *payload, size_t len);
void peer_call(TestPeer *t, int32_t proc, uint32_t serial, const void *payload, size_t len);
/* A call of the remote program; args is the struct of the row. */
void peer_remote(TestPeer *t, int32_t proc, uint32_t serial, const void *args);
/* False if the socket is full. */
bool peer_try_call(TestPeer *t, int32_t proc, uint32_t serial);
void peer_send_fd(TestPeer *t, int fd);
void peer_with_fd_inside(TestPeer *t, int32_t proc, uint32_t serial);
bool peer_recv_fd(TestPeer *t);
/* The next frame from the server; false if there is none, then eof says why. */
bool peer_next(TestPeer *t);
void peer_expect_error(TestPeer *t, uint32_t serial, int code, int domain, const char *text);
