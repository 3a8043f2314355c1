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

MOMENT_OP(domain_snapshot_num)
MOMENT_OP(domain_snapshot_list_names)
MOMENT_OP(domain_list_all_snapshots)
MOMENT_OP(domain_snapshot_num_children)
MOMENT_OP(domain_snapshot_list_children_names)
MOMENT_OP(domain_snapshot_list_all_children)
MOMENT_OP(domain_snapshot_lookup_by_name)
MOMENT_OP(domain_has_current_snapshot)
MOMENT_OP(domain_snapshot_current)
MOMENT_OP(domain_snapshot_get_parent)
MOMENT_OP(domain_snapshot_is_current)
MOMENT_OP(domain_snapshot_has_metadata)
MOMENT_OP(domain_snapshot_get_xml_desc)
MOMENT_OP(domain_list_all_checkpoints)
MOMENT_OP(domain_checkpoint_list_all_children)
MOMENT_OP(domain_checkpoint_lookup_by_name)
MOMENT_OP(domain_checkpoint_get_parent)
