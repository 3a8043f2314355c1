/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The functions by which virtlogd and virtlockd reach files and processes, as the linker puts them in front of the
 * C library's. */

#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/vh-fuzz-XXXXXX";
static bool made, inside;

/* Where a path leads now; NULL with errno. */
static const char *resolve(const char *path, char *buf)
{
        if (!inside)
                return path;
        if (strstr(path, "..")) {
                errno = EACCES;
                return NULL;
        }
        if (snprintf(buf, PATH_MAX, "%s/%s", root, path) < PATH_MAX)
                return buf;
        errno = ENAMETOOLONG;
        return NULL;
}

#define WRAP(type, name, parameters, ...)                                                                              \
        type __real_##name parameters;                                                                                 \
        type __wrap_##name parameters;                                                                                 \
        type __wrap_##name parameters                                                                                  \
        {                                                                                                              \
                char buf[PATH_MAX];                                                                                    \
                                                                                                                       \
                path = resolve(path, buf);                                                                             \
                return path ? __real_##name(__VA_ARGS__) : -1;                                                         \
        }

WRAP(int, access, (const char *path, int mode), path, mode)
WRAP(int, chmod, (const char *path, mode_t mode), path, mode)
WRAP(int, mkdir, (const char *path, mode_t mode), path, mode)
WRAP(int, stat, (const char *path, struct stat *st), path, st)
WRAP(int, stat64, (const char *path, struct stat *st), path, st)
WRAP(int, unlink, (const char *path), path)

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
        char a[PATH_MAX], b[PATH_MAX];

        from = resolve(from, a);
        to = resolve(to, b);
        return from && to ? __real_rename(from, to) : -1;
}

#define WRAP_OPEN(name)                                                                                                \
        int __real_##name(const char *path, int flags, ...);                                                           \
        int __wrap_##name(const char *path, int flags, ...);                                                           \
        int __wrap_##name(const char *path, int flags, ...)                                                            \
        {                                                                                                              \
                char buf[PATH_MAX];                                                                                    \
                mode_t mode = 0;                                                                                       \
                va_list ap;                                                                                            \
                                                                                                                       \
                va_start(ap, flags);                                                                                   \
                if (flags & O_CREAT)                                                                                   \
                        mode = va_arg(ap, mode_t);                                                                     \
                va_end(ap);                                                                                            \
                path = resolve(path, buf);                                                                             \
                return path ? __real_##name(path, flags, mode) : -1;                                                   \
        }

WRAP_OPEN(open)
WRAP_OPEN(open64)

int __real_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned flags)
{
        return inside ? 0 : __real_pidfd_send_signal(pidfd, sig, info, flags);
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return ftw->level ? remove(path) : 0;
}

static void remove_root(void)
{
        rmdir(root);
}

void fuzz_root_enter(void)
{
        if (!made && (!mkdtemp(root) || atexit(remove_root)))
                abort();
        made = inside = true;
}

void fuzz_root_leave(void)
{
        enum { FDS = 8 };

        inside = false;
        nftw(root, remove_node, FDS, FTW_DEPTH | FTW_PHYS);
}
