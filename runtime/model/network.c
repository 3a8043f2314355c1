/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of <network>. */

#include "model/network.h"
#include "xml/rows.h"
#include <arpa/inet.h>

/* Named guests of one network: as many as an IPv4 network of 16 bits has addresses. */
enum { HOSTS_MAX = 65536 };

#define FORWARD_MODES NAMES("nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev", "none")
#define FAMILIES      NAMES("ipv4", "ipv6")

#define S VhNetworkForwardIf
const VhXmlTable vh_forward_if_table = {
        "interface", sizeof(S), ROWS(ATTR("dev", dev, string, REQUIRED), ATTR("connections", connections, uint, LIVE)),
        NULL
};
#undef S

#define S VhNetworkPciAddress
static const VhXmlTable pci_table = { "address", sizeof(S),
                                      ROWS(WORD("type", type, NAMES("pci"), REQUIRED), ATTR("domain", domain, opt_hex),
                                           ATTR("bus", bus, opt_hex), ATTR("slot", slot, opt_hex),
                                           ATTR("function", function, opt_hex),
                                           ATTR("connections", connections, uint, LIVE)),
                                      NULL };
#undef S

#define S VhAddressRange
static const VhXmlTable address_range_table = {
        "address", sizeof(S), ROWS(ATTR("start", start, string, REQUIRED), ATTR("end", end, string, REQUIRED)), NULL
};
#undef S

#define S VhNetworkNat
static const VhXmlTable nat_table = { "nat", sizeof(S),
                                      ROWS(YESNO("ipv6", ipv6), PTR("address", address, address_range_table),
                                           GROUP("port",
                                                 ROWS(ATTR("start", port_start, uint), ATTR("end", port_end, uint)))),
                                      NULL };
#undef S

static int check_forward(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhNetworkForward *f = obj;

        if (!f->mode)
                f->mode = VH_FORWARD_NAT;
        return 0;
}

#define S VhNetworkForward
static const VhXmlTable forward_table = {
        "forward", sizeof(S),
        ROWS(ATTR("dev", dev, string), WORD("mode", mode, FORWARD_MODES), YESNO("managed", managed),
             GROUP("driver", ROWS(WORD("name", driver, NAMES("kvm", "vfio")))), PTR("nat", nat, nat_table),
             LIST("interface", interfaces, vh_forward_if_table), LIST("address", addresses, pci_table),
             LIST("pf", pfs, vh_forward_if_table)),
        check_forward
};
#undef S

#define S VhDhcpLease
static const VhXmlTable lease_table = {
        "lease", sizeof(S),
        ROWS(ATTR("expiry", expiry, opt_u64, REQUIRED), WORD("unit", unit, NAMES("seconds", "minutes", "hours"))), NULL
};
#undef S

#define S VhDhcpRange
const VhXmlTable vh_dhcp_range_table = { "range", sizeof(S),
                                         ROWS(ATTR("start", start, string, REQUIRED),
                                              ATTR("end", end, string, REQUIRED), PTR("lease", lease, lease_table)),
                                         NULL };
#undef S

#define S VhDhcpHost
const VhXmlTable vh_dhcp_host_table = { "host", sizeof(S),
                                        ROWS(ATTR("id", id, string), ATTR("mac", mac, string),
                                             ATTR("name", name, string), ATTR("ip", ip, string),
                                             PTR("lease", lease, lease_table)),
                                        NULL };
#undef S

#define S VhDhcp
static const VhXmlTable dhcp_table = {
        "dhcp", sizeof(S),
        ROWS(LIST("range", ranges, vh_dhcp_range_table), LIST("host", hosts, vh_dhcp_host_table, .max = HOSTS_MAX),
             GROUP("bootp", ROWS(ATTR("file", bootfile, string), ATTR("server", bootserver, string)))),
        NULL
};
#undef S

static bool is_address(const char *text)
{
        unsigned char raw[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

static int check_ip(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhNetworkIp *ip = obj;

        if (ip->address && !is_address(ip->address))
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "Invalid address '%s'", ip->address);
        if (ip->netmask && ip->prefix.set)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "netmask and prefix cannot be given together");
        return 0;
}

#define S VhNetworkIp
static const VhXmlTable ip_table = {
        "ip", sizeof(S),
        ROWS(WORD("family", family, FAMILIES), ATTR("address", address, string), ATTR("netmask", netmask, string),
             ATTR("prefix", prefix, opt_uint, .min = 0, .max = 128), YESNO("localPtr", local_ptr),
             GROUP("tftp", ROWS(ATTR("root", tftp_root, string))), PTR("dhcp", dhcp, dhcp_table)),
        check_ip
};
#undef S

#define S VhNetworkRoute
static const VhXmlTable route_table = {
        "route", sizeof(S),
        ROWS(WORD("family", family, FAMILIES), ATTR("address", address, string, REQUIRED),
             ATTR("netmask", netmask, string), ATTR("prefix", prefix, opt_uint, .min = 0, .max = 128),
             ATTR("gateway", gateway, string, REQUIRED), ATTR("metric", metric, opt_uint)),
        NULL
};
#undef S

#define S VhDnsForwarder
static const VhXmlTable dns_forwarder_table = { "forwarder", sizeof(S),
                                                ROWS(ATTR("domain", domain, string), ATTR("addr", addr, string)),
                                                NULL };
#undef S

#define S VhDnsTxt
const VhXmlTable vh_dns_txt_table = { "txt", sizeof(S),
                                      ROWS(ATTR("name", name, string, REQUIRED), ATTR("value", value, string)), NULL };
#undef S

