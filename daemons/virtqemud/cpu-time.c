/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The processor time that a running guest has used, by its control group. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/typedparam.h"
#include "group.h"
#include "qemu-ops.h"

enum { TOTAL_PARAMS = 3, NS_PER_US = 1000 };

/* "NAME NUMBER" of cpu.stat, microseconds there; 0 if it is not in it. */
static uint64_t stat_ns(const char *text, const char *name)
{
        size_t n = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, name, n) == 0 && line[n] == ' ')
                        return strtoull(line + n, NULL, 10) * NS_PER_US;
        return 0;
}

static int total(VhCall *call, const QemuProcess *proc, const remote_domain_get_cpu_stats_args *args,
                 remote_domain_get_cpu_stats_ret *ret, VhError **err)
{
        VhTypedList list = VH_TYPED_LIST(call);
        _vh_free_ char *text = NULL;
        int r;

        ret->nparams = TOTAL_PARAMS;
        if (!args->nparams)
                return 0;
        r = qemu_cgroup_read(proc->group, NULL, "cpu.stat", &text, err);
        if (r < 0)
                return r;
        vh_typed_add_ullong(&list, VIR_DOMAIN_CPU_STATS_CPUTIME, stat_ns(text, "usage_usec"));
        vh_typed_add_ullong(&list, VIR_DOMAIN_CPU_STATS_USERTIME, stat_ns(text, "user_usec"));
        vh_typed_add_ullong(&list, VIR_DOMAIN_CPU_STATS_SYSTEMTIME, stat_ns(text, "system_usec"));
        list.len = VH_MIN(list.len, args->nparams);
        VH_TYPED_MOVE(&ret->params, &list);
        return 0;
}

/* start_cpu -1 asks for the sum; nparams 0 for the number of fields. */
QEMU_OP_RET(domain_get_cpu_stats)
{
        VhDomainObj *dom;
        int r = vh_check_flags(args->flags, VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU, "qemuDomainGetCPUStats", err);

        dom = r == 0 ? qemu_domain(call, &args->dom, err) : NULL;
        if (!dom)
                return r < 0 ? r : -ENOENT;
        r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = qemu_group_need(qemu_process(dom), QEMU_CG_CPUACCT, err);
        if (r < 0)
                return r;
        if (args->start_cpu == -1)
                return total(call, qemu_process(dom), args, ret, err);
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "version 2 of control groups does not count time by CPU, only the total");
}
