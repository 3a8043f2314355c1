/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the domain itself. */

#include "model/domain.h"

#include "model/domain-tables.h"
#include "xml/rows.h"

const VhXmlNames vh_virt_type_names = {
        VH_VIRT_HVF + 1,
        (const char *const[]){
                [VH_VIRT_QEMU] = "qemu",
                [VH_VIRT_KQEMU] = "kqemu",
                [VH_VIRT_KVM] = "kvm",
                [VH_VIRT_XEN] = "xen",
                [VH_VIRT_LXC] = "lxc",
                [VH_VIRT_UML] = "uml",
                [VH_VIRT_OPENVZ] = "openvz",
                [VH_VIRT_TEST] = "test",
                [VH_VIRT_VMWARE] = "vmware",
                [VH_VIRT_HYPERV] = "hyperv",
                [VH_VIRT_VBOX] = "vbox",
                [VH_VIRT_PHYP] = "phyp",
                [VH_VIRT_PARALLELS] = "parallels",
                [VH_VIRT_BHYVE] = "bhyve",
                [VH_VIRT_VZ] = "vz",
                [VH_VIRT_HVF] = "hvf",
        },
};

#define ACTIONS NAMES("destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart")

#define S VhGenid
static const VhXmlTable table_genid = { "genid", sizeof(S),
                                        ROWS(TEXT(uuid, uuid, .flags = VH_XML_NONEMPTY,
                                                  FAULT_PLAIN(VIR_ERR_INTERNAL_ERROR, "malformed genid element"))) };
#undef S

#define ONE_ONLY(code, device) .twice = SAY_PLAIN(code, "only a single " device " device is supported")

#define S VhDomainDef
static const VhXmlRow rows_devices[] = {
        LEAF("emulator", emulator, string),
        LIST("disk", disks, vh_table_disk),
        LIST("controller", controllers, vh_table_controller),
        LIST("lease", leases, vh_table_lease),
        LIST("filesystem", filesystems, vh_table_filesystem),
        LIST("interface", nets, vh_table_net),
        LIST("smartcard", smartcards, vh_table_smartcard),
        LIST("serial", serials, vh_table_serial),
        LIST("parallel", parallels, vh_table_parallel),
        LIST("console", consoles, vh_table_console),
        LIST("channel", channels, vh_table_channel),
        LIST("input", inputs, vh_table_input),
        LIST("tpm", tpms, vh_table_tpm),
        LIST("graphics", graphics, vh_table_graphics),
        LIST("sound", sounds, vh_table_sound),
        LIST("audio", audios, vh_table_audio),
        LIST("video", videos, vh_table_video),
        LIST("hostdev", hostdevs, vh_table_hostdev),
        LIST("redirdev", redirdevs, vh_table_redirdev),
        PTR("redirfilter", redirfilter, vh_table_redirfilter,
            .twice = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "only one set of redirection filter rule is supported")),
        LIST("hub", hubs, vh_table_hub),
        PTR("watchdog", watchdog, vh_table_watchdog, ONE_ONLY(VIR_ERR_INTERNAL_ERROR, "watchdog")),
        PTR("memballoon", memballoon, vh_table_memballoon, ONE_ONLY(VIR_ERR_INTERNAL_ERROR, "memory balloon")),
        LIST("rng", rngs, vh_table_rng),
        PTR("nvram", nvram_device, vh_table_nvram, ONE_ONLY(VIR_ERR_INTERNAL_ERROR, "nvram")),
        LIST("panic", panics, vh_table_panic, .flags = VH_XML_NONEMPTY),
        LIST("shmem", shmems, vh_table_shmem),
        LIST("memory", memdevs, vh_table_memdev),
        PTR("iommu", iommu, vh_table_iommu, ONE_ONLY(VIR_ERR_XML_ERROR, "IOMMU")),
        PTR("vsock", vsock, vh_table_vsock, ONE_ONLY(VIR_ERR_XML_ERROR, "vsock")),
        LIST("crypto", cryptos, vh_table_crypto),
        {},
};

