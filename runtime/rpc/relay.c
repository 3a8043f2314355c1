/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames to another daemon and back.
 *
 * Nothing is decoded on the way; only headers are looked at, to know which calls and streams the far side owes us an
 * end of when it dies. Flow control goes through: a full far side holds back the client, a slow client the far side. */

#include "rpc/relay.h"

#include "api.h"
#include "procs.h"
#include "rpc/client.h"
#include "rpc/relay-events.h"
#include "rpc/relay-open.h"
#include "rpc/server.h"
#include "rpc/wire-error.h"
#include <errno.h>

/* A growing set of headers, few at a time. */
typedef struct Headers {
        VhFrameHeader *val;
        size_t n, cap;
} Headers;

typedef enum State {
        STATE_AWAY, /* not connected */
        STATE_OPENING,
        STATE_REGISTERING, /* anew what the client had registered for */
        STATE_READY,
} State;

struct VhRelay {
        VhClient *client;
        VhRelayTarget target; /* owned strings */
        State state;
        VhRemote *remote; /* NULL: not connected */
        VhRelayOpen *opening;
        VhBuf queued;    /* frames that wait for the open */
        int *queued_fds; /* of them, in order */
        size_t n_queued_fds;
        Headers calls;   /* sent and not answered */
        Headers streams; /* opened and not ended */
        VhClientWaiter waiter;
        bool holding; /* the client, for the far side is full */
        VhRelayEvents *events;
        VhSource *retry; /* made when it is needed first */
        uint64_t retry_usec;
        uint64_t since; /* when the connection became ready */
        void (*opened)(void *data, int r, const VhError *err);
        void *opened_data;
        VhRelayHooks hooks;
        void *hooks_data;
};

static void headers_add(Headers *l, const VhFrameHeader *h)
{
        if (l->n == l->cap) {
                l->cap = VH_MAX(l->cap * 2, (size_t)8);
                l->val = vh_xrealloc(l->val, l->cap, sizeof(*l->val));
        }
        l->val[l->n++] = *h;
}

static VhFrameHeader *headers_find(const Headers *l, const VhFrameHeader *h)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->val[i].serial == h->serial && l->val[i].prog == h->prog && l->val[i].proc == h->proc)
                        return &l->val[i];
        return NULL;
}

static void headers_remove(Headers *l, VhFrameHeader *at)
{
        if (at)
                memmove(at, at + 1, (size_t)(l->val + --l->n - at) * sizeof(*at));
}

static bool is_call(const VhFrameHeader *h)
{
        return h->type == VH_FRAME_CALL || h->type == VH_FRAME_CALL_WITH_FDS;
}

static bool is_reply(const VhFrameHeader *h)
{
        return h->type == VH_FRAME_REPLY || h->type == VH_FRAME_REPLY_WITH_FDS;
}

static const VhProc *find_proc(const VhFrameHeader *h, const VhProgram **program)
{
        static const VhProgram *const programs[] = { &vh_program_remote, &vh_program_qemu, &vh_program_lxc };

        for (size_t i = 0; i < VH_ARRAY_SIZE(programs); i++)
                if (programs[i]->number == h->prog) {
                        *program = programs[i];
                        return vh_program_find(programs[i], h->proc);
                }
        return NULL;
}

static void set_holding(VhRelay *relay, bool holding)
{
        if (holding && !relay->holding)
                vh_client_hold(relay->client);
        if (!holding && relay->holding)
                vh_client_release(relay->client);
        relay->holding = holding;
}

static unsigned max_calls(const VhRelay *relay)
{
        return VH_MAX(vh_server_limits(vh_client_server(relay->client))->max_client_requests, 1U);
}

/* The client stops when it has as many calls under way as one client may, or the far side does not take them. */
static void update_holding(VhRelay *relay)
{
        set_holding(relay, relay->calls.n >= max_calls(relay) || relay->queued.len > VH_SEND_BACKLOG_MAX ||
                                   (relay->remote && vh_remote_backlog(relay->remote) > VH_SEND_BACKLOG_MAX));
}

