/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's end of a guest's network interface: a tap on a bridge, a macvtap on a device of the host, or a tap that a
 * script cares for. */

#include "host-work.h"
#include "model/domain.h"
#include "net/link.h"
#include "qemu.h"

#define QEMU_VHOST_DEVICE "/dev/vhost-net"

typedef struct QemuHostNet {
        QemuHostItem item;
        VhNet *net; /* a copy */
        uint8_t guest_uuid[VH_UUID_LEN];
        char *saved_mac; /* file with the address that a device had before it was passed through */
        bool kvm;
        bool running;     /* the guest's processors run */
        bool existing;    /* the device was made by somebody else, and stays */
        int *fds, *vhost; /* one a queue, -1: none */
        unsigned n_fds, n_vhost;
} QemuHostNet;

/* Whether an interface has an end that we make. */
bool qemu_net_needs_host(const VhNet *net);
/* Refuses what such an interface cannot have, whatever it is plugged into. Returns 0 or negative errno. */
int qemu_net_check_plug(const VhNet *net, VhError **err);
/* Refuses what cannot be made. */
int qemu_host_net_check(const QemuDriver *driver, const VhNet *net, VhError **err);
/* Gives the device a name that is free, if the definition leaves it open. */
void qemu_host_net_name(QemuDriver *driver, VhNet *net);
/* An item for qemu_host_work_add(); the device has its name, the interface its alias. */
QemuHostNet *qemu_host_net_new(const QemuDriver *driver, const VhDomainDef *def, const VhNet *net);

/* host-net-make.c: what the item's class calls. Blocking. */
int qemu_host_net_make(QemuHostItem *item, VhError **err);
void qemu_host_net_remove(QemuHostItem *item);

/* The port of a bridge that the device is. Blocking. */
int qemu_join_bridge(const QemuHostNet *h, VhError **err);

/* How many frames the device collects before it wakes the guest: as net says, or none. Blocking. */
int qemu_coalesce_set(const VhNet *net, VhError **err);

/* host-net-mac.c: a device that is passed through has the guest's address meanwhile. Blocking. */
int qemu_lower_mac_give(const QemuHostNet *h, VhError **err);
void qemu_lower_mac_restore(const QemuHostNet *h);

/* host-net-change.c: an item that gives the device of old what new has of bridge, isolation, limits, coalescing. */
QemuHostItem *qemu_host_net_change(const QemuDriver *driver, const VhDomainDef *def, const VhNet *old,
                                   const VhNet *new);
/* An item that makes the device of net a port of its bridge, unless it is; failure is logged. */
QemuHostItem *qemu_host_net_reattach(const QemuDriver *driver, const VhDomainDef *def, const VhNet *net);
bool qemu_same_bandwidth(const VhNet *a, const VhNet *b);

/* host-bandwidth.c: limits of a device with tc(8), none with net->bandwidth unset. Blocking. */
int qemu_bandwidth_set(const VhNet *net, VhError **err);
void qemu_bandwidth_clear(const char *ifname);

/* host-ovs.c: ports of Open vSwitch bridges. Blocking. */
int qemu_ovs_add_port(const QemuHostNet *h, VhError **err);
void qemu_ovs_remove_port(const char *ifname);
bool qemu_net_is_ovs(const VhNet *net);
