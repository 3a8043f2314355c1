/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What QEMU tells by itself: a row for each event that means something to us; clients that follow monitor events get
 * all of them. */

#include "agent-link.h"
#include "block-job.h"
#include "dump.h"
#include "guest-host.h"
#include "hotplug.h"

#include <inttypes.h>

#include "base/log.h"
#include "guest-locks.h"
#include "migrate-graphics.h"

VH_LOG_SOURCE("qemu.events");

typedef struct Word {
        const char *word;
        int value;
} Word;

static int look_up(const Word *words, size_t n, const char *word, int fallback)
{
        for (size_t i = 0; word && i < n; i++)
                if (strcmp(words[i].word, word) == 0)
                        return words[i].value;
        return fallback;
}

#define LOOK_UP(words, word, fallback) look_up((words), VH_ARRAY_SIZE(words), (word), (fallback))

static const char *text(json_t *args, const char *key)
{
        return json_string_value(json_object_get(args, key));
}

static remote_nonnull_domain wire_of(const QemuProcess *proc)
{
        remote_nonnull_domain wire;

        vh_domain_obj_wire(proc->dom, &wire);
        return wire;
}

/* ---- the guest stops, goes on, restarts ---- */

static void restarted(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r < 0) {
                vh_log_error("domain '%s' could not be restarted: %s", proc->dom->node.name, vh_error_text(err, r));
                qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
        }
}

static void was_reset(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r == 0)
                qmp_send(proc->mon, qmp_command("cont", NULL), restarted, proc);
        else
                restarted(data, ret, r, err);
}

/* The machine starts over without its process ending. */
static void fake_reboot(QemuProcess *proc)
{
        proc->fake_reboot = false;
        proc->gave_shutdown = false;
        proc->cont_reason =
                proc->dom->state == VIR_DOMAIN_CRASHED ? VIR_DOMAIN_RUNNING_CRASHED : VIR_DOMAIN_RUNNING_BOOTED;
        qmp_send(proc->mon, qmp_command("system_reset", NULL), was_reset, proc);
}

static void on_shutdown(QemuProcess *proc, json_t *args)
{
        const json_t *guest = json_object_get(args, "guest");

        qemu_agent_tell(proc->agent, QEMU_AGENT_SHUTS_DOWN);
        if (proc->gave_shutdown)
                return;
        proc->gave_shutdown = true;
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_UNKNOWN);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_SHUTDOWN,
                          json_is_true(guest)    ? VIR_DOMAIN_EVENT_SHUTDOWN_GUEST
                          : json_is_false(guest) ? VIR_DOMAIN_EVENT_SHUTDOWN_HOST
                                                 : VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED);
        if (proc->killing || proc->starting)
                return;
        if (proc->fake_reboot || proc->dom->def->on_poweroff == VH_LIFECYCLE_RESTART)
                fake_reboot(proc);
        else
                qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_SHUTDOWN,
                                  VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
}

static void on_reset(QemuProcess *proc, json_t *args)
{
        const remote_nonnull_domain wire = wire_of(proc);

        qemu_agent_tell(proc->agent, QEMU_AGENT_RESETS);
        vh_event_domain_reboot(proc->driver->hub, &wire);
}

/* The event that goes with a reason to pause. */
static int suspended_detail(int reason)
{
        switch (reason) {
        case VIR_DOMAIN_PAUSED_MIGRATION:
                return VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED;
        case VIR_DOMAIN_PAUSED_IOERROR:
                return VIR_DOMAIN_EVENT_SUSPENDED_IOERROR;
        case VIR_DOMAIN_PAUSED_WATCHDOG:
                return VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG;
        case VIR_DOMAIN_PAUSED_FROM_SNAPSHOT:
                return VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT;
        case VIR_DOMAIN_PAUSED_POSTCOPY:
                return VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY;
        case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
                return VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED;
        default:
                return VIR_DOMAIN_EVENT_SUSPENDED_PAUSED;
        }
}

static int take_reason(int *field, int fallback)
{
        int reason = *field ? *field : fallback;

        *field = 0;
        return reason;
}

static void on_stop(QemuProcess *proc, json_t *args)
{
        bool leaving = proc->moving && !proc->moving->incoming && proc->moving->in_qemu;
        int reason = take_reason(&proc->pause_reason, leaving ? VIR_DOMAIN_PAUSED_MIGRATION : VIR_DOMAIN_PAUSED_USER);

        /* Whoever stopped it: it stands until it runs at the target. */
        if (proc->moving && proc->dom->state == VIR_DOMAIN_RUNNING)
                proc->moving->stats.stopped = qemu_now_ms();
        if (leaving && reason == VIR_DOMAIN_PAUSED_IOERROR && proc->moving->flags & VIR_MIGRATE_ABORT_ON_ERROR)
                qemu_migrate_cancel(proc->moving);
        if (proc->dom->state != VIR_DOMAIN_RUNNING || proc->starting)
                return;
        qemu_locks_release(proc);
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_PAUSED, reason);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_SUSPENDED, suspended_detail(reason));
        qemu_status_save(proc->dom);
}

