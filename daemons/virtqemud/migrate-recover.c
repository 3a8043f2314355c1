/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests that were on their way when their daemon ended. The phase in the status file says who has to have the guest:
 * the source until the target has let it run, and nobody can tell in between. */

#include "api.h"
#include "base/log.h"
#include "migrate-arriving.h"
#include "migrate-storage.h"
#include "migrate.h"

VH_LOG_SOURCE("qemu.migrate");

static char *attribute(const xmlNode *node, const char *name)
{
        xmlChar *text = xmlGetProp((xmlNode *)node, (const xmlChar *)name);
        char *copy = vh_xstrdup((const char *)text);

        xmlFree(text);
        return copy;
}

/* Numbers and words are told apart by their names, as in the reference's files. */
void qemu_migrate_params_save(const json_t *params, VhBuf *b)
{
        const char *name;
        json_t *value;

        vh_buf_adds(b, "    <migParams>\n");
        json_object_foreach((json_t *)params, name, value)
        {
                if (json_is_integer(value))
                        vh_buf_printf(b, "      <param name='%s' value='%lld'/>\n", name,
                                      (long long)json_integer_value(value));
                else if (json_is_string(value)) {
                        vh_buf_printf(b, "      <param name='%s' value='", name);
                        vh_buf_xml_escape(b, json_string_value(value));
                        vh_buf_adds(b, "'/>\n");
                }
        }
        vh_buf_adds(b, "    </migParams>\n");
}

static json_t *read_param(const char *name, const char *value)
{
        int64_t number;

        if (strncmp(name, "tls-", strlen("tls-")) == 0)
                return json_string(value);
        return vh_parse_i64(value, 10, &number) == 0 ? json_integer(number) : NULL;
}

static json_t *read_params(const xmlNode *job)
{
        const xmlNode *list = vh_xml_child(job, "migParams");
        json_t *params = list ? json_object() : NULL;

        for (const xmlNode *node = list ? list->children : NULL; node; node = node->next) {
                _vh_free_ char *name = NULL, *value = NULL;

                if (node->type != XML_ELEMENT_NODE)
                        continue;
                name = attribute(node, "name");
                value = attribute(node, "value");
                if (name && value)
                        json_object_set_new(params, name, read_param(name, value));
        }
        return params;
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
        proc->left_params = read_params(job);
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

/* ---- source ---- */

static void undone(MigrateTask *t)
{
        const VhDomainObj *dom = t->task.dom;
        QemuMigration *m = qemu_migration(t->task.dom);

        if (!m || m->phase != QEMU_PHASE_PERFORM3_DONE) {
                qemu_migrate_restore(t, 0, NULL);
                return;
        }
        vh_log_warning("domain '%s' was sent to another host, but nobody told whether it runs there", dom->node.name);
        qemu_migrate_reset(m);
        qemu_migration_end(m);
        qemu_task_end(&t->task, 0, NULL);
}

static void moved(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (m->in_qemu)
                return;
        m->task = NULL;
        undone(t);
}

static bool is_under_way(const json_t *progress)
{
        static const char *const words[] = { "setup", "active", "pre-switchover", "device", "cancelling" };
        const char *status = json_string_value(json_object_get(progress, "status"));

        for (size_t i = 0; i < VH_ARRAY_SIZE(words); i++)
                if (vh_streq(status, words[i]))
                        return true;
        return false;
}

static void got_rest(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        MigrateTask *t = (MigrateTask *)task;
        QemuMigration *m = qemu_migration(task->dom);

        if (r < 0 || !is_under_way(ret)) {
                undone(t);
                return;
        }
        vh_log_info("domain '%s': its migration is cancelled", task->dom->node.name);
        m->status = QEMU_MOVE_NONE;
        m->in_qemu = true;
        qemu_migrate_follow(t, moved);
        qemu_migrate_cancel(m);
}

static void got_caps(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuMigration *m = qemu_migration(task->dom);

        if (r == 0)
                m->known_caps = json_incref(ret);
        qemu_task_qmp_try(task, qmp_command("query-migrate", NULL), got_rest);
}

/* Takes back what QEMU was told of the migration, which ends if it goes on. */
static void undo_run(QemuTask *task)
{
        VhDomainObj *dom = task->dom;
        QemuProcess *proc = qemu_process(dom);
        QemuMigration *m = qemu_migration_begin(task, false, proc->left_phase, proc->left_flags);

        m->old_params = VH_TAKE_PTR(proc->left_params);
        m->has_tls = m->flags & VIR_MIGRATE_TLS;
        /* QEMU had stopped it on its own, and nobody heard of that. */
        if (dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_UNKNOWN)
                vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION);
        m->was_running = true;
        qemu_storage_cancel_left(proc);
        qemu_task_qmp_try(task, qmp_command("query-migrate-capabilities", NULL), got_caps);
}

static const QemuTaskClass undo_class = {
        .api = "reconnect",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_MIGRATION_OUT,
        .need_active = true,
        .run = undo_run,
        .cleanup = qemu_migrate_cleanup,
};

static void recover_source(QemuProcess *proc)
{
        const QemuMigrateParams params = { .flags = proc->left_flags };

        if (proc->left_phase == QEMU_PHASE_CONFIRM3)
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_MIGRATED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
        else if (proc->left_phase != QEMU_PHASE_NONE)
                (void)qemu_task_go(&qemu_migrate_task(proc->driver, proc->dom, NULL, &undo_class, &params)->task);
}

/* ---- target ---- */

static void keep_images(const QemuProcess *proc)
{
        qemu_arriving_end(proc->driver->run_dir, proc->dom->node.name, true);
}

/* The source was not told that it is here: it has the guest still, unless that runs here already. */
static void recover_target(QemuProcess *proc)
{
        if (proc->dom->state == VIR_DOMAIN_RUNNING) {
                keep_images(proc);
                qemu_migrate_reset_left(proc);
        } else
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
}

/* ---- post-copy ---- */

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
        if (was_postcopy(proc)) {
                keep_images(proc);
                take_up(proc);
        } else if (!proc->left_incoming)
                recover_source(proc);
        else if (proc->left_phase == QEMU_PHASE_FINISH3)
                recover_target(proc);
}
