/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images of guests that arrive, remembered by links. */

#include "migrate-arriving.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "base/file.h"

#define SUFFIX ".arriving"

/* What tells a file from another one of the same name. */
static char *identity(const struct stat *st)
{
        return vh_xasprintf("%llx-%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
}

int qemu_arriving_note(const char *run_dir, const char *guest, const char *path, const struct stat *st, VhError **err)
{
        _vh_free_ char *id = identity(st);
        _vh_free_ char *link = vh_xasprintf("%s/%s.%s" SUFFIX, run_dir, guest, id);

        (void)unlink(link);
        return symlink(path, link) < 0 ? vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot create '%s'", link) : 0;
}

/* The guest that a link is for, and what its image is; NULL: it is no link of ours. The caller frees it. */
static char *parse_name(const char *name, const char **id)
{
        size_t len = strlen(name);
        char *guest, *dot;

        if (!vh_endswith(name, SUFFIX))
                return NULL;
        guest = vh_xstrndup(name, len - strlen(SUFFIX));
        dot = strrchr(guest, '.');
        if (!dot) {
                free(guest);
                return NULL;
        }
        *dot = '\0';
        *id = dot + 1;
        return guest;
}

static void remove_image(int dir, const char *link, const char *id)
{
        char path[PATH_MAX];
        ssize_t n = readlinkat(dir, link, path, sizeof(path) - 1);
        _vh_free_ char *found = NULL;
        struct stat st;

        if (n < 0)
                return;
        path[n] = '\0';
        if (lstat(path, &st) < 0)
                return;
        found = identity(&st);
        if (strcmp(found, id) == 0)
                (void)unlink(path);
}

/* Calls fn for each link. */
static void each(const char *run_dir,
                 void (*fn)(int dir, const char *link, const char *guest, const char *id, void *data), void *data)
{
        DIR *dir = opendir(run_dir);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                const char *id = NULL;
                _vh_free_ char *guest = parse_name(entry->d_name, &id);

                if (guest)
                        fn(dirfd(dir), entry->d_name, guest, id, data);
        }
        if (dir)
                closedir(dir);
}

typedef struct End {
        const char *guest;
        bool keep;
} End;

static void end(int dir, const char *link, const char *guest, const char *id, void *data)
{
        const End *e = data;

        if (strcmp(guest, e->guest) != 0)
                return;
        if (!e->keep)
                remove_image(dir, link, id);
        (void)unlinkat(dir, link, 0);
}

void qemu_arriving_end(const char *run_dir, const char *guest, bool keep)
{
        End e = { guest, keep };

        each(run_dir, end, &e);
}

static void sweep(int dir, const char *link, const char *guest, const char *id, void *data)
{
        QemuDriver *driver = data;
        VhDomainObj *dom = vh_domain_by_name(&driver->domains, guest);

        if (dom && vh_domain_obj_active(dom))
                return;
        remove_image(dir, link, id);
        (void)unlinkat(dir, link, 0);
}

void qemu_arriving_sweep(QemuDriver *driver)
{
        each(driver->run_dir, sweep, driver);
}
