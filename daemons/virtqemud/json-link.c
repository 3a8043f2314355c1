/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines of JSON on a socket. What is sent within one round of the loop leaves together: each piece that arrives alone
 * wakes QEMU up. */

#include "json-link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/buf.h"

enum { READ_SIZE = 16 * 1024 };

struct QemuJsonLink {
        VhLoop *loop;
        VhSource *source;
        VhLater flush; /* sends what was queued */
        int fd;
        QemuJsonHandlers handlers;
        VhBuf in;
        size_t scanned; /* bytes of in that have no newline */
        VhBuf out;
        size_t sent; /* of out */
        int out_fd;  /* goes with the byte of out at out_fd_at; -1: none */
        size_t out_fd_at;
        bool closed; /* nothing is read or written any more */
        bool busy;   /* inside a handler: memory stays until it returns */
        bool freed;
};

static void drop_source(QemuJsonLink *link)
{
        vh_loop_cancel_later(link->loop, &link->flush);
        link->source = vh_source_free(link->source);
        link->closed = true;
}

static void release(QemuJsonLink *link)
{
        vh_buf_done(&link->in);
        vh_buf_done(&link->out);
        if (link->out_fd >= 0)
                close(link->out_fd);
        close(link->fd);
        free(link);
}

/* Tells of the end; afterwards the link may be gone if it was not busy before. */
static void fail(QemuJsonLink *link, int r, VhError *err)
{
        if (!link->closed) {
                drop_source(link);
                link->handlers.closed(link->handlers.data, r, err);
        }
        vh_error_free(err);
}

enum { EXCERPT_MAX = 100 };

/* A short piece of what came, for messages: those are text, whatever came. */
static const char *excerpt(const char *line, char text[EXCERPT_MAX + 1])
{
        size_t n = strnlen(line, EXCERPT_MAX);

        for (size_t i = 0; i < n; i++)
                text[i] = isascii(line[i]) && isprint(line[i]) ? line[i] : '?';
        text[n] = '\0';
        return text;
}

static void garbage(QemuJsonLink *link, const char *line, const char *why)
{
        char text[EXCERPT_MAX + 1], reason[EXCERPT_MAX + 1];
        VhError *err = NULL;
        int r;

        if (link->handlers.garbage && link->handlers.garbage(link->handlers.data, line))
                return;
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot parse json %s: %s", excerpt(line, text),
                         excerpt(why, reason));
        fail(link, r, err);
}

static void handle_line(QemuJsonLink *link, char *line, size_t n)
{
        json_error_t why;
        json_t *object;

        if (n && line[n - 1] == '\r')
                line[--n] = '\0';
        if (!n)
                return;
        object = qemu_json_parse(line, n, &why);
        if (json_is_object(object))
                link->handlers.object(link->handlers.data, object);
        else
                garbage(link, line, object ? "it is no object" : why.text);
        json_decref(object);
}

/* Takes whole lines off the buffer. */
static void handle_lines(QemuJsonLink *link)
{
        size_t start = 0;
        char *end;

        while (!link->closed &&
               (end = memchr(link->in.data + start + link->scanned, '\n', link->in.len - start - link->scanned))) {
                char *line = link->in.data + start;

                *end = '\0';
                link->scanned = 0;
                start = (size_t)(end + 1 - link->in.data);
                handle_line(link, line, (size_t)(end - line));
        }
        memmove(link->in.data, link->in.data + start, link->in.len - start);
        link->in.len -= start;
        link->scanned = link->in.len;
}

static int take_bytes(QemuJsonLink *link, const void *bytes, size_t n)
{
        VhError *err = NULL;
        int r;

        vh_buf_add(&link->in, bytes, n);
        handle_lines(link);
        if (link->closed || link->in.len <= QEMU_JSON_LINE_MAX)
                return link->closed ? -EPIPE : 0;
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "a line of more than %d bytes came on a monitor",
                         QEMU_JSON_LINE_MAX);
        fail(link, r, err);
        return r;
}

static void hung_up(QemuJsonLink *link, int errnum)
{
        VhError *err = NULL;

        /* A peer that died with something unread. */
        if (errnum == ECONNRESET)
                errnum = 0;
        if (errnum)
                vh_error_sys(&err, VIR_FROM_QEMU, errnum, "Unable to read from monitor");
        else
                vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "End of file from qemu monitor");
        fail(link, errnum ? -errnum : -EPIPE, err);
}

