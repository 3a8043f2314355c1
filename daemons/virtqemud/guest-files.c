/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a definition names files. */

#include "guest-files.h"

#include <errno.h>
#include <unistd.h>

#include "guest-nodes.h"
#include "transient.h"
#include "image/head.h"

enum { UNIX_BIND = 2 }; /* word of a socket's mode */

bool qemu_file_is_kept(const QemuFile *file)
{
        return file->use == QEMU_FILE_OWN || file->use == QEMU_FILE_BOOT;
}

const VhSeclabel *qemu_file_label(const QemuFile *file, const char *model)
{
        for (uint32_t i = 0; file->labels && i < file->labels->n; i++)
                if (!file->labels->items[i]->model || strcmp(file->labels->items[i]->model, model) == 0)
                        return file->labels->items[i];
        return NULL;
}

/* The images behind one whose definition does not tell them. A chain in a circle ends at the limit. */
static int each_image_behind(const char *image, QemuFileFn fn, void *data, VhError **err)
{
        _vh_free_ char *at = vh_xstrdup(image);
        VhBacking backing = { .qcow2 = true };
        int r = 0;

        for (int depth = 0; r >= 0 && backing.qcow2 && depth < VH_IMAGE_CHAIN_MAX; depth++) {
                if (vh_backing_read(at, &backing) < 0 || !backing.path)
                        break;
                r = fn(data, &(QemuFile){ .path = backing.path, .use = QEMU_FILE_READ }, err);
                free(at);
                at = backing.path;
        }
        return r;
}

static QemuFileUse use_of(const VhDisk *disk)
{
        if (disk->readonly || (qemu_transient_is_shared(disk) && !qemu_transient_is_made(disk)))
                return QEMU_FILE_READ;
        return disk->shareable ? QEMU_FILE_SHARED : QEMU_FILE_OWN;
}

int qemu_disk_files(const VhDisk *disk, QemuFileFn fn, void *data, VhError **err)
{
        QemuFileUse use = use_of(disk);
        int r = 0;

        for (const VhDiskSource *src = &disk->src; r >= 0 && src; src = src->backing) {
                if (src->path && (src->type == VH_DISK_TYPE_FILE || src->type == VH_DISK_TYPE_BLOCK))
                        r = fn(data, &(QemuFile){ .path = src->path, .use = use, .labels = &src->seclabels }, err);
                use = QEMU_FILE_READ;
        }
        if (r >= 0 && !disk->src.backing && disk->src.path && disk->format == VH_STORAGE_FORMAT_QCOW2)
                r = each_image_behind(disk->src.path, fn, data, err);
        return r;
}

typedef struct Walk {
        QemuFileFn fn;
        void *data;
        VhError **err;
} Walk;

static int each_node(void *data, const char *path, unsigned access, VhError **err)
{
        const Walk *walk = data;

        return walk->fn(walk->data, &(QemuFile){ .path = path, .use = QEMU_FILE_OWN, .node = true }, err);
}

/* What a character device opens besides nodes; sockets that listen are made for it. */
static bool opens_path(const VhChrSource *src)
{
        return src->path && (src->type == VH_CHR_FILE || src->type == VH_CHR_PIPE ||
                             (src->type == VH_CHR_UNIX && src->mode != UNIX_BIND));
}

/* A pipe may be two. */
static int chr_files(const VhChrSource *src, const Walk *walk)
{
        static const char *const ends[] = { "", ".in", ".out" };
        size_t n = src->type == VH_CHR_PIPE ? VH_ARRAY_SIZE(ends) : 1;
        int r = 0;

        for (size_t i = 0; opens_path(src) && r == 0 && i < n; i++) {
                _vh_free_ char *path = vh_xasprintf("%s%s", src->path, ends[i]);
                const QemuFile file = { .path = path, .output = src->type == VH_CHR_FILE, .labels = &src->seclabels };

                if (access(path, F_OK) == 0)
                        r = walk->fn(walk->data, &file, walk->err);
        }
        return r;
}

/* The first console may be a serial port under another name. */
static bool is_serial_port(const VhChr *console)
{
        return console->info.alias && vh_startswith(console->info.alias, "serial");
}

int qemu_device_files(const VhDevice *dev, QemuFileFn fn, void *data, VhError **err)
{
        Walk walk = { fn, data, err };

        int r;

        if (dev->kind == VH_DEVICE_DISK)
                return qemu_disk_files(dev->dev, fn, data, err);
        if (dev->kind == VH_DEVICE_RNG || (dev->kind == VH_DEVICE_CONSOLE && is_serial_port(dev->dev)))
                return 0;
        r = qemu_device_nodes(dev, each_node, &walk, err);
        return r == 0 && vh_device_is_chr(dev->kind) ? chr_files(&((const VhChr *)dev->dev)->source, &walk) : r;
}

static int each_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Walk *walk = opaque;

        return qemu_device_files(&(VhDevice){ kind, dev }, walk->fn, walk->data, walk->err);
}

int qemu_guest_files(const VhDomainDef *def, QemuFileFn fn, void *data, VhError **err)
{
        const char *const boot[] = { def->os.kernel, def->os.initrd, def->os.dtb };
        Walk walk = { fn, data, err };
        int r = vh_domain_each_device(def, each_device, &walk);

        for (size_t i = 0; r >= 0 && i < VH_ARRAY_SIZE(boot); i++)
                if (boot[i])
                        r = fn(data, &(QemuFile){ .path = boot[i], .use = QEMU_FILE_BOOT }, err);
        if (r >= 0 && def->os.nvram && def->os.nvram->path)
                r = fn(data, &(QemuFile){ .path = def->os.nvram->path, .use = QEMU_FILE_OWN }, err);
        return r;
}
