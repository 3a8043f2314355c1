/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPUs that guests can have, in the domain capabilities. */

#include <stdio.h>

#include "caps-call.h"
#include "cpu/arch.h"
#include "xml/types.h"

static void format_switch(const char *mode, const char *name, VhBuf *buf)
{
        vh_buf_printf(buf,
                      "    <mode name='%s' supported='yes'>\n"
                      "      <enum name='%s'>\n"
                      "        <value>on</value>\n"
                      "        <value>off</value>\n"
                      "      </enum>\n"
                      "    </mode>\n",
                      mode, name);
}

static void format_host_model(const VhCpu *cpu, VhBuf *buf)
{
        if (!cpu) {
                vh_buf_adds(buf, "    <mode name='host-model' supported='no'/>\n");
                return;
        }
        vh_buf_printf(buf, "    <mode name='host-model' supported='yes'>\n      <model fallback='forbid'>%s</model>\n",
                      cpu->model);
        if (cpu->vendor)
                vh_buf_printf(buf, "      <vendor>%s</vendor>\n", cpu->vendor);
        for (uint32_t i = 0; i < cpu->features.n; i++)
                vh_buf_printf(buf, "      <feature policy='%s' name='%s'/>\n",
                              cpu->features.items[i]->policy == VH_CPU_POLICY_DISABLE ? "disable" : "require",
                              cpu->features.items[i]->name);
        vh_buf_adds(buf, "    </mode>\n");
}

static void format_model(const QemuCpuModel *cpu, const char *arch, VhBuf *buf)
{
        const VhX86Model *model = vh_x86_model_find(cpu->name);

        vh_buf_printf(buf, "      <model usable='%s'%s vendor='%s'>%s</model>\n",
                      !cpu->usable_known ? "unknown"
                      : cpu->usable      ? "yes"
                                         : "no",
                      cpu->deprecated ? " deprecated='yes'" : "",
                      model && model->vendor                       ? model->vendor->name
                      : vh_cpu_family(arch) == VH_CPU_FAMILY_PPC64 ? "IBM"
                                                                   : "unknown",
                      cpu->name);
}

static void format_models(const QemuOffer *offer, VhBuf *buf)
{
        const QemuCpuModels *cpus = &offer->caps->cpus[offer->accel];

        if (!cpus->n) {
                vh_buf_adds(buf, "    <mode name='custom' supported='no'/>\n");
                return;
        }
        vh_buf_adds(buf, "    <mode name='custom' supported='yes'>\n");
        for (size_t i = 0; i < cpus->n; i++)
                if (vh_cpu_is_named(offer->arch, cpus->items[i].name))
                        format_model(&cpus->items[i], offer->arch, buf);
        vh_buf_adds(buf, "    </mode>\n");
}

void qemu_domcaps_format_cpu(const QemuOffer *offer, VhBuf *buf)
{
        bool has_cpu_driver = vh_cpu_family(offer->arch) != VH_CPU_FAMILY_OTHER;
        bool switchable = qemu_caps_has_prop(offer->caps, "max-x86_64-cpu", "migratable") ||
                          vh_cpu_family(offer->arch) == VH_CPU_FAMILY_X86;

        vh_buf_adds(buf, "  <cpu>\n");
        if (offer->accel == QEMU_ACCEL_KVM && switchable)
                format_switch("host-passthrough", "hostPassthroughMigratable", buf);
        else
                vh_buf_printf(buf, "    <mode name='host-passthrough' supported='%s'/>\n",
                              offer->accel == QEMU_ACCEL_KVM ? "yes" : "no");
        if (!qemu_caps_cpu(offer->caps, offer->accel, "max"))
                vh_buf_adds(buf, "    <mode name='maximum' supported='no'/>\n");
        else if (has_cpu_driver)
                format_switch("maximum", "maximumMigratable", buf);
        else
                vh_buf_adds(buf, "    <mode name='maximum' supported='yes'/>\n");
        format_host_model(offer->caps->full_cpu[offer->accel].all, buf);
        format_models(offer, buf);
        vh_buf_adds(buf, "  </cpu>\n");
}
