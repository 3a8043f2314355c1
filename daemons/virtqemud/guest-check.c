/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the devices of a guest may not be towards each other, and the order of all checks. */

#include "guest-check.h"

#include "guest-defaults.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

enum {
        ACCESS_SHARED = 1,
        SPAPR_TPM_PROXY = 4,
        VIRTIO_SERIAL_PORTS = 31, /* of a controller that does not say how many */
};

bool qemu_def_memory_is_shared(const VhDomainDef *def)
{
        const VhNuma *numa = def->cpu ? def->cpu->numa : NULL;

        for (uint32_t i = 0; numa && i < numa->cells.n; i++)
                if (numa->cells.items[i]->mem_access == ACCESS_SHARED)
                        return true;
        return def->memory_backing && def->memory_backing->access == ACCESS_SHARED;
}

/* ---- addresses ---- */

static int check_serial_port(const VhDomainDef *def, const VhAddress *a, VhError **err)
{
        const VhController *c =
                vh_domain_find_controller(def, VH_CONTROLLER_VIRTIO_SERIAL, a->virtio_serial.controller);
        uint32_t ports = c && c->ports.set ? c->ports.val : VIRTIO_SERIAL_PORTS;

        if (a->virtio_serial.port < ports)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                            "virtio serial controller %u does not have port %u", a->virtio_serial.controller,
                            a->virtio_serial.port);
}

/* Deeper parts of a port belong to hubs. */
static int check_usb_port(const VhDomainDef *def, const VhAddress *a, VhError **err)
{
        if (!vh_domain_find_controller(def, VH_CONTROLLER_USB, a->usb.bus))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "Missing USB bus %u", a->usb.bus);
        if (strtoul(a->usb.port, NULL, 10) > qemu_usb_bus_ports(def, a->usb.bus))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "requested USB port %s not present on USB bus %u", a->usb.port, a->usb.bus);
        return 0;
}

static bool same_usb(const VhAddress *a, const VhAddress *b)
{
        return a->usb.bus == b->usb.bus && vh_streq(a->usb.port, b->usb.port);
}

static bool same_serial_port(const VhAddress *a, const VhAddress *b)
{
        return a->virtio_serial.controller == b->virtio_serial.controller &&
               a->virtio_serial.bus == b->virtio_serial.bus && a->virtio_serial.port == b->virtio_serial.port;
}

typedef struct AddressCheck {
        const VhDomainDef *def;
        const VhDeviceInfo **seen;
        uint32_t n;
        VhError **err;
} AddressCheck;

static int check_against(const AddressCheck *check, const VhAddress *a)
{
        for (uint32_t i = 0; i < check->n; i++) {
                const VhAddress *b = &check->seen[i]->address;

                if (a->type != b->type)
                        continue;
                if (a->type == VH_ADDRESS_USB && *a->usb.port && same_usb(a, b))
                        return vh_error_set(check->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Duplicate USB address bus %u port %s", a->usb.bus, a->usb.port);
                if (a->type == VH_ADDRESS_VIRTIO_SERIAL && same_serial_port(a, b))
                        return vh_error_set(check->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "virtio serial port %u on controller %u is already occupied",
                                            a->virtio_serial.port, a->virtio_serial.controller);
        }
        return 0;
}

static int check_address(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        AddressCheck *check = opaque;
        const VhAddress *a = info ? &info->address : NULL;
        int r = 0;

        /* A paired console shows the serial port's address once more. */
        if (!a || kind == VH_DEVICE_CONSOLE)
                return 0;
        if (a->type == VH_ADDRESS_PCI && a->pci.domain)
                return vh_error_set(check->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "Invalid PCI address %04x:%02x:%02x.%u. Only PCI domain 0 is available",
                                    a->pci.domain, a->pci.bus, a->pci.slot, a->pci.function);
        if (a->type == VH_ADDRESS_USB)
                r = check_usb_port(check->def, a, check->err);
        if (a->type == VH_ADDRESS_VIRTIO_SERIAL)
                r = check_serial_port(check->def, a, check->err);
        if (r == 0)
                r = check_against(check, a);
        check->seen = vh_xrealloc(check->seen, check->n + 1, sizeof(*check->seen));
        check->seen[check->n++] = info;
        return r;
}

static int check_addresses(const VhDomainDef *def, VhError **err)
{
        AddressCheck check = { .def = def, .err = err };
        int r = vh_domain_each_device(def, check_address, &check);

        free(check.seen);
        return r;
}

/* ---- devices of which QEMU has one ---- */

static int check_tpms(const VhDomainDef *def, VhError **err)
{
        uint32_t chips = 0;

        for (uint32_t i = 0; i < def->tpms.n; i++)
                chips += def->tpms.items[i]->model != SPAPR_TPM_PROXY;
        return QEMU_CHECK_RULES(
                err, { chips > 1, VIR_ERR_CONFIG_UNSUPPORTED, "only a single TPM non-proxy device is supported" }, );
}

static int check_displays(const VhDomainDef *def, VhError **err)
{
        uint32_t gl = 0, spice = 0, spicevmc = 0;

        for (uint32_t i = 0; i < def->graphics.n; i++) {
                const VhGraphics *g = def->graphics.items[i];

                gl += g->gl == VH_YES || g->type == VH_GRAPHICS_EGL_HEADLESS;
                spice += g->type == VH_GRAPHICS_SPICE;
        }
        for (uint32_t i = 0; i < def->channels.n; i++)
                spicevmc += def->channels.items[i]->source.type == VH_CHR_SPICEVMC;
        return QEMU_CHECK_RULES(
                err, { gl > 1, VIR_ERR_CONFIG_UNSUPPORTED, "multiple OpenGL displays are not supported by QEMU" },
                { spicevmc && !spice, VIR_ERR_CONFIG_UNSUPPORTED,
                  "chardev 'spicevmc' not supported without spice graphics" }, );
}

/* Models that only the first display may have: QEMU has no second device of the kind. */
static int check_secondary_videos(const VhDomainDef *def, VhError **err)
{
        static const char *const primary_only[VH_VIDEO_RAMFB + 1] = {
                [VH_VIDEO_VGA] = "vga",     [VH_VIDEO_CIRRUS] = "cirrus", [VH_VIDEO_VMVGA] = "vmvga",
                [VH_VIDEO_BOCHS] = "bochs", [VH_VIDEO_RAMFB] = "ramfb",
        };

        for (uint32_t i = 0; i < def->videos.n; i++) {
                const VhVideo *v = def->videos.items[i];

                if (v->primary != VH_YES && i > 0 && primary_only[v->type])
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "video type '%s' is only valid as primary video device",
                                            primary_only[v->type]);
        }
        return 0;
}

