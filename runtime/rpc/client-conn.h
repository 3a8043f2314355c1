/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Server side of one client's connection. Made by the server on accept, freed by it after the peer has gone or
 * vh_client_close(). All functions belong to the loop thread. */

#include "rpc/call.h"
#include "rpc/frame.h"
#include "rpc/identity.h"

typedef struct VhServer VhServer; /* rpc/server.h */

typedef enum VhTransport {
        VH_TRANSPORT_UNIX = 0,
        VH_TRANSPORT_TCP = 1,
        VH_TRANSPORT_TLS = 2,
} VhTransport;

typedef enum VhAuth {
        VH_AUTH_NONE = 0,
        VH_AUTH_SASL = 1,
        VH_AUTH_POLKIT = 2,
} VhAuth;

/* What the layer above wants to know about one client. Any member may be NULL. */
typedef struct VhClientHooks {
        /* Looks at a frame before it is dispatched (calls, stream packets; keepalive never gets here). Returns true if
         * it took the frame: then no answer is made here. Descriptors are taken by putting -1 into frame->fds. */
        bool (*route)(VhClient *client, const VhFrame *frame, void *data);
        /* The connection is gone; nothing can be sent any more. Last call for data. */
        void (*closed)(VhClient *client, void *data);
} VhClientHooks;

/* hooks must stay valid; data belongs to the caller. */
void vh_client_set_hooks(VhClient *client, const VhClientHooks *hooks, void *data);
void *vh_client_data(const VhClient *client);

VhServer *vh_client_server(const VhClient *client);
uint64_t vh_client_id(const VhClient *client);       /* from 1, per server */
int64_t vh_client_timestamp(const VhClient *client); /* of the connection, seconds since the epoch */
VhTransport vh_client_transport(const VhClient *client);
/* True on a read-only socket, whatever the client asks for. */
bool vh_client_read_only(const VhClient *client);
/* Address as text: "127.0.0.1:40992"; UNIX sockets have none of their own, "127.0.0.1:0" stands for it. Owned by
 * client. */
const char *vh_client_address(VhClient *client);

/* Who calls: stamped on accept, or what a trusted daemon said later. Never NULL. */
const VhIdentity *vh_client_identity(const VhClient *client);
/* Who is at the other end of the socket, also while it speaks for somebody else. */
const VhIdentity *vh_client_peer(const VhClient *client);
/* Replaces the identity that handlers see (CONNECT_SET_IDENTITY); takes id over. */
void vh_client_set_identity(VhClient *client, VhIdentity *id);

/* Scheme that this client has to log in with. */
VhAuth vh_client_auth(const VhClient *client);
bool vh_client_is_authenticated(const VhClient *client);
/* Marks the login as done; the client leaves the count of anonymous ones. */
void vh_client_set_authenticated(VhClient *client);

/* Sends an event: proc is a row of program, msg the struct that it encodes. Events before the reply of the running call
 * leave after it. A client that lets more than VH_EVENT_BACKLOG_MAX pile up is dropped. Returns 0, or -EMSGSIZE if msg
 * does not fit into a frame. */
int vh_client_send_event(VhClient *client, const VhProgram *program, const VhProc *proc, const void *msg);
/* Sends a complete frame as it is, then the descriptors (duplicated where needed; the caller's stay the caller's). */
void vh_client_send_frame(VhClient *client, const void *bytes, size_t len, const int *fds, unsigned n_fds);
/* Sends an error reply for a call frame. */
void vh_client_send_error(VhClient *client, const VhFrameHeader *call, const VhError *err);
/* Ends a stream, known by the header of its opening call, with an error. */
void vh_client_send_stream_error(VhClient *client, const VhFrameHeader *call, const VhError *err);
/* Bytes that the peer has not taken yet. */
size_t vh_client_backlog(const VhClient *client);
/* Who waits until the client has taken most of its output; called once from the loop. */
typedef struct VhClientWaiter VhClientWaiter;
struct VhClientWaiter {
        VhClientWaiter *prev, *next;
        bool waiting;
        void (*sent)(VhClientWaiter *waiter);
};
/* Only while the client is open. */
void vh_client_wait_sent(VhClient *client, VhClientWaiter *waiter);
void vh_client_cancel_wait(VhClient *client, VhClientWaiter *waiter);
/* While held back the client is not read; counts. For relays whose other side is full. */
void vh_client_hold(VhClient *client);
void vh_client_release(VhClient *client);

/* The peer asked for keepalive: start pinging it. */
void vh_client_start_keepalive(VhClient *client);

/* The socket; stays the client's. */
int vh_client_fd(const VhClient *client);
/* Nothing is under way: no call, no part of a frame in either direction. */
bool vh_client_is_idle(const VhClient *client);
/* Gives a client that another program has served before us the number and time of connection that it had there. */
void vh_client_restore(VhClient *client, uint64_t id, int64_t timestamp);

/* Hangs up once everything queued is sent, the reply of the running call included. */
void vh_client_close_soon(VhClient *client);
/* Hangs up now (administrator, dead peer); the object lives until the current callback is over. */
void vh_client_close(VhClient *client);
