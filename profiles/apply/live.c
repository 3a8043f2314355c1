/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The admin protocol's settings. All of one call go out together: bounds between them are checked by the daemon. */

#include "apply/live.h"
#include "base/arena.h"
#include "api.h"
#include "client_calls.h"

#include <errno.h>

typedef enum Call {
        CALL_LIMITS,
        CALL_WORKERS,
        CALL_FILTERS,
        CALL_OUTPUTS,
} Call;

/* log_level has no call in this version of the protocol. */
static const struct Row {
        const char *option;
        Call call;
        bool admin; /* of the admin server, else of the one named like the daemon */
        const char *field;
} rows[] = {
        { "max_clients", CALL_LIMITS, false, VIR_SERVER_CLIENTS_MAX },
        { "max_anonymous_clients", CALL_LIMITS, false, VIR_SERVER_CLIENTS_UNAUTH_MAX },
        { "min_workers", CALL_WORKERS, false, VIR_THREADPOOL_WORKERS_MIN },
        { "max_workers", CALL_WORKERS, false, VIR_THREADPOOL_WORKERS_MAX },
        { "prio_workers", CALL_WORKERS, false, VIR_THREADPOOL_WORKERS_PRIORITY },
        { "admin_max_clients", CALL_LIMITS, true, VIR_SERVER_CLIENTS_MAX },
        { "admin_min_workers", CALL_WORKERS, true, VIR_THREADPOOL_WORKERS_MIN },
        { "admin_max_workers", CALL_WORKERS, true, VIR_THREADPOOL_WORKERS_MAX },
        { "log_filters", CALL_FILTERS, false, NULL },
        { "log_outputs", CALL_OUTPUTS, false, NULL },
};

enum {
        PARAMS_MAX = 4, /* of one call to one server */
        CALL_USEC = 10 * 1000 * 1000,
};

static const struct Row *find_row(const char *option)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (vh_streq(rows[i].option, option))
                        return &rows[i];
        return NULL;
}

bool vh_live_can(const VhDaemonDesc *d, const char *option)
{
        const VhOptionDesc *o = vh_conf_desc_option(d->conf, option);

        return o && o->change == VH_CHANGE_LIVE && find_row(option);
}

typedef struct Live {
        const VhDaemonDesc *daemon;
        const VhLiveSetting *settings;
        size_t n;
        VhRemote *remote;
        VhArena *arena;
} Live;

/* The setting as a file would say it, so that one parser understands it everywhere. */
static int parse_setting(const Live *l, const VhLiveSetting *s, VhConf **conf, VhError **err)
{
        const VhOptionDesc *o = vh_conf_desc_option(l->daemon->conf, s->option);
        const char *value = s->value ? s->value : o->value;
        char *text = value ? vh_arena_printf(l->arena, "%s = %s\n", s->option, value) : vh_arena_strdup(l->arena, "");

        return vh_conf_parse(conf, s->option, text, strlen(text), NULL, err);
}

static int add_params(const Live *l, Call call, bool admin, admin_typed_param *params, uint32_t *n, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->n && *n < PARAMS_MAX; i++) {
                const struct Row *row = find_row(l->settings[i].option);
                _vh_conf_ VhConf *conf = NULL;
                unsigned value;

                if (row->call != call || row->admin != admin)
                        continue;
                r = parse_setting(l, &l->settings[i], &conf, err);
                if (r >= 0)
                        r = vh_conf_get_uint(conf, row->option, &value, err);
                if (r == 0)
                        r = vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "%s has no default", row->option);
                if (r < 0)
                        break;
                params[(*n)++] = (admin_typed_param){
                        .field = vh_arena_strdup(l->arena, row->field),
                        .value = { .type = VIR_TYPED_PARAM_UINT, .ui = value },
                };
        }
        return r < 0 ? r : 0;
}

static int check_params(const admin_typed_param *want, uint32_t n, const admin_typed_param *have, uint32_t n_have,
                        VhError **err)
{
        for (uint32_t i = 0; i < n; i++) {
                uint32_t j = 0;

                while (j < n_have && !vh_streq(want[i].field, have[j].field))
                        j++;
                if (j < n_have && have[j].value.type == VIR_TYPED_PARAM_UINT && have[j].value.ui == want[i].value.ui)
                        continue;
                vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_FAILED, "the daemon did not take %s = %u",
                               want[i].field, want[i].value.ui);
                return -EIO;
        }
        return 0;
}

