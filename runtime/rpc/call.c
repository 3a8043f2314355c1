/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls: made from a free list, answered, finished late. */

#include "rpc/call.h"

#include "rpc/server-private.h"
#include "rpc/wire-error.h"
#include <errno.h>
#include <stdarg.h>
#include <utlist.h>

enum { FREE_CALLS_MAX = 64 }; /* kept with their arena chunk; more come only with that many late calls */

void *vh_call_alloc(VhCall *call, size_t size)
{
        return vh_arena_alloc(&call->arena, size);
}

char *vh_call_strdup(VhCall *call, const char *s)
{
        return vh_arena_strdup(&call->arena, s);
}

char *vh_call_printf(VhCall *call, const char *fmt, ...)
{
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = vh_arena_vprintf(&call->arena, fmt, ap);
        va_end(ap);
        return s;
}

void *vh_call_own(VhCall *call, void *p)
{
        return vh_arena_own(&call->arena, p);
}

int vh_call_send_fd(VhCall *call, int fd)
{
        if (call->n_reply_fds == VH_FRAME_FDS_MAX) {
                close(fd);
                return -E2BIG;
        }
        if (!call->reply_fds)
                call->reply_fds = vh_call_new(call, int, VH_FRAME_FDS_MAX);
        call->reply_fds[call->n_reply_fds++] = fd;
        return 0;
}

ServedCall *vh_call_new_for(VhClient *client, const VhFrameHeader *h)
{
        VhServer *server = client->server;
        ServedCall *sc = server->free_calls;

        if (sc) {
                LL_DELETE(server->free_calls, sc);
                server->n_free_calls--;
        } else {
                sc = vh_new(ServedCall, 1);
        }
        sc->server = vh_server_ref(server);
        sc->h = *h;
        sc->call.client = client;
        sc->call.serial = h->serial;
        return sc;
}

static void close_fds(int *fds, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
}

void vh_call_done(ServedCall *sc)
{
        VhServer *server = sc->server;
        VhCall *call = &sc->call;
        VhArena arena;

        vh_buf_done(&sc->prepared);
        close_fds(call->fds, call->n_fds);
        close_fds(call->reply_fds, call->n_reply_fds);
        if (call->stream)
                vh_stream_drop(call->stream);
        vh_arena_reset(&call->arena);
        if (server->n_free_calls == FREE_CALLS_MAX) {
                vh_arena_done(&call->arena);
                free(sc);
        } else {
                arena = call->arena;
                *call = (VhCall){ .arena = arena };
                LL_PREPEND(server->free_calls, sc);
                server->n_free_calls++;
        }
        vh_server_unref(server);
}

void vh_call_free_list(VhServer *server)
{
        ServedCall *sc;

        while ((sc = server->free_calls)) {
                LL_DELETE(server->free_calls, sc);
                vh_arena_done(&sc->call.arena);
                free(sc);
        }
}

/* Adds the frame of the reply. On failure nothing was added. */
static int encode_reply(const ServedCall *sc, VhBuf *to, VhError **err)
{
        const VhCall *call = &sc->call;
        VhFrameHeader h = sc->h;
        int r;

        h.type = call->n_reply_fds ? VH_FRAME_REPLY_WITH_FDS : VH_FRAME_REPLY;
        h.status = VH_STATUS_OK;
        r = vh_frame_add(to, &h, call->n_reply_fds, call->proc->ret_xdr, call->ret, err);
        if (r < 0)
                return *err ? r : vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to encode message payload");
        return 0;
}

int vh_call_prepare(VhCall *call, VhError **err)
{
        ServedCall *sc = VH_CONTAINER_OF(call, ServedCall, call);
        int r = sc->prepared.len ? 0 : encode_reply(sc, &sc->prepared, err);

        return r < 0 ? r : VH_LATER;
}

/* Puts the reply into the client's output. On failure nothing was added. */
static int add_reply(ServedCall *sc, VhError **err)
{
        VhCall *call = &sc->call;
        VhLink *link = &call->client->link;
        int r = 0;

        if (sc->prepared.len)
                vh_buf_add(&link->out, sc->prepared.data, sc->prepared.len);
        else
                r = encode_reply(sc, &link->out, err);
        for (unsigned i = 0; r == 0 && i < call->n_reply_fds; i++)
                vh_link_add_fd(link, VH_TAKE_FD(call->reply_fds[i]));
        return r;
}

static void answer_error(ServedCall *sc, int r, const VhError *err)
{
        VhClient *client = sc->call.client;
        VhFrameHeader h = sc->h;
        size_t start;

        h.type = VH_FRAME_REPLY;
        h.status = VH_STATUS_ERROR;
        start = vh_frame_begin(&client->link.out, &h, 0);
        vh_wire_error_encode(&client->link.out, err, r);
        if (vh_frame_end(&client->link.out, start) < 0)
                abort(); /* strings of an error are bounded */
}

void vh_call_answer(ServedCall *sc, int r, const VhError *err)
{
        _vh_error_ VhError *failed = NULL;
        VhCall *call = &sc->call;

        if (call->client && !call->client->closed) {
                if (r == 0 && (r = add_reply(sc, &failed)) < 0)
                        err = failed;
                if (r < 0)
                        answer_error(sc, r, err);
                vh_client_touch(call->client);
                if (r == 0 && call->stream && vh_stream_is_served(call->stream))
                        vh_stream_start(VH_TAKE_PTR(call->stream));
        }
        vh_call_done(sc);
}

void vh_call_later(ServedCall *sc)
{
        VhClient *client = sc->call.client;

        DL_APPEND(client->pending, sc);
        client->n_pending++;
        /* The handler hung up on its own client. */
        if (client->closed)
                vh_call_orphan_all(client);
}

void vh_call_not_later(ServedCall *sc)
{
        VhClient *client = sc->call.client;

        DL_DELETE(client->pending, sc);
        client->n_pending--;
        vh_client_touch(client);
}

void vh_call_finish(VhCall *call, int r, VhError *err)
{
        ServedCall *sc = VH_CONTAINER_OF(call, ServedCall, call);

        if (call->client)
                vh_call_not_later(sc);
        vh_call_answer(sc, r, err);
        vh_error_free(err);
}

void vh_call_orphan_all(VhClient *client)
{
        ServedCall *sc;

        while ((sc = client->pending)) {
                DL_DELETE(client->pending, sc);
                sc->call.client = NULL;
                if (sc->call.stream)
                        vh_stream_drop(VH_TAKE_PTR(sc->call.stream));
                if (sc->call.peer_gone)
                        sc->call.peer_gone(&sc->call);
        }
        client->n_pending = 0;
}
