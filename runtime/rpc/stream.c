/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The protocol of streams, independent of where data come from.
 *
 * Down: data packets, an empty packet at the end, then the client's OK and ours. Up: data packets, the client's OK and
 * ours. Either side may end it with ERROR. A packet is only made when the client's output is empty, so a slow client
 * holds back the source; data that a sink does not take at once hold back the reading of the client. */

#include "rpc/stream.h"

#include "message_protocol.h"
#include "rpc/server-private.h"
#include "rpc/wire-error.h"
#include <errno.h>
#include <utlist.h>

struct VhStream {
        VhClient *client;
        VhFrameHeader h; /* of the opening call */
        bool sparse;
        bool started;   /* the opening call has been answered */
        bool unsent;    /* a packet is in the output */
        bool ended;     /* the source said so, and so did we */
        bool finishing; /* the client said OK, the sink has not got everything yet */
        bool holding;   /* the client is not read because of us */
        const VhStreamOps *ops;
        void *data;
        uint8_t *rest; /* data that the sink did not take */
        size_t rest_pos, rest_len;
        VhStream *prev, *next;
};

VhStream *vh_stream_new(VhClient *client, const VhFrameHeader *h, bool sparse)
{
        VhStream *s = vh_new(VhStream, 1);

        s->client = client;
        s->h = *h;
        s->sparse = sparse;
        return s;
}

void vh_stream_drop(VhStream *s)
{
        if (s->ops && s->ops->free)
                s->ops->free(s->data);
        if (s->holding)
                vh_client_release(s->client);
        free(s->rest);
        free(s);
}

static void stream_over(VhStream *s)
{
        DL_DELETE(s->client->streams, s);
        vh_stream_drop(s);
}

void vh_stream_free_all(VhClient *client)
{
        while (client->streams)
                stream_over(client->streams);
}

bool vh_stream_is_served(const VhStream *s)
{
        return s->ops != NULL;
}

VhLoop *vh_stream_loop(const VhStream *s)
{
        return s->client->server->loop;
}

bool vh_stream_is_sparse(const VhStream *s)
{
        return s && s->sparse;
}

static size_t begin_packet(VhStream *s, VhFrameType type, VhFrameStatus status)
{
        VhFrameHeader h = s->h;

        h.type = type;
        h.status = status;
        return vh_frame_begin(&s->client->link.out, &h, 0);
}

static void end_packet(VhStream *s, size_t start)
{
        if (vh_frame_end(&s->client->link.out, start) < 0)
                abort(); /* packets are far below the limit */
        s->unsent = true;
        vh_client_touch(s->client);
}

static void send_empty(VhStream *s, VhFrameStatus status)
{
        end_packet(s, begin_packet(s, VH_FRAME_STREAM, status));
}

static void fail(VhStream *s, int r, const VhError *err)
{
        size_t start = begin_packet(s, VH_FRAME_STREAM, VH_STATUS_ERROR);

        vh_wire_error_encode(&s->client->link.out, err, r);
        end_packet(s, start);
        stream_over(s);
}

/* Tells of a hole that is next. Returns 1 if there was one, 0 if data are next, negative on failure. */
static int send_hole(VhStream *s, VhError **err)
{
        virNetStreamHole hole = {};
        size_t start;
        int r;

        if (!s->sparse || !s->ops->read_hole)
                return 0;
        hole.length = s->ops->read_hole(s->data, err);
        if (hole.length <= 0)
                return (int)hole.length;
        start = begin_packet(s, VH_FRAME_STREAM_HOLE, VH_STATUS_CONTINUE);
        r = vh_frame_add_value(&s->client->link.out, &vh_xdr_virNetStreamHole, &hole, err);
        if (r < 0) {
                s->client->link.out.len = start;
                return r;
        }
        end_packet(s, start);
        return 1;
}

static ssize_t send_data(VhStream *s, VhError **err)
{
        VhBuf *out = &s->client->link.out;
        size_t start = begin_packet(s, VH_FRAME_STREAM, VH_STATUS_CONTINUE);
        ssize_t n = s->ops->read(s->data, vh_buf_reserve(out, VH_STREAM_PACKET_MAX), VH_STREAM_PACKET_MAX, err);

        if (n < 0) {
                out->len = start;
                return n;
        }
        out->len += (size_t)n;
        end_packet(s, start);
        s->ended = n == 0;
        return n;
}

/* Makes the next packet if the last one is gone and the source has something. */
static void pump_down(VhStream *s)
{
        _vh_error_ VhError *err = NULL;
        ssize_t r;

        if (!s->started || s->unsent || s->ended || !s->ops->read)
                return;
        r = send_hole(s, &err);
        if (r == 0)
                r = send_data(s, &err);
        if (r < 0 && r != -EAGAIN)
                fail(s, (int)r, err);
}

static void finish(VhStream *s)
{
        _vh_error_ VhError *err = NULL;
        int r = s->ops->finish ? s->ops->finish(s->data, &err) : 0;

        if (r == -EAGAIN)
                return;
        if (r < 0) {
                fail(s, r, err);
                return;
        }
        send_empty(s, VH_STATUS_OK);
        stream_over(s);
}

