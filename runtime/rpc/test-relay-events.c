/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registrations for events through a relay whose daemon dies and comes back. */

#include "rpc/test-relay-pair.h"

#include "api.h"
#include <errno.h>

enum { RETRY_USEC = 20 * 1000 };

/* Looks for a lost daemon soon, or not at all. */
static const VhRelayLimits soon = {
        .open_usec = 5 * 1000 * 1000, .ping_usec = 10 * 1000 * 1000, .ping_count = 2, .retry_usec = RETRY_USEC
};
static const VhRelayLimits never = {
        .open_usec = 5 * 1000 * 1000, .ping_usec = 10 * 1000 * 1000, .ping_count = 2, .retry_usec = UINT64_MAX / 4
};

static int setup(void **state)
{
        int r = pair_setup(state);

        if (r == 0)
                pair_relay_with("test:///default", &never);
        return r;
}

static void restart(TestPeer *t)
{
        pair_stop();
        peer_settle(t);
        pair_start();
}

/* Returns the callback id that the client gets. */
static int32_t register_callback(TestPeer *t, uint32_t serial)
{
        const remote_connect_domain_event_callback_register_any_args args = { .eventID = VIR_DOMAIN_EVENT_ID_REBOOT };

        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, serial, &args);
        return (int32_t)vh_get_be32(t->payload);
}

static void deregister_callback(TestPeer *t, uint32_t serial, int32_t id)
{
        const remote_connect_domain_event_callback_deregister_any_args args = { .callbackID = id };

        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, serial, &args);
        assert_int_equal(t->payload_len, 0);
}

static void expect_event(TestPeer *t, int32_t id)
{
        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_MESSAGE);
        assert_int_equal(t->h.proc, REMOTE_PROC_DOMAIN_EVENT_CALLBACK_REBOOT);
        assert_int_equal(vh_get_be32(t->payload), id);
}

static void emit_and_expect(TestPeer *t, int callback, int32_t id)
{
        test_remote_emit(&pair.remote, callback);
        expect_event(t, id);
}

static void test_next_call_registers_anew(void **state)
{
        TestPeer *t = *state;

        assert_int_equal(register_callback(t, 1), 0);
        assert_int_equal(register_callback(t, 2), 1);
        emit_and_expect(t, 1, 1);
        restart(t);
        assert_int_equal(pair.n_lost, 1);
        assert_int_equal(pair.reason, VIR_CONNECT_CLOSE_REASON_EOF);
        assert_int_equal(vh_server_n_clients(pair.back), 0);
        pair_lib_version(t, 3);
        assert_int_equal(pair.remote.next_callback, 2);
        emit_and_expect(t, 0, 0);
        emit_and_expect(t, 1, 1);
        assert_int_equal(pair.n_events_lost, 0);
}

/* The new daemon counts from the beginning; the client keeps its ids, and gets none twice. */
static void test_ids_are_mapped(void **state)
{
        TestPeer *t = *state;

        for (int i = 0; i < 3; i++)
                assert_int_equal(register_callback(t, 1), i);
        deregister_callback(t, 2, 0);
        deregister_callback(t, 3, 1);
        restart(t);
        pair_lib_version(t, 4);
        emit_and_expect(t, 0, 2);
        assert_int_equal(register_callback(t, 5), 1);
        assert_int_equal(register_callback(t, 6), 3);
        emit_and_expect(t, 1, 1);
        emit_and_expect(t, 2, 3);
        /* Each id means its own registration. */
        deregister_callback(t, 7, 2);
        assert_null(pair.remote.callbacks[0]);
        assert_non_null(pair.remote.callbacks[2]);
        emit_and_expect(t, 2, 3);
}

static void test_unknown_id_hits_nobody(void **state)
{
        const remote_connect_domain_event_callback_deregister_any_args args = { .callbackID = 0 };
        TestPeer *t = *state;

        register_callback(t, 1);
        register_callback(t, 2);
        deregister_callback(t, 3, 0);
        restart(t);
        pair_lib_version(t, 4);
        peer_remote(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, 5, &args);
        peer_expect_error(t, 5, VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "internal error: -1 is not registered");
        emit_and_expect(t, 0, 1);
}

static void test_who_only_waits_is_registered_anew(void **state)
{
        TestPeer *t = *state;

        pair_relay_with("test:///default", &soon);
        register_callback(t, 1);
        pair_stop();
        /* It is looked for more than once. */
        for (uint64_t until = vh_loop_now(t->loop) + 3 * RETRY_USEC; vh_loop_now(t->loop) < until;)
                vh_loop_step(t->loop, RETRY_USEC);
        pair_start();
        while (!pair.remote.next_callback)
                assert_true(vh_loop_step(t->loop, 50 * RETRY_USEC) > 0);
        emit_and_expect(t, 0, 0);
        assert_int_equal(pair.n_lost, 1);
}

static void test_who_waits_for_nothing_is_left_alone(void **state)
{
        TestPeer *t = *state;

        pair_relay_with("test:///default", &soon);
        deregister_callback(t, 2, register_callback(t, 1));
        restart(t);
        peer_settle(t);
        assert_int_equal(vh_server_n_clients(pair.back), 0);
}

