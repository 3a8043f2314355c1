/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots and checkpoints: the calls that every driver answers alike. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"

static VhDomainObj *find(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        VhDomainObj *dom;

        return test_domain(call, wire, &dom, err) < 0 ? NULL : dom;
}

const VhMomentDriver test_moments = { "test", VIR_FROM_TEST, find };

#define MOMENT_OP(name)                                                                                                \
        TEST_OP_SHARED(name)                                                                                           \
        {                                                                                                              \
                return vh_op_##name(&test_moments, call, args, ret, err);                                              \
        }
VH_MOMENT_OPS(MOMENT_OP)
