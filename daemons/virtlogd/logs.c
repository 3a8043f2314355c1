/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipes into files, on the loop. */

#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <utlist.h>

#include "base/log.h"

VH_LOG_SOURCE("logd.logs");

enum {
        PIPE_READ_SIZE = 64 * 1024, /* what a pipe holds */
        NAME_SIZE_MAX = 4096,       /* of a driver or guest: they are kept while the log is open */
};

typedef struct Log {
        Logs *logs;
        char *path, *driver, *name;
        uint8_t uuid[VH_UUID_LEN];
        LogFile *file; /* NULL: could not be opened again, what comes is thrown away */
        int pipe;      /* our end */
        VhSource *source;
        bool failing; /* the daemon's log has been told */
        struct Log *prev, *next;
} Log;

struct Logs {
        VhLoop *loop;
        LogLimits limits;
        Log *all;
        char buf[PIPE_READ_SIZE];
};

Logs *logs_new(VhLoop *loop, const LogLimits *limits)
{
        Logs *logs = vh_new(Logs, 1);

        logs->loop = loop;
        logs->limits = *limits;
        return logs;
}

bool logs_busy(const Logs *logs)
{
        return logs->all != NULL;
}

static void log_free(Log *log)
{
        DL_DELETE(log->logs->all, log);
        vh_source_free(log->source);
        vh_closep(&log->pipe);
        log_file_free(log->file);
        free(log->path);
        free(log->driver);
        free(log->name);
        free(log);
}

static void copy(Log *log, size_t n)
{
        size_t written = 0;
        int r = log->file ? log_file_write(log->file, log->logs->buf, n, &written) : 0;

        if (r < 0 && !log->failing)
                vh_log_error("cannot write to %s: %s; output of '%s' is lost", log->path, vh_error_text(NULL, r),
                             log->name);
        log->failing = r < 0;
        if (log->file && written < n)
                log_file_lost(log->file, n - written);
}

/* Takes one load from the pipe. Returns false when there is nothing now; the log is gone if *gone. */
static bool take(Log *log, bool *gone)
{
        ssize_t n = read(log->pipe, log->logs->buf, PIPE_READ_SIZE);

        *gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
        if (n > 0)
                copy(log, (size_t)n);
        else if (*gone)
                log_free(log);
        return n > 0;
}

static void on_pipe(void *data, uint32_t revents)
{
        bool gone;

        take(data, &gone);
}

/* Takes what was written before now, at most what a pipe holds when it is as large as it can be made. Returns false if
 * the log is gone. */
static bool drain(Log *log)
{
        enum { LOADS_MAX = 16 };
        bool gone = false;

        for (int i = 0; i < LOADS_MAX && take(log, &gone); i++)
                ;
        return !gone;
}

Logs *logs_free(Logs *logs)
{
        if (!logs)
                return NULL;
        while (logs->all)
                if (drain(logs->all))
                        log_free(logs->all);
        free(logs);
        return NULL;
}

static Log *find(const Logs *logs, const char *path)
{
        Log *log;

        DL_FOREACH (logs->all, log)
                if (strcmp(log->path, path) == 0)
                        return log;
        return NULL;
}

/* The log of that path with everything written so far in its file; NULL if it is not open (any more). */
static Log *find_drained(const Logs *logs, const char *path)
{
        Log *log = find(logs, path);

        return log && drain(log) ? log : NULL;
}

static Log *log_new(Logs *logs, const char *path, const LogOwner *owner, LogFile *file, int pipe)
{
        Log *log = vh_new(Log, 1);

        log->logs = logs;
        log->path = vh_xstrdup(path);
        log->driver = vh_xstrdup(owner->driver);
        log->name = vh_xstrdup(owner->name);
        memcpy(log->uuid, owner->uuid, VH_UUID_LEN);
        log->file = file;
        log->pipe = pipe;
        fcntl(pipe, F_SETFL, fcntl(pipe, F_GETFL) | O_NONBLOCK);
        log->source = vh_loop_add_io(logs->loop, pipe, EPOLLIN, on_pipe, log);
        DL_APPEND(logs->all, log);
        return log;
}

