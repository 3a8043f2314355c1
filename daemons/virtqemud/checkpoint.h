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
/* What a checkpoint (NULL: there is none) has of a disk; NULL if that was not part of it. */
const VhCheckpointDisk *qemu_checkpoint_disk(const VhMoment *m, const char *target);
