/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pings, from both sides of a connection. */

#include "rpc/keepalive.h"

#include "procs.h"

struct VhKeepalive {
        VhLoop *loop;
        const VhKeepaliveOps *ops;
        void *data;
        VhSource *timer;
        uint64_t heard; /* when the last frame came; the timer looks at it, so that a frame costs nothing */
        unsigned unanswered;
        bool resting;
};

void vh_keepalive_add(VhBuf *out, int32_t proc)
{
        VhFrameHeader h = {
                .prog = vh_program_keepalive.number,
                .vers = vh_program_keepalive.version,
                .proc = proc,
                .type = VH_FRAME_MESSAGE,
                .serial = 0,
                .status = VH_STATUS_OK,
        };
        size_t start = vh_frame_begin(out, &h, 0);

        if (vh_frame_end(out, start) < 0)
                abort(); /* it is empty */
}

bool vh_keepalive_frame(const VhFrame *frame, VhBuf *out)
{
        if (frame->h.prog != vh_program_keepalive.number || frame->h.type != VH_FRAME_MESSAGE)
                return false;
        if (frame->h.vers == vh_program_keepalive.version && frame->h.proc == KEEPALIVE_PROC_PING)
                vh_keepalive_add(out, KEEPALIVE_PROC_PONG);
        return true;
}

void vh_keepalive_heard(VhKeepalive *keepalive)
{
        keepalive->heard = vh_loop_now(keepalive->loop);
        keepalive->unanswered = 0;
}

static void on_timer(void *data)
{
        VhKeepalive *k = data;
        uint64_t interval = k->ops->interval(k->data);
        uint64_t quiet = vh_loop_now(k->loop) - k->heard;

        k->resting = interval == UINT64_MAX || (k->ops->wanted && !k->ops->wanted(k->data));
        if (k->resting)
                return;
        if (quiet < interval && !k->unanswered) {
                vh_source_rearm(k->timer, interval - quiet);
                return;
        }
        if (k->unanswered++ >= k->ops->count(k->data)) {
                k->ops->dead(k->data);
                return;
        }
        vh_source_rearm(k->timer, interval);
        k->ops->ping(k->data);
}

void vh_keepalive_wake(VhKeepalive *keepalive)
{
        if (!keepalive->resting)
                return;
        keepalive->resting = false;
        vh_keepalive_heard(keepalive);
        vh_source_rearm(keepalive->timer, keepalive->ops->interval(keepalive->data));
}

VhKeepalive *vh_keepalive_new(VhLoop *loop, const VhKeepaliveOps *ops, void *data)
{
        VhKeepalive *keepalive = vh_new(VhKeepalive, 1);

        keepalive->loop = loop;
        keepalive->ops = ops;
        keepalive->data = data;
        keepalive->timer = vh_loop_add_timer(loop, UINT64_MAX, on_timer, keepalive);
        keepalive->resting = true;
        vh_keepalive_wake(keepalive);
        return keepalive;
}

VhKeepalive *vh_keepalive_free(VhKeepalive *keepalive)
{
        if (keepalive) {
                vh_source_free(keepalive->timer);
                free(keepalive);
        }
        return NULL;
}
