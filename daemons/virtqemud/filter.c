/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packing programs as children with a pipe. */

#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/log.h"

VH_LOG_SOURCE("qemu.filter");

static const char *const programs[QEMU_IMAGE_FORMATS] = {
        [QEMU_IMAGE_RAW] = "raw", [QEMU_IMAGE_GZIP] = "gzip", [QEMU_IMAGE_BZIP2] = "bzip2",
        [QEMU_IMAGE_XZ] = "xz",   [QEMU_IMAGE_LZOP] = "lzop",
};

struct QemuFilter {
        VhLoop *loop;
        const char *program;
        pid_t pid; /* 0: it ended */
        int pidfd;
        VhSource *exit_watch;
        int status;
        VhLater telling; /* of a program that ended before anybody waited */
        void (*done)(void *data, int r, const VhError *err);
        void *data;
};

/* ---- which ---- */

static bool has_program(const char *name)
{
        const char *path = getenv("PATH");
        _vh_free_ char *dirs = vh_xstrdup(path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        char *rest = NULL;

        for (char *dir = strtok_r(dirs, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
                _vh_free_ char *file = vh_xasprintf("%s/%s", dir, name);

                if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

static int find_format(const char *name, QemuImageFormat *format)
{
        for (unsigned i = 0; i < QEMU_IMAGE_FORMATS; i++)
                if (strcmp(programs[i], name) == 0) {
                        *format = (QemuImageFormat)i;
                        return 0;
                }
        return -EINVAL;
}

int qemu_image_format(const VhConf *conf, const char *key, const char *what, bool fall_back, QemuImageFormat *format,
                      VhError **err)
{
        const char *name = NULL;
        int r = 0;

        *format = QEMU_IMAGE_RAW;
        if (!conf || vh_conf_get_string(conf, key, &name, NULL) < 0 || !name)
                return 0;
        if (find_format(name, format) < 0)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                 "Invalid %s image format specified in configuration file", what);
        else if (*format != QEMU_IMAGE_RAW && !has_program(name))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                 "Compression program for %s image format in configuration file isn't available", what);
        if (r == 0 || !fall_back)
                return r;
        vh_log_warning("%s = \"%s\" cannot be used, raw is", key, name);
        vh_error_clear(err);
        *format = QEMU_IMAGE_RAW;
        return 0;
}

/* ---- running one ---- */

static void tell(VhLater *later)
{
        QemuFilter *filter = VH_CONTAINER_OF(later, QemuFilter, telling);
        _vh_error_ VhError *err = NULL;
        int r = 0;

        if (!WIFEXITED(filter->status) || WEXITSTATUS(filter->status) != 0)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "%s failed (wait status 0x%x)",
                                 filter->program, (unsigned)filter->status);
        filter->done(filter->data, r, err);
}

static void ended(void *data, uint32_t revents)
{
        QemuFilter *filter = data;

        filter->exit_watch = vh_source_free(filter->exit_watch);
        (void)waitpid(filter->pid, &filter->status, 0);
        filter->pid = 0;
        if (filter->done)
                vh_loop_later(filter->loop, &filter->telling);
}

/* Standard input and output become in and out; signals are as a fresh process has them. */
static int spawn(const char *program, bool unpack, int in, int out, pid_t *pid)
{
        char *argv[] = { (char *)program, (char *)(unpack ? "-dc" : "-c"), NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        r = posix_spawnp(pid, program, &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

QemuFilter *qemu_filter_new(VhLoop *loop, QemuImageFormat format, bool unpack, int file, int *pipe, VhError **err)
{
        QemuFilter *filter;
        int ends[2];
        pid_t pid;
        int r;

        if (pipe2(ends, O_CLOEXEC) < 0) {
                vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot make a pipe");
                return NULL;
        }
        r = unpack ? spawn(programs[format], true, file, ends[1], &pid)
                   : spawn(programs[format], false, ends[0], file, &pid);
        close(ends[unpack ? 1 : 0]);
        if (r < 0) {
                close(ends[unpack ? 0 : 1]);
                vh_error_sys(err, VIR_FROM_QEMU, r, "cannot run '%s'", programs[format]);
                return NULL;
        }
        *pipe = ends[unpack ? 0 : 1];
        filter = vh_new(QemuFilter, 1);
        filter->loop = loop;
        filter->program = programs[format];
        filter->pid = pid;
        filter->telling.run = tell;
        filter->pidfd = pidfd_open(pid, 0);
        if (filter->pidfd >= 0) {
                filter->exit_watch = vh_loop_add_io(loop, filter->pidfd, EPOLLIN, ended, filter);
                return filter;
        }
        vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot watch '%s'", programs[format]);
        close(VH_TAKE_FD(*pipe));
        return qemu_filter_free(filter);
}

void qemu_filter_wait(QemuFilter *filter, void (*done)(void *data, int r, const VhError *err), void *data)
{
        filter->done = done;
        filter->data = data;
        if (!filter->pid)
                vh_loop_later(filter->loop, &filter->telling);
}

QemuFilter *qemu_filter_free(QemuFilter *filter)
{
        if (!filter)
                return NULL;
        vh_source_free(filter->exit_watch);
        if (filter->pidfd >= 0)
                close(filter->pidfd);
        if (filter->pid) {
                (void)kill(filter->pid, SIGKILL);
                (void)waitpid(filter->pid, NULL, 0);
        }
        vh_loop_cancel_later(filter->loop, &filter->telling);
        free(filter);
        return NULL;
}
