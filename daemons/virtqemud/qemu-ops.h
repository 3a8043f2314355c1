/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The members of the driver's ops struct, by the file that has them. */

#include "qemu.h"

#define QEMU_OP(name) int qemu_##name(VhCall *call, const remote_##name##_args *args, VhError **err)
#define QEMU_OP_RET(name)                                                                                              \
        int qemu_##name(VhCall *call, const remote_##name##_args *args, remote_##name##_ret *ret, VhError **err)
#define QEMU_OP_NOARGS(name) int qemu_##name(VhCall *call, remote_##name##_ret *ret, VhError **err)

/* lookup.c */
QEMU_OP_NOARGS(connect_num_of_domains);
QEMU_OP_NOARGS(connect_num_of_defined_domains);
QEMU_OP_RET(connect_list_domains);
QEMU_OP_RET(connect_list_defined_domains);
QEMU_OP_RET(connect_list_all_domains);
QEMU_OP_RET(domain_lookup_by_id);
QEMU_OP_RET(domain_lookup_by_name);
QEMU_OP_RET(domain_lookup_by_uuid);
QEMU_OP_RET(domain_get_info);
QEMU_OP_RET(domain_get_state);
QEMU_OP_RET(domain_get_os_type);
QEMU_OP_RET(domain_is_active);
QEMU_OP_RET(domain_is_persistent);
QEMU_OP_RET(domain_is_updated);
QEMU_OP_RET(domain_get_autostart);
QEMU_OP(domain_set_autostart);
QEMU_OP_RET(domain_has_managed_save_image);
QEMU_OP_RET(domain_get_xml_desc);
QEMU_OP_RET(domain_get_scheduler_type);
QEMU_OP_RET(domain_get_security_label);
QEMU_OP_RET(domain_get_security_label_list);

/* native.c */
QEMU_OP_RET(connect_domain_xml_to_native);

/* define.c */
QEMU_OP_RET(domain_define_xml);
QEMU_OP_RET(domain_define_xml_flags);
QEMU_OP(domain_undefine);
QEMU_OP(domain_undefine_flags);
QEMU_OP_RET(domain_rename);

/* size.c */
QEMU_OP_RET(domain_get_max_memory);
QEMU_OP(domain_set_memory);
QEMU_OP(domain_set_memory_flags);
QEMU_OP(domain_set_max_memory);
QEMU_OP(domain_set_memory_stats_period);

/* vcpus.c */
QEMU_OP_RET(domain_get_max_vcpus);
QEMU_OP_RET(domain_get_vcpus_flags);
QEMU_OP(domain_set_vcpus);
QEMU_OP(domain_set_vcpus_flags);
QEMU_OP(domain_set_vcpu);

/* perf.c, dirty-rate.c */
QEMU_OP_RET(domain_get_perf_events);
QEMU_OP(domain_set_perf_events);
QEMU_OP(domain_start_dirty_rate_calc);

/* params.c */
QEMU_OP_RET(domain_get_scheduler_parameters);
QEMU_OP_RET(domain_get_scheduler_parameters_flags);
QEMU_OP(domain_set_scheduler_parameters);
QEMU_OP(domain_set_scheduler_parameters_flags);
QEMU_OP_RET(domain_get_memory_parameters);
QEMU_OP(domain_set_memory_parameters);
QEMU_OP_RET(domain_get_numa_parameters);
QEMU_OP(domain_set_numa_parameters);

/* disk-params.c */
QEMU_OP_RET(domain_get_block_io_tune);
QEMU_OP(domain_set_block_io_tune);
QEMU_OP_RET(domain_get_blkio_parameters);
QEMU_OP(domain_set_blkio_parameters);

/* net-params.c */
QEMU_OP_RET(domain_get_interface_parameters);
QEMU_OP(domain_set_interface_parameters);

/* metadata.c */
QEMU_OP_RET(domain_get_metadata);
QEMU_OP(domain_set_metadata);

/* device.c */
QEMU_OP(domain_attach_device);
QEMU_OP(domain_attach_device_flags);
QEMU_OP(domain_detach_device);
QEMU_OP(domain_detach_device_flags);
QEMU_OP(domain_detach_device_alias);
QEMU_OP(domain_update_device_flags);

/* taint.c */
QEMU_OP_RET(domain_get_messages);

/* cpu-time.c */
QEMU_OP_RET(domain_get_cpu_stats);

/* graphics.c */
QEMU_OP(domain_open_graphics);
QEMU_OP(domain_open_graphics_fd);

/* peek.c */
QEMU_OP_RET(domain_memory_peek);
QEMU_OP_RET(domain_block_peek);

/* stats.c */
QEMU_OP_RET(connect_get_all_domain_stats);

