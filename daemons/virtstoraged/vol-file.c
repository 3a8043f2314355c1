/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files as volumes: what the file system and their headers say about them. */

#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/log.h"
#include "image/head.h"
#include "model/domain-tables.h"

VH_LOG_SOURCE("storage.vol");

enum { BLOCK = 512 /* of st_blocks */, LABEL_MAX = 4096, SKIP = 1 };

/* ---- what the file system says ---- */

unsigned storage_mode(const VhPermissions *perms, unsigned otherwise)
{
        uint64_t mode;

        return perms && perms->mode && vh_parse_u64(perms->mode, 8, &mode) == 0 ? (unsigned)mode : otherwise;
}

VhPermissions *storage_permissions_of(int fd, VhPermissions *old)
{
        VhPermissions *perms = old ? old : vh_new(VhPermissions, 1);
        char label[LABEL_MAX] = "";
        struct stat st = { 0 };

        (void)fstat(fd, &st);
        free(perms->mode);
        perms->mode = vh_xasprintf("0%o", st.st_mode & 07777);
        perms->owner = (VhOptInt){ .val = (int32_t)st.st_uid, .set = true };
        perms->group = (VhOptInt){ .val = (int32_t)st.st_gid, .set = true };
        vh_strset(&perms->label,
                  fgetxattr(fd, "security.selinux", label, sizeof(label) - 1) > 0 && *label ? label : NULL);
        return perms;
}

static char *time_text(const struct timespec *t)
{
        return t->tv_nsec ? vh_xasprintf("%" PRId64 ".%09ld", (int64_t)t->tv_sec, t->tv_nsec)
                          : vh_xasprintf("%" PRId64, (int64_t)t->tv_sec);
}

static VhVolTimestamps *timestamps_of(const struct stat *st, VhVolTimestamps *old)
{
        VhVolTimestamps *times = old ? old : vh_new(VhVolTimestamps, 1);
        const struct {
                char **text;
                struct timespec time;
        } rows[] = {
                { &times->atime, st->st_atim },
                { &times->mtime, st->st_mtim },
                { &times->ctime, st->st_ctim },
                { &times->btime, { 0 } }, /* not told by the calls that libvirt uses */
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                free(*rows[i].text);
                *rows[i].text = time_text(&rows[i].time);
        }
        return times;
}

/* Others are not even opened: that can do something. */
static bool can_be_volume(mode_t mode)
{
        return S_ISREG(mode) || S_ISDIR(mode) || S_ISBLK(mode);
}

/* Returns a descriptor, or negative errno with *err; but quietly -ENOENT for what is missing or can be no volume, which
 * is logged. */
static int open_volume(const char *path, bool quietly, VhError **err)
{
        struct stat st;
        int fd = -1, r = stat(path, &st) < 0 ? -errno : 0;
        bool wrong = r == 0 && !can_be_volume(st.st_mode);

        if (r == 0 && !wrong) {
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                r = fd < 0 ? -errno : 0;
        }
        if (quietly && (wrong || r == -ENOENT || r == -ELOOP)) {
                vh_log_warning("'%s' is left out: %s", path,
                               wrong ? "neither a file nor a folder" : vh_error_text(NULL, r));
                return -ENOENT;
        }
        if (r == -ENOENT)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_VOL,
                                    "no storage vol with matching path '%s'", path);
        if (wrong)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "volume path '%s' is neither a file nor a folder", path);
        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot open volume '%s'", path) : fd;
}

/* ---- what is known of a volume ---- */

/* capacity: what the header says; 0: nothing. */
static void set_sizes(int fd, const struct stat *st, uint64_t capacity, VhVolDef *def)
{
        uint64_t size = (uint64_t)st->st_size;

        if (S_ISDIR(st->st_mode)) {
                def->capacity = def->allocation = def->physical = 0;
                return;
        }
        if (S_ISBLK(st->st_mode)) {
                off_t end = lseek(fd, 0, SEEK_END);

                size = def->allocation = end > 0 ? (uint64_t)end : 0;
        } else {
                def->allocation = (uint64_t)st->st_blocks * BLOCK;
        }
        def->physical = size;
        def->capacity = capacity ? capacity : size;
}

static void set_target(int fd, const struct stat *st, VhVolTarget *target)
{
        target->permissions = storage_permissions_of(fd, target->permissions);
        target->timestamps = timestamps_of(st, target->timestamps);
}

/* What can be found out about an image behind; it may be missing. */
static void update_backing(VhVolBacking *backing)
{
        struct stat st;
        int fd;

        if (*backing->path != '/')
                return;
        fd = open_volume(backing->path, true, NULL);
        if (fd < 0)
                return;
        if (fstat(fd, &st) == 0) {
                backing->permissions = storage_permissions_of(fd, backing->permissions);
                backing->timestamps = timestamps_of(&st, backing->timestamps);
        }
        close(fd);
}

static int open_and_stat(const char *path, struct stat *st, bool quietly, VhError **err)
{
        int fd = open_volume(path, quietly, err);

        if (fd < 0 || fstat(fd, st) == 0)
                return fd;
        close(fd);
        return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot stat file '%s'", path);
}

/* The word of a raw file that begins with the header of an encryption. */
#define FORMAT_LUKS "luks"

