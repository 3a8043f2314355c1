/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine: its type and switches, firmware, accelerator, clock, power, and how it boots. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "command-parts.h"
#include "guest-defaults.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

static const char *const firmware_formats[] = { "raw", "raw", "qcow2" };

static bool has_pflash(const VhDomainDef *def)
{
        return def->os.loader && def->os.loader->type == VH_LOADER_PFLASH && def->os.loader->path;
}

static bool has_nvram(const VhDomainDef *def)
{
        return has_pflash(def) && def->os.nvram && (def->os.nvram->path || def->os.nvram->source.type);
}

/* ---- firmware in flash ---- */

static void flash_layer(QemuBuild *b, unsigned unit, bool readonly, uint8_t format)
{
        json_t *o = json_object();

        qj_fmt(o, "node-name", "libvirt-pflash%u-format", unit);
        json_object_set_new(o, "read-only", json_boolean(readonly));
        qj_str(o, "driver", firmware_formats[format]);
        qj_fmt(o, "file", "libvirt-pflash%u-storage", unit);
        qemu_build_json(b, "-blockdev", o);
}

static void flash_file(QemuBuild *b, unsigned unit, const char *path)
{
        json_t *o = json_object();

        qj_str(o, "driver", "file");
        qj_str(o, "filename", path);
        qj_fmt(o, "node-name", "libvirt-pflash%u-storage", unit);
        qj_true(o, "auto-read-only", true);
        qj_str(o, "discard", "unmap");
        qemu_build_json(b, "-blockdev", o);
}

static int flash_nvram(QemuBuild *b)
{
        const VhOsNvram *nvram = b->def->os.nvram;
        const char *path = nvram->path ? nvram->path : nvram->source.path;
        QemuBlockLayers layers = {};
        int r;

        if (nvram->source.type != VH_DISK_TYPE_NETWORK) {
                flash_file(b, 1, path);
                flash_layer(b, 1, false, nvram->format);
                return 0;
        }
        r = qemu_block_layers(b, NULL, &nvram->source, &layers);
        if (r == 0) {
                qj_str(layers.storage, "node-name", "libvirt-pflash1-storage");
                qemu_build_json(b, "-blockdev", VH_TAKE_PTR(layers.storage));
                flash_layer(b, 1, false, nvram->format);
        }
        qemu_block_layers_done(&layers);
        return r;
}

int qemu_build_pflash(QemuBuild *b)
{
        const VhOsLoader *loader = b->def->os.loader;

        if (!has_pflash(b->def))
                return 0;
        flash_file(b, 0, loader->path);
        flash_layer(b, 0, loader->readonly == VH_YES, loader->format);
        return has_nvram(b->def) ? flash_nvram(b) : 0;
}

/* ---- the machine and its switches ---- */

static void add_switch(VhBuf *opts, const char *key, uint8_t state)
{
        if (state)
                vh_buf_printf(opts, ",%s=%s", key, state == VH_ON ? "on" : "off");
}

static void add_features(VhBuf *opts, const VhFeatures *f)
{
        enum { IOAPIC_QEMU = 1, IOAPIC_KVM = 2 };

        if (!f)
                return;
        if (f->vmport)
                add_switch(opts, "vmport", f->vmport->state);
        if (f->smm)
                add_switch(opts, "smm", f->smm->state);
}

static void add_level(VhBuf *opts, const char *key, const VhFeatureLevel *level)
{
        static const char *const words[] = {
                NULL, "broken", "workaround", "fixed", "fixed-ibs", "fixed-ccd", "fixed-na"
        };

        if (level && level->value)
                vh_buf_printf(opts, ",%s=%s", key, words[level->value]);
}

static void add_feature(VhBuf *opts, const char *key, const VhFeatureSwitch *feature)
{
        if (feature)
                add_switch(opts, key, feature->state);
}

