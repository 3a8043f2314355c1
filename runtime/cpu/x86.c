/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking things up in the tables of x86 CPUs, and sets of features. */

#include "cpu/x86.h"

#include <string.h>

#include "cpu/x86-data.h"

const VhX86Feature *vh_x86_feature_find(const char *name)
{
        for (unsigned i = 0; i < vh_x86_n_features; i++)
                if (strcmp(vh_x86_features[i].name, name) == 0)
                        return &vh_x86_features[i];
        return NULL;
}

const VhX86Model *vh_x86_model_find(const char *name)
{
        for (unsigned i = 0; i < vh_x86_n_models; i++)
                if (strcmp(vh_x86_models[i].name, name) == 0)
                        return &vh_x86_models[i];
        return NULL;
}

const VhX86Vendor *vh_x86_vendor_find(const char *name)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(vendors); i++)
                if (strcmp(vendors[i].name, name) == 0)
                        return &vendors[i];
        return NULL;
}

const VhX86Vendor *vh_x86_vendor_by_id(const char *id)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(vendors); i++)
                if (strcmp(vendors[i].id, id) == 0)
                        return &vendors[i];
        return NULL;
}

bool vh_x86_model_is(const VhX86Model *model, const VhX86Cpu *cpu)
{
        for (unsigned i = 0; i < model->n_signatures; i++) {
                const VhX86Signature *s = &model->signatures[i];

                if (s->family == cpu->family && s->model == cpu->model && cpu->stepping >= s->stepping_min &&
                    cpu->stepping <= s->stepping_max)
                        return true;
        }
        return false;
}

void vh_x86_bits_add(VhX86Bits *bits, const VhX86Bits *more)
{
        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                bits->words[i] |= more->words[i];
}

void vh_x86_bits_remove(VhX86Bits *bits, const VhX86Bits *less)
{
        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                bits->words[i] &= ~less->words[i];
}

void vh_x86_bits_keep(VhX86Bits *bits, const VhX86Bits *only)
{
        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                bits->words[i] &= only->words[i];
}

bool vh_x86_bits_empty(const VhX86Bits *bits)
{
        uint32_t any = 0;

        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                any |= bits->words[i];
        return any == 0;
}
