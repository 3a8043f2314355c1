/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* File systems and disks as a guest's agent tells them. */

#include "qemu.h"

#include <jansson.h>

#include "driver/typedparam.h"

/* The domain's disk that one entry of the agent means (its PCI address, and bus, target and unit behind a controller);
 * NULL: none that is known. */
const VhDisk *qemu_agent_find_disk(const VhDomainDef *def, const json_t *address);

/* Adds fields "fs.*" and "disk.*" of GET_GUEST_INFO. Returns 0, or negative errno with *err for an answer that is none.
 */
int qemu_agent_format_filesystems(const VhDomainDef *def, json_t *ret, VhTypedList *list, VhError **err);
int qemu_agent_format_disks(const VhDomainDef *def, json_t *ret, VhTypedList *list, VhError **err);

typedef void (*QemuFrozenFn)(void *data, int count, const VhError *err);
/* Freezes all file systems of a running guest, or thaws them, for who takes a snapshot; done() is called once with
 * their number or negative errno. */
void qemu_agent_freeze(QemuDriver *driver, VhDomainObj *dom, bool freeze, QemuFrozenFn done, void *data);
