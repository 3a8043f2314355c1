/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests into files and out of them again. QEMU writes and reads the stream itself; we hand it the descriptor and wait
 * for its event. */

#include <errno.h>
#include <fcntl.h>

#include "guest-text.h"
#include "base/file.h"
#include "guest-cpu.h"
#include "migrate-blockers.h"
#include "process.h"
#include "qemu-ops.h"
#include "save-image.h"
#include "script.h"
#include "security.h"
#include "stream-out.h"
#include "task.h"

enum { DIR_MODE = 0700 };

/* ---- save ---- */

typedef struct SaveTask {
        QemuStreamTask stream; /* fd: the image */
        char *path;
        char *xml;    /* a client's own definition, NULL: none */
        bool managed; /* its success makes the domain's managed image */
        bool running; /* what a restore makes of it */
        bool resume;  /* it ran, and goes on if this fails */
        bool created;
        bool drop_cache; /* the file is not to stay in memory */
} SaveTask;

static void save_cleanup(QemuTask *task)
{
        SaveTask *save = (SaveTask *)task;

        qemu_stream_done(&save->stream);
        if (save->stream.fd >= 0)
                close(save->stream.fd);
        free(save->path);
        free(save->xml);
}

static void resumed(void *data, json_t *ret, int r, const VhError *err)
{
}

/* The guest goes on as if nothing had been; the half file goes. err is taken over. */
static void save_failed(SaveTask *save, int r, VhError *err)
{
        QemuProcess *proc = qemu_process(save->stream.task.dom);

        if (save->created && qemu_save_image_is_file(save->stream.fd))
                (void)unlink(save->path);
        if (proc && proc->mon && save->resume && !proc->killing) {
                proc->cont_reason = VIR_DOMAIN_RUNNING_SAVE_CANCELED;
                qmp_send(proc->mon, qmp_command("cont", NULL), resumed, NULL);
        }
        qemu_task_end(&save->stream.task, r, err);
}

static void save_stopped(QemuTask *task)
{
        SaveTask *save = (SaveTask *)task;

        if (save->managed)
                task->dom->has_managed_save = true;
        qemu_task_end(task, 0, NULL);
}

static int finish_work(void *data)
{
        const SaveTask *save = data;
        int r = qemu_save_image_finish(save->stream.fd);

        if (r == 0 && save->drop_cache)
                (void)posix_fadvise(save->stream.fd, 0, 0, POSIX_FADV_DONTNEED);
        return r;
}

static void finish_done(void *data, int r)
{
        SaveTask *save = data;
        QemuProcess *proc = qemu_process(save->stream.task.dom);
        VhError *err = NULL;

        if (r < 0) {
                vh_error_sys(&err, VIR_FROM_QEMU, r, "unable to finish '%s'", save->path);
                save_failed(save, r, err);
                return;
        }
        if (proc)
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
        qemu_task_wait_stopped(&save->stream.task, save_stopped);
}

static void written(QemuStreamTask *stream, int r, VhError *err)
{
        if (r < 0)
                save_failed((SaveTask *)stream, r, err);
        else
                vh_pool_submit(stream->task.driver->pool, finish_work, finish_done, stream);
}

static char *text_to_save(QemuTask *task)
{
        _vh_domain_def_ VhDomainDef *def = vh_domain_def_copy(task->dom->def);

        qemu_drop_run(task->driver, def);
        qemu_guest_cpu_original(task->dom, def);
        return qemu_migratable_text(def);
}

static void paused(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        SaveTask *save = (SaveTask *)task;
        _vh_free_ char *xml = text_to_save(task);
        _vh_free_ char *cookie = qemu_guest_cpu_cookie(task->dom);
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = save->stream.fd = qemu_save_image_create(save->path, save->xml ? save->xml : xml, cookie,
                                                             save->running, save->stream.format, &err);
        if (r < 0) {
                save_failed(save, r, err);
                return;
        }
        save->created = true;
        qemu_stream_out(&save->stream, written);
}

