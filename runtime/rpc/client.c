/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our own client side of a connection. */

#include "rpc/client.h"

#include "procs.h"
#include "rpc/keepalive.h"
#include "rpc/limits.h"
#include "rpc/link.h"
#include "rpc/wire-error.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <utlist.h>

enum {
        WATCH_END = EPOLLPRI, /* never happens on our sockets: only their end is noticed */
        USEC_PER_SEC = 1000000,
        USEC_PER_MSEC = 1000,
        NSEC_PER_USEC = 1000,
};

typedef struct Pending {
        VhFrameHeader h;
        VhRemoteReplyFn fn;
        void *data;
        struct Pending *prev, *next;
} Pending;

struct VhRemote {
        VhLoop *loop;
        VhWatch watch;
        VhLink link;
        VhLater later;    /* sends */
        Pending *pending; /* oldest first */
        uint32_t serial;
        VhRemoteHooks hooks;
        void *data;
        unsigned dispatching; /* callbacks on the stack */
        bool broken;
        bool freed;
        bool held;
        VhKeepalive *keepalive; /* NULL: a peer that hangs is not noticed */
        uint64_t ping_interval;
        unsigned ping_count;
        uint64_t sync_timeout; /* microseconds */
};

static void enter(VhRemote *remote)
{
        remote->dispatching++;
}

/* Returns false if a callback freed the remote. */
static bool leave(VhRemote *remote)
{
        bool freed = remote->freed;

        if (--remote->dispatching == 0 && freed)
                free(remote);
        return !freed;
}

static void fail_pending(VhRemote *remote, int r, const VhError *err)
{
        Pending *p;

        while ((p = remote->pending)) {
                DL_DELETE(remote->pending, p);
                p->fn(p->data, r, NULL, err);
                free(p);
        }
}

static void broke(VhRemote *remote, int r)
{
        _vh_error_ VhError *err = NULL;

        if (remote->broken)
                return;
        remote->broken = true;
        vh_watch_set(remote->loop, &remote->watch, 0);
        vh_loop_cancel_later(remote->loop, &remote->later);
        remote->keepalive = vh_keepalive_free(remote->keepalive);
        vh_error_sys(&err, VIR_FROM_RPC, r, "the connection to the daemon was lost");
        enter(remote);
        fail_pending(remote, r, err);
        if (!remote->freed && remote->hooks.closed)
                remote->hooks.closed(remote, r, remote->data);
        leave(remote);
}

static void update(VhRemote *remote)
{
        size_t before = vh_link_backlog(&remote->link);
        int r = before ? vh_link_flush(&remote->link) : 0;

        if (r < 0) {
                broke(remote, r);
                return;
        }
        vh_watch_set(remote->loop, &remote->watch, (remote->held ? WATCH_END : EPOLLIN) | (r > 0 ? EPOLLOUT : 0));
        if (before && r == 0 && remote->hooks.sent)
                remote->hooks.sent(remote, remote->data);
}

static void on_later(VhLater *later)
{
        update(VH_CONTAINER_OF(later, VhRemote, later));
}

static void touch(VhRemote *remote)
{
        if (!remote->broken)
                vh_loop_later(remote->loop, &remote->later);
}

static Pending *find_pending(const VhRemote *remote, const VhFrame *frame)
{
        Pending *p;

        if (frame->h.type != VH_FRAME_REPLY && frame->h.type != VH_FRAME_REPLY_WITH_FDS)
                return NULL;
        DL_FOREACH (remote->pending, p)
                if (p->h.serial == frame->h.serial && p->h.prog == frame->h.prog && p->h.proc == frame->h.proc)
                        return p;
        return NULL;
}

