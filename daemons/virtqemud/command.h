/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* QEMU's command line from a definition. Pure: everything comes from the arguments, nothing on the host is touched. */

#include "caps.h"
#include "launch.h"
#include "model/domain.h"

/* Completes a definition for a run: aliases, node names of images, paths of sockets that the definition leaves open,
 * firmware that was asked for by kind. Display ports that are to be chosen (port -1) stay open. Refuses what this QEMU
 * cannot do. caps may be NULL: nothing is refused then. Returns 0 or negative errno with *err. */
int qemu_command_prepare(VhDomainDef *def, const QemuCaps *caps, const QemuLaunch *launch, VhError **err);

/* The command line of a prepared definition. cmd must be empty; descriptors of launch that it uses are named in it, not
 * passed (see qemu_command_pass_fd()). Returns 0 or negative errno with *err; cmd is to be freed in any case. */
int qemu_command_build(const VhDomainDef *def, const QemuCaps *caps, const QemuLaunch *launch, QemuCommand *cmd,
                       VhError **err);

/* The parts of it for a device that joins a running guest: node names for a disk's images, the socket of a channel. */
/* last: the highest number that was given in this run; counted on. */
void qemu_number_chain(VhDiskSource *top, uint32_t *last);
void qemu_prepare_disk(VhDisk *disk, unsigned *last);
void qemu_prepare_channel(const QemuLaunch *launch, VhChr *chr);

/* The highest number in the node names of images. */
uint32_t qemu_highest_node(const VhDomainDef *def);

/* alias.c: names of devices inside QEMU. Those that are there stay. */
void qemu_assign_aliases(VhDomainDef *def);
/* For a device that joins a running guest. */
void qemu_assign_alias(const VhDomainDef *def, VhDeviceKind kind, void *dev);
