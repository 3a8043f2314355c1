/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Architectures by how their CPUs are described, and the names of CPU models. */

#include <stdbool.h>

typedef enum VhCpuFamily {
        VH_CPU_FAMILY_OTHER, /* CPUs of it are not described */
        VH_CPU_FAMILY_X86,
        VH_CPU_FAMILY_ARM,
        VH_CPU_FAMILY_PPC64,
        VH_CPU_FAMILY_S390,
} VhCpuFamily;

/* Returns the family, or -ENOENT for a word that is no architecture. */
int vh_cpu_family(const char *arch);

/* Whether a model of QEMU may be asked for by its name: where there are tables of models, those that QEMU alone knows
 * may not. */
bool vh_cpu_is_named(const char *arch, const char *model);
/* The i-th named CPU model of an architecture, oldest first; NULL behind the last one. */
const char *vh_cpu_model_name(const char *arch, unsigned i);
