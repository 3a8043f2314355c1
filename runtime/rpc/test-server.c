/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server on socket pairs: frames, errors, limits, descriptors, late answers. */

#include "rpc/test-peer.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static void test_call_and_reply(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 7, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_int_equal(t->h.serial, 7);
        assert_int_equal(t->h.proc, ADMIN_PROC_CONNECT_GET_LIB_VERSION);
        assert_int_equal(t->payload_len, 8);
        assert_int_equal(vh_get_be32(t->payload + 4), 9000000);
}

static void test_replies_of_a_batch(void **state)
{
        TestPeer *t = *state;

        for (uint32_t i = 0; i < 100; i++)
                peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, i, NULL, 0);
        for (uint32_t i = 0; i < 100; i++) {
                assert_true(peer_next(t));
                assert_int_equal(t->h.serial, i);
        }
}

static void test_byte_by_byte(void **state)
{
        TestPeer *t = *state;
        uint8_t frame[VH_FRAME_MIN];

        peer_put_header(frame, VH_FRAME_MIN, &(VhFrameHeader){ .prog = 0x06900690, .vers = 1, .proc = 3, .serial = 5 });
        for (size_t i = 0; i < sizeof(frame); i++) {
                peer_send(t, frame + i, 1);
                peer_run(t);
        }
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 5);
}

/* Wrong in one field, and what the reference answers; NULL: nothing, the connection stays. */
static const struct {
        const char *name;
        VhFrameHeader h;
        const char *text;
} bad_headers[] = {
        { "program", { .prog = 1, .vers = 1, .proc = 3 }, "Cannot find program 1 version 1" },
        { "version", { .prog = 0x06900690, .vers = 2, .proc = 3 }, "Cannot find program 110102160 version 2" },
        { "procedure", { .prog = 0x06900690, .vers = 1, .proc = 999 }, "unknown procedure: 999" },
        { "negative procedure", { .prog = 0x06900690, .vers = 1, .proc = -1 }, "unknown procedure: -1" },
        { "procedure zero", { .prog = 0x06900690, .vers = 1, .proc = 0 }, "unknown procedure: 0" },
        { "status", { .prog = 0x06900690, .vers = 1, .proc = 3, .status = 2 }, "Unexpected message status 2" },
        { "status before procedure",
          { .prog = 0x06900690, .vers = 1, .proc = 999, .status = 1 },
          "Unexpected message status 1" },
        { "keepalive as call",
          { .prog = 0x6b656570, .vers = 1, .proc = 1 },
          "Cannot find program 1801807216 version 1" },
        { "arguments",
          { .prog = 0x06900690, .vers = 1, .proc = ADMIN_PROC_CONNECT_LOOKUP_SERVER },
          "Unable to decode message payload" },
        { "stray reply", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = VH_FRAME_REPLY }, NULL },
        { "stray message", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = VH_FRAME_MESSAGE }, NULL },
        { "stray stream", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = VH_FRAME_STREAM }, NULL },
        { "stray hole", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = VH_FRAME_STREAM_HOLE }, NULL },
        { "stray reply with descriptors",
          { .prog = 0x06900690, .vers = 1, .proc = 3, .type = VH_FRAME_REPLY_WITH_FDS },
          NULL },
        { "unknown type", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = 7 }, NULL },
        { "huge type", { .prog = 0x06900690, .vers = 1, .proc = 3, .type = UINT32_MAX }, NULL },
        { "keepalive of another version",
          { .prog = 0x6b656570, .vers = 2, .proc = 1, .type = VH_FRAME_MESSAGE },
          NULL },
        { "unknown keepalive", { .prog = 0x6b656570, .vers = 1, .proc = 9, .type = VH_FRAME_MESSAGE }, NULL },
};

