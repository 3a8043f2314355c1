/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Clients that talk to QEMU themselves: program "qemu". */

#include <errno.h>

#include "process.h"
#include "qemu-ops.h"
#include "taint.h"
#include "task.h"

/* flags of the call; the number is the wire's */
enum { COMMAND_HMP = 1 };

typedef struct CommandTask {
        QemuTask task;
        json_t *cmd;
        bool hmp;
        char **result;
} CommandTask;

static void command_cleanup(QemuTask *task)
{
        json_decref(((CommandTask *)task)->cmd);
}

/* The answer as QEMU would have sent it. */
static char *answer_text(json_t *ret, const QemuMonitor *mon)
{
        json_t *answer =
                ret ? json_pack("{s:O}", "return", ret)
                    : json_pack("{s:{s:s,s:s}}", "error", "class", qmp_error_class(mon), "desc", qmp_error_desc(mon));
        char *text = json_dumps(answer, JSON_COMPACT);

        json_decref(answer);
        return text;
}

/* An error that QEMU reports is an answer for the client to read, except behind a human's command. */
static void answered(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        CommandTask *command = (CommandTask *)task;
        const QemuMonitor *mon = qemu_process_monitor(task->dom);
        char *text = NULL;

        if (r < 0 && (command->hmp || !mon || !qmp_error_class(mon))) {
                qemu_task_end(task, r, vh_error_copy(err));
                return;
        }
        text = command->hmp ? vh_xstrdup(json_is_string(ret) ? json_string_value(ret) : "") : answer_text(ret, mon);
        *command->result = vh_call_own(task->call, text);
        qemu_task_end(task, 0, NULL);
}

static void command_run(QemuTask *task)
{
        CommandTask *command = (CommandTask *)task;

        qemu_taint(qemu_process(task->dom), QEMU_TAINT_CUSTOM_MONITOR);
        qemu_task_qmp_try(task, VH_TAKE_PTR(command->cmd), answered);
}

static const QemuTaskClass command_class = {
        .api = "remoteDispatchDomainQemuMonitorCommand",
        .size = sizeof(CommandTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = command_run,
        .cleanup = command_cleanup,
};

static int parse_command(const char *text, bool hmp, json_t **cmd, VhError **err)
{
        json_error_t why;

        if (hmp) {
                *cmd = qmp_command("human-monitor-command", "{s:s}", "command-line", text);
                return 0;
        }
        *cmd = qemu_json_parse(text, strlen(text), &why);
        if (json_is_object(*cmd) && json_is_string(json_object_get(*cmd, "execute")))
                return 0;
        json_decref(VH_TAKE_PTR(*cmd));
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot parse json %s: %s", text, why.text);
}

static int start_command(VhCall *call, const remote_nonnull_domain *wire, const char *text, uint32_t flags,
                         char **result, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        CommandTask *command;
        json_t *cmd = NULL;
        int r = vh_check_flags(flags, COMMAND_HMP, VIR_FROM_QEMU, "qemuDomainQemuMonitorCommand", err);

        if (!dom)
                return -ENOENT;
        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = parse_command(text, flags & COMMAND_HMP, &cmd, err);
        if (r < 0)
                return r;
        command = (CommandTask *)qemu_task_new(qemu_driver(call), dom, call, &command_class);
        command->cmd = cmd;
        command->hmp = flags & COMMAND_HMP;
        command->result = result;
        return qemu_task_go(&command->task);
}

static int monitor_command(VhCall *call, const qemu_domain_monitor_command_args *args,
                           qemu_domain_monitor_command_ret *ret, VhError **err)
{
        return start_command(call, &args->dom, args->cmd, args->flags, &ret->result, err);
}

const VhQemuOps qemu_qemu_ops = {
        .domain_monitor_command = monitor_command,
        .domain_agent_command = qemu_agent_command,
        .connect_domain_monitor_event_register = vh_op_qemu_connect_domain_monitor_event_register,
        .connect_domain_monitor_event_deregister = vh_op_qemu_connect_domain_monitor_event_deregister,
};
