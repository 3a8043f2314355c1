/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Login through polkit, against a bus and a polkit of our own. */

#include "rpc/test-peer.h"

#include "rpc/polkit.h"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

/* One connection to a "system bus" that knows Hello and CheckAuthorization. */
typedef struct FakeBus {
        VhLoop *loop;
        char dir[32], path[64];
        int listen_fd;
        VhSource *source;
        sd_bus *bus;
        bool allowed, challenge, broken, silent;
        char *action;
        uint32_t pid;
        uint64_t start_time;
        int32_t uid;
} FakeBus;

static FakeBus fake;

static void read_question(sd_bus_message *m)
{
        const char *kind, *action, *key;

        assert_true(sd_bus_message_enter_container(m, 'r', "sa{sv}") >= 0);
        assert_true(sd_bus_message_read(m, "sa{sv}", &kind, 3, &key, "u", &fake.pid, &key, "t", &fake.start_time, &key,
                                        "i", &fake.uid) >= 0);
        assert_string_equal(kind, "unix-process");
        assert_true(sd_bus_message_exit_container(m) >= 0);
        assert_true(sd_bus_message_read(m, "s", &action) >= 0);
        vh_strset(&fake.action, action);
}

static int on_message(sd_bus_message *m, void *data, sd_bus_error *error)
{
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "Hello"))
                return sd_bus_reply_method_return(m, "s", ":1.1") < 0 ? -1 : 1;
        if (!sd_bus_message_is_method_call(m, "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization"))
                return 0;
        read_question(m);
        if (fake.silent)
                return 1;
        if (fake.broken)
                return sd_bus_reply_method_errorf(m, "org.freedesktop.PolicyKit1.Error.Failed", "no such action") < 0
                               ? -1
                               : 1;
        return sd_bus_reply_method_return(m, "(bba{ss})", fake.allowed, fake.challenge, 0) < 0 ? -1 : 1;
}

static void on_connection(void *data, uint32_t revents)
{
        int fd = accept4(fake.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        assert_true(fd >= 0);
        sd_bus_close_unref(fake.bus);
        assert_true(sd_bus_new(&fake.bus) >= 0);
        assert_true(sd_bus_set_fd(fake.bus, fd, fd) >= 0);
        assert_true(sd_bus_set_server(fake.bus, true,
                                      SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10)) >=
                    0);
        assert_true(sd_bus_set_anonymous(fake.bus, true) >= 0);
        assert_true(sd_bus_start(fake.bus) >= 0);
        assert_true(sd_bus_add_filter(fake.bus, NULL, on_message, NULL) >= 0);
        assert_true(sd_bus_attach_event(fake.bus, vh_loop_sd_event(fake.loop), 0) >= 0);
}

static void start_bus(VhLoop *loop)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char text[128];

        fake = (FakeBus){ .loop = loop };
        strcpy(fake.dir, "/tmp/vh-bus-XXXXXX");
        assert_non_null(mkdtemp(fake.dir));
        snprintf(fake.path, sizeof(fake.path), "%s/bus", fake.dir);
        strcpy(address.sun_path, fake.path);
        fake.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(fake.listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fake.listen_fd, 5), 0);
        fake.source = vh_loop_add_io(loop, fake.listen_fd, EPOLLIN, on_connection, NULL);
        snprintf(text, sizeof(text), "unix:path=%s", fake.path);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", text, 1);
}

static void stop_bus(void)
{
        if (fake.bus) {
                sd_bus_detach_event(fake.bus);
                sd_bus_close_unref(fake.bus);
                fake.bus = NULL;
        }
        fake.source = vh_source_free(fake.source);
        if (fake.listen_fd >= 0)
                close(VH_TAKE_FD(fake.listen_fd));
        unlink(fake.path);
        rmdir(fake.dir);
        free(fake.action);
        fake.action = NULL;
}

static int setup(void **state)
{
        TestPeer *t;

        if (peer_setup(state) < 0)
                return -1;
        t = *state;
        start_bus(t->loop);
        t->listen.auth = VH_AUTH_POLKIT;
        return 0;
}

static int teardown(void **state)
{
        stop_bus();
        return peer_teardown(state);
}

typedef struct Outcome {
        bool told;
        int r;
        int code;
        char text[256];
} Outcome;

