/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The virtual CPU, and the features of the platform. */

#include "model/domain.h"

typedef VH_PACKED_ENUM VhCpuMode{
        VH_CPU_MODE_NONE, VH_CPU_MODE_CUSTOM, VH_CPU_MODE_HOST_MODEL, VH_CPU_MODE_HOST_PASSTHROUGH, VH_CPU_MODE_MAXIMUM,
} VhCpuMode;

typedef VH_PACKED_ENUM VhCpuMatch{
        VH_CPU_MATCH_NONE,
        VH_CPU_MATCH_MINIMUM,
        VH_CPU_MATCH_EXACT,
        VH_CPU_MATCH_STRICT,
} VhCpuMatch;

typedef VH_PACKED_ENUM VhCpuCheck{
        VH_CPU_CHECK_UNSET,
        VH_CPU_CHECK_NONE,
        VH_CPU_CHECK_PARTIAL,
        VH_CPU_CHECK_FULL,
} VhCpuCheck;

typedef VH_PACKED_ENUM VhCpuFallback{
        VH_CPU_FALLBACK_UNSET,
        VH_CPU_FALLBACK_ALLOW,
        VH_CPU_FALLBACK_FORBID,
} VhCpuFallback;

typedef struct VhCpuTopology {
        uint32_t sockets, dies, cores, threads;
} VhCpuTopology;

typedef struct VhCpuFeature {
        uint8_t policy; /* words: force, require, optional, disable, forbid */
        char *name;
} VhCpuFeature;

typedef struct VhCpuCache {
        VhOptUint level;
        uint8_t mode; /* words */
} VhCpuCache;

typedef struct VhCpuMaxphysaddr {
        uint8_t mode; /* words */
        uint32_t bits, limit;
} VhCpuMaxphysaddr;

typedef struct VhNumaDistance {
        uint32_t id, value;
} VhNumaDistance;

typedef struct VhNumaCache {
        uint32_t level;
        uint8_t associativity, policy; /* words */
        uint64_t size;                 /* KiB */
        uint64_t line;                 /* bytes */
} VhNumaCache;

typedef struct VhNumaCell {
        VhOptUint id;
        VhCpuset *cpus;
        uint64_t memory;    /* KiB */
        uint8_t mem_access; /* words */
        uint8_t discard;    /* VH_YES, VH_NO */
        VH_LIST(VhNumaDistance) distances;
        VH_LIST(VhNumaCache) caches;
} VhNumaCell;

typedef struct VhNumaLatency {
        VhOptUint initiator, target, cache;
        uint8_t type;
        uint64_t value;
} VhNumaLatency;

typedef struct VhNumaBandwidth {
        VhOptUint initiator, target, cache;
        uint8_t type;
        uint64_t value; /* KiB */
} VhNumaBandwidth;

typedef struct VhNuma {
        VH_LIST(VhNumaCell) cells;
        VH_LIST(VhNumaLatency) latencies;
        VH_LIST(VhNumaBandwidth) bandwidths;
} VhNuma;

struct VhCpu {
        VhCpuMode mode;
        VhCpuMatch match;
        VhCpuCheck check;
        VhCpuFallback fallback;
        uint8_t migratable; /* VH_ON, VH_OFF */
        char *arch;
        char *model;
        char *vendor_id;
        char *vendor;
        VhCpuTopology *topology;
        VhCpuCache *cache;
        VhCpuMaxphysaddr *maxphysaddr;
        VH_LIST(VhCpuFeature) features;
        VhNuma *numa;
};

typedef struct VhHyperv {
        uint8_t mode; /* words */
        uint8_t relaxed, vapic, spinlocks, vpindex, runtime, synic, stimer, stimer_direct, reset, vendor_id_on,
                frequencies, reenlightenment, tlbflush, ipi, evmcs, avic; /* VH_ON, VH_OFF */
        uint32_t spinlock_retries;
        char *vendor_id;
} VhHyperv;

typedef struct VhKvmFeatures {
        uint8_t hidden, hint_dedicated, poll_control, pv_ipi, dirty_ring; /* VH_ON, VH_OFF */
        uint32_t dirty_ring_size;
} VhKvmFeatures;

typedef struct VhXenFeatures {
        uint8_t e820_host, passthrough, passthrough_mode;
} VhXenFeatures;

typedef struct VhFeatureGic {
        uint8_t version; /* words: host, 2, 3 */
} VhFeatureGic;

typedef struct VhFeatureSwitch {
        uint8_t state; /* VH_ON, VH_OFF */
} VhFeatureSwitch;

enum { VH_CONTAINER_CAPABILITIES = 37 };

/* What the processes of a container may do. */
typedef struct VhFeatureCapabilities {
        uint8_t policy;                            /* words: default, allow, deny */
        uint8_t states[VH_CONTAINER_CAPABILITIES]; /* VH_ON, VH_OFF */
} VhFeatureCapabilities;

typedef struct VhFeatureSmm {
        uint8_t state;
        uint64_t tseg; /* bytes */
} VhFeatureSmm;

typedef struct VhFeatureHpt {
        uint8_t resizing;     /* words */
        uint64_t maxpagesize; /* KiB */
} VhFeatureHpt;

typedef struct VhFeatureApic {
        uint8_t eoi; /* VH_ON, VH_OFF */
} VhFeatureApic;

typedef struct VhFeatureIoapic {
        uint8_t driver; /* words */
} VhFeatureIoapic;

typedef struct VhFeatureLevel {
        uint8_t value; /* words */
} VhFeatureLevel;

typedef struct VhFeatureTcg {
        uint64_t tb_cache; /* KiB */
} VhFeatureTcg;

typedef struct VhFeatureUnknown {
        uint8_t unknown; /* words: ignore, fault */
} VhFeatureUnknown;

struct VhFeatures {
        bool pae, acpi, viridian, privnet;
        VhFeatureApic *apic;
        VhFeatureSwitch *hap, *pmu, *pvspinlock, *vmport, *vmcoreinfo, *htm, *nested_hv, *ccf_assist;
        VhHyperv *hyperv;
        VhKvmFeatures *kvm;
        VhXenFeatures *xen;
        VhFeatureGic *gic;
        VhFeatureCapabilities *capabilities;
        VhFeatureSmm *smm;
        VhFeatureIoapic *ioapic;
        VhFeatureHpt *hpt;
        VhFeatureLevel *cfpc, *sbbc, *ibs;
        VhFeatureUnknown *msrs;
        VhFeatureTcg *tcg;
};
