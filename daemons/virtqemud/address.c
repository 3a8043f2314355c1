/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where devices of a guest sit, as QEMU is told. */

#include <errno.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-defaults.h"

char *qemu_controller_alias(const VhDomainDef *def, VhControllerType type, uint32_t index)
{
        const VhController *c = vh_domain_find_controller(def, type, index);

        return c ? vh_xstrdup(c->info.alias) : NULL;
}

static int pci_props(const QemuBuild *b, const VhDeviceInfo *info, json_t *props)
{
        const VhPciAddress *pci = &info->address.pci;
        const VhController *c = vh_domain_find_controller(b->def, VH_CONTROLLER_PCI, pci->bus);

        if (!c || !c->info.alias)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Could not find PCI controller with index %u required for device at address "
                                    "%04x:%02x:%02x.%u",
                                    pci->bus, pci->domain, pci->bus, pci->slot, pci->function);
        if (c->model == VH_CTRL_PCI_ROOT && c->index.val)
                qj_fmt(props, "bus", "%s.0", c->info.alias); /* the bus of a host bridge */
        else
                qj_str(props, "bus", c->info.alias);
        qj_switch(props, "multifunction", pci->multifunction);
        if (pci->function)
                qj_fmt(props, "addr", "0x%x.0x%x", pci->slot, pci->function);
        else
                qj_fmt(props, "addr", "0x%x", pci->slot);
        qj_uint(props, "acpi-index", info->acpi_index);
        return 0;
}

static int usb_props(const QemuBuild *b, const VhAddress *a, json_t *props)
{
        _vh_free_ char *bus = qemu_controller_alias(b->def, VH_CONTROLLER_USB, a->usb.bus);

        if (!bus)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "could not find USB controller with index %u", a->usb.bus);
        qj_fmt(props, "bus", "%s.0", bus);
        if (a->usb.port[0])
                qj_str(props, "port", a->usb.port);
        return 0;
}

int qemu_address_props(const QemuBuild *b, const VhDeviceInfo *info, json_t *props)
{
        const VhAddress *a = &info->address;
        _vh_free_ char *bus = NULL;

        switch (a->type) {
        case VH_ADDRESS_PCI:
                return pci_props(b, info, props);
        case VH_ADDRESS_USB:
                return usb_props(b, a, props);
        case VH_ADDRESS_ISA:
                qj_opt(props, "iobase", a->isa.iobase);
                qj_opt(props, "irq", a->isa.irq);
                return 0;
        case VH_ADDRESS_VIRTIO_SERIAL:
                bus = qemu_controller_alias(b->def, VH_CONTROLLER_VIRTIO_SERIAL, a->virtio_serial.controller);
                if (!bus)
                        return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "virtio serial device has invalid controller %u",
                                            a->virtio_serial.controller);
                qj_fmt(props, "bus", "%s.%u", bus, a->virtio_serial.bus);
                qj_int(props, "nr", a->virtio_serial.port);
                return 0;
        case VH_ADDRESS_SPAPR_VIO:
                if (a->spapr.reg.set)
                        qj_int(props, "reg", (json_int_t)a->spapr.reg.val);
                return 0;
        case VH_ADDRESS_CCW:
                qj_fmt(props, "devno", "%x.%x.%04x", a->ccw.cssid.val, a->ccw.ssid.val, a->ccw.devno.val);
                return 0;
        case VH_ADDRESS_CCID:
                qj_fmt(props, "bus", "ccid%u.0", a->ccid.controller);
                return 0;
        case VH_ADDRESS_DIMM:
                qj_opt(props, "slot", a->dimm.slot);
                if (a->dimm.base.set)
                        qj_int(props, "addr", (json_int_t)a->dimm.base.val);
                return 0;
        default:
                return 0;
        }
}

/* ---- boot order ---- */

static const VhDeviceInfo *first_disk(const VhDomainDef *def, VhBootDev dev)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                VhBootDev is = disk->device == VH_DISK_DEVICE_CDROM    ? VH_BOOT_CDROM
                               : disk->device == VH_DISK_DEVICE_FLOPPY ? VH_BOOT_FD
                                                                       : VH_BOOT_HD;

                if (is == dev)
                        return &disk->info;
        }
        return NULL;
}

static const VhDeviceInfo *boot_device(const VhDomainDef *def, VhBootDev dev)
{
        if (dev == VH_BOOT_NETWORK)
                return def->nets.n ? &def->nets.items[0]->info : NULL;
        return first_disk(def, dev);
}

uint32_t qemu_boot_index(const QemuBuild *b, const VhDeviceInfo *info)
{
        if (info->boot_order)
                return info->boot_order;
        for (uint32_t i = 0; i < b->def->os.boots.n; i++)
                if (boot_device(b->def, b->def->os.boots.items[i]->dev) == info)
                        return i + 1;
        return 0;
}

/* ---- what many devices have ---- */

void qemu_virtio_props(const VhVirtioOpts *opts, json_t *props)
{
        qj_switch(props, "iommu_platform", opts->iommu);
        qj_switch(props, "ats", opts->ats);
        qj_switch(props, "packed", opts->packed);
        qj_switch(props, "page-per-vq", opts->page_per_vq);
}

void qemu_rom_props(const VhDeviceInfo *info, json_t *props)
{
        if (!info->rom)
                return;
        if (info->rom->enabled == VH_NO) {
                qj_str(props, "romfile", "");
                return;
        }
        if (info->rom->bar)
                qj_int(props, "rombar", info->rom->bar == VH_ON);
        qj_str(props, "romfile", info->rom->file);
}

char *qemu_virtio_driver(const char *base, const VhDeviceInfo *info, uint8_t model)
{
        static const char *const suffixes[] = { "", "", "-transitional", "-non-transitional" };
        static const char *const buses[] = {
                [VH_ADDRESS_PCI] = "pci",
                [VH_ADDRESS_VIRTIO_S390] = "s390",
                [VH_ADDRESS_CCW] = "ccw",
                [VH_ADDRESS_VIRTIO_MMIO] = "device",
        };
        VhAddressType type = info->address.type;
        const char *bus = type < VH_ARRAY_SIZE(buses) && buses[type] ? buses[type] : "pci";

        return vh_xasprintf("%s-%s%s", base, bus, suffixes[model < VH_ARRAY_SIZE(suffixes) ? model : 0]);
}

json_t *qemu_placed_device(const QemuBuild *b, const VhDeviceInfo *info, json_t *device)
{
        if (qemu_address_props(b, info, device) == 0)
                return device;
        json_decref(device);
        return NULL;
}
