/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Core dumps: QEMU's whole state as a save has it, or the guest's memory alone in a form for crash(8). */

#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "migrate-blockers.h"
#include "qemu-ops.h"
#include "security.h"
#include "stream-out.h"

VH_LOG_SOURCE("qemu.dump");

#define FD_NAME "dump"

enum { DUMP_MODE = 0600, DIR_MODE = 0755 };

typedef struct DumpTask {
        QemuStreamTask stream; /* fd: the dump */
        char *path;
        unsigned form; /* VIR_DOMAIN_CORE_DUMP_FORMAT_* */
        uint32_t flags;
        bool resume;         /* it ran, and goes on behind it */
        bool watching;       /* for the end of the process */
        QemuAutoDumped then; /* of an automatic one */
} DumpTask;

/* Words of QEMU. */
static const char *const forms[] = {
        [VIR_DOMAIN_CORE_DUMP_FORMAT_RAW] = "elf",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB] = "kdump-zlib",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_LZO] = "kdump-lzo",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_SNAPPY] = "kdump-snappy",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_WIN_DMP] = "win-dmp",
};

static void stop_following(DumpTask *dump)
{
        QemuProcess *proc = qemu_process(dump->stream.task.dom);

        if (proc && proc->dump_data == dump)
                proc->dumped = NULL;
        if (dump->watching)
                qemu_task_stop_waiting(&dump->stream.task);
        dump->watching = false;
}

static void dump_cleanup(QemuTask *task)
{
        DumpTask *dump = (DumpTask *)task;

        stop_following(dump);
        qemu_stream_done(&dump->stream);
        if (dump->stream.fd >= 0)
                close(dump->stream.fd);
        free(dump->path);
}

/* ---- behind it ---- */

static void stopped(QemuTask *task)
{
        qemu_task_end(task, 0, NULL);
}

static void over(QemuTask *task, json_t *ret)
{
        qemu_status_save(task->dom);
        qemu_task_end(task, 0, NULL);
}

static void go_on(QemuTask *task, json_t *ret)
{
        DumpTask *dump = (DumpTask *)task;
        QemuProcess *proc = qemu_process(task->dom);

        /* It may have ended while the file was synced, which is whole. */
        if (proc)
                proc->pause_reason = 0;
        if (!proc || !dump->resume || task->dom->state == VIR_DOMAIN_RUNNING) {
                over(task, NULL);
                return;
        }
        proc->cont_reason = VIR_DOMAIN_RUNNING_UNPAUSED;
        qemu_task_qmp(task, qmp_command("cont", NULL), over);
}

static void succeed(DumpTask *dump)
{
        QemuTask *task = &dump->stream.task;
        QemuProcess *proc = qemu_process(task->dom);

        if (proc && dump->flags & VIR_DUMP_CRASH) {
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
                qemu_task_wait_stopped(task, stopped);
        } else if (dump->flags & VIR_DUMP_RESET)
                qemu_task_qmp(task, qmp_command("system_reset", NULL), go_on);
        else
                go_on(task, NULL);
}

static void resumed(void *data, json_t *ret, int r, const VhError *err)
{
}

/* The guest goes on as if nothing had been. err is taken over. */
static void fail(DumpTask *dump, int r, VhError *err)
{
        QemuProcess *proc = qemu_process(dump->stream.task.dom);

        if (dump->stream.fd >= 0)
                (void)unlink(dump->path);
        if (proc && proc->mon && dump->resume && !proc->killing) {
                proc->cont_reason = VIR_DOMAIN_RUNNING_UNPAUSED;
                qmp_send(proc->mon, qmp_command("cont", NULL), resumed, NULL);
        }
        qemu_task_end(&dump->stream.task, r, err);
}

static int sync_work(void *data)
{
        const DumpTask *dump = data;

        if (fsync(dump->stream.fd) < 0 && errno != EINVAL && errno != EROFS)
                return -errno;
        if (dump->flags & VIR_DUMP_BYPASS_CACHE)
                (void)posix_fadvise(dump->stream.fd, 0, 0, POSIX_FADV_DONTNEED);
        return 0;
}

static void synced(void *data, int r)
{
        DumpTask *dump = data;
        VhError *err = NULL;

        if (r == 0)
                succeed(dump);
        else {
                vh_error_sys(&err, VIR_FROM_QEMU, r, "unable to finish '%s'", dump->path);
                fail(dump, r, err);
        }
}

static void end(DumpTask *dump, int r, VhError *err)
{
        stop_following(dump);
        if (r < 0)
                fail(dump, r, err);
        else
                vh_pool_submit(dump->stream.task.driver->pool, sync_work, synced, dump);
}

