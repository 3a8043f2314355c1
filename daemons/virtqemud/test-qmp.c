/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The monitor's client against a peer that behaves, and one that does not. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "qmp.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"

typedef struct Fixture {
        VhLoop *loop;
        QemuMonitor *mon;
        int peer;
        bool ready;
        int events, closed;
        int r, code, answers;
        char text[200];
        bool free_inside;
} Fixture;

static void on_ready(void *data)
{
        ((Fixture *)data)->ready = true;
}

static void on_event(void *data, const char *name, json_t *args, uint64_t seconds, unsigned micros)
{
        Fixture *f = data;

        f->events++;
        snprintf(f->text, sizeof(f->text), "%s %d %u", name, (int)seconds, micros);
}

static void on_closed(void *data, int r, const VhError *err)
{
        Fixture *f = data;

        f->closed++;
        f->r = r;
        snprintf(f->text, sizeof(f->text), "%s", vh_error_text(err, r));
}

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        Fixture *f = data;

        f->answers++;
        f->r = r;
        f->code = err ? err->code : 0;
        snprintf(f->text, sizeof(f->text), "%s", err ? err->message : "");
        if (json_is_string(ret))
                snprintf(f->text, sizeof(f->text), "%s", json_string_value(ret));
        if (f->free_inside)
                f->mon = qmp_free(f->mon);
}

static void rounds(Fixture *f)
{
        enum { MORE_THAN_NEEDED = 10 };

        for (int i = 0; i < MORE_THAN_NEEDED; i++)
                vh_loop_step(f->loop, 0);
}

static void say(Fixture *f, const char *text)
{
        assert_int_equal(write(f->peer, text, strlen(text)), (ssize_t)strlen(text));
        rounds(f);
}

static void hear(Fixture *f, const char *text)
{
        char got[4096] = "";

        rounds(f);
        assert_true(read(f->peer, got, sizeof(got) - 1) >= 0);
        assert_string_equal(got, text);
}

