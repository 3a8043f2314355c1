/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our own client, and relays: a server in front, one behind it, the hand-made peer before both. */

#include "rpc/test-remote-service.h"

#include "rpc/client.h"
#include "rpc/relay.h"
#include "rpc/wire-error.h"
#include <errno.h>
#include <stdio.h>

typedef struct Pair {
        TestPeer *front;
        VhServer *back;
        TestRemote remote;
        VhRelay *relay;
        char dir[32];
        char path[64];
} Pair;

static Pair pair;

static bool route(VhClient *client, const VhFrame *frame, void *data)
{
        if (frame->h.prog != vh_program_remote.number)
                return false;
        vh_relay_forward(pair.relay, frame);
        return true;
}

static void closed(VhClient *client, void *data)
{
        pair.relay = vh_relay_free(pair.relay);
}

static const VhClientHooks hooks = { .route = route, .closed = closed };

static void start_back(void)
{
        _vh_error_ VhError *err = NULL;
        VhListen listen = { .fd = vh_listen_unix(pair.path, 0700, (gid_t)-1, 10, &err) };
        const VhServerLimits limits = {
                .max_clients = 10, .max_client_requests = 5, .max_workers = 1, .keepalive_interval = -1
        };

        pair.back = vh_server_new(pair.front->loop, "back", &limits, NULL, NULL);
        test_remote_serve(pair.back, &pair.remote);
        assert_int_equal(vh_server_add_listener(pair.back, &listen, &err), 0);
}

static void stop_back(void)
{
        pair.back = vh_server_free(pair.back);
        test_remote_done(&pair.remote);
        unlink(pair.path);
}

static void make_relay(const char *uri)
{
        vh_relay_free(pair.relay);
        pair.relay =
                vh_relay_new(vh_server_first_client(pair.front->server),
                             &(VhRelayTarget){ .socket = pair.path, .uri = uri, .read_only = true, .token = "0123" });
}

static int setup(void **state)
{
        if (peer_setup(state) < 0)
                return -1;
        pair = (Pair){ .front = *state };
        strcpy(pair.dir, "/tmp/vh-relay-XXXXXX");
        if (!mkdtemp(pair.dir))
                return -1;
        snprintf(pair.path, sizeof(pair.path), "%s/sock", pair.dir);
        start_back();
        vh_client_set_hooks(vh_server_first_client(pair.front->server), &hooks, NULL);
        make_relay("test:///default");
        return 0;
}

static int teardown(void **state)
{
        stop_back();
        peer_disconnect(pair.front);
        rmdir(pair.dir);
        return peer_teardown(state);
}

static void lib_version(TestPeer *t, uint32_t serial)
{
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, serial, NULL);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, serial);
        assert_int_equal(t->h.status, VH_STATUS_OK);
        assert_int_equal(vh_get_be32(t->payload + 4), 9000000);
}

static void test_forward(void **state)
{
        TestPeer *t = *state;

        lib_version(t, 77);
        lib_version(t, 78);
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

static void test_open_refused(void **state)
{
        TestPeer *t = *state;

        make_relay("bad:///");
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        peer_expect_error(t, 1, VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "no connection driver available for bad:///");
}

static void test_nobody_there(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;

        stop_back();
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 1, NULL);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(vh_wire_error_decode(t->payload, t->payload_len, &err), 0);
        assert_int_equal(err->code, VIR_ERR_SYSTEM_ERROR);
        assert_int_equal(err->int1, ENOENT);
        start_back();
        lib_version(t, 2);
}

static void test_back_dies_and_returns(void **state)
{
        const remote_domain_open_console_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        TestPeer *t = *state;

        lib_version(t, 1);
        peer_remote(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, 2, &args);
        assert_true(peer_next(t));
        stop_back();
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_STREAM);
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(t->h.serial, 2);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 3, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 3);
        start_back();
        lib_version(t, 4);
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

static void count_close(VhRemote *r, void *data)
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
        stop_back();
        peer_settle(t);
        assert_int_equal(n_closed, 1);
        start_back();
}

#define RELAY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                RELAY_TEST(test_forward),
                RELAY_TEST(test_own_calls_stay),
                RELAY_TEST(test_pipelined_before_open),
                RELAY_TEST(test_open_refused),
                RELAY_TEST(test_nobody_there),
                RELAY_TEST(test_back_dies_and_returns),
                RELAY_TEST(test_stream_through),
                RELAY_TEST(test_client_goes_while_opening),
                RELAY_TEST(test_own_client),
                RELAY_TEST(test_own_client_loses_server),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
