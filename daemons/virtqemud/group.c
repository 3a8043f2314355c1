/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest's group from the start of its process to its end. */

#include "group.h"

#include <errno.h>

#include "base/buf.h"
#include "base/log.h"
#include "device-acl.h"
#include "helpers.h"
#include "machine.h"
#include "model/domain-tune.h"
#include "refresh.h"
#include "run-steps.h"

VH_LOG_SOURCE("qemu.group");

#define DEFAULT_PARTITION "/machine"

/* ---- settings ---- */

static unsigned all_controllers(void)
{
        return (1u << QEMU_CG_MAX) - 1;
}

/* Bits of cgroup_controllers; unset: all. */
static unsigned wanted_controllers(const QemuDriver *driver)
{
        const VhConfEntry *entry = driver->conf ? vh_conf_find(driver->conf, "cgroup_controllers") : NULL;
        unsigned bits = 0;

        if (!entry || entry->value.kind != VH_CONF_LIST)
                return all_controllers();
        for (size_t i = 0; i < entry->value.list.n; i++)
                if (entry->value.list.items[i].kind == VH_CONF_STRING)
                        bits |= qemu_controller_bit(entry->value.list.items[i].str);
        return bits;
}

static bool wants_group(const QemuDriver *driver)
{
        return driver->env.privileged && wanted_controllers(driver) && qemu_cgroup_mounted(QEMU_CGROUP_ROOT);
}

static const char *partition(const VhDomainDef *def)
{
        return def->resource && def->resource->partition ? def->resource->partition : DEFAULT_PARTITION;
}

/* "/a/b" as in "a-b.slice"; dashes of its own are escaped. The caller frees it. */
static char *slice_of(const char *path)
{
        VhBuf b = { 0 };

        while (*path == '/')
                path++;
        for (; *path; path++)
                if (*path == '/')
                        vh_buf_addc(&b, '-');
                else if (*path == '-')
                        vh_buf_adds(&b, "\\x2d");
                else
                        vh_buf_addc(&b, *path);
        vh_buf_adds(&b, ".slice");
        return vh_buf_take(&b);
}

static uint64_t max_tasks(const QemuDriver *driver)
{
        unsigned n = 0;

        if (driver->conf)
                (void)vh_conf_get_uint(driver->conf, "max_threads_per_process", &n, NULL);
        return n;
}

int qemu_group_need(const QemuProcess *proc, QemuController c, VhError **err)
{
        static const char *const words[] = {
                [QEMU_CG_CPU] = "cgroup CPU controller is not mounted",
                [QEMU_CG_CPUSET] = "cgroup cpuset controller is not mounted",
                [QEMU_CG_MEMORY] = "cgroup memory controller is not mounted",
                [QEMU_CG_IO] = "blkio cgroup isn't mounted",
                [QEMU_CG_CPUACCT] = "cgroup CPUACCT controller is not mounted",
        };

        if (qemu_cgroup_has(proc->group, c))
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "%s",
                            words[c] ? words[c] : "the control group is missing");
}

/* What the definition asks for and nobody can give. */
static int check_possible(const QemuProcess *proc, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        const VhCputune *cpu = def->cputune;
        const struct {
                bool asked;
                QemuController c;
                const char *text;
        } needs[] = {
                { cpu && (cpu->shares.set || cpu->quota.set || cpu->period || cpu->global_quota.set ||
                          cpu->global_period || cpu->emulator_quota.set || cpu->emulator_period ||
                          cpu->iothread_quota.set || cpu->iothread_period),
                  QEMU_CG_CPU, "cgroup cpu is required for scheduler tuning" },
                { def->memtune &&
                          (def->memtune->hard_limit || def->memtune->soft_limit || def->memtune->swap_hard_limit),
                  QEMU_CG_MEMORY, "Memory cgroup is not available on this host" },
                { def->blkiotune && (def->blkiotune->weight || def->blkiotune->devices.n), QEMU_CG_IO,
                  "Block I/O tuning is not available on this host" },
        };

        for (size_t i = 0; proc->driver->env.privileged && i < VH_ARRAY_SIZE(needs); i++)
                if (needs[i].asked && !qemu_cgroup_has(proc->group, needs[i].c))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s", needs[i].text);
        return 0;
}

