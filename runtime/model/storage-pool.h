/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Storage pools: <pool>. */

#include "base/uuid.h"
#include "model/model.h"
#include "xml/types.h"

/* In the order of VIR_CONNECT_LIST_STORAGE_POOLS_DIR and its neighbours. */
typedef enum VhPoolType {
        VH_POOL_UNSET,
        VH_POOL_DIR,
        VH_POOL_FS,
        VH_POOL_NETFS,
        VH_POOL_LOGICAL,
        VH_POOL_DISK,
        VH_POOL_ISCSI,
        VH_POOL_SCSI,
        VH_POOL_MPATH,
        VH_POOL_RBD,
        VH_POOL_SHEEPDOG,
        VH_POOL_GLUSTER,
        VH_POOL_ZFS,
        VH_POOL_VSTORAGE,
        VH_POOL_ISCSI_DIRECT,
        VH_POOL_TYPE_MAX,
} VhPoolType;

/* The type's name in XML; NULL for a value that is no type. */
const char *vh_pool_type_name(unsigned type);
/* VhPoolType, or -1. */
int vh_pool_type_find(const char *name);
/* Formats that sources of a type can have, NULL-terminated, and the one of a source that names none (NULL: the type has
 * no formats). */
const char *const *vh_pool_type_formats(unsigned type);
const char *vh_pool_type_format(unsigned type);

typedef struct VhPoolHost {
        char *name;
        uint32_t port;
} VhPoolHost;

typedef struct VhPoolExtent {
        uint64_t start;
        uint64_t end;
} VhPoolExtent;

typedef struct VhPoolDevice {
        char *path;
        uint8_t part_separator;
        VH_LIST(VhPoolExtent) free_extents;
} VhPoolDevice;

typedef enum VhPoolAdapterType { VH_ADAPTER_UNSET, VH_ADAPTER_SCSI_HOST, VH_ADAPTER_FC_HOST } VhPoolAdapterType;

typedef struct VhPoolAdapter {
        uint8_t type; /* VhPoolAdapterType */
        char *name;
        char *parent;
        char *parent_wwnn;
        char *parent_wwpn;
        char *parent_fabric_wwn;
        uint8_t managed;
        char *wwnn;
        char *wwpn;
        VhOptUint parentaddr_unique_id;
        VhOptUint parentaddr_domain, parentaddr_bus, parentaddr_slot, parentaddr_function;
} VhPoolAdapter;

typedef struct VhPoolAuth {
        uint8_t type; /* chap, ceph */
        char *username;
        uint8_t secret_uuid[VH_UUID_LEN];
        char *secret_usage;
} VhPoolAuth;

typedef struct VhPoolSource {
        VH_LIST(VhPoolHost) hosts;
        VH_LIST(VhPoolDevice) devices;
        char *dir;
        VhPoolAdapter *adapter;
        char *name;
        char *initiator_iqn;
        char *format;
        VhPoolAuth *auth;
        char *protocol_ver;
        char *vendor;
        char *product;
} VhPoolSource;

typedef struct VhPermissions {
        char *mode; /* octal digits */
        VhOptInt owner;
        VhOptInt group;
        char *label;
} VhPermissions;

typedef struct VhPoolDef {
        uint8_t type; /* VhPoolType */
        char *name;
        uint8_t uuid[VH_UUID_LEN];
        uint64_t capacity, allocation, available; /* bytes; of the running pool, not read from XML */
        uint8_t cow;
        VhPoolSource source;
        char *target_path;
        VhPermissions *permissions;
        char *refresh;     /* subtree */
        char *mount_opts;  /* fs:mount_opts, subtree */
        char *config_opts; /* rbd:config_opts, subtree */
} VhPoolDef;

VH_MODEL_DECLARE(storage_pool, VhPoolDef)

extern const VhXmlTable vh_permissions_table;

/* Reads the <source> that FIND_STORAGE_POOL_SOURCES gets; the caller clears ret with vh_pool_source_clear(). */
int vh_pool_source_parse(const char *xml, VhPoolSource *ret, VhError **err);
void vh_pool_source_clear(VhPoolSource *source);
