/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPU models that libvirt names, by architecture. */

#include "testdriver/cpu-models.h"
#include "base/util.h"
#include <errno.h>

static const char *const x86[] = {
        "486",
        "pentium",
        "pentium2",
        "pentium3",
        "pentiumpro",
        "coreduo",
        "n270",
        "core2duo",
        "qemu32",
        "kvm32",
        "cpu64-rhel5",
        "cpu64-rhel6",
        "qemu64",
        "kvm64",
        "Conroe",
        "Penryn",
        "Nehalem",
        "Nehalem-IBRS",
        "Westmere",
        "Westmere-IBRS",
        "SandyBridge",
        "SandyBridge-IBRS",
        "IvyBridge",
        "IvyBridge-IBRS",
        "Haswell-noTSX",
        "Haswell-noTSX-IBRS",
        "Haswell",
        "Haswell-IBRS",
        "Broadwell-noTSX",
        "Broadwell-noTSX-IBRS",
        "Broadwell",
        "Broadwell-IBRS",
        "Skylake-Client",
        "Skylake-Client-IBRS",
        "Skylake-Client-noTSX-IBRS",
        "Skylake-Server",
        "Skylake-Server-IBRS",
        "Skylake-Server-noTSX-IBRS",
        "Cascadelake-Server",
        "Cascadelake-Server-noTSX",
        "Icelake-Client",
        "Icelake-Client-noTSX",
        "Icelake-Server",
        "Icelake-Server-noTSX",
        "Cooperlake",
        "Snowridge",
        "athlon",
        "phenom",
        "Opteron_G1",
        "Opteron_G2",
        "Opteron_G3",
        "Opteron_G4",
        "Opteron_G5",
        "EPYC",
        "EPYC-IBPB",
        "EPYC-Rome",
        "EPYC-Milan",
        "Dhyana",
};

static const char *const ppc[] = {
        "POWER6", "POWER7", "POWER8", "POWER9", "POWER10", "POWERPC_e5500", "POWERPC_e6500",
};

/* Architectures, and the models of those that have named ones. */
static const struct {
        const char *arch;
        const char *const *models;
        int n;
} archs[] = {
        { "x86_64", x86, VH_ARRAY_SIZE(x86) },
        { "i686", x86, VH_ARRAY_SIZE(x86) },
        { "ppc64", ppc, VH_ARRAY_SIZE(ppc) },
        { "ppc64le", ppc, VH_ARRAY_SIZE(ppc) },
        { "aarch64" },
        { "alpha" },
        { "armv6l" },
        { "armv7l" },
        { "armv7b" },
        { "cris" },
        { "itanium" },
        { "lm32" },
        { "loongarch64" },
        { "m68k" },
        { "microblaze" },
        { "microblazeel" },
        { "mips" },
        { "mipsel" },
        { "mips64" },
        { "mips64el" },
        { "or32" },
        { "parisc" },
        { "parisc64" },
        { "ppc" },
        { "ppcle" },
        { "ppcemb" },
        { "riscv32" },
        { "riscv64" },
        { "s390" },
        { "s390x" },
        { "sh4" },
        { "sh4eb" },
        { "sparc" },
        { "sparc64" },
        { "unicore32" },
        { "xtensa" },
        { "xtensaeb" },
};

int test_cpu_models(const char *arch, const char *const **names, int *n)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(archs); i++)
                if (vh_streq(archs[i].arch, arch)) {
                        *names = archs[i].models;
                        *n = archs[i].n;
                        return 0;
                }
        return -ENOENT;
}
