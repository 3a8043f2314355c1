/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machine, CPU, implied devices and models of a QEMU guest. */

#include "guest-defaults.h"

#include <errno.h>
#include <stdio.h>

#include "model/domain-tables.h"

/* ---- machine and CPU ---- */

/* "pc" and "q35" mean the newest of their kind that the emulator has. */
static void default_pc(VhDomainDef *def, uint64_t version)
{
        const char *alias = def->os.machine ? def->os.machine : "pc", *kind = NULL;

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

static void default_machine(VhDomainDef *def, const QemuProgramFacts *facts)
{
        if (qemu_is_x86(def))
                default_pc(def, facts->version);
        else if (facts->machine)
                vh_strset(&def->os.machine, facts->machine);
}

static void default_custom_cpu(VhDomainDef *def, VhCpu *cpu, const char *plain)
{
        if (!cpu->match)
                cpu->match = VH_CPU_MATCH_EXACT;
        if (!cpu->model && plain) {
                vh_strset(&cpu->model, plain);
                cpu->check = VH_CPU_CHECK_NONE;
                cpu->fallback = VH_CPU_FALLBACK_FORBID;
        }
        if (!cpu->check)
                cpu->check = def->virt_type == VH_VIRT_KVM ? VH_CPU_CHECK_PARTIAL : VH_CPU_CHECK_NONE;
        if (!cpu->fallback)
                cpu->fallback = VH_CPU_FALLBACK_ALLOW;
}

static void default_cpu(VhDomainDef *def, const QemuProgramFacts *facts)
{
        const char *plain = vh_streq(def->os.arch, "i686") ? "qemu32" : qemu_is_x86(def) ? "qemu64" : facts->cpu;

        if (!plain && (!def->cpu || (def->cpu->mode == VH_CPU_MODE_NONE && !def->cpu->model)))
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
                if (qemu_is_x86(def) && !def->cpu->migratable && def->cpu->mode == VH_CPU_MODE_HOST_PASSTHROUGH)
                        def->cpu->migratable = VH_ON;
                return;
        default:
                def->cpu->mode = VH_CPU_MODE_CUSTOM;
                default_custom_cpu(def, def->cpu, plain);
        }
}

/* ---- devices that a machine always has ---- */

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
        VhControllerModel model = qemu_platform_has(def, QEMU_HAS_EXPRESS) ? VH_CTRL_PCIE_ROOT : VH_CTRL_PCI_ROOT;
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

static void add_input(VhDomainDef *def, VhInputType type, VhInputBus bus)
{
        VhInput *input;

        for (uint32_t i = 0; i < def->inputs.n; i++) {
                const VhInput *have = def->inputs.items[i];

                if (have->type == type && (have->bus == bus || have->bus == VH_INPUT_BUS_NONE))
                        return;
        }
        input = vh_new(VhInput, 1);
        input->type = type;
        input->bus = bus;
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

static int add_standard_controllers(VhDomainDef *def, VhError **err)
{
        if (qemu_platform_has(def, QEMU_HAS_USB) && !has_controller(def, VH_CONTROLLER_USB))
                vh_domain_add_controller(def, VH_CONTROLLER_USB, 0);
        if (qemu_domain_is_q35(def) && !has_controller(def, VH_CONTROLLER_SATA))
                vh_domain_add_controller(def, VH_CONTROLLER_SATA, 0);
        return qemu_platform_has(def, QEMU_HAS_PCI) ? add_root_bus(def, err) : 0;
}

static bool has_tablet(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->inputs.n; i++)
                if (def->inputs.items[i]->type == VH_INPUT_TABLET)
                        return true;
        return false;
}

/* What a PC has on its keyboard controller, a machine with paravirtual devices has on USB where somebody looks at it.
 */
static void add_inputs(VhDomainDef *def)
{
        if (qemu_is_x86(def)) {
                add_input(def, VH_INPUT_MOUSE, VH_INPUT_BUS_PS2);
                add_input(def, VH_INPUT_KEYBOARD, VH_INPUT_BUS_PS2);
        } else if (qemu_platform_has(def, QEMU_HAS_VIO) && def->graphics.n) {
                add_input(def, VH_INPUT_KEYBOARD, VH_INPUT_BUS_USB);
                if (!has_tablet(def))
                        add_input(def, VH_INPUT_MOUSE, VH_INPUT_BUS_USB);
        }
}

static void add_panic(VhDomainDef *def)
{
        if (qemu_platform_has(def, QEMU_HAS_PANIC) && !def->panics.n)
                vh_list_add(&def->panics, vh_new(VhPanic, 1));
}

static void default_gic(VhDomainDef *def, const QemuProgramFacts *facts)
{
        if (!qemu_platform_has(def, QEMU_HAS_GIC))
                return;
        if (!def->features)
                def->features = vh_xml_bind_new(&vh_table_features);
        if (!def->features->gic)
                def->features->gic = vh_new(VhFeatureGic, 1);
        if (!def->features->gic->version)
                def->features->gic->version = facts->gic;
}

/* ---- memory ---- */

/* Modules of a machine with paravirtual devices come in pieces; what a persistent one keeps its label in comes on top.
 */
static void align_memory(VhDomainDef *def)
{
        enum { MEM_NVDIMM = 2 };
        uint64_t before = def->memory;

        for (uint32_t i = 0; qemu_platform_has(def, QEMU_HAS_VIO) && i < def->memdevs.n; i++) {
                VhMemdev *mem = def->memdevs.items[i];
                uint64_t label = mem->model == MEM_NVDIMM ? mem->label_size : 0;

                if (mem->model > MEM_NVDIMM)
                        continue;
                def->memory -= mem->size;
                if (label)
                        mem->size = (mem->size - label) / QEMU_MEMORY_PIECE * QEMU_MEMORY_PIECE + label;
                else
                        mem->size = qemu_memory_pieces(mem->size);
                def->memory += mem->size;
        }
        if (def->current_memory == before || def->current_memory > def->memory)
                def->current_memory = def->memory;
}

