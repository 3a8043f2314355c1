/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs for guests: base/tool.h with the commands of this driver. */

#include "base/tool.h"
#include "launch.h"

typedef struct QemuProgram {
        const QemuCommand *cmd; /* descriptors in it are inherited; no environment: PATH and LC_ALL */
        const char *input;      /* for its standard input; NULL: nothing to read */
        unsigned seconds;       /* it is killed after; 0: it takes what it takes */
        bool drop;              /* it runs as: */
        uid_t uid;
        gid_t gid;
} QemuProgram;

/* vh_tool_run() and vh_tool_must(). */
int qemu_program_run(const QemuProgram *program, VhToolEnd *end, VhError **err);
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