static void test_bad_headers(void **state)
{
        TestPeer *t = *state;

        for (size_t i = 0; i < VH_ARRAY_SIZE(bad_headers); i++) {
                VhFrameHeader h = bad_headers[i].h;

                h.serial = 40;
                peer_frame(t, &h, NULL, 0);
                if (bad_headers[i].text)
                        peer_expect_error(t, 40, VIR_ERR_RPC, VIR_FROM_RPC, bad_headers[i].text);
                peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 41, NULL, 0);
                assert_true(peer_next(t));
                assert_int_equal(t->h.serial, 41);
        }
}

static void test_bad_lengths(void **state)
{
        static const uint32_t lengths[] = { 0, 1, 3, 4, 20, 27, VH_FRAME_MAX + 5, 0x7fffffff, 0x80000000, 0xffffffff };
        TestPeer *t = *state;

        for (size_t i = 0; i < VH_ARRAY_SIZE(lengths); i++) {
                uint8_t frame[VH_FRAME_MIN];

                peer_connect(t);
                peer_put_header(frame, lengths[i], &(VhFrameHeader){ .prog = 0x06900690, .vers = 1, .proc = 3 });
                peer_send(t, frame, sizeof(frame));
                assert_false(peer_next(t));
                assert_true(t->eof);
                assert_int_equal(vh_server_n_clients(t->server), 0);
        }
}

static void test_long_length_is_not_allocated(void **state)
{
        TestPeer *t = *state;
        uint8_t frame[VH_FRAME_MIN];

        peer_put_header(frame, VH_FRAME_MAX + 4, &(VhFrameHeader){ .prog = 0x06900690, .vers = 1, .proc = 3 });
        peer_send(t, frame, sizeof(frame));
        peer_run(t);
        assert_int_equal(vh_server_n_clients(t->server), 1);
        assert_true(vh_server_first_client(t->server)->link.own_cap < VH_READ_SIZE);
}

static void test_ping(void **state)
{
        TestPeer *t = *state;

        peer_frame(t, &(VhFrameHeader){ .prog = 0x6b656570, .vers = 1, .proc = 1, .type = VH_FRAME_MESSAGE }, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.prog, 0x6b656570);
        assert_int_equal(t->h.proc, 2);
        assert_int_equal(t->h.type, VH_FRAME_MESSAGE);
}

static void test_before_login(void **state)
{
        TestPeer *t = *state;

        t->listen.auth = VH_AUTH_POLKIT;
        peer_connect(t);
        assert_int_equal(vh_server_n_anonymous(t->server), 1);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 1, NULL, 0);
        peer_expect_error(t, 1, VIR_ERR_RPC, VIR_FROM_RPC, "authentication required");
        assert_int_equal(vh_login_scheme(vh_server_first_client(t->server)),
                         geteuid() == 0 ? VH_AUTH_NONE : VH_AUTH_POLKIT);
        vh_client_set_authenticated(vh_server_first_client(t->server));
        assert_int_equal(vh_server_n_anonymous(t->server), 0);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 2, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_OK);
}

static void test_unsupported(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_LIST_SERVERS, 3, "\0\0\0\0\0\0\0\0", 8);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(vh_get_be32(t->payload), VIR_ERR_NO_SUPPORT);
}

static void test_late_answer(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_CLOSE, 1, NULL, 0);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 2, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 2);
        assert_non_null(t->late[0]);
        peer_finish(t, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 1);
}

static void test_late_answer_without_client(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_CLOSE, 1, NULL, 0);
        peer_run(t);
        assert_int_equal(t->n_late, 1);
        peer_disconnect(t);
        assert_null(t->late[0]->client);
        peer_finish(t, 0);
}

static void test_late_answer_without_server(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_CLOSE, 1, NULL, 0);
        peer_run(t);
        t->server = vh_server_free(t->server);
        peer_finish(t, 0);
}

static void test_requests_in_progress(void **state)
{
        TestPeer *t = *state;

        for (uint32_t i = 0; i < 8; i++)
                peer_call(t, ADMIN_PROC_CONNECT_CLOSE, i, NULL, 0);
        peer_settle(t);
        assert_int_equal(t->n_late, 5);
        peer_finish(t, 0);
        peer_settle(t);
        assert_int_equal(t->n_late, 6);
        for (unsigned i = 1; i < t->n_late; i++) {
                peer_finish(t, i);
                peer_settle(t);
        }
        assert_int_equal(t->n_late, 8);
}

