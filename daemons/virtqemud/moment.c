/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots and checkpoints: no guest has any yet, so lists are empty and names are unknown. */

#include "qemu-ops.h"

#include <errno.h>

/* The answer to everything about a snapshot that a client names. */
static int no_snapshot(VhCall *call, const remote_nonnull_domain_snapshot *snap, VhError **err)
{
        if (!qemu_domain(call, &snap->dom, err))
                return -ENOENT;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                            "no domain snapshot with matching name '%s'", snap->name);
}

static int no_checkpoint(VhCall *call, const remote_nonnull_domain_checkpoint *checkpoint, VhError **err)
{
        if (!qemu_domain(call, &checkpoint->dom, err))
                return -ENOENT;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                            "no domain checkpoint with matching name '%s'", checkpoint->name);
}

/* Replies are zeroed: an empty list and the number 0 need no more than an existing domain. */
#define EMPTY(name)                                                                                                    \
        QEMU_OP_RET(name)                                                                                              \
        {                                                                                                              \
                return qemu_domain(call, &args->dom, err) ? 0 : -ENOENT;                                               \
        }

EMPTY(domain_snapshot_num)
EMPTY(domain_snapshot_list_names)
EMPTY(domain_list_all_snapshots)
EMPTY(domain_has_current_snapshot)
EMPTY(domain_list_all_checkpoints)

#define NO_SNAPSHOT_RET(name)                                                                                          \
        QEMU_OP_RET(name)                                                                                              \
        {                                                                                                              \
                return no_snapshot(call, &args->snap, err);                                                            \
        }
#define NO_SNAPSHOT(name)                                                                                              \
        QEMU_OP(name)                                                                                                  \
        {                                                                                                              \
                return no_snapshot(call, &args->snap, err);                                                            \
        }

NO_SNAPSHOT_RET(domain_snapshot_get_xml_desc)
NO_SNAPSHOT_RET(domain_snapshot_get_parent)
NO_SNAPSHOT_RET(domain_snapshot_num_children)
NO_SNAPSHOT_RET(domain_snapshot_list_children_names)
NO_SNAPSHOT_RET(domain_snapshot_is_current)
NO_SNAPSHOT_RET(domain_snapshot_has_metadata)
NO_SNAPSHOT(domain_revert_to_snapshot)
NO_SNAPSHOT(domain_snapshot_delete)

QEMU_OP_RET(domain_snapshot_list_all_children)
{
        return no_snapshot(call, &args->snapshot, err);
}

QEMU_OP_RET(domain_snapshot_lookup_by_name)
{
        const remote_nonnull_domain_snapshot snap = { args->name, args->dom };

        return no_snapshot(call, &snap, err);
}

QEMU_OP_RET(domain_snapshot_current)
{
        if (!qemu_domain(call, &args->dom, err))
                return -ENOENT;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                            "the domain does not have a current snapshot");
}

QEMU_OP_RET(domain_checkpoint_lookup_by_name)
{
        const remote_nonnull_domain_checkpoint checkpoint = { args->name, args->dom };

        return no_checkpoint(call, &checkpoint, err);
}

QEMU_OP_RET(domain_checkpoint_get_xml_desc)
{
        return no_checkpoint(call, &args->checkpoint, err);
}

QEMU_OP_RET(domain_checkpoint_get_parent)
{
        return no_checkpoint(call, &args->checkpoint, err);
}

QEMU_OP_RET(domain_checkpoint_list_all_children)
{
        return no_checkpoint(call, &args->checkpoint, err);
}

QEMU_OP(domain_checkpoint_delete)
{
        return no_checkpoint(call, &args->checkpoint, err);
}
