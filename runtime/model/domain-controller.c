/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of controllers and hubs. */

#include "model/domain-tables.h"
#include "xml/rows.h"

const VhXmlNames vh_controller_type_names = {
        VH_CONTROLLER_ISA + 1,
        (const char *const[]){
                [VH_CONTROLLER_IDE] = "ide",
                [VH_CONTROLLER_FDC] = "fdc",
                [VH_CONTROLLER_SCSI] = "scsi",
                [VH_CONTROLLER_SATA] = "sata",
                [VH_CONTROLLER_VIRTIO_SERIAL] = "virtio-serial",
                [VH_CONTROLLER_CCID] = "ccid",
                [VH_CONTROLLER_USB] = "usb",
                [VH_CONTROLLER_PCI] = "pci",
                [VH_CONTROLLER_XENBUS] = "xenbus",
                [VH_CONTROLLER_ISA] = "isa",
        },
};

/* Models are numbered across the types; each type has its own texts. */
#define MODELS(last, ...) (&(const VhXmlNames){ (last) + 1, (const char *const[]){ __VA_ARGS__ } })

#define IDE_MODELS MODELS(VH_CTRL_ICH6, [VH_CTRL_PIIX3] = "piix3", [VH_CTRL_PIIX4] = "piix4", [VH_CTRL_ICH6] = "ich6")

#define SCSI_MODELS                                                                                                    \
        MODELS(VH_CTRL_VIRTIO_NON_TRANSITIONAL, [VH_CTRL_AUTO] = "auto", [VH_CTRL_BUSLOGIC] = "buslogic",              \
               [VH_CTRL_LSILOGIC] = "lsilogic", [VH_CTRL_LSISAS1068] = "lsisas1068", [VH_CTRL_VMPVSCSI] = "vmpvscsi",  \
               [VH_CTRL_IBMVSCSI] = "ibmvscsi", [VH_CTRL_VIRTIO_SCSI] = "virtio-scsi",                                 \
               [VH_CTRL_LSISAS1078] = "lsisas1078", [VH_CTRL_NCR53C90] = "ncr53c90", [VH_CTRL_DC390] = "dc390",        \
               [VH_CTRL_AM53C974] = "am53c974", [VH_CTRL_VIRTIO_TRANSITIONAL] = "virtio-transitional",                 \
               [VH_CTRL_VIRTIO_NON_TRANSITIONAL] = "virtio-non-transitional")

#define SERIAL_MODELS                                                                                                  \
        MODELS(VH_CTRL_VIRTIO_NON_TRANSITIONAL, [VH_CTRL_VIRTIO] = "virtio",                                           \
               [VH_CTRL_VIRTIO_TRANSITIONAL] = "virtio-transitional",                                                  \
               [VH_CTRL_VIRTIO_NON_TRANSITIONAL] = "virtio-non-transitional")

#define USB_MODELS                                                                                                     \
        MODELS(VH_CTRL_USB_NONE, [VH_CTRL_PIIX3_UHCI] = "piix3-uhci", [VH_CTRL_PIIX4_UHCI] = "piix4-uhci",             \
               [VH_CTRL_EHCI] = "ehci", [VH_CTRL_ICH9_EHCI1] = "ich9-ehci1", [VH_CTRL_ICH9_UHCI1] = "ich9-uhci1",      \
               [VH_CTRL_ICH9_UHCI2] = "ich9-uhci2", [VH_CTRL_ICH9_UHCI3] = "ich9-uhci3",                               \
               [VH_CTRL_VT82C686B_UHCI] = "vt82c686b-uhci", [VH_CTRL_PCI_OHCI] = "pci-ohci",                           \
               [VH_CTRL_NEC_XHCI] = "nec-xhci", [VH_CTRL_QUSB1] = "qusb1", [VH_CTRL_QUSB2] = "qusb2",                  \
               [VH_CTRL_QEMU_XHCI] = "qemu-xhci", [VH_CTRL_USB_NONE] = "none")

