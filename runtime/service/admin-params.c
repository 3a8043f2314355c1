/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Worker numbers, client limits and facts about one client, as lists. */

#include "api.h"
#include "service/admin-params.h"

/* Workers are started when there is work, so the lower limit is what clients can count on at any time. */
void vh_admin_workers_get(VhServer *server, bool on_admin, VhTypedList *list)
{
        const VhServerLimits *limits = vh_server_limits(server);
        VhPoolInfo info;
        unsigned busy, current;

        vh_pool_info(vh_server_pool(server), &info);
        current = VH_MAX(info.current, limits->min_workers);
        busy = info.current - info.idle + (on_admin && current > 0 ? 1 : 0);
        vh_typed_add_uint(list, VIR_THREADPOOL_WORKERS_MIN, limits->min_workers);
        vh_typed_add_uint(list, VIR_THREADPOOL_WORKERS_MAX, limits->max_workers);
        vh_typed_add_uint(list, VIR_THREADPOOL_WORKERS_CURRENT, current);
        vh_typed_add_uint(list, VIR_THREADPOOL_WORKERS_FREE, current - VH_MIN(busy, current));
        vh_typed_add_uint(list, VIR_THREADPOOL_WORKERS_PRIORITY, limits->prio_workers);
        vh_typed_add_uint(list, VIR_THREADPOOL_JOB_QUEUE_DEPTH, info.queued);
}

/* Sets *value if the list has the field. */
static void take_uint(const remote_typed_param *params, uint32_t n, const char *field, unsigned *value)
{
        const remote_typed_param *p = vh_typed_find(params, n, field);

        if (p)
                *value = p->value.ui;
}

static int invalid(VhError **err, int domain, const char *text)
{
        return vh_error_set(err, domain, VIR_ERR_INVALID_ARG, "%s", text);
}

int vh_admin_workers_set(VhServer *server, const remote_typed_param *params, uint32_t n, VhError **err)
{
        static const VhTypedField fields[] = {
                { VIR_THREADPOOL_WORKERS_MIN, VIR_TYPED_PARAM_UINT, false },
                { VIR_THREADPOOL_WORKERS_MAX, VIR_TYPED_PARAM_UINT, false },
                { VIR_THREADPOOL_WORKERS_PRIORITY, VIR_TYPED_PARAM_UINT, false },
        };
        VhServerLimits *limits = vh_server_limits(server);
        VhServerLimits want = *limits;
        int r = vh_typed_validate(params, n, fields, VH_ARRAY_SIZE(fields), err);

        if (r < 0)
                return r;
        take_uint(params, n, VIR_THREADPOOL_WORKERS_MIN, &want.min_workers);
        take_uint(params, n, VIR_THREADPOOL_WORKERS_MAX, &want.max_workers);
        take_uint(params, n, VIR_THREADPOOL_WORKERS_PRIORITY, &want.prio_workers);
        if (want.min_workers > want.max_workers)
                return invalid(err, VIR_FROM_THREAD, "minWorkers cannot be larger than maxWorkers");
        if ((want.max_workers == 0) != (limits->max_workers == 0))
                return invalid(err, VIR_FROM_THREAD,
                               "maxWorkers must not be switched from zero to non-zero and vice versa");
        *limits = want;
        vh_server_limits_changed(server);
        return 0;
}

void vh_admin_limits_get(VhServer *server, VhTypedList *list)
{
        const VhServerLimits *limits = vh_server_limits(server);

        vh_typed_add_uint(list, VIR_SERVER_CLIENTS_MAX, limits->max_clients);
        vh_typed_add_uint(list, VIR_SERVER_CLIENTS_CURRENT, vh_server_n_clients(server));
        vh_typed_add_uint(list, VIR_SERVER_CLIENTS_UNAUTH_MAX, limits->max_anonymous_clients);
        vh_typed_add_uint(list, VIR_SERVER_CLIENTS_UNAUTH_CURRENT, vh_server_n_anonymous(server));
}

int vh_admin_limits_set(VhServer *server, const remote_typed_param *params, uint32_t n, VhError **err)
{
        static const VhTypedField fields[] = {
                { VIR_SERVER_CLIENTS_MAX, VIR_TYPED_PARAM_UINT, false },
                { VIR_SERVER_CLIENTS_UNAUTH_MAX, VIR_TYPED_PARAM_UINT, false },
        };
        VhServerLimits *limits = vh_server_limits(server);
        VhServerLimits want = *limits;
        int r = vh_typed_validate(params, n, fields, VH_ARRAY_SIZE(fields), err);

        if (r < 0)
                return r;
        take_uint(params, n, VIR_SERVER_CLIENTS_MAX, &want.max_clients);
        take_uint(params, n, VIR_SERVER_CLIENTS_UNAUTH_MAX, &want.max_anonymous_clients);
        if (want.max_clients < want.max_anonymous_clients)
                return invalid(
                        err, VIR_FROM_RPC,
                        "The overall maximum number of clients waiting for authentication must not be less than the "
                        "overall maximum number of clients");
        *limits = want;
        vh_server_limits_changed(server);
        return 0;
}

static void add_string(VhTypedList *list, const char *field, const char *value)
{
        if (value)
                vh_typed_add_string(list, field, value);
}

/* What the kernel said when the client came; names are looked up only now, when somebody wants to see them. */
static void add_unix_identity(const VhIdentity *peer, VhTypedList *list)
{
        VhIdentity *id = vh_identity_copy(peer);

        vh_identity_resolve(id);
        vh_typed_add_int(list, VIR_CLIENT_INFO_UNIX_USER_ID, (int)id->uid);
        if (id->user_name)
                vh_typed_add_string(list, VIR_CLIENT_INFO_UNIX_USER_NAME, vh_arena_strdup(list->arena, id->user_name));
        vh_typed_add_int(list, VIR_CLIENT_INFO_UNIX_GROUP_ID, (int)id->gid);
        if (id->group_name)
                vh_typed_add_string(list, VIR_CLIENT_INFO_UNIX_GROUP_NAME,
                                    vh_arena_strdup(list->arena, id->group_name));
        vh_typed_add_int(list, VIR_CLIENT_INFO_UNIX_PROCESS_ID, (int)id->pid);
        vh_identity_free(id);
}

void vh_admin_client_info(VhClient *client, VhTypedList *list)
{
        const VhIdentity *id = vh_client_identity(client);

        vh_typed_add_bool(list, VIR_CLIENT_INFO_READONLY, vh_client_read_only(client));
        if (vh_client_transport(client) == VH_TRANSPORT_UNIX && id->has_unix)
                add_unix_identity(id, list);
        else
                vh_typed_add_string(list, VIR_CLIENT_INFO_SOCKET_ADDR, vh_client_address(client));
        add_string(list, VIR_CLIENT_INFO_SASL_USER_NAME, id->sasl_user_name);
        add_string(list, VIR_CLIENT_INFO_X509_DISTINGUISHED_NAME, id->x509_dname);
        add_string(list, VIR_CLIENT_INFO_SELINUX_CONTEXT, id->selinux_context);
}
