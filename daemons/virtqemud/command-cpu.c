/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -cpu: the model and what is added to it or taken away. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "command-parts.h"
#include "guest-defaults.h"
#include "model/domain-cpu.h"

enum { POLICY_FORCE = 1, POLICY_REQUIRE, POLICY_OPTIONAL, POLICY_DISABLE, POLICY_FORBID };

static void add_feature(VhBuf *opts, const VhCpuFeature *f)
{
        const char *state = f->policy == POLICY_DISABLE || f->policy == POLICY_FORBID ? "off" : "on";

        vh_buf_printf(opts, ",%s=%s", qemu_cpu_feature_to_qemu(f->name), state);
}

/* ---- the model ---- */

static int check_model(const QemuBuild *b, const char *model)
{
        QemuAccel accel = b->def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;

        if (b->caps && b->caps->cpus[accel].n && !qemu_caps_cpu(b->caps, accel, model))
                return qemu_unsupported(b, "CPU model '%s' is not supported by this QEMU", model);
        return 0;
}

static void passthrough(const VhCpu *cpu, VhBuf *opts)
{
        vh_buf_adds(opts, cpu->mode == VH_CPU_MODE_MAXIMUM ? "max" : "host");
        if (cpu->migratable)
                vh_buf_printf(opts, ",migratable=%s", cpu->migratable == VH_ON ? "on" : "off");
}

static int add_model(const QemuBuild *b, const VhCpu *cpu, VhBuf *opts)
{
        bool kvm = b->def->virt_type == VH_VIRT_KVM;
        struct utsname uts;

        uname(&uts);
        switch (cpu->mode) {
        case VH_CPU_MODE_HOST_PASSTHROUGH:
                if (!kvm)
                        return qemu_unsupported(b,
                                                "CPU mode 'host-passthrough' for %s %s domain on %s host is not "
                                                "supported by hypervisor",
                                                b->def->os.arch, "qemu", uts.machine);
                passthrough(cpu, opts);
                return 0;
        case VH_CPU_MODE_MAXIMUM:
                passthrough(cpu, opts);
                return 0;
        case VH_CPU_MODE_HOST_MODEL:
                return qemu_unsupported(b,
                                        "CPU mode 'host-model' has no command line before the guest is started: what "
                                        "it comes to depends on the host");
        default:
                vh_buf_adds(opts, cpu->model ? cpu->model : "qemu64");
                return cpu->model ? check_model(b, cpu->model) : 0;
        }
}

/* ---- what else changes the CPU ---- */

static void add_timers(const VhDomainDef *def, VhBuf *opts)
{
        for (uint32_t i = 0; i < def->clock.timers.n; i++) {
                const VhTimer *t = def->clock.timers.items[i];

                if (t->name == VH_TIMER_KVMCLOCK && t->present)
                        vh_buf_printf(opts, ",kvmclock=%s", t->present == VH_YES ? "on" : "off");
                else if (t->name == VH_TIMER_HYPERVCLOCK && t->present == VH_YES)
                        vh_buf_adds(opts, ",hv-time=on");
                else if (t->name == VH_TIMER_TSC && t->frequency)
                        vh_buf_printf(opts, ",tsc-frequency=%" PRIu64, t->frequency);
        }
}

typedef struct HypervFlag {
        const char *name;
        uint32_t offset;
} HypervFlag;

#define FLAG(name, field)                                                                                              \
        {                                                                                                              \
                name, offsetof(VhHyperv, field)                                                                        \
        }
static const HypervFlag hyperv_first[] = { FLAG("hv-relaxed", relaxed), FLAG("hv-vapic", vapic) };
static const HypervFlag hyperv_rest[] = {
        FLAG("hv-vpindex", vpindex),
        FLAG("hv-runtime", runtime),
        FLAG("hv-synic", synic),
        FLAG("hv-stimer", stimer),
};
static const HypervFlag hyperv_last[] = {
        FLAG("hv-frequencies", frequencies),
        FLAG("hv-reenlightenment", reenlightenment),
        FLAG("hv-tlbflush", tlbflush),
        FLAG("hv-ipi", ipi),
        FLAG("hv-evmcs", evmcs),
        FLAG("hv-avic", avic),
};
#undef FLAG

static void add_flags(const VhHyperv *hv, const HypervFlag *flags, size_t n, VhBuf *opts)
{
        for (size_t i = 0; i < n; i++)
                if (*((const uint8_t *)hv + flags[i].offset) == VH_ON)
                        vh_buf_printf(opts, ",%s=on", flags[i].name);
}

