/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines of JSON on a UNIX socket: what QEMU's monitor and the guest agent have in common. Whole objects go out and come
 * in; half lines wait for their rest, garbage and oversized lines are errors. Belongs to the loop thread. */

#include <jansson.h>

#include "base/error.h"
#include "event/loop.h"

typedef struct QemuJsonLink QemuJsonLink;

enum {
        /* Bytes of one line that is believed. The biggest real one is the answer to query-qmp-schema, about 200 kB. */
        QEMU_JSON_LINE_MAX = 10 * 1024 * 1024,
};

/* What an integer that is too large is read as. */
#define QEMU_JSON_TOO_LARGE INT64_C(999999999999999999)

/* Parses one object or array of n bytes; NULL with *why. json-parse.c */
json_t *qemu_json_parse(const char *text, size_t n, json_error_t *why);

typedef struct QemuJsonHandlers {
        /* An object came in (borrowed). The link may be freed inside. */
        void (*object)(void *data, json_t *object);
        /* A line that is no JSON object. Returns true to go on with the next line; NULL: no line is forgiven. */
        bool (*garbage)(void *data, const char *line);
        /* The peer hung up (r = -EPIPE), or sent what cannot be understood. Called once; nothing more comes. The link
         * may be freed inside. */
        void (*closed)(void *data, int r, const VhError *err);
        void *data;
} QemuJsonHandlers;

/* fd: a connected stream socket, made non-blocking; taken over. Never NULL. */
QemuJsonLink *qemu_json_link_new(VhLoop *loop, int fd, const QemuJsonHandlers *handlers);
/* Sends what it can of what is queued, and closes. Accepts NULL, returns NULL. No handler is called. */
QemuJsonLink *qemu_json_link_free(QemuJsonLink *link);
/* Queues an object (borrowed) and its newline; fd (-1: none) goes with its first byte and is taken over. */
void qemu_json_link_send(QemuJsonLink *link, const json_t *object, int fd);
/* Queues bytes as they are. */
void qemu_json_link_send_raw(QemuJsonLink *link, const void *bytes, size_t n);
/* Handles n received bytes as if they had come from the socket: for tests. Returns 0, or negative errno once the link
 * is closed. */
int qemu_json_link_feed(QemuJsonLink *link, const void *bytes, size_t n);
