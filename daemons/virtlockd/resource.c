/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Locked files. */

#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
        LOCK_FILE_MODE = 0600,
        LOCK_START = 0, /* the byte that is locked */
        LOCK_LEN = 1,
};

struct Resource {
        char *name, *path;
        int fd;
        unsigned flags;
        pid_t *owners; /* a process as often as it has taken the lock */
        size_t n_owners;
};

static int set_lock(int fd, int command, short type)
{
        struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_START, .l_len = LOCK_LEN };

        return fcntl(fd, command, &l) < 0 ? -errno : 0;
}

static int busy(const char *name, const char *what, VhError **err)
{
        return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_RESOURCE_BUSY, "Lockspace resource '%s' is %s", name,
                            what);
}

/* O_NONBLOCK: the name may be that of a FIFO. What is shared may lie where nobody can write. */
static int open_file(const char *path, unsigned flags)
{
        int how = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (flags & RESOURCE_AUTO_CREATE ? O_CREAT : 0);
        int fd = open(path, O_RDWR | how, LOCK_FILE_MODE);

        if (fd < 0 && flags & RESOURCE_SHARED && (errno == EROFS || errno == EACCES))
                fd = open(path, O_RDONLY | how, LOCK_FILE_MODE);
        return fd < 0 ? -errno : fd;
}

/* Whoever had the lock before may have removed the file when we had opened it already. */
static bool is_still_there(int fd, const char *path)
{
        struct stat ours, theirs;

        return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
               ours.st_dev == theirs.st_dev;
}

/* Returns 1 if it has to be tried again. */
static int try_lock(int *ret, const char *name, const char *path, unsigned flags, VhError **err)
{
        const char *verb = flags & RESOURCE_AUTO_CREATE ? "open/create" : "open";
        _vh_close_ int fd = open_file(path, flags);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_LOCKSPACE, fd, "Unable to %s resource %s", verb, path);
        r = set_lock(fd, F_OFD_SETLK, flags & RESOURCE_SHARED ? F_RDLCK : F_WRLCK);
        if (r == -EAGAIN || r == -EACCES)
                return busy(name, "locked", err);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_LOCKSPACE, r, "Unable to acquire lock on '%s'", path);
        if (flags & RESOURCE_AUTO_CREATE && !is_still_there(fd, path))
                return 1;
        *ret = VH_TAKE_FD(fd);
        return 0;
}

static void add_owner(Resource *res, pid_t owner)
{
        res->owners = vh_xrealloc(res->owners, res->n_owners + 1, sizeof(pid_t));
        res->owners[res->n_owners++] = owner;
}

static Resource *resource_new(const char *name, const char *path, unsigned flags, int fd)
{
        Resource *res = vh_new(Resource, 1);

        res->name = vh_xstrdup(name);
        res->path = vh_xstrdup(path);
        res->flags = flags;
        res->fd = fd;
        return res;
}

int resource_lock(Resource **ret, const char *name, const char *path, unsigned flags, pid_t owner, VhError **err)
{
        int fd = -1, r;

        do
                r = try_lock(&fd, name, path, flags, err);
        while (r > 0);
        if (r < 0)
                return r;
        *ret = resource_new(name, path, flags, fd);
        add_owner(*ret, owner);
        return 0;
}

Resource *resource_free(Resource *res)
{
        if (!res)
                return NULL;
        /* While it is locked, and by nobody else: those who share it may be on other hosts. */
        if (res->flags & RESOURCE_AUTO_CREATE && set_lock(res->fd, F_OFD_SETLK, F_WRLCK) == 0)
                unlink(res->path);
        vh_closep(&res->fd);
        free(res->name);
        free(res->path);
        free(res->owners);
        free(res);
        return NULL;
}

const char *resource_name(const Resource *res)
{
        return res->name;
}

int resource_join(Resource *res, unsigned flags, pid_t owner, VhError **err)
{
        if (!(res->flags & flags & RESOURCE_SHARED))
                return busy(res->name, "locked", err);
        add_owner(res, owner);
        return 0;
}

static size_t find_owner(const Resource *res, pid_t owner)
{
        size_t i = 0;

        while (i < res->n_owners && res->owners[i] != owner)
                i++;
        return i;
}

int resource_leave(Resource *res, pid_t owner, bool *last, VhError **err)
{
        size_t i = find_owner(res, owner);

        if (i == res->n_owners)
                return vh_error_set(err, VIR_FROM_LOCKSPACE, VIR_ERR_INTERNAL_ERROR,
                                    "owner %ld does not hold the resource lock", (long)owner);
        res->owners[i] = res->owners[--res->n_owners];
        *last = res->n_owners == 0;
        return 0;
}

json_t *resource_save(const Resource *res, VhKeptFds *kept)
{
        json_t *owners = json_array();

        for (size_t i = 0; i < res->n_owners; i++)
                json_array_append_new(owners, json_integer(res->owners[i]));
        vh_kept_fds_add(kept, res->fd);
        return json_pack("{s:s, s:s, s:i, s:b, s:i, s:o}", "name", res->name, "path", res->path, "fd", res->fd,
                         "lockHeld", true, "flags", (int)res->flags, "owners", owners);
}

/* A lock of the process, as libvirt's daemon takes it, would be in the way of our own. */
static int take_over_lock(int fd, unsigned flags)
{
        set_lock(fd, F_SETLK, F_UNLCK);
        return set_lock(fd, F_OFD_SETLK, flags & RESOURCE_SHARED ? F_RDLCK : F_WRLCK);
}

int resource_load(Resource **ret, const json_t *state)
{
        const char *name = json_string_value(json_object_get(state, "name"));
        const char *path = json_string_value(json_object_get(state, "path"));
        unsigned flags = (unsigned)json_integer_value(json_object_get(state, "flags"));
        const json_t *owner;
        size_t i;
        int fd, r;

        if (!name || !path)
                return -EINVAL;
        r = vh_handover_fd(state, "fd", &fd);
        if (r >= 0)
                r = take_over_lock(fd, flags);
        if (r < 0)
                return r;
        *ret = resource_new(name, path, flags, fd);
        json_array_foreach(json_object_get(state, "owners"), i, owner)
                add_owner(*ret, (pid_t)json_integer_value(owner));
        return 0;
}
