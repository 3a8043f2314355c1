/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine, its CPU and its clock may not be under QEMU. */

#include "guest-check.h"

#include <errno.h>
#include <unistd.h>

#include "guest-defaults.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

enum {
        /* Processors that the machines take. */
        I440FX_VCPUS_MAX = 255,
        Q35_VCPUS_MAX = 288,
        APIC_VCPUS_MAX = 255, /* that have numbers without x2APIC */
        FIRMWARE_EFI = 2,
        CACHE_PASSTHROUGH = 2,
        CACHE_LEVEL_3 = 3,
        PHYSADDR_EMULATE = 1,
        PHYSADDR_PASSTHROUGH = 2,
        TICK_DELAY = 1,
        TICK_CATCHUP = 2,
        TICK_MERGE = 3,
        TICK_DISCARD = 4,
        TRACK_BOOT = 1,
        SOURCE_ANONYMOUS = 2,
        SYSINFO_FWCFG = 2,
        LAUNCH_S390_PV = 2,
};

int qemu_check_emulator(const VhDomainDef *def, VhError **err)
{
        if (def->emulator && (*def->emulator != '/' || access(def->emulator, X_OK) < 0))
                return vh_error_sys(err, VIR_FROM_QEMU, *def->emulator == '/' ? errno : ENOENT,
                                    "Cannot check QEMU binary %s", def->emulator);
        return 0;
}

/* ---- processors and memory ---- */

static int check_vcpu_zero(const VhVcpu *v, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_QEMU, err,
                              { v->enabled == VH_NO, VIR_ERR_CONFIG_UNSUPPORTED, "vcpu 0 can't be offline" },
                              { v->hotpluggable == VH_YES, VIR_ERR_CONFIG_UNSUPPORTED, "vcpu0 can't be hotpluggable" },
                              { v->order > 1, VIR_ERR_CONFIG_UNSUPPORTED, "vcpu0 must be enabled first" }, );
}

/* Those that a machine has from the beginning come first. */
static int check_vcpu_order(VhVcpu *const *list, uint32_t i, VhError **err)
{
        const VhVcpu *v = list[i], *before = list[i - 1];
        bool from_start = v->enabled == VH_YES && v->hotpluggable == VH_NO;

        return VH_CHECK_RULES(VIR_FROM_QEMU, err,
                              { v->enabled == VH_YES && !v->order != !list[0]->order, VIR_ERR_CONFIG_UNSUPPORTED,
                                "all vcpus must have either set or unset order" },
                              { from_start && !v->order && before->hotpluggable == VH_YES, VIR_ERR_CONFIG_UNSUPPORTED,
                                "online non-hotpluggable vcpus need to be ordered prior to hotplugable vcpus" }, );
}

static int check_vcpu_list(const VhDomainDef *def, VhError **err)
{
        int r = def->vcpu_list.n ? check_vcpu_zero(def->vcpu_list.items[0], err) : 0;

        for (uint32_t i = 1; r == 0 && i < def->vcpu_list.n; i++)
                r = check_vcpu_order(def->vcpu_list.items, i, err);
        return r;
}

static int check_vcpus(const VhDomainDef *def, VhError **err)
{
        const uint32_t max = qemu_domain_is_q35(def) ? Q35_VCPUS_MAX : I440FX_VCPUS_MAX;
        const VhCpuTopology *t = def->cpu ? def->cpu->topology : NULL;
        int r;

        if (qemu_is_x86(def) && def->vcpus > max)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Maximum CPUs greater than specified machine type limit %u", max);
        if (qemu_is_x86(def) && def->vcpus > APIC_VCPUS_MAX && !(def->iommu && def->iommu->eim == VH_ON))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "more than %d vCPUs require extended interrupt mode enabled on the iommu device",
                                    APIC_VCPUS_MAX);
        r = check_vcpu_list(def, err);
        if (r < 0)
                return r;
        if (t && (uint64_t)t->sockets * t->dies * t->cores * t->threads != def->vcpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "CPU topology doesn't match maximum vcpu count");
        return 0;
}

