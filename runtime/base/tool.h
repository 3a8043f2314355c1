/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Runs a program to its end: qemu-img, ovs-vsctl, swtpm_setup, scripts of the administrator, ... Blocks, so it belongs
 * into a job of the worker pool. */

#include <sys/types.h>

#include "base/error.h"

typedef struct VhTool {
        int domain;        /* VIR_FROM_*, of errors */
        char *const *argv; /* NULL-terminated; the first is its path */
        char *const *env;  /* NULL: PATH and LC_ALL */
        const int *fds;    /* inherited under their own numbers */
        size_t n_fds;
        const char *input; /* for its standard input; NULL: nothing to read */
        unsigned seconds;  /* it is killed after; 0: it takes what it takes */
        int stop_fd;       /* it is killed when this can be read; 0: none */
        bool drop;         /* it runs as: */
        uid_t uid;
        gid_t gid;
} VhTool;

typedef struct VhToolEnd {
        int status;    /* as waitpid(2) tells it */
        char *output;  /* what it wrote, NUL-terminated, the beginning of much; the caller frees both */
        char *message; /* what it wrote to its error output, without blanks at the end */
} VhToolEnd;

/* Where a program is on the daemon's PATH; NULL: it is not installed. The caller frees it. */
char *vh_tool_find(const char *name);

/* Returns 0 when it ran and ended, however that was; negative errno with *err when it did not, took too long, or was
 * stopped (-ECANCELED). */
int vh_tool_run(const VhTool *tool, VhToolEnd *end, VhError **err);
void vh_tool_end_done(VhToolEnd *end);
#define _vh_tool_end_ _vh_cleanup_(vh_tool_end_done)

/* The same for programs that have to succeed: any end but exit 0 is an error that carries the program's message. */
int vh_tool_must(const VhTool *tool, VhError **err);

/* Environment (NULL: none) and arguments as a shell would read them. options: what stands before an option; its
 * argument follows behind a blank. The caller frees it. */
char *vh_tool_line(char *const argv[], char *const env[], const char *options);
