/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Folders and files on the disk. Everything here blocks: for workers. */

#include "model/storage-vol.h"

/* What is in a folder, and how much room its file system has. */
typedef struct StorageScan {
        VH_LIST(VhVolDef) vols;
        uint64_t capacity, allocation, available; /* bytes */
        VhPermissions *permissions;
} StorageScan;

/* dir.c */
int storage_dir_scan(const char *path, StorageScan *ret, VhError **err);
void storage_scan_done(StorageScan *scan);
/* Makes the folder of a pool, with its parents, or gives an existing one the permissions of the definition. */
int storage_dir_build(const VhPoolDef *def, VhError **err);
int storage_dir_remove(const char *path, VhError **err);

/* vol-file.c */

/* What is known of a file that nobody described; its format is found out. Returns 0; 1 if it is none that can be a
 * volume (why is logged); negative with *err. */
int storage_vol_probe(const char *dir, const char *name, VhVolDef **ret, VhError **err);
/* Sizes, permissions and times of a volume and of the image behind it, as they are now. */
int storage_vol_update(VhVolDef *def, VhError **err);
/* Permissions of what is open. */
VhPermissions *storage_permissions_of(int fd, VhPermissions *old);
/* The mode that permissions ask for, or another. */
unsigned storage_mode(const VhPermissions *perms, unsigned otherwise);
