/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files that serve the hypervisor calls of the test driver. */

#include "testdriver/test.h"

enum { TEST_AFFECT = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG };

/* The definitions that a change goes to; an entry is NULL if it is not meant. */
typedef struct TestTargets {
        VhDomainDef *live;
        VhDomainDef *config;
} TestTargets;

/* Resolves the AFFECT bits of flags for a domain. */
int test_targets(VhDomainObj *dom, uint32_t flags, TestTargets *t, VhError **err);
/* The domain of a handle, and its targets. */
int test_domain_targets(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhDomainObj **dom,
                        TestTargets *t, VhError **err);
/* The one definition that a getter with flags means. */
int test_domain_def(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhDomainDef **def, VhError **err);
/* Writes one of the domain's definitions. */
void test_domain_format(const VhDomainObj *dom, const VhDomainDef *def, unsigned flags, VhBuf *b);
/* The disk with that target or source, NULL if there is none. */
VhDisk *test_find_disk(const VhDomainDef *def, const char *path);
/* Nanoseconds since 1970 in steps of microseconds. */
uint64_t test_clock_ns(void);
/* Makes the lists of snapshots and checkpoints ready. */

/* Functions that serve procedure `name`: with arguments and reply, without reply, without arguments. */
#ifndef TEST_OP_SHARED
#define TEST_OP_SHARED(name)                                                                                           \
        int test_op_##name(VhCall *call, const remote_##name##_args *args, remote_##name##_ret *ret, VhError **err)
#endif
#define TEST_OP_SHARED_DO(name)  int test_op_##name(VhCall *call, const remote_##name##_args *args, VhError **err)
#define TEST_OP_SHARED_GET(name) int test_op_##name(VhCall *call, remote_##name##_ret *ret, VhError **err)

/* baseline.c */
TEST_OP_SHARED(connect_baseline_cpu);
TEST_OP_SHARED(connect_get_cpu_model_names);

/* checkpoint.c */
TEST_OP_SHARED(domain_checkpoint_create_xml);
TEST_OP_SHARED(domain_checkpoint_get_xml_desc);
TEST_OP_SHARED(domain_list_all_checkpoints);
TEST_OP_SHARED(domain_checkpoint_list_all_children);
TEST_OP_SHARED(domain_checkpoint_lookup_by_name);
TEST_OP_SHARED(domain_checkpoint_get_parent);
TEST_OP_SHARED_DO(domain_checkpoint_delete);

/* domain-blkio.c */
TEST_OP_SHARED(domain_get_blkio_parameters);
TEST_OP_SHARED_DO(domain_set_blkio_parameters);

/* domain-config.c */
TEST_OP_SHARED(domain_define_xml);
TEST_OP_SHARED(domain_define_xml_flags);
TEST_OP_SHARED_DO(domain_undefine);
TEST_OP_SHARED_DO(domain_undefine_flags);
TEST_OP_SHARED(domain_get_xml_desc);
TEST_OP_SHARED_DO(domain_set_metadata);
TEST_OP_SHARED(domain_get_metadata);
TEST_OP_SHARED(domain_rename);
TEST_OP_SHARED_DO(domain_set_lifecycle_action);

/* domain-cpu.c */
TEST_OP_SHARED_DO(domain_set_vcpus);
TEST_OP_SHARED_DO(domain_set_vcpus_flags);
TEST_OP_SHARED(domain_get_vcpus_flags);
TEST_OP_SHARED(domain_get_max_vcpus);
TEST_OP_SHARED_DO(domain_pin_vcpu);
TEST_OP_SHARED_DO(domain_pin_vcpu_flags);
TEST_OP_SHARED(domain_get_vcpus);
TEST_OP_SHARED(domain_get_vcpu_pin_info);
TEST_OP_SHARED_DO(domain_pin_emulator);
TEST_OP_SHARED(domain_get_emulator_pin_info);

/* domain-guest.c */
TEST_OP_SHARED(domain_get_hostname);
TEST_OP_SHARED(domain_get_time);
TEST_OP_SHARED_DO(domain_set_time);
TEST_OP_SHARED(domain_fsfreeze);
TEST_OP_SHARED(domain_fsthaw);
TEST_OP_SHARED_DO(domain_fstrim);
TEST_OP_SHARED(domain_get_fsinfo);
TEST_OP_SHARED(domain_interface_addresses);
TEST_OP_SHARED_DO(domain_inject_nmi);
TEST_OP_SHARED_DO(domain_send_key);
TEST_OP_SHARED_DO(domain_send_process_signal);
TEST_OP_SHARED_DO(domain_set_user_password);
TEST_OP_SHARED(domain_get_messages);
TEST_OP_SHARED(domain_get_launch_security_info);
TEST_OP_SHARED(domain_get_security_label);
TEST_OP_SHARED(domain_get_security_label_list);
TEST_OP_SHARED(domain_screenshot);

/* domain-io.c */
TEST_OP_SHARED(domain_get_block_io_tune);
TEST_OP_SHARED_DO(domain_set_block_io_tune);
TEST_OP_SHARED(domain_get_interface_parameters);
TEST_OP_SHARED_DO(domain_set_interface_parameters);
TEST_OP_SHARED(domain_block_stats);
TEST_OP_SHARED(domain_interface_stats);
TEST_OP_SHARED(domain_get_block_info);
TEST_OP_SHARED(domain_get_disk_errors);

/* domain-iothread.c */
TEST_OP_SHARED_DO(domain_add_iothread);
TEST_OP_SHARED_DO(domain_del_iothread);
TEST_OP_SHARED(domain_get_iothread_info);
TEST_OP_SHARED_DO(domain_pin_iothread);
TEST_OP_SHARED_DO(domain_set_iothread_params);

