/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lock files of terminals, by the convention of UUCP: a file that is named after the terminal has the number of the
 * process that uses it. Other daemons, and programs like minicom, respect it. */

#include "base/error.h"

/* Locks a terminal (a path below /dev) for this process. A file of a process that is gone, or with no number in it, is
 * replaced. Returns 0, also where this host has no place for such files that we may write to; negative with *err
 * (VIR_ERR_OPERATION_FAILED) if another process has the terminal. */
int qemu_terminal_lock(const char *terminal, VhError **err);
/* Gives back what qemu_terminal_lock() locked; a file of another process stays. */
void qemu_terminal_unlock(const char *terminal);
