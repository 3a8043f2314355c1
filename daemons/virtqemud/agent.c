/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's agent: its connection, tasks that ask it, and clients' own commands. */

#include "agent.h"

#include <errno.h>

#include "base/log.h"
#include "process.h"
#include "qemu-ops.h"
#include "taint.h"

VH_LOG_SOURCE("qemu.agent");

#define AGENT_CHANNEL "org.qemu.guest_agent.0"

static const VhChr *agent_channel(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->channels.n; i++)
                if (vh_streq(def->channels.items[i]->target_name, AGENT_CHANNEL))
                        return def->channels.items[i];
        return NULL;
}

/* ---- the connection ---- */

static void closed(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r != -EPIPE) {
                vh_log_error("agent of domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
                proc->agent_failed = true;
        }
        qemu_agent_stop(proc);
}

void qemu_agent_stop(QemuProcess *proc)
{
        qemu_agent_free(VH_TAKE_PTR(proc->agent));
}

static void connect_agent(QemuProcess *proc, const char *path)
{
        QemuAgentHandlers handlers = { closed, proc };
        int fd = qemu_unix_connect(proc, path);

        if (fd < 0) {
                vh_log_error("agent of domain '%s': cannot connect to '%s': %s", proc->dom->node.name, path,
                             strerror(-fd));
                proc->agent_failed = true;
                return;
        }
        proc->agent_failed = false;
        proc->agent = qemu_agent_new(proc->driver->env.loop, fd, &handlers);
}

void qemu_agent_follow(QemuProcess *proc)
{
        const VhChr *chr = agent_channel(proc->dom->def);
        bool open = chr && chr->target_state == QEMU_CHANNEL_CONNECTED && chr->source.path;

        if (!open) {
                qemu_agent_stop(proc);
                proc->agent_failed = false;
        } else if (!proc->agent && chr->source.type == VH_CHR_UNIX)
                connect_agent(proc, chr->source.path);
}

int qemu_agent_check(VhDomainObj *dom, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);

        if (!proc || dom->state != VIR_DOMAIN_RUNNING)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain is not running");
        if (proc->agent_failed)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_AGENT_UNRESPONSIVE,
                                    "QEMU guest agent is not available due to an error");
        if (proc->agent)
                return 0;
        if (agent_channel(dom->def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_AGENT_UNRESPONSIVE,
                                    "QEMU guest agent is not connected");
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured");
}

/* ---- tasks ---- */

/* What a task waits for; its own memory, because the answer may come to a task that does not know its command. */
typedef struct Question {
        QemuTask *task;
        char *command;
        bool raw;
} Question;

static void pass_on(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (task->result)
                task->result(task, ret, r, err);
        else if (r < 0)
                qemu_task_end(task, r, vh_error_copy(err));
        else
                task->got(task, ret);
}

static void answered(void *data, json_t *reply, int r, const VhError *error)
{
        Question question = *(Question *)data;
        _vh_free_ char *command = question.command;
        VhError *err = r < 0 ? vh_error_copy(error) : NULL;
        bool unsupported = false;
        json_t *ret = question.raw ? reply : json_object_get(reply, "return");

        free(data);
        if (r == 0 && reply && !question.raw)
                r = qemu_agent_reply_check(command, reply, &unsupported, &err);
        pass_on(question.task, r < 0 ? NULL : ret, unsupported ? -EOPNOTSUPP : r, err);
        vh_error_free(err);
}

/* The most that the agent may take for the guest-sync: what its user set, if that is less. */
static int sync_timeout(VhDomainObj *dom)
{
        int seconds = qemu_domain_priv(dom)->agent_timeout;

        return seconds >= 0 && seconds < QEMU_AGENT_WAIT_SECONDS ? seconds : QEMU_AGENT_DEFAULT;
}

static void ask(QemuTask *task, json_t *cmd, int timeout, QemuAgentEvent event, bool raw)
{
        const char *name = json_string_value(json_object_get(cmd, "execute"));
        QemuAgentCommand command = { cmd, timeout, sync_timeout(task->dom), event, answered, NULL };
        Question *question;
        VhError *err = NULL;
        int r = qemu_agent_check(task->dom, &err);

        if (r < 0) {
                json_decref(cmd);
                pass_on(task, NULL, r, err);
                vh_error_free(err);
                return;
        }
        question = vh_new(Question, 1);
        *question = (Question){ task, vh_xstrdup(name ? name : ""), raw };
        command.data = question;
        qemu_agent_ask(qemu_process(task->dom)->agent, &command);
}

