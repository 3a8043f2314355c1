/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registration and delivery of events. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api.h"
#include "driver/event-hub.h"
#include "procs.h"
#include "rpc/limits.h"

enum { MAX_SEEN = 16 };

/* A connection that remembers what was sent to it. */
typedef struct Client {
        VhConn conn;
        unsigned n;
        struct {
                const char *proc;
                int first_word; /* callback id of the new messages */
        } seen[MAX_SEEN];
} Client;

static void send_event(VhConn *conn, const VhProc *proc, const void *msg)
{
        Client *c = conn->sink;

        assert_true(c->n < MAX_SEEN);
        c->seen[c->n].proc = proc->name;
        c->seen[c->n++].first_word = *(const int *)msg;
}

static void client_init(Client *c, VhEventHub *hub)
{
        *c = (Client){ .conn = { .hub = hub, .send_event = send_event, .sink = c } };
}

static VhCall call_of(Client *c)
{
        return (VhCall){ .target = &c->conn };
}

/* Callback id, or the negative errno. */
static int subscribe(Client *c, int event, remote_nonnull_domain *dom, VhError **err)
{
        VhCall call = call_of(c);
        remote_connect_domain_event_callback_register_any_args args = { .eventID = event, .dom = dom };
        remote_connect_domain_event_callback_register_any_ret ret = {};
        int r = vh_op_connect_domain_event_callback_register_any(&call, &args, &ret, err);

        return r < 0 ? r : ret.callbackID;
}

static int subscribe_legacy(Client *c, int event, VhError **err)
{
        VhCall call = call_of(c);
        remote_connect_domain_event_register_any_args args = { .eventID = event };

        return vh_op_connect_domain_event_register_any(&call, &args, err);
}

static int unsubscribe(Client *c, int id, VhError **err)
{
        VhCall call = call_of(c);
        remote_connect_domain_event_callback_deregister_any_args args = { .callbackID = id };

        return vh_op_connect_domain_event_callback_deregister_any(&call, &args, err);
}

static remote_nonnull_domain domain(char *name, uint8_t byte)
{
        remote_nonnull_domain dom = { .name = name, .id = 1 };

        memset(dom.uuid, byte, sizeof(dom.uuid));
        return dom;
}

static void delivers_to_who_asked(void **state)
{
        VhEventHub *hub = vh_event_hub_new();
        remote_nonnull_domain a = domain((char *)"a", 1), b = domain((char *)"b", 2);
        Client all, only_a, old;
        int id;

        client_init(&all, hub);
        client_init(&only_a, hub);
        client_init(&old, hub);
        id = subscribe(&all, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, NULL);
        assert_true(id >= 0);
        assert_true(subscribe(&only_a, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &a, NULL) >= 0);
        assert_int_equal(subscribe_legacy(&old, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL), 0);
        vh_event_domain_lifecycle(hub, &a, VIR_DOMAIN_EVENT_STARTED, 0);
        vh_event_domain_lifecycle(hub, &b, VIR_DOMAIN_EVENT_STARTED, 0);
        vh_event_domain_reboot(hub, &a);
        assert_int_equal(all.n, 2);
        assert_int_equal(only_a.n, 1);
        assert_int_equal(old.n, 2);
        assert_string_equal(all.seen[0].proc, "DOMAIN_EVENT_CALLBACK_LIFECYCLE");
        assert_int_equal(all.seen[0].first_word, id);
        assert_string_equal(old.seen[0].proc, "DOMAIN_EVENT_LIFECYCLE");
        vh_event_hub_free(hub);
}

