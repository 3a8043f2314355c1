/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of what a domain gets from its host: devices, directories, leases, redirection rules. */

#include "model/domain-tables.h"
#include "xml/rows.h"

static const VhXmlNames hostdev_mode_names = {
        VH_HOSTDEV_CAPABILITIES + 1,
        (const char *const[]){
                [VH_HOSTDEV_SUBSYSTEM] = "subsystem",
                [VH_HOSTDEV_CAPABILITIES] = "capabilities",
        },
};

const VhXmlNames vh_hostdev_type_names = {
        VH_HOSTDEV_NET + 1,
        (const char *const[]){
                [VH_HOSTDEV_USB] = "usb",
                [VH_HOSTDEV_PCI] = "pci",
                [VH_HOSTDEV_SCSI] = "scsi",
                [VH_HOSTDEV_SCSI_HOST] = "scsi_host",
                [VH_HOSTDEV_MDEV] = "mdev",
                [VH_HOSTDEV_STORAGE] = "storage",
                [VH_HOSTDEV_MISC] = "misc",
                [VH_HOSTDEV_NET] = "net",
        },
};

#define S     VhHostdev
#define IS(t) WHEN(type, BIT(VH_HOSTDEV_##t))
enum { SCSI_ADAPTER = 0, SCSI_ISCSI = 1 };

/* The schema shares the element with storage pools. */
static const VhXmlRow rows_scsi_adapter[] = {
        ATTR("name", adapter, string, REQUIRED),
        DROPPED_ATTR("type"),
        DROPPED_ATTR("managed"),
        DROPPED_ATTR("parent"),
        DROPPED_ATTR("parent_wwnn"),
        DROPPED_ATTR("parent_wwpn"),
        DROPPED_ATTR("parent_fabric_wwn"),
        DROPPED_ATTR("wwnn"),
        DROPPED_ATTR("wwpn"),
        DROPPED("parentaddr"),
        {},
};

static const VhXmlRow rows_scsi_source[] = {
        WORD("protocol", scsi_protocol, NAMES("iscsi"), KEY,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Unknown SCSI subsystem protocol '", "'")),
        ATTR("name", scsi_name, string, WHEN(scsi_protocol, BIT(SCSI_ISCSI))),
        GROUP("adapter", rows_scsi_adapter, WHEN(scsi_protocol, BIT(SCSI_ADAPTER))),
        GROUP("address",
              ROWS(ATTR("bus", scsi_bus, opt_uint), ATTR("target", scsi_target, opt_uint),
                   ATTR("unit", scsi_unit, opt_u64)),
              WHEN(scsi_protocol, BIT(SCSI_ADAPTER))),
        LIST("host", hosts, vh_table_storage_host, WHEN(scsi_protocol, BIT(SCSI_ISCSI))),
        PTR("auth", auth, vh_table_storage_auth, WHEN(scsi_protocol, BIT(SCSI_ISCSI))),
        GROUP("initiator", ROWS(GROUP("iqn", ROWS(ATTR("name", initiator_iqn, string)))),
              WHEN(scsi_protocol, BIT(SCSI_ISCSI))),
        {},
};

static const VhXmlRow rows_hostdev_source[] = {
        GROUP("source",
              ROWS(WORD("startupPolicy", startup_policy, NAMES("mandatory", "requisite", "optional")),
                   WORD("guestReset", guest_reset, NAMES("on", "off", "uninitialized")),
                   YESNO("missing", missing, LIVE),
                   GROUP("vendor", ROWS(ATTR("id", vendor, opt_hex, REQUIRED, .max = 0xffff))),
                   GROUP("product", ROWS(ATTR("id", product, opt_hex, REQUIRED, .max = 0xffff))),
                   GROUP("address", ROWS(ATTR("bus", usb_bus, opt_uint, REQUIRED),
                                         ATTR("device", usb_device, opt_uint, REQUIRED)))),
              IS(USB)),
        GROUP("source",
              ROWS(YESNO("writeFiltering", write_filtering), GROUP_AT("address", pci, vh_rows_host_pci, REQUIRED)),
              IS(PCI)),
        GROUP("source", rows_scsi_source, IS(SCSI)),
        GROUP("source", ROWS(WORD("protocol", vhost_protocol, NAMES("vhost"), REQUIRED), ATTR("wwpn", wwpn, string)),
              IS(SCSI_HOST)),
        GROUP("source",
              ROWS(GROUP("address", ROWS(ATTR("uuid", mdev, uuid, REQUIRED)), REQUIRED,
                         .missing = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED, "Missing <address> element"))),
              IS(MDEV)),
        GROUP("source", ROWS(LEAF("block", block, string)), IS(STORAGE)),
        GROUP("source", ROWS(LEAF("char", chr, string)), IS(MISC)),
        GROUP("source", ROWS(LEAF("interface", interface, string)), IS(NET)),
        {},
};

