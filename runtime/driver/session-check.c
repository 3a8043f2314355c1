/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a read-only connection may call. */

#include "driver/session.h"

int vh_session_check_read_only(const VhCall *call, VhError **err)
{
        const VhProc *proc = call->proc;
        const char *api = proc->api ? proc->api : proc->name;
        bool by_flag = vh_proc_flags(proc, call->args) & proc->ro_deny_flags;

        if (!(proc->flags & VH_PROC_RO_DENY) && !by_flag && !vh_arg_is(&proc->ro_deny, call->args))
                return 0;
        /* Flags of getters of XML ask for secrets; clients know their own text for that. */
        if (by_flag && vh_endswith(api, "XMLDesc"))
                return vh_error_set(err, proc->error_domain, VIR_ERR_OPERATION_DENIED, "%s with secure flag", api);
        return vh_error_set(err, proc->error_domain, VIR_ERR_OPERATION_DENIED, "read only access prevents %s", api);
}
