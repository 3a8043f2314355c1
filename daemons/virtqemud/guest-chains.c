/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chains of images as items of host work. */

#include "guest-chains.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "block-job.h"
#include "command-parts.h"
#include "driver/event-hub.h"
#include "model/domain-tables.h"
#include "process.h"

enum { POLICY_REQUISITE = 2, POLICY_OPTIONAL };

typedef struct Chain {
        QemuHostItem item;
        VhDisk *disk;        /* NULL: it is no disk yet */
        VhDiskSource *into;  /* the last image that is told */
        VhDiskSource *image; /* a copy of it, for the worker */
        char *path;          /* of the disk's own image, if it is a file of this host */
        bool may_miss;       /* the disk is left out then */
        bool made_later;     /* it may be missing yet */
        bool missing;
} Chain;

/* ---- on the worker ---- */

static int missing(Chain *c, VhError **err)
{
        c->missing = true;
        if (c->may_miss || c->made_later)
                return 0;
        /* Who would read a header asks as somebody. */
        return qemu_source_stands_on_others(c->image)
                       ? vh_error_sys(err, VIR_FROM_STORAGE, ENOENT,
                                      "Cannot access storage file '%s' (as uid:%u, gid:%u)", c->path, geteuid(),
                                      getegid())
                       : vh_error_sys(err, VIR_FROM_STORAGE, ENOENT, "Cannot access storage file '%s'", c->path);
}

static int make(QemuHostItem *item, VhError **err)
{
        Chain *c = (Chain *)item;
        struct stat st;

        /* What we may not see, the guest's account perhaps may. */
        if (c->path && stat(c->path, &st) < 0 && errno == ENOENT)
                return missing(c, err);
        return c->image ? qemu_chain_detect(c->image, c->disk && c->into == &c->disk->src, err) : 0;
}

/* ---- on the loop ---- */

static bool is_medium(const VhDisk *disk)
{
        return disk->device == VH_DISK_DEVICE_CDROM || disk->device == VH_DISK_DEVICE_FLOPPY;
}

/* The drive stays without its medium, and any other disk does not come. */
static void leave_out(const Chain *c, QemuProcess *proc)
{
        VhDomainDef *def = proc->dom->def;
        VhDisk *disk = c->disk;
        remote_nonnull_domain wire;

        vh_domain_obj_wire(proc->dom, &wire);
        qemu_assign_alias(def, VH_DEVICE_DISK, disk);
        vh_event_domain_disk_dropped(proc->driver->hub, &wire, c->path, disk->info.alias,
                                     is_medium(disk) ? VIR_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START
                                                     : VIR_DOMAIN_EVENT_DISK_DROP_MISSING_ON_START);
        if (is_medium(disk)) {
                vh_strset(&disk->src.path, NULL);
                disk->src.startup_policy = 0;
                disk->format = 0;
                disk->src.backing = qemu_source_free(disk->src.backing);
                return;
        }
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i] == disk)
                        vh_xml_bind_free(&vh_table_disk, vh_list_take(&def->disks, i));
}

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        Chain *c = (Chain *)item;

        if (c->missing && c->may_miss)
                leave_out(c, proc);
        else if (c->image)
                c->into->backing = VH_TAKE_PTR(c->image->backing);
}

static void chain_free(QemuHostItem *item)
{
        Chain *c = (Chain *)item;

        qemu_source_free(c->image);
        free(c->path);
        free(c);
}

static const QemuHostItemClass chain_class = {
        .make = make,
        .adopt = adopt,
        .free = chain_free,
};

static Chain *chain_new(VhDiskSource *into, uint8_t format)
{
        Chain *c = vh_new(Chain, 1);

        c->item.class = &chain_class;
        c->into = into;
        if (!into->backing && qemu_source_is_local(into)) {
                c->image = qemu_source_copy(into);
                c->image->format = format;
        }
        return c;
}

void qemu_chain_want_source(VhDiskSource *src, QemuHostWork *work)
{
        qemu_host_work_add(work, &chain_new(src, src->format)->item);
}

/* Media that need not be there when a guest arrives; when it starts only what is optional. */
static bool may_miss(const VhDisk *disk, QemuChainFor what)
{
        if (what == QEMU_CHAIN_ARRIVAL)
                return is_medium(disk) && disk->src.startup_policy >= POLICY_REQUISITE;
        return what == QEMU_CHAIN_START && disk->src.startup_policy == POLICY_OPTIONAL;
}

void qemu_chain_want(VhDisk *disk, QemuChainFor what, QemuHostWork *work)
{
        VhDiskSource *last = &disk->src;
        Chain *c;

        if (qemu_disk_is_empty(disk))
                return;
        /* Nothing can be behind it, and there is no header to be read. */
        if (disk->src.type == VH_DISK_TYPE_DIR)
                qemu_chain_close(last);
        /* A definition may tell the first images only. */
        while (last->backing && last->backing->type != VH_DISK_TYPE_NONE)
                last = last->backing;
        c = chain_new(last, last == &disk->src ? disk->format : last->format);
        c->disk = disk;
        c->path = qemu_source_is_local(&disk->src) ? vh_xstrdup(disk->src.path) : NULL;
        c->may_miss = may_miss(disk, what);
        c->made_later = what == QEMU_CHAIN_ARRIVAL;
        qemu_host_work_add(work, &c->item);
}