/* The event that goes with a reason to run. */
static int resumed_detail(int reason)
{
        switch (reason) {
        case VIR_DOMAIN_RUNNING_MIGRATED:
        case VIR_DOMAIN_RUNNING_MIGRATION_CANCELED:
                return VIR_DOMAIN_EVENT_RESUMED_MIGRATED;
        case VIR_DOMAIN_RUNNING_POSTCOPY:
                return VIR_DOMAIN_EVENT_RESUMED_POSTCOPY;
        case VIR_DOMAIN_RUNNING_FROM_SNAPSHOT:
                return VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT;
        default:
                return VIR_DOMAIN_EVENT_RESUMED_UNPAUSED;
        }
}

static void on_resume(QemuProcess *proc, json_t *args)
{
        int reason = take_reason(&proc->cont_reason, VIR_DOMAIN_RUNNING_UNPAUSED);

        if (proc->dom->state == VIR_DOMAIN_RUNNING)
                return;
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_RUNNING, reason);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_RESUMED, resumed_detail(reason));
        if (!proc->starting)
                qemu_status_save(proc->dom);
}

static void crashed_for_good(QemuProcess *proc)
{
        qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
}

static void on_panic(QemuProcess *proc, json_t *args)
{
        if (proc->dom->state == VIR_DOMAIN_CRASHED || proc->killing)
                return;
        proc->pause_reason = VIR_DOMAIN_PAUSED_CRASHED;
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED);
        switch (proc->dom->def->on_crash) {
        case VH_LIFECYCLE_RESTART:
                fake_reboot(proc);
                break;
        case VH_LIFECYCLE_COREDUMP_RESTART:
                qemu_dump_automatically(proc, fake_reboot);
                break;
        case VH_LIFECYCLE_COREDUMP_DESTROY:
                qemu_dump_automatically(proc, crashed_for_good);
                break;
        case VH_LIFECYCLE_PRESERVE:
                qemu_status_save(proc->dom);
                break;
        default:
                crashed_for_good(proc);
        }
}

/* Its kernel took a dump of its own, and goes on. */
static void on_crash_handled(QemuProcess *proc, json_t *args)
{
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_CRASHLOADED);
        qemu_status_save(proc->dom);
}

static void on_dumped(QemuProcess *proc, json_t *args)
{
        if (proc->dumped)
                proc->dumped(proc->dump_data, args);
}

static void go_on(QemuProcess *proc)
{
        if (proc->dom->state != VIR_DOMAIN_PAUSED)
                return;
        proc->cont_reason = VIR_DOMAIN_RUNNING_UNPAUSED;
        qmp_send(proc->mon, qmp_command("cont", NULL), restarted, proc);
}

static void on_watchdog(QemuProcess *proc, json_t *args)
{
        enum { WATCHDOG_DUMP = 5 }; /* word of VhWatchdog.action */
        static const Word actions[] = {
                { "none", VIR_DOMAIN_EVENT_WATCHDOG_NONE },
                { "pause", VIR_DOMAIN_EVENT_WATCHDOG_PAUSE },
                { "reset", VIR_DOMAIN_EVENT_WATCHDOG_RESET },
                { "poweroff", VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF },
                { "shutdown", VIR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN },
                { "debug", VIR_DOMAIN_EVENT_WATCHDOG_DEBUG },
                { "inject-nmi", VIR_DOMAIN_EVENT_WATCHDOG_INJECTNMI },
        };
        int action = LOOK_UP(actions, text(args, "action"), VIR_DOMAIN_EVENT_WATCHDOG_NONE);
        const remote_nonnull_domain wire = wire_of(proc);

        vh_event_domain_watchdog(proc->driver->hub, &wire, action);
        if (action == VIR_DOMAIN_EVENT_WATCHDOG_PAUSE)
                proc->pause_reason = VIR_DOMAIN_PAUSED_WATCHDOG;
        /* For a dump QEMU only pauses. */
        if (action == VIR_DOMAIN_EVENT_WATCHDOG_PAUSE && proc->dom->def->watchdog &&
            proc->dom->def->watchdog->action == WATCHDOG_DUMP)
                qemu_dump_automatically(proc, go_on);
}

