/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk may not be, whatever the hypervisor. */

#include "model/domain-check.h"
#include "model/domain-tables.h"

enum {
        MODEL_TRANSITIONAL = 2,
        MODEL_NON_TRANSITIONAL = 3,
        POLICY_ENOSPACE = 5,
        POLICY_REQUISITE = 2, /* of starts */
        SGIO_UNFILTERED = 2,
        TRANSPORT_UNIX = 2,
        PROTOCOL_RBD = 2,
        PROTOCOL_GLUSTER = 4,
        VENDOR_LEN = 8,
        PRODUCT_LEN = 16,
        MODEL_VIRTIO = 1,
        WWN_DIGITS = 16,
};

static const char *bus_name(const VhDisk *disk)
{
        return vh_xml_names_text(&vh_disk_bus_names, disk->bus);
}

static bool is_wwn(const char *wwn)
{
        return strlen(wwn) == WWN_DIGITS && wwn[strspn(wwn, "0123456789abcdefABCDEF")] == '\0';
}

static bool is_local_file(const VhDiskSource *src)
{
        return src->type == VH_DISK_TYPE_FILE || src->type == VH_DISK_TYPE_DIR || src->type == VH_DISK_TYPE_NVME;
}

static int check_device(const VhDisk *d, VhError **err)
{
        const bool lun = d->device == VH_DISK_DEVICE_LUN, floppy = d->device == VH_DISK_DEVICE_FLOPPY;
        const bool ejectable = floppy || d->device == VH_DISK_DEVICE_CDROM;

        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { lun && is_local_file(&d->src), VIR_ERR_CONFIG_UNSUPPORTED,
                  "disk device='lun' is only valid for block type disk source" },
                { floppy && d->bus != VH_DISK_BUS_FDC, VIR_ERR_INTERNAL_ERROR, "Invalid bus type '", bus_name(d),
                  "' for floppy disk" },
                { !floppy && d->bus == VH_DISK_BUS_FDC, VIR_ERR_INTERNAL_ERROR, "Invalid bus type '", bus_name(d),
                  "' for disk" },
                { floppy && !vh_startswith(d->target, "fd"), VIR_ERR_INTERNAL_ERROR,
                  "Invalid floppy device name: ", d->target, NULL },
                { d->rawio && !lun, VIR_ERR_CONFIG_UNSUPPORTED, "rawio can be used only with device='lun'" },
                { d->sgio == SGIO_UNFILTERED, VIR_ERR_CONFIG_UNSUPPORTED, "unfiltered sgio is no longer supported" },
                { d->sgio && !lun, VIR_ERR_CONFIG_UNSUPPORTED, "sgio can be used only with device='lun'" },
                { d->src.reservations && !lun, VIR_ERR_CONFIG_UNSUPPORTED,
                  "<reservations/> allowed only for lun devices" },
                { d->tray && !ejectable, VIR_ERR_CONFIG_UNSUPPORTED, "tray is only valid for cdrom and floppy" },
                { d->removable && d->bus != VH_DISK_BUS_USB, VIR_ERR_XML_ERROR,
                  "removable is only valid for usb disks" }, );
}

