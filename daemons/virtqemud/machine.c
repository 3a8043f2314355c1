/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls to systemd-machined and systemd. */

#include "machine.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <utlist.h>

#include "base/log.h"

VH_LOG_SOURCE("qemu.machine");

#define MACHINED     "org.freedesktop.machine1"
#define MACHINED_API "/org/freedesktop/machine1", "org.freedesktop.machine1.Manager"
#define SYSTEMD      "org.freedesktop.systemd1"
#define SYSTEMD_API  "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

enum {
        NAME_MAX_LEN = 64, /* of host names, which machine names are */
        UUID_LEN = 16,
};
static const uint64_t answer_usec = 30ull * 1000000;

struct QemuMachines {
        VhLoop *loop;
        sd_bus *bus; /* NULL: not connected */
        QemuMachineCall *calls;
        VhLater drop; /* a connection that broke */
};

struct QemuMachineCall {
        QemuMachineCall *prev, *next;
        QemuMachines *machines;
        sd_bus_slot *slot;
        sd_bus_slot *match; /* of the end of systemd's job */
        char *job;          /* its path */
        char *name, *unit, *slice;
        uint8_t uuid[UUID_LEN];
        pid_t pid;
        uint64_t max_tasks;
        QemuMachineDone done;
        void *data;
        VhLater report; /* of a call that failed at once */
        int r;
};

char *qemu_machine_name(int id, const char *name)
{
        char *text = vh_xasprintf("qemu-%d-", id);
        size_t n = strlen(text);
        bool edge = true; /* no dots or dashes at the start, nor two dots together */

        text = vh_xrealloc(text, NAME_MAX_LEN + n + 1, 1);
        for (; *name && n < NAME_MAX_LEN; name++) {
                bool plain = isalnum((unsigned char)*name) || *name == '_' || *name == '-';

                if (!plain && *name != '.')
                        continue;
                if (edge && (*name == '.' || *name == '-'))
                        continue;
                edge = *name == '.' || *name == '-';
                text[n++] = *name;
        }
        while (n && (text[n - 1] == '.' || text[n - 1] == '-'))
                n--;
        text[n] = '\0';
        return text;
}

/* ---- the connection ---- */

static void close_bus(QemuMachines *m)
{
        if (!m->bus)
                return;
        sd_bus_detach_event(m->bus);
        m->bus = sd_bus_close_unref(m->bus);
}

static void drop(VhLater *later)
{
        close_bus(VH_CONTAINER_OF(later, QemuMachines, drop));
}

QemuMachines *qemu_machines_new(VhLoop *loop)
{
        QemuMachines *m = vh_new(QemuMachines, 1);

        m->loop = loop;
        m->drop.run = drop;
        return m;
}

QemuMachines *qemu_machines_free(QemuMachines *m)
{
        if (!m)
                return NULL;
        while (m->calls)
                qemu_machine_call_free(m->calls);
        vh_loop_cancel_later(m->loop, &m->drop);
        close_bus(m);
        free(m);
        return NULL;
}

static int on_disconnected(sd_bus_message *signal, void *data, sd_bus_error *ret)
{
        QemuMachines *m = data;

        vh_loop_later(m->loop, &m->drop);
        return 0;
}

/* 0, or -ENOSYS where there is no bus. */
static int connect_bus(QemuMachines *m)
{
        int r;

        if (m->bus && sd_bus_is_open(m->bus) > 0)
                return 0;
        close_bus(m);
        r = sd_bus_open_system(&m->bus);
        if (r >= 0)
                r = sd_bus_match_signal(m->bus, NULL, NULL, "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, m);
        if (r >= 0)
                r = sd_bus_attach_event(m->bus, vh_loop_sd_event(m->loop), SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                close_bus(m);
        return r < 0 ? -ENOSYS : 0;
}

/* ---- making one ---- */

QemuMachineCall *qemu_machine_call_free(QemuMachineCall *call)
{
        if (!call)
                return NULL;
        DL_DELETE(call->machines->calls, call);
        vh_loop_cancel_later(call->machines->loop, &call->report);
        sd_bus_slot_unref(call->slot);
        sd_bus_slot_unref(call->match);
        free(call->job);
        free(call->name);
        free(call->unit);
        free(call->slice);
        free(call);
        return NULL;
}

static void finish(QemuMachineCall *call, bool registered, int r, const char *why)
{
        QemuMachineDone done = call->done;
        void *data = call->data;
        _vh_error_ VhError *err = NULL;

        if (r < 0 && r != -ENOSYS)
                vh_error_set(&err, VIR_FROM_SYSTEMD, VIR_ERR_DBUS_SERVICE, "cannot make the scope '%s': %s", call->unit,
                             why ? why : strerror(-r));
        qemu_machine_call_free(call);
        done(data, registered, r, err);
}

/* What the service manager is told of the scope, the same by both ways. */
static int append_properties(sd_bus_message *m, const QemuMachineCall *call, bool machined)
{
        static const char *const after[] = { "libvirtd.service", "virtqemud.service" };
        int r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Slice", "s", call->slice, "After", "as", 2, after[0],
                                      after[1], "Before", "as", 1, "virt-guest-shutdown.target");

        if (r >= 0 && call->max_tasks)
                r = sd_bus_message_append(m, "(sv)", "TasksMax", "t", call->max_tasks);
        if (r >= 0 && !machined)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "PIDs", "au", 1, (uint32_t)call->pid, "Delegate", "b",
                                          1, "CollectMode", "s", "inactive-or-failed", "Description", "s", call->name);
        return r;
}

