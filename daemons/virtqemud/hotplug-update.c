/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of a running guest that change: the medium of a drive, an interface (hotplug-net.c), a display
 * (hotplug-graphics.c). */

#include "audit.h"
#include "block-job.h"
#include "guest-ports.h"
#include "guest-secrets.h"
#include "hotplug.h"
#include "isolation.h"

#include <errno.h>

#include "model/domain-check.h"
#include "model/domain-tables.h"

static void *find(const VhDomainDef *def, const VhDevice *dev, VhError **err);

/* ---- media ---- */

/* Out with the old medium, in with the new one. The old images go last: until then the drive may still hold them. */
static int plan_medium(QemuChange *change, const QemuBuild *b, const VhDisk *old, VhDisk *new)
{
        bool force = change->flags & VIR_DOMAIN_DEVICE_MODIFY_FORCE;
        const char *id = old->info.alias;
        QemuPlan *plan = &change->plan;
        int r;

        qemu_plan_add(plan, qmp_command("blockdev-open-tray", "{s:s,s:b}", "id", id, "force", force),
                      qmp_command("blockdev-close-tray", "{s:s}", "id", id));
        if (!qemu_disk_is_empty(old))
                qemu_plan_add(plan, qmp_command("blockdev-remove-medium", "{s:s}", "id", id), NULL);
        if (!qemu_disk_is_empty(new)) {
                _vh_free_ char *node = qemu_format_node(&new->src);

                r = qemu_isolation_add_disk(qemu_process(change->task.dom), new, b->err);
                if (r >= 0)
                        r = qemu_plan_images(b, new, plan);
                if (r < 0)
                        return r;
                qemu_plan_add(plan, qmp_command("blockdev-insert-medium", "{s:s,s:s}", "id", id, "node-name", node),
                              NULL);
        }
        qemu_plan_add(plan, qmp_command("blockdev-close-tray", "{s:s}", "id", id), NULL);
        qemu_plan_clean_images(old, plan);
        return 0;
}

/* The secrets that the new medium needs are there. */
static int medium_ready(QemuChange *change, VhError **err)
{
        QemuProcess *proc = qemu_process(change->task.dom);
        const VhDomainDef *def = change->task.dom->def;
        const VhDisk *old = find(def, &change->dev, err);
        QemuLaunch launch;
        QemuBuild b = qemu_change_build(proc, def, &launch, err);
        int r;

        if (!old)
                return -ENOENT;
        qemu_host_work_adopt(change->work, proc, &launch);
        r = plan_medium(change, &b, old, change->dev.dev);
        qemu_launch_done(&launch);
        return r;
}

/* A drive that has lost its medium has a number like one with a medium, other than one that never had any. */
static void number_medium(QemuProcess *proc, VhDisk *new)
{
        if (qemu_disk_is_empty(new))
                new->src.index = (VhOptUint){ ++proc->last_node, true };
        else
                qemu_prepare_disk(new, &proc->last_node);
}

static int prepare_medium(QemuChange *change, const QemuBuild *b, VhDisk *new)
{
        if (!new->format)
                new->format = VH_STORAGE_FORMAT_RAW;
        number_medium(qemu_process(change->task.dom), new);
        change->work = qemu_host_work_new();
        qemu_device_secrets_want(b->launch, b->def, &change->dev, change->work);
        change->ready = medium_ready;
        return 0;
}

static int update_disk(QemuChange *change, const QemuBuild *b, void *have, void *want)
{
        VhDisk *old = have, *new = want;

        if (qemu_disk_same_source(&old->src, &new->src))
                return 0;
        return prepare_medium(change, b, new);
}

/* The drive stays what it is; its medium is the new one's, if it is another one: what is open keeps its names. */
static void apply_disk(QemuChange *change, void *have, void *want)
{
        VhDisk *old = have, *new = want;
        VhDiskSource src = old->src;
        uint8_t format = old->format;

        old->snapshot = new->snapshot;
        if (qemu_disk_same_source(&old->src, &new->src)) {
                old->src.startup_policy = new->src.startup_policy;
                return;
        }
        qemu_audit_image(qemu_process(change->task.dom), "update", &old->src, &new->src, true);
        old->src = new->src;
        old->format = new->format;
        new->src = src;
        new->format = format;
}

