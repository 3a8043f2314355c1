/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a running guest's disk cannot change: all but its medium, and what nobody but the daemon goes by. A text that
 * is silent about something leaves it as it is. */

#include <errno.h>

#include "hotplug.h"
#include "model/domain-tables.h"

/* A part of a disk, or of one of its elements: a number of that size, or (0) a text. */
typedef struct Field {
        const char *name;
        size_t offset, size;
        bool needed; /* nothing in the new text means nothing, not that it stays */
} Field;

#define PART(type, field, name)                                                                                        \
        {                                                                                                              \
                name, offsetof(type, field), sizeof(((type *)0)->field), false                                         \
        }
#define TEXT(type, field, name)                                                                                        \
        {                                                                                                              \
                name, offsetof(type, field), 0, false                                                                  \
        }
#define NEEDED(type, field, name)                                                                                      \
        {                                                                                                              \
                name, offsetof(type, field), sizeof(((type *)0)->field), true                                          \
        }

static const Field place_fields[] = {
        NEEDED(VhDisk, device, "device"), NEEDED(VhDisk, bus, "bus"),           TEXT(VhDisk, target, "target"),
        PART(VhDisk, tray, "tray"),       PART(VhDisk, removable, "removable"), {},
};

static const Field geometry_fields[] = {
        NEEDED(VhDiskGeometry, cyls, "geometry cylinders"),
        NEEDED(VhDiskGeometry, heads, "geometry heads"),
        NEEDED(VhDiskGeometry, secs, "geometry sectors"),
        NEEDED(VhDiskGeometry, trans, "BIOS-translation-modus"),
        {},
};

static const Field blockio_fields[] = {
        NEEDED(VhDiskBlockio, logical, "blockio logical_block_size"),
        NEEDED(VhDiskBlockio, physical, "blockio physical_block_size"),
        {},
};

#define TUNE(field) PART(VhDiskIotune, field, "blkdeviotune " #field)
static const Field iotune_fields[] = {
        TUNE(total_bytes_sec),
        TUNE(read_bytes_sec),
        TUNE(write_bytes_sec),
        TUNE(total_iops_sec),
        TUNE(read_iops_sec),
        TUNE(write_iops_sec),
        TUNE(total_bytes_sec_max),
        TUNE(read_bytes_sec_max),
        TUNE(write_bytes_sec_max),
        TUNE(total_iops_sec_max),
        TUNE(read_iops_sec_max),
        TUNE(write_iops_sec_max),
        TUNE(size_iops_sec),
        TEXT(VhDiskIotune, group_name, "blkdeviotune group name"),
        {},
};

static const Field text_fields[] = {
        TEXT(VhDisk, serial, "serial"),
        TEXT(VhDisk, wwn, "wwn"),
        TEXT(VhDisk, vendor, "vendor"),
        TEXT(VhDisk, product, "product"),
        PART(VhDisk, cache, "cache"),
        PART(VhDisk, error_policy, "error_policy"),
        PART(VhDisk, rerror_policy, "rerror_policy"),
        PART(VhDisk, io, "io"),
        PART(VhDisk, ioeventfd, "ioeventfd"),
        PART(VhDisk, event_idx, "event_idx"),
        PART(VhDisk, copy_on_read, "copy_on_read"),
        {},
};

static const Field late_fields[] = {
        PART(VhDisk, info.boot_order, "boot order"),
        PART(VhDisk, rawio, "rawio"),
        PART(VhDisk, sgio, "sgio"),
        PART(VhDisk, discard, "discard"),
        PART(VhDisk, iothread.val, "iothread"),
        TEXT(VhDisk, domain_name, "backenddomain"),
        PART(VhDisk, readonly, "readonly"),
        PART(VhDisk, shareable, "shared"),
        {},
};

/* ---- comparing ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (p[i])
                        return false;
        return true;
}

static bool differs(const Field *f, const void *old, const void *new)
{
        const uint8_t *have = (const uint8_t *)old + f->offset, *want = (const uint8_t *)new + f->offset;
        const char *text = f->size ? NULL : *(char *const *)want;

        if (!f->size)
                return text && !vh_streq(*(char *const *)have, text);
        return (f->needed || !is_zero(want, f->size)) && memcmp(have, want, f->size) != 0;
}

static int refuse(const char *field, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify field '%s' of the disk",
                            field);
}

static int check_fields(const Field *fields, const void *old, const void *new, VhError **err)
{
        for (const Field *f = fields; f->name; f++)
                if (differs(f, old, new))
                        return refuse(f->name, err);
        return 0;
}

static int check_elements(const VhDisk *old, const VhDisk *new, VhError **err)
{
        static const VhDiskGeometry no_geometry;
        static const VhDiskBlockio no_blockio;
        static const VhDiskIotune no_iotune;
        const VhDiskGeometry *g = new->geometry;
        int r = 0;

        if (g && g->cyls && g->heads && g->secs)
                r = check_fields(geometry_fields, old->geometry ? old->geometry : &no_geometry, g, err);
        if (r == 0)
                r = check_fields(blockio_fields, old->blockio ? old->blockio : &no_blockio,
                                 new->blockio ? new->blockio : &no_blockio, err);
        if (r == 0 && new->iotune)
                r = check_fields(iotune_fields, old->iotune ? old->iotune : &no_iotune, new->iotune, err);
        return r;
}

/* A text that no place is said in takes the disk where it is. */
static bool same_address(const VhAddress *have, const VhAddress *want)
{
        if (want->type == VH_ADDRESS_NONE)
                return true;
        if (want->type != have->type)
                return false;
        switch (want->type) {
        case VH_ADDRESS_PCI:
                return have->pci.domain == want->pci.domain && have->pci.bus == want->pci.bus &&
                       have->pci.slot == want->pci.slot && have->pci.function == want->pci.function;
        case VH_ADDRESS_DRIVE:
                return memcmp(&have->drive, &want->drive, sizeof(want->drive)) == 0;
        case VH_ADDRESS_USB:
                return have->usb.bus == want->usb.bus && strcmp(have->usb.port, want->usb.port) == 0;
        default:
                return true;
        }
}

static bool same_reservations(const VhStorageReservations *a, const VhStorageReservations *b)
{
        return a && b ? a->managed == b->managed && vh_streq(a->path, b->path) : a == b;
}

static int check_disk(const VhDisk *old, const VhDisk *new, VhError **err)
{
        int r = check_fields(place_fields, old, new, err);

        r = r < 0 ? r : check_elements(old, new, err);
        r = r < 0 ? r : check_fields(text_fields, old, new, err);
        if (r == 0 && new->transient && !old->transient)
                r = refuse("transient", err);
        if (r == 0 && !same_address(&old->info.address, &new->info.address))
                r = refuse("address", err);
        r = r < 0 ? r : check_fields(late_fields, old, new, err);
        if (r == 0 && !same_reservations(old->src.reservations, new->src.reservations))
                r = refuse("reservations", err);
        return r;
}

bool qemu_disk_same_source(const VhDiskSource *a, const VhDiskSource *b)
{
        return a->type == b->type && vh_streq(a->path, b->path) && a->type != VH_DISK_TYPE_NETWORK;
}

static bool is_removable(const VhDisk *disk)
{
        return disk->device == VH_DISK_DEVICE_CDROM || disk->device == VH_DISK_DEVICE_FLOPPY;
}

int qemu_update_disk_check(const VhDisk *old, const VhDisk *new, VhError **err)
{
        int r = check_disk(old, new, err);

        if (r < 0 || qemu_disk_same_source(&old->src, &new->src) || is_removable(old))
                return r;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "disk source can be changed only in removable drives");
}
