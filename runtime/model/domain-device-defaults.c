/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices get that their definition leaves open, and devices that others need. */

#include "model/domain.h"

#include <errno.h>
#include <sys/random.h>

enum {
        /* Disks that a controller takes. */
        IDE_PER_CONTROLLER = 4,
        IDE_PER_BUS = 2,
        FDC_PER_CONTROLLER = 2,
        SATA_PER_CONTROLLER = 6,
};

/* ---- controllers ---- */

VhController *vh_domain_find_controller(const VhDomainDef *def, VhControllerType type, uint32_t index)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhController *c = def->controllers.items[i];

                if (c->type == type && c->index.set && c->index.val == index)
                        return c;
        }
        return NULL;
}

/* Behind those of its type with lower numbers; before all others of its type. */
static uint32_t place_of_controller(const VhDomainDef *def, const VhController *c)
{
        uint32_t place = def->controllers.n;

        for (uint32_t i = def->controllers.n; i > 0; i--) {
                const VhController *other = def->controllers.items[i - 1];

                if (other->type != c->type)
                        continue;
                if (!c->index.set || !other->index.set || other->index.val <= c->index.val)
                        return i;
                place = i - 1;
        }
        return place;
}

static void sort_controllers(VhDomainDef *def)
{
        typeof(def->controllers) all = def->controllers;

        def->controllers = (typeof(all)){ 0 };
        for (uint32_t i = 0; i < all.n; i++)
                vh_list_insert(&def->controllers, place_of_controller(def, all.items[i]), all.items[i]);
        free(all.items);
}

VhController *vh_domain_add_controller(VhDomainDef *def, VhControllerType type, uint32_t index)
{
        VhController *c = vh_new(VhController, 1);

        c->type = type;
        c->index = (VhOptUint){ .val = index, .set = true };
        vh_list_add(&def->controllers, c);
        return c;
}

static bool is_usb_companion(const VhController *c)
{
        return c->type == VH_CONTROLLER_USB && c->model >= VH_CTRL_ICH9_UHCI1 && c->model <= VH_CTRL_ICH9_UHCI3;
}

/* A companion of USB 2 shares the number of the controller that it belongs to: the one listed before it. NULL: it has
 * none. */
static const VhController *usb_master(const VhDomainDef *def, uint32_t companion)
{
        if (!is_usb_companion(def->controllers.items[companion]))
                return NULL;
        for (uint32_t i = companion; i > 0; i--) {
                const VhController *c = def->controllers.items[i - 1];

                if (c->type == VH_CONTROLLER_USB && c->model == VH_CTRL_ICH9_EHCI1)
                        return c;
        }
        return NULL;
}

static void number_controllers(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhController *c = def->controllers.items[i];
                const VhController *master = usb_master(def, i);
                uint32_t index = 0;

                if (c->index.set)
                        continue;
                if (master) {
                        c->index = master->index;
                        continue;
                }
                while (vh_domain_find_controller(def, c->type, index))
                        index++;
                c->index = (VhOptUint){ .val = index, .set = true };
        }
}

static void need_controllers(VhDomainDef *def, VhControllerType type, uint32_t last)
{
        for (uint32_t i = 0; i <= last && i <= VH_CONTROLLER_INDEX_MAX; i++)
                if (!vh_domain_find_controller(def, type, i))
                        vh_domain_add_controller(def, type, i);
}

/* ---- disks ---- */

static VhDiskBus bus_of_target(const VhDisk *disk)
{
        const char *t = disk->target;

        if (vh_startswith(t, "hd"))
                return VH_DISK_BUS_IDE;
        if (vh_startswith(t, "sd"))
                return VH_DISK_BUS_SCSI;
        if (vh_startswith(t, "vd"))
                return VH_DISK_BUS_VIRTIO;
        if (vh_startswith(t, "xvd"))
                return VH_DISK_BUS_XEN;
        if (vh_startswith(t, "ubd"))
                return VH_DISK_BUS_UML;
        return disk->device == VH_DISK_DEVICE_FLOPPY ? VH_DISK_BUS_FDC : VH_DISK_BUS_IDE;
}

