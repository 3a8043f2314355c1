/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that leave a running guest. QEMU asks the guest, and tells when the device is gone: the call waits a little
 * for that; the device leaves the definition when it happens, however late. */

#include "audit.h"
#include "group.h"
#include "guest-host.h"
#include "guest-locks.h"
#include "guest-ports.h"
#include "helpers.h"
#include "hotplug.h"
#include "isolation.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "model/domain-tables.h"
#include "peripherals.h"
#include "settle.h"
#include "transient.h"

VH_LOG_SOURCE("qemu.hotplug");

enum { UNPLUG_WAIT = 5 * 1000 * 1000 /* microseconds, as the reference */ };

/* ---- after the device is gone ---- */

static void cleaned(void *data, json_t *ret, int r, const VhError *err)
{
        if (r < 0)
                vh_log_debug("what a removed device left behind: %s", vh_error_text(err, r));
}

static void gone(QemuProcess *proc, const char *alias);

typedef struct Cleaning {
        QemuProcess *proc;
        char *alias;
} Cleaning;

/* QEMU has closed what the device had: who takes an image away may use it now. */
static void cleaned_all(void *data, json_t *ret, int r, const VhError *err)
{
        Cleaning *cleaning = data;

        cleaned(NULL, ret, r, err);
        if (!cleaning->proc->stopping)
                gone(cleaning->proc, cleaning->alias);
        free(cleaning->alias);
        free(cleaning);
}

static void clean(QemuProcess *proc, const char *alias, QemuPlan *plan)
{
        for (size_t i = 0; i + 1 < plan->n; i++)
                qmp_send(proc->mon, VH_TAKE_PTR(plan->steps[i].cmd), cleaned, NULL);
        if (plan->n) {
                Cleaning *cleaning = vh_new(Cleaning, 1);

                *cleaning = (Cleaning){ proc, vh_xstrdup(alias) };
                qmp_send(proc->mon, VH_TAKE_PTR(plan->steps[plan->n - 1].cmd), cleaned_all, cleaning);
        } else
                gone(proc, alias);
}

/* The host's end of an interface that is no more. */
static void release_net(QemuProcess *proc, const VhNet *net)
{
        QemuHostWork *work = qemu_host_work_new();

        if (qemu_net_has_port(net))
                qemu_port_leave(proc, net, work);
        qemu_guest_net_leave(proc, net, work);
        if (qemu_host_work_empty(work))
                qemu_host_work_drop(work, false);
        else
                qemu_host_work_undo(work, proc->driver->pool, NULL, NULL);
}

/* The first console may be a serial port under another name. */
static void drop_twin(VhDomainDef *def, const char *alias)
{
        VhDevice twin = { 0 };

        if (!def->consoles.n || !vh_streq(def->consoles.items[0]->info.alias, alias))
                return;
        vh_domain_take_device(def, VH_DEVICE_CONSOLE, 0, &twin);
        vh_device_done(&twin);
}

void qemu_device_gone(QemuProcess *proc, const char *alias)
{
        VhDomainObj *dom = proc->dom;
        VhDevice old = {};
        QemuPlan plan = {};
        remote_nonnull_domain wire;
        unsigned place;

        if (!qemu_device_by_alias(dom->def, alias, &old.kind, &place)) {
                gone(proc, alias);
                return;
        }
        vh_domain_take_device(dom->def, old.kind, place, &old);
        if (old.kind == VH_DEVICE_SERIAL)
                drop_twin(dom->def, alias);
        if (old.kind == VH_DEVICE_MEMORY) {
                const VhMemdev *mem = old.dev;
                uint64_t before = dom->def->memory;

                dom->def->memory -= VH_MIN(before, mem->size);
                qemu_audit_number(proc, "mem", before, dom->def->memory, true);
        } else
                qemu_audit_device(proc, "detach", old.kind, old.dev, true);
        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_device_removed(proc->driver->hub, &wire, alias);
        qemu_plan_clean(old.kind, old.dev, &plan);
        clean(proc, alias, &plan);
        qemu_plan_done(&plan);
        if (old.kind == VH_DEVICE_DISK)
                qemu_transient_drop(old.dev);
        qemu_isolation_remove_device(proc, &old);
        if (old.kind == VH_DEVICE_NET)
                release_net(proc, old.dev);
        if (old.kind == VH_DEVICE_DISK)
                qemu_locks_remove_disk(proc, old.dev);
        if (old.kind == VH_DEVICE_FILESYSTEM)
                qemu_filesystem_leave(proc, old.dev);
        vh_device_done(&old);
}

