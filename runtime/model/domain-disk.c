/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of disks and their sources. */

#include "model/domain-tables.h"
#include "xml/rows.h"

const VhXmlNames vh_disk_type_names = {
        VH_DISK_TYPE_VHOST_USER + 1,
        (const char *const[]){
                [VH_DISK_TYPE_FILE] = "file",
                [VH_DISK_TYPE_BLOCK] = "block",
                [VH_DISK_TYPE_DIR] = "dir",
                [VH_DISK_TYPE_NETWORK] = "network",
                [VH_DISK_TYPE_VOLUME] = "volume",
                [VH_DISK_TYPE_NVME] = "nvme",
                [VH_DISK_TYPE_VHOST_USER] = "vhostuser",
        },
};

const VhXmlNames vh_disk_device_names = {
        VH_DISK_DEVICE_LUN + 1,
        (const char *const[]){
                [VH_DISK_DEVICE_DISK] = "disk",
                [VH_DISK_DEVICE_CDROM] = "cdrom",
                [VH_DISK_DEVICE_FLOPPY] = "floppy",
                [VH_DISK_DEVICE_LUN] = "lun",
        },
};

const VhXmlNames vh_disk_bus_names = {
        VH_DISK_BUS_SD + 1,
        (const char *const[]){
                [VH_DISK_BUS_IDE] = "ide",
                [VH_DISK_BUS_FDC] = "fdc",
                [VH_DISK_BUS_SCSI] = "scsi",
                [VH_DISK_BUS_VIRTIO] = "virtio",
                [VH_DISK_BUS_XEN] = "xen",
                [VH_DISK_BUS_USB] = "usb",
                [VH_DISK_BUS_UML] = "uml",
                [VH_DISK_BUS_SATA] = "sata",
                [VH_DISK_BUS_SD] = "sd",
        },
};

static const char *const storage_formats[] = {
        NULL,  "raw",   "dir", "bochs", "cloop", "dmg", "iso",  "vpc", "vdi",
        "vhd", "ploop", "cow", "qcow",  "qcow2", "qed", "vmdk", "fat", "luks",
};
static const char *const protocols[] = {
        NULL,  "nbd",  "rbd",  "sheepdog", "gluster", "iscsi", "http",      "https",
        "ftp", "ftps", "tftp", "ssh",      "vxhs",    "nfs",   "vhostuser",
};
const VhXmlNames vh_disk_protocol_names = { VH_ARRAY_SIZE(protocols), protocols };

const VhXmlNames vh_storage_format_names = { VH_ARRAY_SIZE(storage_formats), storage_formats };

/* ---- secrets ---- */

#define S            VhSecretRef
#define SECRET_TYPES NAMES("volume", "ceph", "iscsi", "tls", "vtpm", "passphrase")
static const VhXmlRow rows_secret[] = {
        WORD("type", type, SECRET_TYPES),
        ATTR("uuid", uuid, uuid),
        ATTR("usage", usage, string),
        {},
};
static const VhXmlTable table_secret = {
        "secret",
        sizeof(S),
        ROWS(WORD("type", type, SECRET_TYPES,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown volume encryption secret type ", NULL)),
             ATTR("uuid", uuid, uuid), ATTR("usage", usage, string)),
};
#undef S

#define S VhStorageAuth
const VhXmlTable vh_table_storage_auth = {
        "auth",
        sizeof(S),
        ROWS(ATTR("username", username, string), GROUP_AT("secret", secret, rows_secret)),
};
#undef S

#define S VhStorageEncryption
const VhXmlTable vh_table_storage_encryption = {
        "encryption",
        sizeof(S),
        ROWS(WORD("format", format, NAMES("default", "qcow", "luks", "luks2", "luks-any"), REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown volume encryption format type ", NULL)),
             WORD("engine", engine, NAMES("qemu", "librbd")), LIST("secret", secrets, table_secret),
             GROUP("cipher", ROWS(ATTR("name", cipher_name, string), ATTR("size", cipher_size, uint),
                                  ATTR("mode", cipher_mode, string), ATTR("hash", cipher_hash, string))),
             GROUP("ivgen", ROWS(ATTR("name", ivgen_name, string), ATTR("hash", ivgen_hash, string)))),
};
#undef S

/* ---- sources ---- */

#define S VhStorageHost
const VhXmlTable vh_table_storage_host = {
        "host",
        sizeof(S),
        ROWS(ATTR("name", name, string), ATTR("port", port, string),
             WORD("transport", transport, NAMES("tcp", "unix", "rdma"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown protocol transport type '", "'")),
             ATTR("socket", socket, string)),
};
#undef S

#define STARTUP_POLICIES NAMES("mandatory", "requisite", "optional")

#define S VhStorageCookie
static const VhXmlTable table_cookie = {
        "cookie",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), TEXT(value, string)),
};
#undef S

#define S VhStorageSlice
static const VhXmlTable table_slice = {
        "slice",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("storage")), ATTR("offset", offset, opt_u64, REQUIRED),
             ATTR("size", size, opt_u64, REQUIRED)),
};
#undef S