const VhXmlTable vh_table_hostdev = {
        "hostdev",
        sizeof(S),
        ROWS(ENUM("mode", mode, hostdev_mode_names, KEY,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown hostdev mode '", "'"), .def = VH_HOSTDEV_SUBSYSTEM),
             ENUM("type", type, vh_hostdev_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown host device source address type '", "'")),
             YESNO("managed", managed), WORD("sgio", sgio, NAMES("filtered", "unfiltered"), IS(SCSI)),
             YESNO("rawio", rawio, IS(SCSI)),
             WORD("model", mdev_model, NAMES("vfio-pci", "vfio-ccw", "vfio-ap"), IS(MDEV), REQUIRED),
             ONOFF("display", display, IS(MDEV)), ONOFF("ramfb", ramfb, IS(MDEV)),
             WORD("model", vhost_model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional"),
                  IS(SCSI_HOST)),
             GROUP("driver", ROWS(WORD("name", driver, NAMES("kvm", "vfio", "xen"))), IS(PCI)),
             EMBED(rows_hostdev_source), LIST("ip", ips, vh_table_net_ip, IS(NET)),
             LIST("route", routes, vh_table_net_route, IS(NET)), PTR("teaming", teaming, vh_table_teaming, IS(PCI)),
             FLAG("readonly", readonly), FLAG("shareable", shareable), EMBED_AT(info, vh_rows_device_boot),
             EMBED_AT(info, vh_rows_device_info)),
};
#undef IS
#undef S

#define S VhUsbFilter
static const VhXmlTable table_usb_filter = {
        "usbdev",
        sizeof(S),
        ROWS(ATTR("class", class_, opt_id), ATTR("vendor", vendor, opt_id, .max = 0xffff),
             ATTR("product", product, opt_id, .max = 0xffff), ATTR("version", version, usb_version),
             YESNO("allow", allow, REQUIRED)),
};
#undef S

#define S VhRedirfilter
const VhXmlTable vh_table_redirfilter = { "redirfilter", sizeof(S), ROWS(LIST("usbdev", usbdevs, table_usb_filter)) };
#undef S

#define S VhLease
const VhXmlTable vh_table_lease = {
        "lease",
        sizeof(S),
        ROWS(LEAF("lockspace", lockspace, string), LEAF("key", key, string, REQUIRED),
             GROUP("target", ROWS(ATTR("path", path, string, REQUIRED), ATTR("offset", offset, u64)), REQUIRED)),
};
#undef S

#define S VhFilesystem
enum { FS_MOUNT = 1, FS_BLOCK, FS_FILE, FS_TEMPLATE, FS_RAM, FS_BIND, FS_VOLUME };
#define IS(mask) WHEN(type, mask)
static const VhXmlRow rows_fs_driver[] = {
        WORD("type", driver, NAMES("path", "handle", "loop", "nbd", "ploop", "virtiofs")),
        WORD("format", format, &vh_storage_format_names),
        WORD("wrpolicy", wrpolicy, NAMES("immediate")),
        ATTR("queue", queue, uint),
        EMBED_AT(virtio, vh_rows_virtio_opts),
        {},
};

static const VhXmlRow rows_fs_binary[] = {
        ATTR("path", binary, string),
        ONOFF("xattr", xattr),
        GROUP("cache", ROWS(WORD("mode", cache, NAMES("none", "always")))),
        GROUP("sandbox", ROWS(WORD("mode", sandbox, NAMES("namespace", "chroot")))),
        GROUP("lock", ROWS(ONOFF("posix", posix_lock), ONOFF("flock", flock))),
        GROUP("thread_pool", ROWS(ATTR("size", thread_pool_size, opt_uint))),
        {},
};

const VhXmlTable vh_table_filesystem = {
        "filesystem",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("mount", "block", "file", "template", "ram", "bind", "volume"), KEY,
                  .def = FS_MOUNT),
             WORD("accessmode", accessmode, NAMES("passthrough", "mapped", "squash")),
             WORD("model", model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional")),
             WORD("multidevs", multidevs, NAMES("default", "remap", "forbid", "warn")), ATTR("fmode", fmode, string),
             ATTR("dmode", dmode, string), GROUP("driver", rows_fs_driver), GROUP("binary", rows_fs_binary),
             GROUP("source", ROWS(ATTR("dir", source, string), ATTR("socket", socket, string)),
                   IS(BIT(FS_MOUNT) | BIT(FS_BIND))),
             GROUP("source", ROWS(ATTR("dev", source, string)), IS(BIT(FS_BLOCK))),
             GROUP("source", ROWS(ATTR("file", source, string)), IS(BIT(FS_FILE))),
             GROUP("source", ROWS(ATTR("name", source, string)), IS(BIT(FS_TEMPLATE))),
             GROUP("source", ROWS(ATTR("usage", usage, u64), WORD("units", usage_units, NAMES("KiB"))),
                   IS(BIT(FS_RAM))),
             GROUP("source", ROWS(ATTR("pool", source, string), ATTR("volume", volume, string)), IS(BIT(FS_VOLUME))),
             GROUP("target", ROWS(ATTR("dir", target, string, REQUIRED)), REQUIRED), FLAG("readonly", readonly),
             LEAF("space_hard_limit", space_hard_limit, bytes), LEAF("space_soft_limit", space_soft_limit, bytes),
             EMBED_AT(info, vh_rows_device_boot), EMBED_AT(info, vh_rows_device_info)),
};
#undef IS
#undef S
