/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: I/O threads. */

#include "model/domain-tune.h"
#include "testdriver/domain-ops.h"

enum {
        DEFAULT_POLL_MAX_NS = 32768,
        MAP_BYTES = TEST_CPUMAP_CPUS / 8,
        NOT_THERE = -1,
};

static int find_iothread(const VhDomainDef *def, uint32_t id)
{
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                if (def->iothread_list.items[i]->id.val == id)
                        return (int)i;
        return NOT_THERE;
}

/* Ids of all threads: those that are listed, and for the rest of the count the lowest that are free. */
static uint32_t *thread_ids(VhCall *call, const VhDomainDef *def, uint32_t *n)
{
        uint32_t *ids, id = 1;

        *n = VH_MAX(def->iothreads, def->iothread_list.n);
        ids = vh_call_new(call, uint32_t, *n);
        for (uint32_t i = 0; i < *n - def->iothread_list.n; id++)
                if (find_iothread(def, id) == NOT_THERE)
                        ids[i++] = id;
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                ids[*n - def->iothread_list.n + i] = def->iothread_list.items[i]->id.val;
        return ids;
}

static VhCpuset **pin_place(const VhDomainDef *def, uint32_t id)
{
        if (def->cputune)
                for (uint32_t i = 0; i < def->cputune->iothreadpins.n; i++)
                        if (def->cputune->iothreadpins.items[i]->vcpu == id)
                                return &def->cputune->iothreadpins.items[i]->cpuset;
        return NULL;
}

static TestIothread *find_params(const TestDomain *priv, uint32_t id)
{
        for (uint32_t i = 0; i < priv->iothreads.n; i++)
                if (priv->iothreads.items[i]->id == id)
                        return priv->iothreads.items[i];
        return NULL;
}

static int check_add(const VhDomainDef *def, uint32_t id, VhError **err)
{
        if (!def || find_iothread(def, id) == NOT_THERE)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "an IOThread is already using iothread_id '%u'",
                            id);
}

static void add_iothread(VhDomainDef *def, uint32_t id)
{
        VhIothread *thread;

        if (!def)
                return;
        thread = vh_new(VhIothread, 1);
        thread->id = (VhOptUint){ .val = id, .set = true };
        vh_list_add(&def->iothread_list, thread);
        def->iothreads = VH_MAX(def->iothreads + 1, def->iothread_list.n);
}

static void add_params(TestDomain *priv, uint32_t id)
{
        TestIothread *params = vh_new(TestIothread, 1);

        params->id = id;
        params->poll_max_ns = DEFAULT_POLL_MAX_NS;
        vh_list_add(&priv->iothreads, params);
}

TEST_OP_SHARED_DO(domain_add_iothread)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainAddIOThread", err);

        if (r == 0 && !args->iothread_id)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id");
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = check_add(t.live, args->iothread_id, err);
        if (r == 0)
                r = check_add(t.config, args->iothread_id, err);
        if (r < 0)
                return r;
        add_iothread(t.live, args->iothread_id);
        add_iothread(t.config, args->iothread_id);
        if (!find_params(test_domain_priv(dom), args->iothread_id))
                add_params(test_domain_priv(dom), args->iothread_id);
        return 0;
}

static int check_delete(const VhDomainDef *def, uint32_t id, VhError **err)
{
        if (!def || find_iothread(def, id) != NOT_THERE)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list",
                            id);
}

static void unpin_iothread(VhDomainDef *def, uint32_t id)
{
        for (uint32_t i = 0; def->cputune && i < def->cputune->iothreadpins.n; i++) {
                VhVcpupin *pin = def->cputune->iothreadpins.items[i];

                if (pin->vcpu != id)
                        continue;
                vh_list_take(&def->cputune->iothreadpins, i);
                free(pin->cpuset);
                free(pin);
                return;
        }
}

static void delete_iothread(VhDomainDef *def, uint32_t id)
{
        if (!def)
                return;
        unpin_iothread(def, id);
        free(vh_list_take(&def->iothread_list, (uint32_t)find_iothread(def, id)));
        if (def->iothreads)
                def->iothreads--;
}

static void delete_params(TestDomain *priv, uint32_t id)
{
        for (uint32_t i = 0; i < priv->iothreads.n; i++)
                if (priv->iothreads.items[i]->id == id) {
                        free(vh_list_take(&priv->iothreads, i));
                        return;
                }
}