static void save_run(QemuTask *task)
{
        SaveTask *save = (SaveTask *)task;

        VhError *err = NULL;
        int r = qemu_migrate_check_blockers(task->dom, NULL, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        save->resume = task->dom->state == VIR_DOMAIN_RUNNING;
        if (!save->resume) {
                paused(task, NULL, 0, NULL);
                return;
        }
        qemu_process(task->dom)->pause_reason = VIR_DOMAIN_PAUSED_SAVE;
        qemu_task_qmp_try(task, qmp_command("stop", NULL), paused);
}

static const QemuTaskClass save_class = {
        .api = "remoteDispatchDomainSave",
        .size = sizeof(SaveTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_SAVE,
        .need_active = true,
        .run = save_run,
        .cleanup = save_cleanup,
};

enum {
        SAVE_FLAGS = VIR_DOMAIN_SAVE_BYPASS_CACHE | VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED,
        RESTORE_FLAGS = SAVE_FLAGS | VIR_DOMAIN_SAVE_RESET_NVRAM,
};

static int check_state_flags(uint32_t flags, VhError **err)
{
        if ((flags & VIR_DOMAIN_SAVE_RUNNING) && (flags & VIR_DOMAIN_SAVE_PAUSED))
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                      "running and paused flags in %s are mutually exclusive", "virDomainSaveFlags");
        return 0;
}

static int save(VhCall *call, const remote_nonnull_domain *wire, const char *path, const char *xml, uint32_t flags,
                VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        bool managed = !path;
        QemuImageFormat format = QEMU_IMAGE_RAW;
        SaveTask *save;
        int r = dom ? vh_check_flags(flags, SAVE_FLAGS, VIR_FROM_QEMU, "qemuDomainSaveFlags", err) : -ENOENT;

        if (r == 0)
                r = check_state_flags(flags, err);
        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0 && managed && !dom->persistent)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                 "cannot do managed save for transient domain");
        if (r == 0)
                r = qemu_image_format(qemu_driver(call)->conf, "save_image_format", "save", false, &format, err);
        if (r == 0 && managed)
                r = vh_mkdir_p(qemu_driver(call)->save_dir, DIR_MODE);
        if (r < 0)
                return r;
        save = (SaveTask *)qemu_task_new(qemu_driver(call), dom, call, &save_class);
        save->stream.fd = -1;
        save->stream.format = format;
        save->stream.what = "save";
        save->stream.operation = VIR_DOMAIN_JOB_OPERATION_SAVE;
        save->drop_cache = flags & VIR_DOMAIN_SAVE_BYPASS_CACHE;
        save->managed = managed;
        save->path = managed ? qemu_managed_path(qemu_driver(call), dom) : vh_xstrdup(path);
        save->xml = vh_xstrdup(xml);
        save->running = flags & VIR_DOMAIN_SAVE_RUNNING ||
                        (!(flags & VIR_DOMAIN_SAVE_PAUSED) && dom->state == VIR_DOMAIN_RUNNING);
        return qemu_task_go(&save->stream.task);
}

QEMU_OP(domain_save)
{
        return save(call, &args->dom, args->to, NULL, 0, err);
}

QEMU_OP(domain_save_flags)
{
        return save(call, &args->dom, args->to, args->dxml, args->flags, err);
}

QEMU_OP(domain_managed_save)
{
        return save(call, &args->dom, NULL, NULL, args->flags, err);
}

char *qemu_managed_path(const QemuDriver *driver, const VhDomainObj *dom)
{
        return vh_xasprintf("%s/%s.save", driver->save_dir, dom->node.name);
}

/* ---- restore ---- */

typedef struct RestoreTask {
        QemuTask task;
        QemuSaveImage image;
        VhCpu *cpu; /* that it had; NULL: not told */
        QemuFilter *filter;
        bool watching;      /* for the end of the process */
        bool run;           /* go on behind it */
        QemuScript *script; /* of the administrator; whose end is waited for */
        char *managed;      /* file to remove when all went well; NULL: none */
        uint32_t flags;     /* QEMU_START_* */
        remote_nonnull_domain *wire;
} RestoreTask;

static void stop_following(RestoreTask *restore)
{
        QemuProcess *proc = qemu_process(restore->task.dom);

        if (proc && proc->migration_data == restore)
                proc->migration = NULL;
        if (restore->watching)
                qemu_task_stop_waiting(&restore->task);
        restore->watching = false;
}

static void restore_cleanup(QemuTask *task)
{
        RestoreTask *restore = (RestoreTask *)task;

        stop_following(restore);
        qemu_script_forget(restore->script);
        qemu_filter_free(restore->filter);
        qemu_save_image_done(&restore->image);
        vh_cpu_free(restore->cpu);
        free(restore->managed);
}

static void restored(QemuTask *task, json_t *ret)
{
        RestoreTask *restore = (RestoreTask *)task;
        QemuProcess *proc = qemu_process(task->dom);

        qemu_process_tell(proc, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_RESTORED);
        qemu_process_tell(proc, restore->run ? VIR_DOMAIN_EVENT_RESUMED : VIR_DOMAIN_EVENT_SUSPENDED,
                          restore->run ? VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT : VIR_DOMAIN_EVENT_SUSPENDED_RESTORED);
        if (restore->managed && unlink(restore->managed) == 0)
                task->dom->has_managed_save = false;
        if (restore->wire)
                vh_domain_obj_wire(task->dom, restore->wire);
        qemu_status_save(task->dom);
        qemu_task_end(task, 0, NULL);
}

