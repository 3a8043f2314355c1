/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed emit functions: each fills the callback form of its message. */

#include "driver/event-hub.h"
#include "api.h"

/* Wrapped events carry the legacy message in member msg; its first member is the domain. */
#define EMIT_WRAPPED(ID, type, ...)                                                                                    \
        do {                                                                                                           \
                remote_domain_event_callback_##type##_msg m = { .msg = { .dom = *dom, __VA_ARGS__ } };                 \
                vh_event_emit(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_##ID, &m);                                     \
        } while (0)
#define EMIT_DOMAIN(ID, type, ...)                                                                                     \
        do {                                                                                                           \
                remote_domain_event_##type##_msg m = { .dom = *dom, __VA_ARGS__ };                                     \
                vh_event_emit(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_##ID, &m);                                     \
        } while (0)

void vh_event_domain_lifecycle(VhEventHub *hub, const remote_nonnull_domain *dom, int event, int detail)
{
        EMIT_WRAPPED(LIFECYCLE, lifecycle, .event = event, .detail = detail);
}

void vh_event_domain_reboot(VhEventHub *hub, const remote_nonnull_domain *dom)
{
        EMIT_WRAPPED(REBOOT, reboot);
}

void vh_event_domain_rtc_change(VhEventHub *hub, const remote_nonnull_domain *dom, int64_t offset)
{
        EMIT_WRAPPED(RTC_CHANGE, rtc_change, .offset = offset);
}

void vh_event_domain_watchdog(VhEventHub *hub, const remote_nonnull_domain *dom, int action)
{
        EMIT_WRAPPED(WATCHDOG, watchdog, .action = action);
}

void vh_event_domain_io_error(VhEventHub *hub, const remote_nonnull_domain *dom, const char *src, const char *alias,
                              int action, const char *reason)
{
        EMIT_WRAPPED(IO_ERROR, io_error, .srcPath = (char *)src, .devAlias = (char *)alias, .action = action);
        EMIT_WRAPPED(IO_ERROR_REASON, io_error_reason, .srcPath = (char *)src, .devAlias = (char *)alias,
                     .action = action, .reason = (char *)reason);
}

void vh_event_domain_control_error(VhEventHub *hub, const remote_nonnull_domain *dom)
{
        EMIT_WRAPPED(CONTROL_ERROR, control_error);
}

void vh_event_domain_block_job(VhEventHub *hub, const remote_nonnull_domain *dom, const char *path, const char *dst,
                               int type, int status)
{
        if (path)
                EMIT_WRAPPED(BLOCK_JOB, block_job, .path = (char *)path, .type = type, .status = status);
        EMIT_DOMAIN(BLOCK_JOB_2, block_job_2, .dst = (char *)dst, .type = type, .status = status);
}

void vh_event_domain_disk_dropped(VhEventHub *hub, const remote_nonnull_domain *dom, const char *src, const char *alias,
                                  int reason)
{
        EMIT_WRAPPED(DISK_CHANGE, disk_change, .oldSrcPath = (char *)src, .devAlias = (char *)(alias ? alias : ""),
                     .reason = reason);
}

void vh_event_domain_tray_change(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias, int reason)
{
        EMIT_WRAPPED(TRAY_CHANGE, tray_change, .devAlias = (char *)alias, .reason = reason);
}

void vh_event_domain_pm(VhEventHub *hub, const remote_nonnull_domain *dom, int id, int reason)
{
        remote_domain_event_callback_pmwakeup_msg wakeup = { .reason = reason, .msg = { .dom = *dom } };
        remote_domain_event_callback_pmsuspend_msg suspend = { .reason = reason, .msg = { .dom = *dom } };
        remote_domain_event_callback_pmsuspend_disk_msg disk = { .reason = reason, .msg = { .dom = *dom } };

        if (id == VIR_DOMAIN_EVENT_ID_PMWAKEUP)
                vh_event_emit(hub, VH_EVENT_DOMAIN, id, &wakeup);
        else if (id == VIR_DOMAIN_EVENT_ID_PMSUSPEND)
                vh_event_emit(hub, VH_EVENT_DOMAIN, id, &suspend);
        else
                vh_event_emit(hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, &disk);
}

void vh_event_domain_balloon_change(VhEventHub *hub, const remote_nonnull_domain *dom, uint64_t actual_kib)
{
        EMIT_WRAPPED(BALLOON_CHANGE, balloon_change, .actual = actual_kib);
}

void vh_event_domain_memory_size_change(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias,
                                        uint64_t size_kib)
{
        EMIT_DOMAIN(MEMORY_DEVICE_SIZE_CHANGE, memory_device_size_change, .alias = (char *)alias, .size = size_kib);
}

void vh_event_domain_device_added(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias)
{
        EMIT_DOMAIN(DEVICE_ADDED, callback_device_added, .devAlias = (char *)alias);
}

void vh_event_domain_device_removed(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias)
{
        EMIT_WRAPPED(DEVICE_REMOVED, device_removed, .devAlias = (char *)alias);
}

void vh_event_domain_device_removal_failed(VhEventHub *hub, const remote_nonnull_domain *dom, const char *alias)
{
        EMIT_DOMAIN(DEVICE_REMOVAL_FAILED, callback_device_removal_failed, .devAlias = (char *)alias);
}

void vh_event_domain_tunable(VhEventHub *hub, const remote_nonnull_domain *dom, remote_typed_param *params, uint32_t n)
{
        EMIT_DOMAIN(TUNABLE, callback_tunable, .params = { n, params });
}

void vh_event_domain_agent_lifecycle(VhEventHub *hub, const remote_nonnull_domain *dom, int state, int reason)
{
        EMIT_DOMAIN(AGENT_LIFECYCLE, callback_agent_lifecycle, .state = state, .reason = reason);
}

void vh_event_domain_job_completed(VhEventHub *hub, const remote_nonnull_domain *dom, remote_typed_param *params,
                                   uint32_t n)
{
        EMIT_DOMAIN(JOB_COMPLETED, callback_job_completed, .params = { n, params });
}

void vh_event_domain_metadata_change(VhEventHub *hub, const remote_nonnull_domain *dom, int type, const char *nsuri)
{
        EMIT_DOMAIN(METADATA_CHANGE, callback_metadata_change, .type = type, .nsuri = (char *)nsuri);
}

void vh_event_network_lifecycle(VhEventHub *hub, const remote_nonnull_network *net, int event)
{
        remote_network_event_lifecycle_msg m = { .net = *net, .event = event };

        vh_event_emit(hub, VH_EVENT_NETWORK, VIR_NETWORK_EVENT_ID_LIFECYCLE, &m);
}

void vh_event_storage_pool_lifecycle(VhEventHub *hub, const remote_nonnull_storage_pool *pool, int event)
{
        remote_storage_pool_event_lifecycle_msg m = { .pool = *pool, .event = event };

        vh_event_emit(hub, VH_EVENT_STORAGE_POOL, VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, &m);
}

void vh_event_storage_pool_refresh(VhEventHub *hub, const remote_nonnull_storage_pool *pool)
{
        remote_storage_pool_event_refresh_msg m = { .pool = *pool };

        vh_event_emit(hub, VH_EVENT_STORAGE_POOL, VIR_STORAGE_POOL_EVENT_ID_REFRESH, &m);
}

void vh_event_node_device_lifecycle(VhEventHub *hub, const char *name, int event)
{
        remote_node_device_event_lifecycle_msg m = { .dev = { .name = (char *)name }, .event = event };

        vh_event_emit(hub, VH_EVENT_NODE_DEVICE, VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, &m);
}

void vh_event_node_device_update(VhEventHub *hub, const char *name)
{
        remote_node_device_event_update_msg m = { .dev = { .name = (char *)name } };

        vh_event_emit(hub, VH_EVENT_NODE_DEVICE, VIR_NODE_DEVICE_EVENT_ID_UPDATE, &m);
}

void vh_event_secret_lifecycle(VhEventHub *hub, const remote_nonnull_secret *secret, int event)
{
        remote_secret_event_lifecycle_msg m = { .secret = *secret, .event = event };

        vh_event_emit(hub, VH_EVENT_SECRET, VIR_SECRET_EVENT_ID_LIFECYCLE, &m);
}

void vh_event_secret_value_changed(VhEventHub *hub, const remote_nonnull_secret *secret)
{
        remote_secret_event_value_changed_msg m = { .secret = *secret };

        vh_event_emit(hub, VH_EVENT_SECRET, VIR_SECRET_EVENT_ID_VALUE_CHANGED, &m);
}