void qemu_task_ask(QemuTask *task, json_t *cmd, QemuTaskGot got)
{
        task->got = got;
        task->result = NULL;
        ask(task, cmd, qemu_domain_priv(task->dom)->agent_timeout, QEMU_AGENT_ANSWERS, false);
}

void qemu_task_ask_try(QemuTask *task, json_t *cmd, QemuTaskResult result)
{
        qemu_task_ask_event(task, cmd, qemu_domain_priv(task->dom)->agent_timeout, QEMU_AGENT_ANSWERS, result);
}

void qemu_task_ask_event(QemuTask *task, json_t *cmd, int timeout, QemuAgentEvent event, QemuTaskResult result)
{
        task->got = NULL;
        task->result = result;
        ask(task, cmd, timeout, event, false);
}

void qemu_task_ask_raw(QemuTask *task, json_t *cmd, int timeout, QemuTaskResult result)
{
        task->got = NULL;
        task->result = result;
        ask(task, cmd, timeout, QEMU_AGENT_ANSWERS, true);
}

void qemu_agent_done(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

void qemu_agent_malformed(QemuTask *task, const char *text)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "%s", text);

        qemu_task_end(task, r, err);
}

/* ---- clients' own commands ---- */

typedef struct CommandTask {
        QemuTask task;
        json_t *cmd;
        int timeout;
} CommandTask;

static void command_answered(QemuTask *task, json_t *reply, int r, const VhError *err)
{
        CommandTask *command = (CommandTask *)task;
        VhError *copy = vh_error_copy(err);

        const char *name = json_string_value(json_object_get(command->cmd, "execute"));

        if (r == 0)
                r = qemu_agent_reply_check(name ? name : "<unknown>", reply, NULL, &copy);
        if (r == 0)
                ((qemu_domain_agent_command_ret *)task->call->ret)->result =
                        vh_call_own(task->call, json_dumps(reply, JSON_COMPACT));
        qemu_task_end(task, r, copy);
}

static void command_run(QemuTask *task)
{
        CommandTask *command = (CommandTask *)task;

        qemu_taint(qemu_process(task->dom), QEMU_TAINT_CUSTOM_GA_COMMAND);
        qemu_task_ask_raw(task, json_incref(command->cmd), command->timeout, command_answered);
}

static void command_cleanup(QemuTask *task)
{
        json_decref(((CommandTask *)task)->cmd);
}

static const QemuTaskClass command_class = {
        .api = "qemuDispatchDomainAgentCommand",
        .size = sizeof(CommandTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = command_run,
        .cleanup = command_cleanup,
};

static int check_timeout(int seconds, VhError **err)
{
        return seconds < QEMU_AGENT_BLOCK ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                                         "guest agent timeout '%d' is less than the minimum '%d'",
                                                         seconds, QEMU_AGENT_BLOCK)
                                          : 0;
}

static int command_init(QemuTask *task, VhError **err)
{
        const qemu_domain_agent_command_args *args = task->call->args;
        CommandTask *command = (CommandTask *)task;
        json_error_t why;
        int r = check_timeout(args->timeout, err);

        if (r < 0)
                return r;
        command->cmd = qemu_json_parse(args->cmd, strlen(args->cmd), &why);
        if (!command->cmd)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot parse json %s: %s", args->cmd,
                                    why.text);
        command->timeout = args->timeout;
        return 0;
}

int qemu_agent_command(VhCall *call, const qemu_domain_agent_command_args *args, qemu_domain_agent_command_ret *ret,
                       VhError **err)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainQemuAgentCommand", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &command_class, command_init, err);
}

QEMU_OP_RET(domain_agent_set_response_timeout)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = dom ? vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainAgentSetResponseTimeout", err) : -ENOENT;

        if (r == 0)
                r = check_timeout(args->timeout, err);
        if (r < 0)
                return r;
        qemu_domain_priv(dom)->agent_timeout = args->timeout;
        qemu_status_save(dom);
        return 0;
}