/* The process is of no use without its memory. */
static void restore_failed(QemuTask *task, int r, const VhError *err)
{
        QemuProcess *proc = qemu_process(task->dom);

        if (proc)
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        qemu_task_end(task, r, vh_error_copy(err));
}

/* The process ended before its event came. */
static void restore_gone(QemuTask *task)
{
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");

        ((RestoreTask *)task)->watching = false;
        qemu_task_end(task, r, err);
}

static void came_in(void *data, const char *status)
{
        RestoreTask *restore = data;
        QemuTask *task = data;
        _vh_error_ VhError *err = NULL;

        if (vh_streq(status, "failed")) {
                int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "QEMU cannot read the saved image");

                restore_failed(task, r, err);
                return;
        }
        if (!vh_streq(status, "completed"))
                return;
        stop_following(restore);
        vh_domain_obj_set_state(task->dom, restore->run ? VIR_DOMAIN_RUNNING : VIR_DOMAIN_PAUSED,
                                restore->run ? VIR_DOMAIN_RUNNING_RESTORED : VIR_DOMAIN_PAUSED_MIGRATION);
        if (restore->run)
                qemu_task_qmp(task, qmp_command("cont", NULL), restored);
        else
                restored(task, NULL);
}

static void coming(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                restore_failed(task, r, err);
}

static void incoming_fd(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = qemu_process(task->dom);

        if (r < 0) {
                restore_failed(task, r, err);
                return;
        }
        proc->migration = came_in;
        proc->migration_data = task;
        ((RestoreTask *)task)->watching = true;
        qemu_task_wait_stopped(task, restore_gone);
        qemu_task_qmp_try(task, qmp_command("migrate-incoming", "{s:s}", "uri", "fd:" QEMU_STREAM_FD), coming);
}

/* Where QEMU reads the stream from. */
static int open_stream(RestoreTask *restore, VhError **err)
{
        int fd = -1, r = qemu_security_label_fd(qemu_process(restore->task.dom), restore->image.fd, true, err);

        if (r < 0)
                return r;
        if (restore->image.format == QEMU_IMAGE_RAW)
                return VH_TAKE_FD(restore->image.fd);
        restore->filter = qemu_filter_new(restore->task.driver->env.loop, restore->image.format, true,
                                          restore->image.fd, &fd, err);
        return restore->filter ? fd : -ENOEXEC;
}

static void process_up(void *data, int r, const VhError *error)
{
        RestoreTask *restore = data;
        VhError *err = r < 0 ? vh_error_copy(error) : NULL;
        int fd = r < 0 ? r : open_stream(restore, &err);

        if (r < 0)
                qemu_task_end(&restore->task, r, err);
        else if (fd < 0) {
                restore_failed(&restore->task, fd, err);
                vh_error_free(err);
        } else
                qemu_task_qmp_fd(&restore->task, qmp_command("getfd", "{s:s}", "fdname", QEMU_STREAM_FD), fd,
                                 incoming_fd);
}

static void start_process(RestoreTask *restore)
{
        QemuTask *task = &restore->task;
        VhCpu *cpu = restore->cpu = qemu_guest_cpu_of_cookie(restore->image.cookie);
        QemuStart start = {
                .driver = task->driver,
                .dom = task->dom,
                .flags = restore->flags,
                .call = task->call,
                .incoming = "defer",
                .cpu = cpu,
                .started_detail = VIR_DOMAIN_EVENT_STARTED_RESTORED,
                .running_reason = VIR_DOMAIN_RUNNING_RESTORED,
                .done = process_up,
                .data = restore,
        };

        qemu_process_start(&start);
}

/* The administrator's scripts may have made another definition of the image's. */
static void filtered(void *data, const char *output, int r, const VhError *error)
{
        RestoreTask *restore = data;
        VhError *err = vh_error_copy(error);

        restore->script = NULL;
        if (r == 0)
                r = qemu_script_take(restore->task.driver, output, &restore->task.dom->def, &err);
        if (r < 0) {
                qemu_unplace(restore->task.driver, restore->task.dom);
                qemu_task_end(&restore->task, r, err);
        } else
                start_process(restore);
}

