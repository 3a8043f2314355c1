/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of what devices have in common: addresses, device info, character sources, security labels. */

#include "model/domain-common.h"
#include "xml/rows.h"

/* ---- addresses ---- */

const VhXmlNames vh_address_type_names = {
        VH_ADDRESS_MDEV + 1,
        (const char *const[]){
                [VH_ADDRESS_PCI] = "pci",
                [VH_ADDRESS_DRIVE] = "drive",
                [VH_ADDRESS_VIRTIO_SERIAL] = "virtio-serial",
                [VH_ADDRESS_CCID] = "ccid",
                [VH_ADDRESS_USB] = "usb",
                [VH_ADDRESS_SPAPR_VIO] = "spapr-vio",
                [VH_ADDRESS_VIRTIO_S390] = "virtio-s390",
                [VH_ADDRESS_CCW] = "ccw",
                [VH_ADDRESS_VIRTIO_MMIO] = "virtio-mmio",
                [VH_ADDRESS_ISA] = "isa",
                [VH_ADDRESS_DIMM] = "dimm",
                [VH_ADDRESS_UNASSIGNED] = "unassigned",
                [VH_ADDRESS_MDEV] = "mdev",
        },
};

#define S VhPciAddress
const VhXmlRow vh_rows_pci[] = {
        ATTR("domain", domain, hex16),
        ATTR("bus", bus, hex8),
        ATTR("slot", slot, hex8, .max = 0x1f),
        ATTR("function", function, hex4, .max = 7),
        {},
};
#undef S

/* A device of the host: whether it has several functions there is nobody's business. */
const VhXmlRow vh_rows_host_pci[] = { EMBED(vh_rows_pci), DROPPED_ATTR("multifunction"), {} };

#define S      VhAddress
#define IS(t)  WHEN(type, BIT(VH_ADDRESS_##t))
#define ALWAYS .flags = VH_XML_ALWAYS
const VhXmlRow vh_rows_address[] = {
        ENUM("type", type, vh_address_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown address type '", "'")),
        EMBED_AT(pci, vh_rows_pci, IS(PCI)),
        ONOFF("multifunction", pci.multifunction, IS(PCI)),
        ATTR("controller", drive.controller, uint, IS(DRIVE), ALWAYS),
        ATTR("bus", drive.bus, uint, IS(DRIVE), ALWAYS),
        ATTR("target", drive.target, uint, IS(DRIVE), ALWAYS),
        ATTR("unit", drive.unit, uint, IS(DRIVE), ALWAYS),
        ATTR("controller", virtio_serial.controller, uint, IS(VIRTIO_SERIAL), ALWAYS),
        ATTR("bus", virtio_serial.bus, uint, IS(VIRTIO_SERIAL), ALWAYS),
        ATTR("port", virtio_serial.port, uint, IS(VIRTIO_SERIAL), ALWAYS),
        ATTR("controller", ccid.controller, uint, IS(CCID), ALWAYS),
        ATTR("slot", ccid.slot, uint, IS(CCID), ALWAYS),
        ATTR("bus", usb.bus, uint, IS(USB), ALWAYS),
        ATTR("port", usb.port, usb_port, IS(USB),
             FAULT_PLAIN(VIR_ERR_INTERNAL_ERROR, "Cannot parse <address> 'port' attribute")),
        ATTR("reg", spapr.reg, opt_register, IS(SPAPR_VIO)),
        ATTR("cssid", ccw.cssid, opt_hex, IS(CCW), .max = 0xff),
        ATTR("ssid", ccw.ssid, opt_short_hex, IS(CCW)),
        ATTR("devno", ccw.devno, opt_hex, IS(CCW), .max = 0xffff),
        ATTR("iobase", isa.iobase, opt_short_hex, IS(ISA)),
        ATTR("irq", isa.irq, opt_short_hex, IS(ISA)),
        ATTR("slot", dimm.slot, opt_uint, IS(DIMM)),
        ATTR("base", dimm.base, opt_hex64, IS(DIMM)),
        ATTR("uuid", mdev, uuid, IS(MDEV)),
        GROUP("zpci",
              ROWS(ATTR("uid", pci.zpci_uid, opt_hex, .max = 0xffff),
                   ATTR("fid", pci.zpci_fid, opt_hex, .max = UINT32_MAX)),
              IS(PCI)),
        {},
};
#undef IS
#undef S

/* ---- device info ---- */

#define S VhDeviceRom
static const VhXmlTable table_rom = {
        "rom",
        sizeof(S),
        ROWS(YESNO("enabled", enabled), ONOFF("bar", bar), ATTR("file", file, string)),
};
#undef S

#define S VhDeviceInfo
const VhXmlRow vh_rows_device_boot[] = {
        GROUP("boot", ROWS(ATTR("order", boot_order, uint, .flags = VH_XML_REQUIRED, .min = 1, .max = UINT32_MAX),
                           ATTR("loadparm", loadparm, string))),
        {},
};

const VhXmlRow vh_rows_device_info[] = {
        GROUP("alias", ROWS(ATTR("name", alias, string))),
        GROUP("master", ROWS(ATTR("startport", master_startport, opt_uint))),
        PTR("rom", rom, table_rom),
        GROUP("acpi", ROWS(ATTR("index", acpi_index, uint))),
        GROUP_AT("address", address, vh_rows_address),
        {},
};
#undef S

#define S VhVirtioOpts
const VhXmlRow vh_rows_virtio_opts[] = {
        ONOFF("iommu", iommu), ONOFF("ats", ats), ONOFF("packed", packed), ONOFF("page_per_vq", page_per_vq), {},
};
#undef S

/* ---- security labels ---- */

#define S VhSeclabel
const VhXmlTable vh_table_seclabel = {
        "seclabel",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("none", "dynamic", "static")), ATTR("model", model, string),
             YESNO("relabel", relabel), LEAF("label", label, string), LEAF("imagelabel", imagelabel, string, LIVE),
             LEAF("baselabel", baselabel, string)),
};

