/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places of devices on buses that PCs do not have: registers of paravirtual devices, channels, registers in memory; and
 * the numbers that PCI devices have beside channels. */

#include "guest-defaults.h"

#include <errno.h>
#include <inttypes.h>

enum {
        CCW_CSSID = 0xfe, /* of virtio devices */
        CCW_SSID_MAX = 3,
        CCW_DEVNO_MAX = 0xffff,
        ZPCI_UID_FIRST = 1,
        VIO_STEP = 0x1000,
        VFIO_CCW = 2, /* word of a mediated device's model */
};

/* ---- what sits where ---- */

static bool is_virtio_controller(const VhController *c)
{
        if (c->type == VH_CONTROLLER_VIRTIO_SERIAL)
                return true;
        return c->type == VH_CONTROLLER_SCSI &&
               (c->model == VH_CTRL_VIRTIO_SCSI || c->model == VH_CTRL_VIRTIO_TRANSITIONAL ||
                c->model == VH_CTRL_VIRTIO_NON_TRANSITIONAL);
}

bool qemu_is_virtio(VhDeviceKind kind, const void *dev)
{
        const VhNet *net = dev;

        switch (kind) {
        case VH_DEVICE_DISK:
                return ((const VhDisk *)dev)->bus == VH_DISK_BUS_VIRTIO;
        case VH_DEVICE_NET:
                return net->type != VH_NET_HOSTDEV && net->model && vh_startswith(net->model, "virtio");
        case VH_DEVICE_CONTROLLER:
                return is_virtio_controller(dev);
        case VH_DEVICE_INPUT:
                return ((const VhInput *)dev)->bus == VH_INPUT_BUS_VIRTIO;
        case VH_DEVICE_VIDEO:
                return ((const VhVideo *)dev)->type == VH_VIDEO_VIRTIO;
        case VH_DEVICE_MEMBALLOON:
                return ((const VhMemballoon *)dev)->model != VH_MEMBALLOON_NONE;
        case VH_DEVICE_FILESYSTEM:
        case VH_DEVICE_RNG:
        case VH_DEVICE_VSOCK:
                return true;
        default:
                return false;
        }
}

/* Devices of the host that are channels too. */
static bool is_channel_device(VhDeviceKind kind, const void *dev)
{
        const VhHostdev *h = dev;

        return kind == VH_DEVICE_HOSTDEV && h->mode == VH_HOSTDEV_SUBSYSTEM &&
               (h->type == VH_HOSTDEV_SCSI_HOST || (h->type == VH_HOSTDEV_MDEV && h->mdev_model == VFIO_CCW));
}

/* The first register for a paravirtual device; 0: it is none. */
static uint64_t first_register(VhDeviceKind kind, const void *dev)
{
        const VhController *c = dev;

        switch (kind) {
        case VH_DEVICE_NET:
                return vh_streq(((const VhNet *)dev)->model, "spapr-vlan") ? 0x1000 : 0;
        case VH_DEVICE_CONTROLLER:
                return c->type == VH_CONTROLLER_SCSI && c->model == VH_CTRL_IBMVSCSI ? 0x2000 : 0;
        case VH_DEVICE_NVRAM:
                return 0x3000;
        case VH_DEVICE_TPM:
                return ((const VhTpm *)dev)->model == QEMU_TPM_SPAPR ? 0x4000 : 0;
        case VH_DEVICE_SERIAL:
                return ((const VhChr *)dev)->target_type == VH_CHR_TARGET_SPAPR_VIO_SERIAL ? 0x30000000 : 0;
        default:
                return 0;
        }
}

/* ---- one walk over all devices ---- */

typedef struct Walk {
        const VhDomainDef *def;
        VhDeviceKind kind; /* those that get a place now */
        const VhDeviceInfo *self;
        VhAddress want;
        VhError **err;
} Walk;

/* ---- registers ---- */