static void restore_run(QemuTask *task)
{
        RestoreTask *restore = (RestoreTask *)task;
        VhError *err = NULL;
        int r = vh_domain_obj_check_inactive(task->dom, VIR_FROM_QEMU, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        restore->script = qemu_script_run(task->driver, task->dom->def, QEMU_SCRIPT_ARRIVING, "restore", "begin",
                                          filtered, restore);
        if (!restore->script)
                start_process(restore);
}

static const QemuTaskClass restore_class = {
        .api = "remoteDispatchDomainRestore",
        .size = sizeof(RestoreTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_START,
        .run = restore_run,
        .cleanup = restore_cleanup,
};

/* Opens the image and makes the domain that it holds. xml: a client's own definition, or NULL. */
static int open_image(QemuDriver *driver, const char *path, const char *xml, QemuSaveImage *image, VhDomainObj **dom,
                      VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        int r = qemu_save_image_open(image, path, err);

        if (r < 0)
                return r;
        r = qemu_parse(driver, xml ? xml : image->xml, 0, &def, err);
        if (r == 0)
                qemu_drop_run(driver, def);
        if (r == 0)
                r = vh_persist_check_name(def->name, VIR_FROM_QEMU, err);
        if (r == 0)
                r = qemu_place_running(driver, &def, dom, err);
        if (r < 0)
                qemu_save_image_done(image);
        return r;
}

static int restore(VhCall *call, const char *path, const char *xml, uint32_t flags, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        QemuSaveImage image = { .fd = -1 };
        VhDomainObj *dom = NULL;
        RestoreTask *restore;
        int r = vh_check_flags(flags, RESTORE_FLAGS, VIR_FROM_QEMU, "qemuDomainRestoreInternal", err);

        if (r == 0)
                r = check_state_flags(flags, err);
        if (r == 0)
                r = open_image(driver, path, xml, &image, &dom, err);
        if (r < 0)
                return r;
        restore = (RestoreTask *)qemu_task_new(driver, dom, call, &restore_class);
        restore->image = image;
        restore->run = flags & VIR_DOMAIN_SAVE_RUNNING || (image.was_running && !(flags & VIR_DOMAIN_SAVE_PAUSED));
        restore->flags = flags & VIR_DOMAIN_SAVE_RESET_NVRAM ? QEMU_START_RESET_NVRAM : 0;
        return qemu_task_go(&restore->task);
}

int qemu_restore_managed(VhCall *call, QemuDriver *driver, VhDomainObj *dom, bool stay_paused, uint32_t flags,
                         remote_nonnull_domain *wire, VhError **err)
{
        _vh_free_ char *path = qemu_managed_path(driver, dom);
        QemuSaveImage image = { .fd = -1 };
        VhDomainObj *same = NULL;
        RestoreTask *restore;
        int r = open_image(driver, path, NULL, &image, &same, err);

        if (r < 0)
                return r;
        restore = (RestoreTask *)qemu_task_new(driver, same, call, &restore_class);
        restore->image = image;
        restore->run = image.was_running && !stay_paused;
        restore->managed = VH_TAKE_PTR(path);
        restore->flags = flags;
        restore->wire = wire;
        return qemu_task_go(&restore->task);
}

QEMU_OP(domain_restore)
{
        return restore(call, args->from, NULL, 0, err);
}

QEMU_OP(domain_restore_flags)
{
        return restore(call, args->from, args->dxml, args->flags, err);
}

/* ---- the same with parameters ---- */

typedef struct SaveParams {
        const char *file, *xml;
} SaveParams;

static int read_params(const remote_typed_param *params, uint32_t n, SaveParams *ret, VhError **err)
{
        static const VhTypedField fields[] = {
                { VIR_DOMAIN_SAVE_PARAM_FILE, VIR_TYPED_PARAM_STRING, false },
                { VIR_DOMAIN_SAVE_PARAM_DXML, VIR_TYPED_PARAM_STRING, false },
        };
        const remote_typed_param *file = vh_typed_find(params, n, VIR_DOMAIN_SAVE_PARAM_FILE);
        const remote_typed_param *xml = vh_typed_find(params, n, VIR_DOMAIN_SAVE_PARAM_DXML);
        int r = vh_typed_validate(params, n, fields, VH_ARRAY_SIZE(fields), err);

        if (r < 0)
                return r;
        *ret = (SaveParams){ file ? file->value.s : NULL, xml ? xml->value.s : NULL };
        return 0;
}

/* Without a file it is the managed image. */
QEMU_OP(domain_save_params)
{
        SaveParams params = { 0 };
        int r = read_params(args->params.val, args->params.len, &params, err);

        if (r == 0 && !params.file && params.xml)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "xml modification unsupported when saving to managed save");
        return r < 0 ? r : save(call, &args->dom, params.file, params.xml, args->flags, err);
}

QEMU_OP(domain_restore_params)
{
        SaveParams params = { 0 };
        int r = read_params(args->params.val, args->params.len, &params, err);

        if (r == 0 && !params.file)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "missing path to restore from");
        return r < 0 ? r : restore(call, params.file, params.xml, args->flags, err);
}