/* domain-life.c */
TEST_OP_SHARED(domain_create_xml);
TEST_OP_SHARED(domain_create_xml_with_files);
TEST_OP_SHARED_DO(domain_create);
TEST_OP_SHARED(domain_create_with_flags);
TEST_OP_SHARED(domain_create_with_files);
TEST_OP_SHARED_DO(domain_destroy);
TEST_OP_SHARED_DO(domain_destroy_flags);
TEST_OP_SHARED_DO(domain_shutdown);
TEST_OP_SHARED_DO(domain_shutdown_flags);
TEST_OP_SHARED_DO(domain_suspend);
TEST_OP_SHARED_DO(domain_resume);
TEST_OP_SHARED_DO(domain_reboot);
TEST_OP_SHARED_DO(domain_reset);

/* domain-list.c */
TEST_OP_SHARED(domain_lookup_by_id);
TEST_OP_SHARED(domain_lookup_by_uuid);
TEST_OP_SHARED(domain_lookup_by_name);
TEST_OP_SHARED(connect_list_all_domains);
TEST_OP_SHARED(connect_list_domains);
TEST_OP_SHARED(connect_list_defined_domains);
TEST_OP_SHARED_GET(connect_num_of_domains);
TEST_OP_SHARED_GET(connect_num_of_defined_domains);
TEST_OP_SHARED(domain_get_info);
TEST_OP_SHARED(domain_get_state);
TEST_OP_SHARED(domain_get_control_info);
TEST_OP_SHARED(domain_get_os_type);
TEST_OP_SHARED(domain_get_max_memory);
TEST_OP_SHARED(domain_is_active);
TEST_OP_SHARED(domain_is_persistent);
TEST_OP_SHARED(domain_is_updated);
TEST_OP_SHARED(domain_get_autostart);
TEST_OP_SHARED_DO(domain_set_autostart);

/* domain-memory.c */
TEST_OP_SHARED_DO(domain_set_memory);
TEST_OP_SHARED_DO(domain_set_max_memory);
TEST_OP_SHARED_DO(domain_set_memory_flags);
TEST_OP_SHARED_DO(domain_set_memory_stats_period);
TEST_OP_SHARED(domain_memory_stats);
TEST_OP_SHARED(domain_memory_peek);

/* domain-save.c */
TEST_OP_SHARED_DO(domain_save);
TEST_OP_SHARED_DO(domain_save_flags);
TEST_OP_SHARED_DO(domain_restore);
TEST_OP_SHARED_DO(domain_restore_flags);
TEST_OP_SHARED(domain_save_image_get_xml_desc);
TEST_OP_SHARED_DO(domain_save_image_define_xml);
TEST_OP_SHARED_DO(domain_managed_save);
TEST_OP_SHARED(domain_has_managed_save_image);
TEST_OP_SHARED_DO(domain_managed_save_remove);
TEST_OP_SHARED_DO(domain_core_dump);
TEST_OP_SHARED_DO(domain_core_dump_with_format);

/* domain-stats.c */
TEST_OP_SHARED(domain_get_cpu_stats);
TEST_OP_SHARED(connect_get_all_domain_stats);

/* domain-tune.c */
TEST_OP_SHARED(domain_get_scheduler_type);
TEST_OP_SHARED(domain_get_scheduler_parameters);
TEST_OP_SHARED(domain_get_scheduler_parameters_flags);
TEST_OP_SHARED_DO(domain_set_scheduler_parameters);
TEST_OP_SHARED_DO(domain_set_scheduler_parameters_flags);
TEST_OP_SHARED(domain_get_memory_parameters);
TEST_OP_SHARED_DO(domain_set_memory_parameters);
TEST_OP_SHARED(domain_get_numa_parameters);
TEST_OP_SHARED_DO(domain_set_numa_parameters);
TEST_OP_SHARED(domain_get_perf_events);
TEST_OP_SHARED_DO(domain_set_perf_events);

/* node.c */
TEST_OP_SHARED_GET(connect_get_version);
TEST_OP_SHARED(connect_get_max_vcpus);
TEST_OP_SHARED_GET(node_get_info);
TEST_OP_SHARED_GET(connect_get_capabilities);
TEST_OP_SHARED(connect_get_sysinfo);
TEST_OP_SHARED_GET(node_get_security_model);
TEST_OP_SHARED_GET(node_get_free_memory);
TEST_OP_SHARED(node_get_cells_free_memory);
TEST_OP_SHARED(node_get_free_pages);
TEST_OP_SHARED(node_get_cpu_stats);
TEST_OP_SHARED(node_get_cpu_map);

/* snapshot.c */
TEST_OP_SHARED(domain_snapshot_create_xml);
TEST_OP_SHARED(domain_snapshot_get_xml_desc);
TEST_OP_SHARED(domain_snapshot_num);
TEST_OP_SHARED(domain_snapshot_list_names);
TEST_OP_SHARED(domain_list_all_snapshots);
TEST_OP_SHARED(domain_snapshot_num_children);
TEST_OP_SHARED(domain_snapshot_list_children_names);
TEST_OP_SHARED(domain_snapshot_list_all_children);
TEST_OP_SHARED(domain_snapshot_lookup_by_name);
TEST_OP_SHARED(domain_has_current_snapshot);
TEST_OP_SHARED(domain_snapshot_current);
TEST_OP_SHARED(domain_snapshot_get_parent);
TEST_OP_SHARED(domain_snapshot_is_current);
TEST_OP_SHARED(domain_snapshot_has_metadata);
TEST_OP_SHARED_DO(domain_snapshot_delete);
TEST_OP_SHARED_DO(domain_revert_to_snapshot);
