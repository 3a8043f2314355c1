/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipes into files, and answers about files. */

#include "log-work.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

VH_LOG_SOURCE("logd.logs");

enum {
        PIPE_READ_SIZE = 64 * 1024, /* what a pipe holds */
        LOADS_MAX = 16,             /* a pipe can be made that many times as large */
        NAME_SIZE_MAX = 4096,       /* of a driver or guest: they are kept while the log is open */
};

static void copy(LogWork *log, const char *data, size_t n)
{
        size_t written = 0;
        int r = log->file ? log_file_write(log->file, data, n, &written) : 0;

        if (r < 0 && !log->failing)
                vh_log_error("cannot write to %s: %s; output of '%s' is lost", log->path, vh_error_text(NULL, r),
                             log->name);
        log->failing = r < 0;
        if (log->file && written < n)
                log_file_lost(log->file, n - written);
}

/* Takes one load from the pipe. Returns whether there may be more now. */
static bool take(LogWork *log, char *buf)
{
        ssize_t n = read(log->pipe, buf, PIPE_READ_SIZE);

        log->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        if (n > 0)
                copy(log, buf, (size_t)n);
        return n > 0;
}

void log_work_drain(LogWork *log)
{
        _vh_free_ char *buf = NULL;

        if (log->pipe < 0 || log->ended)
                return;
        buf = vh_xrealloc(NULL, PIPE_READ_SIZE, 1);
        for (int i = 0; i < LOADS_MAX && take(log, buf); i++)
                ;
}

static bool is_open(const LogWork *log)
{
        return log->pipe >= 0 && !log->ended;
}

static int check_name(const char *name, const char *what, VhError **err)
{
        if (strnlen(name, NAME_SIZE_MAX) < NAME_SIZE_MAX)
                return vh_handover_check_text(name, what, VIR_FROM_LOGGING, err);
        return vh_error_set(err, VIR_FROM_LOGGING, VIR_ERR_INVALID_ARG, "%s must be shorter than %d bytes", what,
                            NAME_SIZE_MAX);
}

int log_work_open(LogWork *log, LogRequest *rq, VhError **err)
{
        _vh_cleanup_(log_file_freep) LogFile *file = NULL;
        int fds[2];
        int r = check_name(rq->owner.driver, "the name of a driver", err);

        if (r >= 0)
                r = check_name(rq->owner.name, "the name of a guest", err);
        if (r >= 0)
                r = vh_handover_check_text(log->path, "the path of a log", VIR_FROM_LOGGING, err);
        if (r < 0)
                return r;
        /* The end of the guest before this one may not have been noticed yet. */
        log_work_drain(log);
        if (is_open(log))
                return vh_error_sys(err, VIR_FROM_LOGGING, EBUSY, "Cannot open log file: '%s'", log->path);
        r = log_file_open(&file, log->path, log->limits, rq->truncate, err);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return vh_error_sys(err, VIR_FROM_LOGGING, errno, "Cannot open fifo pipe");
        rq->pipe = fds[0];
        rq->answer.fd = fds[1];
        rq->answer.pos = log_file_position(file);
        rq->file = VH_TAKE_PTR(file);
        return 0;
}

/* The file of a pipe that the program before us had. */
int log_work_open_again(LogWork *log, LogRequest *rq, VhError **err)
{
        if (log_file_open(&log->file, log->path, log->limits, false, err) < 0)
                vh_log_warning("%s; output of '%s' is lost", vh_error_text(*err, -EIO), log->name);
        return 0;
}

int log_work_position(LogWork *log, LogRequest *rq, VhError **err)
{
        log_work_drain(log);
        if (!is_open(log) || !log->file)
                return vh_error_set(err, VIR_FROM_LOGGING, VIR_ERR_INTERNAL_ERROR, "No open log file %s", log->path);
        rq->answer.pos = log_file_position(log->file);
        return 0;
}

int log_work_read(LogWork *log, LogRequest *rq, VhError **err)
{
        size_t len;

        log_work_drain(log);
        return log_file_read(log->path, log->limits, &rq->from, rq->n, &rq->answer.data, &len, err);
}

int log_work_append(LogWork *log, LogRequest *rq, VhError **err)
{
        _vh_cleanup_(log_file_freep) LogFile *own = NULL;
        LogFile *file;
        int r = 0;

        log_work_drain(log);
        file = is_open(log) ? log->file : NULL;
        if (!file) {
                r = log_file_open(&own, log->path, log->limits, false, err);
                file = own;
        }
        if (r < 0)
                return r;
        r = log_file_write(file, rq->text, strlen(rq->text), NULL);
        return r < 0 ? vh_error_sys(err, VIR_FROM_LOGGING, r, "Unable to write to file %s", log->path) : 0;
}
