/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames over a socket.
 *
 * A descriptor travels as one zero byte of its own behind the frame. recvmsg() never reads past a byte that brought
 * descriptors, so the last byte of such a read is the one that they belong to; its position in the stream tells later
 * whether the peer sent it where a frame promised it. */

#include "rpc/link.h"
#include "rpc/print.h"

#include <errno.h>
#include <sys/socket.h>

enum {
        OUT_KEEP = 8 * 1024,                  /* output memory that a connection keeps when all is sent */
        READS_FOR_FDS = VH_FRAME_FDS_MAX + 2, /* each read ends behind one descriptor */
        FDS_PER_READ = 4,                     /* a peer that packs more loses the rest, and with it its call */
        FDS_WAITING_MAX = 2 * VH_FRAME_FDS_MAX,
};

static void close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
}

void vh_link_init(VhLink *link, int fd, VhFrameType fd_type)
{
        *link = (VhLink){ .fd = fd, .fd_type = fd_type, .trace = vh_print_wanted() };
}

static void drop_frame_fds(VhLink *link)
{
        for (unsigned i = 0; i < link->n_frame_fds; i++)
                close_fd(link->frame_fds[i]);
        link->n_frame_fds = 0;
}

static void free_out(VhLink *link)
{
        for (unsigned i = link->out_fds_sent; i < link->n_out_fds; i++)
                close(link->out_fds[i].fd);
        free(link->out_fds);
        link->out_fds = NULL;
        link->n_out_fds = link->out_fds_sent = 0;
        vh_buf_done(&link->out);
        link->out_sent = link->out_traced = 0;
}

/* Reads away what the peer still sent: closed with unread bytes, a UNIX socket gives the peer a reset ahead of our last
 * reply. Bounded, because a peer may send faster than we throw away. */
static void drain(int fd)
{
        enum { ROUNDS = 16 };
        char away[4096];

        for (unsigned i = 0; i < ROUNDS; i++)
                if (recv(fd, away, sizeof(away), MSG_DONTWAIT) <= 0)
                        return;
}

void vh_link_done(VhLink *link)
{
        drop_frame_fds(link);
        for (unsigned i = 0; i < link->n_in_fds; i++)
                close_fd(link->in_fds[i].fd);
        free(link->in_fds);
        free(link->own);
        free_out(link);
        if (link->fd >= 0) {
                drain(link->fd);
                close(link->fd);
        }
        vh_link_init(link, -1, link->fd_type);
}

/* Room for the next read behind what is there; data may move to own memory. */
static size_t make_room(VhLink *link, uint8_t *scratch)
{
        size_t left = link->len - link->pos;
        size_t need;

        if (!left && scratch) {
                link->data = scratch;
                link->pos = link->len = 0;
                return VH_READ_SIZE;
        }
        if (link->data && link->data != link->own)
                return VH_READ_SIZE - link->len; /* another read of the same wake-up */
        need = left + VH_READ_SIZE;
        if (link->pos) {
                memmove(link->own, link->own + link->pos, left);
                link->pos = 0;
                link->len = left;
        }
        if (need > link->own_cap) {
                /* Grows with what has arrived, not with what a length word claims. */
                link->own_cap = VH_MAX(need, link->own_cap * 2);
                link->own = vh_xrealloc(link->own, link->own_cap, 1);
        }
        link->data = link->own;
        return VH_READ_SIZE;
}

static int keep_fd(VhLink *link, uint64_t pos, int fd)
{
        if (link->n_in_fds == FDS_WAITING_MAX) {
                close_fd(fd);
                return -EBADMSG;
        }
        link->in_fds = vh_xrealloc(link->in_fds, link->n_in_fds + 1, sizeof(*link->in_fds));
        link->in_fds[link->n_in_fds++] = (VhLinkFd){ .pos = pos, .fd = fd };
        return 0;
}

