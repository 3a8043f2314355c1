/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders of pools. */

#include "dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/log.h"
#include "model/domain-tables.h"

VH_LOG_SOURCE("storage.dir");

enum { PARENT_MODE = 0755, POOL_MODE = 0711 };

static void close_dir(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

/* Such a name could not be written down as XML. */
static bool has_control_characters(const char *name)
{
        for (; *name; name++)
                if ((unsigned char)*name < ' ' && !strchr("\t\n\r", *name))
                        return true;
        return false;
}

static int scan_entry(const char *path, const char *name, StorageScan *scan, VhError **err)
{
        VhVolDef *vol;
        int r;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return 0;
        if (has_control_characters(name)) {
                vh_log_warning("a file in '%s' with control characters in its name is left out", path);
                return 0;
        }
        r = storage_vol_probe(path, name, &vol, err);
        if (r == 0)
                vh_list_add(&scan->vols, vol);
        return r < 0 ? r : 0;
}

static int scan_entries(DIR *dir, const char *path, StorageScan *scan, VhError **err)
{
        int r = 0;

        while (r == 0) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return errno ? vh_error_sys(err, VIR_FROM_STORAGE, errno, "Unable to read directory '%s'", path)
                                     : 0;
                r = scan_entry(path, entry->d_name, scan, err);
        }
        return r;
}

static int read_room(int fd, const char *path, StorageScan *scan, VhError **err)
{
        struct statvfs fs;

        if (fstatvfs(fd, &fs) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot statvfs path '%s'", path);
        scan->capacity = (uint64_t)fs.f_frsize * fs.f_blocks;
        scan->available = (uint64_t)fs.f_frsize * fs.f_bfree;
        scan->allocation = scan->capacity - scan->available;
        return 0;
}

int storage_dir_scan(const char *path, StorageScan *ret, VhError **err)
{
        _vh_cleanup_(close_dir) DIR *dir = opendir(path);
        int r;

        *ret = (StorageScan){ 0 };
        if (!dir)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot open directory '%s'", path);
        r = scan_entries(dir, path, ret, err);
        if (r == 0)
                r = read_room(dirfd(dir), path, ret, err);
        if (r < 0)
                storage_scan_done(ret);
        else
                ret->permissions = storage_permissions_of(dirfd(dir), NULL);
        return r;
}

void storage_scan_done(StorageScan *scan)
{
        for (uint32_t i = 0; i < scan->vols.n; i++)
                vh_storage_vol_free(scan->vols.items[i]);
        free(scan->vols.items);
        vh_xml_bind_free(&vh_permissions_table, scan->permissions);
        *scan = (StorageScan){ 0 };
}

static int make_parents(const char *path, VhError **err)
{
        const char *slash = strrchr(path, '/');
        _vh_free_ char *parent = slash && slash != path ? vh_xstrndup(path, (size_t)(slash - path)) : NULL;
        int r = parent && access(parent, F_OK) < 0 ? vh_mkdir_p(parent, PARENT_MODE) : 0;

        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot create path '%s'", parent) : 0;
}

static int apply_permissions(const char *path, const VhPermissions *perms, bool is_new, VhError **err)
{
        uid_t uid = perms && perms->owner.set ? (uid_t)perms->owner.val : (uid_t)-1;
        gid_t gid = perms && perms->group.set ? (gid_t)perms->group.val : (gid_t)-1;

        if ((uid != (uid_t)-1 || gid != (gid_t)-1) && chown(path, uid, gid) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot chown '%s' to (%u, %u)", path, uid, gid);
        if ((is_new || (perms && perms->mode)) && chmod(path, storage_mode(perms, POOL_MODE)) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot set mode of '%s' to %04o", path,
                                    storage_mode(perms, POOL_MODE));
        return 0;
}

int storage_dir_build(const VhPoolDef *def, VhError **err)
{
        const char *path = def->target_path;
        bool is_new;
        int r = make_parents(path, err);

        if (r < 0)
                return r;
        is_new = mkdir(path, storage_mode(def->permissions, POOL_MODE)) == 0;
        if (!is_new && errno != EEXIST)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to create directory '%s'", path);
        return apply_permissions(path, def->permissions, is_new, err);
}

int storage_dir_remove(const char *path, VhError **err)
{
        return rmdir(path) < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to remove pool '%s'", path) : 0;
}
