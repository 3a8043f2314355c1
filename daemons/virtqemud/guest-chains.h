/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The images of disks and those behind them (chain-detect.c), found on a worker: a file system that hangs holds up who
 * needs it, and nobody else. */

#include "host-work.h"
#include "model/domain-devices.h"

typedef enum QemuChainFor {
        QEMU_CHAIN_START,   /* a guest that starts: a missing image that is optional is left out */
        QEMU_CHAIN_ARRIVAL, /* its memory comes from elsewhere: missing images may be made later; media that need not be
                               there are left out */
        QEMU_CHAIN_JOIN,    /* an image that joins a guest */
} QemuChainFor;

/* Adds an item that follows the headers of the disk's images, unless the definition tells all, or they are not files of
 * this host. Adopted, disk (which must last until then) has its chain, or nothing, or left the guest. One that lies, or
 * whose image is missing, fails. */
void qemu_chain_want(VhDisk *disk, QemuChainFor what, QemuHostWork *work);
/* The same for an image that is no disk yet, with its format in it. */
void qemu_chain_want_source(VhDiskSource *src, QemuHostWork *work);
