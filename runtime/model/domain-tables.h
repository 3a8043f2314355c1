/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables of the model, for each other and for tests. */

#include "model/domain-cpu.h"
#include "model/domain-tune.h"

/* domain-chr.c */
extern const VhXmlTable vh_table_serial, vh_table_parallel, vh_table_console, vh_table_channel; /* VhChr */
extern const VhXmlTable vh_table_smartcard, vh_table_redirdev, vh_table_rng, vh_table_tpm;
/* domain-disk.c */
extern const VhXmlTable vh_table_disk;
extern const VhXmlTable vh_table_disk_mirror;
extern const VhXmlTable vh_table_storage_encryption;
extern const VhXmlTable vh_table_storage_auth;
extern const VhXmlTable vh_table_storage_host;
/* VhDiskSource: attribute type and element source, and each of them alone. */
extern const VhXmlRow vh_rows_typed_source[], vh_rows_disk_type[], vh_rows_disk_source[], vh_rows_disk_backing[];
extern const VhXmlTable vh_table_disk_source; /* VhDiskSource as an element with the attribute type */
extern const VhXmlNames vh_disk_bus_names;
extern const VhXmlNames vh_disk_device_names;
extern const VhXmlNames vh_storage_format_names, vh_disk_type_names, vh_disk_protocol_names;
/* domain-net.c */
extern const VhXmlTable vh_table_net, vh_table_net_end;
/* Check of an interface: its plug is taken from <actual>, which only status files have. */
int vh_net_read_plug(void *obj, const VhXmlParse *p, const xmlNode *node);
extern const VhXmlTable vh_table_net_ip, vh_table_net_route, vh_table_teaming;
extern const VhXmlTable vh_table_bandwidth, vh_table_virtualport, vh_table_vlan, vh_table_filter_param;
/* domain-display.c */
extern const VhXmlTable vh_table_graphics, vh_table_video, vh_table_sound, vh_table_audio, vh_table_input;
extern const VhXmlNames vh_video_type_names;
extern const VhXmlNames vh_graphics_type_names;
extern const VhXmlNames vh_input_bus_names;
extern const VhXmlNames vh_hostdev_type_names;
extern const VhXmlNames vh_pci_model_names; /* VhControllerModel */
/* domain-controller.c */
extern const VhXmlTable vh_table_controller, vh_table_hub;
extern const VhXmlNames vh_controller_type_names;
/* domain-hostdev.c */
extern const VhXmlTable vh_table_hostdev, vh_table_redirfilter, vh_table_lease, vh_table_filesystem;
/* domain-misc.c */
extern const VhXmlTable vh_table_watchdog, vh_table_memballoon, vh_table_nvram, vh_table_shmem, vh_table_memdev,
        vh_table_panic, vh_table_iommu, vh_table_vsock, vh_table_crypto;
/* domain-cpu.c */
extern const VhXmlTable vh_table_cpu, vh_table_features;
/* domain-tune.c */
extern const VhXmlTable vh_table_cputune, vh_table_numatune, vh_table_blkiotune, vh_table_memtune,
        vh_table_memory_backing, vh_table_resource, vh_table_sysinfo, vh_table_idmap, vh_table_perf_event,
        vh_table_launch_security, vh_table_keywrap, vh_table_vcpu, vh_table_iothread, vh_table_default_iothread;
/* domain-qemu.c */
extern const VhXmlTable vh_table_qemu_commandline, vh_table_qemu_capabilities, vh_table_qemu_deprecation,
        vh_table_qemu_override;
extern const VhXmlNs vh_qemu_ns;
/* domain-os.c */
extern const VhXmlRow vh_rows_os[];    /* VhDomainOs: content of <os> */
extern const VhXmlRow vh_rows_clock[]; /* VhClock */
