/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of the small devices. */

#include "model/domain-tables.h"
#include "xml/rows.h"

#define INFO          EMBED_AT(info, vh_rows_device_info)
#define VIRTIO_DRIVER GROUP_AT("driver", virtio, vh_rows_virtio_opts)

#define S VhWatchdog
const VhXmlTable vh_table_watchdog = {
        "watchdog",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("i6300esb", "ib700", "diag288"), REQUIRED,
                  .missing = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "watchdog must contain model name"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown watchdog model '", "'")),
             WORD("action", action, NAMES("reset", "shutdown", "poweroff", "pause", "dump", "none", "inject-nmi"),
                  .def = 1, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown watchdog action '", "'")),
             INFO),
};
#undef S

#define S VhMemballoon
static const VhXmlNames memballoon_models = {
        VH_MEMBALLOON_VIRTIO_NON_TRANSITIONAL + 1,
        (const char *const[]){
                [VH_MEMBALLOON_VIRTIO] = "virtio",
                [VH_MEMBALLOON_XEN] = "xen",
                [VH_MEMBALLOON_NONE] = "none",
                [VH_MEMBALLOON_VIRTIO_TRANSITIONAL] = "virtio-transitional",
                [VH_MEMBALLOON_VIRTIO_NON_TRANSITIONAL] = "virtio-non-transitional",
        },
};

const VhXmlTable vh_table_memballoon = {
        "memballoon",
        sizeof(S),
        ROWS(ENUM("model", model, memballoon_models, .flags = VH_XML_REQUIRED), ONOFF("autodeflate", autodeflate),
             ONOFF("freePageReporting", free_page_reporting), GROUP("stats", ROWS(ATTR("period", stats_period, uint))),
             INFO, VIRTIO_DRIVER),
};
#undef S

#define S VhNvram
const VhXmlTable vh_table_nvram = { "nvram", sizeof(S), ROWS(INFO) };
#undef S

#define S VhShmem
const VhXmlTable vh_table_shmem = {
        "shmem",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), WORD("role", role, NAMES("master", "peer")),
             GROUP("model", ROWS(WORD("type", model, NAMES("ivshmem", "ivshmem-plain", "ivshmem-doorbell")))),
             LEAF("size", size, mib), GROUP("server", ROWS(ATTR("path", server_path, string))),
             GROUP("msi", ROWS(ONOFF("enabled", msi), ATTR("vectors", msi_vectors, opt_uint),
                               ONOFF("ioeventfd", msi_ioeventfd))),
             INFO),
};
#undef S

#define S VhMemdev
static const VhXmlRow rows_memdev_source[] = {
        LEAF("nodemask", source_nodes, cpuset), LEAF("path", path, string), LEAF("pagesize", source_pagesize, kib),
        LEAF("alignsize", alignsize, kib),      FLAG("pmem", pmem),         {},
};

enum { MODEL_VIRTIO_MEM = 4 };
static const VhXmlRow rows_memdev_target[] = {
        LEAF("size", size, kib, REQUIRED),
        LEAF("node", node, opt_uint),
        GROUP("label", ROWS(LEAF("size", label_size, kib))),
        LEAF("block", block, kib),
        LEAF("requested", requested, kib),
        LEAF("current", current, kib, LIVE, WHEN(model, BIT(MODEL_VIRTIO_MEM)), .flags = VH_XML_ALWAYS),
        FLAG("readonly", readonly),
        {},
};

const VhXmlTable vh_table_memdev = {
        "memory",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc"),
                  .flags = VH_XML_KEY | VH_XML_REQUIRED),
             WORD("access", access, NAMES("shared", "private")), YESNO("discard", discard), LEAF("uuid", uuid, uuid),
             GROUP("source", rows_memdev_source), GROUP("target", rows_memdev_target, REQUIRED), INFO),
};
#undef S

#define S VhPanic
const VhXmlTable vh_table_panic = {
        "panic",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("isa", "pseries", "hyperv", "s390", "pvpanic"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown panic model '", "'")),
             INFO),
};
#undef S

#define S VhIommu
const VhXmlTable vh_table_iommu = {
        "iommu",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("intel", "smmuv3", "virtio"), REQUIRED),
             GROUP("driver", ROWS(ONOFF("intremap", intremap), ONOFF("caching_mode", caching_mode), ONOFF("eim", eim),
                                  ONOFF("iotlb", iotlb), ATTR("aw_bits", aw_bits, uint))),
             INFO),
};
#undef S

#define S VhVsock
const VhXmlTable vh_table_vsock = {
        "vsock",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional")),
             GROUP("cid", ROWS(YESNO("auto", cid_auto),
                               ATTR("address", cid, uint, .min = 3, .max = UINT32_MAX,
                                    .range = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED, "guest CIDs must be >= 3")))),
             INFO, VIRTIO_DRIVER),
};
#undef S

#define S VhCrypto
const VhXmlTable vh_table_crypto = {
        "crypto",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("virtio"), REQUIRED), WORD("type", type, NAMES("qemu"), REQUIRED),
             GROUP("backend",
                   ROWS(WORD("model", backend, NAMES("builtin", "lkcf"), REQUIRED), ATTR("queues", queues, uint)),
                   REQUIRED),
             INFO, VIRTIO_DRIVER),
};
#undef S
