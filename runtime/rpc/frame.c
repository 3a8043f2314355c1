/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Header and length rules of frames, and payloads put into a buffer. */

#include "rpc/frame.h"

#include <errno.h>

enum { FD_COUNT_SIZE = 4 };

bool vh_frame_len_ok(uint32_t len)
{
        return len >= VH_FRAME_MIN && len <= VH_FRAME_MAX + VH_FRAME_LEN_SIZE;
}

void vh_frame_get_header(const uint8_t *bytes, VhFrameHeader *h)
{
        const uint8_t *p = bytes + VH_FRAME_LEN_SIZE;

        h->prog = vh_get_be32(p);
        h->vers = vh_get_be32(p + 4);
        h->proc = (int32_t)vh_get_be32(p + 8);
        h->type = vh_get_be32(p + 12);
        h->serial = vh_get_be32(p + 16);
        h->status = vh_get_be32(p + 20);
}

int vh_frame_parse(VhFrame *frame, uint8_t *bytes, uint32_t len, VhFrameType fd_type)
{
        vh_frame_get_header(bytes, &frame->h);
        frame->bytes = bytes;
        frame->len = len;
        frame->payload = bytes + VH_FRAME_MIN;
        frame->payload_len = len - VH_FRAME_MIN;
        frame->fds = NULL;
        frame->n_fds = 0;
        if (frame->h.type != fd_type)
                return 0;
        if (frame->payload_len < FD_COUNT_SIZE)
                return -EBADMSG;
        frame->n_fds = vh_get_be32(frame->payload);
        frame->payload += FD_COUNT_SIZE;
        frame->payload_len -= FD_COUNT_SIZE;
        return frame->n_fds <= VH_FRAME_FDS_MAX ? 0 : -EBADMSG;
}

static bool has_fd_count(uint32_t type)
{
        return type == VH_FRAME_CALL_WITH_FDS || type == VH_FRAME_REPLY_WITH_FDS;
}

size_t vh_frame_begin(VhBuf *b, const VhFrameHeader *h, unsigned n_fds)
{
        size_t start = b->len;
        uint8_t *p = vh_buf_reserve(b, VH_FRAME_MIN + FD_COUNT_SIZE);

        vh_put_be32(p + 4, h->prog);
        vh_put_be32(p + 8, h->vers);
        vh_put_be32(p + 12, (uint32_t)h->proc);
        vh_put_be32(p + 16, h->type);
        vh_put_be32(p + 20, h->serial);
        vh_put_be32(p + 24, h->status);
        b->len += VH_FRAME_MIN;
        if (has_fd_count(h->type)) {
                vh_put_be32(p + VH_FRAME_MIN, n_fds);
                b->len += FD_COUNT_SIZE;
        }
        return start;
}

int vh_frame_end(VhBuf *b, size_t start)
{
        size_t len = b->len - start;

        if (len > VH_FRAME_MAX + VH_FRAME_LEN_SIZE) {
                b->len = start;
                return -EMSGSIZE;
        }
        vh_put_be32(b->data + start, (uint32_t)len);
        return 0;
}

int vh_frame_add_value(VhBuf *b, const VhXdrType *type, const void *value, VhError **err)
{
        ssize_t n = type ? vh_xdr_encode_buf(type, value, b, VH_FRAME_MAX, err) : 0;

        if (n < 0)
                return n == -ENOBUFS ? -EMSGSIZE : (int)n;
        b->len += (size_t)n;
        return 0;
}

int vh_frame_add(VhBuf *b, const VhFrameHeader *h, unsigned n_fds, const VhXdrType *type, const void *value,
                 VhError **err)
{
        size_t start = vh_frame_begin(b, h, n_fds);
        int r;

        r = vh_frame_add_value(b, type, value, err);
        if (r < 0) {
                b->len = start;
                return r;
        }
        return vh_frame_end(b, start);
}
