/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshots and checkpoints of guests: a tree in memory, and a file each under STATE/qemu/{snapshot,checkpoint}/NAME/
 * in the reference's form. */

#include "block-job.h"
#include "driver/moment-ops.h"

typedef enum QemuMomentKind { QEMU_SNAPSHOTS, QEMU_CHECKPOINTS } QemuMomentKind;

extern const VhMomentDriver qemu_moments;

/* moment-files.c */

/* Reads all of them, once the domains are known. */
void qemu_moments_load(QemuDriver *driver);
/* Whether one could be written now. Returns 0 or negative errno with *err. */
int qemu_moment_check_room(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m, VhError **err);
/* Writes one. Returns 0 or negative errno with *err. */
int qemu_moment_save(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m, VhError **err);
/* A stored definition inside a snapshot: <inactiveDomain>. Returns 0 or negative errno. */
int qemu_moment_parse_inactive(QemuDriver *driver, const char *xml, VhDomainDef **ret, VhError **err);
/* Makes m (NULL: none) the current one, in the files as well; failure is logged. */
void qemu_moment_set_current(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, VhMoment *m);
/* Takes it out of the tree and removes its file; its children become those of its parent. */
void qemu_moment_remove(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, VhMoment *m);
/* Forgets all of a domain, with their folder. */
void qemu_moments_remove_all(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind);
/* The domain is called otherwise now: its folders follow. */
int qemu_moments_rename(QemuDriver *driver, const char *from, const char *to, VhError **err);
/* Refuses to lose metadata: "cannot delete inactive domain with N snapshots" unless the flags of undefine say so; with
 * them they are gone. */
int qemu_moments_undefine(QemuDriver *driver, VhDomainObj *dom, uint32_t flags, VhError **err);

static inline VhMomentList *qemu_moment_list(VhDomainObj *dom, QemuMomentKind kind)
{
        return kind == QEMU_SNAPSHOTS ? &dom->snapshots : &dom->checkpoints;
}

/* snapshot-define.c: what a client asks for becomes what is to be done. */

/* Fills what the XML left out, and refuses what cannot be. flags: of the call. */
int qemu_snapshot_align(VhDomainObj *dom, VhSnapshotDef *def, uint32_t flags, VhError **err);
/* The domain as it is, without what was made for this run. Returns 0 or negative errno. */
int qemu_moment_take_def(QemuDriver *driver, VhDomainObj *dom, VhDomainDef **ret, VhError **err);
/* That and the stored definition, for the snapshot. */
int qemu_snapshot_take_defs(QemuDriver *driver, VhDomainObj *dom, VhSnapshot *snap, VhError **err);
/* Links a snapshot (taken over) below the current one, or replaces the one it redefines, and writes it. */
int qemu_snapshot_add(QemuDriver *driver, VhDomainObj *dom, VhSnapshot *snap, uint32_t flags, VhMoment **ret,
                      VhError **err);
VhSnapshotDisk *qemu_snapshot_disk(const VhSnapshotDef *def, const char *target);
/* Flags of the call that make no sense together. */
int qemu_snapshot_check_flags(uint32_t flags, VhError **err);
/* A name (NULL: none yet) becomes that of a file. */
int qemu_snapshot_check_name(const char *name, VhError **err);
/* The same for one that was taken before: dom is the domain as it was. */
int qemu_snapshot_align_known(const VhDomainDef *dom, VhSnapshotDef *def, VhError **err);
/* snapshot-redefine.c: takes in a snapshot that exists already (taken over on success). */
int qemu_snapshot_redefine(VhCall *call, VhDomainObj *dom, VhSnapshot **snap, uint32_t flags,
                           remote_domain_snapshot_create_xml_ret *ret, VhError **err);

/* snapshot-memory.c: writes the guest's memory into the file that the snapshot names; snap stays the caller's and has
 * to last. done() is called once, maybe at once; r < 0: the file is not there (any more), err is borrowed. */
void qemu_snapshot_save_memory(QemuDriver *driver, VhDomainObj *dom, const VhSnapshot *snap,
                               void (*done)(void *data, int r, const VhError *err), void *data);

/* snapshot-merge.c */

/* Marks in the snapshot that m stands on, and in its file, whether m's images are being merged into its own: until that
 * has come to its end they are neither what they were nor what they will be. */
void qemu_snapshot_mark_parent(QemuDriver *driver, VhDomainObj *dom, VhMoment *m, bool deleting);
/* Merges the snapshot's images, which go, into those below while the guest runs, and marks its parent; the end of the
 * mark is the caller's. done() is called once, maybe at once; r < 0: disks may be as they were, err is borrowed. */
void qemu_snapshot_merge(QemuDriver *driver, VhDomainObj *dom, VhMoment *snapshot,
                         void (*done)(void *data, int r, const VhError *err), void *data);

/* snapshot-offline.c: of guests that do not run, by qemu-img in the worker pool. */
typedef struct QemuImageWork QemuImageWork;
QemuImageWork *qemu_image_work_new(void);
/* One command: argv after "qemu-img", NULL-terminated; undo (may be NULL) takes it back if a later one fails. Strings
 * are copied. */
void qemu_image_work_add(QemuImageWork *work, const char *const *argv, const char *const *undo);
/* A file to remove behind the commands. */
void qemu_image_work_unlink(QemuImageWork *work, const char *path);
/* Runs all and calls done; the work is freed. err is taken over by it. */
void qemu_image_work_run(QemuImageWork *work, QemuDriver *driver, void (*done)(void *data, int r, VhError *err),
                         void *data);
QemuImageWork *qemu_image_work_free(QemuImageWork *work);
/* qemu-img snapshot OPTION NAME for each disk that the snapshot has inside. */
void qemu_image_work_internal(QemuImageWork *work, const VhDomainDef *def, const VhSnapshotDef *snap,
                              const char *option, const char *undo);