/* Descriptors of one read. They belong to its last byte, and that may bring one: if there are more, none is kept. */
static int keep_fds(VhLink *link, struct msghdr *msg)
{
        uint64_t pos = link->consumed + (link->len - link->pos) - 1;
        int first = -1;
        size_t n_all = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                const int *fds = (const int *)CMSG_DATA(c);
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        if (n_all++ == 0)
                                first = fds[i];
                        else
                                close(fds[i]);
                }
        }
        if (n_all > 1) {
                close(first);
                first = -1;
        }
        return n_all ? keep_fd(link, pos, first) : 0;
}

/* One recvmsg(). Returns 1: got data, 2: and descriptors, 0: nothing there, negative: peer gone. */
static int read_once(VhLink *link, uint8_t *scratch)
{
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_PER_READ * sizeof(int))];
        size_t room = make_room(link, scratch);
        struct iovec iov = { .iov_base = link->data + link->len, .iov_len = room };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        ssize_t n;
        int r;

        if (!room)
                return 0;
        n = recvmsg(link->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0) {
                link->eof = true;
                return -ECONNRESET;
        }
        link->len += (size_t)n;
        if (msg.msg_controllen == 0)
                return 1;
        r = keep_fds(link, &msg);
        return r < 0 ? r : 2;
}

int vh_link_fill(VhLink *link, uint8_t *scratch)
{
        int r = 2, got = 0;

        for (int i = 0; r == 2 && i < READS_FOR_FDS; i++) {
                r = read_once(link, scratch);
                if (r > 0)
                        got = 1;
        }
        return r < 0 && !got ? r : r < 0 && !link->eof ? r : got;
}

static void forget_fds(VhLink *link, unsigned n)
{
        link->n_in_fds -= n;
        if (n && link->n_in_fds)
                memmove(link->in_fds, link->in_fds + n, link->n_in_fds * sizeof(*link->in_fds));
}

/* Closes descriptors that came before stream position pos: no frame asked for them. */
static void drop_unasked_fds(VhLink *link, uint64_t pos)
{
        unsigned n = 0;

        while (n < link->n_in_fds && link->in_fds[n].pos < pos)
                close_fd(link->in_fds[n++].fd);
        forget_fds(link, n);
}

static void consume(VhLink *link, size_t n)
{
        link->pos += n;
        link->consumed += n;
        if (link->n_in_fds)
                drop_unasked_fds(link, link->consumed);
}

/* Moves the descriptors whose bytes are the next n of the stream to the frame. */
static int take_fds(VhLink *link, VhFrame *frame, uint32_t frame_len)
{
        uint64_t pos = link->consumed + frame_len;

        drop_unasked_fds(link, pos);
        if (link->n_in_fds < frame->n_fds)
                return -EBADMSG;
        for (unsigned i = 0; i < frame->n_fds; i++) {
                if (link->in_fds[i].pos != pos + i || link->in_fds[i].fd < 0)
                        return -EBADMSG;
        }
        for (unsigned i = 0; i < frame->n_fds; i++)
                link->frame_fds[i] = link->in_fds[i].fd;
        link->n_frame_fds = frame->n_fds;
        forget_fds(link, frame->n_fds);
        frame->fds = link->frame_fds;
        return 0;
}

/* Length of the frame that data begins with: 0 if it is not complete, -EBADMSG. */
static int64_t frame_len(const VhLink *link)
{
        size_t left = link->len - link->pos;
        uint32_t len;

        if (left < VH_FRAME_LEN_SIZE)
                return 0;
        len = vh_get_be32(link->data + link->pos);
        if (!vh_frame_len_ok(len))
                return -EBADMSG;
        return len <= left ? len : 0;
}

int vh_link_next(VhLink *link, VhFrame *frame)
{
        int64_t len;
        int r;

        drop_frame_fds(link);
        len = frame_len(link);
        if (len <= 0)
                return (int)len;
        r = vh_frame_parse(frame, link->data + link->pos, (uint32_t)len, link->fd_type);
        if (r < 0)
                return r;
        if (frame->n_fds) {
                if (link->len - link->pos < (size_t)len + frame->n_fds)
                        return 0;
                r = take_fds(link, frame, frame->len);
                if (r < 0)
                        return r;
        }
        consume(link, (size_t)len + frame->n_fds);
        if (link->trace)
                vh_print_traced(link->fd, '<', frame->bytes, frame->len);
        return 1;
}