static void end_call(VhRemote *remote, Pending *p, const VhFrame *frame)
{
        _vh_error_ VhError *err = NULL;
        int r = 0;

        DL_DELETE(remote->pending, p);
        if (frame->h.status != VH_STATUS_OK) {
                r = vh_wire_error_decode(frame->payload, frame->payload_len, &err);
                if (r < 0)
                        vh_error_set(&err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to decode message payload");
                else
                        r = -EREMOTEIO;
        }
        p->fn(p->data, r, r < 0 ? NULL : frame, err);
        free(p);
}

static void dispatch(VhRemote *remote, const VhFrame *frame)
{
        Pending *p;

        if (vh_keepalive_frame(frame, &remote->link.out)) {
                touch(remote);
                return;
        }
        p = find_pending(remote, frame);
        if (p)
                end_call(remote, p, frame);
        else if (remote->hooks.frame)
                remote->hooks.frame(remote, frame, remote->data);
}

/* Reads once and serves what came. Returns false if the remote is gone or broken. */
static bool read_frames(VhRemote *remote)
{
        int fill = vh_link_fill(&remote->link, NULL), r = 0;
        VhFrame frame;

        if (remote->keepalive)
                vh_keepalive_heard(remote->keepalive);
        enter(remote);
        while (!remote->broken && !remote->freed && (r = vh_link_next(&remote->link, &frame)) > 0)
                dispatch(remote, &frame);
        if (!leave(remote) || remote->broken)
                return false;
        vh_link_settle(&remote->link);
        if (fill < 0 || r < 0) {
                broke(remote, fill < 0 ? fill : r);
                return false;
        }
        return true;
}

static void on_ready(VhWatch *watch, uint32_t revents)
{
        VhRemote *remote = VH_CONTAINER_OF(watch, VhRemote, watch);

        if (revents & EPOLLIN && !read_frames(remote))
                return;
        if (!(revents & EPOLLIN) && revents & (EPOLLHUP | EPOLLERR))
                broke(remote, -ECONNRESET);
        else if (revents & EPOLLOUT)
                update(remote);
}

VhRemote *vh_remote_new(VhLoop *loop, int fd)
{
        VhRemote *remote = vh_new(VhRemote, 1);

        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        remote->loop = loop;
        remote->sync_timeout = VH_SYNC_CALL_USEC;
        remote->later.run = on_later;
        remote->watch.fd = fd;
        remote->watch.ready = on_ready;
        vh_link_init(&remote->link, fd, VH_FRAME_REPLY_WITH_FDS);
        vh_watch_set(loop, &remote->watch, EPOLLIN);
        return remote;
}

int vh_remote_connect(VhRemote **ret, VhLoop *loop, const char *path, VhError **err)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _vh_close_ int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return vh_error_sys(err, VIR_FROM_RPC, ENAMETOOLONG, "Failed to connect socket to '%s'", path);
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_RPC, errno, "Failed to create socket");
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return vh_error_sys(err, VIR_FROM_RPC, errno, "Failed to connect socket to '%s'", path);
        *ret = vh_remote_new(loop, VH_TAKE_FD(fd));
        return 0;
}

VhRemote *vh_remote_free(VhRemote *remote)
{
        if (!remote)
                return NULL;
        remote->hooks = (VhRemoteHooks){};
        remote->freed = true;
        remote->broken = true;
        vh_watch_set(remote->loop, &remote->watch, 0);
        vh_loop_cancel_later(remote->loop, &remote->later);
        remote->keepalive = vh_keepalive_free(remote->keepalive);
        enter(remote);
        fail_pending(remote, -ECANCELED, NULL);
        vh_link_done(&remote->link);
        leave(remote);
        return NULL;
}

void vh_remote_set_sync_timeout(VhRemote *remote, uint64_t usec)
{
        remote->sync_timeout = usec;
}

void vh_remote_set_hooks(VhRemote *remote, const VhRemoteHooks *hooks, void *data)
{
        remote->hooks = *hooks;
        remote->data = data;
}

/* Keepalive. */

static uint64_t keepalive_interval(void *data)
{
        const VhRemote *remote = data;

        return remote->ping_interval;
}

static unsigned keepalive_count(void *data)
{
        const VhRemote *remote = data;

        return remote->ping_count;
}

/* Answers of a peer that is not read are not seen. */
static bool keepalive_wanted(void *data)
{
        VhRemote *remote = data;

        return !remote->held &&
               (remote->pending || !remote->hooks.waiting || remote->hooks.waiting(remote, remote->data));
}

static void keepalive_ping(void *data)
{
        VhRemote *remote = data;

        vh_keepalive_add(&remote->link.out, KEEPALIVE_PROC_PING);
        touch(remote);
}

static void keepalive_dead(void *data)
{
        broke(data, -ETIMEDOUT);
}

static void wake_keepalive(VhRemote *remote)
{
        if (remote->keepalive)
                vh_keepalive_wake(remote->keepalive);
}

void vh_remote_start_keepalive(VhRemote *remote, uint64_t interval, unsigned count)
{
        static const VhKeepaliveOps ops = {
                .interval = keepalive_interval,
                .count = keepalive_count,
                .wanted = keepalive_wanted,
                .ping = keepalive_ping,
                .dead = keepalive_dead,
        };

        remote->ping_interval = interval;
        remote->ping_count = count;
        if (!remote->keepalive && !remote->broken)
                remote->keepalive = vh_keepalive_new(remote->loop, &ops, remote);
}

