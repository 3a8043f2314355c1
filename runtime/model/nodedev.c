/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of <device>: one table of rows for all capabilities, each row for the types that have it. */

#include "model/nodedev.h"
#include "xml/rows.h"

static const char *const cap_names[VH_NODECAP_TYPE_MAX] = {
        [VH_NODECAP_SYSTEM] = "system",
        [VH_NODECAP_PCI] = "pci",
        [VH_NODECAP_USB_DEV] = "usb_device",
        [VH_NODECAP_USB_INTERFACE] = "usb",
        [VH_NODECAP_NET] = "net",
        [VH_NODECAP_SCSI_HOST] = "scsi_host",
        [VH_NODECAP_SCSI_TARGET] = "scsi_target",
        [VH_NODECAP_SCSI] = "scsi",
        [VH_NODECAP_STORAGE] = "storage",
        [VH_NODECAP_FC_HOST] = "fc_host",
        [VH_NODECAP_VPORT_OPS] = "vport_ops",
        [VH_NODECAP_SCSI_GENERIC] = "scsi_generic",
        [VH_NODECAP_DRM] = "drm",
        [VH_NODECAP_MDEV_TYPES] = "mdev_types",
        [VH_NODECAP_MDEV] = "mdev",
        [VH_NODECAP_CCW] = "ccw",
        [VH_NODECAP_CSS] = "css",
        [VH_NODECAP_VDPA] = "vdpa",
        [VH_NODECAP_AP_CARD] = "ap_card",
        [VH_NODECAP_AP_QUEUE] = "ap_queue",
        [VH_NODECAP_AP_MATRIX] = "ap_matrix",
        [VH_NODECAP_VPD] = "vpd",
};
static const VhXmlNames cap_type_names = { VH_NODECAP_TYPE_MAX, cap_names };

const char *vh_nodedev_cap_name(unsigned type)
{
        return vh_xml_names_text(&cap_type_names, type);
}

int vh_nodedev_cap_find(const char *name)
{
        return vh_xml_names_find(&cap_type_names, name);
}

#define S       VhNodeDevId
#define ID_ROWS ROWS(ATTR("id", id, string), TEXT(text, string))
static const VhXmlTable product_table = { "product", sizeof(S), ID_ROWS, NULL };
static const VhXmlTable vendor_table = { "vendor", sizeof(S), ID_ROWS, NULL };
#undef S

#define S VhNodeDevSystem
static const VhXmlRow system_rows[] = {
        LEAF("product", product, string),
        GROUP("hardware", ROWS(LEAF("vendor", vendor, string), LEAF("version", version, string),
                               LEAF("serial", serial, string), LEAF("uuid", uuid, uuid))),
        GROUP("firmware", ROWS(LEAF("vendor", firmware_vendor, string), LEAF("version", firmware_version, string),
                               LEAF("release_date", firmware_date, string))),
        {}
};
#undef S

#define S VhNodeDevPci
static const VhXmlRow pci_rows[] = { LEAF("class", class_id, string),
                                     LEAF("domain", domain, opt_uint),
                                     LEAF("bus", bus, opt_uint),
                                     LEAF("slot", slot, opt_uint),
                                     LEAF("function", function, opt_uint),
                                     PTR("product", product, product_table),
                                     PTR("vendor", vendor, vendor_table),
                                     GROUP("numa", ROWS(ATTR("node", numa_node, opt_int))),
                                     {} };
#undef S

#define S VhNodeDevUsb
static const VhXmlRow usb_device_rows[] = { LEAF("bus", bus, opt_uint),
                                            LEAF("device", device, opt_uint),
                                            PTR("product", product, product_table),
                                            PTR("vendor", vendor, vendor_table),
                                            {} };
static const VhXmlRow usb_rows[] = { LEAF("number", number, opt_uint),         LEAF("class", class_id, opt_uint),
                                     LEAF("subclass", subclass, opt_uint),     LEAF("protocol", protocol, opt_uint),
                                     LEAF("description", description, string), {} };
#undef S

#define S VhNodeDevNet
static const VhXmlRow net_rows[] = {
        LEAF("interface", interface, string),
        LEAF("address", address, string),
        GROUP("link", ROWS(ATTR("speed", link_speed, string),
                           WORD("state", link_state,
                                NAMES("unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up")))),
        {}
};
#undef S

#define S VhNodeDevScsiHost
static const VhXmlRow scsi_host_rows[] = { LEAF("host", host, opt_uint), LEAF("unique_id", unique_id, opt_int), {} };
#undef S

#define S VhNodeDevFcHost
static const VhXmlRow fc_host_rows[] = {
        LEAF("wwnn", wwnn, string), LEAF("wwpn", wwpn, string), LEAF("fabric_wwn", fabric_wwn, string), {}
};
#undef S

#define S VhNodeDevVports
static const VhXmlRow vport_rows[] = { LEAF("max_vports", max_vports, int, .flags = VH_XML_ALWAYS),
                                       LEAF("vports", vports, int, .flags = VH_XML_ALWAYS),
                                       {} };