/* node.c */
QEMU_OP_NOARGS(node_get_info);
QEMU_OP_RET(node_get_cpu_map);
QEMU_OP_RET(node_get_cpu_stats);
QEMU_OP_RET(node_get_memory_stats);
QEMU_OP_NOARGS(node_get_free_memory);
QEMU_OP_RET(node_get_cells_free_memory);
QEMU_OP_RET(node_get_free_pages);
QEMU_OP_RET(node_alloc_pages);
QEMU_OP_RET(node_get_memory_parameters);
QEMU_OP(node_set_memory_parameters);
QEMU_OP(node_suspend_for_duration);
QEMU_OP_NOARGS(node_get_security_model);
QEMU_OP_RET(connect_get_sysinfo);
QEMU_OP_NOARGS(connect_get_capabilities);
QEMU_OP_NOARGS(connect_get_version);
QEMU_OP_RET(connect_get_max_vcpus);

/* cpu-ops.c */
QEMU_OP_RET(connect_get_cpu_model_names);
QEMU_OP_RET(connect_baseline_cpu);
QEMU_OP_RET(connect_compare_cpu);
QEMU_OP_RET(connect_get_domain_capabilities);
QEMU_OP_RET(connect_compare_hypervisor_cpu);
QEMU_OP_RET(connect_baseline_hypervisor_cpu);

/* moment.c */
QEMU_OP_RET(domain_snapshot_num);
QEMU_OP_RET(domain_snapshot_list_names);
QEMU_OP_RET(domain_list_all_snapshots);
QEMU_OP_RET(domain_has_current_snapshot);
QEMU_OP_RET(domain_list_all_checkpoints);
QEMU_OP_RET(domain_snapshot_get_xml_desc);
QEMU_OP_RET(domain_snapshot_get_parent);
QEMU_OP_RET(domain_snapshot_num_children);
QEMU_OP_RET(domain_snapshot_list_children_names);
QEMU_OP_RET(domain_snapshot_is_current);
QEMU_OP_RET(domain_snapshot_has_metadata);
QEMU_OP(domain_revert_to_snapshot);
QEMU_OP_RET(domain_snapshot_create_xml);
QEMU_OP(domain_snapshot_delete);
QEMU_OP_RET(domain_snapshot_list_all_children);
QEMU_OP_RET(domain_snapshot_lookup_by_name);
QEMU_OP_RET(domain_snapshot_current);
QEMU_OP_RET(domain_checkpoint_lookup_by_name);
QEMU_OP_RET(domain_checkpoint_get_xml_desc);
QEMU_OP_RET(domain_checkpoint_get_parent);
QEMU_OP_RET(domain_checkpoint_list_all_children);
QEMU_OP_RET(domain_checkpoint_create_xml);
QEMU_OP(domain_checkpoint_delete);

/* pin.c */
QEMU_OP_RET(domain_get_vcpu_pin_info);
QEMU_OP_RET(domain_get_emulator_pin_info);
QEMU_OP(domain_pin_vcpu);
QEMU_OP(domain_pin_vcpu_flags);
QEMU_OP(domain_pin_emulator);
QEMU_OP_RET(domain_get_iothread_info);
QEMU_OP(domain_add_iothread);
QEMU_OP(domain_del_iothread);
QEMU_OP(domain_pin_iothread);
QEMU_OP(domain_set_iothread_params);

/* misc.c */
QEMU_OP(domain_set_lifecycle_action);
QEMU_OP_RET(domain_get_launch_security_info);
QEMU_OP(domain_set_launch_security_state);
QEMU_OP_RET(node_get_sev_info);
QEMU_OP_RET(domain_backup_get_xml_desc);
QEMU_OP(domain_backup_begin);

extern const VhHypervisorOps qemu_hypervisor_ops;

/* life.c */
QEMU_OP(domain_create);
QEMU_OP_RET(domain_create_with_flags);
QEMU_OP_RET(domain_create_xml);
QEMU_OP(domain_suspend);
QEMU_OP(domain_resume);
QEMU_OP(domain_destroy);
QEMU_OP(domain_destroy_flags);
QEMU_OP(domain_reset);

/* power.c */
QEMU_OP(domain_shutdown);
QEMU_OP(domain_shutdown_flags);
QEMU_OP(domain_reboot);
QEMU_OP(domain_pm_suspend_for_duration);
QEMU_OP(domain_pm_wakeup);

/* agent.c and agent-*.c */
QEMU_OP_RET(domain_agent_set_response_timeout);
QEMU_OP(domain_set_user_password);
QEMU_OP_RET(domain_authorized_ssh_keys_get);
QEMU_OP(domain_authorized_ssh_keys_set);
QEMU_OP_RET(domain_get_guest_vcpus);
QEMU_OP(domain_set_guest_vcpus);
QEMU_OP_RET(domain_fsfreeze);
QEMU_OP_RET(domain_fsthaw);
QEMU_OP(domain_fstrim);
QEMU_OP_RET(domain_get_fsinfo);
QEMU_OP_RET(domain_get_hostname);
QEMU_OP_RET(domain_get_time);
QEMU_OP(domain_set_time);
QEMU_OP_RET(domain_get_guest_info);
QEMU_OP_RET(domain_interface_addresses);
/* vCPUs as the guest's own system has them on and off: flags are those of GET_VCPUS_FLAGS and SET_VCPUS_FLAGS with
 * VIR_DOMAIN_VCPU_GUEST. */
