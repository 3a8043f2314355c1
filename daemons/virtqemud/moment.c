/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots and checkpoints: the calls that every driver answers alike. */

#include "moment.h"
#include "qemu-ops.h"

const VhMomentDriver qemu_moments = { "qemu", VIR_FROM_QEMU, qemu_domain };

#define MOMENT_OP(name)                                                                                                \
        QEMU_OP_RET(name)                                                                                              \
        {                                                                                                              \
                return vh_op_##name(&qemu_moments, call, args, ret, err);                                              \
        }

VH_MOMENT_OPS(MOMENT_OP)
