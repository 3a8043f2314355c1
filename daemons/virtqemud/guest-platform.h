/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kinds of machines by architecture: what they have by themselves, and what devices on them are where a definition
 * leaves that open. */

#include "model/domain.h"

/* What a machine has, or gets without being asked. */
typedef enum QemuTrait {
        QEMU_HAS_PCI = 1 << 0,
        QEMU_HAS_EXPRESS = 1 << 1,       /* its root bus is one of PCI Express */
        QEMU_HAS_USB = 1 << 2,           /* a USB controller is added if the definition has none */
        QEMU_HAS_BALLOON = 1 << 3,       /* likewise */
        QEMU_HAS_PANIC = 1 << 4,         /* likewise; it takes no place on a bus */
        QEMU_HAS_OWN_SERIAL = 1 << 5,    /* serial ports are the board's, no devices of QEMU */
        QEMU_HAS_OWN_NETS = 1 << 6,      /* interfaces that are not virtio too */
        QEMU_HAS_MMIO = 1 << 7,          /* virtio devices have registers in memory where there is no PCI */
        QEMU_HAS_CCW = 1 << 8,           /* virtio devices are on the channel subsystem */
        QEMU_HAS_VIO = 1 << 9,           /* paravirtual devices on a bus of their own */
        QEMU_HAS_HOST_BRIDGES = 1 << 10, /* more PCI host bridges, where one is full */
        QEMU_HAS_ACPI_SWITCH = 1 << 11,  /* ACPI is there unless it is turned off */
        QEMU_HAS_BOARD_USB = 1 << 12,    /* USB of the board is turned on if the definition has none */
        QEMU_HAS_VGA = 1 << 13,          /* its first virtio display may be a VGA card too */
        QEMU_HAS_GIC = 1 << 14,
        QEMU_HAS_IDE = 1 << 15,
        QEMU_MISSES_PCI = 1 << 16, /* devices are given places on a bus that it lacks, and refused */
} QemuTrait;

/* Words of <panic model=>. */
enum { QEMU_PANIC_ISA = 1, QEMU_PANIC_PSERIES, QEMU_PANIC_HYPERV, QEMU_PANIC_S390 };
/* Words of <tpm model=>. */
enum { QEMU_TPM_TIS = 1, QEMU_TPM_CRB, QEMU_TPM_SPAPR, QEMU_TPM_SPAPR_PROXY };
/* Words of a serial port's model. */
enum {
        QEMU_SERIAL_ISA = 1,
        QEMU_SERIAL_USB,
        QEMU_SERIAL_PCI,
        QEMU_SERIAL_VTY,
        QEMU_SERIAL_PL011,
        QEMU_SERIAL_SCLP,
        QEMU_SERIAL_SCLPLM,
        QEMU_SERIAL_16550A,
        QEMU_SERIAL_DEBUGCON,
};

/* One kind of machine. */
typedef struct QemuPlatform {
        const char *archs;   /* separated by blanks; NULL: any */
        const char *machine; /* the name, or what stands before its version; NULL: any */
        uint32_t traits;     /* QemuTrait */
        VhControllerModel usb, scsi;
        VhChrTarget serial;
        uint8_t serial_model, panic, tpm; /* words; 0: the machine's own, the one of PCs */
        const char *net;
        VhVideoType video;
} QemuPlatform;

/* The kind that a definition's machine is of; never NULL. */
const QemuPlatform *qemu_platform(const VhDomainDef *def);

/* Whether the definition's machine has a trait. */
static inline bool qemu_platform_has(const VhDomainDef *def, QemuTrait trait)
{
        return (qemu_platform(def)->traits & trait) != 0;
}

/* KiB that memory of machines with QEMU_HAS_VIO comes in. */
enum { QEMU_MEMORY_PIECE = 256 * 1024 };

static inline uint64_t qemu_memory_pieces(uint64_t kib)
{
        return (kib + QEMU_MEMORY_PIECE - 1) / QEMU_MEMORY_PIECE * QEMU_MEMORY_PIECE;
}

bool qemu_is_x86(const VhDomainDef *def);
