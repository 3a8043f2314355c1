/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls about CPU models. */

#include "driver/cpu-ops.h"

#include <errno.h>

#include "api.h"
#include "cpu/arch.h"

int vh_cpu_op_model_names(VhCall *call, const remote_connect_get_cpu_model_names_args *args,
                          remote_connect_get_cpu_model_names_ret *ret, int domain, VhError **err)
{
        int family = vh_cpu_family(args->arch);

        if (family < 0)
                return vh_error_set(err, domain, VIR_ERR_INVALID_ARG, "cannot find architecture %s", args->arch);
        if (family == VH_CPU_FAMILY_OTHER)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT,
                                    "'%s' architecture is not supported by CPU driver", args->arch);
        while (vh_cpu_model_name(args->arch, (unsigned)ret->ret))
                ret->ret++;
        if (!args->need_results)
                return 0;
        ret->models.len = (uint32_t)ret->ret;
        ret->models.val = vh_call_alloc(call, (size_t)ret->ret * sizeof(*ret->models.val));
        for (unsigned i = 0; i < ret->models.len; i++)
                ret->models.val[i] = vh_call_strdup(call, vh_cpu_model_name(args->arch, i));
        return 0;
}

int vh_cpu_docs_parse(VhCpuDocs *docs, VhCall *call, char *const *xmls, size_t n, VhCpuDocKind kind, VhError **err)
{
        int r = 0;

        *docs = (VhCpuDocs){ .items = vh_call_new(call, VhCpuDoc, n) };
        while (r == 0 && docs->n < n) {
                r = vh_cpu_doc_parse(&docs->items[docs->n], xmls[docs->n], kind, err);
                docs->n += r == 0;
        }
        return r;
}

void vh_cpu_docs_done(VhCpuDocs *docs)
{
        for (size_t i = 0; i < docs->n; i++)
                vh_cpu_doc_done(&docs->items[i]);
        docs->n = 0;
}

char *vh_cpu_op_text(VhCall *call, VhCpu *cpu)
{
        VhBuf buf = { 0 };

        vh_cpu_format(cpu, 0, &buf);
        vh_cpu_free(cpu);
        return vh_call_own(call, vh_buf_take(&buf));
}

int vh_cpu_op_baseline(VhCall *call, const remote_connect_baseline_cpu_args *args, remote_connect_baseline_cpu_ret *ret,
                       VhError **err)
{
        VhCpuBaseline how = {
                .expand = args->flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
                .migratable = args->flags & VIR_CONNECT_BASELINE_CPU_MIGRATABLE,
        };
        _vh_cpu_docs_ VhCpuDocs docs = {};
        VhCpu *cpu;
        int r = vh_cpu_docs_parse(&docs, call, args->xmlCPUs.val, args->xmlCPUs.len, VH_CPU_DOC_HOST, err);

        if (r == 0)
                r = vh_cpu_baseline(&cpu, docs.items, docs.n, &how, err);
        if (r == 0)
                ret->cpu = vh_cpu_op_text(call, cpu);
        return r;
}
