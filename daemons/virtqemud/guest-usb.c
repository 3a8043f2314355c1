/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of USB controllers and hubs. Hubs come first, so that what follows may use their ports; where ports do not
 * suffice hubs are added. */

#include "guest-defaults.h"

#include <errno.h>
#include <stdio.h>

enum {
        BUSES_MAX = 16, /* USB controllers that we give ports of */
        ROOT_PORTS_MAX = 15,
        HUB_PORTS = 8,
        HUB_USB = 1,   /* VhHub.type */
        DEPTH_MAX = 4, /* numbers in a port: "1.1.1.1" */
};

/* The ports of a controller, or of a hub on one of them. */
typedef struct UsbPorts {
        uint32_t n;                                 /* 0: no controller */
        uint32_t taken;                             /* bit = port, from 1 */
        struct UsbPorts *below[ROOT_PORTS_MAX + 1]; /* of the hub on a port */
} UsbPorts;

typedef struct UsbMap {
        UsbPorts buses[BUSES_MAX];
        bool hubs;       /* which devices the present walk is about */
        uint32_t wanted; /* ports for devices that have none */
        VhError **err;
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

/* Companions sit on the ports of the controller whose index they share. False: there is no port at all, which the check
 * of the definition tells in better words. */
static bool collect_buses(const VhDomainDef *def, UsbMap *map)
{
        bool any = false;

        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->type != VH_CONTROLLER_USB || c->index.val >= BUSES_MAX)
                        continue;
                map->buses[c->index.val].n = VH_MAX(map->buses[c->index.val].n, root_ports(c));
                any |= root_ports(c) != 0;
        }
        return any;
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

static bool is_known(const VhAddress *a)
{
        return a->type == VH_ADDRESS_USB && *a->usb.port && a->usb.bus < BUSES_MAX;
}

/* The ports that the last number of a port is one of, and that number. NULL with *err: a hub is missing on the way.
 * What is no port at all is for the check of the whole definition: 0. */
static UsbPorts *find_ports(UsbMap *map, const VhAddress *a, unsigned *last)
{
        UsbPorts *ports = &map->buses[a->usb.bus];
        const char *text = a->usb.port;
        char *end;

        for (*last = (unsigned)strtoul(text, &end, 10); *end == '.'; *last = (unsigned)strtoul(end + 1, &end, 10)) {
                ports = *last <= ROOT_PORTS_MAX ? ports->below[*last] : NULL;
                if (!ports) {
                        vh_error_set(map->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                     "there is no hub at port %u in USB address bus: %u port: %s", *last, a->usb.bus,
                                     text);
                        return NULL;
                }
        }
        if (*last > ROOT_PORTS_MAX)
                *last = 0;
        return ports;
}

static void add_hub(UsbPorts *ports, unsigned port)
{
        if (port && !ports->below[port]) {
                ports->below[port] = vh_new(UsbPorts, 1);
                ports->below[port]->n = HUB_PORTS;
        }
}

static void free_hubs(UsbPorts *ports)
{
        for (unsigned i = 1; i <= ROOT_PORTS_MAX; i++)
                if (ports->below[i]) {
                        free_hubs(ports->below[i]);
                        free(ports->below[i]);
                }
}

static int note_port(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        UsbMap *map = opaque;
        UsbPorts *ports;
        unsigned port;

        if (!info || (kind == VH_DEVICE_HUB) != map->hubs || !is_known(&info->address))
                return 0;
        ports = find_ports(map, &info->address, &port);
        if (!ports)
                return -EINVAL;
        ports->taken |= 1u << port;
        if (kind == VH_DEVICE_HUB)
                add_hub(ports, port);
        return 0;
}

/* The first free port, those of hubs below after those here: writes its numbers behind text. */
static UsbPorts *take_port(UsbPorts *ports, unsigned depth, char *text, size_t size, unsigned *port)
{
        UsbPorts *found = NULL;

        for (*port = 1; *port <= ports->n; ++*port)
                if (!(ports->taken & 1u << *port)) {
                        ports->taken |= 1u << *port;
                        snprintf(text, size, "%u", *port);
                        return ports;
                }
        for (unsigned i = 1; !found && i <= ports->n && depth < DEPTH_MAX; i++)
                if (ports->below[i]) {
                        int n = snprintf(text, size, "%u.", i);

                        found = take_port(ports->below[i], depth + 1, text + n, size - (size_t)n, port);
                }
        return found;
}

