/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one object of a daemon's process: made in order, run, freed in reverse. */

#include "service/args.h"
#include "service/daemon.h"

typedef struct VhManager VhManager;

/* Makes everything up to listening sockets and started drivers. *status is the exit status that fits. A failure is in
 * the log already. Returns 0 or negative errno. */
int vh_manager_new(VhManager **ret, const VhProgramDesc *program, const VhDaemonDesc *desc, const VhArgs *args,
                   int *status);
/* Tells the system manager that we are ready, serves until a signal or idleness, and tells it that we stop. Returns the
 * exit status. */
int vh_manager_run(VhManager *manager);
/* Accepts NULL, returns NULL. */
VhManager *vh_manager_free(VhManager *manager);
VH_DEFINE_CLEANUP(VhManager *, vh_manager_free)
