/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of <networkport>. */

#include "model/network-port.h"
#include "xml/rows.h"

#define S        VhNetworkPlug
#define OF(plug) WHEN(type, BIT(VH_PLUG_##plug))
static const VhXmlTable plug_table = {
        "plug", sizeof(S),
        ROWS(WORD("type", type, NAMES("network", "bridge", "direct", "hostdev-pci"),
                  .flags = VH_XML_KEY | VH_XML_REQUIRED),
             ATTR("bridge", bridge, string, WHEN(type, BIT(VH_PLUG_NETWORK) | BIT(VH_PLUG_BRIDGE))),
             WORD("macTableManager", mac_table_manager, NAMES("kernel", "libvirt"),
                  WHEN(type, BIT(VH_PLUG_NETWORK) | BIT(VH_PLUG_BRIDGE))),
             ATTR("dev", dev, string, OF(DIRECT)),
             WORD("mode", mode, NAMES("vepa", "private", "bridge", "passthrough"), OF(DIRECT)),
             YESNO("managed", managed, OF(HOSTDEV_PCI)),
             GROUP("driver", ROWS(WORD("name", driver, NAMES("kvm", "vfio"))), OF(HOSTDEV_PCI)),
             GROUP("address",
                   ROWS(ATTR("domain", domain, opt_hex), ATTR("bus", bus, opt_hex), ATTR("slot", slot, opt_hex),
                        ATTR("function", function, opt_hex)),
                   OF(HOSTDEV_PCI))),
        NULL
};
#undef S

static int check_port(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhNetworkPortDef *def = obj;

        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
        if (!def->owner_name)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "Missing owner name");
        return 0;
}

#define S VhNetworkPortDef
static const VhXmlTable port_table = {
        "networkport", sizeof(S),
        ROWS(LEAF("uuid", uuid, uuid),
             GROUP("owner", ROWS(LEAF("name", owner_name, string), LEAF("uuid", owner_uuid, uuid))),
             LEAF("group", group, string), GROUP("mac", ROWS(ATTR("address", mac, mac, REQUIRED))),
             RAW("virtualport", virtualport), PTR("bandwidth", bandwidth, vh_bandwidth_table),
             PTR("vlan", vlan, vh_vlan_table), GROUP("port", ROWS(YESNO("isolated", isolated))),
             GROUP("rxfilters", ROWS(YESNO("trustGuest", rx_filters_trust))), PTR("plug", plug, plug_table)),
        check_port
};
#undef S

const VhModel vh_network_port_model = { &port_table, "(networkport_definition)", VIR_FROM_NETWORK };
VH_MODEL_DEFINE(network_port, VhNetworkPortDef)
