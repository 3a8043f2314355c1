/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that other hosts see, too. */

#include "process.h"

/* Whether the path is on a file system of a kind that several hosts mount at once, by its magic number (statfs(2)). May
 * wait for that file system. false if it cannot be asked. */
bool qemu_path_is_shared(const char *path);
/* Whether the guest runs on another host, or may, and uses that file there. */
bool qemu_path_is_used_elsewhere(const QemuProcess *proc, const char *path);
