/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory of the whole machine and of its NUMA cells, pages of all sizes, same-page merging. */

#include "driver/host-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

void vh_host_cells(const VhHost *host, VhHostBits *cells)
{
        if (vh_host_read_bits(host, cells, "sys/devices/system/node/online") < 0 || cells->n == 0)
                vh_host_bits_set(cells, 0);
}

static int read_meminfo(const VhHost *host, char **text, VhError **err)
{
        int r = vh_host_read(host, text, "proc/meminfo");

        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "cannot open '%s'", "/proc/meminfo") : 0;
}

/* Lines begin with "Node 0 ". */
static uint64_t cell_field(const char *text, unsigned cell, const char *name)
{
        char key[64];

        snprintf(key, sizeof(key), "Node %u %s", cell, name);
        return vh_host_field_u64(text, key);
}

int vh_host_cell_memory(const VhHost *host, unsigned cell, uint64_t *total, uint64_t *free_kib)
{
        _vh_free_ char *text = NULL;
        int r = vh_host_read(host, &text, "sys/devices/system/node/node%u/meminfo", cell);

        if (r == 0) {
                *total = cell_field(text, cell, "MemTotal");
                *free_kib = cell_field(text, cell, "MemFree");
        } else if (r == -ENOENT && cell == 0 && !vh_host_exists(host, "sys/devices/system/node/online")) {
                r = vh_host_read(host, &text, "proc/meminfo");
                if (r == 0) {
                        *total = vh_host_field_u64(text, "MemTotal");
                        *free_kib = vh_host_field_u64(text, "MemFree");
                }
        }
        return r;
}

static int last_cell(const VhHost *host)
{
        VhHostBits cells = { 0 };
        int last;

        vh_host_cells(host, &cells);
        last = (int)cells.n - 1;
        vh_host_bits_done(&cells);
        return last;
}

static int one_cell_stats(const VhHost *host, int cell, VhHostStat *stats, VhError **err)
{
        int r, last = last_cell(host);

        if (cell < 0 || cell > last)
                return vh_error_plain(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                      "cellNum in %s must be less than or equal to %d", "virHostMemGetStats", last);
        stats[0].name = "total";
        stats[1].name = "free";
        r = vh_host_cell_memory(host, (unsigned)cell, &stats[0].value, &stats[1].value);
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "cannot read memory of NUMA node %d", cell) : 2;
}

int vh_host_memory_stats(VhHost *host, int cell, VhHostStat stats[VH_HOST_MEMORY_STATS], VhError **err)
{
        static const struct {
                const char *name;
                const char *key;
        } rows[VH_HOST_MEMORY_STATS] = {
                { "total", "MemTotal" },
                { "free", "MemFree" },
                { "buffers", "Buffers" },
                { "cached", "Cached" },
        };
        _vh_free_ char *text = NULL;
        int r;

        if (cell != VH_HOST_ALL_CELLS)
                return one_cell_stats(host, cell, stats, err);
        r = read_meminfo(host, &text, err);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < VH_HOST_MEMORY_STATS; i++)
                stats[i] = (VhHostStat){ rows[i].name, vh_host_field_u64(text, rows[i].key) };
        return VH_HOST_MEMORY_STATS;
}

int vh_host_free_memory(VhHost *host, uint64_t *bytes, VhError **err)
{
        _vh_free_ char *text = NULL;
        int r = read_meminfo(host, &text, err);

        if (r == 0)
                *bytes = vh_host_field_u64(text, "MemFree") * 1024;
        return r;
}

/* Cells first to first + n - 1, as far as they exist: -1 from then on. */
static int check_cells(const VhHost *host, int first, unsigned n, int *end, VhError **err)
{
        int last = last_cell(host);

        if (first > last)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, "start cell %d out of range (0-%d)",
                                    first, last);
        *end = n > (unsigned)(last + 1 - first) ? last + 1 : first + (int)n;
        return 0;
}

