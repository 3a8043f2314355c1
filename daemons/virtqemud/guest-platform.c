/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds of machines. */

#include "guest-platform.h"

#include "cpu/arch.h"

#define PCI     QEMU_HAS_PCI
#define EXPRESS (QEMU_HAS_PCI | QEMU_HAS_EXPRESS)
#define BOARD   QEMU_HAS_OWN_SERIAL
#define X86     "x86_64 i686"
#define ARM     "aarch64 armv7l armv6l"
#define RISCV   "riscv64 riscv32"
#define PPC64   "ppc64 ppc64le"
#define ISA     .serial = VH_CHR_TARGET_ISA_SERIAL, .serial_model = QEMU_SERIAL_ISA
#define SYSTEM  .serial = VH_CHR_TARGET_SYSTEM_SERIAL

/* The first that fits. */
static const QemuPlatform platforms[] = {
        { X86, "pc-q35", EXPRESS | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_VGA | QEMU_HAS_ACPI_SWITCH,
          VH_CTRL_QEMU_XHCI, VH_CTRL_LSILOGIC, ISA, .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
        { X86, "q35", EXPRESS | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_VGA | QEMU_HAS_ACPI_SWITCH,
          VH_CTRL_QEMU_XHCI, VH_CTRL_LSILOGIC, ISA, .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
        { X86, "isapc", QEMU_MISSES_PCI | QEMU_HAS_BALLOON | QEMU_HAS_VGA | QEMU_HAS_IDE, 0, VH_CTRL_LSILOGIC, ISA,
          .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
        { X86, "pc", PCI | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_VGA | QEMU_HAS_ACPI_SWITCH | QEMU_HAS_IDE,
          VH_CTRL_PIIX3_UHCI, VH_CTRL_LSILOGIC, ISA, .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
        { X86, NULL, QEMU_MISSES_PCI | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_VGA, 0, VH_CTRL_LSILOGIC, ISA,
          .net = "rtl8139", .video = VH_VIDEO_CIRRUS },

        { "aarch64", "virt", EXPRESS | BOARD | QEMU_HAS_GIC | QEMU_HAS_MMIO | QEMU_HAS_ACPI_SWITCH, VH_CTRL_QEMU_XHCI,
          VH_CTRL_LSILOGIC, SYSTEM, .serial_model = QEMU_SERIAL_PL011, .net = "virtio", .video = VH_VIDEO_VIRTIO },
        { "armv7l", "virt", EXPRESS | BOARD | QEMU_HAS_GIC | QEMU_HAS_MMIO, VH_CTRL_PIIX3_UHCI, VH_CTRL_LSILOGIC,
          SYSTEM, .serial_model = QEMU_SERIAL_PL011, .net = "virtio", .video = VH_VIDEO_VIRTIO },
        { "aarch64", "vexpress", BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_MMIO | QEMU_HAS_BOARD_USB | QEMU_HAS_ACPI_SWITCH,
          VH_CTRL_QEMU_XHCI, VH_CTRL_LSILOGIC, .net = "lan9118", .video = VH_VIDEO_CIRRUS },
        { ARM, "vexpress", BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_MMIO | QEMU_HAS_BOARD_USB, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, .net = "lan9118", .video = VH_VIDEO_CIRRUS },
        { "armv6l", "versatilepb", PCI | BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_BOARD_USB, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, .net = "smc91c111", .video = VH_VIDEO_CIRRUS },
        { ARM, "versatilepb", QEMU_MISSES_PCI | BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_BOARD_USB, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, .net = "smc91c111", .video = VH_VIDEO_CIRRUS },
        { "aarch64", NULL, BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_BOARD_USB | QEMU_HAS_ACPI_SWITCH, VH_CTRL_QEMU_XHCI,
          VH_CTRL_LSILOGIC, .net = "lan9118", .video = VH_VIDEO_CIRRUS },
        { ARM, NULL, BOARD | QEMU_HAS_OWN_NETS | QEMU_HAS_BOARD_USB, VH_CTRL_PIIX3_UHCI, VH_CTRL_LSILOGIC,
          .net = "lan9118", .video = VH_VIDEO_CIRRUS },

        { PPC64, "pseries",
          PCI | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_PANIC | QEMU_HAS_VIO | QEMU_HAS_HOST_BRIDGES,
          VH_CTRL_QEMU_XHCI, VH_CTRL_IBMVSCSI, VH_CHR_TARGET_SPAPR_VIO_SERIAL, QEMU_SERIAL_VTY, QEMU_PANIC_PSERIES,
          QEMU_TPM_SPAPR, "rtl8139", VH_VIDEO_VGA },
        { PPC64, NULL, PCI | BOARD | QEMU_HAS_USB | QEMU_HAS_BALLOON, VH_CTRL_QEMU_XHCI, VH_CTRL_LSILOGIC,
          .tpm = QEMU_TPM_SPAPR, .net = "rtl8139", .video = VH_VIDEO_VGA },
        { "ppc", "g3beige", PCI | BOARD | QEMU_HAS_USB | QEMU_HAS_BALLOON | QEMU_HAS_IDE, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
        { "ppc alpha sh4 sh4eb", NULL, PCI | BOARD | QEMU_HAS_USB | QEMU_HAS_BALLOON, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, .net = "rtl8139", .video = VH_VIDEO_CIRRUS },

        { "s390x s390", NULL, PCI | QEMU_HAS_BALLOON | QEMU_HAS_PANIC | QEMU_HAS_CCW, VH_CTRL_USB_NONE,
          VH_CTRL_VIRTIO_SCSI, VH_CHR_TARGET_SCLP_SERIAL, QEMU_SERIAL_SCLP, QEMU_PANIC_S390, .net = "virtio",
          .video = VH_VIDEO_VIRTIO },

        { RISCV, "virt", EXPRESS | BOARD | QEMU_HAS_BALLOON | QEMU_HAS_MMIO | QEMU_HAS_VGA, VH_CTRL_PIIX3_UHCI,
          VH_CTRL_LSILOGIC, SYSTEM, .serial_model = QEMU_SERIAL_16550A, .net = "virtio", .video = VH_VIDEO_VIRTIO },
        { RISCV, NULL, BOARD | QEMU_HAS_BALLOON, VH_CTRL_PIIX3_UHCI, VH_CTRL_LSILOGIC, .net = "rtl8139",
          .video = VH_VIDEO_CIRRUS },

        { NULL, NULL, QEMU_MISSES_PCI | BOARD | QEMU_HAS_USB | QEMU_HAS_BALLOON, VH_CTRL_PIIX3_UHCI, VH_CTRL_LSILOGIC,
          .net = "rtl8139", .video = VH_VIDEO_CIRRUS },
};

static bool lists(const char *words, const char *word)
{
        size_t n;

        for (; *words; words += n + (words[n] == ' ')) {
                n = strcspn(words, " ");
                if (strncmp(words, word, n) == 0 && !word[n])
                        return true;
        }
        return false;
}

/* "pc-q35" is the kind of "pc-q35-7.2". */
static bool is_kind(const char *machine, const char *kind)
{
        const char *rest = machine ? vh_startswith(machine, kind) : NULL;

        return rest && (*rest == '\0' || *rest == '-');
}

const QemuPlatform *qemu_platform(const VhDomainDef *def)
{
        const QemuPlatform *p = platforms;

        while ((p->archs && !lists(p->archs, def->os.arch ? def->os.arch : "")) ||
               (p->machine && !is_kind(def->os.machine, p->machine)))
                p++;
        return p;
}

bool qemu_is_x86(const VhDomainDef *def)
{
        return vh_cpu_family(def->os.arch) == VH_CPU_FAMILY_X86;
}
