/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which log has what to do, on the loop. */

#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <uthash.h>
#include <utlist.h>

#include "base/log.h"
#include "event/pool.h"
#include "log-work.h"

VH_LOG_SOURCE("logd.logs");

/* Each log has at most one at a time: so many file systems may hang before another log waits for them. */
enum { WORKERS_MAX = 1000 };

/* A path that somebody writes to, or asks about. */
typedef struct Log {
        Logs *logs;
        LogWork work;
        char *path, *driver, *name;
        uint8_t uuid[VH_UUID_LEN];
        VhSource *source; /* of the pipe; paused while a worker has it */
        bool readable;    /* something is in the pipe, or its end */
        bool busy;        /* a worker has it */
        LogRequest *current, *waiting;
        UT_hash_handle hh;
} Log;

struct Logs {
        VhLoop *loop;
        VhPool *pool; /* NULL at the end */
        LogLimits limits;
        Log *all;
        unsigned busy, pipes; /* of them */
        bool settling;        /* what comes stays in its pipe */
};

static void go(Log *log);

Logs *logs_new(VhLoop *loop, const LogLimits *limits)
{
        Logs *logs = vh_new(Logs, 1);

        logs->loop = loop;
        logs->pool = vh_pool_new(loop, 0, WORKERS_MAX);
        logs->limits = *limits;
        return logs;
}

bool logs_busy(const Logs *logs)
{
        return logs->pipes > 0;
}

static void on_pipe(void *data, uint32_t revents)
{
        Log *log = data;

        log->readable = true;
        vh_source_set_events(log->source, 0);
        go(log);
}

static Log *get(Logs *logs, const char *path)
{
        Log *log;

        HASH_FIND_STR(logs->all, path, log);
        if (log)
                return log;
        log = vh_new(Log, 1);
        log->logs = logs;
        log->path = vh_xstrdup(path);
        log->work = (LogWork){ .path = log->path, .limits = &logs->limits, .pipe = -1 };
        HASH_ADD_KEYPTR(hh, logs->all, log->path, strlen(log->path), log);
        return log;
}

static void set_pipe(Log *log, int pipe, const LogOwner *owner, LogFile *file)
{
        log->driver = vh_xstrdup(owner->driver);
        log->name = vh_xstrdup(owner->name);
        memcpy(log->uuid, owner->uuid, VH_UUID_LEN);
        log->work.name = log->name;
        log->work.file = file;
        log->work.pipe = pipe;
        fcntl(pipe, F_SETFL, fcntl(pipe, F_GETFL) | O_NONBLOCK);
        log->source = vh_loop_add_io(log->logs->loop, pipe, EPOLLIN, on_pipe, log);
        log->logs->pipes++;
}

static void drop_pipe(Log *log)
{
        if (log->work.pipe < 0)
                return;
        log->source = vh_source_free(log->source);
        vh_closep(&log->work.pipe);
        log->work.file = log_file_free(log->work.file);
        log->work.name = NULL;
        log->work.ended = log->work.failing = log->readable = false;
        free(VH_TAKE_PTR(log->driver));
        free(VH_TAKE_PTR(log->name));
        log->logs->pipes--;
}

static void log_free(Log *log)
{
        HASH_DEL(log->logs->all, log);
        drop_pipe(log);
        free(log->path);
        free(log);
}

/* Requests. */

static void request_end(LogRequest *rq, int r)
{
        if (r == -ECANCELED && !rq->err)
                vh_error_set(&rq->err, VIR_FROM_LOGGING, VIR_ERR_OPERATION_ABORTED, "the daemon stops");
        if (rq->done)
                rq->done(rq->data, r, &rq->answer, VH_TAKE_PTR(rq->err));
        vh_closep(&rq->answer.fd);
        free(rq->answer.data);
        log_file_free(rq->file);
        vh_closep(&rq->pipe);
        vh_error_free(rq->err);
        free(rq);
}

static int work(void *data)
{
        Log *log = data;

        if (log->current)
                return log->current->work(&log->work, log->current, &log->current->err);
        log_work_drain(&log->work);
        return 0;
}

/* What a worker left, and the next. */
static void worked(void *data, int r)
{
        Log *log = data;
        LogRequest *rq = VH_TAKE_PTR(log->current);

        log->busy = false;
        log->logs->busy--;
        if (log->work.ended)
                drop_pipe(log);
        if (rq && rq->file) {
                set_pipe(log, VH_TAKE_FD(rq->pipe), &rq->owner, VH_TAKE_PTR(rq->file));
        } else if (log->source) {
                log->readable = false;
                vh_source_set_events(log->source, EPOLLIN);
        }
        if (rq)
                request_end(rq, r);
        go(log);
}

