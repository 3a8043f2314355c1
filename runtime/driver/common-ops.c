/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is the same for every driver: the procedures about the connection itself, the host's name, and the driver that
 * can do nothing else yet. */

#include <errno.h>
#include <limits.h>
#include <netdb.h>

#include "api.h"
#include "driver/common-ops.h"
#include "driver/session.h"
#include "driver/uri.h"
#include "procs.h"
#include "rpc/server.h"

static VhSession *session_of(const VhCall *call)
{
        return vh_client_data(call->client);
}

static int op_get_type(VhCall *call, remote_connect_get_type_ret *ret, VhError **err)
{
        ret->type = (char *)vh_call_conn(call)->driver->name;
        return 0;
}

static int op_get_lib_version(VhCall *call, remote_connect_get_lib_version_ret *ret, VhError **err)
{
        ret->lib_ver = VH_LIB_VERSION;
        return 0;
}

static int op_get_uri(VhCall *call, remote_connect_get_uri_ret *ret, VhError **err)
{
        ret->uri = vh_call_conn(call)->uri;
        return 0;
}

/* A driver in the daemon itself is as private as the daemon. */
static int op_is_secure(VhCall *call, remote_connect_is_secure_ret *ret, VhError **err)
{
        ret->secure = 1;
        return 0;
}

static int op_supports_feature(VhCall *call, const remote_connect_supports_feature_args *args,
                               remote_connect_supports_feature_ret *ret, VhError **err)
{
        VhConn *conn = vh_session_primary(session_of(call));

        switch (args->feature) {
        case VH_FEATURE_KEEPALIVE:
                vh_client_start_keepalive(call->client);
                ret->supported = 1;
                return 0;
        case VH_FEATURE_FD_PASSING:
        case VH_FEATURE_TYPED_PARAM_STRING:
        case VH_FEATURE_EVENT_CALLBACK:
        case VH_FEATURE_CLOSE_CALLBACK:
                ret->supported = 1;
                return 0;
        default:
                ret->supported = conn && conn->driver->supports_feature
                                         ? conn->driver->supports_feature(conn, args->feature)
                                         : 0;
                return 0;
        }
}

static int op_register_close_callback(VhCall *call, VhError **err)
{
        vh_session_set_close_callback(session_of(call), true);
        return 0;
}

static int op_unregister_close_callback(VhCall *call, VhError **err)
{
        vh_session_set_close_callback(session_of(call), false);
        return 0;
}

static char **identity_string(VhIdentity *id, const char *field)
{
        const struct {
                const char *field;
                char **place;
        } strings[] = {
                { VIR_CONNECT_IDENTITY_USER_NAME, &id->user_name },
                { VIR_CONNECT_IDENTITY_GROUP_NAME, &id->group_name },
                { VIR_CONNECT_IDENTITY_SASL_USER_NAME, &id->sasl_user_name },
                { VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME, &id->x509_dname },
                { VIR_CONNECT_IDENTITY_SELINUX_CONTEXT, &id->selinux_context },
                { "system.token", &id->system_token },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(strings); i++)
                if (vh_streq(strings[i].field, field))
                        return strings[i].place;
        return NULL;
}

static bool identity_number(VhIdentity *id, const remote_typed_param *p)
{
        if (vh_streq(p->field, VIR_CONNECT_IDENTITY_UNIX_USER_ID) && p->value.type == VIR_TYPED_PARAM_ULLONG)
                id->uid = (uid_t)p->value.ul;
        else if (vh_streq(p->field, VIR_CONNECT_IDENTITY_UNIX_GROUP_ID) && p->value.type == VIR_TYPED_PARAM_ULLONG)
                id->gid = (gid_t)p->value.ul;
        else if (vh_streq(p->field, VIR_CONNECT_IDENTITY_PROCESS_ID) && p->value.type == VIR_TYPED_PARAM_LLONG)
                id->pid = (pid_t)p->value.l;
        else if (vh_streq(p->field, VIR_CONNECT_IDENTITY_PROCESS_TIME) && p->value.type == VIR_TYPED_PARAM_ULLONG)
                id->start_time = p->value.ul;
        else
                return false;
        id->has_unix = true;
        return true;
}

static int identity_param(VhIdentity *id, const remote_typed_param *p, VhError **err)
{
        char **place = p->value.type == VIR_TYPED_PARAM_STRING ? identity_string(id, p->field) : NULL;

        if (place) {
                vh_strset(place, p->value.s);
                return 0;
        }
        if (identity_number(id, p))
                return 0;
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter '%s' not supported", p->field);
}

/* Who may say that it acts for somebody else: our daemons, which know the token, and those who could do anything
 * anyway. */
