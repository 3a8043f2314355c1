/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections to other hosts. */

#include "migrate-dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { PORT_TEXT = 8, SSH_ARGS = 16 };

struct QemuDial {
        QemuDialDone done; /* NULL: nobody waits any more */
        void *data;
        QemuDialKind kind;
        char *host, *user, *path, *uri;
        int port;
        int fd;
        VhError *err;
};

static void dial_free(QemuDial *d)
{
        if (d->fd >= 0)
                close(d->fd);
        vh_error_free(d->err);
        free(d->host);
        free(d->user);
        free(d->path);
        free(d->uri);
        free(d);
}

static int dial_unix(QemuDial *d)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        if (strlen(d->path) >= sizeof(addr.sun_path))
                return vh_error_set(&d->err, VIR_FROM_RPC, VIR_ERR_INVALID_ARG, "UNIX socket path '%s' too long",
                                    d->path);
        strcpy(addr.sun_path, d->path);
        d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (d->fd >= 0 && connect(d->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
                return 0;
        return vh_error_sys(&d->err, VIR_FROM_RPC, errno, "Failed to connect socket to '%s'", d->path);
}

static int dial_address(QemuDial *d, const struct addrinfo *a)
{
        d->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (d->fd < 0)
                return -errno;
        if (connect(d->fd, a->ai_addr, a->ai_addrlen) < 0) {
                int r = -errno;

                close(VH_TAKE_FD(d->fd));
                return r;
        }
        return 0;
}

static int dial_tcp(QemuDial *d)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        char port[PORT_TEXT];
        int r;

        snprintf(port, sizeof(port), "%d", d->port);
        r = getaddrinfo(d->host, port, &hints, &list);
        if (r != 0)
                return vh_error_plain(&d->err, VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR,
                                      "Unable to resolve address '%s' service '%s': %s", d->host, port,
                                      gai_strerror(r));
        r = -ENOENT;
        for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next)
                r = dial_address(d, a);
        freeaddrinfo(list);
        return r < 0 ? vh_error_sys(&d->err, VIR_FROM_RPC, r, "unable to connect to server at '%s:%s'", d->host, port)
                     : 0;
}

/* What runs over there: libvirt's own helper, which finds the socket, or netcat. The words come from a URI, so they are
 * quoted for the shell. */
static char *ssh_command(const QemuDial *d)
{
        if (strchr(d->path, '\'') || strchr(d->uri, '\''))
                return NULL;
        return vh_xasprintf("if command -v virt-ssh-helper >/dev/null 2>&1; then exec virt-ssh-helper '%s'; "
                            "else exec nc -U '%s'; fi",
                            d->uri, d->path);
}

/* setsid starts it as nobody's child, so that nobody has to wait for its end; its input ends with the connection. */
static int spawn_ssh(QemuDial *d, const char **argv, int fd)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t none;
        pid_t pid;
        int r, status = 0;

        sigemptyset(&none);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
        r = posix_spawnp(&pid, "setsid", &actions, &attr, (char **)(uintptr_t)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        if (r == 0 && (waitpid(pid, &status, 0) < 0 || status))
                r = EIO;
        return r ? vh_error_sys(&d->err, VIR_FROM_RPC, r, "cannot run ssh") : 0;
}

static int dial_ssh(QemuDial *d)
{
        _vh_free_ char *command = ssh_command(d);
        char port[PORT_TEXT];
        const char *argv[SSH_ARGS] = { "setsid", "-f", "ssh", "-T", "-e", "none", "-o", "BatchMode=yes" };
        size_t n = 8;
        int fds[2], r;

        if (!command || d->host[0] == '-')
                return vh_error_set(&d->err, VIR_FROM_RPC, VIR_ERR_INVALID_ARG, "the URI cannot be used with ssh");
        if (d->port) {
                snprintf(port, sizeof(port), "%d", d->port);
                argv[n++] = "-p";
                argv[n++] = port;
        }
        if (d->user) {
                argv[n++] = "-l";
                argv[n++] = d->user;
        }
        argv[n++] = "--";
        argv[n++] = d->host;
        argv[n++] = command;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return vh_error_sys(&d->err, VIR_FROM_RPC, errno, "cannot make a connection to ssh");
        r = spawn_ssh(d, argv, fds[1]);
        close(fds[1]);
        d->fd = fds[0];
        return r;
}

static int work(void *data)
{
        static int (*const ways[])(QemuDial * d) = {
                [QEMU_DIAL_TCP] = dial_tcp,
                [QEMU_DIAL_UNIX] = dial_unix,
                [QEMU_DIAL_SSH] = dial_ssh,
        };
        QemuDial *d = data;

        return ways[d->kind](d);
}

static void finished(void *data, int r)
{
        QemuDial *d = data;

        if (d->done)
                d->done(d->data, r < 0 ? r : VH_TAKE_FD(d->fd), r < 0 ? VH_TAKE_PTR(d->err) : NULL);
        dial_free(d);
}

QemuDial *qemu_dial(QemuDriver *driver, const QemuDialTo *to, QemuDialDone done, void *data)
{
        QemuDial *d = vh_new(QemuDial, 1);

        *d = (QemuDial){ .done = done,
                         .data = data,
                         .kind = to->kind,
                         .host = vh_xstrdup(to->host),
                         .user = vh_xstrdup(to->user),
                         .path = vh_xstrdup(to->path),
                         .uri = vh_xstrdup(to->uri),
                         .port = to->port,
                         .fd = -1 };
        vh_pool_submit(driver->pool, work, finished, d);
        return d;
}

QemuDial *qemu_dial_cancel(QemuDial *dial)
{
        if (dial)
                dial->done = NULL;
        return NULL;
}
