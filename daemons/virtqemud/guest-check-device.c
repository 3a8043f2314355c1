/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What single devices may not be under QEMU. */

#include "guest-check.h"

#include "guest-defaults.h"
#include "model/domain-cpu.h"

enum {
        XHCI_PORTS_MAX = 15,
        PREFIX_MIN = 4,
        PREFIX_MAX = 27,
        FAMILY_IPV6 = 2,
        TEAMING_PERSISTENT = 1,
        TEAMING_TRANSIENT = 2,
        FS_MAPPED = 2,
        MODEL_TRANSITIONAL = 2,
        VNC_PASSWORD_MAX = 8,
        VGAMEM_MIN = 1024, /* KiB */
        FS_MOUNT = 1,
        FS_DRIVER_VIRTIOFS = 6,
        FS_PASSTHROUGH = 1,
        TPM_CRB = 2,
        TPM_SPAPR = 3,
        TPM_VERSION_1_2 = 1,
        PANIC_ISA = 1,
        PANIC_PSERIES = 2,
        PANIC_HYPERV = 3,
        PANIC_S390 = 4,
        WATCHDOG_IB700 = 2,
        WATCHDOG_DIAG288 = 3,
        IOMMU_INTEL = 1,
        IOMMU_SMMUV3 = 2,
        SHMEM_IVSHMEM = 1,
        SHMEM_DOORBELL = 3,
        SERIAL_MODEL_ISA = 1,
        SERIAL_MODEL_USB = 2,
        SERIAL_MODEL_PCI = 3,
        SERIAL_MODEL_ISA_DEBUGCON = 9,
        IOMMU_VIRTIO = 3,
        MDEV_VFIO_CCW = 2,
        MEM_NVDIMM = 2,
        MEM_SGX_EPC = 5,
};

/* What the reference says of devices that no bus of a PC takes. */
#define NO_BUS VIR_ERR_INTERNAL_ERROR, "Cannot automatically add a new PCI bus for a device with connect flags 00"

static bool has_address(const VhDeviceInfo *info)
{
        return info->address.type != VH_ADDRESS_NONE;
}

/* ---- controllers ---- */

/* What <model name=> each PCI controller of a PC may have (words of the row). */
static bool pci_model_fits(const VhController *c)
{
        static const struct {
                VhControllerModel model;
                uint16_t names; /* bits */
        } fits[] = {
                { VH_CTRL_PCI_BRIDGE, 1 << 1 },
                { VH_CTRL_DMI_TO_PCI_BRIDGE, 1 << 2 },
                { VH_CTRL_PCIE_TO_PCI_BRIDGE, 1 << 3 },
                { VH_CTRL_PCIE_ROOT_PORT, 1 << 4 | 1 << 5 },
                { VH_CTRL_PCIE_SWITCH_UPSTREAM, 1 << 6 },
                { VH_CTRL_PCIE_SWITCH_DOWNSTREAM, 1 << 7 },
                { VH_CTRL_PCI_EXPANDER_BUS, 1 << 8 },
                { VH_CTRL_PCIE_EXPANDER_BUS, 1 << 9 },
                { VH_CTRL_PCI_ROOT, 1 << 10 },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(fits); i++)
                if (fits[i].model == c->model)
                        return !c->pci_model_name || fits[i].names >> c->pci_model_name & 1;
        return !c->pci_model_name;
}

static bool is_expander(const VhController *c)
{
        return c->model == VH_CTRL_PCI_EXPANDER_BUS || c->model == VH_CTRL_PCIE_EXPANDER_BUS;
}

/* Ports and switches of PCI Express. */
static bool is_express(const VhController *c)
{
        return c->model == VH_CTRL_PCIE_ROOT_PORT || c->model == VH_CTRL_PCIE_SWITCH_UPSTREAM ||
               c->model == VH_CTRL_PCIE_SWITCH_DOWNSTREAM || c->model == VH_CTRL_PCIE_EXPANDER_BUS;
}

