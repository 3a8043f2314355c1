/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPU documents as clients send them: read, compared with a host, and made a baseline of. */

#include "api.h"
#include "cpu/arch.h"
#include "cpu/cpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const VhCpuDoc *doc)
{
        static const VhCpuBaseline how = { .arch = "x86_64", .expand = true, .migratable = true };
        VhCpu host_cpu = { .arch = (char *)"x86_64", .model = (char *)"Haswell", .vendor = (char *)"Intel" };
        const VhCpuDoc host = { .cpu = &host_cpu, .host = true };
        VhCpuDoc both[2] = { *doc, host };
        VhBuf text = { 0 };
        VhCpu *cpu;

        (void)vh_cpu_compare(&host, doc, &text, NULL);
        if (vh_cpu_baseline(&cpu, both, VH_ARRAY_SIZE(both), &how, NULL) == 0) {
                vh_cpu_format(cpu, 0, &text);
                vh_cpu_free(cpu);
        }
        vh_buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);

        for (unsigned kind = VH_CPU_DOC_ANY; kind <= VH_CPU_DOC_HOST; kind++) {
                _vh_cpu_doc_ VhCpuDoc doc = {};

                if (vh_cpu_doc_parse(&doc, text, kind, NULL) == 0)
                        use(&doc);
        }
        return 0;
}