static void receive(QemuJsonLink *link)
{
        char bytes[READ_SIZE];

        while (!link->closed) {
                ssize_t n = recv(link->fd, bytes, sizeof(bytes), 0);

                if (n > 0)
                        take_bytes(link, bytes, (size_t)n);
                else if (n == 0)
                        hung_up(link, 0);
                else if (errno == EAGAIN)
                        return;
                else if (errno != EINTR)
                        hung_up(link, errno);
                if (n > 0 && (size_t)n < sizeof(bytes))
                        return;
        }
}

/* Sends up to where a descriptor has to go along, or from there with it. Returns bytes or negative errno. */
static ssize_t send_piece(QemuJsonLink *link)
{
        char control[CMSG_SPACE(sizeof(int))] = { 0 };
        bool with_fd = link->out_fd >= 0 && link->sent == link->out_fd_at;
        size_t end = link->out_fd >= 0 && !with_fd ? link->out_fd_at : link->out.len;
        struct iovec iov = { link->out.data + link->sent, end - link->sent };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *cmsg;
        ssize_t n;

        if (with_fd) {
                msg.msg_control = control;
                msg.msg_controllen = sizeof(control);
                cmsg = CMSG_FIRSTHDR(&msg);
                cmsg->cmsg_level = SOL_SOCKET;
                cmsg->cmsg_type = SCM_RIGHTS;
                cmsg->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(cmsg), &link->out_fd, sizeof(int));
        }
        n = sendmsg(link->fd, &msg, MSG_NOSIGNAL);
        if (n > 0 && with_fd)
                close(VH_TAKE_FD(link->out_fd));
        return n < 0 ? -errno : n;
}

/* Sends what goes. A failure to send is left to the reader, which sees the hang-up with all that came before it. */
static void transmit(QemuJsonLink *link)
{
        ssize_t n = 0;

        while (!link->closed && link->sent < link->out.len) {
                n = send_piece(link);
                if (n > 0)
                        link->sent += (size_t)n;
                else if (n != -EINTR)
                        break;
        }
        if (link->sent == link->out.len || (n < 0 && n != -EAGAIN)) {
                vh_buf_done(&link->out);
                link->sent = 0;
        }
        if (link->source)
                vh_source_set_events(link->source, EPOLLIN | (link->out.len ? EPOLLOUT : 0));
}

static void flush(VhLater *later)
{
        transmit(VH_CONTAINER_OF(later, QemuJsonLink, flush));
}

QemuJsonLink *qemu_json_link_free(QemuJsonLink *link)
{
        if (!link)
                return NULL;
        transmit(link);
        drop_source(link);
        link->freed = true;
        if (!link->busy)
                release(link);
        return NULL;
}

static void ready(void *data, uint32_t revents)
{
        QemuJsonLink *link = data;

        link->busy = true;
        if (revents & EPOLLOUT)
                transmit(link);
        if (revents & ~(uint32_t)EPOLLOUT)
                receive(link);
        link->busy = false;
        if (link->freed)
                release(link);
}

int qemu_json_link_feed(QemuJsonLink *link, const void *bytes, size_t n)
{
        int r;

        link->busy = true;
        r = take_bytes(link, bytes, n);
        link->busy = false;
        if (link->freed)
                release(link);
        return r;
}

QemuJsonLink *qemu_json_link_new(VhLoop *loop, int fd, const QemuJsonHandlers *handlers)
{
        QemuJsonLink *link = vh_new(QemuJsonLink, 1);

        link->loop = loop;
        link->fd = fd;
        link->out_fd = -1;
        link->flush.run = flush;
        link->handlers = *handlers;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        link->source = vh_loop_add_io(loop, fd, EPOLLIN, ready, link);
        return link;
}

void qemu_json_link_send_raw(QemuJsonLink *link, const void *bytes, size_t n)
{
        if (link->closed)
                return;
        vh_buf_add(&link->out, bytes, n);
        vh_loop_later(link->loop, &link->flush);
}

/* Only one descriptor can wait. */
static void queue_fd(QemuJsonLink *link, int fd)
{
        if (link->out_fd >= 0)
                transmit(link);
        if (link->out_fd >= 0) {
                close(fd); /* the first cannot leave: the second's command fails by itself */
                return;
        }
        link->out_fd = fd;
        link->out_fd_at = link->out.len;
}

void qemu_json_link_send(QemuJsonLink *link, const json_t *object, int fd)
{
        char *text = json_dumps(object, JSON_COMPACT);

        if (!text)
                abort(); /* memory, or an object that we made with text that is no UTF-8: callers check theirs */
        if (fd >= 0)
                queue_fd(link, fd);
        if (!link->closed) {
                vh_buf_adds(&link->out, text);
                vh_buf_addc(&link->out, '\n');
                vh_loop_later(link->loop, &link->flush);
        }
        free(text);
}
