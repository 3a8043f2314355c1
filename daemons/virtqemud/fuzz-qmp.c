/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a QEMU that went wrong can send on its monitor. */

#include <sys/socket.h>

#include "qmp.h"

typedef struct Peer {
        QemuMonitor *mon;
        bool closed;
} Peer;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        if ((r < 0) != !ret || (r < 0) != !!err)
                abort();
}

static void ready(void *data)
{
        Peer *peer = data;

        qmp_send(peer->mon, qmp_command("query-status", NULL), answered, peer);
        qmp_send(peer->mon, qmp_command("device_del", "{s:s}", "id", "net0"), answered, peer);
}

static void event(void *data, const char *name, json_t *args, uint64_t seconds, unsigned micros)
{
        if (!name)
                abort();
}

static void closed(void *data, int r, const VhError *err)
{
        ((Peer *)data)->closed = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        enum { MORE_THAN_A_ROUND = 64, SIZE_MAX_OF_SOCKET = 64 * 1024 };
        Peer peer = { 0 };
        QmpHandlers handlers = { ready, event, closed, &peer };
        VhLoop *loop;
        int fds[2];

        if (size > SIZE_MAX_OF_SOCKET || vh_loop_new(&loop) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                return 0;
        peer.mon = qmp_new(loop, fds[0], &handlers);
        if (write(fds[1], data, size) != (ssize_t)size)
                abort();
        shutdown(fds[1], SHUT_WR);
        for (int i = 0; i < MORE_THAN_A_ROUND && !peer.closed; i++)
                vh_loop_step(loop, 0);
        qmp_free(peer.mon);
        close(fds[1]);
        vh_loop_free(loop);
        return 0;
}
