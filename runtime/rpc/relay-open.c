/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps until a relay can forward. */

#include "rpc/relay-open.h"

#include "api.h"
#include "procs.h"
#include "rpc/server.h"
#include <errno.h>

typedef enum Step { STEP_AUTH, STEP_OPEN, STEP_IDENTITY, STEP_DONE } Step;

enum {
        OPEN_READ_ONLY = 1,
        IDENTITY_FIELDS = 10,
        RETRY_USEC = 10 * 1000, /* when too many others wait to be accepted */
};

struct VhRelayOpen {
        VhClient *client;
        const VhRelayTarget *target;
        VhRemote **remote;
        Step step;
        int r;
        VhError *err;
        VhLater report;  /* the outcome is told from the loop, never from inside start */
        VhSource *timer; /* until a connection is tried again, or the time is over */
        uint64_t deadline;
        bool timed_out;
        bool cancelled; /* a reply is still due */
        bool waiting;
        void (*fn)(void *data, int r, const VhError *err);
        void *data;
};

static void run_step(VhRelayOpen *open);

static VhLoop *loop_of(const VhRelayOpen *open)
{
        return vh_server_loop(vh_client_server(open->client));
}

static void open_free(VhRelayOpen *open)
{
        vh_source_free(open->timer);
        vh_error_free(open->err);
        free(open);
}

static void report(VhLater *later)
{
        VhRelayOpen *open = VH_CONTAINER_OF(later, VhRelayOpen, report);

        open->fn(open->data, open->r, open->err);
        open_free(open);
}

static void end(VhRelayOpen *open, int r)
{
        open->r = r;
        vh_source_rearm(open->timer, UINT64_MAX);
        vh_loop_later(loop_of(open), &open->report);
}