/* ---- waiting ---- */

static QemuChange *find_waiting(QemuProcess *proc, const char *alias)
{
        QemuChange *change;

        LL_FOREACH2(proc->unplugs, change, next_unplug)
        if (vh_streq(change->alias, alias))
                return change;
        return NULL;
}

void qemu_unplug_begin(QemuChange *change, const char *alias)
{
        vh_strset(&change->alias, alias);
        change->unplugging = true;
        LL_PREPEND2(qemu_process(change->task.dom)->unplugs, change, next_unplug);
}

void qemu_unplug_stop(QemuChange *change)
{
        QemuProcess *proc = qemu_process(change->task.dom);

        if (!change->unplugging)
                return;
        change->unplugging = false;
        vh_source_free(change->timer);
        change->timer = NULL;
        if (proc)
                LL_DELETE2(proc->unplugs, change, next_unplug);
}

static void unplugged(QemuChange *change)
{
        if (change->gone)
                change->gone(change);
        else
                qemu_change_finish(change);
}

static void waited(void *data)
{
        QemuChange *change = data;

        qemu_unplug_stop(change);
        if (change->late)
                change->late(change);
        else /* the guest may let it go later, or never */
                qemu_change_finish(change);
}

void qemu_unplug_wait(QemuChange *change)
{
        if (!change->unplugging)
                unplugged(change); /* it went before the answer came */
        else
                change->timer = vh_loop_add_timer(change->task.driver->env.loop, UNPLUG_WAIT, waited, change);
}

/* Who names a device by its alias only asks for it to go, and is told by an event. */
static void only_ask(QemuChange *change)
{
        if (change->unplugging)
                waited(change);
        else
                unplugged(change);
}

static bool is_vcpu(const char *alias)
{
        unsigned id;

        return sscanf(alias, "vcpu%u", &id) == 1;
}

/* Who waits for it goes on. */
static void gone(QemuProcess *proc, const char *alias)
{
        QemuChange *change = find_waiting(proc, alias);
        bool answered = change && change->timer;

        qemu_status_save(proc->dom);
        if (change)
                qemu_unplug_stop(change);
        if (answered)
                unplugged(change);
}

static void on_deleted(QemuProcess *proc, json_t *args)
{
        const char *alias = json_string_value(json_object_get(args, "device"));

        if (!alias)
                return;
        qemu_peripherals_remove(proc, alias);
        if (!find_waiting(proc, alias) && is_vcpu(alias))
                qemu_group_refresh(proc); /* it let it go after all */
        qemu_device_gone(proc, alias);
}

static void on_refused(QemuProcess *proc, json_t *args)
{
        const char *alias = json_string_value(json_object_get(args, "device"));
        QemuChange *change = alias ? find_waiting(proc, alias) : NULL;
        remote_nonnull_domain wire;
        VhError *err = NULL;
        int r;

        if (!alias)
                return;
        vh_domain_obj_wire(proc->dom, &wire);
        vh_event_domain_device_removal_failed(proc->driver->hub, &wire, alias);
        if (!change || !change->timer)
                return;
        qemu_unplug_stop(change);
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "unplug of device was rejected by the guest");
        qemu_task_end(&change->task, r, err);
}

const QemuEventRow qemu_hotplug_events[] = {
        { "DEVICE_DELETED", on_deleted },
        { "DEVICE_UNPLUG_GUEST_ERROR", on_refused },
        { NULL },
};

