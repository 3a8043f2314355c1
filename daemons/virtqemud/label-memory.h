/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What files were before guests used them: their owner, their label. It is remembered in their extended attributes
 * (trusted.libvirt.security.*, as libvirt 9.0.0 has them) for each model by itself, with the number of guests that use
 * the file; what was noted before the last boot of the host counts for nothing. */

#include <stdint.h>

enum { QEMU_MEMORY_VALUE_MAX = 4096 };

typedef struct QemuLabelMemory {
        uint64_t count; /* 0: nothing is remembered */
        char value[QEMU_MEMORY_VALUE_MAX];
} QemuLabelMemory;

/* model: "dac", "selinux". Returns 0, also if there is nothing, or negative errno (-ENOTSUP where files have no such
 * attributes). */
int qemu_memory_recall(const char *path, const char *model, QemuLabelMemory *m);
/* Replaces what is there. Returns 0, or negative errno with nothing remembered. */
int qemu_memory_note(const char *path, const char *model, const QemuLabelMemory *m);
/* What the guest had of a file it has of another one from now on: that file, of which nothing is remembered, will be
 * given back as the first one was. */
void qemu_memory_inherit(const char *from, const char *to);
void qemu_memory_forget(const char *path, const char *model);