static int check_pci_controller(const VhDomainDef *def, const VhController *c, VhError **err)
{
        const VhAddress *a = &c->info.address;
        const bool root = c->model == VH_CTRL_PCIE_ROOT ||
                          (c->model == VH_CTRL_PCI_ROOT && !qemu_platform_has(def, QEMU_HAS_HOST_BRIDGES));
        const uint32_t cells = def->cpu && def->cpu->numa ? def->cpu->numa->cells.n : 0;

        if (is_expander(c) && c->numa_node.set && c->numa_node.val >= cells)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR,
                                    "%s with index %u is configured for a NUMA node (%u) not present in the domain's "
                                    "<cpu><numa> array (%u)",
                                    c->model == VH_CTRL_PCI_EXPANDER_BUS ? "pci-expander-bus" : "pcie-expander-bus",
                                    c->index.val, c->numa_node.val, cells);
        return QEMU_CHECK_RULES(
                err,
                { is_express(c) && !qemu_platform_has(def, QEMU_HAS_EXPRESS), VIR_ERR_INTERNAL_ERROR,
                  "PCI Express controllers need a machine with PCI Express (q35)" },
                { a->type == VH_ADDRESS_PCI && a->pci.bus && a->pci.bus == c->index.val, VIR_ERR_XML_ERROR,
                  "a PCI controller cannot sit on the bus that it makes" },
                { root && c->index.val, VIR_ERR_XML_ERROR, "pci-root and pcie-root controllers should have index 0" },
                { !pci_model_fits(c), VIR_ERR_CONFIG_UNSUPPORTED,
                  "the model name of a PCI controller does not belong to its model" },
                { c->bus_nr.set && !is_expander(c), VIR_ERR_CONFIG_UNSUPPORTED,
                  "'busNr' is only for expander buses among the PCI controllers" }, );
}

static bool is_virtio_scsi(const VhController *c)
{
        return c->type == VH_CONTROLLER_SCSI &&
               (c->model == VH_CTRL_VIRTIO_SCSI || c->model == VH_CTRL_VIRTIO_TRANSITIONAL ||
                c->model == VH_CTRL_VIRTIO_NON_TRANSITIONAL);
}

static int check_controller_driver(const VhDomainDef *def, const VhController *c, VhError **err)
{
        const bool scsi = is_virtio_scsi(c);

        if (scsi && c->iothread.set && !vh_domain_has_iothread(def, c->iothread.val))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "controller iothread '%u' not defined in iothreadid", c->iothread.val);
#define ONLY_SCSI(field)                                                                                               \
        {                                                                                                              \
                !scsi && c->field, VIR_ERR_CONFIG_UNSUPPORTED,                                                         \
                        "'" #field "' is only supported by virtio-scsi controller"                                     \
        }
        return QEMU_CHECK_RULES(err, ONLY_SCSI(queues), ONLY_SCSI(cmd_per_lun), ONLY_SCSI(max_sectors),
                                ONLY_SCSI(ioeventfd), );
#undef ONLY_SCSI
}

static int check_controller(const VhDomainDef *def, const VhController *c, VhError **err)
{
        const bool xhci = c->model == VH_CTRL_NEC_XHCI || c->model == VH_CTRL_QEMU_XHCI;
        const bool ide = c->type == VH_CONTROLLER_IDE;
        int r = check_controller_driver(def, c, err);

        if (r < 0)
                return r;
        if (c->type == VH_CONTROLLER_PCI)
                return check_pci_controller(def, c, err);
        return QEMU_CHECK_RULES(err,
                                { xhci && c->ports.set && c->ports.val > XHCI_PORTS_MAX, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "'", c->model == VH_CTRL_NEC_XHCI ? "nec-xhci" : "qemu-xhci",
                                  "' controller only supports up to '15' ports" },
                                { ide && !qemu_platform_has(def, QEMU_HAS_IDE), VIR_ERR_CONFIG_UNSUPPORTED,
                                  "IDE controllers are unsupported for this QEMU binary or machine type" },
                                { ide && c->index.val, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "Only a single IDE controller is supported for this machine type" },
                                { c->type == VH_CONTROLLER_XENBUS || c->type == VH_CONTROLLER_ISA, NO_BUS }, );
}

