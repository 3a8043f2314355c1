/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Smaller values of a definition: what happens at its end, launch security. */

#include "guest-check.h"
#include "live-edit.h"
#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-tune.h"

/* What the model calls the actions of the public enum, and what messages call them. */
static const struct {
        VhLifecycle action;
        const char *name;
} lifecycle_actions[] = {
        [VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY] = { VH_LIFECYCLE_DESTROY, "destroy" },
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART] = { VH_LIFECYCLE_RESTART, "restart" },
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME] = { VH_LIFECYCLE_RENAME_RESTART, "rename-restart" },
        [VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE] = { VH_LIFECYCLE_PRESERVE, "preserve" },
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY] = { VH_LIFECYCLE_COREDUMP_DESTROY, "coredump-destroy" },
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART] = { VH_LIFECYCLE_COREDUMP_RESTART, "coredump-restart" },
};

static const char *const lifecycle_types[] = {
        [VIR_DOMAIN_LIFECYCLE_POWEROFF] = "poweroff",
        [VIR_DOMAIN_LIFECYCLE_REBOOT] = "reboot",
        [VIR_DOMAIN_LIFECYCLE_CRASH] = "crash",
};

static VhLifecycle *lifecycle_field(VhDomainDef *def, unsigned type)
{
        return type == VIR_DOMAIN_LIFECYCLE_POWEROFF ? &def->on_poweroff
               : type == VIR_DOMAIN_LIFECYCLE_REBOOT ? &def->on_reboot
                                                     : &def->on_crash;
}

static int edit_lifecycle(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_lifecycle_action_args *args = opaque;

        *lifecycle_field(def, args->type) = lifecycle_actions[args->action].action;
        return qemu_check_life_cycle(def, err);
}

static int plan_lifecycle(QemuPlan *plan, const VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_lifecycle_action_args *args = opaque;

        if (args->type == VIR_DOMAIN_LIFECYCLE_REBOOT)
                qemu_plan_reboot_action(plan, def);
        return 0;
}

static int check_action(unsigned type, unsigned action, VhError **err)
{
        bool dumps = action == VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY ||
                     action == VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART;

        if (type >= VH_ARRAY_SIZE(lifecycle_types))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid lifecycle type '%u'", type);
        if (action >= VH_ARRAY_SIZE(lifecycle_actions))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid lifecycle action '%u'", action);
        if (dumps && type != VIR_DOMAIN_LIFECYCLE_CRASH)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Lifecycle event '%s' doesn't support '%s' action", lifecycle_types[type],
                                    lifecycle_actions[action].name);
        return 0;
}

QEMU_OP(domain_set_lifecycle_action)
{
        static const QemuValues lifecycle = { edit_lifecycle, plan_lifecycle };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetLifecycleAction", err);

        if (r == 0)
                r = check_action(args->type, args->action, err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &lifecycle, args, err);
}

QEMU_OP_RET(domain_get_launch_security_info)
{
        int r = vh_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetLaunchSecurityInfo", err);

        return r < 0 ? r : qemu_domain(call, &args->dom, err) ? 0 : -ENOENT;
}

QEMU_OP(domain_set_launch_security_state)
{
        int r = qemu_need_running(call, &args->dom, err);

        return r < 0 ? r
                     : vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "setting a launch secret is only supported in SEV-enabled domains");
}

/* SEV needs KVM on a processor of AMD, which the driver does not look for: its capabilities say "no" too. */
QEMU_OP_RET(node_get_sev_info)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "QEMU does not support SEV guest");
}
