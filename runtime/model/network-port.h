/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What plugs a guest's interface into a network: <networkport>. */

#include "model/network.h"

typedef enum VhPlugType {
        VH_PLUG_UNSET,
        VH_PLUG_NETWORK,
        VH_PLUG_BRIDGE,
        VH_PLUG_DIRECT,
        VH_PLUG_HOSTDEV_PCI,
} VhPlugType;

typedef struct VhNetworkPlug {
        uint8_t type; /* VhPlugType */
        char *bridge;
        uint8_t mac_table_manager;
        char *dev;
        uint8_t mode; /* vepa, private, bridge, passthrough */
        uint8_t managed;
        uint8_t driver; /* kvm, vfio */
        VhOptUint domain, bus, slot, function;
} VhNetworkPlug;

typedef struct VhNetworkPortDef {
        uint8_t uuid[VH_UUID_LEN];
        char *owner_name;
        uint8_t owner_uuid[VH_UUID_LEN];
        char *group;
        uint8_t mac[6];
        uint8_t rx_filters_trust;
        VhBandwidth *bandwidth;
        VhVlan *vlan;
        char *virtualport; /* subtree */
        uint8_t isolated;
        VhNetworkPlug *plug;
} VhNetworkPortDef;

VH_MODEL_DECLARE(network_port, VhNetworkPortDef)
