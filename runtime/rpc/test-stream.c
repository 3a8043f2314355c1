/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams and keepalive against the hand-made peer. */

#include "rpc/test-remote-service.h"

#include "api.h"
#include "rpc/wire-error.h"

static TestRemote remote;

static int setup(void **state)
{
        TestPeer *t;

        if (peer_setup(state) < 0)
                return -1;
        t = *state;
        test_remote_serve(t->server, &remote);
        return 0;
}

static int teardown(void **state)
{
        int r = peer_teardown(state);

        test_remote_done(&remote);
        return r;
}

static void stream_frame(TestPeer *t, int32_t proc, uint32_t type, uint32_t status, const void *data, size_t len)
{
        peer_frame(t,
                   &(VhFrameHeader){ .prog = vh_program_remote.number,
                                     .vers = 1,
                                     .proc = proc,
                                     .type = type,
                                     .serial = 9,
                                     .status = status },
                   data, len);
}

static void expect_stream(TestPeer *t, int32_t proc, uint32_t status)
{
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_STREAM);
        assert_int_equal(t->h.proc, proc);
        assert_int_equal(t->h.serial, 9);
        assert_int_equal(t->h.status, status);
}

static void open_console(TestPeer *t)
{
        const remote_domain_open_console_args args = { .dom = { .name = (char *)"x", .id = 1 } };

        peer_remote(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, 9, &args);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_OK);
}

static void open_upload(TestPeer *t, unsigned flags)
{
        const remote_storage_vol_upload_args args = {
                .vol = { .pool = (char *)"p", .name = (char *)"v", .key = (char *)"k" },
                .flags = flags,
        };

        peer_remote(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, 9, &args);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_OK);
}

static void test_download(void **state)
{
        const remote_domain_screenshot_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        TestPeer *t = *state;
        size_t total = 0;

        peer_remote(t, REMOTE_PROC_DOMAIN_SCREENSHOT, 9, &args);
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        do {
                expect_stream(t, REMOTE_PROC_DOMAIN_SCREENSHOT, VH_STATUS_CONTINUE);
                assert_true(t->payload_len <= VH_STREAM_PACKET_MAX);
                for (size_t i = 0; i < t->payload_len; i++)
                        assert_int_equal(t->payload[i], (total + i) % 251);
                total += t->payload_len;
        } while (t->payload_len);
        assert_int_equal(total, 600 * 1000);
        stream_frame(t, REMOTE_PROC_DOMAIN_SCREENSHOT, VH_FRAME_STREAM, VH_STATUS_OK, NULL, 0);
        expect_stream(t, REMOTE_PROC_DOMAIN_SCREENSHOT, VH_STATUS_OK);
        assert_null(vh_server_first_client(t->server)->streams);
}

static void test_slow_client_holds_back_source(void **state)
{
        const remote_domain_screenshot_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        TestPeer *t = *state;

        peer_remote(t, REMOTE_PROC_DOMAIN_SCREENSHOT, 9, &args);
        peer_run(t);
        assert_true(vh_client_backlog(vh_server_first_client(t->server)) <= VH_STREAM_PACKET_MAX + 200);
}

static void test_many_streams_take_turns(void **state)
{
        const remote_domain_screenshot_args args = { .dom = { .name = (char *)"x", .id = 1 } };
        enum { STREAMS = 8 };
        TestPeer *t = *state;
        unsigned ended = 0;
        size_t most = 0;

        for (unsigned i = 0; i < STREAMS; i++)
                peer_remote(t, REMOTE_PROC_DOMAIN_SCREENSHOT, 10 + i, &args);
        while (ended < STREAMS && peer_next(t)) {
                most = VH_MAX(most, vh_client_backlog(vh_server_first_client(t->server)));
                ended += t->h.type == VH_FRAME_STREAM && !t->payload_len;
        }
        assert_int_equal(ended, STREAMS);
        assert_true(most <= VH_SEND_BACKLOG_MAX + VH_STREAM_PACKET_MAX + 200);
}

static void test_console_both_ways(void **state)
{
        TestPeer *t = *state;
        char buf[16];

        open_console(t);
        stream_frame(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "ls\n", 3);
        peer_run(t);
        assert_int_equal(read(remote.console_fd, buf, sizeof(buf)), 3);
        assert_int_equal(write(remote.console_fd, "file\n", 5), 5);
        expect_stream(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, VH_STATUS_CONTINUE);
        assert_int_equal(t->payload_len, 5);
        assert_memory_equal(t->payload, "file\n", 5);
        stream_frame(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, VH_FRAME_STREAM, VH_STATUS_ERROR, NULL, 0);
        expect_stream(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, VH_STATUS_OK);
        assert_int_equal(read(remote.console_fd, buf, sizeof(buf)), 0);
}

