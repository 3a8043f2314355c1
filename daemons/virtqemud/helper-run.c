/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs beside a guest as items of work: starting them, and their end. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <utlist.h>

#include "base/file.h"
#include "base/log.h"
#include "group.h"
#include "helpers.h"
#include "isolation.h"
#include "security.h"

VH_LOG_SOURCE("qemu.helpers");

enum {
        READY_TRIES = 1000,             /* for a socket */
        READY_PAUSE = 10 * 1000 * 1000, /* nanoseconds between them */
        TERM_MSEC = 2000,               /* to end after SIGTERM */
        PID_FILE_MAX = 64,
        SOCKETS_MAX = 64 * 1024 * 1024, /* bytes of the kernel's list */
        SOCKET_MODE = 0775,
};

/* Of a socket in the kernel's list that takes connections: its flags. */
#define ACCEPTS " 00010000 "

/* ---- starting ---- */

/* A socket that the program finds open: who connects does not wait for it. */
static int listen_for(QemuHelperItem *h, VhError **err)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

        if (strlen(h->socket) >= sizeof(addr.sun_path))
                r = -ENAMETOOLONG;
        else
                strcpy(addr.sun_path, h->socket);
        if (r == 0 && (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0 ||
                       chmod(h->socket, SOCKET_MODE) < 0 || lchown(h->socket, h->guest_uid, h->guest_gid) < 0))
                r = -errno;
        if (r < 0) {
                vh_closep(&fd);
                return vh_error_sys(err, VIR_FROM_QEMU, r, "unable to listen on '%s'", h->socket);
        }
        qemu_command_pass_fd(&h->cmd, fd);
        return fd;
}

/* "--fd=@" gets the number. */
static void name_fd(QemuCommand *cmd, int fd)
{
        for (size_t i = 0; i < cmd->n_argv; i++)
                if (vh_endswith(cmd->argv[i], "=@")) {
                        char *arg = vh_xasprintf("%.*s%d", (int)strlen(cmd->argv[i]) - 1, cmd->argv[i], fd);

                        free(cmd->argv[i]);
                        cmd->argv[i] = arg;
                }
}

/* Between its name and its being open for connections a moment passes. Trying would be somebody's first connection. */
static bool is_open(const char *socket)
{
        _vh_free_ char *all = NULL, *end = vh_xasprintf(" %s", socket);
        char *rest = NULL;
        size_t n;

        if (vh_file_read("/proc/net/unix", SOCKETS_MAX, &all, &n) < 0)
                return true;
        for (char *line = strtok_r(all, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                if (vh_endswith(line, end) && strstr(line, ACCEPTS))
                        return true;
        return false;
}

static int wait_ready(const QemuHelperItem *h, VhError **err)
{
        const struct timespec pause = { .tv_nsec = READY_PAUSE };

        for (unsigned i = 0; i < READY_TRIES; i++) {
                /* Before it is open the program may still set its mode, which only the owner can. */
                if (is_open(h->socket) && lchown(h->socket, h->guest_uid, h->guest_gid) == 0)
                        return 0;
                if (kill(h->pid, 0) < 0)
                        break;
                nanosleep(&pause, NULL);
        }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "Unable to start '%s': it made no socket '%s', see %s", h->cmd.argv[0], h->socket,
                            h->log_path);
}

static int make(QemuHostItem *item, VhError **err)
{
        QemuHelperItem *h = (QemuHelperItem *)item;
        QemuBackground program = {
                .cmd = &h->cmd,
                .pid_path = h->pid_path,
                .log_path = h->log_path,
                .label = h->label,
                .drop = h->drop,
                .uid = h->uid,
                .gid = h->gid,
        };
        int r = h->prepare ? h->prepare(h, err) : 0;

        if (r == 0 && h->socket)
                (void)unlink(h->socket);
        if (r == 0 && h->listens) {
                r = listen_for(h, err);
                if (r >= 0)
                        name_fd(&h->cmd, r);
        }
        r = r < 0 ? r : qemu_program_background(&program, &h->pid, err);
        if (r == 0 && h->socket && !h->listens)
                r = wait_ready(h, err);
        if (r < 0)
                item->class->remove(item);
        return VH_MIN(r, 0);
}

/* ---- ending ---- */

/* The process that holds the lock of the pid file; 0: it is gone. */
static pid_t holder(const char *pid_path)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
        _vh_close_ int fd = open(pid_path, O_RDWR | O_CLOEXEC);

        return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

static void end_process(pid_t pid)
{
        _vh_close_ int fd = pidfd_open(pid, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };

        if (fd < 0 || pidfd_send_signal(fd, SIGTERM, NULL, 0) < 0)
                return;
        if (poll(&p, 1, TERM_MSEC) == 0)
                (void)pidfd_send_signal(fd, SIGKILL, NULL, 0);
}

static void remove_helper(QemuHostItem *item)
{
        QemuHelperItem *h = (QemuHelperItem *)item;
        pid_t pid = holder(h->pid_path);

        if (pid > 0)
                end_process(pid);
        (void)unlink(h->pid_path);
        if (h->socket)
                (void)unlink(h->socket);
}

/* ---- the item ---- */

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        const QemuHelperItem *h = (QemuHelperItem *)item;
        QemuHelper *helper = vh_new(QemuHelper, 1);
        _vh_error_ VhError *err = NULL;

        helper->pid_path = vh_xstrdup(h->pid_path);
        helper->pid = h->pid;
        LL_APPEND(proc->helpers, helper);
        /* At a start all join once there is a group. */
        if (!proc->starting && qemu_group_add_helper(proc, h->pid, &err) < 0)
                vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(err, -EIO));
}

static void item_free(QemuHostItem *item)
{
        QemuHelperItem *h = (QemuHelperItem *)item;

        qemu_command_done(&h->cmd);
        free(h->pid_path);
        free(h->log_path);
        free(h->socket);
        free(h->label);
        if (h->free_data)
                h->free_data(h->data);
        free(h);
}

static const QemuHostItemClass helper_class = {
        .make = make,
        .remove = remove_helper,
        .adopt = adopt,
        .free = item_free,
};

QemuHelperItem *qemu_helper_new(const QemuProcess *proc, const char *pid_name)
{
        QemuHelperItem *h = vh_new(QemuHelperItem, 1);
        QemuAccount account = { geteuid(), getegid() };

        if (proc->driver->env.privileged)
                (void)qemu_account(proc->driver, &account, NULL);
        h->guest_uid = account.uid;
        h->guest_gid = account.gid;
        h->item.class = &helper_class;
        h->pid_path = vh_path_join(proc->driver->run_dir, pid_name);
        return h;
}

void qemu_helper_confine(QemuHelperItem *helper, const QemuProcess *proc)
{
        helper->label = qemu_security_helper_label(proc);
}

char *qemu_helper_prefix(const QemuProcess *proc)
{
        return vh_xstrdup(vh_startswith(strrchr(proc->lib_dir, '/') + 1, "domain-"));
}
