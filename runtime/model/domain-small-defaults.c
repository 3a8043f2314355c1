/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the smaller devices get that their definition leaves open. */

#include "model/domain.h"

static void default_hostdev(VhHostdev *d)
{
        if (d->mode == VH_HOSTDEV_SUBSYSTEM && !d->managed)
                d->managed = VH_NO;
}

static void default_rng(VhRng *rng)
{
        enum { RANDOM = 1 };

        if (rng->backend == RANDOM && !rng->device)
                rng->device = vh_xstrdup("/dev/random");
}

/* Permissions have four digits. What is none stays as it is, for the check to refuse. */
static void pad_mode(char **mode)
{
        char *end = NULL;
        unsigned long bits = *mode ? strtoul(*mode, &end, 8) : 0;

        if (!*mode || *end || strlen(*mode) >= 4)
                return;
        free(*mode);
        *mode = vh_xasprintf("%04lo", bits);
}

static void default_memdev(VhMemdev *mem)
{
        enum { VIRTIO_PMEM = 3, SHARED = 1 };

        if (mem->model == VIRTIO_PMEM && !mem->access)
                mem->access = SHARED;
}

static void default_shmem(VhShmem *shmem)
{
        enum { PLAIN = 2, DEFAULT_SIZE = 4096 /* KiB */ };

        if (shmem->model == PLAIN && !shmem->size)
                shmem->size = DEFAULT_SIZE;
}

void vh_domain_small_defaults(VhDomainDef *def)
{
        enum { PASSTHROUGH = 1, MOUNT = 1, VIRTIOFS = 6 };

        for (uint32_t i = 0; i < def->filesystems.n; i++) {
                pad_mode(&def->filesystems.items[i]->fmode);
                pad_mode(&def->filesystems.items[i]->dmode);
        }
        for (uint32_t i = 0; i < def->memdevs.n; i++)
                default_memdev(def->memdevs.items[i]);
        for (uint32_t i = 0; i < def->shmems.n; i++)
                default_shmem(def->shmems.items[i]);

        for (uint32_t i = 0; i < def->filesystems.n; i++)
                if (!def->filesystems.items[i]->accessmode && def->filesystems.items[i]->type == MOUNT &&
                    !(def->filesystems.items[i]->driver == VIRTIOFS && def->filesystems.items[i]->socket))
                        def->filesystems.items[i]->accessmode = PASSTHROUGH;
        for (uint32_t i = 0; i < def->hostdevs.n; i++)
                default_hostdev(def->hostdevs.items[i]);
        for (uint32_t i = 0; i < def->rngs.n; i++)
                default_rng(def->rngs.items[i]);
        if (def->vsock && !def->vsock->cid_auto)
                def->vsock->cid_auto = def->vsock->cid ? VH_NO : VH_YES;
        for (uint32_t i = 0; i < def->smartcards.n; i++)
                if (def->smartcards.items[i]->info.address.type == VH_ADDRESS_NONE) {
                        def->smartcards.items[i]->info.address.type = VH_ADDRESS_CCID;
                        def->smartcards.items[i]->info.address.ccid.slot = i;
                }
        for (uint32_t i = 0; i < def->inputs.n; i++)
                if (!def->inputs.items[i]->bus && def->inputs.items[i]->type != VH_INPUT_EVDEV)
                        def->inputs.items[i]->bus =
                                def->inputs.items[i]->type == VH_INPUT_TABLET ? VH_INPUT_BUS_USB : VH_INPUT_BUS_PS2;
}