/* What the client waits for from a far side that is gone. */
static void fail_everything(VhRelay *relay, const VhError *err)
{
        for (size_t i = 0; i < relay->calls.n; i++)
                vh_client_send_error(relay->client, &relay->calls.val[i], err);
        for (size_t i = 0; i < relay->streams.n; i++)
                vh_client_send_stream_error(relay->client, &relay->streams.val[i], err);
        relay->calls.n = relay->streams.n = 0;
}

static void drop_queued(VhRelay *relay)
{
        for (size_t i = 0; i < relay->n_queued_fds; i++)
                close(relay->queued_fds[i]);
        free(relay->queued_fds);
        relay->queued_fds = NULL;
        relay->n_queued_fds = 0;
        vh_buf_done(&relay->queued);
}

static void disconnect(VhRelay *relay, const VhError *err)
{
        relay->state = STATE_AWAY;
        relay->opening = vh_relay_open_cancel(relay->opening);
        relay->remote = vh_remote_free(relay->remote);
        vh_relay_events_lost(relay->events);
        drop_queued(relay);
        if (err)
                fail_everything(relay, err);
        set_holding(relay, false);
}

static void on_reply(VhRelay *relay, const VhFrame *frame)
{
        const VhFrameHeader *h = &frame->h;
        const VhProgram *program;
        const VhProc *proc = find_proc(h, &program);

        headers_remove(&relay->calls, headers_find(&relay->calls, h));
        if (h->status != VH_STATUS_OK && relay->streams.n)
                headers_remove(&relay->streams, headers_find(&relay->streams, h));
        if (proc && proc->event_role != VH_ROLE_NONE)
                vh_relay_events_reply(relay->events, frame);
}

/* Returns false for an event that nobody wants any more. */
static bool on_message(VhRelay *relay, const VhFrame *frame)
{
        const VhProgram *program;
        const VhProc *proc = find_proc(&frame->h, &program);

        return !proc || proc->event_role != VH_ROLE_EVENT || vh_relay_events_wanted(relay->events, frame);
}

static void send_to_client(VhRelay *relay, const VhFrame *frame)
{
        vh_client_send_frame(relay->client, frame->bytes, frame->len, frame->fds, frame->n_fds);
        if (vh_client_backlog(relay->client) > VH_SEND_BACKLOG_MAX) {
                vh_remote_set_held(relay->remote, true);
                vh_client_wait_sent(relay->client, &relay->waiter);
        }
}

/* A frame from the far side. */
static void on_frame(VhRemote *remote, const VhFrame *frame, void *data)
{
        VhRelay *relay = data;
        const VhFrameHeader *h = &frame->h;

        if (is_reply(h))
                on_reply(relay, frame);
        else if (h->type == VH_FRAME_STREAM && h->status != VH_STATUS_CONTINUE)
                headers_remove(&relay->streams, headers_find(&relay->streams, h));
        else if (h->type == VH_FRAME_MESSAGE && !on_message(relay, frame))
                return;
        send_to_client(relay, frame);
        if (relay->holding)
                update_holding(relay);
}

static void on_client_sent(VhClientWaiter *waiter)
{
        VhRelay *relay = VH_CONTAINER_OF(waiter, VhRelay, waiter);

        if (relay->remote)
                vh_remote_set_held(relay->remote, false);
}

static void on_retry(void *data);

static int close_reason(int r)
{
        switch (r) {
        case -ETIMEDOUT:
                return VIR_CONNECT_CLOSE_REASON_KEEPALIVE;
        case -ECONNRESET:
        case -EPIPE:
                return VIR_CONNECT_CLOSE_REASON_EOF;
        default:
                return VIR_CONNECT_CLOSE_REASON_ERROR;
        }
}

/* Who only waits for events calls nothing, so that nothing else would make us connect again. A daemon that ends again
 * and again is given more and more time. */
static void schedule_retry(VhRelay *relay)
{
        VhLoop *loop = vh_server_loop(vh_client_server(relay->client));

        if (!vh_relay_events_any(relay->events))
                return;
        if (!relay->retry)
                relay->retry = vh_loop_add_timer(loop, UINT64_MAX, on_retry, relay);
        vh_source_rearm(relay->retry, relay->retry_usec);
        relay->retry_usec = VH_MIN(relay->retry_usec * 2, (uint64_t)VH_RELAY_RETRY_MAX_USEC);
}

