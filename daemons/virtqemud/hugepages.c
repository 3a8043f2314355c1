/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hugepages.h"

#include <inttypes.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "xml/bind.h"

enum { KIB = 1024 };

typedef struct Mount {
        char *path;
        uint64_t size; /* of a page, KiB */
} Mount;

typedef VH_LIST(Mount) Mounts;

static void add(Mounts *mounts, const char *path)
{
        struct statfs fs;
        Mount *mount;

        if (statfs(path, &fs) < 0 || fs.f_bsize < KIB)
                return;
        mount = vh_new(Mount, 1);
        *mount = (Mount){ vh_xstrdup(path), (uint64_t)fs.f_bsize / KIB };
        vh_list_add(mounts, mount);
}

static void add_mounted(Mounts *mounts)
{
        FILE *f = setmntent("/proc/self/mounts", "re");
        struct mntent *entry;

        while (f && (entry = getmntent(f)))
                if (vh_streq(entry->mnt_type, "hugetlbfs"))
                        add(mounts, entry->mnt_dir);
        if (f)
                endmntent(f);
}

static Mounts find_mounts(const VhConf *conf)
{
        Mounts mounts = { 0 };
        const char *const *list = NULL;
        size_t n = 0;

        if (!conf || !vh_conf_find(conf, "hugetlbfs_mount") ||
            vh_conf_get_string_or_list(conf, "hugetlbfs_mount", &list, &n, NULL) < 0)
                add_mounted(&mounts);
        for (size_t i = 0; i < n; i++)
                if (*list[i])
                        add(&mounts, list[i]);
        return mounts;
}

static void mounts_done(Mounts *mounts)
{
        for (uint32_t i = 0; i < mounts->n; i++) {
                free(mounts->items[i]->path);
                free(mounts->items[i]);
        }
        free(mounts->items);
}

static char *folder_in(const Mount *mount, const char *short_name)
{
        return vh_xasprintf("%s/libvirt/qemu/%s", mount->path, short_name);
}

int qemu_hugepages_each(const VhConf *conf, const char *short_name,
                        int (*fn)(void *data, const char *folder, VhError **err), void *data, VhError **err)
{
        Mounts mounts = find_mounts(conf);
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < mounts.n; i++) {
                _vh_free_ char *folder = folder_in(mounts.items[i], short_name);

                r = fn(data, folder, err);
        }
        mounts_done(&mounts);
        return r;
}

char *qemu_hugepages_find(const VhConf *conf, uint64_t size, const char *short_name, VhError **err)
{
        Mounts mounts = find_mounts(conf);
        char *folder = NULL;

        for (uint32_t i = 0; !folder && i < mounts.n; i++)
                if (mounts.items[i]->size == size)
                        folder = folder_in(mounts.items[i], short_name);
        if (!folder && mounts.n == 0)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                             "hugetlbfs filesystem is not mounted or disabled by administrator config");
        else if (!folder)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                             "Unable to find any usable hugetlbfs mount for %" PRIu64 " KiB", size);
        mounts_done(&mounts);
        return folder;
}
