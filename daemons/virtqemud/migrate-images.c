/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images that a target makes, as items of work. */

#include "migrate-images.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "api.h"
#include "base/file.h"
#include "client_calls.h"
#include "command-parts.h"
#include "migrate-arriving.h"
#include "migrate-storage.h"
#include "model/domain-tables.h"
#include "model/storage-vol.h"
#include "peer.h"
#include "program.h"

#define QEMU_IMG "/usr/bin/qemu-img"

enum { IMAGE_MODE = 0600 };

typedef enum MadeBy { MADE_BY_NOBODY, MADE_BY_US, MADE_BY_DAEMON } MadeBy;

typedef struct Image {
        QemuHostItem item;
        const VhDriverEnv *env;
        char *run_dir, *guest; /* migrate-arriving.h */
        char *path;            /* of a file; NULL: */
        char *pool, *volume;   /* it is a volume */
        char *key;             /* of the volume that the daemon made */
        bool encrypted;        /* beyond what we can make */
        uint8_t format;        /* words of the disk */
        uint64_t capacity;     /* bytes */
        MadeBy by;
} Image;

/* ---- by the storage daemon ---- */

static int find_pool(VhRemote *remote, const Image *image, remote_nonnull_storage_pool *ret, VhArena *arena,
                     VhError **err)
{
        const char *slash = image->path ? strrchr(image->path, '/') : NULL;
        _vh_free_ char *folder = slash ? vh_xstrndup(image->path, (size_t)(slash - image->path)) : NULL;
        const remote_storage_pool_lookup_by_name_args by_name = { .name = image->pool };
        const remote_storage_pool_lookup_by_target_path_args by_path = { .path = folder };
        remote_storage_pool_lookup_by_name_ret named = { 0 };
        remote_storage_pool_lookup_by_target_path_ret placed = { 0 };
        int r;

        if (!folder) {
                r = vh_call_remote_storage_pool_lookup_by_name(remote, &by_name, &named, arena, err);
                *ret = named.pool;
        } else {
                r = vh_call_remote_storage_pool_lookup_by_target_path(remote, &by_path, &placed, arena, err);
                *ret = placed.pool;
        }
        return r;
}

static const char *volume_name(const Image *image)
{
        return image->path ? strrchr(image->path, '/') + 1 : image->volume;
}

/* The pool may know of the volume before its file is there. */
static bool has_volume(VhRemote *remote, const Image *image, const remote_nonnull_storage_pool *pool, VhArena *arena)
{
        const remote_storage_vol_lookup_by_name_args args = { .pool = *pool,
                                                              .name = (char *)(uintptr_t)volume_name(image) };
        remote_storage_vol_lookup_by_name_ret ret = { 0 };

        return vh_call_remote_storage_vol_lookup_by_name(remote, &args, &ret, arena, NULL) == 0;
}

static char *volume_text(const Image *image)
{
        const VhVolDef def = {
                .name = (char *)(uintptr_t)volume_name(image),
                .capacity = image->capacity,
                .target.format = (char *)(uintptr_t)vh_xml_names_text(&vh_storage_format_names, image->format),
        };

        return vh_storage_vol_format(&def, 0);
}

static int make_volume(Image *image, VhRemote *remote, VhArena *arena, VhError **err)
{
        remote_storage_vol_create_xml_args args = { 0 };
        remote_storage_vol_create_xml_ret ret = { 0 };
        _vh_free_ char *text = volume_text(image);
        int r = find_pool(remote, image, &args.pool, arena, err);

        if (r < 0 || has_volume(remote, image, &args.pool, arena))
                return r;
        args.xml = text;
        if (image->format == VH_STORAGE_FORMAT_QCOW2)
                args.flags = VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA;
        r = vh_call_remote_storage_vol_create_xml(remote, &args, &ret, arena, err);
        if (r < 0)
                return r;
        image->by = MADE_BY_DAEMON;
        vh_strset(&image->pool, args.pool.name);
        vh_strset(&image->volume, ret.vol.name);
        vh_strset(&image->key, ret.vol.key);
        return 0;
}

static void delete_volume(const Image *image)
{
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(image->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        VhRemote *remote = qemu_peer(peers, VH_KIND_STORAGE, NULL);
        const remote_storage_vol_delete_args args = { .vol = { image->pool, image->volume, image->key } };

        if (remote)
                (void)vh_call_remote_storage_vol_delete(remote, &args, &arena, NULL);
}

/* ---- by ourselves ---- */

/* qemu-img would write over a file that somebody else makes meanwhile: it gets one that is ours. */
static int reserve_file(const Image *image, VhError **err)
{
        struct stat st;
        int fd = open(image->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, IMAGE_MODE), r = 0;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "failed to create image file '%s'", image->path);
        if (fstat(fd, &st) < 0)
                r = vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot look at image file '%s'", image->path);
        else
                r = qemu_arriving_note(image->run_dir, image->guest, image->path, &st, err);
        if (r == 0 && image->format <= VH_STORAGE_FORMAT_RAW && ftruncate(fd, (off_t)image->capacity) < 0)
                r = vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot give image file '%s' its size", image->path);
        close(fd);
        return r;
}