static void written(QemuStreamTask *stream, int r, VhError *err)
{
        end((DumpTask *)stream, r, err);
}

/* ---- the memory alone ---- */

static void gone(QemuTask *task)
{
        DumpTask *dump = (DumpTask *)task;
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");

        dump->watching = false;
        end(dump, r, err);
}

static void dumped(void *data, json_t *event)
{
        const char *why = json_string_value(json_object_get(event, "error"));
        VhError *err = NULL;
        int r = why ? vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "memory-only dump failed: %s", why)
                    : 0;

        end(data, r, err);
}

static void memory_started(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                end((DumpTask *)task, r, vh_error_copy(err));
        /* What follows comes by event. */
}

static void memory_fd(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        DumpTask *dump = (DumpTask *)task;
        QemuProcess *proc = qemu_process(task->dom);
        json_t *args;

        if (r < 0) {
                end(dump, r, vh_error_copy(err));
                return;
        }
        args = json_pack("{s:b,s:s,s:b}", "paging", 0, "protocol", "fd:" FD_NAME, "detach", 1);
        if (dump->form != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW)
                json_object_set_new(args, "format", json_string(forms[dump->form]));
        proc->dumped = dumped;
        proc->dump_data = dump;
        dump->watching = true;
        qemu_task_wait_stopped(task, gone);
        qemu_task_qmp_try(task, qmp_command_args("dump-guest-memory", args), memory_started);
}

/* Whether this QEMU was built with the library of that form. */
static void got_forms(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        DumpTask *dump = (DumpTask *)task;
        const json_t *known = json_object_get(ret, "formats"), *one;
        VhError *err = r < 0 ? vh_error_copy(error) : NULL;
        bool found = false;
        size_t i;

        json_array_foreach(known, i, one) found = found || vh_streq(json_string_value(one), forms[dump->form]);
        if (r == 0 && !found)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "unsupported dumpformat '%s' for this QEMU binary", forms[dump->form]);
        if (r < 0)
                end(dump, r, err);
        else
                qemu_task_qmp_fd(task, qmp_command("getfd", "{s:s}", "fdname", FD_NAME), dup(dump->stream.fd),
                                 memory_fd);
}

/* ---- before it ---- */

static void paused(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        DumpTask *dump = (DumpTask *)task;
        VhError *err = r < 0 ? vh_error_copy(error) : NULL;

        if (r == 0) {
                dump->stream.fd = open(dump->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, DUMP_MODE);
                if (dump->stream.fd < 0)
                        r = vh_error_sys(&err, VIR_FROM_QEMU, errno, "Failed to create file '%s'", dump->path);
                else
                        r = qemu_security_label_fd(qemu_process(task->dom), dump->stream.fd, false, &err);
        }
        if (r < 0)
                fail(dump, r, err);
        else if (dump->flags & VIR_DUMP_MEMORY_ONLY)
                qemu_task_qmp_try(task, qmp_command("query-dump-guest-memory-capability", NULL), got_forms);
        else
                qemu_stream_out(&dump->stream, written);
}

static void dump_run(QemuTask *task)
{
        DumpTask *dump = (DumpTask *)task;
        bool running = task->dom->state == VIR_DOMAIN_RUNNING;
        VhError *err = NULL;
        int r = dump->flags & VIR_DUMP_MEMORY_ONLY ? 0 : qemu_migrate_check_blockers(task->dom, NULL, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        /* QEMU stops a guest whose state it has written, live or not. */
        dump->resume = running && !(dump->flags & VIR_DUMP_CRASH);
        if (running)
                qemu_process(task->dom)->pause_reason = VIR_DOMAIN_PAUSED_DUMP;
        if (!running || dump->flags & VIR_DUMP_LIVE) {
                paused(task, NULL, 0, NULL);
                return;
        }
        qemu_task_qmp_try(task, qmp_command("stop", NULL), paused);
}

static const QemuTaskClass dump_class = {
        .api = "remoteDispatchDomainCoreDump",
        .size = sizeof(DumpTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_DUMP,
        .need_active = true,
        .run = dump_run,
        .cleanup = dump_cleanup,
};

static int exclusive(uint32_t flags, uint32_t both, const char *words, VhError **err)
{
        return (flags & both) == both
                       ? vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                        "%s flags in virDomainCoreDumpWithFormat are mutually exclusive", words)
                       : 0;
}

static int check_flags(uint32_t flags, unsigned form, VhError **err)
{
        enum { KNOWN = VIR_DUMP_CRASH | VIR_DUMP_LIVE | VIR_DUMP_BYPASS_CACHE | VIR_DUMP_RESET | VIR_DUMP_MEMORY_ONLY };
        int r = vh_check_flags(flags, KNOWN, VIR_FROM_QEMU, "qemuDomainCoreDumpWithFormat", err);

        if (r == 0 && form >= VH_ARRAY_SIZE(forms))
                r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "dumpformat '%u' is not supported", form);
        if (r == 0)
                r = exclusive(flags, VIR_DUMP_CRASH | VIR_DUMP_LIVE, "crash and live", err);
        if (r == 0)
                r = exclusive(flags, VIR_DUMP_CRASH | VIR_DUMP_RESET, "crash and reset", err);
        if (r == 0)
                r = exclusive(flags, VIR_DUMP_LIVE | VIR_DUMP_RESET, "live and reset", err);
        if (r == 0 && form != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW && !(flags & VIR_DUMP_MEMORY_ONLY))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "kdump-compressed format is only supported with memory-only dump");
        return r;
}

