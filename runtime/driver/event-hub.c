/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registrations, delivery and the register/deregister calls, driven by a table of families and events. */

#include "driver/event-hub.h"
#include "api.h"
#include "base/uuid.h"
#include "procs.h"
#include "rpc/limits.h"
#include <errno.h>
#include <regex.h>
#include <utlist.h>

enum { LEGACY_NONE = -1 };

/* How one event travels. */
typedef struct EventRow {
        int proc;
        int legacy_proc;    /* message without callback id; LEGACY_NONE: there is none */
        unsigned legacy_at; /* where the legacy message begins inside the callback form */
        unsigned key_at;    /* where the object's uuid (or name pointer) is in the callback form */
} EventRow;

typedef struct Family {
        const VhProgram *program;
        const char *word; /* in "unsupported %sevent ID", "%sevent callback %d not registered" */
        bool key_is_name; /* objects are told apart by name, else by uuid */
        const EventRow *rows;
        unsigned n_rows;
} Family;

/* Callback form wraps the legacy message in member msg. */
#define WRAPPED(EVENT, type)                                                                                           \
        {                                                                                                              \
                REMOTE_PROC_DOMAIN_EVENT_CALLBACK_##EVENT, REMOTE_PROC_DOMAIN_EVENT_##EVENT,                           \
                        offsetof(remote_domain_event_callback_##type##_msg, msg),                                      \
                        offsetof(remote_domain_event_callback_##type##_msg, msg.dom.uuid)                              \
        }
#define PLAIN(PROC, type, key)                                                                                         \
        {                                                                                                              \
                REMOTE_PROC_##PROC, LEGACY_NONE, 0, offsetof(remote_##type##_msg, key)                                 \
        }

/* Index: event id. */
static const EventRow domain_rows[] = {
        WRAPPED(LIFECYCLE, lifecycle),
        WRAPPED(REBOOT, reboot),
        WRAPPED(RTC_CHANGE, rtc_change),
        WRAPPED(WATCHDOG, watchdog),
        WRAPPED(IO_ERROR, io_error),
        WRAPPED(GRAPHICS, graphics),
        WRAPPED(IO_ERROR_REASON, io_error_reason),
        WRAPPED(CONTROL_ERROR, control_error),
        WRAPPED(BLOCK_JOB, block_job),
        WRAPPED(DISK_CHANGE, disk_change),
        WRAPPED(TRAY_CHANGE, tray_change),
        WRAPPED(PMWAKEUP, pmwakeup),
        WRAPPED(PMSUSPEND, pmsuspend),
        WRAPPED(BALLOON_CHANGE, balloon_change),
        WRAPPED(PMSUSPEND_DISK, pmsuspend_disk),
        WRAPPED(DEVICE_REMOVED, device_removed),
        PLAIN(DOMAIN_EVENT_BLOCK_JOB_2, domain_event_block_job_2, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_TUNABLE, domain_event_callback_tunable, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE, domain_event_callback_agent_lifecycle, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, domain_event_callback_device_added, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION, domain_event_callback_migration_iteration, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_JOB_COMPLETED, domain_event_callback_job_completed, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED, domain_event_callback_device_removal_failed, dom.uuid),
        PLAIN(DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, domain_event_callback_metadata_change, dom.uuid),
        PLAIN(DOMAIN_EVENT_BLOCK_THRESHOLD, domain_event_block_threshold, dom.uuid),
        PLAIN(DOMAIN_EVENT_MEMORY_FAILURE, domain_event_memory_failure, dom.uuid),
        PLAIN(DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE, domain_event_memory_device_size_change, dom.uuid),
};
static const EventRow network_rows[] = {
        PLAIN(NETWORK_EVENT_LIFECYCLE, network_event_lifecycle, net.uuid),
};
static const EventRow pool_rows[] = {
        PLAIN(STORAGE_POOL_EVENT_LIFECYCLE, storage_pool_event_lifecycle, pool.uuid),
        PLAIN(STORAGE_POOL_EVENT_REFRESH, storage_pool_event_refresh, pool.uuid),
};
static const EventRow nodedev_rows[] = {
        PLAIN(NODE_DEVICE_EVENT_LIFECYCLE, node_device_event_lifecycle, dev.name),
        PLAIN(NODE_DEVICE_EVENT_UPDATE, node_device_event_update, dev.name),
};
static const EventRow secret_rows[] = {
        PLAIN(SECRET_EVENT_LIFECYCLE, secret_event_lifecycle, secret.uuid),
        PLAIN(SECRET_EVENT_VALUE_CHANGED, secret_event_value_changed, secret.uuid),
};
static const EventRow monitor_rows[] = {
        { QEMU_PROC_DOMAIN_MONITOR_EVENT, LEGACY_NONE, 0, offsetof(qemu_domain_monitor_event_msg, dom.uuid) },
};

#define ROWS(r) (r), VH_ARRAY_SIZE(r)
static const Family families[VH_EVENT_FAMILY_MAX] = {
        [VH_EVENT_DOMAIN] = { &vh_program_remote, "domain ", false, ROWS(domain_rows) },
        [VH_EVENT_NETWORK] = { &vh_program_remote, "network ", false, ROWS(network_rows) },
        [VH_EVENT_STORAGE_POOL] = { &vh_program_remote, "storage pool ", false, ROWS(pool_rows) },
        [VH_EVENT_NODE_DEVICE] = { &vh_program_remote, "node device ", true, ROWS(nodedev_rows) },
        [VH_EVENT_SECRET] = { &vh_program_remote, "secret ", false, ROWS(secret_rows) },
        [VH_EVENT_QEMU_MONITOR] = { &vh_program_qemu, "qemu monitor ", false, ROWS(monitor_rows) },
};

/* Is in two lists: of those who want the event, and of its connection. */
typedef struct VhEventReg Reg;
struct VhEventReg {
        VhConn *conn;
        VhEventFamily family;
        int event;
        int id;      /* callback id */
        bool legacy; /* known to the client by event id only */
        bool has_key;
        uint8_t uuid[VH_UUID_LEN];
        char *name;       /* node device, or the monitor event's exact name */
        regex_t *pattern; /* monitor events by regular expression */
        bool ignore_case;
        Reg *prev, *next;
        Reg *conn_prev, *conn_next;
};

enum { EVENTS_MAX = VH_ARRAY_SIZE(domain_rows) }; /* the largest family */

struct VhEventHub {
        Reg *wanted[VH_EVENT_FAMILY_MAX][EVENTS_MAX];
        int next_id;
};

VhEventHub *vh_event_hub_new(void)
{
        return vh_new(VhEventHub, 1);
}

static void reg_remove(VhEventHub *hub, Reg *reg)
{
        DL_DELETE(hub->wanted[reg->family][reg->event], reg);
        DL_DELETE2(reg->conn->event_regs, reg, conn_prev, conn_next);
        reg->conn->n_event_regs--;
        if (reg->pattern)
                regfree(reg->pattern);
        free(reg->pattern);
        free(reg->name);
        free(reg);
}

VhEventHub *vh_event_hub_free(VhEventHub *hub)
{
        if (!hub)
                return NULL;
        for (int family = 0; family < VH_EVENT_FAMILY_MAX; family++)
                for (int event = 0; event < EVENTS_MAX; event++)
                        while (hub->wanted[family][event])
                                reg_remove(hub, hub->wanted[family][event]);
        free(hub);
        return NULL;
}

void vh_event_hub_drop(VhEventHub *hub, const VhConn *conn)
{
        while (conn->event_regs)
                reg_remove(hub, conn->event_regs);
}

bool vh_event_wanted(const VhEventHub *hub, VhEventFamily family, int id)
{
        return hub && hub->wanted[family][id];
}

static bool key_matches(const Reg *reg, const Family *f, const EventRow *row, const void *msg)
{
        const char *key = (const char *)msg + row->key_at;

        if (!reg->has_key)
                return true;
        if (f->key_is_name)
                return vh_streq(reg->name, *(char *const *)key);
        return memcmp(reg->uuid, key, VH_UUID_LEN) == 0;
}

static bool monitor_matches(const Reg *reg, const qemu_domain_monitor_event_msg *msg)
{
        if (reg->pattern)
                return regexec(reg->pattern, msg->event, 0, NULL, 0) == 0;
        if (!reg->name)
                return true;
        return (reg->ignore_case ? strcasecmp : strcmp)(reg->name, msg->event) == 0;
}

static void deliver(const Reg *reg, const Family *f, const EventRow *row, void *msg)
{
        if (reg->legacy) {
                reg->conn->send_event(reg->conn, vh_program_find(f->program, row->legacy_proc),
                                      (char *)msg + row->legacy_at);
                return;
        }
        *(int *)msg = reg->id; /* callbackID is the first member of every callback form */
        reg->conn->send_event(reg->conn, vh_program_find(f->program, row->proc), msg);
}

void vh_event_emit(VhEventHub *hub, VhEventFamily family, int id, void *msg)
{
        const Family *f = &families[family];
        const EventRow *row = &f->rows[id];
        Reg *reg, *next;

        if (!hub)
                return;
        DL_FOREACH_SAFE (hub->wanted[family][id], reg, next) {
                if (!key_matches(reg, f, row, msg))
                        continue;
                if (family == VH_EVENT_QEMU_MONITOR && !monitor_matches(reg, msg))
                        continue;
                deliver(reg, f, row, msg);
        }
}

/* What a register call asks for. */
typedef struct Request {
        VhEventFamily family;
        int event;
        bool legacy;
        const uint8_t *uuid; /* NULL: every object */
        const char *name;    /* the same for families with names */
} Request;

static int check_event_id(VhEventFamily family, int event, bool legacy, VhError **err)
{
        const Family *f = &families[family];
        bool known = event >= 0 && (unsigned)event < f->n_rows;

        if (known && (!legacy || f->rows[event].legacy_proc != LEGACY_NONE))
                return 0;
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "unsupported %sevent ID %d",
                            family == VH_EVENT_DOMAIN ? "" : f->word, event);
}

static bool same_request(const Reg *reg, const Request *rq)
{
        if (reg->family != rq->family || reg->event != rq->event)
                return false;
        if (reg->has_key != (rq->uuid || rq->name))
                return false;
        if (rq->uuid && memcmp(reg->uuid, rq->uuid, VH_UUID_LEN) != 0)
                return false;
        return !rq->name || vh_streq(reg->name, rq->name);
}

/* Makes the registration, within the bounds of what one client may have. */
static int reg_add(Reg **ret, VhEventHub *hub, VhConn *conn, const Request *rq, VhError **err)
{
        Reg *reg;

        if (conn->n_event_regs >= VH_EVENT_CALLBACKS_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_OPERATION_FAILED,
                                    "too many event callbacks on this connection, at most %d are possible",
                                    VH_EVENT_CALLBACKS_MAX);
        reg = vh_new(Reg, 1);
        reg->conn = conn;
        reg->family = rq->family;
        reg->event = rq->event;
        reg->legacy = rq->legacy;
        reg->id = hub->next_id++;
        reg->has_key = rq->uuid || rq->name;
        if (rq->uuid)
                memcpy(reg->uuid, rq->uuid, VH_UUID_LEN);
        reg->name = vh_xstrdup(rq->name);
        DL_APPEND(hub->wanted[rq->family][rq->event], reg);
        DL_APPEND2(conn->event_regs, reg, conn_prev, conn_next);
        conn->n_event_regs++;
        *ret = reg;
        return 0;
}

/* Registers; returns the callback id or a negative errno. */
static int subscribe(VhCall *call, const Request *rq, VhError **err)
{
        VhConn *conn = vh_call_conn(call);
        Reg *reg;
        int r = check_event_id(rq->family, rq->event, rq->legacy, err);

        if (r < 0)
                return r;
        if (!conn->hub)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_SUPPORT, "%s", call->proc->api);
        DL_FOREACH2(conn->event_regs, reg, conn_next)
        if (same_request(reg, rq))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "event callback already tracked");
        r = reg_add(&reg, conn->hub, conn, rq, err);
        return r < 0 ? r : reg->id;
}

