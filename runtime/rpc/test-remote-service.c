/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test service for the remote program. */

#include "rpc/test-remote-service.h"

#include "api.h"
#include <errno.h>
#include <sys/socket.h>

enum { SCREENSHOT_SIZE = 600 * 1000 }; /* more than two packets */

static int serve_auth_list(VhCall *call, remote_auth_list_ret *ret, VhError **err)
{
        ret->types.len = 1;
        ret->types.val = vh_call_new(call, remote_auth_type, 1);
        return 0;
}

static int serve_open(VhCall *call, const remote_connect_open_args *args, VhError **err)
{
        TestRemote *t = call->target;

        if (vh_streq(args->name, "bad:///"))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_CONNECT, "%s", args->name);
        vh_strset(&t->opened_uri, args->name);
        t->open_flags = args->flags;
        return 0;
}

static int serve_set_identity(VhCall *call, const remote_connect_set_identity_args *args, VhError **err)
{
        TestRemote *t = call->target;

        for (uint32_t i = 0; i < args->params.len; i++) {
                const remote_typed_param *p = &args->params.val[i];

                if (vh_streq(p->field, VIR_CONNECT_IDENTITY_USER_NAME))
                        vh_strset(&t->identity_user, p->value.s);
                if (vh_streq(p->field, VIR_CONNECT_IDENTITY_SYSTEM_TOKEN))
                        vh_strset(&t->token, p->value.s);
                if (vh_streq(p->field, VIR_CONNECT_IDENTITY_UNIX_USER_ID))
                        t->identity_uid = p->value.ul;
        }
        return 0;
}

static int serve_lib_version(VhCall *call, remote_connect_get_lib_version_ret *ret, VhError **err)
{
        ret->lib_ver = 9000000;
        return 0;
}

static int serve_hostname(VhCall *call, remote_connect_get_hostname_ret *ret, VhError **err)
{
        TestRemote *t = call->target;

        t->late = call;
        return VH_LATER;
}

static int refuse_event(VhError **err)
{
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_SUPPORT, "no events");
}

static int serve_event_register(VhCall *call, const remote_connect_domain_event_callback_register_any_args *args,
                                remote_connect_domain_event_callback_register_any_ret *ret, VhError **err)
{
        TestRemote *t = call->target;

        if (t->refuse_events)
                return refuse_event(err);
        ret->callbackID = t->next_callback++;
        t->callbacks[ret->callbackID] = call->client;
        if (!t->hold_event || t->held_event_call)
                return 0;
        t->held_event_call = call;
        return VH_LATER;
}

static int deregister(VhClient **list, int i, VhError **err)
{
        if (i < 0 || i >= TEST_EVENTS_MAX || !list[i])
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "%d is not registered", i);
        list[i] = NULL;
        return 0;
}

static int serve_event_deregister(VhCall *call, const remote_connect_domain_event_callback_deregister_any_args *args,
                                  VhError **err)
{
        TestRemote *t = call->target;

        return deregister(t->callbacks, args->callbackID, err);
}

static int serve_kind_register(VhCall *call, const remote_connect_domain_event_register_any_args *args, VhError **err)
{
        TestRemote *t = call->target;

        if (t->refuse_events)
                return refuse_event(err);
        t->kinds[args->eventID] = call->client;
        return 0;
}

static int serve_kind_deregister(VhCall *call, const remote_connect_domain_event_deregister_any_args *args,
                                 VhError **err)
{
        TestRemote *t = call->target;

        return deregister(t->kinds, args->eventID, err);
}

static int serve_oldest_register(VhCall *call, remote_connect_domain_event_register_ret *ret, VhError **err)
{
        return serve_kind_register(call, &(remote_connect_domain_event_register_any_args){}, err);
}

static int serve_oldest_deregister(VhCall *call, remote_connect_domain_event_deregister_ret *ret, VhError **err)
{
        return serve_kind_deregister(call, &(remote_connect_domain_event_deregister_any_args){}, err);
}

static void emit(VhClient *client, int32_t number, const void *msg)
{
        if (client)
                vh_client_send_event(client, &vh_program_remote, vh_program_find(&vh_program_remote, number), msg);
}

