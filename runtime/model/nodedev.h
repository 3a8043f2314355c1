/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Devices of the host: <device>. */

#include "base/uuid.h"
#include "model/model.h"
#include "xml/types.h"

/* In the order of VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM and its neighbours, for those with elements of their own. */
typedef enum VhNodeDevCapType {
        VH_NODECAP_UNSET,
        VH_NODECAP_SYSTEM,
        VH_NODECAP_PCI,
        VH_NODECAP_USB_DEV,
        VH_NODECAP_USB_INTERFACE,
        VH_NODECAP_NET,
        VH_NODECAP_SCSI_HOST,
        VH_NODECAP_SCSI_TARGET,
        VH_NODECAP_SCSI,
        VH_NODECAP_STORAGE,
        VH_NODECAP_FC_HOST,
        VH_NODECAP_VPORT_OPS,
        VH_NODECAP_SCSI_GENERIC,
        VH_NODECAP_DRM,
        VH_NODECAP_MDEV_TYPES,
        VH_NODECAP_MDEV,
        VH_NODECAP_CCW,
        VH_NODECAP_CSS,
        VH_NODECAP_VDPA,
        VH_NODECAP_AP_CARD,
        VH_NODECAP_AP_QUEUE,
        VH_NODECAP_AP_MATRIX,
        VH_NODECAP_VPD,
        VH_NODECAP_TYPE_MAX,
} VhNodeDevCapType;

const char *vh_nodedev_cap_name(unsigned type);
/* VhNodeDevCapType, or -1. */
int vh_nodedev_cap_find(const char *name);

/* A name and the number behind it: <vendor id='0x8086'>Intel</vendor>. */
typedef struct VhNodeDevId {
        char *id;
        char *text;
} VhNodeDevId;

typedef struct VhNodeDevSystem {
        char *product;
        char *vendor, *version, *serial;
        uint8_t uuid[VH_UUID_LEN];
        char *firmware_vendor, *firmware_version, *firmware_date;
} VhNodeDevSystem;

typedef struct VhNodeDevPci {
        char *class_id;
        VhOptUint domain, bus, slot, function;
        VhNodeDevId *product, *vendor;
        VhOptInt numa_node;
} VhNodeDevPci;

typedef struct VhNodeDevUsb {
        VhOptUint bus, device;
        VhNodeDevId *product, *vendor;
        VhOptUint number, class_id, subclass, protocol;
        char *description;
} VhNodeDevUsb;

typedef struct VhNodeDevNet {
        char *interface;
        char *address;
        char *link_speed;
        uint8_t link_state;
} VhNodeDevNet;

typedef struct VhNodeDevScsiHost {
        VhOptUint host;
        VhOptInt unique_id;
} VhNodeDevScsiHost;

typedef struct VhNodeDevFcHost {
        char *wwnn, *wwpn, *fabric_wwn;
} VhNodeDevFcHost;

typedef struct VhNodeDevVports {
        int32_t max_vports;
        int32_t vports;
} VhNodeDevVports;

typedef struct VhNodeDevScsi {
        VhOptUint host, bus, target, lun;
        char *type;
        char *target_name; /* scsi_target */
        char *rport;
} VhNodeDevScsi;

typedef struct VhNodeDevStorage {
        char *block, *bus, *drive_type, *model, *vendor, *serial;
        VhOptU64 size, logical_block_size, num_blocks;
} VhNodeDevStorage;

typedef struct VhNodeDevMdev {
        char *type_id;
        uint8_t uuid[VH_UUID_LEN];
        char *parent_addr;
} VhNodeDevMdev;

typedef struct VhNodeDevCap VhNodeDevCap;

/* One <capability>; which member is used follows from type. */
struct VhNodeDevCap {
        uint8_t type; /* VhNodeDevCapType */
        VhNodeDevSystem system;
        VhNodeDevPci pci;
        VhNodeDevUsb usb;
        VhNodeDevNet net;
        VhNodeDevScsiHost scsi_host;
        VhNodeDevFcHost fc_host;
        VhNodeDevVports vports;
        VhNodeDevScsi scsi;
        VhNodeDevStorage storage;
        VhNodeDevMdev mdev;
        char *scsi_generic; /* path */
        uint8_t drm;        /* primary, control, render */
        VH_LIST(VhNodeDevCap) caps;
};

typedef struct VhNodeDevLink {
        uint8_t type; /* dev, by-id, by-path */
        char *path;
} VhNodeDevLink;

typedef struct VhNodeDevDef {
        char *name;
        char *path;
        VH_LIST(VhNodeDevLink) devnodes;
        char *parent;
        char *parent_wwnn, *parent_wwpn, *parent_fabric_wwn;
        char *driver;
        VH_LIST(VhNodeDevCap) caps;
} VhNodeDevDef;

VH_MODEL_DECLARE(nodedev, VhNodeDevDef)

/* The capability of that type, also among those inside others; NULL if there is none. */
VhNodeDevCap *vh_nodedev_cap(const VhNodeDevDef *def, unsigned type);