static void test_console_end(void **state)
{
        TestPeer *t = *state;

        open_console(t);
        close(VH_TAKE_FD(remote.console_fd));
        expect_stream(t, REMOTE_PROC_DOMAIN_OPEN_CONSOLE, VH_STATUS_CONTINUE);
        assert_int_equal(t->payload_len, 0);
}

static void test_upload(void **state)
{
        TestPeer *t = *state;

        open_upload(t, 0);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "abcdefg", 7);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_OK, NULL, 0);
        expect_stream(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_STATUS_OK);
        assert_int_equal(remote.sunk, 7);
        assert_true(remote.finished && remote.freed);
        /* Late packets are ignored. */
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "abcdefg", 7);
        peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 10, NULL, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 10);
}

static void test_sink_error(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;

        open_upload(t, 0);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "x!", 2);
        expect_stream(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_STATUS_ERROR);
        assert_int_equal(vh_wire_error_decode(t->payload, t->payload_len, &err), 0);
        assert_int_equal(err->code, VIR_ERR_OPERATION_FAILED);
        assert_true(remote.freed);
}

static void test_slow_sink_holds_back_client(void **state)
{
        TestPeer *t = *state;

        remote.slow_sink = true;
        open_upload(t, 0);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "abc", 3);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_CONTINUE, "defg", 4);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_OK, NULL, 0);
        peer_settle(t);
        assert_int_equal(remote.sunk, 0);
        assert_int_equal(vh_server_first_client(t->server)->held, 1);
        remote.slow_sink = false;
        vh_stream_wake(remote.sink_stream);
        expect_stream(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_STATUS_OK);
        assert_int_equal(remote.sunk, 7);
        assert_int_equal(vh_server_first_client(t->server)->held, 0);
}

static void test_hole(void **state)
{
        static const uint8_t hole[] = { 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0 };
        TestPeer *t = *state;

        open_upload(t, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM_HOLE, VH_STATUS_CONTINUE, hole, sizeof(hole));
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM, VH_STATUS_OK, NULL, 0);
        expect_stream(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_STATUS_OK);
        assert_int_equal(remote.holes, 0x1000);
}

static void test_unasked_hole(void **state)
{
        static const uint8_t hole[12] = { 0 };
        TestPeer *t = *state;

        open_upload(t, 0);
        stream_frame(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_FRAME_STREAM_HOLE, VH_STATUS_CONTINUE, hole, sizeof(hole));
        assert_false(peer_next(t));
        assert_true(t->eof);
        assert_true(remote.freed);
}

static void test_client_goes(void **state)
{
        TestPeer *t = *state;

        open_upload(t, 0);
        peer_disconnect(t);
        assert_true(remote.freed);
        assert_false(remote.finished);
}

static void test_driver_fails_stream(void **state)
{
        _vh_error_ VhError *err = NULL;
        TestPeer *t = *state;

        open_upload(t, 0);
        vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "the guest stopped");
        vh_stream_fail(remote.sink_stream, err);
        expect_stream(t, REMOTE_PROC_STORAGE_VOL_UPLOAD, VH_STATUS_ERROR);
        assert_true(remote.freed);
}

/* Pings come once a second; two unanswered ones end it. */
static void test_keepalive(void **state)
{
        TestPeer *t = *state;
        unsigned pings = 0;

        vh_client_start_keepalive(vh_server_first_client(t->server));
        while (!t->eof && vh_loop_step(t->loop, 1500 * 1000) > 0)
                if (peer_next(t)) {
                        assert_int_equal(t->h.prog, vh_program_keepalive.number);
                        assert_int_equal(t->h.proc, KEEPALIVE_PROC_PING);
                        pings++;
                }
        assert_int_equal(pings, 2);
        assert_true(t->eof);
}

static void test_keepalive_any_frame_counts(void **state)
{
        TestPeer *t = *state;
        uint64_t end = vh_loop_now(t->loop) + 3500 * 1000;

        vh_client_start_keepalive(vh_server_first_client(t->server));
        while (vh_loop_now(t->loop) < end) {
                vh_loop_step(t->loop, 300 * 1000);
                peer_call(t, ADMIN_PROC_CONNECT_GET_LIB_VERSION, 1, NULL, 0);
                assert_true(peer_next(t));
        }
        assert_false(t->eof);
}

#define STREAM_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                STREAM_TEST(test_download),
                STREAM_TEST(test_slow_client_holds_back_source),
                STREAM_TEST(test_many_streams_take_turns),
                STREAM_TEST(test_console_both_ways),
                STREAM_TEST(test_console_end),
                STREAM_TEST(test_upload),
                STREAM_TEST(test_sink_error),
                STREAM_TEST(test_slow_sink_holds_back_client),
                STREAM_TEST(test_hole),
                STREAM_TEST(test_unasked_hole),
                STREAM_TEST(test_client_goes),
                STREAM_TEST(test_driver_fails_stream),
                STREAM_TEST(test_keepalive),
                STREAM_TEST(test_keepalive_any_frame_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