/* ---- the start ---- */

static void join_helper(void *data, pid_t pid)
{
        const QemuProcess *proc = data;
        _vh_error_ VhError *err = NULL;
        int r = qemu_group_add_helper(proc, pid, &err);

        if (r < 0)
                vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
}

int qemu_group_add_helper(const QemuProcess *proc, pid_t pid, VhError **err)
{
        return proc->group ? qemu_cgroup_add_process(proc->group, "emulator", pid, err) : 0;
}

/* Everything that is for the process as a whole, before it is QEMU. */
static int fill(QemuProcess *proc, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r = proc->group ? qemu_cgroup_settle(proc->group, proc->pid, err) : 0;

        if (r == 0)
                r = check_possible(proc, err);
        if (r == 0)
                r = qemu_group_apply_memory(proc, def, err);
        if (r == 0)
                r = qemu_group_apply_io(proc, def, err);
        if (r == 0)
                r = qemu_group_apply_numa(proc, def, err);
        if (r == 0)
                r = qemu_group_apply_cpu(proc, def, err);
        if (r == 0)
                r = qemu_device_acl_set_up(proc, err);
        if (r == 0)
                qemu_helpers_each(proc, join_helper, proc);
        return r;
}

static int find_scope(QemuProcess *proc, bool registered, VhError **err)
{
        const VhDomainObj *dom = proc->dom;
        _vh_free_ char *name = qemu_machine_name(dom->id, dom->node.name);

        if (qemu_cgroup_find(&proc->group, QEMU_CGROUP_ROOT, proc->pid, name, wanted_controllers(proc->driver)) < 0)
                return vh_error_set(err, VIR_FROM_CGROUP, VIR_ERR_INTERNAL_ERROR,
                                    "the service manager made no scope for domain '%s'", dom->node.name);
        if (registered)
                proc->group->machine = VH_TAKE_PTR(name);
        return 0;
}

/* Without a service manager. */
static int make_folder(QemuProcess *proc, VhError **err)
{
        const VhDomainObj *dom = proc->dom;
        const VhResource *resource = dom->def->resource;
        _vh_free_ char *name = qemu_machine_name(dom->id, dom->node.name);

        return qemu_cgroup_make(&proc->group, QEMU_CGROUP_ROOT, proc->pid, resource ? resource->partition : NULL, name,
                                wanted_controllers(proc->driver), err);
}

static void made(void *data, bool registered, int r, const VhError *error)
{
        QemuProcess *proc = data;
        VhError *err = vh_error_copy(error);

        proc->machine_call = NULL;
        if (r == -ENOSYS)
                r = make_folder(proc, &err);
        else if (r == 0)
                r = find_scope(proc, registered, &err);
        if (r == 0)
                r = fill(proc, &err);
        qemu_run_step_done(proc, r, err);
}

static int forked(QemuProcess *proc, VhError **err)
{
        QemuDriver *driver = proc->driver;
        const VhDomainObj *dom = proc->dom;
        _vh_free_ char *name = NULL, *unit = NULL, *slice = NULL;
        QemuScope machine;

        if (!wants_group(driver))
                return fill(proc, err);
        if (!driver->machines)
                driver->machines = qemu_machines_new(driver->env.loop);
        name = qemu_machine_name(dom->id, dom->node.name);
        unit = qemu_cgroup_unit(name);
        slice = slice_of(partition(dom->def));
        machine = (QemuScope){ name, unit, dom->def->uuid, proc->pid, slice, max_tasks(driver) };
        proc->machine_call = qemu_machine_make(driver->machines, &machine, made, proc);
        return VH_LATER;
}

/* A group on its way out. */
struct QemuGroupEnd {
        QemuCgroup *group;
        QemuProcess *proc; /* NULL: it does not matter to it any more */
        bool awaited;
};

static void cancel(QemuProcess *proc)
{
        proc->machine_call = qemu_machine_call_free(proc->machine_call);
        if (proc->group_end)
                proc->group_end->awaited = false;
}