/* ---- interfaces ---- */

static bool is_power_of_two(uint32_t n)
{
        return !(n & (n - 1));
}

static bool is_ipv6(const VhNetIp *ip)
{
        return ip->family == FAMILY_IPV6 || strchr(ip->address, ':') != NULL;
}

static int check_user_ips(const VhNet *net, VhError **err)
{
        uint32_t v4 = 0, v6 = 0;
        bool prefix_wrong = false;

        for (uint32_t i = 0; i < net->ips.n; i++) {
                const VhNetIp *ip = net->ips.items[i];

                *(is_ipv6(ip) ? &v6 : &v4) += 1;
                if (!is_ipv6(ip) && ip->prefix.set && ip->prefix.val)
                        prefix_wrong |= ip->prefix.val < PREFIX_MIN || ip->prefix.val > PREFIX_MAX;
        }
        return QEMU_CHECK_RULES(
                err, { v4 > 1, VIR_ERR_CONFIG_UNSUPPORTED, "Only one IPv4 address per interface is allowed" },
                { v6 > 1, VIR_ERR_CONFIG_UNSUPPORTED, "Only one IPv6 address per interface is allowed" },
                { prefix_wrong, VIR_ERR_XML_ERROR, "invalid prefix, must be in range of 4-27" }, );
}

static bool has_coalesce(VhNetType type)
{
        return type == VH_NET_NETWORK || type == VH_NET_BRIDGE || type == VH_NET_ETHERNET;
}

static bool has_mtu(VhNetType type)
{
        return has_coalesce(type) || type == VH_NET_VHOSTUSER;
}

static bool is_virtio_net(const VhNet *net)
{
        return net->model && vh_startswith(net->model, "virtio") != NULL;
}

static int check_net(const VhNet *net, VhError **err)
{
        const char *type = vh_xml_names_text(&vh_net_type_names, net->type);
        const bool persistent = net->teaming && net->teaming->type == TEAMING_PERSISTENT;
        const bool floor = net->bandwidth && net->bandwidth->in && net->bandwidth->in->floor;
        const bool transient = net->teaming && net->teaming->type == TEAMING_TRANSIENT;
        int r = QEMU_CHECK_RULES(
                err,
                { !is_power_of_two(net->rx_queue_size), VIR_ERR_CONFIG_UNSUPPORTED,
                  "rx_queue_size has to be a power of two" },
                { !is_power_of_two(net->tx_queue_size), VIR_ERR_CONFIG_UNSUPPORTED,
                  "tx_queue_size has to be a power of two" },
                { transient && net->type != VH_NET_HOSTDEV && net->type != VH_NET_NETWORK, VIR_ERR_CONFIG_UNSUPPORTED,
                  "virtio-net teaming transient interface must be type='hostdev', not '", type, "'" },
                { persistent && !is_virtio_net(net), VIR_ERR_CONFIG_UNSUPPORTED,
                  "virtio-net teaming persistent interface must be <model type='virtio'/>, not '",
                  net->model ? net->model : "", "'" },
                { net->mtu && !has_mtu(net->type), VIR_ERR_CONFIG_UNSUPPORTED, "setting MTU on interface type ", type,
                  " is not supported yet" },
                { net->coalesce && !has_coalesce(net->type), VIR_ERR_CONFIG_UNSUPPORTED,
                  "coalesce settings on interface type ", type, " are not supported" },
                { net->type != VH_NET_USER && (net->ips.n || net->routes.n), VIR_ERR_CONFIG_UNSUPPORTED,
                  "Invalid attempt to set network interface guest-side IP route and/or address info, "
                  "not supported by QEMU" }, );

        if (r == 0 && floor && net->type != VH_NET_NETWORK)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "floor attribute is not supported for this config");
        return r < 0 || net->type != VH_NET_USER ? r : check_user_ips(net, err);
}

