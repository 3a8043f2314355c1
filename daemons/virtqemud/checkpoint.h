/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What backups need of checkpoints. */

#include "moment.h"

/* Reads a client's XML and completes it for a running domain. Returns 0 or negative errno. */
int qemu_checkpoint_prepare(VhDomainObj *dom, const char *xml, VhCheckpoint **ret, VhError **err);
/* Adds what makes its bitmaps to the actions of a transaction. */
void qemu_checkpoint_actions(const VhDomainDef *dom, const VhCheckpointDef *def, json_t *actions);
/* Links one whose bitmaps are there (taken over) as the current one, and writes it. */
int qemu_checkpoint_add(QemuDriver *driver, VhDomainObj *dom, VhCheckpoint *cp, VhMoment **ret, VhError **err);

/* Actions of a transaction: {type, data: {node, name}}, and a new bitmap (granularity 0: QEMU's choice). */
json_t *qemu_bitmap_action(const char *type, const char *node, const char *name);
json_t *qemu_bitmap_add(const char *node, const char *name, bool persistent, bool disabled, unsigned granularity);
/* The command; actions is taken over. */
json_t *qemu_transaction(json_t *actions);
/* A bitmap of an image in an answer to query-named-block-nodes, NULL if it has none of that name. */
const json_t *qemu_bitmap_find(const json_t *nodes, const VhDiskSource *src, const char *name);
