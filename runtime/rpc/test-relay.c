/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our own client, and relays: a server in front, one behind it, the hand-made peer before both. */

#include "rpc/test-relay-pair.h"

#include "api.h"
#include "rpc/client.h"
#include "rpc/wire-error.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static void test_forward(void **state)
{
        TestPeer *t = *state;

        pair_lib_version(t, 77);
        pair_lib_version(t, 78);
        assert_string_equal(pair.remote.opened_uri, "test:///default");
        assert_int_equal(pair.remote.open_flags, 1);
        assert_string_equal(pair.remote.token, "0123");
        assert_int_equal(pair.remote.identity_uid, getuid());
        assert_int_equal(vh_server_n_clients(pair.back), 1);
}

static void test_own_calls_stay(void **state)
{
        TestPeer *t = *state;

        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 1, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(vh_server_n_clients(pair.back), 0);
}

static void test_pipelined_before_open(void **state)
{
        TestPeer *t = *state;

        for (uint32_t i = 0; i < 20; i++)
                peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, i, NULL);
        for (uint32_t i = 0; i < 20; i++) {
                assert_true(peer_next(t));
                assert_int_equal(t->h.serial, i);
        }
}

/* Data and end of a stream right behind the call that opens it. */
static void test_stream_pipelined_before_open(void **state)
{
        const remote_storage_vol_upload_args args = {
                .vol = { .pool = (char *)"p", .name = (char *)"v", .key = (char *)"k" }
        };
        VhFrameHeader packet = { .prog = vh_program_remote.number,
                                 .vers = 1,
                                 .proc = REMOTE_PROC_STORAGE_VOL_UPLOAD,
                                 .type = VH_FRAME_STREAM,
                                 .serial = 9,
                                 .status = VH_STATUS_CONTINUE };
        TestPeer *t = *state;

        peer_remote(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, 9, &args);
        peer_frame(t, &packet, "12345", 5);
        packet.status = VH_STATUS_OK;
        peer_frame(t, &packet, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_STREAM);
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_int_equal(pair.remote.sunk, 5);
        assert_true(pair.remote.finished);
}

static void expect_system_error(TestPeer *t, uint32_t serial, int errnum)
{
        _vh_error_ VhError *err = NULL;

        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, serial);
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(vh_wire_error_decode(t->payload, t->payload_len, &err), 0);
        assert_int_equal(err->code, VIR_ERR_SYSTEM_ERROR);
        assert_int_equal(err->int1, errnum);
}

/* Connections are queued by the kernel, but nobody takes them. */
static void test_open_hangs(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;
        int fd;

        pair_stop();
        fd = vh_listen_unix(pair.path, 0700, (gid_t)-1, 1, &err);
        pair_relay_with("test:///default", &(VhRelayLimits){ 20 * 1000, 1000 * 1000, 2 });
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        expect_system_error(t, 1, ETIMEDOUT);
        /* The queue is full in the end. */
        for (uint32_t i = 2; i < 6; i++) {
                peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, i, NULL);
                assert_true(peer_next(t));
                assert_int_equal(t->h.status, VH_STATUS_ERROR);
        }
        close(fd);
        unlink(pair.path);
        pair_start();
        pair_lib_version(t, 7);
}

static const VhRelayLimits quick = { .open_usec = 5 * 1000 * 1000, .ping_usec = 10 * 1000, .ping_count = 2 };

static void test_back_hangs(void **state)
{
        TestPeer *t = *state;
        char text[128];

        snprintf(text, sizeof(text), "the daemon behind '%s' does not answer", pair.path);
        pair_relay_with("test:///default", &quick);
        pair_lib_version(t, 1);
        vh_client_hold(vh_server_first_client(pair.back));
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 2, NULL);
        peer_expect_error(t, 2, VIR_ERR_RPC, VIR_FROM_RPC, text);
        assert_int_equal(pair.n_lost, 1);
        assert_int_equal(pair.reason, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
        pair_lib_version(t, 3);
}

