/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages: building, sending, reading. */

#include "net/netlink.h"

#include <errno.h>
#include <sys/socket.h>

enum {
        /* A dump comes in pieces of this size at most (the kernel's own limit). */
        PIECE = 32 * 1024,
        ALIGN = NLA_ALIGNTO,
};

static void pad(VhBuf *b)
{
        static const char zero[ALIGN];

        if (b->len % ALIGN)
                vh_buf_add(b, zero, ALIGN - b->len % ALIGN);
}

void vh_nl_begin(VhNlMsg *m, int type, int flags, const void *header, size_t len)
{
        struct nlmsghdr h = { .nlmsg_type = (uint16_t)type, .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST) };

        vh_buf_add(&m->buf, &h, sizeof(h));
        vh_buf_add(&m->buf, header, len);
        pad(&m->buf);
}

void vh_nl_put(VhNlMsg *m, int type, const void *data, size_t len)
{
        struct rtattr a = { .rta_type = (uint16_t)type, .rta_len = (uint16_t)(sizeof(a) + len) };

        vh_buf_add(&m->buf, &a, sizeof(a));
        vh_buf_add(&m->buf, data, len);
        pad(&m->buf);
}

void vh_nl_put_u8(VhNlMsg *m, int type, uint8_t value)
{
        vh_nl_put(m, type, &value, sizeof(value));
}

void vh_nl_put_u32(VhNlMsg *m, int type, uint32_t value)
{
        vh_nl_put(m, type, &value, sizeof(value));
}

void vh_nl_put_str(VhNlMsg *m, int type, const char *value)
{
        vh_nl_put(m, type, value, strlen(value) + 1);
}

size_t vh_nl_nest(VhNlMsg *m, int type)
{
        size_t at = m->buf.len;

        vh_nl_put(m, type, NULL, 0);
        return at;
}

void vh_nl_end(VhNlMsg *m, size_t nest)
{
        uint16_t len = (uint16_t)(m->buf.len - nest);

        memcpy(m->buf.data + nest + offsetof(struct rtattr, rta_len), &len, sizeof(len));
}

static int open_socket(void)
{
        struct timeval patience = { .tv_sec = 5 };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return fd;
}

/* One piece of an answer: 1 the end, 0 more comes, negative errno. */
static int read_piece(const char *piece, size_t len, VhNlFn fn, void *data)
{
        const struct nlmsghdr *h = (const void *)piece;

        for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
                int r = 0;

                if (h->nlmsg_type == NLMSG_DONE)
                        return 1;
                if (h->nlmsg_type == NLMSG_ERROR) {
                        r = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
                        return r < 0 ? r : 1;
                }
                if (fn)
                        r = fn(data, h);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int receive(int fd, VhNlFn fn, void *data)
{
        _vh_free_ char *piece = vh_xcalloc(1, PIECE);
        int r = 0;

        while (r == 0) {
                ssize_t n = recv(fd, piece, PIECE, 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                r = read_piece(piece, (size_t)n, fn, data);
        }
        return VH_MIN(r, 0);
}

static int transact(VhNlMsg *m, int flags, VhNlFn fn, void *data)
{
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        struct nlmsghdr *h = (void *)m->buf.data;
        _vh_close_ int fd = open_socket();
        int r = VH_MIN(fd, 0);

        h->nlmsg_len = (uint32_t)m->buf.len;
        h->nlmsg_flags |= (uint16_t)flags;
        if (r == 0 && sendto(fd, m->buf.data, m->buf.len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                r = -errno;
        vh_buf_done(&m->buf);
        return r < 0 ? r : receive(fd, fn, data);
}

int vh_nl_request(VhNlMsg *m)
{
        return transact(m, NLM_F_ACK, NULL, NULL);
}

int vh_nl_ask(VhNlMsg *m, VhNlFn fn, void *data)
{
        const struct nlmsghdr *h = (const void *)m->buf.data;

        return transact(m, (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? 0 : NLM_F_ACK, fn, data);
}

static const struct rtattr *find(const struct rtattr *a, size_t len, int type)
{
        for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
                if ((a->rta_type & NLA_TYPE_MASK) == type)
                        return a;
        return NULL;
}

const struct rtattr *vh_nl_find(const struct nlmsghdr *h, size_t hdr_len, int type)
{
        size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(hdr_len));

        if (h->nlmsg_len < skip)
                return NULL;
        return find((const void *)((const char *)h + skip), h->nlmsg_len - skip, type);
}

const struct rtattr *vh_nl_find_in(const struct rtattr *nest, int type)
{
        return find(RTA_DATA(nest), RTA_PAYLOAD(nest), type);
}
