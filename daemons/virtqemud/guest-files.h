/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files and nodes of the host that a guest opens, as who labels them has to know them. */

#include "model/domain.h"

typedef enum QemuFileUse {
        QEMU_FILE_OWN,    /* this guest alone writes to it */
        QEMU_FILE_SHARED, /* several write to it */
        QEMU_FILE_READ,   /* it is only read, maybe by several */
        QEMU_FILE_BOOT,   /* likewise, and given back */
} QemuFileUse;

typedef struct QemuFile {
        const char *path;
        QemuFileUse use;
        bool node;                 /* a device's: it may be missing, and may be everybody's */
        bool output;               /* a character device's: virtlogd's, where that writes it */
        const VhSeclabels *labels; /* of its definition; NULL: it cannot have any */
} QemuFile;

/* Returns 0 to go on, negative errno to stop. */
typedef int (*QemuFileFn)(void *data, const QemuFile *file, VhError **err);

/* All of a guest. Stops at the first failure, which it returns. */
int qemu_guest_files(const VhDomainDef *def, QemuFileFn fn, void *data, VhError **err);
/* Of one disk, with the images behind it. */
int qemu_disk_files(const VhDisk *disk, QemuFileFn fn, void *data, VhError **err);
/* Of one device. */
int qemu_device_files(const VhDevice *dev, QemuFileFn fn, void *data, VhError **err);

/* Whether one more guest's use of it is remembered, and its end gives it back. */
bool qemu_file_is_kept(const QemuFile *file);

/* What labels of a file say for a model ("dac"): NULL, nothing. */
const VhSeclabel *qemu_file_label(const QemuFile *file, const char *model);