static void on_suspend(QemuProcess *proc, json_t *args)
{
        const remote_nonnull_domain wire = wire_of(proc);

        qemu_agent_tell(proc->agent, QEMU_AGENT_SUSPENDS);
        vh_event_domain_pm(proc->driver->hub, &wire, VIR_DOMAIN_EVENT_ID_PMSUSPEND, 0);
        if (proc->dom->state != VIR_DOMAIN_RUNNING)
                return;
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_PMSUSPENDED, VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
        qemu_status_save(proc->dom);
}

static void on_suspend_disk(QemuProcess *proc, json_t *args)
{
        const remote_nonnull_domain wire = wire_of(proc);

        qemu_agent_tell(proc->agent, QEMU_AGENT_SUSPENDS);
        vh_event_domain_pm(proc->driver->hub, &wire, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, 0);
}

static void on_wakeup(QemuProcess *proc, json_t *args)
{
        const remote_nonnull_domain wire = wire_of(proc);

        vh_event_domain_pm(proc->driver->hub, &wire, VIR_DOMAIN_EVENT_ID_PMWAKEUP, 0);
        if (proc->dom->state != VIR_DOMAIN_PMSUSPENDED)
                return;
        vh_domain_obj_set_state(proc->dom, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP);
        qemu_process_tell(proc, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_WAKEUP);
        qemu_status_save(proc->dom);
}

static void on_migration_pass(QemuProcess *proc, json_t *args)
{
        remote_domain_event_callback_migration_iteration_msg msg = {
                .dom = wire_of(proc),
                .iteration = (int)json_integer_value(json_object_get(args, "pass")),
        };

        vh_event_emit(proc->driver->hub, VH_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION, &msg);
}

static void on_viewers_gone(QemuProcess *proc, json_t *args)
{
        if (proc->moving)
                qemu_migrate_relocated(proc->moving);
}

static void on_migration(QemuProcess *proc, json_t *args)
{
        if (proc->migration && text(args, "status"))
                proc->migration(proc->migration_data, text(args, "status"));
}

/* ---- devices ---- */

/* The disk that an alias, a QOM path or a node name means. */
static const VhDisk *find_disk(const VhDomainDef *def, const char *device, const char *node)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                const char *alias = disk->info.alias;
                _vh_free_ char *format = vh_xasprintf("libvirt-%u-format", disk->src.index.val);
                _vh_free_ char *storage = vh_xasprintf("libvirt-%u-storage", disk->src.index.val);

                if (alias && device && (strcmp(alias, device) == 0 || strstr(device, alias)))
                        return disk;
                if (node && (strcmp(node, format) == 0 || strcmp(node, storage) == 0))
                        return disk;
        }
        return NULL;
}

static void on_io_error(QemuProcess *proc, json_t *args)
{
        static const Word actions[] = {
                { "ignore", VIR_DOMAIN_EVENT_IO_ERROR_NONE },
                { "stop", VIR_DOMAIN_EVENT_IO_ERROR_PAUSE },
                { "report", VIR_DOMAIN_EVENT_IO_ERROR_REPORT },
        };
        int action = LOOK_UP(actions, text(args, "action"), VIR_DOMAIN_EVENT_IO_ERROR_NONE);
        const VhDisk *disk = find_disk(proc->dom->def, text(args, "device"), text(args, "node-name"));
        const char *reason = json_is_true(json_object_get(args, "nospace")) ? "enospc" : "";
        const remote_nonnull_domain wire = wire_of(proc);

        vh_event_domain_io_error(proc->driver->hub, &wire, disk && disk->src.path ? disk->src.path : "",
                                 disk && disk->info.alias ? disk->info.alias : "", action, reason);
        if (action == VIR_DOMAIN_EVENT_IO_ERROR_PAUSE)
                proc->pause_reason = VIR_DOMAIN_PAUSED_IOERROR;
}

static void on_tray(QemuProcess *proc, json_t *args)
{
        const VhDisk *disk = find_disk(proc->dom->def, text(args, "id"), text(args, "device"));
        const remote_nonnull_domain wire = wire_of(proc);

        if (disk)
                vh_event_domain_tray_change(proc->driver->hub, &wire, disk->info.alias,
                                            json_is_true(json_object_get(args, "tray-open"))
                                                    ? VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN
                                                    : VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE);
}

static void on_balloon(QemuProcess *proc, json_t *args)
{
        enum { KIB = 1024 };
        json_int_t bytes = json_integer_value(json_object_get(args, "actual"));
        uint64_t actual = (uint64_t)bytes / KIB;
        const remote_nonnull_domain wire = wire_of(proc);

        if (bytes <= 0)
                return;
        proc->dom->def->current_memory = actual;
        vh_event_domain_balloon_change(proc->driver->hub, &wire, actual);
        qemu_status_save(proc->dom);
}

