/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's CPU beyond what the kernel's files tell. */

#include "cpu/cpu.h"
#include "driver/host.h"

/* Returns 0, or -ENOTSUP where the host is no x86. */
int vh_host_x86_cpu(const VhHost *host, VhX86Cpu *cpu);
/* Frequency of the time stamp counter, and whether guests may have another one; -ENOTSUP without KVM. */
int vh_host_tsc(VhHost *host, uint64_t *hz, bool *scaling);
/* The host's CPU as a document: architecture, model, vendor and features. Returns 0, or negative errno if there is no
 * model for it. */
int vh_host_cpu_doc(const VhHost *host, VhCpuDoc *doc, VhError **err);
/* What tells one CPU (and its microcode) from another, in one line; the caller frees it. */
char *vh_host_cpu_id(VhHost *host);
