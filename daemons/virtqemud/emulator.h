/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which QEMU programs this host has, and what a guest gets from them that its definition leaves open. */

#include "base/buf.h"
#include "model/domain.h"

typedef struct QemuEmulators QemuEmulators;

/* path: colon-separated directories to search; NULL: $PATH. The search is made when it is needed first.
 * child_files: see VhDriverEnv. */
QemuEmulators *qemu_emulators_new(const char *path, uint64_t child_files);
/* Accepts NULL, returns NULL. */
QemuEmulators *qemu_emulators_free(QemuEmulators *emulators);

/* Architecture of guests that name none. */
const char *qemu_emulators_host_arch(const QemuEmulators *emulators);
/* Program for guests of an architecture, NULL if there is none. */
const char *qemu_emulators_find(QemuEmulators *emulators, const char *arch);
/* Gives a definition its emulator, and refuses what no emulator here can run: VIR_ERR_CONFIG_UNSUPPORTED. */
int qemu_emulators_fill(QemuEmulators *emulators, VhDomainDef *def, VhError **err);
/* Appends the <guest> elements of the capabilities document. */
void qemu_emulators_format(QemuEmulators *emulators, VhBuf *buf);
/* Version of the host architecture's emulator as major * 1000000 + minor * 1000 + release; runs it once. */
int qemu_emulators_version(QemuEmulators *emulators, uint64_t *version, VhError **err);
