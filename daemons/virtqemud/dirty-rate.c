/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast a guest writes to its memory: QEMU measures for a while. */

#include <errno.h>

#include "live-stats.h"
#include "model/domain-cpu.h"
#include "qemu-ops.h"
#include "task.h"

enum { SECONDS_MIN = 1, SECONDS_MAX = 60 };

static const char *const modes[] = { "page-sampling", "dirty-bitmap", "dirty-ring" };

typedef struct DirtyRate {
        QemuTask task;
        int seconds;
        const char *mode;
} DirtyRate;

static void started(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

static void dirty_rate_run(QemuTask *task)
{
        const DirtyRate *d = (const DirtyRate *)task;

        qemu_task_qmp(task, qmp_command("calc-dirty-rate", "{s:i,s:s}", "calc-time", d->seconds, "mode", d->mode),
                      started);
}

static const QemuTaskClass dirty_rate_class = {
        .api = "remoteDispatchDomainStartDirtyRateCalc",
        .size = sizeof(DirtyRate),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = dirty_rate_run,
};

static bool has_dirty_ring(const VhDomainDef *def)
{
        return def->features && def->features->kvm && def->features->kvm->dirty_ring == VH_ON;
}

/* The bitmap is one that the kernel keeps: QEMU 7.2 does not outlive being asked for it without. */
static int check_mode(const VhDomainDef *def, uint32_t flags, VhError **err)
{
        if (flags & VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING && !has_dirty_ring(def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "dirty-ring calculation mode requires dirty-ring feature enabled.");
        if (flags & VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP && def->virt_type != VH_VIRT_KVM)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "dirty-bitmap calculation mode requires KVM");
        return 0;
}

static int check(const remote_domain_start_dirty_rate_calc_args *args, VhError **err)
{
        enum { KNOWN = VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP | VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainStartDirtyRateCalc", err);

        if (r == 0 && (args->seconds < SECONDS_MIN || args->seconds > SECONDS_MAX))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "seconds=%d is invalid, please choose value within [%d, %d].", args->seconds,
                                 SECONDS_MIN, SECONDS_MAX);
        return r;
}

static const char *mode_of(uint32_t flags)
{
        if (flags & VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING)
                return modes[2];
        return modes[flags & VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP ? 1 : 0];
}

QEMU_OP(domain_start_dirty_rate_calc)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        DirtyRate *d;
        int r = dom ? check(args, err) : -ENOENT;

        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = check_mode(dom->def, args->flags, err);
        if (r < 0)
                return r;
        d = (DirtyRate *)qemu_task_new(qemu_driver(call), dom, call, &dirty_rate_class);
        d->seconds = args->seconds;
        d->mode = mode_of(args->flags);
        return qemu_task_go(&d->task);
}

/* ---- statistics ---- */

json_t *qemu_dirty_rate_command(const VhDomainDef *def)
{
        return qmp_command("query-dirty-rate", NULL);
}

static int status_number(const char *status)
{
        static const char *const names[] = { "unstarted", "measuring", "measured" };

        for (int i = 0; status && i < (int)VH_ARRAY_SIZE(names); i++)
                if (strcmp(names[i], status) == 0)
                        return i;
        return VIR_DOMAIN_DIRTYRATE_UNSTARTED;
}

void qemu_dirty_rate_stats(const json_t *answer, VhTypedList *list)
{
        const json_t *rate = json_object_get(answer, "dirty-rate");
        const char *mode = json_string_value(json_object_get(answer, "mode"));
        json_t *vcpu;
        size_t i;

        if (!answer)
                return;
        vh_typed_add_int(list, "dirtyrate.calc_status",
                         status_number(json_string_value(json_object_get(answer, "status"))));
        vh_typed_add_llong(list, "dirtyrate.calc_start_time",
                           json_integer_value(json_object_get(answer, "start-time")));
        vh_typed_add_int(list, "dirtyrate.calc_period", (int)json_integer_value(json_object_get(answer, "calc-time")));
        vh_typed_add_string(list, "dirtyrate.calc_mode", mode ? mode : modes[0]);
        if (rate)
                vh_typed_add_llong(list, "dirtyrate.megabytes_per_second", json_integer_value(rate));
        json_array_foreach(json_object_get(answer, "vcpu-dirty-rate"), i, vcpu)
                vh_typed_add_ullong(list,
                                    vh_typed_name(list, "dirtyrate.vcpu.%d.megabytes_per_second",
                                                  (int)json_integer_value(json_object_get(vcpu, "id"))),
                                    (uint64_t)json_integer_value(json_object_get(vcpu, "dirty-rate")));
}
