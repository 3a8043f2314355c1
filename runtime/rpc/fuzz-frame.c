/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes to a server whose one service echoes. The first byte says how much is sent at a time. */

#include "ops.h"
#include "procs.h"
#include "rpc/server.h"
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int serve_lookup(VhCall *call, const admin_connect_lookup_server_args *args,
                        admin_connect_lookup_server_ret *ret, VhError **err)
{
        ret->srv.name = args->name;
        return 0;
}

static int serve_set_filters(VhCall *call, const admin_connect_set_logging_filters_args *args, VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INVALID_ARG, "%s", args->filters ? args->filters : "none");
}

static const VhAdminOps ops = {
        .connect_lookup_server = serve_lookup,
        .connect_set_logging_filters = serve_set_filters,
};

static int before_call(VhCall *call, const void **ret, VhError **err)
{
        *ret = &ops;
        return 0;
}

static void run(VhLoop *loop, int fd)
{
        char buf[4096];

        while (vh_loop_step(loop, 0) > 0)
                ;
        while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
                ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const VhServerLimits limits = {
                .max_clients = 1,
                .max_client_requests = 5,
                .max_workers = 1,
                .keepalive_interval = -1,
        };
        size_t step = size ? data[0] + 1u : 1;
        VhServer *server;
        VhLoop *loop;
        int pair[2];

        if (vh_loop_new(&loop) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                abort();
        server = vh_server_new(loop, "fuzz", &limits, NULL, NULL);
        vh_server_add_service(server, &(VhService){ .program = &vh_program_admin, .before_call = before_call });
        if (vh_server_add_connection(server, &(VhListen){ .fd = pair[1] }, NULL) < 0)
                abort();
        for (size_t pos = 1; pos < size; pos += step) {
                if (send(pair[0], data + pos, VH_MIN(step, size - pos), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                        break;
                run(loop, pair[0]);
        }
        close(pair[0]);
        while (vh_loop_step(loop, 0) > 0)
                ;
        vh_server_free(server);
        vh_loop_free(loop);
        return 0;
}
