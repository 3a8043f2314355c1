/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What character devices write to files goes by way of virtlogd, which bounds it: QEMU gets descriptors, not paths. */

#include "guest-host.h"
#include "log-client.h"

static int open_log(QemuProcess *proc, QemuLaunch *launch, QemuFdRole role, const char *alias, const char *path,
                    uint8_t append, VhError **err)
{
        const QemuLogOf log = { proc->driver, proc->dom->node.name, proc->dom->node.uuid, path };
        uint64_t offset;
        int fd = qemu_logd_open(&log, append != VH_ON, &offset, err);

        if (fd >= 0)
                qemu_launch_give_fd(launch, role, alias, fd);
        return VH_MIN(fd, 0);
}

static int open_device(QemuProcess *proc, QemuLaunch *launch, const VhChr *chr, VhError **err)
{
        const VhChrSource *src = &chr->source;
        int r = 0;

        if (src->log && src->log->file)
                r = open_log(proc, launch, QEMU_FD_CHR_LOG, chr->info.alias, src->log->file, src->log->append, err);
        if (r == 0 && src->type == VH_CHR_FILE && src->path)
                r = open_log(proc, launch, QEMU_FD_CHR_FILE, chr->info.alias, src->path, src->append, err);
        return r;
}

int qemu_guest_logs_open(QemuProcess *proc, QemuLaunch *launch, VhError **err)
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
        int r = 0;

        if (!qemu_logd_wanted(proc->driver))
                return 0;
        for (size_t l = 0; l < VH_ARRAY_SIZE(lists); l++)
                for (uint32_t i = 0; r == 0 && i < lists[l].n; i++) {
                        const VhChr *chr = lists[l].items[i];

                        /* The first console may be a serial port under another name. */
                        if (lists[l].items != def->consoles.items || !vh_startswith(chr->info.alias, "serial"))
                                r = open_device(proc, launch, chr, err);
                }
        return r;
}