/* The number behind the letters of "vda", "sdab1"; -1 if the name has another form. */
static int index_of_target(const char *target)
{
        static const char *const prefixes[] = { "fd", "hd", "vd", "sd", "xvd", "ubd" };
        const char *s = NULL;
        unsigned n = 0;

        for (size_t i = 0; target && i < VH_ARRAY_SIZE(prefixes) && !s; i++)
                s = vh_startswith(target, prefixes[i]);
        if (!s || *s < 'a' || *s > 'z')
                return -1;
        for (; *s >= 'a' && *s <= 'z'; s++) {
                n = n * 26 + (unsigned)(*s - 'a' + 1);
                if (n > 1000000)
                        return -1;
        }
        return s[strspn(s, "0123456789")] ? -1 : (int)n - 1;
}

static bool drive_taken(const VhDomainDef *def, VhDiskBus bus, const VhAddress *a)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *d = def->disks.items[i];

                if (d->bus == bus && d->info.address.type == VH_ADDRESS_DRIVE &&
                    memcmp(&d->info.address.drive, &a->drive, sizeof(a->drive)) == 0)
                        return true;
        }
        return false;
}

static void drive_address(VhDiskBus bus, uint32_t n, VhAddress *a)
{
        a->type = VH_ADDRESS_DRIVE;
        switch (bus) {
        case VH_DISK_BUS_IDE:
                a->drive.controller = n / IDE_PER_CONTROLLER;
                a->drive.bus = n % IDE_PER_CONTROLLER / IDE_PER_BUS;
                a->drive.unit = n % IDE_PER_BUS;
                return;
        case VH_DISK_BUS_FDC:
                a->drive.controller = n / FDC_PER_CONTROLLER;
                a->drive.unit = n % FDC_PER_CONTROLLER;
                return;
        case VH_DISK_BUS_SATA:
                a->drive.controller = n / SATA_PER_CONTROLLER;
                a->drive.unit = n % SATA_PER_CONTROLLER;
                return;
        default:
                a->drive.controller = n / VH_SCSI_PER_CONTROLLER;
                a->drive.unit = n % VH_SCSI_PER_CONTROLLER;
        }
}

static bool bus_has_drives(VhDiskBus bus)
{
        return bus == VH_DISK_BUS_IDE || bus == VH_DISK_BUS_FDC || bus == VH_DISK_BUS_SATA || bus == VH_DISK_BUS_SCSI;
}

static int default_disk_address(const VhDomainDef *def, VhDisk *disk, VhError **err)
{
        int n = index_of_target(disk->target);
        VhAddress a = {};

        if (!bus_has_drives(disk->bus) || disk->info.address.type != VH_ADDRESS_NONE)
                return 0;
        if (n < 0)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "Unknown disk name '%s' and no address specified", disk->target);
        drive_address(disk->bus, (uint32_t)n, &a);
        if (disk->bus == VH_DISK_BUS_SCSI)
                while (drive_taken(def, disk->bus, &a))
                        drive_address(disk->bus, (uint32_t)++n, &a);
        disk->info.address = a;
        return 0;
}

static bool disk_is_empty(const VhDisk *disk)
{
        return !disk->src.path && !disk->src.network && !disk->src.volume && disk->src.type != VH_DISK_TYPE_NVME;
}

static int check_disk(const VhDisk *disk, VhError **err)
{
        bool removable = disk->device == VH_DISK_DEVICE_CDROM || disk->device == VH_DISK_DEVICE_FLOPPY;

        if (!disk->target)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_TARGET, disk->src.path ? "%s" : NULL,
                                    disk->src.path);
        if (!removable && disk_is_empty(disk))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_SOURCE, "%s", disk->target);
        return 0;
}

/* Ports that the protocols have by custom; by the protocol's word. */
static const char *port_of_protocol(unsigned protocol)
{
        static const char *const ports[] = { NULL,  "10809", NULL,  "7000", "24007", "3260", "80",
                                             "443", "21",    "990", "69",   "22",    "9999" };

        return protocol < VH_ARRAY_SIZE(ports) ? ports[protocol] : NULL;
}

static void default_ports(VhNetworkSource *net)
{
        enum { TCP = 1 };
        const char *port = port_of_protocol(net->protocol);

        for (uint32_t i = 0; i < net->hosts.n; i++) {
                VhStorageHost *host = net->hosts.items[i];

                if (port && !host->port && host->name && host->transport <= TCP)
                        host->port = vh_xstrdup(port);
                if (host->transport == TCP)
                        host->transport = 0;
        }
}

