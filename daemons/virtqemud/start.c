/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting a guest: what its QEMU can do, its folders, its command line, the process, its monitor, what only QEMU
 * knows, and then its processors. Each step is a function that the one before hands over to; a failure anywhere undoes
 * all. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "audit.h"
#include "base/file.h"
#include "block-job.h"
#include "command.h"
#include "firmware.h"
#include "guest-check.h"
#include "guest-cpu.h"
#include "guest-locks.h"
#include "log-client.h"
#include "process.h"
#include "refresh.h"
#include "run-log.h"
#include "run-steps.h"
#include "security.h"
#include "settle.h"
#include "spawn.h"
#include "taint.h"
#include "transient.h"
#include "vsock.h"

enum {
        /* Microseconds that QEMU has to greet us; a guest with much memory to allocate takes its time. */
        GREETING_TIME = 120 * 1000 * 1000,
};

struct QemuStarting {
        QemuStart args;
        QemuProcess *proc;
        QemuLaunch launch;
        QemuCommand cmd;
        QemuSpawn *spawn;
        VhSource *timer;
        int failed; /* why there is no run after all: negative errno, with its error */
        VhError *why;
};

/* What goes on for a start, and its descriptors. */
static void starting_cease(QemuStarting *s)
{
        s->spawn = qemu_spawn_free(s->spawn);
        s->timer = vh_source_free(s->timer);
        qemu_launch_done(&s->launch);
        qemu_command_done(&s->cmd);
}

static void starting_free(QemuStarting *s)
{
        starting_cease(s);
        vh_error_free(s->why);
        free(s);
}

/* Everything is undone. */
static void undone(void *data)
{
        QemuStarting *s = data;

        s->args.done(s->args.data, s->failed, s->why);
        starting_free(s);
}

void qemu_start_failed(QemuProcess *proc, int r, const VhError *err)
{
        QemuStarting *s = proc->starting;

        if (s->failed)
                return;
        s->failed = r;
        s->why = vh_error_copy(err);
        starting_cease(s);
        qemu_run_log_forget(proc);
        qemu_audit_start(proc, s->args.started_detail, false);
        qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        qemu_process_stopped_then(proc->dom, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED, undone, s);
}

static void fail(QemuStarting *s, int r, VhError *err)
{
        qemu_start_failed(s->proc, r, err);
        vh_error_free(err);
}

/* ---- the end ---- */

static void set_state(const QemuStart *args)
{
        if (args->incoming)
                vh_domain_obj_set_state(args->dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
        else if (args->from_snapshot)
                vh_domain_obj_set_state(args->dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT);
        else if (args->flags & QEMU_START_PAUSED)
                vh_domain_obj_set_state(args->dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        else
                vh_domain_obj_set_state(args->dom, VIR_DOMAIN_RUNNING, args->running_reason);
}

static void tell_started(const QemuStart *args)
{
        QemuProcess *proc = qemu_process(args->dom);

        if (args->incoming)
                return;
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_STARTED, args->started_detail);
        if (args->flags & QEMU_START_PAUSED && !args->from_snapshot)
                qemu_process_tell(proc, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

/* The client may have gone meanwhile. */
static void end_with_client(QemuProcess *proc, const VhCall *call)
{
        if (call->client)
                proc->autodestroy = vh_call_conn(call);
        else
                qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_DESTROYED,
                                  VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
}

static void succeed(QemuStarting *s)
{
        QemuProcess *proc = s->proc;
        QemuStart args = s->args;
        VhError *err = NULL;
        int r;

        set_state(&args);
        /* With the file of before a daemon that comes after us would end the guest. */
        r = qemu_status_write(args.dom, &err);
        if (r < 0) {
                fail(s, r, err);
                return;
        }
        proc->starting = NULL;
        if (args.flags & QEMU_START_AUTODESTROY && args.call)
                end_with_client(proc, args.call);
        tell_started(&args);
        starting_free(s);
        qemu_audit_start(proc, args.started_detail, true);
        args.done(args.data, 0, NULL);
}

static void continued(void *data, json_t *ret, int r, const VhError *err)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(err));
        else
                succeed(s);
}

/* It stands, and has no locks then. */
static void stands(void *data, int r, const VhError *err)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(err));
        else
                succeed(s);
}

static void surrounded(void *data, int r, const VhError *err)
{
        QemuStarting *s = data;

        if (r < 0) {
                fail(s, r, vh_error_copy(err));
                return;
        }
        if (s->args.incoming)
                s->args.flags |= QEMU_START_PAUSED; /* who started it makes the image come in, and goes on then */
        if (s->args.flags & QEMU_START_PAUSED) {
                qemu_locks_release(s->proc);
                if (!qemu_locks_settle(s->proc, stands, s))
                        succeed(s);
                return;
        }
        s->proc->cont_reason = s->args.running_reason;
        qmp_send(s->proc->mon, qmp_command("cont", NULL), continued, s);
}

