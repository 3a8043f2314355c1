/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests' logs: by way of virtlogd, or plain files. */

#include "run-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "base/file.h"
#include "helper-call.h"
#include "log-client.h"

enum {
        LOG_MODE = 0600,
        LOG_DIR_MODE = 0700,
        TAIL_MAX = 4096,    /* what an error message carries of it at most */
        READ_MAX = 1 << 20, /* what is read for that */
};

typedef enum LogStep { LOG_OPEN = 1 << 0, LOG_SAY = 1 << 1, LOG_READ = 1 << 2 } LogStep;

/* Has copies of all that it uses: it may outlive its process, and runs on a worker. */
struct QemuLogWork {
        QemuProcess *proc; /* whose work it is; NULL: nobody waits */
        QemuLogDone done;
        void *data;
        unsigned steps; /* LOG_*, in their order */
        bool logd;
        char *run_dir, *name, *path;
        uint8_t uuid[VH_UUID_LEN];
        char *text;  /* to append */
        off_t start; /* of this run */
        char *tail;
        int fd;
        VhError *err;
};

static void work_free(QemuLogWork *work)
{
        vh_closep(&work->fd);
        vh_error_free(work->err);
        free(work->run_dir);
        free(work->name);
        free(work->path);
        free(work->text);
        free(work->tail);
        free(work);
}

static QemuLogOf log_of(const QemuLogWork *work)
{
        return (QemuLogOf){ work->run_dir, work->name, work->uuid, work->path };
}

/* ---- opening ---- */

static int open_by_logd(QemuLogWork *work)
{
        const QemuLogOf log = log_of(work);
        uint64_t offset;
        int fd = qemu_logd_open(&log, false, &offset, &work->err);

        if (fd >= 0)
                work->start = (off_t)offset;
        return fd;
}

static int open_file(QemuLogWork *work)
{
        int fd = open(work->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        struct stat st;

        if (fd < 0)
                return vh_error_sys(&work->err, VIR_FROM_QEMU, errno, "unable to open file '%s'", work->path);
        if (fstat(fd, &st) == 0)
                work->start = st.st_size;
        return fd;
}

static int open_log(QemuLogWork *work)
{
        _vh_free_ char *dir = vh_xstrndup(work->path, (size_t)(strrchr(work->path, '/') - work->path));
        int r = vh_mkdir_p(dir, LOG_DIR_MODE);

        if (r < 0)
                return vh_error_sys(&work->err, VIR_FROM_QEMU, r, "cannot make directory %s", dir);
        work->fd = work->logd ? open_by_logd(work) : open_file(work);
        return VH_MIN(work->fd, 0);
}

/* ---- saying ---- */

static char *with_time(const char *text)
{
        struct timeval now;
        struct tm tm;

        gettimeofday(&now, NULL);
        gmtime_r(&now.tv_sec, &tm);
        return vh_xasprintf("%04d-%02d-%02d %02d:%02d:%02d.%03d+0000: %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_usec / 1000), text);
}

static void say(const QemuLogWork *work)
{
        const QemuLogOf log = log_of(work);
        _vh_close_ int fd = -1;

        if (work->logd && qemu_logd_append(&log, work->text, NULL) >= 0)
                return;
        fd = open(work->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        if (fd >= 0 && write(fd, work->text, strlen(work->text)) < 0)
                return;
}

/* ---- reading ---- */

/* Lines that we wrote ourselves at the start are no message of QEMU's: the command ends at a line without a backslash.
 */
static char *skip_own_lines(char *text)
{
        char *at = text;

        if (!strstr(at, ": starting up "))
                return text;
        while (*at) {
                char *end = strchr(at, '\n');
                bool own = end && ((end > at && end[-1] == '\\') || at == text);

                if (!end)
                        break;
                at = end + 1;
                if (!own)
                        break;
        }
        return at;
}

static char *read_tail(const QemuLogWork *work)
{
        const QemuLogOf log = log_of(work);
        _vh_close_ int fd = -1;
        _vh_free_ char *text = NULL;
        char *at;
        size_t n;

        if (work->logd)
                qemu_logd_settle(&log, NULL);
        fd = open(work->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || lseek(fd, work->start, SEEK_SET) < 0 || vh_file_read_fd(fd, READ_MAX, &text, &n) < 0)
                return vh_xstrdup("");
        at = skip_own_lines(text);
        n = strlen(at);
        while (n && (at[n - 1] == '\n' || at[n - 1] == ' '))
                at[--n] = '\0';
        if (n > TAIL_MAX)
                at += n - TAIL_MAX;
        return vh_xstrdup(at);
}

/* ---- work ---- */

static int do_steps(void *data)
{
        QemuLogWork *work = data;
        int r = work->steps & LOG_OPEN ? open_log(work) : 0;

        if (r == 0 && work->steps & LOG_SAY)
                say(work);
        if (r == 0 && work->steps & LOG_READ)
                work->tail = read_tail(work);
        return r;
}

static void steps_done(void *data, int r)
{
        QemuLogWork *work = data;
        QemuProcess *proc = work->proc;
        QemuLogResult result = { .tail = work->tail ? work->tail : "" };

        if (proc) {
                proc->log_work = NULL;
                if (work->steps & LOG_OPEN)
                        proc->log_start = work->start;
                result.fd = VH_TAKE_FD(work->fd);
                work->done(work->data, &result, r, work->err);
                vh_closep(&result.fd);
        }
        work_free(work);
}

static QemuLogWork *work_new(const QemuProcess *proc, unsigned steps, const char *text)
{
        QemuLogWork *work = vh_new(QemuLogWork, 1);

        *work = (QemuLogWork){
                .steps = steps,
                .logd = qemu_logd_wanted(proc->driver),
                .run_dir = vh_xstrdup(proc->driver->env.run_dir),
                .name = vh_xstrdup(proc->dom->node.name),
                .path = vh_xstrdup(proc->log_path),
                .text = text ? with_time(text) : NULL,
                .start = proc->log_start,
                .fd = -1,
        };
        memcpy(work->uuid, proc->dom->node.uuid, VH_UUID_LEN);
        return work;
}

static void go(QemuDriver *driver, QemuLogWork *work)
{
        if (!work->logd) {
                steps_done(work, do_steps(work));
                return;
        }
        vh_pool_submit(qemu_helper_pool(driver), do_steps, steps_done, work);
}

static void go_for(QemuProcess *proc, unsigned steps, const char *text, QemuLogDone done, void *data)
{
        QemuLogWork *work = work_new(proc, steps, text);

        work->proc = proc;
        work->done = done;
        work->data = data;
        proc->log_work = work;
        go(proc->driver, work);
}

void qemu_run_log_open(QemuProcess *proc, const char *text, QemuLogDone done, void *data)
{
        go_for(proc, LOG_OPEN | LOG_SAY, text, done, data);
}

void qemu_run_log_end(QemuProcess *proc, const char *text, QemuLogDone done, void *data)
{
        go_for(proc, LOG_SAY, text, done, data);
}

void qemu_run_log_read(QemuProcess *proc, QemuLogDone done, void *data)
{
        go_for(proc, LOG_READ, NULL, done, data);
}

void qemu_run_log_forget(QemuProcess *proc)
{
        if (proc->log_work)
                proc->log_work->proc = NULL;
        proc->log_work = NULL;
}

void qemu_run_log_say(const QemuProcess *proc, const char *text)
{
        go(proc->driver, work_new(proc, LOG_SAY, text));
}
