/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a CPU that is wanted can be had. */

#include "cpu/cpu.h"

#include <errno.h>

#include "api.h"
#include "cpu/arch.h"

void vh_x86_bits_names(const VhX86Bits *bits, VhBuf *buf)
{
        const char *sep = "";

        for (unsigned i = 0; i < vh_x86_n_features; i++)
                if (vh_x86_bit(bits, &vh_x86_features[i])) {
                        vh_buf_printf(buf, "%s%s", sep, vh_x86_features[i].name);
                        sep = ", ";
                }
}

static int add_model(const VhCpu *cpu, VhX86Bits *bits, VhError **err)
{
        const VhX86Model *model = cpu->model ? vh_x86_model_find(cpu->model) : NULL;

        if (cpu->model && !model)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "Unknown CPU model %s", cpu->model);
        if (model)
                vh_x86_bits_add(bits, &model->bits);
        return 0;
}

static const VhX86Feature *known_feature(const VhCpuFeature *feature, VhError **err)
{
        const VhX86Feature *f = vh_x86_feature_find(feature->name);

        if (!f)
                (void)vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR, "Unknown CPU feature %s", feature->name);
        return f;
}

int vh_x86_bits_of(const VhCpuDoc *doc, uint8_t policy, VhX86Bits *bits, VhError **err)
{
        const VhCpu *cpu = doc->cpu;
        int r = 0;

        *bits = (VhX86Bits){};
        if (policy == VH_CPU_POLICY_REQUIRE)
                r = add_model(cpu, bits, err);
        for (uint32_t i = 0; r == 0 && i < cpu->features.n; i++) {
                const VhX86Feature *f = known_feature(cpu->features.items[i], err);
                uint8_t own = doc->host ? VH_CPU_POLICY_REQUIRE : cpu->features.items[i]->policy;

                if (!f)
                        return -EINVAL;
                if (own == policy)
                        vh_x86_bit_set(bits, f, true);
        }
        return r;
}

int vh_x86_bits_all(const VhCpuDoc *doc, VhX86Bits *bits, VhError **err)
{
        const VhCpu *cpu = doc->cpu;
        int r;

        *bits = (VhX86Bits){};
        r = add_model(cpu, bits, err);
        for (uint32_t i = 0; r == 0 && i < cpu->features.n; i++) {
                const VhX86Feature *f = known_feature(cpu->features.items[i], err);
                uint8_t policy = doc->host ? VH_CPU_POLICY_REQUIRE : cpu->features.items[i]->policy;

                if (!f)
                        return -EINVAL;
                if (policy != VH_CPU_POLICY_OPTIONAL)
                        vh_x86_bit_set(bits, f, policy == VH_CPU_POLICY_FORCE || policy == VH_CPU_POLICY_REQUIRE);
        }
        return r;
}

/* ---- comparing ---- */

static int refuse(VhBuf *why, const char *text, const VhX86Bits *features)
{
        if (why) {
                vh_buf_adds(why, text);
                if (features)
                        vh_x86_bits_names(features, why);
        }
        return VIR_CPU_COMPARE_INCOMPATIBLE;
}

static int compare_bits(const VhCpuDoc *host, const VhCpuDoc *wanted, VhBuf *why, VhError **err)
{
        VhX86Bits have, policies[VH_CPU_POLICY_FORBID + 1], missing, extra,
                *forbidden = &policies[VH_CPU_POLICY_FORBID];
        int r = vh_x86_bits_all(host, &have, err);

        for (uint8_t p = VH_CPU_POLICY_FORCE; r == 0 && p <= VH_CPU_POLICY_FORBID; p++)
                r = vh_x86_bits_of(wanted, p, &policies[p], err);
        if (r < 0)
                return r;
        vh_x86_bits_keep(forbidden, &have);
        if (!vh_x86_bits_empty(forbidden))
                return refuse(why, "Host CPU provides forbidden features: ", forbidden);
        missing = policies[VH_CPU_POLICY_REQUIRE];
        vh_x86_bits_remove(&missing, &policies[VH_CPU_POLICY_DISABLE]);
        vh_x86_bits_remove(&missing, &have);
        if (!vh_x86_bits_empty(&missing))
                return refuse(why, "Host CPU does not provide required features: ", &missing);
        extra = have;
        for (unsigned p = VH_CPU_POLICY_FORCE; p <= VH_CPU_POLICY_DISABLE; p++)
                vh_x86_bits_remove(&extra, &policies[p]);
        if (vh_x86_bits_empty(&extra))
                return VIR_CPU_COMPARE_IDENTICAL;
        if (!wanted->host && wanted->cpu->match == VH_CPU_MATCH_STRICT)
                return refuse(why, "Host CPU does not strictly match guest CPU: Extra features: ", &extra);
        return VIR_CPU_COMPARE_SUPERSET;
}

int vh_cpu_compare(const VhCpuDoc *host, const VhCpuDoc *wanted, VhBuf *why, VhError **err)
{
        _vh_free_ char *text = NULL;
        const VhCpu *cpu = wanted->cpu;

        if (vh_cpu_family(host->cpu->arch) != VH_CPU_FAMILY_X86)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_NO_SUPPORT, "cannot compare CPUs of %s architecture",
                                    host->cpu->arch);
        if (cpu->arch && vh_cpu_family(cpu->arch) != VH_CPU_FAMILY_X86) {
                text = vh_xasprintf("CPU arch %s does not match host arch", cpu->arch);
                return refuse(why, text, NULL);
        }
        if (cpu->vendor && !vh_streq(cpu->vendor, host->cpu->vendor)) {
                text = vh_xasprintf("host CPU vendor does not match required CPU vendor %s", cpu->vendor);
                return refuse(why, text, NULL);
        }
        return compare_bits(host, wanted, why, err);
}