/* The far daemon trusts root, and our own uid in session mode; a password could not be asked for here. */
static int check_auth(const VhFrame *frame, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = {};
        remote_auth_list_ret ret = {};

        if (vh_remote_decode(frame, &vh_xdr_remote_auth_list_ret, &ret, &arena) < 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to decode message payload");
        if (ret.types.len && ret.types.val[0] != REMOTE_AUTH_NONE)
                return vh_error_set(
                        err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED,
                        "the daemon asks its own proxy to log in; set auth_unix_rw = \"none\" or run both as one user");
        return 0;
}

static void on_reply(void *data, int r, const VhFrame *frame, const VhError *err)
{
        VhRelayOpen *open = data;

        open->waiting = false;
        if (open->cancelled) {
                open_free(open);
                return;
        }
        if (open->timed_out)
                r = vh_error_sys(&open->err, VIR_FROM_RPC, ETIMEDOUT, "no answer from the daemon at '%s'",
                                 open->target->socket);
        else if (r < 0)
                open->err = vh_error_copy(err);
        else if (open->step == STEP_AUTH)
                r = check_auth(frame, &open->err);
        if (r < 0) {
                end(open, r);
                return;
        }
        open->step++;
        run_step(open);
}

static int call(VhRelayOpen *open, int32_t number, const void *args)
{
        int r = vh_remote_call(*open->remote, &vh_program_remote, vh_program_find(&vh_program_remote, number), args,
                               on_reply, open, NULL);

        open->waiting = r == 0;
        return r;
}

static void add_string(remote_connect_set_identity_args *args, const char *field, const char *value)
{
        if (value)
                args->params.val[args->params.len++] = (remote_typed_param){
                        .field = (char *)(uintptr_t)field,
                        .value = { .type = VIR_TYPED_PARAM_STRING, .s = (char *)(uintptr_t)value },
                };
}

static void add_number(remote_connect_set_identity_args *args, const char *field, int type, uint64_t value)
{
        args->params.val[args->params.len++] = (remote_typed_param){
                .field = (char *)(uintptr_t)field,
                .value = { .type = type, .ul = value },
        };
}

static int tell_identity(VhRelayOpen *open)
{
        _vh_cleanup_(vh_identity_freep) VhIdentity *id = vh_identity_copy(vh_client_identity(open->client));
        remote_typed_param params[IDENTITY_FIELDS];
        remote_connect_set_identity_args args = { .params.val = params };

        vh_identity_resolve(id);
        add_string(&args, VIR_CONNECT_IDENTITY_USER_NAME, id->user_name);
        add_string(&args, VIR_CONNECT_IDENTITY_GROUP_NAME, id->group_name);
        if (id->has_unix) {
                add_number(&args, VIR_CONNECT_IDENTITY_UNIX_USER_ID, VIR_TYPED_PARAM_ULLONG, id->uid);
                add_number(&args, VIR_CONNECT_IDENTITY_UNIX_GROUP_ID, VIR_TYPED_PARAM_ULLONG, id->gid);
                add_number(&args, VIR_CONNECT_IDENTITY_PROCESS_ID, VIR_TYPED_PARAM_LLONG, (uint64_t)id->pid);
                add_number(&args, VIR_CONNECT_IDENTITY_PROCESS_TIME, VIR_TYPED_PARAM_ULLONG, id->start_time);
        }
        add_string(&args, VIR_CONNECT_IDENTITY_SASL_USER_NAME, id->sasl_user_name);
        add_string(&args, VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME, id->x509_dname);
        add_string(&args, VIR_CONNECT_IDENTITY_SELINUX_CONTEXT, id->selinux_context);
        add_string(&args, VIR_CONNECT_IDENTITY_SYSTEM_TOKEN, open->target->token);
        return call(open, REMOTE_PROC_CONNECT_SET_IDENTITY, &args);
}

static int open_uri(VhRelayOpen *open)
{
        const remote_connect_open_args args = {
                .name = (char *)(uintptr_t)open->target->uri,
                .flags = open->target->read_only ? OPEN_READ_ONLY : 0,
        };

        return call(open, REMOTE_PROC_CONNECT_OPEN, &args);
}

static void run_step(VhRelayOpen *open)
{
        int r = 0;

        if (open->step == STEP_IDENTITY && !open->target->token)
                open->step = STEP_DONE;
        if (open->step == STEP_AUTH)
                r = call(open, REMOTE_PROC_AUTH_LIST, NULL);
        else if (open->step == STEP_OPEN)
                r = open_uri(open);
        else if (open->step == STEP_IDENTITY)
                r = tell_identity(open);
        else
                end(open, 0);
        if (r < 0)
                end(open, vh_error_sys(&open->err, VIR_FROM_RPC, r, "cannot talk to the daemon at '%s'",
                                       open->target->socket));
}

/* Between the last answer and the report of it nobody else would notice. */
static void on_broken(VhRemote *remote, int r, void *data)
{
        VhRelayOpen *open = data;

        if (open->r == 0)
                open->r = vh_error_sys(&open->err, VIR_FROM_RPC, r, "cannot talk to the daemon at '%s'",
                                       open->target->socket);
}

static void connect_remote(VhRelayOpen *open)
{
        uint64_t now = vh_loop_now(loop_of(open));
        int r = vh_remote_connect(open->remote, loop_of(open), open->target->socket, &open->err);

        if (r == -EAGAIN && now < open->deadline) {
                vh_error_clear(&open->err);
                vh_source_rearm(open->timer, RETRY_USEC);
        } else if (r < 0) {
                end(open, r);
        } else {
                vh_remote_set_hooks(*open->remote, &(VhRemoteHooks){ .closed = on_broken }, open);
                vh_source_rearm(open->timer, open->deadline > now ? open->deadline - now : 0);
                run_step(open);
        }
}

static void on_timer(void *data)
{
        VhRelayOpen *open = data;

        if (!*open->remote) {
                connect_remote(open);
                return;
        }
        open->timed_out = true;
        *open->remote = vh_remote_free(*open->remote); /* ends the call that is waited for */
}

VhRelayOpen *vh_relay_open_start(VhClient *client, const VhRelayTarget *target, VhRemote **remote,
                                 void (*fn)(void *data, int r, const VhError *err), void *data)
{
        VhRelayOpen *open = vh_new(VhRelayOpen, 1);

        open->client = client;
        open->target = target;
        open->remote = remote;
        open->report.run = report;
        open->fn = fn;
        open->data = data;
        open->timer = vh_loop_add_timer(loop_of(open), UINT64_MAX, on_timer, open);
        open->deadline = vh_loop_now(loop_of(open)) + target->limits.open_usec;
        connect_remote(open);
        return open;
}

VhRelayOpen *vh_relay_open_cancel(VhRelayOpen *open)
{
        if (!open)
                return NULL;
        vh_loop_cancel_later(loop_of(open), &open->report);
        vh_source_rearm(open->timer, UINT64_MAX);
        if (open->waiting)
                open->cancelled = true;
        else
                open_free(open);
        return NULL;
}