static DumpTask *new_dump(QemuDriver *driver, VhDomainObj *dom, VhCall *call, char *path, uint32_t flags)
{
        DumpTask *dump = (DumpTask *)qemu_task_new(driver, dom, call, &dump_class);

        dump->stream.fd = -1;
        dump->stream.what = "dump";
        dump->stream.operation = VIR_DOMAIN_JOB_OPERATION_DUMP;
        dump->path = path;
        dump->flags = flags;
        return dump;
}

static int core_dump(VhCall *call, const remote_nonnull_domain *wire, const char *to, unsigned form, uint32_t flags,
                     VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        DumpTask *dump;
        QemuImageFormat format = QEMU_IMAGE_RAW;
        int r = dom ? check_flags(flags, form, err) : -ENOENT;

        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0 && !(flags & VIR_DUMP_MEMORY_ONLY))
                r = qemu_image_format(qemu_driver(call)->conf, "dump_image_format", "dump", true, &format, err);
        if (r < 0)
                return r;
        dump = new_dump(qemu_driver(call), dom, call, vh_xstrdup(to), flags);
        dump->form = form;
        dump->stream.format = format;
        return qemu_task_go(&dump->stream.task);
}

QEMU_OP(domain_core_dump)
{
        return core_dump(call, &args->dom, args->to, VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, args->flags, err);
}

QEMU_OP(domain_core_dump_with_format)
{
        return core_dump(call, &args->dom, args->to, args->dumpformat, args->flags, err);
}

/* ---- by themselves ---- */

/* FOLDER/ID-NAME-TIME, the folder made if need be. */
static char *automatic_path(const QemuProcess *proc)
{
        enum { NAME_SHOWN = 20 };
        _vh_free_ char *own = vh_xasprintf("%s/qemu/dump", proc->driver->env.state_dir);
        const VhConf *conf = proc->driver->conf;
        const char *dir = NULL;
        char when[sizeof("2000-01-01-00:00:00")];
        time_t now = time(NULL);
        struct tm tm;

        if (!conf || vh_conf_get_string(conf, "auto_dump_path", &dir, NULL) < 0 || !dir)
                dir = own;
        (void)vh_mkdir_p(dir, DIR_MODE);
        strftime(when, sizeof(when), "%Y-%m-%d-%H:%M:%S", localtime_r(&now, &tm));
        return vh_xasprintf("%s/%d-%.*s-%s", dir, proc->dom->id, NAME_SHOWN, proc->dom->node.name, when);
}

static void automatic_ended(QemuTask *task, int r, const VhError *err)
{
        const DumpTask *dump = (DumpTask *)task;
        QemuProcess *proc = qemu_process(task->dom);

        if (r < 0)
                vh_log_error("domain '%s' could not be dumped: %s", task->dom->node.name, vh_error_text(err, r));
        if (proc && proc->mon && !proc->killing)
                dump->then(proc);
}

void qemu_dump_automatically(QemuProcess *proc, QemuAutoDumped then)
{
        bool bypass = false;
        uint32_t flags = VIR_DUMP_MEMORY_ONLY;
        DumpTask *dump;

        if (proc->driver->conf)
                (void)vh_conf_get_bool(proc->driver->conf, "auto_dump_bypass_cache", &bypass, NULL);
        if (bypass)
                flags |= VIR_DUMP_BYPASS_CACHE;
        dump = new_dump(proc->driver, proc->dom, NULL, automatic_path(proc), flags);
        dump->then = then;
        dump->stream.task.ended = automatic_ended;
        qemu_task_go(&dump->stream.task);
}
