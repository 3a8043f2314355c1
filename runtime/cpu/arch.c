/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Architectures and their CPU models. */

#include "cpu/arch.h"

#include <errno.h>

#include "cpu/x86.h"

static const char *const ppc_models[] = {
        "POWER6", "POWER7", "POWER8", "POWER9", "POWER10", "POWERPC_e5500", "POWERPC_e6500",
};

static const struct {
        const char *arch;
        VhCpuFamily family;
} archs[] = {
        { "x86_64", VH_CPU_FAMILY_X86 },        { "i686", VH_CPU_FAMILY_X86 },
        { "ppc64", VH_CPU_FAMILY_PPC64 },       { "ppc64le", VH_CPU_FAMILY_PPC64 },
        { "aarch64", VH_CPU_FAMILY_ARM },       { "armv6l", VH_CPU_FAMILY_ARM },
        { "armv7l", VH_CPU_FAMILY_ARM },        { "armv7b", VH_CPU_FAMILY_ARM },
        { "s390", VH_CPU_FAMILY_S390 },         { "s390x", VH_CPU_FAMILY_S390 },
        { "alpha", VH_CPU_FAMILY_OTHER },       { "cris", VH_CPU_FAMILY_OTHER },
        { "itanium", VH_CPU_FAMILY_OTHER },     { "lm32", VH_CPU_FAMILY_OTHER },
        { "loongarch64", VH_CPU_FAMILY_OTHER }, { "m68k", VH_CPU_FAMILY_OTHER },
        { "microblaze", VH_CPU_FAMILY_OTHER },  { "microblazeel", VH_CPU_FAMILY_OTHER },
        { "mips", VH_CPU_FAMILY_OTHER },        { "mipsel", VH_CPU_FAMILY_OTHER },
        { "mips64", VH_CPU_FAMILY_OTHER },      { "mips64el", VH_CPU_FAMILY_OTHER },
        { "openrisc", VH_CPU_FAMILY_OTHER },    { "parisc", VH_CPU_FAMILY_OTHER },
        { "parisc64", VH_CPU_FAMILY_OTHER },    { "ppc", VH_CPU_FAMILY_OTHER },
        { "ppcle", VH_CPU_FAMILY_OTHER },       { "ppcemb", VH_CPU_FAMILY_OTHER },
        { "riscv32", VH_CPU_FAMILY_OTHER },     { "riscv64", VH_CPU_FAMILY_OTHER },
        { "sh4", VH_CPU_FAMILY_OTHER },         { "sh4eb", VH_CPU_FAMILY_OTHER },
        { "sparc", VH_CPU_FAMILY_OTHER },       { "sparc64", VH_CPU_FAMILY_OTHER },
        { "unicore32", VH_CPU_FAMILY_OTHER },   { "xtensa", VH_CPU_FAMILY_OTHER },
        { "xtensaeb", VH_CPU_FAMILY_OTHER },
};

int vh_cpu_family(const char *arch)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++)
                if (vh_streq(archs[i].arch, arch))
                        return (int)archs[i].family;
        return -ENOENT;
}

const char *vh_cpu_model_name(const char *arch, unsigned i)
{
        switch (vh_cpu_family(arch)) {
        case VH_CPU_FAMILY_X86:
                return i < vh_x86_n_models ? vh_x86_models[i].name : NULL;
        case VH_CPU_FAMILY_PPC64:
                return i < VH_ARRAY_SIZE(ppc_models) ? ppc_models[i] : NULL;
        default:
                return NULL;
        }
}

bool vh_cpu_is_named(const char *arch, const char *model)
{
        if (!vh_cpu_model_name(arch, 0))
                return true;
        for (unsigned i = 0; vh_cpu_model_name(arch, i); i++)
                if (strcmp(vh_cpu_model_name(arch, i), model) == 0)
                        return true;
        return false;
}
