/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pings an idle peer, hangs up on a dead one, answers the pings of the other side. */

#include "procs.h"
#include "rpc/server-private.h"

enum { USEC_PER_SEC = 1000000 };

struct VhKeepalive {
        VhClient *client;
        VhSource *timer;
        uint64_t heard; /* when the last frame came; the timer looks at it, so that a frame costs nothing */
        unsigned unanswered;
};

static void send_message(VhClient *client, int32_t proc)
{
        VhFrameHeader h = {
                .prog = vh_program_keepalive.number,
                .vers = vh_program_keepalive.version,
                .proc = proc,
                .type = VH_FRAME_MESSAGE,
                .serial = 0,
                .status = VH_STATUS_OK,
        };
        size_t start = vh_frame_begin(&client->link.out, &h, 0);

        if (vh_frame_end(&client->link.out, start) < 0)
                abort(); /* it is empty */
        vh_client_touch(client);
}

bool vh_keepalive_frame(VhClient *client, const VhFrame *frame)
{
        if (frame->h.prog != vh_program_keepalive.number || frame->h.type != VH_FRAME_MESSAGE)
                return false;
        if (frame->h.vers == vh_program_keepalive.version && frame->h.proc == KEEPALIVE_PROC_PING)
                send_message(client, KEEPALIVE_PROC_PONG);
        return true;
}

void vh_keepalive_heard(VhKeepalive *keepalive)
{
        keepalive->heard = vh_loop_now(keepalive->client->server->loop);
        keepalive->unanswered = 0;
}

static uint64_t interval_usec(const VhClient *client)
{
        int seconds = client->server->limits.keepalive_interval;

        return seconds > 0 ? (uint64_t)seconds * USEC_PER_SEC : UINT64_MAX;
}

static void on_timer(void *data)
{
        VhKeepalive *keepalive = data;
        VhClient *client = keepalive->client;
        uint64_t interval = interval_usec(client);
        uint64_t quiet = vh_loop_now(client->server->loop) - keepalive->heard;

        if (interval == UINT64_MAX)
                return;
        if (quiet < interval && !keepalive->unanswered) {
                vh_source_rearm(keepalive->timer, interval - quiet);
                return;
        }
        if (keepalive->unanswered++ >= client->server->limits.keepalive_count) {
                vh_client_close(client);
                return;
        }
        send_message(client, KEEPALIVE_PROC_PING);
        vh_source_rearm(keepalive->timer, interval);
}

void vh_keepalive_start(VhClient *client)
{
        if (client->keepalive || client->closed)
                return;
        client->keepalive = vh_new(VhKeepalive, 1);
        client->keepalive->client = client;
        client->keepalive->timer =
                vh_loop_add_timer(client->server->loop, interval_usec(client), on_timer, client->keepalive);
        vh_keepalive_heard(client->keepalive);
}

VhKeepalive *vh_keepalive_free(VhKeepalive *keepalive)
{
        if (keepalive) {
                vh_source_free(keepalive->timer);
                free(keepalive);
        }
        return NULL;
}