/* ---- character devices ---- */

/* The models of a PC and the types of target that they belong to. */
static const struct {
        uint8_t model;
        VhChrTarget target;
        const char *name, *target_name;
} serial_models[] = {
        { SERIAL_MODEL_ISA, VH_CHR_TARGET_ISA_SERIAL, "isa-serial", "isa-serial" },
        { SERIAL_MODEL_USB, VH_CHR_TARGET_USB_SERIAL, "usb-serial", "usb-serial" },
        { SERIAL_MODEL_PCI, VH_CHR_TARGET_PCI_SERIAL, "pci-serial", "pci-serial" },
        { SERIAL_MODEL_ISA_DEBUGCON, VH_CHR_TARGET_ISA_DEBUG, "isa-debugcon", "isa-debug" },
        { QEMU_SERIAL_VTY, VH_CHR_TARGET_SPAPR_VIO_SERIAL, "spapr-vty", "spapr-vio-serial" },
        { QEMU_SERIAL_PL011, VH_CHR_TARGET_SYSTEM_SERIAL, "pl011", "system-serial" },
        { QEMU_SERIAL_16550A, VH_CHR_TARGET_SYSTEM_SERIAL, "16550a", "system-serial" },
        { QEMU_SERIAL_SCLP, VH_CHR_TARGET_SCLP_SERIAL, "sclpconsole", "sclp-serial" },
        { QEMU_SERIAL_SCLPLM, VH_CHR_TARGET_SCLP_SERIAL, "sclplmconsole", "sclp-serial" },
};

static int check_serial_model(const VhChr *chr, VhError **err)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(serial_models); i++) {
                if (serial_models[i].model != chr->target_model)
                        continue;
                if (serial_models[i].target == chr->target_type)
                        return 0;
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Target model '%s' requires target type '%s'", serial_models[i].name,
                                    serial_models[i].target_name);
        }
        return QEMU_CHECK_RULES(err,
                                { chr->target_model != 0, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "Target model of a serial device requires the target type of that name" }, );
}

static int check_serial(const VhDomainDef *def, const VhChr *chr, VhError **err)
{
        const VhChrTarget t = chr->target_type;
        const bool platform_serial = t == VH_CHR_TARGET_SPAPR_VIO_SERIAL || t == VH_CHR_TARGET_SCLP_SERIAL ||
                                     t == VH_CHR_TARGET_SYSTEM_SERIAL;
        const VhAddressType at = chr->info.address.type;
        const bool isa = t == VH_CHR_TARGET_ISA_SERIAL || t == VH_CHR_TARGET_ISA_DEBUG;
        int r = check_serial_model(chr, err);

        return r < 0 ? r
                     : QEMU_CHECK_RULES(
                               err,
                               { platform_serial && t != qemu_platform(def)->serial, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "Serial device with this target type is not compatible with guest architecture or "
                                 "machine type" },
                               { isa && at != VH_ADDRESS_NONE && at != VH_ADDRESS_ISA, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "Target type 'isa-serial' requires address type 'isa'" },
                               { t == VH_CHR_TARGET_USB_SERIAL && at != VH_ADDRESS_NONE && at != VH_ADDRESS_USB,
                                 VIR_ERR_CONFIG_UNSUPPORTED, "Target type 'usb-serial' requires address type 'usb'" },
                               { t == VH_CHR_TARGET_PCI_SERIAL && at != VH_ADDRESS_NONE && at != VH_ADDRESS_PCI,
                                 VIR_ERR_CONFIG_UNSUPPORTED,
                                 "Target type 'pci-serial' requires address type 'pci'" }, );
}

