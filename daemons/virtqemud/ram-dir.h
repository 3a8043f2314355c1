/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that back guests' memory: each guest's in a folder of its own. */

#include "conf/conf.h"
#include "driver/driver.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

/* The folder (memory_backing_dir of qemu.conf; conf may be NULL). short_name: see short-name.h. The caller frees it.
 * command-memory.c */
char *qemu_ram_dir(const VhConf *conf, const VhDriverEnv *env, const char *short_name);

/* Whether the guest has such files, or may get them while it runs. */
static inline bool qemu_may_have_ram_files(const VhDomainDef *def)
{
        return def->memory_backing || def->memdevs.n > 0 || (def->cpu && def->cpu->numa);
}

/* Whether it uses huge pages. */
static inline bool qemu_wants_hugepages(const VhDomainDef *def)
{
        enum { NORMAL_PAGE = 4 }; /* KiB */
        bool wants = def->memory_backing && def->memory_backing->hugepages;

        for (uint32_t i = 0; !wants && i < def->memdevs.n; i++)
                wants = def->memdevs.items[i]->source_pagesize > NORMAL_PAGE;
        return wants;
}