TEST_OP_SHARED_DO(domain_del_iothread)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainDelIOThread", err);

        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = check_delete(t.live, args->iothread_id, err);
        if (r == 0)
                r = check_delete(t.config, args->iothread_id, err);
        if (r < 0)
                return r;
        delete_iothread(t.live, args->iothread_id);
        delete_iothread(t.config, args->iothread_id);
        delete_params(test_domain_priv(dom), args->iothread_id);
        return 0;
}

/* A thread that is not pinned is shown on as many CPUs as the guest has. */
static void fill_map(const VhDomainDef *def, uint32_t id, uint8_t *map)
{
        VhCpuset **pin = pin_place(def, id);

        for (uint32_t cpu = 0; cpu < TEST_CPUMAP_CPUS; cpu++)
                if (pin ? vh_cpuset_has(*pin, cpu) : cpu < vh_domain_def_vcpus_current(def))
                        map[cpu / 8] |= 1u << (cpu % 8);
}

TEST_OP_SHARED(domain_get_iothread_info)
{
        VhDomainDef *def;
        uint32_t *ids;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainGetIOThreadInfo", err);

        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        ids = thread_ids(call, def, &ret->info.len);
        if (ret->info.len > REMOTE_IOTHREAD_INFO_MAX)
                return vh_error_plain(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "too many I/O threads for a reply");
        ret->ret = ret->info.len;
        ret->info.val = vh_call_new(call, remote_domain_iothread_info, ret->info.len);
        for (uint32_t i = 0; i < ret->info.len; i++) {
                remote_domain_iothread_info *info = &ret->info.val[i];

                info->iothread_id = ids[i];
                info->cpumap.len = MAP_BYTES;
                info->cpumap.val = vh_call_new(call, uint8_t, MAP_BYTES);
                fill_map(def, info->iothread_id, info->cpumap.val);
        }
        return 0;
}

static VhCpuset *set_of_map(const uint8_t *map, uint32_t len)
{
        VhCpuset *set = vh_xcalloc(1, sizeof(*set) + sizeof(set->words[0]));

        set->n_words = 1;
        for (uint32_t i = 0; i < VH_MIN(len, 8u); i++)
                set->words[0] |= (uint64_t)map[i] << (8 * i);
        return set;
}

static void pin_iothread(VhDomainDef *def, uint32_t id, VhCpuset *set)
{
        VhCpuset **place = pin_place(def, id);
        VhVcpupin *pin;

        if (place) {
                free(*place);
                *place = set;
                return;
        }
        if (!def->cputune)
                def->cputune = vh_new(VhCputune, 1);
        pin = vh_new(VhVcpupin, 1);
        pin->vcpu = id;
        pin->cpuset = set;
        vh_list_add(&def->cputune->iothreadpins, pin);
}

static int check_pin(const VhDomainDef *def, uint32_t id, VhError **err)
{
        if (!def || find_iothread(def, id) != NOT_THERE)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "iothreadid %u not found", id);
}

TEST_OP_SHARED_DO(domain_pin_iothread)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainPinIOThread", err);

        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = check_pin(t.live, args->iothreads_id, err);
        if (r == 0)
                r = check_pin(t.config, args->iothreads_id, err);
        if (r < 0)
                return r;
        if (t.live)
                pin_iothread(t.live, args->iothreads_id, set_of_map(args->cpumap.val, args->cpumap.len));
        if (t.config)
                pin_iothread(t.config, args->iothreads_id, set_of_map(args->cpumap.val, args->cpumap.len));
        return 0;
}

static const VhTypedField poll_fields[] = {
        { VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_IOTHREAD_POLL_GROW, VIR_TYPED_PARAM_UINT, false },
        { VIR_DOMAIN_IOTHREAD_POLL_SHRINK, VIR_TYPED_PARAM_UINT, false },
};

TEST_OP_SHARED_DO(domain_set_iothread_params)
{
        const remote_typed_param *p;
        TestTargets t = {};
        TestIothread *params;
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, VIR_DOMAIN_AFFECT_LIVE, "testDomainSetIOThreadParams", err);

        if (r == 0 && !args->iothread_id)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id");
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, poll_fields, VH_ARRAY_SIZE(poll_fields), err);
        if (r < 0)
                return r;
        params = find_params(test_domain_priv(dom), args->iothread_id);
        if (!params)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids",
                                    args->iothread_id);
        if ((p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_IOTHREAD_POLL_MAX_NS)))
                params->poll_max_ns = p->value.ul;
        if ((p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_IOTHREAD_POLL_GROW)))
                params->poll_grow = p->value.ui;
        if ((p = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_IOTHREAD_POLL_SHRINK)))
                params->poll_shrink = p->value.ui;
        return 0;
}
