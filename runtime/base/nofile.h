/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The limit of open files. Linux gives programs a soft limit of 1024 because select() cannot do more and because some
 * programs close everything up to the limit when they start; a daemon that does neither raises its own. */

#include <stdint.h>
#include <sys/types.h>

/* Raises the soft limit to the hard one. *before: the soft limit that there was, for vh_nofile_give(); *now: the one
 * that holds (also after a failure). Returns 0 or negative errno. */
int vh_nofile_raise(uint64_t *before, uint64_t *now);
/* Gives a child that was just started a soft limit; 0: leaves it alone. Returns 0 or negative errno. */
int vh_nofile_give(pid_t pid, uint64_t soft);
