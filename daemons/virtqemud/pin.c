/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which host processors a guest's threads may use. On the wire a set is a bit map with bit n
 * % 8 of byte n / 8. */

#include "audit.h"
#include "group.h"
#include "live-edit.h"
#include "qemu-ops.h"
#include "refresh.h"

#include <errno.h>

#include "model/domain-tune.h"

/* Processors of this host, online or not. */
static int host_cpus(VhCall *call, unsigned *n, VhError **err)
{
        VhHostBits online = { 0 };
        int r = vh_host_cpu_map(qemu_driver(call)->host, &online, err);

        if (r < 0)
                return r;
        *n = online.n;
        vh_host_bits_done(&online);
        return 0;
}

/* Fills one map of a reply; set NULL: all processors. */
static void fill_map(const VhCpuset *set, unsigned cpus, uint8_t *map, unsigned maplen)
{
        for (unsigned i = 0; i < cpus && i / 8 < maplen; i++)
                if (!set || vh_cpuset_has(set, i))
                        map[i / 8] |= (uint8_t)(1u << i % 8);
}

/* A set of what the call's map names. */
static VhCpuset *read_map(const uint8_t *map, uint32_t len)
{
        uint32_t words = (len + 7) / 8;
        VhCpuset *set = vh_xcalloc(1, sizeof(VhCpuset) + words * sizeof(uint64_t));

        set->n_words = words;
        for (uint32_t i = 0; i < len; i++)
                set->words[i / 8] |= (uint64_t)map[i] << i % 8 * 8;
        return set;
}

static int read_map_checked(const uint8_t *map, uint32_t len, VhCpuset **set, VhError **err)
{
        if (len > VH_CPUSET_MAX / 8)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "CPU map of %u bytes is too long", len);
        *set = read_map(map, len);
        if (vh_cpuset_last(*set) >= 0)
                return 0;
        free(*set);
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Empty cpu list for pinning");
}

/* The pin of a thread in a list of the definition, NULL if it has none of its own. */
static VhVcpupin *find_pin(VhVcpupin *const *items, uint32_t n, uint32_t id)
{
        for (uint32_t i = 0; i < n; i++)
                if (items[i]->vcpu == id)
                        return items[i];
        return NULL;
}

QEMU_OP_RET(domain_get_vcpu_pin_info)
{
        const VhDomainDef *def;
        unsigned cpus = 0, n, maplen = (unsigned)VH_MAX(args->maplen, 0);
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainGetVcpuPinInfo", err);

        if (r == 0)
                r = host_cpus(call, &cpus, err);
        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        n = VH_MIN((unsigned)VH_MAX(args->ncpumaps, 0), def->vcpus);
        if ((uint64_t)n * maplen > REMOTE_CPUMAPS_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "maxinfo * maplen > REMOTE_CPUMAPS_MAX");
        ret->cpumaps.len = n * maplen;
        ret->cpumaps.val = vh_call_alloc(call, ret->cpumaps.len);
        for (unsigned i = 0; i < n; i++) {
                const VhVcpupin *pin =
                        def->cputune ? find_pin(def->cputune->vcpupins.items, def->cputune->vcpupins.n, i) : NULL;

                fill_map(pin ? pin->cpuset : def->vcpu_cpuset, cpus, ret->cpumaps.val + i * maplen, maplen);
        }
        ret->num = (int)n;
        return 0;
}

QEMU_OP_RET(domain_get_emulator_pin_info)
{
        unsigned cpus = 0, maplen = (unsigned)VH_MAX(args->maplen, 0);
        const VhVcpupin *pin;
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainGetEmulatorPinInfo", err);

        if (r == 0)
                r = host_cpus(call, &cpus, err);
        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        if (maplen > REMOTE_CPUMAP_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "maplen > REMOTE_CPUMAP_MAX");
        pin = def->cputune ? def->cputune->emulatorpin : NULL;
        ret->cpumaps.len = maplen;
        ret->cpumaps.val = vh_call_alloc(call, maplen);
        fill_map(pin ? pin->cpuset : def->vcpu_cpuset, cpus, ret->cpumaps.val, maplen);
        ret->ret = 1;
        return 0;
}

static VhCputune *cputune(VhDomainDef *def)
{
        if (!def->cputune)
                def->cputune = vh_new(VhCputune, 1);
        return def->cputune;
}

static void replace_set(VhVcpupin *pin, uint32_t id, VhCpuset *set)
{
        free(pin->cpuset);
        pin->cpuset = set;
        pin->vcpu = id;
}