static void values_set(void *data, int r, const VhError *err)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(err));
        else
                qemu_run_step(s->proc, QEMU_STEP_STARTED, NULL, surrounded, s);
}

static void refreshed(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(error));
        else
                qemu_start_values(s->proc, s->args.incoming || s->args.loadvm, values_set, s);
}

static void layered(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(error));
        else
                qemu_refresh(s->proc, refreshed, s);
}

static void plugged(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(error));
        else
                qemu_transients_start(s->proc, &s->launch, layered, s);
}

static void cpu_known(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;

        if (r < 0)
                fail(s, r, vh_error_copy(error));
        else
                qemu_start_vcpus(s->proc, plugged, s);
}

static void ready(QemuProcess *proc)
{
        proc->starting->timer = vh_source_free(proc->starting->timer);
        qemu_guest_cpu_ask(proc, cpu_known, proc->starting);
}

/* ---- the process ---- */

static void no_greeting(void *data)
{
        QemuStarting *s = data;
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_TIMEOUT, "QEMU does not answer on its monitor");

        fail(s, r, err);
}

/* The program runs: QEMU will take the connection that was made before, on the socket it inherited. */
static void executed(void *data, pid_t pid, int r, const VhError *error)
{
        QemuStarting *s = data;
        VhError *err = vh_error_copy(error);

        s->spawn = NULL;
        if (r < 0) {
                if (err && s->proc->pid == 0 && err->code == VIR_ERR_SYSTEM_ERROR)
                        vh_error_prefix(&err, "%s", s->proc->dom->def->emulator);
                fail(s, r, err);
                return;
        }
        s->timer = vh_loop_add_timer(s->proc->driver->env.loop, GREETING_TIME, no_greeting, s);
}

static int connect_monitor(QemuProcess *proc, VhError **err)
{
        int fd = qemu_unix_connect(proc, proc->monitor_path);

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, fd, "failed to connect to monitor socket");
        qemu_process_use_monitor(proc, fd, ready);
        return qemu_status_write(proc->dom, err);
}

/* The process may become QEMU. */
static void settled(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = connect_monitor(s->proc, &err);
        if (r < 0)
                fail(s, r, err);
        else
                qemu_spawn_go(s->spawn);
}

static int forked(void *data, pid_t pid, VhError **err)
{
        QemuStarting *s = data;
        int r = qemu_process_watch(s->proc, pid);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot watch the process of domain '%s'",
                                    s->proc->dom->node.name);
        if (s->proc->killing)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
        qemu_run_step(s->proc, QEMU_STEP_FORKED, NULL, settled, s);
        return 0;
}

static int tie(void *data, const char **what)
{
        QemuStarting *s = data;
        int r = 0;

        for (size_t i = 0; r == 0 && qemu_run_hooks[i]; i++) {
                *what = qemu_run_hooks[i]->name;
                if (qemu_run_hooks[i]->tie)
                        r = qemu_run_hooks[i]->tie(s->proc);
        }
        return r;
}

static int in_child(void *data, const char **what)
{
        QemuStarting *s = data;
        int r = 0;

        for (size_t i = 0; r == 0 && qemu_run_hooks[i]; i++) {
                *what = qemu_run_hooks[i]->name;
                if (qemu_run_hooks[i]->child)
                        r = qemu_run_hooks[i]->child(s->proc);
        }
        return r;
}

static int spawn(QemuStarting *s, int log_fd, VhError **err)
{
        QemuProcess *proc = s->proc;
        QemuSpawnArgs args = {
                .cmd = &s->cmd,
                .log_fd = log_fd,
                .pid_path = proc->pid_path,
                .open_files = proc->driver->env.child_files,
                .tie = tie,
                .child = in_child,
                .forked = forked,
                .done = executed,
                .data = s,
        };

        qemu_taint_check(proc);
        s->spawn = qemu_spawn(proc->driver->env.loop, &args, err);
        /* QEMU has its copies now. */
        qemu_command_done(&s->cmd);
        return s->spawn ? 0 : -EAGAIN;
}

static void log_open(void *data, QemuLogResult *log, int r, const VhError *error)
{
        QemuStarting *s = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = spawn(s, log->fd, &err);
        if (r < 0)
                fail(s, r, err);
}

/* What the guest's log says about its start; the caller frees it. */
static char *start_text(const QemuStarting *s)
{
        _vh_free_ char *command = qemu_command_text(&s->cmd);
        const QemuCaps *caps = s->proc->caps;
        struct utsname uts;

        uname(&uts);
        return vh_xasprintf(
                "starting up virthost version: %s, qemu version: %u.%u.%u%s, kernel: %s, hostname: %s\n%s\n",
                VIRTHOST_VERSION, caps->version / 1000000, caps->version / 1000 % 1000, caps->version % 1000,
                caps->package, uts.release, uts.nodename, command);
}

/* ---- before the process ---- */