/* An iSCSI target without a unit means its first. */
static void default_unit(VhNetworkSource *net)
{
        enum { ISCSI = 5 };

        if (net->protocol == ISCSI && net->name && !strchr(net->name, '/')) {
                char *name = vh_xasprintf("%s/0", net->name);

                free(net->name);
                net->name = name;
        }
}

static void default_network(VhNetworkSource *net)
{
        default_ports(net);
        default_unit(net);
}

/* Limits that limit nothing are none. */
static void default_iotune(VhDisk *disk)
{
        static const VhDiskIotune none;

        if (!disk->iotune || memcmp(disk->iotune, &none, sizeof(none)) != 0)
                return;
        free(disk->iotune);
        disk->iotune = NULL;
}

static void default_encryption(VhStorageEncryption *e)
{
        enum { ENGINE_QEMU = 1 };

        if (e && !e->engine)
                e->engine = ENGINE_QEMU;
}

static int default_disk(const VhDomainDef *def, VhDisk *disk, VhError **err)
{
        enum { CACHE_DEFAULT = 1, TRAY_CLOSED = 1, SNAPSHOT_NO = 1 };
        int r = check_disk(disk, err);

        if (disk->src.network)
                default_network(disk->src.network);
        if (r < 0)
                return r;
        if (disk->device == VH_DISK_DEVICE_CDROM)
                disk->readonly = true;
        if (disk->cache == CACHE_DEFAULT)
                disk->cache = 0;
        if (disk->tray == TRAY_CLOSED)
                disk->tray = 0;
        if (disk->transient && disk->transient->share_backing == VH_NO)
                disk->transient->share_backing = 0;
        default_iotune(disk);
        default_encryption(disk->encryption);
        default_encryption(disk->src.encryption);
        /* There never is one of what nobody can write to. */
        if (disk->readonly && disk->snapshot == SNAPSHOT_NO)
                disk->snapshot = 0;
        if (!disk->bus)
                disk->bus = bus_of_target(disk);
        return default_disk_address(def, disk, err);
}

/* ---- interfaces ---- */

static const uint8_t mac_prefix[3] = { 0x52, 0x54, 0x00 };

/* Open vSwitch knows a port by an id that is the interface's own. */
static void default_virtualport(VhVirtualPort *port)
{
        enum { OPENVSWITCH = 4 };
        uint8_t id[VH_UUID_LEN];

        if (port->type != OPENVSWITCH || port->interfaceid)
                return;
        vh_uuid_generate(id);
        port->interfaceid = vh_xcalloc(1, VH_UUID_TEXT_LEN + 1);
        vh_uuid_format(id, port->interfaceid);
}

static int default_net(VhNet *net, VhError **err)
{
        enum { VEPA = 1 };
        static const uint8_t no_mac[6];

        if (net->mac[0] & 1)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "expected unicast mac address, found multicast '%02x:%02x:%02x:%02x:%02x:%02x'",
                                    net->mac[0], net->mac[1], net->mac[2], net->mac[3], net->mac[4], net->mac[5]);
        if ((net->type == VH_NET_NETWORK && !net->network) || (net->type == VH_NET_BRIDGE && !net->bridge))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "interface type='%s' requires a 'source' element",
                                    net->type == VH_NET_NETWORK ? "network" : "bridge");
        if (net->type == VH_NET_DIRECT && !net->direct_mode)
                net->direct_mode = VEPA;
        if (memcmp(net->mac, no_mac, sizeof(no_mac)) == 0) {
                memcpy(net->mac, mac_prefix, sizeof(mac_prefix));
                if (getrandom(net->mac + 3, 3, 0) != 3)
                        abort();
        }
        if (net->virtport)
                default_virtualport(net->virtport);
        return 0;
}

/* ---- character devices ---- */

typedef VH_LIST(VhChr) ChrList;

static void number_ports(ChrList *list)
{
        uint32_t next = 0;

        for (uint32_t i = 0; i < list->n; i++)
                if (list->items[i]->port.set && list->items[i]->port.val >= next)
                        next = list->items[i]->port.val + 1;
        for (uint32_t i = 0; i < list->n; i++)
                if (!list->items[i]->port.set)
                        list->items[i]->port = (VhOptUint){ .val = next++, .set = true };
}

