/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Client of the agent inside a guest: lines of JSON over its channel. One command at a time, each behind a guest-sync,
 * so that an answer to a question that was given up is not taken for the next one's. The guest may say anything or
 * nothing. Belongs to the loop thread. */

#include "json-link.h"

typedef struct QemuAgent QemuAgent;

/* How long a command may take, in seconds; the numbers are those of the API. */
enum {
        QEMU_AGENT_BLOCK = -2,   /* for ever */
        QEMU_AGENT_DEFAULT = -1, /* QEMU_AGENT_WAIT_SECONDS */
        QEMU_AGENT_NOWAIT = 0,
        QEMU_AGENT_WAIT_SECONDS = 5, /* also the most that the guest-sync before a command may take */
};

/* What the guest does instead of answering, for commands that end it. */
typedef enum QemuAgentEvent {
        QEMU_AGENT_ANSWERS,
        QEMU_AGENT_SHUTS_DOWN,
        QEMU_AGENT_RESETS,
        QEMU_AGENT_SUSPENDS,
} QemuAgentEvent;

/* The agent's answer as it came, with "return" or "error" in it (borrowed), r 0; NULL with r 0 if the event came that
 * was waited for. On failure r is negative and err (borrowed) says why. The link may be freed inside. */
typedef void (*QemuAgentReplyFn)(void *data, json_t *reply, int r, const VhError *err);

typedef struct QemuAgentHandlers {
        /* The channel was closed (r -EPIPE), or is unusable; once. The owner frees the agent, here or later. */
        void (*closed)(void *data, int r, const VhError *err);
        void *data;
} QemuAgentHandlers;

/* fd: connected socket, taken over. Never NULL. */
QemuAgent *qemu_agent_new(VhLoop *loop, int fd, const QemuAgentHandlers *handlers);
/* A command under way fails first. Accepts NULL, returns NULL. */
QemuAgent *qemu_agent_free(QemuAgent *agent);

typedef struct QemuAgentCommand {
        json_t *object; /* taken over */
        int timeout;    /* of the command, seconds or QEMU_AGENT_* */
        int sync_timeout;
        QemuAgentEvent event; /* ends it, too */
        QemuAgentReplyFn fn;  /* called once, never before qemu_agent_ask() returns */
        void *data;
} QemuAgentCommand;

/* Sends a command; none may be under way. */
void qemu_agent_ask(QemuAgent *agent, const QemuAgentCommand *command);
/* The guest did something: ends the command that waits for it. */
void qemu_agent_tell(QemuAgent *agent, QemuAgentEvent event);

/* Why a reply is none: *err is made from its error member. 0 if it has a return member. unsupported (may be NULL) tells
 * whether the agent does not know (or does not allow) the command. */
int qemu_agent_reply_check(const char *command, json_t *reply, bool *unsupported, VhError **err);