/* A call may take longer than all pings together. */
static void test_back_is_slow(void **state)
{
        TestPeer *t = *state;

        pair_relay_with("test:///default", &quick);
        peer_remote(t, REMOTE_PROC_CONNECT_GET_HOSTNAME, 1, NULL);
        while (!pair.remote.late)
                vh_loop_step(t->loop, 1000);
        for (uint64_t until = vh_loop_now(t->loop) + 20 * quick.ping_usec; vh_loop_now(t->loop) < until;)
                vh_loop_step(t->loop, quick.ping_usec);
        assert_int_equal(pair.n_lost, 0);
        vh_call_finish(pair.remote.late, -EIO, NULL);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 1);
}

static void test_idle_back_is_not_pinged(void **state)
{
        TestPeer *t = *state;

        pair_relay_with("test:///default", &quick);
        pair_lib_version(t, 1);
        vh_client_hold(vh_server_first_client(pair.back));
        for (uint64_t until = vh_loop_now(t->loop) + 10 * quick.ping_usec; vh_loop_now(t->loop) < until;)
                vh_loop_step(t->loop, quick.ping_usec);
        assert_int_equal(pair.n_lost, 0);
        vh_client_release(vh_server_first_client(pair.back));
        pair_lib_version(t, 2);
}

static void test_open_refused(void **state)
{
        TestPeer *t = *state;

        pair_relay("bad:///");
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        peer_expect_error(t, 1, VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "no connection driver available for bad:///");
}

static void test_nobody_there(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;

        pair_stop();
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(vh_wire_error_decode(t->payload, t->payload_len, &err), 0);
        assert_int_equal(err->code, VIR_ERR_SYSTEM_ERROR);
        assert_int_equal(err->int1, ENOENT);
        pair_start();
        pair_lib_version(t, 2);
}

static void test_back_dies_and_returns(void **state)
{
        const remote_domain_open_console_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        TestPeer *t = *state;

        pair_lib_version(t, 1);
        peer_remote(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, 2, &args);
        assert_true(peer_next(t));
        pair_stop();
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_STREAM);
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(t->h.serial, 2);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 3, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 3);
        pair_start();
        pair_lib_version(t, 4);
}

