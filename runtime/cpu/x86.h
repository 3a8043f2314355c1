/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of CPUs of the x86 family: features as bits of registers, and named models. The tables are made from
 * x86.yaml. */

#include "base/error.h"
#include "base/util.h"

enum { VH_X86_WORDS = 20 };

typedef enum VhX86Register {
        VH_X86_EAX,
        VH_X86_EBX,
        VH_X86_ECX,
        VH_X86_EDX,
        VH_X86_MSR, /* leaf is its number */
} VhX86Register;

/* Where a word of VhX86Bits comes from. */
typedef struct VhX86Word {
        uint32_t leaf, subleaf;
        VhX86Register from;
} VhX86Word;

extern const VhX86Word vh_x86_words[VH_X86_WORDS];

typedef struct VhX86Bits {
        uint32_t words[VH_X86_WORDS];
} VhX86Bits;

typedef struct VhX86Feature {
        const char *name;
        uint8_t word, bit;
        bool not_migratable; /* depends on the host */
} VhX86Feature;

/* In the order in which they are listed. */
extern const VhX86Feature vh_x86_features[];
extern const unsigned vh_x86_n_features;

typedef struct VhX86Vendor {
        const char *name; /* "Intel" */
        const char *id;   /* as CPUID spells it */
} VhX86Vendor;

typedef struct VhX86Signature {
        uint8_t family, model, stepping_min, stepping_max;
} VhX86Signature;

enum {
        VH_X86_FOR_HOST = 1 << 0,  /* may describe a host */
        VH_X86_FOR_GUEST = 1 << 1, /* may describe what a hypervisor offers */
};

typedef struct VhX86Model {
        const char *name;
        const VhX86Vendor *vendor; /* NULL: any */
        VhX86Bits bits;
        const VhX86Signature *signatures;
        unsigned n_signatures;
        uint8_t uses;                /* VH_X86_FOR_* */
        const VhX86Feature *removed; /* was part of the model once; NULL: none */
} VhX86Model;

/* Oldest first. */
extern const VhX86Model vh_x86_models[];
extern const unsigned vh_x86_n_models;

/* A CPU as it is. */
typedef struct VhX86Cpu {
        VhX86Bits bits;
        const VhX86Vendor *vendor; /* NULL: not known */
        unsigned family, model, stepping;
        bool has_signature; /* the three numbers are known */
} VhX86Cpu;

/* NULL if there is none of that name. */
const VhX86Feature *vh_x86_feature_find(const char *name);
const VhX86Model *vh_x86_model_find(const char *name);
const VhX86Vendor *vh_x86_vendor_find(const char *name);
/* id: the twelve letters of CPUID. */
const VhX86Vendor *vh_x86_vendor_by_id(const char *id);
bool vh_x86_model_is(const VhX86Model *model, const VhX86Cpu *cpu);

static inline bool vh_x86_bit(const VhX86Bits *bits, const VhX86Feature *f)
{
        return bits->words[f->word] >> f->bit & 1;
}

static inline void vh_x86_bit_set(VhX86Bits *bits, const VhX86Feature *f, bool on)
{
        if (on)
                bits->words[f->word] |= 1u << f->bit;
        else
                bits->words[f->word] &= ~(1u << f->bit);
}

void vh_x86_bits_add(VhX86Bits *bits, const VhX86Bits *more);
void vh_x86_bits_remove(VhX86Bits *bits, const VhX86Bits *less);
void vh_x86_bits_keep(VhX86Bits *bits, const VhX86Bits *only);
bool vh_x86_bits_empty(const VhX86Bits *bits);