/* What pSeries machines have. */
static void add_capabilities(VhBuf *opts, const VhFeatures *f)
{
        static const char *const resizing[] = { NULL, "enabled", "disabled", "required" };

        if (f->hpt && f->hpt->resizing)
                vh_buf_printf(opts, ",resize-hpt=%s", resizing[f->hpt->resizing]);
        if (f->hpt && f->hpt->maxpagesize)
                vh_buf_printf(opts, ",cap-hpt-max-page-size=%" PRIu64 "k", f->hpt->maxpagesize);
        add_feature(opts, "cap-htm", f->htm);
        add_feature(opts, "cap-nested-hv", f->nested_hv);
        add_feature(opts, "cap-ccf-assist", f->ccf_assist);
        add_level(opts, "cap-cfpc", f->cfpc);
        add_level(opts, "cap-sbbc", f->sbbc);
        add_level(opts, "cap-ibs", f->ibs);
}

/* QEMU for 32 bits has the oldest, and is not asked. */
static int add_gic(QemuBuild *b, VhBuf *opts)
{
        enum { GIC_2 = 2 };
        static const char *const versions[] = { NULL, "host", "2", "3" };
        const VhFeatures *f = b->def->features;
        bool asked = vh_streq(b->def->os.arch, "aarch64");

        if (f && f->gic && f->gic->version && f->gic->version != GIC_2 && !asked)
                return qemu_unsupported(b, "gic-version option is not available with this QEMU binary");
        if (f && f->gic && f->gic->version && asked)
                vh_buf_printf(opts, ",gic-version=%s", versions[f->gic->version]);
        return 0;
}

static void add_iommu(VhBuf *opts, const VhDomainDef *def)
{
        enum { IOMMU_SMMUV3 = 2 };

        if (def->iommu && def->iommu->model == IOMMU_SMMUV3)
                vh_buf_adds(opts, ",iommu=smmuv3");
}

/* Keys that the machine wraps for the guest. */
static void add_keywrap(VhBuf *opts, const VhDomainDef *def)
{
        static const char *const names[] = { NULL, "aes", "dea" };

        for (uint32_t i = 0; i < def->keywrap.n; i++) {
                const VhKeywrapCipher *c = def->keywrap.items[i];

                vh_buf_printf(opts, ",%s-key-wrap=%s", names[c->name], c->state == VH_ON ? "on" : "off");
        }
}

/* What the machine's loader is told of the device that it boots from. */
static int find_loadparm(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const VhDeviceInfo **first = opaque;

        if (info && info->boot_order && (!*first || info->boot_order < (*first)->boot_order))
                *first = info;
        return 0;
}

static void add_loadparm(VhBuf *opts, const VhDomainDef *def)
{
        const VhDeviceInfo *first = NULL;

        if (!qemu_platform_has(def, QEMU_HAS_CCW))
                return;
        vh_domain_each_device(def, find_loadparm, &first);
        if (first && first->loadparm)
                vh_buf_printf(opts, ",loadparm=%s", first->loadparm);
}

static void add_ioapic(VhBuf *opts, const VhFeatures *f)
{
        enum { IOAPIC_QEMU = 1, IOAPIC_KVM = 2 };

        if (f && f->ioapic)
                vh_buf_printf(opts, ",kernel_irqchip=%s", f->ioapic->driver == IOAPIC_KVM ? "on" : "split");
}

/* Memory that QEMU allocates as one piece has a name that migration knows. */
static void add_memory_backend(QemuBuild *b, VhBuf *opts)
{
        const QemuMachine *machine = b->caps ? qemu_caps_machine(b->caps, b->def->os.machine) : NULL;
        const char *ram = machine ? machine->default_ram_id : qemu_domain_is_pc(b->def) ? "pc.ram" : NULL;

        if (ram && (!b->def->cpu || !b->def->cpu->numa || !b->def->cpu->numa->cells.n))
                vh_buf_printf(opts, ",memory-backend=%s", ram);
}

static void add_nvdimm(VhBuf *opts, const VhDomainDef *def)
{
        enum { MODEL_NVDIMM = 2 };

        for (uint32_t i = 0; i < def->memdevs.n; i++)
                if (def->memdevs.items[i]->model == MODEL_NVDIMM) {
                        vh_buf_adds(opts, ",nvdimm=on");
                        return;
                }
}

