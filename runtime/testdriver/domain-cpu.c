/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: vCPUs, I/O threads, and the host CPUs that they and the emulator may use. */

#include "model/domain-tune.h"
#include "testdriver/domain-ops.h"
#include <errno.h>

enum { WORD_BITS = 64, BYTE_BITS = 8 };

/* The set that a client's CPU map means; the caller frees it. */
static VhCpuset *set_of_map(const uint8_t *map, uint32_t len)
{
        uint32_t words = (len * BYTE_BITS + WORD_BITS - 1) / WORD_BITS;
        VhCpuset *set = vh_xcalloc(1, sizeof(*set) + words * sizeof(set->words[0]));

        set->n_words = words;
        for (uint32_t cpu = 0; cpu < len * BYTE_BITS; cpu++)
                if (map[cpu / BYTE_BITS] >> (cpu % BYTE_BITS) & 1)
                        set->words[cpu / WORD_BITS] |= UINT64_C(1) << (cpu % WORD_BITS);
        return set;
}

/* CPUs of the host that a map can name. */
static unsigned host_cpus(const TestHost *host)
{
        const TestNodeInfo *n = &host->node;

        return (unsigned)(n->nodes * n->sockets * n->cores * n->threads);
}

/* Fills map (zeroed) from a set, NULL: every CPU of the host. */
static void fill_map(const TestHost *host, const VhCpuset *set, uint8_t *map, uint32_t len)
{
        unsigned cpus = VH_MIN(host_cpus(host), len * BYTE_BITS);

        for (unsigned cpu = 0; cpu < cpus; cpu++)
                if (!set || vh_cpuset_has(set, cpu))
                        map[cpu / BYTE_BITS] |= 1u << (cpu % BYTE_BITS);
}

static VhCputune *need_cputune(VhDomainDef *def)
{
        if (!def->cputune)
                def->cputune = vh_new(VhCputune, 1);
        return def->cputune;
}

static const VhCpuset *pin_of(const VhDomainDef *def, uint32_t vcpu)
{
        if (def->cputune)
                for (uint32_t i = 0; i < def->cputune->vcpupins.n; i++)
                        if (def->cputune->vcpupins.items[i]->vcpu == vcpu)
                                return def->cputune->vcpupins.items[i]->cpuset;
        return def->vcpu_cpuset;
}

/* Pins; takes set over. */
static void set_pin(VhDomainDef *def, uint32_t vcpu, VhCpuset *set)
{
        VhCputune *tune = need_cputune(def);
        VhVcpupin *pin;

        for (uint32_t i = 0; i < tune->vcpupins.n; i++) {
                pin = tune->vcpupins.items[i];
                if (pin->vcpu == vcpu) {
                        free(pin->cpuset);
                        pin->cpuset = set;
                        return;
                }
        }
        pin = vh_new(VhVcpupin, 1);
        pin->vcpu = vcpu;
        pin->cpuset = set;
        vh_list_add(&tune->vcpupins, pin);
}

static int check_vcpus(const VhDomainDef *def, uint32_t n, VhError **err)
{
        if (!def || n <= def->vcpus)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "requested cpu amount exceeds maximum (%u > %u)",
                            n, def->vcpus);
}

static void set_current(VhDomainDef *def, uint32_t n)
{
        if (def)
                def->vcpus_current = n == def->vcpus ? 0 : n;
}

static void set_maximum(VhDomainDef *def, uint32_t n)
{
        uint32_t current = VH_MIN(vh_domain_def_vcpus_current(def), n);

        def->vcpus = n;
        set_current(def, current);
}

static int set_vcpus(VhCall *call, const remote_nonnull_domain *handle, uint32_t n, uint32_t flags, VhError **err)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(flags, TEST_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM, "testDomainSetVcpusFlags", err);

        if (r == 0 && n > TEST_MAX_VCPUS)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                 "requested cpu amount exceeds maximum supported amount (%d > %d)", (int)n,
                                 TEST_MAX_VCPUS);
        if (r == 0)
                r = test_domain_targets(call, handle, flags & TEST_AFFECT, &dom, &t, err);
        if (r == 0)
                r = check_vcpus(t.live, n, err);
        if (r == 0 && !(flags & VIR_DOMAIN_VCPU_MAXIMUM))
                r = check_vcpus(t.config, n, err);
        if (r < 0)
                return r;
        if (t.config && (flags & VIR_DOMAIN_VCPU_MAXIMUM))
                set_maximum(t.config, n);
        else
                set_current(t.config, n);
        set_current(t.live, n);
        return 0;
}

TEST_OP_SHARED_DO(domain_set_vcpus)
{
        return set_vcpus(call, &args->dom, args->nvcpus, VIR_DOMAIN_AFFECT_LIVE, err);
}

TEST_OP_SHARED_DO(domain_set_vcpus_flags)
{
        if ((args->flags & VIR_DOMAIN_VCPU_MAXIMUM) && !(args->flags & VIR_DOMAIN_AFFECT_CONFIG))
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                      "Flag 'VIR_DOMAIN_AFFECT_CONFIG' is required by flag 'VIR_DOMAIN_VCPU_MAXIMUM'");
        return set_vcpus(call, &args->dom, args->nvcpus, args->flags, err);
}

