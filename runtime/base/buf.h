/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A growing text or byte buffer. All zero is a valid empty one; data is always NUL-terminated once something was added.
 */

#include "base/util.h"

typedef struct VhBuf {
        char *data;
        size_t len;
        size_t cap;
        unsigned indent; /* blanks that vh_buf_indent() puts at the start of a line */
} VhBuf;

void vh_buf_add(VhBuf *b, const void *p, size_t n);
void vh_buf_adds(VhBuf *b, const char *s);
void vh_buf_addc(VhBuf *b, char c);
void vh_buf_printf(VhBuf *b, const char *fmt, ...) _vh_printf_(2, 3);
/* Adds b->indent blanks. */
void vh_buf_indent(VhBuf *b);
/* Adds s with & < > ' " as XML entities and the control characters that XML 1.0 forbids left out. */
void vh_buf_xml_escape(VhBuf *b, const char *s);
/* Room for n more bytes at data + len; the caller adds to len. */
void *vh_buf_reserve(VhBuf *b, size_t n);
/* Hands the memory to the caller ("" if empty) and leaves the buffer empty. */
char *vh_buf_take(VhBuf *b);
void vh_buf_done(VhBuf *b);

#define _vh_buf_ _vh_cleanup_(vh_buf_done)
