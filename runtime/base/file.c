/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole files in and out.
 *
 * A write goes to a temporary file beside the target and is renamed over it. The order matters: owner and mode before
 * the content (nobody may read a secret while it is being written), content on disk before the name, name on disk
 * before success is reported. */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum {
        READ_CHUNK = 16 * 1024,
        /* Names tried for a temporary file; each is random, so a second try is already rare. */
        TEMP_TRIES = 16,
        PID_FILE_MODE = 0644,
        /* How often a pid file may vanish between open and lock before that is reported. */
        PID_FILE_TRIES = 16,
};

int vh_file_read_fd(int fd, size_t max, char **ret, size_t *len)
{
        _vh_free_ char *data = NULL;
        size_t used = 0, room = 0;

        for (;;) {
                ssize_t n;

                if (room - used < 2) {
                        room = room ? room * 2 : READ_CHUNK;
                        data = vh_xrealloc(data, room, 1);
                }
                n = read(fd, data + used, room - used - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                used += (size_t)n;
                if (used > max)
                        return -EFBIG;
        }
        data[used] = '\0';
        *ret = VH_TAKE_PTR(data);
        *len = used;
        return 0;
}

int vh_file_read(const char *path, size_t max, char **ret, size_t *len)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        return vh_file_read_fd(fd, max, ret, len);
}

static int write_all(int fd, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                len -= (size_t)n;
        }
        return 0;
}

/* The directory part of path as a descriptor, and where the last part begins. */
static int open_parent(const char *path, const char **name)
{
        const char *slash = strrchr(path, '/');
        _vh_free_ char *dir = NULL;
        int fd;

        *name = slash ? slash + 1 : path;
        if (**name == '\0')
                return -EISDIR;
        dir = !slash ? vh_xstrdup(".") : slash == path ? vh_xstrdup("/") : vh_xstrndup(path, (size_t)(slash - path));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* True if name in dirfd is a regular file with exactly this content. */
static bool has_content(int dirfd, const char *name, const void *data, size_t len)
{
        _vh_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        _vh_free_ char *old = NULL;
        struct stat st;
        size_t n;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size != len)
                return false;
        return vh_file_read_fd(fd, len, &old, &n) == 0 && n == len && memcmp(old, data, len) == 0;
}

typedef struct TempFile {
        int dirfd; /* the caller's */
        int fd;
        char *name;
} TempFile;

static void random_name(const char *base, char **ret)
{
        uint64_t r = 0;

        if (getentropy(&r, sizeof(r)) < 0)
                abort();
        free(*ret);
        *ret = vh_xasprintf(".%.200s.%016llx", base, (unsigned long long)r);
}

static int temp_open(TempFile *t, const char *base)
{
        for (int i = 0; i < TEMP_TRIES; i++) {
                random_name(base, &t->name);
                t->fd = openat(t->dirfd, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (t->fd >= 0)
                        return 0;
                if (errno != EEXIST)
                        break;
        }
        t->name = (free(t->name), NULL);
        return -errno;
}

static int temp_set_attrs(TempFile *t, const VhFileAttrs *a)
{
        if ((a->uid != (uid_t)VH_FILE_SAME_OWNER || a->gid != (gid_t)VH_FILE_SAME_OWNER) &&
            fchown(t->fd, a->uid, a->gid) < 0)
                return -errno;
        if (fchmod(t->fd, a->mode) < 0)
                return -errno;
        if (a->label && fsetxattr(t->fd, "security.selinux", a->label, strlen(a->label) + 1, 0) < 0)
                return -errno;
        return 0;
}

static int temp_fill(TempFile *t, const void *data, size_t len, const VhFileAttrs *attrs, VhFileFlags flags)
{
        int r = temp_set_attrs(t, attrs);

        if (r < 0)
                return r;
        r = write_all(t->fd, data, len);
        if (r < 0)
                return r;
        if (!(flags & VH_FILE_NO_SYNC) && fsync(t->fd) < 0)
                return -errno;
        return 0;
}

static int temp_place(TempFile *t, const char *name, VhFileFlags flags)
{
        unsigned how = flags & VH_FILE_NEW ? RENAME_NOREPLACE : 0;

        if (renameat2(t->dirfd, t->name, t->dirfd, name, how) < 0)
                return -errno;
        t->name = (free(t->name), NULL);
        if (!(flags & VH_FILE_NO_SYNC) && fsync(t->dirfd) < 0)
                return -errno;
        return 0;
}

static void temp_done(TempFile *t)
{
        if (t->name)
                unlinkat(t->dirfd, t->name, 0);
        free(t->name);
        vh_closep(&t->fd);
}

int vh_file_write_attrs_at(int dirfd, const char *name, const void *data, size_t len, const VhFileAttrs *attrs,
                           VhFileFlags flags)
{
        _vh_cleanup_(temp_done) TempFile t = { .dirfd = dirfd, .fd = -1 };
        VhFileAttrs a = *attrs;
        struct stat st;
        int r;

        if ((flags & VH_FILE_IF_CHANGED) && has_content(dirfd, name, data, len))
                return 0;
        if ((flags & VH_FILE_KEEP_ATTRS) && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode)) {
                a.mode = st.st_mode & 07777;
                a.uid = st.st_uid;
                a.gid = st.st_gid;
        }
        r = temp_open(&t, name);
        if (r == 0)
                r = temp_fill(&t, data, len, &a, flags);
        if (r == 0)
                r = temp_place(&t, name, flags);
        return r;
}

