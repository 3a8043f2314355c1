/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Controllers and hubs. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-defaults.h"

/* Models whose device has a name of its own and nothing else to say. */
static const char *const drivers[] = {
        [VH_CTRL_LSILOGIC] = "lsi",
        [VH_CTRL_LSISAS1068] = "mptsas1068",
        [VH_CTRL_LSISAS1078] = "megasas",
        [VH_CTRL_VMPVSCSI] = "pvscsi",
        [VH_CTRL_IBMVSCSI] = "spapr-vscsi",
        [VH_CTRL_NCR53C90] = "ncr53c90",
        [VH_CTRL_DC390] = "dc390",
        [VH_CTRL_AM53C974] = "am53c974",
        [VH_CTRL_PIIX3_UHCI] = "piix3-usb-uhci",
        [VH_CTRL_PIIX4_UHCI] = "piix4-usb-uhci",
        [VH_CTRL_EHCI] = "usb-ehci",
        [VH_CTRL_ICH9_EHCI1] = "ich9-usb-ehci1",
        [VH_CTRL_ICH9_UHCI1] = "ich9-usb-uhci1",
        [VH_CTRL_ICH9_UHCI2] = "ich9-usb-uhci2",
        [VH_CTRL_ICH9_UHCI3] = "ich9-usb-uhci3",
        [VH_CTRL_VT82C686B_UHCI] = "vt82c686b-usb-uhci",
        [VH_CTRL_PCI_OHCI] = "pci-ohci",
        [VH_CTRL_NEC_XHCI] = "nec-usb-xhci",
        [VH_CTRL_QEMU_XHCI] = "qemu-xhci",
};

/* In the order of the words of <model name=>. */
static const char *const pci_drivers[] = {
        NULL,      "pci-bridge",     "i82801b11-bridge",      "pcie-pci-bridge",
        "ioh3420", "pcie-root-port", "x3130-upstream",        "xio3130-downstream",
        "pxb",     "pxb-pcie",       "spapr-pci-host-bridge",
};

static uint8_t virtio_model(VhControllerModel model)
{
        enum { VIRTIO = 1, TRANSITIONAL, NON_TRANSITIONAL };

        return model == VH_CTRL_VIRTIO_TRANSITIONAL       ? TRANSITIONAL
               : model == VH_CTRL_VIRTIO_NON_TRANSITIONAL ? NON_TRANSITIONAL
                                                          : VIRTIO;
}

static int no_driver(const QemuBuild *b)
{
        return qemu_unsupported(b, "this controller model is not supported by QEMU");
}

static int model_driver(const QemuBuild *b, const VhController *c, json_t *o)
{
        if (c->model >= VH_ARRAY_SIZE(drivers) || !drivers[c->model])
                return no_driver(b);
        qj_str(o, "driver", drivers[c->model]);
        return 0;
}

static int scsi_props(const QemuBuild *b, const VhController *c, json_t *o)
{
        bool virtio = c->model == VH_CTRL_VIRTIO_SCSI || c->model == VH_CTRL_VIRTIO_TRANSITIONAL ||
                      c->model == VH_CTRL_VIRTIO_NON_TRANSITIONAL;
        _vh_free_ char *driver = qemu_virtio_driver("virtio-scsi", &c->info, virtio_model(c->model));

        if (!virtio) {
                int r = model_driver(b, c, o);

                qj_str(o, "id", c->info.alias);
                return r;
        }
        qj_str(o, "driver", driver);
        if (c->iothread.set)
                qj_fmt(o, "iothread", "iothread%u", c->iothread.val);
        qemu_virtio_props(&c->virtio, o);
        qj_str(o, "id", c->info.alias);
        qj_uint(o, "num_queues", c->queues);
        qj_uint(o, "cmd_per_lun", c->cmd_per_lun);
        qj_uint(o, "max_sectors", c->max_sectors);
        qj_switch(o, "ioeventfd", c->ioeventfd);
        return 0;
}

static int serial_props(const QemuBuild *b, const VhController *c, json_t *o)
{
        _vh_free_ char *driver = qemu_virtio_driver("virtio-serial", &c->info, virtio_model(c->model));

        qj_str(o, "driver", driver);
        qemu_virtio_props(&c->virtio, o);
        qj_str(o, "id", c->info.alias);
        qj_opt(o, "max_ports", c->ports);
        qj_opt(o, "vectors", c->vectors);
        return 0;
}

static int usb_props(const QemuBuild *b, const VhController *c, json_t *o)
{
        int r = model_driver(b, c, o);

        if (r < 0)
                return r;
        if (c->model == VH_CTRL_NEC_XHCI || c->model == VH_CTRL_QEMU_XHCI) {
                if (c->ports.set) {
                        qj_int(o, "p2", c->ports.val);
                        qj_int(o, "p3", c->ports.val);
                }
        }
        if (c->info.master_startport.set) {
                _vh_free_ char *master = c->index.val ? vh_xasprintf("usb%u.0", c->index.val) : vh_xstrdup("usb.0");

                qj_str(o, "masterbus", master);
                qj_int(o, "firstport", c->info.master_startport.val);
        } else {
                qj_str(o, "id", c->info.alias);
        }
        return 0;
}

static int simple_props(const QemuBuild *b, const VhController *c, json_t *o)
{
        static const char *const simple[] = {
                [VH_CONTROLLER_SATA] = "ahci",
                [VH_CONTROLLER_CCID] = "usb-ccid",
                [VH_CONTROLLER_IDE] = "piix3-ide",
        };

        if (c->type >= VH_ARRAY_SIZE(simple) || !simple[c->type])
                return no_driver(b);
        qj_str(o, "driver", simple[c->type]);
        qj_str(o, "id", c->info.alias);
        return 0;
}

