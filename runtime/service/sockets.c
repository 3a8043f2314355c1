/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* With socket activation, descriptors are recognised by name and nothing is made by ourselves: a socket whose unit is
 * not started does not exist. Without, files and ports come from the configuration. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/file.h"
#include "base/log.h"
#include "service/sockets.h"

VH_LOG_SOURCE("service.sockets");

enum { TCP_SOCKETS_MAX = 16, PRIVATE_DIR_MODE = 0700, PUBLIC_DIR_MODE = 0755 };

struct VhSockets {
        char **files; /* that we made */
        unsigned n_files;
};

typedef struct Work {
        VhSockets *sockets;
        const VhSocketsConfig *c;
        gid_t group;
} Work;

static VhServer *server_of(const Work *w, const VhSocketDesc *d)
{
        return d->kind == VH_SOCKET_ADMIN ? w->c->admin : w->c->main;
}

static unsigned backlog_of(const Work *w, const VhSocketDesc *d)
{
        return d->kind == VH_SOCKET_ADMIN ? w->c->settings->admin.max_queued_clients
                                          : w->c->settings->main.max_queued_clients;
}

static int no_tls(VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_CONFIG_UNSUPPORTED,
                            "this build has no TLS: set listen_tls = 0 and leave the -tls.socket unit stopped");
}

/* Takes the fd over. */
static int add_listener(Work *w, const VhSocketDesc *d, int fd, bool own_file, VhError **err)
{
        VhListen listen = {
                .fd = fd,
                .transport = d->kind == VH_SOCKET_TCP ? VH_TRANSPORT_TCP : VH_TRANSPORT_UNIX,
                .read_only = d->kind == VH_SOCKET_RO,
                .own_file = own_file,
                .same_user_only = d->file && !d->auth_key,
        };
        int r = d->kind == VH_SOCKET_TLS ? no_tls(err) : vh_settings_auth(w->c->settings, d, &listen.auth, err);

        if (r < 0) {
                close(fd);
                return r;
        }
        return vh_server_add_listener(server_of(w, d), &listen, err);
}

/* Activation. */

static const VhSocketDesc *find_unit(const VhDaemonDesc *desc, const char *name)
{
        for (size_t i = 0; i < desc->n_sockets; i++)
                if (vh_streq(desc->sockets[i].unit, name))
                        return &desc->sockets[i];
        return NULL;
}

static int adopt(Work *w, int fd, const char *name, VhError **err)
{
        const VhSocketDesc *d = find_unit(w->c->desc, name);
        int flags = fcntl(fd, F_GETFL);

        if (!d)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                    "the system manager passed a socket named '%s', which %s does not know", name,
                                    w->c->desc->name);
        if (!sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1))
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                    "what the system manager passed as '%s' is not a listening stream socket", name);
        /* Our setting, not Backlog= of the unit, and never a blocking accept. */
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || listen(fd, (int)backlog_of(w, d)) < 0)
                return vh_error_sys(err, VIR_FROM_RPC, errno, "cannot listen on '%s'", name);
        return add_listener(w, d, fd, false, err);
}

