/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Facts about the machine we run on, from /proc, /sys and uname. The kernel is asked each time, but for the
 * frequency of the time stamp counter. */

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"

typedef struct VhHost VhHost;

/* root: directory that stands for "/", for tests; NULL: the real one. Never NULL. */
VhHost *vh_host_new(const char *root);
/* Accepts NULL, returns NULL. */
VhHost *vh_host_free(VhHost *host);
VH_DEFINE_CLEANUP(VhHost *, vh_host_free)

typedef struct VhHostNodeInfo {
        char model[32]; /* machine architecture, NUL-filled */
        uint64_t memory_kib;
        unsigned cpus; /* that are online */
        unsigned mhz;  /* of the first processor; 0: unknown */
        unsigned nodes;
        unsigned sockets; /* per node */
        unsigned cores;   /* per socket */
        unsigned threads; /* per core */
} VhHostNodeInfo;

int vh_host_node_info(VhHost *host, VhHostNodeInfo *info, VhError **err);

/* A set of processors or cells as a bit map: bit i % 8 of byte i / 8, the form on the wire. */
typedef struct VhHostBits {
        uint8_t *bytes; /* owned */
        unsigned n;     /* bits */
} VhHostBits;

static inline bool vh_host_bit(const VhHostBits *bits, unsigned i)
{
        return i < bits->n && bits->bytes[i / 8] & 1u << i % 8;
}
void vh_host_bits_done(VhHostBits *bits);

/* The processors that can exist (n bits); those that are online are set. Returns the number online or negative errno.
 */
int vh_host_cpu_map(VhHost *host, VhHostBits *online, VhError **err);

/* A named counter of the node statistics; names are static. */
typedef struct VhHostStat {
        const char *name;
        uint64_t value;
} VhHostStat;

enum {
        VH_HOST_CPU_STATS = 4,    /* kernel, user, idle, iowait in ns */
        VH_HOST_MEMORY_STATS = 4, /* total, free, buffers, cached in KiB; a single cell has the first two */
        VH_HOST_ALL_CPUS = -1,
        VH_HOST_ALL_CELLS = -1,
};

/* Fills stats and returns their number. cpu (cell) is a number or VH_HOST_ALL_CPUS (_CELLS); unknown ones are
 * VIR_ERR_INVALID_ARG. */
int vh_host_cpu_stats(VhHost *host, int cpu, VhHostStat stats[VH_HOST_CPU_STATS], VhError **err);
int vh_host_memory_stats(VhHost *host, int cell, VhHostStat stats[VH_HOST_MEMORY_STATS], VhError **err);

/* Bytes of free memory of the whole node. */
int vh_host_free_memory(VhHost *host, uint64_t *bytes, VhError **err);
/* Bytes of free memory of the cells first to first + max - 1, as far as they exist. Returns the number filled. */
int vh_host_cells_free_memory(VhHost *host, int first, unsigned max, uint64_t *bytes, VhError **err);
/* Free pages: counts[c * n_sizes + s] for n_cells cells from first and page sizes (KiB). Returns the number filled. */
int vh_host_free_pages(VhHost *host, const unsigned *sizes, unsigned n_sizes, int first, unsigned n_cells,
                       uint64_t *counts, VhError **err);
/* Sets the pools of huge pages of n_cells cells from first: counts[i] pages of sizes[i] KiB, in addition to those there
 * or as the new number. Returns the number of pools set. */
int vh_host_alloc_pages(VhHost *host, const unsigned *sizes, const uint64_t *counts, unsigned n_sizes, int first,
                        unsigned n_cells, bool add, VhError **err);

/* Fully qualified name as far as the resolver knows it; the caller frees it. */
int vh_host_name(VhHost *host, char **name, VhError **err);
/* The <sysinfo type='smbios'> document; VIR_ERR_CONFIG_UNSUPPORTED where there are no DMI tables or we may not read
 * them. */
int vh_host_sysinfo_xml(VhHost *host, char **xml, VhError **err);

/* Parameters of same-page merging: files below /sys/kernel/mm/ksm under their public names. */
typedef struct VhHostKsmParam {
        const char *name; /* "shm_pages_to_scan" */
        const char *file;
        bool is_u64;   /* typed parameter ULLONG, else UINT */
        bool writable; /* accepted by the setter */
} VhHostKsmParam;

extern const VhHostKsmParam vh_host_ksm_params[];
extern const unsigned vh_host_n_ksm_params;

/* Returns 0, or -ENOENT (no error object) if this kernel lacks the parameter. */
int vh_host_ksm_get(VhHost *host, const VhHostKsmParam *param, uint64_t *value, VhError **err);
int vh_host_ksm_set(VhHost *host, const VhHostKsmParam *param, uint64_t value, VhError **err);

/* One security driver as the capabilities document and NODE_GET_SECURITY_MODEL name it. Strings are static but for the
 * base labels, which belong to the caller; NULL: no base label. */
typedef struct VhHostSecModel {
        const char *model; /* "apparmor", "dac", "none" */
        const char *doi;
        const char *base_kvm;
        const char *base_qemu;
} VhHostSecModel;

enum { VH_HOST_SEC_MODELS_MAX = 2 };

/* The models in force for guests: the driver's mandatory one ("apparmor", "selinux", "none") with the base label of its
 * guests (NULL: none), and DAC when privileged with dac_label ("+UID:+GID" of the guests' account) as its base label.
 * Returns their number. */
unsigned vh_host_sec_models(const VhHostSecModel *mandatory, bool privileged, const char *dac_label,
                            VhHostSecModel models[VH_HOST_SEC_MODELS_MAX]);

typedef struct VhHostCapsArgs {
        const uint8_t *uuid; /* NULL: none */
        const VhHostSecModel *models;
        unsigned n_models;
        const char *const *migration_transports; /* NULL-terminated; NULL: the driver cannot migrate */
} VhHostCapsArgs;

/* Appends the <host> element of a capabilities document, indented by two. */
void vh_host_caps_format(VhHost *host, const VhHostCapsArgs *args, VhBuf *buf);

/* The UUID that the host is known by: host_uuid of the daemon's configuration is the caller's affair; this is DMI's,
 * else that of /etc/machine-id. Returns 0, or -ENOENT if there is neither. */
int vh_host_uuid(VhHost *host, uint8_t uuid[VH_UUID_LEN]);