static int set_limits(Live *l, char *server, admin_typed_param *params, uint32_t n, VhError **err)
{
        admin_server_set_client_limits_args set = { .srv = { server }, .params = { n, params } };
        admin_server_get_client_limits_args get = { .srv = { server } };
        admin_server_get_client_limits_ret ret = { 0 };
        int r = vh_call_admin_server_set_client_limits(l->remote, &set, l->arena, err);

        if (r >= 0)
                r = vh_call_admin_server_get_client_limits(l->remote, &get, &ret, l->arena, err);
        return r < 0 ? r : check_params(params, n, ret.params.val, ret.params.len, err);
}

static int set_workers(Live *l, char *server, admin_typed_param *params, uint32_t n, VhError **err)
{
        admin_server_set_threadpool_parameters_args set = { .srv = { server }, .params = { n, params } };
        admin_server_get_threadpool_parameters_args get = { .srv = { server } };
        admin_server_get_threadpool_parameters_ret ret = { 0 };
        int r = vh_call_admin_server_set_threadpool_parameters(l->remote, &set, l->arena, err);

        if (r >= 0)
                r = vh_call_admin_server_get_threadpool_parameters(l->remote, &get, &ret, l->arena, err);
        return r < 0 ? r : check_params(params, n, ret.params.val, ret.params.len, err);
}

static int set_numbers(Live *l, Call call, bool admin, VhError **err)
{
        char *server = vh_arena_strdup(l->arena, admin ? "admin" : l->daemon->name);
        admin_typed_param params[PARAMS_MAX];
        uint32_t n = 0;
        int r = add_params(l, call, admin, params, &n, err);

        if (r < 0 || n == 0)
                return r;
        return call == CALL_LIMITS ? set_limits(l, server, params, n, err) : set_workers(l, server, params, n, err);
}

static int set_text(Live *l, Call call, const char *value, VhError **err)
{
        admin_connect_set_logging_filters_args filters = { .filters = vh_arena_strdup(l->arena, value) };
        admin_connect_set_logging_outputs_args outputs = { .outputs = vh_arena_strdup(l->arena, value) };

        return call == CALL_FILTERS ? vh_call_admin_connect_set_logging_filters(l->remote, &filters, l->arena, err)
                                    : vh_call_admin_connect_set_logging_outputs(l->remote, &outputs, l->arena, err);
}

static int set_texts(Live *l, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->n; i++) {
                const struct Row *row = find_row(l->settings[i].option);
                _vh_conf_ VhConf *conf = NULL;
                const char *value = NULL;

                if (row->call != CALL_FILTERS && row->call != CALL_OUTPUTS)
                        continue;
                r = parse_setting(l, &l->settings[i], &conf, err);
                if (r >= 0)
                        r = vh_conf_get_string(conf, row->option, &value, err);
                if (r >= 0)
                        r = set_text(l, row->call, value, err);
        }
        return r < 0 ? r : 0;
}

static int set_all(Live *l, VhError **err)
{
        admin_connect_open_args open = { 0 };
        int r = vh_call_admin_connect_open(l->remote, &open, l->arena, err);

        for (int admin = 0; r >= 0 && admin < 2; admin++) {
                r = set_numbers(l, CALL_LIMITS, admin, err);
                if (r >= 0)
                        r = set_numbers(l, CALL_WORKERS, admin, err);
        }
        if (r >= 0)
                r = set_texts(l, err);
        return r;
}

int vh_live_set(const VhDaemonDesc *d, const char *socket, const VhLiveSetting *settings, size_t n, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_cleanup_(vh_loop_freep) VhLoop *loop = NULL;
        _vh_cleanup_(vh_remote_freep) VhRemote *remote = NULL;
        Live l = { .daemon = d, .settings = settings, .n = n, .arena = &arena };
        int r = vh_loop_new(&loop);

        if (r >= 0)
                r = vh_remote_connect(&remote, loop, socket, err);
        if (r >= 0) {
                l.remote = remote;
                vh_remote_set_sync_timeout(remote, CALL_USEC);
                r = set_all(&l, err);
        }
        if (r < 0)
                vh_error_prefix(err, "%s over %s", d->name, socket);
        return r;
}