static void fill_launch(QemuStarting *s)
{
        QemuProcess *proc = s->proc;

        s->launch.env = &proc->driver->env;
        s->launch.conf = proc->driver->conf;
        s->launch.lib_dir = proc->lib_dir;
        s->launch.channel_dir = proc->channel_dir;
        s->launch.monitor_path = proc->monitor_path;
        s->launch.master_key = proc->master_key;
        s->launch.incoming = s->args.incoming;
        s->launch.loadvm = s->args.loadvm;
}

static int prepare_nvram(QemuStarting *s, VhError **err)
{
        VhDomainDef *def = s->proc->dom->def;
        _vh_free_ char *dir = vh_xasprintf("%s/qemu/nvram", s->launch.env->state_dir);
        int r = def->os.nvram ? qemu_start_make_dir(dir, err) : 0;

        return r < 0 ? r : qemu_firmware_create_nvram(def, &s->launch, s->args.flags & QEMU_START_RESET_NVRAM, err);
}

/* From what surrounds the guest to the child. */
static int launch(QemuStarting *s, VhError **err)
{
        int r = qemu_command_build(s->proc->dom->def, s->proc->caps, &s->launch, &s->cmd, err);
        _vh_free_ char *text = NULL;

        if (r < 0)
                return r;
        s->proc->stdio_logd = qemu_logd_wanted(s->proc->driver);
        s->proc->n_fdsets = qemu_launch_n_fdsets(&s->launch);
        qemu_command_pass_launch(&s->cmd, &s->launch);
        text = start_text(s);
        qemu_run_log_open(s->proc, text, log_open, s);
        return 0;
}

static void prepared(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = launch(s, &err);
        if (r < 0)
                fail(s, r, err);
}

/* From the capabilities to what surrounds the guest. */
static int decide(QemuStarting *s, VhError **err)
{
        VhDomainDef *def = s->proc->dom->def;
        int r;

        /* From here on a daemon that comes after us knows that there is something to take down. */
        r = qemu_status_write(s->proc->dom, err);
        if (r == 0)
                r = qemu_start_make_files(s->proc, &s->launch, err);
        fill_launch(s);
        qemu_guest_cpu_continue(s->proc, s->args.cpu);
        if (r == 0)
                r = qemu_guest_cpu_settle(def, s->proc->caps, s->proc->driver->host, err);
        if (r == 0)
                r = qemu_check_placement(def, err);
        if (r == 0)
                r = qemu_command_prepare(def, s->proc->caps, &s->launch, err);
        if (r == 0)
                r = qemu_vsock_prepare(def, &s->launch, err);
        if (r == 0)
                r = prepare_nvram(s, err);
        s->proc->last_node = qemu_highest_node(def);
        if (r == 0)
                r = qemu_ports_assign(s->proc->driver, def, err);
        if (r == 0)
                qemu_settle_live(s->proc->driver->conf, def);
        return r;
}

/* The definition is what other daemons made of it. */
static void resolved(void *data, int r, const VhError *error)
{
        QemuStarting *s = data;
        VhError *err = vh_error_copy(error);

        r = r < 0 ? r : decide(s, &err);
        if (r < 0)
                fail(s, r, err);
        else
                qemu_run_step(s->proc, QEMU_STEP_PREPARE, &s->launch, prepared, s);
}

static void capabilities_known(void *data, QemuCaps *caps, int r, const VhError *error)
{
        QemuStarting *s = data;

        if (r < 0) {
                fail(s, r, vh_error_copy(error));
                return;
        }
        s->proc->caps = qemu_caps_ref(caps);
        qemu_run_step(s->proc, QEMU_STEP_RESOLVE, NULL, resolved, s);
}

/* Parts that a definition may have and this driver cannot run. Returns 0 or negative errno. */
static int check_def(const VhDomainDef *def, VhError **err)
{
        if (!def->emulator || access(def->emulator, X_OK) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, def->emulator ? errno : ENOENT, "Cannot check QEMU binary %s",
                                    def->emulator ? def->emulator : "(none)");
        return 0;
}

void qemu_process_start(const QemuStart *start)
{
        QemuDriver *driver = start->driver;
        VhDomainObj *dom = start->dom;
        QemuStarting *s = vh_new(QemuStarting, 1);
        VhError *err = NULL;
        int r;

        s->args = *start;
        s->launch.monitor_fd = -1;
        vh_domain_obj_begin_run(dom);
        qemu_drop_text(driver, dom);
        vh_domain_obj_set_id(dom, ++driver->last_id);
        dom->def->id = (VhOptInt){ dom->id, true };
        vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP);
        s->proc = qemu_process_new(driver, dom);
        s->proc->starting = s;
        s->proc->arrives = start->incoming != NULL;
        r = check_def(dom->def, &err);
        if (r < 0)
                fail(s, r, err);
        else
                qemu_emulators_ask(driver->emulators, driver->pool, dom->def->emulator, capabilities_known, s);
}
