/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Describing an x86 CPU by a named model and the differences to it. Every model could be taken; the best one is that of
 * the CPU's own family and model number, then the one with the least differences, then the newest. */

#include "cpu/cpu.h"

#include <errno.h>

/* One way to describe the CPU. */
typedef struct Candidate {
        const VhX86Model *model;
        VhX86Bits more, less; /* features that the CPU has beyond the model, and those to switch off */
        unsigned n_more, n_less;
        const VhX86Feature *removed; /* the model's, to be switched off as well; NULL: none */
        bool same;                   /* the CPU's family and model number are the model's */
        bool liked;                  /* the caller would like it */
} Candidate;

static unsigned count(const VhX86Bits *bits)
{
        unsigned n = 0;

        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                n += (unsigned)__builtin_popcount(bits->words[i]);
        return n;
}

static const VhCpuOffer *find_offer(const VhCpuOffers *offers, const char *name)
{
        for (size_t i = 0; i < offers->n; i++)
                if (strcmp(offers->items[i].name, name) == 0)
                        return &offers->items[i];
        return NULL;
}

/* The hypervisor's model may have grown features that this host lacks: they have to be switched off by name. */
static void add_blockers(const VhCpuOffer *offer, Candidate *c)
{
        for (const char *const *name = offer->blockers; name && *name; name++) {
                const VhX86Feature *f = vh_x86_feature_find(*name);

                if (f && !vh_x86_bit(&c->more, f))
                        vh_x86_bit_set(&c->less, f, true);
        }
}

static void measure(Candidate *c, const VhX86Model *model, const VhX86Cpu *cpu, const VhCpuOffer *offer)
{
        *c = (Candidate){ .model = model, .more = cpu->bits, .less = model->bits };
        vh_x86_bits_remove(&c->more, &model->bits);
        vh_x86_bits_remove(&c->less, &cpu->bits);
        if (offer)
                add_blockers(offer, c);
        if (model->removed && !vh_x86_bit(&c->more, model->removed) && !vh_x86_bit(&c->less, model->removed))
                c->removed = model->removed;
        c->n_more = count(&c->more);
        c->n_less = count(&c->less) + (c->removed != NULL);
        c->same = cpu->has_signature && vh_x86_model_is(model, cpu);
}

/* Switching features off weighs more than adding them, and the more the longer their list is: software may trust that a
 * model has them. The figures are those of libvirt, so that a host gets the same model from both. */
static unsigned penalty(const Candidate *c)
{
        unsigned pairs = (c->n_less + 1) / 2;

        return pairs * (pairs + 1) / 2;
}

static bool better(const Candidate *c, const Candidate *best)
{
        unsigned own = c->n_more + c->n_less + penalty(c), other = best->n_more + best->n_less + penalty(best);

        if (c->same != best->same)
                return c->same;
        if (c->liked && c->n_less == 0 && best->n_less)
                return true;
        return own != other ? own < other : penalty(c) < penalty(best);
}

static bool vendor_fits(const VhX86Model *model, const VhX86Cpu *cpu)
{
        return !model->vendor || !cpu->vendor || model->vendor == cpu->vendor;
}

static bool usable(const Candidate *c, const VhX86Decode *how)
{
        uint8_t use = how->host ? VH_X86_FOR_HOST : VH_X86_FOR_GUEST;

        return c->model->uses & use && !(how->host && c->n_less);
}

static bool likes(const VhX86Decode *how, const char *name)
{
        for (size_t i = 0; i < how->n_liked; i++)
                if (vh_streq(how->liked[i].cpu->model, name))
                        return true;
        return false;
}

/* False: there is none. */
static bool choose(const VhX86Cpu *cpu, const VhX86Decode *how, Candidate *best)
{
        *best = (Candidate){};
        for (unsigned i = vh_x86_n_models; i-- > 0;) {
                const VhX86Model *model = &vh_x86_models[i];
                const VhCpuOffer *offer = how->offers ? find_offer(how->offers, model->name) : NULL;
                Candidate c;

                if ((how->offers && !offer) || !vendor_fits(model, cpu))
                        continue;
                measure(&c, model, cpu, offer);
                if (!usable(&c, how))
                        continue;
                c.liked = likes(how, model->name);
                if (vh_streq(model->name, how->preferred)) {
                        *best = c;
                        return true;
                }
                if (!best->model || better(&c, best))
                        *best = c;
        }
        return best->model != NULL;
}

static void add_features(VhCpu *cpu, const VhX86Bits *bits, uint8_t policy, bool migratable)
{
        for (unsigned i = 0; i < vh_x86_n_features; i++) {
                const VhX86Feature *f = &vh_x86_features[i];

                if (vh_x86_bit(bits, f) && !(migratable && f->not_migratable))
                        vh_cpu_set_feature(cpu, f->name, policy);
        }
}

int vh_x86_decode(VhCpu **ret, const VhX86Cpu *cpu, const VhX86Decode *how, VhError **err)
{
        Candidate best;
        VhCpu *result;

        if (!choose(cpu, how, &best))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_INTERNAL_ERROR,
                                    "Cannot find suitable CPU model for given data");
        result = vh_new(VhCpu, 1);
        result->model = vh_xstrdup(best.model->name);
        if (cpu->vendor)
                result->vendor = vh_xstrdup(cpu->vendor->name);
        add_features(result, &best.more, how->host ? VH_CPU_POLICY_NONE : VH_CPU_POLICY_REQUIRE, how->migratable);
        add_features(result, &best.less, VH_CPU_POLICY_DISABLE, how->migratable);
        if (best.removed)
                vh_cpu_set_feature(result, best.removed->name, VH_CPU_POLICY_DISABLE);
        *ret = result;
        return 0;
}
