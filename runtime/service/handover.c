/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state file, and what of a server goes into it. */

#include "service/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"

VH_LOG_SOURCE("service.handover");

enum {
        STATE_MODE = 0600,
        STATE_SIZE_MAX = 256 * 1024 * 1024, /* more than a daemon with all its descriptors in use can have to say */
};

void vh_kept_fds_add(VhKeptFds *kept, int fd)
{
        kept->fds = vh_xrealloc(kept->fds, kept->n + 1, sizeof(int));
        kept->fds[kept->n++] = fd;
}

void vh_kept_fds_done(VhKeptFds *kept)
{
        free(kept->fds);
        *kept = (VhKeptFds){ 0 };
}

/* Beside the pid file of the default place. */
char *vh_handover_path(const VhPaths *paths, const VhDaemonDesc *desc)
{
        _vh_free_ char *dir = vh_xstrdup(paths->pid_file);

        *strrchr(dir, '/') = '\0';
        return vh_xasprintf("%s/%s-restart-exec.json", dir, desc->name);
}

/* The mark is the pid, as text: exec keeps it. */
static char *own_mark(void)
{
        return vh_xasprintf("%ld", (long)getpid());
}

int vh_handover_take(json_t **state, const char *path, VhError **err)
{
        _vh_free_ char *text = NULL, *mark = own_mark();
        json_error_t why;
        json_t *found;
        size_t len;
        int r = vh_file_read(path, STATE_SIZE_MAX, &text, &len);

        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "cannot read %s", path);
        unlink(path);
        found = json_loadb(text, len, 0, &why);
        if (!found)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR,
                                    "cannot parse the state %s of the program before: line %d: %s", path, why.line,
                                    why.text);
        if (!vh_streq(json_string_value(json_object_get(found, "magic")), mark)) {
                json_decref(found);
                return 0;
        }
        *state = found;
        return 1;
}

static void set_inherited(const VhKeptFds *kept, bool inherited)
{
        for (unsigned i = 0; i < kept->n; i++)
                fcntl(kept->fds[i], F_SETFD, inherited ? 0 : FD_CLOEXEC);
}

int vh_handover_exec(const char *path, json_t *state, const VhKeptFds *kept, const char *program, char **argv,
                     VhError **err)
{
        _vh_free_ char *mark = own_mark(), *text = NULL;
        int r;

        json_object_set_new(state, "magic", json_string(mark));
        text = json_dumps(state, JSON_INDENT(2));
        if (!text)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, "the state cannot be put as JSON");
        r = vh_file_write(path, text, strlen(text), STATE_MODE, VH_FILE_SAME_OWNER, VH_FILE_SAME_OWNER,
                          VH_FILE_NO_SYNC);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "cannot write %s", path);
        set_inherited(kept, true);
        execv(program, argv);
        r = -errno;
        set_inherited(kept, false);
        unlink(path);
        return vh_error_sys(err, VIR_FROM_NONE, r, "cannot execute %s", program);
}

/* Saving. */

/* A file at the socket's name is removed at the end by who made it: systemd keeps those that it passes. */
static json_t *save_socket(int fd, bool client, bool unlink)
{
        return json_pack("{s:i, s:i, s:i, s:b, s:b}", "fd", fd, "errfd", -1, "pid", 0, "isClient", client, "unlinkUNIX",
                         unlink);
}

static json_t *save_listeners(const VhServer *server, VhKeptFds *kept)
{
        json_t *all = json_array();
        const VhListen *l;

        for (unsigned i = 0; (l = vh_server_listener(server, i)); i++) {
                json_array_append_new(all, json_pack("{s:i, s:b, s:i, s:[o]}", "auth", (int)l->auth, "readonly",
                                                     l->read_only, "nrequests_client_max", 1, "socks",
                                                     save_socket(l->fd, false, l->own_file)));
                vh_kept_fds_add(kept, l->fd);
        }
        return all;
}

