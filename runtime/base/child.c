/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Between fork and exec. */

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>

char *const vh_child_env[] = { (char *)"LC_ALL=C", (char *)"PATH=" VH_CHILD_PATH, NULL };

void vh_child_reset(void)
{
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &dfl, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
}

int vh_child_drop_to(uid_t uid, gid_t gid)
{
        if (syscall(SYS_setgroups, (size_t)0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
            syscall(SYS_setresuid, uid, uid, uid) < 0)
                return -errno;
        return 0;
}

int vh_child_take_place(const int fds[VH_CHILD_STREAMS], const int *keep, size_t n_keep)
{
        if (chdir("/") < 0)
                return -errno;
        for (int i = 0; i < VH_CHILD_STREAMS; i++)
                if (dup2(fds[i], i) < 0)
                        return -errno;
        if (close_range(VH_CHILD_STREAMS, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < n_keep; i++)
                (void)fcntl(keep[i], F_SETFD, 0);
        return 0;
}

int vh_child_wait_exec(int fd)
{
        int e;
        ssize_t n;

        do
                n = read(fd, &e, sizeof(e));
        while (n < 0 && errno == EINTR);
        return n == sizeof(e) ? -e : 0;
}
