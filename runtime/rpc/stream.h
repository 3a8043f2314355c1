/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Server side of a stream. The server makes it before the handler runs (call->stream); the handler says with one of the
 * vh_stream_serve_*() where data come from or go to, then returns 0. A stream that no handler served is dropped with
 * the call. At most one unsent packet per stream is queued, so that a slow client holds back the source. The stream of
 * a late call is NULL once its client has gone: the vh_stream_serve functions then only free what they are given. */

#include "rpc/call.h"

/* A source or sink of a driver. Members that do not apply are NULL. */
typedef struct VhStreamOps {
        /* The client can take more. Returns bytes put into buf, 0 at the end of data, -EAGAIN if there is nothing now
         * (vh_stream_wake() later), other negative errno with *err. */
        ssize_t (*read)(void *data, void *buf, size_t size, VhError **err);
        /* Only on sparse streams, before read(): returns the length of a hole that is next, 0 if data are next. */
        int64_t (*read_hole)(void *data, VhError **err);
        /* Data from the client. Returns bytes taken, -EAGAIN if none now (vh_stream_wake() later), else negative errno.
         */
        ssize_t (*write)(void *data, const void *buf, size_t size, VhError **err);
        /* A hole from the client, only on sparse streams. */
        int (*write_hole)(void *data, int64_t length, VhError **err);
        /* The client has finished properly; an error becomes its answer. -EAGAIN: not all is where it belongs yet
         * (vh_stream_wake() later, which asks again). */
        int (*finish)(void *data, VhError **err);
        /* The stream is over: finished, aborted, or the client is gone. */
        void (*free)(void *data);
} VhStreamOps;

void vh_stream_serve(VhStream *stream, const VhStreamOps *ops, void *data);
/* Non-blocking fd (pipe, pty, socket) in the directions of flags; taken over. */
enum { VH_STREAM_FD_READ = 1, VH_STREAM_FD_WRITE = 2 };
void vh_stream_serve_fd(VhStream *stream, int fd, unsigned flags);
/* Memory from malloc(), sent to the client; taken over. */
void vh_stream_serve_memory(VhStream *stream, void *memory, size_t len);
/* True if the opening call asked for holes. */
bool vh_stream_is_sparse(const VhStream *stream);
/* The source has data again, or the sink room. */
void vh_stream_wake(VhStream *stream);
/* Ends the stream with an error to the client (a guest stopped, a job failed). err is the caller's. Not from inside one
 * of the stream's own functions, which have *err for that. */
void vh_stream_fail(VhStream *stream, const VhError *err);
