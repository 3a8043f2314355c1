/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* CPUs as XML describes them, against what hosts and hypervisors have: reading, comparing, a common denominator, and
 * the description of a CPU that is there. Errors have the domain VIR_FROM_CPU. */

#include "base/buf.h"
#include "cpu/x86.h"
#include "model/domain-cpu.h"

/* Policies of a feature, as VhCpuFeature has them. */
enum {
        VH_CPU_POLICY_NONE, /* a feature that a host has */
        VH_CPU_POLICY_FORCE,
        VH_CPU_POLICY_REQUIRE,
        VH_CPU_POLICY_OPTIONAL,
        VH_CPU_POLICY_DISABLE,
        VH_CPU_POLICY_FORBID,
};

/* A CPU on its own: of a host (all that it lists is there), or wanted for a guest. */
typedef struct VhCpuDoc {
        VhCpu *cpu;
        bool host;
} VhCpuDoc;

void vh_cpu_doc_done(VhCpuDoc *doc);
#define _vh_cpu_doc_ _vh_cleanup_(vh_cpu_doc_done)

typedef enum VhCpuDocKind {
        VH_CPU_DOC_ANY,  /* of a host if it names its architecture */
        VH_CPU_DOC_HOST, /* it must name its architecture and model */
} VhCpuDocKind;

/* Reads a <cpu> document. */
int vh_cpu_doc_parse(VhCpuDoc *doc, const char *xml, VhCpuDocKind kind, VhError **err);
struct _xmlNode;
/* Reads a <cpu> element of a guest into a new VhCpu. */
int vh_cpu_parse_node(VhCpu **ret, const struct _xmlNode *node, VhError **err);
/* Writes a CPU as an element at an indent, in blanks. */
void vh_cpu_format(const VhCpu *cpu, unsigned indent, VhBuf *buf);
/* Frees it; accepts NULL, returns NULL. */
VhCpu *vh_cpu_free(VhCpu *cpu);
VhCpu *vh_cpu_copy(const VhCpu *cpu);
VH_DEFINE_CLEANUP(VhCpu *, vh_cpu_free)
#define _vh_cpu_ _vh_cleanup_(vh_cpu_freep)

/* The feature of that name, NULL if the CPU does not mention it. */
VhCpuFeature *vh_cpu_feature(const VhCpu *cpu, const char *name);
/* Adds a feature, or changes the policy of one that is there. */
void vh_cpu_set_feature(VhCpu *cpu, const char *name, uint8_t policy);
/* Features by name. */
void vh_cpu_sort_features(VhCpu *cpu);

/* A model that a hypervisor offers. */
typedef struct VhCpuOffer {
        const char *name;
        const char *const *blockers; /* names of features that this host lacks for it, NULL-terminated; NULL: none */
} VhCpuOffer;

typedef struct VhCpuOffers {
        const VhCpuOffer *items;
        size_t n;
} VhCpuOffers;

typedef struct VhX86Decode {
        bool host;                 /* describe a host: models that it has all of, features without policies */
        bool migratable;           /* leave out what depends on the host */
        const VhCpuOffers *offers; /* models to choose from; NULL: all */
        const char *preferred;     /* model to take if it fits; NULL: none */
        const VhCpuDoc *liked;     /* CPUs whose models win over those that need more features switched off */
        size_t n_liked;
} VhX86Decode;

/* Describes a CPU by a model and what it has more or less: a new VhCpu with model, vendor and features. Returns 0 or
 * negative errno with *err. */
int vh_x86_decode(VhCpu **ret, const VhX86Cpu *cpu, const VhX86Decode *how, VhError **err);

/* The features of a CPU's description with one policy (VH_CPU_POLICY_*); REQUIRE includes the model's own. A host's
 * features are all required. */
int vh_x86_bits_of(const VhCpuDoc *doc, uint8_t policy, VhX86Bits *bits, VhError **err);
/* The features that a CPU has by its description: model, and the features that are not switched off. */
int vh_x86_bits_all(const VhCpuDoc *doc, VhX86Bits *bits, VhError **err);
/* Names of features, in their order, separated by ", ". */
void vh_x86_bits_names(const VhX86Bits *bits, VhBuf *buf);

/* Compares a CPU that is wanted with the one there is (host: its description with model). Returns
 * VIR_CPU_COMPARE_INCOMPATIBLE, IDENTICAL or SUPERSET, or negative errno. why: gets the reason of the first, may be
 * NULL. */
int vh_cpu_compare(const VhCpuDoc *host, const VhCpuDoc *wanted, VhBuf *why, VhError **err);

typedef struct VhCpuBaseline {
        const char *arch;          /* NULL: of the first CPU */
        const VhCpuOffers *offers; /* models to choose from; NULL: all */
        const VhX86Bits *limit;    /* features to choose from; NULL: all */
        bool migratable;           /* without features that depend on the host */
        bool expand;               /* with all features by name */
} VhCpuBaseline;

/* The CPU that all of the given ones can stand in for. */
int vh_cpu_baseline(VhCpu **ret, const VhCpuDoc *docs, size_t n, const VhCpuBaseline *how, VhError **err);
/* Names every feature that a guest with this CPU has. */
int vh_cpu_expand(VhCpu *cpu, VhError **err);