const VhXmlTable vh_table_device_seclabel = {
        "seclabel",
        sizeof(S),
        ROWS(ATTR("model", model, string), YESNO("labelskip", labelskip), YESNO("relabel", relabel),
             LEAF("label", label, string)),
};
#undef S

/* ---- character sources ---- */

const VhXmlNames vh_chr_type_names = {
        VH_CHR_DBUS + 1,
        (const char *const[]){
                [VH_CHR_NULL] = "null",
                [VH_CHR_VC] = "vc",
                [VH_CHR_PTY] = "pty",
                [VH_CHR_DEV] = "dev",
                [VH_CHR_FILE] = "file",
                [VH_CHR_PIPE] = "pipe",
                [VH_CHR_STDIO] = "stdio",
                [VH_CHR_UDP] = "udp",
                [VH_CHR_TCP] = "tcp",
                [VH_CHR_UNIX] = "unix",
                [VH_CHR_SPICEVMC] = "spicevmc",
                [VH_CHR_SPICEPORT] = "spiceport",
                [VH_CHR_NMDM] = "nmdm",
                [VH_CHR_QEMU_VDAGENT] = "qemu-vdagent",
                [VH_CHR_DBUS] = "dbus",
        },
};

#define CHR_MODES NAMES("connect", "bind")

#define S VhChrEnd
/* What the settings said is no part of a definition. */
#define ORIGIN(mask) WHEN(tls_origin, mask)
static const VhXmlTable table_chr_end = {
        "source",
        sizeof(S),
        ROWS(WORD("tlsFromConfig", tls_origin, NAMES("0", "1"), KEY, .show = VH_XML_STATUS, LIVE),
             WORD("mode", mode, CHR_MODES), ATTR("host", host, string), ATTR("service", service, string),
             YESNO("tls", tls, ORIGIN(BIT(VH_TLS_UNSETTLED) | BIT(VH_TLS_FROM_GUEST))),
             YESNO("tls", tls, ORIGIN(BIT(VH_TLS_FROM_CONFIG)), LIVE),
             GROUP("reconnect", ROWS(YESNO("enabled", reconnect), ATTR("timeout", reconnect_timeout, uint)))),
};
#undef S

#define S VhChrLog
static const VhXmlTable table_chr_log = {
        "log",
        sizeof(S),
        ROWS(ATTR("file", file, string, REQUIRED), ONOFF("append", append)),
};
#undef S

#define S        VhChrSource
#define IS(mask) WHEN(type, mask)
static const VhXmlRow rows_chr_seclabel[] = {
        LIST("seclabel", seclabels, vh_table_device_seclabel),
        {},
};

const VhXmlRow vh_rows_chr_source[] = {
        GROUP("source", ROWS(ATTR("path", path, string), EMBED(rows_chr_seclabel)),
              IS(BIT(VH_CHR_DEV) | BIT(VH_CHR_PIPE))),
        GROUP("source", ROWS(ATTR("path", path, string), EMBED(rows_chr_seclabel)), IS(BIT(VH_CHR_PTY)), LIVE),
        GROUP("source", ROWS(ATTR("path", path, string), ONOFF("append", append), EMBED(rows_chr_seclabel)),
              IS(BIT(VH_CHR_FILE))),
        GROUP("source", ROWS(ATTR("master", path, string, REQUIRED), ATTR("slave", slave, string, REQUIRED)),
              IS(BIT(VH_CHR_NMDM))),
        GROUP("source",
              ROWS(WORD("mode", mode, CHR_MODES), ATTR("path", path, string),
                   GROUP("reconnect", ROWS(YESNO("enabled", reconnect), ATTR("timeout", reconnect_timeout, uint))),
                   EMBED(rows_chr_seclabel)),
              IS(BIT(VH_CHR_UNIX))),
        GROUP("source", ROWS(ATTR("channel", channel, string)), IS(BIT(VH_CHR_SPICEPORT) | BIT(VH_CHR_DBUS))),
        GROUP("source",
              ROWS(GROUP("clipboard", ROWS(YESNO("copypaste", clipboard))),
                   GROUP("mouse", ROWS(WORD("mode", mouse, NAMES("server", "client"))))),
              IS(BIT(VH_CHR_QEMU_VDAGENT))),
        LIST("source", ends, table_chr_end, IS(BIT(VH_CHR_TCP) | BIT(VH_CHR_UDP))),
        GROUP("protocol",
              ROWS(WORD("type", protocol, NAMES("raw", "telnet", "telnets", "tls"),
                        FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Unknown protocol '", "'"))),
              IS(BIT(VH_CHR_TCP))),
        PTR("log", log, table_chr_log),
        {},
};
#undef IS
#undef S
