/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The root of the tree that facts are read from, and the forms they have there. */

#include "driver/host-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"

VhHost *vh_host_new(const char *root)
{
        VhHost *host = vh_new(VhHost, 1);

        host->rootfd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return host;
}

VhHost *vh_host_free(VhHost *host)
{
        if (!host)
                return NULL;
        vh_closep(&host->rootfd);
        free(host);
        return NULL;
}

_vh_printf_(3, 0) static int open_path(const VhHost *host, int flags, const char *fmt, va_list ap)
{
        _vh_free_ char *path = NULL;
        int fd;

        if (vasprintf(&path, fmt, ap) < 0)
                abort();
        fd = openat(host->rootfd, path, flags | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

_vh_printf_(3, 0) static int read_path(const VhHost *host, char **text, const char *fmt, va_list ap)
{
        _vh_close_ int fd = open_path(host, O_RDONLY, fmt, ap);
        size_t len;
        int r = fd < 0 ? fd : vh_file_read_fd(fd, VH_HOST_FILE_MAX, text, &len);

        if (r == 0 && len > 0 && (*text)[len - 1] == '\n')
                (*text)[len - 1] = '\0';
        return r;
}

int vh_host_read(const VhHost *host, char **text, const char *fmt, ...)
{
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = read_path(host, text, fmt, ap);
        va_end(ap);
        return r;
}

int vh_host_read_u64(const VhHost *host, uint64_t *value, const char *fmt, ...)
{
        _vh_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = read_path(host, &text, fmt, ap);
        va_end(ap);
        return r < 0 ? r : vh_parse_u64(text, 10, value);
}

/* One "3" or "0-7" of a list; moves *s behind it. */
static int parse_range(const char **s, unsigned *first, unsigned *last)
{
        char *end;

        *first = *last = (unsigned)strtoul(*s, &end, 10);
        if (end == *s)
                return -EINVAL;
        if (*end == '-') {
                *s = end + 1;
                *last = (unsigned)strtoul(*s, &end, 10);
        }
        *s = end;
        return *first <= *last && *last < VH_HOST_ID_MAX ? 0 : -EINVAL;
}

int vh_host_read_bits(const VhHost *host, VhHostBits *bits, const char *fmt, ...)
{
        _vh_free_ char *text = NULL;
        const char *s;
        va_list ap;
        int r;

        *bits = (VhHostBits){ 0 };
        va_start(ap, fmt);
        r = read_path(host, &text, fmt, ap);
        va_end(ap);
        for (s = text; r == 0 && *s; s += *s == ',') {
                unsigned first, last;

                r = parse_range(&s, &first, &last);
                if (r == 0 && *s && *s != ',')
                        r = -EINVAL;
                for (unsigned i = first; r == 0 && i <= last; i++)
                        vh_host_bits_set(bits, i);
        }
        if (r < 0)
                vh_host_bits_done(bits);
        return r;
}

int vh_host_write(const VhHost *host, const char *text, const char *fmt, ...)
{
        _vh_close_ int fd = -1;
        va_list ap;

        va_start(ap, fmt);
        fd = open_path(host, O_WRONLY, fmt, ap);
        va_end(ap);
        if (fd < 0)
                return fd;
        return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

bool vh_host_exists(const VhHost *host, const char *fmt, ...)
{
        _vh_free_ char *path = NULL;
        struct stat st;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&path, fmt, ap) < 0)
                abort();
        va_end(ap);
        return fstatat(host->rootfd, path, &st, 0) == 0;
}

const char *vh_host_field(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, n) == 0 && line[n] && strchr(": \t", line[n]))
                        return line + n + strspn(line + n, ": \t");
        }
        return NULL;
}

uint64_t vh_host_field_u64(const char *text, const char *key)
{
        const char *s = vh_host_field(text, key);

        return s ? strtoull(s, NULL, 10) : 0;
}

void vh_host_bits_done(VhHostBits *bits)
{
        free(bits->bytes);
        *bits = (VhHostBits){ 0 };
}

void vh_host_bits_set(VhHostBits *bits, unsigned i)
{
        size_t old = (bits->n + 7) / 8, need = i / 8 + 1;

        if (need > old) {
                bits->bytes = vh_xrealloc(bits->bytes, need, 1);
                memset(bits->bytes + old, 0, need - old);
        }
        bits->n = VH_MAX(bits->n, i + 1);
        bits->bytes[i / 8] |= (uint8_t)(1u << i % 8);
}

unsigned vh_host_bits_count(const VhHostBits *bits)
{
        unsigned n = 0;

        for (unsigned i = 0; i < bits->n; i++)
                n += vh_host_bit(bits, i);
        return n;
}

int vh_host_bits_next(const VhHostBits *bits, unsigned i)
{
        for (; i < bits->n; i++)
                if (vh_host_bit(bits, i))
                        return (int)i;
        return -1;
}

void vh_host_bits_format(const VhHostBits *bits, VhBuf *buf)
{
        const char *comma = "";

        for (int i = vh_host_bits_next(bits, 0); i >= 0; i = vh_host_bits_next(bits, (unsigned)i)) {
                int first = i;

                while (vh_host_bit(bits, (unsigned)i))
                        i++;
                vh_buf_printf(buf, i - 1 == first ? "%s%d" : "%s%d-%d", comma, first, i - 1);
                comma = ",";
        }
}
