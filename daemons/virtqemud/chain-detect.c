/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The images behind an image, as their headers tell. Each is opened in the format that the one above says: what nobody
 * says is not guessed, because a guest can write any header into a raw image. */

#include <errno.h>
#include <sys/stat.h>

#include "block-job.h"
#include "image-backing.h"
#include "model/domain-tables.h"

void qemu_chain_close(VhDiskSource *src)
{
        while (src->backing)
                src = src->backing;
        if (src->type == VH_DISK_TYPE_NONE)
                return;
        src->backing = vh_xml_bind_new(&vh_table_disk_source);
        src->backing->type = VH_DISK_TYPE_NONE;
}

static bool is_local(const VhDiskSource *src)
{
        return (src->type == VH_DISK_TYPE_FILE || src->type == VH_DISK_TYPE_BLOCK) && src->path;
}

static int backing_format(const VhDiskSource *src, const QemuBacking *backing, uint8_t *ret, VhError **err)
{
        int format = *backing->format ? vh_xml_names_find(&vh_storage_format_names, backing->format) : -1;

        if (format < 0 && qemu_image_looks_qcow2(backing->path))
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                    "format of backing image '%s' of image '%s' was not specified in the image "
                                    "metadata (See https://libvirt.org/kbase/backing_chains.html for troubleshooting)",
                                    backing->path, src->path);
        *ret = format < 0 ? VH_STORAGE_FORMAT_RAW : (uint8_t)format;
        return 0;
}

/* The image right behind src; *ret is NULL if there is none that could be followed. */
static int detect_next(const VhDiskSource *src, VhDiskSource **ret, VhError **err)
{
        QemuBacking backing = { 0 };
        _vh_free_ char *path = NULL;
        struct stat st;
        uint8_t format = 0;
        int r;

        *ret = NULL;
        if (src->format != VH_STORAGE_FORMAT_QCOW2)
                return 0;
        /* That it cannot be read is told by QEMU, in its words. */
        if (qemu_backing_read(src->path, &backing) < 0 || !backing.path)
                return 0;
        path = backing.path;
        if (stat(path, &st) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno,
                                    "Cannot access backing file '%s' of storage file '%s' (as uid:%u, gid:%u)", path,
                                    src->path, geteuid(), getegid());
        r = backing_format(src, &backing, &format, err);
        if (r < 0)
                return r;
        *ret = qemu_source_file(path, format);
        if (S_ISBLK(st.st_mode))
                (*ret)->type = VH_DISK_TYPE_BLOCK;
        return 0;
}

int qemu_chain_detect(VhDiskSource *src, VhError **err)
{
        for (unsigned depth = 0; !src->backing; depth++) {
                int r;

                if (!is_local(src))
                        return 0;
                r = detect_next(src, &src->backing, err);
                if (r < 0)
                        return r;
                if (depth == QEMU_CHAIN_MAX)
                        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                            "backing store for %s is self-referential", src->path);
                if (!src->backing)
                        break;
                src = src->backing;
        }
        return 0;
}

/* An image whose header names something else than a file is followed by QEMU alone. */
static bool names_other(const VhDiskSource *last)
{
        QemuBacking backing = { 0 };

        if (last->format != VH_STORAGE_FORMAT_QCOW2 || qemu_backing_read(last->path, &backing) < 0)
                return false;
        free(backing.path);
        return backing.elsewhere;
}

int qemu_disk_detect(VhDisk *disk, VhError **err)
{
        VhDiskSource *last = &disk->src;
        int r;

        /* A definition may tell the first images only. */
        while (last->backing)
                last = last->backing;
        if (qemu_disk_is_empty(disk) || !is_local(last))
                return 0;
        disk->src.format = disk->format;
        r = qemu_chain_detect(last, err);
        while (last->backing)
                last = last->backing;
        if (r == 0 && !names_other(last))
                qemu_chain_close(&disk->src);
        disk->src.format = 0;
        return r;
}

int qemu_disk_check_there(const VhDisk *disk, VhError **err)
{
        struct stat st;

        /* What we may not see, the guest's account perhaps may. */
        if (qemu_disk_is_empty(disk) || !is_local(&disk->src) || stat(disk->src.path, &st) == 0 || errno != ENOENT)
                return 0;
        return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Cannot access storage file '%s'", disk->src.path);
}
