/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settling a guest's CPU before its start. */

#include "guest-cpu.h"

#include <errno.h>
#include <sys/utsname.h>

#include "api.h"
#include "cpu/arch.h"
#include "driver/host-cpuid.h"

static bool is_custom(const VhCpu *cpu)
{
        return cpu->mode == VH_CPU_MODE_NONE || cpu->mode == VH_CPU_MODE_CUSTOM;
}

static int check_names(const VhCpu *cpu, VhError **err)
{
        if (is_custom(cpu) && !vh_x86_model_find(cpu->model))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "Unknown CPU model %s", cpu->model);
        for (uint32_t i = 0; i < cpu->features.n; i++)
                if (!vh_x86_feature_find(cpu->features.items[i]->name))
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED, "unknown CPU feature: %s",
                                            cpu->features.items[i]->name);
        return 0;
}

/* ---- what there is ---- */

/* What QEMU gives to guests, and with KVM what the host's CPU has beside: a guest may be promised either. */
static int available(const QemuFullCpu *full, QemuAccel accel, const VhHost *host, VhCpuDoc *doc, VhError **err)
{
        _vh_cpu_ VhCpu *all = vh_cpu_copy(full->all);
        int r = vh_cpu_expand(all, err);

        *doc = (VhCpuDoc){};
        if (r < 0)
                return r;
        if (accel != QEMU_ACCEL_KVM || vh_host_cpu_doc(host, doc, NULL) < 0) {
                doc->cpu = VH_TAKE_PTR(all);
                vh_strset(&doc->cpu->arch, "x86_64");
                return 0;
        }
        doc->host = true;
        for (uint32_t i = 0; i < all->features.n; i++)
                if (all->features.items[i]->policy == VH_CPU_POLICY_REQUIRE)
                        vh_cpu_set_feature(doc->cpu, all->features.items[i]->name, VH_CPU_POLICY_NONE);
        return 0;
}

static int check_host(const VhCpu *cpu, const QemuFullCpu *full, QemuAccel accel, const VhHost *host, VhError **err)
{
        _vh_cpu_doc_ VhCpuDoc have = {};
        const VhCpuDoc wanted = { .cpu = (VhCpu *)cpu };
        _vh_buf_ VhBuf why = { 0 };
        int r = available(full, accel, host, &have, err);

        if (r == 0)
                r = vh_cpu_compare(&have, &wanted, &why, err);
        if (r == VIR_CPU_COMPARE_INCOMPATIBLE)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CPU_INCOMPATIBLE, "%s", why.data);
        return r < 0 ? r : 0;
}

/* ---- settling ---- */

/* Features that are wanted if they are there. */
static int settle_optional(VhCpu *cpu, const VhCpu *full, VhError **err)
{
        const VhCpuDoc have = { .cpu = (VhCpu *)full };
        VhX86Bits bits;
        int r = vh_x86_bits_all(&have, &bits, err);

        for (uint32_t i = 0; r == 0 && i < cpu->features.n; i++) {
                VhCpuFeature *f = cpu->features.items[i];

                if (f->policy == VH_CPU_POLICY_OPTIONAL)
                        f->policy = vh_x86_bit(&bits, vh_x86_feature_find(f->name)) ? VH_CPU_POLICY_REQUIRE
                                                                                    : VH_CPU_POLICY_DISABLE;
        }
        return r;
}

/* Puts the model and the features of another description in the place of cpu's model; what the definition says of
 * features has the last word. */
static void take_model(VhCpu *cpu, const VhCpu *other)
{
        VhCpu *merged = vh_cpu_copy(other), before = *cpu;

        for (uint32_t i = 0; i < cpu->features.n; i++)
                vh_cpu_set_feature(merged, cpu->features.items[i]->name, cpu->features.items[i]->policy);
        cpu->features = merged->features;
        merged->features = before.features;
        vh_strset(&cpu->model, other->model);
        vh_cpu_free(merged);
}

static void take_host_model(VhCpu *cpu, const VhCpu *full)
{
        take_model(cpu, full);
        if (cpu->mode == VH_CPU_MODE_HOST_MODEL)
                vh_strset(&cpu->vendor, full->vendor);
        cpu->mode = VH_CPU_MODE_CUSTOM;
        cpu->match = VH_CPU_MATCH_EXACT;
}

/* A model that this QEMU does not have is described by one that it has. */
static int translate(VhCpu *cpu, const QemuCaps *caps, QemuAccel accel, VhError **err)
{
        VhCpuOffers offers = qemu_caps_offers(caps, accel);
        const VhX86Decode how = { .offers = &offers };
        const VhX86Model *model = vh_x86_model_find(cpu->model);
        const VhX86Cpu plain = { .bits = model->bits, .vendor = model->vendor };
        _vh_cpu_ VhCpu *other = NULL;
        int r = vh_x86_decode(&other, &plain, &how, err);

        qemu_caps_offers_done(&offers);
        if (r == 0)
                take_model(cpu, other);
        return r;
}

static int settle_model(VhCpu *cpu, const QemuCaps *caps, QemuAccel accel, VhError **err)
{
        int r = 0;

        if (!qemu_caps_cpu(caps, accel, cpu->model)) {
                if (cpu->fallback == VH_CPU_FALLBACK_FORBID)
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "CPU model %s is not supported by hypervisor", cpu->model);
                r = translate(cpu, caps, accel, err);
        }
        return r;
}

/* A feature that a model had, but that QEMU's model of the name has not. */
static void disable_removed(VhCpu *cpu, const VhX86Model *model)
{
        if (model && model->removed && !vh_cpu_feature(cpu, model->removed->name))
                vh_cpu_set_feature(cpu, model->removed->name, VH_CPU_POLICY_DISABLE);
}