int vh_file_write_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid,
                     VhFileFlags flags)
{
        VhFileAttrs attrs = { .mode = mode, .uid = uid, .gid = gid };

        return vh_file_write_attrs_at(dirfd, name, data, len, &attrs, flags);
}

int vh_file_write(const char *path, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid, VhFileFlags flags)
{
        const char *name;
        _vh_close_ int dirfd = open_parent(path, &name);

        if (dirfd < 0)
                return dirfd;
        return vh_file_write_at(dirfd, name, data, len, mode, uid, gid, flags);
}

struct VhFileDraft {
        TempFile temp;
        char *name;
};

int vh_file_draft(VhFileDraft **ret, const char *path, const void *data, size_t len, mode_t mode)
{
        const VhFileAttrs attrs = { .mode = mode, .uid = (uid_t)VH_FILE_SAME_OWNER, .gid = (gid_t)VH_FILE_SAME_OWNER };
        _vh_cleanup_(vh_file_draft_freep) VhFileDraft *draft = vh_new(VhFileDraft, 1);
        const char *name;
        int r;

        draft->temp.fd = -1;
        draft->temp.dirfd = open_parent(path, &name);
        if (draft->temp.dirfd < 0)
                return draft->temp.dirfd;
        draft->name = vh_xstrdup(name);
        r = temp_open(&draft->temp, name);
        if (r == 0)
                r = temp_fill(&draft->temp, data, len, &attrs, VH_FILE_NO_SYNC);
        if (r < 0)
                return r;
        *ret = VH_TAKE_PTR(draft);
        return 0;
}

int vh_file_draft_place(VhFileDraft *draft)
{
        return fsync(draft->temp.fd) < 0 ? -errno : temp_place(&draft->temp, draft->name, 0);
}

VhFileDraft *vh_file_draft_free(VhFileDraft *draft)
{
        if (draft) {
                temp_done(&draft->temp);
                if (draft->temp.dirfd >= 0)
                        close(draft->temp.dirfd);
                free(draft->name);
                free(draft);
        }
        return NULL;
}

int vh_file_remove(const char *path)
{
        const char *name;
        _vh_close_ int dirfd = open_parent(path, &name);

        if (dirfd < 0)
                return dirfd;
        if (unlinkat(dirfd, name, 0) < 0)
                return -errno;
        return fsync(dirfd) < 0 ? -errno : 0;
}

int vh_symlink_replace_at(const char *target, int dirfd, const char *name)
{
        _vh_cleanup_(temp_done) TempFile t = { .dirfd = dirfd, .fd = -1 };

        for (int i = 0; i < TEMP_TRIES; i++) {
                random_name(name, &t.name);
                if (symlinkat(target, t.dirfd, t.name) == 0)
                        return temp_place(&t, name, 0);
                if (errno != EEXIST)
                        break;
        }
        t.name = (free(t.name), NULL);
        return -errno;
}

int vh_symlink_replace(const char *target, const char *path)
{
        const char *name;
        _vh_close_ int dirfd = open_parent(path, &name);

        return dirfd < 0 ? dirfd : vh_symlink_replace_at(target, dirfd, name);
}

/* One directory. 1 if it was made, 0 if it was there. */
static int make_dir(const char *path, mode_t mode)
{
        struct stat st;

        if (mkdir(path, mode) == 0)
                return chmod(path, mode) < 0 ? -errno : 1;
        if (errno != EEXIST)
                return -errno;
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int vh_mkdir_p(const char *path, mode_t mode)
{
        _vh_free_ char *dir = vh_xstrdup(path);
        int r;

        if (*dir == '\0')
                return -ENOENT;
        for (char *p = dir + 1; *p; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                r = make_dir(dir, mode);
                if (r < 0)
                        return r;
                *p = '/';
        }
        r = make_dir(dir, mode);
        return r < 0 ? r : 0;
}

/* Locks the first byte and makes sure that path still is the locked file: the last holder may just have removed it. */
static int lock_first_byte(const char *path, int fd)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
        struct stat locked, there;

        if (fcntl(fd, F_SETLK, &lock) < 0)
                return errno == EACCES ? -EAGAIN : -errno;
        if (fstat(fd, &locked) < 0)
                return -errno;
        if (stat(path, &there) < 0 || there.st_ino != locked.st_ino || there.st_dev != locked.st_dev)
                return -ESTALE;
        return 0;
}

static int write_pid(int fd)
{
        char text[32];
        int n = snprintf(text, sizeof(text), "%lld", (long long)getpid());

        if (ftruncate(fd, 0) < 0)
                return -errno;
        return write_all(fd, text, (size_t)n);
}

int vh_pid_file_acquire(const char *path, int *ret)
{
        int r = -ESTALE;

        for (int i = 0; i < PID_FILE_TRIES && r == -ESTALE; i++) {
                _vh_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, PID_FILE_MODE);

                if (fd < 0)
                        return -errno;
                r = lock_first_byte(path, fd);
                if (r == 0)
                        r = write_pid(fd);
                if (r == 0)
                        *ret = VH_TAKE_FD(fd);
        }
        return r;
}

void vh_pid_file_release(const char *path, int fd)
{
        if (fd < 0)
                return;
        unlink(path);
        close(fd);
}

char *vh_path_join(const char *dir, const char *name)
{
        return vh_xasprintf(vh_endswith(dir, "/") ? "%s%s" : "%s/%s", dir, name);
}
