/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machine, CPU, implied devices and models of a QEMU guest. */

#include "guest-defaults.h"

#include <errno.h>
#include <stdio.h>

#include "model/domain-tables.h"

static bool is_x86(const VhDomainDef *def)
{
        return vh_streq(def->os.arch, "x86_64") || vh_streq(def->os.arch, "i686");
}

/* ---- machine and CPU ---- */

/* "pc" and "q35" mean the newest of their kind that the emulator has. */
static void default_machine(VhDomainDef *def, uint64_t version)
{
        const char *alias = def->os.machine ? def->os.machine : "pc", *kind = NULL;

        if (!is_x86(def))
                return;
        if (strcmp(alias, "pc") == 0)
                kind = "pc-i440fx";
        else if (strcmp(alias, "q35") == 0)
                kind = "pc-q35";
        if (kind && version) {
                free(def->os.machine);
                def->os.machine = vh_xasprintf("%s-%u.%u", kind, (unsigned)(version / 1000000),
                                               (unsigned)(version / 1000 % 1000));
        } else if (!def->os.machine) {
                vh_strset(&def->os.machine, alias);
        }
}

static void default_custom_cpu(VhDomainDef *def, VhCpu *cpu)
{
        if (!cpu->match)
                cpu->match = VH_CPU_MATCH_EXACT;
        if (!cpu->model) {
                vh_strset(&cpu->model, vh_streq(def->os.arch, "i686") ? "qemu32" : "qemu64");
                cpu->check = VH_CPU_CHECK_NONE;
                cpu->fallback = VH_CPU_FALLBACK_FORBID;
        }
        if (!cpu->check)
                cpu->check = def->virt_type == VH_VIRT_KVM ? VH_CPU_CHECK_PARTIAL : VH_CPU_CHECK_NONE;
        if (!cpu->fallback)
                cpu->fallback = VH_CPU_FALLBACK_ALLOW;
}

static void default_cpu(VhDomainDef *def)
{
        if (!is_x86(def))
                return;
        if (!def->cpu)
                def->cpu = vh_xml_bind_new(&vh_table_cpu);
        if (def->cpu->mode != VH_CPU_MODE_NONE && def->cpu->mode != VH_CPU_MODE_CUSTOM) {
                def->cpu->match = VH_CPU_MATCH_NONE;
                if (!def->cpu->model)
                        def->cpu->fallback = VH_CPU_FALLBACK_UNSET;
        }
        switch (def->cpu->mode) {
        case VH_CPU_MODE_HOST_MODEL:
                if (!def->cpu->check)
                        def->cpu->check = VH_CPU_CHECK_PARTIAL;
                return;
        case VH_CPU_MODE_HOST_PASSTHROUGH:
        case VH_CPU_MODE_MAXIMUM:
                free(VH_TAKE_PTR(def->cpu->model));
                if (!def->cpu->check)
                        def->cpu->check = VH_CPU_CHECK_NONE;
                if (!def->cpu->migratable && def->cpu->mode == VH_CPU_MODE_HOST_PASSTHROUGH)
                        def->cpu->migratable = VH_ON;
                return;
        default:
                def->cpu->mode = VH_CPU_MODE_CUSTOM;
                default_custom_cpu(def, def->cpu);
        }
}

/* ---- devices that a PC always has ---- */

/* Whether there is one that has, or will get, number 0. */
static bool has_controller(const VhDomainDef *def, VhControllerType type)
{
        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == type && !def->controllers.items[i]->index.val)
                        return true;
        return false;
}

/* The PCI controller that has, or will get, number 0. */
static const VhController *first_pci(const VhDomainDef *def)
{
        const VhController *c = vh_domain_find_controller(def, VH_CONTROLLER_PCI, 0);

        for (uint32_t i = 0; !c && i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_PCI && !def->controllers.items[i]->index.set)
                        c = def->controllers.items[i];
        return c;
}

