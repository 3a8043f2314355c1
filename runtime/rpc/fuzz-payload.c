/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every payload decoder: the first bytes choose one, the rest is the payload. What decodes must encode, and what was
 * encoded must decode to the same again. */

#include "procs.h"
#include "rpc/limits.h"
#include <stdio.h>

enum {
        SELECTOR_SIZE = 4, /* program, procedure (two bytes), bit 0: reply, bits 1 and 2: alignment */
        INPUT_MAX = 1 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const VhXdrType *choose(const uint8_t *selector)
{
        const VhProgram *program = NULL;
        const VhProc *proc;
        unsigned n = 0;

        do
                n++;
        while (vh_programs[n]);
        program = vh_programs[selector[0] % n];
        proc = vh_program_find(program, (selector[1] << 8 | selector[2]) % (int)program->n_procs);
        if (!proc)
                return NULL;
        return selector[3] & 1 ? proc->ret_xdr : proc->args_xdr;
}

static void check(bool ok, const VhXdrType *type, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "%s: %s\n", type->name, what);
        abort();
}

/* Returns the bytes of p in *out (from malloc) and their number. */
static size_t encode(const VhXdrType *type, const void *p, size_t cap, uint8_t **out)
{
        ssize_t n;

        *out = vh_xcalloc(1, cap);
        n = vh_xdr_encode(type, p, *out, cap, NULL);
        check(n >= 0, type, "a decoded value cannot be encoded");
        return (size_t)n;
}

static void round_trip(const VhXdrType *type, const void *p, size_t size, VhArena *arena)
{
        _vh_free_ uint8_t *first = NULL, *copy = NULL, *second = NULL;
        /* Strings end at their first NUL and padding becomes zero, so it cannot get longer than the input. */
        size_t cap = size + type->wire, n = encode(type, p, cap, &first);
        void *q = vh_arena_alloc(arena, type->size);

        copy = vh_xcalloc(1, n);
        memcpy(copy, first, n);
        check(vh_xdr_decode(type, q, copy, n, arena) == 0, type, "an encoded value cannot be decoded");
        check(encode(type, q, cap, &second) == n && memcmp(first, second, n) == 0, type, "the second encoding differs");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        VhArena arena = { 0 };
        const VhXdrType *type;
        _vh_free_ uint8_t *buf = NULL;
        size_t offset;
        void *p;

        if (size < SELECTOR_SIZE || size > INPUT_MAX)
                return 0;
        type = choose(data);
        if (!type)
                return 0;
        offset = data[3] >> 1 & 3;
        data += SELECTOR_SIZE;
        size -= SELECTOR_SIZE;
        /* Exactly as large as the input, so that the sanitizer sees every byte too far. */
        buf = vh_xcalloc(1, offset + size);
        if (size)
                memcpy(buf + offset, data, size);
        p = vh_arena_alloc(&arena, type->size);
        if (vh_xdr_decode(type, p, buf + offset, size, &arena) == 0)
                round_trip(type, p, size, &arena);
        vh_arena_done(&arena);
        return 0;
}
