/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tunnels. */

#include "migrate-tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "api.h"
#include "procs.h"
#include "rpc/frame.h"
#include "rpc/stream.h"
#include "rpc/wire-error.h"

static int make_pair(MigrateTask *t, int fds[2], VhError **err)
{
        if (!t->task.call || !t->task.call->stream)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "the client of the tunnel is gone");
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot create a tunnel");
        return 0;
}

void qemu_tunnel_prepare(MigrateTask *t, QemuTaskResult done)
{
        _vh_error_ VhError *err = NULL;
        int fds[2], r = make_pair(t, fds, &err);

        if (r < 0) {
                done(&t->task, NULL, r, err);
                return;
        }
        (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
        vh_stream_serve_fd(t->task.call->stream, fds[1], VH_STREAM_FD_WRITE);
        qemu_task_qmp_fd(&t->task, qmp_command("getfd", "{s:s}", "fdname", QEMU_TUNNEL_FD), fds[0], done);
}

/* ---- source ---- */

enum { CHUNK = 262120 }; /* what the reference takes in one packet */

struct QemuTunnel {
        VhLoop *loop;
        VhRemote *remote;
        VhFrameHeader h; /* of its packets */
        int fds[2];      /* ours, QEMU's */
        VhSource *source;
        VhBuf packet;
        bool ended; /* we said so */
        bool over;  /* so did the target, or it is gone */
        bool awaited;
        QemuTunnelEnd end;
        void *data;
};

static void send_end(QemuTunnel *t, VhFrameStatus status)
{
        size_t start;

        t->ended = true;
        t->h.status = status;
        t->packet.len = 0;
        start = vh_frame_begin(&t->packet, &t->h, 0);
        (void)vh_frame_end(&t->packet, start);
        vh_remote_send_frame(t->remote, t->packet.data, t->packet.len, NULL, 0);
}

static void readable(void *data, uint32_t revents)
{
        QemuTunnel *t = data;
        size_t start;
        ssize_t n;

        t->h.status = VH_STATUS_CONTINUE;
        t->packet.len = 0;
        start = vh_frame_begin(&t->packet, &t->h, 0);
        n = read(t->fds[0], vh_buf_reserve(&t->packet, CHUNK), CHUNK);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                t->source = vh_source_free(t->source);
                send_end(t, VH_STATUS_OK);
                return;
        }
        t->packet.len += (size_t)n;
        (void)vh_frame_end(&t->packet, start);
        vh_remote_send_frame(t->remote, t->packet.data, t->packet.len, NULL, 0);
        if (vh_remote_backlog(t->remote) > 0)
                vh_source_set_events(t->source, 0); /* until it was sent */
}

void qemu_tunnel_sent(QemuTunnel *t)
{
        if (t->source)
                vh_source_set_events(t->source, EPOLLIN);
}

int qemu_tunnel_open(QemuTunnel **ret, QemuDriver *driver, VhRemote *remote, uint32_t serial, QemuTunnelEnd end,
                     void *data, VhError **err)
{
        QemuTunnel *t = vh_new(QemuTunnel, 1);

        *t = (QemuTunnel){ .loop = driver->env.loop, .remote = remote, .end = end, .data = data, .fds = { -1, -1 } };
        t->h = (VhFrameHeader){ .prog = vh_program_remote.number,
                                .vers = vh_program_remote.version,
                                .proc = REMOTE_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS,
                                .type = VH_FRAME_STREAM,
                                .serial = serial };
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->fds) < 0) {
                qemu_tunnel_free(t);
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot create a tunnel");
        }
        (void)fcntl(t->fds[0], F_SETFL, O_NONBLOCK);
        *ret = t;
        return 0;
}

QemuTunnel *qemu_tunnel_free(QemuTunnel *t)
{
        if (!t)
                return NULL;
        vh_source_free(t->source);
        for (int i = 0; i < 2; i++)
                if (t->fds[i] >= 0)
                        close(t->fds[i]);
        vh_buf_done(&t->packet);
        free(t);
        return NULL;
}

int qemu_tunnel_take_fd(QemuTunnel *t)
{
        t->source = vh_loop_add_io(t->loop, t->fds[0], EPOLLIN, readable, t);
        return VH_TAKE_FD(t->fds[1]);
}

void qemu_tunnel_abort(QemuTunnel *t)
{
        if (t->over || t->ended)
                return;
        t->source = vh_source_free(t->source);
        send_end(t, VH_STATUS_ERROR);
}

void qemu_tunnel_lost(QemuTunnel *t, int r, const VhError *err)
{
        t->over = true;
        t->source = vh_source_free(t->source);
        if (t->awaited)
                t->end(t->data, r, err);
}

bool qemu_tunnel_is_over(const QemuTunnel *t)
{
        return t->over;
}

void qemu_tunnel_wait(QemuTunnel *t)
{
        t->awaited = !t->over;
        if (t->over)
                t->end(t->data, 0, NULL);
}

void qemu_tunnel_frame(QemuTunnel *t, const VhFrame *frame)
{
        _vh_error_ VhError *err = NULL;
        int r = 0;

        if (frame->h.type != VH_FRAME_STREAM || frame->h.serial != t->h.serial || frame->h.status == VH_STATUS_CONTINUE)
                return;
        t->over = true;
        t->source = vh_source_free(t->source);
        if (frame->h.status == VH_STATUS_ERROR) {
                r = vh_wire_error_decode(frame->payload, frame->payload_len, &err) < 0 ? -EBADMSG : -EREMOTEIO;
                t->end(t->data, r, err);
        } else if (t->ended)
                t->end(t->data, 0, NULL);
}
