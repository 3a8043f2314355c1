/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The small things every file uses: scope-bound cleanup, allocation that cannot fail, string helpers.
 *
 * Memory: the vh_x* allocators end the process when memory runs out. Everything a peer can make us allocate is bounded
 * by rpc/limits.h, a daemon restart loses no guest, and a half-finished error path is worse than a restart
 * (docs/decisions/0002-out-of-memory.md). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _vh_cleanup_(f)         __attribute__((cleanup(f)))
#define _vh_printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _vh_unused_             __attribute__((unused))
#define _vh_must_check_         __attribute__((warn_unused_result))

#define VH_ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define VH_MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define VH_MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define VH_CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Hands ownership on: yields the value and leaves NULL (-1) behind, so that a cleanup attribute finds nothing. */
#define VH_TAKE_PTR(p)                                                                                                 \
        ({                                                                                                             \
                typeof(p) _t = (p);                                                                                    \
                (p) = NULL;                                                                                            \
                _t;                                                                                                    \
        })
#define VH_TAKE_FD(fd)                                                                                                 \
        ({                                                                                                             \
                int _t = (fd);                                                                                         \
                (fd) = -1;                                                                                             \
                _t;                                                                                                    \
        })

/* Defines funcp(), the form that _vh_cleanup_() wants, from a destructor that accepts NULL. */
#define VH_DEFINE_CLEANUP(type, func)                                                                                  \
        _vh_unused_ static inline void func##p(type *p)                                                                \
        {                                                                                                              \
                if (*p)                                                                                                \
                        func(*p);                                                                                      \
        }

static inline void vh_freep(void *p)
{
        free(*(void **)p);
}

/* Closes a descriptor if there is one, and forgets its number. */
static inline void vh_closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

#define _vh_free_  _vh_cleanup_(vh_freep)
#define _vh_close_ _vh_cleanup_(vh_closep)

/* Zeroed memory for n items of size bytes; never NULL. */
void *vh_xcalloc(size_t n, size_t size);
/* Like reallocarray(), never NULL; new memory is not zeroed. */
void *vh_xrealloc(void *p, size_t n, size_t size);
/* Copy of s, or NULL if s is NULL; the caller frees it. */
char *vh_xstrdup(const char *s);
char *vh_xstrndup(const char *s, size_t n);
/* Formatted string; the caller frees it. */
char *vh_xasprintf(const char *fmt, ...) _vh_printf_(1, 2);

#define vh_new(type, n) ((type *)vh_xcalloc((n), sizeof(type)))

/* Equality where NULL equals only NULL. */
static inline bool vh_streq(const char *a, const char *b)
{
        return a == b || (a && b && strcmp(a, b) == 0);
}

/* The rest of s after prefix, or NULL if s does not begin with it. */
static inline const char *vh_startswith(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool vh_endswith(const char *s, const char *suffix);

/* Replaces *p by a copy of s (or NULL). */
void vh_strset(char **p, const char *s);

/* Whole-string number parsers, base 10 unless base says otherwise. No sign for the unsigned one, no blanks, no rest.
 * Return 0, -EINVAL or -ERANGE. */
int vh_parse_u64(const char *s, int base, uint64_t *ret);
int vh_parse_i64(const char *s, int base, int64_t *ret);
int vh_parse_uint(const char *s, unsigned *ret);
int vh_parse_int(const char *s, int *ret);
