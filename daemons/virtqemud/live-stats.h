/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Statistics of running guests that several calls share. */

#include <jansson.h>

#include "driver/typedparam.h"
#include "process.h"

/* The question for what the guest's balloon driver counts; NULL if the guest has no balloon. live-cpu.c */
json_t *qemu_balloon_command(const VhDomainDef *def);
/* Fills out from its answer (NULL: none); returns the number of entries. */
unsigned qemu_memory_stats(VhDomainObj *dom, const json_t *guest,
                           remote_domain_memory_stat out[VIR_DOMAIN_MEMORY_STAT_NR]);

/* The question for the speed at which the guest writes to its memory, and what its answer (NULL: none) says.
 * dirty-rate.c */
json_t *qemu_dirty_rate_command(const VhDomainDef *def);
void qemu_dirty_rate_stats(const json_t *answer, VhTypedList *list);

/* Whether a disk's name in QEMU's tree is that of alias: "/machine/peripheral/ALIAS/virtio-backend",
 * "/machine/peripheral/ALIAS" or "ALIAS". live-block.c */
bool qemu_block_is_of(const char *qdev, const char *alias);

/* Counters of a disk. live-block.c */
typedef struct QemuBlockStats {
        int64_t rd_req, rd_bytes, rd_times;
        int64_t wr_req, wr_bytes, wr_times;
        int64_t flush_req, flush_times;
        int64_t highest; /* offset in the file that was written to, bytes */
} QemuBlockStats;

/* Looks the disk with that alias up in the answer to query-blockstats; false if it is not there. */
bool qemu_block_stats_find(const json_t *answer, const char *alias, QemuBlockStats *stats);
/* Capacity and physical size of the image of a disk from the answer to query-named-block-nodes; false if it is not
 * there. The allocation of a running guest's image is the highest offset that was written to. */
bool qemu_block_sizes_find(const json_t *answer, const VhDisk *disk, remote_domain_get_block_info_ret *sizes);

/* Counters of the host's network interface; false if there is none. For a tap, what the guest sends is what the host
 * receives: swapped says to see it as the guest does. live-net.c */
bool qemu_net_stats(const char *ifname, bool swapped, remote_domain_interface_stats_ret *stats);