/* word: family as the reference says it in this text. */
static int unsubscribe(VhCall *call, VhEventFamily family, int id, const char *word, VhError **err)
{
        VhConn *conn = vh_call_conn(call);
        Reg *reg;

        DL_FOREACH2(conn->event_regs, reg, conn_next)
        if (reg->family == family && reg->id == id && !reg->legacy) {
                reg_remove(conn->hub, reg);
                return 0;
        }
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "%sevent callback %d not registered", word, id);
}

static int unsubscribe_legacy(VhCall *call, int event, VhError **err)
{
        VhConn *conn = vh_call_conn(call);
        Reg *reg;
        int r = check_event_id(VH_EVENT_DOMAIN, event, true, err);

        if (r < 0)
                return r;
        DL_FOREACH2(conn->event_regs, reg, conn_next)
        if (reg->family == VH_EVENT_DOMAIN && reg->event == event && reg->legacy) {
                reg_remove(conn->hub, reg);
                return 0;
        }
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "domain event %d not registered", event);
}

int vh_op_connect_domain_event_register(VhCall *call, remote_connect_domain_event_register_ret *ret, VhError **err)
{
        const Request rq = { .family = VH_EVENT_DOMAIN, .event = VIR_DOMAIN_EVENT_ID_LIFECYCLE, .legacy = true };
        int r = subscribe(call, &rq, err);

        ret->cb_registered = 0;
        return VH_MIN(r, 0);
}