static json_t *save_client(const VhClient *client, json_t *private)
{
        return json_pack("{s:I, s:i, s:b, s:b, s:i, s:I, s:o, s:o}", "id", (json_int_t)vh_client_id(client), "auth",
                         (int)vh_client_auth(client), "auth_pending", !vh_client_is_authenticated(client), "readonly",
                         vh_client_read_only(client), "nrequests_max", 1, "conn_time",
                         (json_int_t)vh_client_timestamp(client), "sock",
                         save_socket(vh_client_fd(client), true, false), "privateData",
                         private ? private : json_object());
}

static json_t *save_clients(const VhServer *server, VhKeptFds *kept, json_t *(*private)(const VhClient *client))
{
        json_t *all = json_array();

        for (const VhClient *c = vh_server_first_client(server); c; c = vh_client_next(c)) {
                if (!vh_client_is_idle(c))
                        continue;
                json_array_append_new(all, save_client(c, private ? private(c) : NULL));
                vh_kept_fds_add(kept, vh_client_fd(c));
        }
        return all;
}

json_t *vh_handover_save_server(const VhServer *server, VhKeptFds *kept, json_t *(*private)(const VhClient *client))
{
        const VhServerLimits *l = vh_server_limits_of(server);

        return json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "min_workers", 0, "max_workers", 0,
                         "priority_workers", 0, "max_clients", (json_int_t)l->max_clients, "max_anonymous_clients",
                         (json_int_t)l->max_anonymous_clients, "keepaliveInterval",
                         (json_int_t)(uint32_t)l->keepalive_interval, "keepaliveCount", (json_int_t)l->keepalive_count,
                         "next_client_id", (json_int_t)vh_server_next_client_id(server), "services",
                         save_listeners(server, kept), "clients", save_clients(server, kept, private));
}

int vh_handover_check_text(const char *text, const char *what, int domain, VhError **err)
{
        json_t *kept = json_string(text);

        if (!kept)
                return vh_error_set(err, domain, VIR_ERR_INVALID_ARG, "%s is not UTF-8", what);
        json_decref(kept);
        return 0;
}

/* Loading. */

int vh_handover_fd(const json_t *object, const char *key, int *fd)
{
        json_int_t n = json_integer_value(json_object_get(object, key));
        int flags = n > STDERR_FILENO && n <= INT32_MAX ? fcntl((int)n, F_GETFD) : -1;

        /* One that exec() would not have kept is our own, or somebody has taken it already. */
        if (flags < 0 || flags & FD_CLOEXEC || fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
                return -EBADF;
        *fd = (int)n;
        return 0;
}

int vh_handover_each_listener(const json_t *server, int (*add)(void *data, int fd, bool unlink, VhError **err),
                              void *data, VhError **err)
{
        const json_t *services = json_object_get(server, "services"), *service, *socket;
        size_t i, j;
        int fd, r;

        json_array_foreach(services, i, service)
        {
                json_array_foreach(json_object_get(service, "socks"), j, socket)
                {
                        if (vh_handover_fd(socket, "fd", &fd) < 0)
                                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                                    "a listening socket of the program before is not there");
                        r = add(data, fd, json_is_true(json_object_get(socket, "unlinkUNIX")), err);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int load_client(const json_t *state, VhServer *server, const VhListen *listen,
                       int (*load)(void *data, VhClient *client, const json_t *state), void *data)
{
        VhListen l = *listen;
        VhClient *client;
        int r = vh_handover_fd(json_object_get(state, "sock"), "fd", &l.fd);

        if (r >= 0)
                r = vh_server_add_connection(server, &l, &client);
        if (r < 0)
                return r;
        vh_client_restore(client, (uint64_t)json_integer_value(json_object_get(state, "id")),
                          (int64_t)json_integer_value(json_object_get(state, "conn_time")));
        r = load ? load(data, client, json_object_get(state, "privateData")) : 0;
        if (r < 0)
                vh_client_close(client);
        return r;
}

void vh_handover_load_clients(const json_t *state, VhServer *server, const VhListen *listen,
                              int (*load)(void *data, VhClient *client, const json_t *state), void *data)
{
        const json_t *client;
        size_t i;

        json_array_foreach(json_object_get(state, "clients"), i, client)
        {
                int r = load_client(client, server, listen, load, data);

                if (r < 0)
                        vh_log_error("a client of the program before cannot be taken over: %s", vh_error_text(NULL, r));
        }
}
