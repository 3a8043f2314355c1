/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The images behind an image, as their headers tell. Each is opened in the format that the one above says. Where nobody
 * says it, an image may be what it looks like only if it leads nowhere else: a guest can write any header into a raw
 * image. */

#include <errno.h>
#include <sys/stat.h>

#include "backing-name.h"
#include "block-job.h"
#include "image/head.h"
#include "model/domain-tables.h"

enum { FORMAT_DIR = 2, FORMAT_QCOW = 12, FORMAT_QED = 14, FORMAT_VMDK = 15, FORMAT_FAT = 16, FORMAT_LUKS = 17 };

void qemu_chain_close(VhDiskSource *src)
{
        while (src->backing)
                src = src->backing;
        if (src->type == VH_DISK_TYPE_NONE)
                return;
        src->backing = vh_xml_bind_new(&vh_table_disk_source);
        src->backing->type = VH_DISK_TYPE_NONE;
}

bool qemu_source_is_local(const VhDiskSource *src)
{
        return (src->type == VH_DISK_TYPE_FILE || src->type == VH_DISK_TYPE_BLOCK) && src->path;
}

bool qemu_source_stands_on_others(const VhDiskSource *src)
{
        return src->format == FORMAT_QCOW || src->format == VH_STORAGE_FORMAT_QCOW2 || src->format == FORMAT_QED ||
               src->format == FORMAT_VMDK;
}

static int config_error(VhError **err, const char *text)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s", text);
}

/* ---- one image ---- */

static int read_error(const VhDiskSource *src, int r, VhError **err)
{
        return r == -EISDIR ? vh_error_sys(err, VIR_FROM_STORAGE, EISDIR, "cannot read header '%s'", src->path)
                            : vh_error_sys(err, VIR_FROM_STORAGE, -r, "Failed to open file '%s'", src->path);
}

/* *told is false if only QEMU, or the guest's account, can read what is behind src. */
static int read_image(const VhDiskSource *src, bool top, VhImageHead *head, bool *told, VhError **err)
{
        int r = vh_image_head_read(src->path, src->format, head);

        *told = true;
        /* On a network's file system even root may not see what the guest's account does. */
        if (r == -EACCES && top) {
                *told = false;
                return 0;
        }
        if (r == -ENOENT && top)
                return 0;
        return r < 0 ? read_error(src, r, err) : 0;
}

/* What QEMU cannot open as it is said, or what would hang. */
static int check_backing(const VhDiskSource *src, VhError **err)
{
        bool dir = src->type == VH_DISK_TYPE_DIR;

        if (!src->format)
                return vh_error_sys(err, VIR_FROM_STORAGE, EINVAL, "unknown storage file meta->format %d", src->format);
        if (dir)
                return config_error(err, "storage type 'dir' requires use of storage format 'fat'");
        if (src->format == FORMAT_DIR)
                return config_error(err, "'directory' storage format is not directly supported by QEMU, use 'dir' disk "
                                         "type instead");
        if (src->format == FORMAT_FAT)
                return config_error(err, "storage format 'fat' is supported only with 'dir' storage type");
        if (src->type == VH_DISK_TYPE_NETWORK && src->network->protocol == QEMU_PROTOCOL_TFTP)
                return config_error(err, "'tftp' protocol is not supported with this QEMU binary");
        return 0;
}

/* ---- from one image to the next ---- */

/* To open one of these hangs, or fails. */
static bool is_no_image(const struct stat *st)
{
        return S_ISSOCK(st->st_mode) || S_ISFIFO(st->st_mode);
}

static int check_kind(const VhDiskSource *src, VhError **err)
{
        struct stat st;

        return qemu_source_is_local(src) && stat(src->path, &st) == 0 && is_no_image(&st) ? read_error(src, -ENXIO, err)
                                                                                          : 0;
}

static int set_type(VhDiskSource *next, const VhDiskSource *src, VhError **err)
{
        struct stat st;

        if (!qemu_source_is_local(next))
                return 0;
        /* What is relative to our folder is not what anybody meant. */
        if (*next->path != '/')
                errno = ENOENT;
        if (*next->path != '/' || stat(next->path, &st) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno,
                                    "Cannot access backing file '%s' of storage file '%s' (as uid:%u, gid:%u)",
                                    next->path, src->path, geteuid(), getegid());
        if (is_no_image(&st))
                return read_error(next, -ENXIO, err);
        if (S_ISDIR(st.st_mode))
                next->type = VH_DISK_TYPE_DIR;
        else if (S_ISBLK(st.st_mode))
                next->type = VH_DISK_TYPE_BLOCK;
        return 0;
}

static int format_not_said(const VhDiskSource *src, const char *name, VhError **err)
{
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                            "format of backing image '%s' of image '%s' was not specified in the image metadata (See "
                            "https://libvirt.org/kbase/backing_chains.html for troubleshooting)",
                            name, src->path);
}

/* The format of an image of which nobody says it. */
static int look_at(VhDiskSource *next, const VhDiskSource *src, const char *name, VhError **err)
{
        VhImageHead head = { 0 };
        bool alone;
        int r;

        if (!qemu_source_is_local(next))
                return format_not_said(src, name, err);
        r = vh_image_head_read(next->path, 0, &head);
        next->format = head.format;
        alone = !head.header.name_len && !head.header.names_data;
        vh_image_head_done(&head);
        if (r < 0)
                return read_error(next, r, err);
        return alone ? 0 : format_not_said(src, name, err);
}

static int set_format(VhDiskSource *next, const VhDiskSource *src, const VhImageHead *head, VhError **err)
{
        int r = 0;

        if (head->header.format_said)
                next->format = head->header.backing_format;
        else
                r = look_at(next, src, head->name, err);
        /* Its key is not told, so that the guest sees what is encrypted. */
        if (next->format == FORMAT_LUKS)
                next->format = VH_STORAGE_FORMAT_RAW;
        return r;
}

static int follow(VhDiskSource *src, const VhImageHead *head, bool *told, VhError **err)
{
        _qemu_source_ VhDiskSource *next = NULL;
        int r = qemu_backing_name_parse(head->name, src->path, &next, err);

        if (r < 0)
                return r;
        *told = next != NULL;
        if (!next)
                return 0;
        r = set_type(next, src, err);
        r = r < 0 ? r : set_format(next, src, head, err);
        r = r < 0 ? r : check_backing(next, err);
        if (r == 0)
                src->backing = VH_TAKE_PTR(next);
        return r;
}

int qemu_chain_detect(VhDiskSource *src, bool disk, VhError **err)
{
        const VhDiskSource *top = disk ? src : NULL;
        bool told = true;
        int r = check_kind(src, err);

        if (r < 0)
                return r;

        for (unsigned depth = 1; !src->backing && qemu_source_is_local(src); depth++) {
                VhImageHead head = { 0 };

                if (depth > VH_IMAGE_CHAIN_MAX)
                        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                            "backing store for %s is self-referential or too deeply nested", src->path);
                if (qemu_source_stands_on_others(src))
                        r = read_image(src, src == top, &head, &told, err);
                if (r == 0 && head.name)
                        r = follow(src, &head, &told, err);
                vh_image_head_done(&head);
                if (r < 0)
                        return r;
                if (!src->backing)
                        break;
                src = src->backing;
        }
        /* The header of an image elsewhere is read by QEMU alone. */
        if (told && (qemu_source_is_local(src) || !qemu_source_stands_on_others(src)))
                qemu_chain_close(src);
        return 0;
}