/* Gives a log that has something to do to a worker; one that nobody needs any more goes. */
static void go(Log *log)
{
        Logs *logs = log->logs;

        if (log->busy || !logs->pool)
                return;
        log->current = log->waiting;
        if (log->current)
                DL_DELETE(log->waiting, log->current);
        if (log->current || (log->readable && !logs->settling)) {
                log->busy = true;
                logs->busy++;
                if (log->source)
                        vh_source_set_events(log->source, 0);
                vh_pool_submit(logs->pool, work, worked, log);
        } else if (log->work.pipe < 0) {
                log_free(log);
        }
}

static LogRequest *request(int (*fn)(LogWork *, LogRequest *, VhError **), LogsDoneFn done, void *data)
{
        LogRequest *rq = vh_new(LogRequest, 1);

        *rq = (LogRequest){ .work = fn, .done = done, .data = data, .pipe = -1, .answer.fd = -1 };
        return rq;
}

static void submit(Log *log, LogRequest *rq)
{
        DL_APPEND(log->waiting, rq);
        go(log);
}

void logs_open(Logs *logs, const char *path, const LogOwner *owner, bool truncate, LogsDoneFn done, void *data)
{
        LogRequest *rq = request(log_work_open, done, data);

        rq->owner = *owner;
        rq->truncate = truncate;
        submit(get(logs, path), rq);
}

void logs_position(Logs *logs, const char *path, LogsDoneFn done, void *data)
{
        submit(get(logs, path), request(log_work_position, done, data));
}

void logs_read(Logs *logs, const char *path, const LogPosition *from, size_t n, LogsDoneFn done, void *data)
{
        LogRequest *rq = request(log_work_read, done, data);

        rq->from = *from;
        rq->n = n;
        submit(get(logs, path), rq);
}

void logs_append(Logs *logs, const char *path, const char *text, LogsDoneFn done, void *data)
{
        LogRequest *rq = request(log_work_append, done, data);

        rq->text = text;
        submit(get(logs, path), rq);
}

/* The end. */

static void close_log(Log *log)
{
        LogRequest *rq;

        while ((rq = log->waiting)) {
                DL_DELETE(log->waiting, rq);
                request_end(rq, -ECANCELED);
        }
        log_work_drain(&log->work);
        log_free(log);
}

Logs *logs_free(Logs *logs)
{
        Log *log, *next;

        if (!logs)
                return NULL;
        vh_pool_free(VH_TAKE_PTR(logs->pool));
        HASH_ITER (hh, logs->all, log, next)
                close_log(log);
        free(logs);
        return NULL;
}

/* State. */

bool logs_settle(Logs *logs)
{
        logs->settling = true;
        return logs->busy == 0;
}

void logs_go_on(Logs *logs)
{
        Log *log, *next;

        logs->settling = false;
        HASH_ITER (hh, logs->all, log, next)
                go(log);
}

json_t *logs_save(const Logs *logs, VhKeptFds *kept)
{
        json_t *files = json_array();
        char uuid[VH_UUID_TEXT_LEN + 1];

        for (const Log *log = logs->all; log; log = log->hh.next) {
                if (log->work.pipe < 0)
                        continue;
                vh_uuid_format(log->uuid, uuid);
                json_array_append_new(files, json_pack("{s:i, s:s, s:s, s:s, s:s}", "pipefd", log->work.pipe, "path",
                                                       log->path, "driver", log->driver, "domname", log->name,
                                                       "domuuid", uuid));
                vh_kept_fds_add(kept, log->work.pipe);
        }
        return files;
}

static int load(Logs *logs, const json_t *state)
{
        const char *path = json_string_value(json_object_get(state, "path"));
        const char *uuid = json_string_value(json_object_get(state, "domuuid"));
        LogOwner owner = {
                .driver = json_string_value(json_object_get(state, "driver")),
                .name = json_string_value(json_object_get(state, "domname")),
        };
        _vh_close_ int pipe = -1;
        Log *log;
        int r;

        if (!path || !owner.driver || !owner.name || !uuid || vh_uuid_parse(uuid, owner.uuid) < 0)
                return -EINVAL;
        r = vh_handover_fd(state, "pipefd", &pipe);
        if (r < 0)
                return r;
        log = get(logs, path);
        if (log->work.pipe >= 0)
                return -EEXIST;
        set_pipe(log, VH_TAKE_FD(pipe), &owner, NULL);
        submit(log, request(log_work_open_again, NULL, NULL));
        return 0;
}

void logs_load(Logs *logs, const json_t *files)
{
        const json_t *state;
        size_t i;

        json_array_foreach(files, i, state)
        {
                int r = load(logs, state);

                if (r < 0)
                        vh_log_error("log number %zu of the program before cannot be taken over: %s", i,
                                     vh_error_text(NULL, r));
        }
}
