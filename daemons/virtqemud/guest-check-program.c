/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the emulator of another architecture than x86 does not have. */

#include "guest-check.h"

#include <errno.h>

#include "guest-platform.h"
#include "model/domain-tables.h"
#include "model/domain-tune.h"

typedef struct Program {
        const VhDomainDef *def;
        const QemuCaps *caps;
        VhError **err;
} Program;

static bool has(const Program *p, const char *type)
{
        return qemu_caps_has_type(p->caps, type);
}

static int lacks(const Program *p, const char *what)
{
        return vh_error_set(p->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s", what);
}

static int check_vcpus(const Program *p)
{
        const QemuMachine *machine = qemu_caps_machine(p->caps, p->def->os.machine);

        if (!machine || !machine->max_cpus || p->def->vcpus <= machine->max_cpus)
                return 0;
        return vh_error_set(p->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "Maximum CPUs greater than specified machine type limit %u", machine->max_cpus);
}

static int check_cpu(const Program *p)
{
        const QemuAccel accel = p->def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;

        if (!p->def->cpu || p->def->cpu->mode != VH_CPU_MODE_MAXIMUM || qemu_caps_cpu(p->caps, accel, "max"))
                return 0;
        return lacks(p, "maximum CPU is not supported by QEMU binary");
}

static int check_video(const Program *p, const VhVideo *v)
{
        static const char *const types[VH_VIDEO_RAMFB + 1] = {
                [VH_VIDEO_VGA] = "VGA", [VH_VIDEO_CIRRUS] = "cirrus-vga",   [VH_VIDEO_VMVGA] = "vmware-svga",
                [VH_VIDEO_QXL] = "qxl", [VH_VIDEO_BOCHS] = "bochs-display", [VH_VIDEO_RAMFB] = "ramfb",
        };

        if (!types[v->type] || has(p, types[v->type]))
                return 0;
        return vh_error_set(p->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "domain configuration does not support video model '%s'",
                            vh_xml_names_text(&vh_video_type_names, v->type));
}

static int check_tpm(const Program *p, const VhTpm *tpm)
{
        static const char *const backends[] = { NULL, "tpm-passthrough", "tpm-emulator", "tpm-emulator" };
        static const char *const words[] = { NULL, "passthrough", "emulator", "external" };
        static const char *const models[] = { NULL, "tpm-tis-device", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy" };
        static const char *const names[] = { NULL, "tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy" };

        if (tpm->type && !has(p, backends[tpm->type]))
                return vh_error_set(p->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "The QEMU executable %s does not support TPM backend type %s", p->caps->binary,
                                    words[tpm->type]);
        if (tpm->model && !has(p, models[tpm->model]))
                return vh_error_set(p->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "The QEMU executable %s does not support TPM model %s", p->caps->binary,
                                    names[tpm->model]);
        return 0;
}

static int check_controller(const Program *p, const VhController *c)
{
        if (c->type != VH_CONTROLLER_SCSI || c->model != VH_CTRL_LSILOGIC || has(p, "lsi53c895a"))
                return 0;
        return lacks(p, "This QEMU doesn't support the LSI 53C895A SCSI controller");
}

static int check_memory(const Program *p, const VhMemdev *mem)
{
        enum { DIMM = 1, NVDIMM };

        if (mem->model == DIMM && !has(p, "pc-dimm"))
                return lacks(p, "memory hotplug isn't supported by this QEMU binary");
        if (mem->model == NVDIMM && !has(p, "nvdimm"))
                return lacks(p, "nvdimm isn't supported by this QEMU binary");
        return 0;
}

static int check_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Program *p = opaque;

        switch (kind) {
        case VH_DEVICE_CONTROLLER:
                return check_controller(p, dev);
        case VH_DEVICE_VIDEO:
                return check_video(p, dev);
        case VH_DEVICE_TPM:
                return check_tpm(p, dev);
        case VH_DEVICE_MEMORY:
                return check_memory(p, dev);
        case VH_DEVICE_PANIC:
                return ((const VhPanic *)dev)->model == QEMU_PANIC_ISA && !has(p, "pvpanic")
                               ? lacks(p, "the QEMU binary does not support the ISA panic device")
                               : 0;
        case VH_DEVICE_INPUT:
                return ((const VhInput *)dev)->bus == VH_INPUT_BUS_PS2 && !has(p, "i8042")
                               ? lacks(p, "ps2 is not supported by this QEMU binary")
                               : 0;
        default:
                return 0;
        }
}

int qemu_check_program(const VhDomainDef *def, const QemuCaps *caps, VhError **err)
{
        Program p = { def, caps, err };
        int r = check_vcpus(&p);

        r = r < 0 ? r : check_cpu(&p);
        return r < 0 ? r : vh_domain_each_device(def, check_device, &p);
}