#undef S

#define S VhNodeDevScsi
static const VhXmlRow scsi_rows[] = { LEAF("host", host, opt_uint),     LEAF("bus", bus, opt_uint),
                                      LEAF("target", target, opt_uint), LEAF("lun", lun, opt_uint),
                                      LEAF("type", type, string),       {} };
static const VhXmlRow scsi_target_rows[] = { LEAF("target", target_name, string), LEAF("rport", rport, string), {} };
#undef S

#define S VhNodeDevStorage
static const VhXmlRow storage_rows[] = { LEAF("block", block, string),
                                         LEAF("bus", bus, string),
                                         LEAF("drive_type", drive_type, string),
                                         LEAF("model", model, string),
                                         LEAF("vendor", vendor, string),
                                         LEAF("serial", serial, string),
                                         LEAF("size", size, opt_u64),
                                         LEAF("logical_block_size", logical_block_size, opt_u64),
                                         LEAF("num_blocks", num_blocks, opt_u64),
                                         {} };
#undef S

#define S VhNodeDevMdev
static const VhXmlRow mdev_rows[] = { GROUP("type", ROWS(ATTR("id", type_id, string))),
                                      LEAF("uuid", uuid, uuid),
                                      LEAF("parent_addr", parent_addr, string),
                                      {} };
#undef S

static const VhXmlTable cap_table;

#define S       VhNodeDevCap
#define OF(cap) WHEN(type, BIT(VH_NODECAP_##cap))
static const VhXmlTable cap_table = {
        "capability", sizeof(S),
        ROWS(ENUM("type", type, cap_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED),
             EMBED_AT(system, system_rows, OF(SYSTEM)), EMBED_AT(pci, pci_rows, OF(PCI)),
             EMBED_AT(usb, usb_device_rows, OF(USB_DEV)), EMBED_AT(usb, usb_rows, OF(USB_INTERFACE)),
             EMBED_AT(net, net_rows, OF(NET)), EMBED_AT(scsi_host, scsi_host_rows, OF(SCSI_HOST)),
             EMBED_AT(fc_host, fc_host_rows, OF(FC_HOST)), EMBED_AT(vports, vport_rows, OF(VPORT_OPS)),
             EMBED_AT(scsi, scsi_target_rows, OF(SCSI_TARGET)), EMBED_AT(scsi, scsi_rows, OF(SCSI)),
             EMBED_AT(storage, storage_rows, OF(STORAGE)), EMBED_AT(mdev, mdev_rows, OF(MDEV)),
             LEAF("char", scsi_generic, string, OF(SCSI_GENERIC)),
             LEAF_WORD("type", drm, NAMES("primary", "control", "render"), OF(DRM)),
             LIST("capability", caps, cap_table)),
        NULL
};
#undef S

#define S VhNodeDevLink
static const VhXmlTable devnode_table = { "devnode", sizeof(S),
                                          ROWS(WORD("type", type, NAMES("dev", "link")), TEXT(path, string)), NULL };
#undef S

static int check_nodedev(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhNodeDevDef *def = obj;
        const char *name = def->name ? def->name : "new device";
        const VhNodeDevCap *net;

        if (def->parent && !*def->parent) /* the attributes say which */
                free(VH_TAKE_PTR(def->parent));
        if (!def->caps.n)
                return vh_error_set(p->err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR, "no device capabilities for '%s'",
                                    name);
        net = vh_nodedev_cap(def, VH_NODECAP_NET);
        if (net && !net->net.interface)
                return vh_error_set(p->err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                                    "no network interface supplied for '%s'", name);
        return 0;
}

#define S VhNodeDevDef
static const VhXmlTable nodedev_table = {
        "device", sizeof(S),
        ROWS(LEAF("name", name, string), LEAF("path", path, string), LIST("devnode", devnodes, devnode_table),
             GROUP("parent", ROWS(ATTR("wwnn", parent_wwnn, string), ATTR("wwpn", parent_wwpn, string),
                                  ATTR("fabric_wwn", parent_fabric_wwn, string), TEXT(parent, string))),
             GROUP("driver", ROWS(LEAF("name", driver, string))), LIST("capability", caps, cap_table)),
        check_nodedev
};
#undef S

const VhModel vh_nodedev_model = { &nodedev_table, "(node_device_definition)", VIR_FROM_NODEDEV };
VH_MODEL_DEFINE(nodedev, VhNodeDevDef)

VhNodeDevCap *vh_nodedev_cap(const VhNodeDevDef *def, unsigned type)
{
        for (uint32_t i = 0; i < def->caps.n; i++) {
                VhNodeDevCap *cap = def->caps.items[i];

                if (cap->type == type)
                        return cap;
                for (uint32_t k = 0; k < cap->caps.n; k++)
                        if (cap->caps.items[k]->type == type)
                                return cap->caps.items[k];
        }
        return NULL;
}
