/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI addresses.
 *
 * Devices are taken in a fixed order, so that a definition always gets the same addresses. Without PCI Express each
 * device takes the next free slot of the one bus, or of one more bridge. With it an express device takes a root port,
 * and a conventional one a slot of a bridge behind a root port; ports and bridges that are missing are made first, in a
 * trial on a copy of the map, because they take addresses themselves and theirs come first. */

#include "guest-defaults.h"
#include "guest-pci-needs.h"

#include <errno.h>

enum {
        SLOTS = 32,
        FUNCTIONS = 8,
        BUSES_MAX = 256,
        /* Slots of the machines' own devices. */
        SLOT_HOST = 0,
        SLOT_PIIX = 1,
        SLOT_VIDEO_PC = 2,
        SLOT_VIDEO_Q35 = 1,
        SLOT_ICH9 = 0x1f,
        SLOT_ICH9_SOUND = 0x1b,
        SLOT_ICH9_USB = 0x1d,
        SLOT_DMI_BRIDGE = 0x1e,
        FUNCTION_IDE = 1,
        FUNCTION_USB = 2,
        FUNCTION_SATA = 2,
};

typedef struct Bus {
        bool there;
        QemuPciNeed takes;
        uint8_t first_slot, last_slot;
        uint8_t functions[SLOTS]; /* bits of functions that are taken */
        uint8_t aggregate[SLOTS]; /* slots that root ports share */
} Bus;

typedef struct Map {
        Bus *buses;        /* BUSES_MAX */
        bool q35;          /* with its chips in their places */
        bool piix;         /* likewise i440fx */
        bool express;      /* root ports and what sits on them */
        bool host_bridges; /* another where one is full */
        bool grow;         /* missing ports may be made: the trial */
        uint32_t added;    /* ports and bridges made, in the order of their buses */
        VhControllerModel models[BUSES_MAX];
        VhError **err;
} Map;

/* ---- the map ---- */

static void set_bus(Map *map, uint32_t index, VhControllerModel model)
{
        Bus *bus = &map->buses[index];

        bus->there = true;
        bus->first_slot = 1;
        bus->last_slot = SLOTS - 1;
        switch (model) {
        case VH_CTRL_PCI_ROOT:
        case VH_CTRL_PCI_BRIDGE:
        case VH_CTRL_PCIE_TO_PCI_BRIDGE:
        case VH_CTRL_PCI_EXPANDER_BUS:
                bus->takes = NEED_PCI;
                return;
        case VH_CTRL_DMI_TO_PCI_BRIDGE: /* nothing is plugged into it while the guest runs */
                bus->takes = NEED_BRIDGE;
                bus->first_slot = 0;
                return;
        case VH_CTRL_PCIE_ROOT_PORT:
        case VH_CTRL_PCIE_SWITCH_DOWNSTREAM:
                bus->takes = NEED_PCIE;
                bus->first_slot = bus->last_slot = 0;
                return;
        case VH_CTRL_PCIE_ROOT:
                bus->takes = NEED_ROOT;
                return;
        case VH_CTRL_PCIE_SWITCH_UPSTREAM:
                bus->takes = NEED_DOWNSTREAM;
                bus->first_slot = 0;
                return;
        default:
                bus->takes = NEED_NOTHING;
        }
}

static void reserve(Map *map, const VhPciAddress *a)
{
        Bus *bus = &map->buses[a->bus];

        /* A function 0 that is not shared takes the slot. */
        if (a->function == 0 && a->multifunction != VH_ON)
                bus->functions[a->slot] = 0xff;
        else
                bus->functions[a->slot] |= (uint8_t)(1u << a->function);
}

/* Root ports leave the rest of their slot to others of their kind. */
static void reserve_root_port(Map *map, const VhPciAddress *a)
{
        Bus *bus = &map->buses[a->bus];

        bus->functions[a->slot] |= (uint8_t)(1u << a->function);
        bus->aggregate[a->slot] = (uint8_t)VH_MAX(bus->aggregate[a->slot], a->function + 1);
}