static void add_numa_hmat(VhBuf *opts, const VhDomainDef *def)
{
        const VhNuma *numa = def->cpu ? def->cpu->numa : NULL;
        bool hmat = numa && (numa->latencies.n || numa->bandwidths.n);

        for (uint32_t i = 0; numa && i < numa->cells.n; i++)
                hmat |= numa->cells.items[i]->caches.n > 0;
        if (hmat)
                vh_buf_adds(opts, ",hmat=on");
}

static bool dumps_memory(const QemuBuild *b)
{
        bool dump = false;

        if (b->def->memory_dump)
                return b->def->memory_dump == VH_ON;
        if (b->launch->conf)
                (void)vh_conf_get_bool(b->launch->conf, "dump_guest_core", &dump, NULL);
        return dump;
}

static int check_machine(const QemuBuild *b)
{
        if (b->caps && b->caps->n_machines && !qemu_caps_machine(b->caps, b->def->os.machine))
                return qemu_unsupported(b, "Emulator '%s' does not support machine type '%s'", b->def->emulator,
                                        b->def->os.machine);
        return 0;
}

/* Properties of the chip set that are set for the class, not for a device. */
static void add_globals(QemuBuild *b)
{
        const VhFeatures *f = b->def->features;

        if (f && f->smm && f->smm->tseg)
                qemu_build_arg(b, "-global", "mch.extended-tseg-mbytes=%" PRIu64, f->smm->tseg >> 20);
}

/* A virtio device on a board without a bus for it: QEMU would have to guess. */
static int find_lost(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const QemuBuild *b = opaque;

        if (!info || info->address.type != VH_ADDRESS_NONE || !qemu_is_virtio(kind, dev))
                return 0;
        return qemu_unsupported(b, "machine type '%s' has no bus for the virtio device '%s'", b->def->os.machine,
                                info->alias);
}

static int check_buses(QemuBuild *b)
{
        const bool none = !qemu_platform_has(b->def, QEMU_HAS_PCI | QEMU_HAS_CCW | QEMU_HAS_MMIO | QEMU_MISSES_PCI);

        return none ? vh_domain_each_device(b->def, find_lost, b) : 0;
}

int qemu_build_machine(QemuBuild *b)
{
        const VhDomainDef *def = b->def;
        _vh_buf_ VhBuf opts = {};
        int r = check_machine(b);

        r = r < 0 ? r : check_buses(b);
        if (r < 0)
                return r;
        vh_buf_printf(&opts, "%s,usb=off", def->os.machine);
        add_keywrap(&opts, def);
        add_features(&opts, def->features);
        r = add_gic(b, &opts);
        if (r < 0)
                return r;
        add_iommu(&opts, def);
        if (def->features)
                add_capabilities(&opts, def->features);
        add_ioapic(&opts, def->features);
        vh_buf_printf(&opts, ",dump-guest-core=%s", dumps_memory(b) ? "on" : "off");
        if (def->memory_backing && def->memory_backing->nosharepages)
                vh_buf_adds(&opts, ",mem-merge=off");
        add_nvdimm(&opts, def);
        add_memory_backend(b, &opts);
        add_loadparm(&opts, def);
        if (has_pflash(def))
                vh_buf_adds(&opts, ",pflash0=libvirt-pflash0-format");
        if (has_nvram(def))
                vh_buf_adds(&opts, ",pflash1=libvirt-pflash1-format");
        add_numa_hmat(&opts, def);
        if (def->os.bios_useserial == VH_YES)
                vh_buf_adds(&opts, ",graphics=off");
        if (def->launch_security)
                vh_buf_adds(&opts, ",confidential-guest-support=lsec0");
        qemu_build_arg(b, "-machine", "%s", opts.data);
        return 0;
}