static const VhXmlRow rows_domain[] = {
        ENUM("type", virt_type, vh_virt_type_names, KEY,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "invalid domain type ", NULL)),
        ATTR("id", id, opt_int, LIVE),
        LEAF("name", name, string, .flags = VH_XML_NONEMPTY),
        LEAF("uuid", uuid, uuid, FAULT_PLAIN(VIR_ERR_INTERNAL_ERROR, "malformed uuid element")),
        PTR("genid", genid, table_genid),
        LEAF("title", title, string, .flags = VH_XML_NONEMPTY),
        LEAF("description", description, string, .flags = VH_XML_NONEMPTY),
        RAW("metadata", metadata),
        GROUP("maxMemory", ROWS(ATTR("slots", memory_slots, uint), TEXT(max_memory, kib))),
        GROUP("memory", ROWS(ONOFF("dumpCore", memory_dump), TEXT(memory, kib, .flags = VH_XML_ALWAYS))),
        LEAF("currentMemory", current_memory, kib),
        PTR("blkiotune", blkiotune, vh_table_blkiotune),
        PTR("memtune", memtune, vh_table_memtune),
        PTR("memoryBacking", memory_backing, vh_table_memory_backing),
        GROUP("vcpu",
              ROWS(WORD("placement", vcpu_placement, NAMES("static", "auto")), ATTR("cpuset", vcpu_cpuset, cpuset),
                   ATTR("current", vcpus_current, uint, .min = 1, .max = UINT32_MAX,
                        .range = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED, "vcpu 0 can't be offline")),
                   TEXT(vcpus, uint, .min = 1, .max = UINT32_MAX,
                        FAULT_PLAIN(VIR_ERR_XML_ERROR, "maximum vcpus count must be an integer"),
                        .range = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "CPU IDs in <numa> exceed the <vcpu> count")))),
        GROUP("vcpus", ROWS(LIST("vcpu", vcpu_list, vh_table_vcpu))),
        LEAF("iothreads", iothreads, uint, .max = VH_IOTHREADS_MAX,
             FAULT(VIR_ERR_XML_ERROR, "invalid iothreads count '", "'")),
        GROUP("iothreadids", ROWS(LIST("iothread", iothread_list, vh_table_iothread))),
        PTR("defaultiothread", default_iothread, vh_table_default_iothread),
        PTR("cputune", cputune, vh_table_cputune),
        PTR("numatune", numatune, vh_table_numatune),
        PTR("resource", resource, vh_table_resource),
        LIST("sysinfo", sysinfos, vh_table_sysinfo),
        LEAF("bootloader", os.bootloader, string),
        LEAF("bootloader_args", os.bootloader_args, string),
        GROUP_AT("os", os, vh_rows_os),
        PTR("idmap", idmap, vh_table_idmap),
        PTR("features", features, vh_table_features),
        PTR("cpu", cpu, vh_table_cpu),
        GROUP_AT("clock", clock, vh_rows_clock),
        LEAF_WORD("on_poweroff", on_poweroff, ACTIONS,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown on_poweroff action: ", NULL)),
        LEAF_WORD("on_reboot", on_reboot, ACTIONS,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown on_reboot action: ", NULL)),
        LEAF_WORD("on_crash", on_crash, ACTIONS, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown on_crash action: ", NULL)),
        LEAF_WORD("on_lockfailure", on_lockfailure, NAMES("poweroff", "restart", "pause", "ignore"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown on_lockfailure action: ", NULL)),
        GROUP("pm", ROWS(GROUP("suspend-to-mem", ROWS(YESNO("enabled", pm_suspend_to_mem))),
                         GROUP("suspend-to-disk", ROWS(YESNO("enabled", pm_suspend_to_disk))))),
        GROUP("perf", ROWS(LIST("event", perf, vh_table_perf_event))),
        GROUP("devices", rows_devices, .flags = VH_XML_ALWAYS),
        LIST("seclabel", seclabels, vh_table_seclabel),
        GROUP("keywrap", ROWS(LIST("cipher", keywrap, vh_table_keywrap))),
        PTR("launchSecurity", launch_security, vh_table_launch_security),
        PTR("commandline", qemu_commandline, vh_table_qemu_commandline, .ns = &vh_qemu_ns),
        PTR("capabilities", qemu_capabilities, vh_table_qemu_capabilities, .ns = &vh_qemu_ns),
        PTR("override", qemu_override, vh_table_qemu_override, .ns = &vh_qemu_ns),
        PTR("deprecation", qemu_deprecation, vh_table_qemu_deprecation, .ns = &vh_qemu_ns),
        {},
};

const VhXmlTable vh_table_domain = { "domain", sizeof(S), rows_domain };
#undef S
