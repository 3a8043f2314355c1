/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bitmaps of checkpoints that move with the disks that are copied. Both QEMUs call them by names that the cookies tell.
 */

#include "migrate.h"

/* Source: adds to a cookie the bitmaps of the disks to copy; nodes: answer of query-named-block-nodes. */
void qemu_migrate_cookie_bitmaps(QemuCookie *cookie, const VhDomainDef *def, const QemuMigrateParams *p,
                                 const json_t *nodes);
/* Target: takes those out of what the source sent that the images here have already (nodes: as above), and those of
 * disks that are not there. */
void qemu_migrate_filter_bitmaps(QemuCookie *cookie, const VhDomainDef *def, const json_t *nodes);
/* Both: what QEMU is told (block-bitmap-mapping) of the bitmaps in the other side's cookie. Returns 0 with *ret, or
 * negative errno with *err if they are of a disk that is not there. */
int qemu_migrate_bitmap_mapping(const QemuCookie *cookie, const VhDomainDef *def, json_t **ret, VhError **err);