static bool is_no_service(const sd_bus_error *error)
{
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_METHOD) ||
               sd_bus_error_has_name(error, "org.freedesktop.DBus.Error.Spawn.ServiceNotFound") ||
               sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchUnit") ||
               sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitMasked") ||
               sd_bus_error_has_name(error, "org.freedesktop.DBus.Error.Spawn.ExecFailed");
}

static int on_job_removed(sd_bus_message *signal, void *data, sd_bus_error *ret)
{
        QemuMachineCall *call = data;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(signal, "uoss", &id, &path, &unit, &result) < 0 || !vh_streq(path, call->job))
                return 0;
        if (strcmp(result, "done") == 0)
                finish(call, false, 0, NULL);
        else
                finish(call, false, -EIO, result);
        return 0;
}

static int on_scope_answer(sd_bus_message *reply, void *data, sd_bus_error *ret)
{
        QemuMachineCall *call = data;
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        const char *job;

        if (error && is_no_service(error))
                finish(call, false, -ENOSYS, NULL);
        else if (error)
                finish(call, false, -EIO, error->message);
        else if (sd_bus_message_read(reply, "o", &job) < 0)
                finish(call, false, -EBADMSG, NULL);
        else
                call->job = vh_xstrdup(job);
        return 0;
}

static int send_scope(QemuMachineCall *call)
{
        sd_bus *bus = call->machines->bus;
        sd_bus_message *m = NULL;
        int r = sd_bus_match_signal_async(bus, &call->match, SYSTEMD, SYSTEMD_API, "JobRemoved", on_job_removed, NULL,
                                          call);

        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &m, SYSTEMD, SYSTEMD_API, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", call->unit, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = append_properties(m, call, false);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0) {
                sd_bus_slot_unref(VH_TAKE_PTR(call->slot));
                r = sd_bus_call_async(bus, &call->slot, m, on_scope_answer, call, answer_usec);
        }
        sd_bus_message_unref(m);
        return r;
}

static int on_machine_answer(sd_bus_message *reply, void *data, sd_bus_error *ret)
{
        QemuMachineCall *call = data;
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        int r;

        if (!error)
                finish(call, true, 0, NULL);
        else if (!is_no_service(error))
                finish(call, false, -EIO, error->message);
        else {
                r = send_scope(call);
                if (r < 0)
                        finish(call, false, r, NULL);
        }
        return 0;
}

static int send_machine(QemuMachineCall *call)
{
        sd_bus *bus = call->machines->bus;
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, MACHINED, MACHINED_API, "CreateMachineWithNetwork");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", call->name);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', call->uuid, UUID_LEN);
        if (r >= 0)
                r = sd_bus_message_append(m, "ssusai", "libvirt-qemu", "vm", (uint32_t)call->pid, "", 0);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = append_properties(m, call, true);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_call_async(bus, &call->slot, m, on_machine_answer, call, answer_usec);
        sd_bus_message_unref(m);
        return r;
}

static void report(VhLater *later)
{
        QemuMachineCall *call = VH_CONTAINER_OF(later, QemuMachineCall, report);

        finish(call, false, call->r, NULL);
}

QemuMachineCall *qemu_machine_make(QemuMachines *machines, const QemuScope *machine, QemuMachineDone done, void *data)
{
        QemuMachineCall *call = vh_new(QemuMachineCall, 1);

        call->machines = machines;
        call->name = vh_xstrdup(machine->name);
        call->unit = vh_xstrdup(machine->unit);
        call->slice = vh_xstrdup(machine->slice);
        memcpy(call->uuid, machine->uuid, UUID_LEN);
        call->pid = machine->pid;
        call->max_tasks = machine->max_tasks;
        call->done = done;
        call->data = data;
        call->report.run = report;
        DL_APPEND(machines->calls, call);
        call->r = connect_bus(machines);
        if (call->r >= 0)
                call->r = send_machine(call);
        if (call->r < 0)
                vh_loop_later(machines->loop, &call->report);
        return call;
}

/* ---- the rest of its life ---- */

static int on_said(sd_bus_message *reply, void *data, sd_bus_error *ret)
{
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        if (error && !sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchUnit") &&
            !sd_bus_error_has_name(error, MACHINED ".NoSuchMachine"))
                vh_log_warning("the service manager: %s", error->message);
        return 0;
}

void qemu_machine_end(QemuMachines *machines, const char *name, const char *unit, bool registered)
{
        if (connect_bus(machines) < 0)
                return;
        if (registered)
                (void)sd_bus_call_method_async(machines->bus, NULL, MACHINED, MACHINED_API, "TerminateMachine", on_said,
                                               NULL, "s", name);
        else
                (void)sd_bus_call_method_async(machines->bus, NULL, SYSTEMD, SYSTEMD_API, "StopUnit", on_said, NULL,
                                               "ss", unit, "fail");
}

void qemu_machine_set(QemuMachines *machines, const char *unit, const char *property, uint64_t value)
{
        if (connect_bus(machines) < 0)
                return;
        (void)sd_bus_call_method_async(machines->bus, NULL, SYSTEMD, SYSTEMD_API, "SetUnitProperties", on_said, NULL,
                                       "sba(sv)", unit, 1, 1, property, "t", value);
}