static void set_holding(VhStream *s, bool holding)
{
        if (holding && !s->holding)
                vh_client_hold(s->client);
        if (!holding && s->holding)
                vh_client_release(s->client);
        s->holding = holding;
}

/* Gives the rest to the sink. Returns false if the stream is over. */
static bool pump_up(VhStream *s)
{
        _vh_error_ VhError *err = NULL;

        while (s->rest_pos < s->rest_len) {
                ssize_t n = s->ops->write(s->data, s->rest + s->rest_pos, s->rest_len - s->rest_pos, &err);

                if (n == -EAGAIN || n == 0)
                        return true;
                if (n < 0) {
                        fail(s, (int)n, err);
                        return false;
                }
                s->rest_pos += (size_t)n;
        }
        free(s->rest);
        s->rest = NULL;
        s->rest_pos = s->rest_len = 0;
        set_holding(s, false);
        if (s->finishing) {
                finish(s);
                return false;
        }
        return true;
}

void vh_stream_wake(VhStream *s)
{
        if (s->started && pump_up(s))
                pump_down(s);
}

/* Who gets its turn goes to the end: a client with many streams does not make us hold a packet of each. */
void vh_stream_output_sent(VhClient *client)
{
        VhStream *s;
        size_t n = 0;

        DL_FOREACH (client->streams, s) {
                s->unsent = false;
                n++;
        }
        for (; n && (s = client->streams) && vh_client_backlog(client) < VH_SEND_BACKLOG_MAX; n--) {
                DL_DELETE(client->streams, s);
                DL_APPEND(client->streams, s);
                pump_down(s);
        }
}

void vh_stream_start(VhStream *s)
{
        DL_APPEND(s->client->streams, s);
        s->started = true;
        pump_down(s);
}

void vh_stream_fail(VhStream *s, const VhError *err)
{
        if (s->started) {
                fail(s, -EIO, err);
                return;
        }
        /* Not answered yet: the call's own outcome tells. */
        if (s->ops && s->ops->free)
                s->ops->free(s->data);
        s->ops = NULL;
}

static void take_data(VhStream *s, const VhFrame *frame)
{
        _vh_error_ VhError *err = NULL;
        ssize_t n;

        if (!frame->payload_len)
                return;
        if (!s->ops->write) {
                vh_error_set(&err, VIR_FROM_STREAMS, VIR_ERR_OPERATION_INVALID, "%s", "the stream takes no data");
                fail(s, 0, err);
                return;
        }
        n = s->ops->write(s->data, frame->payload, frame->payload_len, &err);
        if (n < 0 && n != -EAGAIN) {
                fail(s, (int)n, err);
                return;
        }
        n = VH_MAX(n, 0);
        if ((size_t)n < frame->payload_len) {
                s->rest_len = frame->payload_len - (size_t)n;
                s->rest = vh_xrealloc(NULL, s->rest_len, 1);
                memcpy(s->rest, frame->payload + n, s->rest_len);
                set_holding(s, true);
                /* A sink says that it will wake us only when it has refused. */
                if (n > 0)
                        (void)pump_up(s);
        }
}

static void take_hole(VhStream *s, const VhFrame *frame)
{
        _vh_error_ VhError *err = NULL;
        virNetStreamHole hole = {};
        VhArena arena = {};
        int r;

        r = vh_xdr_decode(&vh_xdr_virNetStreamHole, &hole, frame->payload, frame->payload_len, &arena);
        vh_arena_done(&arena);
        if (!s->sparse || r < 0) {
                vh_client_close(s->client); /* as the reference: such a peer cannot be talked to */
                return;
        }
        if (s->ops->write_hole)
                r = s->ops->write_hole(s->data, hole.length, &err);
        else
                r = vh_error_set(&err, VIR_FROM_STREAMS, VIR_ERR_OPERATION_UNSUPPORTED, "%s",
                                 "the stream takes no holes");
        if (r < 0)
                fail(s, r, err);
}

static void take_packet(VhStream *s, const VhFrame *frame)
{
        switch (frame->h.status) {
        case VH_STATUS_CONTINUE:
                take_data(s, frame);
                return;
        case VH_STATUS_OK:
                s->finishing = true;
                pump_up(s);
                return;
        case VH_STATUS_ERROR:
                send_empty(s, VH_STATUS_OK);
                stream_over(s);
                return;
        default:
                vh_client_close(s->client);
        }
}

void vh_stream_dispatch(VhClient *client, VhFrame *frame)
{
        VhStream *s;

        DL_FOREACH (client->streams, s)
                if (s->h.serial == frame->h.serial && s->h.prog == frame->h.prog && s->h.proc == frame->h.proc)
                        break;
        if (!s)
                return; /* late packets of a stream that is over */
        if (frame->h.type == VH_FRAME_STREAM_HOLE)
                take_hole(s, frame);
        else
                take_packet(s, frame);
}

void vh_stream_serve(VhStream *s, const VhStreamOps *ops, void *data)
{
        if (!s) {
                if (ops->free)
                        ops->free(data);
                return;
        }
        s->ops = ops;
        s->data = data;
}
