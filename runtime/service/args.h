/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line that all daemons share. */

#include "conf/desc.h"

typedef struct VhArgs {
        const char *program; /* argv[0] */
        char **argv;         /* all of it */
        bool verbose;
        bool daemonize;
        bool listen;
        bool check;         /* read and check the configuration, then end */
        unsigned timeout;   /* seconds without clients after which the daemon leaves, 0 = never */
        const char *config; /* NULL: the default place */
        const char *pid_file;
} VhArgs;

typedef enum VhArgsResult {
        VH_ARGS_RUN,
        VH_ARGS_DONE,  /* help or version was printed */
        VH_ARGS_USAGE, /* a mistake, already reported on stderr */
} VhArgsResult;

/* Strings point into argv. */
VhArgsResult vh_args_parse(VhArgs *args, const VhDaemonDesc *desc, int argc, char **argv);