int vh_host_cells_free_memory(VhHost *host, int first, unsigned max, uint64_t *bytes, VhError **err)
{
        int end = 0, n = 0, r = check_cells(host, first, max, &end, err);

        if (r < 0)
                return r;
        for (int cell = first; cell < end; cell++, n++) {
                uint64_t total, free_kib = 0;

                /* A hole in the numbering counts as a cell without memory. */
                if (cell >= 0 && vh_host_cell_memory(host, (unsigned)cell, &total, &free_kib) < 0)
                        free_kib = 0;
                bytes[n] = free_kib * 1024;
        }
        return n;
}

static int compare_uint(const void *a, const void *b)
{
        unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

        return x < y ? -1 : x > y;
}

unsigned vh_host_page_sizes(const VhHost *host, unsigned sizes[VH_HOST_PAGE_SIZES_MAX])
{
        int fd = openat(host->rootfd, "sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        unsigned n = 0;

        sizes[n++] = (unsigned)sysconf(_SC_PAGESIZE) / 1024;
        while (dir && n < VH_HOST_PAGE_SIZES_MAX && (e = readdir(dir)))
                if (sscanf(e->d_name, "hugepages-%ukB", &sizes[n]) == 1)
                        n++;
        if (dir)
                closedir(dir);
        else
                vh_closep(&fd);
        qsort(sizes, n, sizeof(*sizes), compare_uint);
        return n;
}

static int huge_pages(const VhHost *host, unsigned cell, unsigned size, uint64_t *total, uint64_t *free_pages)
{
        int r = vh_host_read_u64(host, total, "sys/devices/system/node/node%u/hugepages/hugepages-%ukB/nr_hugepages",
                                 cell, size);

        return r < 0 ? r
                     : vh_host_read_u64(host, free_pages,
                                        "sys/devices/system/node/node%u/hugepages/hugepages-%ukB/free_hugepages", cell,
                                        size);
}

/* System pages are what the pools of huge ones leave. */
static int system_pages(const VhHost *host, unsigned cell, unsigned size, uint64_t *total, uint64_t *free_pages)
{
        unsigned sizes[VH_HOST_PAGE_SIZES_MAX], n = vh_host_page_sizes(host, sizes);
        uint64_t huge = 0, pages, unused;
        int r = vh_host_cell_memory(host, cell, total, free_pages);

        for (unsigned i = 0; i < n; i++)
                if (sizes[i] != size && huge_pages(host, cell, sizes[i], &pages, &unused) == 0)
                        huge += pages * sizes[i];
        if (r < 0)
                return r;
        *total = (*total - VH_MIN(huge, *total)) / size;
        *free_pages /= size;
        return 0;
}

int vh_host_cell_pages(const VhHost *host, unsigned cell, unsigned size, uint64_t *total, uint64_t *free_pages)
{
        return size == (unsigned)sysconf(_SC_PAGESIZE) / 1024 ? system_pages(host, cell, size, total, free_pages)
                                                              : huge_pages(host, cell, size, total, free_pages);
}

/* Cell -1 stands for the whole machine. */
static int all_pages(const VhHost *host, unsigned size, uint64_t *free_pages)
{
        VhHostBits cells = { 0 };
        uint64_t total, n;
        int r = 0;

        *free_pages = 0;
        vh_host_cells(host, &cells);
        for (int cell = vh_host_bits_next(&cells, 0); r == 0 && cell >= 0;
             cell = vh_host_bits_next(&cells, (unsigned)cell + 1)) {
                r = vh_host_cell_pages(host, (unsigned)cell, size, &total, &n);
                *free_pages += r == 0 ? n : 0;
        }
        vh_host_bits_done(&cells);
        return r;
}

static int free_pages_of(const VhHost *host, int cell, unsigned size, uint64_t *count, VhError **err)
{
        uint64_t total;
        int r;

        if (cell < VH_HOST_ALL_CELLS)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED, "NUMA node %d is not available",
                                    cell);
        r = cell == VH_HOST_ALL_CELLS ? all_pages(host, size, count)
                                      : vh_host_cell_pages(host, (unsigned)cell, size, &total, count);
        if (r < 0 && cell == VH_HOST_ALL_CELLS)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED, "page size %u is not available",
                                    size);
        if (r < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED,
                                    "page size %u is not available on node %d", size, cell);
        return 0;
}

