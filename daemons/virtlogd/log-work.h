/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is done with a log on a worker. While that is under way the log belongs to it; the loop touches what is below
 * only in between. */

#include "logs.h"

typedef struct LogWork {
        const char *path;
        const LogLimits *limits;
        const char *name; /* of the guest, for messages; NULL while there is no pipe */
        LogFile *file;    /* NULL: is not open */
        int pipe;         /* our end; -1: there is none */
        bool ended;       /* the other end is closed, and all that came was taken */
        bool failing;     /* the daemon's log has been told */
} LogWork;

typedef struct LogRequest LogRequest;
struct LogRequest {
        int (*work)(LogWork *log, LogRequest *rq, VhError **err);
        LogOwner owner;
        bool truncate;
        LogPosition from;
        size_t n;
        const char *text;

        LogAnswer answer;
        LogFile *file; /* of a log that was opened, */
        int pipe;      /* and our end of its pipe, else -1 */
        VhError *err;
        LogsDoneFn done; /* NULL: nobody waits */
        void *data;
        LogRequest *prev, *next;
};

/* Takes what was written to the pipe before now, at most what a pipe holds when it is as large as it can be made. */
void log_work_drain(LogWork *log);

/* The requests: work() of them. */
int log_work_open(LogWork *log, LogRequest *rq, VhError **err);
int log_work_open_again(LogWork *log, LogRequest *rq, VhError **err);
int log_work_position(LogWork *log, LogRequest *rq, VhError **err);
int log_work_read(LogWork *log, LogRequest *rq, VhError **err);
int log_work_append(LogWork *log, LogRequest *rq, VhError **err);