/* Consoles are numbered as they stand there, whatever they say. */
static void number_consoles(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->consoles.n; i++)
                if (i || !def->serials.n || def->consoles.items[i]->target_type != VH_CHR_TARGET_SERIAL)
                        def->consoles.items[i]->port = (VhOptUint){ .val = i, .set = true };
}

static bool is_serial_console(const VhChr *chr)
{
        return chr->target_type == VH_CHR_TARGET_NONE || chr->target_type == VH_CHR_TARGET_SERIAL;
}

/* A port of the machine itself, which brings a console. */
static bool is_plain_serial(const VhChr *chr)
{
        return chr->target_type == VH_CHR_TARGET_NONE || chr->target_type == VH_CHR_TARGET_ISA_SERIAL ||
               chr->target_type == VH_CHR_TARGET_SPAPR_VIO_SERIAL || chr->target_type == VH_CHR_TARGET_SYSTEM_SERIAL ||
               chr->target_type == VH_CHR_TARGET_SCLP_SERIAL;
}

static VhChr *serial_of_console(const VhChr *console)
{
        VhChr *serial = vh_xml_bind_dup(vh_device_class(VH_DEVICE_CONSOLE)->table, console);

        serial->target_type = VH_CHR_TARGET_NONE;
        serial->port = (VhOptUint){ .val = 0, .set = true };
        serial->info.address = (VhAddress){};
        vh_strset(&serial->info.alias, NULL);
        return serial;
}

static VhChr *console_of_serial(const VhChr *serial)
{
        VhChr *console = vh_xml_bind_dup(vh_device_class(VH_DEVICE_CONSOLE)->table, serial);

        console->target_type = VH_CHR_TARGET_SERIAL;
        console->port = serial->port;
        if (serial->info.address.type != VH_ADDRESS_ISA)
                console->info.address = (VhAddress){};
        return console;
}

/* In a full virtual machine the first console and the first serial port are two views of one device. */
static void pair_console(VhDomainDef *def)
{
        VhChr *first = def->consoles.n ? def->consoles.items[0] : NULL;
        bool is_pair = first && is_serial_console(first);

        if (def->os.type != VH_OS_HVM)
                return;
        if (is_pair && !def->serials.n)
                vh_list_add(&def->serials, serial_of_console(first));
        if (!def->serials.n || (!is_pair && !is_plain_serial(def->serials.items[0])))
                return;
        if (is_pair)
                vh_xml_bind_free(vh_device_class(VH_DEVICE_CONSOLE)->table, vh_list_take(&def->consoles, 0));
        vh_list_insert(&def->consoles, 0, console_of_serial(def->serials.items[0]));
}

static void default_consoles(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->consoles.n; i++)
                if (!def->consoles.items[i]->target_type)
                        def->consoles.items[i]->target_type = def->os.type == VH_OS_HVM || def->os.type == VH_OS_NONE
                                                                      ? VH_CHR_TARGET_SERIAL
                                                              : def->os.type == VH_OS_EXE ? VH_CHR_TARGET_LXC
                                                                                          : VH_CHR_TARGET_XEN;
        number_ports((ChrList *)&def->serials);
        number_ports((ChrList *)&def->parallels);
        pair_console(def);
}

static void default_chr_source(VhChrSource *source)
{
        enum { RAW = 1, BIND = 2 };

        if (source->type == VH_CHR_TCP && !source->protocol)
                source->protocol = RAW;
        /* A socket without a path gets one when the domain starts. */
        if (source->type == VH_CHR_UNIX && !source->path && !source->reconnect)
                source->mode = 0;
        if (source->type == VH_CHR_UDP && source->ends.n == 2 && source->ends.items[1]->mode == BIND) {
                VhChrEnd *bind = vh_list_take(&source->ends, 1);

                vh_list_insert(&source->ends, 0, bind);
        }
}

