/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fork, fork, wait, exec. Between fork and exec only system calls are made: another thread may have held the locks of
 * the C library. */

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What the child tells. First its pid; then nothing, when exec closes the socket, or why it cannot go on. */
typedef struct Report {
        pid_t pid;
        int errnum;
        char what[64];
} Report;

struct QemuSpawn {
        QemuSpawnArgs args;
        VhSource *source;
        int fd;
        pid_t pid;
};

static void report(int fd, int errnum, const char *what)
{
        Report r = { .pid = getpid(), .errnum = errnum };

        for (size_t i = 0; what && what[i] && i < sizeof(r.what) - 1; i++)
                r.what[i] = what[i];
        (void)send(fd, &r, sizeof(r), MSG_NOSIGNAL);
}

static void reset_signals(void)
{
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &dfl, NULL); /* some cannot be set; those are as they should be */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_up_fds(const QemuSpawnArgs *args)
{
        int null = open("/dev/null", O_RDWR);
        int out = args->log_fd >= 0 ? args->log_fd : null;

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
                return -errno;
        if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < args->cmd->n_fds; i++)
                if (fcntl(args->cmd->fds[i], F_SETFD, 0) < 0)
                        return -errno;
        return 0;
}

/* The lock stays with the program as long as it lives: the descriptor is inherited. */
int qemu_spawn_pid_file(const char *path)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
        char text[16];
        size_t n = sizeof(text);
        int fd = open(path, O_RDWR | O_CREAT, 0644);

        if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || ftruncate(fd, 0) < 0)
                return -errno;
        for (pid_t pid = getpid(); pid; pid /= 10)
                text[--n] = (char)('0' + pid % 10);
        return write(fd, text + n, sizeof(text) - n) < 0 ? -errno : 0;
}

static int set_limit(uint64_t soft)
{
        struct rlimit limit;

        if (!soft || getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return 0;
        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* The grandchild: does not return. */
static void become_program(const QemuSpawnArgs *args, int fd)
{
        const char *what = "cannot leave the daemon's session";
        char go;
        int r = 0;

        reset_signals();
        if (chdir("/") < 0)
                _exit(127);
        umask(S_IWGRP | S_IWOTH);
        what = "cannot prepare descriptors";
        r = set_up_fds(args);
        if (r == 0 && args->tie)
                r = args->tie(args->data, &what);
        report(fd, -r, r < 0 ? what : NULL);
        if (r < 0 || recv(fd, &go, 1, 0) != 1)
                _exit(127); /* the daemon gave up, or is gone */
        if (args->pid_path) {
                what = "cannot write the pid file";
                r = qemu_spawn_pid_file(args->pid_path); /* behind the others, so that the program keeps it open */
        }
        if (r == 0) {
                what = "cannot set the limit of open files";
                r = set_limit(args->open_files);
        }
        if (r == 0 && args->child)
                r = args->child(args->data, &what);
        if (r == 0) {
                what = "cannot execute binary";
                execve(args->cmd->argv[0], args->cmd->argv, args->cmd->env);
                r = -errno;
        }
        report(fd, -r, what);
        _exit(127);
}

/* The child between: does not return. */
static void fork_again(const QemuSpawnArgs *args, int fd)
{
        pid_t pid;

        setsid();
        pid = fork();
        if (pid == 0)
                become_program(args, fd);
        if (pid < 0)
                report(fd, errno, "cannot fork");
        _exit(0);
}

static void finish(QemuSpawn *spawn, int r, const VhError *err)
{
        QemuSpawnArgs args = spawn->args;
        pid_t pid = spawn->pid;

        qemu_spawn_free(spawn);
        args.done(args.data, pid, r, err);
}

static void failed(QemuSpawn *spawn, const Report *report)
{
        _vh_error_ VhError *err = NULL;
        int r = vh_error_sys(&err, VIR_FROM_QEMU, report->errnum, "%.*s", (int)sizeof(report->what), report->what);

        finish(spawn, r, err);
}

static void forked(QemuSpawn *spawn, pid_t pid)
{
        _vh_error_ VhError *err = NULL;
        int r;

        spawn->pid = pid;
        r = spawn->args.forked ? spawn->args.forked(spawn->args.data, pid, &err) : 0;
        if (r < 0)
                finish(spawn, r, err);
}

void qemu_spawn_go(QemuSpawn *spawn)
{
        (void)send(spawn->fd, "", 1, MSG_NOSIGNAL); /* a child that died is seen by the reader */
}

static void readable(void *data, uint32_t revents)
{
        QemuSpawn *spawn = data;
        Report report = { 0 };
        ssize_t n = recv(spawn->fd, &report, sizeof(report), 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n == sizeof(report) && report.errnum)
                failed(spawn, &report);
        else if (n == sizeof(report))
                forked(spawn, report.pid);
        else if (spawn->pid)
                finish(spawn, 0, NULL);
        else {
                report = (Report){ .errnum = ECHILD, .what = "the child died" };
                failed(spawn, &report);
        }
}

QemuSpawn *qemu_spawn(VhLoop *loop, const QemuSpawnArgs *args, VhError **err)
{
        QemuSpawn *spawn;
        int fds[2], status;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
                vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot make a socket");
                return NULL;
        }
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                fork_again(args, fds[1]);
        }
        close(fds[1]);
        if (pid < 0) {
                vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot fork");
                close(fds[0]);
                return NULL;
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        spawn = vh_new(QemuSpawn, 1);
        spawn->args = *args;
        spawn->fd = fds[0];
        spawn->source = vh_loop_add_io(loop, spawn->fd, EPOLLIN, readable, spawn);
        return spawn;
}

QemuSpawn *qemu_spawn_free(QemuSpawn *spawn)
{
        if (!spawn)
                return NULL;
        vh_source_free(spawn->source);
        close(spawn->fd);
        free(spawn);
        return NULL;
}