static int adopt_all(Work *w, int n, char **names, VhError **err)
{
        if (w->c->listen)
                return vh_error_set(
                        err, VIR_FROM_CONF, VIR_ERR_CONFIG_UNSUPPORTED,
                        "--listen parameter not permitted with systemd activation sockets, see 'man %s' for "
                        "further guidance",
                        w->c->desc->name);
        for (int i = 0; i < n; i++) {
                int r = adopt(w, SD_LISTEN_FDS_START + i, names[i], err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Number of descriptors that we were started with; names is to be freed with its strings. */
static int passed_sockets(char ***names)
{
        bool named = getenv("LISTEN_FDNAMES") != NULL;
        int n = sd_listen_fds_with_names(1, names);

        if (n <= 0 || named)
                return n;
        vh_log_error("%d sockets were passed without LISTEN_FDNAMES: they are not used", n);
        for (int i = 0; i < n; i++)
                close(SD_LISTEN_FDS_START + i);
        return 0;
}

/* Our own sockets. */

static const char *socket_dir(const Work *w)
{
        const VhSettings *s = w->c->settings;

        return s->unix_sock_dir ? s->unix_sock_dir : w->c->paths->run_dir;
}

/* In session mode there is no admin socket beside a moved directory, as ever. */
static bool is_wanted(const Work *w, const VhSocketDesc *d)
{
        if (w->c->paths->privileged)
                return true;
        return d->session && !(d->kind == VH_SOCKET_ADMIN && w->c->settings->unix_sock_dir);
}

static void own_file(VhSockets *sockets, const char *path)
{
        sockets->files = vh_xrealloc(sockets->files, sockets->n_files + 1, sizeof(char *));
        sockets->files[sockets->n_files++] = vh_xstrdup(path);
}

static int open_unix(Work *w, const VhSocketDesc *d, VhError **err)
{
        _vh_free_ char *path = vh_path_join(socket_dir(w), d->file);
        unsigned mode = 0;
        int r = vh_settings_mode(w->c->settings, d, &mode, err);
        int fd;

        if (r < 0)
                return r;
        fd = vh_listen_unix(path, mode, w->group, backlog_of(w, d), err);
        if (fd < 0)
                return fd;
        own_file(w->sockets, path);
        return add_listener(w, d, fd, true, err);
}

static int open_tcp(Work *w, const VhSocketDesc *d, const char *port, VhError **err)
{
        int fds[TCP_SOCKETS_MAX];
        int n = vh_listen_tcp(w->c->settings->listen_addr, port, backlog_of(w, d), fds, TCP_SOCKETS_MAX, err);
        int r = 0;

        for (int i = 0; i < n; i++) {
                if (r >= 0)
                        r = add_listener(w, d, fds[i], false, err);
                else
                        close(fds[i]);
        }
        return VH_MIN(n, r);
}

/* The monolithic daemon opens ports only when told to on the command line, the proxy whenever the file says so. */
static int open_ip(Work *w, const VhSocketDesc *d, VhError **err)
{
        const char *port = NULL;
        bool enabled = false;
        int r;

        if (w->c->desc->listen_option && !w->c->listen)
                return 0;
        r = vh_settings_listener(w->c->settings, d, &enabled, &port, err);
        if (r < 0 || !enabled)
                return r;
        return d->kind == VH_SOCKET_TLS ? no_tls(err) : open_tcp(w, d, port, err);
}

static int open_own(Work *w, VhError **err)
{
        const VhDaemonDesc *desc = w->c->desc;
        int r = vh_mkdir_p(socket_dir(w), w->c->paths->privileged ? PUBLIC_DIR_MODE : PRIVATE_DIR_MODE);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_RPC, r, "cannot make directory %s", socket_dir(w));
        for (size_t i = 0; r >= 0 && i < desc->n_sockets; i++) {
                const VhSocketDesc *d = &desc->sockets[i];

                if (is_wanted(w, d))
                        r = d->file ? open_unix(w, d, err) : open_ip(w, d, err);
        }
        return r;
}

/* Sockets of the program before us. */

typedef struct Handed {
        Work *w;
        VhSocketKind kind;
} Handed;

static int take_handed(void *data, int fd, bool own, VhError **err)
{
        const Handed *h = data;
        const VhSocketDesc *d = vh_daemon_desc_socket(h->w->c->desc, h->kind);
        struct sockaddr_un address;
        socklen_t len = sizeof(address);

        if (!sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) || getsockname(fd, (struct sockaddr *)&address, &len) < 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                    "what the program before left is not a listening socket");
        if (own)
                own_file(h->w->sockets, address.sun_path);
        return add_listener(h->w, d, fd, own, err);
}

static int take_all_handed(Work *w, VhError **err)
{
        const json_t *servers = w->c->handed;
        Handed main = { w, VH_SOCKET_RW }, admin = { w, VH_SOCKET_ADMIN };
        int r = vh_handover_each_listener(json_object_get(servers, w->c->desc->name), take_handed, &main, err);

        return r < 0 ? r : vh_handover_each_listener(json_object_get(servers, "admin"), take_handed, &admin, err);
}

static void free_names(char **names)
{
        for (char **n = names; n && *n; n++)
                free(*n);
        free(names);
}

int vh_sockets_open(VhSockets **ret, const VhSocketsConfig *config, VhError **err)
{
        _vh_cleanup_(vh_sockets_freep) VhSockets *sockets = vh_new(VhSockets, 1);
        Work w = { .sockets = sockets, .c = config };
        char **names = NULL;
        int n = config->handed ? 0 : passed_sockets(&names);
        int r;

        r = n < 0 ? vh_error_sys(err, VIR_FROM_RPC, n, "cannot read the sockets that the system manager passed")
                  : vh_settings_group(config->settings, &w.group, err);
        if (r >= 0 && config->handed)
                r = take_all_handed(&w, err);
        else if (r >= 0)
                r = n > 0 ? adopt_all(&w, n, names, err) : open_own(&w, err);
        free_names(names);
        if (r >= 0)
                *ret = VH_TAKE_PTR(sockets);
        return VH_MIN(r, 0);
}

VhSockets *vh_sockets_free(VhSockets *sockets)
{
        if (!sockets)
                return NULL;
        for (unsigned i = 0; i < sockets->n_files; i++) {
                unlink(sockets->files[i]);
                free(sockets->files[i]);
        }
        free(sockets->files);
        free(sockets);
        return NULL;
}
