/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The log of a guest: LOG/qemu/NAME.log, where QEMU's output goes and what we say about its start and end. Where logs
 * go by way of virtlogd, a worker does what waits for it; else all is done at once. */

#include "process.h"

typedef struct QemuLogWork QemuLogWork;

/* What came of it; borrowed. */
typedef struct QemuLogResult {
        int fd;           /* the log, open for appending; who takes it puts -1 there */
        const char *tail; /* what QEMU wrote to its log in this run, at most a few kB, trimmed */
} QemuLogResult;

typedef void (*QemuLogDone)(void *data, QemuLogResult *result, int r, const VhError *err);

/* Each of these calls done() once, inside or later; until then proc->log_work is set, and there may only be one for a
 * process. Text is preceded by the time; failure to write it is ignored: a log must not stop a guest. */

/* Opens the log, notes where this run starts in it, and appends text. */
void qemu_run_log_open(QemuProcess *proc, const char *text, QemuLogDone done, void *data);
/* Appends text. */
void qemu_run_log_end(QemuProcess *proc, const char *text, QemuLogDone done, void *data);
/* Reads what QEMU wrote. */
void qemu_run_log_read(QemuProcess *proc, QemuLogDone done, void *data);
/* Nobody waits any more; what goes on goes on. */
void qemu_run_log_forget(QemuProcess *proc);

/* Appends text without anybody waiting. */
void qemu_run_log_say(const QemuProcess *proc, const char *text);
