/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests that were on their way when their daemon ended. The phase in the status file says who has to have the guest:
 * the source until the target has finished, and nobody can tell in between. */

#include "api.h"
#include "base/log.h"
#include "guest-locks.h"
#include "migrate.h"

VH_LOG_SOURCE("qemu.migrate");

static char *attribute(const xmlNode *node, const char *name)
{
        xmlChar *text = xmlGetProp((xmlNode *)node, (const xmlChar *)name);
        char *copy = vh_xstrdup((const char *)text);

        xmlFree(text);
        return copy;
}

void qemu_migrate_recover_read(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *job = vh_xml_child(root, "job");
        _vh_free_ char *async = job ? attribute(job, "async") : NULL;
        _vh_free_ char *phase = job ? attribute(job, "phase") : NULL;

        proc->left_incoming = vh_streq(async, qemu_async_job_names[QEMU_ASYNC_MIGRATION_IN]);
        if (!proc->left_incoming && !vh_streq(async, qemu_async_job_names[QEMU_ASYNC_MIGRATION_OUT]))
                return;
        for (int i = QEMU_PHASE_NONE; i < QEMU_PHASE_MAX; i++)
                if (vh_streq(phase, qemu_phase_names[i]))
                        proc->left_phase = i;
}

bool qemu_migrate_left_waiting(const QemuProcess *proc)
{
        return proc->left_incoming && (proc->left_phase == QEMU_PHASE_PREPARE || proc->left_phase == QEMU_PHASE_NONE);
}

static void told(void *data, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                vh_log_error("a guest that was on its way does not go on: %s", vh_error_text(err, r));
}

static void go_on(QemuProcess *proc, int reason)
{
        const VhDomainObj *dom = proc->dom;
        _vh_error_ VhError *err = NULL;
        int r;

        if (dom->state != VIR_DOMAIN_PAUSED ||
            (dom->reason != VIR_DOMAIN_PAUSED_MIGRATION && dom->reason != VIR_DOMAIN_PAUSED_UNKNOWN))
                return;
        r = qemu_locks_acquire(proc, &err);
        if (r < 0) {
                told(NULL, NULL, r, err);
                return;
        }
        proc->cont_reason = reason;
        qmp_send(proc->mon, qmp_command("cont", NULL), told, NULL);
}

static void recover_source(QemuProcess *proc)
{
        switch (proc->left_phase) {
        case QEMU_PHASE_PERFORM3:
                vh_log_info("domain '%s': its migration is cancelled", proc->dom->node.name);
                qmp_send(proc->mon, qmp_command("migrate_cancel", NULL), told, NULL);
                go_on(proc, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED);
                break;
        case QEMU_PHASE_PERFORM3_DONE:
                vh_log_warning("domain '%s' was sent to another host, but nobody told whether it runs there",
                               proc->dom->node.name);
                break;
        case QEMU_PHASE_CONFIRM3_CANCELLED:
                go_on(proc, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED);
                break;
        case QEMU_PHASE_CONFIRM3:
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_MIGRATED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
                break;
        default:
                break;
        }
}

void qemu_migrate_recover(QemuProcess *proc)
{
        if (!proc->left_incoming)
                recover_source(proc);
        else if (proc->left_phase == QEMU_PHASE_FINISH3)
                go_on(proc, VIR_DOMAIN_RUNNING_MIGRATED);
        proc->left_phase = QEMU_PHASE_NONE;
}
