/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The procedures of the admin program. Servers and their clients are named in each call; a client has no state. */

#include <errno.h>

#include "api.h"
#include "base/log.h"
#include "driver/common-ops.h"
#include "driver/flags.h"
#include "procs.h"
#include "service/admin-params.h"
#include "service/admin.h"

static VhAdmin *admin_of(const VhCall *call)
{
        return call->target;
}

static int no_flags(unsigned flags, const char *function, VhError **err)
{
        return vh_check_flags(flags, 0, VIR_FROM_ADMIN, function, err);
}

static VhServer *find_server(const VhCall *call, const char *name, VhError **err)
{
        const VhAdmin *admin = admin_of(call);

        for (unsigned i = 0; i < VH_ADMIN_SERVERS_MAX && admin->servers[i]; i++)
                if (vh_streq(vh_server_name(admin->servers[i]), name))
                        return admin->servers[i];
        vh_error_set(err, VIR_FROM_RPC, VIR_ERR_NO_SERVER, "No server named '%s'", name);
        return NULL;
}

static VhClient *find_client(const VhCall *call, const char *server_name, uint64_t id, VhError **err)
{
        VhServer *server = find_server(call, server_name, err);
        VhClient *client = server ? vh_server_find_client(server, id) : NULL;

        if (server && !client)
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_NO_CLIENT, "No client with matching ID '%llu'",
                             (unsigned long long)id);
        return client;
}

/* The beginning of every call about a server or a client. */
static int take_server(VhServer **ret, const VhCall *call, const char *name, unsigned flags, const char *function,
                       VhError **err)
{
        int r = no_flags(flags, function, err);

        if (r < 0)
                return r;
        *ret = find_server(call, name, err);
        return *ret ? 0 : -ENOENT;
}

static int take_client(VhClient **ret, const VhCall *call, const char *server, uint64_t id, unsigned flags,
                       const char *function, VhError **err)
{
        int r = no_flags(flags, function, err);

        if (r < 0)
                return r;
        *ret = find_client(call, server, id, err);
        return *ret ? 0 : -ENOENT;
}

static bool on_admin(const VhCall *call, const VhServer *server)
{
        return vh_client_server(call->client) == server;
}

/* Connection. */

/* Clients open first, but nothing depends on it. */
static int op_connect_open(VhCall *call, const admin_connect_open_args *args, VhError **err)
{
        return no_flags(args->flags, "adminDispatchConnectOpen", err);
}

static int op_connect_close(VhCall *call, VhError **err)
{
        vh_client_close_soon(call->client);
        return 0;
}

static int op_get_lib_version(VhCall *call, admin_connect_get_lib_version_ret *ret, VhError **err)
{
        ret->libVer = VH_LIB_VERSION;
        return 0;
}

static int op_set_timeout(VhCall *call, const admin_connect_set_daemon_timeout_args *args, VhError **err)
{
        int r = no_flags(args->flags, "virNetDaemonAutoShutdown", err);

        if (r < 0)
                return r;
        admin_of(call)->set_timeout(admin_of(call)->data, args->timeout);
        return 0;
}

/* Servers. */

static int op_list_servers(VhCall *call, const admin_connect_list_servers_args *args,
                           admin_connect_list_servers_ret *ret, VhError **err)
{
        const VhAdmin *admin = admin_of(call);
        int r = no_flags(args->flags, "adminConnectListServers", err);
        unsigned n = 0;

        if (r < 0)
                return r;
        while (n < VH_ADMIN_SERVERS_MAX && admin->servers[n])
                n++;
        ret->ret = n;
        if (!args->need_results)
                return 0;
        ret->servers.val = vh_call_new(call, admin_nonnull_server, n);
        ret->servers.len = n;
        for (unsigned i = 0; i < n; i++)
                ret->servers.val[i].name = (char *)vh_server_name(admin->servers[i]);
        return 0;
}

static int op_lookup_server(VhCall *call, const admin_connect_lookup_server_args *args,
                            admin_connect_lookup_server_ret *ret, VhError **err)
{
        VhServer *server;
        int r = take_server(&server, call, args->name, args->flags, "adminConnectLookupServer", err);

        if (r < 0)
                return r;
        ret->srv.name = (char *)vh_server_name(server);
        return 0;
}

static int op_get_workers(VhCall *call, const admin_server_get_threadpool_parameters_args *args,
                          admin_server_get_threadpool_parameters_ret *ret, VhError **err)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerGetThreadPoolParameters", err);

        if (r < 0)
                return r;
        vh_admin_workers_get(server, on_admin(call, server), &list);
        ret->params.len = list.len;
        ret->params.val = (admin_typed_param *)list.val;
        return 0;
}

static int op_set_workers(VhCall *call, const admin_server_set_threadpool_parameters_args *args, VhError **err)
{
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerSetThreadPoolParameters", err);

        if (r < 0)
                return r;
        return vh_admin_workers_set(server, (const remote_typed_param *)args->params.val, args->params.len, err);
}

static int op_get_limits(VhCall *call, const admin_server_get_client_limits_args *args,
                         admin_server_get_client_limits_ret *ret, VhError **err)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerGetClientLimits", err);

        if (r < 0)
                return r;
        vh_admin_limits_get(server, &list);
        ret->params.len = list.len;
        ret->params.val = (admin_typed_param *)list.val;
        return 0;
}

static int op_set_limits(VhCall *call, const admin_server_set_client_limits_args *args, VhError **err)
{
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerSetClientLimits", err);

        if (r < 0)
                return r;
        return vh_admin_limits_set(server, (const remote_typed_param *)args->params.val, args->params.len, err);
}

