/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of the virtual CPU and of the platform's features. */

#include "model/domain-cpu.h"

#include "model/domain-tables.h"
#include "xml/rows.h"

/* ---- cpu ---- */

#define S VhCpuTopology
static const VhXmlTable table_topology = {
        "topology",
        sizeof(S),
        ROWS(ATTR("sockets", sockets, uint, REQUIRED, .min = 1, .max = UINT32_MAX), ATTR("dies", dies, uint, .def = 1),
             ATTR("cores", cores, uint, REQUIRED, .min = 1, .max = UINT32_MAX),
             ATTR("threads", threads, uint, REQUIRED, .min = 1, .max = UINT32_MAX)),
};
#undef S

#define S VhCpuFeature
static const VhXmlTable table_cpu_feature = {
        "feature",
        sizeof(S),
        ROWS(WORD("policy", policy, NAMES("force", "require", "optional", "disable", "forbid"), .def = 2,
                  .fault = &(const VhXmlFault){ VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED, "Invalid CPU feature policy",
                                                NULL, true }),
             ATTR("name", name, string, REQUIRED,
                  .missing = &(const VhXmlFault){ VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Invalid CPU feature name", NULL,
                                                  true })),
};
#undef S

#define S VhCpuCache
static const VhXmlTable table_cpu_cache = {
        "cache",
        sizeof(S),
        ROWS(ATTR("level", level, opt_uint, .max = 3),
             WORD("mode", mode, NAMES("emulate", "passthrough", "disable"), REQUIRED)),
};
#undef S

#define S VhCpuMaxphysaddr
static const VhXmlTable table_maxphysaddr = {
        "maxphysaddr",
        sizeof(S),
        ROWS(WORD("mode", mode, NAMES("emulate", "passthrough"), REQUIRED), ATTR("bits", bits, uint),
             ATTR("limit", limit, uint)),
};
#undef S

#define S VhNumaDistance
static const VhXmlTable table_distance = {
        "sibling",
        sizeof(S),
        ROWS(ATTR("id", id, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS),
             ATTR("value", value, uint, REQUIRED, .min = 10, .max = 255)),
};
#undef S

#define S VhNumaCache
static const VhXmlTable table_numa_cache = {
        "cache",
        sizeof(S),
        ROWS(ATTR("level", level, uint, REQUIRED),
             WORD("associativity", associativity, NAMES("none", "direct", "full"), REQUIRED),
             WORD("policy", policy, NAMES("none", "writeback", "writethrough"), REQUIRED),
             GROUP("size", ROWS(ATTR("value", size, kib))), GROUP("line", ROWS(ATTR("value", line, short_bytes)))),
};
#undef S

#define S VhNumaCell
static const VhXmlTable table_cell = {
        "cell",
        sizeof(S),
        ROWS(ATTR("id", id, opt_uint), ATTR("cpus", cpus, cpuset), ATTR("memory", memory, kib, REQUIRED),
             WORD("memAccess", mem_access, NAMES("shared", "private")), YESNO("discard", discard),
             GROUP("distances", ROWS(LIST("sibling", distances, table_distance))),
             LIST("cache", caches, table_numa_cache)),
};
#undef S

#define NUMA_MEASURES NAMES("access", "read", "write")
#define S             VhNumaLatency
static const VhXmlTable table_latency = {
        "latency",
        sizeof(S),
        ROWS(ATTR("initiator", initiator, opt_uint, REQUIRED), ATTR("target", target, opt_uint, REQUIRED),
             ATTR("cache", cache, opt_uint), WORD("type", type, NUMA_MEASURES, REQUIRED),
             ATTR("value", value, u64, REQUIRED)),
};
#undef S

#define S VhNumaBandwidth
static const VhXmlTable table_numa_bandwidth = {
        "bandwidth",
        sizeof(S),
        ROWS(ATTR("initiator", initiator, opt_uint, REQUIRED), ATTR("target", target, opt_uint, REQUIRED),
             ATTR("cache", cache, opt_uint), WORD("type", type, NUMA_MEASURES, REQUIRED),
             ATTR("value", value, kib, REQUIRED)),
};
#undef S

#define S VhNuma
static const VhXmlTable table_numa = {
        "numa",
        sizeof(S),
        ROWS(LIST("cell", cells, table_cell),
             GROUP("interconnects", ROWS(LIST("latency", latencies, table_latency),
                                         LIST("bandwidth", bandwidths, table_numa_bandwidth)))),
};
#undef S

