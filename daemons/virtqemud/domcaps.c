/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain capabilities: what a definition may ask of a machine. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "caps-call.h"
#include "cpu/arch.h"
#include "firmware.h"

/* One value of an enumeration, and what it needs: words of the capabilities, one of which must be there, separated by
 * '|'. NULL: nothing. */
typedef struct Value {
        const char *text, *needs;
        bool (*also)(const QemuOffer *offer); /* a condition that no word says; NULL: none */
} Value;

typedef struct Enum {
        const char *name;
        const Value *values;
} Enum;

typedef struct Section {
        const char *name;
        const char *needs; /* for the section to be supported at all */
        const Enum *enums;
} Section;

/* ---- conditions ---- */

static bool has_ide(const QemuOffer *offer)
{
        const char *machine = offer->machine->name;

        return vh_startswith(machine, "pc-i440fx") || vh_startswith(machine, "pc-0.") ||
               vh_startswith(machine, "pc-1.") || vh_streq(machine, "malta") || vh_streq(machine, "sun4u") ||
               vh_startswith(machine, "g3beige");
}

static bool has_vfio(const QemuOffer *offer)
{
        return access("/dev/vfio/vfio", F_OK) == 0 && access("/sys/kernel/iommu_groups/0", F_OK) == 0;
}

static bool has_swtpm(const QemuOffer *offer)
{
        return access("/usr/bin/swtpm_setup", X_OK) == 0;
}

/* Machines of POWER without a floppy controller. */
static bool has_floppy(const QemuOffer *offer)
{
        return !(vh_cpu_family(offer->arch) == VH_CPU_FAMILY_PPC64 && vh_startswith(offer->machine->name, "pseries"));
}

/* ---- tables ---- */

#define VALUES(...) ((const Value[]){ __VA_ARGS__, {} })
#define ENUMS(...)  ((const Enum[]){ __VA_ARGS__, {} })
#define VIRTIO_BLK  "type:virtio-blk-pci|type:virtio-blk-device|type:virtio-blk-ccw"
#define USB         "type:piix3-usb-uhci|type:pci-ohci|type:usb-ehci|type:nec-usb-xhci|type:qemu-xhci"
#define VIRTIO_RNG  "type:virtio-rng-pci|type:virtio-rng-device|type:virtio-rng-ccw"

static const Section sections[] = {
        { "disk", NULL,
          ENUMS({ "diskDevice", VALUES({ "disk" }, { "cdrom" }, { "floppy", NULL, has_floppy }, { "lun" }) },
                { "bus", VALUES({ "ide", NULL, has_ide }, { "fdc", NULL, has_floppy }, { "scsi", "type:scsi-hd" },
                                { "virtio", VIRTIO_BLK }, { "usb", USB }, { "sata", "type:ich9-ahci" }) },
                { "model",
                  VALUES({ "virtio", VIRTIO_BLK }, { "virtio-transitional", "type:virtio-blk-pci-transitional" },
                         { "virtio-non-transitional", "type:virtio-blk-pci-non-transitional" }) }) },
        { "graphics", NULL,
          ENUMS({ "type", VALUES({ "sdl", "display:sdl" }, { "vnc", "option:vnc" }, { "spice", "option:spice" },
                                 { "egl-headless", "display:egl-headless" }, { "dbus", "display:dbus" }) }) },
        { "video", NULL,
          ENUMS({ "modelType", VALUES({ "vga", "type:VGA" }, { "cirrus", "type:cirrus-vga" },
                                      { "vmvga", "type:vmware-svga" }, { "qxl", "type:qxl" },
                                      { "virtio", "type:virtio-gpu-pci|type:virtio-gpu-device|type:virtio-gpu-ccw" },
                                      { "none" }, { "bochs", "type:bochs-display" }, { "ramfb", "type:ramfb" }) }) },
        { "hostdev", NULL,
          ENUMS({ "mode", VALUES({ "subsystem" }) },
                { "startupPolicy", VALUES({ "default" }, { "mandatory" }, { "requisite" }, { "optional" }) },
                { "subsysType", VALUES({ "usb", USB }, { "pci" }, { "scsi", "type:scsi-generic" }) },
                { "capsType", VALUES({}) },
                { "pciBackend",
                  VALUES({ "default", "type:vfio-pci", has_vfio }, { "vfio", "type:vfio-pci", has_vfio }) }) },
        { "rng", VIRTIO_RNG,
          ENUMS({ "model",
                  VALUES({ "virtio", VIRTIO_RNG }, { "virtio-transitional", "type:virtio-rng-pci-transitional" },
                         { "virtio-non-transitional", "type:virtio-rng-pci-non-transitional" }) },
                { "backendModel", VALUES({ "random", "type:rng-random" }, { "egd", "type:rng-egd" },
                                         { "builtin", "type:rng-builtin" }) }) },
        { "filesystem", "type:virtio-9p-pci|type:virtio-9p-device|type:virtio-9p-ccw|type:vhost-user-fs-device",
          ENUMS({ "driverType", VALUES({ "path", "option:fsdev" }, { "handle", "option:fsdev" },
                                       { "virtiofs", "type:vhost-user-fs-device" }) }) },
        { "tpm", "type:tpm-tis|type:tpm-tis-device|type:tpm-crb|type:tpm-spapr",
          ENUMS({ "model", VALUES({ "tpm-tis", "type:tpm-tis|type:tpm-tis-device" }, { "tpm-crb", "type:tpm-crb" },
                                  { "tpm-spapr", "type:tpm-spapr" }, { "spapr-tpm-proxy", "type:spapr-tpm-proxy" }) },
                { "backendModel", VALUES({ "passthrough", "type:tpm-passthrough" }, { "emulator", "type:tpm-emulator" },
                                         { "external", "type:tpm-emulator" }) },
                { "backendVersion",
                  VALUES({ "1.2", "type:tpm-emulator", has_swtpm }, { "2.0", "type:tpm-emulator", has_swtpm }) }) },
        { "redirdev", "type:usb-redir", ENUMS({ "bus", VALUES({ "usb" }) }) },
        { "channel", NULL, ENUMS({ "type", VALUES({ "pty" }, { "unix" }, { "spicevmc", "type:chardev-spicevmc" }) }) },
};

