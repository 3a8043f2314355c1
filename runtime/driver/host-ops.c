/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node calls: flags, sizes, and the two steps in which old getters are asked. */

#include "driver/host-ops.h"

#include <errno.h>

#include "api.h"
#include "driver/flags.h"
#include "driver/typedparam.h"
#include "remote_protocol.h"

int vh_host_op_info(VhHost *host, remote_node_get_info_ret *ret, VhError **err)
{
        VhHostNodeInfo info;
        int r = vh_host_node_info(host, &info, err);

        if (r < 0)
                return r;
        _Static_assert(sizeof(ret->model) == sizeof(info.model), "the model fits");
        memcpy(ret->model, info.model, sizeof(ret->model));
        ret->memory = info.memory_kib;
        ret->cpus = (int)info.cpus;
        ret->mhz = (int)info.mhz;
        ret->nodes = (int)info.nodes;
        ret->sockets = (int)info.sockets;
        ret->cores = (int)info.cores;
        ret->threads = (int)info.threads;
        return 0;
}

int vh_host_op_cpu_map(VhHost *host, VhCall *call, const remote_node_get_cpu_map_args *args,
                       remote_node_get_cpu_map_ret *ret, VhError **err)
{
        VhHostBits online = { 0 };
        int n, r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virHostCPUGetMap", err);

        if (r < 0)
                return r;
        n = vh_host_cpu_map(host, &online, err);
        if (n < 0)
                return n;
        ret->ret = (int)online.n;
        if (args->need_online)
                ret->online = (unsigned)n;
        if (args->need_map) {
                ret->cpumap.len = (online.n + 7) / 8;
                ret->cpumap.val = vh_call_own(call, VH_TAKE_PTR(online.bytes));
        }
        vh_host_bits_done(&online);
        return 0;
}

/* The statistics calls: with nparams 0 only the number is asked, else it must be right. */
static int check_nparams(int nparams, int n, const char *func, VhError **err)
{
        if (nparams == n)
                return 0;
        return vh_error_plain(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "nparams in %s must be equal to %d", func, n);
}

int vh_host_op_cpu_stats(VhHost *host, VhCall *call, const remote_node_get_cpu_stats_args *args,
                         remote_node_get_cpu_stats_ret *ret, VhError **err)
{
        VhHostStat stats[VH_HOST_CPU_STATS];
        int n, r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virHostCPUGetStats", err);

        if (r < 0)
                return r;
        n = vh_host_cpu_stats(host, args->cpuNum, stats, err);
        if (n < 0)
                return n;
        ret->nparams = n;
        if (args->nparams == 0)
                return 0;
        r = check_nparams(args->nparams, n, "virHostCPUGetStatsLinux", err);
        if (r < 0)
                return r;
        ret->params.len = (uint32_t)n;
        ret->params.val = vh_call_new(call, remote_node_get_cpu_stats, (size_t)n);
        for (int i = 0; i < n; i++)
                ret->params.val[i] = (remote_node_get_cpu_stats){ (char *)stats[i].name, stats[i].value };
        return 0;
}

int vh_host_op_memory_stats(VhHost *host, VhCall *call, const remote_node_get_memory_stats_args *args,
                            remote_node_get_memory_stats_ret *ret, VhError **err)
{
        VhHostStat stats[VH_HOST_MEMORY_STATS];
        int n, r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virHostMemGetStats", err);

        if (r < 0)
                return r;
        n = vh_host_memory_stats(host, args->cellNum, stats, err);
        if (n < 0)
                return n;
        ret->nparams = n;
        if (args->nparams == 0)
                return 0;
        r = check_nparams(args->nparams, n, "virHostMemGetStatsLinux", err);
        if (r < 0)
                return r;
        ret->params.len = (uint32_t)n;
        ret->params.val = vh_call_new(call, remote_node_get_memory_stats, (size_t)n);
        for (int i = 0; i < n; i++)
                ret->params.val[i] = (remote_node_get_memory_stats){ (char *)stats[i].name, stats[i].value };
        return 0;
}

int vh_host_op_free_memory(VhHost *host, remote_node_get_free_memory_ret *ret, VhError **err)
{
        return vh_host_free_memory(host, &ret->freeMem, err);
}

int vh_host_op_cells_free_memory(VhHost *host, VhCall *call, const remote_node_get_cells_free_memory_args *args,
                                 remote_node_get_cells_free_memory_ret *ret, VhError **err)
{
        unsigned max = (unsigned)VH_MAX(args->maxcells, 0);
        int n;

        if (max > REMOTE_NODE_MAX_CELLS)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "maxcells > REMOTE_NODE_MAX_CELLS");
        ret->cells.val = vh_call_new(call, uint64_t, max);
        n = vh_host_cells_free_memory(host, args->startCell, max, ret->cells.val, err);
        if (n < 0)
                return n;
        ret->cells.len = (uint32_t)n;
        return 0;
}

