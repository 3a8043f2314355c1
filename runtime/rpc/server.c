/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners, limits, and the list of clients. */

#include "rpc/server.h"

#include "rpc/server-private.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
        ACCEPTS_PER_WAKEUP = 16,
        RETRY_USEC = 100 * 1000, /* when the process or the system has no descriptor left */
        PAUSE_MAX_USEC = RETRY_USEC,
};

static void update_listeners(VhServer *server);

static void retry_accept(void *data)
{
        VhServer *server = data;

        server->paused = false;
        update_listeners(server);
}

void vh_server_pause_accept(VhServer *server, uint64_t usec)
{
        uint64_t now = vh_loop_now(server->loop);
        uint64_t since = server->paused ? VH_MAX(server->paused_until, now) : now;

        server->paused = true;
        server->paused_until = VH_MIN(since + usec, now + PAUSE_MAX_USEC);
        update_listeners(server);
        vh_source_rearm(server->retry, server->paused_until - now);
}

VhServer *vh_server_new(VhLoop *loop, const char *name, const VhServerLimits *limits, const VhServerHooks *hooks,
                        void *data)
{
        VhServer *server = vh_new(VhServer, 1);

        server->refs = 1;
        server->loop = loop;
        server->name = vh_xstrdup(name);
        server->limits = *limits;
        if (hooks)
                server->hooks = *hooks;
        server->hooks_data = data;
        server->accepting = true;
        server->pool = vh_pool_new(loop, limits->min_workers, VH_MAX(limits->max_workers, 1U));
        server->retry = vh_loop_add_timer(loop, UINT64_MAX, retry_accept, server);
        vh_fairness_init(server);
        return server;
}

VhServer *vh_server_ref(VhServer *server)
{
        server->refs++;
        return server;
}

/* The last late call may end after its server: then there is nothing left but the free list. */
void vh_server_unref(VhServer *server)
{
        if (--server->refs)
                return;
        vh_call_free_list(server);
        free(server->name);
        free(server->services);
        free(server);
}

static void listener_free(Listener *l)
{
        DL_DELETE(l->server->listeners, l);
        vh_source_free(l->source);
        close(l->listen.fd);
        free(l);
}

VhServer *vh_server_free(VhServer *server)
{
        if (!server)
                return NULL;
        server->hooks = (VhServerHooks){};
        while (server->listeners)
                listener_free(server->listeners);
        while (server->clients)
                vh_client_close(server->clients);
        while (server->dead)
                vh_client_destroy(server->dead);
        vh_pool_free(server->pool);
        vh_source_free(server->retry);
        vh_fairness_done(server);
        vh_server_unref(server);
        return NULL;
}

void vh_server_add_service(VhServer *server, const VhService *service)
{
        server->services = vh_xrealloc(server->services, server->n_services + 1, sizeof(*service));
        server->services[server->n_services++] = *service;
}

static bool may_accept(const VhServer *server)
{
        unsigned anonymous = server->limits.max_anonymous_clients;

        return server->accepting && !server->paused && server->n_clients < server->limits.max_clients &&
               (!anonymous || server->n_anonymous < anonymous);
}

static void update_listeners(VhServer *server)
{
        uint32_t events = may_accept(server) ? EPOLLIN : 0;
        Listener *l;

        DL_FOREACH (server->listeners, l)
                vh_source_set_events(l->source, events);
}

static void clients_changed(VhServer *server)
{
        update_listeners(server);
        if (server->hooks.clients_changed)
                server->hooks.clients_changed(server, server->hooks_data);
}

void vh_server_add_client(VhServer *server, VhClient *client)
{
        client->id = ++server->last_id;
        DL_APPEND(server->clients, client);
        server->n_clients++;
        server->n_anonymous += !client->authenticated;
}

void vh_server_client_closed(VhServer *server, VhClient *client)
{
        DL_DELETE(server->clients, client);
        DL_APPEND(server->dead, client);
        server->n_clients--;
        server->n_anonymous -= !client->authenticated;
        clients_changed(server);
}

void vh_server_forget_client(VhServer *server, VhClient *client)
{
        DL_DELETE(server->dead, client);
}

void vh_server_client_authenticated(VhServer *server)
{
        server->n_anonymous--;
        update_listeners(server);
}