static const Value hyperv_features[] = {
        { "relaxed" },         { "vapic" },    { "spinlocks" }, { "vpindex" },   { "runtime" },
        { "synic" },           { "stimer" },   { "reset" },     { "vendor_id" }, { "frequencies" },
        { "reenlightenment" }, { "tlbflush" }, { "ipi" },       { "evmcs" },     { "avic" },
};

/* ---- writing ---- */

static bool has_any(const QemuCaps *caps, const char *words)
{
        while (words && *words) {
                size_t n = strcspn(words, "|");
                _vh_free_ char *word = vh_xstrndup(words, n);

                if (qemu_caps_has_word(caps, word))
                        return true;
                words += n + (words[n] == '|');
        }
        return false;
}

static bool is_there(const QemuOffer *offer, const Value *value)
{
        return (!value->needs || has_any(offer->caps, value->needs)) && (!value->also || value->also(offer));
}

static void format_enum(const QemuOffer *offer, const Enum *e, VhBuf *buf)
{
        VhBuf values = { 0 };

        for (const Value *v = e->values; v->text; v++)
                if (is_there(offer, v))
                        vh_buf_printf(&values, "        <value>%s</value>\n", v->text);
        if (values.len)
                vh_buf_printf(buf, "      <enum name='%s'>\n%s      </enum>\n", e->name, values.data);
        else
                vh_buf_printf(buf, "      <enum name='%s'/>\n", e->name);
        vh_buf_done(&values);
}

static void format_section(const QemuOffer *offer, const Section *section, VhBuf *buf)
{
        if (section->needs && !has_any(offer->caps, section->needs)) {
                vh_buf_printf(buf, "    <%s supported='no'/>\n", section->name);
                return;
        }
        vh_buf_printf(buf, "    <%s supported='yes'>\n", section->name);
        for (const Enum *e = section->enums; e->name; e++)
                format_enum(offer, e, buf);
        vh_buf_printf(buf, "    </%s>\n", section->name);
}

static void format_os(const QemuOffer *offer, const VhConf *conf, VhBuf *buf)
{
        QemuFirmwareOffer firmware = {};

        qemu_firmware_offer(&firmware, offer->arch, offer->machine->name, conf);
        vh_buf_adds(buf, "  <os supported='yes'>\n");
        if (firmware.bios || firmware.efi)
                vh_buf_printf(buf, "    <enum name='firmware'>\n%s%s    </enum>\n",
                              firmware.bios ? "      <value>bios</value>\n" : "",
                              firmware.efi ? "      <value>efi</value>\n" : "");
        else
                vh_buf_adds(buf, "    <enum name='firmware'/>\n");
        vh_buf_adds(buf, "    <loader supported='yes'>\n");
        for (size_t i = 0; i < firmware.n; i++) {
                vh_buf_adds(buf, "      <value>");
                vh_buf_xml_escape(buf, firmware.images[i]);
                vh_buf_adds(buf, "</value>\n");
        }
        vh_buf_printf(buf,
                      "      <enum name='type'>\n"
                      "        <value>rom</value>\n"
                      "        <value>pflash</value>\n"
                      "      </enum>\n"
                      "      <enum name='readonly'>\n"
                      "        <value>yes</value>\n"
                      "        <value>no</value>\n"
                      "      </enum>\n"
                      "      <enum name='secure'>\n"
                      "%s"
                      "        <value>no</value>\n"
                      "      </enum>\n"
                      "    </loader>\n"
                      "  </os>\n",
                      firmware.secure ? "        <value>yes</value>\n" : "");
        qemu_firmware_offer_done(&firmware);
}