/* A domain that ends takes those along who wait for its devices. */
void qemu_unplugs_stop(QemuProcess *proc)
{
        while (proc->unplugs) {
                QemuChange *change = proc->unplugs;
                VhError *err = NULL;
                int r;

                if (!change->timer) {
                        /* Its command is answered by the monitor's end. */
                        LL_DELETE2(proc->unplugs, change, next_unplug);
                        change->unplugging = false;
                        continue;
                }
                qemu_unplug_stop(change);
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
                qemu_task_end(&change->task, r, err);
        }
}

/* ---- which device ---- */

static bool same_channel(const VhChr *have, const VhChr *wanted)
{
        return wanted->target_name ? vh_streq(have->target_name, wanted->target_name)
                                   : have->info.address.virtio_serial.port == wanted->info.address.virtio_serial.port;
}

/* What runs has paths and names that the client's text cannot know. */
static int find_channel(const VhDomainDef *def, const VhDevice *wanted, VhError **err)
{
        for (uint32_t i = 0; i < def->channels.n; i++)
                if (same_channel(def->channels.items[i], wanted->dev))
                        return (int)i;
        return qemu_device_missing(QEMU_LIVE_DETACH, wanted, err);
}

/* Which kinds can leave at all. */
static int check_kind(VhDeviceKind kind, const void *dev, VhError **err)
{
        static const bool removable[VH_DEVICE_MAX] = {
                [VH_DEVICE_DISK] = true,     [VH_DEVICE_CONTROLLER] = true, [VH_DEVICE_NET] = true,
                [VH_DEVICE_SERIAL] = true,   [VH_DEVICE_CHANNEL] = true,    [VH_DEVICE_REDIRDEV] = true,
                [VH_DEVICE_CONSOLE] = true,  [VH_DEVICE_PARALLEL] = true,   [VH_DEVICE_RNG] = true,
                [VH_DEVICE_MEMORY] = true,   [VH_DEVICE_HOSTDEV] = true,    [VH_DEVICE_INPUT] = true,
                [VH_DEVICE_WATCHDOG] = true, [VH_DEVICE_VSOCK] = true,      [VH_DEVICE_SHMEM] = true,
                [VH_DEVICE_LEASE] = true,    [VH_DEVICE_FILESYSTEM] = true,
        };
        const VhController *c = dev;

        if (!removable[kind])
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "live detach of device '%s' is not supported", vh_device_class(kind)->element);
        if (kind == VH_DEVICE_CONTROLLER && c->type != VH_CONTROLLER_SCSI && c->type != VH_CONTROLLER_VIRTIO_SERIAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "'%s' controller cannot be hot unplugged.",
                                    vh_xml_names_text(&vh_controller_type_names, c->type));
        return 0;
}

static int find(QemuChange *change, VhDeviceKind *kind, unsigned *place, VhError **err)
{
        const VhDomainDef *def = change->task.dom->def;
        int r;

        if (change->alias) {
                if (qemu_device_by_alias(def, change->alias, kind, place))
                        return 0;
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "no device found with alias %s",
                                    change->alias);
        }
        r = qemu_device_parse(change->task.driver, change->xml, &change->dev, err);
        if (r < 0)
                return r;
        *kind = change->dev.kind;
        qemu_settle_device(change->task.driver->conf, *kind, change->dev.dev);
        r = check_kind(*kind, change->dev.dev, err);
        if (r < 0)
                return r;
        r = *kind == VH_DEVICE_CHANNEL ? find_channel(def, &change->dev, err)
                                       : qemu_device_find(def, &change->dev, QEMU_LIVE_DETACH, err);
        *place = (unsigned)r;
        return r < 0 ? r : 0;
}

static void *device_at(const VhDomainDef *def, VhDeviceKind kind, unsigned place)
{
        typedef VH_LIST(void) AnyList;
        const VhDeviceClass *class = vh_device_class(kind);
        const char *field = (const char *)def + class->offset;

        return class->single ? *(void *const *)field : ((const AnyList *)field)->items[place];
}

