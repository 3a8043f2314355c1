/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processors and memory of running guests. */

#include <errno.h>
#include <sched.h>

#include "live-stats.h"
#include "proc-stat.h"
#include "process.h"
#include "qemu-ops.h"
#include "task.h"

QEMU_OP_RET(domain_get_info)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const QemuProcess *proc;
        QemuProcStat stat;

        if (!dom)
                return -ENOENT;
        ret->state = (unsigned char)dom->state;
        ret->maxMem = dom->def->memory;
        ret->memory = dom->def->current_memory;
        ret->nrVirtCpu = (unsigned short)vh_domain_def_vcpus_current(dom->def);
        proc = qemu_process(dom);
        if (proc && proc->pid && qemu_proc_stat(proc->pid, 0, &stat) == 0)
                ret->cpuTime = stat.user + stat.system;
        return 0;
}

/* Bits of the processors that a thread may run on. */
static void fill_map(pid_t tid, uint8_t *map, int len)
{
        enum { CPUS = CPU_SETSIZE, BITS = 8 };
        cpu_set_t set;

        if (sched_getaffinity(tid, sizeof(set), &set) < 0)
                return;
        for (int i = 0; i < CPUS && i / BITS < len; i++)
                if (CPU_ISSET(i, &set))
                        map[i / BITS] |= (uint8_t)(1u << i % BITS);
}

static void fill_vcpu(const QemuProcess *proc, unsigned i, remote_vcpu_info *info)
{
        QemuProcStat stat;

        info->number = i;
        info->state = VIR_VCPU_RUNNING;
        info->cpu = -1;
        if (qemu_proc_stat(proc->pid, proc->vcpus[i].tid, &stat) < 0)
                return;
        info->cpu_time = stat.user + stat.system;
        info->cpu = stat.cpu;
}

QEMU_OP_RET(domain_get_vcpus)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const QemuProcess *proc;

        if (!dom)
                return -ENOENT;
        proc = qemu_process(dom);
        if (!proc || !vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot retrieve vcpu information for inactive domain");
        if (args->maxinfo < 0 || args->maplen < 0 ||
            (uint64_t)args->maxinfo * (uint64_t)args->maplen > REMOTE_CPUMAPS_MAX)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "too many vCPUs or bytes of maps");
        ret->info.val = vh_call_new(call, remote_vcpu_info, proc->n_vcpus);
        ret->cpumaps.len = (uint32_t)(args->maxinfo * args->maplen);
        ret->cpumaps.val = vh_call_alloc(call, ret->cpumaps.len);
        for (unsigned i = 0; i < proc->n_vcpus && ret->info.len < (uint32_t)args->maxinfo; i++) {
                if (!proc->vcpus[i].tid)
                        continue;
                fill_vcpu(proc, i, &ret->info.val[ret->info.len]);
                fill_map(proc->vcpus[i].tid, ret->cpumaps.val + ret->info.len * (uint32_t)args->maplen, args->maplen);
                ret->info.len++;
        }
        return 0;
}

QEMU_OP_RET(domain_get_control_info)
{
        enum { HALF_SECOND = 500000, USEC_PER_MSEC = 1000 };
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const QemuProcess *proc;
        uint64_t now, since;

        if (!dom || vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) < 0)
                return dom ? -EINVAL : -ENOENT;
        proc = qemu_process(dom);
        now = vh_loop_now(qemu_driver(call)->env.loop);
        since = proc->mon ? qmp_waiting_since(proc->mon) : 0;
        if (!proc->mon) {
                ret->state = VIR_DOMAIN_CONTROL_ERROR;
                ret->details = VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR;
        } else if (since && now - since > HALF_SECOND) {
                ret->state = VIR_DOMAIN_CONTROL_OCCUPIED;
                ret->stateTime = (now - since) / USEC_PER_MSEC;
        }
        return 0;
}

/* ---- memory ---- */

static const struct {
        int tag;
        const char *name; /* in QEMU's guest-stats */
        unsigned divisor;
} memory_stats[] = {
        { VIR_DOMAIN_MEMORY_STAT_SWAP_IN, "stat-swap-in", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, "stat-swap-out", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, "stat-major-faults", 1 },
        { VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, "stat-minor-faults", 1 },
        { VIR_DOMAIN_MEMORY_STAT_UNUSED, "stat-free-memory", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_AVAILABLE, "stat-total-memory", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_USABLE, "stat-available-memory", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, "stat-disk-caches", 1024 },
        { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, "stat-htlb-pgalloc", 1 },
        { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, "stat-htlb-pgfail", 1 },
};

json_t *qemu_balloon_command(const VhDomainDef *def)
{
        _vh_free_ char *path = NULL;

        if (!def->memballoon || !def->memballoon->info.alias)
                return NULL;
        path = vh_xasprintf("/machine/peripheral/%s", def->memballoon->info.alias);
        return qmp_command("qom-get", "{s:s,s:s}", "path", path, "property", "guest-stats");
}

unsigned qemu_memory_stats(VhDomainObj *dom, const json_t *guest,
                           remote_domain_memory_stat out[VIR_DOMAIN_MEMORY_STAT_NR])
{
        const json_t *stats = json_object_get(guest, "stats");
        QemuProcStat stat;
        unsigned n = 0;

        out[n++] = (remote_domain_memory_stat){ VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, dom->def->current_memory };
        for (size_t i = 0; stats && i < VH_ARRAY_SIZE(memory_stats); i++) {
                json_int_t value = json_integer_value(json_object_get(stats, memory_stats[i].name));

                /* The guest has not told: QEMU has -1, too large a number for the parser. */
                if (json_object_get(stats, memory_stats[i].name) && value >= 0 && value < QEMU_JSON_TOO_LARGE)
                        out[n++] = (remote_domain_memory_stat){ memory_stats[i].tag,
                                                                (uint64_t)value / memory_stats[i].divisor };
        }
        if (guest)
                out[n++] = (remote_domain_memory_stat){ VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE,
                                                        (uint64_t)json_integer_value(
                                                                json_object_get(guest, "last-update")) };
        if (qemu_proc_stat(qemu_process(dom)->pid, 0, &stat) == 0)
                out[n++] = (remote_domain_memory_stat){ VIR_DOMAIN_MEMORY_STAT_RSS, stat.rss };
        return n;
}

static void answer_memory_stats(QemuTask *task, const json_t *guest)
{
        remote_domain_memory_stats_ret *ret = task->call->ret;
        const remote_domain_memory_stats_args *args = task->call->args;

        ret->stats.val = vh_call_new(task->call, remote_domain_memory_stat, VIR_DOMAIN_MEMORY_STAT_NR);
        ret->stats.len = VH_MIN(qemu_memory_stats(task->dom, guest, ret->stats.val), args->maxStats);
        qemu_task_end(task, 0, NULL);
}

/* A balloon that has no statistics is no failure. */
static void got_guest_stats(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        if (!qemu_process(task->dom))
                qemu_task_end(task, r, vh_error_copy(err));
        else
                answer_memory_stats(task, ret);
}

static void memory_stats_run(QemuTask *task)
{
        json_t *cmd = qemu_balloon_command(task->dom->def);

        if (cmd)
                qemu_task_qmp_try(task, cmd, got_guest_stats);
        else
                answer_memory_stats(task, NULL);
}

static const QemuTaskClass memory_stats_class = {
        .api = "remoteDispatchDomainMemoryStats",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = memory_stats_run,
};

QEMU_OP_RET(domain_memory_stats)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainMemoryStats", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &memory_stats_class, NULL, err);
}
