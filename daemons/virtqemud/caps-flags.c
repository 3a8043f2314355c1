/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Capabilities by the names that the reference's status files have. It takes over a guest only if the file tells what
 * the guest's QEMU could do. */

#include "caps-flags.h"

/* Flags that follow from a word of our own. */
static const struct {
        const char *flag, *word;
} by_word[] = {
        { "spice", "type:chardev-spicevmc" },
        { "hda-duplex", "type:hda-duplex" },
        { "ccid-emulated", "type:ccid-card-emulated" },
        { "ccid-passthru", "type:ccid-card-passthru" },
        { "piix3-usb-uhci", "type:piix3-usb-uhci" },
        { "piix4-usb-uhci", "type:piix4-usb-uhci" },
        { "usb-ehci", "type:usb-ehci" },
        { "ich9-usb-ehci1", "type:ich9-usb-ehci1" },
        { "pci-ohci", "type:pci-ohci" },
        { "usb-redir", "type:usb-redir" },
        { "usb-hub", "type:usb-hub" },
        { "ich9-ahci", "type:ich9-ahci" },
        { "virtio-blk-pci.scsi", "prop:virtio-blk-pci.scsi" },
        { "scsi-disk.channel", "prop:scsi-hd.channel" },
        { "scsi-block", "type:scsi-block" },
        { "hda-micro", "type:hda-micro" },
        { "nec-usb-xhci", "type:nec-usb-xhci" },
        { "lsi", "type:lsi53c895a" },
        { "virtio-scsi-pci", "type:virtio-scsi-pci" },
        { "disable-s3", "prop:PIIX4_PM.disable_s3" },
        { "disable-s4", "prop:PIIX4_PM.disable_s4" },
        { "usb-redir.filter", "type:usb-redir" },
        { "ide-drive.wwn", "prop:ide-hd.wwn" },
        { "scsi-disk.wwn", "prop:scsi-hd.wwn" },
        { "seccomp-sandbox", "option:sandbox" },
        { "vnc", "option:vnc" },
        { "qxl", "type:qxl" },
        { "VGA", "type:VGA" },
        { "cirrus-vga", "type:cirrus-vga" },
        { "vmware-svga", "type:vmware-svga" },
        { "usb-serial", "type:usb-serial" },
        { "virtio-rng", "type:virtio-rng-pci" },
        { "rng-random", "type:rng-random" },
        { "rng-egd", "type:rng-egd" },
        { "megasas", "type:megasas" },
        { "tpm-passthrough", "type:tpm-passthrough" },
        { "tpm-tis", "type:tpm-tis" },
        { "tpm-tis", "type:tpm-tis-device" }, /* of boards without ISA */
        { "pci-bridge", "type:pci-bridge" },
        { "vfio-pci", "type:vfio-pci" },
        { "dmi-to-pci-bridge", "type:i82801b11-bridge" },
        { "usb-storage", "type:usb-storage" },
        { "usb-storage.removable", "prop:usb-storage.removable" },
        { "virtio-mmio", "type:virtio-mmio" },
        { "ich9-intel-hda", "type:ich9-intel-hda" },
        { "kvm-pit-lost-tick-policy", "type:kvm-pit" },
        { "pvpanic", "type:pvpanic" },
        { "usb-kbd", "type:usb-kbd" },
        { "usb-audio", "type:usb-audio" },
        { "rtc-reset-reinjection", "command:rtc-reset-reinjection" },
        { "iothread", "type:iothread" },
        { "VGA.vgamem_mb", "prop:VGA.vgamem_mb" },
        { "vmware-svga.vgamem_mb", "prop:vmware-svga.vgamem_mb" },
        { "qxl.vgamem_mb", "prop:qxl.vgamem_mb" },
        { "pc-dimm", "type:pc-dimm" },
        { "pci-serial", "type:pci-serial" },
        { "gpex-pcihost", "type:gpex-pcihost" },
        { "ioh3420", "type:ioh3420" },
        { "x3130-upstream", "type:x3130-upstream" },
        { "xio3130-downstream", "type:xio3130-downstream" },
        { "rtl8139", "type:rtl8139" },
        { "e1000", "type:e1000" },
        { "virtio-net", "type:virtio-net-pci" },
        { "virtio-gpu", "type:virtio-gpu-pci" },
        { "virtio-keyboard", "type:virtio-keyboard-pci" },
        { "virtio-mouse", "type:virtio-mouse-pci" },
        { "virtio-tablet", "type:virtio-tablet-pci" },
        { "virtio-input-host", "type:virtio-input-host-pci" },
        { "ich9-disable-s3", "prop:ICH9-LPC.disable_s3" },
        { "ich9-disable-s4", "prop:ICH9-LPC.disable_s4" },
        { "virtio-balloon-pci.deflate-on-oom", "prop:virtio-balloon-pci.deflate-on-oom" },
        { "mptsas1068", "type:mptsas1068" },
        { "qxl.vram64_size_mb", "prop:qxl.vram64_size_mb" },
        { "pxb", "type:pxb" },
        { "pxb-pcie", "type:pxb-pcie" },
        { "intel-iommu", "type:intel-iommu" },
        { "virtio-vga", "type:virtio-vga" },
        { "ivshmem-plain", "type:ivshmem-plain" },
        { "ivshmem-doorbell", "type:ivshmem-doorbell" },
        { "vhost-scsi", "type:vhost-scsi-pci" },
        { "query-cpu-model-expansion", "command:query-cpu-model-expansion" },
        { "nvdimm", "type:nvdimm" },
        { "pcie-root-port", "type:pcie-root-port" },
        { "query-cpu-definitions", "command:query-cpu-definitions" },
        { "cpu-cache", "prop:max-x86_64-cpu.l3-cache" },
        { "qemu-xhci", "type:qemu-xhci" },
        { "intel-iommu.intremap", "prop:intel-iommu.intremap" },
        { "intel-iommu.caching-mode", "prop:intel-iommu.caching-mode" },
        { "intel-iommu.eim", "prop:intel-iommu.eim" },
        { "intel-iommu.device-iotlb", "prop:intel-iommu.device-iotlb" },
        { "vmcoreinfo", "type:vmcoreinfo" },
        { "isa-serial", "type:isa-serial" },
        { "pcie-pci-bridge", "type:pcie-pci-bridge" },
        { "tpm-crb", "type:tpm-crb" },
        { "pr-manager-helper", "type:pr-manager-helper" },
        { "hda-output", "type:hda-output" },
        { "vmgenid", "type:vmgenid" },
        { "vhost-vsock", "type:vhost-vsock-pci" },
        { "tpm-emulator", "type:tpm-emulator" },
        { "mch", "type:mch" },
        { "vfio-pci.display", "prop:vfio-pci.display" },
        { "memory-backend-memfd", "type:memory-backend-memfd" },
        { "memory-backend-memfd.hugetlb", "type:memory-backend-memfd" },
        { "nvdimm.unarmed", "prop:nvdimm.unarmed" },
        { "virtio-pci-non-transitional", "type:virtio-blk-pci-non-transitional" },
        { "bochs-display", "type:bochs-display" },
        { "dbus-vmstate", "type:dbus-vmstate" },
        { "vhost-user-gpu", "type:vhost-user-gpu" },
        { "vhost-user-vga", "type:vhost-user-vga" },
        { "ramfb", "type:ramfb" },
        { "i8042", "type:i8042" },
        { "rng-builtin", "type:rng-builtin" },
        { "vhost-user-fs", "type:vhost-user-fs-device" },
        { "blockdev-reopen", "command:blockdev-reopen" },
        { "pcie-root-port.hotplug", "prop:pcie-root-port.hotplug" },
        { "pvscsi", "type:pvscsi" },
        { "cpu.migratable", "prop:max-x86_64-cpu.migratable" },
        { "intel-iommu.aw-bits", "prop:intel-iommu.aw-bits" },
        { "usb-host.hostdevice", "prop:usb-host.hostdevice" },
        { "virtio-balloon.free-page-reporting", "prop:virtio-balloon-pci.free-page-reporting" },
        { "block-export-add", "command:block-export-add" },
        { "dc390", "type:dc390" },
        { "am53c974", "type:am53c974" },
        { "virtio-pmem-pci", "type:virtio-pmem-pci" },
        { "vhost-user-fs.bootindex", "prop:vhost-user-fs-pci.bootindex" },
        { "vhost-user-blk", "type:vhost-user-blk" },
        { "rotation-rate", "prop:scsi-hd.rotation_rate" },
        { "acpi-index", "prop:virtio-net-pci.acpi-index" },
        { "input-linux", "type:input-linux" },
        { "virtio-gpu-gl-pci", "type:virtio-gpu-gl-pci" },
        { "virtio-vga-gl", "type:virtio-vga-gl" },
        { "set-action", "command:set-action" },
        { "virtio-blk.queue-size", "prop:virtio-blk-pci.queue-size" },
        { "virtio-mem-pci", "type:virtio-mem-pci" },
        { "piix4.acpi-root-pci-hotplug", "prop:PIIX4_PM.acpi-root-pci-hotplug" },
        { "query-dirty-rate", "command:query-dirty-rate" },
        { "sev-inject-launch-secret", "command:sev-inject-launch-secret" },
        { "virtio-mem-pci.prealloc", "prop:virtio-mem-pci.prealloc" },
        { "calc-dirty-rate", "command:calc-dirty-rate" },
        { "virtio-iommu-pci", "type:virtio-iommu-pci" },
        { "virtio-iommu.boot-bypass", "prop:virtio-iommu-pci.boot-bypass" },
        { "virtio-net.rss", "prop:virtio-net-pci.rss" },
        { "chardev.qemu-vdagent", "type:chardev-qemu-vdagent" },
        { "usb-host.guest-resets-all", "prop:usb-host.guest-resets-all" },
        { "query-stats", "command:query-stats" },
        { "query-stats-schemas", "command:query-stats-schemas" },
        { "thread-context", "type:thread-context" },
        { "pl011", "type:pl011" },
        { "nvram", "type:spapr-nvram" },
        { "spapr-pci-host-bridge", "type:spapr-pci-host-bridge" },
        { "spapr-tpm-proxy", "type:spapr-tpm-proxy" },
        { "spapr-vty", "type:spapr-vty" },
        { "tpm-spapr", "type:tpm-spapr" },
        { "vt82c686b-usb-uhci", "type:vt82c686b-usb-uhci" },
        { "query-cpu-model-baseline", "command:query-cpu-model-baseline" },
        { "query-cpu-model-comparison", "command:query-cpu-model-comparison" },
        { "s390-sclp", "type:sclpconsole" },
        { "sclplmconsole", "type:sclplmconsole" },
        { "vfio-ap", "type:vfio-ap" },
        { "vfio-ccw", "type:vfio-ccw" },
        { "virtio-ccw", "type:virtio-blk-ccw" },
        { "virtio-gpu-ccw", "type:virtio-gpu-ccw" },
        { "virtio-keyboard-ccw", "type:virtio-keyboard-ccw" },
        { "virtio-mouse-ccw", "type:virtio-mouse-ccw" },
        { "virtio-tablet-ccw", "type:virtio-tablet-ccw" },
        { "zpci", "type:zpci" },
};

