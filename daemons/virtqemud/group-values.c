/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a definition says of processors, memory, block I/O and NUMA nodes, written into the guest's groups. */

#include "group.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "machine.h"
#include "model/domain-tune.h"

enum {
        PERIOD_DEFAULT = 100000, /* microseconds, the kernel's own */
        NAME_SIZE = 32,          /* of a sub-group */
        KIB = 1024,
        SHARES_MIN = 2,
        SHARES_MAX = 262144,
        WEIGHT_MIN = 1,
        WEIGHT_MAX = 10000,
};

static const VhCputune *cputune(const VhDomainDef *def)
{
        static const VhCputune none;

        return def->cputune ? def->cputune : &none;
}

/* ---- processor time ---- */

/* Nothing is written where nothing was ever asked for. */
static int write_quota(const QemuCgroup *group, const char *sub, uint64_t period, VhOptInt64 quota, VhError **err)
{
        uint64_t p = period ? period : PERIOD_DEFAULT;

        if (!period && !quota.set)
                return 0;
        if (quota.set && quota.val > 0)
                return qemu_cgroup_writef(group, err, sub, "cpu.max", "%" PRId64 " %" PRIu64, quota.val, p);
        return qemu_cgroup_writef(group, err, sub, "cpu.max", "max %" PRIu64, p);
}

static int write_shares(const QemuProcess *proc, uint64_t shares, VhError **err)
{
        if (shares < SHARES_MIN || shares > SHARES_MAX)
                return vh_error_set(err, VIR_FROM_CGROUP, VIR_ERR_INVALID_ARG,
                                    "shares '%" PRIu64 "' must be in range [%d, %d]", shares, SHARES_MIN, SHARES_MAX);
        if (!proc->group->unit)
                return qemu_cgroup_writef(proc->group, err, NULL, "cpu.weight", "%" PRIu64, shares);
        qemu_machine_set(proc->driver->machines, proc->group->unit, "CPUWeight", shares);
        return 0;
}

/* As clients know "no limit", microseconds. */
#define QUOTA_UNLIMITED 17592186044415

static void fill_limit(uint64_t *period, VhOptInt64 *quota)
{
        if (!*period)
                *period = PERIOD_DEFAULT;
        if (!quota->set || quota->val <= 0)
                *quota = (VhOptInt64){ QUOTA_UNLIMITED, true };
}

VhCputune qemu_group_read_cpu(const QemuProcess *proc, const VhDomainDef *def)
{
        const VhCputune *tune = cputune(def);
        _vh_free_ char *weight = NULL;
        VhCputune now = {
                .period = tune->period,
                .quota = tune->quota,
                .emulator_period = tune->emulator_period,
                .emulator_quota = tune->emulator_quota,
                .global_period = tune->global_period,
                .global_quota = tune->global_quota,
                .iothread_period = tune->iothread_period,
                .iothread_quota = tune->iothread_quota,
        };

        if (qemu_cgroup_read(proc->group, NULL, "cpu.weight", &weight, NULL) == 0)
                (void)vh_parse_u64(weight, 10, &now.shares.val);
        fill_limit(&now.period, &now.quota);
        fill_limit(&now.emulator_period, &now.emulator_quota);
        fill_limit(&now.global_period, &now.global_quota);
        fill_limit(&now.iothread_period, &now.iothread_quota);
        return now;
}

/* ---- which processors ---- */

static const VhVcpupin *find_pin(VhVcpupin *const *items, uint32_t n, unsigned id)
{
        for (uint32_t i = 0; i < n; i++)
                if (items[i]->vcpu == id)
                        return items[i];
        return NULL;
}

/* What a thread has for itself. */
typedef struct Thread {
        const char *kind; /* "vcpu", "iothread", "emulator" */
        unsigned id;
        pid_t tid;
} Thread;

static const VhCpuset *cpus_of(const VhDomainDef *def, const Thread *t)
{
        const VhCputune *tune = cputune(def);
        const VhVcpupin *pin = tune->emulatorpin;

        if (strcmp(t->kind, "vcpu") == 0)
                pin = find_pin(tune->vcpupins.items, tune->vcpupins.n, t->id);
        else if (strcmp(t->kind, "iothread") == 0)
                pin = find_pin(tune->iothreadpins.items, tune->iothreadpins.n, t->id);
        return pin ? pin->cpuset : def->vcpu_cpuset;
}

static void thread_name(const Thread *t, char name[NAME_SIZE])
{
        if (strcmp(t->kind, "emulator") == 0)
                snprintf(name, NAME_SIZE, "emulator");
        else
                snprintf(name, NAME_SIZE, "%s%u", t->kind, t->id);
}

