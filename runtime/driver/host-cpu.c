/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processors: how many, where, and what they spent their time with. */

#include "driver/host-private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

static int read_small_int(const VhHost *host, unsigned cpu, const char *file)
{
        uint64_t v;

        if (vh_host_read_u64(host, &v, "sys/devices/system/cpu/cpu%u/topology/%s", cpu, file) < 0 || v > INT32_MAX)
                return -1;
        return (int)v;
}

void vh_host_cpu_place(const VhHost *host, unsigned cpu, VhHostCpuPlace *place)
{
        place->socket = read_small_int(host, cpu, "physical_package_id");
        place->die = read_small_int(host, cpu, "die_id");
        place->core = read_small_int(host, cpu, "core_id");
        if (vh_host_read_bits(host, &place->siblings, "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
                              cpu) < 0)
                vh_host_bits_set(&place->siblings, cpu);
}

void vh_host_cpu_place_done(VhHostCpuPlace *place)
{
        vh_host_bits_done(&place->siblings);
}

int vh_host_cell_cpus(const VhHost *host, unsigned cell, VhHostBits *cpus)
{
        int r = vh_host_read_bits(host, cpus, "sys/devices/system/node/node%u/cpulist", cell);

        return r == -ENOENT && cell == 0 ? vh_host_read_bits(host, cpus, "sys/devices/system/cpu/present") : r;
}

/* What one cell has at most. */
typedef struct Shape {
        unsigned sockets;
        unsigned cores;   /* of the fullest socket */
        unsigned threads; /* of the fullest core */
} Shape;

static int compare_u64(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* keys: socket in the upper half, core in the lower, one for each processor. */
static void measure(uint64_t *keys, unsigned n, Shape *shape)
{
        unsigned cores = 0, threads = 0;

        qsort(keys, n, sizeof(*keys), compare_u64);
        for (unsigned i = 0; i < n; i++) {
                bool new_socket = i == 0 || keys[i] >> 32 != keys[i - 1] >> 32;
                bool new_core = i == 0 || keys[i] != keys[i - 1];

                shape->sockets += new_socket;
                cores = new_socket ? 1 : cores + new_core;
                threads = new_core ? 1 : threads + 1;
                shape->cores = VH_MAX(shape->cores, cores);
                shape->threads = VH_MAX(shape->threads, threads);
        }
}

/* Of one cell: its shape, and the numbers of its processors online and offline. */
static void cell_shape(const VhHost *host, unsigned cell, const VhHostBits *online, Shape *shape, unsigned *on,
                       unsigned *off)
{
        VhHostBits cpus = { 0 };
        _vh_free_ uint64_t *keys = NULL;
        unsigned n = 0;

        if (vh_host_cell_cpus(host, cell, &cpus) < 0)
                return;
        keys = vh_new(uint64_t, cpus.n);
        for (int cpu = vh_host_bits_next(&cpus, 0); cpu >= 0; cpu = vh_host_bits_next(&cpus, (unsigned)cpu + 1)) {
                VhHostCpuPlace place = { 0 };

                if (!vh_host_bit(online, (unsigned)cpu)) {
                        ++*off;
                        continue;
                }
                vh_host_cpu_place(host, (unsigned)cpu, &place);
                keys[n++] = (uint64_t)(uint32_t)VH_MAX(place.socket, 0) << 32 |
                            (uint32_t)(place.core < 0 ? cpu : place.core);
                vh_host_cpu_place_done(&place);
        }
        *on += n;
        measure(keys, n, shape);
        vh_host_bits_done(&cpus);
}

static int read_online(const VhHost *host, VhHostBits *online, VhError **err)
{
        int r = vh_host_read_bits(host, online, "sys/devices/system/cpu/online");

        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "cannot read '%s'", "/sys/devices/system/cpu/online") : 0;
}

