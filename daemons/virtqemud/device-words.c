/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices that are not there, and kinds that cannot come, go or change: who was asked, the running guest or the stored
 * definition, has words of its own for each kind, and programs go by them. */

#include <errno.h>
#include <inttypes.h>

#include "hotplug.h"
#include "model/domain-tables.h"

typedef struct Words {
        VhErrorCode code; /* 0: VIR_ERR_DEVICE_MISSING */
        const char *before, *behind;
        char *(*subject)(const void *dev); /* between them; NULL: nothing. The caller frees what it returns */
} Words;

/* ---- what a device is called ---- */

static char *disk_name(const void *dev)
{
        const VhDisk *disk = dev;

        return vh_xstrdup(disk->target ? disk->target : "(none)");
}

static char *controller_name(const void *dev)
{
        const VhController *c = dev;

        return vh_xasprintf("%s:%d", vh_xml_names_text(&vh_controller_type_names, c->type),
                            c->index.set ? (int)c->index.val : -1);
}

static char *usb_name(const VhHostdev *h)
{
        if (h->usb_bus.set)
                return vh_xasprintf("host usb device %03u.%03u", h->usb_bus.val, h->usb_device.val);
        return vh_xasprintf("host usb device vendor=0x%.4x product=0x%.4x", h->vendor.val, h->product.val);
}

static char *hostdev_name(const void *dev)
{
        const VhHostdev *h = dev;
        char uuid[VH_UUID_TEXT_LEN + 1];

        switch (h->type) {
        case VH_HOSTDEV_USB:
                return usb_name(h);
        case VH_HOSTDEV_PCI:
                return vh_xasprintf("host pci device %.4x:%.2x:%.2x.%.1x", h->pci.domain, h->pci.bus, h->pci.slot,
                                    h->pci.function);
        case VH_HOSTDEV_MDEV:
                vh_uuid_format(h->mdev, uuid);
                return vh_xasprintf("mediated device '%s'", uuid);
        case VH_HOSTDEV_SCSI:
                return vh_xasprintf("host scsi device %s:%u:%u.%" PRIu64, h->adapter ? h->adapter : "", h->scsi_bus.val,
                                    h->scsi_target.val, h->scsi_unit.val);
        default:
                return vh_xstrdup("host device");
        }
}

static char *shmem_model(const void *dev)
{
        static const char *const models[] = { "ivshmem", "ivshmem", "ivshmem-plain", "ivshmem-doorbell" };
        const VhShmem *shmem = dev;

        return vh_xstrdup(models[shmem->model < VH_ARRAY_SIZE(models) ? shmem->model : 0]);
}

static char *memory_model(const void *dev)
{
        static const char *const models[] = { "dimm", "dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc" };
        const VhMemdev *mem = dev;

        return vh_xstrdup(models[mem->model < VH_ARRAY_SIZE(models) ? mem->model : 0]);
}

static char *memory_name(const void *dev)
{
        const VhMemdev *mem = dev;

        return vh_xstrdup(mem->info.alias ? mem->info.alias : "(null)");
}

static char *lease_name(const void *dev)
{
        const VhLease *lease = dev;

        return vh_xasprintf("%s in lockspace %s", lease->key, lease->lockspace ? lease->lockspace : "(null)");
}

static char *graphics_type(const void *dev)
{
        const VhGraphics *g = dev;

        return vh_xstrdup(vh_xml_names_text(&vh_graphics_type_names, g->type));
}

/* ---- the words ---- */

#define CHR(element)                                                                                                   \
        {                                                                                                              \
                0, "chr type '" element "' device not present in domain configuration", NULL, NULL                     \
        }

static const Words live_detach[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { 0, "disk ", " not found", disk_name },
        [VH_DEVICE_CONTROLLER] = { 0, "controller ", " not found", controller_name },
        [VH_DEVICE_HOSTDEV] = { 0, "", " not found", hostdev_name },
        [VH_DEVICE_SERIAL] = CHR("serial"),
        [VH_DEVICE_PARALLEL] = CHR("parallel"),
        [VH_DEVICE_CONSOLE] = CHR("console"),
        [VH_DEVICE_CHANNEL] = CHR("channel"),
        [VH_DEVICE_RNG] = { 0, "model 'random' RNG device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_WATCHDOG] = { 0, "watchdog device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_INPUT] = { 0, "matching input device not found", NULL, NULL },
        [VH_DEVICE_VSOCK] = { 0, "matching vsock device not found", NULL, NULL },
        [VH_DEVICE_FILESYSTEM] = { 0, "matching filesystem not found", NULL, NULL },
        [VH_DEVICE_REDIRDEV] = { VIR_ERR_OPERATION_INVALID, "no matching redirdev was not found", NULL, NULL },
        [VH_DEVICE_SHMEM] = { 0, "model '", "' shmem device not present in domain configuration", shmem_model },
        [VH_DEVICE_MEMORY] = { 0, "model '", "' memory device not present in the domain configuration", memory_model },
        [VH_DEVICE_LEASE] = { VIR_ERR_INVALID_ARG, "Lease ", " does not exist", lease_name },
};