#define S VhStorageReservations
static const VhXmlTable table_reservations = {
        "reservations",
        sizeof(S),
        ROWS(YESNO("enabled", enabled), YESNO("managed", managed),
             GROUP("source", ROWS(WORD("type", source_type, NAMES("unix")), ATTR("path", path, string),
                                  WORD("mode", source_mode, NAMES("client")), DROPPED("reconnect")))),
};
#undef S

#define S               VhDiskSource
#define IS(t)           WHEN(type, BIT(VH_DISK_TYPE_##t))
#define ADDRESSED(mask) WHEN(type, mask)

static const VhXmlRow rows_source_content[] = {
        LIST("seclabel", seclabels, vh_table_device_seclabel),
        PTR("auth", auth, vh_table_storage_auth),
        PTR("encryption", encryption, vh_table_storage_encryption),
        PTR("reservations", reservations, table_reservations),
        GROUP("slices", ROWS(LIST("slice", slices, table_slice))),
        DROPPED("privateData"),
        {},
};

static const VhXmlRow rows_source_attrs[] = {
        WORD("startupPolicy", startup_policy, STARTUP_POLICIES),
        ATTR("index", index, opt_uint, LIVE),
        {},
};

/* An image behind another has its index outside of <source>. */
static const VhXmlRow rows_inner_attrs[] = {
        WORD("startupPolicy", startup_policy, STARTUP_POLICIES),
        {},
};

#undef S

#define S VhNetworkSource
/* What the settings said is no part of a definition. */
#define ORIGIN(mask) WHEN(tls_origin, mask)
static const VhXmlTable table_network_source = {
        "source",
        sizeof(S),
        ROWS(WORD("tlsFromConfig", tls_origin, NAMES("0", "1"), KEY, .show = VH_XML_STATUS, LIVE),
             WORD("protocol", protocol, &vh_disk_protocol_names, REQUIRED), ATTR("name", name, string),
             ATTR("query", query, string), YESNO("tls", tls, ORIGIN(BIT(VH_TLS_UNSETTLED) | BIT(VH_TLS_FROM_GUEST))),
             YESNO("tls", tls, ORIGIN(BIT(VH_TLS_FROM_CONFIG)), LIVE), ATTR("tlsHostname", tls_hostname, string),
             WORD("startupPolicy", startup_policy, STARTUP_POLICIES), ATTR("index", index, opt_uint, LIVE),
             LIST("host", hosts, vh_table_storage_host), GROUP("snapshot", ROWS(ATTR("name", snapshot, string))),
             GROUP("config", ROWS(ATTR("file", config_file, string))), PTR("auth", auth, vh_table_storage_auth),
             LIST("seclabel", seclabels, vh_table_device_seclabel),
             PTR("encryption", encryption, vh_table_storage_encryption),
             GROUP("initiator", ROWS(GROUP("iqn", ROWS(ATTR("name", initiator_iqn, string))))),
             PTR("reservations", reservations, table_reservations),
             GROUP("slices", ROWS(LIST("slice", slices, table_slice))), GROUP("ssl", ROWS(YESNO("verify", ssl_verify))),
             GROUP("cookies", ROWS(LIST("cookie", cookies, table_cookie)), .show = VH_XML_SECURE),
             GROUP("readahead", ROWS(ATTR("size", readahead, u64))),
             GROUP("timeout", ROWS(ATTR("seconds", timeout, u64))),
             GROUP("reconnect", ROWS(ATTR("delay", reconnect_delay, opt_uint))),
             GROUP("identity",
                   ROWS(ATTR("user", user, string), ATTR("group", group, string), ATTR("username", username, string),
                        ATTR("keyfile", keyfile, string), ATTR("agentsock", agent, string))),
             GROUP("knownHosts", ROWS(ATTR("path", known_hosts, string))), DROPPED("privateData")),
};
#undef S

#define S VhDiskSource
static const VhXmlTable table_backing;

