/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames to another daemon and back.
 *
 * Nothing is decoded on the way; only headers are looked at, to know which calls and streams the far side owes us an
 * end of when it dies. Flow control goes through: a full far side holds back the client, a slow client the far side. */

#include "rpc/relay.h"

#include "api.h"
#include "procs.h"
#include "rpc/client.h"
#include "rpc/relay-open.h"
#include "rpc/server.h"
#include "rpc/wire-error.h"
#include <errno.h>

/* A growing set of headers, few at a time. */
typedef struct Headers {
        VhFrameHeader *val;
        size_t n, cap;
} Headers;

struct VhRelay {
        VhClient *client;
        VhRelayTarget target; /* owned strings */
        VhRemote *remote;     /* NULL: not connected */
        VhRelayOpen *opening;
        bool ready;
        VhBuf queued;    /* frames that wait for the open */
        int *queued_fds; /* of them, in order */
        size_t n_queued_fds;
        Headers calls;   /* sent and not answered */
        Headers streams; /* opened and not ended */
        VhClientWaiter waiter;
        bool holding;      /* the client, for the far side is full */
        unsigned n_events; /* registered for at the far side */
        void (*opened)(void *data, int r, const VhError *err);
        void *opened_data;
        VhRelayLostFn lost;
        void *lost_data;
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

static bool opens_stream(const VhFrameHeader *h)
{
        const VhProc *proc = h->prog == vh_program_remote.number ? vh_program_find(&vh_program_remote, h->proc) : NULL;

        return proc && proc->stream != VH_STREAM_NONE;
}

/* How a successful call changes the number of events that the client has registered for. */
static int event_change(const VhFrameHeader *h)
{
        static const struct {
                const VhProgram *program;
                int32_t add, remove;
        } rows[] = {
                { &vh_program_remote, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER,
                  REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER },
                { &vh_program_remote, REMOTE_PROC_CONNECT_DOMAIN_EVENT_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY },
                { &vh_program_remote, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY },
                { &vh_program_remote, REMOTE_PROC_CONNECT_NETWORK_EVENT_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_NETWORK_EVENT_DEREGISTER_ANY },
                { &vh_program_remote, REMOTE_PROC_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY },
                { &vh_program_remote, REMOTE_PROC_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY },
                { &vh_program_remote, REMOTE_PROC_CONNECT_SECRET_EVENT_REGISTER_ANY,
                  REMOTE_PROC_CONNECT_SECRET_EVENT_DEREGISTER_ANY },
                { &vh_program_qemu, QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER,
                  QEMU_PROC_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (h->prog == rows[i].program->number && (h->proc == rows[i].add || h->proc == rows[i].remove))
                        return h->proc == rows[i].add ? 1 : -1;
        return 0;
}

static void count_events(VhRelay *relay, const VhFrameHeader *reply)
{
        int change = event_change(reply);

        if (change > 0)
                relay->n_events++;
        else if (change < 0 && relay->n_events)
                relay->n_events--;
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
        relay->ready = false;
        relay->n_events = 0;
        relay->opening = vh_relay_open_cancel(relay->opening);
        relay->remote = vh_remote_free(relay->remote);
        drop_queued(relay);
        if (err)
                fail_everything(relay, err);
        set_holding(relay, false);
}

/* A frame from the far side. */
static void on_frame(VhRemote *remote, const VhFrame *frame, void *data)
{
        VhRelay *relay = data;
        const VhFrameHeader *h = &frame->h;

        if (is_reply(h)) {
                headers_remove(&relay->calls, headers_find(&relay->calls, h));
                if (h->status == VH_STATUS_OK)
                        count_events(relay, h);
                else if (relay->streams.n)
                        headers_remove(&relay->streams, headers_find(&relay->streams, h));
        } else if (h->type == VH_FRAME_STREAM && h->status != VH_STATUS_CONTINUE) {
                headers_remove(&relay->streams, headers_find(&relay->streams, h));
        }
        vh_client_send_frame(relay->client, frame->bytes, frame->len, frame->fds, frame->n_fds);
        if (vh_client_backlog(relay->client) > VH_SEND_BACKLOG_MAX) {
                vh_remote_set_held(remote, true);
                vh_client_wait_sent(relay->client, &relay->waiter);
        }
        if (relay->holding)
                update_holding(relay);
}

static void on_client_sent(VhClientWaiter *waiter)
{
        VhRelay *relay = VH_CONTAINER_OF(waiter, VhRelay, waiter);

        if (relay->remote)
                vh_remote_set_held(relay->remote, false);
}

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

static void on_closed(VhRemote *remote, int r, void *data)
{
        VhRelay *relay = data;
        bool had_events = relay->n_events > 0;
        _vh_error_ VhError *err = NULL;

        vh_error_set(&err, VIR_FROM_RPC, VIR_ERR_RPC, "the daemon behind '%s' %s", relay->target.socket,
                     r == -ETIMEDOUT ? "does not answer" : "has ended the connection");
        disconnect(relay, err);
        if (relay->lost)
                relay->lost(relay->lost_data, close_reason(r), had_events);
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

static void on_opened(void *data, int r, const VhError *err)
{
        VhRelay *relay = data;

        relay->opening = NULL;
        if (r < 0) {
                disconnect(relay, err);
        } else {
                relay->ready = true;
                vh_remote_set_hooks(relay->remote, &remote_hooks, relay);
                vh_remote_start_keepalive(relay->remote, relay->target.limits.ping_usec,
                                          relay->target.limits.ping_count);
                send_queued(relay);
                update_holding(relay);
        }
        report_opened(relay, r, err);
}

static void start_open(VhRelay *relay)
{
        if (!relay->opening && !relay->ready)
                relay->opening = vh_relay_open_start(relay->client, &relay->target, &relay->remote, on_opened, relay);
}

VhRelay *vh_relay_new(VhClient *client, const VhRelayTarget *target)
{
        static const VhRelayLimits default_limits = {
                .open_usec = VH_RELAY_OPEN_USEC,
                .ping_usec = VH_RELAY_PING_USEC,
                .ping_count = VH_RELAY_PING_COUNT,
        };
        VhRelay *relay = vh_new(VhRelay, 1);

        relay->client = client;
        relay->target.socket = vh_xstrdup(target->socket);
        relay->target.uri = vh_xstrdup(target->uri);
        relay->target.read_only = target->read_only;
        relay->target.token = vh_xstrdup(target->token);
        relay->target.limits = target->limits.open_usec ? target->limits : default_limits;
        relay->waiter.sent = on_client_sent;
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
        free_text(relay->target.socket);
        free_text(relay->target.uri);
        free_text(relay->target.token);
        free(relay->calls.val);
        free(relay->streams.val);
        free(relay);
        return NULL;
}

void vh_relay_set_lost(VhRelay *relay, VhRelayLostFn fn, void *data)
{
        relay->lost = fn;
        relay->lost_data = data;
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

void vh_relay_forward(VhRelay *relay, const VhFrame *frame)
{
        if (is_call(&frame->h)) {
                headers_add(&relay->calls, &frame->h);
                if (opens_stream(&frame->h))
                        headers_add(&relay->streams, &frame->h);
        }
        if (relay->ready) {
                vh_remote_send_frame(relay->remote, frame->bytes, frame->len, frame->fds, frame->n_fds);
        } else if (relay->opening || is_call(&frame->h)) {
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