static void add_hyperv(const VhHyperv *hv, VhBuf *opts)
{
        enum { MODE_PASSTHROUGH = 2 };

        if (hv->mode == MODE_PASSTHROUGH) {
                vh_buf_adds(opts, ",hv-passthrough=on");
                return;
        }
        add_flags(hv, hyperv_first, VH_ARRAY_SIZE(hyperv_first), opts);
        if (hv->spinlocks == VH_ON)
                vh_buf_printf(opts, ",hv-spinlocks=0x%x", hv->spinlock_retries);
        add_flags(hv, hyperv_rest, VH_ARRAY_SIZE(hyperv_rest), opts);
        if (hv->stimer == VH_ON && hv->stimer_direct == VH_ON)
                vh_buf_adds(opts, ",hv-stimer-direct=on");
        if (hv->reset == VH_ON)
                vh_buf_adds(opts, ",hv-reset=on");
        if (hv->vendor_id_on == VH_ON)
                vh_buf_printf(opts, ",hv-vendor-id=%s", hv->vendor_id);
        add_flags(hv, hyperv_last, VH_ARRAY_SIZE(hyperv_last), opts);
}

static void add_kvm(const VhKvmFeatures *kvm, VhBuf *opts)
{
        if (kvm->hidden == VH_ON)
                vh_buf_adds(opts, ",kvm=off");
        if (kvm->hint_dedicated == VH_ON)
                vh_buf_adds(opts, ",kvm-hint-dedicated=on");
        if (kvm->poll_control == VH_ON)
                vh_buf_adds(opts, ",kvm-poll-control=on");
        if (kvm->pv_ipi == VH_OFF)
                vh_buf_adds(opts, ",kvm-pv-ipi=off");
}

static void add_features(const VhDomainDef *def, VhBuf *opts)
{
        const VhFeatures *f = def->features;

        if (!f)
                return;
        if (f->apic && f->apic->eoi)
                vh_buf_printf(opts, ",kvm-pv-eoi=%s", f->apic->eoi == VH_ON ? "on" : "off");
        if (f->pvspinlock)
                vh_buf_printf(opts, ",kvm-pv-unhalt=%s", f->pvspinlock->state == VH_ON ? "on" : "off");
        if (f->hyperv)
                add_hyperv(f->hyperv, opts);
        for (uint32_t i = 0; i < def->panics.n; i++) {
                enum { PANIC_HYPERV = 3 };

                if (def->panics.items[i]->model == PANIC_HYPERV)
                        vh_buf_adds(opts, ",hv-crash");
        }
        if (f->kvm)
                add_kvm(f->kvm, opts);
        if (f->pmu)
                vh_buf_printf(opts, ",pmu=%s", f->pmu->state == VH_ON ? "on" : "off");
}

/* Only CPUs of the host's kind may show its caches: there the one that is not wanted is turned off. */
static void add_cache(const VhCpu *cpu, VhBuf *opts)
{
        enum { CACHE_EMULATE = 1, CACHE_PASSTHROUGH };
        const bool host = cpu->mode == VH_CPU_MODE_HOST_PASSTHROUGH || cpu->mode == VH_CPU_MODE_MAXIMUM;

        if (!cpu->cache)
                return;
        if (cpu->cache->mode == CACHE_EMULATE)
                vh_buf_printf(opts, ",l3-cache=on%s", host ? ",host-cache-info=off" : "");
        else if (cpu->cache->mode == CACHE_PASSTHROUGH)
                vh_buf_adds(opts, ",host-cache-info=on,l3-cache=off");
        else
                vh_buf_printf(opts, "%s,l3-cache=off", host ? ",host-cache-info=off" : "");
}

static void add_maxphysaddr(const VhCpuMaxphysaddr *m, VhBuf *opts)
{
        enum { EMULATE = 1, PASSTHROUGH };

        if (!m)
                return;
        if (m->mode == PASSTHROUGH)
                vh_buf_adds(opts, ",host-phys-bits=on");
        else if (m->bits)
                vh_buf_printf(opts, ",phys-bits=%u", m->bits);
        if (m->limit)
                vh_buf_printf(opts, ",host-phys-bits-limit=%u", m->limit);
}

int qemu_build_cpu(QemuBuild *b)
{
        const VhCpu *cpu = b->def->cpu;
        _vh_buf_ VhBuf opts = {};
        int r;

        if (!cpu)
                return 0;
        r = add_model(b, cpu, &opts);
        if (r < 0)
                return r;
        if (cpu->vendor_id && cpu->mode == VH_CPU_MODE_CUSTOM)
                vh_buf_printf(&opts, ",vendor=%s", cpu->vendor_id);
        for (uint32_t i = 0; i < cpu->features.n; i++)
                add_feature(&opts, cpu->features.items[i]);
        add_timers(b->def, &opts);
        add_features(b->def, &opts);
        add_cache(cpu, &opts);
        add_maxphysaddr(cpu->maxphysaddr, &opts);
        qemu_build_arg(b, "-cpu", "%s", opts.data);
        return 0;
}
