/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Raw files: made, copied, resized, wiped. */

#include "vol-build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "api.h"
#include "dir.h"

enum { PIECE = 1024 * 1024, VOL_MODE = 0600, BLOCK = 512 /* of st_blocks */ };

bool storage_stop_wanted(int stop_fd)
{
        struct pollfd p = { stop_fd, POLLIN, 0 };

        return poll(&p, 1, 0) > 0;
}

static int stopped(VhError **err)
{
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_ABORTED, "the daemon stops");
}

int storage_apply_owner(int fd, const VhVolDef *def, VhError **err)
{
        const VhPermissions *perms = def->target.permissions;
        uid_t uid = perms && perms->owner.set ? (uid_t)perms->owner.val : (uid_t)-1;
        gid_t gid = perms && perms->group.set ? (gid_t)perms->group.val : (gid_t)-1;
        unsigned mode = storage_mode(perms, VOL_MODE);

        if ((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(fd, uid, gid) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "unable to set ownership of '%s' to %u:%u",
                                    def->target.path, uid, gid);
        if (fchmod(fd, mode) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot set mode of '%s' to %04o", def->target.path,
                                    mode);
        return 0;
}

/* Only empty files can be taken out of copy-on-write; a file system that has none does not mind. */
static void set_nocow(int fd)
{
        int flags;

        if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
                return;
        flags |= FS_NOCOW_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int allocate(int fd, const char *path, uint64_t from, uint64_t n, VhError **err)
{
        int e = n ? posix_fallocate(fd, (off_t)from, (off_t)n) : 0;

        return e ? vh_error_sys(err, VIR_FROM_STORAGE, e, "cannot allocate %" PRIu64 " bytes in file '%s'", n, path)
                 : 0;
}

/* ---- copies ---- */

static bool is_zero(const char *data, size_t n)
{
        return n == 0 || (*data == 0 && memcmp(data, data + 1, n - 1) == 0);
}

static int write_all(int fd, const char *data, size_t n, off_t at)
{
        while (n) {
                ssize_t done = pwrite(fd, data, n, at);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done <= 0)
                        return done < 0 ? -errno : -EIO;
                data += done;
                n -= (size_t)done;
                at += done;
        }
        return 0;
}

/* What is zero is so in a new file anyway. */
static int copy_pieces(int in, int out, const StorageBuild *build, VhError **err)
{
        _vh_free_ char *piece = vh_xrealloc(NULL, PIECE, 1);
        off_t at = 0;
        ssize_t n;
        int r = 0;

        while (r == 0 && (n = pread(in, piece, PIECE, at)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed reading from file '%s'",
                                            build->origin->target.path);
                if (storage_stop_wanted(build->stop_fd))
                        return stopped(err);
                if (!is_zero(piece, (size_t)n))
                        r = write_all(out, piece, (size_t)n, at);
                at += n;
        }
        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "failed writing to file '%s'", build->def->target.path)
                     : 0;
}

static int copy_content(int out, const StorageBuild *build, VhError **err)
{
        const char *path = build->origin->target.path;
        _vh_close_ int in = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (in < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "could not open input path '%s'", path);
        if (build->flags & VIR_STORAGE_VOL_CREATE_REFLINK)
                return ioctl(out, FICLONE, in) < 0
                               ? vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to clone files from '%s'", path)
                               : 0;
        return copy_pieces(in, out, build, err);
}

/* ---- new files ---- */

static int fill(int fd, const StorageBuild *build, VhError **err)
{
        const VhVolDef *def = build->def;
        int r;

        if (ftruncate(fd, (off_t)def->capacity) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot extend file '%s'", def->target.path);
        r = allocate(fd, def->target.path, 0, def->allocation, err);
        if (r == 0 && build->origin)
                r = copy_content(fd, build, err);
        if (r == 0 && fsync(fd) < 0)
                r = vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot sync data to file '%s'", def->target.path);
        return r;
}

int storage_build_raw(StorageBuild *build, VhError **err)
{
        const char *path = build->def->target.path;
        _vh_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, VOL_MODE);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Failed to create file '%s'", path);
        build->made = true;
        if (build->def->target.nocow)
                set_nocow(fd);
        r = storage_apply_owner(fd, build->def, err);
        return r == 0 ? fill(fd, build, err) : r;
}

/* ---- changes ---- */

int storage_resize_raw(const char *path, uint64_t capacity, bool want_room, VhError **err)
{
        _vh_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Unable to open '%s'", path);
        if (want_room && capacity > (uint64_t)st.st_size)
                return allocate(fd, path, 0, capacity, err);
        if (ftruncate(fd, (off_t)capacity) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Failed to truncate file '%s'", path);
        return 0;
}

/* Holes have nothing in them: only the rest is given back. */
static int wipe_sparse(int fd, const char *path, off_t size, VhError **err)
{
        if (ftruncate(fd, 0) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Failed to truncate volume with path '%s' to 0 bytes",
                                    path);
        if (ftruncate(fd, size) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno,
                                    "Failed to truncate volume with path '%s' to %jd bytes", path, (intmax_t)size);
        return 0;
}

static int write_zeroes(int fd, const char *path, off_t size, int stop_fd, VhError **err)
{
        _vh_free_ char *zeroes = vh_xcalloc(1, PIECE);
        int r = 0;

        for (off_t at = 0; r == 0 && at < size; at += PIECE) {
                if (storage_stop_wanted(stop_fd))
                        return stopped(err);
                r = write_all(fd, zeroes, (size_t)VH_MIN((off_t)PIECE, size - at), at);
        }
        if (r == 0 && fdatasync(fd) < 0)
                r = -errno;
        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "Failed to write to storage volume with path '%s'", path)
                     : 0;
}

int storage_wipe_raw(const char *path, int stop_fd, VhError **err)
{
        _vh_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Failed to open storage volume with path '%s'", path);
        if (fstat(fd, &st) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "Failed to stat storage volume with path '%s'", path);
        if (S_ISREG(st.st_mode) && st.st_blocks < st.st_size / BLOCK)
                return wipe_sparse(fd, path, st.st_size, err);
        return write_zeroes(fd, path, S_ISBLK(st.st_mode) ? lseek(fd, 0, SEEK_END) : st.st_size, stop_fd, err);
}
