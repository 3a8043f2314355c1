/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a QEMU guest gets that its definition leaves open, as a definition in the reference gets it: machine, CPU, the
 * devices that a PC always has, models, and addresses. */

#include "guest-platform.h"

/* What the emulator says of a definition. */
typedef struct QemuProgramFacts {
        uint64_t version;    /* major * 1000000 + minor * 1000 + release; 0: not known, machine types of a PC keep their
                                names */
        const char *machine; /* the name of the machine type, on other architectures than x86; NULL: not known */
        const char *cpu;     /* what that has if nothing is said, likewise */
        uint8_t gic;         /* version of the interrupt controller, likewise; 0: not known */
} QemuProgramFacts;

/* Before devices are completed (VhDomainParseEnv.post_parse). Returns 0 or negative errno with *err. */
int qemu_domain_fill_defaults(VhDomainDef *def, const QemuProgramFacts *facts, VhError **err);

/* After all devices are there (VhDomainParseEnv.assign_addresses): controllers' models, PCI, USB and virtio-serial
 * addresses. Addresses that are given stay. */
int qemu_domain_assign_addresses(VhDomainDef *def, VhError **err);

/* guest-pci.c: PCI slots, and the PCI Express ports that they need. */
int qemu_domain_assign_pci(VhDomainDef *def, VhError **err);
/* Refuses a definition of a machine without PCI if a device of it would need a place there. */
int qemu_domain_check_no_pci(VhDomainDef *def, VhError **err);
/* guest-bus.c: places on buses that other machines have: registers, channels. */
int qemu_domain_assign_buses(VhDomainDef *def, VhError **err);
/* Whether it is a device for a bus of virtio. */
bool qemu_is_virtio(VhDeviceKind kind, const void *dev);
/* The numbers that PCI devices have on machines with channels, when they have their places. */
int qemu_domain_assign_zpci(VhDomainDef *def, VhError **err);
/* guest-usb.c: ports of USB controllers and hubs. */
int qemu_domain_assign_usb(VhDomainDef *def, VhError **err);
/* Ports that the controllers of a USB bus have themselves, hubs not counted. */
uint32_t qemu_usb_bus_ports(const VhDomainDef *def, uint32_t bus);

static inline bool qemu_domain_is_q35(const VhDomainDef *def)
{
        const char *m = def->os.machine;

        return m && (strcmp(m, "q35") == 0 || vh_startswith(m, "pc-q35-"));
}

static inline bool qemu_domain_is_i440fx(const VhDomainDef *def)
{
        const char *m = def->os.machine;

        return m && (strcmp(m, "pc") == 0 || vh_startswith(m, "pc-i440fx-") || vh_startswith(m, "pc-0.") ||
                     vh_startswith(m, "pc-1."));
}

/* A PC of either kind: the machines that we know how to equip. */
static inline bool qemu_domain_is_pc(const VhDomainDef *def)
{
        return qemu_domain_is_q35(def) || qemu_domain_is_i440fx(def);
}
