/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions to the capabilities of a QEMU program. */

#include "caps.h"
#include "cpu/arch.h"

QemuCaps *qemu_caps_ref(QemuCaps *caps)
{
        caps->refs++;
        return caps;
}

static void machine_done(QemuMachine *m)
{
        free(m->name);
        free(m->alias);
        free(m->default_cpu);
        free(m->default_ram_id);
}

static void cpus_done(QemuCpuModels *cpus)
{
        for (size_t i = 0; i < cpus->n; i++) {
                free(cpus->items[i].name);
                free(cpus->items[i].type);
                free(cpus->items[i].blockers);
        }
        free(cpus->items);
}

QemuCaps *qemu_caps_unref(QemuCaps *caps)
{
        if (!caps || --caps->refs)
                return NULL;
        for (size_t i = 0; i < caps->n_machines; i++)
                machine_done(&caps->machines[i]);
        free(caps->machines);
        for (size_t i = 0; i < QEMU_ACCEL_MAX; i++)
                cpus_done(&caps->cpus[i]);
        for (size_t i = 0; i < QEMU_ACCEL_MAX; i++)
                qemu_caps_full_cpu_done(&caps->full_cpu[i]);
        for (size_t i = 0; i < caps->n_words; i++)
                free(caps->words[i]);
        free(caps->words);
        free(caps->binary);
        free(caps->arch);
        free(caps->package);
        free(caps);
        return NULL;
}

static int compare_word(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void qemu_caps_add_word(QemuCaps *caps, char *word)
{
        caps->words = vh_xrealloc(caps->words, caps->n_words + 1, sizeof(char *));
        caps->words[caps->n_words++] = word;
}

void qemu_caps_sort_words(QemuCaps *caps)
{
        if (caps->n_words)
                qsort(caps->words, caps->n_words, sizeof(char *), compare_word);
}

static bool has_word(const QemuCaps *caps, char *word)
{
        bool found = caps->n_words && bsearch(&word, caps->words, caps->n_words, sizeof(char *), compare_word);

        free(word);
        return found;
}

bool qemu_caps_has_word(const QemuCaps *caps, const char *word)
{
        return has_word(caps, vh_xstrdup(word));
}

/* Second names of device classes: -device takes them, lists of classes do not have them. */
static const struct {
        const char *alias, *type;
} type_aliases[] = {
        { "ahci", "ich9-ahci" },
        { "ES1370", "es1370" },
        { "lsi", "lsi53c895a" },
        { "virtio-9p", "virtio-9p-pci" },
        { "virtio-balloon", "virtio-balloon-pci" },
        { "virtio-blk", "virtio-blk-pci" },
        { "virtio-gpu", "virtio-gpu-pci" },
        { "virtio-gpu-gl", "virtio-gpu-gl-pci" },
        { "virtio-input-host", "virtio-input-host-pci" },
        { "virtio-iommu", "virtio-iommu-pci" },
        { "virtio-keyboard", "virtio-keyboard-pci" },
        { "virtio-mouse", "virtio-mouse-pci" },
        { "virtio-net", "virtio-net-pci" },
        { "virtio-rng", "virtio-rng-pci" },
        { "virtio-scsi", "virtio-scsi-pci" },
        { "virtio-serial", "virtio-serial-pci" },
        { "virtio-tablet", "virtio-tablet-pci" },
};

bool qemu_caps_has_type(const QemuCaps *caps, const char *type)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(type_aliases); i++)
                if (strcmp(type_aliases[i].alias, type) == 0 &&
                    has_word(caps, vh_xasprintf("type:%s", type_aliases[i].type)))
                        return true;
        return has_word(caps, vh_xasprintf("type:%s", type));
}

bool qemu_caps_has_prop(const QemuCaps *caps, const char *type, const char *prop)
{
        return has_word(caps, vh_xasprintf("prop:%s.%s", type, prop));
}

bool qemu_caps_has_command(const QemuCaps *caps, const char *command)
{
        return has_word(caps, vh_xasprintf("command:%s", command));
}

bool qemu_caps_has_option(const QemuCaps *caps, const char *option, const char *param)
{
        return has_word(caps, param ? vh_xasprintf("option:%s.%s", option, param) : vh_xasprintf("option:%s", option));
}

const QemuMachine *qemu_caps_machine(const QemuCaps *caps, const char *name)
{
        for (size_t i = 0; i < caps->n_machines; i++)
                if (vh_streq(caps->machines[i].name, name) || vh_streq(caps->machines[i].alias, name))
                        return &caps->machines[i];
        return NULL;
}

const QemuMachine *qemu_caps_default_machine(const QemuCaps *caps)
{
        /* Where QEMU has none. */
        static const struct {
                const char *arch, *machine;
        } usual[] = {
                { "armv7l", "integratorcp" },
                { "aarch64", "integratorcp" },
                { "riscv32", "spike" },
                { "riscv64", "spike" },
        };

        for (size_t i = 0; i < caps->n_machines; i++)
                if (caps->machines[i].is_default)
                        return &caps->machines[i];
        for (size_t i = 0; i < VH_ARRAY_SIZE(usual); i++)
                if (strcmp(usual[i].arch, caps->arch) == 0)
                        return qemu_caps_machine(caps, usual[i].machine);
        return NULL;
}

const char *qemu_caps_default_cpu(const QemuCaps *caps, QemuAccel accel, const QemuMachine *machine)
{
        const QemuCpuModels *cpus = &caps->cpus[accel];

        for (size_t i = 0; i < cpus->n; i++)
                if (machine->default_cpu && vh_streq(cpus->items[i].type, machine->default_cpu) &&
                    vh_cpu_is_named(caps->arch, cpus->items[i].name))
                        return cpus->items[i].name;
        return NULL;
}

uint8_t qemu_caps_default_gic(const QemuCaps *caps, QemuAccel accel)
{
        enum { GIC_2 = 2, GIC_3 }; /* words of the feature */

        return accel == QEMU_ACCEL_KVM && qemu_caps_has_word(caps, "gic:3:kernel") ? GIC_3 : GIC_2;
}

const QemuCpuModel *qemu_caps_cpu(const QemuCaps *caps, QemuAccel accel, const char *name)
{
        for (size_t i = 0; i < caps->cpus[accel].n; i++)
                if (strcmp(caps->cpus[accel].items[i].name, name) == 0)
                        return &caps->cpus[accel].items[i];
        return NULL;
}
