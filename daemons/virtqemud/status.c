/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The status file of a running guest: what a daemon that starts later has to know of it. Its form is that of the
 * reference, which takes our guests over and leaves us its own. */

#include "status.h"

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "backup.h"
#include "block-job.h"
#include "caps-flags.h"
#include "guest-cpu.h"
#include "isolation.h"
#include "migrate.h"
#include "peripherals.h"
#include "taint.h"

VH_LOG_SOURCE("qemu.status");

enum { FILE_MODE = 0600 };

const char *const qemu_state_names[] = {
        [VIR_DOMAIN_NOSTATE] = "no state", [VIR_DOMAIN_RUNNING] = "running",         [VIR_DOMAIN_BLOCKED] = "blocked",
        [VIR_DOMAIN_PAUSED] = "paused",    [VIR_DOMAIN_SHUTDOWN] = "shutdown",       [VIR_DOMAIN_SHUTOFF] = "shutoff",
        [VIR_DOMAIN_CRASHED] = "crashed",  [VIR_DOMAIN_PMSUSPENDED] = "pmsuspended",
};
const size_t qemu_n_state_names = VH_ARRAY_SIZE(qemu_state_names);

static const char *const running_reasons[] = {
        "unknown",       "booted", "migrated", "restored",  "from snapshot",    "unpaused", "migration canceled",
        "save canceled", "wakeup", "crashed",  "post-copy", "post-copy failed",
};
static const char *const paused_reasons[] = {
        "unknown",       "user",     "migration", "save",     "dump",        "ioerror",   "watchdog",
        "from snapshot", "shutdown", "snapshot",  "panicked", "starting up", "post-copy", "post-copy failed",
};
static const char *const crashed_reasons[] = { "unknown", "panicked" };
static const char *const unknown_reasons[] = { "unknown" };

#define REASONS(list)                                                                                                  \
        {                                                                                                              \
                (list), VH_ARRAY_SIZE(list)                                                                            \
        }

static const struct {
        const char *const *names;
        size_t n;
} reasons[] = {
        [VIR_DOMAIN_NOSTATE] = REASONS(unknown_reasons),  [VIR_DOMAIN_RUNNING] = REASONS(running_reasons),
        [VIR_DOMAIN_BLOCKED] = REASONS(unknown_reasons),  [VIR_DOMAIN_PAUSED] = REASONS(paused_reasons),
        [VIR_DOMAIN_SHUTDOWN] = REASONS(unknown_reasons), [VIR_DOMAIN_SHUTOFF] = REASONS(unknown_reasons),
        [VIR_DOMAIN_CRASHED] = REASONS(crashed_reasons),  [VIR_DOMAIN_PMSUSPENDED] = REASONS(unknown_reasons),
};

const char *qemu_reason_name(int state, int reason)
{
        return (size_t)reason < reasons[state].n ? reasons[state].names[reason] : "unknown";
}

int qemu_reason_parse(int state, const char *name)
{
        for (size_t i = 0; name && i < reasons[state].n; i++)
                if (strcmp(reasons[state].names[i], name) == 0)
                        return (int)i;
        return 0;
}

static char *status_path(const QemuDriver *driver, const char *name)
{
        return vh_xasprintf("%s/%s.xml", driver->run_dir, name);
}

static void add_vcpus(const QemuProcess *proc, VhBuf *b)
{
        if (!proc->vcpus)
                return;
        vh_buf_adds(b, "  <vcpus>\n");
        for (size_t i = 0; i < proc->n_vcpus; i++)
                if (proc->vcpus[i].tid)
                        vh_buf_printf(b, "    <vcpu id='%zu' pid='%d'/>\n", i, (int)proc->vcpus[i].tid);
        vh_buf_adds(b, "  </vcpus>\n");
}

static void add_path(VhBuf *b, const char *element, const char *path)
{
        vh_buf_printf(b, "  <%s path='", element);
        vh_buf_xml_escape(b, path);
        vh_buf_adds(b, "'/>\n");
}

static void add_monitor(const QemuProcess *proc, VhBuf *b)
{
        vh_buf_adds(b, "  <monitor path='");
        vh_buf_xml_escape(b, proc->monitor_path);
        vh_buf_adds(b, "' type='unix'/>\n");
}

/* Those of a guest that the reference started are handed back as they came. */
static void add_capabilities(const QemuProcess *proc, VhBuf *b)
{
        if (proc->caps_text)
                vh_buf_adds(b, proc->caps_text);
        else if (proc->caps)
                qemu_caps_flags_format(proc->caps, b);
}

