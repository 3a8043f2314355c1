/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Smaller questions about a definition. */

#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-tune.h"

/* What the model calls the actions of the public enum. */
static const VhLifecycle lifecycle_actions[] = {
        [VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY] = VH_LIFECYCLE_DESTROY,
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART] = VH_LIFECYCLE_RESTART,
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME] = VH_LIFECYCLE_RENAME_RESTART,
        [VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE] = VH_LIFECYCLE_PRESERVE,
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY] = VH_LIFECYCLE_COREDUMP_DESTROY,
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART] = VH_LIFECYCLE_COREDUMP_RESTART,
};

static VhLifecycle *lifecycle_field(VhDomainDef *def, unsigned type)
{
        switch (type) {
        case VIR_DOMAIN_LIFECYCLE_POWEROFF:
                return &def->on_poweroff;
        case VIR_DOMAIN_LIFECYCLE_REBOOT:
                return &def->on_reboot;
        case VIR_DOMAIN_LIFECYCLE_CRASH:
                return &def->on_crash;
        default:
                return NULL;
        }
}

/* Dumping core makes sense for a crash only, and a new name for none: QEMU guests do not have that. */
static bool action_fits(unsigned type, unsigned action)
{
        if (action == VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY ||
            action == VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART)
                return type == VIR_DOMAIN_LIFECYCLE_CRASH;
        return action != VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME;
}

QEMU_OP(domain_set_lifecycle_action)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhLifecycle *field;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetLifecycleAction", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        field = lifecycle_field(edit.def, args->type);
        if (!field || args->action >= VH_ARRAY_SIZE(lifecycle_actions) || !action_fits(args->type, args->action))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "unsupported lifecycle action '%u'", args->action);
        *field = lifecycle_actions[args->action];
        return qemu_edit_commit(&edit, err);
}

QEMU_OP_RET(domain_get_launch_security_info)
{
        int r = vh_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetLaunchSecurityInfo", err);

        return r < 0 ? r : qemu_domain(call, &args->dom, err) ? 0 : -ENOENT;
}