static int has_register(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;

        return kind != VH_DEVICE_CONSOLE && info && info != walk->self && info->address.type == VH_ADDRESS_SPAPR_VIO &&
               info->address.spapr.reg.set && info->address.spapr.reg.val == walk->want.spapr.reg.val;
}

static bool register_taken(const VhDomainDef *def, const VhDeviceInfo *self, uint64_t reg)
{
        Walk walk = { .self = self, .want.spapr.reg.val = reg };

        return vh_domain_each_device(def, has_register, &walk) != 0;
}

static int assign_register(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;
        uint64_t reg = info ? first_register(kind, dev) : 0;

        if (!reg || (info->address.type != VH_ADDRESS_NONE && info->address.type != VH_ADDRESS_SPAPR_VIO))
                return 0;
        if (info->address.type == VH_ADDRESS_SPAPR_VIO && info->address.spapr.reg.set)
                return register_taken(walk->def, info, info->address.spapr.reg.val)
                               ? vh_error_set(walk->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                              "spapr-vio address %#" PRIx64 " already in use",
                                              info->address.spapr.reg.val)
                               : 0;
        while (register_taken(walk->def, info, reg))
                reg += VIO_STEP;
        info->address = (VhAddress){ .type = VH_ADDRESS_SPAPR_VIO, .spapr.reg = { .val = reg, .set = true } };
        return 0;
}

/* A console that is a serial port shows where that is. */
static void show_register(VhDomainDef *def)
{
        if (def->consoles.n && def->serials.n && def->consoles.items[0]->target_type == VH_CHR_TARGET_SERIAL &&
            def->serials.items[0]->info.address.type == VH_ADDRESS_SPAPR_VIO)
                def->consoles.items[0]->info.address = def->serials.items[0]->info.address;
}

/* ---- channels ---- */

static bool is_placed(const VhAddress *a)
{
        return a->type == VH_ADDRESS_CCW && a->ccw.devno.set;
}

static int has_channel(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;

        return info && info != walk->self && is_placed(&info->address) &&
               info->address.ccw.cssid.val == walk->want.ccw.cssid.val &&
               info->address.ccw.ssid.val == walk->want.ccw.ssid.val &&
               info->address.ccw.devno.val == walk->want.ccw.devno.val;
}

static bool channel_taken(const VhDomainDef *def, const VhDeviceInfo *self, const VhAddress *a)
{
        Walk walk = { .self = self, .want = *a };

        return vh_domain_each_device(def, has_channel, &walk) != 0;
}

static int check_channel(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;
        const VhAddress *a = info ? &info->address : NULL;

        if (!a || !is_placed(a))
                return 0;
        if (a->ccw.cssid.val > CCW_CSSID || a->ccw.ssid.val > CCW_SSID_MAX)
                return vh_error_set(walk->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                    "Invalid specification for virtio ccw address: cssid='0x%x' ssid='0x%x' "
                                    "devno='0x%04x'",
                                    a->ccw.cssid.val, a->ccw.ssid.val, a->ccw.devno.val);
        if (!channel_taken(walk->def, info, a))
                return 0;
        return vh_error_set(walk->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                            "The CCW devno '%x.%x.%04x' is in use already", a->ccw.cssid.val, a->ccw.ssid.val,
                            a->ccw.devno.val);
}

static int assign_channel(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;
        VhAddress a = { .type = VH_ADDRESS_CCW };

        if (kind != walk->kind || !info || !(qemu_is_virtio(kind, dev) || is_channel_device(kind, dev)) ||
            is_placed(&info->address) ||
            (info->address.type != VH_ADDRESS_NONE && info->address.type != VH_ADDRESS_CCW))
                return 0;
        a.ccw.cssid = (VhOptUint){ CCW_CSSID, true };
        a.ccw.ssid = a.ccw.devno = (VhOptUint){ 0, true };
        while (channel_taken(walk->def, info, &a))
                if (a.ccw.devno.val++ == CCW_DEVNO_MAX)
                        return vh_error_set(walk->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                            "There are no more free CCW devnos.");
        info->address = a;
        return 0;
}

