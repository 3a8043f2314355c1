/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Finding out what a QEMU program can do. */

#include <jansson.h>

#include "caps.h"

/* Runs the program and asks it over QMP; blocks for some tenths of a second, at most QEMU_PROBE_SECONDS. May run on any
 * thread. child_files: see VhDriverEnv. */
int qemu_caps_probe(QemuCaps **ret, const char *binary, uint64_t child_files, VhError **err);

enum { QEMU_PROBE_SECONDS = 30 };

/* The cache: files of a directory, one for each program. Load returns 0, or -ESTALE if there is none that still holds
 * for the program and this host. */
int qemu_caps_load(QemuCaps **ret, const char *dir, const char *binary);
/* Returns 0 or negative errno. */
int qemu_caps_save(const QemuCaps *caps, const char *dir);

/* Fills arrays of caps from the answers of QMP, or from the cache, which has the same form. */
void qemu_caps_set_cpus(QemuCaps *caps, QemuAccel accel, const json_t *list);
json_t *qemu_caps_to_json(const QemuCaps *caps);
int qemu_caps_from_json(QemuCaps **ret, const json_t *json);