/* What a call says of one thread. */
typedef struct Pin {
        enum {
                PIN_VCPU,
                PIN_EMULATOR,
                PIN_IOTHREAD,
        } kind;
        unsigned id;
        const uint8_t *map;
        uint32_t len;
} Pin;

static VhIothread *find_iothread(const VhDomainDef *def, uint32_t id, uint32_t *place);

/* The place in a definition that keeps it, made if need be; NULL with *err for a thread that there is not. */
static VhVcpupin *pin_place(VhDomainDef *def, const Pin *pin, VhError **err)
{
        VhCputune *tune = cputune(def);
        VhIothread *thread;
        VhVcpupin *found;

        switch (pin->kind) {
        case PIN_EMULATOR:
                if (!tune->emulatorpin)
                        tune->emulatorpin = vh_new(VhVcpupin, 1);
                return tune->emulatorpin;
        case PIN_VCPU:
                if (pin->id >= def->vcpus) {
                        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                     "vcpu %u is out of range of %s cpu count %u", pin->id,
                                     def->id.set ? "live" : "persistent", def->vcpus);
                        return NULL;
                }
                found = find_pin(tune->vcpupins.items, tune->vcpupins.n, pin->id);
                if (!found) {
                        found = vh_new(VhVcpupin, 1);
                        vh_list_add(&tune->vcpupins, found);
                }
                return found;
        case PIN_IOTHREAD:
                qemu_list_iothreads(def);
                thread = find_iothread(def, pin->id, NULL);
                if (!thread) {
                        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "iothread %u not found", pin->id);
                        return NULL;
                }
                thread->made = false; /* somebody has said something about it */
                found = find_pin(tune->iothreadpins.items, tune->iothreadpins.n, pin->id);
                if (!found) {
                        found = vh_new(VhVcpupin, 1);
                        vh_list_add(&tune->iothreadpins, found);
                }
                return found;
        }
        return NULL;
}

static int edit_pin(VhDomainDef *def, const void *args, VhError **err)
{
        const Pin *pin = args;
        VhVcpupin *place = pin_place(def, pin, err);
        VhCpuset *set = NULL;
        int r = place ? read_map_checked(pin->map, pin->len, &set, err) : -EINVAL;

        if (r == 0)
                replace_set(place, pin->kind == PIN_EMULATOR ? 0 : pin->id, set);
        return r;
}

static int touch_pin(QemuProcess *proc, const VhDomainDef *def, const void *args, VhError **err)
{
        return qemu_group_apply_cpu(proc, def, err);
}

static void tell_pin(VhTypedList *list, const VhDomainDef *def, const void *args)
{
        const Pin *pin = args;
        VhCpuset *set = NULL;
        VhBuf text = { 0 };

        if (read_map_checked(pin->map, pin->len, &set, NULL) < 0)
                return;
        vh_cpuset_format(set, &text);
        free(set);
        vh_typed_add_string(list,
                            pin->kind == PIN_EMULATOR ? "cputune.emulatorpin"
                            : pin->kind == PIN_VCPU   ? vh_typed_numbered(list, "cputune.vcpupin", pin->id, "")
                                                      : vh_typed_numbered(list, "cputune.iothreadpin", pin->id, ""),
                            vh_arena_own(list->arena, vh_buf_take(&text)));
}

static int change_pin(VhCall *call, const remote_nonnull_domain *wire, const Pin *wanted, uint32_t flags, VhError **err)
{
        static const char *const functions[] = { "qemuDomainPinVcpuFlags", "qemuDomainPinEmulator",
                                                 "qemuDomainPinIOThread" };
        static const QemuValues values = { .edit = edit_pin, .touch = touch_pin, .tell = tell_pin };
        Pin *pin = vh_call_new(call, Pin, 1);
        int r = vh_check_flags(flags, QEMU_AFFECT, VIR_FROM_QEMU, functions[wanted->kind], err);

        *pin = *wanted;
        return r < 0 ? r : qemu_values_change(call, wire, flags, &values, pin, err);
}

