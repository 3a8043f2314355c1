/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backups: <domainbackup>. */

#include "model/domain-devices.h"
#include "model/model.h"
#include "xml/types.h"

typedef enum VhBackupMode { VH_BACKUP_UNSET, VH_BACKUP_PUSH, VH_BACKUP_PULL } VhBackupMode;
typedef enum VhBackupDiskMode { VH_BACKUP_DISK_UNSET, VH_BACKUP_FULL, VH_BACKUP_INCREMENTAL } VhBackupDiskMode;

/* How far a disk is; words of status files. */
typedef enum VhBackupState {
        VH_BACKUP_STATE_NONE,
        VH_BACKUP_RUNNING,
        VH_BACKUP_COMPLETE,
        VH_BACKUP_FAILED,
        VH_BACKUP_CANCELLING,
        VH_BACKUP_CANCELLED,
} VhBackupState;

/* Where a pushed disk goes, or what a pulled one is kept in while it lasts. */
typedef struct VhBackupStore {
        char *file;
        char *dev;
        VhSeclabels seclabels;
        VhStorageEncryption *encryption;
} VhBackupStore;

typedef struct VhBackupDisk {
        char *name;
        uint8_t backup; /* VH_YES, VH_NO */
        uint8_t state;  /* VhBackupState */
        uint8_t type;   /* VhDiskType: file or block */
        uint8_t mode;   /* VhBackupDiskMode */
        char *incremental;
        char *export_name;
        char *export_bitmap;
        VhOptUint index; /* live */
        uint8_t format;  /* words of the storage formats */
        VhBackupStore *target, *scratch;
} VhBackupDisk;

typedef struct VhBackupServer {
        uint8_t tls;       /* VH_YES, VH_NO */
        uint8_t transport; /* 1: tcp, 2: unix */
        char *name;
        char *port;
        char *socket;
} VhBackupServer;
enum { VH_BACKUP_TCP = 1, VH_BACKUP_UNIX = 2 };

typedef struct VhBackupDef {
        uint8_t mode; /* VhBackupMode; push unless told */
        char *incremental;
        VhBackupServer *server;
        VH_LIST(VhBackupDisk) disks;
} VhBackupDef;

VH_MODEL_DECLARE(backup, VhBackupDef)

VhBackupDisk *vh_backup_disk_new(const char *name);
VhBackupStore *vh_backup_store_new(void);
