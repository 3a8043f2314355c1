/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The process of a running guest: watching it, its monitor, its end. */

#include "process.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "audit.h"
#include "base/file.h"
#include "backup.h"
#include "block-job.h"
#include "dev-namespace.h"
#include "group.h"
#include "guest-locks.h"
#include "helpers.h"
#include "hugepages.h"
#include "isolation.h"
#include "migrate.h"
#include "moment.h"
#include "base/log.h"
#include "perf.h"
#include "peripherals.h"
#include "ram-dir.h"
#include "run-log.h"
#include "run-steps.h"
#include "security.h"
#include "short-name.h"
#include "taint.h"

VH_LOG_SOURCE("qemu.process");

enum {
        /* How long a process gets to end after SIGTERM, and then after SIGKILL: microseconds, as in the reference. */
        TERM_TIME = 10 * 1000 * 1000,
        /* How long a process may live on behind the end of its monitor: microseconds. */
        END_TIME = 5 * 1000 * 1000,
        TREE_FDS = 8,
};

QemuProcess *qemu_process(VhDomainObj *dom)
{
        return dom->priv ? qemu_domain_priv(dom)->proc : NULL;
}

QemuMonitor *qemu_process_monitor(VhDomainObj *dom)
{
        QemuProcess *proc = qemu_process(dom);

        return proc ? proc->mon : NULL;
}

QemuProcess *qemu_process_new(QemuDriver *driver, VhDomainObj *dom)
{
        QemuProcess *proc = vh_new(QemuProcess, 1);
        _vh_free_ char *name = vh_xasprintf("domain-" QEMU_SHORT_NAME, dom->id, dom->node.name);

        proc->driver = driver;
        proc->dom = dom;
        proc->pidfd = -1;
        proc->lib_dir = vh_xasprintf("%s/qemu/%s", driver->env.state_dir, name);
        proc->channel_dir = vh_xasprintf("%s/qemu/channel/target/%s", driver->env.state_dir, name);
        proc->ram_dir = qemu_ram_dir(driver->conf, &driver->env, name + strlen("domain-"));
        proc->monitor_path = vh_path_join(proc->lib_dir, "monitor.sock");
        proc->pid_path = vh_xasprintf("%s/%s.pid", driver->run_dir, dom->node.name);
        proc->log_path = vh_xasprintf("%s/qemu/%s.log", driver->env.log_dir, dom->node.name);
        qemu_domain_priv(dom)->proc = proc;
        return proc;
}

static void process_free(QemuProcess *proc)
{
        qemu_run_step_cancel(proc);
        qemu_security_forget(proc);
        qemu_run_log_forget(proc);
        qemu_unplugs_stop(proc);
        qemu_block_tasks_stop(proc);
        proc->locks = qemu_locks_free(proc->locks);
        qmp_free(VH_TAKE_PTR(proc->mon));
        qemu_agent_stop(proc);
        qemu_block_jobs_stop(proc);
        qemu_backup_stop(proc);
        vh_source_free(proc->exit_watch);
        vh_source_free(proc->kill_timer);
        vh_source_free(proc->lost_timer);
        free(proc->stopping);
        qemu_caps_unref(proc->caps);
        if (proc->pidfd >= 0)
                close(proc->pidfd);
        qemu_migration_free(proc->moving);
        qemu_helpers_free(proc);
        qemu_host_work_drop(proc->volumes, false);
        qemu_identity_free(proc->identity);
        qemu_group_forget(proc);
        qemu_dev_tree_free(proc->dev_tree);
        free(proc->iothread_tids);
        qemu_perf_close(proc);
        vh_cpu_free(proc->cpu_wanted);
        json_decref(proc->left_params);
        free(proc->vcpus);
        qemu_peripherals_free(proc->peripherals);
        free(proc->caps_text);
        free(proc->lib_dir);
        free(proc->channel_dir);
        free(proc->ram_dir);
        free(proc->monitor_path);
        free(proc->pid_path);
        free(proc->log_path);
        qemu_taints_done(proc);
        free(proc->master_key);
        free(proc);
}