static int add_root_bus(VhDomainDef *def, VhError **err)
{
        VhControllerModel model = qemu_domain_is_q35(def) ? VH_CTRL_PCIE_ROOT : VH_CTRL_PCI_ROOT;
        const VhController *first = first_pci(def);

        if (!first)
                vh_domain_add_controller(def, VH_CONTROLLER_PCI, 0)->model = model;
        if (!first || first->model == model)
                return 0;
        return vh_error_set(
                err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR,
                "The PCI controller with index='0' must be model='%s' for this machine type, but model='%s' "
                "was found instead",
                model == VH_CTRL_PCI_ROOT ? "pci-root" : "pcie-root",
                vh_xml_names_text(&vh_pci_model_names, first->model));
}

static void add_input(VhDomainDef *def, VhInputType type)
{
        VhInput *input;

        for (uint32_t i = 0; i < def->inputs.n; i++) {
                const VhInput *have = def->inputs.items[i];

                if (have->type == type && (have->bus == VH_INPUT_BUS_PS2 || have->bus == VH_INPUT_BUS_NONE))
                        return;
        }
        input = vh_new(VhInput, 1);
        input->type = type;
        input->bus = VH_INPUT_BUS_PS2;
        vh_list_add(&def->inputs, input);
}

/* Spice carries sound itself; with anything else the guest's sound goes nowhere unless asked for. Displays of the host
 * alone bring no backend. */
static void add_audio(VhDomainDef *def)
{
        VhAudio *audio;
        bool spice = false, local = def->graphics.n > 0;

        if (def->audios.n)
                return;
        for (uint32_t i = 0; i < def->graphics.n; i++) {
                spice |= def->graphics.items[i]->type == VH_GRAPHICS_SPICE;
                local &= def->graphics.items[i]->type == VH_GRAPHICS_EGL_HEADLESS ||
                         def->graphics.items[i]->type == VH_GRAPHICS_SDL ||
                         def->graphics.items[i]->type == VH_GRAPHICS_DBUS;
        }
        if (local)
                return;
        audio = vh_new(VhAudio, 1);
        audio->id = 1;
        audio->type = spice ? VH_AUDIO_SPICE : VH_AUDIO_NONE;
        vh_list_add(&def->audios, audio);
}

static int add_standard_devices(VhDomainDef *def, VhError **err)
{
        if (!has_controller(def, VH_CONTROLLER_USB))
                vh_domain_add_controller(def, VH_CONTROLLER_USB, 0);
        if (qemu_domain_is_q35(def) && !has_controller(def, VH_CONTROLLER_SATA))
                vh_domain_add_controller(def, VH_CONTROLLER_SATA, 0);
        return add_root_bus(def, err);
}

static void add_inputs(VhDomainDef *def)
{
        add_input(def, VH_INPUT_MOUSE);
        add_input(def, VH_INPUT_KEYBOARD);
}

/* Other machines of the architecture have no PCI, but USB if they do not say otherwise. */
static void add_foreign_usb(VhDomainDef *def)
{
        if (!vh_streq(def->os.machine, "isapc") && !has_controller(def, VH_CONTROLLER_USB))
                vh_domain_add_controller(def, VH_CONTROLLER_USB, 0);
}

/* ---- models ---- */

static void default_controllers(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhController *c = def->controllers.items[i];

                if (c->type == VH_CONTROLLER_USB && !c->model && qemu_domain_is_pc(def))
                        c->model = qemu_domain_is_q35(def) ? VH_CTRL_QEMU_XHCI : VH_CTRL_PIIX3_UHCI;
        }
}

static void default_disks(VhDomainDef *def)
{
        enum { SNAPSHOT_NO = 1 };

        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];

                if (disk->src.type == VH_DISK_TYPE_VHOST_USER && !disk->snapshot)
                        disk->snapshot = SNAPSHOT_NO;
                if (disk->src.type == VH_DISK_TYPE_VHOST_USER)
                        continue;
                if (!disk->driver_name)
                        disk->driver_name = vh_xstrdup("qemu");
                if (!disk->format && disk->src.type != VH_DISK_TYPE_VOLUME)
                        disk->format = VH_STORAGE_FORMAT_RAW;
        }
}

static bool net_has_model(const VhNet *net)
{
        return net->type != VH_NET_HOSTDEV;
}

static void default_nets(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->nets.n; i++) {
                VhNet *net = def->nets.items[i];

                if (!net->model && net_has_model(net) && is_x86(def))
                        net->model = vh_xstrdup("rtl8139");
        }
}

