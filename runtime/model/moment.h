/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshots and checkpoints: <domainsnapshot> and <domaincheckpoint>. The domain inside is kept as text; drivers hold
 * its struct beside the definition and put the text there before they format. */

#include "model/domain-devices.h"
#include "model/model.h"
#include "xml/types.h"

typedef enum VhSnapshotLocation {
        VH_LOCATION_UNSET,
        VH_LOCATION_NONE, /* "no" */
        VH_LOCATION_INTERNAL,
        VH_LOCATION_EXTERNAL,
        VH_LOCATION_MANUAL,
} VhSnapshotLocation;

/* State of the domain at the moment; the first ones are virDomainState + 1. */
typedef enum VhSnapshotState {
        VH_SNAPSHOT_STATE_UNSET,
        VH_SNAPSHOT_NOSTATE,
        VH_SNAPSHOT_RUNNING,
        VH_SNAPSHOT_BLOCKED,
        VH_SNAPSHOT_PAUSED,
        VH_SNAPSHOT_SHUTDOWN,
        VH_SNAPSHOT_SHUTOFF,
        VH_SNAPSHOT_CRASHED,
        VH_SNAPSHOT_PMSUSPENDED,
        VH_SNAPSHOT_DISK_SNAPSHOT,
} VhSnapshotState;

typedef struct VhSnapshotMemory {
        uint8_t location; /* VhSnapshotLocation */
        char *file;
} VhSnapshotMemory;

typedef struct VhSnapshotDisk {
        char *name;
        uint8_t location;
        bool deleting;    /* what stands on its image is being merged into it, or was in vain */
        VhDiskSource src; /* external: what the guest writes to from then on; type none: to be made up */
} VhSnapshotDisk;

typedef struct VhSnapshotDef {
        char *name;
        char *description;
        uint8_t state;   /* VhSnapshotState */
        VhOptInt active; /* 1: the current one; in drivers' own files only, read and not written */
        char *parent;
        VhOptU64 creation_time; /* seconds since 1970 */
        VhSnapshotMemory *memory;
        VH_LIST(VhSnapshotDisk) disks;
        char *domain;          /* subtree */
        char *inactive_domain; /* subtree */
        char *cookie;          /* subtree, of the driver */
} VhSnapshotDef;

VH_MODEL_DECLARE(snapshot, VhSnapshotDef)

typedef enum VhCheckpointMode { VH_CHECKPOINT_UNSET, VH_CHECKPOINT_NO, VH_CHECKPOINT_BITMAP } VhCheckpointMode;

typedef struct VhCheckpointDisk {
        char *name;
        uint8_t mode; /* VhCheckpointMode */
        char *bitmap;
        VhOptU64 size;
} VhCheckpointDisk;

typedef struct VhCheckpointDef {
        char *name;
        char *description;
        char *parent;
        VhOptU64 creation_time;
        VH_LIST(VhCheckpointDisk) disks;
        char *domain; /* subtree */
} VhCheckpointDef;

VH_MODEL_DECLARE(checkpoint, VhCheckpointDef)

/* New disk entries, for drivers that add those the XML left out. */
VhSnapshotDisk *vh_snapshot_disk_new(const char *name, VhSnapshotLocation location);
VhCheckpointDisk *vh_checkpoint_disk_new(const char *name, VhCheckpointMode mode);
VhSnapshotMemory *vh_snapshot_memory_new(VhSnapshotLocation location);
