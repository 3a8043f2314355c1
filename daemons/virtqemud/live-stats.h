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
/* That of a disk in an answer to query-block or query-blockstats; NULL if it is not there. */
const json_t *qemu_block_find(const json_t *answer, const char *alias);

/* Counters of a disk. live-block.c */
typedef struct QemuBlockStats {
        int64_t rd_req, rd_bytes, rd_times;
        int64_t wr_req, wr_bytes, wr_times;
        int64_t flush_req, flush_times;
        int64_t highest; /* offset in the file that was written to, bytes */
} QemuBlockStats;

/* Looks the disk with that alias up in the answer to query-blockstats; false if it is not there. */
bool qemu_block_stats_find(const json_t *answer, const char *alias, QemuBlockStats *stats);
/* The highest offset in the file of an image below the disk's own that was written to; depth 1 is right below. */
uint64_t qemu_block_stats_backing(const json_t *answer, const char *alias, unsigned depth);

/* How large an image is, in bytes. image-size.c */
typedef struct QemuImageSize {
        uint64_t capacity;  /* that the guest sees */
        uint64_t used;      /* of the host's storage; 0: nothing, or it cannot be told */
        uint64_t physical;  /* of the file or device */
        uint64_t threshold; /* offset behind which writes are told; 0: none */
} QemuImageSize;

/* That of a running guest's image, from the answer to query-named-block-nodes; false if it is not there. QEMU counts
 * files in whole sectors. */
bool qemu_image_size_find(const json_t *answer, const VhDiskSource *src, QemuImageSize *ret);
/* That of an image that no guest uses. Returns 0 or negative errno. */
int qemu_image_size_stored(const VhDisk *disk, QemuImageSize *ret, VhError **err);

/* Those of all images of many guests that do not run. stored-sizes.c */
typedef struct QemuStoredSizes QemuStoredSizes;
QemuStoredSizes *qemu_stored_sizes_new(void);
/* Accepts NULL, returns NULL. */
QemuStoredSizes *qemu_stored_sizes_free(QemuStoredSizes *sizes);
/* A guest's disks, in their order; returns the place of the first. */
size_t qemu_stored_sizes_add(QemuStoredSizes *sizes, const VhDomainDef *def);
bool qemu_stored_sizes_empty(const QemuStoredSizes *sizes);
/* On a worker. Returns 0. */
int qemu_stored_sizes_look(QemuStoredSizes *sizes);
/* What was found at a place; NULL: nothing, or disk has another image by now. */
const QemuImageSize *qemu_stored_size(const QemuStoredSizes *sizes, size_t place, const VhDisk *disk);

/* Counters of the host's network interface; false if there is none. For a tap, what the guest sends is what the host
 * receives: swapped says to see it as the guest does. live-net.c */
bool qemu_net_stats(const char *ifname, bool swapped, remote_domain_interface_stats_ret *stats);