static void reserve_slot(Map *map, uint8_t slot)
{
        map->buses[0].functions[slot] = 0xff;
}

static bool is_assigned(const VhDeviceInfo *info)
{
        const VhPciAddress *a = &info->address.pci;

        return info->address.type == VH_ADDRESS_PCI && (a->domain || a->bus || a->slot || a->function);
}

static bool may_assign(const VhDeviceInfo *info)
{
        return info->address.type == VH_ADDRESS_NONE || (info->address.type == VH_ADDRESS_PCI && !is_assigned(info));
}

static bool add_bus(Map *map, VhControllerModel model)
{
        for (uint32_t i = 1; i < BUSES_MAX; i++)
                if (!map->buses[i].there) {
                        set_bus(map, i, model);
                        map->models[i] = model;
                        map->added++;
                        return true;
                }
        return false;
}

/* What is made where a bus is missing. */
static VhControllerModel usual_bus(const Map *map)
{
        return map->express ? VH_CTRL_PCIE_ROOT_PORT : map->host_bridges ? VH_CTRL_PCI_ROOT : VH_CTRL_PCI_BRIDGE;
}

static int note_address(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        Map *map = opaque;
        const VhPciAddress *a;

        if (!info || !is_assigned(info) || info->address.pci.domain)
                return 0;
        a = &info->address.pci;
        while (map->grow && !map->buses[a->bus].there && add_bus(map, usual_bus(map)))
                ;
        if (map->buses[a->bus].functions[a->slot] >> a->function & 1)
                return vh_error_set(map->err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "Attempted double use of PCI Address %04x:%02x:%02x.%x", a->domain, a->bus, a->slot,
                                    a->function);
        if (kind == VH_DEVICE_CONTROLLER && ((const VhController *)dev)->model == VH_CTRL_PCIE_ROOT_PORT)
                reserve_root_port(map, a);
        else
                reserve(map, a);
        return 0;
}

static void give(VhDeviceInfo *info, uint32_t bus, uint32_t slot, uint32_t function)
{
        VhAddress before = info->address;

        info->address = (VhAddress){ .type = VH_ADDRESS_PCI };
        if (before.type == VH_ADDRESS_PCI)
                info->address.pci = before.pci;
        info->address.pci.bus = (uint8_t)bus;
        info->address.pci.slot = (uint8_t)slot;
        info->address.pci.function = (uint8_t)function;
}

static bool serves(const Bus *bus, QemuPciNeed need)
{
        return bus->takes == need || (need == NEED_BRIDGE && bus->takes == NEED_PCI);
}

static bool find_slot(const Map *map, QemuPciNeed need, uint32_t *busp, uint32_t *slotp)
{
        for (uint32_t i = 0; i < BUSES_MAX; i++) {
                const Bus *bus = &map->buses[i];

                if (!bus->there || !serves(bus, need))
                        continue;
                for (uint32_t slot = bus->first_slot; slot <= bus->last_slot; slot++)
                        if (!bus->functions[slot]) {
                                *busp = i;
                                *slotp = slot;
                                return true;
                        }
        }
        return false;
}

/* ---- making ports ---- */

/* Makes room for one more device of that kind. */
static bool grow(Map *map, QemuPciNeed need)
{
        uint32_t bus, slot;

        if (!map->grow)
                return false;
        if (!map->express)
                return add_bus(map, usual_bus(map));
        if (need == NEED_PCIE)
                return add_bus(map, VH_CTRL_PCIE_ROOT_PORT);
        if (find_slot(map, NEED_BRIDGE, &bus, &slot)) {
                map->buses[bus].functions[slot] = 0xff;
                return add_bus(map, VH_CTRL_PCI_BRIDGE);
        }
        if (!find_slot(map, NEED_PCIE, &bus, &slot)) {
                if (!add_bus(map, VH_CTRL_PCIE_ROOT_PORT) || !find_slot(map, NEED_PCIE, &bus, &slot))
                        return false;
        }
        /* The bridge sits on the port. */
        map->buses[bus].functions[slot] = 0xff;
        return add_bus(map, VH_CTRL_PCIE_TO_PCI_BRIDGE);
}