/* Programs that some flags are for. */
enum { X86 = 1 << 0, AARCH64 = 1 << 1, ARM = 1 << 2, PPC64 = 1 << 3, S390 = 1 << 4 };

/* Flags that follow from the version: details of the monitor's schema, which we do not ask for one by one. They hold
 * for Debian's build of that version. */
static const struct {
        const char *flag;
        unsigned version;
        unsigned programs; /* bits; 0: all */
} by_version[] = {
        { "sdl", 7002000 },
        { "mch.extended-tseg-mbytes", 7002000, X86 },
        { "no-hpet", 7002000, X86 },
        { "no-acpi", 7002000, X86 | AARCH64 },
        { "migrate-rdma", 7002000 },
        { "machine-vmport-opt", 7002000, X86 },
        { "spice-gl", 7002000 },
        { "spice-rendernode", 7002000 },
        { "chardev-reconnect", 7002000 },
        { "nbd-tls", 7002000 },
        { "screendump_device", 7002000 },
        { "egl-headless", 7002000 },
        { "iothread.poll-max-ns", 7002000 },
        { "egl-headless.rendernode", 7002000 },
        { "memory-backend-file.pmem", 7002000 },
        { "nbd-bitmap", 7002000 },
        { "x86-max-cpu", 7002000, X86 },
        { "cpu-unavailable-features", 7002000, X86 },
        { "canonical-cpu-features", 7002000, X86 },
        { "migration-file-drop-cache", 7002000 },
        { "incremental-backup", 7002000 },
        { "drive-nvme", 7002000 },
        { "smp-dies", 7002000 },
        { "query-named-block-nodes.flat", 7002000 },
        { "blockdev-snapshot.allow-write-only-overlay", 7002000 },
        { "fsdev.multidevs", 7002000 },
        { "aio.io_uring", 7002000 },
        { "virtio-blk-pci.scsi.default.disabled", 7002000 },
        { "numa.hmat", 7002000 },
        { "netdev.vhost-vdpa", 7002000 },
        { "cpu-max", 7002000, X86 | AARCH64 | ARM | S390 },
        { "memory-backend-file.x-use-canonical-path-for-ramblock-id", 7002000 },
        { "migration-param.block-bitmap-mapping", 7002000 },
        { "vnc-power-control", 7002000 },
        { "object.qapified", 7002000 },
        { "compat-deprecated", 7002000 },
        { "confidential-guest-support", 7002000 },
        { "memory-backend-file.reserve", 7002000 },
        { "netdev.json", 7002000 },
        { "rbd-encryption", 7002000 },
        { "sev-guest-kernel-hashes", 7002000 },
        { "device.json+hotplug", 7002000 },
        { "dirtyrate-param.mode", 7002000 },
        { "blockdev.nbd.tls-hostname", 7002000 },
        { "memory-backend-file.prealloc-threads", 7002000 },
        { "display-dbus", 7002000 },
        { "iothread.thread-pool-max", 7002000 },
        { "migration.blocked-reasons", 7002000 },
        { "screenshot-format-png", 7002000 },
        { "netdev.stream", 7002000 },
        { "query-hotpluggable-cpus", 7002000, X86 | PPC64 | S390 },
        { "aarch64-off", 7002000, AARCH64 },
        { "gic-version", 7002000, AARCH64 },
        { "arm-max-cpu", 7002000, AARCH64 | ARM },
        { "machine.virt.iommu", 7002000, AARCH64 | ARM },
        { "machine.pseries.cap-ccf-assist", 7002000, PPC64 },
        { "machine.pseries.cap-cfpc", 7002000, PPC64 },
        { "machine.pseries.cap-hpt-max-page-size", 7002000, PPC64 },
        { "machine.pseries.cap-htm", 7002000, PPC64 },
        { "machine.pseries.cap-ibs", 7002000, PPC64 },
        { "machine.pseries.cap-nested-hv", 7002000, PPC64 },
        { "machine.pseries.cap-sbbc", 7002000, PPC64 },
        { "spapr-pci-host-bridge.numa_node", 7002000, PPC64 },
        { "aes-key-wrap", 7002000, S390 },
        { "dea-key-wrap", 7002000, S390 },
        { "loadparm", 7002000, S390 },
};

