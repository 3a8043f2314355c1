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

        _vh_free_ char *flags = job ? attribute(job, "flags") : NULL;

        proc->left_incoming = vh_streq(async, qemu_async_job_names[QEMU_ASYNC_MIGRATION_IN]);
        if (!proc->left_incoming && !vh_streq(async, qemu_async_job_names[QEMU_ASYNC_MIGRATION_OUT]))
                return;
        if (flags)
                proc->left_flags = (uint32_t)strtoul(flags, NULL, 0);
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

        if (dom->state != VIR_DOMAIN_PAUSED ||
            (dom->reason != VIR_DOMAIN_PAUSED_MIGRATION && dom->reason != VIR_DOMAIN_PAUSED_UNKNOWN))
                return;
        qemu_locks_cont(proc, reason, told, NULL);
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

/* The guest was on both sides then: neither may be touched before it is known how far its memory is. */
static bool was_postcopy(const QemuProcess *proc)
{
        const VhDomainObj *dom = proc->dom;

        if (proc->left_phase >= QEMU_PHASE_POSTCOPY_FAILED)
                return true;
        if (proc->left_incoming)
                return proc->left_phase == QEMU_PHASE_FINISH3 && dom->state == VIR_DOMAIN_RUNNING &&
                       dom->reason == VIR_DOMAIN_RUNNING_POSTCOPY;
        return (proc->left_phase == QEMU_PHASE_PERFORM3 || proc->left_phase == QEMU_PHASE_PERFORM3_DONE) &&
               dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_POSTCOPY;
}

static void got_progress(void *data, json_t *ret, int r, const VhError *err)
{
        const QemuProcess *proc = data;
        const char *status = json_string_value(json_object_get(ret, "status"));

        if (r < 0 || !proc->moving)
                return;
        if (vh_streq(status, "postcopy-paused"))
                qemu_migrate_postcopy_failed(proc->moving);
        if (status)
                qemu_migration_set_status(proc->moving, status);
}

static void take_up(QemuProcess *proc)
{
        qemu_migration_take_up(proc)->status = QEMU_MOVE_POSTCOPY;
        qmp_send(proc->mon, qmp_command("query-migrate", NULL), got_progress, proc);
}

void qemu_migrate_recover(QemuProcess *proc)
{
        if (was_postcopy(proc))
                take_up(proc);
        else if (!proc->left_incoming)
                recover_source(proc);
        else if (proc->left_phase == QEMU_PHASE_FINISH3)
                go_on(proc, VIR_DOMAIN_RUNNING_MIGRATED);
        proc->left_phase = QEMU_PHASE_NONE;
}