const VhXmlNames vh_pci_model_names = {
        VH_CTRL_PCIE_EXPANDER_BUS + 1,
        (const char *const[]){
                [VH_CTRL_PCI_ROOT] = "pci-root",
                [VH_CTRL_PCIE_ROOT] = "pcie-root",
                [VH_CTRL_PCI_BRIDGE] = "pci-bridge",
                [VH_CTRL_DMI_TO_PCI_BRIDGE] = "dmi-to-pci-bridge",
                [VH_CTRL_PCIE_TO_PCI_BRIDGE] = "pcie-to-pci-bridge",
                [VH_CTRL_PCIE_ROOT_PORT] = "pcie-root-port",
                [VH_CTRL_PCIE_SWITCH_UPSTREAM] = "pcie-switch-upstream-port",
                [VH_CTRL_PCIE_SWITCH_DOWNSTREAM] = "pcie-switch-downstream-port",
                [VH_CTRL_PCI_EXPANDER_BUS] = "pci-expander-bus",
                [VH_CTRL_PCIE_EXPANDER_BUS] = "pcie-expander-bus",
        },
};
#define PCI_MODELS (&vh_pci_model_names)

#define S     VhController
#define IS(t) WHEN(type, BIT(VH_CONTROLLER_##t))

static const VhXmlRow rows_pci_target[] = {
        ATTR("chassisNr", chassis_nr, opt_uint, .min = 1, .max = 255,
             .range = SAY(VIR_ERR_CONFIG_UNSUPPORTED, "PCI controller chassisNr '", "' out of range - must be 1-255")),
        ATTR("chassis", chassis, opt_uint, .max = 255),
        ATTR("port", port, opt_short_hex, .max = 255),
        ATTR("busNr", bus_nr, opt_uint, .min = 1, .max = 254,
             .range = SAY(VIR_ERR_CONFIG_UNSUPPORTED, "PCI controller busNr '", "' out of range - must be 1-254")),
        ATTR("index", target_index, opt_uint, .max = 30),
        ONOFF("hotplug", hotplug),
        LEAF("node", numa_node, opt_uint),
        {},
};

static const VhXmlRow rows_controller_driver[] = {
        ATTR("queues", queues, uint),
        ATTR("cmd_per_lun", cmd_per_lun, uint),
        ATTR("max_sectors", max_sectors, uint),
        ONOFF("ioeventfd", ioeventfd),
        ATTR("iothread", iothread, opt_uint),
        EMBED_AT(virtio, vh_rows_virtio_opts),
        {},
};

#define UNKNOWN_MODEL FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Unknown model type '", "'")
const VhXmlTable vh_table_controller = {
        "controller",
        sizeof(S),
        ROWS(ENUM("type", type, vh_controller_type_names, KEY, .def = VH_CONTROLLER_IDE),
             ATTR("index", index, opt_natural), WORD("model", model, IDE_MODELS, IS(IDE), UNKNOWN_MODEL),
             WORD("model", model, SCSI_MODELS, IS(SCSI), UNKNOWN_MODEL),
             WORD("model", model, SERIAL_MODELS, IS(VIRTIO_SERIAL), UNKNOWN_MODEL),
             WORD("model", model, USB_MODELS, IS(USB), UNKNOWN_MODEL),
             WORD("model", model, PCI_MODELS, IS(PCI), UNKNOWN_MODEL),
             ATTR("ports", ports, opt_uint, WHEN(type, BIT(VH_CONTROLLER_VIRTIO_SERIAL) | BIT(VH_CONTROLLER_USB))),
             ATTR("vectors", vectors, opt_uint, IS(VIRTIO_SERIAL)),
             ATTR("maxGrantFrames", max_grant_frames, opt_uint, IS(XENBUS)),
             ATTR("maxEventChannels", max_event_channels, opt_uint, IS(XENBUS)),
             GROUP("model",
                   ROWS(WORD("name", pci_model_name,
                             NAMES("pci-bridge", "i82801b11-bridge", "pcie-pci-bridge", "ioh3420", "pcie-root-port",
                                   "x3130-upstream", "xio3130-downstream", "pxb", "pxb-pcie",
                                   "spapr-pci-host-bridge"))),
                   IS(PCI)),
             GROUP("target", rows_pci_target, IS(PCI)), GROUP("driver", rows_controller_driver),
             EMBED_AT(info, vh_rows_device_info), LEAF("pcihole64", pcihole64, kib, IS(PCI))),
};
#undef IS
#undef S

#define S VhHub
const VhXmlTable vh_table_hub = {
        "hub",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("usb"), REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown hub device type '", "'")),
             EMBED_AT(info, vh_rows_device_info)),
};
#undef S