static unsigned program_bit(const QemuCaps *caps)
{
        static const struct {
                const char *arch;
                unsigned bit;
        } programs[] = {
                { "x86_64", X86 }, { "i686", X86 },    { "aarch64", AARCH64 },
                { "armv7l", ARM }, { "ppc64", PPC64 }, { "s390x", S390 },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(programs); i++)
                if (strcmp(programs[i].arch, caps->arch) == 0)
                        return programs[i].bit;
        return 0;
}

static void add_flag(VhBuf *b, const char *flag)
{
        vh_buf_adds(b, "    <flag name='");
        vh_buf_xml_escape(b, flag);
        vh_buf_adds(b, "'/>\n");
}

static void begin(VhBuf *b)
{
        vh_buf_adds(b, "  <qemuCaps>\n");
}

static void end(VhBuf *b)
{
        vh_buf_adds(b, "  </qemuCaps>\n");
}

void qemu_caps_flags_format(const QemuCaps *caps, VhBuf *b)
{
        begin(b);
        if (caps->accels[QEMU_ACCEL_KVM])
                add_flag(b, "kvm");
        if (caps->accels[QEMU_ACCEL_TCG])
                add_flag(b, "tcg");
        for (size_t i = 0; i < VH_ARRAY_SIZE(by_word); i++)
                if (qemu_caps_has_word(caps, by_word[i].word))
                        add_flag(b, by_word[i].flag);
        for (size_t i = 0; i < VH_ARRAY_SIZE(by_version); i++)
                if (caps->version >= by_version[i].version &&
                    (!by_version[i].programs || by_version[i].programs & program_bit(caps)))
                        add_flag(b, by_version[i].flag);
        end(b);
}

char *qemu_caps_flags_copy(const xmlNode *element)
{
        VhBuf b = { 0 };

        begin(&b);
        for (const xmlNode *n = element->children; n; n = n->next) {
                xmlChar *name = n->type == XML_ELEMENT_NODE ? xmlGetProp((xmlNode *)n, BAD_CAST "name") : NULL;

                if (name)
                        add_flag(&b, (const char *)name);
                xmlFree(name);
        }
        end(&b);
        return vh_buf_take(&b);
}
