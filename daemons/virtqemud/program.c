/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child with three pipes, fed and read until it ends. */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "selinux-host.h"
#include "spawn.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
        OUTPUT_MAX = 1024 * 1024, /* bytes that are kept of what a program writes */
        PIECE = 4096,
        MSEC = 1000,
        LOG_MODE = 0600,
};

typedef enum Pipe { IN, OUT, ERR, N_PIPES } Pipe;

typedef struct Child {
        pid_t pid;
        int pidfd;
        int fds[N_PIPES]; /* our ends; -1: closed */
        VhBuf read[N_PIPES];
        const char *input;
        uint64_t deadline; /* milliseconds; UINT64_MAX: none */
} Child;

static uint64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * MSEC + (uint64_t)t.tv_nsec / (1000 * 1000);
}

/* The environment of programs that come without one. */
static char *const plain[] = { (char *)"LC_ALL=C", (char *)"PATH=" DEFAULT_PATH, NULL };

/* ---- the child: only what is safe behind a fork of a process with threads ---- */

static void reset(void)
{
        struct sigaction dfl = { .sa_handler = SIG_DFL };
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)sigaction(i, &dfl, NULL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
}

static int drop_to(uid_t uid, gid_t gid)
{
        if (syscall(SYS_setgroups, (size_t)0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
            syscall(SYS_setresuid, uid, uid, uid) < 0)
                return -errno;
        return 0;
}

static int take_place(const QemuCommand *cmd, const int fds[N_PIPES])
{
        if (chdir("/") < 0 || dup2(fds[IN], STDIN_FILENO) < 0 || dup2(fds[OUT], STDOUT_FILENO) < 0 ||
            dup2(fds[ERR], STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < cmd->n_fds; i++)
                (void)fcntl(cmd->fds[i], F_SETFD, 0);
        return 0;
}

/* Does not return. */
static void become(const QemuCommand *cmd, const QemuBackground *as, const int fds[N_PIPES], int report)
{
        int r = take_place(cmd, fds);

        if (r == 0 && as->pid_path)
                r = qemu_spawn_pid_file(as->pid_path); /* behind the others: it stays open */
        if (r == 0 && as->drop)
                r = drop_to(as->uid, as->gid);
        if (r == 0 && as->label)
                r = qemu_selinux_at_exec(as->label);
        if (r == 0) {
                execve(cmd->argv[0], cmd->argv, cmd->env ? cmd->env : (char **)plain);
                r = -errno;
        }
        r = -r;
        (void)!write(report, &r, sizeof(r));
        _exit(127);
}

/* ---- starting it ---- */

static void close_all(int fds[], size_t n)
{
        for (size_t i = 0; i < n; i++)
                vh_closep(&fds[i]);
}

static int make_pipes(int ours[N_PIPES], int theirs[N_PIPES], int report[2])
{
        int r = pipe2(report, O_CLOEXEC) < 0 ? -errno : 0;

        for (int i = 0; r == 0 && i < N_PIPES; i++) {
                int p[2];

                if (pipe2(p, O_CLOEXEC) < 0)
                        return -errno;
                ours[i] = p[i == IN];
                theirs[i] = p[i != IN];
                (void)fcntl(ours[i], F_SETFL, O_NONBLOCK);
        }
        return r;
}

/* Waits until the child is the program; -errno if it cannot be. */
static int wait_exec(int fd)
{
        int e;
        ssize_t n;

        do
                n = read(fd, &e, sizeof(e));
        while (n < 0 && errno == EINTR);
        return n == sizeof(e) ? -e : 0;
}

static void reap(Child *c, int *status)
{
        while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
                ;
        c->pid = 0;
}

static int start(Child *c, const QemuProgram *program, VhError **err)
{
        const QemuBackground as = { .drop = program->drop, .uid = program->uid, .gid = program->gid };
        const QemuCommand *cmd = program->cmd;
        int theirs[N_PIPES] = { -1, -1, -1 }, report[2] = { -1, -1 }, status;
        int r = make_pipes(c->fds, theirs, report);

        if (r == 0) {
                c->pid = fork();
                if (c->pid == 0) {
                        reset();
                        become(cmd, &as, theirs, report[1]);
                }
                r = c->pid < 0 ? -errno : 0;
        }
        close_all(theirs, N_PIPES);
        vh_closep(&report[1]);
        if (r == 0)
                r = wait_exec(report[0]);
        vh_closep(&report[0]);
        if (r == 0)
                c->pidfd = pidfd_open(c->pid, 0);
        if (r == 0 && c->pidfd < 0)
                r = -errno;
        if (r < 0 && c->pid > 0)
                reap(c, &status);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot run '%s'", cmd->argv[0]) : 0;
}

/* ---- talking to it ---- */

static void feed(Child *c)
{
        ssize_t n = write(c->fds[IN], c->input, strlen(c->input));

        if (n > 0)
                c->input += n;
        if ((n < 0 && errno != EAGAIN && errno != EINTR) || !*c->input)
                vh_closep(&c->fds[IN]);
}

static void drain(Child *c, Pipe from)
{
        char piece[PIECE];
        ssize_t n = read(c->fds[from], piece, sizeof(piece));

        if (n > 0 && c->read[from].len < OUTPUT_MAX)
                vh_buf_add(&c->read[from], piece, (size_t)n);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                vh_closep(&c->fds[from]);
}

/* What it left in the pipes when it ended; a child of its own may still hold them open. */
static void drain_rest(Child *c)
{
        for (Pipe from = OUT; from <= ERR; from++) {
                size_t before;

                do {
                        before = c->read[from].len;
                        if (c->fds[from] >= 0)
                                drain(c, from);
                } while (c->read[from].len > before);
        }
}

static int time_left(const Child *c)
{
        uint64_t now = now_ms();

        return c->deadline == UINT64_MAX ? -1 : c->deadline <= now ? 0 : (int)(c->deadline - now);
}

/* Until it ends: 0, or -ETIMEDOUT. */
static int attend(Child *c)
{
        for (;;) {
                struct pollfd p[N_PIPES + 1] = { { c->fds[IN], POLLOUT, 0 },
                                                 { c->fds[OUT], POLLIN, 0 },
                                                 { c->fds[ERR], POLLIN, 0 },
                                                 { c->pidfd, POLLIN, 0 } };
                int n = poll(p, N_PIPES + 1, time_left(c));

                if (n == 0)
                        return -ETIMEDOUT;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (p[IN].revents)
                        feed(c);
                for (Pipe from = OUT; from <= ERR; from++)
                        if (p[from].revents)
                                drain(c, from);
                if (p[N_PIPES].revents)
                        return 0;
        }
}

static char *take_text(VhBuf *b, bool trim)
{
        size_t n = b->len;

        while (trim && n && strchr(" \t\n", b->data[n - 1]))
                b->data[--n] = '\0';
        return b->data ? vh_buf_take(b) : vh_xstrdup("");
}

int qemu_program_run(const QemuProgram *program, QemuProgramEnd *end, VhError **err)
{
        Child c = {
                .pidfd = -1,
                .fds = { -1, -1, -1 },
                .input = program->input ? program->input : "",
                .deadline = program->seconds ? now_ms() + (uint64_t)program->seconds * MSEC : UINT64_MAX,
        };
        int r = start(&c, program, err);

        *end = (QemuProgramEnd){ 0 };
        if (r == 0) {
                if (!*c.input)
                        vh_closep(&c.fds[IN]);
                r = attend(&c);
                if (r < 0) {
                        (void)kill(c.pid, SIGKILL);
                        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "'%s' did not end in %u s",
                                     program->cmd->argv[0], program->seconds);
                }
                drain_rest(&c);
                reap(&c, &end->status);
                end->output = take_text(&c.read[OUT], false);
                end->message = take_text(&c.read[ERR], true);
        }
        close_all(c.fds, N_PIPES);
        vh_closep(&c.pidfd);
        vh_buf_done(&c.read[OUT]);
        vh_buf_done(&c.read[ERR]);
        return r;
}

void qemu_program_end_done(QemuProgramEnd *end)
{
        free(end->output);
        free(end->message);
        *end = (QemuProgramEnd){ 0 };
}

int qemu_program_must(const QemuProgram *program, VhError **err)
{
        _qemu_program_end_ QemuProgramEnd end = { 0 };
        _vh_free_ char *line = NULL;
        int r = qemu_program_run(program, &end, err);

        if (r < 0 || (WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0))
                return r;
        line = qemu_command_line(program->cmd);
        if (WIFSIGNALED(end.status))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Child process (%s) unexpected fatal signal %d: %s", line, WTERMSIG(end.status),
                                    end.message);
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "Child process (%s) unexpected exit status %d: %s", line, WEXITSTATUS(end.status),
                            end.message);
}