/* For the struct of the source; the attribute type stands in the element around. ATTRS are those that each kind has. */
#define SOURCE_ROWS(ATTRS)                                                                                             \
        GROUP("source",                                                                                                \
              ROWS(ATTR("file", path, string, .flags = VH_XML_NONEMPTY), ATTR("fdgroup", fdgroup, string),             \
                   EMBED(rows_source_content), EMBED(ATTRS)),                                                          \
              IS(FILE)),                                                                                               \
                GROUP("source",                                                                                        \
                      ROWS(ATTR("dev", path, string, .flags = VH_XML_NONEMPTY), EMBED(rows_source_content),            \
                           EMBED(ATTRS)),                                                                              \
                      IS(BLOCK)),                                                                                      \
                GROUP("source",                                                                                        \
                      ROWS(ATTR("dir", path, string, .flags = VH_XML_NONEMPTY), EMBED(rows_source_content),            \
                           EMBED(ATTRS)),                                                                              \
                      IS(DIR)),                                                                                        \
                PTR("source", network, table_network_source, IS(NETWORK)),                                             \
                GROUP("source",                                                                                        \
                      ROWS(ATTR("pool", pool, string), ATTR("volume", volume, string),                                 \
                           WORD("mode", mode, NAMES("host", "direct"),                                                 \
                                FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown source mode '", "' for volume type disk")), \
                           EMBED(rows_source_content), EMBED(ATTRS)),                                                  \
                      IS(VOLUME)),                                                                                     \
                GROUP("source",                                                                                        \
                      ROWS(WORD("type", nvme_type, NAMES("pci"), REQUIRED), YESNO("managed", managed),                 \
                           ATTR("namespace", nvme_namespace, u64, REQUIRED), EMBED(ATTRS),                             \
                           GROUP_AT("address", nvme, vh_rows_host_pci), EMBED(rows_source_content)),                   \
                      IS(NVME)),                                                                                       \
                GROUP("source",                                                                                        \
                      ROWS(WORD("type", vhost_type, NAMES("unix"), REQUIRED), ATTR("path", path, string, REQUIRED),    \
                           GROUP("reconnect",                                                                          \
                                 ROWS(YESNO("enabled", reconnect), ATTR("timeout", reconnect_timeout, uint)))),        \
                      IS(VHOST_USER))

const VhXmlRow vh_rows_disk_source[] = { SOURCE_ROWS(rows_source_attrs), {} };

const VhXmlRow vh_rows_disk_type[] = { ENUM("type", type, vh_disk_type_names, KEY), {} };

const VhXmlRow vh_rows_typed_source[] = {
        EMBED(vh_rows_disk_type),
        EMBED(vh_rows_disk_source),
        {},
};

#define BACKING_FORMAT                                                                                                 \
        GROUP("format", ROWS(WORD("type", format, &vh_storage_format_names, REQUIRED),                                 \
                             GROUP("metadata_cache", ROWS(LEAF("max_size", metadata_cache, bytes)))))

const VhXmlRow vh_rows_disk_backing[] = {
        PTR("backingStore", backing, table_backing),
        {},
};

static const VhXmlTable table_backing = {
        "backingStore",
        sizeof(S),
        ROWS(ENUM("type", type, vh_disk_type_names, KEY), ATTR("index", index, opt_uint, LIVE), BACKING_FORMAT,
             SOURCE_ROWS(rows_inner_attrs), EMBED(vh_rows_disk_backing)),
};

static const VhXmlRow rows_mirror_content[] = {
        BACKING_FORMAT,
        EMBED(vh_rows_disk_source),
        EMBED(vh_rows_disk_backing),
        {},
};

const VhXmlTable vh_table_disk_source = {
        "source",
        sizeof(S),
        ROWS(ENUM("type", type, vh_disk_type_names, .flags = VH_XML_KEY, .def = VH_DISK_TYPE_FILE),
             EMBED(vh_rows_disk_source), BACKING_FORMAT, EMBED(vh_rows_disk_backing)),
};
#undef IS
#undef S

/* ---- disks ---- */

#define S         VhDiskIotune
#define ROW(name) LEAF(#name, name, u64)
static const VhXmlTable table_iotune = {
        "iotune",
        sizeof(S),
        ROWS(ROW(total_bytes_sec), ROW(read_bytes_sec), ROW(write_bytes_sec), ROW(total_iops_sec), ROW(read_iops_sec),
             ROW(write_iops_sec), ROW(total_bytes_sec_max), ROW(read_bytes_sec_max), ROW(write_bytes_sec_max),
             ROW(total_iops_sec_max), ROW(read_iops_sec_max), ROW(write_iops_sec_max), ROW(size_iops_sec),
             LEAF("group_name", group_name, string), ROW(total_bytes_sec_max_length), ROW(read_bytes_sec_max_length),
             ROW(write_bytes_sec_max_length), ROW(total_iops_sec_max_length), ROW(read_iops_sec_max_length),
             ROW(write_iops_sec_max_length)),
};
#undef ROW
#undef S

#define S VhDiskGeometry
static const VhXmlTable table_geometry = {
        "geometry",
        sizeof(S),
        ROWS(ATTR("cyls", cyls, uint), ATTR("heads", heads, uint), ATTR("secs", secs, uint),
             WORD("trans", trans, NAMES("none", "auto", "lba"))),
};
#undef S

#define S VhDiskBlockio
static const VhXmlTable table_blockio = {
        "blockio",
        sizeof(S),
        ROWS(ATTR("logical_block_size", logical, uint), ATTR("physical_block_size", physical, uint),
             ATTR("discard_granularity", discard_granularity, opt_uint)),
};
#undef S

#define S VhDiskTransient
static const VhXmlTable table_transient = { "transient", sizeof(S), ROWS(YESNO("shareBacking", share_backing)) };
#undef S

#define S VhDiskMirror
enum { MIRROR_COPY = 1 };
/* Older tools look for the copy's file here. */
static const VhXmlRow rows_mirror_file[] = {
        ATTR("file", src.path, string, WHEN(src.type, BIT(VH_DISK_TYPE_FILE))),
        WORD("format", src.format, &vh_storage_format_names, WHEN(src.type, BIT(VH_DISK_TYPE_FILE))),
        {},
};

const VhXmlTable vh_table_disk_mirror = {
        "mirror",
        sizeof(S),
        ROWS(ENUM("type", src.type, vh_disk_type_names, KEY), WORD("job", job, NAMES("copy", "active-commit"), KEY),
             EMBED(rows_mirror_file, WHEN(job, BIT(MIRROR_COPY))), WORD("ready", ready, NAMES("yes", "abort", "pivot")),
             EMBED_AT(src, rows_mirror_content)),
};
#undef S

#define S              VhDisk
#define ERROR_POLICIES NAMES("default", "stop", "report", "ignore", "enospace")
static const VhXmlRow rows_disk_driver[] = {
        ATTR("name", driver_name, string),
        WORD("type", format, &vh_storage_format_names,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown driver format value '", "'")),
        WORD("cache", cache, NAMES("default", "none", "writethrough", "writeback", "directsync", "unsafe")),
        WORD("error_policy", error_policy, ERROR_POLICIES),
        WORD("rerror_policy", rerror_policy, ERROR_POLICIES),
        WORD("io", io, NAMES("native", "threads", "io_uring")),
        ONOFF("ioeventfd", ioeventfd),
        ONOFF("event_idx", event_idx),
        ONOFF("copy_on_read", copy_on_read),
        WORD("discard", discard, NAMES("unmap", "ignore")),
        ATTR("iothread", iothread, opt_uint, .min = 1, .max = UINT32_MAX),
        WORD("detect_zeroes", detect_zeroes, NAMES("off", "on", "unmap")),
        ATTR("queues", queues, uint),
        ATTR("queue_size", queue_size, uint),
        EMBED_AT(virtio, vh_rows_virtio_opts),
        GROUP("metadata_cache", ROWS(LEAF("max_size", metadata_cache, bytes))),
        {},
};

static const VhXmlRow rows_disk_target[] = {
        ATTR("dev", target, string),
        ENUM("bus", bus, vh_disk_bus_names),
        WORD("tray", tray, NAMES("closed", "open")),
        ONOFF("removable", removable),
        ATTR("rotation_rate", rotation_rate, uint),
        {},
};

static const VhXmlRow rows_disk_content[] = {
        GROUP("driver", rows_disk_driver),
        PTR("auth", auth, vh_table_storage_auth),
        EMBED_AT(src, vh_rows_disk_source),
        EMBED_AT(src, vh_rows_disk_backing),
        GROUP("backenddomain", ROWS(ATTR("name", domain_name, string))),
        PTR("geometry", geometry, table_geometry),
        PTR("blockio", blockio, table_blockio),
        PTR("mirror", mirror, vh_table_disk_mirror, LIVE),
        GROUP("target", rows_disk_target),
        PTR("iotune", iotune, table_iotune),
        FLAG("readonly", readonly),
        FLAG("shareable", shareable),
        PTR("transient", transient, table_transient),
        LEAF("serial", serial, string),
        LEAF("wwn", wwn, string),
        LEAF("vendor", vendor, string),
        LEAF("product", product, string),
        PTR("encryption", encryption, vh_table_storage_encryption),
        EMBED_AT(info, vh_rows_device_boot),
        EMBED_AT(info, vh_rows_device_info),
        DROPPED("privateData"),
        {},
};

const VhXmlTable vh_table_disk = {
        "disk",
        sizeof(S),
        ROWS(ENUM("type", src.type, vh_disk_type_names, KEY, .def = VH_DISK_TYPE_FILE),
             ENUM("device", device, vh_disk_device_names, KEY, .def = VH_DISK_DEVICE_DISK),
             WORD("model", model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional")),
             YESNO("rawio", rawio), WORD("sgio", sgio, NAMES("filtered", "unfiltered")),
             WORD("snapshot", snapshot, NAMES("no", "internal", "external", "manual")), EMBED(rows_disk_content)),
};
#undef S