#define S VhDnsSrv
const VhXmlTable vh_dns_srv_table = { "srv", sizeof(S),
                                      ROWS(ATTR("service", service, string, REQUIRED),
                                           ATTR("protocol", protocol, string, REQUIRED), ATTR("domain", domain, string),
                                           ATTR("target", target, string), ATTR("port", port, opt_uint),
                                           ATTR("priority", priority, opt_uint), ATTR("weight", weight, opt_uint)),
                                      NULL };
#undef S

#define S VhDnsName
static const VhXmlTable dns_name_table = { "hostname", sizeof(S), ROWS(TEXT(text, string)), NULL };
#undef S

#define S VhDnsHost
const VhXmlTable vh_dns_host_table = { "host", sizeof(S),
                                       ROWS(ATTR("ip", ip, string), LIST("hostname", names, dns_name_table)), NULL };
#undef S

#define S VhNetworkDns
static const VhXmlTable dns_table = { "dns", sizeof(S),
                                      ROWS(YESNO("enable", enable), YESNO("forwardPlainNames", forward_plain),
                                           LIST("forwarder", forwarders, dns_forwarder_table),
                                           LIST("txt", txts, vh_dns_txt_table), LIST("srv", srvs, vh_dns_srv_table),
                                           LIST("host", hosts, vh_dns_host_table, .max = HOSTS_MAX)),
                                      NULL };
#undef S

#define S VhBandwidthRate
#define RATE_ROWS                                                                                                      \
        ROWS(ATTR("average", average, uint), ATTR("peak", peak, uint), ATTR("floor", floor, uint),                     \
             ATTR("burst", burst, uint))
static const VhXmlTable inbound_table = { "inbound", sizeof(S), RATE_ROWS, NULL };
static const VhXmlTable outbound_table = { "outbound", sizeof(S), RATE_ROWS, NULL };
#undef S

#define S VhBandwidth
const VhXmlTable vh_bandwidth_table = { "bandwidth", sizeof(S),
                                        ROWS(PTR("inbound", in, inbound_table), PTR("outbound", out, outbound_table)),
                                        NULL };
#undef S

#define S VhVlanTag
static const VhXmlTable vlan_tag_table = { "tag", sizeof(S),
                                           ROWS(ATTR("id", id, uint, REQUIRED, .min = 0, .max = 4095),
                                                WORD("nativeMode", mode, NAMES("tagged", "untagged"))),
                                           NULL };
#undef S

#define S VhVlan
const VhXmlTable vh_vlan_table = { "vlan", sizeof(S), ROWS(YESNO("trunk", trunk), LIST("tag", tags, vlan_tag_table)),
                                   NULL };
#undef S

#define S VhPortGroup
const VhXmlTable vh_portgroup_table = { "portgroup", sizeof(S),
                                        ROWS(ATTR("name", name, string, REQUIRED), YESNO("default", is_default),
                                             YESNO("trustGuestRxFilters", trust_rx_filters),
                                             PTR("vlan", vlan, vh_vlan_table), RAW("virtualport", virtualport),
                                             PTR("bandwidth", bandwidth, vh_bandwidth_table)),
                                        NULL };
#undef S

#define S VhNetworkBridge
static const VhXmlTable bridge_table = { "bridge", sizeof(S),
                                         ROWS(ATTR("name", name, string), ATTR("zone", zone, string), ONOFF("stp", stp),
                                              ATTR("delay", delay, opt_uint),
                                              WORD("macTableManager", mac_table_manager, NAMES("kernel", "libvirt"))),
                                         NULL };
#undef S

#define S VhNetworkDomain
static const VhXmlTable domain_table = {
        "domain", sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), YESNO("localOnly", local_only), YESNO("register", do_register)), NULL
};
#undef S

/* Networks with a bridge of their own always have one written out, with its defaults. */
static void default_bridge(VhNetworkDef *def)
{
        unsigned mode = def->forward ? def->forward->mode : VH_FORWARD_NONE;

        if (mode >= VH_FORWARD_BRIDGE && mode <= VH_FORWARD_HOSTDEV)
                return;
        if (!def->bridge)
                def->bridge = vh_xml_bind_new(&bridge_table);
        if (!def->bridge->stp)
                def->bridge->stp = VH_ON;
        def->bridge->delay.set = true;
}

static int check_network(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhNetworkDef *def = obj;

        if (!def->name || !*def->name)
                return vh_error_set(p->err, VIR_FROM_NETWORK, VIR_ERR_NO_NAME, NULL);
        if (strchr(def->name, '/'))
                return vh_error_set(p->err, VIR_FROM_XML, VIR_ERR_XML_DETAIL, "invalid char in name: /");
        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
        default_bridge(def);
        return 0;
}

#define S VhNetworkDef
static const VhXmlTable network_table = {
        "network", sizeof(S),
        ROWS(ATTR("connections", connections, uint, LIVE), YESNO("ipv6", ipv6),
             YESNO("trustGuestRxFilters", trust_rx_filters), LEAF("name", name, string), LEAF("uuid", uuid, uuid),
             RAW("metadata", metadata), PTR("forward", forward, forward_table), PTR("bridge", bridge, bridge_table),
             GROUP("mtu", ROWS(ATTR("size", mtu, uint))), GROUP("mac", ROWS(ATTR("address", mac, mac))),
             PTR("domain", domain, domain_table), PTR("dns", dns, dns_table), PTR("vlan", vlan, vh_vlan_table),
             PTR("bandwidth", bandwidth, vh_bandwidth_table), GROUP("port", ROWS(YESNO("isolated", port_isolated))),
             LIST("ip", ips, ip_table), LIST("route", routes, route_table), RAW("virtualport", virtualport),
             LIST("portgroup", portgroups, vh_portgroup_table)),
        check_network
};
#undef S

const VhModel vh_network_model = { &network_table, "(network_definition)", VIR_FROM_NETWORK };
VH_MODEL_DEFINE(network, VhNetworkDef)
