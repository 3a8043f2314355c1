/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which PCI slot a device wants, by its kind and model. */

#include "guest-pci-needs.h"

QemuPciNeed qemu_pci_need_express(bool express)
{
        return express ? NEED_PCIE : NEED_PCI;
}

QemuPciNeed qemu_pci_need_of_virtio(bool express, uint8_t model)
{
        enum { TRANSITIONAL = 2 };

        return model == TRANSITIONAL ? NEED_PCI : qemu_pci_need_express(express);
}

QemuPciNeed qemu_pci_need_of_net(bool express, const VhNet *net)
{
        static const char *const elsewhere[] = { "usb-net", "spapr-vlan", "lan9118", "smc91c111" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(elsewhere); i++)
                if (vh_streq(net->model, elsewhere[i]))
                        return NEED_NOTHING;
        if (net->type == VH_NET_HOSTDEV)
                return NEED_NOTHING;
        if (net->model &&
            (vh_startswith(net->model, "virtio") || vh_streq(net->model, "e1000e") || vh_streq(net->model, "vmxnet3")))
                return vh_streq(net->model, "virtio-transitional") ? NEED_PCI : qemu_pci_need_express(express);
        return NEED_PCI;
}

QemuPciNeed qemu_pci_need_of_controller(bool express, const VhController *c)
{
        switch (c->type) {
        case VH_CONTROLLER_SCSI:
                return c->model == VH_CTRL_VIRTIO_SCSI || c->model == VH_CTRL_VIRTIO_NON_TRANSITIONAL
                               ? qemu_pci_need_express(express)
                               : NEED_PCI;
        case VH_CONTROLLER_VIRTIO_SERIAL:
                return c->model == VH_CTRL_VIRTIO_TRANSITIONAL ? NEED_PCI : qemu_pci_need_express(express);
        case VH_CONTROLLER_SATA:
        case VH_CONTROLLER_IDE:
                return NEED_PCI;
        case VH_CONTROLLER_USB:
                if (c->model == VH_CTRL_USB_NONE || c->model == VH_CTRL_QUSB1 || c->model == VH_CTRL_QUSB2)
                        return NEED_NOTHING;
                return c->model == VH_CTRL_QEMU_XHCI || c->model == VH_CTRL_NEC_XHCI ? qemu_pci_need_express(express)
                                                                                     : NEED_PCI;
        default:
                return NEED_NOTHING;
        }
}

QemuPciNeed qemu_pci_need_of_video(bool express, const VhVideo *video)
{
        switch (video->type) {
        case VH_VIDEO_NONE:
        case VH_VIDEO_RAMFB:
                return NEED_NOTHING;
        case VH_VIDEO_VIRTIO:
        case VH_VIDEO_BOCHS:
                return qemu_pci_need_express(express);
        default:
                return NEED_PCI;
        }
}

bool qemu_pci_is_sound(const VhSound *sound)
{
        enum { SB16 = 1, PCSPK = 3, USB = 7 };

        return sound->model != SB16 && sound->model != PCSPK && sound->model != USB;
}

QemuPciNeed qemu_pci_need_of_bridge(VhControllerModel model)
{
        switch (model) {
        case VH_CTRL_PCIE_TO_PCI_BRIDGE:
        case VH_CTRL_PCIE_SWITCH_UPSTREAM:
                return NEED_PCIE;
        case VH_CTRL_PCIE_SWITCH_DOWNSTREAM:
                return NEED_DOWNSTREAM;
        case VH_CTRL_PCI_BRIDGE:
                return NEED_BRIDGE;
        case VH_CTRL_PCI_EXPANDER_BUS:
                return NEED_PCI;
        case VH_CTRL_PCIE_EXPANDER_BUS:
                return NEED_ROOT;
        default:
                return NEED_NOTHING;
        }
}

