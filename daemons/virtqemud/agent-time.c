/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest's clock. */

#include <errno.h>

#include "agent.h"
#include "process.h"
#include "qemu-ops.h"

enum { NSEC_PER_SEC = 1000000000 };

static void got_time(QemuTask *task, json_t *ret)
{
        remote_domain_get_time_ret *answer = task->call->ret;

        if (!json_is_integer(ret)) {
                qemu_agent_malformed(task, "guest agent returned malformed or invalid return value");
                return;
        }
        answer->seconds = json_integer_value(ret) / NSEC_PER_SEC;
        answer->nseconds = (unsigned)(json_integer_value(ret) % NSEC_PER_SEC);
        qemu_task_end(task, 0, NULL);
}

static void get_run(QemuTask *task)
{
        qemu_task_ask(task, qmp_command("guest-get-time", NULL), got_time);
}

static const QemuTaskClass get_class = {
        .api = "remoteDispatchDomainGetTime",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = get_run,
};

QEMU_OP_RET(domain_get_time)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetTime", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &get_class, NULL, err);
}

/* The clock is right now: ticks that the guest missed must not be made up for. A QEMU without the command has none. */
static void ticks_dropped(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        qemu_task_end(task, 0, NULL);
}

static void time_set(QemuTask *task, json_t *ret)
{
        qemu_task_qmp_try(task, qmp_command("rtc-reset-reinjection", NULL), ticks_dropped);
}

static void set_run(QemuTask *task)
{
        const remote_domain_set_time_args *args = task->call->args;
        json_t *cmd = NULL;

        if (!(args->flags & VIR_DOMAIN_TIME_SYNC))
                cmd = json_pack("{s:I}", "time", (json_int_t)args->seconds * NSEC_PER_SEC + args->nseconds);
        qemu_task_ask(task, qmp_command_args("guest-set-time", cmd), time_set);
}

static const QemuTaskClass set_class = {
        .api = "remoteDispatchDomainSetTime",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = set_run,
};

QEMU_OP(domain_set_time)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_TIME_SYNC, VIR_FROM_QEMU, "qemuDomainSetTime", err);

        if (r == 0 && (args->seconds > INT64_MAX / NSEC_PER_SEC - 1 || args->seconds < INT64_MIN / NSEC_PER_SEC + 1))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Time '%lld' is too big for guest agent",
                                 (long long)args->seconds);
        return r < 0 ? r : qemu_task_start(call, &args->dom, &set_class, NULL, err);
}
