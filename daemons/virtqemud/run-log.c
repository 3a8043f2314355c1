/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests' logs: by way of virtlogd, or plain files. */

#include "run-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "base/file.h"
#include "log-client.h"

enum {
        LOG_MODE = 0600,
        LOG_DIR_MODE = 0700,
        TAIL_MAX = 4096, /* what an error message carries of it at most */
};

static QemuLogOf log_of(const QemuProcess *proc)
{
        return (QemuLogOf){ proc->driver, proc->dom->node.name, proc->dom->node.uuid, proc->log_path };
}

static int open_by_logd(QemuProcess *proc, VhError **err)
{
        const QemuLogOf log = log_of(proc);
        uint64_t offset;
        int fd = qemu_logd_open(&log, false, &offset, err);

        if (fd >= 0)
                proc->log_start = (off_t)offset;
        return fd;
}

int qemu_run_log_open(QemuProcess *proc, VhError **err)
{
        _vh_free_ char *dir = vh_path_join(proc->driver->env.log_dir, "qemu");
        struct stat st;
        int fd, r = vh_mkdir_p(dir, LOG_DIR_MODE);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot make directory %s", dir);
        if (qemu_logd_wanted(proc->driver))
                return open_by_logd(proc, err);
        fd = open(proc->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to open file '%s'", proc->log_path);
        if (fstat(fd, &st) == 0)
                proc->log_start = st.st_size;
        return fd;
}

static void add_time(VhBuf *b)
{
        struct timeval now;
        struct tm tm;

        gettimeofday(&now, NULL);
        gmtime_r(&now.tv_sec, &tm);
        vh_buf_printf(b, "%04d-%02d-%02d %02d:%02d:%02d.%03d+0000: ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                      tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_usec / 1000));
}

static void say(const QemuProcess *proc, const VhBuf *text)
{
        const QemuLogOf log = log_of(proc);
        _vh_close_ int fd = -1;

        if (qemu_logd_wanted(proc->driver) && qemu_logd_append(&log, text->data, NULL) >= 0)
                return;
        fd = open(proc->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        if (fd >= 0 && write(fd, text->data, text->len) < 0)
                return;
}

void qemu_run_log_say(const QemuProcess *proc, const char *fmt, ...)
{
        _vh_buf_ VhBuf b = { 0 };
        _vh_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        add_time(&b);
        vh_buf_adds(&b, text);
        say(proc, &b);
}

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

char *qemu_process_log_tail(const QemuProcess *proc)
{
        const QemuLogOf log = log_of(proc);
        _vh_close_ int fd = -1;
        _vh_free_ char *text = NULL;
        char *at;
        size_t n;

        if (qemu_logd_wanted(proc->driver))
                qemu_logd_settle(&log, NULL);
        fd = open(proc->log_path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || lseek(fd, proc->log_start, SEEK_SET) < 0 ||
            vh_file_read_fd(fd, VH_MAX(TAIL_MAX, 1 << 20), &text, &n) < 0)
                return vh_xstrdup("");
        at = skip_own_lines(text);
        n = strlen(at);
        while (n && (at[n - 1] == '\n' || at[n - 1] == ' '))
                at[--n] = '\0';
        if (n > TAIL_MAX)
                at += n - TAIL_MAX;
        return vh_xstrdup(at);
}