int vh_remote_call(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, VhRemoteReplyFn fn,
                   void *data, uint32_t *serial)
{
        VhFrameHeader h = {
                .prog = program->number,
                .vers = program->version,
                .proc = proc->number,
                .type = VH_FRAME_CALL,
                .serial = remote->serial,
                .status = VH_STATUS_OK,
        };
        Pending *p;
        int r;

        if (remote->broken)
                return -ECONNRESET;
        r = vh_frame_add(&remote->link.out, &h, 0, proc->args_xdr, args, NULL);
        if (r < 0)
                return r;
        remote->serial++;
        p = vh_new(Pending, 1);
        *p = (Pending){ .h = h, .fn = fn, .data = data };
        DL_APPEND(remote->pending, p);
        if (serial)
                *serial = h.serial;
        wake_keepalive(remote);
        touch(remote);
        return 0;
}

int vh_remote_decode(const VhFrame *frame, const VhXdrType *type, void *ret, VhArena *arena)
{
        return vh_xdr_decode(type, ret, vh_arena_memdup(arena, frame->payload, frame->payload_len), frame->payload_len,
                             arena);
}

/* A call that is waited for. */
typedef struct Wait {
        const VhProc *proc;
        void *ret;
        int *fd; /* NULL: no descriptor is expected */
        VhArena *arena;
        VhError **err;
        bool done;
        int r;
} Wait;

static void wait_done(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Wait *w = data;

        w->done = true;
        w->r = r;
        if (r == 0 && w->fd && frame->n_fds == 1)
                *w->fd = VH_TAKE_FD(frame->fds[0]);
        else if (r == 0 && w->fd)
                w->r = -EBADMSG;
        if (r == 0 && w->ret && w->proc->ret_xdr)
                w->r = vh_remote_decode(frame, w->proc->ret_xdr, w->ret, w->arena);
        if (w->err && err) {
                vh_error_free(*w->err);
                *w->err = vh_error_copy(err);
        }
}

/* The answer may still come; nobody knows it then. */
static void give_up(VhRemote *remote, Wait *w)
{
        Pending *p;

        DL_SEARCH_SCALAR(remote->pending, p, data, w);
        DL_DELETE(remote->pending, p);
        free(p);
        w->r = vh_error_sys(w->err, VIR_FROM_RPC, -ETIMEDOUT, "no answer to the call %s", w->proc->name);
}

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static void wait_for_socket(VhRemote *remote, uint64_t usec)
{
        struct pollfd p = { .fd = remote->link.fd, .events = POLLIN };

        if (vh_link_backlog(&remote->link))
                p.events |= POLLOUT;
        if (poll(&p, 1, (int)(usec / USEC_PER_MSEC) + 1) < 0)
                return;
        if (p.revents & POLLOUT)
                update(remote);
        if (!remote->broken && p.revents & (POLLIN | POLLHUP | POLLERR))
                read_frames(remote);
}

static int call_and_wait(VhRemote *remote, const VhProgram *program, const void *args, Wait *w)
{
        uint64_t start = now_usec(), passed;
        int r;

        r = vh_remote_call(remote, program, w->proc, args, wait_done, w, NULL);
        if (r < 0)
                return vh_error_sys(w->err, VIR_FROM_RPC, r, "cannot send the call %s", w->proc->name);
        enter(remote); /* should a callback free the remote, the wait ends with its pending calls */
        while (!w->done && (passed = now_usec() - start) < remote->sync_timeout)
                wait_for_socket(remote, remote->sync_timeout - passed);
        if (!w->done)
                give_up(remote, w);
        leave(remote);
        return w->r;
}

int vh_remote_call_sync(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, void *ret,
                        VhArena *arena, VhError **err)
{
        Wait w = { .proc = proc, .ret = ret, .arena = arena, .err = err };

        return call_and_wait(remote, program, args, &w);
}

int vh_remote_call_fd(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, void *ret,
                      int *fd, VhArena *arena, VhError **err)
{
        Wait w = { .proc = proc, .ret = ret, .fd = fd, .arena = arena, .err = err };

        *fd = -1;
        return call_and_wait(remote, program, args, &w);
}

void vh_remote_send_frame(VhRemote *remote, const void *bytes, size_t len, const int *fds, unsigned n_fds)
{
        if (remote->broken)
                return;
        vh_buf_add(&remote->link.out, bytes, len);
        for (unsigned i = 0; i < n_fds; i++) {
                int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

                /* Without the descriptor the peer would take the next frame for it: end it, from the loop. */
                if (fd < 0) {
                        shutdown(remote->link.fd, SHUT_RDWR);
                        return;
                }
                vh_link_add_fd(&remote->link, fd);
        }
        wake_keepalive(remote);
        touch(remote);
}

size_t vh_remote_backlog(const VhRemote *remote)
{
        return vh_link_backlog(&remote->link);
}

void vh_remote_set_held(VhRemote *remote, bool held)
{
        if (remote->held != held) {
                remote->held = held;
                wake_keepalive(remote);
                touch(remote);
        }
}