void test_remote_emit(TestRemote *t, int callback)
{
        remote_domain_event_callback_reboot_msg msg = { .callbackID = callback, .msg.dom = { .name = (char *)"x" } };

        emit(t->callbacks[callback], REMOTE_PROC_DOMAIN_EVENT_CALLBACK_REBOOT, &msg);
        emit(t->kinds[VIR_DOMAIN_EVENT_ID_REBOOT], REMOTE_PROC_DOMAIN_EVENT_REBOOT, &msg.msg);
}

static int serve_console(VhCall *call, const remote_domain_open_console_args *args, VhError **err)
{
        TestRemote *t = call->target;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        t->console_fd = pair[0];
        vh_stream_serve_fd(call->stream, pair[1], VH_STREAM_FD_READ | VH_STREAM_FD_WRITE);
        return 0;
}

static int serve_screenshot(VhCall *call, const remote_domain_screenshot_args *args, remote_domain_screenshot_ret *ret,
                            VhError **err)
{
        char *picture = vh_xcalloc(SCREENSHOT_SIZE, 1);

        for (size_t i = 0; i < SCREENSHOT_SIZE; i++)
                picture[i] = (char)(i % 251);
        vh_stream_serve_memory(call->stream, picture, SCREENSHOT_SIZE);
        ret->mime = vh_call_strdup(call, "image/test");
        return 0;
}

static ssize_t sink_write(void *data, const void *buf, size_t size, VhError **err)
{
        TestRemote *t = data;
        size_t n = t->slow_sink ? 1 : size;

        if (memchr(buf, '!', size))
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED, "the sink is full");
        t->sunk += (unsigned)n;
        return (ssize_t)n;
}

static ssize_t sink_write_slowly(void *data, const void *buf, size_t size, VhError **err)
{
        TestRemote *t = data;

        if (!t->slow_sink)
                return sink_write(data, buf, size, err);
        return -EAGAIN;
}

static int sink_hole(void *data, int64_t length, VhError **err)
{
        TestRemote *t = data;

        t->holes += (unsigned)length;
        return 0;
}

static int sink_finish(void *data, VhError **err)
{
        TestRemote *t = data;

        t->finished = true;
        return 0;
}

static void sink_free(void *data)
{
        TestRemote *t = data;

        t->freed = true;
        t->sink_stream = NULL;
}

static int serve_upload(VhCall *call, const remote_storage_vol_upload_args *args, VhError **err)
{
        static const VhStreamOps sink = {
                .write = sink_write_slowly,
                .write_hole = sink_hole,
                .finish = sink_finish,
                .free = sink_free,
        };
        TestRemote *t = call->target;

        t->sink_stream = call->stream;
        vh_stream_serve(call->stream, &sink, t);
        return 0;
}

static const VhSessionOps session_ops = { .auth_list = serve_auth_list, .connect_open = serve_open };
static const VhHypervisorOps hypervisor_ops = {
        .connect_set_identity = serve_set_identity,
        .connect_get_lib_version = serve_lib_version,
        .connect_get_hostname = serve_hostname,
        .connect_domain_event_callback_register_any = serve_event_register,
        .connect_domain_event_callback_deregister_any = serve_event_deregister,
        .connect_domain_event_register = serve_oldest_register,
        .connect_domain_event_deregister = serve_oldest_deregister,
        .connect_domain_event_register_any = serve_kind_register,
        .connect_domain_event_deregister_any = serve_kind_deregister,
        .domain_open_console = serve_console,
        .domain_screenshot = serve_screenshot,
};
static const VhStorageOps storage_ops = { .storage_vol_upload = serve_upload };

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        static const void *const by_kind[VH_KIND_MAX] = {
                [VH_KIND_NONE] = &session_ops,
                [VH_KIND_HYPERVISOR] = &hypervisor_ops,
                [VH_KIND_STORAGE] = &storage_ops,
        };

        *ops = by_kind[call->proc->kind];
        return 0;
}

void test_remote_serve(VhServer *server, TestRemote *remote)
{
        *remote = (TestRemote){ .console_fd = -1 };
        vh_server_add_service(
                server, &(VhService){ .program = &vh_program_remote, .before_call = before_call, .data = remote });
}

void test_remote_done(TestRemote *remote)
{
        free(remote->opened_uri);
        free(remote->identity_user);
        free(remote->token);
        if (remote->console_fd >= 0)
                close(remote->console_fd);
        *remote = (TestRemote){ .console_fd = -1 };
}
