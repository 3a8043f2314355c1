/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CPU that several hosts have in common. */

#include "cpu/cpu.h"

#include <errno.h>

#include "cpu/arch.h"

int vh_cpu_expand(VhCpu *cpu, VhError **err)
{
        const VhX86Model *model = cpu->model ? vh_x86_model_find(cpu->model) : NULL;

        if (!model)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "unknown CPU model %s",
                                    cpu->model ? cpu->model : "");
        for (unsigned i = 0; i < vh_x86_n_features; i++)
                if (vh_x86_bit(&model->bits, &vh_x86_features[i]) && !vh_cpu_feature(cpu, vh_x86_features[i].name))
                        vh_cpu_set_feature(cpu, vh_x86_features[i].name, VH_CPU_POLICY_REQUIRE);
        vh_cpu_sort_features(cpu);
        return 0;
}

/* What the CPUs seen so far have in common. */
typedef struct Common {
        VhX86Cpu cpu;
        const char *model;   /* the name that all have; NULL: they differ */
        bool vendor_is_said; /* every CPU names its vendor */
} Common;

static int unknown_vendor(const char *name, VhError **err)
{
        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "Unknown CPU vendor %s", name);
}

/* The vendor of its model does not count if it names none: so libvirt has it. */
static int first_cpu(Common *common, const VhCpuDoc *doc, VhError **err)
{
        int r = vh_x86_bits_all(doc, &common->cpu.bits, err);

        common->model = doc->cpu->model;
        common->vendor_is_said = doc->cpu->vendor != NULL;
        if (r < 0 || !doc->cpu->vendor)
                return r;
        common->cpu.vendor = vh_x86_vendor_find(doc->cpu->vendor);
        return common->cpu.vendor ? 0 : unknown_vendor(doc->cpu->vendor, err);
}

/* name: that a CPU names, or that of its model. */
static int same_vendor(Common *common, const char *name, VhError **err)
{
        if (common->cpu.vendor && strcmp(common->cpu.vendor->name, name) != 0)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "CPU vendors do not match");
        common->cpu.vendor = vh_x86_vendor_find(name);
        return common->cpu.vendor ? 0 : unknown_vendor(name, err);
}

static int next_cpu(Common *common, const VhCpuDoc *doc, VhError **err)
{
        const VhX86Model *model = vh_x86_model_find(doc->cpu->model);
        const char *said = doc->cpu->vendor, *own;
        VhX86Bits bits;
        int r = vh_x86_bits_all(doc, &bits, err);

        if (r < 0)
                return r;
        own = model && model->vendor ? model->vendor->name : NULL;
        if (!vh_streq(doc->cpu->model, common->model))
                common->model = NULL;
        if (said && own && strcmp(said, own) != 0)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED,
                                    "CPU vendor %s of model %s differs from vendor %s", own, model->name, said);
        common->vendor_is_said &= said != NULL;
        vh_x86_bits_keep(&common->cpu.bits, &bits);
        return said || own ? same_vendor(common, said ? said : own, err) : 0;
}

static int x86_baseline(VhCpu **ret, const VhCpuDoc *docs, size_t n, const VhCpuBaseline *how, VhError **err)
{
        Common common = {};
        VhX86Decode decode = { .migratable = how->migratable, .offers = how->offers, .liked = docs, .n_liked = n };
        int r = first_cpu(&common, &docs[0], err);

        for (size_t i = 1; r == 0 && i < n; i++)
                r = next_cpu(&common, &docs[i], err);
        if (r < 0)
                return r;
        if (how->limit)
                vh_x86_bits_keep(&common.cpu.bits, how->limit);
        if (vh_x86_bits_empty(&common.cpu.bits))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "CPUs are incompatible");
        decode.preferred = common.model;
        r = vh_x86_decode(ret, &common.cpu, &decode, err);
        if (r < 0)
                return r;
        (*ret)->fallback = vh_streq((*ret)->model, common.model) ? VH_CPU_FALLBACK_FORBID : VH_CPU_FALLBACK_ALLOW;
        if (!common.vendor_is_said)
                vh_strset(&(*ret)->vendor, NULL);
        return 0;
}

/* Models without features: the first, which must be all for POWER. */
static int plain_baseline(VhCpu **ret, const VhCpuDoc *docs, size_t n, bool same, VhError **err)
{
        VhCpu *cpu;

        for (size_t i = 0; same && i < n; i++)
                if (!vh_cpu_is_named("ppc64", docs[i].cpu->model))
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "Unknown CPU model %s",
                                            docs[i].cpu->model);
        for (size_t i = 1; same && i < n; i++)
                if (!vh_streq(docs[i].cpu->model, docs[0].cpu->model))
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "CPUs are incompatible");
        cpu = vh_new(VhCpu, 1);
        cpu->model = vh_xstrdup(docs[0].cpu->model);
        cpu->fallback = same ? VH_CPU_FALLBACK_FORBID : VH_CPU_FALLBACK_ALLOW;
        *ret = cpu;
        return 0;
}

static int by_family(VhCpu **ret, const VhCpuDoc *docs, size_t n, const char *arch, const VhCpuBaseline *how,
                     VhError **err)
{
        switch (vh_cpu_family(arch)) {
        case VH_CPU_FAMILY_X86:
                return x86_baseline(ret, docs, n, how, err);
        case VH_CPU_FAMILY_PPC64:
                return plain_baseline(ret, docs, n, true, err);
        case VH_CPU_FAMILY_ARM:
                return plain_baseline(ret, docs, n, false, err);
        case VH_CPU_FAMILY_S390:
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT,
                                    "cannot compute baseline CPU of %s architecture", arch);
        default:
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT,
                                    "'%s' architecture is not supported by CPU driver", arch);
        }
}

int vh_cpu_baseline(VhCpu **ret, const VhCpuDoc *docs, size_t n, const VhCpuBaseline *how, VhError **err)
{
        const char *arch = how->arch ? how->arch : docs[0].cpu->arch;
        VhCpu *cpu = NULL;
        int r;

        for (size_t i = 0; i < n; i++)
                if (!docs[i].cpu->model)
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INVALID_ARG,
                                            "no CPU model specified at index %zu", i);
        r = by_family(&cpu, docs, n, arch, how, err);
        if (r == 0 && how->expand && vh_cpu_family(arch) == VH_CPU_FAMILY_X86)
                r = vh_cpu_expand(cpu, err);
        if (r < 0) {
                vh_cpu_free(cpu);
                return r;
        }
        cpu->mode = VH_CPU_MODE_CUSTOM;
        cpu->match = VH_CPU_MATCH_EXACT;
        *ret = cpu;
        return 0;
}