/* Kinds get their channels one after the other. */
static int assign_channels(Walk *walk)
{
        static const VhDeviceKind order[] = {
                VH_DEVICE_DISK,  VH_DEVICE_NET,        VH_DEVICE_HOSTDEV,    VH_DEVICE_VIDEO, VH_DEVICE_CONTROLLER,
                VH_DEVICE_INPUT, VH_DEVICE_FILESYSTEM, VH_DEVICE_MEMBALLOON, VH_DEVICE_RNG,   VH_DEVICE_VSOCK,
        };
        int r = vh_domain_each_device(walk->def, check_channel, walk);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(order); i++) {
                walk->kind = order[i];
                r = vh_domain_each_device(walk->def, assign_channel, walk);
        }
        return r;
}

/* ---- registers in memory ---- */

static int assign_mmio(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        if (info && qemu_is_virtio(kind, dev) && info->address.type == VH_ADDRESS_NONE)
                info->address.type = VH_ADDRESS_VIRTIO_MMIO;
        return 0;
}

static int has_mmio(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        return info && info->address.type == VH_ADDRESS_VIRTIO_MMIO;
}

/* Where there is PCI too all devices follow the first that has chosen. */
static bool wants_mmio(const VhDomainDef *def)
{
        return qemu_platform_has(def, QEMU_HAS_MMIO) &&
               (!qemu_platform_has(def, QEMU_HAS_PCI) || vh_domain_each_device(def, has_mmio, NULL));
}

int qemu_domain_assign_buses(VhDomainDef *def, VhError **err)
{
        Walk walk = { .def = def, .err = err };
        int r = 0;

        if (qemu_platform_has(def, QEMU_HAS_VIO))
                r = vh_domain_each_device(def, assign_register, &walk);
        if (r == 0 && qemu_platform_has(def, QEMU_HAS_CCW))
                r = assign_channels(&walk);
        if (r == 0 && wants_mmio(def))
                r = vh_domain_each_device(def, assign_mmio, &walk);
        show_register(def);
        return r;
}

/* ---- numbers of PCI devices beside channels ---- */

static int has_zpci(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;
        const VhPciAddress *have, *want = &walk->want.pci;

        if (!info || info->address.type != VH_ADDRESS_PCI)
                return 0;
        have = &info->address.pci;
        return (want->zpci_uid.set && have->zpci_uid.set && have->zpci_uid.val == want->zpci_uid.val) ||
               (want->zpci_fid.set && have->zpci_fid.set && have->zpci_fid.val == want->zpci_fid.val);
}

static bool zpci_taken(const VhDomainDef *def, VhOptUint uid, VhOptUint fid)
{
        Walk walk = { .want.pci = { .zpci_uid = uid, .zpci_fid = fid } };

        return vh_domain_each_device(def, has_zpci, &walk) != 0;
}

static int assign_zpci(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;
        VhOptUint uid = { ZPCI_UID_FIRST, true }, fid = { 0, true };

        if (!info || info->address.type != VH_ADDRESS_PCI)
                return 0;
        while (zpci_taken(walk->def, uid, (VhOptUint){}))
                uid.val++;
        while (zpci_taken(walk->def, (VhOptUint){}, fid))
                fid.val++;
        if (!info->address.pci.zpci_uid.set)
                info->address.pci.zpci_uid = uid;
        if (!info->address.pci.zpci_fid.set)
                info->address.pci.zpci_fid = fid;
        return 0;
}

int qemu_domain_assign_zpci(VhDomainDef *def, VhError **err)
{
        Walk walk = { .def = def, .err = err };

        return qemu_platform_has(def, QEMU_HAS_CCW) ? vh_domain_each_device(def, assign_zpci, &walk) : 0;
}
