/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tap devices: the kernel's end is a network device, the other end a descriptor a queue. A tap goes with its last
 * descriptor; a macvtap is a device of its own (net/link.h). */

#include "base/util.h"

#define VH_TUN_DEVICE "/dev/net/tun"

typedef struct VhTap {
        const char *device; /* NULL: /dev/net/tun */
        const char *name;   /* of the network device: made if it does not exist */
        bool vnet_hdr;      /* offloading, if the kernel has it */
        unsigned queues;    /* 1 or more; more than one: a multi-queue device */
} VhTap;

/* Opens queues; fds must hold tap->queues. Returns 0, or negative errno and nothing is open. */
int vh_tap_open(const VhTap *tap, int *fds);
/* The same for a macvtap that exists; its device node may come a moment later than the device. */
int vh_macvtap_open(const VhTap *tap, int *fds);
