/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices that join a running guest. The definition of what runs is completed in a copy, by the code that completes a
 * new one: so the device gets its model, address and, where it needs one, a controller. */

#include "audit.h"
#include "block-job.h"
#include "hotplug.h"

#include <errno.h>
#include <inttypes.h>

#include "guest-defaults.h"
#include "guest-host.h"
#include "guest-locks.h"
#include "guest-ports.h"
#include "guest-secrets.h"
#include "guest-volumes.h"
#include "helpers.h"
#include "isolation.h"
#include "model/domain-check.h"
#include "model/domain-tables.h"
#include "peripherals.h"
#include "refresh.h"
#include "settle.h"
#include "transient.h"
#include "vsock.h"

/* ---- the device in a copy of what runs ---- */

static bool is_new_controller(const VhDomainDef *before, const VhController *c)
{
        return !vh_domain_find_controller(before, c->type, c->index.val);
}

static bool grew_buses(const VhDomainDef *before, const VhDomainDef *after)
{
        for (uint32_t i = 0; i < after->controllers.n; i++) {
                const VhController *c = after->controllers.items[i];

                if (c->type == VH_CONTROLLER_PCI && is_new_controller(before, c))
                        return true;
        }
        return false;
}

/* Slots and room for memory are counted when the machine starts. */
static int check_room(const VhDomainDef *def, const VhMemdev *mem, VhError **err)
{
        const VhAddress *a = &mem->info.address;

        if (!def->max_memory)
                return 0; /* the plan says so */
        if (def->memory + mem->size > def->max_memory)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Attaching memory device with size '%" PRIu64
                                    "' would exceed domain's maxMemory config size '%" PRIu64 "'",
                                    mem->size, def->max_memory);
        if (a->type == VH_ADDRESS_DIMM && a->dimm.slot.set && a->dimm.slot.val >= def->memory_slots)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "memory device slot '%u' exceeds slots count '%u'", a->dimm.slot.val,
                                    def->memory_slots);
        if (def->memdevs.n >= def->memory_slots)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "memory device count '%u' exceeds slots count '%u'", def->memdevs.n + 1,
                                    def->memory_slots);
        return 0;
}

static int check_guest(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        const VhController *c = dev->dev;

        if (!qemu_plan_can_attach(dev->kind))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "live attach of device '%s' is not supported", vh_device_class(dev->kind)->element);
        if (dev->kind == VH_DEVICE_MEMORY)
                return check_room(def, dev->dev, err);
        if (dev->kind == VH_DEVICE_CONTROLLER && c->index.set && vh_domain_find_controller(def, c->type, c->index.val))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "target %s:%u already exists",
                                    vh_xml_names_text(&vh_controller_type_names, c->type), c->index.val);
        if (dev->kind == VH_DEVICE_CONSOLE && ((const VhChr *)dev->dev)->target_type != VH_CHR_TARGET_VIRTIO)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "unsupported console target type serial");
        if (dev->kind == VH_DEVICE_CHANNEL) {
                const VhChr *chr = dev->dev;

                for (uint32_t i = 0; i < def->channels.n; i++)
                        if (chr->target_name && vh_streq(def->channels.items[i]->target_name, chr->target_name))
                                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                                    "chardev already exists");
        }
        return 0;
}

/* ---- controllers that come along ---- */

static const VhController *last_scsi(const VhDomainDef *def)
{
        const VhController *last = NULL;

        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_SCSI)
                        last = def->controllers.items[i];
        return last;
}

/* New SCSI controllers are like the last one that runs, unlike those of a new definition. How many are needed is what
 * completing a copy shows. */