static int assign(Map *map, VhDeviceInfo *info, QemuPciNeed need)
{
        uint32_t bus, slot;

        if (!may_assign(info) || need == NEED_NOTHING)
                return 0;
        while (!find_slot(map, need, &bus, &slot))
                if (!grow(map, need))
                        return vh_error_set(map->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                            "No more available PCI slots");
        give(info, bus, slot, 0);
        reserve(map, &info->address.pci);
        return 0;
}

/* Root ports share slots of the root bus, eight to one. */
static void share_slot(VhDomainDef *def, uint32_t slot)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhPciAddress *a = &def->controllers.items[i]->info.address.pci;

                if (is_assigned(&def->controllers.items[i]->info) && !a->bus && a->slot == slot && !a->function)
                        a->multifunction = VH_ON;
        }
}

static int assign_root_port(Map *map, VhDomainDef *def, VhDeviceInfo *info)
{
        Bus *root = &map->buses[0];

        if (!may_assign(info))
                return 0;
        for (uint32_t slot = 1; slot < SLOTS; slot++) {
                uint32_t function = root->aggregate[slot];

                if ((function == 0 && root->functions[slot]) || function >= FUNCTIONS)
                        continue;
                give(info, 0, slot, function);
                if (function > 0)
                        share_slot(def, slot);
                root->functions[slot] |= (uint8_t)(1u << function);
                root->aggregate[slot]++;
                return 0;
        }
        return vh_error_set(map->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "No more available PCI slots");
}

/* ---- fixed places ---- */

static void fix(Map *map, VhDeviceInfo *info, uint8_t slot, uint8_t function)
{
        if (!may_assign(info))
                return;
        give(info, 0, slot, function);
}

/* The first of a kind sits on the machine's own chip. */
static void fix_onboard(Map *map, VhDomainDef *def)
{
        const VhController *usb = vh_domain_find_controller(def, VH_CONTROLLER_USB, 0);
        VhController *ide = vh_domain_find_controller(def, VH_CONTROLLER_IDE, 0);
        VhController *sata = vh_domain_find_controller(def, VH_CONTROLLER_SATA, 0);

        if (map->piix && ide)
                fix(map, &ide->info, SLOT_PIIX, FUNCTION_IDE);
        if (map->piix && usb && usb->model == VH_CTRL_PIIX3_UHCI)
                fix(map, (VhDeviceInfo *)&usb->info, SLOT_PIIX, FUNCTION_USB);
        if (map->q35 && sata)
                fix(map, &sata->info, SLOT_ICH9, FUNCTION_SATA);
}

static VhVideo *primary_video(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->videos.n; i++)
                if (def->videos.items[i]->primary == VH_YES)
                        return def->videos.items[i];
        return NULL;
}

static void fix_video(Map *map, VhDomainDef *def)
{
        VhVideo *video = primary_video(def);
        uint8_t slot = map->q35 ? SLOT_VIDEO_Q35 : SLOT_VIDEO_PC;

        if ((map->q35 || map->piix) && video && qemu_pci_need_of_video(map->express, video) != NEED_NOTHING &&
            !map->buses[0].functions[slot] && may_assign(&video->info)) {
                give(&video->info, 0, slot, 0);
                reserve(map, &video->info.address.pci);
        }
}

static void fix_sound(Map *map, VhDomainDef *def)
{
        enum { ICH9 = 6 };

        for (uint32_t i = 0; map->q35 && i < def->sounds.n; i++)
                if (def->sounds.items[i]->model == ICH9 && !map->buses[0].functions[SLOT_ICH9_SOUND] &&
                    may_assign(&def->sounds.items[i]->info)) {
                        give(&def->sounds.items[i]->info, 0, SLOT_ICH9_SOUND, 0);
                        reserve(map, &def->sounds.items[i]->info.address.pci);
                }
}

