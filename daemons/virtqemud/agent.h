/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls that the guest's agent answers: tasks (task.h) of a class with .agent set, that ask it instead of the monitor.
 */

#include "agent-link.h"
#include "task.h"

/* Whether the agent can be asked: 0, or "domain is not running", "QEMU guest agent is not connected", ... */
int qemu_agent_check(VhDomainObj *dom, VhError **err);

/* Sends a command (taken over) to the agent and goes on in got() with its answer; an error ends the task. */
void qemu_task_ask(QemuTask *task, json_t *cmd, QemuTaskGot got);
/* The same, handing errors to result(): r is -EOPNOTSUPP for a command that the agent does not know or does not allow.
 */
void qemu_task_ask_try(QemuTask *task, json_t *cmd, QemuTaskResult result);
/* The same for a command that the guest ends with an event, or that takes another time than others (seconds or
 * QEMU_AGENT_*). ret is NULL behind an event. */
void qemu_task_ask_event(QemuTask *task, json_t *cmd, int timeout, QemuAgentEvent event, QemuTaskResult result);
/* The same with any object, for which every answer is good: ret is all of it, error or not. */
void qemu_task_ask_raw(QemuTask *task, json_t *cmd, int timeout, QemuTaskResult result);

/* Ends the task without an error; for got(). */
void qemu_agent_done(QemuTask *task, json_t *ret);
/* Ends the task because the agent's answer cannot be understood. */
void qemu_agent_malformed(QemuTask *task, const char *text);
