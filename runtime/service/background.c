/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two forks, so that the daemon leads no session and can never get a terminal again. */

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/util.h"
#include "service/background.h"

/* The first process: waits for the word of the daemon. No word means that it died. */
static _Noreturn void wait_for_daemon(int fd, pid_t child)
{
        unsigned char status = EXIT_FAILURE;

        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
                ;
        if (read(fd, &status, 1) != 1)
                status = EXIT_FAILURE;
        _exit(status);
}

static int redirect(int from, int flags)
{
        int fd = open("/dev/null", flags | O_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = dup2(fd, from) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* In the middle process; the daemon is its child. */
static int become_daemon(void)
{
        pid_t pid;

        if (setsid() < 0)
                return -errno;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid > 0)
                _exit(EXIT_SUCCESS);
        return redirect(STDIN_FILENO, O_RDONLY);
}

int vh_background_start(void)
{
        int fds[2];
        pid_t pid;
        int r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return r;
        }
        if (pid > 0) {
                close(fds[1]);
                wait_for_daemon(fds[0], pid);
        }
        close(fds[0]);
        r = become_daemon();
        if (r < 0)
                _exit(EXIT_FAILURE);
        return fds[1];
}

void vh_background_ready(int fd, int status)
{
        unsigned char byte = (unsigned char)status;

        if (fd < 0)
                return;
        redirect(STDOUT_FILENO, O_WRONLY);
        redirect(STDERR_FILENO, O_WRONLY);
        (void)!write(fd, &byte, 1);
        close(fd);
}