static void on_outcome(void *data, int r, VhError *err)
{
        Outcome *o = data;

        o->told = true;
        o->r = r;
        o->code = err ? err->code : 0;
        snprintf(o->text, sizeof(o->text), "%s", err ? err->message : "");
}

static const VhIdentity somebody = { .has_unix = true, .uid = 1234, .gid = 1234, .pid = 4321, .start_time = 99887766 };

static Outcome ask(TestPeer *t, const VhIdentity *id)
{
        Outcome o = {};

        vh_polkit_check(t->loop, id, "org.libvirt.unix.manage", on_outcome, &o);
        assert_false(o.told);
        while (!o.told && vh_loop_step(t->loop, 2 * 1000 * 1000) > 0)
                ;
        assert_true(o.told);
        return o;
}

static void test_allowed(void **state)
{
        Outcome o;

        fake.allowed = true;
        o = ask(*state, &somebody);
        assert_int_equal(o.r, 0);
        assert_string_equal(fake.action, "org.libvirt.unix.manage");
        assert_int_equal(fake.pid, 4321);
        assert_int_equal(fake.start_time, 99887766);
        assert_int_equal(fake.uid, 1234);
}

static void test_denied(void **state)
{
        Outcome o = ask(*state, &somebody);

        assert_true(o.r < 0);
        assert_int_equal(o.code, VIR_ERR_AUTH_FAILED);
        assert_string_equal(o.text, "authentication failed: access denied by policy");
}

static void test_no_agent(void **state)
{
        Outcome o;

        fake.challenge = true;
        o = ask(*state, &somebody);
        assert_true(o.r < 0);
        assert_int_equal(o.code, VIR_ERR_AUTH_UNAVAILABLE);
}

static void test_polkit_error(void **state)
{
        Outcome o;

        fake.broken = true;
        o = ask(*state, &somebody);
        assert_true(o.r < 0);
        assert_int_equal(o.code, VIR_ERR_AUTH_FAILED);
        assert_non_null(strstr(o.text, "no such action"));
}

static void test_no_bus(void **state)
{
        Outcome o;

        stop_bus();
        o = ask(*state, &somebody);
        assert_true(o.r < 0);
        assert_int_equal(o.code, VIR_ERR_SYSTEM_ERROR);
}

/* Without a start time another process could have taken over the pid. */
static void test_unknown_process(void **state)
{
        VhIdentity id = somebody;
        Outcome o;

        fake.allowed = true;
        id.start_time = 0;
        o = ask(*state, &id);
        assert_true(o.r < 0);
        assert_null(fake.action);
}

static void test_cancelled(void **state)
{
        TestPeer *t = *state;
        Outcome o = {};

        vh_polkit_free(vh_polkit_check(t->loop, &somebody, "org.libvirt.unix.manage", on_outcome, &o));
        peer_settle(t);
        assert_false(o.told);
}

static int serve_auth_polkit(VhCall *call, remote_auth_polkit_ret *ret, VhError **err)
{
        return vh_login_polkit(call, err);
}

static const VhSessionOps session_ops = { .auth_polkit = serve_auth_polkit };

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        *ops = &session_ops;
        return 0;
}

/* While polkit waits for a password. */
static void test_peer_goes(void **state)
{
        TestPeer *t = *state;

        fake.silent = true;
        vh_server_add_service(t->server, &(VhService){ .program = &vh_program_remote, .before_call = before_call });
        peer_connect(t);
        t->server->clients->identity->start_time = somebody.start_time; /* nobody asks it of root */
        peer_remote(t, REMOTE_PROC_AUTH_POLKIT, 1, NULL);
        peer_settle(t);
        assert_string_equal(fake.action, "org.libvirt.unix.manage");
        assert_int_equal(t->server->refs, 2);
        peer_disconnect(t);
        peer_settle(t);
        assert_int_equal(t->server->refs, 1);
}

#define POLKIT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                POLKIT_TEST(test_allowed),      POLKIT_TEST(test_denied),    POLKIT_TEST(test_no_agent),
                POLKIT_TEST(test_polkit_error), POLKIT_TEST(test_no_bus),    POLKIT_TEST(test_unknown_process),
                POLKIT_TEST(test_cancelled),    POLKIT_TEST(test_peer_goes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