static void test_backlog_stops_reading(void **state)
{
        TestPeer *t = *state;
        VhClient *client = vh_server_first_client(t->server);
        unsigned sent = 0;

        /* The peer asks without ever reading: our memory stays bounded. */
        for (; sent < 200000 && peer_try_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, sent); sent++)
                if (sent % 64 == 0)
                        peer_run(t);
        assert_true(sent < 200000);
        assert_true(vh_client_backlog(client) < VH_SEND_BACKLOG_MAX + 64 * 1024);
        for (uint32_t i = 0; i < sent; i++) {
                assert_true(peer_next(t));
                assert_int_equal(t->h.serial, i);
        }
}

static void test_descriptors_up(void **state)
{
        TestPeer *t = *state;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        peer_frame(t,
                   &(VhFrameHeader){
                           .prog = 0x06900690, .vers = 1, .proc = 1, .type = VH_FRAME_CALL_WITH_FDS, .serial = 9 },
                   "\0\0\0\2\0\0\0\0", 8);
        peer_send_fd(t, fds[0]);
        peer_run(t);
        peer_send_fd(t, fds[1]);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 9);
        assert_int_equal(t->n_fds_seen, 2);
        close(fds[0]);
        close(fds[1]);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 10, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 10);
}

static void test_descriptors_missing(void **state)
{
        TestPeer *t = *state;

        peer_frame(t, &(VhFrameHeader){ .prog = 0x06900690, .vers = 1, .proc = 1, .type = VH_FRAME_CALL_WITH_FDS },
                   "\0\0\0\1\0\0\0\0", 8);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 10, NULL, 0);
        assert_false(peer_next(t));
        assert_true(t->eof);
}

static void test_descriptors_too_many(void **state)
{
        TestPeer *t = *state;

        peer_frame(t, &(VhFrameHeader){ .prog = 0x06900690, .vers = 1, .proc = 1, .type = VH_FRAME_CALL_WITH_FDS },
                   "\0\0\0\x21\0\0\0\0", 8);
        assert_false(peer_next(t));
        assert_true(t->eof);
}

static void test_descriptors_unasked(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 1, NULL, 0);
        assert_true(peer_next(t));
        /* On a byte in the middle of a frame. */
        peer_with_fd_inside(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 2);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 2);
        assert_int_equal(vh_server_first_client(t->server)->link.n_in_fds, 0);
}

static void test_descriptor_down(void **state)
{
        TestPeer *t = *state;

        t->reply_fd = true;
        peer_call(t, ADMIN_PROC_CONNECT_OPEN, 1, "\0\0\0\0", 4);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY_WITH_FDS);
        assert_int_equal(vh_get_be32(t->payload), 1);
        assert_true(peer_recv_fd(t));
}

static void test_event_waits_for_reply(void **state)
{
        TestPeer *t = *state;

        t->send_event = true;
        peer_call(t, ADMIN_PROC_CONNECT_OPEN, 1, "\0\0\0\0", 4);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_MESSAGE);
        assert_int_equal(t->h.serial, 1);
}

static void test_close_soon(void **state)
{
        TestPeer *t = *state;

        t->close_soon = true;
        peer_call(t, ADMIN_PROC_CONNECT_OPEN, 1, "\0\0\0\0", 4);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_false(peer_next(t));
        assert_true(t->eof);
}

