/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The logs that guests write to now: each has a pipe whose other end is a guest's output, and is there until that end
 * is closed. What comes is taken from the pipe whatever becomes of it: a full disk must not stop a guest. */

#include "base/uuid.h"
#include "event/loop.h"
#include "rotate.h"
#include "service/handover.h"

typedef struct Logs Logs;

/* Whose log it is; for the state only. */
typedef struct LogOwner {
        const char *driver;
        const char *name;
        uint8_t uuid[VH_UUID_LEN];
} LogOwner;

Logs *logs_new(VhLoop *loop, const LogLimits *limits);
/* Takes what is in the pipes and closes everything. Accepts NULL, returns NULL. */
Logs *logs_free(Logs *logs);
VH_DEFINE_CLEANUP(Logs *, logs_free)
/* Some log is open. */
bool logs_busy(const Logs *logs);

/* Opens a log and returns the end to write to, or negative errno with *err: -EBUSY if it is open. */
int logs_open(Logs *logs, const char *path, const LogOwner *owner, bool truncate, LogPosition *pos, VhError **err);
/* Where an open log ends now. */
int logs_position(Logs *logs, const char *path, LogPosition *pos, VhError **err);
/* Reads from a log, open or not; see log_file_read(). */
int logs_read(Logs *logs, const char *path, const LogPosition *from, size_t n, char **ret, size_t *len, VhError **err);
/* Adds text to a log, open or not. */
int logs_append(Logs *logs, const char *path, const char *text, VhError **err);

/* The "files" of the state, and logs with the pipes that are in it; what cannot be opened again is drained and lost,
 * with a warning in the daemon's log. */
json_t *logs_save(const Logs *logs, VhKeptFds *kept);
void logs_load(Logs *logs, const json_t *files);
