/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Runs a program to its end: ovs-vsctl, swtpm_setup, scripts of the administrator, ... Blocks, so it belongs into a job
 * of the worker pool. */

#include "base/error.h"
#include "launch.h"

typedef struct QemuProgram {
        const QemuCommand *cmd; /* descriptors in it are inherited; no environment: PATH and LC_ALL */
        const char *input;      /* for its standard input; NULL: nothing to read */
        unsigned seconds;       /* it is killed after; 0: it takes what it takes */
        bool drop;              /* it runs as: */
        uid_t uid;
        gid_t gid;
} QemuProgram;

typedef struct QemuProgramEnd {
        int status;    /* as waitpid(2) tells it */
        char *output;  /* what it wrote, NUL-terminated, the beginning of much; the caller frees both */
        char *message; /* what it wrote to its error output, without blanks at the end */
} QemuProgramEnd;

/* Where a program is on the daemon's PATH; NULL: it is not installed. The caller frees it. */
char *qemu_program_find(const char *name);

/* Returns 0 when it ran and ended, however that was; negative errno with *err when it did not, or took too long. */
int qemu_program_run(const QemuProgram *program, QemuProgramEnd *end, VhError **err);
void qemu_program_end_done(QemuProgramEnd *end);
#define _qemu_program_end_ _vh_cleanup_(qemu_program_end_done)

/* The same for programs that have to succeed: any end but exit 0 is an error that carries the program's message. */
int qemu_program_must(const QemuProgram *program, VhError **err);

/* A program that goes on in the background, with nobody but init as its parent. */
typedef struct QemuBackground {
        const QemuCommand *cmd; /* as above */
        const char *pid_path;   /* written and locked by it */
        const char *log_path;   /* of its output, appended to; made if need be */
        const char *label;      /* its SELinux context; NULL: as the policy has it */
        bool drop;              /* it runs as: */
        uid_t uid;
        gid_t gid;
} QemuBackground;

/* Returns 0 once it runs, with its pid; negative errno with *err if it cannot be run. */
int qemu_program_background(const QemuBackground *program, pid_t *pid, VhError **err);
