/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resources by name, in spaces by folder. */

#include "spaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/file.h"
#include "base/log.h"

VH_LOG_SOURCE("lockd.spaces");

enum { SPACE_MODE = 0700, FILE_MODE = 0600 };

typedef struct Entry {
        Resource *resource;
        UT_hash_handle hh;
} Entry;

struct LockSpace {
        char *dir; /* "" for the default one */
        Entry *entries;
        UT_hash_handle hh;
};

struct LockSpaces {
        LockSpace *all; /* the default one first */
};

static LockSpace *add_space(LockSpaces *spaces, const char *dir)
{
        LockSpace *space = vh_new(LockSpace, 1);

        space->dir = vh_xstrdup(dir);
        HASH_ADD_KEYPTR(hh, spaces->all, space->dir, strlen(space->dir), space);
        return space;
}

LockSpaces *lock_spaces_new(void)
{
        LockSpaces *spaces = vh_new(LockSpaces, 1);

        add_space(spaces, "");
        return spaces;
}

static void remove_entry(LockSpace *space, Entry *e)
{
        HASH_DEL(space->entries, e);
        resource_free(e->resource);
        free(e);
}

static void space_free(LockSpace *space)
{
        Entry *e, *next;

        HASH_ITER (hh, space->entries, e, next)
                remove_entry(space, e);
        free(space->dir);
        free(space);
}

LockSpaces *lock_spaces_free(LockSpaces *spaces)
{
        LockSpace *space, *next;

        if (!spaces)
                return NULL;
        HASH_ITER (hh, spaces->all, space, next) {
                HASH_DEL(spaces->all, space);
                space_free(space);
        }
        free(spaces);
        return NULL;
}

bool lock_spaces_busy(const LockSpaces *spaces)
{
        for (const LockSpace *space = spaces->all; space; space = space->hh.next)
                if (space->entries)
                        return true;
        return false;
}

LockSpace *lock_spaces_find(const LockSpaces *spaces, const char *dir)
{
        LockSpace *space;

        HASH_FIND_STR(spaces->all, dir, space);
        return space;
}

int lock_spaces_add(LockSpaces *spaces, const char *dir, VhError **err)
{
        int r;

        if (*dir != '/')
                return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_INVALID_ARG,
                                    "lockspace location '%s' is not an absolute path", dir);
        r = vh_handover_check_text(dir, "lockspace location", VIR_FROM_LOCKSPACE, err);
        if (r < 0)
                return r;
        r = vh_mkdir_p(dir, SPACE_MODE);
        if (r == -ENOTDIR)
                return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_INTERNAL_ERROR,
                                    "Lockspace location %s exists, but is not a directory", dir);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_LOCKSPACE, r, "Unable to create lockspace %s", dir);
        add_space(spaces, dir);
        return 0;
}

/* Resources. */

/* The file of a resource; NULL with *err for a name that would lead out of the folder. */
static char *path_of(const LockSpace *space, const char *name, VhError **err)
{
        if (vh_handover_check_text(name, "resource name", VIR_FROM_LOCKSPACE, err) < 0)
                return NULL;
        if (!*space->dir && *name == '/')
                return vh_xstrdup(name);
        if (*space->dir && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
                return vh_path_join(space->dir, name);
        vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_INVALID_ARG,
                     *space->dir ? "resource name '%s' is not a file name" : "resource '%s' is not an absolute path",
                     name);
        return NULL;
}

static Entry *find_entry(const LockSpace *space, const char *name)
{
        Entry *e;

        HASH_FIND_STR(space->entries, name, e);
        return e;
}

static void add_entry(LockSpace *space, Resource *resource)
{
        Entry *e = vh_new(Entry, 1);

        e->resource = resource;
        HASH_ADD_KEYPTR(hh, space->entries, resource_name(resource), strlen(resource_name(resource)), e);
}

static int busy(const char *name, const char *what, VhError **err)
{
        return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_RESOURCE_BUSY, "Lockspace resource '%s' is %s", name,
                            what);
}