static int add_scsi_controllers(QemuChange *change, VhDomainParseEnv *env, VhError **err)
{
        const VhController *like = last_scsi(change->task.dom->def);
        VhDomainDef *sketch;
        int r;

        if (!like || like->model == VH_CTRL_LSILOGIC || change->dev.kind == VH_DEVICE_CONTROLLER)
                return 0;
        sketch = vh_domain_def_copy(change->live);
        r = vh_domain_defaults(sketch, env, err);
        for (uint32_t i = 0; r == 0 && i < sketch->controllers.n; i++) {
                const VhController *c = sketch->controllers.items[i];

                if (c->type == VH_CONTROLLER_SCSI && is_new_controller(change->task.dom->def, c))
                        vh_domain_add_controller(change->live, VH_CONTROLLER_SCSI, c->index.val)->model = like->model;
        }
        vh_domain_def_free(sketch);
        return r;
}

static int join(QemuChange *change, VhError **err)
{
        VhDomainObj *dom = change->task.dom;
        VhDomainParseEnv env;
        int r;

        change->live = vh_domain_def_copy(dom->def);
        change->joined = change->dev.dev;
        r = vh_domain_add_device(change->live, &change->dev, err);
        qemu_parse_env(change->task.driver, &env);
        r = r < 0 ? r : add_scsi_controllers(change, &env, err);
        r = r < 0 ? r : vh_domain_defaults(change->live, &env, err);
        r = r < 0 ? r : vh_domain_check_targets(change->live, err);
        if (r < 0)
                return r;
        if (change->dev.kind != VH_DEVICE_CONTROLLER && grew_buses(dom->def, change->live))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "No more available PCI slots");
        /* A hub of its own can be plugged in first. */
        if (change->dev.kind != VH_DEVICE_HUB && change->live->hubs.n > dom->def->hubs.n)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "No free USB ports");
        return 0;
}

static void name_device(QemuChange *change, QemuProcess *proc, const QemuLaunch *launch)
{
        VhDeviceKind kind = change->dev.kind;

        if (kind == VH_DEVICE_DISK)
                qemu_prepare_disk(change->joined, &proc->last_node);
        if (kind == VH_DEVICE_CHANNEL)
                qemu_prepare_channel(launch, change->joined);
        if (kind == VH_DEVICE_CONSOLE)
                ((VhChr *)change->joined)->port.set = true;
        qemu_assign_alias(change->live, kind, change->joined);
}

/* ---- what QEMU is told ---- */

static int plan_controllers(QemuChange *change, const QemuBuild *b)
{
        const VhDomainDef *before = change->task.dom->def;

        for (uint32_t i = 0; i < change->live->controllers.n; i++) {
                VhController *c = change->live->controllers.items[i];
                int r;

                if (c == change->joined || !is_new_controller(before, c))
                        continue;
                if (c->type != VH_CONTROLLER_SCSI && c->type != VH_CONTROLLER_VIRTIO_SERIAL)
                        return vh_error_set(b->err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                            "Could not find %s controller with index %u required for device",
                                            vh_xml_names_text(&vh_controller_type_names, c->type), c->index.val);
                qemu_assign_alias(change->live, VH_DEVICE_CONTROLLER, c);
                r = qemu_plan_attach(b, VH_DEVICE_CONTROLLER, c, &change->plan);
                if (r < 0)
                        return r;
        }
        /* They stay if the device fails: nobody in the guest has to let them go then. */
        for (size_t i = 0; i < change->plan.n; i++) {
                json_decref(change->plan.steps[i].undo);
                change->plan.steps[i].undo = NULL;
        }
        change->controllers = change->plan.n;
        return 0;
}

/* A daemon that comes after us looks whether the device is there, and takes back what was done for it. */
static void announce(QemuChange *change)
{
        if (!qemu_device_is_listed(change->dev.kind, change->joined))
                return;
        qemu_status_save_as(change->task.dom, change->live);
        change->announced = true;
}

