/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Memory that lives as long as one task (a call, a parse): allocate freely, free once. */

#include <stdarg.h>

#include "base/util.h"

typedef struct VhArenaChunk VhArenaChunk;
typedef struct VhArenaOwned VhArenaOwned;

/* All zero is a valid empty arena. */
typedef struct VhArena {
        VhArenaChunk *chunks; /* newest first */
        VhArenaOwned *owned;  /* foreign memory to free() with the arena */
        char *next;           /* free bytes of the newest chunk */
        size_t left;
} VhArena;

/* Zeroed memory, aligned for any type, valid until the arena is reset; never NULL. */
void *vh_arena_alloc(VhArena *a, size_t size);
/* Zeroed array; aborts on overflow of n * size. */
void *vh_arena_calloc(VhArena *a, size_t n, size_t size);
/* Copy of s, NULL for NULL. */
char *vh_arena_strdup(VhArena *a, const char *s);
void *vh_arena_memdup(VhArena *a, const void *p, size_t n);
char *vh_arena_printf(VhArena *a, const char *fmt, ...) _vh_printf_(2, 3);
char *vh_arena_vprintf(VhArena *a, const char *fmt, va_list ap) _vh_printf_(2, 0);
/* Takes over memory from malloc(): it is freed with the arena. Returns p. */
void *vh_arena_own(VhArena *a, void *p);
/* Frees everything; keeps one small chunk for the next use. */
void vh_arena_reset(VhArena *a);
/* Frees everything, the kept chunk too. */
void vh_arena_done(VhArena *a);

#define vh_arena_new(a, type, n) ((type *)vh_arena_calloc((a), (n), sizeof(type)))