/* ---- memory ---- */

static int update_memory(QemuChange *change, const QemuBuild *b, void *have, void *want)
{
        enum { KIB = 1024, VIRTIO_MEM = 4 };
        const VhMemdev *old = have, *new = want;
        _vh_free_ char *path = vh_xasprintf("/machine/peripheral/%s", old->info.alias);
        int r;

        if (old->model != VIRTIO_MEM)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "live update of memory device of this model is not supported");
        r = vh_domain_check_device(VH_DEVICE_MEMORY, new, b->err);
        if (r < 0)
                return r;
        if (new->requested != old->requested)
                qemu_plan_add(&change->plan,
                              qmp_command("qom-set", "{s:s,s:s,s:I}", "path", path, "property", "requested-size",
                                          "value", (json_int_t) new->requested *KIB),
                              NULL);
        return 0;
}

static void apply_memory(QemuChange *change, void *have, void *want)
{
        ((VhMemdev *)have)->requested = ((const VhMemdev *)want)->requested;
}

/* ---- the call ---- */

static const struct {
        int (*plan)(QemuChange *change, const QemuBuild *b, void *have, void *want);
        void (*apply)(QemuChange *change, void *have, void *want);
} kinds[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { update_disk, apply_disk },
        [VH_DEVICE_NET] = { qemu_update_net, qemu_apply_net },
        [VH_DEVICE_MEMORY] = { update_memory, apply_memory },
        [VH_DEVICE_GRAPHICS] = { qemu_update_graphics, qemu_apply_graphics },
};

/* Memory is known by its name: what it offers is what changes. */
static int place_named(const VhDomainDef *def, const char *alias)
{
        VhDeviceKind kind = VH_DEVICE_NONE;
        unsigned place = 0;

        return qemu_device_by_alias(def, alias, &kind, &place) && kind == VH_DEVICE_MEMORY ? (int)place : -1;
}

static void *find(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        typedef VH_LIST(void) AnyList;
        const VhDeviceInfo *info = vh_device_info(dev->kind, dev->dev);
        int place = dev->kind == VH_DEVICE_MEMORY && info->alias ? place_named(def, info->alias)
                                                                 : qemu_device_find(def, dev, QEMU_LIVE_UPDATE, err);
        const char *field = (const char *)def + vh_device_class(dev->kind)->offset;

        return place < 0 ? NULL : ((const AnyList *)field)->items[place];
}

static void apply(QemuChange *change)
{
        void *have = find(change->task.dom->def, &change->dev, NULL);

        if (have)
                kinds[change->dev.kind].apply(change, have, change->dev.dev);
}

static void *find_changing(QemuChange *change, VhError **err)
{
        void *have;

        if (!kinds[change->dev.kind].plan) {
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                             "live update of device '%s' is not supported", qemu_device_word(change->dev.kind));
                return NULL;
        }
        have = find(change->task.dom->def, &change->dev, err);
        if (!have && err && !*err)
                qemu_device_missing(QEMU_LIVE_UPDATE, &change->dev, err);
        return have;
}

static int plan_live(QemuChange *change, VhError **err)
{
        const VhDomainDef *def = change->task.dom->def;
        QemuLaunch launch;
        QemuBuild b = qemu_change_build(qemu_process(change->task.dom), def, &launch, err);
        void *have = find_changing(change, err);

        return have ? kinds[change->dev.kind].plan(change, &b, have, change->dev.dev) : -ENOENT;
}

static int update_config(QemuChange *change, VhError **err)
{
        return qemu_config_update(&change->config, change->xml, err);
}

static void update_planned(QemuChange *change, int r, VhError *err)
{
        if (r == 0)
                r = plan_live(change, &err);
        if (r < 0)
                qemu_task_end(&change->task, r, err);
        else
                qemu_change_go(change);
}

