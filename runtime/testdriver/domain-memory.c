/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: memory sizes, statistics and contents. */

#include "testdriver/domain-ops.h"

static int set_memory(VhCall *call, const remote_nonnull_domain *handle, uint64_t kib, uint32_t flags, VhError **err)
{
        bool maximum = flags & VIR_DOMAIN_MEM_MAXIMUM;
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(flags, TEST_AFFECT | VIR_DOMAIN_MEM_MAXIMUM, "testDomainSetMemoryFlags", err);

        if (r == 0)
                r = test_domain_targets(call, handle, flags & TEST_AFFECT, &dom, &t, err);
        if (r < 0)
                return r;
        if (maximum && t.live)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot resize the maximum memory on an active domain");
        if (!maximum && ((t.live && kib > t.live->memory) || (t.config && kib > t.config->memory)))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "cannot set memory higher than max memory");
        if (maximum) {
                t.config->memory = kib;
                t.config->current_memory = VH_MIN(t.config->current_memory, kib);
                return 0;
        }
        if (t.live)
                t.live->current_memory = kib;
        if (t.config)
                t.config->current_memory = kib;
        return 0;
}

TEST_OP_SHARED_DO(domain_set_memory)
{
        return set_memory(call, &args->dom, args->memory, VIR_DOMAIN_AFFECT_LIVE, err);
}

TEST_OP_SHARED_DO(domain_set_max_memory)
{
        return set_memory(call, &args->dom, args->memory, VIR_DOMAIN_MEM_MAXIMUM, err);
}

TEST_OP_SHARED_DO(domain_set_memory_flags)
{
        return set_memory(call, &args->dom, args->memory, args->flags, err);
}

static int check_balloon(const VhDomainDef *def, VhError **err)
{
        if (!def || def->memballoon)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                            "No memory balloon device configured, can not set the collection period");
}

TEST_OP_SHARED_DO(domain_set_memory_stats_period)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetMemoryStatsPeriod", err);

        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = check_balloon(t.live, err);
        if (r == 0)
                r = check_balloon(t.config, err);
        if (r < 0)
                return r;
        if (t.live)
                t.live->memballoon->stats_period = args->period;
        if (t.config)
                t.config->memballoon->stats_period = args->period;
        return 0;
}

TEST_OP_SHARED(domain_memory_stats)
{
        VhDomainObj *dom;
        uint64_t now, half;
        int r = test_check_flags(args->flags, 0, "testDomainMemoryStats", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        now = dom->def->current_memory;
        half = now / 2;
        const remote_domain_memory_stat stats[] = {
                { VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, now },
                { VIR_DOMAIN_MEMORY_STAT_SWAP_IN, 0 },
                { VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, 0 },
                { VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, 0 },
                { VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, 0 },
                { VIR_DOMAIN_MEMORY_STAT_UNUSED, half },
                { VIR_DOMAIN_MEMORY_STAT_AVAILABLE, now },
                { VIR_DOMAIN_MEMORY_STAT_USABLE, half },
                { VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, test_first_guest_time },
                { VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, now / 8 },
                { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, 0 },
                { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, 0 },
                { VIR_DOMAIN_MEMORY_STAT_RSS, half },
        };

        ret->stats.len = VH_MIN(args->maxStats, (uint32_t)VH_ARRAY_SIZE(stats));
        ret->stats.val = vh_arena_memdup(&call->arena, stats, ret->stats.len * sizeof(*stats));
        return 0;
}

TEST_OP_SHARED(domain_memory_peek)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, VIR_MEMORY_PHYSICAL | VIR_MEMORY_VIRTUAL, "testDomainMemoryPeek", err);

        if (r < 0)
                return r;
        if (args->flags != VIR_MEMORY_PHYSICAL && args->flags != VIR_MEMORY_VIRTUAL)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL");
        r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->buffer.len = args->size;
        ret->buffer.val = vh_call_new(call, uint8_t, args->size);
        for (uint32_t i = 0; i < args->size; i++)
                ret->buffer.val[i] = (uint8_t)(args->offset + i);
        return 0;
}