static void on_closed(VhRemote *remote, int r, void *data)
{
        VhRelay *relay = data;
        uint64_t now = vh_loop_now(vh_server_loop(vh_client_server(relay->client)));
        _vh_error_ VhError *err = NULL;

        vh_error_set(&err, VIR_FROM_RPC, VIR_ERR_RPC, "the daemon behind '%s' %s", relay->target.socket,
                     r == -ETIMEDOUT ? "does not answer" : "has ended the connection");
        if (relay->state == STATE_READY && now - relay->since > VH_RELAY_RETRY_MAX_USEC)
                relay->retry_usec = relay->target.limits.retry_usec;
        disconnect(relay, err);
        schedule_retry(relay);
        if (relay->hooks.lost)
                relay->hooks.lost(relay->hooks_data, close_reason(r));
}

static void on_sent(VhRemote *remote, void *data)
{
        VhRelay *relay = data;

        if (relay->holding)
                update_holding(relay);
}

/* A daemon that works on as many calls as one client may have reads nothing more from it, and no ping either: that is
 * no reason to give it up. */
static bool is_waiting(VhRemote *remote, void *data)
{
        VhRelay *relay = data;

        return (relay->calls.n || relay->streams.n) && relay->calls.n < max_calls(relay);
}

static const VhRemoteHooks remote_hooks = {
        .frame = on_frame,
        .closed = on_closed,
        .sent = on_sent,
        .waiting = is_waiting,
};

/* The frames that waited go out in the order in which they came; descriptors belong behind their frames. */
static void send_queued(VhRelay *relay)
{
        size_t fd = 0;

        for (size_t pos = 0; pos < relay->queued.len;) {
                uint32_t len = vh_get_be32(relay->queued.data + pos);
                VhFrame frame;

                if (vh_frame_parse(&frame, (uint8_t *)relay->queued.data + pos, len, VH_FRAME_CALL_WITH_FDS) < 0)
                        abort(); /* it was parsed before it came here */
                vh_remote_send_frame(relay->remote, frame.bytes, len, relay->queued_fds + fd, frame.n_fds);
                fd += frame.n_fds;
                pos += len;
        }
        drop_queued(relay);
}

/* Who asked for the open hears of it last: it may free the relay. */
static void report_opened(VhRelay *relay, int r, const VhError *err)
{
        void (*fn)(void *data, int r, const VhError *err) = VH_TAKE_PTR(relay->opened);

        if (fn)
                fn(relay->opened_data, r, err);
}

static void become_ready(VhRelay *relay)
{
        relay->state = STATE_READY;
        relay->since = vh_loop_now(vh_server_loop(vh_client_server(relay->client)));
        send_queued(relay);
        update_holding(relay);
}

static void on_registered(void *data, const VhError *refused)
{
        VhRelay *relay = data;

        become_ready(relay);
        if (refused && relay->hooks.events_lost)
                relay->hooks.events_lost(relay->hooks_data, refused);
}

static void on_opened(void *data, int r, const VhError *err)
{
        VhRelay *relay = data;

        relay->opening = NULL;
        if (r < 0) {
                disconnect(relay, err);
                schedule_retry(relay);
        } else {
                vh_remote_set_hooks(relay->remote, &remote_hooks, relay);
                vh_remote_start_keepalive(relay->remote, relay->target.limits.ping_usec,
                                          relay->target.limits.ping_count);
                relay->state = STATE_REGISTERING;
                if (!vh_relay_events_restore(relay->events, relay->remote, on_registered, relay))
                        become_ready(relay);
        }
        report_opened(relay, r, err);
}

static void start_open(VhRelay *relay)
{
        if (relay->state != STATE_AWAY)
                return;
        if (relay->retry)
                vh_source_rearm(relay->retry, UINT64_MAX);
        relay->state = STATE_OPENING;
        relay->opening = vh_relay_open_start(relay->client, &relay->target, &relay->remote, on_opened, relay);
}

static void on_retry(void *data)
{
        start_open(data);
}