/* ---- all devices in their order ---- */

/* The place that the chip set has for it, while it is free. */
static int assign_dmi_bridge(Map *map, VhDomainDef *def, VhDeviceInfo *info)
{
        if (!may_assign(info) || map->buses[0].functions[SLOT_DMI_BRIDGE])
                return assign_root_port(map, def, info);
        give(info, 0, SLOT_DMI_BRIDGE, 0);
        reserve(map, &info->address.pci);
        return 0;
}

static int assign_pci_controllers(Map *map, VhDomainDef *def)
{
        int r = 0;

        for (uint32_t i = 0; i < def->controllers.n && r == 0; i++) {
                VhController *c = def->controllers.items[i];

                if (c->type != VH_CONTROLLER_PCI)
                        continue;
                if (c->model == VH_CTRL_PCIE_ROOT_PORT)
                        r = assign_root_port(map, def, &c->info);
                else if (c->model == VH_CTRL_DMI_TO_PCI_BRIDGE)
                        r = assign_dmi_bridge(map, def, &c->info);
                else
                        r = assign(map, &c->info, qemu_pci_need_of_bridge(c->model));
        }
        return r;
}

/* USB companions are functions beside the controller that they belong to. */
static bool assign_companion(Map *map, const VhDomainDef *def, VhController *c)
{
        static const uint8_t functions[] = {
                [VH_CTRL_ICH9_EHCI1] = 7,
                [VH_CTRL_ICH9_UHCI1] = 0,
                [VH_CTRL_ICH9_UHCI2] = 1,
                [VH_CTRL_ICH9_UHCI3] = 2,
        };

        if (c->type != VH_CONTROLLER_USB || c->model < VH_CTRL_ICH9_EHCI1 || c->model > VH_CTRL_ICH9_UHCI3 ||
            !may_assign(&c->info))
                return false;
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *other = def->controllers.items[i];

                if (other == c || other->type != c->type || other->index.val != c->index.val ||
                    !is_assigned(&other->info))
                        continue;
                give(&c->info, other->info.address.pci.bus, other->info.address.pci.slot, functions[c->model]);
                if (functions[c->model] == 0)
                        c->info.address.pci.multifunction = VH_ON;
                return true;
        }
        if (map->q35 && !map->buses[0].functions[SLOT_ICH9_USB]) {
                give(&c->info, 0, SLOT_ICH9_USB, functions[c->model]);
                reserve_slot(map, SLOT_ICH9_USB);
        } else if (assign(map, &c->info, NEED_PCI) < 0) {
                return true;
        }
        c->info.address.pci.function = functions[c->model];
        if (functions[c->model] == 0)
                c->info.address.pci.multifunction = VH_ON;
        return true;
}

/* The first IDE controller of a machine that has it somewhere else than on PCI. */
static bool is_on_board(const VhDomainDef *def, const VhController *c)
{
        return c->type == VH_CONTROLLER_IDE && !c->index.val && qemu_platform_has(def, QEMU_HAS_IDE);
}

static int assign_controllers(Map *map, VhDomainDef *def)
{
        int r = 0;

        for (uint32_t i = 0; i < def->controllers.n && r == 0; i++) {
                VhController *c = def->controllers.items[i];

                if (is_on_board(def, c))
                        continue;
                if (!assign_companion(map, def, c))
                        r = assign(map, &c->info, qemu_pci_need_of_controller(map->express, c));
        }
        return r;
}