static int check_cpu(const VhDomainDef *def, VhError **err)
{
        static const VhCpuCache no_cache;
        static const VhCpuMaxphysaddr no_bits;
        const VhCpuCache *cache = def->cpu->cache ? def->cpu->cache : &no_cache;
        const VhCpuMaxphysaddr *bits = def->cpu->maxphysaddr ? def->cpu->maxphysaddr : &no_bits;
        const bool host = def->cpu->mode == VH_CPU_MODE_HOST_PASSTHROUGH || def->cpu->mode == VH_CPU_MODE_MAXIMUM;
        const bool passed = cache->mode == CACHE_PASSTHROUGH;

        return QEMU_CHECK_RULES(
                err,
                { passed && !host, VIR_ERR_CONFIG_UNSUPPORTED,
                  "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs" },
                { passed && cache->level.set, VIR_ERR_CONFIG_UNSUPPORTED,
                  "unsupported CPU cache level for mode 'passthrough'" },
                { cache->mode && !passed && cache->level.set && cache->level.val != CACHE_LEVEL_3,
                  VIR_ERR_CONFIG_UNSUPPORTED, "CPU cache can only be emulated at level 3" },
                { bits->mode == PHYSADDR_EMULATE && !bits->bits, VIR_ERR_CONFIG_UNSUPPORTED,
                  "if using CPU maximum physical address mode='emulate', bits= must be specified too" },
                { bits->mode == PHYSADDR_PASSTHROUGH && bits->bits, VIR_ERR_CONFIG_UNSUPPORTED,
                  "CPU maximum physical address bits number specification cannot be used with mode='passthrough'" },
                { bits->mode == PHYSADDR_EMULATE && bits->limit, VIR_ERR_CONFIG_UNSUPPORTED,
                  "CPU maximum physical address limit can only be used with mode='passthrough'" }, );
}

static int check_memory(const VhDomainDef *def, VhError **err)
{
        const bool cells = def->cpu && def->cpu->numa && def->cpu->numa->cells.n;
        const VhMemoryBacking *backing = def->memory_backing;

        return QEMU_CHECK_RULES(err,
                                { backing && backing->hugepages && backing->source == SOURCE_ANONYMOUS,
                                  VIR_ERR_CONFIG_UNSUPPORTED,
                                  "hugepages are not allowed with anonymous memory source" },
                                { def->max_memory && !cells, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "At least one numa node has to be configured when enabling memory hotplug" },
                                { def->memtune && def->memtune->min_guarantee, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "Parameter 'min_guarantee' not supported by QEMU." },
                                { def->cputune && def->cputune->cachetunes.n && def->virt_type != VH_VIRT_KVM,
                                  VIR_ERR_CONFIG_UNSUPPORTED, "cachetune is only supported for KVM domains" },
                                { def->cputune && def->cputune->memorytunes.n && def->virt_type != VH_VIRT_KVM,
                                  VIR_ERR_CONFIG_UNSUPPORTED, "memorytune is only supported for KVM domains" }, );
}

/* ---- platform ---- */

/* A feature that only other machines have. */
static const char *foreign_feature(const VhDomainDef *def)
{
        const VhFeatures *f = def->features;

        if (f->gic && !qemu_platform_has(def, QEMU_HAS_GIC))
                return "gic";
        if (qemu_platform_has(def, QEMU_HAS_VIO))
                return NULL;
        return f->hpt          ? "hpt"
               : f->htm        ? "htm"
               : f->nested_hv  ? "nested-hv"
               : f->cfpc       ? "cfpc"
               : f->sbbc       ? "sbbc"
               : f->ibs        ? "ibs"
               : f->ccf_assist ? "ccf-assist"
                               : NULL;
}

static int check_features(const VhDomainDef *def, VhError **err)
{
        const VhFeatures *f = def->features;
        const char *foreign = foreign_feature(def);
        const uint64_t tseg = f->smm ? f->smm->tseg : 0;

        if (foreign)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "The '%s' feature is not supported for architecture '%s' or machine type '%s'",
                                    foreign, def->os.arch, def->os.machine);
        return QEMU_CHECK_RULES(
                err,
                { tseg && !qemu_domain_is_q35(def), VIR_ERR_CONFIG_UNSUPPORTED,
                  "SMM TSEG is only supported with q35 machine type" },
                { tseg % (1024 * 1024), VIR_ERR_CONFIG_UNSUPPORTED, "SMM TSEG size must be divisible by 1 MiB" }, );
}

