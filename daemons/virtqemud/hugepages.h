/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where huge pages can be had: file systems of type hugetlbfs, those of hugetlbfs_mount in qemu.conf or all that are
 * mounted. Each guest with huge pages has a folder in each. */

#include "conf/conf.h"

/* Calls fn for a guest's folder in each of them, until one fails. short_name: see short-name.h; conf may be NULL. */
int qemu_hugepages_each(const VhConf *conf, const char *short_name,
                        int (*fn)(void *data, const char *folder, VhError **err), void *data, VhError **err);
/* The folder where pages have a size (KiB); the caller frees it. Returns NULL with *err if there is none. */
char *qemu_hugepages_find(const VhConf *conf, uint64_t size, const char *short_name, VhError **err);