static int check_console(const VhDomainDef *def, const VhChr *chr, VhError **err)
{
        const bool sclp = !qemu_platform_has(def, QEMU_HAS_CCW) &&
                          (chr->target_type == VH_CHR_TARGET_SCLP || chr->target_type == VH_CHR_TARGET_SCLPLM);

        return QEMU_CHECK_RULES(
                err, { sclp, VIR_ERR_CONFIG_UNSUPPORTED, "sclpconsole is not supported in this QEMU binary" },
                { chr->target_type == VH_CHR_TARGET_XEN, VIR_ERR_CONFIG_UNSUPPORTED, "unsupported console target type ",
                  "xen", NULL }, );
}

/* ---- displays, input ---- */

static int check_graphics(const VhGraphics *g, VhError **err)
{
        if (g->type == VH_GRAPHICS_VNC && g->passwd && strlen(g->passwd) > VNC_PASSWORD_MAX)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "VNC password is %zu characters long, only 8 permitted", strlen(g->passwd));
        return QEMU_CHECK_RULES(err,
                                { g->type == VH_GRAPHICS_RDP, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "rdp graphics are not supported with this QEMU" },
                                { g->type == VH_GRAPHICS_DESKTOP, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "desktop graphics are not supported with this QEMU" }, );
}

/* Models that QEMU lacks, and those that take more than one monitor. */
static int check_video(const VhVideo *v, VhError **err)
{
        static const char *const foreign[VH_VIDEO_RAMFB + 1] = {
                [VH_VIDEO_XEN] = "xen",
                [VH_VIDEO_VBOX] = "vbox",
                [VH_VIDEO_PARALLELS] = "parallels",
                [VH_VIDEO_GOP] = "gop",
        };
        static const char *const one_head[VH_VIDEO_RAMFB + 1] = {
                [VH_VIDEO_VGA] = "vga",
                [VH_VIDEO_CIRRUS] = "cirrus",
                [VH_VIDEO_VMVGA] = "vmvga",
                [VH_VIDEO_BOCHS] = "bochs",
        };
        const bool has_vgamem = v->type == VH_VIDEO_QXL || v->type == VH_VIDEO_VGA || v->type == VH_VIDEO_VMVGA;

        return QEMU_CHECK_RULES(err,
                                { foreign[v->type] != NULL, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "domain configuration does not support video model '", foreign[v->type], "'" },
                                { one_head[v->type] && v->heads > 1, VIR_ERR_CONFIG_UNSUPPORTED, "video type '",
                                  one_head[v->type], "' doesn't support multiple 'heads'" },
                                { v->accel3d == VH_YES && v->type != VH_VIDEO_VIRTIO, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "3d acceleration is supported only with 'virtio' video device" },
                                { has_vgamem && v->vgamem && v->vgamem < VGAMEM_MIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "value for 'vgamem' must be at least 1 MiB (1024 KiB)" },
                                { has_vgamem && !is_power_of_two(v->vgamem), VIR_ERR_CONFIG_UNSUPPORTED,
                                  "value for 'vgamem' must be power of two" }, );
}

static int check_input(const VhInput *input, VhError **err)
{
        static const char *const types[VH_INPUT_EVDEV + 1] = {
                [VH_INPUT_MOUSE] = "mouse",
                [VH_INPUT_TABLET] = "tablet",
                [VH_INPUT_KEYBOARD] = "keyboard",
                [VH_INPUT_PASSTHROUGH] = "passthrough",
        };

        if (input->bus == VH_INPUT_BUS_VIRTIO && input->model >= MODEL_TRANSITIONAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "virtio (non-)transitional models are not supported for input type=%s",
                                    types[input->type]);
        return vh_rules_check(&(const VhRule){ input->bus == VH_INPUT_BUS_XEN, VIR_ERR_INTERNAL_ERROR,
                                               "unsupported input bus xen", NULL, NULL },
                              1, VIR_FROM_DOMAIN, err);
}

/* ---- what the host gives ---- */

