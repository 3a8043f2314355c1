/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/proc.h"

int vh_proc_not_supported(const VhProc *proc, VhError **err)
{
        return vh_error_set(err, proc->error_domain, VIR_ERR_NO_SUPPORT, "%s", proc->api ? proc->api : proc->name);
}
