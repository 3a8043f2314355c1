/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places of SCSI host devices on the guest's buses: between the disks, on the first controller that has room. */

#include "model/domain.h"

typedef struct Place {
        uint32_t controller, unit;
} Place;

static bool is_scsi(const VhHostdev *hostdev)
{
        return hostdev->mode == VH_HOSTDEV_SUBSYSTEM && hostdev->type == VH_HOSTDEV_SCSI;
}

static int stands_there(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const VhAddress *a = info ? &info->address : NULL;
        const Place *place = opaque;

        if (!a || a->type != VH_ADDRESS_DRIVE)
                return 0;
        if (kind == VH_DEVICE_DISK ? ((const VhDisk *)dev)->bus != VH_DISK_BUS_SCSI : kind != VH_DEVICE_HOSTDEV)
                return 0;
        return a->drive.controller == place->controller && !a->drive.bus && !a->drive.target &&
               a->drive.unit == place->unit;
}

static bool find_unit(const VhDomainDef *def, Place *place)
{
        for (place->unit = 0; place->unit < VH_SCSI_PER_CONTROLLER; place->unit++)
                if (!vh_domain_each_device(def, stands_there, place))
                        return true;
        return false;
}

/* On one of the controllers there are, else on one more. */
static Place find_place(const VhDomainDef *def)
{
        Place place = {};
        uint32_t next = 0;

        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->type != VH_CONTROLLER_SCSI || !c->index.set)
                        continue;
                place.controller = c->index.val;
                if (find_unit(def, &place))
                        return place;
                next = VH_MAX(next, c->index.val + 1);
        }
        for (place.controller = next; !find_unit(def, &place); place.controller++)
                ;
        return place;
}

void vh_domain_place_scsi_hostdevs(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                VhAddress *a = &def->hostdevs.items[i]->info.address;
                Place place;

                if (!is_scsi(def->hostdevs.items[i]) || a->type != VH_ADDRESS_NONE)
                        continue;
                place = find_place(def);
                a->type = VH_ADDRESS_DRIVE;
                a->drive.controller = place.controller;
                a->drive.unit = place.unit;
        }
}

uint32_t vh_domain_scsi_hostdev_controllers(const VhDomainDef *def)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                const VhAddress *a = &def->hostdevs.items[i]->info.address;

                if (is_scsi(def->hostdevs.items[i]) && a->type == VH_ADDRESS_DRIVE)
                        n = VH_MAX(n, a->drive.controller < UINT32_MAX ? a->drive.controller + 1 : UINT32_MAX);
        }
        return n;
}
