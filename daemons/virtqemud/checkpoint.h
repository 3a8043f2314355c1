/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What backups need of checkpoints. */

#include "moment.h"

/* Reads a client's XML and completes it for a running domain. Returns 0 or negative errno. */
int qemu_checkpoint_prepare(QemuDriver *driver, VhDomainObj *dom, const char *xml, VhCheckpoint **ret, VhError **err);
/* Adds what makes its bitmaps to the actions of a transaction. */
void qemu_checkpoint_actions(const VhDomainDef *dom, const VhCheckpointDef *def, json_t *actions);
/* Links one whose bitmaps are there (taken over) as the current one, and writes it. */
int qemu_checkpoint_add(QemuDriver *driver, VhDomainObj *dom, VhCheckpoint *cp, VhMoment **ret, VhError **err);
/* What a checkpoint (NULL: there is none) has of a disk; NULL if that was not part of it. */
const VhCheckpointDisk *qemu_checkpoint_disk(const VhMoment *m, const char *target);
/* checkpoint-redefine.c: takes in one that exists already. validate: only if its bitmaps are in the images of the
 * guest, which has to run then. Returns 0, VH_LATER or negative errno. */
int qemu_checkpoint_redefine(VhCall *call, VhDomainObj *dom, const char *xml, bool validate,
                             remote_domain_checkpoint_create_xml_ret *ret, VhError **err);
