/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Storage volumes: <volume>. */

#include "model/model.h"
#include "model/storage-pool.h"

typedef enum VhVolType {
        VH_VOL_UNSET,
        VH_VOL_FILE,
        VH_VOL_BLOCK,
        VH_VOL_DIR,
        VH_VOL_NETWORK,
        VH_VOL_NETDIR,
        VH_VOL_PLOOP,
} VhVolType;

typedef struct VhVolTimestamps {
        char *atime, *mtime, *ctime, *btime; /* seconds and, behind a dot, nanoseconds */
} VhVolTimestamps;

typedef struct VhVolFeatures {
        bool lazy_refcounts, extended_l2;
} VhVolFeatures;

typedef struct VhVolTarget {
        char *path;
        char *format;
        VhPermissions *permissions;
        VhVolTimestamps *timestamps;
        char *encryption; /* subtree */
        char *compat;
        uint8_t nocow;
        uint64_t cluster_size; /* bytes */
        VhVolFeatures *features;
} VhVolTarget;

typedef struct VhVolBacking {
        char *path;
        char *format;
        VhPermissions *permissions;
        VhVolTimestamps *timestamps;
} VhVolBacking;

typedef struct VhVolDef {
        uint8_t type; /* VhVolType; made by the pool, not read */
        char *name;
        char *key;
        uint64_t capacity, allocation, physical; /* bytes */
        bool has_allocation;                     /* the XML gave one */
        char *source;                            /* subtree: extents of a partition or logical volume */
        VhVolTarget target;
        VhVolBacking *backing;
} VhVolDef;

VH_MODEL_DECLARE(storage_vol, VhVolDef)

/* Formats that volumes of a pool can have. */
typedef struct VhVolFormats {
        const char *standard;     /* of a volume that names none */
        const char *const *names; /* NULL-terminated */
} VhVolFormats;

/* NULL: volumes of such a pool have no format. */
const VhVolFormats *vh_vol_formats(unsigned pool_type);

enum { VH_VOL_ANY_CAPACITY = VH_XML_USER }; /* parse: the capacity may be left out */

/* Reads a volume for a pool of the type: fills in the format that volumes of the pool have and refuses an unknown one.
 */
int vh_storage_vol_parse_for(unsigned pool_type, const char *xml, unsigned flags, VhVolDef **ret, VhError **err);
