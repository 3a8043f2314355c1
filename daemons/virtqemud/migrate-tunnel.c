/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tunnels. */

#include "migrate-tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "rpc/stream.h"

void qemu_tunnel_prepare(MigrateTask *t, QemuTaskResult done)
{
        _vh_error_ VhError *err = NULL;
        int fds[2];

        if (!t->task.call || !t->task.call->stream) {
                done(&t->task, NULL,
                     vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "the client of the tunnel is gone"),
                     err);
                return;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
                done(&t->task, NULL, vh_error_sys(&err, VIR_FROM_QEMU, errno, "cannot create a tunnel"), err);
                return;
        }
        (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
        vh_stream_serve_fd(t->task.call->stream, fds[1], VH_STREAM_FD_WRITE);
        qemu_task_qmp_fd(&t->task, qmp_command("getfd", "{s:s}", "fdname", QEMU_TUNNEL_FD), fds[0], done);
}
