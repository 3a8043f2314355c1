/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls to virtlogd and virtlockd, which wait for the answer: to be made on a worker. */

#include "qemu.h"
#include "rpc/client.h"

/* A connection with a loop of its own: the thread is any. All zero is a valid closed one. */
typedef struct QemuLine {
        VhLoop *loop;
        VhRemote *remote;
} QemuLine;

/* Connects to the socket of that name in run_dir. Returns 0 or negative errno with *err. */
int qemu_line_open(QemuLine *line, const char *run_dir, const char *socket, VhError **err);
void qemu_line_done(QemuLine *line);
#define _qemu_line_ _vh_cleanup_(qemu_line_done)

/* Workers for such calls: others do not wait for them. */
VhPool *qemu_helper_pool(QemuDriver *driver);
