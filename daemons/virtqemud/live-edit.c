/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that change in a stored definition, in what runs, or in both. */

#include "live-edit.h"

#include <errno.h>

#include "host-work.h"

typedef struct ValuesChange {
        QemuChange change;
        const QemuValues *values;
        const void *args; /* of the call, and as old */
} ValuesChange;

static int edit_config(ValuesChange *v, VhError **err)
{
        QemuChange *change = &v->change;
        remote_nonnull_domain wire;
        int r;

        if (!(change->affect & VIR_DOMAIN_AFFECT_CONFIG))
                return 0;
        vh_domain_obj_wire(change->task.dom, &wire);
        r = qemu_edit_begin(&change->config, change->task.call, &wire, VIR_DOMAIN_AFFECT_CONFIG, err);
        return r < 0 ? r : v->values->edit(change->config.def, v->args, err);
}

static int edit_live(ValuesChange *v, VhError **err)
{
        QemuChange *change = &v->change;
        int r;

        change->live = vh_domain_def_copy(change->task.dom->def);
        r = v->values->edit(change->live, v->args, err);
        if (r == 0 && v->values->plan)
                r = v->values->plan(&change->plan, change->live, v->args, err);
        if (r == 0 && v->values->host) {
                change->work = qemu_host_work_new();
                r = v->values->host(change->task.driver, change->work, change->task.dom->def, change->live, v->args,
                                    err);
        }
        if (r == 0 && v->values->touch)
                r = v->values->touch(qemu_process(change->task.dom), change->live, v->args, err);
        return r;
}

void qemu_tell_params(VhTypedList *list, const char *prefix, const remote_typed_param *params, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                vh_typed_add_int(list, vh_typed_name(list, "%s%s", prefix, params[i].field), 0);
                list->val[list->len - 1].value = params[i].value;
        }
}

static void tell(const ValuesChange *v)
{
        VhArena arena = { 0 };
        VhTypedList list = { .arena = &arena };
        VhDomainObj *dom = v->change.task.dom;
        remote_nonnull_domain wire;

        v->values->tell(&list, dom->def, v->args);
        vh_domain_obj_wire(dom, &wire);
        if (list.len)
                vh_event_domain_tunable(v->change.task.driver->hub, &wire, list.val, list.len);
        vh_arena_done(&arena);
}

static void apply(QemuChange *change)
{
        ValuesChange *v = (ValuesChange *)change;

        (void)v->values->edit(change->task.dom->def, v->args, NULL);
        if (v->values->tell)
                tell(v);
        if (v->values->applied)
                v->values->applied(qemu_process(change->task.dom));
}

static void values_run(QemuTask *task)
{
        ValuesChange *v = (ValuesChange *)task;
        VhError *err = NULL;
        int r = edit_config(v, &err);

        v->change.apply = apply;
        r = r < 0 ? r : edit_live(v, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_change_go(&v->change);
}

static const QemuTaskClass values_class = {
        .api = "remoteDispatchDomainSetValues",
        .size = sizeof(ValuesChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = values_run,
        .cleanup = qemu_change_cleanup,
};

static int change_config(VhCall *call, const remote_nonnull_domain *wire, const QemuValues *values, const void *args,
                         VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = qemu_edit_begin(&edit, call, wire, VIR_DOMAIN_AFFECT_CONFIG, err);

        if (r == 0)
                r = values->edit(edit.def, args, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
}

int qemu_values_change(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, const QemuValues *values,
                       const void *args, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        uint32_t affect = flags & QEMU_AFFECT;
        ValuesChange *v;
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err);
        if (r < 0)
                return r;
        if (!(affect & VIR_DOMAIN_AFFECT_LIVE))
                return change_config(call, wire, values, args, err);
        v = (ValuesChange *)qemu_task_new(qemu_driver(call), dom, call, &values_class);
        v->change.affect = affect;
        v->values = values;
        v->args = args;
        return qemu_task_go(&v->change.task);
}
