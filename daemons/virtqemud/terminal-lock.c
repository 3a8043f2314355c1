/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "terminal-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "base/file.h"
#include "base/log.h"
#include "base/util.h"

VH_LOG_SOURCE("qemu.console");

enum { LOCK_MODE = 0644, TEXT_MAX = 64, TRIES = 3 };

static const char prefix[] = "/var/lock/LCK..";

/* "/dev/pts/3" is locked by "LCK.._pts_3". */
static char *lock_path(const char *terminal)
{
        const char *name = vh_startswith(terminal, "/dev");
        char *path = vh_xasprintf("%s%s", prefix, name ? name : terminal);

        for (char *c = path + strlen(prefix); *c; c++)
                if (*c == '/')
                        *c = '_';
        return path;
}

/* The process that a lock file names; 0: none that is there. Anybody may put files of any kind into the folder. */
static pid_t owner_of(const char *path)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        _vh_free_ char *text = NULL;
        uint64_t pid;
        size_t n;

        if (fd < 0 || vh_file_read_fd(fd, TEXT_MAX, &text, &n) < 0)
                return 0;
        if (n && text[n - 1] == '\n')
                text[n - 1] = '\0';
        if (vh_parse_u64(text + strspn(text, " "), 10, &pid) < 0 || pid == 0 || pid > INT32_MAX)
                return 0;
        return kill((pid_t)pid, 0) == 0 || errno == EPERM ? (pid_t)pid : 0;
}

static int write_lock(const char *path)
{
        _vh_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);

        if (fd < 0)
                return -errno;
        return dprintf(fd, "%10d\n", getpid()) < 0 ? -errno : 0;
}

static bool has_no_place(int r)
{
        return r == -ENOENT || r == -EROFS || r == -EACCES || r == -EPERM;
}

int qemu_terminal_lock(const char *terminal, VhError **err)
{
        _vh_free_ char *path = lock_path(terminal);
        int r = -EEXIST;

        for (int i = 0; r == -EEXIST && i < TRIES; i++) {
                pid_t owner = owner_of(path);

                if (owner && owner != getpid())
                        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED,
                                            "Requested device '%s' is locked by lock file '%s' held by process %d",
                                            terminal, path, owner);
                (void)unlink(path);
                r = write_lock(path);
        }
        if (has_no_place(r)) {
                vh_log_info("terminal '%s' has no lock file '%s': %s", terminal, path, strerror(-r));
                return 0;
        }
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Couldn't create lock file for device '%s' in path '%s'",
                                    terminal, path)
                     : 0;
}

void qemu_terminal_unlock(const char *terminal)
{
        _vh_free_ char *path = lock_path(terminal);

        if (owner_of(path) == getpid())
                (void)unlink(path);
}