int qemu_agent_get_vcpus(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, int *num, VhError **err);
int qemu_agent_set_vcpus(VhCall *call, const remote_nonnull_domain *wire, unsigned n, VhError **err);

/* live-cpu.c, live-block.c, live-net.c, guest-input.c, console.c */
QEMU_OP_RET(domain_memory_stats);
QEMU_OP_RET(domain_block_stats);
QEMU_OP_RET(domain_block_stats_flags);
QEMU_OP_RET(domain_interface_stats);
QEMU_OP_RET(domain_get_control_info);
QEMU_OP_RET(domain_get_vcpus);
QEMU_OP(domain_send_key);
QEMU_OP(domain_inject_nmi);
QEMU_OP_RET(domain_screenshot);
QEMU_OP(domain_open_console);
QEMU_OP(domain_open_channel);
QEMU_OP_RET(domain_get_block_info);

/* block-pull.c, block-copy.c, block-job-info.c, block-size.c */
QEMU_OP(domain_block_resize);
QEMU_OP(domain_block_job_abort);
QEMU_OP(domain_block_job_set_speed);
QEMU_OP(domain_block_pull);
QEMU_OP(domain_block_rebase);
QEMU_OP(domain_block_commit);
QEMU_OP(domain_block_copy);
QEMU_OP(domain_set_block_threshold);
QEMU_OP_RET(domain_get_block_job_info);
QEMU_OP_RET(domain_get_disk_errors);
/* migrate-control.c */
QEMU_OP(domain_abort_job);
QEMU_OP(domain_abort_job_flags);
QEMU_OP_RET(domain_get_job_info);
QEMU_OP_RET(domain_get_job_stats);
QEMU_OP_RET(domain_migrate_get_max_downtime);
QEMU_OP(domain_migrate_set_max_downtime);
QEMU_OP_RET(domain_migrate_get_max_speed);
QEMU_OP(domain_migrate_set_max_speed);
QEMU_OP_RET(domain_migrate_get_compression_cache);
QEMU_OP(domain_migrate_set_compression_cache);
QEMU_OP(domain_migrate_start_post_copy);

/* migrate-ops.c */
QEMU_OP_RET(domain_migrate_begin3);
QEMU_OP_RET(domain_migrate_begin3_params);
QEMU_OP_RET(domain_migrate_prepare3);
QEMU_OP_RET(domain_migrate_prepare3_params);
QEMU_OP_RET(domain_migrate_prepare_tunnel3);
QEMU_OP_RET(domain_migrate_prepare_tunnel3_params);
QEMU_OP_RET(domain_migrate_perform3);
QEMU_OP_RET(domain_migrate_perform3_params);
QEMU_OP_RET(domain_migrate_finish3);
QEMU_OP_RET(domain_migrate_finish3_params);
QEMU_OP(domain_migrate_confirm3);
QEMU_OP(domain_migrate_confirm3_params);

/* save.c */
QEMU_OP(domain_save);
QEMU_OP(domain_save_flags);
QEMU_OP(domain_managed_save);
QEMU_OP(domain_restore);
QEMU_OP(domain_restore_flags);
QEMU_OP(domain_save_params);
QEMU_OP(domain_restore_params);
/* Starts a domain from its managed image; start_flags: QEMU_START_*. wire may be NULL. */
int qemu_restore_managed(VhCall *call, QemuDriver *driver, VhDomainObj *dom, bool paused, uint32_t start_flags,
                         remote_nonnull_domain *wire, VhError **err);
/* Path of a domain's managed image; the caller frees it. */
char *qemu_managed_path(const QemuDriver *driver, const VhDomainObj *dom);
/* life.c: the domain that a definition is started as: a new transient one, or a persistent one that does not run and
 * keeps its stored definition. *def is taken over on success. */
int qemu_place_running(QemuDriver *driver, VhDomainDef **def, VhDomainObj **ret, VhError **err);
/* Takes that back before anything was started. */
void qemu_unplace(QemuDriver *driver, VhDomainObj *dom);

/* save-edit.c */
QEMU_OP_RET(domain_save_image_get_xml_desc);
QEMU_OP(domain_save_image_define_xml);
QEMU_OP(domain_managed_save_remove);
QEMU_OP_RET(domain_managed_save_get_xml_desc);
QEMU_OP(domain_managed_save_define_xml);

/* dump.c */
QEMU_OP(domain_core_dump);
QEMU_OP(domain_core_dump_with_format);

/* monitor-command.c */
extern const VhQemuOps qemu_qemu_ops;
int qemu_agent_command(VhCall *call, const qemu_domain_agent_command_args *args, qemu_domain_agent_command_ret *ret,
                       VhError **err);

/* Starts a domain that is marked for it, unless it runs. life.c */
void qemu_autostart_domain(QemuDriver *driver, VhDomainObj *dom);
