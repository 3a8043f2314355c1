/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server: listeners, the clients they bring, the programs that they may call. A daemon has two of them, its own
 * ("virtqemud") and "admin".
 *
 * A frame goes: length and header checked → keepalive → route hook of the client → program, version, procedure → status
 * → login → arguments decoded → before_call of the service (connection open, read-only, which driver) → ops member of
 * the row. What fails on the way is answered as the reference answers it. */

#include "event/pool.h"
#include "rpc/client-conn.h"

/* A program and who answers for it. */
typedef struct VhService {
        const VhProgram *program;
        /* Runs before each call, with decoded arguments and call->target = data. Checks what the server does not know
         * (connection open, read-only), sets call->target, and *ops to the ops struct that the row's invoke() wants
         * (NULL: "not supported"). Returns 0 or negative errno with *err, or VH_LATER if the call has to wait for
         * something and will be served by vh_call_resume(). */
        int (*before_call)(VhCall *call, const void **ops, VhError **err);
        /* Runs after the handler, with what that returned; may be NULL. Returns what is to be taken for it:
         * VH_LATER to answer later (vh_call_prepare()), or to have it served anew (vh_call_resume()). */
        int (*after_call)(VhCall *call, int r, VhError **err);
        void *data;
} VhService;

typedef struct VhServerLimits {
        unsigned max_clients;           /* above it nobody is accepted */
        unsigned max_anonymous_clients; /* not logged in; 0: no limit of its own */
        unsigned max_client_requests;   /* calls in progress per client; above it the client is not read */
        unsigned min_workers;
        unsigned max_workers;
        unsigned prio_workers;    /* reported to administrators only: calls here do not wait for a worker */
        int keepalive_interval;   /* seconds between pings; -1: never ping */
        unsigned keepalive_count; /* unanswered pings before we hang up */
} VhServerLimits;

typedef struct VhListen {
        int fd; /* a listening socket, non-blocking; taken over */
        VhTransport transport;
        VhAuth auth;
        bool read_only;
        bool own_file;       /* we made the file of its name and remove it at the end */
        bool same_user_only; /* peers must be root or have our uid, else they are dropped when accepted (admin, log,
                                lock) */
} VhListen;

typedef struct VhServerHooks {
        /* A client came: give it its session with vh_client_set_hooks(). Negative: the client is dropped. */
        int (*client_new)(VhServer *server, VhClient *client, void *data);
        /* The number of clients changed (idle exit). */
        void (*clients_changed)(VhServer *server, void *data);
} VhServerHooks;

/* name and hooks are copied; data is handed to the hooks. */
VhServer *vh_server_new(VhLoop *loop, const char *name, const VhServerLimits *limits, const VhServerHooks *hooks,
                        void *data);
/* Hangs up on all clients, closes listeners, ends the pool. Accepts NULL, returns NULL. */
VhServer *vh_server_free(VhServer *server);
VH_DEFINE_CLEANUP(VhServer *, vh_server_free)

/* Adds a program; the service is copied. */
void vh_server_add_service(VhServer *server, const VhService *service);
/* Adds a listening socket. SASL and TLS are refused with *err. On failure the fd is closed too. Returns 0 or negative
 * errno. */
int vh_server_add_listener(VhServer *server, const VhListen *listen, VhError **err);
/* Takes over one connected socket, with the properties that listen says (its fd is the connection). For tests and
 * tools. */
int vh_server_add_connection(VhServer *server, const VhListen *listen, VhClient **ret);

/* Makes a UNIX listening socket at path with mode and group (-1: unchanged), replacing a stale one. Returns the fd or
 * negative errno with *err. */
int vh_listen_unix(const char *path, mode_t mode, gid_t group, unsigned backlog, VhError **err);
/* Makes TCP listening sockets for host (NULL: all addresses) and service; at most max. Returns their number or negative
 * errno with *err. */
int vh_listen_tcp(const char *host, const char *service, unsigned backlog, int *fds, unsigned max, VhError **err);

const char *vh_server_name(const VhServer *server);
VhLoop *vh_server_loop(const VhServer *server);
VhPool *vh_server_pool(VhServer *server);
/* Limits may be changed in place, then vh_server_limits_changed(). */
VhServerLimits *vh_server_limits(VhServer *server);
const VhServerLimits *vh_server_limits_of(const VhServer *server);
void vh_server_limits_changed(VhServer *server);
unsigned vh_server_n_clients(const VhServer *server);
unsigned vh_server_n_anonymous(const VhServer *server);
/* Oldest client and the one after it; NULL at the end. */
VhClient *vh_server_first_client(const VhServer *server);
VhClient *vh_client_next(const VhClient *client);
uint64_t vh_server_next_client_id(const VhServer *server);
VhClient *vh_server_find_client(const VhServer *server, uint64_t id);
/* Listener number i, oldest first; NULL behind the last. */
const VhListen *vh_server_listener(const VhServer *server, unsigned i);
/* Stop or continue accepting (a daemon that is stopping). */
void vh_server_set_accepting(VhServer *server, bool accepting);
