/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a frame to a handler. The order of the checks is visible to clients by the error that they get, and is that of
 * the reference. */

#include "rpc/server-private.h"

#include <errno.h>

static const VhService *find_service(const VhServer *server, const VhFrameHeader *h)
{
        for (unsigned i = 0; i < server->n_services; i++) {
                const VhProgram *p = server->services[i].program;

                if (p->number == h->prog && p->version == h->vers)
                        return &server->services[i];
        }
        return NULL;
}

static int check_header(VhClient *client, const VhFrameHeader *h, const VhService **service, const VhProc **proc,
                        VhError **err)
{
        *service = find_service(client->server, h);
        if (!*service)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Cannot find program %d version %d", (int)h->prog,
                                    (int)h->vers);
        if (h->status != VH_STATUS_OK)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unexpected message status %u", h->status);
        *proc = vh_program_find((*service)->program, h->proc);
        if (!*proc || (*proc)->dir != VH_DIR_CALL)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "unknown procedure: %d", h->proc);
        if (!client->authenticated && !((*proc)->flags & VH_PROC_PRE_AUTH))
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "authentication required");
        return 0;
}

/* The payload is copied: the input buffer is used again before a late call ends. */
static int decode_args(VhCall *call, const VhFrame *frame, VhError **err)
{
        const VhProc *proc = call->proc;
        uint8_t *payload;

        if (proc->ret_size)
                call->ret = vh_arena_alloc(&call->arena, proc->ret_size);
        if (!proc->args_xdr)
                return 0;
        call->args = vh_arena_alloc(&call->arena, proc->args_size);
        payload = vh_arena_memdup(&call->arena, frame->payload, frame->payload_len);
        if (vh_xdr_decode(proc->args_xdr, call->args, payload, frame->payload_len, &call->arena) < 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to decode message payload");
        return 0;
}

static void take_fds(VhCall *call, VhFrame *frame)
{
        call->fds = vh_arena_memdup(&call->arena, frame->fds, frame->n_fds * sizeof(int));
        call->n_fds = frame->n_fds;
        for (unsigned i = 0; i < frame->n_fds; i++)
                frame->fds[i] = -1;
}

static void make_stream(VhCall *call, const VhFrameHeader *h)
{
        bool sparse = call->proc->sparse_flag && (vh_proc_flags(call->proc, call->args) & call->proc->sparse_flag);

        call->stream = vh_stream_new(call->client, h, sparse);
}

/* From decoded arguments on. */
static int serve(ServedCall *sc, const VhService *service, VhError **err)
{
        VhCall *call = &sc->call;
        const void *ops = NULL;
        int r;

        call->target = service->data;
        r = service->before_call ? service->before_call(call, &ops, err) : 0;
        if (r != 0)
                return r;
        r = call->proc->check ? call->proc->check(call, err) : 0;
        if (r != 0)
                return r == VH_ARGS_NOTHING ? 0 : r;
        if (call->proc->stream != VH_STREAM_NONE)
                make_stream(call, &sc->h);
        r = call->proc->invoke(ops, call, call->args, call->ret, err);
        return service->after_call ? service->after_call(call, r, err) : r;
}

static int run(ServedCall *sc, VhFrame *frame, const VhService *service, VhError **err)
{
        VhCall *call = &sc->call;
        int r = decode_args(call, frame, err);

        if (r < 0)
                return r;
        if (frame->n_fds)
                take_fds(call, frame);
        return serve(sc, service, err);
}

static void conclude(VhClient *client, ServedCall *sc, int r, const VhError *err)
{
        if (r == VH_LATER)
                vh_call_later(sc);
        else
                vh_call_answer(sc, r, err);
        if (client->events.len) {
                vh_buf_add(&client->link.out, client->events.data, client->events.len);
                vh_buf_done(&client->events);
        }
}

static void dispatch_call(VhClient *client, VhFrame *frame)
{
        ServedCall *sc = vh_call_new_for(client, &frame->h);
        _vh_error_ VhError *err = NULL;
        const VhService *service;
        int r;

        r = check_header(client, &frame->h, &service, &sc->call.proc, &err);
        if (r == 0) {
                sc->call.program = service->program;
                client->running = true;
                r = run(sc, frame, service, &err);
                client->running = false;
        }
        conclude(client, sc, r, err);
}

void vh_call_resume(VhCall *call)
{
        ServedCall *sc = VH_CONTAINER_OF(call, ServedCall, call);
        VhClient *client = call->client;
        _vh_error_ VhError *err = NULL;
        int r;

        if (!client) {
                vh_call_finish(call, -ECANCELED, NULL);
                return;
        }
        vh_call_not_later(sc);
        call->resumed = true;
        client->running = true;
        r = serve(sc, find_service(client->server, &sc->h), &err);
        client->running = false;
        conclude(client, sc, r, err);
}

void vh_dispatch_frame(VhClient *client, VhFrame *frame)
{
        if (client->keepalive)
                vh_keepalive_heard(client->keepalive);
        if (vh_keepalive_frame(frame, &client->link.out)) {
                vh_client_touch(client);
                return;
        }
        if (client->hooks && client->hooks->route && client->hooks->route(client, frame, client->data))
                return;
        switch (frame->h.type) {
        case VH_FRAME_CALL:
        case VH_FRAME_CALL_WITH_FDS:
                dispatch_call(client, frame);
                return;
        case VH_FRAME_STREAM:
        case VH_FRAME_STREAM_HOLE:
                vh_stream_dispatch(client, frame);
                return;
        default:
                return; /* replies and events are not for a server; the reference drops them too */
        }
}