int vh_op_connect_domain_event_deregister(VhCall *call, remote_connect_domain_event_deregister_ret *ret, VhError **err)
{
        ret->cb_registered = 0;
        return unsubscribe_legacy(call, VIR_DOMAIN_EVENT_ID_LIFECYCLE, err);
}

int vh_op_connect_domain_event_register_any(VhCall *call, const remote_connect_domain_event_register_any_args *args,
                                            VhError **err)
{
        const Request rq = { .family = VH_EVENT_DOMAIN, .event = args->eventID, .legacy = true };
        int r = subscribe(call, &rq, err);

        return VH_MIN(r, 0);
}

int vh_op_connect_domain_event_deregister_any(VhCall *call, const remote_connect_domain_event_deregister_any_args *args,
                                              VhError **err)
{
        return unsubscribe_legacy(call, args->eventID, err);
}

/* The pair of calls of a family: `object` is the optional filter, `key` its uuid or name, `word` what the
 * deregistration's error says. */
#define FAMILY_CALLS(prefix, FAMILY, object, key, keyvalue, word)                                                      \
        int vh_op_connect_##prefix##_register_any(VhCall *call,                                                        \
                                                  const remote_connect_##prefix##_register_any_args *args,             \
                                                  remote_connect_##prefix##_register_any_ret *ret, VhError **err)      \
        {                                                                                                              \
                const Request rq = { .family = FAMILY,                                                                 \
                                     .event = args->eventID,                                                           \
                                     .key = args->object ? args->object->keyvalue : NULL };                            \
                int r = subscribe(call, &rq, err);                                                                     \
                                                                                                                       \
                ret->callbackID = r;                                                                                   \
                return VH_MIN(r, 0);                                                                                   \
        }                                                                                                              \
                                                                                                                       \
        int vh_op_connect_##prefix##_deregister_any(                                                                   \
                VhCall *call, const remote_connect_##prefix##_deregister_any_args *args, VhError **err)                \
        {                                                                                                              \
                return unsubscribe(call, FAMILY, args->callbackID, word, err);                                         \
        }

