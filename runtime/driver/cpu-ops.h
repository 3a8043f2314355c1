/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls about CPU models that are the same in every hypervisor driver. */

#include "cpu/cpu.h"
#include "driver/driver.h"

/* The named models of an architecture. domain: the driver's. */
int vh_cpu_op_model_names(VhCall *call, const remote_connect_get_cpu_model_names_args *args,
                          remote_connect_get_cpu_model_names_ret *ret, int domain, VhError **err);

/* CPUs of a call; memory of the call but for their contents: give it to vh_cpu_docs_done(). */
typedef struct VhCpuDocs {
        VhCpuDoc *items;
        size_t n;
} VhCpuDocs;

int vh_cpu_docs_parse(VhCpuDocs *docs, VhCall *call, char *const *xmls, size_t n, VhCpuDocKind kind, VhError **err);
void vh_cpu_docs_done(VhCpuDocs *docs);
#define _vh_cpu_docs_ _vh_cleanup_(vh_cpu_docs_done)

/* The text of a CPU in memory of the call; takes the CPU over. */
char *vh_cpu_op_text(VhCall *call, VhCpu *cpu);

/* The baseline of CPUs of hosts. Flags must have been checked. */
int vh_cpu_op_baseline(VhCall *call, const remote_connect_baseline_cpu_args *args, remote_connect_baseline_cpu_ret *ret,
                       VhError **err);