static int plan_live(QemuChange *change, VhError **err)
{
        QemuProcess *proc = qemu_process(change->task.dom);
        QemuLaunch launch;
        QemuBuild b;
        int r = join(change, err);

        if (r < 0)
                return r;
        b = qemu_change_build(proc, change->live, &launch, err);
        proc->last_node = VH_MAX(proc->last_node, qemu_highest_node(change->task.dom->def));
        r = plan_controllers(change, &b);
        if (r < 0)
                return r;
        name_device(change, proc, &launch);
        qemu_settle_device(change->task.driver->conf, change->dev.kind, change->joined);
        announce(change);
        r = qemu_isolation_add_device(proc, &(VhDevice){ change->dev.kind, change->joined }, err);
        change->isolated = r >= 0;
        change->work = qemu_host_work_new();
        qemu_device_secrets_want(&launch, change->live, &(VhDevice){ change->dev.kind, change->joined }, change->work);
        if (r >= 0 && change->dev.kind == VH_DEVICE_NET)
                r = qemu_guest_net_want(proc, change->joined, change->work, err);
        if (r >= 0 && change->dev.kind == VH_DEVICE_FILESYSTEM)
                r = qemu_filesystem_want(proc, change->joined, change->work, err);
        return r;
}

/* What QEMU gets open. */
static int open_host(QemuChange *change, QemuLaunch *launch, VhError **err)
{
        VhVsock *vsock = change->joined;
        int fd;

        if (change->dev.kind != VH_DEVICE_VSOCK)
                return 0;
        fd = qemu_vsock_open(vsock, err);
        if (fd >= 0)
                qemu_launch_give_fd(launch, QEMU_FD_VHOST, vsock->info.alias, fd);
        return VH_MIN(fd, 0);
}

/* ---- a disk that gets a temporary image first ---- */

static void layered(void *data, int r, const VhError *err)
{
        qemu_change_ready(data, r, vh_error_copy(err));
}

/* *t gets what makes the image; the disk has it from now on. */
static int plan_layer(QemuChange *change, const QemuBuild *b, QemuTransients **t)
{
        QemuProcess *proc = qemu_process(change->task.dom);
        VhDisk *disk = change->joined;
        int r;

        if (change->dev.kind != VH_DEVICE_DISK || !disk->transient)
                return 0;
        *t = qemu_transients_new(proc, change->live, layered, change);
        r = qemu_transients_add(*t, b, disk, false);
        change->layered = r == 0;
        return r;
}

/* The disk did not join after all. */
static void drop_layer(QemuChange *change)
{
        QemuProcess *proc = qemu_process(change->task.dom);
        QemuPlan plan = { 0 };

        if (!change->layered || (proc && proc->forgotten))
                return; /* a daemon that comes after us finds it */
        qemu_plan_clean_images(change->joined, &plan);
        for (size_t i = 0; proc && proc->mon && i < plan.n; i++)
                qmp_send(proc->mon, VH_TAKE_PTR(plan.steps[i].cmd), NULL, NULL);
        qemu_plan_done(&plan);
        qemu_transient_drop(change->joined);
}

/* The host's part is there: now the device itself. */
static int plan_device(QemuChange *change, VhError **err)
{
        QemuProcess *proc = qemu_process(change->task.dom);
        QemuTransients *t = NULL;
        QemuLaunch launch;
        QemuBuild b = qemu_change_build(proc, change->live, &launch, err);
        int r;

        if (change->work)
                qemu_host_work_adopt(change->work, proc, &launch);
        r = open_host(change, &launch, err);
        if (r == 0)
                r = plan_layer(change, &b, &t);
        if (r == 0) {
                qemu_plan_fds(&launch, &change->plan);
                r = qemu_plan_attach(&b, change->dev.kind, change->joined, &change->plan);
        }
        qemu_launch_done(&launch);
        if (r == 0)
                announce(change);
        if (r < 0 || !t) {
                qemu_transients_free(t);
                return r;
        }
        qemu_transients_go(t);
        return VH_LATER;
}

/* ---- success ---- */

/* Disks stand in the order of their names: where the last one was in the copy. */
static void place_disk(VhDomainDef *def, uint32_t place)
{
        VhDisk *disk = vh_list_take(&def->disks, def->disks.n - 1);

        vh_list_insert(&def->disks, place, disk);
}

