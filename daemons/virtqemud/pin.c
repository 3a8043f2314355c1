/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which host processors a guest's threads may use, as the definition has it. On the wire a set is a bit map with bit n
 * % 8 of byte n / 8. */

#include "qemu-ops.h"

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

static int pin_vcpu(VhCall *call, const remote_nonnull_domain *wire, unsigned vcpu, const uint8_t *map, uint32_t len,
                    uint32_t flags, VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhCpuset *set = NULL;
        VhVcpupin *pin;
        VhCputune *tune;
        int r = vh_check_flags(flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainPinVcpuFlags", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, wire, flags, err);
        if (r < 0)
                return r;
        if (vcpu >= edit.def->vcpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "vcpu %u is out of range of persistent cpu count %u", vcpu, edit.def->vcpus);
        r = read_map_checked(map, len, &set, err);
        if (r < 0)
                return r;
        tune = cputune(edit.def);
        pin = find_pin(tune->vcpupins.items, tune->vcpupins.n, vcpu);
        if (!pin) {
                pin = vh_new(VhVcpupin, 1);
                vh_list_add(&tune->vcpupins, pin);
        }
        replace_set(pin, vcpu, set);
        return qemu_edit_commit(&edit, err);
}

QEMU_OP(domain_pin_vcpu)
{
        return pin_vcpu(call, &args->dom, args->vcpu, args->cpumap.val, args->cpumap.len, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_pin_vcpu_flags)
{
        return pin_vcpu(call, &args->dom, args->vcpu, args->cpumap.val, args->cpumap.len, args->flags, err);
}

QEMU_OP(domain_pin_emulator)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhCpuset *set = NULL;
        VhCputune *tune;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainPinEmulator", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r == 0)
                r = read_map_checked(args->cpumap.val, args->cpumap.len, &set, err);
        if (r < 0)
                return r;
        tune = cputune(edit.def);
        if (!tune->emulatorpin)
                tune->emulatorpin = vh_new(VhVcpupin, 1);
        replace_set(tune->emulatorpin, 0, set);
        return qemu_edit_commit(&edit, err);
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

QEMU_OP(domain_add_iothread)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhIothread *thread;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainAddIOThread", err);

        if (r == 0 && args->iothread_id == 0)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id");
        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        qemu_list_iothreads(edit.def);
        if (find_iothread(edit.def, args->iothread_id, NULL))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                    "an IOThread is already using iothread_id '%u'", args->iothread_id);
        thread = vh_new(VhIothread, 1);
        thread->id = (VhOptUint){ args->iothread_id, true };
        vh_list_add(&edit.def->iothread_list, thread);
        edit.def->iothreads = edit.def->iothread_list.n;
        return qemu_edit_commit(&edit, err);
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

QEMU_OP(domain_del_iothread)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        uint32_t place = 0;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainDelIOThread", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        qemu_list_iothreads(edit.def);
        r = need_iothread(edit.def, args->iothread_id, &place, err);
        if (r == 0)
                r = check_iothread_unused(edit.def, args->iothread_id, err);
        if (r < 0)
                return r;
        free(vh_list_take(&edit.def->iothread_list, place));
        edit.def->iothreads = edit.def->iothread_list.n;
        return qemu_edit_commit(&edit, err);
}

QEMU_OP(domain_pin_iothread)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhVcpupin *pin;
        VhCputune *tune;
        VhCpuset *set = NULL;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainPinIOThread", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        qemu_list_iothreads(edit.def);
        r = need_iothread(edit.def, args->iothreads_id, NULL, err);
        if (r == 0)
                r = read_map_checked(args->cpumap.val, args->cpumap.len, &set, err);
        if (r < 0)
                return r;
        tune = cputune(edit.def);
        pin = find_pin(tune->iothreadpins.items, tune->iothreadpins.n, args->iothreads_id);
        if (!pin) {
                pin = vh_new(VhVcpupin, 1);
                vh_list_add(&tune->iothreadpins, pin);
        }
        replace_set(pin, args->iothreads_id, set);
        return qemu_edit_commit(&edit, err);
}
