/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What character devices write to files goes by way of virtlogd, which bounds it: QEMU gets descriptors, not paths. */

#include "guest-host.h"
#include "log-client.h"

/* A log that virtlogd opens. */
typedef struct LogItem {
        QemuHostItem item;
        char *run_dir, *name, *path, *alias;
        uint8_t uuid[VH_UUID_LEN];
        QemuFdRole role;
        bool truncate;
        int fd;
} LogItem;

static int make(QemuHostItem *item, VhError **err)
{
        LogItem *l = VH_CONTAINER_OF(item, LogItem, item);
        const QemuLogOf log = { l->run_dir, l->name, l->uuid, l->path };
        uint64_t offset;

        l->fd = qemu_logd_open(&log, l->truncate, &offset, err);
        return VH_MIN(l->fd, 0);
}

/* virtlogd lets go of the log when the last that may write to it does. */
static void hang_up(QemuHostItem *item)
{
        vh_closep(&VH_CONTAINER_OF(item, LogItem, item)->fd);
}

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        LogItem *l = VH_CONTAINER_OF(item, LogItem, item);

        qemu_launch_give_fd(launch, l->role, l->alias, VH_TAKE_FD(l->fd));
}

static void item_free(QemuHostItem *item)
{
        LogItem *l = VH_CONTAINER_OF(item, LogItem, item);

        hang_up(item);
        free(l->run_dir);
        free(l->name);
        free(l->path);
        free(l->alias);
        free(l);
}

static const QemuHostItemClass log_class = { make, hang_up, adopt, item_free };

static void want_log(const QemuProcess *proc, QemuHostWork *work, QemuFdRole role, const char *alias, const char *path,
                     uint8_t append)
{
        LogItem *l = vh_new(LogItem, 1);

        *l = (LogItem){
                .item.class = &log_class,
                .run_dir = vh_xstrdup(proc->driver->env.run_dir),
                .name = vh_xstrdup(proc->dom->node.name),
                .path = vh_xstrdup(path),
                .alias = vh_xstrdup(alias),
                .role = role,
                .truncate = append != VH_ON,
                .fd = -1,
        };
        memcpy(l->uuid, proc->dom->node.uuid, VH_UUID_LEN);
        qemu_host_work_add(work, &l->item);
}

static void want_device(const QemuProcess *proc, QemuHostWork *work, const VhChr *chr)
{
        const VhChrSource *src = &chr->source;

        if (src->log && src->log->file)
                want_log(proc, work, QEMU_FD_CHR_LOG, chr->info.alias, src->log->file, src->log->append);
        if (src->type == VH_CHR_FILE && src->path)
                want_log(proc, work, QEMU_FD_CHR_FILE, chr->info.alias, src->path, src->append);
}

void qemu_guest_logs_want(const QemuProcess *proc, QemuHostWork *work)
{
        const VhDomainDef *def = proc->dom->def;
        const struct {
                VhChr *const *items;
                uint32_t n;
        } lists[] = {
                { def->serials.items, def->serials.n },
                { def->parallels.items, def->parallels.n },
                { def->channels.items, def->channels.n },
                { def->consoles.items, def->consoles.n },
        };

        if (!qemu_logd_wanted(proc->driver))
                return;
        for (size_t l = 0; l < VH_ARRAY_SIZE(lists); l++)
                for (uint32_t i = 0; i < lists[l].n; i++) {
                        const VhChr *chr = lists[l].items[i];

                        /* The first console may be a serial port under another name. */
                        if (lists[l].items != def->consoles.items || !vh_startswith(chr->info.alias, "serial"))
                                want_device(proc, work, chr);
                }
}
