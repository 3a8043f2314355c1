/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kernel counts for a process or thread. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct QemuProcStat {
        uint64_t user, system; /* ns */
        uint64_t delay;        /* ns spent waiting for a processor */
        uint64_t rss;          /* KiB */
        int cpu;               /* the last processor */
        bool running;          /* or wants to */
} QemuProcStat;

/* tid 0: the whole process. Returns 0 or negative errno; *stat is all zero then. */
int qemu_proc_stat(pid_t pid, pid_t tid, QemuProcStat *stat);