static bool may_speak_for_others(VhCall *call, const VhIdentity *claimed)
{
        const VhIdentity *peer = vh_client_identity(call->client);
        const char *token = vh_backends_token(vh_session_backends(session_of(call)));

        if (claimed->system_token && vh_streq(claimed->system_token, token))
                return true;
        return peer->has_unix && (peer->uid == 0 || peer->uid == geteuid());
}

static int op_set_identity(VhCall *call, const remote_connect_set_identity_args *args, VhError **err)
{
        _vh_cleanup_(vh_identity_freep) VhIdentity *id = vh_new(VhIdentity, 1);

        for (uint32_t i = 0; i < args->params.len; i++) {
                int r = identity_param(id, &args->params.val[i], err);

                if (r < 0)
                        return r;
        }
        if (!may_speak_for_others(call, id))
                return vh_error_set(err, VIR_FROM_ACCESS, VIR_ERR_ACCESS_DENIED,
                                    "only another daemon may set the identity of its client");
        vh_session_set_identity(session_of(call), VH_TAKE_PTR(id));
        return 0;
}

const VhHypervisorOps vh_session_common_ops = {
        .connect_get_type = op_get_type,
        .connect_get_lib_version = op_get_lib_version,
        .connect_get_uri = op_get_uri,
        .connect_is_secure = op_is_secure,
        .connect_supports_feature = op_supports_feature,
        .connect_register_close_callback = op_register_close_callback,
        .connect_unregister_close_callback = op_unregister_close_callback,
        .connect_set_identity = op_set_identity,
};

bool vh_session_is_common(const VhProc *proc)
{
        switch (proc->number) {
        case REMOTE_PROC_CONNECT_GET_TYPE:
        case REMOTE_PROC_CONNECT_GET_LIB_VERSION:
        case REMOTE_PROC_CONNECT_GET_URI:
        case REMOTE_PROC_CONNECT_IS_SECURE:
        case REMOTE_PROC_CONNECT_SUPPORTS_FEATURE:
        case REMOTE_PROC_CONNECT_REGISTER_CLOSE_CALLBACK:
        case REMOTE_PROC_CONNECT_UNREGISTER_CLOSE_CALLBACK:
        case REMOTE_PROC_CONNECT_SET_IDENTITY:
                return true;
        default:
                return false;
        }
}

/* The full name if the resolver knows one, as clients use it to reach this host again. */
static char *canonical_hostname(const char *name)
{
        struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_family = AF_UNSPEC };
        struct addrinfo *info = NULL;
        char *full;

        if (strchr(name, '.') || strncmp(name, "localhost", strlen("localhost")) == 0 ||
            getaddrinfo(name, NULL, &hints, &info) != 0)
                return vh_xstrdup(name);
        full = vh_xstrdup(info->ai_canonname && strncmp(info->ai_canonname, "localhost", strlen("localhost")) != 0
                                  ? info->ai_canonname
                                  : name);
        freeaddrinfo(info);
        return full;
}

/* The resolver may have to ask the network: a job for a worker. */
typedef struct HostnameJob {
        VhCall *call;
        char own[HOST_NAME_MAX + 1];
        char *full;
} HostnameJob;

static int hostname_work(void *data)
{
        HostnameJob *job = data;

        job->full = canonical_hostname(job->own);
        return 0;
}

static void hostname_done(void *data, int r)
{
        HostnameJob *job = data;
        remote_connect_get_hostname_ret *ret = job->call->ret;

        if (job->full)
                ret->hostname = vh_call_own(job->call, job->full);
        vh_call_finish(job->call, r, NULL);
        free(job);
}

int vh_op_connect_get_hostname(VhCall *call, remote_connect_get_hostname_ret *ret, VhError **err)
{
        HostnameJob *job = vh_new(HostnameJob, 1);

        job->call = call;
        if (gethostname(job->own, sizeof(job->own)) < 0) {
                free(job);
                return vh_error_sys(err, VIR_FROM_NONE, errno, "failed to determine host name");
        }
        job->own[sizeof(job->own) - 1] = '\0';
        vh_pool_submit(vh_server_pool(vh_client_server(call->client)), hostname_work, hostname_done, job);
        return VH_LATER;
}

int vh_empty_driver_start(void **state, const VhDriverEnv *env, VhError **err)
{
        *state = (void *)env;
        return 0;
}

int vh_empty_driver_open(void *state, VhConn *conn, const char *path, const char *query, VhError **err)
{
        const VhDriverEnv *env = state;
        const VhUriPathRule rule = {
                .scheme = conn->driver->scheme,
                .domain = VIR_FROM_NONE,
                .privileged = env->privileged,
                .session_ok = conn->driver->session_ok,
                .bare_ok = conn->driver->bare_path_ok,
        };

        return vh_uri_check_path(&rule, path, err);
}
