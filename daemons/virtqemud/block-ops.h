/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the calls that start block jobs share. */

#include "block-job.h"

/* A client's bandwidth (MiB/s, or bytes/s) in bytes/s; VIR_ERR_OVERFLOW if QEMU could not count it. */
int qemu_block_speed(uint64_t bandwidth, bool bytes, uint64_t *ret, VhError **err);
/* Members that all commands have which start a job: its name, speed, and that it waits to be dismissed. */
json_t *qemu_block_job_args(const QemuBlockJob *job, uint64_t speed);
/* block-pull.c: base may be NULL. flags: VIR_DOMAIN_BLOCK_REBASE_*. Returns VH_LATER or negative errno. */
int qemu_block_pull(VhCall *call, const remote_nonnull_domain *wire, const char *disk, const char *base,
                    uint64_t bandwidth, uint32_t flags, VhError **err);

/* block-pull.c: a commit of what is in the images from top to before base, and what it has of QEMU's command. */
typedef struct QemuCommit {
        VhDisk *disk;
        VhDiskSource *top, *base;
        VhDiskSource *parent; /* the image above top; NULL: top is what the guest writes to */
        bool delete_images;
} QemuCommit;
/* A new job for it in the process' list, and the mirror of a disk that has to pivot; *args is the caller's. */
QemuBlockJob *qemu_block_commit_new(QemuProcess *proc, const QemuCommit *c, json_t **args);

/* block-size.c: of an image in an answer to query-named-block-nodes. Returns 0, or negative errno: it is not there. */
typedef struct QemuBlockSize {
        uint64_t capacity;     /* bytes that the guest sees */
        unsigned cluster;      /* bytes, 0: it has none */
        const json_t *bitmaps; /* borrowed; NULL: none */
} QemuBlockSize;
int qemu_block_size(const json_t *nodes, const VhDiskSource *src, QemuBlockSize *ret, VhError **err);
