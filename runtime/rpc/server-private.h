/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the server side share: server.c, client-conn.c, dispatch.c, call.c, stream.c. */

#include "rpc/keepalive.h"
#include "rpc/link.h"
#include "rpc/server.h"
#include "rpc/stream.h"

typedef struct Listener {
        VhServer *server;
        VhListen listen;
        VhSource *source;
        struct Listener *prev, *next;
} Listener;

/* A call and what only the server knows about it. */
typedef struct ServedCall {
        VhCall call;
        VhFrameHeader h;
        VhServer *server;
        VhBuf prepared;                 /* the reply, if it was encoded ahead of its time */
        struct ServedCall *prev, *next; /* pending of the client, or free list */
} ServedCall;

struct VhServer {
        unsigned refs; /* the owner's, and one for each call in progress */
        VhLoop *loop;
        char *name;
        VhServerLimits limits;
        VhServerHooks hooks;
        void *hooks_data;
        VhPool *pool;
        VhService *services;
        unsigned n_services;
        Listener *listeners;
        bool accepting; /* as the owner wants it */
        bool paused;    /* by limits, or for want of descriptors */
        uint64_t paused_until;
        VhSource *retry;
        VhClient *clients; /* oldest first */
        VhClient *dead;    /* closed, to be freed before the loop sleeps */
        unsigned n_clients, n_anonymous;
        uint64_t last_id;
        ServedCall *free_calls;
        unsigned n_free_calls;
        uint8_t *scratch; /* VH_READ_SIZE bytes, input of one wake-up */
        /* Fairness: clients that have whole frames left over after their share, least recently served first. */
        VhClient *busy;
        VhLater serve_busy;
        VhSource *busy_timer;
        uint64_t last_polite; /* when a client that is not among them was served last, */
        uint64_t last_stayed; /* and one that has stayed for some time */
        uint64_t busy_until;  /* they wait until then */
};

struct VhClient {
        VhServer *server;
        VhWatch watch;
        VhLink link;
        uint64_t id;
        int64_t timestamp;
        VhTransport transport;
        VhAuth auth;
        bool read_only;
        bool authenticated;
        bool closing; /* when everything is sent */
        bool closed;  /* object waits to be freed */
        bool is_busy;
        uint64_t n_frames; /* that it sent */
        bool running;      /* a handler of this client is on the stack */
        VhBuf events;      /* sent by it: they leave behind its reply */
        char *address;
        VhIdentity *identity;  /* of the peer */
        VhIdentity *on_behalf; /* said by a trusted peer, else NULL */
        VhLater flush;         /* send, adjust the watch, or free */
        ServedCall *pending;   /* handlers that said VH_LATER */
        unsigned n_pending;
        unsigned held;
        VhStream *streams;
        VhClientWaiter *waiters;
        VhKeepalive *keepalive;
        const VhClientHooks *hooks;
        void *data;
        VhClient *prev, *next;
        VhClient *busy_prev, *busy_next;
};

/* server.c */
/* A limit of 0 would mean that nobody is ever served. */
static inline unsigned vh_server_max_requests(const VhServer *server)
{
        return VH_MAX(server->limits.max_client_requests, 1U);
}
void vh_server_add_client(VhServer *server, VhClient *client);
/* Out of the list of clients, into that of the dead; then out of that. */
void vh_server_client_closed(VhServer *server, VhClient *client);
void vh_server_forget_client(VhServer *server, VhClient *client);
void vh_server_client_authenticated(VhServer *server);
/* Nobody is accepted for so long; pauses add up, within reason. */
void vh_server_pause_accept(VhServer *server, uint64_t usec);
VhServer *vh_server_ref(VhServer *server);
void vh_server_unref(VhServer *server);

/* fairness.c */
/* Input of the client is there. */
void vh_fairness_ready(VhClient *client);
/* The client may be read again and may have whole frames left over. */
void vh_fairness_resume(VhClient *client);
void vh_fairness_forget(VhClient *client);
/* So many clients came in one go. */
void vh_fairness_accepted(VhServer *server, unsigned n);
void vh_fairness_init(VhServer *server);
void vh_fairness_done(VhServer *server);

/* client-conn.c */
int vh_client_new(VhServer *server, const VhListen *listen, int fd, VhClient **ret);
void vh_client_destroy(VhClient *client);
/* Something was added to the output, or the conditions of reading changed: both are looked after before the loop
 * sleeps. */
void vh_client_touch(VhClient *client);
bool vh_client_may_read(const VhClient *client);
/* Sends, hangs up if that is due, sets what the loop waits for. The client may be closed afterwards. */
void vh_client_update(VhClient *client);

/* dispatch.c */
void vh_dispatch_frame(VhClient *client, VhFrame *frame);

/* call.c */
ServedCall *vh_call_new_for(VhClient *client, const VhFrameHeader *h);
void vh_call_done(ServedCall *sc);
/* Answers and frees the call. */
void vh_call_answer(ServedCall *sc, int r, const VhError *err);
void vh_call_later(ServedCall *sc);
/* The opposite, for one whose peer is there. */
void vh_call_not_later(ServedCall *sc);
void vh_call_orphan_all(VhClient *client);
void vh_call_free_list(VhServer *server);

/* stream.c */
VhStream *vh_stream_new(VhClient *client, const VhFrameHeader *h, bool sparse);
/* Drops a stream that was not served. */
void vh_stream_drop(VhStream *stream);
/* The opening call has been answered: data may flow. */
void vh_stream_start(VhStream *stream);
VhLoop *vh_stream_loop(const VhStream *stream);
bool vh_stream_is_served(const VhStream *stream);
void vh_stream_dispatch(VhClient *client, VhFrame *frame);
/* Output of the client was sent: streams may put their next packet. */
void vh_stream_output_sent(VhClient *client);
void vh_stream_free_all(VhClient *client);