/* Memory that grows and shrinks told its new size. */
static void on_memory_size(QemuProcess *proc, json_t *args)
{
        enum { KIB = 1024 };
        const remote_nonnull_domain wire = wire_of(proc);
        uint64_t size = (uint64_t)json_integer_value(json_object_get(args, "size")) / KIB;
        const char *id = text(args, "id");
        VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; id && i < def->memdevs.n; i++) {
                VhMemdev *mem = def->memdevs.items[i];

                if (!vh_streq(mem->info.alias, id))
                        continue;
                mem->current = size;
                vh_event_domain_memory_size_change(proc->driver->hub, &wire, id, size);
                qemu_status_save(proc->dom);
        }
}

/* The guest set its clock. A clock that may differ from the host's keeps the difference. */
static void on_rtc(QemuProcess *proc, json_t *args)
{
        const remote_nonnull_domain wire = wire_of(proc);
        int64_t offset = json_integer_value(json_object_get(args, "offset"));
        VhClock *clock = &proc->dom->def->clock;

        if (clock->offset == VH_CLOCK_VARIABLE) {
                offset += clock->adjustment0.set ? clock->adjustment0.val : 0;
                free(clock->adjustment);
                clock->adjustment = vh_xasprintf("%" PRIi64, offset);
                qemu_status_save(proc->dom);
        }
        vh_event_domain_rtc_change(proc->driver->hub, &wire, offset);
}

static void on_port(QemuProcess *proc, json_t *args)
{
        bool open = json_is_true(json_object_get(args, "open"));
        const char *id = text(args, "id");
        VhDomainDef *def = proc->dom->def;
        const remote_nonnull_domain wire = wire_of(proc);

        for (uint32_t i = 0; id && i < def->channels.n; i++) {
                VhChr *chr = def->channels.items[i];

                if (!chr->info.alias || strcmp(chr->info.alias, id) != 0)
                        continue;
                chr->target_state = open ? QEMU_CHANNEL_CONNECTED : QEMU_CHANNEL_DISCONNECTED;
                if (!vh_streq(chr->target_name, "org.qemu.guest_agent.0"))
                        continue;
                vh_event_domain_agent_lifecycle(proc->driver->hub, &wire,
                                                open ? VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
                                                     : VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED,
                                                VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL);
        }
        qemu_agent_follow(proc);
        qemu_status_save(proc->dom);
}

/* ---- the table ---- */

static const QemuEventRow rows[] = {
        { "SHUTDOWN", on_shutdown },
        { "RESET", on_reset },
        { "STOP", on_stop },
        { "RESUME", on_resume },
        { "GUEST_PANICKED", on_panic },
        { "GUEST_CRASHLOADED", on_crash_handled },
        { "DUMP_COMPLETED", on_dumped },
        { "WATCHDOG", on_watchdog },
        { "SUSPEND", on_suspend },
        { "SUSPEND_DISK", on_suspend_disk },
        { "WAKEUP", on_wakeup },
        { "MIGRATION", on_migration },
        { "MIGRATION_PASS", on_migration_pass },
        { "SPICE_MIGRATE_COMPLETED", on_viewers_gone },
        { "BLOCK_IO_ERROR", on_io_error },
        { "DEVICE_TRAY_MOVED", on_tray },
        { "BALLOON_CHANGE", on_balloon },
        { "RTC_CHANGE", on_rtc },
        { "MEMORY_DEVICE_SIZE_CHANGE", on_memory_size },
        { "VSERPORT_CHANGE", on_port },
        { NULL },
};

/* Tables of events by the part of the driver that follows them. */
static const QemuEventRow *const tables[] = { rows, qemu_hotplug_events, qemu_block_events, qemu_net_events };

static void tell_followers(QemuProcess *proc, const char *name, json_t *args, uint64_t seconds, unsigned micros)
{
        char *details = args ? json_dumps(args, JSON_COMPACT) : NULL;
        qemu_domain_monitor_event_msg msg = {
                .dom = wire_of(proc),
                .event = (char *)name,
                .seconds = (int64_t)seconds,
                .micros = micros,
                .details = details,
        };

        vh_event_emit(proc->driver->hub, VH_EVENT_QEMU_MONITOR, 0, &msg);
        free(details);
}

void qemu_process_event(QemuProcess *proc, const char *name, json_t *args, uint64_t seconds, unsigned micros)
{
        vh_log_debug("domain '%s': %s", proc->dom->node.name, name);
        if (vh_event_wanted(proc->driver->hub, VH_EVENT_QEMU_MONITOR, 0))
                tell_followers(proc, name, args, seconds, micros);
        for (size_t t = 0; t < VH_ARRAY_SIZE(tables); t++)
                for (const QemuEventRow *row = tables[t]; row->name; row++)
                        if (strcmp(row->name, name) == 0)
                                row->handle(proc, args);
}