static void format_memory(const QemuOffer *offer, VhBuf *buf)
{
        bool memfd = qemu_caps_has_word(offer->caps, "type:memory-backend-memfd");

        vh_buf_printf(buf,
                      "  <memoryBacking supported='yes'>\n"
                      "    <enum name='sourceType'>\n"
                      "      <value>file</value>\n"
                      "      <value>anonymous</value>\n"
                      "%s"
                      "    </enum>\n"
                      "  </memoryBacking>\n",
                      memfd ? "      <value>memfd</value>\n" : "");
}

static void format_hyperv(const QemuOffer *offer, VhBuf *buf)
{
        VhBuf values = { 0 };

        for (size_t i = 0; i < VH_ARRAY_SIZE(hyperv_features); i++) {
                _vh_free_ char *name = vh_xstrdup(hyperv_features[i].text);

                for (char *p = name; *p; p++)
                        if (*p == '_')
                                *p = '-';
                if (qemu_caps_has_hyperv(offer->caps, offer->accel, name))
                        vh_buf_printf(&values, "        <value>%s</value>\n", hyperv_features[i].text);
        }
        if (values.len)
                vh_buf_printf(buf,
                              "    <hyperv supported='yes'>\n"
                              "      <enum name='features'>\n%s      </enum>\n"
                              "    </hyperv>\n",
                              values.data);
        else
                vh_buf_adds(buf, "    <hyperv supported='no'/>\n");
        vh_buf_done(&values);
}

static const char *yes_no(bool yes)
{
        return yes ? "yes" : "no";
}

/* Interrupt controllers of ARM's virtual machine. */
static void format_gic(const QemuOffer *offer, VhBuf *buf)
{
        const char *machine = vh_startswith(offer->machine->name, "virt");
        const char *how = offer->accel == QEMU_ACCEL_KVM ? "kernel" : "emulated";
        VhBuf values = { 0 };

        for (unsigned v = 2; v <= 3; v++) {
                _vh_free_ char *word = vh_xasprintf("gic:%u:%s", v, how);

                if (qemu_caps_has_word(offer->caps, word))
                        vh_buf_printf(&values, "        <value>%u</value>\n", v);
        }
        if (values.len && machine && (*machine == '-' || !*machine))
                vh_buf_printf(buf,
                              "    <gic supported='yes'>\n"
                              "      <enum name='version'>\n%s      </enum>\n"
                              "    </gic>\n",
                              values.data);
        else
                vh_buf_adds(buf, "    <gic supported='no'/>\n");
        vh_buf_done(&values);
}

static void format_features(const QemuOffer *offer, VhBuf *buf)
{
        const QemuCaps *caps = offer->caps;

        vh_buf_adds(buf, "  <features>\n");
        format_gic(offer, buf);
        vh_buf_printf(buf,
                      "    <vmcoreinfo supported='%s'/>\n"
                      "    <genid supported='%s'/>\n"
                      "    <backingStoreInput supported='yes'/>\n"
                      "    <backup supported='%s'/>\n"
                      "%s"
                      "    <sev supported='no'/>\n"
                      "    <sgx supported='no'/>\n",
                      yes_no(qemu_caps_has_word(caps, "type:vmcoreinfo")),
                      yes_no(qemu_caps_has_word(caps, "type:vmgenid")),
                      yes_no(qemu_caps_has_command(caps, "blockdev-reopen")),
                      vh_cpu_family(offer->arch) == VH_CPU_FAMILY_S390 ? "    <s390-pv supported='no'/>\n" : "");
        if (vh_cpu_family(offer->arch) == VH_CPU_FAMILY_X86)
                format_hyperv(offer, buf);
        vh_buf_adds(buf, "  </features>\n");
}

void qemu_domcaps_format(const QemuOffer *offer, const VhConf *conf, VhBuf *buf)
{
        vh_buf_adds(buf, "<domainCapabilities>\n  <path>");
        vh_buf_xml_escape(buf, offer->caps->binary);
        vh_buf_printf(buf,
                      "</path>\n"
                      "  <domain>%s</domain>\n"
                      "  <machine>%s</machine>\n"
                      "  <arch>%s</arch>\n"
                      "  <vcpu max='%u'/>\n"
                      "  <iothreads supported='%s'/>\n",
                      offer->accel == QEMU_ACCEL_KVM ? "kvm" : "qemu", offer->machine->name, offer->arch,
                      offer->machine->max_cpus, yes_no(qemu_caps_has_word(offer->caps, "type:iothread")));
        format_os(offer, conf, buf);
        qemu_domcaps_format_cpu(offer, buf);
        format_memory(offer, buf);
        vh_buf_adds(buf, "  <devices>\n");
        for (size_t i = 0; i < VH_ARRAY_SIZE(sections); i++)
                format_section(offer, &sections[i], buf);
        vh_buf_adds(buf, "  </devices>\n");
        format_features(offer, buf);
        vh_buf_adds(buf, "</domainCapabilities>\n");
}
