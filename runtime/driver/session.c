/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of a client: nothing but login works at first; CONNECT_OPEN makes the primary connection; connections for
 * other kinds of objects are made when the first procedure of that kind is called; all of them go with the client. */

#include <errno.h>

#include "api.h"
#include "driver/event-hub.h"
#include "driver/session.h"
#include "driver/uri.h"
#include "procs.h"
#include "rpc/login.h"
#include "rpc/relay.h"

struct VhSession {
        VhBackends *backends;
        VhClient *client;
        bool open;
        bool opening; /* the far side has not answered yet */
        bool read_only;
        /* By kind; the primary is the one of VH_KIND_HYPERVISOR, other kinds may point to it too. */
        VhConn *conns[VH_KIND_MAX];
        VhRelay *relays[VH_KIND_MAX];
        VhCall *open_call;   /* while opening */
        bool close_callback; /* the client wants to hear that its primary is lost */
};

enum { OPEN_READ_ONLY = 1 << 0 };

/* Features of a session, not of what is behind it: virtproxyd answers for them itself. */
static const VhFeature own_features[] = { VH_FEATURE_FD_PASSING, VH_FEATURE_KEEPALIVE, VH_FEATURE_EVENT_CALLBACK,
                                          VH_FEATURE_CLOSE_CALLBACK };

static const VhProgram *const programs[] = { &vh_program_remote, &vh_program_qemu, &vh_program_lxc };

VhBackends *vh_session_backends(const VhSession *s)
{
        return s->backends;
}

VhConn *vh_session_primary(const VhSession *s)
{
        return s->conns[VH_KIND_HYPERVISOR];
}

void vh_session_set_close_callback(VhSession *s, bool wanted)
{
        s->close_callback = wanted;
}

void vh_session_set_identity(VhSession *s, VhIdentity *id)
{
        vh_client_set_identity(s->client, id);
        for (int k = 0; k < VH_KIND_MAX; k++)
                if (s->conns[k])
                        s->conns[k]->identity = vh_client_identity(s->client);
}

/* An open that took its time. */

/* What the client sends behind the call waits until it is answered. */
static int open_later(VhSession *s, VhCall *call)
{
        s->opening = true;
        s->open_call = call;
        vh_client_hold(s->client);
        return VH_LATER;
}

static void open_done(void *data, int r, const VhError *err)
{
        VhSession *s = data;
        VhCall *call = VH_TAKE_PTR(s->open_call);

        s->open = r >= 0;
        s->opening = false;
        if (r < 0)
                s->relays[VH_KIND_HYPERVISOR] = vh_relay_free(s->relays[VH_KIND_HYPERVISOR]);
        vh_call_finish(call, r, vh_error_copy(err));
        vh_client_release(s->client);
}

/* Local connections. */

static void conn_send_event(VhConn *conn, const VhProc *proc, const void *msg)
{
        const VhProgram *program = &vh_program_remote;

        if (proc < program->procs || proc >= program->procs + program->n_procs)
                program = &vh_program_qemu;
        vh_client_send_event(conn->sink, program, proc, msg);
}

static VhConn *conn_free(VhConn *conn)
{
        if (!conn)
                return NULL;
        free(conn->uri);
        free(conn);
        return NULL;
}
VH_DEFINE_CLEANUP(VhConn *, conn_free)

static void conn_close(VhConn *conn)
{
        if (conn->hub)
                vh_event_hub_drop(conn->hub, conn);
        if (conn->driver->close)
                conn->driver->close(conn);
        conn_free(conn);
}

static void conn_opened(VhConn *conn, int r, const VhError *err)
{
        VhSession *s = vh_client_data(conn->sink);

        if (r < 0)
                s->conns[VH_KIND_HYPERVISOR] = conn_free(conn);
        open_done(s, r, err);
}

