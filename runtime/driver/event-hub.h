/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who wants to hear about what: the event callbacks that clients registered with one driver instance, and the delivery
 * of events to them. Belongs to the loop thread.
 *
 * An emit function fills the callback form of the message; every registration that matches gets it with its own
 * callback id, legacy registrations get the message without id. Nothing is queued here: the connection encodes at once,
 * so messages may point at an object's own memory. */

#include "driver/driver.h"

typedef enum VhEventFamily {
        VH_EVENT_DOMAIN,
        VH_EVENT_NETWORK,
        VH_EVENT_STORAGE_POOL,
        VH_EVENT_NODE_DEVICE,
        VH_EVENT_SECRET,
        VH_EVENT_QEMU_MONITOR,
        VH_EVENT_FAMILY_MAX,
} VhEventFamily;

VhEventHub *vh_event_hub_new(void);
/* Accepts NULL, returns NULL. */
VhEventHub *vh_event_hub_free(VhEventHub *hub);
/* Forgets every registration of a connection; called when it closes. */
void vh_event_hub_drop(VhEventHub *hub, const VhConn *conn);
/* True if somebody would get the event: saves making an expensive message. */
bool vh_event_wanted(const VhEventHub *hub, VhEventFamily family, int id);

/* Delivers event `id` of the family. msg is the message struct with callbackID (events.yaml, key msg), writable: its
 * callbackID is set for each receiver. hub may be NULL. */
void vh_event_emit(VhEventHub *hub, VhEventFamily family, int id, void *msg);

/* The common events. */
void vh_event_domain_lifecycle(VhEventHub *hub, const remote_nonnull_domain *dom, int event, int detail);
void vh_event_domain_reboot(VhEventHub *hub, const remote_nonnull_domain *dom);
void vh_event_domain_rtc_change(VhEventHub *hub, const remote_nonnull_domain *dom, int64_t offset);
void vh_event_domain_watchdog(VhEventHub *hub, const remote_nonnull_domain *dom, int action);
/* Both I/O error events, ids 4 and 6. */
void vh_event_domain_io_error(VhEventHub *hub, const remote_nonnull_domain *dom, const char *src, const char *alias,
                              int action, const char *reason);
void vh_event_domain_control_error(VhEventHub *hub, const remote_nonnull_domain *dom);
/* Ids 8 (with the source path) and 16 (with the target name). */
void vh_event_domain_block_job(VhEventHub *hub, const remote_nonnull_domain *dom, const char *path, const char *dst,
                               int type, int status);
/* alias may be NULL. reason: VIR_DOMAIN_EVENT_DISK_CHANGE_* */
void vh_event_domain_disk_dropped(VhEventHub *hub, const remote_nonnull_domain *dom, const char *src, const char *alias,
                                  int reason);
void vh_event_domain_tray_change(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias, int reason);
void vh_event_domain_pm(VhEventHub *hub, const remote_nonnull_domain *dom, int id, int reason); /* ids 11, 12, 14 */
void vh_event_domain_balloon_change(VhEventHub *hub, const remote_nonnull_domain *dom, uint64_t actual_kib);
void vh_event_domain_memory_size_change(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias,
                                        uint64_t size_kib);
void vh_event_domain_device_added(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias);
void vh_event_domain_device_removed(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias);
void vh_event_domain_device_removal_failed(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias);
void vh_event_domain_tunable(VhEventHub *hub, const remote_nonnull_domain *dom, remote_typed_param *params, uint32_t n);
void vh_event_domain_agent_lifecycle(VhEventHub *hub, const remote_nonnull_domain *dom, int state, int reason);
void vh_event_domain_job_completed(VhEventHub *hub, const remote_nonnull_domain *dom, remote_typed_param *params,
                                   uint32_t n);
void vh_event_domain_metadata_change(VhEventHub *hub, const remote_nonnull_domain *dom, int type, const char *nsuri);
void vh_event_network_lifecycle(VhEventHub *hub, const remote_nonnull_network *net, int event);
void vh_event_storage_pool_lifecycle(VhEventHub *hub, const remote_nonnull_storage_pool *pool, int event);
void vh_event_storage_pool_refresh(VhEventHub *hub, const remote_nonnull_storage_pool *pool);
void vh_event_node_device_lifecycle(VhEventHub *hub, const char *name, int event);
void vh_event_node_device_update(VhEventHub *hub, const char *name);
void vh_event_secret_lifecycle(VhEventHub *hub, const remote_nonnull_secret *secret, int event);
void vh_event_secret_value_changed(VhEventHub *hub, const remote_nonnull_secret *secret);

/* Members for the ops structs of every driver whose open() sets conn->hub. */
int vh_op_connect_domain_event_register(VhCall *call, remote_connect_domain_event_register_ret *ret, VhError **err);
int vh_op_connect_domain_event_deregister(VhCall *call, remote_connect_domain_event_deregister_ret *ret, VhError **err);
int vh_op_connect_domain_event_register_any(VhCall *call, const remote_connect_domain_event_register_any_args *args,
                                            VhError **err);
int vh_op_connect_domain_event_deregister_any(VhCall *call, const remote_connect_domain_event_deregister_any_args *args,
                                              VhError **err);
int vh_op_connect_domain_event_callback_register_any(VhCall *call,
                                                     const remote_connect_domain_event_callback_register_any_args *args,
                                                     remote_connect_domain_event_callback_register_any_ret *ret,
                                                     VhError **err);
int vh_op_connect_domain_event_callback_deregister_any(
        VhCall *call, const remote_connect_domain_event_callback_deregister_any_args *args, VhError **err);
int vh_op_connect_network_event_register_any(VhCall *call, const remote_connect_network_event_register_any_args *args,
                                             remote_connect_network_event_register_any_ret *ret, VhError **err);
int vh_op_connect_network_event_deregister_any(VhCall *call,
                                               const remote_connect_network_event_deregister_any_args *args,
                                               VhError **err);
int vh_op_connect_storage_pool_event_register_any(VhCall *call,
                                                  const remote_connect_storage_pool_event_register_any_args *args,
                                                  remote_connect_storage_pool_event_register_any_ret *ret,
                                                  VhError **err);
int vh_op_connect_storage_pool_event_deregister_any(VhCall *call,
                                                    const remote_connect_storage_pool_event_deregister_any_args *args,
                                                    VhError **err);
int vh_op_connect_node_device_event_register_any(VhCall *call,
                                                 const remote_connect_node_device_event_register_any_args *args,
                                                 remote_connect_node_device_event_register_any_ret *ret, VhError **err);
int vh_op_connect_node_device_event_deregister_any(VhCall *call,
                                                   const remote_connect_node_device_event_deregister_any_args *args,
                                                   VhError **err);
int vh_op_connect_secret_event_register_any(VhCall *call, const remote_connect_secret_event_register_any_args *args,
                                            remote_connect_secret_event_register_any_ret *ret, VhError **err);
int vh_op_connect_secret_event_deregister_any(VhCall *call, const remote_connect_secret_event_deregister_any_args *args,
                                              VhError **err);
int vh_op_qemu_connect_domain_monitor_event_register(VhCall *call,
                                                     const qemu_connect_domain_monitor_event_register_args *args,
                                                     qemu_connect_domain_monitor_event_register_ret *ret,
                                                     VhError **err);
int vh_op_qemu_connect_domain_monitor_event_deregister(VhCall *call,
                                                       const qemu_connect_domain_monitor_event_deregister_args *args,
                                                       VhError **err);