/* ---- PCI ---- */

static void expander_props(const VhController *c, json_t *o)
{
        qj_opt(o, "bus_nr", c->bus_nr);
        qj_str(o, "id", c->info.alias);
        qj_opt(o, "numa_node", c->numa_node);
}

static int pci_props(const QemuBuild *b, const VhController *c, json_t *o)
{
        const char *driver = c->pci_model_name < VH_ARRAY_SIZE(pci_drivers) ? pci_drivers[c->pci_model_name] : NULL;

        if (!driver)
                return no_driver(b);
        qj_str(o, "driver", driver);
        switch (c->model) {
        case VH_CTRL_PCI_ROOT:
                qj_opt(o, "index", c->target_index);
                break;
        case VH_CTRL_PCI_BRIDGE:
                qj_opt(o, "chassis_nr", c->chassis_nr);
                break;
        case VH_CTRL_PCI_EXPANDER_BUS:
        case VH_CTRL_PCIE_EXPANDER_BUS:
                expander_props(c, o);
                return 0;
        case VH_CTRL_PCIE_ROOT_PORT:
        case VH_CTRL_PCIE_SWITCH_DOWNSTREAM:
                qj_opt(o, "port", c->port);
                qj_opt(o, "chassis", c->chassis);
                break;
        default:
                break;
        }
        qj_str(o, "id", c->info.alias);
        qj_switch(o, "hotplug", c->hotplug);
        return 0;
}

static int (*const type_props[])(const QemuBuild *, const VhController *, json_t *) = {
        [VH_CONTROLLER_IDE] = simple_props,  [VH_CONTROLLER_SCSI] = scsi_props,
        [VH_CONTROLLER_SATA] = simple_props, [VH_CONTROLLER_VIRTIO_SERIAL] = serial_props,
        [VH_CONTROLLER_CCID] = simple_props, [VH_CONTROLLER_USB] = usb_props,
        [VH_CONTROLLER_PCI] = pci_props,
};

/* What the machine has by itself, or never has. */
static bool is_builtin(const VhDomainDef *def, const VhController *c)
{
        switch (c->type) {
        case VH_CONTROLLER_PCI:
                return c->index.val == 0 && (c->model == VH_CTRL_PCI_ROOT || c->model == VH_CTRL_PCIE_ROOT);
        case VH_CONTROLLER_SATA:
                return c->index.val == 0 && qemu_domain_is_q35(def);
        case VH_CONTROLLER_IDE:
                return c->index.val == 0 && qemu_platform_has(def, QEMU_HAS_IDE);
        case VH_CONTROLLER_USB:
                return c->model == VH_CTRL_USB_NONE;
        case VH_CONTROLLER_FDC:
        case VH_CONTROLLER_XENBUS:
        case VH_CONTROLLER_ISA:
                return true;
        default:
                return false;
        }
}

json_t *qemu_controller_device(const QemuBuild *b, const VhController *c)
{
        json_t *o;

        if (is_builtin(b->def, c))
                return NULL;
        if (c->type >= VH_ARRAY_SIZE(type_props) || !type_props[c->type]) {
                (void)no_driver(b);
                return NULL;
        }
        o = json_object();
        if (type_props[c->type](b, c, o) == 0 && qemu_address_props(b, &c->info, o) == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* A hole for large devices, of the root bus. */
static void build_hole(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->controllers.n; i++) {
                const VhController *c = b->def->controllers.items[i];

                if (c->type == VH_CONTROLLER_PCI && c->index.val == 0 && c->pcihole64)
                        qemu_build_arg(b, "-global", "%s.pci-hole64-size=%" PRIu64 "K",
                                       c->model == VH_CTRL_PCIE_ROOT ? "q35-pcihost" : "i440FX-pcihost", c->pcihole64);
        }
}

/* Bridges come before what sits on them, host adapters last: the order that guests were always built in. */
static const VhControllerType order[] = {
        VH_CONTROLLER_PCI,  VH_CONTROLLER_USB,           VH_CONTROLLER_SCSI, VH_CONTROLLER_IDE,
        VH_CONTROLLER_SATA, VH_CONTROLLER_VIRTIO_SERIAL, VH_CONTROLLER_CCID,
};

static int build_type(QemuBuild *b, VhControllerType type)
{
        for (uint32_t i = 0; i < b->def->controllers.n; i++) {
                const VhController *c = b->def->controllers.items[i];
                json_t *o;
                int r;

                if (c->type != type || is_builtin(b->def, c))
                        continue;
                o = qemu_controller_device(b, c);
                r = qemu_build_device(b, o);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool has_usb(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_USB)
                        return true;
        return false;
}

int qemu_build_controllers(QemuBuild *b)
{
        int r = 0;

        build_hole(b);
        if (qemu_platform_has(b->def, QEMU_HAS_BOARD_USB) && !has_usb(b->def))
                qemu_command_add(b->cmd, "-usb");
        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(order); i++)
                r = build_type(b, order[i]);
        return r;
}

int qemu_build_hubs(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->hubs.n; i++) {
                const VhHub *hub = b->def->hubs.items[i];
                json_t *o = json_object();
                int r;

                qj_str(o, "driver", "usb-hub");
                qj_str(o, "id", hub->info.alias);
                r = qemu_address_props(b, &hub->info, o);
                if (r < 0)
                        json_decref(o);
                r = r < 0 ? r : qemu_build_device(b, o);
                if (r < 0)
                        return r;
        }
        return 0;
}