/* Completes a device, and checks it, as one of this guest in place of the one that it is to change. */
static int complete_device(QemuChange *change, VhError **err)
{
        VhDomainDef *sketch = vh_domain_def_copy(change->task.dom->def);
        VhDevice *dev = &change->dev, gone = {}, added = { .kind = dev->kind, .dev = dev->dev };
        VhDeviceInfo *info = vh_device_info(dev->kind, dev->dev);
        const VhAddress said = info ? info->address : (VhAddress){};
        int place = vh_domain_find_device(sketch, dev, NULL);
        VhDomainParseEnv env;
        void *completed = dev->dev;
        int r;

        if (place >= 0)
                vh_domain_take_device(sketch, dev->kind, (unsigned)place, &gone);
        vh_device_done(&gone);
        /* Nothing is to be there, or it has an address already, whatever is said here. */
        if (info &&
            (place < 0 || (dev->kind == VH_DEVICE_DISK && ((const VhDisk *)completed)->bus == VH_DISK_BUS_VIRTIO)))
                info->address = (VhAddress){};
        r = vh_domain_add_device(sketch, &added, err);
        r = r < 0 ? r : vh_domain_defaults(sketch, qemu_parse_env(change->task.driver, &env), err);
        vh_domain_take_device(sketch, dev->kind, (unsigned)qemu_device_place(sketch, dev->kind, completed), &added);
        dev->dev = added.dev;
        if (info)
                info->address = said;
        vh_domain_def_free(sketch);
        return r;
}

/* Its order and its name are seen to by themselves. Returns what it is to change; NULL with *err. */
static void *check_device(QemuChange *change, VhError **err)
{
        VhDeviceKind kind = change->dev.kind;
        const VhDomainDef *def = change->task.dom->def;
        VhDeviceInfo *new = vh_device_info(kind, change->dev.dev);
        /* An interface is looked for by its name, too. */
        _vh_free_ char *alias = kind == VH_DEVICE_DISK ? VH_TAKE_PTR(new->alias) : NULL;
        void *have = find(def, &change->dev, NULL);
        const uint32_t order = new->boot_order;
        const VhDeviceInfo *old;
        int r;

        new->boot_order = have ? vh_device_info(kind, have)->boot_order : 0;
        r = complete_device(change, err);
        new->boot_order = order;
        have = r < 0 ? NULL : find_changing(change, err);
        if (!have)
                return NULL;
        old = vh_device_info(kind, have);
        if (alias && !vh_streq(alias, old->alias)) {
                vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_DENIED, "changing device alias is not allowed");
                return NULL;
        }
        return qemu_change_boot_check(def, old, new, err) < 0 ? NULL : have;
}

/* A disk is checked before its images are looked at. */
static int check_disk(QemuChange *change, VhError **err)
{
        const VhDisk *old = check_device(change, err);

        return old ? qemu_update_disk_check(old, change->dev.dev, err) : -EINVAL;
}

/* Its network says what an interface is plugged into. */
static int want_port(QemuChange *change, VhError **err)
{
        const VhNet *have = check_device(change, err);
        int r = have ? qemu_update_net_check(have, change->dev.dev, err) : -EINVAL;

        if (r == 0 && qemu_net_wants_port(change->dev.dev))
                qemu_port_want(qemu_process(change->task.dom), change->dev.dev, change->resolved);
        return r;
}

/* What can be said before other daemons are asked, and images looked at. */
static int check_live(QemuChange *change, VhError **err)
{
        switch (change->dev.kind) {
        case VH_DEVICE_NET:
                return want_port(change, err);
        case VH_DEVICE_DISK:
                return check_disk(change, err);
        case VH_DEVICE_GRAPHICS:
                return find(change->task.dom->def, &change->dev, NULL) ? complete_device(change, err) : 0;
        default:
                return 0;
        }
}

static void update_run(QemuTask *task)
{
        QemuChange *change = (QemuChange *)task;
        VhError *err = NULL;
        int r = qemu_device_parse(task->driver, change->xml, &change->dev, &err);

        change->apply = apply;
        change->resolved = qemu_host_work_new();
        if (r == 0)
                r = qemu_change_plan(change, update_config, check_live, &err);
        if (r < 0)
                qemu_task_end(task, r, err);
        else
                qemu_change_resolve(change, update_planned);
}

const QemuTaskClass qemu_update_class = {
        .api = "remoteDispatchDomainUpdateDeviceFlags",
        .size = sizeof(QemuChange),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = update_run,
        .cleanup = qemu_change_cleanup,
};