static int check_hostdev(const VhDomainDef *def, const VhHostdev *d, VhError **err)
{
        const bool mdev =
                !qemu_platform_has(def, QEMU_HAS_CCW) && d->mode == VH_HOSTDEV_SUBSYSTEM && d->type == VH_HOSTDEV_MDEV;

        return QEMU_CHECK_RULES(err,
                                { mdev && d->mdev_model == MDEV_VFIO_CCW, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "VFIO CCW device assignment is not supported by this version of QEMU" },
                                { d->write_filtering != 0, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "Write filtering of PCI device configuration space is not supported by qemu" },
                                { d->mode == VH_HOSTDEV_CAPABILITIES, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "hostdev mode 'capabilities' is not supported in qemu" },
                                { d->display == VH_ON && !def->graphics.n, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "graphics device is needed for attribute value 'display=on' in <hostdev>" }, );
}

static int check_filesystem(const VhDomainDef *def, const VhFilesystem *fs, VhError **err)
{
        const bool virtiofs = fs->driver == FS_DRIVER_VIRTIOFS;

        return QEMU_CHECK_RULES(
                err, { fs->type != FS_MOUNT, VIR_ERR_CONFIG_UNSUPPORTED, "only supports mount filesystem type" },
                { (fs->fmode || fs->dmode) && fs->accessmode != FS_MAPPED, VIR_ERR_CONFIG_UNSUPPORTED,
                  "fmode and dmode must be used with accessmode=mapped" },
                { virtiofs && fs->accessmode && fs->accessmode != FS_PASSTHROUGH, VIR_ERR_CONFIG_UNSUPPORTED,
                  "virtiofs only supports passthrough accessmode" },
                { virtiofs && fs->readonly, VIR_ERR_CONFIG_UNSUPPORTED,
                  "virtiofs does not yet support read-only mode" },
                { virtiofs && !qemu_def_memory_is_shared(def), VIR_ERR_CONFIG_UNSUPPORTED,
                  "'virtiofs' requires shared memory" }, );
}

/* ---- small devices ---- */

static int check_watchdog(const VhDomainDef *def, const VhWatchdog *w, VhError **err)
{
        return QEMU_CHECK_RULES(err,
                                { w->model == WATCHDOG_DIAG288 && !qemu_platform_has(def, QEMU_HAS_CCW),
                                  VIR_ERR_CONFIG_UNSUPPORTED,
                                  "diag288 model of watchdog is allowed for s390 and s390x only" },
                                { w->model == WATCHDOG_IB700 && has_address(&w->info), VIR_ERR_CONFIG_UNSUPPORTED,
                                  "ib700 model of watchdog does not support configuring the address" }, );
}