static void test_events_nobody_reads(void **state)
{
        remote_connect_event_connection_closed_msg msg = { .reason = 1 };
        const VhProc *proc = vh_program_find(&vh_program_remote, REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED);
        TestPeer *t = *state;
        VhClient *client = vh_server_first_client(t->server);

        for (unsigned n = 0; n < 2 * VH_EVENT_BACKLOG_MAX / VH_FRAME_MIN; n++)
                vh_client_send_event(client, &vh_program_remote, proc, &msg);
        assert_true(vh_client_backlog(client) <= VH_EVENT_BACKLOG_MAX + VH_FRAME_MIN + 4);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(t->server), 0);
}

/* Connects n clients to a listener with this scheme. */
static void connect_many(TestPeer *t, VhAuth auth, int *fds, unsigned n)
{
        char path[] = "/tmp/vh-listen-XXXXXX";
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _vh_error_ VhError *err = NULL;
        VhListen listen = { .auth = auth };

        assert_non_null(mkdtemp(path));
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", path);
        listen.fd = vh_listen_unix(address.sun_path, 0600, (gid_t)-1, 50, &err);
        assert_true(listen.fd >= 0);
        assert_int_equal(vh_server_add_listener(t->server, &listen, &err), 0);
        for (unsigned i = 0; i < n; i++) {
                fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof(address)), 0);
        }
        peer_settle(t);
        unlink(address.sun_path);
        rmdir(path);
}

static void test_max_clients(void **state)
{
        TestPeer *t = *state;
        int fds[15];

        connect_many(t, VH_AUTH_NONE, fds, 15);
        assert_int_equal(vh_server_n_clients(t->server), 10);
        close(fds[0]);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(t->server), 10);
        vh_server_limits(t->server)->max_clients = 12;
        vh_server_limits_changed(t->server);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(t->server), 12);
        for (int i = 1; i < 15; i++)
                close(fds[i]);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(t->server), 1);
}

static void test_max_anonymous_clients(void **state)
{
        TestPeer *t = *state;
        int fds[5];

        connect_many(t, VH_AUTH_POLKIT, fds, 5);
        assert_int_equal(vh_server_n_anonymous(t->server), 2);
        vh_client_set_authenticated(vh_client_next(vh_server_first_client(t->server)));
        peer_settle(t);
        assert_int_equal(vh_server_n_anonymous(t->server), 2);
        assert_int_equal(vh_server_n_clients(t->server), 4);
        for (int i = 0; i < 5; i++)
                close(fds[i]);
        peer_settle(t);
        assert_int_equal(vh_server_n_anonymous(t->server), 0);
}

/* Clients that break the framing keep the listeners quiet, each for a while, but not for ever. */
static void test_garbage_pauses_accepting(void **state)
{
        enum { N = 6, PAUSE_USEC = 1000, PAUSE_MAX_USEC = 100 * 1000 };
        TestPeer *t = *state;
        uint64_t start, pause;
        int fds[N], another;

        connect_many(t, VH_AUTH_NONE, fds, N);
        assert_int_equal(vh_server_n_clients(t->server), N + 1);
        start = vh_loop_now(t->loop);
        for (int i = 0; i < N; i++)
                assert_int_equal(send(fds[i], "garbage", 7, 0), 7);
        while (vh_server_n_clients(t->server) > 1)
                assert_true(vh_loop_step(t->loop, 0) > 0);
        pause = t->server->paused_until - start;
        assert_true(pause >= N * PAUSE_USEC && pause <= PAUSE_MAX_USEC + (vh_loop_now(t->loop) - start));
        while (t->server->paused)
                assert_true(vh_loop_step(t->loop, PAUSE_MAX_USEC) > 0);
        connect_many(t, VH_AUTH_NONE, &another, 1);
        assert_int_equal(vh_server_n_clients(t->server), 2);
        for (int i = 0; i < N; i++)
                close(fds[i]);
        close(another);
}

static void exchange(TestPeer *t, unsigned n)
{
        for (uint32_t i = 0; i < n; i++) {
                peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, i, NULL, 0);
                assert_true(peer_next(t));
        }
}

/* Whoever comes while somebody who has stayed is active waits a little, also one that only hangs up again; a short
 * visit of another does not have that effect. */