char *qemu_program_find(const char *name)
{
        const char *path = getenv("PATH");
        _vh_free_ char *list = vh_xstrdup(path ? path : DEFAULT_PATH);
        char *save = NULL;

        for (char *dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
                char *file = vh_path_join(dir, name);

                if (access(file, X_OK) == 0)
                        return file;
                free(file);
        }
        return NULL;
}

/* ---- in the background ---- */

int qemu_program_background(const QemuBackground *program, pid_t *pid, VhError **err)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int log = open(program->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        int report[2] = { -1, -1 }, status, r = null < 0 || log < 0 || pipe2(report, O_CLOEXEC) < 0 ? -errno : 0;
        const int fds[N_PIPES] = { null, log, log };
        pid_t child = r < 0 ? -1 : fork();

        if (child == 0) {
                reset();
                if (fork() == 0) {
                        child = getpid();
                        (void)!write(report[1], &child, sizeof(child));
                        become(program->cmd, program, fds, report[1]);
                }
                _exit(0);
        }
        if (r == 0 && child < 0)
                r = -errno;
        if (child > 0)
                while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                        ;
        vh_closep(&report[1]);
        if (r == 0 && read(report[0], pid, sizeof(*pid)) != sizeof(*pid))
                r = -ECHILD;
        if (r == 0)
                r = wait_exec(report[0]);
        vh_closep(&report[0]);
        vh_closep(&log);
        vh_closep(&null);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot run '%s'", program->cmd->argv[0]) : 0;
}
