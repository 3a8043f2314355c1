/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of devices inside QEMU. They are part of what a running guest is: status files and migration streams refer to
 * them, so they follow the reference's rules. */

#include <stdio.h>

#include "command.h"
#include "guest-defaults.h"
#include "model/domain-tables.h"

/* Kinds whose names are a word and a running number. */
static const char *const prefixes[VH_DEVICE_MAX] = {
        [VH_DEVICE_FILESYSTEM] = "fs",      [VH_DEVICE_NET] = "net",           [VH_DEVICE_SMARTCARD] = "smartcard",
        [VH_DEVICE_SERIAL] = "serial",      [VH_DEVICE_PARALLEL] = "parallel", [VH_DEVICE_CONSOLE] = "console",
        [VH_DEVICE_CHANNEL] = "channel",    [VH_DEVICE_INPUT] = "input",       [VH_DEVICE_TPM] = "tpm",
        [VH_DEVICE_SOUND] = "sound",        [VH_DEVICE_VIDEO] = "video",       [VH_DEVICE_HOSTDEV] = "hostdev",
        [VH_DEVICE_REDIRDEV] = "redir",     [VH_DEVICE_HUB] = "hub",           [VH_DEVICE_WATCHDOG] = "watchdog",
        [VH_DEVICE_MEMBALLOON] = "balloon", [VH_DEVICE_RNG] = "rng",           [VH_DEVICE_SHMEM] = "shmem",
        [VH_DEVICE_IOMMU] = "iommu",        [VH_DEVICE_VSOCK] = "vsock",       [VH_DEVICE_CRYPTO] = "crypto",
};

/* "vdb" is 1, "sdaa" is 26. */
static unsigned disk_index(const char *target)
{
        unsigned index = 0;

        target = target ? target : "";
        target += vh_startswith(target, "ubd") ? 3 : strlen(target) >= 2 ? 2 : 0;
        for (; *target >= 'a' && *target <= 'z' && index < UINT16_MAX; target++)
                index = index * 26 + (unsigned)(*target - 'a') + 1;
        return index ? index - 1 : 0;
}

static char *scsi_disk_alias(const VhDomainDef *def, const VhDeviceInfo *info)
{
        const VhController *c = vh_domain_find_controller(def, VH_CONTROLLER_SCSI, info->address.drive.controller);

        if (c && c->model == VH_CTRL_LSILOGIC)
                return vh_xasprintf("scsi%u-%u-%u", info->address.drive.controller, info->address.drive.bus,
                                    info->address.drive.unit);
        return vh_xasprintf("scsi%u-%u-%u-%u", info->address.drive.controller, info->address.drive.bus,
                            info->address.drive.target, info->address.drive.unit);
}

static char *disk_alias(const VhDomainDef *def, const VhDisk *disk)
{
        const char *bus = vh_xml_names_text(&vh_disk_bus_names, disk->bus);
        const VhAddress *a = &disk->info.address;

        if (a->type != VH_ADDRESS_DRIVE)
                return vh_xasprintf("%s-disk%u", bus ? bus : "disk", disk_index(disk->target));
        if (disk->bus == VH_DISK_BUS_SCSI)
                return scsi_disk_alias(def, &disk->info);
        return vh_xasprintf("%s%u-%u-%u", bus, a->drive.controller, a->drive.bus, a->drive.unit);
}