static void add_jobs(const QemuProcess *proc, VhBuf *b)
{
        const QemuJobs *jobs = qemu_domain_priv(proc->dom)->jobs;

        const QemuMigration *m = proc->moving;

        if (!jobs || !jobs->async)
                return;
        vh_buf_printf(b, "  <job type='%s' async='%s'",
                      qemu_job_names[jobs->active ? jobs->active->job : QEMU_JOB_NONE],
                      qemu_async_job_names[jobs->async_kind]);
        if (m && m->phase != QEMU_PHASE_NONE)
                vh_buf_printf(b, " phase='%s'", qemu_phase_names[m->phase]);
        vh_buf_printf(b, " flags='0x%x' asyncStarted='%llu'", m ? m->flags : 0,
                      (unsigned long long)(m ? m->stats.started : jobs->async_since));
        if (m && m->status == QEMU_MOVE_POSTCOPY_PAUSED)
                vh_buf_adds(b, " asyncPaused='yes'");
        if (m && m->old_params) {
                vh_buf_adds(b, ">\n");
                qemu_migrate_params_save(m->old_params, b);
                vh_buf_adds(b, "  </job>\n");
        } else
                vh_buf_adds(b, "/>\n");
}

char *qemu_status_text(QemuProcess *proc, const VhDomainDef *def)
{
        const VhDomainObj *dom = proc->dom;
        VhBuf b = { 0 };

        vh_buf_adds(&b, "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\nOVERWRITTEN "
                        "AND LOST.\n-->\n\n");
        vh_buf_printf(&b, "<domstatus state='%s' reason='%s' pid='%d'>\n", qemu_state_names[dom->state],
                      qemu_reason_name(dom->state, dom->reason), (int)proc->pid);
        qemu_taints_format(proc, &b);
        add_monitor(proc, &b);
        if (proc->namespaced)
                vh_buf_adds(&b, "  <namespaces>\n    <mount/>\n  </namespaces>\n");
        add_vcpus(proc, &b);
        add_capabilities(proc, &b);
        add_jobs(proc, &b);
        if (proc->fake_reboot)
                vh_buf_adds(&b, "  <fakereboot/>\n");
        qemu_peripherals_format(proc, def, &b);
        add_path(&b, "libDir", proc->lib_dir);
        add_path(&b, "channelTargetDir", proc->channel_dir);
        if (proc->cpu_wanted)
                qemu_guest_cpu_format(proc->cpu_wanted, &b);
        if (proc->stdio_logd)
                vh_buf_adds(&b, "  <chardevStdioLogd/>\n");
        if (qemu_isolation_remembers(proc->driver))
                vh_buf_adds(&b, "  <rememberOwner/>\n");
        vh_buf_printf(&b, "  <nodename index='%u'/>\n  <fdset index='%u'/>\n", proc->last_node, proc->n_fdsets);
        qemu_block_jobs_format(proc, &b);
        vh_buf_printf(&b, "  <agentTimeout>%d</agentTimeout>\n", qemu_domain_priv(proc->dom)->agent_timeout);
        qemu_backup_format(proc, &b);
        qemu_status_format_def(def, &b);
        vh_buf_adds(&b, "</domstatus>\n");
        return vh_buf_take(&b);
}

/* Much that calls for a new file leaves it as it was, above all when guests are found again. */
static bool is_there(const char *path, const char *text, size_t n)
{
        _vh_free_ char *old = NULL;
        size_t n_old;

        return vh_file_read(path, n, &old, &n_old) == 0 && n_old == n && memcmp(old, text, n) == 0;
}

static int store(VhDomainObj *dom, const VhDomainDef *def, VhError **err)
{
        QemuProcess *proc = qemu_process(dom);
        _vh_free_ char *path = NULL;
        _vh_free_ char *text = NULL;
        size_t n;
        int r;

        if (!proc || (!proc->pid && !proc->starting) || proc->forgotten)
                return 0;
        path = status_path(proc->driver, dom->node.name);
        text = qemu_status_text(proc, def);
        n = strlen(text);
        if (is_there(path, text, n))
                return 0;
        r = vh_file_write(path, text, n, FILE_MODE, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER,
                          VH_FILE_NO_SYNC);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot write '%s'", path) : 0;
}

int qemu_status_write(VhDomainObj *dom, VhError **err)
{
        return store(dom, dom->def, err);
}

void qemu_status_save(VhDomainObj *dom)
{
        qemu_status_save_as(dom, dom->def);
}

void qemu_status_save_as(VhDomainObj *dom, const VhDomainDef *def)
{
        _vh_error_ VhError *err = NULL;
        int r = store(dom, def, &err);

        if (r < 0)
                vh_log_error("domain '%s': %s; a daemon that starts later will not know what has changed",
                             dom->node.name, vh_error_text(err, r));
}

void qemu_status_remove(const VhDomainObj *dom)
{
        const QemuProcess *proc = qemu_domain_priv((VhDomainObj *)dom)->proc;
        _vh_free_ char *path = status_path(proc->driver, dom->node.name);

        (void)unlink(path);
}