static int setup(void **state)
{
        Fixture *f = vh_new(Fixture, 1);
        QmpHandlers handlers = { on_ready, on_event, on_closed, f };
        int fds[2];

        assert_int_equal(vh_loop_new(&f->loop), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        f->peer = fds[1];
        f->mon = qmp_new(f->loop, fds[0], &handlers);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        qmp_free(f->mon);
        close(f->peer);
        vh_loop_free(f->loop);
        free(f);
        return 0;
}

static void connect_up(Fixture *f)
{
        say(f, GREETING);
        hear(f, "{\"execute\":\"qmp_capabilities\",\"id\":1}\n");
        assert_false(f->ready);
        say(f, "{\"return\": {}, \"id\": 1}\r\n");
        assert_true(f->ready);
}

static void test_session(void **state)
{
        Fixture *f = *state;

        connect_up(f);
        qmp_send(f->mon, qmp_command("device_del", "{s:s}", "id", "net0"), answered, f);
        hear(f, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"net0\"},\"id\":2}\n");
        say(f, "{\"timestamp\": {\"seconds\": 5, \"microseconds\": 7}, \"event\": \"RESET\"}\r\n{\"return\": ");
        assert_int_equal(f->events, 1);
        assert_string_equal(f->text, "RESET 5 7");
        assert_int_equal(f->answers, 0);
        say(f, "\"fine\", \"id\": 2}\r\n");
        assert_int_equal(f->answers, 1);
        assert_string_equal(f->text, "fine");
        assert_int_equal(qmp_pending(f->mon), 0);
}

static void test_errors(void **state)
{
        Fixture *f = *state;

        connect_up(f);
        qmp_send(f->mon, qmp_command("cont", NULL), answered, f);
        say(f, "{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n");
        assert_int_equal(f->code, VIR_ERR_INTERNAL_ERROR);
        assert_string_equal(f->text, "internal error: unable to execute QEMU command 'cont': no");
        qmp_send(f->mon, qmp_command("x", NULL), answered, f);
        say(f, "{\"id\": 3, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n");
        assert_int_equal(f->code, VIR_ERR_OPERATION_UNSUPPORTED);
        qmp_send(f->mon, qmp_command("y", NULL), answered, f);
        say(f, "{\"id\": 4}\n");
        assert_true(f->r < 0);
        say(f, "{\"id\": 99, \"return\": {}}\n{\"odd\": 1}\n");
        assert_int_equal(f->closed, 0);
}

static void test_hang_up(void **state)
{
        Fixture *f = *state;

        connect_up(f);
        qmp_send(f->mon, qmp_command("cont", NULL), answered, f);
        shutdown(f->peer, SHUT_WR);
        rounds(f);
        assert_int_equal(f->answers, 1);
        assert_int_equal(f->closed, 1);
        assert_true(f->r < 0);
        qmp_send(f->mon, qmp_command("cont", NULL), answered, f);
        assert_int_equal(f->answers, 1);
        rounds(f);
        assert_int_equal(f->answers, 2);
        assert_int_equal(f->code, VIR_ERR_OPERATION_FAILED);
}

static void test_garbage(void **state)
{
        Fixture *f = *state;

        say(f, "qemu: what?\n");
        assert_int_equal(f->closed, 1);
        assert_non_null(strstr(f->text, "cannot parse json qemu: what?"));
}

static void test_endless_line(void **state)
{
        enum { PIECE = 64 * 1024 };
        Fixture *f = *state;
        char *piece = vh_xcalloc(1, PIECE);

        memset(piece, ' ', PIECE);
        for (size_t n = 0; n <= QEMU_JSON_LINE_MAX + PIECE && !f->closed; n += PIECE) {
                assert_true(write(f->peer, piece, PIECE) > 0 || errno == EAGAIN);
                rounds(f);
        }
        free(piece);
        assert_int_equal(f->closed, 1);
}

static void test_freed_inside(void **state)
{
        Fixture *f = *state;

        connect_up(f);
        f->free_inside = true;
        qmp_send(f->mon, qmp_command("a", NULL), answered, f);
        say(f, "{\"id\": 2, \"return\": {}}\n{\"id\": 3, \"return\": {}}\n");
        assert_int_equal(f->answers, 1);
        assert_null(f->mon);
}

static void test_timeout_and_forget(void **state)
{
        enum { SOON = 1000, LONG_ENOUGH = 100000 };
        Fixture *f = *state;

        connect_up(f);
        qmp_send_timeout(f->mon, qmp_command("a", NULL), SOON, answered, f);
        for (int i = 0; i < 100 && !f->answers; i++)
                vh_loop_step(f->loop, LONG_ENOUGH);
        assert_int_equal(f->code, VIR_ERR_OPERATION_TIMEOUT);
        say(f, "{\"id\": 2, \"return\": {}}\n");
        assert_int_equal(f->answers, 1);
        qmp_send(f->mon, qmp_command("b", NULL), answered, f);
        qmp_forget(f->mon, f);
        say(f, "{\"id\": 3, \"return\": {}}\n");
        assert_int_equal(f->answers, 1);
        assert_int_equal(qmp_pending(f->mon), 0);
}

static void test_bar(void **state)
{
        Fixture *f = *state;

        connect_up(f);
        qmp_bar(f->mon, "a");
        qmp_send(f->mon, qmp_command("a", NULL), answered, f);
        qmp_send(f->mon, qmp_command("b", NULL), answered, f);
        hear(f, "{\"execute\":\"b\",\"id\":3}\n");
        qmp_bar(f->mon, NULL);
        hear(f, "{\"execute\":\"a\",\"id\":2}\n");
        say(f, "{\"id\": 2, \"return\": {}}\n{\"id\": 3, \"return\": {}}\n");
        assert_int_equal(f->answers, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_session, setup, teardown),
                cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
                cmocka_unit_test_setup_teardown(test_endless_line, setup, teardown),
                cmocka_unit_test_setup_teardown(test_freed_inside, setup, teardown),
                cmocka_unit_test_setup_teardown(test_timeout_and_forget, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bar, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
