/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every operation goes by path: between two of them an administrator may have moved or removed files. */

#include "rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

enum { LOG_MODE = 0600 };

struct LogFile {
        char *path;
        const LogLimits *limits;
        int fd;
        uint64_t inode;
        uint64_t size;
        uint64_t lost;
};

/* Number i of the files put aside; -1 is the current one. */
static char *name_of(const char *path, int i)
{
        return i < 0 ? vh_xstrdup(path) : vh_xasprintf("%s.%d", path, i);
}

/* O_NONBLOCK: a FIFO of that name must not stop us. It says nothing about regular files. */
static int open_current(LogFile *f, int flags)
{
        _vh_close_ int fd =
                open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, LOG_MODE);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
                return -EINVAL;
        vh_closep(&f->fd);
        f->fd = VH_TAKE_FD(fd);
        f->inode = st.st_ino;
        f->size = (uint64_t)st.st_size;
        return 0;
}

int log_file_open(LogFile **ret, const char *path, const LogLimits *limits, bool truncate, VhError **err)
{
        _vh_cleanup_(log_file_freep) LogFile *f = vh_new(LogFile, 1);
        int r;

        f->fd = -1;
        f->path = vh_xstrdup(path);
        f->limits = limits;
        if (*path && *path != '/')
                return vh_error_set(err, VIR_FROM_LOGGING, VIR_ERR_INVALID_ARG, "log file '%s' has no absolute path",
                                    path);
        r = open_current(f, truncate ? O_TRUNC : 0);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Unable to open file: %s", path);
        *ret = VH_TAKE_PTR(f);
        return 0;
}

LogFile *log_file_free(LogFile *f)
{
        if (!f)
                return NULL;
        vh_closep(&f->fd);
        free(f->path);
        free(f);
        return NULL;
}

static bool exists(const char *path, int i)
{
        _vh_free_ char *name = name_of(path, i);

        return access(name, F_OK) == 0;
}

/* The oldest goes, the others move on by one. Without backups the current file is the oldest. */
static int roll_over(LogFile *f)
{
        int last = 0;

        while (last < f->limits->max_backups - 1 && exists(f->path, last))
                last++;
        for (int i = f->limits->max_backups ? last : -1; i >= 0; i--) {
                _vh_free_ char *from = name_of(f->path, i - 1), *to = name_of(f->path, i);

                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return open_current(f, f->limits->max_backups ? 0 : O_TRUNC);
}

/* How much of the data goes into the current file: all, or whole lines, or what just fits. */
static size_t share(const LogFile *f, const char *data, size_t n)
{
        uint64_t left = f->limits->max_size - f->size;
        const char *line;

        if (!f->limits->max_size || n <= left)
                return n;
        line = memrchr(data, '\n', left);
        return line ? (size_t)(line - data) + 1 : left;
}

static int write_all(LogFile *f, const char *data, size_t n, size_t *written)
{
        while (n) {
                ssize_t k = write(f->fd, data, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                data += k;
                n -= (size_t)k;
                f->size += (uint64_t)k;
                *written += (size_t)k;
        }
        return 0;
}

static bool is_full(const LogFile *f)
{
        return f->limits->max_size && f->size >= f->limits->max_size;
}

static int append(LogFile *f, const char *data, size_t n, size_t *written)
{
        size_t done = 0;
        int r = 0;

        while (r >= 0 && done < n) {
                if (is_full(f))
                        r = roll_over(f);
                if (r >= 0)
                        r = write_all(f, data + done, share(f, data + done, n - done), &done);
                if (r >= 0 && done < n && !is_full(f))
                        r = roll_over(f);
        }
        *written += done;
        return r;
}

static int tell_lost(LogFile *f)
{
        _vh_free_ char *line = NULL;
        size_t written = 0;
        int r;

        if (!f->lost)
                return 0;
        line = vh_xasprintf("\n[virtlogd: %" PRIu64 " bytes could not be written here and are lost]\n", f->lost);
        r = append(f, line, strlen(line), &written);
        if (r >= 0)
                f->lost = 0;
        return r;
}

int log_file_write(LogFile *f, const char *data, size_t n, size_t *written)
{
        size_t done = 0;
        int r = tell_lost(f);

        if (r >= 0)
                r = append(f, data, n, &done);
        if (written)
                *written = done;
        return r;
}

void log_file_lost(LogFile *f, uint64_t n)
{
        f->lost += n;
}

LogPosition log_file_position(const LogFile *f)
{
        return (LogPosition){ .inode = f->inode, .offset = f->size };
}

/* Reading. */

static int open_number(const char *path, int i, struct stat *st)
{
        _vh_free_ char *name = name_of(path, i);
        _vh_close_ int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0 || fstat(fd, st) < 0)
                return -errno;
        return S_ISREG(st->st_mode) ? VH_TAKE_FD(fd) : -EINVAL;
}

/* The file with that inode; returns its number and the descriptor, or -EBADF. */
static int find_inode(const char *path, int backups, uint64_t inode, int *number)
{
        struct stat st;

        for (int i = -1; i < backups; i++) {
                int fd = open_number(path, i, &st);

                if (fd < 0 && i >= 0)
                        break;
                if (fd >= 0 && st.st_ino == inode) {
                        *number = i;
                        return fd;
                }
                vh_closep(&fd);
        }
        return -EBADF;
}

static int read_more(int fd, uint64_t offset, char *buf, size_t n, size_t *len)
{
        while (*len < n) {
                ssize_t k = pread(fd, buf + *len, n - *len, (off_t)offset);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                offset += (uint64_t)k;
                *len += (size_t)k;
        }
        return 0;
}

/* From the file that is open at fd to the current one. */
static int read_on(const char *path, int number, int fd, uint64_t offset, char *buf, size_t n, size_t *len)
{
        struct stat st;
        int r = 0;

        for (; r >= 0; fd = open_number(path, --number, &st), offset = 0) {
                if (fd >= 0)
                        r = read_more(fd, offset, buf, n, len);
                vh_closep(&fd);
                if (number < 0)
                        break;
        }
        return r;
}

int log_file_read(const char *path, const LogLimits *limits, const LogPosition *from, size_t n, char **ret, size_t *len,
                  VhError **err)
{
        _vh_free_ char *buf = NULL;
        int number = 0, fd, r;

        fd = from->offset > INT64_MAX ? -EINVAL : find_inode(path, limits->max_backups, from->inode, &number);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_NONE, fd, "Unable to seek to inode %" PRIu64 " offset %" PRIu64,
                                    from->inode, from->offset);
        buf = vh_xrealloc(NULL, n + 1, 1);
        *len = 0;
        r = read_on(path, number, fd, from->offset, buf, n, len);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Unable to read from file %s", path);
        buf[*len] = '\0';
        *ret = VH_TAKE_PTR(buf);
        return 0;
}
