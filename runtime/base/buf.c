/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A growing text or byte buffer. */

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void *vh_buf_reserve(VhBuf *b, size_t n)
{
        size_t need;

        if (__builtin_add_overflow(b->len, n + 1, &need))
                abort();
        if (need > b->cap) {
                b->cap = VH_MAX(need, VH_MAX(b->cap * 2, (size_t)64));
                b->data = vh_xrealloc(b->data, b->cap, 1);
        }
        return b->data + b->len;
}

void vh_buf_add(VhBuf *b, const void *p, size_t n)
{
        if (n) {
                memcpy(vh_buf_reserve(b, n), p, n);
                b->len += n;
                b->data[b->len] = 0;
        }
}

void vh_buf_adds(VhBuf *b, const char *s)
{
        vh_buf_add(b, s, strlen(s));
}

void vh_buf_addc(VhBuf *b, char c)
{
        vh_buf_add(b, &c, 1);
}

void vh_buf_printf(VhBuf *b, const char *fmt, ...)
{
        va_list ap, again;
        char *room;
        int n;

        va_start(ap, fmt);
        va_copy(again, ap);
        room = vh_buf_reserve(b, 64);
        n = vsnprintf(room, 65, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        if (n > 64)
                vsnprintf(vh_buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, again);
        va_end(again);
        b->len += (size_t)n;
}

void vh_buf_indent(VhBuf *b)
{
        memset(vh_buf_reserve(b, b->indent), ' ', b->indent);
        b->len += b->indent;
        b->data[b->len] = 0;
}

/* The entity for c, "" for a character that XML cannot hold, NULL for one that stands for itself. */
static const char *xml_entity(unsigned char c)
{
        switch (c) {
        case '&':
                return "&amp;";
        case '<':
                return "&lt;";
        case '>':
                return "&gt;";
        case '"':
                return "&quot;";
        case '\'':
                return "&apos;";
        default:
                return c < 0x20 && c != '\n' && c != '\t' && c != '\r' ? "" : NULL;
        }
}

void vh_buf_xml_escape(VhBuf *b, const char *s)
{
        const char *start = s;

        for (; *s; s++) {
                const char *entity = xml_entity((unsigned char)*s);

                if (!entity)
                        continue;
                vh_buf_add(b, start, (size_t)(s - start));
                vh_buf_adds(b, entity);
                start = s + 1;
        }
        vh_buf_add(b, start, (size_t)(s - start));
}

char *vh_buf_take(VhBuf *b)
{
        char *s = b->data ? VH_TAKE_PTR(b->data) : vh_xstrdup("");

        *b = (VhBuf){};
        return s;
}

void vh_buf_done(VhBuf *b)
{
        free(b->data);
        *b = (VhBuf){};
}