static void test_older_registrations(void **state)
{
        const remote_connect_domain_event_register_any_args kind = { .eventID = VIR_DOMAIN_EVENT_ID_REBOOT };
        TestPeer *t = *state;

        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER, 1, NULL);
        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY, 2, &kind);
        restart(t);
        pair_lib_version(t, 3);
        assert_non_null(pair.remote.kinds[VIR_DOMAIN_EVENT_ID_LIFECYCLE]);
        test_remote_emit(&pair.remote, 0);
        assert_true(peer_next(t));
        assert_int_equal(t->h.proc, REMOTE_PROC_DOMAIN_EVENT_REBOOT);
        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER, 4, NULL);
        restart(t);
        pair_lib_version(t, 5);
        assert_null(pair.remote.kinds[VIR_DOMAIN_EVENT_ID_LIFECYCLE]);
        assert_non_null(pair.remote.kinds[VIR_DOMAIN_EVENT_ID_REBOOT]);
}

/* While the daemon is away nobody needs to hear of it. */
static void test_taken_back_meanwhile(void **state)
{
        TestPeer *t = *state;

        register_callback(t, 1);
        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER, 2, NULL);
        restart(t);
        deregister_callback(t, 3, 0);
        pair_call(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER, 4, NULL);
        assert_int_equal(t->payload_len, 4);
        assert_int_equal(vh_server_n_clients(pair.back), 0);
        pair_lib_version(t, 5);
        assert_int_equal(pair.remote.next_callback, 0);
}

static void test_taken_back_while_registering(void **state)
{
        TestPeer *t = *state;

        register_callback(t, 1);
        restart(t);
        pair.remote.hold_event = true;
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 2, NULL);
        while (!pair.remote.held_event_call)
                assert_true(vh_loop_step(t->loop, RETRY_USEC) > 0);
        deregister_callback(t, 3, 0);
        assert_non_null(pair.remote.callbacks[0]);
        vh_call_finish(VH_TAKE_PTR(pair.remote.held_event_call), 0, NULL);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 2);
        assert_null(pair.remote.callbacks[0]);
}

static void test_dies_while_registering(void **state)
{
        TestPeer *t = *state;

        register_callback(t, 1);
        register_callback(t, 2);
        restart(t);
        pair.remote.hold_event = true;
        peer_remote(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, 3, NULL);
        while (!pair.remote.held_event_call)
                assert_true(vh_loop_step(t->loop, RETRY_USEC) > 0);
        deregister_callback(t, 4, 0);
        vh_call_finish(VH_TAKE_PTR(pair.remote.held_event_call), -EIO, NULL);
        pair_stop();
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, 3);
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        pair_start();
        pair_lib_version(t, 5);
        emit_and_expect(t, 0, 1);
}

static void test_refused_anew(void **state)
{
        TestPeer *t = *state;

        register_callback(t, 1);
        restart(t);
        pair.remote.refuse_events = true;
        pair_lib_version(t, 2);
        assert_int_equal(pair.n_events_lost, 1);
        restart(t);
        pair_lib_version(t, 3);
        assert_int_equal(pair.n_events_lost, 1);
}

static void test_registration_that_failed_is_not_kept(void **state)
{
        const remote_connect_domain_event_callback_register_any_args args = { .eventID = VIR_DOMAIN_EVENT_ID_REBOOT };
        TestPeer *t = *state;

        pair.remote.refuse_events = true;
        peer_remote(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, 1, &args);
        peer_expect_error(t, 1, VIR_ERR_NO_SUPPORT, VIR_FROM_NONE,
                          "this function is not supported by the connection "
                          "driver: no events");
        restart(t);
        pair_lib_version(t, 2);
        assert_int_equal(pair.remote.next_callback, 0);
        /* Nor one that the daemon died over. */
        pair.remote.hold_event = true;
        peer_remote(t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, 3, &args);
        while (!pair.remote.held_event_call)
                assert_true(vh_loop_step(t->loop, RETRY_USEC) > 0);
        vh_call_finish(VH_TAKE_PTR(pair.remote.held_event_call), -EIO, NULL);
        restart(t);
        assert_true(peer_next(t));
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        pair_lib_version(t, 4);
        assert_int_equal(pair.remote.next_callback, 0);
}

#define EVENTS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, pair_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                EVENTS_TEST(test_next_call_registers_anew),
                EVENTS_TEST(test_ids_are_mapped),
                EVENTS_TEST(test_unknown_id_hits_nobody),
                EVENTS_TEST(test_who_only_waits_is_registered_anew),
                EVENTS_TEST(test_who_waits_for_nothing_is_left_alone),
                EVENTS_TEST(test_older_registrations),
                EVENTS_TEST(test_taken_back_meanwhile),
                EVENTS_TEST(test_taken_back_while_registering),
                EVENTS_TEST(test_dies_while_registering),
                EVENTS_TEST(test_refused_anew),
                EVENTS_TEST(test_registration_that_failed_is_not_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
