/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The made-up host: capabilities, CPUs, memory, security model. */

#include "testdriver/domain-ops.h"

/* One NUMA cell: CPUs are numbered on from cell to cell. */
typedef struct Cell {
        uint64_t memory_kib;
        unsigned page_kib; /* the ordinary page size */
        unsigned cpus;
} Cell;

static const Cell cells[TEST_CELLS] = { { 2097152, 4, 8 }, { 4194304, 8, 8 } };
static const unsigned page_sizes_kib[] = { 4, 8, 2048, 1048576 };
enum { HUGE_PAGES_AT = 2 };

TEST_OP_SHARED_GET(connect_get_version)
{
        ret->hv_ver = 2;
        return 0;
}

TEST_OP_SHARED(connect_get_max_vcpus)
{
        ret->max_vcpus = TEST_MAX_VCPUS;
        return 0;
}

TEST_OP_SHARED_GET(node_get_info)
{
        const TestNodeInfo *n = &test_host(call)->node;

        memcpy(ret->model, n->model, sizeof(n->model));
        ret->memory = n->memory_kib;
        ret->cpus = n->cpus;
        ret->mhz = n->mhz;
        ret->nodes = n->nodes;
        ret->sockets = n->sockets;
        ret->cores = n->cores;
        ret->threads = n->threads;
        return 0;
}

static void add_cell(VhBuf *b, unsigned id, unsigned first_cpu)
{
        const Cell *cell = &cells[id];

        vh_buf_printf(b, "        <cell id='%u'>\n          <memory unit='KiB'>%llu</memory>\n", id,
                      (unsigned long long)cell->memory_kib);
        vh_buf_printf(b, "          <pages unit='KiB' size='%u'>%llu</pages>\n", cell->page_kib,
                      (unsigned long long)(cell->memory_kib / cell->page_kib));
        for (unsigned i = HUGE_PAGES_AT; i < VH_ARRAY_SIZE(page_sizes_kib); i++)
                vh_buf_printf(b, "          <pages unit='KiB' size='%u'>0</pages>\n", page_sizes_kib[i]);
        vh_buf_printf(b, "          <cpus num='%u'>\n", cell->cpus);
        for (unsigned i = 0; i < cell->cpus; i++)
                vh_buf_printf(b, "            <cpu id='%u' socket_id='%u' die_id='0' core_id='%u' siblings='%u'/>\n",
                              first_cpu + i, id, i, first_cpu + i);
        vh_buf_adds(b, "          </cpus>\n        </cell>\n");
}

static void add_guest(VhBuf *b, const char *os_type)
{
        vh_buf_printf(b,
                      "  <guest>\n    <os_type>%s</os_type>\n    <arch name='i686'>\n      <wordsize>32</wordsize>\n"
                      "      <emulator>/usr/bin/test-hv</emulator>\n      <domain type='test'/>\n    </arch>\n"
                      "    <features>\n      <pae/>\n      <nonpae/>\n    </features>\n  </guest>\n\n",
                      os_type);
}

static void add_host(VhBuf *b, const TestHost *host)
{
        unsigned cpu = 0;

        vh_buf_adds(
                b, "  <host>\n    <cpu>\n      <arch>i686</arch>\n      <features>\n        <pae/>\n        <nonpae/>\n"
                   "      </features>\n");
        for (unsigned i = 0; i < VH_ARRAY_SIZE(page_sizes_kib); i++)
                vh_buf_printf(b, "      <pages unit='KiB' size='%u'/>\n", page_sizes_kib[i]);
        vh_buf_adds(b, "    </cpu>\n    <power_management/>\n    <iommu support='no'/>\n    <topology>\n");
        vh_buf_printf(b, "      <cells num='%u'>\n", host->n_cells);
        for (unsigned i = 0; i < host->n_cells; i++) {
                add_cell(b, i, cpu);
                cpu += cells[i].cpus;
        }
        vh_buf_adds(b, "      </cells>\n    </topology>\n    <secmodel>\n      <model>testSecurity</model>\n"
                       "      <doi></doi>\n    </secmodel>\n  </host>\n\n");
}

TEST_OP_SHARED_GET(connect_get_capabilities)
{
        VhBuf b = {};

        vh_buf_adds(&b, "<capabilities>\n\n");
        add_host(&b, test_host(call));
        add_guest(&b, "hvm");
        add_guest(&b, "xen");
        vh_buf_adds(&b, "</capabilities>\n");
        ret->capabilities = vh_call_own(call, vh_buf_take(&b));
        return 0;
}

