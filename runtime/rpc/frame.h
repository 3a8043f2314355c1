/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The frame: length word, header of six words, payload. Values are those of protocol/message.yaml. */

#include "base/buf.h"
#include "rpc/codec.h"
#include "rpc/limits.h"

typedef enum VhFrameType {
        VH_FRAME_CALL = 0,
        VH_FRAME_REPLY = 1,
        VH_FRAME_MESSAGE = 2,
        VH_FRAME_STREAM = 3,
        VH_FRAME_CALL_WITH_FDS = 4,
        VH_FRAME_REPLY_WITH_FDS = 5,
        VH_FRAME_STREAM_HOLE = 6,
} VhFrameType;

typedef enum VhFrameStatus {
        VH_STATUS_OK = 0,
        VH_STATUS_ERROR = 1,
        VH_STATUS_CONTINUE = 2,
} VhFrameStatus;

typedef struct VhFrameHeader {
        uint32_t prog;
        uint32_t vers;
        int32_t proc;
        uint32_t type;
        uint32_t serial;
        uint32_t status;
} VhFrameHeader;

/* A frame in memory, complete. */
typedef struct VhFrame {
        VhFrameHeader h;
        const uint8_t *bytes; /* all of it, from the length word on */
        uint32_t len;         /* of bytes */
        uint8_t *payload;     /* behind the header and the fd count, if there is one */
        uint32_t payload_len;
        int *fds; /* what came with it; who takes one puts -1 there */
        unsigned n_fds;
} VhFrame;

static inline uint32_t vh_get_be32(const void *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return __builtin_bswap32(v);
}

static inline void vh_put_be32(void *p, uint32_t v)
{
        v = __builtin_bswap32(v);
        memcpy(p, &v, sizeof(v));
}

/* True if a length word is one that a frame can have: the header fits and VH_FRAME_MAX plus the word is not exceeded.
 */
bool vh_frame_len_ok(uint32_t len);
/* Reads the header behind the length word; at least VH_FRAME_MIN bytes. */
void vh_frame_get_header(const uint8_t *bytes, VhFrameHeader *h);
/* Fills frame from len complete bytes (len is what the length word says and is ok). Frames of fd_type, the one type
 * that brings descriptors in this direction, have n_fds set from the count word. Returns 0, or -EBADMSG for a count
 * that does not fit or exceeds VH_FRAME_FDS_MAX. */
int vh_frame_parse(VhFrame *frame, uint8_t *bytes, uint32_t len, VhFrameType fd_type);

/* Starts a frame at the end of b: room for the length word, the header, and the fd count if type has one (n_fds).
 * Returns the offset to give to vh_frame_end() once the payload was added. */
size_t vh_frame_begin(VhBuf *b, const VhFrameHeader *h, unsigned n_fds);
/* Writes the length word. Returns 0, or -EMSGSIZE if the frame is larger than VH_FRAME_MAX allows (b is cut back to
 * start). */
int vh_frame_end(VhBuf *b, size_t start);
/* Adds a value as XDR; type NULL: nothing. Returns 0, -EMSGSIZE if it cannot fit into a frame, or what vh_xdr_encode()
 * says. */
int vh_frame_add_value(VhBuf *b, const VhXdrType *type, const void *value, VhError **err);
/* Adds a whole frame with one value as payload. On failure b is as before. */
int vh_frame_add(VhBuf *b, const VhFrameHeader *h, unsigned n_fds, const VhXdrType *type, const void *value,
                 VhError **err);