static int check_firmware(const VhDomainDef *def, VhError **err)
{
        const VhOsLoader *loader = def->os.loader;
        const bool uefi = def->os.firmware == FIRMWARE_EFI || (loader && loader->type == VH_LOADER_PFLASH);
        const bool acpi = def->features && def->features->acpi;

        return QEMU_CHECK_RULES(err,
                                { qemu_is_x86(def) && uefi && !acpi, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "UEFI requires ACPI on this architecture" },
                                { vh_streq(def->os.arch, "aarch64") && acpi && !uefi, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "ACPI requires UEFI on this architecture" },
                                { !qemu_domain_is_pc(def) && def->pm_suspend_to_mem, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "setting ACPI S3 not supported" },
                                { !qemu_domain_is_pc(def) && def->pm_suspend_to_disk, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "setting ACPI S4 not supported" },
                                { loader && loader->secure == VH_YES && !qemu_domain_is_q35(def),
                                  VIR_ERR_CONFIG_UNSUPPORTED, "Secure boot is supported with q35 machine types only" },
                                { def->launch_security && def->launch_security->type == LAUNCH_S390_PV,
                                  VIR_ERR_CONFIG_UNSUPPORTED,
                                  "S390 PV launch security is not supported with this QEMU binary" }, );
}

static const char *tick_name(unsigned policy)
{
        static const char *const names[] = { "", "delay", "catchup", "merge", "discard" };

        return names[policy];
}

static int check_timer(const VhDomainDef *def, const VhTimer *t, VhError **err)
{
        const bool rtc = t->name == VH_TIMER_RTC, pit = t->name == VH_TIMER_PIT;

        if (t->name == VH_TIMER_ARMVTIMER)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Configuring the 'armvtimer' timer is not supported for virtType=%s arch=%s "
                                    "machine=%s guests",
                                    vh_xml_names_text(&vh_virt_type_names, def->virt_type), def->os.arch,
                                    def->os.machine);
        return QEMU_CHECK_RULES(err,
                                { t->name == VH_TIMER_PLATFORM, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "unsupported timer type (name) '", "platform", "'" },
                                { rtc && t->track == TRACK_BOOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "unsupported rtc timer track '", "boot", "'" },
                                { rtc && (t->tickpolicy == TICK_MERGE || t->tickpolicy == TICK_DISCARD),
                                  VIR_ERR_CONFIG_UNSUPPORTED, "unsupported rtc timer tickpolicy '",
                                  tick_name(t->tickpolicy), "'" },
                                { pit && t->tickpolicy == TICK_MERGE, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "unsupported pit tickpolicy '", tick_name(t->tickpolicy), "'" }, );
}

static int check_timers(const VhDomainDef *def, VhError **err)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->clock.timers.n; i++)
                r = check_timer(def, def->clock.timers.items[i], err);
        return r;
}

/* ---- life cycle, identity towards the guest ---- */

static bool is_action(const VhDomainDef *def, VhLifecycle action)
{
        return def->on_poweroff == action || def->on_reboot == action;
}

int qemu_check_life_cycle(const VhDomainDef *def, VhError **err)
{
        return QEMU_CHECK_RULES(
                err,
                { is_action(def, VH_LIFECYCLE_RENAME_RESTART) || def->on_crash == VH_LIFECYCLE_RENAME_RESTART,
                  VIR_ERR_CONFIG_UNSUPPORTED,
                  "qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'" },
                { is_action(def, VH_LIFECYCLE_PRESERVE), VIR_ERR_CONFIG_UNSUPPORTED,
                  "qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'" },
                { def->on_poweroff == VH_LIFECYCLE_RESTART && def->on_reboot == VH_LIFECYCLE_DESTROY,
                  VIR_ERR_CONFIG_UNSUPPORTED,
                  "qemu driver doesn't support 'onReboot' set to 'destroy and 'onPoweroff' set to 'reboot'" }, );
}

/* QEMU keeps other names for itself. */
static bool is_fwcfg_name(const char *name)
{
        return vh_startswith(name, "opt/") && !vh_startswith(name, "opt/ovmf/") &&
               !vh_startswith(name, "opt/org.qemu/");
}

static int check_fwcfg(const VhSysinfo *s, VhError **err)
{
        for (uint32_t i = 0; s->type == SYSINFO_FWCFG && i < s->entries.n; i++)
                if (!s->entries.items[i]->name || !is_fwcfg_name(s->entries.items[i]->name))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "Invalid firmware name");
        return 0;
}

static int check_identity(const VhDomainDef *def, VhError **err)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->sysinfos.n; i++)
                r = check_fwcfg(def->sysinfos.items[i], err);
        return r;
}

int qemu_check_machine(const VhDomainDef *def, VhError **err)
{
        static int (*const checks[])(const VhDomainDef *def, VhError **err) = {
                check_vcpus, check_memory, check_firmware, check_timers, qemu_check_life_cycle, check_identity,
        };
        int r = def->features ? check_features(def, err) : 0;

        if (r == 0 && def->cpu)
                r = check_cpu(def, err);
        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](def, err);
        return r;
}