#define S VhCpu
const VhXmlTable vh_table_cpu = {
        "cpu",
        sizeof(S),
        ROWS(WORD("mode", mode, NAMES("custom", "host-model", "host-passthrough", "maximum"),
                  .fault = &(const VhXmlFault){ VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED, "Invalid mode attribute '",
                                                "'", false }),
             WORD("match", match, NAMES("minimum", "exact", "strict")),
             WORD("check", check, NAMES("none", "partial", "full")), ONOFF("migratable", migratable),
             LEAF("arch", arch, string),
             GROUP("model", ROWS(WORD("fallback", fallback, NAMES("allow", "forbid"),
                                      .fault = &(const VhXmlFault){ VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED,
                                                                    "Invalid fallback attribute", NULL, true }),
                                 ATTR("vendor_id", vendor_id, string), TEXT(model, string, .flags = VH_XML_NONEMPTY))),
             LEAF("vendor", vendor, string), PTR("topology", topology, table_topology),
             PTR("cache", cache, table_cpu_cache), PTR("maxphysaddr", maxphysaddr, table_maxphysaddr),
             LIST("feature", features, table_cpu_feature), PTR("numa", numa, table_numa)),
};
#undef S

/* ---- features ---- */

#define S                   VhHyperv
#define SWITCH(name, field) GROUP(name, ROWS(ONOFF("state", field, REQUIRED)))
static const VhXmlTable table_hyperv = {
        "hyperv",
        sizeof(S),
        ROWS(WORD("mode", mode, NAMES("custom", "passthrough"), .def = 1), SWITCH("relaxed", relaxed),
             SWITCH("vapic", vapic),
             GROUP("spinlocks", ROWS(ONOFF("state", spinlocks, REQUIRED), ATTR("retries", spinlock_retries, uint))),
             SWITCH("vpindex", vpindex), SWITCH("runtime", runtime), SWITCH("synic", synic),
             GROUP("stimer", ROWS(ONOFF("state", stimer, REQUIRED), SWITCH("direct", stimer_direct))),
             SWITCH("reset", reset),
             GROUP("vendor_id", ROWS(ONOFF("state", vendor_id_on, REQUIRED), ATTR("value", vendor_id, string))),
             SWITCH("frequencies", frequencies), SWITCH("reenlightenment", reenlightenment),
             SWITCH("tlbflush", tlbflush), SWITCH("ipi", ipi), SWITCH("evmcs", evmcs), SWITCH("avic", avic),
             UNKNOWN(VIR_ERR_CONFIG_UNSUPPORTED, "unsupported HyperV Enlightenment feature: ", NULL)),
};
#undef S

#define S VhKvmFeatures
static const VhXmlTable table_kvm = {
        "kvm",
        sizeof(S),
        ROWS(SWITCH("hidden", hidden), SWITCH("hint-dedicated", hint_dedicated), SWITCH("poll-control", poll_control),
             SWITCH("pv-ipi", pv_ipi),
             GROUP("dirty-ring", ROWS(ONOFF("state", dirty_ring, REQUIRED), ATTR("size", dirty_ring_size, uint))),
             UNKNOWN(VIR_ERR_CONFIG_UNSUPPORTED, "unsupported KVM feature: ", NULL)),
};
#undef S

#define S VhXenFeatures
static const VhXmlTable table_xen = {
        "xen",
        sizeof(S),
        ROWS(SWITCH("e820_host", e820_host),
             GROUP("passthrough", ROWS(ONOFF("state", passthrough, REQUIRED),
                                       WORD("mode", passthrough_mode, NAMES("sync_pt", "share_pt"))))),
};
#undef S

#define S VhFeatureSwitch
/* An element without the attribute means "on". */
static const VhXmlTable table_switch = { "state", sizeof(S), ROWS(ONOFF("state", state, .def = VH_ON)) };
#undef S

#define S VhFeatureGic
static const VhXmlTable table_gic = { "gic", sizeof(S), ROWS(WORD("version", version, NAMES("host", "2", "3"))) };
#undef S

