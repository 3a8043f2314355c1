/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What devices want of the PCI buses: rules by kind and model, for guest-pci.c. */

#include "model/domain.h"

/* What a bus takes, and what a device wants. */
typedef enum QemuPciNeed {
        NEED_NOTHING,
        NEED_PCI,        /* conventional slot */
        NEED_BRIDGE,     /* the same, or one that cannot be plugged */
        NEED_PCIE,       /* express slot that can be plugged: a root port */
        NEED_ROOT,       /* a function of the express root bus itself: root ports */
        NEED_DOWNSTREAM, /* a place on the inner bus of a switch */
} QemuPciNeed;

/* Of a device that is express where the machine has it. */
QemuPciNeed qemu_pci_need_express(bool express);
/* By the words of a virtio device's model: the transitional one is a conventional device. */
QemuPciNeed qemu_pci_need_of_virtio(bool express, uint8_t model);
QemuPciNeed qemu_pci_need_of_net(bool express, const VhNet *net);
QemuPciNeed qemu_pci_need_of_controller(bool express, const VhController *c);
QemuPciNeed qemu_pci_need_of_video(bool express, const VhVideo *video);
/* Of a bridge, port or host bridge, by its model. */
QemuPciNeed qemu_pci_need_of_bridge(VhControllerModel model);
/* Whether a device of the host is one of PCI for the guest. */
bool qemu_pci_is_hostdev(const VhHostdev *h);
/* Whether a sound device is one of PCI. */
bool qemu_pci_is_sound(const VhSound *sound);
/* Gives controllers the model names and numbers that follow from their places; those of host bridges if they have any.
 */
void qemu_pci_complete_controllers(VhDomainDef *def, bool host_bridges);
/* What the reference appends behind the devices that are there at last. */
void qemu_pci_append_controller(VhDomainDef *def, VhControllerModel model, uint32_t index);
/* Whether a definition has buses besides the first. */
bool qemu_pci_has_own_buses(const VhDomainDef *def);
