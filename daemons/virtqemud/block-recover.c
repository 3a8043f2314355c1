/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images of a guest whose daemon was killed while it worked on them: what the guest writes to by now is made true in
 * the definition, and what nobody has is closed. */

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "block-job.h"
#include "live-stats.h"
#include "model/domain-tables.h"

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
static void got_nodes(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        const json_t *item;
        unsigned index;
        size_t i;

        if (r < 0 || proc->block_jobs || proc->job_waits)
                return;
        json_array_foreach(ret, i, item)
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

static const json_t *find_inserted(const json_t *answer, const char *alias)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)answer, i, item)
        {
                if (qemu_block_is_of(json_string_value(json_object_get(item, "qdev")), alias))
                        return json_object_get(item, "inserted");
        }
        return NULL;
}

/* A snapshot was taken, and nobody wrote it down: its image is on top. */
static void adopt_top(QemuProcess *proc, VhDisk *disk, const json_t *inserted)
{
        const char *node = json_string_value(json_object_get(inserted, "node-name")),
                   *file = json_string_value(json_object_get(inserted, "file")),
                   *driver = json_string_value(json_object_get(inserted, "drv"));
        int format = driver ? vh_xml_names_find(&vh_storage_format_names, driver) : -1;
        _vh_error_ VhError *err = NULL;
        VhDiskSource *top;
        unsigned index;

        if (!node || !file || format < 0 || sscanf(node, "libvirt-%u-format", &index) != 1 ||
            qemu_chain_index(disk, index, NULL) || disk->mirror)
                return;
        vh_log_warning("domain '%s': disk '%s' has a new image '%s' since its daemon was killed", proc->dom->node.name,
                       disk->target, file);
        top = qemu_source_file(file, (uint8_t)format);
        if (qemu_chain_push_stored(proc->driver, proc->dom, disk->target, top, disk->src.path, &err) < 0)
                vh_log_error("domain '%s': %s", proc->dom->node.name, vh_error_text(err, -EIO));
        top->index = (VhOptUint){ index, true };
        qemu_chain_push(disk, top);
}

static void got_block(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhDomainDef *def = proc->dom->def;

        if (r < 0)
                return;
        for (uint32_t i = 0; i < def->disks.n; i++)
                adopt_top(proc, def->disks.items[i], find_inserted(ret, def->disks.items[i]->info.alias));
        qemu_status_save(proc->dom);
        qmp_send(proc->mon, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes, proc);
}

void qemu_block_recover(QemuProcess *proc)
{
        qmp_send(proc->mon, qmp_command("query-block", NULL), got_block, proc);
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
