/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of tuning, resources and identity towards the guest. */

#include "model/domain-tune.h"

#include "model/domain-tables.h"
#include "xml/rows.h"

#define S VhVcpu
const VhXmlTable vh_table_vcpu = {
        "vcpu",
        sizeof(S),
        ROWS(ATTR("id", id, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS), YESNO("enabled", enabled, REQUIRED),
             YESNO("hotpluggable", hotpluggable), ATTR("order", order, uint)),
};
#undef S

#define NATURAL                                                                                                        \
        .min = 0, .max = INT32_MAX, .range = &(const VhXmlFault)                                                       \
        {                                                                                                              \
                VIR_FROM_XML, VIR_ERR_XML_ERROR, "Expected non-negative value: ", NULL, false                          \
        }
#define POOL ATTR("thread_pool_min", pool_min, opt_int, NATURAL), ATTR("thread_pool_max", pool_max, opt_int, NATURAL)
#define S    VhIothread
const VhXmlTable vh_table_iothread = {
        "iothread",
        sizeof(S),
        ROWS(ATTR("id", id, opt_uint, REQUIRED, .min = 1, .max = UINT32_MAX), POOL),
};
#undef S

#define S VhDefaultIothread
const VhXmlTable vh_table_default_iothread = { "defaultiothread", sizeof(S), ROWS(POOL) };
#undef S

/* ---- cputune ---- */

