/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A log file that is put aside when it is full: PATH becomes PATH.0, PATH.0 becomes PATH.1, and the oldest goes. A
 * place in it is named by inode and offset, which stays true when the file moves on. */

#include "base/error.h"
#include "base/util.h"

typedef struct LogLimits {
        uint64_t max_size; /* bytes of a file; 0: no limit */
        int max_backups;   /* files besides the current one */
} LogLimits;

typedef struct LogPosition {
        uint64_t inode;
        uint64_t offset;
} LogPosition;

typedef struct LogFile LogFile;

/* Opens for appending, making the file (mode 0600) if it is not there; truncate: begins again. limits must stay. Path
 * is absolute and names, or will name, a regular file or a character device. Returns 0 or negative errno with *err. */
int log_file_open(LogFile **ret, const char *path, const LogLimits *limits, bool truncate, VhError **err);
/* Accepts NULL, returns NULL. */
LogFile *log_file_free(LogFile *file);
VH_DEFINE_CLEANUP(LogFile *, log_file_free)

/* Appends; where the file gets full it is cut behind a line if there is one. Returns 0, or negative errno when not
 * everything could be written; *written (may be NULL) bytes were. */
int log_file_write(LogFile *file, const char *data, size_t n, size_t *written);
/* Bytes that were meant for the file are lost: the next write that succeeds puts a line about it first. */
void log_file_lost(LogFile *file, uint64_t n);
LogPosition log_file_position(const LogFile *file);

/* Reads up to n bytes from a position on, through the files that are newer than its own; *ret (the caller frees it) is
 * NUL-terminated behind *len bytes. A position that is in none of the files is -EBADF. */
int log_file_read(const char *path, const LogLimits *limits, const LogPosition *from, size_t n, char **ret, size_t *len,
                  VhError **err);
