/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* File systems inside a guest: freezing, trimming, listing. */

#include "agent-fs.h"

#include <errno.h>

#include "agent.h"
#include "qemu-ops.h"

/* ---- freeze, thaw ---- */

typedef struct FreezeTask {
        QemuTask task;
        bool freeze;
        int *count;        /* of the call's answer; NULL: nobody's */
        QemuFrozenFn done; /* instead of a call */
        void *data;
        int n;
} FreezeTask;

static void got_count(QemuTask *task, json_t *ret)
{
        FreezeTask *freeze = (FreezeTask *)task;

        if (!json_is_integer(ret) || json_integer_value(ret) < 0 || json_integer_value(ret) > INT32_MAX) {
                qemu_agent_malformed(task, "guest agent returned malformed or invalid return value");
                return;
        }
        freeze->n = (int)json_integer_value(ret);
        if (freeze->count)
                *freeze->count = freeze->n;
        qemu_task_end(task, 0, NULL);
}

/* The mount points of a client's call, NULL: all. */
static json_t *mountpoints(const QemuTask *task)
{
        const remote_domain_fsfreeze_args *args = task->call ? task->call->args : NULL;
        json_t *list;

        if (!args || !((const FreezeTask *)task)->freeze || !args->mountpoints.len)
                return NULL;
        list = json_array();
        for (uint32_t i = 0; i < args->mountpoints.len; i++)
                json_array_append_new(list, json_string(args->mountpoints.val[i]));
        return json_pack("{s:o}", "mountpoints", list);
}

static void freeze_run(QemuTask *task)
{
        bool freeze = ((FreezeTask *)task)->freeze;
        json_t *some = mountpoints(task);

        qemu_task_ask(task,
                      qmp_command_args(!freeze ? "guest-fsfreeze-thaw"
                                       : some  ? "guest-fsfreeze-freeze-list"
                                               : "guest-fsfreeze-freeze",
                                       some),
                      got_count);
}

static const QemuTaskClass freeze_class = {
        .api = "remoteDispatchDomainFSFreeze",
        .size = sizeof(FreezeTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = freeze_run,
};

static int start_freeze(VhCall *call, const remote_nonnull_domain *wire, bool freeze, int *count, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;
        FreezeTask *task;

        if (r < 0)
                return r;
        task = (FreezeTask *)qemu_task_new(qemu_driver(call), dom, call, &freeze_class);
        task->freeze = freeze;
        task->count = count;
        return qemu_task_go(&task->task);
}

QEMU_OP_RET(domain_fsfreeze)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainFSFreeze", err);

        return r < 0 ? r : start_freeze(call, &args->dom, true, &ret->filesystems, err);
}

QEMU_OP_RET(domain_fsthaw)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainFSThaw", err);

        if (r == 0 && args->mountpoints.len)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "specifying mountpoints is not supported");
        return r < 0 ? r : start_freeze(call, &args->dom, false, &ret->filesystems, err);
}

static void freeze_ended(QemuTask *task, int r, const VhError *err)
{
        FreezeTask *freeze = (FreezeTask *)task;

        freeze->done(freeze->data, r < 0 ? r : freeze->n, err);
}

void qemu_agent_freeze(QemuDriver *driver, VhDomainObj *dom, bool freeze, QemuFrozenFn done, void *data)
{
        FreezeTask *task = (FreezeTask *)qemu_task_new(driver, dom, NULL, &freeze_class);

        task->freeze = freeze;
        task->done = done;
        task->data = data;
        task->task.ended = freeze_ended;
        qemu_task_go(&task->task);
}

/* ---- trim ---- */

static void trim_run(QemuTask *task)
{
        const remote_domain_fstrim_args *args = task->call->args;

        qemu_task_ask(task, qmp_command("guest-fstrim", "{s:I}", "minimum", (json_int_t)args->minimum),
                      qemu_agent_done);
}

static const QemuTaskClass trim_class = {
        .api = "remoteDispatchDomainFSTrim",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = trim_run,
};

QEMU_OP(domain_fstrim)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainFSTrim", err);

        if (r == 0 && args->mountPoint)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "Specifying mount point is not supported for now");
        return r < 0 ? r : qemu_task_start(call, &args->dom, &trim_class, NULL, err);
}

/* ---- which disk is which ---- */

