/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a daemon's files are: the system's places for root, the user's for everybody else. */

#include "conf/desc.h"

typedef struct VhPaths {
        bool privileged;
        char *config_dir;
        char *run_dir;
        char *state_dir;
        char *cache_dir;
        char *log_dir;
        char *config_file;
        char *pid_file;
} VhPaths;

/* Fills paths for the effective user and the environment; vh_paths_done() frees them. */
void vh_paths_init(VhPaths *paths, const VhDaemonDesc *desc);
void vh_paths_done(VhPaths *paths);
