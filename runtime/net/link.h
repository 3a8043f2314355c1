/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Network devices of the host: what they are, changing them, making and deleting them. Functions return 0 or the
 * kernel's negative errno: -ENODEV for a device that is not there. */

#include "base/util.h"

#include <net/if.h>

enum {
        VH_MAC_LEN = 6,
        VH_MAC_TEXT_LEN = 17, /* "52:54:00:00:00:01" */
};

typedef struct VhLink {
        int index;
        unsigned flags; /* IFF_UP, ... */
        unsigned mtu;
        int master; /* 0: none */
        uint8_t mac[VH_MAC_LEN];
        char kind[16]; /* "bridge", "tun", "macvtap", ""; */
} VhLink;

int vh_link_get(const char *name, VhLink *link);

enum { VH_LINK_UP = 1, VH_LINK_DOWN };

/* What vh_link_change() changes, in one step; zero is left alone. */
typedef struct VhLinkChange {
        const uint8_t *mac;
        unsigned mtu;
        const char *master; /* "": leaves its master */
        int up;             /* VH_LINK_UP, VH_LINK_DOWN */
} VhLinkChange;

int vh_link_change(const char *name, const VhLinkChange *change);
/* A port of a bridge that reaches no other isolated port. */
int vh_link_isolate(const char *name, bool isolated);

/* How many received frames a device collects before it tells of them; 0: none. */
int vh_link_coalesce(const char *name, unsigned rx_frames);

typedef struct VhMacvtap {
        const char *name;  /* of the new device */
        const char *lower; /* that it sits on */
        const uint8_t *mac;
        uint32_t mode; /* MACVLAN_MODE_* */
} VhMacvtap;

int vh_link_add_macvtap(const VhMacvtap *macvtap);
/* Packets go to the device without a queue in between. */
int vh_link_no_queue(const char *name);
/* What the kernel makes the device wait for, this waits for too: some milliseconds. */
int vh_link_delete(const char *name);

/* text must hold VH_MAC_TEXT_LEN + 1 bytes; returns it. */
char *vh_mac_text(const uint8_t mac[VH_MAC_LEN], char *text);