static bool same_pci(const VhAddress *address, const json_t *pci)
{
        return address->type == VH_ADDRESS_PCI &&
               json_integer_value(json_object_get(pci, "domain")) == address->pci.domain &&
               json_integer_value(json_object_get(pci, "bus")) == address->pci.bus &&
               json_integer_value(json_object_get(pci, "slot")) == address->pci.slot &&
               json_integer_value(json_object_get(pci, "function")) == address->pci.function;
}

/* Index of the controller at a PCI address; -1: none. */
static int64_t controller_at(const VhDomainDef *def, const json_t *pci)
{
        for (uint32_t i = 0; i < def->controllers.n; i++)
                if (same_pci(&def->controllers.items[i]->info.address, pci))
                        return def->controllers.items[i]->index.val;
        return -1;
}

static bool same_drive(const VhAddress *address, int64_t controller, const json_t *item)
{
        return address->type == VH_ADDRESS_DRIVE && (int64_t)address->drive.controller == controller &&
               json_integer_value(json_object_get(item, "bus")) == address->drive.bus &&
               json_integer_value(json_object_get(item, "target")) == address->drive.target &&
               json_integer_value(json_object_get(item, "unit")) == address->drive.unit;
}

const VhDisk *qemu_agent_find_disk(const VhDomainDef *def, const json_t *address)
{
        const json_t *pci = json_object_get(address, "pci-controller");
        int64_t controller = pci ? controller_at(def, pci) : -1;

        for (uint32_t i = 0; pci && i < def->disks.n; i++) {
                const VhAddress *own = &def->disks.items[i]->info.address;

                if (same_pci(own, pci) || (controller >= 0 && same_drive(own, controller, address)))
                        return def->disks.items[i];
        }
        return NULL;
}

/* ---- lists ---- */

typedef struct Wanted {
        const char *key, *missing;
} Wanted;

/* All of the keys that an entry must have as text. */
static int check_texts(const json_t *item, const Wanted *wanted, size_t n, VhError **err)
{
        for (size_t i = 0; i < n; i++)
                if (!json_is_string(json_object_get(item, wanted[i].key)))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "%s", wanted[i].missing);
        return 0;
}

static int check_filesystems(json_t *ret, VhError **err)
{
        static const Wanted wanted[] = {
                { "mountpoint", "'mountpoint' missing in reply of guest-get-fsinfo" },
                { "name", "'name' missing in reply of guest-get-fsinfo" },
                { "type", "'type' missing in reply of guest-get-fsinfo" },
        };
        int r = 0;

        if (!json_is_array(ret))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "guest-get-fsinfo reply was missing return data");
        for (size_t i = 0; r == 0 && i < json_array_size(ret); i++) {
                json_t *item = json_array_get(ret, i);

                r = check_texts(item, wanted, VH_ARRAY_SIZE(wanted), err);
                if (r == 0 && !json_is_array(json_object_get(item, "disk")))
                        r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                         "'disk' missing in reply of guest-get-fsinfo");
        }
        return r;
}

static const char *text(const json_t *item, const char *key)
{
        return json_string_value(json_object_get(item, key));
}

/* The agent's text, in memory of the list's call. */
static void add_text(VhTypedList *list, const char *field, const char *value)
{
        if (value)
                vh_typed_add_string(list, field, vh_arena_strdup(list->arena, value));
}

static void add_size(VhTypedList *list, const char *field, const json_t *value)
{
        if (json_is_integer(value))
                vh_typed_add_ullong(list, field, (uint64_t)json_integer_value(value));
}

static void format_fs_disk(const VhDomainDef *def, VhTypedList *list, size_t fs, size_t n, const json_t *item)
{
        const VhDisk *disk = qemu_agent_find_disk(def, item);

        if (disk)
                add_text(list, vh_typed_name(list, "fs.%zu.disk.%zu.alias", fs, n), disk->target);
        add_text(list, vh_typed_name(list, "fs.%zu.disk.%zu.serial", fs, n), text(item, "serial"));
        add_text(list, vh_typed_name(list, "fs.%zu.disk.%zu.device", fs, n), text(item, "dev"));
}