static void ids_end_with_their_registration(void **state)
{
        VhEventHub *hub = vh_event_hub_new();
        remote_nonnull_domain a = domain((char *)"a", 1);
        _vh_error_ VhError *err = NULL;
        Client c;
        int first, second;

        client_init(&c, hub);
        first = subscribe(&c, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, NULL);
        second = subscribe(&c, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &a, NULL);
        assert_int_not_equal(first, second);
        assert_int_equal(unsubscribe(&c, first, NULL), 0);
        assert_true(unsubscribe(&c, first, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_INTERNAL_ERROR);
        assert_string_equal(err->message, "internal error: domain event callback 0 not registered");
        vh_event_domain_lifecycle(hub, &a, 0, 0);
        assert_int_equal(c.n, 1);
        assert_true(vh_event_wanted(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE));
        vh_event_hub_drop(hub, &c.conn);
        assert_false(vh_event_wanted(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE));
        vh_event_domain_lifecycle(hub, &a, 0, 0);
        assert_int_equal(c.n, 1);
        vh_event_hub_free(hub);
}

static void refuses_with_the_reference_texts(void **state)
{
        static const struct {
                int event;
                bool legacy;
                int domain, code;
                const char *text;
        } rows[] = {
                { 27, false, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "internal error: unsupported event ID 27" },
                { -1, false, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "internal error: unsupported event ID -1" },
                { 16, true, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "internal error: unsupported event ID 16" },
                { 0, false, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "invalid argument: event callback already tracked" },
                { 0, true, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "invalid argument: event callback already tracked" },
        };
        VhEventHub *hub = vh_event_hub_new();
        Client c;

        client_init(&c, hub);
        assert_int_equal(subscribe(&c, 0, NULL, NULL), 0);
        for (unsigned i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                _vh_error_ VhError *err = NULL;
                int r = rows[i].legacy ? subscribe_legacy(&c, rows[i].event, &err)
                                       : subscribe(&c, rows[i].event, NULL, &err);

                assert_true(r < 0);
                assert_int_equal(err->domain, rows[i].domain);
                assert_int_equal(err->code, rows[i].code);
                assert_string_equal(err->message, rows[i].text);
        }
        vh_event_hub_free(hub);
}

/* Every event id of every family finds its message, with and without filter. */
static void every_event_has_its_message(void **state)
{
        VhEventHub *hub = vh_event_hub_new();
        remote_nonnull_domain a = domain((char *)"a", 1);
        Client c;

        client_init(&c, hub);
        for (int id = 0; id <= VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE; id++) {
                union {
                        remote_domain_event_callback_graphics_msg largest;
                        char bytes[512];
                } msg = {};

                c.n = 0;
                assert_true(subscribe(&c, id, NULL, NULL) >= 0);
                vh_event_emit(hub, VH_EVENT_DOMAIN, id, &msg);
                assert_int_equal(c.n, 1);
                assert_non_null(c.seen[0].proc);
        }
        c.n = 0;
        vh_event_domain_io_error(hub, &a, "/x", "alias", 1, "why");
        vh_event_domain_block_job(hub, &a, "/x", "vda", 1, 0);
        vh_event_domain_pm(hub, &a, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, 0);
        assert_int_equal(c.n, 5);
        assert_string_equal(c.seen[0].proc, "DOMAIN_EVENT_CALLBACK_IO_ERROR");
        assert_string_equal(c.seen[1].proc, "DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON");
        assert_string_equal(c.seen[3].proc, "DOMAIN_EVENT_BLOCK_JOB_2");
        assert_string_equal(c.seen[4].proc, "DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK");
        vh_event_hub_free(hub);
}

static void devices_are_told_apart_by_name(void **state)
{
        VhEventHub *hub = vh_event_hub_new();
        remote_nonnull_node_device dev = { .name = (char *)"one" };
        remote_connect_node_device_event_register_any_args args = { .dev = &dev };
        remote_connect_node_device_event_register_any_ret ret = {};
        VhCall call;
        Client c;

        client_init(&c, hub);
        call = call_of(&c);
        assert_int_equal(vh_op_connect_node_device_event_register_any(&call, &args, &ret, NULL), 0);
        vh_event_node_device_lifecycle(hub, "two", VIR_NODE_DEVICE_EVENT_CREATED);
        vh_event_node_device_update(hub, "one");
        assert_int_equal(c.n, 0);
        vh_event_node_device_lifecycle(hub, "one", VIR_NODE_DEVICE_EVENT_CREATED);
        assert_int_equal(c.n, 1);
        vh_event_hub_free(hub);
}

static int watch_monitor(Client *c, const char *event, uint32_t flags, VhError **err)
{
        VhCall call = call_of(c);
        qemu_connect_domain_monitor_event_register_args args = { .event = (char *)event, .flags = flags };
        qemu_connect_domain_monitor_event_register_ret ret = {};

        return vh_op_qemu_connect_domain_monitor_event_register(&call, &args, &ret, err);
}

static void monitor_events_are_filtered_by_name_and_pattern(void **state)
{
        const uint32_t regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX,
                       nocase = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
        VhEventHub *hub = vh_event_hub_new();
        qemu_domain_monitor_event_msg msg = { .dom = domain((char *)"a", 1), .event = (char *)"SHUTDOWN" };
        _vh_error_ VhError *err = NULL;
        Client c;

        client_init(&c, hub);
        assert_int_equal(watch_monitor(&c, "SHUTDOWN", 0, NULL), 0);
        assert_int_equal(watch_monitor(&c, "shutdown", 0, NULL), 0);
        assert_int_equal(watch_monitor(&c, "shutdown", nocase, NULL), 0);
        assert_int_equal(watch_monitor(&c, "^SHUT", regex, NULL), 0);
        assert_int_equal(watch_monitor(&c, "^down", regex, NULL), 0);
        assert_true(watch_monitor(&c, "(", regex, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_INVALID_ARG);
        vh_event_emit(hub, VH_EVENT_QEMU_MONITOR, 0, &msg);
        assert_int_equal(c.n, 3);
        vh_event_hub_free(hub);
}

static void monitor_patterns_are_bounded(void **state)
{
        const uint32_t regex = VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX;
        VhEventHub *hub = vh_event_hub_new();
        char longest[VH_EVENT_PATTERN_MAX + 2];
        Client c;

        client_init(&c, hub);
        memset(longest, 'A', sizeof(longest));
        longest[VH_EVENT_PATTERN_MAX + 1] = '\0';
        assert_true(watch_monitor(&c, longest, regex, NULL) < 0);
        assert_int_equal(watch_monitor(&c, longest + 1, regex, NULL), 0);
        assert_true(watch_monitor(&c, "((A{9999}){9999}){9999}", regex, NULL) < 0);
        vh_event_hub_free(hub);
}

static void registrations_are_bounded(void **state)
{
        VhEventHub *hub = vh_event_hub_new();
        remote_nonnull_domain dom = domain((char *)"a", 1);
        _vh_error_ VhError *err = NULL;
        Client greedy, other;
        int id = -1;

        client_init(&greedy, hub);
        client_init(&other, hub);
        for (int i = 0; i < VH_EVENT_CALLBACKS_MAX; i++) {
                memcpy(dom.uuid, &i, sizeof(i));
                id = subscribe(&greedy, VIR_DOMAIN_EVENT_ID_LIFECYCLE, &dom, NULL);
                assert_true(id >= 0);
        }
        assert_true(subscribe(&greedy, VIR_DOMAIN_EVENT_ID_REBOOT, NULL, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_OPERATION_FAILED);
        assert_true(subscribe(&other, VIR_DOMAIN_EVENT_ID_REBOOT, NULL, NULL) >= 0);
        assert_int_equal(unsubscribe(&greedy, id, NULL), 0);
        assert_true(subscribe(&greedy, VIR_DOMAIN_EVENT_ID_REBOOT, NULL, NULL) >= 0);
        vh_event_hub_drop(hub, &greedy.conn);
        assert_false(vh_event_wanted(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE));
        assert_true(vh_event_wanted(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_REBOOT));
        vh_event_hub_free(hub);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(delivers_to_who_asked),
                cmocka_unit_test(ids_end_with_their_registration),
                cmocka_unit_test(refuses_with_the_reference_texts),
                cmocka_unit_test(every_event_has_its_message),
                cmocka_unit_test(devices_are_told_apart_by_name),
                cmocka_unit_test(monitor_events_are_filtered_by_name_and_pattern),
                cmocka_unit_test(monitor_patterns_are_bounded),
                cmocka_unit_test(registrations_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
