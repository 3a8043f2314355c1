/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a daemon that was killed had begun in QEMU: images that the guest writes to by now and I/O threads are made true
 * in the definition, and images that nobody has are closed. */

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "block-job.h"
#include "live-stats.h"
#include "model/domain-tables.h"
#include "refresh.h"
#include "task.h"

VH_LOG_SOURCE("qemu.recover");

static bool in_chain(const VhDiskSource *src, unsigned index)
{
        for (; src; src = src->backing)
                if (src->index.val == index)
                        return true;
        return false;
}

static bool is_known(const VhDomainDef *def, unsigned index)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];

                if (in_chain(&disk->src, index) || (disk->mirror && in_chain(&disk->mirror->src, index)))
                        return true;
        }
        return false;
}

/* Images that a daemon before us had opened and not told anybody of. QEMU keeps what is in use. */
static void close_unknown(QemuProcess *proc, const json_t *nodes)
{
        const json_t *item;
        unsigned index;
        size_t i;

        if (proc->block_jobs)
                return;
        json_array_foreach((json_t *)nodes, i, item)
        {
                const char *name = json_string_value(json_object_get(item, "node-name"));

                if (!name || sscanf(name, "libvirt-%u-", &index) != 1)
                        continue;
                proc->last_node = VH_MAX(proc->last_node, index);
                if (is_known(proc->dom->def, index))
                        continue;
                vh_log_info("domain '%s': closing the image '%s' that is left over", proc->dom->node.name, name);
                qmp_send(proc->mon, qmp_command("blockdev-del", "{s:s}", "node-name", name), NULL, NULL);
        }
}

/* ---- images on top that the definition does not know ---- */

static const json_t *find_drive(const json_t *answer, const char *alias)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                if (alias && qemu_block_is_of(json_string_value(json_object_get(item, "qdev")), alias))
                        return item;
        }
        return NULL;
}

/* The number of a file's image that QEMU has on top and the definition does not have at all; 0: there is none. */
static unsigned unknown_index(VhDisk *disk, const json_t *inserted)
{
        const char *node = json_string_value(json_object_get(inserted, "node-name")),
                   *file = json_string_value(json_object_get(inserted, "file"));
        unsigned index;

        if (!node || !file || *file != '/' || vh_streq(file, disk->src.path) ||
            sscanf(node, "libvirt-%u-format", &index) != 1 || qemu_chain_index(disk, index, NULL))
                return 0;
        return index;
}

static void set_medium(VhDisk *disk, const char *path, unsigned index)
{
        qemu_chain_replace(disk, qemu_source_file(path, disk->format));
        disk->src.index = (VhOptUint){ index, index != 0 };
}

/* Somebody changed the medium, and did not come to say so. Returns whether. */
static bool adopt_medium(const QemuProcess *proc, VhDisk *disk, const json_t *inserted)
{
        unsigned index = unknown_index(disk, inserted);

        if (!inserted && !qemu_disk_is_empty(disk))
                set_medium(disk, NULL, 0);
        else if (index)
                set_medium(disk, json_string_value(json_object_get(inserted, "file")), index);
        else
                return false;
        vh_log_warning("domain '%s': drive '%s' has another medium since its daemon was killed", proc->dom->node.name,
                       disk->target);
        return true;
}

/* A snapshot was taken, and nobody wrote it down: its image is on top. Returns whether. */
static bool adopt_top(QemuProcess *proc, VhDisk *disk, const json_t *inserted)
{
        const char *file = json_string_value(json_object_get(inserted, "file")),
                   *driver = json_string_value(json_object_get(inserted, "drv"));
        int format = driver ? vh_xml_names_find(&vh_storage_format_names, driver) : -1;
        unsigned index = unknown_index(disk, inserted);
        _vh_error_ VhError *err = NULL;
        VhDiskSource *top;

        if (!index || format < 0 || disk->mirror)
                return false;
        vh_log_warning("domain '%s': disk '%s' has a new image '%s' since its daemon was killed", proc->dom->node.name,
                       disk->target, file);
        top = qemu_source_file(file, (uint8_t)format);
        if (qemu_chain_push_stored(proc->driver, proc->dom, disk->target, top, disk->src.path, &err) < 0)
                vh_log_error("domain '%s': %s", proc->dom->node.name, vh_error_text(err, -EIO));
        top->index = (VhOptUint){ index, true };
        qemu_chain_push(disk, top);
        return true;
}

static void adopt(QemuProcess *proc, const json_t *answer)
{
        VhDomainDef *def = proc->dom->def;
        bool changed = false;

        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];
                const json_t *drive = find_drive(answer, disk->info.alias),
                             *inserted = json_object_get(drive, "inserted");

                if (!drive)
                        continue;
                changed |= disk->device == VH_DISK_DEVICE_CDROM || disk->device == VH_DISK_DEVICE_FLOPPY
                                   ? adopt_medium(proc, disk, inserted)
                                   : adopt_top(proc, disk, inserted);
        }
        if (changed)
                qemu_status_save(proc->dom);
}

/* ---- while nobody else changes the guest ---- */

static void got_block(void *data, json_t *ret, int r, const VhError *err)
{
        if (r == 0)
                adopt(data, ret);
}

static void got_iothreads(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r < 0)
                return;
        qemu_refresh_iothreads(proc, ret);
        if (qemu_iothreads_make_true(proc))
                qemu_status_save(proc->dom);
}

static void got_nodes(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = qemu_process(task->dom);

        if (r == 0 && proc)
                close_unknown(proc, ret);
        qemu_task_end(task, 0, NULL);
}

/* All questions at once: QEMU has to wake up for each that it is asked alone. The answers come in this order. */
static void recover_run(QemuTask *task)
{
        QemuProcess *proc = qemu_process(task->dom);

        qmp_send(proc->mon, qmp_command("query-block", NULL), got_block, proc);
        qmp_send(proc->mon, qmp_command("query-iothreads", NULL), got_iothreads, proc);
        qemu_task_qmp_try(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static const QemuTaskClass recover_class = {
        .api = "recover",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = recover_run,
};

void qemu_block_recover(QemuProcess *proc)
{
        (void)qemu_task_go(qemu_task_new(proc->driver, proc->dom, NULL, &recover_class));
}

/* ---- steps of an operation that were jobs of their own ---- */

static bool is_step(const char *id)
{
        static const char *const prefixes[] = { "create-libvirt-", "snapshot-save-", "snapshot-delete-" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(prefixes); i++)
                if (vh_startswith(id, prefixes[i]))
                        return true;
        return false;
}

static bool dismiss(QemuProcess *proc, const char *id, const char *status)
{
        if (!id || !is_step(id) || !vh_streq(status, "concluded"))
                return false;
        qmp_send(proc->mon, qmp_command("job-dismiss", "{s:s}", "id", id), NULL, NULL);
        return true;
}

unsigned qemu_block_dismiss_steps(QemuProcess *proc, const json_t *jobs)
{
        const json_t *item;
        unsigned left = 0;
        size_t i;

        json_array_foreach((json_t *)jobs, i, item)
        {
                left += !dismiss(proc, json_string_value(json_object_get(item, "id")),
                                 json_string_value(json_object_get(item, "status")));
        }
        return left;
}

void qemu_block_step_moved(QemuProcess *proc, const char *id, const char *status)
{
        if (dismiss(proc, id, status))
                qemu_block_recover(proc);
}