static int no_host_model(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "CPU mode 'host-model' is not supported: this QEMU does not tell what CPU guests can have");
}

/* Whether there is a model to settle, of a processor that we know. */
static bool has_model(const VhDomainDef *def)
{
        const VhCpu *cpu = def->cpu;

        return cpu && vh_cpu_family(def->os.arch) == VH_CPU_FAMILY_X86 &&
               (is_custom(cpu) ? cpu->model != NULL : cpu->mode == VH_CPU_MODE_HOST_MODEL);
}

static bool is_by_host(const VhCpu *cpu)
{
        return cpu->mode == VH_CPU_MODE_HOST_MODEL || cpu->match == VH_CPU_MATCH_MINIMUM;
}

static const QemuFullCpu *full_cpu(const VhDomainDef *def, const QemuCaps *caps)
{
        return &caps->full_cpu[def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG];
}

/* Puts the host's model and what it has of optional features into the description. */
static int take_host(VhCpu *cpu, const QemuFullCpu *full, VhError **err)
{
        int r = full->migratable ? settle_optional(cpu, full->migratable, err) : 0;

        if (r == 0 && is_by_host(cpu))
                take_host_model(cpu, full->migratable);
        return r;
}

/* ---- other architectures ---- */

static int no_cpu_driver(const VhDomainDef *def, VhError **err)
{
        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT, "'%s' architecture is not supported by CPU driver",
                            def->os.arch);
}

static int check_foreign_model(const VhDomainDef *def, const QemuCaps *caps, QemuAccel accel, VhError **err)
{
        const VhCpu *cpu = def->cpu;

        if (qemu_caps_cpu(caps, accel, cpu->model) && vh_cpu_is_named(def->os.arch, cpu->model))
                return 0;
        if (cpu->fallback == VH_CPU_FALLBACK_FORBID)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "CPU model %s is not supported by hypervisor", cpu->model);
        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT, "cannot translate CPU model %s to a supported model",
                            cpu->model);
}

/* There is nothing to choose, but what a guest cannot have is told. */
static int settle_foreign(VhDomainDef *def, const QemuCaps *caps, VhError **err)
{
        const QemuAccel accel = def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;
        struct utsname uts;
        int r = 0;

        if (!def->cpu)
                return 0;
        uname(&uts);
        if (def->cpu->mode == VH_CPU_MODE_HOST_MODEL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "CPU mode 'host-model' for %s %s domain on %s host is not supported by hypervisor",
                                    def->os.arch, accel == QEMU_ACCEL_KVM ? "kvm" : "qemu", uts.machine);
        if (is_custom(def->cpu) && vh_cpu_family(def->os.arch) == VH_CPU_FAMILY_OTHER)
                return no_cpu_driver(def, err);
        if (is_custom(def->cpu) && def->cpu->model)
                r = check_foreign_model(def, caps, accel, err);
        if (r == 0 && is_custom(def->cpu))
                def->cpu->fallback = VH_CPU_FALLBACK_FORBID;
        return r;
}

static int explain_foreign(const VhDomainDef *def, VhError **err)
{
        const int family = vh_cpu_family(def->os.arch);
        const VhCpu *cpu = def->cpu;

        if (cpu && cpu->mode == VH_CPU_MODE_HOST_MODEL && family != VH_CPU_FAMILY_PPC64)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "unknown host CPU model");
        return cpu && cpu->model && family == VH_CPU_FAMILY_OTHER ? no_cpu_driver(def, err) : 0;
}

int qemu_guest_cpu_settle(VhDomainDef *def, const QemuCaps *caps, const VhHost *host, VhError **err)
{
        QemuAccel accel = def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;
        const QemuFullCpu *full = full_cpu(def, caps);
        VhCpu *cpu = def->cpu;
        const VhX86Model *model;
        int r;

        if (vh_cpu_family(def->os.arch) != VH_CPU_FAMILY_X86)
                return settle_foreign(def, caps, err);
        if (!has_model(def))
                return 0;
        if (is_by_host(cpu) && (!full->all || !full->migratable))
                return no_host_model(err);
        r = check_names(cpu, err);
        if (r == 0 && cpu->check == VH_CPU_CHECK_PARTIAL && full->all)
                r = check_host(cpu, full, accel, host, err);
        if (r == 0)
                r = take_host(cpu, full, err);
        model = r == 0 ? vh_x86_model_find(cpu->model) : NULL;
        if (r == 0)
                r = settle_model(cpu, caps, accel, err);
        if (r < 0)
                return r;
        disable_removed(cpu, model);
        cpu->fallback = VH_CPU_FALLBACK_FORBID;
        return 0;
}

int qemu_guest_cpu_explain(VhDomainDef *def, const QemuCaps *caps, VhError **err)
{
        const QemuFullCpu *full = full_cpu(def, caps);
        VhCpu *cpu = def->cpu;
        int r;

        if (vh_cpu_family(def->os.arch) != VH_CPU_FAMILY_X86)
                return explain_foreign(def, err);
        if (!has_model(def) || (is_by_host(cpu) && !full->migratable))
                return 0;
        if (cpu->mode == VH_CPU_MODE_HOST_MODEL)
                cpu->fallback = VH_CPU_FALLBACK_ALLOW;
        r = check_names(cpu, NULL) < 0 ? 0 : take_host(cpu, full, err);
        disable_removed(cpu, cpu->model ? vh_x86_model_find(cpu->model) : NULL);
        return r;
}
