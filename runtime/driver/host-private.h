/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading the small files of /proc and /sys; shared by the host-*.c files. Paths are relative to the root of the tree.
 */

#include "driver/host.h"

struct VhHost {
        int rootfd;
        /* The time stamp counter, once it has been asked for: that takes making a virtual machine. */
        bool tsc_asked, tsc_scaling;
        uint64_t tsc_hz; /* 0: not known */
};

enum {
        VH_HOST_FILE_MAX = 4 * 1024 * 1024, /* /proc/cpuinfo of a machine with thousands of processors stays below */
        VH_HOST_ID_MAX = 64 * 1024,         /* processors, cells: above it a file is not believed */
        VH_HOST_PAGE_SIZES_MAX = 16,
};

/* Text of a file without the newline at its end; the caller frees it. Returns 0 or negative errno. */
int vh_host_read(const VhHost *host, char **text, const char *fmt, ...) _vh_printf_(3, 4);
/* A number, and nothing else, in a file. */
int vh_host_read_u64(const VhHost *host, uint64_t *value, const char *fmt, ...) _vh_printf_(3, 4);
/* A list such as "0-3,8" in a file. */
int vh_host_read_bits(const VhHost *host, VhHostBits *bits, const char *fmt, ...) _vh_printf_(3, 4);
int vh_host_write(const VhHost *host, const char *text, const char *fmt, ...) _vh_printf_(3, 4);
bool vh_host_exists(const VhHost *host, const char *fmt, ...) _vh_printf_(2, 3);

/* Value behind "KEY" and blanks, colons or tabs at the start of a line of text; NULL if there is none. Points into
 * text. */
const char *vh_host_field(const char *text, const char *key);
/* The same as a number, 0 if there is none. */
uint64_t vh_host_field_u64(const char *text, const char *key);

void vh_host_bits_set(VhHostBits *bits, unsigned i);
unsigned vh_host_bits_count(const VhHostBits *bits);
/* First set bit from i on, or -1. */
int vh_host_bits_next(const VhHostBits *bits, unsigned i);
/* Appends "0-3,8". */
void vh_host_bits_format(const VhHostBits *bits, VhBuf *buf);

/* The NUMA cells that are online; on a kernel without NUMA the one cell 0 that stands for all. */
void vh_host_cells(const VhHost *host, VhHostBits *cells);
/* Processors of a cell. */
int vh_host_cell_cpus(const VhHost *host, unsigned cell, VhHostBits *cpus);
/* Total and free KiB of a cell. */
int vh_host_cell_memory(const VhHost *host, unsigned cell, uint64_t *total, uint64_t *free_kib);

/* Sizes in KiB of the pages that exist, smallest (the system's) first. Returns their number. */
unsigned vh_host_page_sizes(const VhHost *host, unsigned sizes[VH_HOST_PAGE_SIZES_MAX]);
/* Total and free pages of a size in a cell; -ENOENT if there are none of that size. */
int vh_host_cell_pages(const VhHost *host, unsigned cell, unsigned size, uint64_t *total, uint64_t *free_pages);

/* Place of a processor: -1 where the kernel does not tell. */
typedef struct VhHostCpuPlace {
        int socket;
        int die;
        int core;
        VhHostBits siblings;
} VhHostCpuPlace;

void vh_host_cpu_place(const VhHost *host, unsigned cpu, VhHostCpuPlace *place);
void vh_host_cpu_place_done(VhHostCpuPlace *place);