/* Threads are known now. */
static int started(QemuProcess *proc, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < proc->n_vcpus; i++)
                if (proc->vcpus[i].tid)
                        r = qemu_group_add_thread(proc, proc->dom->def, "vcpu", (unsigned)i, proc->vcpus[i].tid, err);
        for (size_t i = 0; r == 0 && i < proc->n_iothread_tids; i++)
                r = qemu_group_add_thread(proc, proc->dom->def, "iothread", proc->iothread_tids[i].id,
                                          proc->iothread_tids[i].tid, err);
        return r;
}

static void refreshed(void *data, int r, const VhError *error)
{
        QemuProcess *proc = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = started(proc, &err);
        if (r < 0)
                vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
        vh_error_free(err);
        if (proc->group)
                qemu_cgroup_remove_empty(proc->group);
        qemu_status_save(proc->dom);
}

void qemu_group_refresh(QemuProcess *proc)
{
        if (!proc->dom->def->iothread_list.n)
                proc->n_iothread_tids = 0; /* QEMU is not asked for them then */
        qemu_refresh(proc, refreshed, proc);
}

/* ---- the end ---- */

static int remove_group(void *data)
{
        struct QemuGroupEnd *end = data;

        qemu_cgroup_remove(end->group);
        return 0;
}

static void removed(void *data, int r)
{
        struct QemuGroupEnd *end = data;
        QemuProcess *proc = end->proc;
        bool awaited = end->awaited;

        if (proc)
                proc->group_end = NULL;
        qemu_cgroup_free(end->group);
        free(end);
        if (awaited)
                qemu_run_step_done(proc, 0, NULL);
}

static void stopped(QemuProcess *proc)
{
        QemuDriver *driver = proc->driver;
        QemuCgroup *group = VH_TAKE_PTR(proc->group);

        if (!group)
                return;
        if (group->unit) {
                if (!driver->machines)
                        driver->machines = qemu_machines_new(driver->env.loop);
                qemu_machine_end(driver->machines, group->machine, group->unit, group->machine != NULL);
        }
        proc->group_end = vh_new(struct QemuGroupEnd, 1);
        *proc->group_end = (struct QemuGroupEnd){ .group = group, .proc = proc };
        vh_pool_submit(driver->pool, remove_group, removed, proc->group_end);
}

/* The status file goes behind the group: by it a daemon that comes after us finds what was left. The service manager
 * removes its scopes without us. */
static int released(QemuProcess *proc, VhError **err)
{
        if (!proc->group_end || proc->group_end->group->unit)
                return 0;
        proc->group_end->awaited = true;
        return VH_LATER;
}

void qemu_group_forget(QemuProcess *proc)
{
        if (proc->group_end) {
                proc->group_end->proc = NULL;
                proc->group_end->awaited = false;
        }
        qemu_cgroup_free(proc->group);
}

/* ---- guests that another daemon started ---- */

void qemu_group_reconnect(QemuProcess *proc)
{
        const VhDomainObj *dom = proc->dom;
        _vh_free_ char *name = NULL;

        if (!wants_group(proc->driver))
                return;
        name = qemu_machine_name(dom->id, dom->node.name);
        if (qemu_cgroup_find(&proc->group, QEMU_CGROUP_ROOT, proc->pid, name, wanted_controllers(proc->driver)) < 0)
                return;
        /* Whoever made the scope, the machine manager is told if it knows it. */
        if (proc->group->unit)
                proc->group->machine = VH_TAKE_PTR(name);
}

void qemu_group_find_left(QemuProcess *proc)
{
        const VhDomainObj *dom = proc->dom;
        const VhResource *resource = dom->def->resource;
        _vh_free_ char *name = NULL;

        if (proc->group || !wants_group(proc->driver))
                return;
        name = qemu_machine_name(dom->id, dom->node.name);
        (void)qemu_cgroup_find_left(&proc->group, QEMU_CGROUP_ROOT, resource ? resource->partition : NULL, name);
}

const QemuRunHooks qemu_group_hooks = {
        .name = "cannot join the guest's control group",
        .forked = forked,
        .started = started,
        .stopped = stopped,
        .released = released,
        .cancel = cancel,
};