int vh_host_op_free_pages(VhHost *host, VhCall *call, const remote_node_get_free_pages_args *args,
                          remote_node_get_free_pages_ret *ret, VhError **err)
{
        uint64_t room = (uint64_t)args->pages.len * args->cellCount;
        int n, r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virHostMemGetFreePages", err);

        if (r < 0)
                return r;
        if (room > REMOTE_NODE_MAX_CELLS)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR,
                                    "the result won't fit into REMOTE_NODE_MAX_CELLS");
        ret->counts.val = vh_call_new(call, uint64_t, room);
        n = vh_host_free_pages(host, args->pages.val, args->pages.len, args->startCell, args->cellCount,
                               ret->counts.val, err);
        if (n < 0)
                return n;
        ret->counts.len = (uint32_t)n;
        return 0;
}

int vh_host_op_alloc_pages(VhHost *host, const remote_node_alloc_pages_args *args, remote_node_alloc_pages_ret *ret,
                           VhError **err)
{
        int r = vh_check_flags(args->flags, VIR_NODE_ALLOC_PAGES_SET, VIR_FROM_QEMU, "qemuNodeAllocPages", err);

        if (r < 0)
                return r;
        if (args->pageCounts.len != args->pageSizes.len)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INVALID_ARG, "page sizes and counts differ in number");
        r = vh_host_alloc_pages(host, args->pageSizes.val, args->pageCounts.val, args->pageSizes.len, args->startCell,
                                args->cellCount, !(args->flags & VIR_NODE_ALLOC_PAGES_SET), err);
        if (r < 0)
                return r;
        ret->ret = r;
        return 0;
}

int vh_host_op_get_memory_parameters(VhHost *host, VhCall *call, const remote_node_get_memory_parameters_args *args,
                                     remote_node_get_memory_parameters_ret *ret, VhError **err)
{
        VhTypedList list = VH_TYPED_LIST(call);
        int r = vh_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_NONE, "virHostMemGetParameters", err);

        for (unsigned i = 0; r == 0 && i < vh_host_n_ksm_params; i++) {
                const VhHostKsmParam *p = &vh_host_ksm_params[i];
                uint64_t value = 0;

                r = vh_host_ksm_get(host, p, &value, err);
                if (r == -ENOENT)
                        r = 0;
                else if (r == 0 && p->is_u64)
                        vh_typed_add_ullong(&list, p->name, value);
                else if (r == 0)
                        vh_typed_add_uint(&list, p->name, (unsigned)value);
        }
        if (r < 0)
                return r;
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

/* Row of a parameter that may be set. */
static const VhHostKsmParam *writable_param(const char *name)
{
        for (unsigned i = 0; i < vh_host_n_ksm_params; i++)
                if (vh_host_ksm_params[i].writable && strcmp(vh_host_ksm_params[i].name, name) == 0)
                        return &vh_host_ksm_params[i];
        return NULL;
}

int vh_host_op_set_memory_parameters(VhHost *host, const remote_node_set_memory_parameters_args *args, VhError **err)
{
        static const VhTypedField fields[] = {
                { "shm_pages_to_scan", VIR_TYPED_PARAM_UINT, false },
                { "shm_sleep_millisecs", VIR_TYPED_PARAM_UINT, false },
                { "shm_merge_across_nodes", VIR_TYPED_PARAM_UINT, false },
        };
        int r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virHostMemSetParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        for (uint32_t i = 0; r == 0 && i < args->params.len; i++)
                r = vh_host_ksm_set(host, writable_param(args->params.val[i].field), args->params.val[i].value.ui, err);
        return r;
}

int vh_host_op_suspend_for_duration(const remote_node_suspend_for_duration_args *args, VhError **err)
{
        static const char *const targets[] = {
                [VIR_NODE_SUSPEND_TARGET_MEM] = "Suspend-to-RAM",
                [VIR_NODE_SUSPEND_TARGET_DISK] = "Suspend-to-Disk",
                [VIR_NODE_SUSPEND_TARGET_HYBRID] = "Hybrid-Suspend",
        };
        int r = vh_check_flags(args->flags, 0, VIR_FROM_NONE, "virNodeSuspend", err);

        if (r < 0)
                return r;
        if (args->target >= VH_ARRAY_SIZE(targets))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Invalid suspend target");
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_ARGUMENT_UNSUPPORTED, "%s", targets[args->target]);
}

int vh_host_op_security_model(VhCall *call, const VhHostSecModel *model, remote_node_get_security_model_ret *ret)
{
        /* The final NUL counts on the wire. */
        ret->model.len = (uint32_t)strlen(model->model) + 1;
        ret->model.val = (char *)model->model;
        ret->doi.len = (uint32_t)strlen(model->doi) + 1;
        ret->doi.val = (char *)model->doi;
        return 0;
}
