/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between fork and exec: only what is safe in the child of a process with threads. */

#include "base/util.h"

#include <sys/types.h>

#define VH_CHILD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { VH_CHILD_STREAMS = 3 }; /* input, output, error output */

/* The environment of programs that come without one. */
extern char *const vh_child_env[];

/* A session of its own, signals as a fresh program has them. */
void vh_child_reset(void);
/* Gives up root for an account without further groups. Returns 0 or negative errno. */
int vh_child_drop_to(uid_t uid, gid_t gid);
/* Puts fds in the places of the standard streams, and has all others closed at exec but those of keep. Returns 0 or
 * negative errno. */
int vh_child_take_place(const int fds[VH_CHILD_STREAMS], const int *keep, size_t n_keep);
/* The parent waits until the child is the program: fd ends (close-on-exec) or has the child's errno. Returns 0 or
 * -errno. */
int vh_child_wait_exec(int fd);