static int conn_open(VhConn **ret, VhSession *s, const VhInstance *in, const VhUri *uri, VhError **err)
{
        _vh_cleanup_(conn_freep) VhConn *conn = vh_new(VhConn, 1);
        int r;

        conn->driver = in->driver;
        conn->state = in->state;
        conn->identity = vh_client_identity(s->client);
        conn->read_only = s->read_only;
        conn->uri = vh_xstrdup(uri->text);
        conn->send_event = conn_send_event;
        conn->sink = s->client;
        conn->opened = conn_opened;
        r = in->driver->open(in->state, conn, uri->path, uri->query, err);
        if (r < 0)
                return r;
        *ret = VH_TAKE_PTR(conn);
        return r;
}

/* Which connection serves a kind. */

typedef enum Where {
        WHERE_NOWHERE,
        WHERE_PRIMARY,
        WHERE_LOCAL,  /* a secondary driver of this process */
        WHERE_REMOTE, /* the daemon of that kind */
} Where;

static Where where_modular(const VhSession *s, VhKind primary, VhKind kind)
{
        if (kind == primary)
                return WHERE_PRIMARY;
        if (primary == VH_KIND_HYPERVISOR)
                return kind == VH_KIND_NWFILTER && !vh_backends_env(s->backends)->privileged ? WHERE_NOWHERE
                                                                                             : WHERE_REMOTE;
        /* Volumes may be encrypted with a secret. */
        return primary == VH_KIND_STORAGE && kind == VH_KIND_SECRET ? WHERE_REMOTE : WHERE_NOWHERE;
}

/* For an open session whose primary is local. */
static Where where(const VhSession *s, VhKind kind)
{
        const VhConn *conn = s->conns[VH_KIND_HYPERVISOR];
        VhKind primary = vh_scheme_kind(conn->driver->scheme);

        if (kind == VH_KIND_HYPERVISOR || conn->driver->self_contained)
                return WHERE_PRIMARY;
        if (vh_backends_routing(s->backends) == VH_ROUTE_MODULAR)
                return where_modular(s, primary, kind);
        if (primary == VH_KIND_HYPERVISOR && vh_backends_find_kind(s->backends, kind))
                return WHERE_LOCAL;
        return WHERE_PRIMARY;
}

static int open_secondary(VhSession *s, VhKind kind, VhError **err)
{
        const VhInstance *in = vh_backends_find_kind(s->backends, kind);
        _vh_free_ char *text = vh_backends_uri_for(s->backends, in->driver->scheme);
        _vh_uri_ VhUri *uri = NULL;
        int r = vh_uri_parse(&uri, text, err);

        return r < 0 ? r : conn_open(&s->conns[kind], s, in, uri, err);
}

static int not_open(VhKind kind, VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "%sconnection not open",
                            kind == VH_KIND_HYPERVISOR ? "hypervisor " : "");
}

/* The local connection that serves kind. */
static int conn_for(VhConn **ret, VhSession *s, VhKind kind, VhError **err)
{
        int r = 0;

        *ret = NULL;
        if (!s->conns[VH_KIND_HYPERVISOR])
                return not_open(kind, err);
        switch (where(s, kind)) {
        case WHERE_PRIMARY:
                *ret = s->conns[VH_KIND_HYPERVISOR];
                return 0;
        case WHERE_LOCAL:
                if (!s->conns[kind])
                        r = open_secondary(s, kind, err);
                *ret = s->conns[kind];
                return r;
        default:
                return not_open(kind, err);
        }
}

/* Forwarding. */

/* A daemon behind us died or hangs.
 *
 * The reference keeps a dead connection for ever: each later call through it fails until the client itself connects
 * again. Here the next call connects again, and registrations for events are made anew, so that restarting a daemon
 * costs its clients no more than the calls that were under way. Should the new daemon refuse a registration, the client
 * is hung up, as it would be by a restart of the daemon that it is connected to: else it would wait for ever. */
static void relay_events_lost(void *data, const VhError *err)
{
        VhSession *s = data;

        vh_client_close_soon(s->client);
}