static int check_driver(const VhDisk *d, VhError **err)
{
        const bool virtio = d->bus == VH_DISK_BUS_VIRTIO;

        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { d->queues && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "queues attribute in disk driver element is only supported by virtio-blk" },
                              { d->rerror_policy == POLICY_ENOSPACE, VIR_ERR_CONFIG_UNSUPPORTED,
                                "Invalid disk read error policy: '", "enospace", "'" },
                              { d->ioeventfd && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk ioeventfd mode supported only for virtio bus" },
                              { d->event_idx && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk event_idx mode supported only for virtio bus" },
                              { !virtio && vh_virtio_opts_set(&d->virtio), VIR_ERR_CONFIG_UNSUPPORTED, "",
                                vh_virtio_opts_first(&d->virtio), " option is only supported for virtio devices" },
                              { d->model == MODEL_VIRTIO && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk model 'virtio' not supported for bus '", bus_name(d), "'" },
                              { d->model == MODEL_TRANSITIONAL && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk model 'virtio-transitional' not supported for bus '", bus_name(d), "'" },
                              { d->model == MODEL_NON_TRANSITIONAL && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk model 'virtio-non-transitional' not supported for bus '", bus_name(d), "'" }, );
}

/* Buses of drives have no other addresses. */
static int check_address(const VhDisk *d, VhError **err)
{
        static const bool of_drives[] = {
                [VH_DISK_BUS_IDE] = true,
                [VH_DISK_BUS_FDC] = true,
                [VH_DISK_BUS_SCSI] = true,
                [VH_DISK_BUS_SATA] = true,
        };
        const VhAddressType type = d->info.address.type;

        if (d->bus >= VH_ARRAY_SIZE(of_drives) || !of_drives[d->bus] || type == VH_ADDRESS_NONE ||
            type == VH_ADDRESS_DRIVE)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                            "Invalid address type '%s' for the disk '%s' with the bus type '%s'",
                            vh_xml_names_text(&vh_address_type_names, type), d->target, bus_name(d));
}

static int check_identity(const VhDisk *d, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { d->wwn && !is_wwn(d->wwn), VIR_ERR_INTERNAL_ERROR, "Malformed wwn: ", d->wwn, NULL },
                              { d->vendor && strlen(d->vendor) > VENDOR_LEN, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk vendor is more than 8 characters" },
                              { d->product && strlen(d->product) > PRODUCT_LEN, VIR_ERR_CONFIG_UNSUPPORTED,
                                "disk product is more than 16 characters" }, );
}

/* A limit of both directions excludes one of a single direction. */
static int check_iotune(const VhDiskIotune *t, VhError **err)
{
#define BOTH(what) (t->total_##what && (t->read_##what || t->write_##what))
#define RULE(what)                                                                                                     \
        {                                                                                                              \
                BOTH(what), VIR_ERR_XML_ERROR, "total and read/write " #what " cannot be set at the same time"         \
        }
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err, RULE(bytes_sec), RULE(iops_sec), RULE(bytes_sec_max),
                              RULE(iops_sec_max), );
#undef RULE
#undef BOTH
}

static bool has_slash(const char *s)
{
        return s && strchr(s, '/') != NULL;
}

/* RFC 6265, section 4.1.1: characters of a token, and of a value. */
static bool cookie_name_ok(const char *s)
{
        for (; *s; s++)
                if (*s <= ' ' || *s > '~' || strchr("()<>@,;:\\\"/[]?={}", *s))
                        return false;
        return true;
}

static int check_cookies(const VhNetworkSource *net, VhError **err)
{
        for (uint32_t i = 0; i < net->cookies.n; i++)
                if (!cookie_name_ok(net->cookies.items[i]->name))
                        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR,
                                            "cookie name '%s' contains invalid characters",
                                            net->cookies.items[i]->name);
        return 0;
}

static int check_network(const VhNetworkSource *net, VhError **err)
{
        const bool has_image_path = net->protocol == PROTOCOL_GLUSTER;
        int r = VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                               { !net->name && (has_image_path || net->protocol == PROTOCOL_RBD), VIR_ERR_XML_ERROR,
                                 "missing name for disk source" },
                               { has_image_path && !has_slash(net->name), VIR_ERR_XML_ERROR, "can't split path '",
                                 net->name, "' into pool name and image name" },
                               { net->protocol == PROTOCOL_RBD && !has_slash(net->name), VIR_ERR_XML_ERROR,
                                 "can't split path '", net->name, "' into pool name and image name" }, );

        for (uint32_t i = 0; r == 0 && i < net->hosts.n; i++)
                if (net->hosts.items[i]->transport == TRANSPORT_UNIX && !net->hosts.items[i]->socket)
                        r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "missing socket for unix transport");
        return r < 0 ? r : check_cookies(net, err);
}

static int check_reservations(const VhStorageReservations *r, VhError **err)
{
        return VH_CHECK_RULES(
                VIR_FROM_STORAGE, err,
                { r->managed == VH_NO && !r->source_type, VIR_ERR_XML_ERROR,
                  "missing connection type for <reservations/>" },
                { r->managed == VH_NO && !r->path, VIR_ERR_XML_ERROR, "missing path for <reservations/>" }, );
}

static int check_source(const VhDiskSource *src, VhError **err)
{
        const bool nvme = src->type == VH_DISK_TYPE_NVME;
        const bool placed = src->nvme.domain || src->nvme.bus || src->nvme.slot || src->nvme.function;
        int r = VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { nvme && !src->nvme_namespace, VIR_ERR_CONFIG_UNSUPPORTED, "NVMe namespace can't be zero" },
                { nvme && !placed, VIR_ERR_XML_ERROR, "NVMe disk source is missing address" }, );

        if (r == 0 && src->reservations)
                r = check_reservations(src->reservations, err);
        return r < 0 || !src->network ? r : check_network(src->network, err);
}

/* The chain that the definition names; each layer says its format. */
static int check_backing(const VhDiskSource *src, VhError **err)
{
        for (src = src->backing; src && src->type != VH_DISK_TYPE_NONE; src = src->backing) {
                int r = src->format ? check_source(src, err)
                                    : vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                                   "missing disk backing store format");

                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_policy(const VhDisk *disk, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { disk->src.startup_policy == POLICY_REQUISITE && disk->device != VH_DISK_DEVICE_CDROM &&
                                        disk->device != VH_DISK_DEVICE_FLOPPY,
                                VIR_ERR_XML_ERROR,
                                "disk startupPolicy 'requisite' is allowed only for cdrom or floppy" }, );
}

int vh_domain_check_disk(const VhDisk *disk, VhError **err)
{
        int r = check_device(disk, err);

        if (r == 0)
                r = check_policy(disk, err);

        if (r == 0)
                r = check_driver(disk, err);
        if (r == 0 && disk->src.type == VH_DISK_TYPE_VHOST_USER && disk->bus != VH_DISK_BUS_VIRTIO)
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "vhostuser disk supports only virtio bus");
        if (r == 0)
                r = check_address(disk, err);
        if (r == 0)
                r = check_identity(disk, err);
        if (r == 0 && disk->iotune)
                r = check_iotune(disk->iotune, err);
        if (r == 0)
                r = check_source(&disk->src, err);
        return r < 0 ? r : check_backing(&disk->src, err);
}
