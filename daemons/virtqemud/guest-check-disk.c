/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk may not be under QEMU. */

#include "guest-check.h"

#include <errno.h>

#include "model/domain-tables.h"
#include "transient.h"

enum {
        CACHE_NONE = 2,
        CACHE_DIRECTSYNC = 5,
        IO_NATIVE = 1,
        FORMAT_FAT = 16,
        PROTOCOL_TFTP = 10,
        ENCRYPTION_QCOW = 2,
};

static const char serial_chars[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-+. ";

/* Buses whose disks are SCSI or ATA ones underneath. */
static bool speaks_ata_or_scsi(const VhDisk *d)
{
        return d->bus == VH_DISK_BUS_SCSI || d->bus == VH_DISK_BUS_IDE || d->bus == VH_DISK_BUS_SATA;
}

static const char *bus_name(const VhDisk *d)
{
        return vh_xml_names_text(&vh_disk_bus_names, d->bus);
}

static int check_device(const VhDisk *d, VhError **err)
{
        const bool scsi = d->bus == VH_DISK_BUS_SCSI, virtio = d->bus == VH_DISK_BUS_VIRTIO;
        const bool lun = d->device == VH_DISK_DEVICE_LUN;

        return QEMU_CHECK_RULES(
                err,
                { virtio && (d->device == VH_DISK_DEVICE_CDROM || d->device == VH_DISK_DEVICE_FLOPPY),
                  VIR_ERR_CONFIG_UNSUPPORTED, "disk type of '", d->target, "' does not support ejectable media" },
                { lun && !scsi && !virtio, VIR_ERR_CONFIG_UNSUPPORTED, "disk device='lun' is not supported for bus='",
                  bus_name(d), "'" },
                { d->wwn && d->bus != VH_DISK_BUS_IDE && !scsi, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Only ide and scsi disk support wwn" },
                { (d->vendor || d->product) && !scsi, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Only scsi disk supports vendor and product" },
                { d->rotation_rate && !speaks_ata_or_scsi(d), VIR_ERR_INTERNAL_ERROR,
                  "rotation rate is only valid for SCSI/IDE/SATA bus" },
                { d->rotation_rate && d->device != VH_DISK_DEVICE_DISK && !lun, VIR_ERR_INTERNAL_ERROR,
                  "rotation rate is only valid for disk device" },
                { d->readonly && d->device == VH_DISK_DEVICE_DISK &&
                          (d->bus == VH_DISK_BUS_IDE || d->bus == VH_DISK_BUS_SATA),
                  VIR_ERR_CONFIG_UNSUPPORTED, "readonly ", bus_name(d), " disks are not supported" },
                { d->serial && d->serial[strspn(d->serial, serial_chars)], VIR_ERR_INTERNAL_ERROR, "driver serial '",
                  d->serial, "' contains unsafe characters" },
                { d->geometry && d->geometry->cyls && d->bus == VH_DISK_BUS_USB, VIR_ERR_CONFIG_UNSUPPORTED,
                  "CHS geometry can not be set for '", bus_name(d), "' bus" },
                { d->geometry && d->geometry->trans && d->bus != VH_DISK_BUS_IDE, VIR_ERR_CONFIG_UNSUPPORTED,
                  "CHS translation mode can only be set for 'ide' bus not '", bus_name(d), "'" }, );
}

/* Where a temporary image can be made, and for a shared one, plugged in. */
static int check_transient(const VhDisk *d, VhError **err)
{
        const bool shared = qemu_transient_is_shared(d);

        return QEMU_CHECK_RULES(
                err,
                { qemu_disk_is_empty(d), VIR_ERR_CONFIG_UNSUPPORTED, "transient disk '", d->target,
                  "' must not be empty" },
                { d->readonly || d->device == VH_DISK_DEVICE_CDROM, VIR_ERR_CONFIG_UNSUPPORTED, "transient disk '",
                  d->target, "' must not be read-only" },
                { d->device != VH_DISK_DEVICE_DISK, VIR_ERR_CONFIG_UNSUPPORTED,
                  "transient disk supported only with 'disk' device (", d->target, ")" },
                { d->src.type != VH_DISK_TYPE_FILE, VIR_ERR_CONFIG_UNSUPPORTED,
                  "transient disk supported only with 'file' type (", d->target, ")" },
                { shared && d->bus != VH_DISK_BUS_VIRTIO && d->bus != VH_DISK_BUS_SCSI && d->bus != VH_DISK_BUS_USB,
                  VIR_ERR_CONFIG_UNSUPPORTED, "disk bus '", bus_name(d),
                  "' doesn't support transiend disk backing image sharing" }, );
}

/* A group shares limits, and there are none to share. */
static bool is_empty_group(const VhDiskIotune *t)
{
        VhDiskIotune limits = t ? *t : (VhDiskIotune){};
        static const VhDiskIotune none;

        limits.group_name = NULL;
        return t && t->group_name && memcmp(&limits, &none, sizeof(none)) == 0;
}

static int check_driver(const VhDomainDef *def, const VhDisk *d, VhError **err)
{
        if (d->iothread.val && d->bus != VH_DISK_BUS_VIRTIO)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "IOThreads not available for bus %s target %s", bus_name(d), d->target);
        if (d->iothread.set && !vh_domain_has_iothread(def, d->iothread.val))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Disk iothread '%u' not defined in iothreadid", d->iothread.val);
        if (d->driver_name && strcmp(d->driver_name, "qemu") != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "unsupported driver name '%s' for disk '%s'", d->driver_name, d->target);
        if (d->transient && check_transient(d, err) < 0)
                return -EINVAL;
        return QEMU_CHECK_RULES(
                err,
                { d->io == IO_NATIVE && d->cache != CACHE_NONE && d->cache != CACHE_DIRECTSYNC,
                  VIR_ERR_CONFIG_UNSUPPORTED, "io='native' needs either no disk cache or directsync cache mode" },
                { d->copy_on_read == VH_ON && d->readonly, VIR_ERR_CONFIG_UNSUPPORTED,
                  "copy_on_read is not compatible with read-only disk '", d->target, "'" },
                { d->copy_on_read == VH_ON && d->device != VH_DISK_DEVICE_DISK && d->device != VH_DISK_DEVICE_LUN,
                  VIR_ERR_CONFIG_UNSUPPORTED, "copy_on_read is not supported with removable disk '", d->target, "'" },
                { d->shareable && d->format > VH_STORAGE_FORMAT_RAW, VIR_ERR_CONFIG_UNSUPPORTED,
                  "shared access for disk '", d->target, "' requires use of supported storage format" },
                { d->metadata_cache && d->format != VH_STORAGE_FORMAT_QCOW2, VIR_ERR_CONFIG_UNSUPPORTED,
                  "metadata cache max size control is supported only with qcow2 images" },
                { is_empty_group(d->iotune), VIR_ERR_CONFIG_UNSUPPORTED,
                  "group_name can be configured only together with settings" }, );
}

static int check_source(const VhDomainDef *def, const VhDisk *d, VhError **err)
{
        const bool dir = d->src.type == VH_DISK_TYPE_DIR;
        const VhStorageEncryption *e = d->src.encryption ? d->src.encryption : d->encryption;

        return QEMU_CHECK_RULES(err,
                                { d->src.type == VH_DISK_TYPE_VHOST_USER && !qemu_def_memory_is_shared(def),
                                  VIR_ERR_CONFIG_UNSUPPORTED, "'vhostuser' requires shared memory" },
                                { d->src.network && d->src.network->protocol == PROTOCOL_TFTP,
                                  VIR_ERR_CONFIG_UNSUPPORTED,
                                  "'tftp' protocol is not supported with this QEMU binary" },
                                { e && e->format == ENCRYPTION_QCOW, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "old qcow/qcow2 encryption is not supported" },
                                { dir && d->format != FORMAT_FAT, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "storage type 'dir' requires use of storage format 'fat'" },
                                { dir && !d->readonly, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "virtual FAT storage can't be accessed in read-write mode" }, );
}

/* What a controller of the bus can address. */
static int check_drive(const VhDomainDef *def, const VhDisk *d, VhError **err)
{
        const VhAddress *a = &d->info.address;
        const VhController *c;

        if (d->bus == VH_DISK_BUS_USB && a->type != VH_ADDRESS_USB && a->type != VH_ADDRESS_NONE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "unexpected address type for usb disk");
        if (d->bus == VH_DISK_BUS_VIRTIO && (a->type == VH_ADDRESS_DRIVE || a->type == VH_ADDRESS_USB))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "virtio disk cannot have an address of type '%s'",
                                    vh_xml_names_text(&vh_address_type_names, a->type));
        if (a->type != VH_ADDRESS_DRIVE)
                return 0;
        c = vh_domain_find_controller(def, VH_CONTROLLER_SCSI, a->drive.controller);
        return QEMU_CHECK_RULES(err,
                                { d->bus == VH_DISK_BUS_IDE && a->drive.target, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "target must be 0 for ide controller" },
                                { d->bus == VH_DISK_BUS_SATA && a->drive.bus, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "bus must be 0 for sata controller" },
                                { d->bus == VH_DISK_BUS_SATA && a->drive.target, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "target must be 0 for sata controller" },
                                { d->bus == VH_DISK_BUS_FDC && a->drive.bus, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "bus must be 0 for floppy controller" },
                                { d->bus == VH_DISK_BUS_FDC && a->drive.target, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "target must be 0 for floppy controller" },
                                { d->bus == VH_DISK_BUS_SCSI && a->drive.bus, VIR_ERR_INTERNAL_ERROR,
                                  "SCSI controller only supports 1 bus" },
                                { d->bus == VH_DISK_BUS_SCSI && c && c->model == VH_CTRL_LSILOGIC && a->drive.target,
                                  VIR_ERR_CONFIG_UNSUPPORTED, "target must be 0 for controller model 'lsilogic'" }, );
}

int qemu_check_disk(const VhDomainDef *def, const VhDisk *disk, VhError **err)
{
        int r = check_device(disk, err);

        if (r == 0)
                r = check_driver(def, disk, err);
        if (r == 0)
                r = check_source(def, disk, err);
        return r < 0 ? r : check_drive(def, disk, err);
}