#define S                   VhFeatureCapabilities
#define CAPABILITY(name, i) GROUP(name, ROWS(ONOFF("state", states[i], .def = VH_ON)))
static const VhXmlTable table_capabilities = {
        "capabilities",
        sizeof(S),
        ROWS(WORD("policy", policy, NAMES("default", "allow", "deny"), .def = 1), CAPABILITY("audit_control", 0),
             CAPABILITY("audit_write", 1), CAPABILITY("block_suspend", 2), CAPABILITY("chown", 3),
             CAPABILITY("dac_override", 4), CAPABILITY("dac_read_search", 5), CAPABILITY("fowner", 6),
             CAPABILITY("fsetid", 7), CAPABILITY("ipc_lock", 8), CAPABILITY("ipc_owner", 9), CAPABILITY("kill", 10),
             CAPABILITY("lease", 11), CAPABILITY("linux_immutable", 12), CAPABILITY("mac_admin", 13),
             CAPABILITY("mac_override", 14), CAPABILITY("mknod", 15), CAPABILITY("net_admin", 16),
             CAPABILITY("net_bind_service", 17), CAPABILITY("net_broadcast", 18), CAPABILITY("net_raw", 19),
             CAPABILITY("setgid", 20), CAPABILITY("setfcap", 21), CAPABILITY("setpcap", 22), CAPABILITY("setuid", 23),
             CAPABILITY("sys_admin", 24), CAPABILITY("sys_boot", 25), CAPABILITY("sys_chroot", 26),
             CAPABILITY("sys_module", 27), CAPABILITY("sys_nice", 28), CAPABILITY("sys_pacct", 29),
             CAPABILITY("sys_ptrace", 30), CAPABILITY("sys_rawio", 31), CAPABILITY("sys_resource", 32),
             CAPABILITY("sys_time", 33), CAPABILITY("sys_tty_config", 34), CAPABILITY("syslog", 35),
             CAPABILITY("wake_alarm", 36)),
};
#undef CAPABILITY
#undef S

#define S VhFeatureSmm
static const VhXmlTable table_smm = {
        "smm",
        sizeof(S),
        ROWS(ONOFF("state", state, .def = VH_ON), LEAF("tseg", tseg, size)),
};
#undef S

#define S VhFeatureApic
static const VhXmlTable table_apic = { "apic", sizeof(S), ROWS(ONOFF("eoi", eoi)) };
#undef S

#define S VhFeatureIoapic
static const VhXmlTable table_ioapic = { "ioapic", sizeof(S),
                                         ROWS(WORD("driver", driver, NAMES("qemu", "kvm"), REQUIRED)) };
#undef S

#define S VhFeatureHpt
static const VhXmlTable table_hpt = {
        "hpt",
        sizeof(S),
        ROWS(WORD("resizing", resizing, NAMES("enabled", "disabled", "required")),
             LEAF("maxpagesize", maxpagesize, kib)),
};
#undef S

#define S VhFeatureLevel
static const VhXmlTable table_level = {
        "cfpc",
        sizeof(S),
        ROWS(WORD("value", value, NAMES("broken", "workaround", "fixed", "fixed-ibs", "fixed-ccd", "fixed-na"),
                  REQUIRED)),
};
#undef S

#define S VhFeatureUnknown
static const VhXmlTable table_msrs = { "msrs", sizeof(S),
                                       ROWS(WORD("unknown", unknown, NAMES("ignore", "fault"), REQUIRED)) };
#undef S

#define S VhFeatureTcg
static const VhXmlTable table_tcg = { "tcg", sizeof(S), ROWS(LEAF("tb-cache", tb_cache, kib)) };
#undef S

#define S VhFeatures
const VhXmlTable vh_table_features = {
        "features",
        sizeof(S),
        ROWS(FLAG("acpi", acpi), PTR("apic", apic, table_apic), FLAG("pae", pae), PTR("hap", hap, table_switch),
             FLAG("viridian", viridian), FLAG("privnet", privnet), PTR("hyperv", hyperv, table_hyperv),
             PTR("kvm", kvm, table_kvm), PTR("pvspinlock", pvspinlock, table_switch),
             PTR("capabilities", capabilities, table_capabilities), PTR("pmu", pmu, table_switch),
             PTR("vmport", vmport, table_switch), PTR("gic", gic, table_gic), PTR("smm", smm, table_smm),
             PTR("ioapic", ioapic, table_ioapic), PTR("hpt", hpt, table_hpt),
             PTR("vmcoreinfo", vmcoreinfo, table_switch), PTR("htm", htm, table_switch),
             PTR("nested-hv", nested_hv, table_switch), PTR("msrs", msrs, table_msrs),
             PTR("ccf-assist", ccf_assist, table_switch), PTR("xen", xen, table_xen), PTR("cfpc", cfpc, table_level),
             PTR("sbbc", sbbc, table_level), PTR("ibs", ibs, table_level), PTR("tcg", tcg, table_tcg),
             UNKNOWN(VIR_ERR_CONFIG_UNSUPPORTED, "unexpected feature '", "'")),
};
#undef S
