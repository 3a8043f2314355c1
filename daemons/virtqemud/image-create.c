/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A new image for a running guest: an empty file of ours, filled by QEMU, so that what the disk lacks is told by who
 * writes. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "block-job.h"
#include "isolation.h"
#include "model/domain-tables.h"

enum { IMAGE_MODE = 0600 };

/* A disk that has this image, for what works on whole disks. */
static VhDisk *disk_around(const QemuNewImage *image)
{
        VhDisk *disk = vh_xml_bind_new(&vh_table_disk);

        disk->cache = image->disk->cache;
        disk->io = image->disk->io;
        disk->discard = image->disk->discard;
        disk->detect_zeroes = image->disk->detect_zeroes;
        qemu_chain_replace(disk, qemu_source_copy(image->src));
        if (!disk->src.backing) {
                disk->src.backing = vh_xml_bind_new(&vh_table_disk_source);
                disk->src.backing->type = VH_DISK_TYPE_NONE;
        }
        return disk;
}

static int make_file(const QemuNewImage *image, VhError **err)
{
        const char *path = image->src->path;
        int fd;

        if (image->reuse || image->src->type != VH_DISK_TYPE_FILE)
                return 0;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, IMAGE_MODE);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "failed to create image file '%s'", path);
        close(fd);
        return 0;
}

static json_t *del_node(char *name)
{
        json_t *cmd = qmp_command("blockdev-del", "{s:s}", "node-name", name);

        free(name);
        return cmd;
}

static bool is_raw(const VhDiskSource *src)
{
        return src->format <= VH_STORAGE_FORMAT_RAW;
}

/* Raw images without a header of ours. */
static bool is_plain(const VhDiskSource *src)
{
        return is_raw(src) && !qemu_encryption_of(NULL, src);
}

/* Where the header goes, and how large what is behind it is. */
static json_t *header_options(const QemuNewImage *image, const char *driver)
{
        _vh_free_ char *storage = qemu_storage_node(image->src);
        json_t *o = json_object();

        qj_str(o, "driver", driver);
        qj_str(o, "file", storage);
        qj_int(o, "size", (json_int_t)image->capacity);
        return o;
}

static json_t *luks_options(const QemuNewImage *image)
{
        _vh_free_ char *secret = qemu_image_secret(image->src, QEMU_IMAGE_ENCRYPTION);
        json_t *o = header_options(image, "luks");

        qj_str(o, "key-secret", secret);
        return o;
}

static void add_encryption(const VhDiskSource *src, json_t *o)
{
        _vh_free_ char *secret = qemu_image_secret(src, QEMU_IMAGE_ENCRYPTION);

        if (qemu_encryption_of(NULL, src))
                json_object_set_new(o, "encrypt", json_pack("{s:s,s:s}", "format", "luks", "key-secret", secret));
}

static json_t *file_options(const QemuNewImage *image)
{
        json_t *o = json_object();

        qj_str(o, "driver", "file");
        qj_str(o, "filename", image->src->path);
        qj_int(o, "size", (json_int_t)image->capacity);
        return o;
}

/* Raw images get their size, others their header. */
static json_t *create_options(const QemuNewImage *image)
{
        const VhDiskSource *src = image->src;
        json_t *o;

        if (is_plain(src))
                return file_options(image);
        if (is_raw(src))
                return luks_options(image);
        o = header_options(image, vh_xml_names_text(&vh_storage_format_names, src->format));
        add_encryption(src, o);
        qj_uint(o, "cluster-size", image->cluster);
        if (image->backing && image->backing->path) {
                qj_str(o, "backing-file", image->backing->path);
                qj_str(o, "backing-fmt",
                       image->backing->format > VH_STORAGE_FORMAT_RAW
                               ? vh_xml_names_text(&vh_storage_format_names, image->backing->format)
                               : "raw");
        }
        return o;
}

static void plan_create(const QemuNewImage *image, const char *layer, QemuPlan *plan)
{
        _vh_free_ char *id = vh_xasprintf("create-libvirt-%u-%s", image->src->index.val, layer);
        json_t *args = json_object();

        qj_str(args, "job-id", id);
        json_object_set_new(args, "options", create_options(image));
        qemu_plan_add_job(plan, qmp_command_args("blockdev-create", args), id, NULL);
}

static int plan_nodes(const QemuBuild *b, const QemuNewImage *image, const VhDisk *around, QemuPlan *plan)
{
        const VhDiskSource *src = image->src;
        bool plain = is_plain(src);
        QemuBlockLayers layers = { 0 };
        int r = qemu_block_layers(b, around, &around->src, &layers);

        if (r < 0)
                return r;
        (void)qemu_plan_objects(layers.objects, plan);
        if (!image->reuse && plain && src->type == VH_DISK_TYPE_FILE)
                plan_create(image, "storage", plan);
        qemu_plan_add(plan, qmp_command_args("blockdev-add", VH_TAKE_PTR(layers.storage)),
                      del_node(qemu_storage_node(src)));
        if (!image->reuse && !plain)
                plan_create(image, "format", plan);
        if (image->open_backing && image->backing && !is_raw(src))
                qj_fmt(layers.format, "backing", "libvirt-%u-format", image->backing->index.val);
        qemu_plan_add(plan, qmp_command_args("blockdev-add", VH_TAKE_PTR(layers.format)),
                      del_node(qemu_format_node(src)));
        qemu_block_layers_done(&layers);
        return 0;
}

int qemu_plan_new_image(const QemuBuild *b, QemuProcess *proc, const QemuNewImage *image, QemuPlan *plan)
{
        VhDisk *around = disk_around(image);
        int r = make_file(image, b->err);
        bool made = r == 0;

        r = r < 0 ? r : qemu_isolation_add_disk(proc, around, b->err);
        if (r == 0 && qemu_backing(&around->src))
                r = qemu_plan_images(b, around, plan);
        else if (r == 0)
                r = plan_nodes(b, image, around, plan);
        vh_xml_bind_free(&vh_table_disk, around);
        if (r < 0)
                qemu_new_image_drop(proc, image->src, image->reuse || !made);
        return r;
}

void qemu_new_image_drop(QemuProcess *proc, const VhDiskSource *src, bool reuse)
{
        qemu_source_give_back(proc, src);
        if (!reuse && src->type == VH_DISK_TYPE_FILE)
                (void)unlink(src->path);
}