int qemu_agent_format_filesystems(const VhDomainDef *def, json_t *ret, VhTypedList *list, VhError **err)
{
        int r = check_filesystems(ret, err);
        size_t i, j;
        json_t *item, *disk;

        if (r < 0)
                return r;
        vh_typed_add_uint(list, "fs.count", (unsigned)json_array_size(ret));
        json_array_foreach(ret, i, item)
        {
                json_t *disks = json_object_get(item, "disk");

                add_text(list, vh_typed_name(list, "fs.%zu.name", i), text(item, "name"));
                add_text(list, vh_typed_name(list, "fs.%zu.mountpoint", i), text(item, "mountpoint"));
                add_text(list, vh_typed_name(list, "fs.%zu.fstype", i), text(item, "type"));
                add_size(list, vh_typed_name(list, "fs.%zu.total-bytes", i), json_object_get(item, "total-bytes"));
                add_size(list, vh_typed_name(list, "fs.%zu.used-bytes", i), json_object_get(item, "used-bytes"));
                vh_typed_add_uint(list, vh_typed_name(list, "fs.%zu.disk.count", i), (unsigned)json_array_size(disks));
                json_array_foreach(disks, j, disk) format_fs_disk(def, list, i, j, disk);
        }
        return 0;
}

static void format_disk(const VhDomainDef *def, VhTypedList *list, size_t n, const json_t *item)
{
        const json_t *dependencies = json_object_get(item, "dependencies"), *dependency;
        const VhDisk *disk = qemu_agent_find_disk(def, json_object_get(item, "address"));
        size_t i;

        add_text(list, vh_typed_name(list, "disk.%zu.name", n), text(item, "name"));
        vh_typed_add_bool(list, vh_typed_name(list, "disk.%zu.partition", n),
                          json_is_true(json_object_get(item, "partition")));
        if (json_array_size(dependencies))
                vh_typed_add_uint(list, vh_typed_name(list, "disk.%zu.dependency.count", n),
                                  (unsigned)json_array_size(dependencies));
        json_array_foreach(dependencies, i, dependency) add_text(
                list, vh_typed_name(list, "disk.%zu.dependency.%zu.name", n, i), json_string_value(dependency));
        if (disk)
                add_text(list, vh_typed_name(list, "disk.%zu.alias", n), disk->target);
        add_text(list, vh_typed_name(list, "disk.%zu.guest_alias", n), text(item, "alias"));
}

int qemu_agent_format_disks(const VhDomainDef *def, json_t *ret, VhTypedList *list, VhError **err)
{
        static const Wanted wanted[] = { { "name", "'name' missing in reply of guest-get-disks" } };
        size_t i;
        json_t *item;

        if (!json_is_array(ret))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "qemu agent didn't return an array of disks");
        json_array_foreach(ret, i, item)
        {
                int r = check_texts(item, wanted, VH_ARRAY_SIZE(wanted), err);

                if (r < 0)
                        return r;
        }
        vh_typed_add_uint(list, "disk.count", (unsigned)json_array_size(ret));
        json_array_foreach(ret, i, item) format_disk(def, list, i, item);
        return 0;
}

/* ---- domfsinfo ---- */

static void fill_filesystem(VhCall *call, const VhDomainDef *def, const json_t *item, remote_domain_fsinfo *fs)
{
        json_t *disks = json_object_get(item, "disk"), *one;
        size_t i;

        fs->mountpoint = vh_call_strdup(call, text(item, "mountpoint"));
        fs->name = vh_call_strdup(call, text(item, "name"));
        fs->fstype = vh_call_strdup(call, text(item, "type"));
        fs->dev_aliases.val = vh_call_new(call, char *, json_array_size(disks) + 1);
        json_array_foreach(disks, i, one)
        {
                const VhDisk *disk = qemu_agent_find_disk(def, one);

                if (disk && disk->target)
                        fs->dev_aliases.val[fs->dev_aliases.len++] = vh_call_strdup(call, disk->target);
        }
}

static void got_filesystems(QemuTask *task, json_t *ret)
{
        remote_domain_get_fsinfo_ret *answer = task->call->ret;
        VhError *err = NULL;
        int r = check_filesystems(ret, &err);
        size_t i;
        json_t *item;

        if (r == 0) {
                answer->info.val = vh_call_new(task->call, remote_domain_fsinfo, json_array_size(ret) + 1);
                json_array_foreach(ret, i, item)
                        fill_filesystem(task->call, task->dom->def, item, &answer->info.val[answer->info.len++]);
                answer->ret = answer->info.len;
        }
        qemu_task_end(task, r, err);
}

static void filesystems_run(QemuTask *task)
{
        qemu_task_ask(task, qmp_command("guest-get-fsinfo", NULL), got_filesystems);
}

static const QemuTaskClass filesystems_class = {
        .api = "remoteDispatchDomainGetFSInfo",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = filesystems_run,
};

QEMU_OP_RET(domain_get_fsinfo)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetFSInfo", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &filesystems_class, NULL, err);
}