static void test_stream_through(void **state)
{
        const remote_domain_screenshot_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        VhFrameHeader finish = { .prog = vh_program_remote.number,
                                 .vers = 1,
                                 .proc = REMOTE_PROC_DOMAIN_SCREENSHOT,
                                 .type = VH_FRAME_STREAM,
                                 .serial = 5,
                                 .status = VH_STATUS_OK };
        TestPeer *t = *state;
        size_t total = 0;

        peer_remote(t, REMOTE_PROC_DOMAIN_SCREENSHOT, 5, &args);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        do {
                assert_true(peer_next(t));
                assert_int_equal(t->h.type, VH_FRAME_STREAM);
                total += t->payload_len;
                assert_true(vh_client_backlog(vh_server_first_client(t->server)) < 3 * VH_STREAM_PACKET_MAX);
        } while (t->payload_len);
        assert_int_equal(total, 600 * 1000);
        assert_true(vh_relay_owns(pair.relay, &finish));
        peer_frame(t, &finish, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_false(vh_relay_owns(pair.relay, &finish));
}

static void test_client_goes_while_opening(void **state)
{
        TestPeer *t = *state;

        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        vh_loop_step(t->loop, 0);
        close(VH_TAKE_FD(t->fd));
        peer_settle(t);
        assert_null(pair.relay);
        assert_int_equal(vh_server_n_clients(pair.back), 0);
        peer_connect(t);
}

/* vh_remote_call_sync() waits for another process; here the server is in this one, so the asynchronous call is used. */
static void got_version(void *data, int r, const VhFrame *frame, const VhError *err)
{
        remote_connect_get_lib_version_ret ret = {};
        VhArena arena = {};

        assert_int_equal(r, 0);
        assert_int_equal(vh_remote_decode(frame, VH_XDR(remote_connect_get_lib_version_ret), &ret, &arena), 0);
        *(uint64_t *)data = ret.lib_ver;
        vh_arena_done(&arena);
}

static void got_error(void *data, int r, const VhFrame *frame, const VhError *err)
{
        assert_int_equal(r, -EREMOTEIO);
        *(int *)data = err->code;
}

static void got_cancel(void *data, int r, const VhFrame *frame, const VhError *err)
{
        *(int *)data = r;
}

static const VhProc *proc(int32_t number)
{
        return vh_program_find(&vh_program_remote, number);
}

static void test_own_client(void **state)
{
        const remote_connect_open_args bad = { .name = (char *)"bad:///" };
        TestPeer *t = *state;
        VhRemote *r = NULL;
        uint64_t version = 0;
        int code = 0, cancelled = 0;

        assert_int_equal(vh_remote_connect(&r, t->loop, pair.path, NULL), 0);
        assert_int_equal(vh_remote_call(r, &vh_program_remote, proc(REMOTE_PROC_CONNECT_GET_LIB_VERSION), NULL,
                                        got_version, &version, NULL),
                         0);
        assert_int_equal(
                vh_remote_call(r, &vh_program_remote, proc(REMOTE_PROC_CONNECT_OPEN), &bad, got_error, &code, NULL), 0);
        peer_settle(t);
        assert_int_equal(version, 9000000);
        assert_int_equal(code, VIR_ERR_NO_CONNECT);
        assert_int_equal(vh_remote_call(r, &vh_program_remote, proc(REMOTE_PROC_CONNECT_OPEN), &bad, got_cancel,
                                        &cancelled, NULL),
                         0);
        vh_remote_free(r);
        assert_int_equal(cancelled, -ECANCELED);
}

static void count_close(VhRemote *r, int error, void *data)
{
        ++*(unsigned *)data;
        vh_remote_free(r);
}

static void test_own_client_loses_server(void **state)
{
        TestPeer *t = *state;
        VhRemote *r = NULL;
        unsigned n_closed = 0;

        assert_int_equal(vh_remote_connect(&r, t->loop, pair.path, NULL), 0);
        vh_remote_set_hooks(r, &(VhRemoteHooks){ .closed = count_close }, &n_closed);
        peer_settle(t);
        pair_stop();
        peer_settle(t);
        assert_int_equal(n_closed, 1);
        pair_start();
}

static void test_sync_call_gives_up(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;
        VhArena arena = {};
        VhRemote *r;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        r = vh_remote_new(t->loop, fds[0]);
        vh_remote_set_sync_timeout(r, 20 * 1000);
        assert_int_equal(vh_remote_call_sync(r, &vh_program_remote, proc(REMOTE_PROC_CONNECT_GET_LIB_VERSION), NULL,
                                             NULL, &arena, &err),
                         -ETIMEDOUT);
        assert_int_equal(err->int1, ETIMEDOUT);
        vh_remote_free(r);
        vh_arena_done(&arena);
        close(fds[1]);
}

#define RELAY_TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                RELAY_TEST(test_forward),
                RELAY_TEST(test_own_calls_stay),
                RELAY_TEST(test_pipelined_before_open),
                RELAY_TEST(test_stream_pipelined_before_open),
                RELAY_TEST(test_open_hangs),
                RELAY_TEST(test_back_hangs),
                RELAY_TEST(test_back_is_slow),
                RELAY_TEST(test_idle_back_is_not_pinged),
                RELAY_TEST(test_open_refused),
                RELAY_TEST(test_nobody_there),
                RELAY_TEST(test_back_dies_and_returns),
                RELAY_TEST(test_stream_through),
                RELAY_TEST(test_client_goes_while_opening),
                RELAY_TEST(test_own_client),
                RELAY_TEST(test_own_client_loses_server),
                RELAY_TEST(test_sync_call_gives_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