/* A console without a serial port becomes one: it then needs a target as well (called again at the end). */
static void default_serials(VhDomainDef *def)
{
        enum { MODEL_ISA = 1, MODEL_USB = 2, MODEL_PCI = 3, MODEL_DEBUGCON = 9 };

        for (uint32_t i = 0; i < def->serials.n; i++) {
                VhChr *serial = def->serials.items[i];

                if (!serial->target_type)
                        serial->target_type = serial->info.address.type == VH_ADDRESS_USB   ? VH_CHR_TARGET_USB_SERIAL
                                              : serial->info.address.type == VH_ADDRESS_PCI ? VH_CHR_TARGET_PCI_SERIAL
                                                                                            : VH_CHR_TARGET_ISA_SERIAL;
                if (serial->target_model)
                        continue;
                if (serial->target_type == VH_CHR_TARGET_ISA_SERIAL)
                        serial->target_model = MODEL_ISA;
                else if (serial->target_type == VH_CHR_TARGET_USB_SERIAL)
                        serial->target_model = MODEL_USB;
                else if (serial->target_type == VH_CHR_TARGET_PCI_SERIAL)
                        serial->target_model = MODEL_PCI;
                else if (serial->target_type == VH_CHR_TARGET_ISA_DEBUG)
                        serial->target_model = MODEL_DEBUGCON;
        }
}

static void default_small(VhDomainDef *def)
{
        enum { PANIC_ISA = 1, VSOCK_VIRTIO = 1 };

        if (!def->memballoon) {
                def->memballoon = vh_new(VhMemballoon, 1);
                def->memballoon->model = VH_MEMBALLOON_VIRTIO;
        }
        for (uint32_t i = 0; i < def->panics.n; i++)
                if (!def->panics.items[i]->model)
                        def->panics.items[i]->model = PANIC_ISA;
        if (def->vsock && !def->vsock->model)
                def->vsock->model = VSOCK_VIRTIO;
}

static bool isa_port_taken(const VhDomainDef *def, uint32_t port)
{
        for (uint32_t i = 0; i < def->serials.n; i++)
                if (def->serials.items[i]->target_type == VH_CHR_TARGET_ISA_SERIAL && def->serials.items[i]->port.set &&
                    def->serials.items[i]->port.val == port)
                        return true;
        return false;
}

/* The machine's own ports are counted by themselves, where the definition says that they are such. */
static void number_isa_serials(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->serials.n; i++) {
                VhChr *chr = def->serials.items[i];
                uint32_t port = 0;

                if (chr->target_type != VH_CHR_TARGET_ISA_SERIAL || chr->port.set)
                        continue;
                while (isa_port_taken(def, port))
                        port++;
                chr->port = (VhOptUint){ port, true };
        }
}

static void default_seclabels(VhDomainDef *def)
{
        enum { TYPE_NONE = 1 };

        for (uint32_t i = 0; i < def->seclabels.n; i++)
                if (def->seclabels.items[i]->type == TYPE_NONE && !def->seclabels.items[i]->model)
                        def->seclabels.items[i]->model = vh_xstrdup("none");
}

static void default_hostdevs(VhDomainDef *def)
{
        enum { VFIO_PCI = 1 };

        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                VhHostdev *d = def->hostdevs.items[i];

                if (d->type == VH_HOSTDEV_MDEV && d->mdev_model == VFIO_PCI && !d->display)
                        d->display = VH_OFF;
        }
}

int qemu_domain_fill_defaults(VhDomainDef *def, uint64_t version, VhError **err)
{
        int r = 0;

        default_machine(def, version);
        default_cpu(def);
        if (qemu_domain_is_pc(def))
                r = add_standard_devices(def, err);
        else if (is_x86(def))
                add_foreign_usb(def);
        if (r < 0)
                return r;
        if (is_x86(def))
                add_inputs(def);
        add_audio(def);
        default_small(def);
        default_controllers(def);
        default_disks(def);
        default_nets(def);
        if (is_x86(def))
                number_isa_serials(def);
        default_seclabels(def);
        default_hostdevs(def);
        return 0;
}

/* ---- addresses ---- */