int lock_space_create(LockSpace *space, const char *name, VhError **err)
{
        _vh_free_ char *path = path_of(space, name, err);
        _vh_close_ int fd = -1;

        if (!path)
                return -EINVAL;
        if (find_entry(space, name))
                return busy(name, "locked", err);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_LOCKSPACE, errno, "cannot create file '%s'", path);
        return 0;
}

int lock_space_delete(LockSpace *space, const char *name, VhError **err)
{
        _vh_free_ char *path = path_of(space, name, err);

        if (!path)
                return -EINVAL;
        if (find_entry(space, name))
                return busy(name, "locked", err);
        if (!*space->dir)
                return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_OPERATION_DENIED,
                                    "'%s' is a disk, not a file that stands for one", name);
        if (unlink(path) < 0 && errno != ENOENT)
                return vh_error_sys(err, VIR_FROM_LOCKSPACE, errno, "Unable to delete lockspace resource %s", path);
        return 0;
}

int lock_space_acquire(LockSpace *space, const char *name, unsigned flags, pid_t owner, VhError **err)
{
        _vh_free_ char *path = path_of(space, name, err);
        Entry *e = find_entry(space, name);
        Resource *resource;
        int r;

        if (!path)
                return -EINVAL;
        if (e)
                return resource_join(e->resource, flags, owner, err);
        r = resource_lock(&resource, name, path, flags, owner, err);
        if (r >= 0)
                add_entry(space, resource);
        return r;
}

int lock_space_release(LockSpace *space, const char *name, pid_t owner, VhError **err)
{
        Entry *e = find_entry(space, name);
        bool last = false;
        int r;

        if (!e)
                return busy(name, "not locked", err);
        r = resource_leave(e->resource, owner, &last, err);
        if (last)
                remove_entry(space, e);
        return r;
}

static unsigned leave_all(LockSpace *space, Entry *e, pid_t owner)
{
        bool last = false;
        unsigned n = 0;

        while (!last && resource_leave(e->resource, owner, &last, NULL) >= 0)
                n++;
        if (last)
                remove_entry(space, e);
        return n;
}

unsigned lock_spaces_release_all(LockSpaces *spaces, pid_t owner)
{
        unsigned n = 0;
        Entry *e, *next;

        for (LockSpace *space = spaces->all; space; space = space->hh.next)
                HASH_ITER (hh, space->entries, e, next)
                        n += leave_all(space, e, owner);
        return n;
}

/* State. */

static json_t *save_entries(const LockSpace *space, VhKeptFds *kept)
{
        json_t *all = json_array();

        for (const Entry *e = space->entries; e; e = e->hh.next)
                json_array_append_new(all, resource_save(e->resource, kept));
        return all;
}

void lock_spaces_save(const LockSpaces *spaces, json_t *state, VhKeptFds *kept)
{
        json_t *folders = json_array();

        for (const LockSpace *space = spaces->all; space; space = space->hh.next) {
                json_t *resources = save_entries(space, kept);

                if (*space->dir)
                        json_array_append_new(folders,
                                              json_pack("{s:s, s:o}", "directory", space->dir, "resources", resources));
                else
                        json_object_set_new(state, "defaultLockspace", json_pack("{s:o}", "resources", resources));
        }
        json_object_set_new(state, "lockspaces", folders);
}

static void load_entries(LockSpace *space, const json_t *state)
{
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(state, "resources"), i, one)
        {
                Resource *resource;
                int r = resource_load(&resource, one);

                if (r >= 0)
                        add_entry(space, resource);
                else
                        vh_log_error("lock number %zu in '%s' of the program before is lost: %s", i, space->dir,
                                     vh_error_text(NULL, r));
        }
}

void lock_spaces_load(LockSpaces *spaces, const json_t *state)
{
        const json_t *one;
        size_t i;

        load_entries(lock_spaces_find(spaces, ""), json_object_get(state, "defaultLockspace"));
        json_array_foreach(json_object_get(state, "lockspaces"), i, one)
        {
                const char *dir = json_string_value(json_object_get(one, "directory"));

                if (dir && !lock_spaces_find(spaces, dir))
                        load_entries(add_space(spaces, dir), one);
        }
}
