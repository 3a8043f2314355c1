/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPU baseline: the model that all given CPUs have. CPUs of different models, and lists of features, need the data of
 * CPU models, which this driver does not have: they are refused. */

#include "testdriver/cpu-models.h"
#include "testdriver/domain-ops.h"
#include "xml/doc.h"

/* What one <cpu> of the call says; NULL members are absent. */
typedef struct Cpu {
        char *arch;
        char *model;
} Cpu;

static char *child_text(VhCall *call, const xmlNode *node, const char *name)
{
        const xmlNode *child = vh_xml_child(node, name);
        xmlChar *text = child ? xmlNodeGetContent(child) : NULL;
        char *copy = text ? vh_call_strdup(call, (const char *)text) : NULL;

        xmlFree(text);
        return copy;
}

static int read_cpu(VhCall *call, const char *xml, Cpu *cpu, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        const char *const *names;
        int n, r = vh_xml_doc_parse_root(&root, xml, "(CPU_definition)", VIR_FROM_CPU, "cpu", err);

        if (r < 0)
                return r;
        cpu->arch = child_text(call, root, "arch");
        cpu->model = child_text(call, root, "model");
        if (!cpu->arch)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Missing CPU architecture");
        if (test_cpu_models(cpu->arch, &names, &n) < 0)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Unknown CPU architecture %s", cpu->arch);
        if (!cpu->model)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "no CPU model specified at index 0");
        for (int i = 0; i < n; i++)
                if (vh_streq(names[i], cpu->model))
                        return vh_xml_child(root, "feature")
                                       ? vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                                      "CPU baseline with features is not supported by the test driver")
                                       : 0;
        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "Unknown CPU model %s", cpu->model);
}

TEST_OP_SHARED(connect_baseline_cpu)
{
        Cpu first = {}, cpu;
        int r = test_check_flags(args->flags, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES, "testConnectBaselineCPU", err);

        for (uint32_t i = 0; r == 0 && i < args->xmlCPUs.len; i++) {
                r = read_cpu(call, args->xmlCPUs.val[i], i ? &cpu : &first, err);
                if (r == 0 && i && (!vh_streq(cpu.model, first.model) || !vh_streq(cpu.arch, first.arch)))
                        r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                         "CPU baseline of different models is not supported by the test driver");
        }
        if (r == 0 && (args->flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES))
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "features of CPU models are not known to the test driver");
        if (r < 0)
                return r;
        ret->cpu = vh_call_printf(call,
                                  "<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>%s</model>\n</cpu>\n",
                                  first.model);
        return 0;
}