VhRelay *vh_relay_new(VhClient *client, const VhRelayTarget *target)
{
        static const VhRelayLimits default_limits = {
                .open_usec = VH_RELAY_OPEN_USEC,
                .ping_usec = VH_RELAY_PING_USEC,
                .ping_count = VH_RELAY_PING_COUNT,
                .retry_usec = VH_RELAY_RETRY_USEC,
        };
        VhRelay *relay = vh_new(VhRelay, 1);

        relay->client = client;
        relay->target.socket = vh_xstrdup(target->socket);
        relay->target.uri = vh_xstrdup(target->uri);
        relay->target.read_only = target->read_only;
        relay->target.token = vh_xstrdup(target->token);
        relay->target.limits = target->limits.open_usec ? target->limits : default_limits;
        relay->retry_usec = relay->target.limits.retry_usec;
        relay->waiter.sent = on_client_sent;
        relay->events = vh_relay_events_new();
        return relay;
}

static void free_text(const char *s)
{
        free((void *)(uintptr_t)s);
}

VhRelay *vh_relay_free(VhRelay *relay)
{
        if (!relay)
                return NULL;
        vh_client_cancel_wait(relay->client, &relay->waiter);
        disconnect(relay, NULL);
        vh_source_free(relay->retry);
        vh_relay_events_free(relay->events);
        free_text(relay->target.socket);
        free_text(relay->target.uri);
        free_text(relay->target.token);
        free(relay->calls.val);
        free(relay->streams.val);
        free(relay);
        return NULL;
}

void vh_relay_set_hooks(VhRelay *relay, const VhRelayHooks *hooks, void *data)
{
        relay->hooks = *hooks;
        relay->hooks_data = data;
}

void vh_relay_open(VhRelay *relay, void (*fn)(void *data, int r, const VhError *err), void *data)
{
        relay->opened = fn;
        relay->opened_data = data;
        start_open(relay);
}

static void queue_frame(VhRelay *relay, const VhFrame *frame)
{
        vh_buf_add(&relay->queued, frame->bytes, frame->len);
        relay->queued_fds = vh_xrealloc(relay->queued_fds, relay->n_queued_fds + frame->n_fds + 1, sizeof(int));
        for (unsigned i = 0; i < frame->n_fds; i++)
                relay->queued_fds[relay->n_queued_fds++] = VH_TAKE_FD(frame->fds[i]);
}

/* What takes something back has nothing to tell. */
static void answer_success(VhRelay *relay, const VhProc *proc, const VhFrameHeader *call)
{
        _vh_cleanup_(vh_buf_done) VhBuf reply = {};
        _vh_free_ void *ret = vh_xcalloc(1, proc->ret_size + 1);
        VhFrameHeader h = *call;

        h.type = VH_FRAME_REPLY;
        if (vh_frame_add(&reply, &h, 0, proc->ret_xdr, ret, NULL) == 0)
                vh_client_send_frame(relay->client, reply.data, reply.len, NULL, 0);
}

/* Returns true if the call is answered here. */
static bool on_call(VhRelay *relay, const VhFrame *frame)
{
        const VhFrameHeader *h = &frame->h;
        const VhProgram *program;
        const VhProc *proc = find_proc(h, &program);

        if (proc && proc->event_role != VH_ROLE_NONE &&
            vh_relay_events_call(relay->events, program, proc, frame, relay->state != STATE_READY)) {
                answer_success(relay, proc, h);
                return true;
        }
        headers_add(&relay->calls, h);
        if (proc && proc->stream != VH_STREAM_NONE)
                headers_add(&relay->streams, h);
        return false;
}

void vh_relay_forward(VhRelay *relay, const VhFrame *frame)
{
        if (is_call(&frame->h) && on_call(relay, frame))
                return;
        if (relay->state == STATE_READY) {
                vh_remote_send_frame(relay->remote, frame->bytes, frame->len, frame->fds, frame->n_fds);
        } else if (relay->state != STATE_AWAY || is_call(&frame->h)) {
                /* Packets of a stream may come right behind the call that opens it. */
                queue_frame(relay, frame);
                start_open(relay);
        }
        update_holding(relay);
}

bool vh_relay_owns(const VhRelay *relay, const VhFrameHeader *h)
{
        return headers_find(&relay->streams, h) != NULL;
}
