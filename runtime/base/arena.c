/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bump allocation in chunks. The first chunk is small and is kept over resets, so that a short task costs no malloc().
 */

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

enum { ALIGN = 16, FIRST_CHUNK = 1024 - 32, NEXT_CHUNK = 16 * 1024 - 32 };

struct VhArenaChunk {
        VhArenaChunk *older;
        size_t size;
        _Alignas(ALIGN) char data[];
};

struct VhArenaOwned {
        VhArenaOwned *older;
        void *p;
};

static size_t align_up(size_t n)
{
        return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static void add_chunk(VhArena *a, size_t least)
{
        size_t size = VH_MAX(least, (size_t)(a->chunks ? NEXT_CHUNK : FIRST_CHUNK));
        VhArenaChunk *c = vh_xrealloc(NULL, 1, sizeof(*c) + size);

        c->older = a->chunks;
        c->size = size;
        a->chunks = c;
        a->next = c->data;
        a->left = size;
}

void *vh_arena_alloc(VhArena *a, size_t size)
{
        size_t n = align_up(size ? size : 1);
        void *p;

        if (n < size)
                abort();
        if (n > a->left)
                add_chunk(a, n);
        p = a->next;
        a->next += n;
        a->left -= n;
        return memset(p, 0, n);
}

void *vh_arena_calloc(VhArena *a, size_t n, size_t size)
{
        size_t total;

        if (__builtin_mul_overflow(n, size, &total))
                abort();
        return vh_arena_alloc(a, total);
}

void *vh_arena_memdup(VhArena *a, const void *p, size_t n)
{
        void *copy = vh_arena_alloc(a, n);

        return n ? memcpy(copy, p, n) : copy;
}

char *vh_arena_strdup(VhArena *a, const char *s)
{
        return s ? vh_arena_memdup(a, s, strlen(s) + 1) : NULL;
}

char *vh_arena_vprintf(VhArena *a, const char *fmt, va_list ap)
{
        char *s = a->next;
        va_list again;
        int n;

        va_copy(again, ap);
        n = vsnprintf(s, a->left, fmt, ap);
        if (n < 0)
                abort();
        if ((size_t)n < a->left) {
                size_t used = VH_MIN(align_up((size_t)n + 1), a->left);

                a->next += used;
                a->left -= used;
        } else {
                s = vh_arena_alloc(a, (size_t)n + 1);
                vsnprintf(s, (size_t)n + 1, fmt, again);
        }
        va_end(again);
        return s;
}

char *vh_arena_printf(VhArena *a, const char *fmt, ...)
{
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = vh_arena_vprintf(a, fmt, ap);
        va_end(ap);
        return s;
}

void *vh_arena_own(VhArena *a, void *p)
{
        VhArenaOwned *o = vh_arena_alloc(a, sizeof(*o));

        o->older = a->owned;
        o->p = p;
        a->owned = o;
        return p;
}

static void free_owned(VhArena *a)
{
        for (VhArenaOwned *o = a->owned; o; o = o->older)
                free(o->p);
        a->owned = NULL;
}

void vh_arena_reset(VhArena *a)
{
        VhArenaChunk *c;

        free_owned(a);
        while ((c = a->chunks) && c->older) {
                a->chunks = c->older;
                free(c);
        }
        if (c && c->size > FIRST_CHUNK) {
                a->chunks = NULL;
                free(c);
                c = NULL;
        }
        a->next = c ? c->data : NULL;
        a->left = c ? c->size : 0;
}

void vh_arena_done(VhArena *a)
{
        vh_arena_reset(a);
        free(a->chunks);
        *a = (VhArena){};
}