bool vh_link_has_frame(const VhLink *link)
{
        int64_t len = frame_len(link);
        VhFrame frame;

        if (len <= 0)
                return len < 0;
        if (vh_frame_parse(&frame, link->data + link->pos, (uint32_t)len, link->fd_type) < 0)
                return true;
        return link->len - link->pos >= (size_t)len + frame.n_fds;
}

void vh_link_settle(VhLink *link)
{
        size_t left = link->len - link->pos;

        drop_frame_fds(link);
        if (!left) {
                free(link->own);
                link->own = link->data = NULL;
                link->own_cap = link->pos = link->len = 0;
        } else if (link->data != link->own) {
                free(link->own);
                link->own_cap = left;
                link->own = vh_xrealloc(NULL, left, 1);
                memcpy(link->own, link->data + link->pos, left);
                link->data = link->own;
                link->pos = 0;
                link->len = left;
        }
}

void vh_link_add_fd(VhLink *link, int fd)
{
        link->out_fds = vh_xrealloc(link->out_fds, link->n_out_fds + 1, sizeof(*link->out_fds));
        link->out_fds[link->n_out_fds++] = (VhLinkFd){ .pos = link->out.len, .fd = fd };
        vh_buf_addc(&link->out, 0);
}

/* One send: plain bytes up to the next descriptor, or the byte that carries it. */
static ssize_t send_once(VhLink *link)
{
        VhLinkFd *next = link->out_fds_sent < link->n_out_fds ? &link->out_fds[link->out_fds_sent] : NULL;
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { .iov_base = link->out.data + link->out_sent };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        ssize_t n;

        if (!next || next->pos > link->out_sent) {
                size_t end = next ? next->pos : link->out.len;

                return send(link->fd, link->out.data + link->out_sent, end - link->out_sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        iov.iov_len = 1;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &next->fd, sizeof(int));
        n = sendmsg(link->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == 1) {
                close(next->fd);
                link->out_fds_sent++;
        }
        return n;
}

static void all_sent(VhLink *link)
{
        link->out.len = link->out_sent = link->out_traced = 0;
        if (link->n_out_fds || link->out.cap > OUT_KEEP)
                free_out(link);
}

/* A peer that never takes everything must not make the buffer grow for ever. */
static void drop_sent(VhLink *link)
{
        if (link->out_sent < link->out.len / 2)
                return;
        link->out.len -= link->out_sent;
        link->out_traced -= VH_MIN(link->out_traced, link->out_sent);
        memmove(link->out.data, link->out.data + link->out_sent, link->out.len);
        for (unsigned i = link->out_fds_sent; i < link->n_out_fds; i++)
                link->out_fds[i].pos -= link->out_sent;
        link->out_sent = 0;
}

/* Whole frames are added to out, each followed by the bytes of its descriptors. */
static void trace_out(VhLink *link)
{
        while (link->out_traced < link->out.len) {
                uint8_t *bytes = (uint8_t *)link->out.data + link->out_traced;
                uint32_t len = vh_get_be32(bytes);

                vh_print_traced(link->fd, '>', bytes, len);
                link->out_traced += len;
                for (unsigned i = link->out_fds_sent; i < link->n_out_fds; i++)
                        link->out_traced += link->out_fds[i].pos == link->out_traced;
        }
}

int vh_link_flush(VhLink *link)
{
        if (link->trace)
                trace_out(link);
        while (link->out_sent < link->out.len) {
                ssize_t n = send_once(link);

                if (n < 0 && errno == EAGAIN) {
                        drop_sent(link);
                        return 1;
                }
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        link->out_sent += (size_t)n;
        }
        all_sent(link);
        return 0;
}
