/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A child with three pipes, fed and read until it ends. */

#include "base/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/file.h"

enum {
        OUTPUT_MAX = 1024 * 1024, /* bytes that are kept of what a program writes */
        PIECE = 4096,
        MSEC = 1000,
};

typedef enum Pipe { IN, OUT, ERR, N_PIPES } Pipe;

/* What attend() waits for behind the pipes. */
enum { END = N_PIPES, STOP, N_WAITS };

typedef struct Child {
        pid_t pid;
        int pidfd;
        int stop_fd;      /* -1: none */
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

/* Does not return. */
static void become(const VhTool *tool, const int fds[N_PIPES], int report)
{
        int r = vh_child_take_place(fds, tool->fds, tool->n_fds);

        if (r == 0 && tool->drop)
                r = vh_child_drop_to(tool->uid, tool->gid);
        if (r == 0) {
                execve(tool->argv[0], tool->argv, tool->env ? tool->env : vh_child_env);
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

static void reap(Child *c, int *status)
{
        while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
                ;
        c->pid = 0;
}

static int start(Child *c, const VhTool *tool, VhError **err)
{
        int theirs[N_PIPES] = { -1, -1, -1 }, report[2] = { -1, -1 }, status;
        int r = make_pipes(c->fds, theirs, report);

        if (r == 0) {
                c->pid = fork();
                if (c->pid == 0) {
                        vh_child_reset();
                        become(tool, theirs, report[1]);
                }
                r = c->pid < 0 ? -errno : 0;
        }
        close_all(theirs, N_PIPES);
        vh_closep(&report[1]);
        if (r == 0)
                r = vh_child_wait_exec(report[0]);
        vh_closep(&report[0]);
        if (r == 0)
                c->pidfd = pidfd_open(c->pid, 0);
        if (r == 0 && c->pidfd < 0)
                r = -errno;
        if (r < 0 && c->pid > 0)
                reap(c, &status);
        return r < 0 ? vh_error_sys(err, tool->domain, r, "cannot run '%s'", tool->argv[0]) : 0;
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

/* Until it ends: 0, -ETIMEDOUT, or -ECANCELED. */
static int attend(Child *c)
{
        for (;;) {
                struct pollfd p[N_WAITS] = { { c->fds[IN], POLLOUT, 0 },
                                             { c->fds[OUT], POLLIN, 0 },
                                             { c->fds[ERR], POLLIN, 0 },
                                             { c->pidfd, POLLIN, 0 },
                                             { c->stop_fd, POLLIN, 0 } };
                int n = poll(p, N_WAITS, time_left(c));

                if (n == 0)
                        return -ETIMEDOUT;
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (p[IN].revents)
                        feed(c);
                for (Pipe from = OUT; from <= ERR; from++)
                        if (p[from].revents)
                                drain(c, from);
                if (p[END].revents)
                        return 0;
                if (p[STOP].revents)
                        return -ECANCELED;
        }
}

static char *take_text(VhBuf *b, bool trim)
{
        size_t n = b->len;

        while (trim && n && strchr(" \t\n", b->data[n - 1]))
                b->data[--n] = '\0';
        return b->data ? vh_buf_take(b) : vh_xstrdup("");
}

/* Why it has to end before it did. */
static void explain(const VhTool *tool, int r, VhError **err)
{
        if (r == -ECANCELED)
                vh_error_set(err, tool->domain, VIR_ERR_OPERATION_ABORTED, "'%s' was stopped", tool->argv[0]);
        else
                vh_error_set(err, tool->domain, VIR_ERR_INTERNAL_ERROR, "'%s' did not end in %u s", tool->argv[0],
                             tool->seconds);
}

int vh_tool_run(const VhTool *tool, VhToolEnd *end, VhError **err)
{
        Child c = {
                .pidfd = -1,
                .stop_fd = tool->stop_fd > 0 ? tool->stop_fd : -1,
                .fds = { -1, -1, -1 },
                .input = tool->input ? tool->input : "",
                .deadline = tool->seconds ? now_ms() + (uint64_t)tool->seconds * MSEC : UINT64_MAX,
        };
        int r = start(&c, tool, err);

        *end = (VhToolEnd){ 0 };
        if (r == 0) {
                if (!*c.input)
                        vh_closep(&c.fds[IN]);
                r = attend(&c);
                if (r < 0) {
                        (void)kill(c.pid, SIGKILL);
                        explain(tool, r, err);
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

void vh_tool_end_done(VhToolEnd *end)
{
        free(end->output);
        free(end->message);
        *end = (VhToolEnd){ 0 };
}

/* Quoted where a shell would see more than a word. */
static void add_quoted(VhBuf *b, const char *arg)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%^";

        if (*arg && arg[strspn(arg, plain)] == '\0') {
                vh_buf_adds(b, arg);
                return;
        }
        vh_buf_addc(b, '\'');
        for (; *arg; arg++)
                if (*arg == '\'')
                        vh_buf_adds(b, "'\\''");
                else
                        vh_buf_addc(b, *arg);
        vh_buf_addc(b, '\'');
}

char *vh_tool_line(char *const argv[], char *const env[], const char *options)
{
        VhBuf b = { 0 };

        for (size_t i = 0; env && env[i]; i++) {
                add_quoted(&b, env[i]);
                vh_buf_adds(&b, options);
        }
        for (size_t i = 0; argv && argv[i]; i++) {
                if (i)
                        vh_buf_adds(&b, argv[i][0] == '-' ? options : " ");
                add_quoted(&b, argv[i]);
        }
        return vh_buf_take(&b);
}

int vh_tool_must(const VhTool *tool, VhError **err)
{
        _vh_tool_end_ VhToolEnd end = { 0 };
        _vh_free_ char *line = NULL;
        int r = vh_tool_run(tool, &end, err);

        if (r < 0 || (WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0))
                return r;
        line = vh_tool_line(tool->argv, tool->env, " ");
        if (WIFSIGNALED(end.status))
                return vh_error_set(err, tool->domain, VIR_ERR_INTERNAL_ERROR,
                                    "Child process (%s) unexpected fatal signal %d: %s", line, WTERMSIG(end.status),
                                    end.message);
        return vh_error_set(err, tool->domain, VIR_ERR_INTERNAL_ERROR,
                            "Child process (%s) unexpected exit status %d: %s", line, WEXITSTATUS(end.status),
                            end.message);
}

char *vh_tool_find(const char *name)
{
        const char *path = getenv("PATH");
        _vh_free_ char *list = vh_xstrdup(path ? path : VH_CHILD_PATH);
        char *save = NULL;

        for (char *dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
                char *file = vh_path_join(dir, name);

                if (access(file, X_OK) == 0)
                        return file;
                free(file);
        }
        return NULL;
}
