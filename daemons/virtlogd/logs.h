/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The logs that guests write to now: each has a pipe whose other end is a guest's output, and is there until that end
 * is closed. What comes is taken from the pipe whatever becomes of it: a full disk must not stop a guest.
 *
 * Files are touched on workers only, those of one path by one after the other: a file system that hangs holds up who
 * writes or asks there, and nobody else. */

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

/* What a request found; data and fd are for who is told to take (and to clear or set to -1 here). */
typedef struct LogAnswer {
        LogPosition pos;
        int fd;
        char *data;
} LogAnswer;

/* The end of a request, on the loop: 0, or negative errno with err (which is taken over). */
typedef void (*LogsDoneFn)(void *data, int r, LogAnswer *answer, VhError *err);

Logs *logs_new(VhLoop *loop, const LogLimits *limits);
/* Takes what is in the pipes and closes everything; requests that wait end with -ECANCELED. Accepts NULL, returns NULL.
 */
Logs *logs_free(Logs *logs);
VH_DEFINE_CLEANUP(Logs *, logs_free)
/* Some log is open. */
bool logs_busy(const Logs *logs);

/* Requests. What path, owner and text point to stays until done() is called, which is never before these return. */

/* Opens a log; the answer has the end to write to and where the file ends. -EBUSY if it is open. */
void logs_open(Logs *logs, const char *path, const LogOwner *owner, bool truncate, LogsDoneFn done, void *data);
/* Where an open log ends now. */
void logs_position(Logs *logs, const char *path, LogsDoneFn done, void *data);
/* Reads at most n bytes of a log, open or not; see log_file_read(). */
void logs_read(Logs *logs, const char *path, const LogPosition *from, size_t n, LogsDoneFn done, void *data);
/* Adds text to a log, open or not. */
void logs_append(Logs *logs, const char *path, const char *text, LogsDoneFn done, void *data);

/* Leaves in the pipes what comes from now on; returns whether nothing is under way, as logs_save() needs it. */
bool logs_settle(Logs *logs);
/* Goes on after logs_settle(). */
void logs_go_on(Logs *logs);

/* The "files" of the state, and logs with the pipes that are in it; what cannot be opened again is drained and lost,
 * with a warning in the daemon's log. */
json_t *logs_save(const Logs *logs, VhKeptFds *kept);
void logs_load(Logs *logs, const json_t *files);
