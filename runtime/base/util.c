/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Allocation that cannot fail and small string helpers. */

#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

static void *check(void *p)
{
        if (p)
                return p;
        static const char text[] = "virthost: out of memory\n";
        if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
                abort();
        abort();
}

void *vh_xcalloc(size_t n, size_t size)
{
        return check(calloc(n ? n : 1, size ? size : 1));
}

void *vh_xrealloc(void *p, size_t n, size_t size)
{
        return check(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *vh_xstrdup(const char *s)
{
        return s ? check(strdup(s)) : NULL;
}

char *vh_xstrndup(const char *s, size_t n)
{
        return s ? check(strndup(s, n)) : NULL;
}

char *vh_xasprintf(const char *fmt, ...)
{
        char *s = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&s, fmt, ap) < 0)
                s = NULL;
        va_end(ap);
        return check(s);
}

bool vh_endswith(const char *s, const char *suffix)
{
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

void vh_strset(char **p, const char *s)
{
        char *copy = vh_xstrdup(s);

        free(*p);
        *p = copy;
}

int vh_parse_u64(const char *s, int base, uint64_t *ret)
{
        unsigned long long v;
        char *end;

        if (!s || !isxdigit((unsigned char)s[0]))
                return -EINVAL;
        errno = 0;
        v = strtoull(s, &end, base);
        if (errno)
                return -errno;
        if (end == s || *end)
                return -EINVAL;
        *ret = v;
        return 0;
}

int vh_parse_i64(const char *s, int base, int64_t *ret)
{
        long long v;
        char *end;

        if (!s || (s[0] != '-' && !isxdigit((unsigned char)s[0])))
                return -EINVAL;
        errno = 0;
        v = strtoll(s, &end, base);
        if (errno)
                return -errno;
        if (end == s || *end)
                return -EINVAL;
        *ret = v;
        return 0;
}

int vh_parse_uint(const char *s, unsigned *ret)
{
        uint64_t v = 0;
        int r = vh_parse_u64(s, 10, &v);

        if (r < 0)
                return r;
        if (v > UINT_MAX)
                return -ERANGE;
        *ret = (unsigned)v;
        return 0;
}

int vh_parse_int(const char *s, int *ret)
{
        int64_t v = 0;
        int r = vh_parse_i64(s, 10, &v);

        if (r < 0)
                return r;
        if (v < INT_MIN || v > INT_MAX)
                return -ERANGE;
        *ret = (int)v;
        return 0;
}