QEMU_OP(domain_pin_vcpu)
{
        const Pin pin = { PIN_VCPU, args->vcpu, args->cpumap.val, args->cpumap.len };

        return change_pin(call, &args->dom, &pin, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_pin_vcpu_flags)
{
        const Pin pin = { PIN_VCPU, args->vcpu, args->cpumap.val, args->cpumap.len };

        return change_pin(call, &args->dom, &pin, args->flags, err);
}

QEMU_OP(domain_pin_emulator)
{
        const Pin pin = { PIN_EMULATOR, 0, args->cpumap.val, args->cpumap.len };

        return change_pin(call, &args->dom, &pin, args->flags, err);
}

/* ---- I/O threads ---- */

static VhIothread *find_iothread(const VhDomainDef *def, uint32_t id, uint32_t *place)
{
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                if (def->iothread_list.items[i]->id.val == id) {
                        if (place)
                                *place = i;
                        return def->iothread_list.items[i];
                }
        return NULL;
}

static int need_iothread(const VhDomainDef *def, uint32_t id, uint32_t *place, VhError **err)
{
        if (find_iothread(def, id, place))
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list",
                            id);
}

void qemu_list_iothreads(VhDomainDef *def)
{
        for (uint32_t id = 1; def->iothread_list.n < def->iothreads; id++) {
                VhIothread *thread;

                if (find_iothread(def, id, NULL))
                        continue;
                thread = vh_new(VhIothread, 1);
                thread->id = (VhOptUint){ id, true };
                thread->made = true;
                vh_list_add(&def->iothread_list, thread);
        }
}

QEMU_OP_RET(domain_get_iothread_info)
{
        const VhDomainDef *def;
        unsigned cpus = 0;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainGetIOThreadInfo", err);

        if (r == 0)
                r = host_cpus(call, &cpus, err);
        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        ret->info.len = ret->ret = def->iothread_list.n;
        ret->info.val = vh_call_new(call, remote_domain_iothread_info, def->iothread_list.n);
        for (uint32_t i = 0; i < def->iothread_list.n; i++) {
                remote_domain_iothread_info *info = &ret->info.val[i];
                const VhVcpupin *pin;

                info->iothread_id = def->iothread_list.items[i]->id.val;
                info->cpumap.len = (cpus + 7) / 8;
                info->cpumap.val = vh_call_alloc(call, info->cpumap.len);
                pin = def->cputune ? find_pin(def->cputune->iothreadpins.items, def->cputune->iothreadpins.n,
                                              info->iothread_id)
                                   : NULL;
                fill_map(pin ? pin->cpuset : def->vcpu_cpuset, cpus, info->cpumap.val, info->cpumap.len);
        }
        return 0;
}

static void add_thread(VhDomainDef *def, unsigned id)
{
        VhIothread *thread = vh_new(VhIothread, 1);

        thread->id = (VhOptUint){ id, true };
        vh_list_add(&def->iothread_list, thread);
        def->iothreads = def->iothread_list.n;
}

static void take_thread(VhDomainDef *def, uint32_t place)
{
        free(vh_list_take(&def->iothread_list, place));
        /* Those that are left may not be those that counting would give. */
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                if (def->iothread_list.items[i]->id.val != i + 1)
                        def->iothread_list.items[i]->made = false;
        def->iothreads = def->iothread_list.n;
}

static bool has_tid(const QemuProcess *proc, unsigned id)
{
        for (size_t i = 0; i < proc->n_iothread_tids; i++)
                if (proc->iothread_tids[i].id == id)
                        return true;
        return false;
}

bool qemu_iothreads_make_true(QemuProcess *proc)
{
        VhDomainDef *def = proc->dom->def;
        bool changed = false;

        qemu_list_iothreads(def);
        for (size_t i = 0; i < proc->n_iothread_tids; i++)
                if (!find_iothread(def, proc->iothread_tids[i].id, NULL)) {
                        add_thread(def, proc->iothread_tids[i].id);
                        changed = true;
                }
        for (uint32_t i = def->iothread_list.n; i-- > 0;)
                if (!has_tid(proc, def->iothread_list.items[i]->id.val)) {
                        take_thread(def, i);
                        changed = true;
                }
        return changed;
}

static int edit_add(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_add_iothread_args *args = opaque;

        qemu_list_iothreads(def);
        if (find_iothread(def, args->iothread_id, NULL))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                    "an IOThread is already using iothread_id '%u'", args->iothread_id);
        add_thread(def, args->iothread_id);
        return 0;
}

static int plan_add(QemuPlan *plan, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_add_iothread_args *args = opaque;
        _vh_free_ char *id = vh_xasprintf("iothread%u", args->iothread_id);

        qemu_plan_add(plan, qmp_command("object-add", "{s:s,s:s}", "qom-type", "iothread", "id", id),
                      qmp_command("object-del", "{s:s}", "id", id));
        return 0;
}

