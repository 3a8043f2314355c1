/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Client of QEMU's machine protocol. Commands are queued and answered in any order; each answer goes to the function
 * that was given with the command. Belongs to the loop thread. */

#include "json-link.h"

typedef struct QemuMonitor QemuMonitor;

/* The answer to one command. On success ret is the "return" member (borrowed) and r 0. On failure ret is NULL, r
 * negative, and err (borrowed) says why: VIR_ERR_INTERNAL_ERROR "unable to execute QEMU command 'X': ..." for an error
 * that QEMU reports, VIR_ERR_OPERATION_FAILED "domain is not running" style errors when the monitor went away. The
 * monitor may be freed inside. */
typedef void (*QmpReplyFn)(void *data, json_t *ret, int r, const VhError *err);

typedef struct QmpHandlers {
        /* Greeting came and capabilities are negotiated: commands can be sent now. */
        void (*ready)(void *data);
        /* An event; args ("data" member, borrowed) is NULL if it has none. */
        void (*event)(void *data, const char *name, json_t *args, uint64_t seconds, unsigned micros);
        /* Hang-up, garbage, or no greeting: once; all pending answers were failed before. */
        void (*closed)(void *data, int r, const VhError *err);
        void *data;
} QmpHandlers;

enum {
        QMP_NO_TIMEOUT = 0,
        /* Seconds without any sign of life on a pending command before a guest counts as hung: others that wait for
         * its job are told so then. The command itself waits on. */
        QMP_HUNG_SECONDS = 30,
        QMP_BARRED_SECONDS = 10,
};

/* fd: connected socket, taken over. Never NULL. */
QemuMonitor *qmp_new(VhLoop *loop, int fd, const QmpHandlers *handlers);
/* Frees without calling any handler; pending answers are failed with -ECANCELED first. Accepts NULL, returns NULL. */
QemuMonitor *qmp_free(QemuMonitor *mon);

/* Sends a command (taken over). fn is called once, never before this function returns. */
void qmp_send(QemuMonitor *mon, json_t *cmd, QmpReplyFn fn, void *data);
/* The same with a descriptor (taken over) for getfd and add-fd. */
void qmp_send_fd(QemuMonitor *mon, json_t *cmd, int fd, QmpReplyFn fn, void *data);
/* The same, failing with VIR_ERR_OPERATION_TIMEOUT after some microseconds; a late answer is dropped. */
void qmp_send_timeout(QemuMonitor *mon, json_t *cmd, uint64_t timeout, QmpReplyFn fn, void *data);
/* Commands wait from now on until as many calls of release() have followed. */
void qmp_hold(QemuMonitor *mon);
void qmp_release(QemuMonitor *mon);
/* Commands of that name (static; NULL: none) wait from now on until this is called again; after QMP_BARRED_SECONDS they
 * fail with VIR_ERR_OPERATION_TIMEOUT. */
void qmp_bar(QemuMonitor *mon, const char *command);
/* Forgets who waits: no fn is called any more for commands that were sent with data. */
void qmp_forget(QemuMonitor *mon, const void *data);
/* Commands without an answer. */
unsigned qmp_pending(const QemuMonitor *mon);
/* Microseconds (monotonic) since which the oldest pending command waits; 0: none pending. */
uint64_t qmp_waiting_since(const QemuMonitor *mon);

/* A command object: fmt is jansson's json_pack() format of the arguments object, or NULL for none.
 * qmp_command("device_del", "{s:s}", "id", alias). Never NULL: a format that does not fit ends the process. */
json_t *qmp_command(const char *name, const char *fmt, ...);
/* The same with an arguments object that exists (taken over; NULL: none). */
json_t *qmp_command_args(const char *name, json_t *args);

/* The members that QEMU puts into the error of a reply. Class "CommandNotFound", "GenericError", "DeviceNotFound", ...
 * of the answer being handled; NULL outside of a QmpReplyFn or if QEMU did not send an error. */
const char *qmp_error_class(const QemuMonitor *mon);
const char *qmp_error_desc(const QemuMonitor *mon);
