/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPU models and CPU baseline. */

#include "driver/cpu-ops.h"
#include "testdriver/domain-ops.h"

TEST_OP_SHARED(connect_baseline_cpu)
{
        int r = test_check_flags(args->flags, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES, "testConnectBaselineCPU", err);

        return r < 0 ? r : vh_cpu_op_baseline(call, args, ret, err);
}

TEST_OP_SHARED(connect_get_cpu_model_names)
{
        int r = test_check_flags(args->flags, 0, "testConnectGetCPUModelNames", err);

        return r < 0 ? r : vh_cpu_op_model_names(call, args, ret, VIR_FROM_TEST, err);
}