/* Bytes that a guest sees, by the header of a file of that size; 0: it does not tell. */
static uint64_t capacity_of(const VhImageHead *head, uint64_t size)
{
        if (head->header.payload_at)
                return head->header.payload_at < size ? size - head->header.payload_at : 0;
        return head->header.capacity;
}

static uint64_t read_capacity(const VhVolTarget *target, uint64_t size)
{
        bool luks = target->encryption && vh_streq(target->format, "raw");
        int format = vh_xml_names_find(&vh_storage_format_names, luks ? FORMAT_LUKS : target->format);
        VhImageHead head = { 0 };
        uint64_t capacity = 0;

        if (format > 0 && vh_image_head_read(target->path, (uint8_t)format, &head) == 0)
                capacity = capacity_of(&head, size);
        vh_image_head_done(&head);
        return capacity;
}

int storage_vol_update(VhVolDef *def, VhError **err)
{
        struct stat st = { 0 };
        _vh_close_ int fd = open_and_stat(def->target.path, &st, false, err);

        if (fd < 0)
                return fd;
        set_sizes(fd, &st, S_ISREG(st.st_mode) ? read_capacity(&def->target, (uint64_t)st.st_size) : 0, def);
        set_target(fd, &st, &def->target);
        if (def->backing)
                update_backing(def->backing);
        return 0;
}

/* ---- found files ---- */

static const char *format_name(uint8_t format)
{
        const char *name = vh_xml_names_text(&vh_storage_format_names, format);

        return name && strcmp(name, FORMAT_LUKS) != 0 ? name : "raw";
}

static const char *format_of(const char *path)
{
        VhImageHead head = { 0 };
        const char *name = vh_image_head_read(path, 0, &head) == 0 ? format_name(head.format) : "raw";

        vh_image_head_done(&head);
        return name;
}

static VhVolBacking *backing_of(const char *path, const VhImageHead *head)
{
        VhVolBacking *backing = vh_new(VhVolBacking, 1);

        if (vh_backing_has_protocol(head->name)) {
                backing->path = vh_xstrdup(head->name);
                backing->format = vh_xstrdup("raw");
                return backing;
        }
        backing->path = vh_backing_path(path, head->name);
        backing->format = vh_xstrdup(head->header.format_said ? format_name(head->header.backing_format)
                                                              : format_of(backing->path));
        update_backing(backing);
        return backing;
}

static void set_features(const VhImageHeader *header, VhVolTarget *target)
{
        target->compat = vh_xstrdup("1.1");
        target->features = vh_new(VhVolFeatures, 1);
        target->features->lazy_refcounts = header->lazy_refcounts;
        target->features->extended_l2 = header->extended_l2;
}

static void take_head(const VhImageHead *head, VhVolDef *def)
{
        static const char *const encryption[] = { [VH_IMAGE_AES] = "qcow", [VH_IMAGE_LUKS] = "luks" };
        const VhImageHeader *header = &head->header;
        VhVolTarget *target = &def->target;
        bool lies = header->name_len && !head->name;

        target->format = vh_xstrdup(format_name(head->format));
        target->cluster_size = header->cluster_size;
        if (strcmp(target->format, "ploop") == 0)
                def->type = VH_VOL_PLOOP;
        if (header->crypt != VH_IMAGE_PLAIN)
                target->encryption =
                        vh_xasprintf("<encryption format='%s'>\n  </encryption>", encryption[header->crypt]);
        /* One that lies is not asked more. */
        if (header->is_v3 && !lies)
                set_features(header, target);
        if (head->name)
                def->backing = backing_of(target->path, head);
}

/* A version that is not known makes a file raw. */
static int read_head(const char *path, VhImageHead *head)
{
        int r = vh_image_head_read(path, 0, head);

        if (head->format == VH_STORAGE_FORMAT_QCOW2 && !head->header.valid)
                head->format = VH_STORAGE_FORMAT_RAW;
        return r;
}

static VhVolDef *describe(const char *path, const char *name, int fd, const struct stat *st, const VhImageHead *head)
{
        VhVolDef *def = vh_new(VhVolDef, 1);

        def->type = S_ISDIR(st->st_mode) ? VH_VOL_DIR : VH_VOL_FILE;
        def->name = vh_xstrdup(name);
        def->key = vh_xstrdup(path);
        def->target.path = vh_xstrdup(path);
        if (S_ISDIR(st->st_mode))
                def->target.format = vh_xstrdup("dir");
        else
                take_head(head, def);
        set_sizes(fd, st, capacity_of(head, (uint64_t)st->st_size), def);
        set_target(fd, st, &def->target);
        return def;
}

int storage_vol_probe(const char *dir, const char *name, VhVolDef **ret, VhError **err)
{
        _vh_free_ char *path = vh_path_join(dir, name);
        VhImageHead head = { .format = VH_STORAGE_FORMAT_RAW };
        struct stat st = { 0 };
        _vh_close_ int fd = open_and_stat(path, &st, true, err);
        int r = 0;

        if (fd < 0)
                return fd == -ENOENT ? SKIP : fd;
        if (S_ISREG(st.st_mode))
                r = read_head(path, &head);
        if (r == 0)
                *ret = describe(path, name, fd, &st, &head);
        else
                r = vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot read header '%s'", path);
        vh_image_head_done(&head);
        return r;
}