static int assign_front(Map *map, VhDomainDef *def)
{
        int r = 0;

        for (uint32_t i = 0; i < def->filesystems.n && r == 0; i++)
                r = assign(map, &def->filesystems.items[i]->info,
                           qemu_pci_need_of_virtio(map->express, def->filesystems.items[i]->model));
        for (uint32_t i = 0; i < def->nets.n && r == 0; i++)
                if (def->nets.items[i]->type != VH_NET_HOSTDEV)
                        r = assign(map, &def->nets.items[i]->info,
                                   qemu_pci_need_of_net(map->express, def->nets.items[i]));
        for (uint32_t i = 0; i < def->sounds.n && r == 0; i++)
                if (qemu_pci_is_sound(def->sounds.items[i]))
                        r = assign(map, &def->sounds.items[i]->info, NEED_PCI);
        if (r == 0)
                r = assign_controllers(map, def);
        for (uint32_t i = 0; i < def->disks.n && r == 0; i++)
                if (def->disks.items[i]->bus == VH_DISK_BUS_VIRTIO)
                        r = assign(map, &def->disks.items[i]->info,
                                   qemu_pci_need_of_virtio(map->express, def->disks.items[i]->model));
        return r;
}

static int assign_back(Map *map, VhDomainDef *def)
{
        enum { I6300ESB = 1, PVPANIC = 5, IOMMU_VIRTIO = 3, MEM_VIRTIO_PMEM = 3, MEM_VIRTIO_MEM = 4 };
        int r = 0;

        for (uint32_t i = 0; i < def->nets.n && r == 0; i++)
                if (def->nets.items[i]->type == VH_NET_HOSTDEV)
                        r = assign(map, &def->nets.items[i]->info, qemu_pci_need_express(map->express));
        for (uint32_t i = 0; i < def->hostdevs.n && r == 0; i++)
                if (qemu_pci_is_hostdev(def->hostdevs.items[i]))
                        r = assign(map, &def->hostdevs.items[i]->info, qemu_pci_need_express(map->express));
        if (r == 0 && def->memballoon && def->memballoon->model != VH_MEMBALLOON_NONE)
                r = assign(map, &def->memballoon->info,
                           def->memballoon->model == VH_MEMBALLOON_VIRTIO_TRANSITIONAL
                                   ? NEED_PCI
                                   : qemu_pci_need_express(map->express));
        for (uint32_t i = 0; i < def->rngs.n && r == 0; i++)
                r = assign(map, &def->rngs.items[i]->info,
                           qemu_pci_need_of_virtio(map->express, def->rngs.items[i]->model));
        if (r == 0 && def->watchdog && def->watchdog->model == I6300ESB)
                r = assign(map, &def->watchdog->info, NEED_PCI);
        for (uint32_t i = 0; i < def->videos.n && r == 0; i++)
                r = assign(map, &def->videos.items[i]->info,
                           qemu_pci_need_of_video(map->express, def->videos.items[i]));
        for (uint32_t i = 0; i < def->shmems.n && r == 0; i++)
                r = assign(map, &def->shmems.items[i]->info, NEED_PCI);
        for (uint32_t i = 0; i < def->inputs.n && r == 0; i++)
                if (def->inputs.items[i]->bus == VH_INPUT_BUS_VIRTIO)
                        r = assign(map, &def->inputs.items[i]->info, qemu_pci_need_express(map->express));
        for (uint32_t i = 0; i < def->serials.n && r == 0; i++)
                if (def->serials.items[i]->target_type == VH_CHR_TARGET_PCI_SERIAL)
                        r = assign(map, &def->serials.items[i]->info, NEED_PCI);
        for (uint32_t i = 0; i < def->panics.n && r == 0; i++)
                if (def->panics.items[i]->model == PVPANIC)
                        r = assign(map, &def->panics.items[i]->info, NEED_PCI);
        if (r == 0 && def->vsock)
                r = assign(map, &def->vsock->info, qemu_pci_need_of_virtio(map->express, def->vsock->model));
        for (uint32_t i = 0; i < def->memdevs.n && r == 0; i++)
                if (def->memdevs.items[i]->model == MEM_VIRTIO_PMEM || def->memdevs.items[i]->model == MEM_VIRTIO_MEM)
                        r = assign(map, &def->memdevs.items[i]->info, qemu_pci_need_express(map->express));
        if (r == 0 && def->iommu && def->iommu->model == IOMMU_VIRTIO)
                r = assign(map, &def->iommu->info, map->express ? NEED_ROOT : NEED_PCI);
        for (uint32_t i = 0; i < def->cryptos.n && r == 0; i++)
                r = assign(map, &def->cryptos.items[i]->info, qemu_pci_need_express(map->express));
        return r;
}

