/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's protocol: guest-sync, one command, its answer. */

#include "agent-link.h"

#include <errno.h>
#include <time.h>

#include "base/log.h"

VH_LOG_SOURCE("qemu.agent");

enum { USEC_PER_SEC = 1000000, USEC_PER_MSEC = 1000 };

typedef enum Phase {
        IDLE,
        SYNCING, /* the guest-sync is sent */
        ASKED,   /* the command is */
} Phase;

struct QemuAgent {
        VhLoop *loop;
        QemuJsonLink *link;
        QemuAgentHandlers handlers;
        Phase phase;
        QemuAgentCommand command; /* while not idle */
        json_int_t sync_id;
        VhSource *timer;
};

static void finish(QemuAgent *agent, json_t *reply, int r, const VhError *err)
{
        QemuAgentCommand command = agent->command;

        agent->phase = IDLE;
        agent->command = (QemuAgentCommand){ 0 };
        agent->timer = vh_source_free(agent->timer);
        json_decref(command.object);
        command.fn(command.data, reply, r, err);
}

static void fail(QemuAgent *agent, int code, const char *text)
{
        _vh_error_ VhError *err = NULL;

        if (agent->phase != IDLE) {
                int r = vh_error_set(&err, VIR_FROM_QEMU, code, "%s", text);

                finish(agent, NULL, r, err);
        }
}

static void expired(void *data)
{
        fail(data, VIR_ERR_AGENT_UNRESPONSIVE, "Guest agent not available for now");
}

static void limit(QemuAgent *agent, int seconds)
{
        uint64_t delay = seconds == QEMU_AGENT_BLOCK     ? UINT64_MAX
                         : seconds == QEMU_AGENT_DEFAULT ? (uint64_t)QEMU_AGENT_WAIT_SECONDS * USEC_PER_SEC
                                                         : (uint64_t)seconds * USEC_PER_SEC;

        if (agent->timer)
                vh_source_rearm(agent->timer, delay);
        else
                agent->timer = vh_loop_add_timer(agent->loop, delay, expired, agent);
}

/* The number of a guest-sync: never one that was used on this channel, by an earlier daemon either. */
static json_int_t next_id(QemuAgent *agent)
{
        struct timespec now;
        json_int_t ms;

        clock_gettime(CLOCK_REALTIME, &now);
        ms = (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        agent->sync_id = ms > agent->sync_id ? ms : agent->sync_id + 1;
        return agent->sync_id;
}

static void synced(QemuAgent *agent)
{
        agent->phase = ASKED;
        limit(agent, agent->command.timeout);
        qemu_json_link_send(agent->link, agent->command.object, -1);
}

static void on_object(void *data, json_t *object)
{
        QemuAgent *agent = data;
        const json_t *id = json_object_get(object, "return");

        if (agent->phase == ASKED && (id || json_object_get(object, "error")))
                finish(agent, object, 0, NULL);
        else if (agent->phase == SYNCING && json_is_integer(id) && json_integer_value(id) == agent->sync_id)
                synced(agent);
        else
                vh_log_debug("an agent said something that nobody asked for");
}

/* Rests of answers that were given up, or a guest that says anything: what was asked waits on. */
static bool on_garbage(void *data, const char *line)
{
        return true;
}

static void on_closed(void *data, int r, const VhError *err)
{
        QemuAgent *agent = data;

        agent->handlers.closed(agent->handlers.data, r, err);
}

QemuAgent *qemu_agent_new(VhLoop *loop, int fd, const QemuAgentHandlers *handlers)
{
        QemuAgent *agent = vh_new(QemuAgent, 1);
        QemuJsonHandlers of_link = { on_object, on_garbage, on_closed, agent };

        agent->loop = loop;
        agent->handlers = *handlers;
        agent->link = qemu_json_link_new(loop, fd, &of_link);
        return agent;
}

QemuAgent *qemu_agent_free(QemuAgent *agent)
{
        if (!agent)
                return NULL;
        if (agent->phase == ASKED && agent->command.event != QEMU_AGENT_ANSWERS)
                finish(agent, NULL, 0, NULL);
        else
                fail(agent, VIR_ERR_INTERNAL_ERROR, "Guest agent disappeared while executing command");
        qemu_json_link_free(agent->link);
        free(agent);
        return NULL;
}

void qemu_agent_ask(QemuAgent *agent, const QemuAgentCommand *command)
{
        json_t *sync = json_pack("{s:s,s:{s:I}}", "execute", "guest-sync", "arguments", "id", next_id(agent));

        agent->command = *command;
        agent->phase = SYNCING;
        limit(agent, command->sync_timeout);
        qemu_json_link_send(agent->link, sync, -1);
        json_decref(sync);
}

void qemu_agent_tell(QemuAgent *agent, QemuAgentEvent event)
{
        if (agent && agent->phase == ASKED && agent->command.event == event)
                finish(agent, NULL, 0, NULL);
}

int qemu_agent_reply_check(const char *command, json_t *reply, bool *unsupported, VhError **err)
{
        const json_t *error = json_object_get(reply, "error");
        const char *class = json_string_value(json_object_get(error, "class"));
        const char *desc = json_string_value(json_object_get(error, "desc"));

        if (unsupported)
                *unsupported = vh_streq(class, "CommandNotFound") || vh_streq(class, "CommandDisabled");
        if (!error)
                return 0;
        return desc ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                   "unable to execute QEMU agent command '%s': %s", command, desc)
                    : vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                   "unable to execute QEMU agent command '%s'", command);
}