#define S VhVcpupin
static const VhXmlTable table_vcpupin = {
        "vcpupin",
        sizeof(S),
        ROWS(ATTR("vcpu", vcpu, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("cpuset", cpuset, cpuset, REQUIRED,
                  .missing = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "missing cpuset for vcpupin"))),
};
static const VhXmlTable table_iothreadpin = {
        "iothreadpin",
        sizeof(S),
        ROWS(ATTR("iothread", vcpu, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("cpuset", cpuset, cpuset, REQUIRED)),
};
static const VhXmlTable table_emulatorpin = { "emulatorpin", sizeof(S),
                                              ROWS(ATTR("cpuset", cpuset, cpuset, REQUIRED)) };
#undef S

#define S VhSched
#define SCHED                                                                                                          \
        WORD("scheduler", scheduler, NAMES("batch", "idle", "fifo", "rr"), REQUIRED),                                  \
                ATTR("priority", priority, opt_int)
static const VhXmlTable table_vcpusched = { "vcpusched", sizeof(S),
                                            ROWS(ATTR("vcpus", vcpus, cpuset, REQUIRED), SCHED) };
static const VhXmlTable table_iothreadsched = { "iothreadsched", sizeof(S),
                                                ROWS(ATTR("iothreads", vcpus, cpuset, REQUIRED), SCHED) };
static const VhXmlTable table_emulatorsched = { "emulatorsched", sizeof(S), ROWS(SCHED) };
#undef S

#define S VhCacheEntry
static const VhXmlTable table_cache = {
        "cache",
        sizeof(S),
        ROWS(ATTR("id", id, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS), ATTR("level", level, uint, REQUIRED),
             WORD("type", type, NAMES("both", "code", "data"), REQUIRED), ATTR("size", size, kib, REQUIRED)),
};
#undef S

#define S VhCacheMonitor
static const VhXmlTable table_cache_monitor = {
        "monitor",
        sizeof(S),
        ROWS(ATTR("level", level, uint, REQUIRED), ATTR("vcpus", vcpus, cpuset, REQUIRED)),
};
static const VhXmlTable table_memory_monitor = { "monitor", sizeof(S), ROWS(ATTR("vcpus", vcpus, cpuset, REQUIRED)) };
#undef S

#define S VhCachetune
static const VhXmlTable table_cachetune = {
        "cachetune",
        sizeof(S),
        ROWS(ATTR("vcpus", vcpus, cpuset, REQUIRED), ATTR("id", id, string, LIVE), LIST("cache", caches, table_cache),
             LIST("monitor", monitors, table_cache_monitor)),
};
#undef S

#define S VhMemoryNode
static const VhXmlTable table_memory_node = {
        "node",
        sizeof(S),
        ROWS(ATTR("id", id, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("bandwidth", bandwidth, uint, REQUIRED)),
};
#undef S

#define S VhMemorytune
static const VhXmlTable table_memorytune = {
        "memorytune",
        sizeof(S),
        ROWS(ATTR("vcpus", vcpus, cpuset, REQUIRED), LIST("node", nodes, table_memory_node),
             LIST("monitor", monitors, table_memory_monitor)),
};
#undef S

#define S VhCputune
/* Bounds of the kernel's scheduler, microseconds. */
#define PERIOD(name)                                                                                                   \
        .min = 1000, .max = 1000000,                                                                                   \
        .range = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED, "Value of cputune '" name "' must be in range [1000, 1000000]")
const VhXmlTable vh_table_cputune = {
        "cputune",
        sizeof(S),
        ROWS(LEAF("shares", shares, opt_u64), LEAF("period", period, u64, PERIOD("period")),
             LEAF("quota", quota, opt_i64), LEAF("global_period", global_period, u64, PERIOD("global_period")),
             LEAF("global_quota", global_quota, opt_i64),
             LEAF("emulator_period", emulator_period, u64, PERIOD("emulator_period")),
             LEAF("emulator_quota", emulator_quota, opt_i64),
             LEAF("iothread_period", iothread_period, u64, PERIOD("iothread_period")),
             LEAF("iothread_quota", iothread_quota, opt_i64), LIST("vcpupin", vcpupins, table_vcpupin),
             PTR("emulatorpin", emulatorpin, table_emulatorpin), LIST("iothreadpin", iothreadpins, table_iothreadpin),
             PTR("emulatorsched", emulatorsched, table_emulatorsched), LIST("vcpusched", vcpuscheds, table_vcpusched),
             LIST("iothreadsched", iothreadscheds, table_iothreadsched), LIST("cachetune", cachetunes, table_cachetune),
             LIST("memorytune", memorytunes, table_memorytune)),
};
#undef S

/* ---- memory ---- */

#define NUMA_MODES NAMES("strict", "preferred", "interleave", "restrictive")
#define S          VhMemnode
static const VhXmlTable table_memnode = {
        "memnode",
        sizeof(S),
        ROWS(ATTR("cellid", cellid, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS), WORD("mode", mode, NUMA_MODES),
             ATTR("nodeset", nodeset, cpuset, REQUIRED)),
};
#undef S

#define S VhNumatune
const VhXmlTable vh_table_numatune = {
        "numatune",
        sizeof(S),
        ROWS(GROUP("memory",
                   ROWS(WORD("mode", mode, NUMA_MODES,
                             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Unsupported NUMA memory tuning mode '", "'")),
                        ATTR("nodeset", nodeset, cpuset),
                        WORD("placement", placement, NAMES("static", "auto"),
                             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Unsupported NUMA memory placement mode '", "'")))),
             LIST("memnode", memnodes, table_memnode)),
};
#undef S

#define S VhMemtune
const VhXmlTable vh_table_memtune = {
        "memtune",
        sizeof(S),
        ROWS(LEAF("hard_limit", hard_limit, kib), LEAF("soft_limit", soft_limit, kib),
             LEAF("min_guarantee", min_guarantee, kib), LEAF("swap_hard_limit", swap_hard_limit, kib)),
};
#undef S

#define S VhHugepage
static const VhXmlTable table_hugepage = {
        "page",
        sizeof(S),
        ROWS(ATTR("size", size, kib, REQUIRED), ATTR("nodeset", nodeset, cpuset)),
};
#undef S

#define S VhHugepages
static const VhXmlTable table_hugepages = { "hugepages", sizeof(S), ROWS(LIST("page", pages, table_hugepage)) };
#undef S

#define S VhMemoryBacking
const VhXmlTable vh_table_memory_backing = {
        "memoryBacking",
        sizeof(S),
        ROWS(PTR("hugepages", hugepages, table_hugepages), FLAG("nosharepages", nosharepages), FLAG("locked", locked),
             GROUP("source", ROWS(WORD("type", source, NAMES("file", "anonymous", "memfd"),
                                       FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown memoryBacking/source/type '", "'")))),
             GROUP("access", ROWS(WORD("mode", access, NAMES("shared", "private"),
                                       FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown memoryBacking/access/mode '", "'")))),
             GROUP("allocation",
                   ROWS(WORD("mode", allocation, NAMES("immediate", "ondemand"),
                             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown memoryBacking/allocation/mode '", "'")),
                        ATTR("threads", allocation_threads, uint))),
             FLAG("discard", discard)),
};
#undef S

/* ---- block I/O, partition ---- */

#define S VhBlkiotuneDevice
static const VhXmlTable table_blkio_device = {
        "device",
        sizeof(S),
        ROWS(LEAF("path", path, string, REQUIRED,
                  .missing = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED, "missing per-device path")),
             LEAF("weight", weight, uint), LEAF("read_iops_sec", read_iops, uint),
             LEAF("write_iops_sec", write_iops, uint), LEAF("read_bytes_sec", read_bytes, u64),
             LEAF("write_bytes_sec", write_bytes, u64)),
};
#undef S

#define S VhBlkiotune
const VhXmlTable vh_table_blkiotune = {
        "blkiotune",
        sizeof(S),
        ROWS(LEAF("weight", weight, uint), LIST("device", devices, table_blkio_device)),
};
#undef S

#define S VhResource
const VhXmlTable vh_table_resource = {
        "resource",
        sizeof(S),
        ROWS(LEAF("partition", partition, string), GROUP("fibrechannel", ROWS(ATTR("appid", fc_appid, string)))),
};
#undef S

/* ---- sysinfo ---- */

#define S VhSysinfoEntry
static const VhXmlTable table_entry = {
        "entry",
        sizeof(S),
        ROWS(ATTR("name", name, string), ATTR("file", file, string), TEXT(value, string, .flags = VH_XML_NONEMPTY)),
};
#undef S

#define S VhSysinfoBlock
static const VhXmlTable table_sysinfo_block = { "bios", sizeof(S), ROWS(LIST("entry", entries, table_entry)) };
#undef S

#define S VhSysinfo
enum { SYSINFO_SMBIOS = 1, SYSINFO_FWCFG = 2 };
#define SMBIOS WHEN(type, BIT(SYSINFO_SMBIOS))
const VhXmlTable vh_table_sysinfo = {
        "sysinfo",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("smbios", "fwcfg"), .flags = VH_XML_KEY | VH_XML_REQUIRED),
             PTR("bios", bios, table_sysinfo_block, SMBIOS), PTR("system", system, table_sysinfo_block, SMBIOS),
             LIST("baseBoard", base_boards, table_sysinfo_block, SMBIOS),
             PTR("chassis", chassis, table_sysinfo_block, SMBIOS),
             LIST("processor", processors, table_sysinfo_block, SMBIOS),
             LIST("memory_device", memory_devices, table_sysinfo_block, SMBIOS),
             PTR("oemStrings", oem_strings, table_sysinfo_block, SMBIOS),
             LIST("entry", entries, table_entry, WHEN(type, BIT(SYSINFO_FWCFG)))),
};
#undef S

/* ---- the rest ---- */

#define S VhIdmapEntry
static const VhXmlTable table_idmap_entry = {
        "uid",
        sizeof(S),
        ROWS(ATTR("start", start, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("target", target, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("count", count, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS)),
};
#undef S

#define S VhIdmap
const VhXmlTable vh_table_idmap = {
        "idmap",
        sizeof(S),
        ROWS(LIST("uid", uids, table_idmap_entry), LIST("gid", gids, table_idmap_entry)),
};
#undef S

static const char *const perf_names[] = {
        NULL,
        "cmt",
        "mbmt",
        "mbml",
        "cpu_cycles",
        "instructions",
        "cache_references",
        "cache_misses",
        "branch_instructions",
        "branch_misses",
        "bus_cycles",
        "stalled_cycles_frontend",
        "stalled_cycles_backend",
        "ref_cpu_cycles",
        "cpu_clock",
        "task_clock",
        "page_faults",
        "context_switches",
        "cpu_migrations",
        "page_faults_min",
        "page_faults_maj",
        "alignment_faults",
        "emulation_faults",
};
const VhXmlNames vh_perf_event_names = { VH_ARRAY_SIZE(perf_names), perf_names };

#define S VhPerfEvent
const VhXmlTable vh_table_perf_event = {
        "event",
        sizeof(S),
        ROWS(WORD("name", name, &vh_perf_event_names, REQUIRED), YESNO("enabled", enabled, REQUIRED)),
};
#undef S

#define S VhLaunchSecurity
enum { LAUNCH_SEV = 1 };
#define SEV WHEN(type, BIT(LAUNCH_SEV))
const VhXmlTable vh_table_launch_security = {
        "launchSecurity",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("sev", "s390-pv"), .flags = VH_XML_KEY | VH_XML_REQUIRED),
             YESNO("kernelHashes", kernel_hashes, SEV), LEAF("cbitpos", cbitpos, opt_uint, SEV),
             LEAF("reducedPhysBits", reduced_phys_bits, opt_uint, SEV),
             LEAF("policy", policy, opt_hex, SEV, .max = 0xffff), LEAF("dhCert", dh_cert, string, SEV),
             LEAF("session", session, string, SEV), DROPPED("handle", SEV)),
};
#undef S

#define S VhKeywrapCipher
const VhXmlTable vh_table_keywrap = {
        "cipher",
        sizeof(S),
        ROWS(WORD("name", name, NAMES("aes", "dea"), REQUIRED), ONOFF("state", state, REQUIRED)),
};
#undef S
