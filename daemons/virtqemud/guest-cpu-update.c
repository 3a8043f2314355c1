/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a definition says of a CPU after QEMU told what it became. */

#include "guest-cpu.h"

#include "api.h"

typedef struct Difference {
        VhX86Bits extra, missing;
} Difference;

static int compare(const VhCpu *cpu, const VhX86Bits *enabled, const VhX86Bits *refused, Difference *d, VhError **err)
{
        const VhCpuDoc doc = { .cpu = (VhCpu *)cpu };
        VhX86Bits wanted;
        int r = vh_x86_bits_all(&doc, &wanted, err);

        if (r < 0)
                return r;
        d->extra = *enabled;
        vh_x86_bits_remove(&d->extra, &wanted);
        d->missing = wanted;
        vh_x86_bits_remove(&d->missing, enabled);
        vh_x86_bits_add(&d->missing, refused);
        return 0;
}

static void add_names(const VhX86Bits *bits, VhBuf *b)
{
        const char *separator = "";

        for (unsigned i = 0; i < vh_x86_n_features; i++) {
                if (!vh_x86_bit(bits, &vh_x86_features[i]))
                        continue;
                vh_buf_printf(b, "%s%s", separator, vh_x86_features[i].name);
                separator = ",";
        }
}

static int not_as_specified(const VhX86Bits *extra, const VhX86Bits *missing, VhError **err)
{
        _vh_buf_ VhBuf text = { 0 };

        if (!vh_x86_bits_empty(extra)) {
                vh_buf_adds(&text, "extra features: ");
                add_names(extra, &text);
        }
        if (!vh_x86_bits_empty(missing)) {
                vh_buf_adds(&text, text.len ? ", missing features: " : "missing features: ");
                add_names(missing, &text);
        }
        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_OPERATION_FAILED, "guest CPU doesn't match specification: %s",
                            text.data);
}

/* Bits without a name do not count. */
static void keep_named(VhX86Bits *bits)
{
        VhX86Bits named = {};

        for (unsigned i = 0; i < vh_x86_n_features; i++)
                vh_x86_bit_set(&named, &vh_x86_features[i], true);
        vh_x86_bits_keep(bits, &named);
}

/* Whether it said something else before. */
static bool set_policy(VhCpu *cpu, const char *name, uint8_t policy)
{
        const VhCpuFeature *f = vh_cpu_feature(cpu, name);
        bool same = f && f->policy == policy;

        if (!same)
                vh_cpu_set_feature(cpu, name, policy);
        return !same;
}

/* A clock that a guest insists on is not left out silently. */
static int check_clock(const VhCpu *cpu, const VhX86Bits *enabled, VhError **err)
{
        const VhCpuFeature *f = vh_cpu_feature(cpu, "invtsc");

        if (f && f->policy == VH_CPU_POLICY_REQUIRE && !vh_x86_bit(enabled, vh_x86_feature_find("invtsc")))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "host doesn't support invariant TSC");
        return 0;
}

int qemu_guest_cpu_update(VhCpu *cpu, const VhX86Bits *enabled, const VhX86Bits *missing, VhError **err)
{
        Difference d;
        bool changed = false;
        int r = check_clock(cpu, enabled, err);

        r = r < 0 ? r : compare(cpu, enabled, missing, &d, err);
        if (r < 0)
                return r;
        keep_named(&d.extra);
        keep_named(&d.missing);
        if (cpu->check == VH_CPU_CHECK_FULL && !(vh_x86_bits_empty(&d.extra) && vh_x86_bits_empty(&d.missing)))
                return not_as_specified(&d.extra, &d.missing, err);
        for (unsigned i = 0; i < vh_x86_n_features; i++) {
                const VhX86Feature *f = &vh_x86_features[i];

                if (vh_x86_bit(&d.extra, f))
                        changed |= set_policy(cpu, f->name, VH_CPU_POLICY_REQUIRE);
                else if (vh_x86_bit(&d.missing, f))
                        changed |= set_policy(cpu, f->name, VH_CPU_POLICY_DISABLE);
        }
        return changed;
}