/* Whether the one that was found can. */
static int check_removable(VhDeviceKind kind, const void *dev, VhError **err)
{
        const VhDisk *disk = dev;
        const VhInput *input = dev;

        if (kind == VH_DEVICE_DISK && disk->bus != VH_DISK_BUS_SCSI && disk->bus != VH_DISK_BUS_USB &&
            (disk->device == VH_DISK_DEVICE_CDROM || disk->device == VH_DISK_DEVICE_FLOPPY))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "disk device type '%s' cannot be detached",
                                    vh_xml_names_text(&vh_disk_device_names, disk->device));
        if (kind == VH_DEVICE_DISK && disk->bus != VH_DISK_BUS_VIRTIO && disk->bus != VH_DISK_BUS_SCSI &&
            disk->bus != VH_DISK_BUS_USB)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "This type of disk cannot be hot unplugged");
        if (kind == VH_DEVICE_INPUT && input->bus != VH_INPUT_BUS_USB && input->bus != VH_INPUT_BUS_VIRTIO)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "input device on bus '%s' cannot be detached",
                                    input->bus ? vh_xml_names_text(&vh_input_bus_names, input->bus) : "none");
        if (kind == VH_DEVICE_FILESYSTEM && !qemu_is_virtiofs(dev))
                return qemu_virtiofs_only(err);
        return check_kind(kind, dev, err);
}

/* ---- the call ---- */

static int detach_config(QemuChange *change, VhError **err)
{
        return qemu_config_detach(&change->config, change->xml, change->alias, err);
}

/* QEMU does not know of it. */
static void drop_lease(QemuChange *change)
{
        VhDomainDef *def = change->task.dom->def;
        VhDevice lease = { .kind = VH_DEVICE_LEASE };
        int place = qemu_device_find(def, &change->dev, QEMU_LIVE_DETACH, NULL);

        if (place < 0)
                return;
        vh_domain_take_device(def, VH_DEVICE_LEASE, (unsigned)place, &lease);
        qemu_locks_remove_lease(qemu_process(change->task.dom), lease.dev);
        vh_device_done(&lease);
}

static int plan_live(QemuChange *change, VhError **err)
{
        const VhDomainDef *def = change->task.dom->def;
        VhDeviceInfo *info;
        VhDeviceKind kind = VH_DEVICE_NONE;
        unsigned place = 0;
        void *dev;
        int r = find(change, &kind, &place, err);

        if (r < 0)
                return r;
        dev = device_at(def, kind, place);
        r = check_removable(kind, dev, err);
        if (r < 0)
                return r;
        if (kind == VH_DEVICE_LEASE) {
                change->apply = drop_lease;
                return 0;
        }
        info = vh_device_info(kind, dev);
        if (!info || !info->alias)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "device alias not found: cannot detach");
        vh_strset(&change->alias, info->alias);
        qemu_plan_add(&change->plan, qmp_command("device_del", "{s:s}", "id", info->alias), NULL);
        return 0;
}

static void refused(QemuChange *change)
{
        const QemuProcess *proc = qemu_process(change->task.dom);
        VhDeviceKind kind = VH_DEVICE_NONE;
        unsigned place = 0;

        if (qemu_device_by_alias(proc->dom->def, change->alias, &kind, &place))
                qemu_audit_device(proc, "detach", kind, device_at(proc->dom->def, kind, place), false);
}

static void detach_run(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;
        VhError *err = NULL;
        int r = qemu_change_plan(change, detach_config, plan_live, &err);

        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        if (change->alias) {
                change->wait = change->xml ? qemu_unplug_wait : only_ask;
                change->refused = refused;
                qemu_unplug_begin(change, change->alias);
        }
        qemu_change_go(change);
}

static void detach_cleanup(QemuTask *task)
{
        qemu_unplug_stop((QemuChange *)task);
        qemu_change_cleanup(task);
}

const QemuTaskClass qemu_detach_class = {
        .api = "remoteDispatchDomainDetachDeviceFlags",
        .size = sizeof(QemuChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = detach_run,
        .cleanup = detach_cleanup,
};
