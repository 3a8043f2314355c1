/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes listening sockets. */

#include "rpc/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int set_address(struct sockaddr_un *address, const char *path)
{
        address->sun_family = AF_UNIX;
        if (strlen(path) >= sizeof(address->sun_path))
                return -ENAMETOOLONG;
        strcpy(address->sun_path, path);
        return 0;
}

/* The umask keeps others out between bind() and the final mode. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
        mode_t old = umask(0177);
        int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

        umask(old);
        return r;
}

static int open_unix(const char *path, mode_t mode, gid_t group, unsigned backlog)
{
        struct sockaddr_un address = {};
        _vh_close_ int fd = -1;
        int r;

        r = set_address(&address, path);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        r = bind_private(fd, &address);
        if (r < 0)
                return r;
        if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0)
                return -errno;
        if (chmod(path, mode) < 0 || listen(fd, (int)backlog) < 0)
                return -errno;
        return VH_TAKE_FD(fd);
}

int vh_listen_unix(const char *path, mode_t mode, gid_t group, unsigned backlog, VhError **err)
{
        int r = open_unix(path, mode, group, backlog);

        return r < 0 ? vh_error_sys(err, VIR_FROM_RPC, r, "Failed to listen on socket '%s'", path) : r;
}

static int open_tcp(const struct addrinfo *ai, unsigned backlog)
{
        _vh_close_ int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);

        if (fd < 0)
                return -errno;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        if (ai->ai_family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, (int)backlog) < 0)
                return -errno;
        return VH_TAKE_FD(fd);
}

int vh_listen_tcp(const char *host, const char *service, unsigned backlog, int *fds, unsigned max, VhError **err)
{
        struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;
        int n = 0, r;

        r = getaddrinfo(host, service, &hints, &list);
        if (r)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR,
                                    "Unable to resolve address '%s' service '%s': %s", host ? host : "", service,
                                    gai_strerror(r));
        for (const struct addrinfo *ai = list; ai && (unsigned)n < max; ai = ai->ai_next) {
                r = open_tcp(ai, backlog);
                if (r >= 0)
                        fds[n++] = r;
        }
        freeaddrinfo(list);
        /* One family may be missing on this host; all of them may not. */
        return n ? n
                 : vh_error_sys(err, VIR_FROM_RPC, r, "Unable to listen on '%s' port '%s'", host ? host : "*", service);
}
