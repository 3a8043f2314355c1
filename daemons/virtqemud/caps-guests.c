/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The <guest> elements of the capabilities document. */

#include <stdio.h>

#include "emulator.h"

static void format_machine(const QemuMachine *m, const char *name, const char *canonical, VhBuf *buf)
{
        vh_buf_adds(buf, "      <machine");
        if (canonical)
                vh_buf_printf(buf, " canonical='%s'", canonical);
        vh_buf_printf(buf, " maxCpus='%u'", m->max_cpus);
        if (m->deprecated)
                vh_buf_adds(buf, " deprecated='yes'");
        vh_buf_printf(buf, ">%s</machine>\n", name);
}

static void format_names(const QemuMachine *m, VhBuf *buf)
{
        if (strcmp(m->name, "none") == 0)
                return;
        format_machine(m, m->name, NULL, buf);
        if (m->alias)
                format_machine(m, m->alias, m->name, buf);
}

/* The default machine comes first. */
static void format_machines(const QemuCaps *caps, VhBuf *buf)
{
        const QemuMachine *first = qemu_caps_default_machine(caps);

        if (first)
                format_names(first, buf);
        for (size_t i = 0; i < caps->n_machines; i++)
                if (&caps->machines[i] != first)
                        format_names(&caps->machines[i], buf);
}

static void format_features(const QemuCaps *caps, const char *arch, VhBuf *buf)
{
        bool i686 = strcmp(arch, "i686") == 0, x86 = i686 || strcmp(arch, "x86_64") == 0;

        vh_buf_adds(buf, "    <features>\n");
        if (i686)
                vh_buf_adds(buf, "      <pae/>\n      <nonpae/>\n");
        if (x86 || strcmp(arch, "aarch64") == 0)
                vh_buf_adds(buf, "      <acpi default='on' toggle='yes'/>\n");
        if (x86)
                vh_buf_adds(buf, "      <apic default='on' toggle='no'/>\n");
        vh_buf_adds(buf, "      <cpuselection/>\n"
                         "      <deviceboot/>\n"
                         "      <disksnapshot default='on' toggle='no'/>\n"
                         "    </features>\n");
}

static void format_guest(const QemuCaps *caps, const char *arch, bool native, VhBuf *buf)
{
        vh_buf_printf(buf,
                      "  <guest>\n"
                      "    <os_type>hvm</os_type>\n"
                      "    <arch name='%s'>\n"
                      "      <wordsize>%u</wordsize>\n"
                      "      <emulator>%s</emulator>\n",
                      arch, qemu_arch_bits(arch), caps->binary);
        format_machines(caps, buf);
        if (caps->accels[QEMU_ACCEL_TCG])
                vh_buf_adds(buf, "      <domain type='qemu'/>\n");
        if (caps->accels[QEMU_ACCEL_KVM] && native)
                vh_buf_adds(buf, "      <domain type='kvm'/>\n");
        vh_buf_adds(buf, "    </arch>\n");
        format_features(caps, arch, buf);
        vh_buf_adds(buf, "  </guest>\n\n");
}

void qemu_emulators_format(QemuEmulators *emulators, VhBuf *buf)
{
        const char *host = qemu_emulators_host_arch(emulators), *arch, *program;

        for (unsigned i = 0; (program = qemu_emulators_program(emulators, i, &arch)); i++) {
                const QemuCaps *caps = qemu_emulators_recall(emulators, program);

                if (caps)
                        format_guest(caps, arch, qemu_arch_is_native(arch, host), buf);
        }
}