FAMILY_CALLS(domain_event_callback, VH_EVENT_DOMAIN, dom, uuid, uuid, "domain ")
FAMILY_CALLS(network_event, VH_EVENT_NETWORK, net, uuid, uuid, "network ")
FAMILY_CALLS(storage_pool_event, VH_EVENT_STORAGE_POOL, pool, uuid, uuid, "storage pool ")
FAMILY_CALLS(node_device_event, VH_EVENT_NODE_DEVICE, dev, name, name, "node device ")
/* The reference says "node device" here too. */
FAMILY_CALLS(secret_event, VH_EVENT_SECRET, secret, uuid, uuid, "node device ")

/* The C library expands counted repetitions one inside the other to as much memory as they ask for. */
static int check_pattern(const char *pattern, VhError **err)
{
        if (strlen(pattern) > VH_EVENT_PATTERN_MAX)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "a pattern for monitor events has at most %d characters", VH_EVENT_PATTERN_MAX);
        if (strchr(pattern, '{'))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "counted repetition is not possible in a pattern for monitor events: '%s'",
                                    pattern);
        return 0;
}

/* Turns the event filter of a monitor registration into a name or a compiled pattern. */
static int monitor_filter(Reg *reg, const char *event, uint32_t flags, VhError **err)
{
        bool nocase = flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
        char why[256];
        int r;

        reg->ignore_case = nocase;
        if (!(flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX)) {
                reg->name = vh_xstrdup(event);
                return 0;
        }
        r = check_pattern(event, err);
        if (r < 0)
                return r;
        reg->pattern = vh_new(regex_t, 1);
        r = regcomp(reg->pattern, event, REG_EXTENDED | REG_NOSUB | (nocase ? REG_ICASE : 0));
        if (r == 0)
                return 0;
        regerror(r, reg->pattern, why, sizeof(why));
        free(reg->pattern);
        reg->pattern = NULL;
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "failed to compile regex '%s': %s", event, why);
}

int vh_op_qemu_connect_domain_monitor_event_register(VhCall *call,
                                                     const qemu_connect_domain_monitor_event_register_args *args,
                                                     qemu_connect_domain_monitor_event_register_ret *ret, VhError **err)
{
        VhConn *conn = vh_call_conn(call);
        const Request rq = { .family = VH_EVENT_QEMU_MONITOR, .uuid = args->dom ? args->dom->uuid : NULL };
        Reg *reg = NULL;
        int r;

        if (!conn->hub)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_SUPPORT, "%s", call->proc->api);
        r = reg_add(&reg, conn->hub, conn, &rq, err);
        if (r < 0)
                return r;
        r = args->event ? monitor_filter(reg, args->event, args->flags, err) : 0;
        if (r < 0) {
                reg_remove(conn->hub, reg);
                return r;
        }
        ret->callbackID = reg->id;
        return 0;
}

int vh_op_qemu_connect_domain_monitor_event_deregister(VhCall *call,
                                                       const qemu_connect_domain_monitor_event_deregister_args *args,
                                                       VhError **err)
{
        return unsubscribe(call, VH_EVENT_QEMU_MONITOR, args->callbackID, "qemu monitor ", err);
}
