/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One end of a connection as a sequence of frames: reading, sending, descriptors. Used by the server's side and by
 * ours.
 *
 * Reading: vh_link_fill() takes what is there, once; vh_link_next() hands out the complete frames; vh_link_settle()
 * keeps the rest. While a peer is idle no input memory is held. Sending: append to out, then vh_link_flush() once. */

#include "event/loop.h"
#include "rpc/frame.h"

typedef struct VhLinkFd {
        uint64_t pos; /* in the byte stream, of the zero byte that carries it */
        int fd;
} VhLinkFd;

typedef struct VhLink {
        int fd;
        VhFrameType fd_type; /* frames of this type bring descriptors here */
        bool eof;
        bool trace; /* print frames, see rpc/print.h */

        uint8_t *data; /* unread input: scratch of the caller, or own */
        size_t pos, len;
        uint8_t *own;
        size_t own_cap;
        uint64_t consumed; /* stream position of data[pos] */
        VhLinkFd *in_fds;  /* oldest first */
        unsigned n_in_fds;
        int frame_fds[VH_FRAME_FDS_MAX]; /* of the frame handed out last */
        unsigned n_frame_fds;

        VhBuf out;
        size_t out_sent;
        size_t out_traced; /* frames of out before this were printed */
        VhLinkFd *out_fds; /* pos counts in out */
        unsigned n_out_fds, out_fds_sent;
} VhLink;

/* fd: connected, non-blocking; taken over. */
void vh_link_init(VhLink *link, int fd, VhFrameType fd_type);
void vh_link_done(VhLink *link);

/* Reads what is there, up to VH_READ_SIZE. scratch has VH_READ_SIZE bytes and must stay untouched until
 * vh_link_settle(); NULL: own memory is used. Returns 1 if there is something new, 0 if not, -ECONNRESET and the like
 * when the peer is gone. */
int vh_link_fill(VhLink *link, uint8_t *scratch);
/* The next complete frame, valid until the next call of a vh_link function. Returns 1, 0 if there is none, -EBADMSG if
 * the peer breaks the rules of framing (only hanging up helps). Descriptors left in the frame are closed with the next
 * call. */
int vh_link_next(VhLink *link, VhFrame *frame);
/* True if vh_link_next() would hand out a frame (or fail). */
bool vh_link_has_frame(const VhLink *link);
/* Moves what is left to own memory, frees that if nothing is. */
void vh_link_settle(VhLink *link);

/* Adds a descriptor to what is sent, behind the frame that ends out now; taken over. */
void vh_link_add_fd(VhLink *link, int fd);
/* Sends as much as the peer takes. Returns 0, 1 if something is left, negative errno if the peer is gone. */
int vh_link_flush(VhLink *link);
static inline size_t vh_link_backlog(const VhLink *link)
{
        return link->out.len - link->out_sent;
}
