/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Host network interfaces: <interface> of the interface driver. */

#include "model/model.h"
#include "xml/types.h"

typedef enum VhIfaceType {
        VH_IFACE_UNSET,
        VH_IFACE_ETHERNET,
        VH_IFACE_BRIDGE,
        VH_IFACE_BOND,
        VH_IFACE_VLAN,
} VhIfaceType;

typedef struct VhIfaceIp {
        char *address;
        VhOptUint prefix;
} VhIfaceIp;

typedef struct VhIfaceDhcp {
        uint8_t peerdns;
} VhIfaceDhcp;

typedef struct VhIfaceProtocol {
        uint8_t family; /* ipv4, ipv6 */
        uint8_t autoconf;
        VhIfaceDhcp *dhcp;
        VH_LIST(VhIfaceIp) ips;
        char *gateway;
} VhIfaceProtocol;

typedef struct VhIfaceDef VhIfaceDef;

typedef struct VhIfaceBridge {
        uint8_t stp;
        char *delay;
        VH_LIST(VhIfaceDef) ports;
} VhIfaceBridge;

typedef struct VhIfaceBond {
        uint8_t mode;
        VhOptUint miimon_freq, miimon_downdelay, miimon_updelay;
        uint8_t miimon_carrier;
        VhOptUint arp_interval;
        char *arp_target;
        uint8_t arp_validate;
        VH_LIST(VhIfaceDef) ports;
} VhIfaceBond;

typedef struct VhIfaceVlan {
        char *tag;
        char *dev;
} VhIfaceVlan;

struct VhIfaceDef {
        uint8_t type; /* VhIfaceType */
        char *name;
        uint8_t start; /* none, onboot, hotplug */
        uint32_t mtu;
        VH_LIST(VhIfaceProtocol) protocols;
        VhIfaceBridge *bridge;
        VhIfaceBond *bond;
        VhIfaceVlan *vlan;
        char *mac;
};

VH_MODEL_DECLARE(interface, VhIfaceDef)