/* The close callback is about the primary. */
static void primary_lost(void *data, int reason)
{
        VhSession *s = data;
        const remote_connect_event_connection_closed_msg msg = { .reason = reason };

        if (s->close_callback)
                vh_client_send_event(s->client, &vh_program_remote,
                                     vh_program_find(&vh_program_remote, REMOTE_PROC_CONNECT_EVENT_CONNECTION_CLOSED),
                                     &msg);
}

static VhRelay *relay_new(VhSession *s, const char *scheme, const char *uri, bool primary)
{
        const VhRelayHooks hooks = { .lost = primary ? primary_lost : NULL, .events_lost = relay_events_lost };
        _vh_free_ char *socket = vh_backends_socket_for(s->backends, scheme, s->read_only);
        const VhRelayTarget target = {
                .socket = socket,
                .uri = uri,
                .read_only = s->read_only,
                .token = vh_backends_token(s->backends),
        };
        VhRelay *relay = vh_relay_new(s->client, &target);

        vh_relay_set_hooks(relay, &hooks, s);
        return relay;
}

static VhRelay *relay_for_kind(VhSession *s, VhKind kind)
{
        if (!s->relays[kind]) {
                const char *scheme = vh_kind_scheme(kind);
                _vh_free_ char *uri = vh_backends_uri_for(s->backends, scheme);

                s->relays[kind] = relay_new(s, scheme, uri, false);
        }
        return s->relays[kind];
}

static const VhProgram *find_program(const VhFrameHeader *h)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(programs); i++)
                if (programs[i]->number == h->prog && programs[i]->version == h->vers)
                        return programs[i];
        return NULL;
}

static bool is_call(const VhFrameHeader *h)
{
        return h->type == VH_FRAME_CALL || h->type == VH_FRAME_CALL_WITH_FDS;
}

/* True for what a proxy answers itself although another daemon has the connection. */
static bool is_own_call(const VhFrame *frame)
{
        uint32_t feature;

        if (frame->h.prog != vh_program_remote.number)
                return false;
        switch (frame->h.proc) {
        case REMOTE_PROC_CONNECT_OPEN:
        case REMOTE_PROC_CONNECT_CLOSE:
        case REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK:
        case REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK:
        case REMOTE_PROC_AUTH_LIST:
        case REMOTE_PROC_AUTH_POLKIT:
        case REMOTE_PROC_AUTH_SASL_INIT:
        case REMOTE_PROC_AUTH_SASL_START:
        case REMOTE_PROC_AUTH_SASL_STEP:
                return true;
        case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
                if (frame->payload_len < sizeof(feature))
                        return true;
                feature = vh_get_be32(frame->payload);
                for (size_t i = 0; i < VH_ARRAY_SIZE(own_features); i++)
                        if (own_features[i] == feature)
                                return true;
                return false;
        default:
                return false;
        }
}

/* The primary is at another daemon. */
static VhRelay *route_proxied(VhSession *s, const VhFrame *frame)
{
        return is_call(&frame->h) && is_own_call(frame) ? NULL : s->relays[VH_KIND_HYPERVISOR];
}

/* The primary is here, other kinds may be elsewhere. */
static VhRelay *route_kind(VhSession *s, const VhProgram *program, const VhFrame *frame)
{
        const VhProc *proc;

        if (!is_call(&frame->h)) {
                for (int k = 0; k < VH_KIND_MAX; k++)
                        if (s->relays[k] && vh_relay_owns(s->relays[k], &frame->h))
                                return s->relays[k];
                return NULL;
        }
        proc = vh_program_find(program, frame->h.proc);
        if (!proc || proc->dir != VH_DIR_CALL || proc->kind <= VH_KIND_HYPERVISOR ||
            where(s, proc->kind) != WHERE_REMOTE)
                return NULL;
        return relay_for_kind(s, proc->kind);
}

static bool session_route(VhClient *client, const VhFrame *frame, void *data)
{
        VhSession *s = data;
        const VhProgram *program = s->open ? find_program(&frame->h) : NULL;
        VhRelay *relay;

        if (!program)
                return false;
        relay = s->relays[VH_KIND_HYPERVISOR] ? route_proxied(s, frame) : route_kind(s, program, frame);
        if (relay)
                vh_relay_forward(relay, frame);
        return relay != NULL;
}

