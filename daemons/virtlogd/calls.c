/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlogd: log files of guests. Its program's calls, and what it hands to a fresh copy of itself. */

#include <inttypes.h>
#include <limits.h>

#include "api.h"
#include "driver/flags.h"
#include "log_protocol.h"
#include "calls.h"
#include "logs.h"
#include "ops.h"
#include "procs.h"

static Logs *logs_of(const VhCall *call)
{
        return call->target;
}

/* Ends of requests. */

static void opened(void *data, int r, LogAnswer *answer, VhError *err)
{
        VhCall *call = data;
        virLogManagerProtocolDomainOpenLogFileRet *ret = call->ret;

        ret->pos.inode = answer->pos.inode;
        ret->pos.offset = answer->pos.offset;
        if (r >= 0)
                r = vh_call_send_fd(call, VH_TAKE_FD(answer->fd));
        vh_call_finish(call, r, err);
}

static void placed(void *data, int r, LogAnswer *answer, VhError *err)
{
        VhCall *call = data;
        virLogManagerProtocolDomainGetLogFilePositionRet *ret = call->ret;

        ret->pos.inode = answer->pos.inode;
        ret->pos.offset = answer->pos.offset;
        vh_call_finish(call, r, err);
}

static void was_read(void *data, int r, LogAnswer *answer, VhError *err)
{
        VhCall *call = data;
        virLogManagerProtocolDomainReadLogFileRet *ret = call->ret;

        if (r >= 0)
                ret->data = vh_call_own(call, VH_TAKE_PTR(answer->data));
        vh_call_finish(call, r, err);
}

static void appended(void *data, int r, LogAnswer *answer, VhError *err)
{
        vh_call_finish(data, r, err);
}

/* Calls. */

static int op_open(VhCall *call, const virLogManagerProtocolDomainOpenLogFileArgs *args,
                   virLogManagerProtocolDomainOpenLogFileRet *ret, VhError **err)
{
        const unsigned truncate = VIR_LOG_MANAGER_PROTOCOL_DOMAIN_OPEN_LOG_FILE_TRUNCATE;
        LogOwner owner = { .driver = args->driver, .name = args->dom.name };
        int r = vh_check_flags(args->flags, truncate, VIR_FROM_LOGGING, "virLogHandlerDomainOpenLogFile", err);

        if (r < 0)
                return r;
        memcpy(owner.uuid, args->dom.uuid, VH_UUID_LEN);
        logs_open(logs_of(call), args->path, &owner, args->flags & truncate, opened, call);
        return VH_LATER;
}

static int op_position(VhCall *call, const virLogManagerProtocolDomainGetLogFilePositionArgs *args,
                       virLogManagerProtocolDomainGetLogFilePositionRet *ret, VhError **err)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_LOGGING, "virLogHandlerDomainGetLogFilePosition", err);

        if (r < 0)
                return r;
        logs_position(logs_of(call), args->path, placed, call);
        return VH_LATER;
}

static int op_read(VhCall *call, const virLogManagerProtocolDomainReadLogFileArgs *args,
                   virLogManagerProtocolDomainReadLogFileRet *ret, VhError **err)
{
        LogPosition from = { args->pos.inode, args->pos.offset };
        int r = vh_check_flags(args->flags, 0, VIR_FROM_LOGGING, "virLogHandlerDomainReadLogFile", err);

        if (r < 0)
                return r;
        if (args->maxlen > VIR_LOG_MANAGER_PROTOCOL_STRING_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                    "Requested data len %" PRIu64 " is larger than maximum %d", args->maxlen,
                                    VIR_LOG_MANAGER_PROTOCOL_STRING_MAX);
        logs_read(logs_of(call), args->path, &from, args->maxlen, was_read, call);
        return VH_LATER;
}

static int op_append(VhCall *call, const virLogManagerProtocolDomainAppendLogFileArgs *args,
                     virLogManagerProtocolDomainAppendLogFileRet *ret, VhError **err)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_LOGGING, "virLogHandlerDomainAppendLogFile", err);

        if (r < 0)
                return r;
        logs_append(logs_of(call), args->path, args->message, appended, call);
        return VH_LATER;
}

static const VhLogOps log_ops = {
        .domain_open_log_file = op_open,
        .domain_get_log_file_position = op_position,
        .domain_read_log_file = op_read,
        .domain_append_log_file = op_append,
};

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        *ops = &log_ops;
        return 0;
}

static int start(void **ret, const VhHelperEnv *env, const json_t *state, VhError **err)
{
        _vh_cleanup_(logs_freep) Logs *logs = NULL;
        LogLimits limits = { 0 };
        uint64_t backups = 0;
        int r = vh_conf_get_u64(env->settings->conf, "max_size", &limits.max_size, err);

        if (r >= 0)
                r = vh_conf_get_u64(env->settings->conf, "max_backups", &backups, err);
        if (r < 0)
                return r;
        limits.max_backups = (int)VH_MIN(backups, (uint64_t)INT_MAX);
        logs = logs_new(env->loop, &limits);
        logs_load(logs, json_object_get(json_object_get(state, "handler"), "files"));
        *ret = VH_TAKE_PTR(logs);
        return 0;
}

static void stop(void *self)
{
        logs_free(self);
}

static bool busy(const void *self)
{
        return logs_busy(self);
}

static bool settle(void *self)
{
        return logs_settle(self);
}

static void go_on(void *self)
{
        logs_go_on(self);
}

static void save(const void *self, json_t *state, VhKeptFds *kept)
{
        json_object_set_new(state, "handler", json_pack("{s:o}", "files", logs_save(self, kept)));
}

const VhHelper log_helper = {
        .program = &vh_program_log,
        .before_call = before_call,
        .start = start,
        .stop = stop,
        .busy = busy,
        .settle = settle,
        .go_on = go_on,
        .save = save,
};