int qemu_build_accel(QemuBuild *b)
{
        const VhFeatures *f = b->def->features;
        bool kvm = b->def->virt_type == VH_VIRT_KVM;
        _vh_buf_ VhBuf opts = {};

        if (kvm && b->caps && !b->caps->accels[QEMU_ACCEL_KVM])
                return qemu_unsupported(b, "Emulator '%s' does not support virt type 'kvm'", b->def->emulator);
        vh_buf_adds(&opts, kvm ? "kvm" : "tcg");
        if (kvm && f && f->kvm && f->kvm->dirty_ring == VH_ON)
                vh_buf_printf(&opts, ",dirty-ring-size=%u", f->kvm->dirty_ring_size);
        if (!kvm && f && f->tcg && f->tcg->tb_cache)
                vh_buf_printf(&opts, ",tb-size=%" PRIu64, f->tcg->tb_cache >> 10);
        qemu_build_arg(b, "-accel", "%s", opts.data);
        add_globals(b);
        return 0;
}

/* Firmware as a file, and what protects the one in flash. */
int qemu_build_firmware(QemuBuild *b)
{
        const VhOsLoader *loader = b->def->os.loader;

        if (loader && loader->secure == VH_YES)
                qemu_build_arg(b, "-global", "driver=cfi.pflash01,property=secure,value=on");
        if (loader && loader->path && loader->type != VH_LOADER_PFLASH)
                qemu_build_arg(b, "-bios", "%s", loader->path);
        return 0;
}

/* ---- clock ---- */

static const VhTimer *find_timer(const VhDomainDef *def, VhTimerName name)
{
        for (uint32_t i = 0; i < def->clock.timers.n; i++)
                if (def->clock.timers.items[i]->name == name)
                        return def->clock.timers.items[i];
        return NULL;
}

/* Seconds that the guest's clock is ahead of the host's. */
static int64_t clock_offset(const VhClock *clock)
{
        int64_t seconds = 0;

        if (clock->adjustment)
                (void)vh_parse_i64(clock->adjustment, 10, &seconds);
        return seconds;
}

static void format_base(VhBuf *opts, time_t when)
{
        struct tm tm;
        char text[sizeof("9999-12-31T23:59:59")];

        gmtime_r(&when, &tm);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        vh_buf_printf(opts, "base=%s", text);
}

static void rtc_base(VhBuf *opts, const VhClock *clock)
{
        enum { BASIS_LOCALTIME = 2 };
        time_t now = time(NULL);
        struct tm local;

        switch (clock->offset) {
        case VH_CLOCK_LOCALTIME:
        case VH_CLOCK_TIMEZONE:
                vh_buf_adds(opts, "base=localtime");
                break;
        case VH_CLOCK_VARIABLE:
                if (clock->basis == BASIS_LOCALTIME && localtime_r(&now, &local))
                        now += local.tm_gmtoff;
                format_base(opts, now + clock_offset(clock));
                break;
        case VH_CLOCK_ABSOLUTE:
                format_base(opts, (time_t)clock->start.val);
                break;
        default:
                vh_buf_adds(opts, "base=utc");
        }
}

static void rtc_timer(VhBuf *opts, const VhTimer *rtc)
{
        enum { TRACK_BOOT = 1, TRACK_GUEST, TRACK_WALL, TICK_CATCHUP = 2 };

        if (!rtc)
                return;
        if (rtc->track == TRACK_GUEST)
                vh_buf_adds(opts, ",clock=vm");
        else if (rtc->track == TRACK_WALL)
                vh_buf_adds(opts, ",clock=host");
        if (rtc->tickpolicy == TICK_CATCHUP)
                vh_buf_adds(opts, ",driftfix=slew");
}

static int check_timer(const QemuBuild *b, const VhTimer *t)
{
        if (t->name == VH_TIMER_PLATFORM)
                return qemu_unsupported(b, "unsupported timer type (name) 'platform'");
        return 0;
}

