/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of volumes are made and changed, on workers. */

#include "model/storage-vol.h"

typedef struct StorageBuild {
        VhVolDef *def;          /* of the volume; with its path. Completed by what became of it */
        const VhVolDef *origin; /* whose content it gets; NULL: it is empty */
        uint32_t flags;         /* VIR_STORAGE_VOL_CREATE_* */
        int stop_fd;            /* readable: give up */
        bool made;              /* there is something of it on the disk */
} StorageBuild;

/* Makes the file. Returns 0, or negative errno with *err; nothing of it is left then. */
int storage_build(StorageBuild *build, VhError **err);

/* vol-image.c */

/* Whether qemu-img has to make the volume. */
bool storage_needs_image_tool(const StorageBuild *build);
int storage_build_image(StorageBuild *build, VhError **err);
/* Changes the size of an image that is not raw. */
int storage_resize_image(const VhVolDef *def, uint64_t capacity, bool shrink, int stop_fd, VhError **err);

/* vol-raw.c */

int storage_build_raw(StorageBuild *build, VhError **err);
/* allocate: room on the disk for what is new. */
int storage_resize_raw(const char *path, uint64_t capacity, bool allocate, VhError **err);
/* Overwrites what is in a file with zeroes. */
int storage_wipe_raw(const char *path, int stop_fd, VhError **err);
/* Whether stop_fd can be read. */
bool storage_stop_wanted(int stop_fd);
/* Account and mode of a file that was just made. */
int storage_apply_owner(int fd, const VhVolDef *def, VhError **err);
