/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /proc/PID/stat and its relatives. */

#include "proc-stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, KIB = 1024, NSEC_PER_SEC = 1000000000 };

/* The files are small and never block. */
static int read_text(const char *path, char text[TEXT_MAX])
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_MAX - 1);
        int r = n < 0 ? -errno : 0;

        if (fd >= 0)
                close(fd);
        text[n < 0 ? 0 : n] = '\0';
        return r;
}

static void make_path(char path[64], pid_t pid, pid_t tid, const char *file)
{
        if (tid)
                snprintf(path, 64, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
        else
                snprintf(path, 64, "/proc/%d/%s", (int)pid, file);
}

static uint64_t ticks(unsigned long n)
{
        return (uint64_t)n * (NSEC_PER_SEC / (unsigned long)sysconf(_SC_CLK_TCK));
}

/* Fields are counted from the state, behind the name, which may hold anything. */
static int parse_stat(const char *text, QemuProcStat *stat)
{
        const char *rest = strrchr(text, ')');
        unsigned long user, system;
        char state;
        long rss;

        if (!rest || sscanf(rest,
                            ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld "
                            "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
                            &state, &user, &system, &rss, &stat->cpu) != 5)
                return -EBADMSG;
        stat->user = ticks(user);
        stat->system = ticks(system);
        stat->rss = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) / KIB;
        stat->running = state == 'R';
        return 0;
}

int qemu_proc_stat(pid_t pid, pid_t tid, QemuProcStat *stat)
{
        char path[64], text[TEXT_MAX];
        unsigned long long delay;
        int r;

        memset(stat, 0, sizeof(*stat));
        make_path(path, pid, tid, "stat");
        r = read_text(path, text);
        if (r == 0)
                r = parse_stat(text, stat);
        if (r < 0)
                return r;
        make_path(path, pid, tid, "schedstat");
        if (read_text(path, text) == 0 && sscanf(text, "%*u %llu", &delay) == 1)
                stat->delay = delay;
        return 0;
}
