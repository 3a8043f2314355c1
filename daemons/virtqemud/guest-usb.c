/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of USB controllers and hubs. Hubs come first, so that what follows may use their ports. */

#include "guest-defaults.h"

#include <errno.h>
#include <stdio.h>

enum {
        BUSES_MAX = 16, /* USB controllers that we give ports of */
        ROOT_PORTS_MAX = 15,
};

typedef struct UsbBus {
        bool there;
        uint32_t n_ports;
        uint32_t taken; /* bit = port */
} UsbBus;

typedef struct UsbMap {
        UsbBus buses[BUSES_MAX];
        bool hubs; /* which devices the present walk gives ports to */
} UsbMap;

static uint32_t root_ports(const VhController *c)
{
        switch (c->model) {
        case VH_CTRL_PIIX3_UHCI:
        case VH_CTRL_PIIX4_UHCI:
        case VH_CTRL_ICH9_UHCI1:
        case VH_CTRL_ICH9_UHCI2:
        case VH_CTRL_ICH9_UHCI3:
        case VH_CTRL_VT82C686B_UHCI:
                return 2;
        case VH_CTRL_EHCI:
        case VH_CTRL_ICH9_EHCI1:
                return 6;
        case VH_CTRL_PCI_OHCI:
                return 3;
        case VH_CTRL_NEC_XHCI:
                return c->ports.set ? VH_MIN(c->ports.val, ROOT_PORTS_MAX) : 4;
        case VH_CTRL_QEMU_XHCI:
                return c->ports.set ? VH_MIN(c->ports.val, ROOT_PORTS_MAX) : ROOT_PORTS_MAX;
        default:
                return 0;
        }
}

/* Companions sit on the ports of the controller whose index they share. */
static void collect_buses(const VhDomainDef *def, UsbMap *map)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->type != VH_CONTROLLER_USB || c->index.val >= BUSES_MAX)
                        continue;
                map->buses[c->index.val].there = true;
                map->buses[c->index.val].n_ports = VH_MAX(map->buses[c->index.val].n_ports, root_ports(c));
        }
}

static bool on_usb(VhDeviceKind kind, const void *dev)
{
        enum { SOUND_USB = 7 };

        switch (kind) {
        case VH_DEVICE_DISK:
                return ((const VhDisk *)dev)->bus == VH_DISK_BUS_USB;
        case VH_DEVICE_INPUT:
                return ((const VhInput *)dev)->bus == VH_INPUT_BUS_USB;
        case VH_DEVICE_HUB:
        case VH_DEVICE_REDIRDEV:
                return true;
        case VH_DEVICE_SOUND:
                return ((const VhSound *)dev)->model == SOUND_USB;
        case VH_DEVICE_SERIAL:
                return ((const VhChr *)dev)->target_type == VH_CHR_TARGET_USB_SERIAL;
        case VH_DEVICE_HOSTDEV:
                return ((const VhHostdev *)dev)->type == VH_HOSTDEV_USB;
        case VH_DEVICE_CONTROLLER:
                return ((const VhController *)dev)->type == VH_CONTROLLER_CCID;
        default:
                return false;
        }
}

static int note_port(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        UsbMap *map = opaque;
        unsigned port;

        if (info && info->address.type == VH_ADDRESS_USB && info->address.usb.bus < BUSES_MAX &&
            vh_parse_uint(info->address.usb.port, &port) == 0 && port < 32)
                map->buses[info->address.usb.bus].taken |= 1u << port;
        return 0;
}

static bool take_port(UsbBus *bus, VhAddress *a, uint32_t number)
{
        for (uint32_t port = 1; bus->there && port <= bus->n_ports; port++)
                if (!(bus->taken & 1u << port)) {
                        bus->taken |= 1u << port;
                        a->type = VH_ADDRESS_USB;
                        a->usb.bus = number;
                        snprintf(a->usb.port, sizeof(a->usb.port), "%u", port);
                        return true;
                }
        return false;
}

/* A device for which no port is left keeps its place open: the guest's start has to tell. */
static int give_port(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        UsbMap *map = opaque;
        bool fixed_bus;

        if (!on_usb(kind, dev) || (kind == VH_DEVICE_HUB) != map->hubs)
                return 0;
        fixed_bus = info->address.type == VH_ADDRESS_USB;
        if (fixed_bus ? *info->address.usb.port : info->address.type != VH_ADDRESS_NONE)
                return 0;
        for (uint32_t i = 0; i < BUSES_MAX; i++)
                if ((!fixed_bus || info->address.usb.bus == i) && take_port(&map->buses[i], &info->address, i))
                        return 0;
        return 0;
}

int qemu_domain_assign_usb(VhDomainDef *def, VhError **err)
{
        UsbMap map = {};

        collect_buses(def, &map);
        vh_domain_each_device(def, note_port, &map);
        map.hubs = true;
        vh_domain_each_device(def, give_port, &map);
        map.hubs = false;
        return vh_domain_each_device(def, give_port, &map);
}

uint32_t qemu_usb_bus_ports(const VhDomainDef *def, uint32_t bus)
{
        UsbMap map = {};

        collect_buses(def, &map);
        return bus < BUSES_MAX ? map.buses[bus].n_ports : ROOT_PORTS_MAX;
}
