/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Objects as files: one directory holds NAME.xml for every persistent object of a kind, a second one symbolic links to
 * the files of those that start with the host. The layout is that of the reference, so that definitions move between
 * the two without conversion.
 *
 * What is on disk is complete at every instant: a file is written beside its place, synced, and moved over the old one;
 * the directory is synced before a function returns. A rename (vh_persist_rename()) that is cut short is finished by
 * the next load.
 *
 * With vh_persist_set_loop() a worker does the waiting: the functions find what most likely goes wrong (no room, a
 * read-only file system) and return, changes come to disk in their order, and the answer of the call that made one is
 * held back until it is there. Should the disk fail then, the call fails although the change is in memory, where it
 * stays until the daemon ends. */

#include "base/error.h"
#include "rpc/call.h"

typedef struct VhLoop VhLoop; /* event/loop.h */
typedef struct VhPersist VhPersist;

/* What differs from kind to kind. Strings are not copied; they must outlive the VhPersist. */
typedef struct VhPersistKind {
        int domain;        /* VIR_FROM_*, for errors */
        const char *noun;  /* "domain", "network", for error texts */
        const char *edit;  /* command that changes such an object, named in the file's first comment: "virsh edit" */
        unsigned dir_mode; /* of the directories if they must be made */
} VhPersistKind;

/* Opens the directory (made if absent, parents too). autostart_dir is NULL for kinds that have none; it is made with
 * the first link. Returns 0 or negative errno with *err. */
int vh_persist_open(VhPersist **ret, const VhPersistKind *kind, const char *dir, const char *autostart_dir,
                    VhError **err);
/* Accepts NULL, returns NULL. */
VhPersist *vh_persist_free(VhPersist *p);
VH_DEFINE_CLEANUP(VhPersist *, vh_persist_free)

/* Changes are stored by a worker from now on. unlinked (may be NULL) hears of autostart links that could not be made
 * (autostart) or removed, whose vh_persist_set_autostart() had returned 0. */
void vh_persist_set_loop(VhPersist *p, VhLoop *loop, void (*unlinked)(void *data, const char *name, bool autostart),
                         void *data);
/* Around a function that serves a call: the second returns 0 if nothing was changed, or VH_LATER if the call will be
 * answered later, as it is now; or negative with *err. */
void vh_persist_before_call(VhPersist *p);
int vh_persist_after_call(VhPersist *p, VhCall *call, VhError **err);
/* For a late call that succeeded: if changes of the object are on the way to disk, true, and the call will be finished
 * when they are there; else false, and the caller finishes it. */
bool vh_persist_hold(VhPersist *p, const char *name, VhCall *call);

/* Names that cannot be file names: empty, ".", "..", with '/' or a newline. Returns 0, or -EINVAL with an error from
 * domain (VIR_FROM_*). */
int vh_persist_check_name(const char *name, int domain, VhError **err);
/* Whether a file was being written when its writer was killed: ".NAME.xml.0123456789abcdef". */
bool vh_persist_is_leftover(const char *name);

/* Writes (or replaces) the definition of name; xml is the document without the warning comment. */
int vh_persist_save(VhPersist *p, const char *name, const char *xml, VhError **err);
/* Removes the autostart link, then the file. What is absent already is no error. */
int vh_persist_delete(VhPersist *p, const char *name, VhError **err);
/* Moves old_name to new_name, xml being the definition with its new name; the autostart link follows. Whenever this is
 * interrupted, exactly one definition exists, under one of the names. The caller makes sure that new_name is free. */
int vh_persist_rename(VhPersist *p, const char *old_name, const char *new_name, const char *xml, VhError **err);
/* Makes or removes the autostart link; no change is no error. */
int vh_persist_set_autostart(VhPersist *p, const char *name, bool autostart, VhError **err);
/* Path of the definition; the caller frees it. */
char *vh_persist_path(const VhPersist *p, const char *name);

/* One file during vh_persist_load(). */
typedef struct VhPersistFile {
        VhPersist *persist;
        const char *name; /* file name without .xml */
        const char *path;
        const char *text; /* content, NUL-terminated, valid during the call only */
        size_t len;
        bool autostart;
} VhPersistFile;

/* To be called by the receiver before it takes a definition whose own name is `name`. If the file bears another one (an
 * interrupted rename, or a copy made by hand), it is moved to the right place, where no other file may be. Returns 0,
 * or negative errno with *err: the receiver must skip the file then. */
int vh_persist_settle(VhPersistFile *file, const char *name, VhError **err);

typedef struct VhPersistLoader {
        /* Takes one definition. A negative return skips the file; the error should say the line. */
        int (*load)(void *userdata, VhPersistFile *file, VhError **err);
        /* Told about every file that was skipped and why; may be NULL. */
        void (*skipped)(void *userdata, const char *path, int r, const VhError *err);
        void *userdata;
} VhPersistLoader;

/* Reads all definitions in the order of their names. Files that cannot be read or are refused are skipped; only regular
 * files (or links to such) ending in .xml are definitions. What an interrupted write left behind is removed. Returns
 * the number loaded, or negative errno with *err if the directory itself cannot be read. */
int vh_persist_load(VhPersist *p, const VhPersistLoader *loader, VhError **err);