/* Whether the present walk gives it a port. */
static bool wants_port(const UsbMap *map, VhDeviceKind kind, const void *dev, const VhDeviceInfo *info)
{
        if (!on_usb(kind, dev) || (kind == VH_DEVICE_HUB) != map->hubs)
                return false;
        return info->address.type == VH_ADDRESS_NONE ||
               (info->address.type == VH_ADDRESS_USB && !*info->address.usb.port);
}

static int count_wanted(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        UsbMap *map = opaque;

        map->wanted += wants_port(map, kind, dev, info);
        return 0;
}

static int give_port(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        UsbMap *map = opaque;
        VhAddress *a;
        bool fixed_bus;
        unsigned port;

        if (!wants_port(map, kind, dev, info))
                return 0;
        a = &info->address;
        fixed_bus = a->type == VH_ADDRESS_USB;
        for (uint32_t i = 0; i < BUSES_MAX; i++) {
                char text[sizeof(a->usb.port)] = "";
                UsbPorts *ports =
                        fixed_bus && a->usb.bus != i ? NULL : take_port(&map->buses[i], 1, text, sizeof(text), &port);

                if (!ports)
                        continue;
                a->type = VH_ADDRESS_USB;
                a->usb.bus = i;
                memcpy(a->usb.port, text, sizeof(text));
                if (kind == VH_DEVICE_HUB)
                        add_hub(ports, port);
                return 0;
        }
        return vh_error_set(map->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "No free USB ports");
}

static uint32_t free_ports(const UsbPorts *ports)
{
        uint32_t n = 0;

        for (unsigned i = 1; i <= ports->n; i++) {
                n += !(ports->taken & 1u << i);
                if (ports->below[i])
                        n += free_ports(ports->below[i]);
        }
        return n;
}

/* As many hubs as the reference adds, which may be one more than needed: each takes a port and has eight. */
static void append_hubs(VhDomainDef *def, UsbMap *map)
{
        uint32_t there = 0, n;

        for (uint32_t i = 0; i < BUSES_MAX; i++)
                there += free_ports(&map->buses[i]);
        vh_domain_each_device(def, count_wanted, map);
        n = map->wanted > there ? (map->wanted - there) / (HUB_PORTS - 1) + 1 : 0;
        while (n--) {
                VhHub *hub = vh_new(VhHub, 1);

                hub->type = HUB_USB;
                vh_list_add(&def->hubs, hub);
        }
}

/* A controller that is none is for the check of the definition, which has better words. */
static int check_no_bus(const VhDomainDef *def, UsbMap *map)
{
        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_USB)
                        return 0;
        vh_domain_each_device(def, count_wanted, map);
        map->hubs = false;
        vh_domain_each_device(def, count_wanted, map);
        return map->wanted && !qemu_is_x86(def)
                       ? vh_error_set(map->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                      "USB is disabled for this domain, but USB devices are present in the domain XML")
                       : 0;
}

int qemu_domain_assign_usb(VhDomainDef *def, VhError **err)
{
        UsbMap map = { .hubs = true, .err = err };
        int r;

        if (!collect_buses(def, &map))
                return check_no_bus(def, &map);
        r = vh_domain_each_device(def, note_port, &map);
        map.hubs = false;
        r = r < 0 ? r : vh_domain_each_device(def, note_port, &map);
        map.hubs = true;
        r = r < 0 ? r : vh_domain_each_device(def, give_port, &map);
        map.hubs = false;
        if (r == 0)
                append_hubs(def, &map);
        map.hubs = true;
        r = r < 0 ? r : vh_domain_each_device(def, give_port, &map);
        map.hubs = false;
        r = r < 0 ? r : vh_domain_each_device(def, give_port, &map);
        for (uint32_t i = 0; i < BUSES_MAX; i++)
                free_hubs(&map.buses[i]);
        return r;
}

uint32_t qemu_usb_bus_ports(const VhDomainDef *def, uint32_t bus)
{
        UsbMap map = {};

        collect_buses(def, &map);
        return bus < BUSES_MAX ? map.buses[bus].n : ROOT_PORTS_MAX;
}
