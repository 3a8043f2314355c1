/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Leaving the terminal (--daemon): the program that was started ends when the daemon is ready, with its outcome. */

/* Forks. Returns in the daemon with a descriptor for vh_background_ready(), or a negative errno. Does not return in the
 * program that was started. */
int vh_background_start(void);
/* Tells the waiting program the exit status to end with (0: all is well), and lets go of the terminal. */
void vh_background_ready(int fd, int status);