static int get_vcpus(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, int *num, VhError **err)
{
        VhDomainDef *def;
        int r = test_check_flags(flags, TEST_AFFECT | VIR_DOMAIN_VCPU_MAXIMUM, "testDomainGetVcpusFlags", err);

        if (r == 0)
                r = test_domain_def(call, handle, flags, &def, err);
        if (r == 0)
                *num = (int)(flags & VIR_DOMAIN_VCPU_MAXIMUM ? def->vcpus : vh_domain_def_vcpus_current(def));
        return r;
}

TEST_OP_SHARED(domain_get_vcpus_flags)
{
        return get_vcpus(call, &args->dom, args->flags, &ret->num, err);
}

TEST_OP_SHARED(domain_get_max_vcpus)
{
        return get_vcpus(call, &args->dom, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_VCPU_MAXIMUM, &ret->num, err);
}

static int pin_vcpu(VhCall *call, const remote_nonnull_domain *handle, uint32_t vcpu, const uint8_t *map, uint32_t len,
                    uint32_t flags, VhError **err)
{
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainPinVcpuFlags", err);

        if (r == 0)
                r = test_domain(call, handle, &dom, err);
        if (r < 0)
                return r;
        if (!vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot pin vcpus on an inactive domain");
        if (vcpu >= vh_domain_def_vcpus_current(dom->def))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "requested vcpu '%u' is not present in the domain", vcpu);
        set_pin(dom->def, vcpu, set_of_map(map, len));
        return 0;
}

TEST_OP_SHARED_DO(domain_pin_vcpu)
{
        return pin_vcpu(call, &args->dom, args->vcpu, args->cpumap.val, args->cpumap.len, 0, err);
}

TEST_OP_SHARED_DO(domain_pin_vcpu_flags)
{
        return pin_vcpu(call, &args->dom, args->vcpu, args->cpumap.val, args->cpumap.len, args->flags, err);
}

TEST_OP_SHARED(domain_get_vcpus)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        uint32_t n;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        if (!vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot list vcpus for an inactive domain");
        n = VH_MIN((uint32_t)args->maxinfo, vh_domain_def_vcpus_current(dom->def));
        ret->info.len = n;
        ret->info.val = vh_call_new(call, remote_vcpu_info, n);
        ret->cpumaps.len = n * (uint32_t)args->maplen;
        ret->cpumaps.val = vh_call_new(call, uint8_t, ret->cpumaps.len);
        for (uint32_t i = 0; i < n; i++) {
                const VhCpuset *pin = pin_of(dom->def, i);
                remote_vcpu_info *info = &ret->info.val[i];

                info->number = i;
                info->state = VIR_VCPU_RUNNING;
                info->cpu_time = test_clock_ns() / 10000;
                info->cpu = pin ? vh_cpuset_last(pin) : (int)host_cpus(host) - 1;
                fill_map(host, pin, ret->cpumaps.val + i * (uint32_t)args->maplen, (uint32_t)args->maplen);
        }
        return 0;
}

TEST_OP_SHARED(domain_get_vcpu_pin_info)
{
        VhDomainDef *def;
        uint32_t n;
        int r = test_domain_def(call, &args->dom, args->flags & TEST_AFFECT, &def, err);

        if (r < 0)
                return r;
        n = VH_MIN((uint32_t)args->ncpumaps, def->vcpus);
        ret->num = (int)n;
        ret->cpumaps.len = n * (uint32_t)args->maplen;
        ret->cpumaps.val = vh_call_new(call, uint8_t, ret->cpumaps.len);
        for (uint32_t i = 0; i < n; i++)
                fill_map(test_host(call), pin_of(def, i), ret->cpumaps.val + i * (uint32_t)args->maplen,
                         (uint32_t)args->maplen);
        return 0;
}

static void set_emulator_pin(VhDomainDef *def, VhCpuset *set)
{
        VhCputune *tune;

        if (!def) {
                free(set);
                return;
        }
        tune = need_cputune(def);
        if (!tune->emulatorpin)
                tune->emulatorpin = vh_new(VhVcpupin, 1);
        free(tune->emulatorpin->cpuset);
        tune->emulatorpin->cpuset = set;
}

TEST_OP_SHARED_DO(domain_pin_emulator)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainPinEmulator", err);

        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r < 0)
                return r;
        set_emulator_pin(t.live, set_of_map(args->cpumap.val, args->cpumap.len));
        set_emulator_pin(t.config, set_of_map(args->cpumap.val, args->cpumap.len));
        return 0;
}

TEST_OP_SHARED(domain_get_emulator_pin_info)
{
        VhDomainDef *def;
        const VhCpuset *set;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainGetEmulatorPinInfo", err);

        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r == 0 && args->maplen > REMOTE_CPUMAPS_MAX)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "maplen > REMOTE_CPUMAPS_MAX");
        if (r < 0)
                return r;
        set = def->cputune && def->cputune->emulatorpin ? def->cputune->emulatorpin->cpuset : def->vcpu_cpuset;
        ret->cpumaps.len = (uint32_t)args->maplen;
        ret->cpumaps.val = vh_call_new(call, uint8_t, ret->cpumaps.len);
        fill_map(test_host(call), set, ret->cpumaps.val, ret->cpumaps.len);
        ret->ret = 1;
        return 0;
}