/* ---- models ---- */

static void default_controllers(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->controllers.n; i++) {
                VhController *c = def->controllers.items[i];

                if (c->type == VH_CONTROLLER_USB && !c->model)
                        c->model = qemu_platform(def)->usb;
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

                if (!net->model && net_has_model(net))
                        net->model = vh_xstrdup(qemu_platform(def)->net);
        }
}

static uint8_t model_of_serial(const VhDomainDef *def, VhChrTarget target)
{
        switch (target) {
        case VH_CHR_TARGET_ISA_SERIAL:
                return QEMU_SERIAL_ISA;
        case VH_CHR_TARGET_USB_SERIAL:
                return QEMU_SERIAL_USB;
        case VH_CHR_TARGET_PCI_SERIAL:
                return QEMU_SERIAL_PCI;
        case VH_CHR_TARGET_ISA_DEBUG:
                return QEMU_SERIAL_DEBUGCON;
        default:
                return target && target == qemu_platform(def)->serial ? qemu_platform(def)->serial_model : 0;
        }
}

/* A console without a serial port becomes one: it then needs a target as well (called again at the end). What a PC has
 * is what a definition says that does not mean anything by it. */
static void default_serials(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->serials.n; i++) {
                VhChr *serial = def->serials.items[i];

                if (!qemu_is_x86(def) && serial->target_type == VH_CHR_TARGET_ISA_SERIAL)
                        serial->target_type = VH_CHR_TARGET_NONE;
                if (!serial->target_type)
                        serial->target_type = serial->info.address.type == VH_ADDRESS_USB ? VH_CHR_TARGET_USB_SERIAL
                                              : serial->info.address.type == VH_ADDRESS_PCI
                                                      ? VH_CHR_TARGET_PCI_SERIAL
                                                      : qemu_platform(def)->serial;
                if (!serial->target_model)
                        serial->target_model = model_of_serial(def, serial->target_type);
        }
}

static void default_videos(VhDomainDef *def)
{
        if (def->graphics.n && !def->videos.n)
                vh_list_add(&def->videos, vh_new(VhVideo, 1));
        for (uint32_t i = 0; i < def->videos.n; i++)
                if (def->videos.items[i]->type == VH_VIDEO_UNSET)
                        def->videos.items[i]->type = qemu_platform(def)->video;
}

/* Other machines have no keyboard controller. */
static void default_inputs(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->inputs.n; i++) {
                VhInput *input = def->inputs.items[i];

                if (!input->bus && input->type != VH_INPUT_EVDEV && !qemu_is_x86(def))
                        input->bus = qemu_platform_has(def, QEMU_HAS_CCW) ? VH_INPUT_BUS_VIRTIO : VH_INPUT_BUS_USB;
        }
}

static void default_tpms(VhDomainDef *def)
{
        enum { EMULATOR = 2, VERSION_1_2 = 1, VERSION_2_0 };

        for (uint32_t i = 0; i < def->tpms.n; i++) {
                VhTpm *tpm = def->tpms.items[i];

                if (!tpm->model)
                        tpm->model = qemu_platform(def)->tpm ? qemu_platform(def)->tpm : QEMU_TPM_TIS;
                if (tpm->type == EMULATOR && !tpm->version)
                        tpm->version = tpm->model != QEMU_TPM_TIS || qemu_platform_has(def, QEMU_HAS_GIC) ? VERSION_2_0
                                                                                                          : VERSION_1_2;
        }
}

static void default_small(VhDomainDef *def)
{
        enum { VSOCK_VIRTIO = 1 };

        if (!def->memballoon && qemu_platform_has(def, QEMU_HAS_BALLOON)) {
                def->memballoon = vh_new(VhMemballoon, 1);
                def->memballoon->model = VH_MEMBALLOON_VIRTIO;
        }
        for (uint32_t i = 0; i < def->panics.n; i++)
                if (!def->panics.items[i]->model)
                        def->panics.items[i]->model =
                                qemu_platform(def)->panic ? qemu_platform(def)->panic : QEMU_PANIC_ISA;
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

int qemu_domain_fill_defaults(VhDomainDef *def, const QemuProgramFacts *facts, VhError **err)
{
        int r;

        default_machine(def, facts);
        default_cpu(def, facts);
        r = add_standard_controllers(def, err);
        if (r < 0)
                return r;
        add_inputs(def);
        add_audio(def);
        add_panic(def);
        default_gic(def, facts);
        default_small(def);
        default_tpms(def);
        default_controllers(def);
        default_disks(def);
        default_nets(def);
        default_videos(def);
        default_inputs(def);
        if (qemu_is_x86(def))
                number_isa_serials(def);
        align_memory(def);
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
                        c->model = qemu_platform(def)->scsi;
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
        r = qemu_domain_assign_buses(def, err);
        if (r < 0 || qemu_platform_has(def, QEMU_MISSES_PCI))
                return r < 0 ? r : qemu_domain_check_no_pci(def, err);
        r = qemu_domain_assign_usb(def, err);
        if (r == 0 && qemu_platform_has(def, QEMU_HAS_PCI))
                r = qemu_domain_assign_pci(def, err);
        return r < 0 ? r : qemu_domain_assign_zpci(def, err);
}