static int write_cpus(const QemuCgroup *group, const char *sub, const VhCpuset *cpus, VhError **err)
{
        _vh_free_ char *text = NULL;
        VhBuf b = { 0 };

        vh_cpuset_format(cpus, &b);
        text = vh_buf_take(&b);
        return qemu_cgroup_write(group, sub, "cpuset.cpus", text, err);
}

static int set_affinity(pid_t tid, const VhCpuset *cpus, VhError **err)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (vh_cpuset_has(cpus, (unsigned)i))
                        CPU_SET(i, &set);
        if (sched_setaffinity(tid, sizeof(set), &set) == 0)
                return 0;
        return vh_error_sys(err, VIR_FROM_NONE, errno, "cannot set CPU affinity on process %d", (int)tid);
}

static int place_thread(const QemuProcess *proc, const VhDomainDef *def, const Thread *t, VhError **err)
{
        const VhCpuset *cpus = cpus_of(def, t);
        char name[NAME_SIZE];
        int r = 0;

        thread_name(t, name);
        if (!cpus)
                return 0;
        if (qemu_cgroup_has(proc->group, QEMU_CG_CPUSET))
                r = write_cpus(proc->group, name, cpus, err);
        return r < 0 ? r : set_affinity(t->tid, cpus, err);
}

static int limit_thread(const QemuProcess *proc, const VhDomainDef *def, const Thread *t, VhError **err)
{
        const VhCputune *tune = cputune(def);
        char name[NAME_SIZE];

        if (!qemu_cgroup_has(proc->group, QEMU_CG_CPU))
                return 0;
        thread_name(t, name);
        if (strcmp(t->kind, "vcpu") == 0)
                return write_quota(proc->group, name, tune->period, tune->quota, err);
        if (strcmp(t->kind, "iothread") == 0)
                return write_quota(proc->group, name, tune->iothread_period, tune->iothread_quota, err);
        return write_quota(proc->group, name, tune->emulator_period, tune->emulator_quota, err);
}

static int apply_thread(const QemuProcess *proc, const VhDomainDef *def, const Thread *t, VhError **err)
{
        int r = limit_thread(proc, def, t, err);

        return r < 0 ? r : place_thread(proc, def, t, err);
}

/* ---- NUMA ---- */

enum { MODE_STRICT = 1, MODE_RESTRICTIVE = 4 }; /* words of numatune */

static int write_nodes(const QemuCgroup *group, const char *sub, const VhDomainDef *def, VhError **err)
{
        const VhNumatune *tune = def->numatune;
        _vh_free_ char *text = NULL;
        VhBuf b = { 0 };

        if (!tune || !tune->nodeset || !qemu_cgroup_has(group, QEMU_CG_CPUSET) ||
            (tune->mode && tune->mode != MODE_STRICT && tune->mode != MODE_RESTRICTIVE))
                return 0;
        vh_cpuset_format(tune->nodeset, &b);
        text = vh_buf_take(&b);
        return qemu_cgroup_write(group, sub, "cpuset.mems", text, err);
}

int qemu_group_apply_numa(QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        char name[NAME_SIZE];
        int r = write_nodes(proc->group, "emulator", def, err);

        for (size_t i = 0; r == 0 && i < proc->n_vcpus; i++) {
                snprintf(name, sizeof(name), "vcpu%zu", i);
                r = proc->vcpus[i].tid ? write_nodes(proc->group, name, def, err) : 0;
        }
        for (size_t i = 0; r == 0 && i < proc->n_iothread_tids; i++) {
                snprintf(name, sizeof(name), "iothread%u", proc->iothread_tids[i].id);
                r = write_nodes(proc->group, name, def, err);
        }
        return r;
}

/* ---- all of the processors' part ---- */

static int apply_threads(QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        const Thread emulator = { "emulator", 0, proc->pid };
        int r = apply_thread(proc, def, &emulator, err);

        for (size_t i = 0; r == 0 && i < proc->n_vcpus; i++) {
                const Thread t = { "vcpu", (unsigned)i, proc->vcpus[i].tid };

                r = t.tid ? apply_thread(proc, def, &t, err) : 0;
        }
        for (size_t i = 0; r == 0 && i < proc->n_iothread_tids; i++) {
                const Thread t = { "iothread", proc->iothread_tids[i].id, proc->iothread_tids[i].tid };

                r = apply_thread(proc, def, &t, err);
        }
        return r;
}

int qemu_group_apply_cpu(QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        const VhCputune *tune = cputune(def);
        int r = 0;

        if (qemu_cgroup_has(proc->group, QEMU_CG_CPU)) {
                if (tune->shares.set)
                        r = write_shares(proc, tune->shares.val, err);
                if (r == 0)
                        r = write_quota(proc->group, "", tune->global_period, tune->global_quota, err);
        }
        return r < 0 ? r : apply_threads(proc, def, err);
}