static bool serial_port_taken(const VhDomainDef *def, uint32_t controller, uint32_t port)
{
        for (uint32_t i = 0; i < def->channels.n; i++) {
                const VhAddress *a = &def->channels.items[i]->info.address;

                if (a->type == VH_ADDRESS_VIRTIO_SERIAL && a->virtio_serial.controller == controller &&
                    a->virtio_serial.port == port)
                        return true;
        }
        return false;
}

/* The first port of a controller that is free. Port 0 is left to a console. */
static uint32_t free_serial_port(const VhDomainDef *def, uint32_t controller)
{
        uint32_t port = 1;

        while (serial_port_taken(def, controller, port))
                port++;
        return port;
}

static bool has_serial_port(const VhController *c, uint32_t port)
{
        enum { DEFAULT_PORTS = 31 };

        return port < (c->ports.set ? c->ports.val : DEFAULT_PORTS);
}

/* The first controller with a port to spare; one more if there is none. */
static void find_serial_port(VhDomainDef *def, VhAddress *a)
{
        const VhController *c = NULL;

        for (uint32_t i = 0;; i++) {
                c = vh_domain_find_controller(def, VH_CONTROLLER_VIRTIO_SERIAL, i);
                if (!c)
                        c = vh_domain_add_controller(def, VH_CONTROLLER_VIRTIO_SERIAL, i);
                a->virtio_serial.controller = i;
                a->virtio_serial.port = free_serial_port(def, i);
                if (has_serial_port(c, a->virtio_serial.port) || i >= VH_CONTROLLER_INDEX_MAX)
                        return;
        }
}

static void assign_virtio_serial(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->channels.n; i++) {
                VhChr *channel = def->channels.items[i];
                VhAddress *a = &channel->info.address;

                if (channel->target_type != VH_CHR_TARGET_VIRTIO)
                        continue;
                if (a->type == VH_ADDRESS_NONE)
                        find_serial_port(def, a);
                else if (a->type == VH_ADDRESS_VIRTIO_SERIAL && !a->virtio_serial.port)
                        a->virtio_serial.port = free_serial_port(def, a->virtio_serial.controller);
                else
                        continue;
                a->type = VH_ADDRESS_VIRTIO_SERIAL;
        }
}

/* A controller for disks that ask for SCSI without naming a model. */
static void default_scsi_models(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhController *c = def->controllers.items[i];

                if (c->type == VH_CONTROLLER_SCSI && (!c->model || c->model == VH_CTRL_AUTO))
                        c->model = VH_CTRL_LSILOGIC;
        }
}

static bool is_dimm(const VhMemdev *mem)
{
        enum { MODEL_NVDIMM = 2 };

        return mem->model <= MODEL_NVDIMM;
}

static bool slot_taken(const VhDomainDef *def, uint32_t slot)
{
        for (uint32_t i = 0; i < def->memdevs.n; i++) {
                const VhAddress *a = &def->memdevs.items[i]->info.address;

                if (a->type == VH_ADDRESS_DIMM && a->dimm.slot.set && a->dimm.slot.val == slot)
                        return true;
        }
        return false;
}

/* Memory that sits in a slot, if there is one left; the check says so if not. */
static void assign_memory_slot(const VhDomainDef *def, VhMemdev *mem)
{
        uint32_t slot = 0;

        if (!is_dimm(mem) || (mem->info.address.type == VH_ADDRESS_DIMM && mem->info.address.dimm.slot.set))
                return;
        while (slot_taken(def, slot))
                slot++;
        if (slot >= def->memory_slots)
                return;
        mem->info.address.type = VH_ADDRESS_DIMM;
        mem->info.address.dimm.slot = (VhOptUint){ slot, true };
}

int qemu_domain_assign_addresses(VhDomainDef *def, VhError **err)
{
        int r;

        default_serials(def);
        default_scsi_models(def);
        assign_virtio_serial(def);
        for (uint32_t i = 0; i < def->memdevs.n; i++)
                assign_memory_slot(def, def->memdevs.items[i]);
        if (!qemu_domain_is_pc(def))
                return is_x86(def) ? qemu_domain_check_no_pci(def, err) : 0;
        r = qemu_domain_assign_usb(def, err);
        return r < 0 ? r : qemu_domain_assign_pci(def, err);
}