static int check_tpm(const VhDomainDef *def, const VhTpm *tpm, VhError **err)
{
        if (tpm->model == TPM_SPAPR && qemu_is_x86(def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "The QEMU executable %s does not support TPM model tpm-spapr",
                                    def->emulator ? def->emulator : "");
        return QEMU_CHECK_RULES(err,
                                { tpm->model == TPM_CRB && tpm->version == TPM_VERSION_1_2, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "Unsupported interface '", "tpm-crb", "' for TPM 1.2" }, );
}

static int check_panic(const VhDomainDef *def, const VhPanic *p, VhError **err)
{
        const VhAddressType at = p->info.address.type;

        return QEMU_CHECK_RULES(err,
                                { p->model == PANIC_PSERIES && !qemu_platform_has(def, QEMU_HAS_VIO),
                                  VIR_ERR_CONFIG_UNSUPPORTED,
                                  "only pSeries guests support panic device of model 'pseries'" },
                                { p->model == PANIC_S390 && !qemu_platform_has(def, QEMU_HAS_CCW),
                                  VIR_ERR_CONFIG_UNSUPPORTED, "only S390 guests support panic device of model 's390'" },
                                { p->model == PANIC_HYPERV && at != VH_ADDRESS_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "setting the panic device address is not supported for model 'hyperv'" },
                                { p->model == PANIC_ISA && at != VH_ADDRESS_NONE && at != VH_ADDRESS_ISA,
                                  VIR_ERR_CONFIG_UNSUPPORTED, "panic is supported only with ISA address type" }, );
}

static int check_iommu(const VhDomainDef *def, const VhIommu *iommu, VhError **err)
{
        return QEMU_CHECK_RULES(
                err,
                { iommu->model == IOMMU_INTEL && !qemu_domain_is_q35(def), VIR_ERR_CONFIG_UNSUPPORTED,
                  "IOMMU device: 'intel' is only supported with Q35 machines" },
                { iommu->model == IOMMU_VIRTIO && !qemu_domain_is_q35(def) && !qemu_platform_has(def, QEMU_HAS_GIC),
                  VIR_ERR_CONFIG_UNSUPPORTED,
                  "IOMMU device: 'virtio' is only supported with Q35 and ARM Virt machines" },
                { iommu->model == IOMMU_SMMUV3 && !qemu_platform_has(def, QEMU_HAS_GIC), VIR_ERR_CONFIG_UNSUPPORTED,
                  "IOMMU device: 'smmuv3' is only supported with ARM Virt machines" }, );
}

static int check_shmem(const VhShmem *shmem, VhError **err)
{
        return QEMU_CHECK_RULES(err,
                                { shmem->model <= SHMEM_IVSHMEM, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "ivshmem device is not supported with this QEMU binary" },
                                { shmem->model == SHMEM_DOORBELL && !shmem->server_path, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "shmem model 'ivshmem-doorbell' is supported only with server option enabled" }, );
}

static int check_memballoon(const VhMemballoon *b, VhError **err)
{
        return QEMU_CHECK_RULES(err, { b->model == VH_MEMBALLOON_XEN, NO_BUS }, );
}

static int check_memdev(const VhDomainDef *def, const VhMemdev *mem, VhError **err)
{
        return QEMU_CHECK_RULES(
                err,
                { mem->model == MEM_SGX_EPC, VIR_ERR_CONFIG_UNSUPPORTED,
                  "sgx epc isn't supported by this QEMU binary" },
                { mem->model == MEM_NVDIMM && vh_uuid_is_valid(mem->uuid) && !qemu_platform_has(def, QEMU_HAS_VIO),
                  VIR_ERR_CONFIG_UNSUPPORTED, "UUID is not supported for NVDIMM device" }, );
}

int qemu_check_device(const VhDomainDef *def, VhDeviceKind kind, const void *dev, VhError **err)
{
        switch (kind) {
        case VH_DEVICE_CONTROLLER:
                return check_controller(def, dev, err);
        case VH_DEVICE_NET:
                return check_net(dev, err);
        case VH_DEVICE_SERIAL:
                return check_serial(def, dev, err);
        case VH_DEVICE_PARALLEL:
                return QEMU_CHECK_RULES(err,
                                        { qemu_platform_has(def, QEMU_HAS_VIO | QEMU_HAS_CCW),
                                          VIR_ERR_CONFIG_UNSUPPORTED, "parallel ports are not supported" }, );
        case VH_DEVICE_CONSOLE:
                return check_console(def, dev, err);
        case VH_DEVICE_GRAPHICS:
                return check_graphics(dev, err);
        case VH_DEVICE_VIDEO:
                return check_video(dev, err);
        case VH_DEVICE_INPUT:
                return check_input(dev, err);
        case VH_DEVICE_HOSTDEV:
                return check_hostdev(def, dev, err);
        case VH_DEVICE_FILESYSTEM:
                return check_filesystem(def, dev, err);
        case VH_DEVICE_WATCHDOG:
                return check_watchdog(def, dev, err);
        case VH_DEVICE_TPM:
                return check_tpm(def, dev, err);
        case VH_DEVICE_PANIC:
                return check_panic(def, dev, err);
        case VH_DEVICE_IOMMU:
                return check_iommu(def, dev, err);
        case VH_DEVICE_SHMEM:
                return check_shmem(dev, err);
        case VH_DEVICE_MEMBALLOON:
                return check_memballoon(dev, err);
        case VH_DEVICE_MEMORY:
                return check_memdev(def, dev, err);
        default:
                return 0;
        }
}