/* Moves a device from the copy to what runs. */
static void move_device(QemuChange *change, VhDeviceKind kind, const void *dev)
{
        VhDevice moved = {};
        int place = qemu_device_place(change->live, kind, dev);

        vh_domain_take_device(change->live, kind, (unsigned)place, &moved);
        moved.kind = kind;
        (void)vh_domain_add_device(change->task.dom->def, &moved, NULL);
        if (kind == VH_DEVICE_DISK)
                place_disk(change->task.dom->def, (uint32_t)place);
        vh_device_done(&moved);
}

static void audit(const QemuChange *change, bool success)
{
        const QemuProcess *proc = qemu_process(change->task.dom);
        uint64_t total = change->task.dom->def->memory;
        const VhMemdev *mem = change->joined;

        if (change->dev.kind == VH_DEVICE_MEMORY)
                qemu_audit_number(proc, "mem", total, total + mem->size, success);
        else
                qemu_audit_device(proc, "attach", change->dev.kind, change->joined, success);
}

static void refused(QemuChange *change)
{
        audit(change, false);
}

/* The first n of the controllers that came along. */
static void move_controllers(QemuChange *change, size_t n)
{
        uint32_t i = 0;

        while (n && i < change->live->controllers.n) {
                VhController *c = change->live->controllers.items[i];

                if (c != change->joined && is_new_controller(change->task.dom->def, c)) {
                        move_device(change, VH_DEVICE_CONTROLLER, c);
                        n--;
                } else {
                        i++;
                }
        }
}

/* As the reference names it where the device comes, not where it goes. */
static void tell_added(const QemuChange *change)
{
        const char *alias = vh_device_info(change->dev.kind, change->joined)->alias;
        _vh_free_ char *object = change->dev.kind == VH_DEVICE_MEMORY ? vh_xasprintf("mem%s", alias) : NULL;
        remote_nonnull_domain wire;

        vh_domain_obj_wire(change->task.dom, &wire);
        vh_event_domain_device_added(change->task.driver->hub, &wire, object ? object : alias);
}

/* The first serial port is the first console, too. */
static void move_twin(QemuChange *change)
{
        const char *alias = vh_device_info(change->dev.kind, change->joined)->alias;
        const VhDomainDef *live = change->live;

        if (change->dev.kind == VH_DEVICE_SERIAL && !change->task.dom->def->consoles.n && live->consoles.n) {
                vh_strset(&live->consoles.items[0]->info.alias, alias);
                vh_strset(&live->consoles.items[0]->source.path, ((const VhChr *)change->joined)->source.path);
                move_device(change, VH_DEVICE_CONSOLE, live->consoles.items[0]);
        }
}

static void apply(QemuChange *change)
{
        VhDomainObj *dom = change->task.dom;
        const VhDeviceInfo *info = vh_device_info(change->dev.kind, change->joined);
        const char *alias = info ? info->alias : NULL;

        move_controllers(change, change->controllers);
        change->locked = change->announced = change->layered = change->isolated = false; /* what runs has it now */
        audit(change, true);
        move_twin(change);
        move_device(change, change->dev.kind, change->joined);
        qemu_peripherals_add(qemu_process(dom), alias);
        if (change->dev.kind == VH_DEVICE_MEMORY) {
                const VhMemdev *mem = change->joined;

                dom->def->memory += mem->size;
        }
        if (alias)
                tell_added(change);
}

/* ---- memory: QEMU tells where it is, and how much the guest has by now ---- */

static void got_balloon(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        qemu_refresh_balloon(qemu_process(task->dom), ret); /* there may be none */
        qemu_change_finish((QemuChange *)task);
}

static void got_memory(QemuTask *task, json_t *ret)
{
        qemu_refresh_memory(qemu_process(task->dom), ret);
        qemu_task_qmp_try(task, qmp_command("query-balloon", NULL), got_balloon);
}