static int check_owner(const LogOwner *owner, VhError **err)
{
        if (strnlen(owner->driver, NAME_SIZE_MAX) < NAME_SIZE_MAX &&
            strnlen(owner->name, NAME_SIZE_MAX) < NAME_SIZE_MAX)
                return 0;
        return vh_error_set(err, VIR_FROM_LOGGING, VIR_ERR_INVALID_ARG,
                            "the name of a driver or guest must be shorter than %d bytes", NAME_SIZE_MAX);
}

int logs_open(Logs *logs, const char *path, const LogOwner *owner, bool truncate, LogPosition *pos, VhError **err)
{
        _vh_cleanup_(log_file_freep) LogFile *file = NULL;
        int fds[2];
        int r = check_owner(owner, err);

        if (r < 0)
                return r;
        /* The end of the guest before this one may not have been noticed yet. */
        if (find_drained(logs, path))
                return vh_error_sys(err, VIR_FROM_LOGGING, EBUSY, "Cannot open log file: '%s'", path);
        r = log_file_open(&file, path, &logs->limits, truncate, err);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return vh_error_sys(err, VIR_FROM_LOGGING, errno, "Cannot open fifo pipe");
        *pos = log_file_position(file);
        log_new(logs, path, owner, VH_TAKE_PTR(file), fds[0]);
        return fds[1];
}

int logs_position(Logs *logs, const char *path, LogPosition *pos, VhError **err)
{
        Log *log = find_drained(logs, path);

        if (!log || !log->file)
                return vh_error_set(err, VIR_FROM_LOGGING, VIR_ERR_INTERNAL_ERROR, "No open log file %s", path);
        *pos = log_file_position(log->file);
        return 0;
}

int logs_read(Logs *logs, const char *path, const LogPosition *from, size_t n, char **ret, size_t *len, VhError **err)
{
        find_drained(logs, path);
        return log_file_read(path, &logs->limits, from, n, ret, len, err);
}

int logs_append(Logs *logs, const char *path, const char *text, VhError **err)
{
        _vh_cleanup_(log_file_freep) LogFile *own = NULL;
        Log *log = find_drained(logs, path);
        LogFile *file = log ? log->file : NULL;
        int r = 0;

        if (!file) {
                r = log_file_open(&own, path, &logs->limits, false, err);
                file = own;
        }
        if (r < 0)
                return r;
        r = log_file_write(file, text, strlen(text), NULL);
        return r < 0 ? vh_error_sys(err, VIR_FROM_LOGGING, r, "Unable to write to file %s", path) : 0;
}

/* State. */

json_t *logs_save(const Logs *logs, VhKeptFds *kept)
{
        json_t *files = json_array();
        char uuid[VH_UUID_TEXT_LEN + 1];
        const Log *log;

        DL_FOREACH (logs->all, log) {
                vh_uuid_format(log->uuid, uuid);
                json_array_append_new(files,
                                      json_pack("{s:i, s:s, s:s, s:s, s:s}", "pipefd", log->pipe, "path", log->path,
                                                "driver", log->driver, "domname", log->name, "domuuid", uuid));
                vh_kept_fds_add(kept, log->pipe);
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
        _vh_error_ VhError *err = NULL;
        LogFile *file = NULL;
        int pipe, r;

        if (!path || !owner.driver || !owner.name || !uuid || vh_uuid_parse(uuid, owner.uuid) < 0)
                return -EINVAL;
        r = vh_handover_fd(state, "pipefd", &pipe);
        if (r < 0)
                return r;
        if (log_file_open(&file, path, &logs->limits, false, &err) < 0)
                vh_log_warning("%s; output of '%s' is lost", vh_error_text(err, -EIO), owner.name);
        log_new(logs, path, &owner, file, pipe);
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
