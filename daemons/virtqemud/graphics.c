/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client's connection to a display of a running guest: a socket that it brings, or one that it gets. */

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qemu-ops.h"
#include "task.h"

#define FD_NAME "graphicsfd"

typedef struct ClientTask {
        QemuTask task;
        uint32_t display, flags;
        int fd;       /* for QEMU */
        int reply_fd; /* for the client; -1: it has its own */
        int r;        /* why QEMU did not take it */
        VhError *error;
} ClientTask;

static void client_cleanup(QemuTask *task)
{
        ClientTask *client = (ClientTask *)task;

        if (client->fd >= 0)
                close(client->fd);
        if (client->reply_fd >= 0)
                close(client->reply_fd);
        vh_error_free(client->error);
}

static void dropped(QemuTask *task, json_t *unused, int unused_too, const VhError *nor_this)
{
        ClientTask *client = (ClientTask *)task;

        qemu_task_end(task, client->r, VH_TAKE_PTR(client->error));
}

static void connected(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        ClientTask *client = (ClientTask *)task;
        VhError *error = NULL;

        if (r < 0) {
                /* QEMU keeps a descriptor that it did not use. */
                client->r = r;
                client->error = vh_error_copy(err);
                qemu_task_qmp_try(task, qmp_command("closefd", "{s:s}", "fdname", FD_NAME), dropped);
                return;
        }
        if (client->reply_fd >= 0 && vh_call_send_fd(task->call, VH_TAKE_FD(client->reply_fd)) < 0)
                r = vh_error_set(&error, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "the reply has no room for a socket");
        qemu_task_end(task, r, error);
}

static void got_fd(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        const ClientTask *client = (ClientTask *)task;
        const VhGraphics *g = task->dom->def->graphics.items[client->display];
        bool skip_auth = client->flags & VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH;

        if (r < 0)
                qemu_task_end(task, r, vh_error_copy(err));
        else
                qemu_task_qmp_try(task,
                                  qmp_command("add_client", "{s:s,s:s,s:b}", "protocol",
                                              g->type == VH_GRAPHICS_VNC ? "vnc" : "spice", "fdname", FD_NAME,
                                              "skipauth", skip_auth),
                                  connected);
}

/* The displays may have changed while the call waited for its turn. */
static int check_display(const VhDomainDef *def, uint32_t display, VhError **err)
{
        const VhGraphics *g = display < def->graphics.n ? def->graphics.items[display] : NULL;

        if (!g)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "No graphics backend with index %u",
                                    display);
        if (g->type != VH_GRAPHICS_VNC && g->type != VH_GRAPHICS_SPICE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "display %u is neither VNC nor SPICE: no client can be given to it", display);
        return 0;
}

static void client_run(QemuTask *task)
{
        ClientTask *client = (ClientTask *)task;
        VhError *err = NULL;
        int r = check_display(task->dom->def, client->display, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_task_qmp_fd(task, qmp_command("getfd", "{s:s}", "fdname", FD_NAME), VH_TAKE_FD(client->fd),
                                 got_fd);
}

static const QemuTaskClass client_class = {
        .api = "remoteDispatchDomainOpenGraphics",
        .size = sizeof(ClientTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = client_run,
        .cleanup = client_cleanup,
};

/* fds: for QEMU and for the client (-1: none); both are taken over. */
static int start(VhCall *call, const remote_nonnull_domain *wire, uint32_t display, uint32_t flags, const int fds[2],
                 VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        ClientTask *client;
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;

        if (r == 0)
                r = check_display(dom->def, display, err);
        if (r < 0) {
                close(fds[0]);
                if (fds[1] >= 0)
                        close(fds[1]);
                return r;
        }
        client = (ClientTask *)qemu_task_new(qemu_driver(call), dom, call, &client_class);
        client->display = display;
        client->flags = flags;
        client->fd = fds[0];
        client->reply_fd = fds[1];
        return qemu_task_go(&client->task);
}

QEMU_OP(domain_open_graphics)
{
        int fds[2] = { -1, -1 };
        int r = vh_check_flags(args->flags, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, VIR_FROM_QEMU, "qemuDomainOpenGraphics",
                               err);

        if (r < 0)
                return r;
        fds[0] = call->n_fds ? fcntl(call->fds[0], F_DUPFD_CLOEXEC, 0) : -1;
        if (fds[0] < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "the call came without a socket");
        return start(call, &args->dom, args->idx, args->flags, fds, err);
}

QEMU_OP(domain_open_graphics_fd)
{
        int fds[2];
        int r = vh_check_flags(args->flags, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, VIR_FROM_QEMU,
                               "qemuDomainOpenGraphicsFD", err);

        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to create socket pair");
        return start(call, &args->dom, args->idx, args->flags, fds, err);
}
