/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Life of one client's connection, and what is sent on it. */

#include "rpc/client-conn.h"

#include "procs.h"
#include "rpc/server-private.h"
#include "rpc/wire-error.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

/* Reading this class of events never happens on our sockets: a connection that is not read is only watched for its end.
 */
enum { WATCH_END = EPOLLPRI, EVENT_SERIAL = 1, USEC_PER_SEC = 1000000 };

/* A client that may not be read is taken out of the set only when it sends something: most can be read again before
 * that, and each change is a system call. */
static void on_ready(VhWatch *watch, uint32_t revents)
{
        VhClient *client = VH_CONTAINER_OF(watch, VhClient, watch);

        if (revents & EPOLLIN && (client->is_busy || !vh_client_may_read(client)))
                vh_watch_set(client->server->loop, watch, watch->events & ~(uint32_t)EPOLLIN);
        else if (revents & EPOLLIN)
                vh_fairness_ready(client);
        else if (revents & (EPOLLHUP | EPOLLERR))
                vh_client_close(client);
        else
                vh_client_update(client);
}

static void on_flush(VhLater *later)
{
        VhClient *client = VH_CONTAINER_OF(later, VhClient, flush);

        if (client->closed)
                vh_client_destroy(client);
        else
                vh_client_update(client);
}

int vh_client_new(VhServer *server, const VhListen *listen, int fd, VhClient **ret)
{
        VhClient *client = vh_new(VhClient, 1);
        int r;

        client->server = server;
        client->transport = listen->transport;
        client->auth = listen->auth;
        client->authenticated = listen->auth == VH_AUTH_NONE;
        client->read_only = listen->read_only;
        client->timestamp = time(NULL);
        client->flush.run = on_flush;
        client->watch.ready = on_ready;
        client->watch.fd = fd;
        vh_link_init(&client->link, fd, VH_FRAME_CALL_WITH_FDS);
        r = vh_identity_from_socket(&client->identity, fd, listen->transport == VH_TRANSPORT_UNIX);
        if (r < 0) {
                vh_link_done(&client->link);
                free(client);
                return r;
        }
        vh_server_add_client(server, client);
        vh_watch_set(server->loop, &client->watch, EPOLLIN | WATCH_END);
        *ret = client;
        return 0;
}

void vh_client_destroy(VhClient *client)
{
        vh_server_forget_client(client->server, client);
        vh_loop_cancel_later(client->server->loop, &client->flush);
        vh_link_done(&client->link);
        vh_buf_done(&client->events);
        vh_identity_free(client->identity);
        vh_identity_free(client->on_behalf);
        free(client->address);
        free(client);
}

void vh_client_close(VhClient *client)
{
        if (client->closed)
                return;
        client->closed = true;
        vh_watch_set(client->server->loop, &client->watch, 0);
        vh_fairness_forget(client);
        vh_call_orphan_all(client);
        vh_stream_free_all(client);
        client->keepalive = vh_keepalive_free(client->keepalive);
        if (client->hooks && client->hooks->closed)
                client->hooks->closed(client, client->data);
        client->hooks = NULL;
        vh_server_client_closed(client->server, client);
        vh_loop_later(client->server->loop, &client->flush);
}

void vh_client_close_soon(VhClient *client)
{
        client->closing = true;
        vh_client_touch(client);
}

void vh_client_touch(VhClient *client)
{
        vh_loop_later(client->server->loop, &client->flush);
}

bool vh_client_may_read(const VhClient *client)
{
        return !client->closing && !client->held && client->n_pending < vh_server_max_requests(client->server) &&
               vh_link_backlog(&client->link) < VH_SEND_BACKLOG_MAX;
}

void vh_client_wait_sent(VhClient *client, VhClientWaiter *waiter)
{
        if (!waiter->waiting) {
                waiter->waiting = true;
                DL_APPEND(client->waiters, waiter);
        }
}