static void test_comers_wait_while_others_work(void **state)
{
        enum { SHORT_VISIT = 20, LONG_VISIT = 40, N = 5, PAUSE_USEC = 1000 };
        TestPeer *t = *state;
        int fds[2][N];
        uint64_t start;

        exchange(t, SHORT_VISIT);
        connect_many(t, VH_AUTH_NONE, fds[0], N);
        assert_int_equal(t->server->paused_until, 0);
        exchange(t, LONG_VISIT);
        start = vh_loop_now(t->loop);
        t->server->last_stayed = start + N * PAUSE_USEC; /* however long it takes to connect here */
        connect_many(t, VH_AUTH_NONE, fds[1], N - 1);
        assert_true(t->server->paused_until >= start + (N - 1) * PAUSE_USEC);
        assert_int_equal(vh_server_n_clients(t->server), 2 * N);
        for (int i = 0; i < 2 * N - 1; i++)
                close(fds[i / N][i % N]);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(t->server), 1);
}

static void test_refused_listeners(void **state)
{
        TestPeer *t = *state;
        _vh_error_ VhError *err = NULL;

        assert_true(vh_server_add_listener(t->server, &(VhListen){ .fd = dup(0), .transport = VH_TRANSPORT_TLS },
                                           &err) < 0);
        assert_int_equal(err->code, VIR_ERR_CONFIG_UNSUPPORTED);
        assert_true(vh_server_add_listener(t->server, &(VhListen){ .fd = dup(0), .auth = VH_AUTH_SASL }, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_CONFIG_UNSUPPORTED);
}

static void send_calls(TestPeer *t, unsigned n)
{
        for (uint32_t i = 0; i < n; i++)
                peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, i, NULL, 0);
}

/* One client has 400 calls waiting when another asks once: it gets its answer before all of them are served. */
static void test_flood_does_not_starve(void **state)
{
        const int reply_size = VH_FRAME_MIN + 8;
        TestPeer *t = *state;
        int flood = t->fd, answered = 0;

        send_calls(t, 200);
        vh_loop_step(t->loop, 0);
        send_calls(t, 200);
        t->fd = -1;
        peer_connect(t);
        send_calls(t, 1);
        while (recv(t->fd, &(char){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
                assert_true(vh_loop_step(t->loop, 0) > 0);
        assert_int_equal(ioctl(flood, FIONREAD, &answered), 0);
        assert_true(answered > 0 && answered < 400 * reply_size);
        close(flood);
        assert_true(peer_next(t));
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                SERVER_TEST(test_call_and_reply),
                SERVER_TEST(test_replies_of_a_batch),
                SERVER_TEST(test_byte_by_byte),
                SERVER_TEST(test_bad_headers),
                SERVER_TEST(test_bad_lengths),
                SERVER_TEST(test_long_length_is_not_allocated),
                SERVER_TEST(test_ping),
                SERVER_TEST(test_before_login),
                SERVER_TEST(test_unsupported),
                SERVER_TEST(test_late_answer),
                SERVER_TEST(test_late_answer_without_client),
                SERVER_TEST(test_late_answer_without_server),
                SERVER_TEST(test_requests_in_progress),
                SERVER_TEST(test_backlog_stops_reading),
                SERVER_TEST(test_descriptors_up),
                SERVER_TEST(test_descriptors_missing),
                SERVER_TEST(test_descriptors_too_many),
                SERVER_TEST(test_descriptors_unasked),
                SERVER_TEST(test_descriptor_down),
                SERVER_TEST(test_event_waits_for_reply),
                SERVER_TEST(test_close_soon),
                SERVER_TEST(test_events_nobody_reads),
                SERVER_TEST(test_max_clients),
                SERVER_TEST(test_max_anonymous_clients),
                SERVER_TEST(test_garbage_pauses_accepting),
                SERVER_TEST(test_comers_wait_while_others_work),
                SERVER_TEST(test_refused_listeners),
                SERVER_TEST(test_flood_does_not_starve),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