static void fill_map(Map *map, const VhDomainDef *def)
{
        memset(map->buses, 0, BUSES_MAX * sizeof(*map->buses));
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->type == VH_CONTROLLER_PCI && c->index.val < BUSES_MAX)
                        set_bus(map, c->index.val, c->model);
        }
        reserve_slot(map, SLOT_HOST);
        if (map->piix)
                map->buses[0].functions[SLOT_PIIX] = 1 << 0 | 1 << 3;
        else if (map->q35)
                map->buses[0].functions[SLOT_ICH9] = 1 << 0 | 1 << 3;
}

/* Host bridges have all numbers up to the last one. */
static void close_gaps(Map *map)
{
        uint32_t last = BUSES_MAX - 1;

        while (last && !map->buses[last].there)
                last--;
        for (uint32_t i = 1; map->grow && map->host_bridges && i < last; i++)
                if (!map->buses[i].there)
                        add_bus(map, usual_bus(map));
}

/* One pass over a definition. */
static int assign_all(Map *map, VhDomainDef *def)
{
        int r;

        fill_map(map, def);
        close_gaps(map);
        fix_onboard(map, def);
        r = vh_domain_each_device(def, note_address, map);
        if (r < 0)
                return r;
        fix_video(map, def);
        fix_sound(map, def);
        r = assign_pci_controllers(map, def);
        if (r == 0)
                r = assign_front(map, def);
        return r < 0 ? r : assign_back(map, def);
}

/* ---- ports that the trial made ---- */

/* Where the definition leaves the buses to us, one port more than needed is there, so that something can be plugged in.
 */
static int make_ports(Map *map, VhDomainDef *def)
{
        _vh_domain_def_ VhDomainDef *trial = vh_domain_def_copy(def);
        uint32_t bus, slot;
        int r;

        map->grow = true;
        r = assign_all(map, trial);
        map->grow = false;
        if (r < 0)
                return r;
        if (map->express && map->added && !qemu_pci_has_own_buses(def) && !find_slot(map, NEED_PCIE, &bus, &slot))
                add_bus(map, VH_CTRL_PCIE_ROOT_PORT);
        for (uint32_t i = 1; i < BUSES_MAX; i++)
                if (map->models[i])
                        qemu_pci_append_controller(def, map->models[i], i);
        return 0;
}

int qemu_domain_assign_pci(VhDomainDef *def, VhError **err)
{
        _vh_free_ Bus *buses = vh_new(Bus, BUSES_MAX);
        Map map = {
                .buses = buses,
                .q35 = qemu_domain_is_q35(def),
                .piix = qemu_domain_is_i440fx(def),
                .express = qemu_platform_has(def, QEMU_HAS_EXPRESS),
                .host_bridges = qemu_platform_has(def, QEMU_HAS_HOST_BRIDGES),
                .err = err,
        };
        int r = make_ports(&map, def);

        if (r == 0)
                r = assign_all(&map, def);
        if (r == 0)
                qemu_pci_complete_controllers(def, map.host_bridges);
        return r;
}

int qemu_domain_check_no_pci(VhDomainDef *def, VhError **err)
{
        _vh_free_ Bus *buses = vh_new(Bus, BUSES_MAX);
        _vh_domain_def_ VhDomainDef *trial = vh_domain_def_copy(def);
        _vh_error_ VhError *ignored = NULL;
        Map map = { .buses = buses, .err = &ignored };
        int r = assign_front(&map, trial);

        if (r == 0)
                r = assign_back(&map, trial);
        return r < 0 ? vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "No PCI buses available") : 0;
}