bool qemu_pci_is_hostdev(const VhHostdev *h)
{
        return h->mode == VH_HOSTDEV_SUBSYSTEM && (h->type == VH_HOSTDEV_PCI || h->type == VH_HOSTDEV_SCSI_HOST ||
                                                   (h->type == VH_HOSTDEV_MDEV && h->mdev_model == 1));
}

/* ---- numbers of buses ---- */

/* Bus, chassis and port numbers follow from the place. */
static void complete_controller(VhController *c)
{
        /* Words of <model name=> by kind of bridge. */
        static const uint8_t names[] = {
                [VH_CTRL_PCI_BRIDGE] = 1,           [VH_CTRL_DMI_TO_PCI_BRIDGE] = 2,
                [VH_CTRL_PCIE_TO_PCI_BRIDGE] = 3,   [VH_CTRL_PCIE_ROOT_PORT] = 5,
                [VH_CTRL_PCIE_SWITCH_UPSTREAM] = 6, [VH_CTRL_PCIE_SWITCH_DOWNSTREAM] = 7,
                [VH_CTRL_PCI_EXPANDER_BUS] = 8,     [VH_CTRL_PCIE_EXPANDER_BUS] = 9,
        };

        if (!c->pci_model_name && c->model < VH_ARRAY_SIZE(names))
                c->pci_model_name = names[c->model];
        if (c->model == VH_CTRL_PCIE_ROOT_PORT) {
                if (!c->chassis.set)
                        c->chassis = (VhOptUint){ .val = c->index.val, .set = true };
                if (!c->port.set)
                        c->port = (VhOptUint){ .val = (uint32_t)c->info.address.pci.slot << 3 |
                                                      c->info.address.pci.function,
                                               .set = true };
        } else if (c->model == VH_CTRL_PCIE_SWITCH_DOWNSTREAM) {
                if (!c->chassis.set)
                        c->chassis = (VhOptUint){ .val = c->index.val, .set = true };
                if (!c->port.set)
                        c->port = (VhOptUint){ .val = c->info.address.pci.slot, .set = true };
        } else if (c->model == VH_CTRL_PCI_BRIDGE) {
                if (!c->chassis_nr.set)
                        c->chassis_nr = (VhOptUint){ .val = c->index.val, .set = true };
        }
}

/* Host bridges are numbered by themselves. */
static void complete_host_bridge(const VhDomainDef *def, VhController *c)
{
        enum { NAME = 10 };
        VhOptUint target = { .set = true };

        if (!c->pci_model_name)
                c->pci_model_name = NAME;
        for (uint32_t i = 0; !c->target_index.set && i < def->controllers.n;) {
                const VhController *other = def->controllers.items[i++];

                if (other->type == VH_CONTROLLER_PCI && other->target_index.set &&
                    other->target_index.val == target.val) {
                        target.val++;
                        i = 0;
                }
        }
        if (!c->target_index.set)
                c->target_index = target;
}

void qemu_pci_complete_controllers(VhDomainDef *def, bool host_bridges)
{
        VhController *first = vh_domain_find_controller(def, VH_CONTROLLER_PCI, 0);

        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_PCI)
                        complete_controller(def->controllers.items[i]);
        if (host_bridges && first) /* the machine's own */
                complete_host_bridge(def, first);
        for (uint32_t i = 0; host_bridges && i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_PCI &&
                    def->controllers.items[i]->model == VH_CTRL_PCI_ROOT)
                        complete_host_bridge(def, def->controllers.items[i]);
}

void qemu_pci_append_controller(VhDomainDef *def, VhControllerModel model, uint32_t index)
{
        VhController *c = vh_new(VhController, 1);

        c->type = VH_CONTROLLER_PCI;
        c->model = model;
        c->index = (VhOptUint){ .val = index, .set = true };
        vh_list_add(&def->controllers, c);
}

bool qemu_pci_has_own_buses(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_PCI && def->controllers.items[i]->index.val > 0)
                        return true;
        return false;
}