static void fill_topology(const VhHost *host, const VhHostBits *online, VhHostNodeInfo *info)
{
        VhHostBits cells = { 0 };
        unsigned off = 0;

        vh_host_cells(host, &cells);
        for (int cell = vh_host_bits_next(&cells, 0); cell >= 0; cell = vh_host_bits_next(&cells, (unsigned)cell + 1)) {
                Shape shape = { 0 };

                cell_shape(host, (unsigned)cell, online, &shape, &info->cpus, &off);
                info->nodes++;
                info->sockets = VH_MAX(info->sockets, shape.sockets);
                info->cores = VH_MAX(info->cores, shape.cores);
                info->threads = VH_MAX(info->threads, shape.threads);
        }
        vh_host_bits_done(&cells);
        /* The four numbers multiply to the processors for those who want to know what could exist. A machine that is
         * not that regular is shown flat. */
        if (info->nodes * info->sockets * info->cores * info->threads != info->cpus + off) {
                info->nodes = info->sockets = info->threads = 1;
                info->cores = info->cpus + off;
        }
}

int vh_host_node_info(VhHost *host, VhHostNodeInfo *info, VhError **err)
{
        _vh_free_ char *cpuinfo = NULL;
        VhHostBits online = { 0 };
        struct utsname uts;
        VhHostStat memory[VH_HOST_MEMORY_STATS];
        int r;

        memset(info, 0, sizeof(*info));
        r = read_online(host, &online, err);
        if (r == 0)
                r = vh_host_memory_stats(host, VH_HOST_ALL_CELLS, memory, err);
        if (r < 0)
                return r;
        uname(&uts);
        snprintf(info->model, sizeof(info->model), "%.*s", (int)sizeof(info->model) - 1, uts.machine);
        info->memory_kib = memory[0].value;
        if (vh_host_read(host, &cpuinfo, "proc/cpuinfo") == 0)
                info->mhz = (unsigned)vh_host_field_u64(cpuinfo, "cpu MHz");
        fill_topology(host, &online, info);
        vh_host_bits_done(&online);
        return 0;
}

int vh_host_cpu_map(VhHost *host, VhHostBits *online, VhError **err)
{
        VhHostBits present = { 0 };
        unsigned bytes;
        int r = read_online(host, online, err);

        if (r < 0)
                return r;
        if (vh_host_read_bits(host, &present, "sys/devices/system/cpu/present") == 0 && present.n > online->n) {
                bytes = (online->n + 7) / 8;
                online->bytes = vh_xrealloc(online->bytes, (present.n + 7) / 8, 1);
                memset(online->bytes + bytes, 0, (present.n + 7) / 8 - bytes);
                online->n = present.n;
        }
        vh_host_bits_done(&present);
        return (int)vh_host_bits_count(online);
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
        return ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
}

int vh_host_cpu_stats(VhHost *host, int cpu, VhHostStat stats[VH_HOST_CPU_STATS], VhError **err)
{
        _vh_free_ char *text = NULL;
        char key[16] = "cpu";
        unsigned long long user, nice, kernel, idle, iowait, irq, softirq;
        const char *line;
        int r = vh_host_read(host, &text, "proc/stat");

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "cannot open '%s'", "/proc/stat");
        if (cpu != VH_HOST_ALL_CPUS)
                snprintf(key, sizeof(key), "cpu%u", (unsigned)cpu);
        line = vh_host_field(text, key);
        if (!line || sscanf(line, "%llu %llu %llu %llu %llu %llu %llu", &user, &nice, &kernel, &idle, &iowait, &irq,
                            &softirq) != 7)
                return vh_error_plain(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Invalid cpuNum in %s",
                                      "virHostCPUGetStatsLinux");
        stats[0] = (VhHostStat){ "kernel", ticks_to_ns(kernel + irq + softirq) };
        stats[1] = (VhHostStat){ "user", ticks_to_ns(user + nice) };
        stats[2] = (VhHostStat){ "idle", ticks_to_ns(idle) };
        stats[3] = (VhHostStat){ "iowait", ticks_to_ns(iowait) };
        return VH_HOST_CPU_STATS;
}
