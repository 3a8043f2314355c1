/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Virtual networks: <network>. */

#include "model/domain-devices.h" /* bandwidth, vlan */
#include "model/model.h"
#include "xml/types.h"

typedef enum VhNetworkForwardMode {
        VH_FORWARD_UNSET, /* no <forward>: isolated */
        VH_FORWARD_NAT,
        VH_FORWARD_ROUTE,
        VH_FORWARD_OPEN,
        VH_FORWARD_BRIDGE,
        VH_FORWARD_PRIVATE,
        VH_FORWARD_VEPA,
        VH_FORWARD_PASSTHROUGH,
        VH_FORWARD_HOSTDEV,
        VH_FORWARD_NONE,
} VhNetworkForwardMode;

typedef struct VhNetworkForwardIf {
        char *dev;
        uint32_t connections; /* live only */
} VhNetworkForwardIf;

typedef struct VhNetworkPciAddress {
        uint8_t type; /* pci is 1 */
        VhOptUint domain, bus, slot, function;
        uint32_t connections;
} VhNetworkPciAddress;

typedef struct VhAddressRange {
        char *start;
        char *end;
} VhAddressRange;

typedef struct VhNetworkNat {
        uint8_t ipv6;
        VhAddressRange *address;
        uint32_t port_start, port_end;
} VhNetworkNat;

typedef struct VhNetworkForward {
        uint8_t mode; /* VhNetworkForwardMode */
        char *dev;
        uint8_t managed;
        uint8_t driver; /* kvm, vfio */
        VH_LIST(VhNetworkForwardIf) interfaces;
        VH_LIST(VhNetworkForwardIf) pfs;
        VH_LIST(VhNetworkPciAddress) addresses;
        VhNetworkNat *nat;
} VhNetworkForward;

typedef struct VhDhcpLease {
        VhOptU64 expiry; /* in unit; 0: never ends */
        uint8_t unit;    /* seconds, minutes, hours */
} VhDhcpLease;

typedef struct VhDhcpRange {
        char *start;
        char *end;
        VhDhcpLease *lease;
} VhDhcpRange;

typedef struct VhDhcpHost {
        char *id; /* DUID, IPv6 */
        char *mac;
        char *name;
        char *ip;
        VhDhcpLease *lease;
} VhDhcpHost;

typedef struct VhDhcp {
        VH_LIST(VhDhcpRange) ranges;
        VH_LIST(VhDhcpHost) hosts;
        char *bootfile;
        char *bootserver;
} VhDhcp;

typedef struct VhNetworkIp {
        uint8_t family; /* 0: ipv4; VH_FAMILY_* */
        char *address;
        char *netmask;
        VhOptUint prefix;
        uint8_t local_ptr;
        char *tftp_root;
        VhDhcp *dhcp;
} VhNetworkIp;

enum { VH_FAMILY_IPV4 = 1, VH_FAMILY_IPV6 };

typedef struct VhNetworkRoute {
        uint8_t family;
        char *address;
        char *netmask;
        VhOptUint prefix;
        char *gateway;
        VhOptUint metric;
} VhNetworkRoute;

typedef struct VhDnsForwarder {
        char *domain;
        char *addr;
} VhDnsForwarder;

typedef struct VhDnsTxt {
        char *name;
        char *value;
} VhDnsTxt;

typedef struct VhDnsSrv {
        char *service;
        char *protocol;
        char *domain;
        char *target;
        VhOptUint port, priority, weight;
} VhDnsSrv;

typedef struct VhDnsName {
        char *text;
} VhDnsName;

typedef struct VhDnsHost {
        char *ip;
        VH_LIST(VhDnsName) names;
} VhDnsHost;

typedef struct VhNetworkDns {
        uint8_t enable;
        uint8_t forward_plain;
        VH_LIST(VhDnsForwarder) forwarders;
        VH_LIST(VhDnsTxt) txts;
        VH_LIST(VhDnsSrv) srvs;
        VH_LIST(VhDnsHost) hosts;
} VhNetworkDns;

typedef struct VhPortGroup {
        char *name;
        uint8_t is_default;
        uint8_t trust_rx_filters;
        VhVlan *vlan;
        char *virtualport; /* subtree as text */
        VhBandwidth *bandwidth;
} VhPortGroup;

typedef struct VhNetworkBridge {
        char *name;
        char *zone;
        uint8_t stp;
        VhOptUint delay; /* seconds */
        uint8_t mac_table_manager;
} VhNetworkBridge;

typedef struct VhNetworkDomain {
        char *name;
        uint8_t local_only;
        uint8_t do_register;
} VhNetworkDomain;

typedef struct VhNetworkDef {
        uint32_t connections; /* live only */
        uint8_t ipv6;
        uint8_t trust_rx_filters;
        char *name;
        uint8_t uuid[VH_UUID_LEN];
        char *metadata;
        VhNetworkForward *forward;
        VhNetworkBridge *bridge;
        uint32_t mtu;
        uint8_t mac[6];
        VhNetworkDomain *domain;
        VhNetworkDns *dns;
        VhVlan *vlan;
        VhBandwidth *bandwidth;
        uint8_t port_isolated;
        VH_LIST(VhNetworkIp) ips;
        VH_LIST(VhNetworkRoute) routes;
        char *virtualport;
        VH_LIST(VhPortGroup) portgroups;
} VhNetworkDef;

VH_MODEL_DECLARE(network, VhNetworkDef)

/* The tables of the parts that NETWORK_UPDATE changes. */
extern const VhXmlTable vh_dhcp_host_table;
extern const VhXmlTable vh_dhcp_range_table;
extern const VhXmlTable vh_dns_host_table;
extern const VhXmlTable vh_dns_txt_table;
extern const VhXmlTable vh_dns_srv_table;
extern const VhXmlTable vh_portgroup_table;
extern const VhXmlTable vh_forward_if_table;
extern const VhXmlTable vh_bandwidth_table;
extern const VhXmlTable vh_vlan_table;

/* Does one change of NETWORK_UPDATE to def: command and section are VIR_NETWORK_UPDATE_COMMAND_*,
 * VIR_NETWORK_SECTION_*; parent is the <ip> that a DHCP change means, -1: the one that fits. Returns 0 or negative
 * errno with the reference's errors; def is unchanged on failure. */
int vh_network_update(VhNetworkDef *def, unsigned command, unsigned section, int parent, const char *xml,
                      VhError **err);