void vh_client_cancel_wait(VhClient *client, VhClientWaiter *waiter)
{
        if (waiter->waiting) {
                waiter->waiting = false;
                DL_DELETE(client->waiters, waiter);
        }
}

static void call_waiters(VhClient *client)
{
        VhClientWaiter *w;

        while (vh_link_backlog(&client->link) < VH_SEND_BACKLOG_MAX && (w = client->waiters)) {
                vh_client_cancel_wait(client, w);
                w->sent(w);
        }
}

void vh_client_update(VhClient *client)
{
        uint32_t events = WATCH_END | (client->watch.events & EPOLLIN);
        int r = 0;

        vh_loop_cancel_later(client->server->loop, &client->flush);
        if (vh_link_backlog(&client->link))
                r = vh_link_flush(&client->link);
        if (r == 0 && client->streams)
                vh_stream_output_sent(client);
        if (client->waiters)
                call_waiters(client);
        if (client->closed)
                return; /* by who waited */
        if (r < 0 || (client->closing && r == 0 && !vh_link_backlog(&client->link))) {
                vh_client_close(client);
                return;
        }
        if (vh_client_may_read(client)) {
                if (!client->is_busy)
                        vh_fairness_resume(client);
                if (!client->is_busy)
                        events |= EPOLLIN;
        }
        if (vh_link_backlog(&client->link))
                events |= EPOLLOUT;
        vh_watch_set(client->server->loop, &client->watch, events);
}

void vh_client_set_hooks(VhClient *client, const VhClientHooks *hooks, void *data)
{
        client->hooks = hooks;
        client->data = data;
}

void *vh_client_data(const VhClient *client)
{
        return client->data;
}

VhServer *vh_client_server(const VhClient *client)
{
        return client->server;
}

uint64_t vh_client_id(const VhClient *client)
{
        return client->id;
}

int64_t vh_client_timestamp(const VhClient *client)
{
        return client->timestamp;
}

int vh_client_fd(const VhClient *client)
{
        return client->link.fd;
}

bool vh_client_is_idle(const VhClient *client)
{
        return client->n_pending == 0 && !client->streams && client->link.len == client->link.pos &&
               client->link.n_in_fds == 0 && client->events.len == 0 && vh_link_backlog(&client->link) == 0;
}

void vh_client_restore(VhClient *client, uint64_t id, int64_t timestamp)
{
        client->id = id;
        client->timestamp = timestamp;
        client->server->last_id = VH_MAX(client->server->last_id, id);
}

VhTransport vh_client_transport(const VhClient *client)
{
        return client->transport;
}

bool vh_client_read_only(const VhClient *client)
{
        return client->read_only;
}

const char *vh_client_address(VhClient *client)
{
        char host[NI_MAXHOST], port[NI_MAXSERV];
        struct sockaddr_storage address;
        socklen_t len = sizeof(address);

        if (client->address)
                return client->address;
        /* A UNIX peer has no name of its own; clients know this text for it. */
        if (client->transport == VH_TRANSPORT_UNIX ||
            getpeername(client->link.fd, (struct sockaddr *)&address, &len) < 0 ||
            getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                        NI_NUMERICHOST | NI_NUMERICSERV))
                client->address = vh_xstrdup("127.0.0.1:0");
        else
                client->address = vh_xasprintf("%s:%s", host, port);
        return client->address;
}

const VhIdentity *vh_client_identity(const VhClient *client)
{
        return client->on_behalf ? client->on_behalf : client->identity;
}

const VhIdentity *vh_client_peer(const VhClient *client)
{
        return client->identity;
}

void vh_client_set_identity(VhClient *client, VhIdentity *id)
{
        vh_identity_free(client->on_behalf);
        client->on_behalf = id;
}

VhAuth vh_client_auth(const VhClient *client)
{
        return client->auth;
}

bool vh_client_is_authenticated(const VhClient *client)
{
        return client->authenticated;
}