static const Words config_detach[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { 0, "no target device ", "", disk_name },
        [VH_DEVICE_SERIAL] = { VIR_ERR_INVALID_ARG, "device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_PARALLEL] = { VIR_ERR_INVALID_ARG, "device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_CONSOLE] = { VIR_ERR_INVALID_ARG, "device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_CHANNEL] = { VIR_ERR_INVALID_ARG, "device not present in domain configuration", NULL, NULL },
        [VH_DEVICE_RNG] = { 0, "no matching RNG device was found", NULL, NULL },
        [VH_DEVICE_WATCHDOG] = { 0, "domain has no watchdog", NULL, NULL },
        [VH_DEVICE_INPUT] = { 0, "matching input device not found", NULL, NULL },
        [VH_DEVICE_VSOCK] = { VIR_ERR_OPERATION_FAILED, "matching vsock device not found", NULL, NULL },
        [VH_DEVICE_FILESYSTEM] = { 0, "no matching filesystem device was found", NULL, NULL },
        [VH_DEVICE_REDIRDEV] = { 0, "no matching redirdev was not found", NULL, NULL },
        [VH_DEVICE_SHMEM] = { 0, "matching shmem device was not found", NULL, NULL },
        [VH_DEVICE_MEMORY] = { 0, "matching memory device was not found", NULL, NULL },
        [VH_DEVICE_LEASE] = { 0, "Lease ", " does not exist", lease_name },
};

static const Words live_update[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { VIR_ERR_INTERNAL_ERROR, "disk '", "' not found", disk_name },
        [VH_DEVICE_GRAPHICS] = { 0, "cannot find existing graphics device to modify of type '", "'", graphics_type },
        [VH_DEVICE_MEMORY] = { VIR_ERR_CONFIG_UNSUPPORTED, "memory '", "' not found", memory_name },
};

static const Words config_update[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { VIR_ERR_INVALID_ARG, "target ", " doesn't exist.", disk_name },
        [VH_DEVICE_GRAPHICS] = { VIR_ERR_INVALID_ARG, "cannot find existing graphics type '", "' device to modify",
                                 graphics_type },
        [VH_DEVICE_MEMORY] = { VIR_ERR_INVALID_ARG, "memory not found", NULL, NULL },
};

int qemu_device_missing(QemuDeviceUse use, const VhDevice *dev, VhError **err)
{
        static const Words *const tables[] = {
                [QEMU_LIVE_DETACH] = live_detach,
                [QEMU_CONFIG_DETACH] = config_detach,
                [QEMU_LIVE_UPDATE] = live_update,
                [QEMU_CONFIG_UPDATE] = config_update,
        };
        const Words *words = &tables[use][dev->kind];
        _vh_free_ char *subject = words->subject ? words->subject(dev->dev) : NULL;

        return vh_error_set(err, VIR_FROM_QEMU, words->code ? words->code : VIR_ERR_DEVICE_MISSING, "%s%s%s",
                            words->before ? words->before : "device not present in domain configuration",
                            subject ? subject : "", words->behind ? words->behind : "");
}

int qemu_device_find(const VhDomainDef *def, const VhDevice *dev, QemuDeviceUse use, VhError **err)
{
        /* Interfaces say what was looked for. */
        int place = vh_domain_find_device(def, dev, dev->kind == VH_DEVICE_NET ? err : NULL);

        return place < 0 && dev->kind != VH_DEVICE_NET ? qemu_device_missing(use, dev, err) : place;
}

int qemu_virtiofs_only(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "only virtiofs filesystems can be hotplugged");
}

const char *qemu_device_word(VhDeviceKind kind)
{
        switch (kind) {
        case VH_DEVICE_SERIAL:
        case VH_DEVICE_PARALLEL:
        case VH_DEVICE_CONSOLE:
        case VH_DEVICE_CHANNEL:
                return "chr";
        default:
                return vh_device_class(kind)->element;
        }
}