static void find_memory(QemuChange *change)
{
        qemu_task_qmp(&change->task, qmp_command("query-memory-devices", NULL), got_memory);
}

static int attach_config(QemuChange *change, VhError **err)
{
        return qemu_config_attach(&change->config, change->xml, err);
}

static void locked(void *data, int r, const VhError *err)
{
        QemuChange *change = data;

        change->locked = r >= 0;
        if (r < 0)
                qemu_task_end(&change->task, r, vh_error_copy(err));
        else
                qemu_change_go(change);
}

static void attach_planned(QemuChange *change, int r, VhError *err)
{
        if (r == 0)
                r = qemu_change_plan(change, attach_config, plan_live, &err);
        if (r < 0)
                qemu_task_end(&change->task, r, err);
        else if (change->live && change->dev.kind == VH_DEVICE_DISK)
                qemu_locks_add_disk(qemu_process(change->task.dom), change->joined, locked, change);
        else if (change->live && change->dev.kind == VH_DEVICE_LEASE)
                qemu_locks_add_lease(qemu_process(change->task.dom), change->joined, locked, change);
        else
                qemu_change_go(change);
}

static bool is_chr(VhDeviceKind kind)
{
        return kind == VH_DEVICE_SERIAL || kind == VH_DEVICE_PARALLEL || kind == VH_DEVICE_CONSOLE ||
               kind == VH_DEVICE_CHANNEL;
}

/* Which terminal it is. */
static void note_terminal(QemuChange *change, const json_t *ret)
{
        const char *path = json_string_value(json_object_get(ret, "pty"));

        if (path && is_chr(change->dev.kind))
                vh_strset(&((VhChr *)change->joined)->source.path, path);
}

static void attach_run(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;
        VhError *err = NULL;
        int r = qemu_device_parse(task->driver, change->xml, &change->dev, &err);

        r = r < 0 ? r : check_guest(task->dom->def, &change->dev, &err);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        change->ready = plan_device;
        change->apply = apply;
        change->refused = refused;
        change->told = note_terminal;
        if (change->dev.kind == VH_DEVICE_MEMORY)
                change->wait = find_memory;
        change->resolved = qemu_host_work_new();
        if (change->dev.kind == VH_DEVICE_NET && qemu_net_wants_port(change->dev.dev))
                qemu_port_want(qemu_process(task->dom), change->dev.dev, change->resolved);
        if (change->dev.kind == VH_DEVICE_DISK && qemu_disk_wants_volume(change->dev.dev))
                qemu_volume_want(qemu_process(task->dom), change->dev.dev, change->resolved);
        qemu_change_resolve(change, attach_planned);
}

static void unlock(QemuProcess *proc, const VhDevice *dev, const void *joined)
{
        if (dev->kind == VH_DEVICE_LEASE)
                qemu_locks_remove_lease(proc, joined);
        else
                qemu_locks_remove_disk(proc, joined);
}

static void attach_cleanup(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;
        QemuProcess *proc = qemu_process(task->dom);

        drop_layer(change);
        if (change->isolated && proc && !proc->forgotten)
                qemu_isolation_remove_device(proc, &(VhDevice){ change->dev.kind, change->joined });
        if (change->locked && proc)
                unlock(proc, &change->dev, change->joined);
        if (change->work && proc && change->dev.kind == VH_DEVICE_FILESYSTEM)
                qemu_filesystem_forget(proc, change->joined);
        if (change->reached && proc)
                move_controllers(change, VH_MIN(change->reached, change->controllers));
        if (proc && (change->announced || change->reached))
                qemu_status_save(task->dom);
        qemu_change_cleanup(task);
}

const QemuTaskClass qemu_attach_class = {
        .api = "remoteDispatchDomainAttachDeviceFlags",
        .size = sizeof(QemuChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = attach_run,
        .cleanup = attach_cleanup,
};
