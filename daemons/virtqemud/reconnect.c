/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests that run when the daemon starts: left by a daemon before us, or by the reference's. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "block-job.h"
#include "group.h"
#include "guest-host.h"
#include "guest-volumes.h"
#include "migrate.h"
#include "migrate-arriving.h"
#include "perf.h"
#include "refresh.h"
#include "script.h"
#include "status.h"

VH_LOG_SOURCE("qemu.reconnect");

enum { STATUS_MAX = 8 * 1024 * 1024 };

/* The process that holds the lock of the pid file is the guest's and no other that got its number. */
static bool holds_pid_file(const QemuProcess *proc, pid_t pid)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
        _vh_close_ int fd = open(proc->pid_path, O_RDWR | O_CLOEXEC);

        return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid == pid;
}

static void refreshed(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r < 0)
                vh_log_error("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
        else {
                qemu_agent_follow(proc);
                qemu_status_save(proc->dom);
        }
}

static void got_status(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhDomainObj *dom = proc->dom;
        bool running = json_is_true(json_object_get(ret, "running"));
        const char *status = json_string_value(json_object_get(ret, "status"));

        if (r < 0)
                return;
        if (vh_streq(status, "shutdown")) {
                qemu_process_event(proc, "SHUTDOWN", NULL, 0, 0);
                return;
        }
        if (running && dom->state != VIR_DOMAIN_RUNNING)
                vh_domain_obj_set_state(dom, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
        else if (!running && dom->state == VIR_DOMAIN_RUNNING)
                vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
        qemu_migrate_recover(proc);
        qemu_block_jobs_refresh(proc);
        qemu_guest_nets_reclaim(proc);
        qemu_volumes_find_again(proc);
        qemu_devices_refresh(proc);
        qemu_refresh_clock(proc);
}

static void ready(QemuProcess *proc)
{
        qemu_script_tell(proc->driver, proc->dom->def, "reconnect", "begin");
        qmp_send(proc->mon, qmp_command("query-status", NULL), got_status, proc);
        qemu_refresh(proc, refreshed, proc);
}

static void got_capabilities(void *data, QemuCaps *caps, int r, const VhError *err)
{
        VhDomainObj *dom = data;
        QemuProcess *proc = qemu_process(dom);

        if (r == 0 && proc)
                proc->caps = qemu_caps_ref(caps);
        else if (r < 0)
                vh_log_warning("domain '%s': %s", dom->node.name, vh_error_text(err, r));
        vh_domain_obj_unref(dom);
}

/* A guest that came only half way up is not what anybody asked for. */
static bool was_starting(const VhDomainObj *dom)
{
        return dom->state == VIR_DOMAIN_SHUTOFF ||
               (dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

static int connect_process(QemuProcess *proc, pid_t pid)
{
        int fd, r;

        if (pid <= 0 || !holds_pid_file(proc, pid))
                return -ESRCH;
        r = qemu_process_watch(proc, pid);
        if (r < 0)
                return r;
        qemu_group_reconnect(proc);
        qemu_perf_reconnect(proc);
        if (was_starting(proc->dom) || qemu_migrate_left_waiting(proc)) {
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
                return 0;
        }
        fd = qemu_unix_connect(proc, proc->monitor_path);
        if (fd < 0)
                return fd;
        qemu_process_use_monitor(proc, fd, ready);
        return 0;
}

static void take_over(QemuDriver *driver, VhDomainObj *dom, pid_t pid)
{
        QemuProcess *proc = qemu_process(dom);
        int r = connect_process(proc, pid);

        if (r < 0) {
                vh_log_info("domain '%s' ended while no daemon ran (%s)", dom->node.name, strerror(-r));
                if (proc->pidfd >= 0)
                        qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_CRASHED,
                                          VIR_DOMAIN_EVENT_STOPPED_FAILED);
                else {
                        qemu_group_find_left(proc);
                        qemu_process_stopped(dom,
                                             was_starting(dom) ? VIR_DOMAIN_SHUTOFF_FAILED : VIR_DOMAIN_SHUTOFF_CRASHED,
                                             VIR_DOMAIN_EVENT_STOPPED_FAILED);
                }
                return;
        }
        qemu_emulators_ask(driver->emulators, driver->pool, dom->def->emulator, got_capabilities,
                           vh_domain_obj_ref(dom));
}

static int reconnect(QemuDriver *driver, const char *path, VhError **err)
{
        _vh_free_ char *text = NULL;
        VhDomainObj *dom;
        pid_t pid;
        size_t n;
        int r = vh_file_read(path, STATUS_MAX, &text, &n);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot read '%s'", path);
        r = qemu_status_read(driver, text, path, &dom, &pid, err);
        if (r == 0)
                take_over(driver, dom, pid);
        return r;
}

void qemu_reconnect_all(QemuDriver *driver)
{
        DIR *dir = opendir(driver->run_dir);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                _vh_free_ char *path = vh_path_join(driver->run_dir, entry->d_name);
                _vh_error_ VhError *err = NULL;
                int r = vh_endswith(entry->d_name, ".xml") ? reconnect(driver, path, &err) : 0;

                if (vh_persist_is_leftover(entry->d_name))
                        (void)unlink(path);
                if (r < 0)
                        vh_log_error("%s is no usable status of a guest: %s", path, vh_error_text(err, r));
        }
        if (dir)
                closedir(dir);
        qemu_arriving_sweep(driver);
}