static int write_format(const Image *image, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        const QemuProgram program = { .cmd = &cmd };

        if (image->format <= VH_STORAGE_FORMAT_RAW)
                return 0;
        qemu_command_add(&cmd, QEMU_IMG);
        qemu_command_add(&cmd, "create");
        qemu_command_add(&cmd, "-q");
        qemu_command_add(&cmd, "-f");
        qemu_command_add(&cmd, vh_xml_names_text(&vh_storage_format_names, image->format));
        qemu_command_add(&cmd, image->path);
        qemu_command_addf(&cmd, "%llu", (unsigned long long)image->capacity);
        return qemu_program_must(&program, err);
}

static void unlink_file(const Image *image)
{
        (void)unlink(image->path);
        qemu_arriving_end(image->run_dir, image->guest, true);
}

static int make_file(Image *image, VhError **err)
{
        int r;

        if (image->encrypted)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "image '%s' is not there, and one that is encrypted cannot be made for a migration",
                                    image->path);
        r = reserve_file(image, err);
        if (r == -EEXIST)
                return r;
        r = r < 0 ? r : write_format(image, err);
        if (r < 0)
                unlink_file(image);
        else
                image->by = MADE_BY_US;
        return r;
}

/* ---- the item ---- */

/* Whether there is nobody on this host who keeps storage, other than one who refuses or hangs. */
static bool is_nobody(int r, const VhError *err)
{
        return r == -ENOENT || r == -ECONNREFUSED ||
               (err && (err->code == VIR_ERR_NO_SUPPORT || err->code == VIR_ERR_NO_CONNECT));
}

static int make(QemuHostItem *item, VhError **err)
{
        Image *image = (Image *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(image->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_error_ VhError *why = NULL;
        VhRemote *remote = qemu_peer(peers, VH_KIND_STORAGE, &why);
        int r = remote ? make_volume(image, remote, &arena, &why) : why && why->int1 > 0 ? -why->int1 : -ENOTCONN;

        if (r == 0)
                return 0;
        if (image->path && is_nobody(r, why))
                return make_file(image, err);
        if (err)
                *err = VH_TAKE_PTR(why);
        return r;
}

static void remove_image(QemuHostItem *item)
{
        Image *image = (Image *)item;

        if (image->by == MADE_BY_US)
                unlink_file(image);
        else if (image->by == MADE_BY_DAEMON)
                delete_volume(image);
        image->by = MADE_BY_NOBODY;
}

static void image_free(QemuHostItem *item)
{
        Image *image = (Image *)item;

        free(image->path);
        free(image->run_dir);
        free(image->guest);
        free(image->pool);
        free(image->volume);
        free(image->key);
        free(image);
}

static const QemuHostItemClass image_class = { .make = make, .remove = remove_image, .free = image_free };

/* ---- which ---- */

static const VhDisk *find_disk(const VhDomainDef *def, const char *target)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->target, target))
                        return def->disks.items[i];
        return NULL;
}

/* Whether an image of that kind can be made at all. */
static int check_kind(const VhDisk *disk, const QemuMigrateParams *p, VhError **err)
{
        bool file = disk->src.type == VH_DISK_TYPE_FILE && disk->src.path && strchr(disk->src.path, '/');

        if (p->flags & VIR_MIGRATE_NON_SHARED_INC)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "pre-creation of storage targets for incremental storage migration is not "
                                    "supported");
        if (file || disk->src.type == VH_DISK_TYPE_VOLUME)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot precreate storage for disk type '%s'",
                            vh_xml_names_text(&vh_disk_type_names, disk->src.type));
}

static QemuHostItem *image_new(const QemuDriver *driver, const char *guest, const VhDisk *disk, uint64_t capacity)
{
        Image *image = vh_new(Image, 1);

        image->item.class = &image_class;
        image->env = &driver->env;
        image->run_dir = vh_xstrdup(driver->run_dir);
        image->guest = vh_xstrdup(guest);
        if (disk->src.type == VH_DISK_TYPE_FILE)
                image->path = vh_xstrdup(disk->src.path);
        image->pool = vh_xstrdup(disk->src.pool);
        image->volume = vh_xstrdup(disk->src.volume);
        image->encrypted = qemu_encryption_of(disk, &disk->src);
        image->format = disk->format;
        image->capacity = capacity;
        return &image->item;
}

QemuHostWork *qemu_migrate_images(const QemuDriver *driver, const VhDomainDef *def, const QemuMigrateParams *p,
                                  const QemuCookie *cookie, VhError **err)
{
        QemuHostWork *work = qemu_host_work_new();
        int r = 0;

        for (size_t i = 0; r == 0 && i < cookie->n_disks; i++) {
                const VhDisk *disk = find_disk(def, cookie->disks[i].target);

                if (!disk)
                        r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                         "unable to find disk by target: %s", cookie->disks[i].target);
                else if (qemu_storage_is_copied(p, disk) && !(disk->src.path && access(disk->src.path, F_OK) == 0)) {
                        r = check_kind(disk, p, err);
                        if (r == 0)
                                qemu_host_work_add(work, image_new(driver, def->name, disk, cookie->disks[i].capacity));
                }
        }
        return r < 0 ? qemu_host_work_drop(work, false) : work;
}
