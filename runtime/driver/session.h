/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One client of a daemon that serves drivers: login, opening a URI, which connection serves which procedure, and giving
 * everything back when the client goes.
 *
 * A client has one primary connection, the one it opened, and up to six for the other kinds of objects. Each is local
 * (a VhConn with a driver of this process) or at another daemon (a VhRelay, to which whole frames are forwarded). */

#include "driver/backends.h"
#include "rpc/server.h"

typedef struct VhSession VhSession;

/* Features of the private protocol between client library and daemon that do not depend on a driver. */
typedef enum VhFeature {
        VH_FEATURE_FD_PASSING = 8,
        VH_FEATURE_TYPED_PARAM_STRING = 9,
        VH_FEATURE_KEEPALIVE = 10,
        VH_FEATURE_EVENT_CALLBACK = 14,
        VH_FEATURE_CLOSE_CALLBACK = 15,
} VhFeature;

/* Adds the programs remote, qemu and lxc to server; its clients open drivers of b. b must outlive the server. */
void vh_session_serve(VhServer *server, VhBackends *b);
/* For VhServerHooks.client_new: gives the client its session. */
int vh_session_client_new(VhServer *server, VhClient *client, VhBackends *b);

/* Procedures that every opened connection answers without its driver: type, library version, URI, features, close
 * callback, identity, secure. Drivers leave them out. */
extern const VhHypervisorOps vh_session_common_ops;
bool vh_session_is_common(const VhProc *proc);

/* session-check.c: refuses what a read-only connection may not call, VIR_ERR_OPERATION_DENIED. */
int vh_session_check_read_only(const VhCall *call, VhError **err);

/* Between session.c and common-ops.c. */
VhBackends *vh_session_backends(const VhSession *s);
/* The primary connection if it is local, else NULL. */
VhConn *vh_session_primary(const VhSession *s);
/* The client wants to know when its primary connection is lost; that of a local driver never is. */
void vh_session_set_close_callback(VhSession *s, bool wanted);
/* The client is somebody else from now on; takes id over. */
void vh_session_set_identity(VhSession *s, VhIdentity *id);