int qemu_build_clock(QemuBuild *b)
{
        enum { TICK_DELAY = 1, TICK_CATCHUP, TICK_MERGE, TICK_DISCARD };
        const VhTimer *pit = find_timer(b->def, VH_TIMER_PIT), *hpet = find_timer(b->def, VH_TIMER_HPET);
        _vh_buf_ VhBuf rtc = {};

        for (uint32_t i = 0; i < b->def->clock.timers.n; i++) {
                int r = check_timer(b, b->def->clock.timers.items[i]);

                if (r < 0)
                        return r;
        }
        rtc_base(&rtc, &b->def->clock);
        rtc_timer(&rtc, find_timer(b->def, VH_TIMER_RTC));
        qemu_build_arg(b, "-rtc", "%s", rtc.data);
        if (b->def->clock.offset == VH_CLOCK_TIMEZONE && b->def->clock.timezone)
                qemu_command_setenv(b->cmd, "TZ", b->def->clock.timezone);
        if (pit && (pit->tickpolicy == TICK_DELAY || pit->tickpolicy == TICK_DISCARD))
                qemu_build_arg(b, "-global", "kvm-pit.lost_tick_policy=%s",
                               pit->tickpolicy == TICK_DELAY ? "delay" : "discard");
        if (hpet && hpet->present == VH_NO && qemu_is_x86(b->def))
                qemu_command_add(b->cmd, "-no-hpet");
        return 0;
}

/* ---- power and boot ---- */

static void pm_global(QemuBuild *b, const char *what, uint8_t state)
{
        if (state)
                qemu_build_arg(b, "-global", "%s.disable_%s=%d", qemu_domain_is_q35(b->def) ? "ICH9-LPC" : "PIIX4_PM",
                               what, state == VH_NO);
}

/* Every end of a guest is ours to see: QEMU stays, stopped, unless all of them mean the end anyway. */
int qemu_build_power(QemuBuild *b)
{
        const VhDomainDef *def = b->def;
        const VhController *c;
        bool hotplug_bridges = true;

        qemu_command_add(b->cmd, "-no-shutdown");
        if (qemu_platform_has(def, QEMU_HAS_ACPI_SWITCH) && !(def->features && def->features->acpi))
                qemu_command_add(b->cmd, "-no-acpi");
        pm_global(b, "s3", def->pm_suspend_to_mem);
        pm_global(b, "s4", def->pm_suspend_to_disk);
        c = vh_domain_find_controller(def, VH_CONTROLLER_PCI, 0);
        if (c && c->hotplug == VH_OFF)
                hotplug_bridges = false;
        if (!hotplug_bridges)
                qemu_build_arg(b, "-global", "PIIX4_PM.acpi-root-pci-hotplug=off");
        return 0;
}

int qemu_build_boot(QemuBuild *b)
{
        const VhDomainOs *os = &b->def->os;
        _vh_buf_ VhBuf opts = {};

        if (os->bootmenu)
                vh_buf_printf(&opts, "menu=%s,", os->bootmenu == VH_YES ? "on" : "off");
        if (os->bios_reboot_timeout.set)
                vh_buf_printf(&opts, "reboot-timeout=%d,", os->bios_reboot_timeout.val);
        if (os->bootmenu == VH_YES && os->bootmenu_timeout.set)
                vh_buf_printf(&opts, "splash-time=%u,", os->bootmenu_timeout.val);
        vh_buf_adds(&opts, "strict=on");
        qemu_build_arg(b, "-boot", "%s", opts.data);
        return 0;
}

int qemu_build_kernel(QemuBuild *b)
{
        const VhDomainOs *os = &b->def->os;
        const struct {
                const char *option, *value;
        } args[] = {
                { "-kernel", os->kernel }, { "-initrd", os->initrd }, { "-append", os->cmdline }, { "-dtb", os->dtb }
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(args); i++)
                if (args[i].value)
                        qemu_build_arg(b, args[i].option, "%s", args[i].value);
        for (uint32_t i = 0; i < os->acpi_tables.n; i++) {
                _vh_buf_ VhBuf file = {};

                qemu_opt_escape(&file, os->acpi_tables.items[i]->text);
                qemu_build_arg(b, "-acpitable", "sig=SLIC,file=%s", file.data);
        }
        return 0;
}