/* Opening. */

static int no_driver(const VhUri *uri, VhError **err)
{
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_CONNECT, "%s", uri->text);
}

static int choose_uri(VhUri **ret, VhSession *s, const char *name, VhError **err)
{
        _vh_free_ char *chosen = NULL;
        int r;

        if (!*name) {
                chosen = vh_backends_default_uri(s->backends, s->read_only);
                if (!chosen)
                        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_CONNECT, NULL);
                name = chosen;
        }
        r = vh_uri_parse(ret, name, err);
        return r < 0 ? r : vh_uri_check_slash(*ret, err);
}

static int open_remote(VhSession *s, VhCall *call, const VhUri *uri)
{
        s->relays[VH_KIND_HYPERVISOR] = relay_new(s, uri->scheme, uri->text, true);
        vh_relay_open(s->relays[VH_KIND_HYPERVISOR], open_done, s);
        return open_later(s, call);
}

static int open_uri(VhSession *s, VhCall *call, const VhUri *uri, VhError **err)
{
        const VhInstance *in = vh_backends_find(s->backends, uri->scheme);
        int r = vh_uri_check_local(uri, err);

        if (r < 0)
                return r;
        if (!in)
                return vh_backends_has_daemon(s->backends, uri->scheme) ? open_remote(s, call, uri)
                                                                        : no_driver(uri, err);
        r = conn_open(&s->conns[VH_KIND_HYPERVISOR], s, in, uri, err);
        s->open = r == 0;
        return r == VH_LATER ? open_later(s, call) : r;
}

static int op_connect_open(VhCall *call, const remote_connect_open_args *args, VhError **err)
{
        VhSession *s = call->target;
        _vh_uri_ VhUri *uri = NULL;
        int r;

        if (s->open || s->opening)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "connection already open");
        if (!args->name)
                return not_open(VH_KIND_NONE, err);
        s->read_only = vh_client_read_only(s->client) || args->flags & OPEN_READ_ONLY;
        r = choose_uri(&uri, s, args->name, err);
        return r < 0 ? r : open_uri(s, call, uri, err);
}

/* What the client had is given back when it has gone; the reply leaves first. */
static int op_connect_close(VhCall *call, VhError **err)
{
        vh_client_close_soon(call->client);
        return 0;
}

/* Login. */

static int op_auth_list(VhCall *call, remote_auth_list_ret *ret, VhError **err)
{
        ret->types.len = 1;
        ret->types.val = vh_call_new(call, remote_auth_type, 1);
        ret->types.val[0] = (remote_auth_type)vh_login_scheme(call->client);
        return 0;
}

static int op_auth_polkit(VhCall *call, remote_auth_polkit_ret *ret, VhError **err)
{
        ret->complete = 1;
        return vh_login_polkit(call, err);
}

static int op_auth_sasl_init(VhCall *call, remote_auth_sasl_init_ret *ret, VhError **err)
{
        return vh_login_sasl(call, err);
}

static int op_auth_sasl_start(VhCall *call, const remote_auth_sasl_start_args *args, remote_auth_sasl_start_ret *ret,
                              VhError **err)
{
        return vh_login_sasl(call, err);
}

static int op_auth_sasl_step(VhCall *call, const remote_auth_sasl_step_args *args, remote_auth_sasl_step_ret *ret,
                             VhError **err)
{
        return vh_login_sasl(call, err);
}

static const VhSessionOps session_ops = {
        .connect_open = op_connect_open,
        .connect_close = op_connect_close,
        .auth_list = op_auth_list,
        .auth_sasl_init = op_auth_sasl_init,
        .auth_sasl_start = op_auth_sasl_start,
        .auth_sasl_step = op_auth_sasl_step,
        .auth_polkit = op_auth_polkit,
};

/* Before each call. */