TEST_OP_SHARED(connect_get_sysinfo)
{
        int r = test_check_flags(args->flags, 0, "testConnectGetSysinfo", err);

        if (r == 0)
                ret->sysinfo = (char *)"<sysinfo type='smbios'>\n  <bios>\n    <entry name='vendor'>LENOVO</entry>\n"
                                       "    <entry name='version'>G4ETA1WW (2.61 )</entry>\n"
                                       "    <entry name='date'>05/07/2014</entry>\n"
                                       "    <entry name='release'>2.61</entry>\n  </bios>\n</sysinfo>\n";
        return r;
}

#define MODEL "testSecurity"

TEST_OP_SHARED_GET(node_get_security_model)
{
        ret->model.len = sizeof(MODEL);
        ret->model.val = (char *)MODEL;
        ret->doi.len = 1;
        ret->doi.val = (char *)"";
        return 0;
}

TEST_OP_SHARED_GET(node_get_free_memory)
{
        ret->freeMem = 0;
        for (unsigned i = 0; i < test_host(call)->n_cells; i++)
                ret->freeMem += cells[i].memory_kib / 2;
        return 0;
}

TEST_OP_SHARED(node_get_cells_free_memory)
{
        unsigned n_cells = test_host(call)->n_cells;
        unsigned end;

        if (args->startCell < 0 || (unsigned)args->startCell >= n_cells)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "Range exceeds available cells");
        end = VH_MIN((unsigned)args->startCell + (unsigned)VH_MAX(args->maxcells, 0), n_cells);
        ret->cells.len = end - (unsigned)args->startCell;
        ret->cells.val = vh_call_new(call, uint64_t, ret->cells.len);
        for (uint32_t i = 0; i < ret->cells.len; i++)
                ret->cells.val[i] = cells[(unsigned)args->startCell + i].memory_kib;
        return 0;
}

/* Numbers without meaning, different for each place in the answer. */
TEST_OP_SHARED(node_get_free_pages)
{
        uint64_t count = 6, total = (uint64_t)args->pages.len * args->cellCount;
        int r = test_check_flags(args->flags, 0, "testNodeGetFreePages", err);

        if (r < 0)
                return r;
        if (args->startCell < 0 || (uint64_t)args->startCell + args->cellCount > test_host(call)->n_cells)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "Range exceeds available cells");
        if (total > REMOTE_NODE_MAX_CELLS)
                return vh_error_plain(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                      "the result does not fit into a reply");
        ret->counts.len = (uint32_t)total;
        ret->counts.val = vh_call_new(call, uint64_t, total);
        for (uint32_t i = 0; i < total; i++) {
                if (i % args->pages.len == 0)
                        count = 6;
                count = count * 2 + 7;
                ret->counts.val[i] = count;
        }
        return 0;
}

static const remote_node_get_cpu_stats cpu_stats[] = {
        { (char *)VIR_NODE_CPU_STATS_USER, UINT64_C(9797400000) },
        { (char *)VIR_NODE_CPU_STATS_KERNEL, UINT64_C(34678723400000) },
        { (char *)VIR_NODE_CPU_STATS_IDLE, UINT64_C(87264900000) },
        { (char *)VIR_NODE_CPU_STATS_IOWAIT, UINT64_C(763600000) },
};

TEST_OP_SHARED(node_get_cpu_stats)
{
        int r = test_check_flags(args->flags, 0, "testNodeGetCPUStats", err);

        if (r < 0)
                return r;
        ret->nparams = VH_ARRAY_SIZE(cpu_stats);
        if (args->nparams) {
                ret->params.len = VH_MIN((uint32_t)VH_MAX(args->nparams, 0), (uint32_t)VH_ARRAY_SIZE(cpu_stats));
                ret->params.val = vh_arena_memdup(&call->arena, cpu_stats, sizeof(cpu_stats));
        }
        return 0;
}

/* Every second of the first CPUs is online. */
enum { ONLINE_CPUS = 3, CPU_MAP = 0x15 };

TEST_OP_SHARED(node_get_cpu_map)
{
        int r = test_check_flags(args->flags, 0, "testNodeGetCPUMap", err);

        if (r < 0)
                return r;
        ret->ret = TEST_CPUMAP_CPUS;
        ret->online = args->need_online ? ONLINE_CPUS : 0;
        if (args->need_map) {
                ret->cpumap.len = TEST_CPUMAP_CPUS / 8;
                ret->cpumap.val = vh_call_new(call, uint8_t, ret->cpumap.len);
                ret->cpumap.val[0] = CPU_MAP;
        }
        return 0;
}
