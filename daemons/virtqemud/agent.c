/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guest's agent. */

#include <errno.h>

#include "process.h"
#include "qemu-ops.h"

#define AGENT_CHANNEL "org.qemu.guest_agent.0"

static const VhChr *agent_channel(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->channels.n; i++)
                if (vh_streq(def->channels.items[i]->target_name, AGENT_CHANNEL))
                        return def->channels.items[i];
        return NULL;
}

int qemu_agent_check(VhDomainObj *dom, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);

        if (!agent_channel(dom->def))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "QEMU guest agent is not configured");
        if (!proc || !proc->agent_connected)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_AGENT_UNRESPONSIVE,
                                    "QEMU guest agent is not connected");
        return 0;
}

int qemu_agent_shutdown(VhCall *call, const remote_nonnull_domain *wire, bool reboot, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "no way to the agent yet");
}

int qemu_agent_command(VhCall *call, const qemu_domain_agent_command_args *args, qemu_domain_agent_command_ret *ret,
                       VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;

        if (r == 0)
                r = qemu_agent_check(dom, err);
        return r < 0 ? r : qemu_agent_shutdown(call, &args->dom, false, err);
}