static int check_counts(const VhDomainDef *def, VhError **err)
{
        return QEMU_CHECK_RULES(err,
                                { def->smartcards.n > 1, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "this QEMU binary lacks multiple smartcard support" },
                                { def->nvram_device && !qemu_platform_has(def, QEMU_HAS_VIO),
                                  VIR_ERR_CONFIG_UNSUPPORTED, "nvram device is only supported for PPC64" },
                                { def->memdevs.n && !def->max_memory, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "cannot use/hotplug a memory device when domain 'maxMemory' is not defined" }, );
}

static int check_slot(const VhDomainDef *def, uint32_t i, VhError **err)
{
        const VhAddress *a = &def->memdevs.items[i]->info.address;

        if (a->type != VH_ADDRESS_DIMM || !a->dimm.slot.set)
                return 0;
        if (a->dimm.slot.val >= def->memory_slots)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "memory device slot '%u' exceeds slots count '%u'", a->dimm.slot.val,
                                    def->memory_slots);
        for (uint32_t k = 0; k < i; k++) {
                const VhAddress *other = &def->memdevs.items[k]->info.address;

                if (other->type == VH_ADDRESS_DIMM && other->dimm.slot.set && other->dimm.slot.val == a->dimm.slot.val)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "memory device slot '%u' is already being used by another memory device",
                                            a->dimm.slot.val);
        }
        return 0;
}

static int check_slots(const VhDomainDef *def, VhError **err)
{
        enum { NVDIMM = 2 };
        uint32_t dimms = 0;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->memdevs.n; i++) {
                dimms += def->memdevs.items[i]->model <= NVDIMM;
                r = check_slot(def, i, err);
        }
        if (r == 0 && dimms > def->memory_slots)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "failed to find an empty memory slot");
        return r;
}

typedef struct DeviceCheck {
        const VhDomainDef *def;
        VhError **err;
} DeviceCheck;

static int check_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const DeviceCheck *check = opaque;

        return kind == VH_DEVICE_DISK ? qemu_check_disk(check->def, dev, check->err)
                                      : qemu_check_device(check->def, kind, dev, check->err);
}

static int check_devices(const VhDomainDef *def, VhError **err)
{
        DeviceCheck check = { def, err };

        return vh_domain_each_device(def, check_device, &check);
}

int qemu_domain_check(const VhDomainDef *def, VhError **err)
{
        static int (*const checks[])(const VhDomainDef *def, VhError **err) = {
                qemu_check_machine, check_counts,           check_slots,   check_tpms,
                check_displays,     check_secondary_videos, check_devices, check_addresses,
        };
        int r = qemu_check_emulator(def, err);

        /* The odd machines of x86 are passed to QEMU as they are. */
        for (size_t i = 0; r == 0 && (qemu_domain_is_pc(def) || !qemu_is_x86(def)) && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](def, err);
        return r;
}
