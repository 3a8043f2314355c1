/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ready-made sources and sinks of streams: descriptors and memory. */

#include "rpc/stream.h"

#include "rpc/server-private.h"
#include <errno.h>

typedef struct FdEnd {
        VhStream *stream;
        VhLoop *loop;
        VhSource *source; /* made when it first has to wait: plain files cannot be waited for and never block so */
        uint32_t waiting; /* EPOLLIN, EPOLLOUT */
        int fd;
} FdEnd;

static void fd_ready(void *data, uint32_t revents)
{
        FdEnd *end = data;

        end->waiting = 0;
        vh_source_set_events(end->source, 0);
        vh_stream_wake(end->stream);
}

static ssize_t fd_wait(FdEnd *end, uint32_t event)
{
        end->waiting |= event;
        if (end->source)
                vh_source_set_events(end->source, end->waiting);
        else
                end->source = vh_loop_add_io(end->loop, end->fd, end->waiting, fd_ready, end);
        return -EAGAIN;
}

static ssize_t fd_read(void *data, void *buf, size_t size, VhError **err)
{
        FdEnd *end = data;
        ssize_t n = read(end->fd, buf, size);

        if (n >= 0)
                return n;
        if (errno == EAGAIN || errno == EINTR)
                return fd_wait(end, EPOLLIN);
        if (errno == EIO)
                return 0; /* a terminal whose other side was closed */
        return vh_error_sys(err, VIR_FROM_STREAMS, errno, "cannot read from stream");
}

static ssize_t fd_write(void *data, const void *buf, size_t size, VhError **err)
{
        FdEnd *end = data;
        ssize_t n = write(end->fd, buf, size);

        if (n >= 0)
                return n;
        if (errno == EAGAIN || errno == EINTR)
                return fd_wait(end, EPOLLOUT);
        return vh_error_sys(err, VIR_FROM_STREAMS, errno, "cannot write to stream");
}

static int fd_finish(void *data, VhError **err)
{
        FdEnd *end = data;
        int fd = VH_TAKE_FD(end->fd);

        end->source = vh_source_free(end->source);
        return close(fd) < 0 ? vh_error_sys(err, VIR_FROM_STREAMS, errno, "cannot finish stream") : 0;
}

static void fd_free(void *data)
{
        FdEnd *end = data;

        vh_source_free(end->source);
        if (end->fd >= 0)
                close(end->fd);
        free(end);
}

static const VhStreamOps fd_ops[] = {
        [VH_STREAM_FD_READ] = { .read = fd_read, .finish = fd_finish, .free = fd_free },
        [VH_STREAM_FD_WRITE] = { .write = fd_write, .finish = fd_finish, .free = fd_free },
        [VH_STREAM_FD_READ |
                VH_STREAM_FD_WRITE] = { .read = fd_read, .write = fd_write, .finish = fd_finish, .free = fd_free },
};

void vh_stream_serve_fd(VhStream *stream, int fd, unsigned flags)
{
        FdEnd *end;

        if (!stream) {
                close(fd);
                return;
        }
        end = vh_new(FdEnd, 1);
        end->stream = stream;
        end->loop = vh_stream_loop(stream);
        end->fd = fd;
        vh_stream_serve(stream, &fd_ops[flags], end);
}

typedef struct Memory {
        char *bytes;
        size_t pos, len;
} Memory;

static ssize_t memory_read(void *data, void *buf, size_t size, VhError **err)
{
        Memory *m = data;
        size_t n = VH_MIN(size, m->len - m->pos);

        memcpy(buf, m->bytes + m->pos, n);
        m->pos += n;
        return (ssize_t)n;
}

static void memory_free(void *data)
{
        Memory *m = data;

        free(m->bytes);
        free(m);
}

static const VhStreamOps memory_ops = { .read = memory_read, .free = memory_free };

void vh_stream_serve_memory(VhStream *stream, void *memory, size_t len)
{
        Memory *m = vh_new(Memory, 1);

        *m = (Memory){ .bytes = memory, .len = len };
        vh_stream_serve(stream, &memory_ops, m);
}
