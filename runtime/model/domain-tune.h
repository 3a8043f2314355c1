/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of a domain that tune or describe it and that most domains do not have. */

#include "model/domain.h"

typedef struct VhVcpupin {
        uint32_t vcpu; /* or iothread */
        VhCpuset *cpuset;
} VhVcpupin;

typedef struct VhSched {
        VhCpuset *vcpus;   /* or iothreads; NULL for the emulator */
        uint8_t scheduler; /* words */
        VhOptInt priority;
} VhSched;

typedef VH_LIST(VhSched) VhScheds;

typedef struct VhCacheEntry {
        uint32_t id, level;
        uint8_t type;  /* words */
        uint64_t size; /* KiB */
} VhCacheEntry;

typedef struct VhCacheMonitor {
        uint32_t level;
        VhCpuset *vcpus;
} VhCacheMonitor;

typedef struct VhCachetune {
        VhCpuset *vcpus;
        char *id;
        VH_LIST(VhCacheEntry) caches;
        VH_LIST(VhCacheMonitor) monitors;
} VhCachetune;

typedef struct VhMemoryNode {
        uint32_t id;
        uint32_t bandwidth;
} VhMemoryNode;

typedef struct VhMemorytune {
        VhCpuset *vcpus;
        VH_LIST(VhMemoryNode) nodes;
        VH_LIST(VhCacheMonitor) monitors;
} VhMemorytune;

struct VhCputune {
        VhOptU64 shares;
        uint64_t period, global_period, emulator_period, iothread_period; /* microseconds */
        VhOptInt64 quota, global_quota, emulator_quota, iothread_quota;   /* microseconds, -1: none */
        VH_LIST(VhVcpupin) vcpupins, iothreadpins;
        VhVcpupin *emulatorpin;
        VhScheds vcpuscheds, iothreadscheds;
        VhSched *emulatorsched;
        VH_LIST(VhCachetune) cachetunes;
        VH_LIST(VhMemorytune) memorytunes;
};

typedef struct VhMemnode {
        uint32_t cellid;
        uint8_t mode; /* words */
        VhCpuset *nodeset;
} VhMemnode;

struct VhNumatune {
        uint8_t mode, placement; /* words */
        VhCpuset *nodeset;
        VH_LIST(VhMemnode) memnodes;
};

typedef struct VhBlkiotuneDevice {
        char *path;
        uint32_t weight;
        uint32_t read_iops, write_iops;
        uint64_t read_bytes, write_bytes;
} VhBlkiotuneDevice;

struct VhBlkiotune {
        uint32_t weight;
        VH_LIST(VhBlkiotuneDevice) devices;
};

struct VhMemtune {
        uint64_t hard_limit, soft_limit, min_guarantee, swap_hard_limit; /* KiB */
};

typedef struct VhHugepage {
        uint64_t size; /* KiB */
        VhCpuset *nodeset;
} VhHugepage;

typedef struct VhHugepages {
        VH_LIST(VhHugepage) pages;
} VhHugepages;

struct VhMemoryBacking {
        VhHugepages *hugepages;
        bool nosharepages, locked, discard;
        uint8_t source, access, allocation; /* words */
        uint32_t allocation_threads;
};

struct VhResource {
        char *partition;
        char *fc_appid;
};

typedef struct VhSysinfoEntry {
        char *name;
        char *value;
        char *file; /* fwcfg */
} VhSysinfoEntry;

typedef VH_LIST(VhSysinfoEntry) VhSysinfoEntries;

typedef struct VhSysinfoBlock {
        VhSysinfoEntries entries;
} VhSysinfoBlock;

struct VhSysinfo {
        uint8_t type; /* words: smbios, fwcfg */
        VhSysinfoBlock *bios, *system, *chassis, *oem_strings;
        VH_LIST(VhSysinfoBlock) base_boards;
        VH_LIST(VhSysinfoBlock) processors, memory_devices;
        VhSysinfoEntries entries; /* fwcfg */
};

typedef struct VhIdmapEntry {
        uint32_t start, target, count;
} VhIdmapEntry;

struct VhIdmap {
        VH_LIST(VhIdmapEntry) uids, gids;
};

struct VhPerfEvent {
        uint8_t name;    /* vh_perf_event_names */
        uint8_t enabled; /* VH_YES, VH_NO */
};
extern const VhXmlNames vh_perf_event_names;

struct VhLaunchSecurity {
        uint8_t type;          /* words: sev, s390-pv */
        uint8_t kernel_hashes; /* VH_YES, VH_NO */
        VhOptUint cbitpos, reduced_phys_bits;
        VhOptUint policy;
        char *dh_cert, *session;
};

struct VhKeywrapCipher {
        uint8_t name;  /* words */
        uint8_t state; /* VH_ON, VH_OFF */
};

struct VhQemuCommandline {
        VH_LIST(VhFilterParam) args; /* value */
        VH_LIST(VhFilterParam) envs; /* name, value */
};

struct VhQemuCapabilities {
        VH_LIST(VhFilterParam) adds; /* name */
        VH_LIST(VhFilterParam) dels;
};

struct VhQemuDeprecation {
        char *behavior;
};

typedef struct VhQemuProperty {
        char *name;
        uint8_t type; /* words */
        char *value;
} VhQemuProperty;

typedef struct VhQemuFrontend {
        VH_LIST(VhQemuProperty) properties;
} VhQemuFrontend;

typedef struct VhQemuDeviceOverride {
        char *alias;
        VhQemuFrontend *frontend;
} VhQemuDeviceOverride;

struct VhQemuOverride {
        VH_LIST(VhQemuDeviceOverride) devices;
};