int vh_host_free_pages(VhHost *host, const unsigned *sizes, unsigned n_sizes, int first, unsigned n_cells,
                       uint64_t *counts, VhError **err)
{
        int end = 0, n = 0, r = check_cells(host, first, n_cells, &end, err);

        for (int cell = first; r == 0 && cell < end; cell++)
                for (unsigned i = 0; r == 0 && i < n_sizes; i++, n++)
                        r = free_pages_of(host, cell, sizes[i], &counts[n], err);
        return r < 0 ? r : n;
}

static int set_pool(const VhHost *host, int cell, unsigned size, uint64_t count, bool add, VhError **err)
{
        char dir[96], text[24];
        uint64_t now = 0;
        int r;

        if (size == (unsigned)sysconf(_SC_PAGESIZE) / 1024)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "system pages pool can't be modified");
        if (cell == VH_HOST_ALL_CELLS)
                snprintf(dir, sizeof(dir), "sys/kernel/mm/hugepages/hugepages-%ukB", size);
        else
                snprintf(dir, sizeof(dir), "sys/devices/system/node/node%d/hugepages/hugepages-%ukB", cell, size);
        r = vh_host_read_u64(host, &now, "%s/nr_hugepages", dir);
        if (r < 0)
                return free_pages_of(host, cell, size, &now, err);
        snprintf(text, sizeof(text), "%llu", (unsigned long long)(add ? now + count : count));
        r = vh_host_write(host, text, "%s/nr_hugepages", dir);
        if (r == 0)
                r = vh_host_read_u64(host, &now, "%s/nr_hugepages", dir);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "cannot write '/%s/nr_hugepages'", dir);
        if (strtoull(text, NULL, 10) > now)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED,
                                    "Unable to allocate %s pages. Allocated only %llu", text, (unsigned long long)now);
        return 0;
}

int vh_host_alloc_pages(VhHost *host, const unsigned *sizes, const uint64_t *counts, unsigned n_sizes, int first,
                        unsigned n_cells, bool add, VhError **err)
{
        int end = 0, n = 0, r = check_cells(host, first, n_cells, &end, err);

        for (int cell = first; r == 0 && cell < end; cell++)
                for (unsigned i = 0; r == 0 && i < n_sizes; i++, n++)
                        r = set_pool(host, cell, sizes[i], counts[i], add, err);
        return r < 0 ? r : n;
}

const VhHostKsmParam vh_host_ksm_params[] = {
        { "shm_pages_to_scan", "pages_to_scan", false, true },
        { "shm_sleep_millisecs", "sleep_millisecs", false, true },
        { "shm_pages_shared", "pages_shared", true, false },
        { "shm_pages_sharing", "pages_sharing", true, false },
        { "shm_pages_unshared", "pages_unshared", true, false },
        { "shm_pages_volatile", "pages_volatile", true, false },
        { "shm_full_scans", "full_scans", true, false },
        { "shm_merge_across_nodes", "merge_across_nodes", false, true },
};
const unsigned vh_host_n_ksm_params = VH_ARRAY_SIZE(vh_host_ksm_params);

int vh_host_ksm_get(VhHost *host, const VhHostKsmParam *param, uint64_t *value, VhError **err)
{
        int r = vh_host_read_u64(host, value, "sys/kernel/mm/ksm/%s", param->file);

        if (r < 0 && r != -ENOENT)
                return vh_error_sys(err, VIR_FROM_NONE, r, "failed to get %s", param->file);
        return r;
}

int vh_host_ksm_set(VhHost *host, const VhHostKsmParam *param, uint64_t value, VhError **err)
{
        char text[24];
        int r;

        snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
        r = vh_host_write(host, text, "sys/kernel/mm/ksm/%s", param->file);
        if (r == -ENOENT)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "Parameter '%s' is not supported by this kernel", param->file);
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "failed to set %s", param->file) : 0;
}