void vh_client_set_authenticated(VhClient *client)
{
        if (!client->authenticated) {
                client->authenticated = true;
                vh_server_client_authenticated(client->server);
        }
}

/* Ends the connection, but not before the loop notices: who sends may be in the middle of a list of clients. */
static void doom(VhClient *client)
{
        shutdown(client->link.fd, SHUT_RDWR);
}

int vh_client_send_event(VhClient *client, const VhProgram *program, const VhProc *proc, const void *msg)
{
        VhBuf *out = client->running ? &client->events : &client->link.out;
        VhFrameHeader h = {
                .prog = program->number,
                .vers = program->version,
                .proc = proc->number,
                .type = VH_FRAME_MESSAGE,
                .serial = EVENT_SERIAL,
                .status = VH_STATUS_OK,
        };

        if (client->closed)
                return 0;
        if (vh_link_backlog(&client->link) + client->events.len > VH_EVENT_BACKLOG_MAX) {
                doom(client);
                return 0;
        }
        vh_client_touch(client);
        return vh_frame_add(out, &h, 0, proc->args_xdr, msg, NULL);
}

void vh_client_send_frame(VhClient *client, const void *bytes, size_t len, const int *fds, unsigned n_fds)
{
        if (client->closed)
                return;
        vh_buf_add(&client->link.out, bytes, len);
        for (unsigned i = 0; i < n_fds; i++) {
                int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

                /* Without the descriptor the peer would wait for it for ever, and take the next frame for it. */
                if (fd < 0) {
                        doom(client);
                        return;
                }
                vh_link_add_fd(&client->link, fd);
        }
        vh_client_touch(client);
}

static void send_error(VhClient *client, const VhFrameHeader *call, VhFrameType type, const VhError *err)
{
        VhFrameHeader h = *call;
        size_t start;

        h.type = type;
        h.status = VH_STATUS_ERROR;
        start = vh_frame_begin(&client->link.out, &h, 0);
        vh_wire_error_encode(&client->link.out, err, 0);
        if (vh_frame_end(&client->link.out, start) < 0)
                abort(); /* strings of an error are bounded */
        vh_client_touch(client);
}

void vh_client_send_error(VhClient *client, const VhFrameHeader *call, const VhError *err)
{
        send_error(client, call, VH_FRAME_REPLY, err);
}

void vh_client_send_stream_error(VhClient *client, const VhFrameHeader *call, const VhError *err)
{
        send_error(client, call, VH_FRAME_STREAM, err);
}

size_t vh_client_backlog(const VhClient *client)
{
        return vh_link_backlog(&client->link);
}

void vh_client_hold(VhClient *client)
{
        client->held++;
}

void vh_client_release(VhClient *client)
{
        client->held--;
        if (!client->closed)
                vh_client_touch(client);
}

/* Keepalive towards a client that asked for it, with the limits of its server. */

static uint64_t keepalive_interval(void *data)
{
        const VhClient *client = data;
        int seconds = client->server->limits.keepalive_interval;

        return seconds > 0 ? (uint64_t)seconds * USEC_PER_SEC : UINT64_MAX;
}

static unsigned keepalive_count(void *data)
{
        const VhClient *client = data;

        return client->server->limits.keepalive_count;
}

static void keepalive_ping(void *data)
{
        VhClient *client = data;

        vh_keepalive_add(&client->link.out, KEEPALIVE_PROC_PING);
        vh_client_touch(client);
}

static void keepalive_dead(void *data)
{
        vh_client_close(data);
}

void vh_client_start_keepalive(VhClient *client)
{
        static const VhKeepaliveOps ops = {
                .interval = keepalive_interval,
                .count = keepalive_count,
                .ping = keepalive_ping,
                .dead = keepalive_dead,
        };

        if (!client->keepalive && !client->closed)
                client->keepalive = vh_keepalive_new(client->server->loop, &ops, client);
}