static char *controller_alias(const VhDomainDef *def, const VhController *c)
{
        static const char *const types[] = {
                [VH_CONTROLLER_IDE] = "ide",   [VH_CONTROLLER_FDC] = "fdc",
                [VH_CONTROLLER_SCSI] = "scsi", [VH_CONTROLLER_SATA] = "sata",
                [VH_CONTROLLER_CCID] = "ccid", [VH_CONTROLLER_VIRTIO_SERIAL] = "virtio-serial",
                [VH_CONTROLLER_USB] = "usb",   [VH_CONTROLLER_XENBUS] = "xenbus",
                [VH_CONTROLLER_ISA] = "isa",   [VH_CONTROLLER_PCI] = "pci",
        };

        if (c->type == VH_CONTROLLER_PCI && !c->index.val && vh_streq(def->os.arch, "alpha"))
                return vh_xstrdup("pci");
        if (c->type == VH_CONTROLLER_PCI)
                return vh_xasprintf("%s.%u", c->model == VH_CTRL_PCIE_ROOT ? "pcie" : "pci", c->index.val);
        if (c->index.val == 0 &&
            (c->type == VH_CONTROLLER_USB || (c->type == VH_CONTROLLER_IDE && qemu_platform_has(def, QEMU_HAS_IDE)) ||
             (c->type == VH_CONTROLLER_SATA && qemu_domain_is_q35(def))))
                return vh_xstrdup(c->type == VH_CONTROLLER_USB ? "usb" : "ide");
        return vh_xasprintf("%s%u", types[c->type], c->index.val);
}

typedef struct NextNumber {
        const char *prefix;
        unsigned next;
} NextNumber;

static int see_alias(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        NextNumber *n = opaque;
        const char *rest = info && info->alias ? vh_startswith(info->alias, n->prefix) : NULL;
        unsigned number;

        if (rest && vh_parse_uint(rest, &number) == 0 && number >= n->next)
                n->next = number + 1;
        return 0;
}

static char *numbered_alias(const VhDomainDef *def, const char *prefix)
{
        NextNumber n = { .prefix = prefix };

        vh_domain_each_device(def, see_alias, &n);
        return vh_xasprintf("%s%u", prefix, n.next);
}

static char *memory_alias(const VhDomainDef *def, const VhMemdev *mem)
{
        enum { MEM_NVDIMM = 2 };
        static const char *const models[] = { "dimm", "dimm", "nvdimm", "virtiopmem", "virtiomem", "epc" };
        const char *prefix = models[mem->model < VH_ARRAY_SIZE(models) ? mem->model : 0];

        if (mem->model <= MEM_NVDIMM && mem->info.address.type == VH_ADDRESS_DIMM && mem->info.address.dimm.slot.set)
                return vh_xasprintf("%s%u", prefix, mem->info.address.dimm.slot.val);
        return numbered_alias(def, prefix);
}

/* The first console is the first serial port under another name. */
static char *console_alias(const VhDomainDef *def, const VhChr *console)
{
        if (def->consoles.n && def->consoles.items[0] == console && console->target_type == VH_CHR_TARGET_SERIAL &&
            def->serials.n)
                return vh_xstrdup(def->serials.items[0]->info.alias);
        for (uint32_t i = 0; i < def->consoles.n; i++)
                if (def->consoles.items[i] == console)
                        return vh_xasprintf("%s%u", prefixes[VH_DEVICE_CONSOLE], i);
        return numbered_alias(def, prefixes[VH_DEVICE_CONSOLE]);
}

static bool has_no_balloon(const VhMemballoon *balloon)
{
        return balloon->model == VH_MEMBALLOON_NONE;
}

void qemu_assign_alias(const VhDomainDef *def, VhDeviceKind kind, void *dev)
{
        VhDeviceInfo *info = vh_device_info(kind, dev);

        if (!info || info->alias || (kind == VH_DEVICE_MEMBALLOON && has_no_balloon(dev)))
                return;
        switch (kind) {
        case VH_DEVICE_DISK:
                info->alias = disk_alias(def, dev);
                break;
        case VH_DEVICE_CONTROLLER:
                info->alias = controller_alias(def, dev);
                break;
        case VH_DEVICE_MEMORY:
                info->alias = memory_alias(def, dev);
                break;
        case VH_DEVICE_CONSOLE:
                info->alias = console_alias(def, dev);
                break;
        case VH_DEVICE_NVRAM:
                info->alias = vh_xstrdup("nvram");
                break;
        default:
                if (prefixes[kind])
                        info->alias = numbered_alias(def, prefixes[kind]);
        }
}

static int assign(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        qemu_assign_alias(opaque, kind, dev);
        return 0;
}

void qemu_assign_aliases(VhDomainDef *def)
{
        vh_domain_each_device(def, assign, def);
}
