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

typedef struct Opening {
        QemuProcess *proc;
        QemuLaunch *launch;
        VhError **err;
} Opening;

static int open_chr(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Opening *o = opaque;

        /* The first console may be a serial port under another name. */
        if (!vh_device_is_chr(kind) ||
            (kind == VH_DEVICE_CONSOLE && info->alias && vh_startswith(info->alias, "serial")))
                return 0;
        return open_device(o->proc, o->launch, dev, o->err);
}

int qemu_guest_logs_open(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        Opening o = { proc, launch, err };

        return qemu_logd_wanted(proc->driver) ? vh_domain_each_device(proc->dom->def, open_chr, &o) : 0;
}