static int op_update_tls(VhCall *call, const admin_server_update_tls_files_args *args, VhError **err)
{
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerUpdateTlsFiles", err);

        if (r < 0)
                return r;
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                            "no tls service found, unable to update tls files");
}

/* Clients. */

static void describe_client(admin_nonnull_client *ret, const VhClient *client)
{
        ret->srv.name = (char *)vh_server_name(vh_client_server(client));
        ret->id = vh_client_id(client);
        ret->timestamp = vh_client_timestamp(client);
        ret->transport = vh_client_transport(client);
}

static int op_list_clients(VhCall *call, const admin_server_list_clients_args *args, admin_server_list_clients_ret *ret,
                           VhError **err)
{
        VhServer *server;
        int r = take_server(&server, call, args->srv.name, args->flags, "adminServerListClients", err);

        if (r < 0)
                return r;
        ret->ret = vh_server_n_clients(server);
        if (!args->need_results)
                return 0;
        if (ret->ret > ADMIN_CLIENT_LIST_MAX)
                return vh_error_set(err, VIR_FROM_ADMIN, VIR_ERR_INTERNAL_ERROR, "Too many clients '%u' for limit '%d'",
                                    ret->ret, ADMIN_CLIENT_LIST_MAX);
        ret->clients.val = vh_call_new(call, admin_nonnull_client, ret->ret);
        for (const VhClient *c = vh_server_first_client(server); c && ret->clients.len < ret->ret;
             c = vh_client_next(c))
                describe_client(&ret->clients.val[ret->clients.len++], c);
        ret->ret = ret->clients.len;
        return 0;
}

static int op_lookup_client(VhCall *call, const admin_server_lookup_client_args *args,
                            admin_server_lookup_client_ret *ret, VhError **err)
{
        VhClient *client;
        int r = take_client(&client, call, args->srv.name, args->id, args->flags, "adminServerLookupClient", err);

        if (r < 0)
                return r;
        describe_client(&ret->clnt, client);
        return 0;
}

static int op_client_info(VhCall *call, const admin_client_get_info_args *args, admin_client_get_info_ret *ret,
                          VhError **err)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhClient *client;
        int r = take_client(&client, call, args->clnt.srv.name, args->clnt.id, args->flags, "adminClientGetInfo", err);

        if (r < 0)
                return r;
        vh_admin_client_info(client, &list);
        ret->params.len = list.len;
        ret->params.val = (admin_typed_param *)list.val;
        return 0;
}

static int op_client_close(VhCall *call, const admin_client_close_args *args, VhError **err)
{
        VhClient *client;
        int r = take_client(&client, call, args->clnt.srv.name, args->clnt.id, args->flags, "adminClientClose", err);

        if (r < 0)
                return r;
        /* Somebody who hangs up on himself still gets the answer. */
        if (client == call->client)
                vh_client_close_soon(client);
        else
                vh_client_close(client);
        return 0;
}

/* Log. */

static int op_get_outputs(VhCall *call, const admin_connect_get_logging_outputs_args *args,
                          admin_connect_get_logging_outputs_ret *ret, VhError **err)
{
        int r = no_flags(args->flags, "adminConnectGetLoggingOutputs", err);
        char *text;

        if (r < 0)
                return r;
        text = vh_log_get_outputs(&ret->noutputs);
        ret->outputs = text ? vh_call_own(call, text) : vh_call_strdup(call, "");
        return 0;
}

static int op_get_filters(VhCall *call, const admin_connect_get_logging_filters_args *args,
                          admin_connect_get_logging_filters_ret *ret, VhError **err)
{
        int r = no_flags(args->flags, "adminConnectGetLoggingFilters", err);
        char *text;

        if (r < 0)
                return r;
        text = vh_log_get_filters(&ret->nfilters);
        ret->filters = text ? vh_call_own(call, text) : NULL;
        return 0;
}

static int op_set_outputs(VhCall *call, const admin_connect_set_logging_outputs_args *args, VhError **err)
{
        int r = no_flags(args->flags, "adminConnectSetLoggingOutputs", err);

        return r < 0 ? r : vh_log_set_outputs(args->outputs, err);
}

static int op_set_filters(VhCall *call, const admin_connect_set_logging_filters_args *args, VhError **err)
{
        int r = no_flags(args->flags, "adminConnectSetLoggingFilters", err);

        return r < 0 ? r : vh_log_set_filters(args->filters, err);
}

static const VhAdminOps admin_ops = {
        .connect_open = op_connect_open,
        .connect_close = op_connect_close,
        .connect_get_lib_version = op_get_lib_version,
        .connect_list_servers = op_list_servers,
        .connect_lookup_server = op_lookup_server,
        .server_get_threadpool_parameters = op_get_workers,
        .server_set_threadpool_parameters = op_set_workers,
        .server_list_clients = op_list_clients,
        .server_lookup_client = op_lookup_client,
        .client_get_info = op_client_info,
        .client_close = op_client_close,
        .server_get_client_limits = op_get_limits,
        .server_set_client_limits = op_set_limits,
        .connect_get_logging_outputs = op_get_outputs,
        .connect_get_logging_filters = op_get_filters,
        .connect_set_logging_outputs = op_set_outputs,
        .connect_set_logging_filters = op_set_filters,
        .server_update_tls_files = op_update_tls,
        .connect_set_daemon_timeout = op_set_timeout,
};

static int before_admin(VhCall *call, const void **ops, VhError **err)
{
        *ops = &admin_ops;
        return 0;
}

void vh_admin_serve(VhServer *server, VhAdmin *admin)
{
        vh_server_add_service(server,
                              &(VhService){ .program = &vh_program_admin, .before_call = before_admin, .data = admin });
}
