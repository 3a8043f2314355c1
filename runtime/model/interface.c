/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of the interface driver's <interface>; bridges and bonds hold interfaces again. */

#include "model/interface.h"
#include "xml/rows.h"

static const VhXmlTable interface_table;

#define S VhIfaceIp
static const VhXmlTable ip_table = {
        "ip", sizeof(S),
        ROWS(ATTR("address", address, string, REQUIRED), ATTR("prefix", prefix, opt_uint, .min = 0, .max = 128)), NULL
};
#undef S

#define S VhIfaceDhcp
static const VhXmlTable dhcp_table = { "dhcp", sizeof(S), ROWS(YESNO("peerdns", peerdns)), NULL };
#undef S

#define S VhIfaceProtocol
static const VhXmlTable protocol_table = { "protocol", sizeof(S),
                                           ROWS(WORD("family", family, NAMES("ipv4", "ipv6"), REQUIRED),
                                                FLAG("autoconf", autoconf), PTR("dhcp", dhcp, dhcp_table),
                                                LIST("ip", ips, ip_table),
                                                GROUP("route", ROWS(ATTR("gateway", gateway, string)))),
                                           NULL };
#undef S

#define S VhIfaceBridge
static const VhXmlTable bridge_table = {
        "bridge", sizeof(S),
        ROWS(ONOFF("stp", stp), ATTR("delay", delay, string), LIST("interface", ports, interface_table)), NULL
};
#undef S

#define S VhIfaceBond
static const VhXmlTable bond_table = {
        "bond", sizeof(S),
        ROWS(WORD("mode", mode,
                  NAMES("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
                        "balance-alb")),
             GROUP("miimon", ROWS(ATTR("freq", miimon_freq, opt_uint), ATTR("downdelay", miimon_downdelay, opt_uint),
                                  ATTR("updelay", miimon_updelay, opt_uint),
                                  WORD("carrier", miimon_carrier, NAMES("ioctl", "netif")))),
             GROUP("arpmon", ROWS(ATTR("interval", arp_interval, opt_uint), ATTR("target", arp_target, string),
                                  WORD("validate", arp_validate, NAMES("none", "active", "backup", "all")))),
             LIST("interface", ports, interface_table)),
        NULL
};
#undef S

static int check_interface(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhIfaceDef *def = obj;

        if (!def->name)
                return vh_error_set(p->err, VIR_FROM_INTERFACE, VIR_ERR_XML_ERROR, "interface has no name");
        if (def->type == VH_IFACE_BRIDGE && !def->bridge)
                return vh_error_set(p->err, VIR_FROM_INTERFACE, VIR_ERR_XML_ERROR,
                                    "bridge interface misses the bridge element");
        if (def->type == VH_IFACE_BOND && !def->bond)
                return vh_error_set(p->err, VIR_FROM_INTERFACE, VIR_ERR_XML_ERROR,
                                    "bond interface misses the bond element");
        if (def->type == VH_IFACE_VLAN && !def->vlan)
                return vh_error_set(p->err, VIR_FROM_INTERFACE, VIR_ERR_XML_ERROR,
                                    "vlan interface misses the vlan element");
        return 0;
}

#define S VhIfaceVlan
static const VhXmlTable vlan_table = {
        "vlan", sizeof(S),
        ROWS(ATTR("tag", tag, string, REQUIRED), GROUP("interface", ROWS(ATTR("name", dev, string, REQUIRED)))), NULL
};
#undef S

#define S VhIfaceDef
static const VhXmlTable interface_table = {
        "interface", sizeof(S),
        ROWS(WORD("type", type, NAMES("ethernet", "bridge", "bond", "vlan"), REQUIRED), ATTR("name", name, string),
             GROUP("start", ROWS(WORD("mode", start, NAMES("none", "onboot", "hotplug")))),
             GROUP("mtu", ROWS(ATTR("size", mtu, uint))), LIST("protocol", protocols, protocol_table),
             PTR("bridge", bridge, bridge_table), PTR("bond", bond, bond_table), PTR("vlan", vlan, vlan_table),
             GROUP("mac", ROWS(ATTR("address", mac, string)))),
        check_interface
};
#undef S

const VhModel vh_interface_model = { &interface_table, "(interface_definition)", VIR_FROM_INTERFACE };
VH_MODEL_DEFINE(interface, VhIfaceDef)
