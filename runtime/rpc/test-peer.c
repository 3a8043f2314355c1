/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hand-made peer of the unit tests. */

#include "rpc/test-peer.h"

#include "rpc/wire-error.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

enum { PATIENCE_USEC = 50 * 1000 };

static TestPeer *peer_of(const VhCall *call)
{
        return call->target;
}

static int serve_open(VhCall *call, const admin_connect_open_args *args, VhError **err)
{
        TestPeer *t = peer_of(call);

        for (unsigned i = 0; i < call->n_fds; i++)
                t->n_fds_seen += fcntl(call->fds[i], F_GETFD) >= 0;
        if (t->reply_fd)
                assert_int_equal(vh_call_send_fd(call, open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
        if (t->close_soon)
                vh_client_close_soon(call->client);
        if (t->send_event) {
                remote_connect_event_connection_closed_msg msg = { .reason = 1 };

                vh_client_send_event(call->client, &vh_program_remote,
                                     vh_program_find(&vh_program_remote, REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED),
                                     &msg);
        }
        return 0;
}

static int serve_close(VhCall *call, VhError **err)
{
        TestPeer *t = peer_of(call);

        t->late[t->n_late++] = call;
        return VH_LATER;
}

static int serve_lib_version(VhCall *call, admin_connect_get_lib_version_ret *ret, VhError **err)
{
        ret->libVer = 9000000;
        return 0;
}

static const VhAdminOps ops = {
        .connect_open = serve_open,
        .connect_close = serve_close,
        .connect_get_lib_version = serve_lib_version,
};

static int before_call(VhCall *call, const void **ret, VhError **err)
{
        *ret = &ops;
        return 0;
}

int peer_setup(void **state)
{
        static const VhServerLimits limits = {
                .max_clients = 10,
                .max_anonymous_clients = 2,
                .max_client_requests = 5,
                .max_workers = 2,
                .keepalive_interval = 1,
                .keepalive_count = 2,
        };
        TestPeer *t = vh_new(TestPeer, 1);

        signal(SIGPIPE, SIG_IGN);
        t->fd = -1;
        if (vh_loop_new(&t->loop) < 0)
                return -1;
        t->server = vh_server_new(t->loop, "test", &limits, NULL, NULL);
        vh_server_add_service(t->server,
                              &(VhService){ .program = &vh_program_admin, .before_call = before_call, .data = t });
        peer_connect(t);
        *state = t;
        return 0;
}

int peer_teardown(void **state)
{
        TestPeer *t = *state;

        for (unsigned i = 0; i < t->n_late; i++)
                peer_finish(t, i);
        vh_server_free(t->server);
        vh_loop_free(t->loop);
        if (t->fd >= 0)
                close(t->fd);
        vh_buf_done(&t->in);
        vh_buf_done(&t->last);
        free(t);
        return 0;
}

void peer_connect(TestPeer *t)
{
        int pair[2];

        if (t->fd >= 0)
                peer_disconnect(t);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        t->fd = pair[0];
        t->listen.fd = pair[1];
        assert_int_equal(vh_server_add_connection(t->server, &t->listen, NULL), 0);
        t->eof = false;
        t->in.len = 0;
}

void peer_disconnect(TestPeer *t)
{
        close(VH_TAKE_FD(t->fd));
        peer_run(t);
}

void peer_run(TestPeer *t)
{
        while (vh_loop_step(t->loop, 0) > 0)
                ;
}

void peer_settle(TestPeer *t)
{
        while (vh_loop_step(t->loop, PATIENCE_USEC / 10) > 0)
                ;
}

void peer_finish(TestPeer *t, unsigned i)
{
        VhCall *call = VH_TAKE_PTR(t->late[i]);

        if (call)
                vh_call_finish(call, 0, NULL);
}

void peer_send(TestPeer *t, const void *bytes, size_t len)
{
        ssize_t n = send(t->fd, bytes, len, MSG_NOSIGNAL);

        assert_true(n == (ssize_t)len || (n < 0 && errno == EPIPE));
}

void peer_put_header(uint8_t *bytes, uint32_t len, const VhFrameHeader *h)
{
        const uint32_t words[] = { len, h->prog, h->vers, (uint32_t)h->proc, h->type, h->serial, h->status };

        for (size_t i = 0; i < VH_ARRAY_SIZE(words); i++)
                vh_put_be32(bytes + 4 * i, words[i]);
}

void peer_frame(TestPeer *t, const VhFrameHeader *h, const void *payload, size_t len)
{
        uint8_t head[VH_FRAME_MIN];

        peer_put_header(head, (uint32_t)(sizeof(head) + len), h);
        peer_send(t, head, sizeof(head));
        if (len)
                peer_send(t, payload, len);
}

void peer_call(TestPeer *t, int32_t proc, uint32_t serial, const void *payload, size_t len)
{
        peer_frame(t, &(VhFrameHeader){ .prog = vh_program_admin.number, .vers = 1, .proc = proc, .serial = serial },
                   payload, len);
}

void peer_remote(TestPeer *t, int32_t proc, uint32_t serial, const void *args)
{
        const VhFrameHeader h = { .prog = vh_program_remote.number, .vers = 1, .proc = proc, .serial = serial };
        _vh_buf_ VhBuf b = {};

        assert_int_equal(vh_frame_add(&b, &h, 0, vh_program_find(&vh_program_remote, proc)->args_xdr, args, NULL), 0);
        peer_send(t, b.data, b.len);
}

bool peer_try_call(TestPeer *t, int32_t proc, uint32_t serial)
{
        uint8_t head[VH_FRAME_MIN];

        peer_put_header(head, sizeof(head),
                        &(VhFrameHeader){ .prog = vh_program_admin.number, .vers = 1, .proc = proc, .serial = serial });
        return send(t->fd, head, sizeof(head), MSG_NOSIGNAL) == (ssize_t)sizeof(head);
}

static void send_with_fd(TestPeer *t, const void *bytes, size_t len, int fd)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        assert_int_equal(sendmsg(t->fd, &msg, MSG_NOSIGNAL), len);
}

void peer_send_fd(TestPeer *t, int fd)
{
        send_with_fd(t, "", 1, fd);
}

void peer_with_fd_inside(TestPeer *t, int32_t proc, uint32_t serial)
{
        uint8_t head[VH_FRAME_MIN];

        peer_put_header(head, sizeof(head),
                        &(VhFrameHeader){ .prog = vh_program_admin.number, .vers = 1, .proc = proc, .serial = serial });
        send_with_fd(t, head, 10, STDIN_FILENO);
        peer_send(t, head + 10, sizeof(head) - 10);
}

bool peer_recv_fd(TestPeer *t)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        char byte = 1;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        int fd;

        if (recvmsg(t->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 || byte != 0 || !CMSG_FIRSTHDR(&msg))
                return false;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
        close(fd);
        return true;
}

/* Exactly what is missing of a frame is read: a descriptor behind it must not be lost. */
static bool receive(TestPeer *t, size_t want)
{
        while (t->in.len < want) {
                ssize_t n = recv(t->fd, vh_buf_reserve(&t->in, want), want - t->in.len, MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        t->eof = true;
                if (n <= 0)
                        return false;
                t->in.len += (size_t)n;
        }
        return true;
}

/* A server that shares its time may pause for a moment. */
static bool wait_for(TestPeer *t, size_t want)
{
        peer_run(t);
        while (!receive(t, want))
                if (t->eof || vh_loop_step(t->loop, PATIENCE_USEC) <= 0)
                        return false;
        return true;
}

bool peer_next(TestPeer *t)
{
        uint32_t len;

        if (!wait_for(t, VH_FRAME_LEN_SIZE))
                return false;
        len = vh_get_be32(t->in.data);
        assert_true(vh_frame_len_ok(len));
        if (!wait_for(t, len))
                return false;
        vh_buf_done(&t->last);
        t->last = t->in;
        t->in = (VhBuf){};
        vh_frame_get_header((uint8_t *)t->last.data, &t->h);
        t->payload = (uint8_t *)t->last.data + VH_FRAME_MIN;
        t->payload_len = len - VH_FRAME_MIN;
        return true;
}

void peer_expect_error(TestPeer *t, uint32_t serial, int code, int domain, const char *text)
{
        _vh_error_ VhError *err = NULL;

        assert_true(peer_next(t));
        assert_int_equal(t->h.type, VH_FRAME_REPLY);
        assert_int_equal(t->h.status, VH_STATUS_ERROR);
        assert_int_equal(t->h.serial, serial);
        assert_int_equal(vh_wire_error_decode(t->payload, t->payload_len, &err), 0);
        assert_int_equal(err->code, code);
        assert_int_equal(err->domain, domain);
        assert_string_equal(err->message, text);
}
