/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes to our client side, which has two calls outstanding. */

#include "procs.h"
#include "rpc/client.h"
#include <errno.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void got_reply(void *data, int r, const VhFrame *frame, const VhError *err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = {};
        remote_auth_list_ret ret = {};

        if (r == 0)
                vh_remote_decode(frame, VH_XDR(remote_auth_list_ret), &ret, &arena);
        else if (!err && r != -ECANCELED)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        VhRemote *remote;
        VhLoop *loop;
        int pair[2];

        if (vh_loop_new(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                abort();
        remote = vh_remote_new(loop, pair[1]);
        for (int i = 0; i < 2; i++)
                vh_remote_call(remote, &vh_program_remote, vh_program_find(&vh_program_remote, REMOTE_PROC_AUTH_LIST),
                               NULL, got_reply, NULL, NULL);
        for (size_t pos = 0; pos < size;) {
                ssize_t n = send(pair[0], data + pos, size - pos, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0)
                        break;
                pos += (size_t)n;
                while (vh_loop_step(loop, 0) > 0)
                        ;
        }
        close(pair[0]);
        while (vh_loop_step(loop, 0) > 0)
                ;
        vh_remote_free(remote);
        vh_loop_free(loop);
        return 0;
}