static void default_chr_sources(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->serials.n; i++)
                default_chr_source(&def->serials.items[i]->source);
        for (uint32_t i = 0; i < def->parallels.n; i++)
                default_chr_source(&def->parallels.items[i]->source);
        for (uint32_t i = 0; i < def->consoles.n; i++)
                default_chr_source(&def->consoles.items[i]->source);
        for (uint32_t i = 0; i < def->channels.n; i++)
                default_chr_source(&def->channels.items[i]->source);
        for (uint32_t i = 0; i < def->redirdevs.n; i++)
                default_chr_source(&def->redirdevs.items[i]->source);
        for (uint32_t i = 0; i < def->smartcards.n; i++)
                default_chr_source(&def->smartcards.items[i]->source);
        for (uint32_t i = 0; i < def->rngs.n; i++)
                default_chr_source(&def->rngs.items[i]->source);
}

/* ---- order ---- */

/* Where the disk at place i belongs: before the first one of its bus with a later name, else behind the last one of its
 * bus. */
static uint32_t place_of_disk(const VhDomainDef *def, uint32_t i)
{
        const VhDisk *disk = def->disks.items[i];
        uint32_t place = i;

        for (uint32_t j = i; j > 0; j--) {
                const VhDisk *other = def->disks.items[j - 1];

                if (other->bus != disk->bus)
                        continue;
                if (index_of_target(other->target) <= index_of_target(disk->target))
                        return place == i ? j : place;
                place = j - 1;
        }
        return place;
}

static void sort_disks(VhDomainDef *def)
{
        for (uint32_t i = 1; i < def->disks.n; i++) {
                uint32_t place = place_of_disk(def, i);

                if (place != i) {
                        VhDisk *disk = vh_list_take(&def->disks, i);

                        vh_list_insert(&def->disks, place, disk);
                }
        }
}

int vh_domain_device_defaults(VhDomainDef *def, VhError **err)
{
        if (def->os.nvram && def->os.nvram->source.network)
                default_network(def->os.nvram->source.network);
        sort_disks(def); /* by the buses that they name */
        for (uint32_t i = 0; i < def->disks.n; i++) {
                int r = default_disk(def, def->disks.items[i], err);

                if (r < 0)
                        return r;
        }
        for (uint32_t i = 0; i < def->nets.n; i++) {
                int r = default_net(def->nets.items[i], err);

                if (r < 0)
                        return r;
        }
        vh_domain_display_defaults(def);
        vh_domain_small_defaults(def);
        default_chr_sources(def);
        default_consoles(def);
        number_controllers(def);
        vh_domain_place_scsi_hostdevs(def);
        return 0;
}

static void imply_disk_controllers(VhDomainDef *def, VhDiskBus bus, VhControllerType type)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->bus == bus && def->disks.items[i]->info.address.type == VH_ADDRESS_DRIVE)
                        need_controllers(def, type, def->disks.items[i]->info.address.drive.controller);
}

void vh_domain_sort(VhDomainDef *def)
{
        sort_disks(def);
        sort_controllers(def);
        number_consoles(def);
}

void vh_domain_implied_devices(VhDomainDef *def)
{
        uint32_t n_scsi = vh_domain_scsi_hostdev_controllers(def);

        imply_disk_controllers(def, VH_DISK_BUS_SCSI, VH_CONTROLLER_SCSI);
        if (n_scsi)
                need_controllers(def, VH_CONTROLLER_SCSI, n_scsi - 1);
        imply_disk_controllers(def, VH_DISK_BUS_FDC, VH_CONTROLLER_FDC);
        imply_disk_controllers(def, VH_DISK_BUS_IDE, VH_CONTROLLER_IDE);
        imply_disk_controllers(def, VH_DISK_BUS_SATA, VH_CONTROLLER_SATA);
        for (uint32_t i = 0; i < def->channels.n; i++)
                if (def->channels.items[i]->target_type == VH_CHR_TARGET_VIRTIO)
                        need_controllers(def, VH_CONTROLLER_VIRTIO_SERIAL,
                                         def->channels.items[i]->info.address.type == VH_ADDRESS_VIRTIO_SERIAL
                                                 ? def->channels.items[i]->info.address.virtio_serial.controller
                                                 : 0);
        for (uint32_t i = 0; i < def->consoles.n; i++)
                if (def->consoles.items[i]->target_type == VH_CHR_TARGET_VIRTIO)
                        need_controllers(def, VH_CONTROLLER_VIRTIO_SERIAL, 0);
        if (def->smartcards.n)
                need_controllers(def, VH_CONTROLLER_CCID, 0);
}