static void iothreads_changed(QemuProcess *proc, uint64_t before)
{
        qemu_audit_number(proc, "iothread", before, proc->dom->def->iothreads, true);
        qemu_group_refresh(proc);
}

static void applied_add(QemuProcess *proc)
{
        iothreads_changed(proc, proc->dom->def->iothreads - 1);
}

static void applied_del(QemuProcess *proc)
{
        iothreads_changed(proc, proc->dom->def->iothreads + 1);
}

QEMU_OP(domain_add_iothread)
{
        static const QemuValues values = { .edit = edit_add, .plan = plan_add, .applied = applied_add };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainAddIOThread", err);

        if (r == 0 && args->iothread_id == 0)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id");
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}

static int check_iothread_unused(const VhDomainDef *def, uint32_t id, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->iothread.set && def->disks.items[i]->iothread.val == id)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "cannot remove IOThread %u since it is being used by disk '%s'", id,
                                            def->disks.items[i]->target);
        return 0;
}

static int edit_del(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_del_iothread_args *args = opaque;
        uint32_t place = 0;
        int r;

        qemu_list_iothreads(def);
        r = need_iothread(def, args->iothread_id, &place, err);
        if (r == 0)
                r = check_iothread_unused(def, args->iothread_id, err);
        if (r < 0)
                return r;
        take_thread(def, place);
        return 0;
}

static int plan_del(QemuPlan *plan, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_del_iothread_args *args = opaque;
        _vh_free_ char *id = vh_xasprintf("iothread%u", args->iothread_id);

        qemu_plan_add(plan, qmp_command("object-del", "{s:s}", "id", id), NULL);
        return 0;
}

QEMU_OP(domain_del_iothread)
{
        static const QemuValues values = { .edit = edit_del, .plan = plan_del, .applied = applied_del };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainDelIOThread", err);

        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}

QEMU_OP(domain_pin_iothread)
{
        const Pin pin = { PIN_IOTHREAD, args->iothreads_id, args->cpumap.val, args->cpumap.len };

        return change_pin(call, &args->dom, &pin, args->flags, err);
}

/* How a thread polls before it sleeps; only QEMU keeps it. */
static const struct {
        const char *name, *property;
        int type;
} poll_rows[] = {
        { "poll_max_ns", "poll-max-ns", VIR_TYPED_PARAM_ULLONG },
        { "poll_grow", "poll-grow", VIR_TYPED_PARAM_UINT },
        { "poll_shrink", "poll-shrink", VIR_TYPED_PARAM_UINT },
        { "thread_pool_min", "thread-pool-min", VIR_TYPED_PARAM_INT },
        { "thread_pool_max", "thread-pool-max", VIR_TYPED_PARAM_INT },
};

static int edit_nothing(VhDomainDef *def, const void *args, VhError **err)
{
        return 0;
}

static json_int_t poll_value(const remote_typed_param *p)
{
        switch (p->value.type) {
        case VIR_TYPED_PARAM_ULLONG:
                return (json_int_t)p->value.ul;
        case VIR_TYPED_PARAM_UINT:
                return (json_int_t)p->value.ui;
        default:
                return p->value.i;
        }
}

static int plan_poll(QemuPlan *plan, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_iothread_params_args *args = opaque;
        _vh_free_ char *path = vh_xasprintf("/objects/iothread%u", args->iothread_id);
        int r = need_iothread(def, args->iothread_id, NULL, err);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(poll_rows); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, poll_rows[i].name);

                if (p)
                        qemu_plan_add(plan,
                                      qmp_command("qom-set", "{s:s,s:s,s:I}", "path", path, "property",
                                                  poll_rows[i].property, "value", poll_value(p)),
                                      NULL);
        }
        return r;
}

QEMU_OP(domain_set_iothread_params)
{
        static const QemuValues values = { .edit = edit_nothing, .plan = plan_poll };
        VhTypedField fields[VH_ARRAY_SIZE(poll_rows)];
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetIOThreadParams", err);

        if (!dom)
                return -ENOENT;
        for (size_t i = 0; i < VH_ARRAY_SIZE(poll_rows); i++)
                fields[i] = (VhTypedField){ poll_rows[i].name, poll_rows[i].type, false };
        if (r == 0 && args->iothread_id == 0)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id");
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        if (r == 0 && (args->flags & VIR_DOMAIN_AFFECT_CONFIG || !vh_domain_obj_active(dom)))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "configuring persistent polling values is not supported");
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}
