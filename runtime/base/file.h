/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files that must never be seen half-written, and the few other things daemons and tools do with paths.
 * All functions return 0 or a negative errno. */

#include "base/util.h"

#include <sys/types.h>

/* Reads a regular file, pipe or device to its end. *ret (the caller frees it) is NUL-terminated behind len bytes.
 * More than max bytes: -EFBIG, and nothing is returned. */
int vh_file_read(const char *path, size_t max, char **ret, size_t *len);
/* The same from an open descriptor, which stays open. */
int vh_file_read_fd(int fd, size_t max, char **ret, size_t *len);

typedef enum VhFileFlags {
        /* Keep mode and owner of a file that is replaced; the values given are for a new file. */
        VH_FILE_KEEP_ATTRS = 1 << 0,
        /* Leave an equal file alone, so that its time stamp stays. Mode and owner are not compared. */
        VH_FILE_IF_CHANGED = 1 << 1,
        /* Fail with -EEXIST instead of replacing. */
        VH_FILE_NEW = 1 << 2,
        /* Do not wait for the disk: for what is rebuilt anyway after a crash, such as files under /run. */
        VH_FILE_NO_SYNC = 1 << 3,
} VhFileFlags;

enum { VH_FILE_SAME_OWNER = -1 }; /* uid or gid: that of the process */

/* Writes path so that a reader, or a crash at any moment, sees the old content or the new, never a part: temporary file
 * in the same directory, mode and owner set before content, file and directory synced, renamed. A symbolic link at
 * path is replaced, not followed. On failure the temporary file is gone and the old file untouched. */
int vh_file_write(const char *path, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid, VhFileFlags flags);

/* The same for a name in a directory that the caller has open for reading. */
int vh_file_write_at(int dirfd, const char *name, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid,
                     VhFileFlags flags);

typedef struct VhFileAttrs {
        mode_t mode;
        uid_t uid; /* or VH_FILE_SAME_OWNER */
        gid_t gid;
        const char *label; /* SELinux label that the file gets, or NULL: what the system gives a new file */
} VhFileAttrs;

/* The same with everything that a file can carry. */
int vh_file_write_attrs_at(int dirfd, const char *name, const void *data, size_t len, const VhFileAttrs *attrs,
                           VhFileFlags flags);

/* A file that is written but has not got its name yet. The two halves of vh_file_write(), for who must not wait for the
 * disk: the first finds most of what can go wrong, the second may run on another thread. */
typedef struct VhFileDraft VhFileDraft;
/* Writes the content beside path. */
int vh_file_draft(VhFileDraft **ret, const char *path, const void *data, size_t len, mode_t mode);
/* Syncs it and puts it into its place. */
int vh_file_draft_place(VhFileDraft *draft);
/* What was not put into its place is removed. Accepts NULL, returns NULL. */
VhFileDraft *vh_file_draft_free(VhFileDraft *draft);
VH_DEFINE_CLEANUP(VhFileDraft *, vh_file_draft_free)

/* Removes a file and syncs its directory. A missing file is -ENOENT. */
int vh_file_remove(const char *path);

/* Makes path a symbolic link to target, replacing what non-directory is there in one step. */
int vh_symlink_replace(const char *target, const char *path);
/* The same for a name in a directory that the caller has open for reading. */
int vh_symlink_replace_at(const char *target, int dirfd, const char *name);

/* Makes the directory and its missing parents with this mode, whatever the umask. An existing directory is left as it
 * is; -ENOTDIR if something else is in the way. */
int vh_mkdir_p(const char *path, mode_t mode);

/* Takes the record lock that marks a running process, the way libvirt's daemons do: write lock on the first byte of the
 * file, which is made with mode 0644 if need be and afterwards holds the decimal pid. The lock lives as long as *fd
 * stays open (close-on-exec) and no other descriptor of this process for the file is closed.
 * -EAGAIN when another process holds it. */
int vh_pid_file_acquire(const char *path, int *fd);
/* Removes the file and closes the descriptor (-1 is accepted). */
void vh_pid_file_release(const char *path, int fd);

/* "dir/name" without a double slash; the caller frees it. */
char *vh_path_join(const char *dir, const char *name);