static bool peer_allowed(const VhListen *listen, const VhClient *client)
{
        const VhIdentity *id = vh_client_peer(client);

        return !listen->same_user_only || (id->has_unix && (id->uid == 0 || id->uid == geteuid()));
}

static void set_nodelay(const VhListen *listen, int fd)
{
        if (listen->transport != VH_TRANSPORT_UNIX)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

int vh_server_add_connection(VhServer *server, const VhListen *listen, VhClient **ret)
{
        VhClient *client;
        int r;

        set_nodelay(listen, listen->fd);
        r = vh_client_new(server, listen, listen->fd, &client);
        if (r < 0)
                return r;
        r = peer_allowed(listen, client) ? 0 : -EPERM;
        if (r == 0 && server->hooks.client_new)
                r = server->hooks.client_new(server, client, server->hooks_data);
        if (r < 0) {
                vh_client_close(client);
                return r;
        }
        clients_changed(server);
        if (ret)
                *ret = client;
        return 0;
}

/* False if nobody else can be accepted now. */
static bool accept_client(Listener *l)
{
        VhListen listen = l->listen;

        listen.fd = accept4(l->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (listen.fd < 0) {
                if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                        vh_server_pause_accept(l->server, RETRY_USEC);
                return false;
        }
        vh_server_add_connection(l->server, &listen, NULL);
        return true;
}

static void accept_clients(void *data, uint32_t revents)
{
        Listener *l = data;
        unsigned n = 0;

        while (n < ACCEPTS_PER_WAKEUP && may_accept(l->server) && accept_client(l))
                n++;
        vh_fairness_accepted(l->server, n);
}

static int check_listen(const VhListen *listen, VhError **err)
{
        if (listen->transport == VH_TRANSPORT_TLS)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                                    "TLS sockets are not built in; set listen_tls = 0 or stop the -tls.socket unit");
        if (listen->auth == VH_AUTH_SASL)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_CONFIG_UNSUPPORTED, "%s",
                                    "SASL login is not built in; choose another auth_* scheme for this socket");
        return 0;
}

int vh_server_add_listener(VhServer *server, const VhListen *listen, VhError **err)
{
        Listener *l;
        int r;

        r = check_listen(listen, err);
        if (r < 0) {
                close(listen->fd);
                return r;
        }
        l = vh_new(Listener, 1);
        l->server = server;
        l->listen = *listen;
        l->source = vh_loop_add_io(server->loop, listen->fd, EPOLLIN, accept_clients, l);
        DL_APPEND(server->listeners, l);
        update_listeners(server);
        return 0;
}

const char *vh_server_name(const VhServer *server)
{
        return server->name;
}

VhLoop *vh_server_loop(const VhServer *server)
{
        return server->loop;
}

VhPool *vh_server_pool(VhServer *server)
{
        return server->pool;
}

VhServerLimits *vh_server_limits(VhServer *server)
{
        return &server->limits;
}

const VhServerLimits *vh_server_limits_of(const VhServer *server)
{
        return &server->limits;
}

uint64_t vh_server_next_client_id(const VhServer *server)
{
        return server->last_id + 1;
}

void vh_server_limits_changed(VhServer *server)
{
        VhClient *client;

        vh_pool_set_limits(server->pool, server->limits.min_workers, VH_MAX(server->limits.max_workers, 1U));
        update_listeners(server);
        DL_FOREACH (server->clients, client)
                vh_client_touch(client);
}

unsigned vh_server_n_clients(const VhServer *server)
{
        return server->n_clients;
}

unsigned vh_server_n_anonymous(const VhServer *server)
{
        return server->n_anonymous;
}

VhClient *vh_server_first_client(const VhServer *server)
{
        return server->clients;
}

VhClient *vh_client_next(const VhClient *client)
{
        return client->closed ? NULL : client->next;
}

VhClient *vh_server_find_client(const VhServer *server, uint64_t id)
{
        VhClient *client;

        DL_FOREACH (server->clients, client)
                if (client->id == id)
                        return client;
        return NULL;
}

const VhListen *vh_server_listener(const VhServer *server, unsigned i)
{
        const Listener *l = server->listeners;

        while (l && i--)
                l = l->next;
        return l ? &l->listen : NULL;
}

void vh_server_set_accepting(VhServer *server, bool accepting)
{
        server->accepting = accepting;
        update_listeners(server);
}
