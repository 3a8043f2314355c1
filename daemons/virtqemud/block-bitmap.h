/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bitmaps of checkpoints. Each image that was on top since the checkpoint has one of its name, for what was written
 * while it was: what has changed is what all of them tell together. An image that lacks it was below already. */

#include "block-job.h"

/* Catches what the guest writes between the end of a mirror and the moment when bitmaps go on in its target. */
#define QEMU_BITMAP_WRITES "libvirt-tmp-activewrite"

/* Actions of a transaction: {type, data: {node, name}}, and a new bitmap (granularity 0: QEMU's choice). */
json_t *qemu_bitmap_action(const char *type, const char *node, const char *name);
json_t *qemu_bitmap_add(const char *node, const char *name, bool persistent, bool disabled, unsigned granularity);
/* Adds sources (taken over) to bitmap `name` of `node`. */
json_t *qemu_bitmap_merge(const char *node, const char *name, json_t *sources);
/* The command; actions is taken over. */
json_t *qemu_transaction(json_t *actions);

/* nodes: an answer to query-named-block-nodes. */

/* A bitmap of an image, NULL if it has none of that name. */
const json_t *qemu_bitmap_find(const json_t *nodes, const VhDiskSource *src, const char *name);
/* Whether it can be relied on: QEMU keeps it, goes on with it, and has not lost it in a crash. */
bool qemu_bitmap_is_good(const json_t *bitmap);
/* A checkpoint's bitmap in src and the images below it down to before the one with index `end` (0: all), as what
 * qemu_bitmap_merge() takes. NULL if src itself has no good one. granularity may be NULL. */
json_t *qemu_bitmap_sources(const json_t *nodes, const VhDiskSource *src, unsigned end, const char *name,
                            unsigned *granularity);
/* Adds to actions what lets the bitmaps of the image `of` go on in the image `target`: together with those of their
 * names in `top` and the images below it down to before `end`, and with QEMU_BITMAP_WRITES of target if that is there,
 * which goes. */
void qemu_bitmaps_carry(const json_t *nodes, const VhDiskSource *of, const VhDiskSource *top, unsigned end,
                        const VhDiskSource *target, json_t *actions);

/* Adds a step that begins QEMU_BITMAP_WRITES in the image that a disk is mirrored to. */
void qemu_plan_watch_writes(QemuPlan *plan, const VhDisk *disk);
/* Adds a step that opens an image below the top for writing, or for reading only again. */
void qemu_plan_reopen(const VhDisk *disk, const VhDiskSource *src, bool writable, QemuPlan *plan);