static int check_call(const VhSession *s, const VhCall *call, VhError **err)
{
        int r = call->proc->check_first ? call->proc->check_first(call, err) : 0;

        return r < 0 || !s->read_only ? VH_MIN(r, 0) : vh_session_check_read_only(call, err);
}

/* The one question that clients ask before they open. */
static bool is_keepalive_question(const VhCall *call)
{
        const remote_connect_supports_feature_args *args = call->args;

        return call->proc->number == REMOTE_PROC_CONNECT_SUPPORTS_FEATURE && args->feature == VH_FEATURE_KEEPALIVE;
}

/* Common procedures need no driver, and behind a proxy there is none here. */
static int before_common(VhSession *s, VhCall *call, const void **ops, VhError **err)
{
        if (!s->open && !is_keepalive_question(call))
                return not_open(VH_KIND_HYPERVISOR, err);
        call->target = vh_session_primary(s);
        *ops = &vh_session_common_ops;
        return check_call(s, call, err);
}

static int before_driver(VhSession *s, VhCall *call, VhError **err)
{
        VhConn *conn;
        int r = conn_for(&conn, s, call->proc->kind, err);

        if (r < 0)
                return r;
        call->target = conn;
        r = check_call(s, call, err);
        if (r == 0 && conn->driver->before_call)
                conn->driver->before_call(conn->state, call);
        return r;
}

static int after_driver(VhCall *call, int r, VhError **err)
{
        const VhConn *conn = vh_call_conn(call);

        return conn->driver->after_call ? conn->driver->after_call(conn->state, call, r, err) : r;
}

static int before_remote(VhCall *call, const void **ops, VhError **err)
{
        VhSession *s = vh_client_data(call->client);
        int r;

        if (call->proc->kind == VH_KIND_NONE) {
                call->target = s;
                *ops = &session_ops;
                return 0;
        }
        if (vh_session_is_common(call->proc))
                return before_common(s, call, ops, err);
        r = before_driver(s, call, err);
        if (r == 0)
                *ops = vh_driver_ops(vh_call_conn(call)->driver, call->proc->kind);
        return r;
}

static int after_remote(VhCall *call, int r, VhError **err)
{
        if (call->proc->kind == VH_KIND_NONE || vh_session_is_common(call->proc))
                return r;
        return after_driver(call, r, err);
}

static int before_qemu(VhCall *call, const void **ops, VhError **err)
{
        int r = before_driver(vh_client_data(call->client), call, err);

        if (r == 0)
                *ops = vh_call_conn(call)->driver->qemu;
        return r;
}

static int before_lxc(VhCall *call, const void **ops, VhError **err)
{
        int r = before_driver(vh_client_data(call->client), call, err);

        if (r == 0)
                *ops = vh_call_conn(call)->driver->lxc;
        return r;
}

void vh_session_serve(VhServer *server, VhBackends *b)
{
        static const VhService services[] = {
                { &vh_program_remote, before_remote, after_remote, NULL },
                { &vh_program_qemu, before_qemu, after_driver, NULL },
                { &vh_program_lxc, before_lxc, after_driver, NULL },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(services); i++)
                vh_server_add_service(server, &services[i]);
}

/* Coming and going. */

static void session_closed(VhClient *client, void *data)
{
        VhSession *s = data;
        VhConn *primary = s->conns[VH_KIND_HYPERVISOR];

        for (int k = 0; k < VH_KIND_MAX; k++) {
                vh_relay_free(s->relays[k]);
                if (s->conns[k] && s->conns[k] != primary)
                        conn_close(s->conns[k]);
        }
        if (primary)
                conn_close(primary);
        if (s->open_call)
                vh_call_finish(s->open_call, -ECANCELED, NULL);
        free(s);
}

int vh_session_client_new(VhServer *server, VhClient *client, VhBackends *b)
{
        static const VhClientHooks hooks = { .route = session_route, .closed = session_closed };
        VhSession *s = vh_new(VhSession, 1);

        s->backends = b;
        s->client = client;
        vh_client_set_hooks(client, &hooks, s);
        return 0;
}
