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

int qemu_build_machine(QemuBuild *b)
{
        const VhDomainDef *def = b->def;
        _vh_buf_ VhBuf opts = {};
        int r = check_machine(b);

        if (r < 0)
                return r;
        vh_buf_printf(&opts, "%s,usb=off", def->os.machine);
        add_features(&opts, def->features);
        add_ioapic(&opts, def->features);
        vh_buf_printf(&opts, ",dump-guest-core=%s", dumps_memory(b) ? "on" : "off");
        if (def->memory_backing && def->memory_backing->nosharepages)
                vh_buf_adds(&opts, ",mem-merge=off");
        add_nvdimm(&opts, def);
        add_memory_backend(b, &opts);
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
        if (hpet && hpet->present == VH_NO)
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
        if (qemu_domain_is_pc(def) && !(def->features && def->features->acpi))
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