void qemu_process_forget(VhDomainObj *dom)
{
        QemuProcess *proc = qemu_process(dom);

        if (proc) {
                proc->forgotten = true;
                process_free(proc);
                qemu_domain_priv(dom)->proc = NULL;
        }
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)remove(path);
        return 0;
}

void qemu_remove_tree(const char *path)
{
        (void)nftw(path, remove_node, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Words of the reason in the guest's log. */
static const char *const reason_words[] = {
        [VIR_DOMAIN_SHUTOFF_UNKNOWN] = "unknown",     [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shutdown",
        [VIR_DOMAIN_SHUTOFF_DESTROYED] = "destroyed", [VIR_DOMAIN_SHUTOFF_CRASHED] = "crashed",
        [VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated",   [VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
        [VIR_DOMAIN_SHUTOFF_FAILED] = "failed",       [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "from snapshot",
        [VIR_DOMAIN_SHUTOFF_DAEMON] = "daemon",
};

void qemu_process_tell(QemuProcess *proc, int event, int detail)
{
        remote_nonnull_domain wire;

        vh_domain_obj_wire(proc->dom, &wire);
        vh_event_domain_lifecycle(proc->driver->hub, &wire, event, detail);
}

static void run_stopped_hooks(QemuProcess *proc)
{
        size_t n = 0;

        while (qemu_run_hooks[n])
                n++;
        while (n--)
                if (qemu_run_hooks[n]->stopped)
                        qemu_run_hooks[n]->stopped(proc);
}

const char *qemu_process_short_name(const QemuProcess *proc)
{
        return strrchr(proc->ram_dir, '/') + 1;
}

static int remove_folder(void *data, const char *folder, VhError **err)
{
        qemu_remove_tree(folder);
        return 0;
}

static void remove_files(const QemuProcess *proc)
{
        if (qemu_wants_hugepages(proc->dom->def))
                (void)qemu_hugepages_each(proc->driver->conf, qemu_process_short_name(proc), remove_folder, NULL, NULL);
        (void)unlink(proc->pid_path);
        qemu_remove_tree(proc->lib_dir);
        qemu_remove_tree(proc->channel_dir);
        qemu_remove_tree(proc->ram_dir);
        /* Last: a daemon that is killed before finds the rest by it. */
        qemu_status_remove(proc->dom);
}

/* A run whose end is told once all is taken down. */
typedef struct QemuStopping {
        int reason;
        int detail;
        bool told;      /* clients knew of the run */
        bool elsewhere; /* another host has it, or may */
        void (*then)(void *data);
        void *data;
} QemuStopping;

bool qemu_process_is_elsewhere(const QemuProcess *proc)
{
        return proc->stopping && proc->stopping->elsewhere;
}

/* It has left, or has not arrived: from an image, maybe, which makes no difference. */
static bool may_be_elsewhere(const QemuProcess *proc, int reason)
{
        const VhDomainObj *dom = proc->dom;
        bool waits = dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_MIGRATION;

        return reason == VIR_DOMAIN_SHUTOFF_MIGRATED || (proc->starting && proc->arrives) ||
               (waits && (proc->moving || proc->left_incoming));
}

static void released(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;
        QemuStopping stopping = *proc->stopping;
        VhDomainObj *dom = proc->dom;
        QemuDriver *driver = proc->driver;
        bool stays = dom->persistent || proc->comes_back;

        vh_domain_obj_ref(dom);
        remove_files(proc);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_SHUTOFF, stopping.reason);
        qemu_drop_text(driver, dom);
        if (stopping.told)
                qemu_process_tell(proc, VIR_DOMAIN_EVENT_STOPPED, stopping.detail);
        qemu_domain_priv(dom)->proc = NULL;
        vh_domain_obj_end_run(dom);
        process_free(proc);
        if (!stays) {
                _vh_free_ char *tpm_state = qemu_tpm_state_to_remove(driver, dom->def, 0);

                /* Hosts that a guest moves between may share it. */
                if (tpm_state && stopping.reason != VIR_DOMAIN_SHUTOFF_MIGRATED)
                        qemu_remove_tree(tpm_state);
                qemu_moments_remove_all(driver, dom, QEMU_SNAPSHOTS);
                qemu_moments_remove_all(driver, dom, QEMU_CHECKPOINTS);
                vh_domain_list_remove(&driver->domains, dom);
        }
        qemu_waiters_tell(driver, dom);
        if (stopping.then)
                stopping.then(stopping.data);
        vh_domain_obj_unref(dom);
}

static void ended(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        run_stopped_hooks(proc);
        qemu_run_step(proc, QEMU_STEP_RELEASED, NULL, released, proc);
}

static void said(void *data, QemuLogResult *log, int r, const VhError *err)
{
        QemuProcess *proc = data;

        qemu_run_step(proc, QEMU_STEP_ENDED, NULL, ended, proc);
}

/* Who waits for the end of QEMU's migration is told that there will be none. */
static void migration_lost(QemuProcess *proc)
{
        void (*tell)(void *data, const char *status) = proc->migration;

        proc->migration = NULL;
        if (tell)
                tell(proc->migration_data, "failed");
}

void qemu_process_stopped_then(VhDomainObj *dom, int reason, int detail, void (*then)(void *data), void *data)
{
        QemuProcess *proc = qemu_process(dom);
        _vh_free_ char *text = vh_xasprintf("shutting down, reason=%s\n", reason_words[reason]);

        if (proc->stopping)
                return;
        proc->stopping = vh_new(QemuStopping, 1);
        *proc->stopping = (QemuStopping){ reason, detail, !proc->starting, may_be_elsewhere(proc, reason), then, data };
        proc->exit_watch = vh_source_free(proc->exit_watch);
        proc->kill_timer = vh_source_free(proc->kill_timer);
        proc->lost_timer = vh_source_free(proc->lost_timer);
        vh_domain_obj_ref(dom);
        if (!proc->starting)
                qemu_audit_stop(proc, detail);
        /* Before anything is freed: whoever waits for an answer is told, and looks at a domain that is whole. */
        qemu_unplugs_stop(proc);
        qemu_block_tasks_stop(proc);
        migration_lost(proc);
        qemu_locks_stop(proc);
        qmp_free(VH_TAKE_PTR(proc->mon));
        qemu_agent_stop(proc);
        qemu_block_jobs_stop(proc);
        qemu_backup_stop(proc);
        qemu_run_step_cancel(proc);
        qemu_run_log_end(proc, text, said, proc);
        vh_domain_obj_unref(dom);
}

void qemu_process_stopped(VhDomainObj *dom, int reason, int detail)
{
        qemu_process_stopped_then(dom, reason, detail, NULL, NULL);
}

static void died_at_start(void *data, QemuLogResult *log, int r, const VhError *error)
{
        QemuProcess *proc = data;
        _vh_error_ VhError *err = NULL;

        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "qemu unexpectedly closed the monitor%s%s",
                         *log->tail ? ": " : "", log->tail);
        qemu_start_failed(proc, r, err);
}

/* The process is gone: what was its domain's end? */
static void process_exited(void *data, uint32_t revents)
{
        QemuProcess *proc = data;
        _vh_error_ VhError *err = NULL;
        int r;

        proc->exit_watch = vh_source_free(proc->exit_watch);
        if (proc->starting && proc->killing) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
                qemu_start_failed(proc, r, err);
        } else if (proc->starting)
                qemu_run_log_read(proc, died_at_start, proc);
        else if (proc->killing)
                qemu_process_stopped(proc->dom, proc->stop_reason, proc->stop_detail);
        else if (proc->gave_shutdown)
                qemu_process_stopped(proc->dom, VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        else
                qemu_process_stopped(proc->dom, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

int qemu_process_watch(QemuProcess *proc, pid_t pid)
{
        proc->pidfd = pidfd_open(pid, 0);
        if (proc->pidfd < 0)
                return -errno;
        proc->pid = pid;
        proc->exit_watch = vh_loop_add_io(proc->driver->env.loop, proc->pidfd, EPOLLIN, process_exited, proc);
        return 0;
}

static void kill_time_over(void *data)
{
        QemuProcess *proc = data;

        vh_log_warning("domain '%s': the process %d does not end, killing it", proc->dom->node.name, (int)proc->pid);
        (void)pidfd_send_signal(proc->pidfd, SIGKILL, NULL, 0);
}

void qemu_process_kill(QemuProcess *proc, QemuKill how, int reason, int detail)
{
        if (how != QEMU_KILL_GRACEFUL || !proc->killing) {
                proc->stop_reason = reason;
                proc->stop_detail = detail;
        }
        proc->killing = true;
        if (proc->pidfd < 0)
                return;
        (void)pidfd_send_signal(proc->pidfd, how == QEMU_KILL_NOW ? SIGKILL : SIGTERM, NULL, 0);
        if (how == QEMU_KILL_FORCE && !proc->kill_timer)
                proc->kill_timer = vh_loop_add_timer(proc->driver->env.loop, TERM_TIME, kill_time_over, proc);
}

int qemu_unix_connect(const QemuProcess *proc, const char *path)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd, r;

        if (strlen(path) >= sizeof(addr.sun_path))
                return -ENAMETOOLONG;
        strcpy(addr.sun_path, path);
        fd = qemu_security_socket(proc, SOCK_NONBLOCK, false);
        if (fd < 0)
                return fd;
        if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
                return fd;
        r = -errno;
        close(fd);
        return r;
}

static void monitor_ready(void *data)
{
        QemuProcess *proc = data;

        proc->mon_ready = true;
        proc->on_ready(proc);
}

static void monitor_event(void *data, const char *name, json_t *args, uint64_t seconds, unsigned micros)
{
        qemu_process_event(data, name, args, seconds, micros);
}

/* The process goes on without its monitor: nobody can manage it any more, so it ends, as in the reference. */
static void monitor_lost(void *data)
{
        QemuProcess *proc = data;
        _vh_error_ VhError *err = NULL;
        int r;

        proc->lost_timer = vh_source_free(proc->lost_timer);
        vh_log_error("domain '%s': QEMU closed its monitor and did not end, ending it", proc->dom->node.name);
        if (proc->starting) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "qemu unexpectedly closed the monitor");
                qemu_start_failed(proc, r, err);
        } else if (proc->gave_shutdown)
                qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_SHUTDOWN,
                                  VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
        else
                qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

/* Mostly the process ends, and its descriptor tells so next. One that talks nonsense can not be managed any more. */
static void monitor_closed(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (proc->pidfd < 0)
                return;
        if (r == -EPIPE) {
                if (!proc->lost_timer)
                        proc->lost_timer = vh_loop_add_timer(proc->driver->env.loop, END_TIME, monitor_lost, proc);
                return;
        }
        vh_log_error("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
        if (proc->starting)
                qemu_start_failed(proc, r, err);
        else {
                remote_nonnull_domain wire;

                vh_domain_obj_wire(proc->dom, &wire);
                vh_event_domain_control_error(proc->driver->hub, &wire);
        }
}

void qemu_process_use_monitor(QemuProcess *proc, int fd, void (*ready)(QemuProcess *proc))
{
        QmpHandlers handlers = { monitor_ready, monitor_event, monitor_closed, proc };

        proc->on_ready = ready;
        proc->mon = qmp_new(proc->driver->env.loop, fd, &handlers);
        qemu_block_jobs_guard(proc);
}

/* Names inside QEMU, but for those that users gave. */
static int drop_alias(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        if (info && info->alias && !vh_startswith(info->alias, "ua-"))
                vh_strset(&info->alias, NULL);
        return 0;
}

void qemu_drop_run(const QemuDriver *driver, VhDomainDef *def)
{
        _vh_free_ char *targets = vh_xasprintf("%s/qemu/channel/target/domain-", driver->env.state_dir);

        vh_domain_each_device(def, drop_alias, NULL);
        for (uint32_t i = 0; i < def->channels.n; i++) {
                VhChrSource *source = &def->channels.items[i]->source;

                if (source->type == VH_CHR_UNIX && source->path && vh_startswith(source->path, targets))
                        vh_strset(&source->path, NULL);
        }
        for (uint32_t i = 0; i < def->graphics.n; i++)
                if (def->graphics.items[i]->autoport == VH_YES)
                        def->graphics.items[i]->port.val = -1;
}
