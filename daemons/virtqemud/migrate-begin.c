/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Begin: the source says what the guest is. */

#include <errno.h>

#include "guest-text.h"
#include "api.h"
#include "guest-cpu.h"
#include "migrate-bitmaps.h"
#include "migrate-storage.h"
#include "migrate.h"

/* Clients on the other host see what a run here does not leave behind. */
char *qemu_migrate_text(const QemuDriver *driver, VhDomainObj *dom, const VhDomainDef *def)
{
        _vh_domain_def_ VhDomainDef *copy = vh_domain_def_copy(def);

        qemu_drop_run(driver, copy);
        if (def == dom->def)
                qemu_guest_cpu_original(dom, copy);
        return qemu_migratable_text(copy);
}

int qemu_check_same_guest(const VhDomainDef *def, const VhDomainDef *other, VhError **err)
{
        char ours[VH_UUID_TEXT_LEN + 1], theirs[VH_UUID_TEXT_LEN + 1];

        if (memcmp(def->uuid, other->uuid, VH_UUID_LEN) != 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain uuid %s does not match source %s",
                                    vh_uuid_format(other->uuid, theirs), vh_uuid_format(def->uuid, ours));
        if (strcmp(def->name, other->name) != 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain name '%s' does not match source '%s'", other->name, def->name);
        if (def->virt_type != other->virt_type || !vh_streq(def->os.machine, other->os.machine))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain OS type or machine '%s' does not match source '%s'",
                                    other->os.machine, def->os.machine);
        if (def->memory != other->memory)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain max memory %llu does not match source %llu",
                                    (unsigned long long)other->memory, (unsigned long long)def->memory);
        if (def->vcpus != other->vcpus)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain vCPU max %u does not match source %u", other->vcpus, def->vcpus);
        if (def->disks.n != other->disks.n)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain disk count %u does not match source %u", other->disks.n,
                                    def->disks.n);
        if (def->nets.n != other->nets.n)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target domain net card count %u does not match source %u", other->nets.n,
                                    def->nets.n);
        return 0;
}

/* The text for the target: the guest's own, or the one that the client wants it to have there. */
static int make_text(MigrateTask *t, VhError **err)
{
        bool offline = t->params.flags & VIR_MIGRATE_OFFLINE;
        const VhDomainDef *stored = offline ? vh_domain_obj_persistent_def(t->task.dom) : NULL;
        const VhDomainDef *def = stored ? stored : t->task.dom->def;
        _vh_domain_def_ VhDomainDef *wanted = NULL;
        int r;

        if (!t->params.dest_xml) {
                t->xml = qemu_migrate_text(t->task.driver, t->task.dom, def);
                return 0;
        }
        r = qemu_parse(t->task.driver, t->params.dest_xml, 0, &wanted, err);
        if (r == 0)
                r = qemu_check_same_guest(def, wanted, err);
        if (r == 0)
                t->xml = qemu_migrate_text(t->task.driver, t->task.dom, wanted);
        return r;
}

static void make_cookie(MigrateTask *t, const json_t *caps, const json_t *nodes)
{
        VhDomainObj *dom = t->task.dom;
        _qemu_cookie_ QemuCookie cookie;

        qemu_cookie_init(&cookie, t->task.driver->uuid, dom->node.name, dom->node.uuid);
        cookie.lockstate = true;
        cookie.memory_hotplug = dom->def->max_memory || dom->def->memory_slots;
        if (vh_domain_obj_active(dom) && dom->def->cpu) {
                VhCpu shown = *dom->def->cpu;

                shown.numa = NULL;
                cookie.cpu = vh_cpu_copy(&shown);
        }
        if (caps)
                qemu_migrate_cookie_caps(&cookie, caps, false);
        if (nodes)
                t->disk_bytes = qemu_storage_cookie(&cookie, dom->def, &t->params, nodes);
        if (nodes && qemu_migrate_can_move_bitmaps(caps))
                qemu_migrate_cookie_bitmaps(&cookie, dom->def, &t->params, nodes);
        t->cookie_out = qemu_cookie_format(&cookie);
}

static void finish_begin(MigrateTask *t, const json_t *caps, const json_t *nodes)
{
        VhError *err = NULL;
        int r = qemu_migrate_check_client(t, &err);

        if (r == 0)
                r = make_text(t, &err);
        if (r == 0)
                make_cookie(t, caps, nodes);
        if (r == 0 && t->params.flags & VIR_MIGRATE_CHANGE_PROTECTION && !(t->params.flags & VIR_MIGRATE_OFFLINE)) {
                QemuMigration *m = qemu_migration_begin(&t->task, false, QEMU_PHASE_BEGIN3, t->params.flags);

                m->conn = t->conn;
                m->disk_bytes = t->disk_bytes;
        }
        qemu_task_end(&t->task, r, err);
}

static void got_nodes(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;
        json_t *caps = VH_TAKE_PTR(t->caps);

        finish_begin(t, caps, ret);
        json_decref(caps);
}

static void got_caps(QemuTask *task, json_t *ret)
{
        MigrateTask *t = (MigrateTask *)task;

        if (!(t->params.flags & QEMU_MIGRATE_STORAGE)) {
                finish_begin(t, ret, NULL);
                return;
        }
        t->caps = json_incref(ret);
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

/* answer: why QEMU would not go; NULL: there is none. */
static void checked(QemuTask *task, json_t *answer)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        int r = qemu_migrate_check_guest(task->dom, &t->params, answer, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else if (!(t->params.flags & VIR_MIGRATE_OFFLINE))
                qemu_task_qmp(task, qmp_command("query-migrate-capabilities", NULL), got_caps);
        else
                finish_begin(t, NULL, NULL);
}

static void begin_run(QemuTask *task)
{
        MigrateTask *t = (MigrateTask *)task;
        VhError *err = NULL;
        int r = qemu_migrate_check(task->dom, &t->params, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
        else if (!(t->params.flags & VIR_MIGRATE_OFFLINE))
                qemu_task_qmp(task, qmp_command("query-migrate", NULL), checked);
        else
                checked(task, NULL);
}

const QemuTaskClass qemu_begin_class = {
        .api = "remoteDispatchDomainMigrateBegin3Params",
        .size = sizeof(MigrateTask),
        .job = QEMU_JOB_ASYNC,
        .async = QEMU_ASYNC_MIGRATION_OUT,
        .run = begin_run,
        .cleanup = qemu_migrate_cleanup,
};