int qemu_group_add_thread(QemuProcess *proc, const VhDomainDef *def, const char *kind, unsigned id, pid_t tid,
                          VhError **err)
{
        const Thread t = { kind, id, tid };
        char name[NAME_SIZE];
        int r = 0;

        thread_name(&t, name);
        if (proc->group)
                r = qemu_cgroup_add_thread(proc->group, name, tid, err);
        if (r == 0 && proc->group)
                r = write_nodes(proc->group, name, def, err);
        return r < 0 ? r : apply_thread(proc, def, &t, err);
}

/* ---- memory ---- */

static int write_bytes(const QemuCgroup *group, const char *file, uint64_t kib, VhError **err)
{
        return kib ? qemu_cgroup_writef(group, err, "", file, "%" PRIu64, kib * KIB)
                   : qemu_cgroup_write(group, "", file, "max", err);
}

int qemu_group_apply_memory(QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        const VhMemtune *tune = def->memtune;
        int r;

        if (!tune || !qemu_cgroup_has(proc->group, QEMU_CG_MEMORY))
                return 0;
        r = write_bytes(proc->group, "memory.max", tune->hard_limit, err);
        if (r == 0)
                r = write_bytes(proc->group, "memory.high", tune->soft_limit, err);
        if (r == 0 && tune->swap_hard_limit)
                r = write_bytes(proc->group, "memory.swap.max", tune->swap_hard_limit, err);
        return r;
}

/* ---- block I/O ---- */

static int device_number(const char *path, char text[NAME_SIZE], VhError **err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return vh_error_sys(err, VIR_FROM_CGROUP, errno, "Path '%s' is not accessible", path);
        if (!S_ISBLK(st.st_mode))
                return vh_error_sys(err, VIR_FROM_CGROUP, EINVAL, "Path '%s' must be a block device", path);
        snprintf(text, NAME_SIZE, "%u:%u", major(st.st_rdev), minor(st.st_rdev));
        return 0;
}

/* " rbps=N", or none of it. */
static void add_limit(VhBuf *b, const char *key, uint64_t value)
{
        if (value)
                vh_buf_printf(b, " %s=%" PRIu64, key, value);
        else
                vh_buf_printf(b, " %s=max", key);
}

static int apply_device(const QemuCgroup *group, const VhBlkiotuneDevice *dev, VhError **err)
{
        _vh_free_ char *limits = NULL;
        char number[NAME_SIZE];
        VhBuf b = { 0 };
        int r = device_number(dev->path, number, err);

        if (r < 0)
                return r;
        vh_buf_adds(&b, number);
        add_limit(&b, "rbps", dev->read_bytes);
        add_limit(&b, "wbps", dev->write_bytes);
        add_limit(&b, "riops", dev->read_iops);
        add_limit(&b, "wiops", dev->write_iops);
        limits = vh_buf_take(&b);
        r = qemu_cgroup_write(group, "", "io.max", limits, err);
        if (r == 0 && dev->weight)
                r = qemu_cgroup_writef(group, err, "", "io.weight", "%s %u", number, dev->weight);
        return r;
}

unsigned qemu_group_read_weight(const QemuProcess *proc)
{
        _vh_free_ char *text = NULL;
        unsigned weight = 0;

        if (!proc->group || !qemu_cgroup_has(proc->group, QEMU_CG_IO) ||
            qemu_cgroup_read(proc->group, NULL, "io.weight", &text, NULL) < 0 ||
            sscanf(text, "default %u", &weight) != 1)
                return 0;
        return weight;
}

static int write_weight(const QemuProcess *proc, unsigned weight, VhError **err)
{
        if (weight < WEIGHT_MIN || weight > WEIGHT_MAX)
                return vh_error_set(err, VIR_FROM_CGROUP, VIR_ERR_INVALID_ARG, "weight '%u' must be in range [%d, %d]",
                                    weight, WEIGHT_MIN, WEIGHT_MAX);
        if (!proc->group->unit)
                return qemu_cgroup_writef(proc->group, err, NULL, "io.weight", "default %u", weight);
        qemu_machine_set(proc->driver->machines, proc->group->unit, "IOWeight", weight);
        return 0;
}

int qemu_group_apply_io(QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        const VhBlkiotune *tune = def->blkiotune;
        int r = 0;

        if (!tune || !qemu_cgroup_has(proc->group, QEMU_CG_IO))
                return 0;
        if (tune->weight)
                r = write_weight(proc, tune->weight, err);
        for (uint32_t i = 0; r == 0 && i < tune->devices.n; i++)
                r = apply_device(proc->group, tune->devices.items[i], err);
        return r;
}
