/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block jobs: QEMU works on a disk's images while the guest runs. They are kept in the status file, so that a daemon
 * that starts later goes on with them; form and words there are the reference's. */

#include "block-task.h"

#include <libxml/tree.h>

typedef enum QemuBlockJobType {
        QEMU_BLOCK_JOB_NONE, /* VIR_DOMAIN_BLOCK_JOB_TYPE_* up to BACKUP */
        QEMU_BLOCK_JOB_PULL,
        QEMU_BLOCK_JOB_COPY,
        QEMU_BLOCK_JOB_COMMIT,
        QEMU_BLOCK_JOB_ACTIVE_COMMIT,
        QEMU_BLOCK_JOB_BACKUP,
        QEMU_BLOCK_JOB_CREATE, /* of another daemon: an image in the making */
        QEMU_BLOCK_JOB_BROKEN, /* of another daemon: what we do not know how to end */
        QEMU_BLOCK_JOB_TYPE_MAX,
} QemuBlockJobType;

typedef enum QemuBlockJobState {
        QEMU_BLOCK_JOB_NEW, /* made known, QEMU may not have been told yet */
        QEMU_BLOCK_JOB_RUNNING,
        QEMU_BLOCK_JOB_READY,
        QEMU_BLOCK_JOB_ABORTING,
        QEMU_BLOCK_JOB_PIVOTING,
        QEMU_BLOCK_JOB_PENDING,
        QEMU_BLOCK_JOB_CONCLUDED,
        QEMU_BLOCK_JOB_COMPLETED,
        QEMU_BLOCK_JOB_FAILED,
        QEMU_BLOCK_JOB_CANCELLED,
        QEMU_BLOCK_JOB_STATE_MAX,
} QemuBlockJobState;

/* Values of VhDiskMirror.job and .ready: words of <mirror>. */
enum { QEMU_MIRROR_COPY = 1, QEMU_MIRROR_COMMIT = 2 };
enum { QEMU_MIRROR_READY = 1, QEMU_MIRROR_ABORT = 2, QEMU_MIRROR_PIVOT = 3 };

typedef struct QemuBlockJob QemuBlockJob;
struct QemuBlockJob {
        QemuBlockJob *next;
        QemuProcess *proc;
        char *name; /* inside QEMU */
        QemuBlockJobType type;
        QemuBlockJobState state;
        char *disk;     /* target of the disk, NULL: of none */
        unsigned flags; /* of the call that started it */
        /* Images of the disk by index, 0: none. Commit: from top to base; pull: what is above base. */
        unsigned top, base, top_parent;
        bool shallow_new;     /* copy: its backing chain is the disk's */
        bool delete_images;   /* commit: committed images are removed from the host */
        char *bitmap;         /* backup: temporary one */
        VhDiskSource *store;  /* backup: where it goes; others: what its end took from the disk and has to close */
        char *error;          /* why it failed */
        VhCall *call;         /* that waits for its end; NULL: none */
        bool ending;          /* what its end makes necessary is going on */
        bool perilous;        /* pull: QEMU may not have been told yet to forget a job that is over */
        bool snapshot_delete; /* commit: one of those that a deletion of a snapshot ends together */
        /* Someone else leads it (a migration, a deletion): called with QEMU's word for its state instead of what this
         * file would do. */
        void (*changed)(QemuBlockJob *job, const char *status, void *data);
        /* Its end is done, and it has left the list; error: why it failed, NULL: it did not. */
        void (*over)(void *data, const char *disk, const char *error);
        void *changed_data;
};

/* A new job in the process' list, in state NEW. disk may be NULL; name is taken over. */
QemuBlockJob *qemu_block_job_add(QemuProcess *proc, QemuBlockJobType type, const VhDisk *disk, char *name);
/* Takes it out of the list and frees it. */
void qemu_block_job_drop(QemuBlockJob *job);
QemuBlockJob *qemu_block_job_find(const QemuProcess *proc, const char *name);
/* The job of a disk, NULL if it has none. */
QemuBlockJob *qemu_block_job_of(const QemuProcess *proc, const VhDisk *disk);
/* Refuses with VIR_ERR_BLOCK_COPY_ACTIVE (one with a mirror) or VIR_ERR_OPERATION_UNSUPPORTED if the disk has a job.
 * Returns 0 or negative errno. */
int qemu_block_job_check_none(const QemuProcess *proc, const VhDisk *disk, VhError **err);
/* The disk that the job works on; NULL if it is gone. */
VhDisk *qemu_block_job_disk(const QemuBlockJob *job);
/* Tells clients: status is VIR_DOMAIN_BLOCK_JOB_*. */
void qemu_block_job_tell(const QemuBlockJob *job, int status);
/* All jobs of a process that is gone: whoever waits for one fails, and they are freed. */
void qemu_block_jobs_stop(QemuProcess *proc);
/* QEMU 7.2 dies of a question for its images between the end of a pull and its dismissal: who asks meanwhile waits. For
 * jobs of other types nothing. */
void qemu_block_job_set_perilous(QemuBlockJob *job, bool perilous);
/* The same for the jobs that there are when a monitor is new. */
void qemu_block_jobs_guard(QemuProcess *proc);
/* QMP events about jobs and images. */
extern const QemuEventRow qemu_block_events[];

/* block-job-end.c: QEMU says that the job is over: finds out how, and makes it true. That of a job that someone leads
 * is part of his asynchronous job. */
void qemu_block_job_conclude(QemuBlockJob *job);

/* block-job-status.c: <blockjobs> of the status file. */
void qemu_block_jobs_format(const QemuProcess *proc, VhBuf *b);
void qemu_block_jobs_parse(QemuProcess *proc, const xmlNode *root);
/* Asks QEMU what became of the jobs in a status file, once the monitor of a guest that was taken over answers. */
void qemu_block_jobs_refresh(QemuProcess *proc);

/* block-recover.c: no job goes on in QEMU, but the daemon before us may have been in the middle of something. */
void qemu_block_recover(QemuProcess *proc);
/* Dismisses what is over and nobody waits for; returns how many other jobs there are in the answer to query-jobs. */
unsigned qemu_block_dismiss_steps(QemuProcess *proc, const json_t *jobs);
/* The same for one job that nobody here started, when it moves. */
void qemu_block_step_moved(QemuProcess *proc, const char *id, const char *status);

/* block-chain.c: images of a disk. */

/* The disk by target or path of its source, NULL if there is none. */
VhDisk *qemu_disk_find(const VhDomainDef *def, const char *name);
/* The same for a call: VIR_ERR_INVALID_ARG "disk '%s' not found in domain". */
VhDisk *qemu_disk_need(const VhDomainDef *def, const char *name, VhError **err);
/* The image that a client names: NULL, "" or "vda" (the top), a path, or "vda[3]" by index; only one below `above` if
 * that is not NULL. *parent (may be NULL) is the image above it. NULL with an error. */
VhDiskSource *qemu_chain_find(VhDisk *disk, VhDiskSource *above, const char *name, VhDiskSource **parent,
                              VhError **err);
/* The image with an index, NULL if it is not in the chain. */
VhDiskSource *qemu_chain_index(VhDisk *disk, unsigned index, VhDiskSource **parent);
/* Puts src (taken over) on top of the disk's chain. */
void qemu_chain_push(VhDisk *disk, VhDiskSource *src);
/* src (taken over) takes the place of the whole chain. */
void qemu_chain_replace(VhDisk *disk, VhDiskSource *src);
/* Takes the images from index top to before index base (0: all below) out. Returns them as a chain of its own, NULL if
 * there are none. top may be the disk's own image; base is then its new one. */
VhDiskSource *qemu_chain_cut(VhDisk *disk, unsigned top, unsigned base);
VhDiskSource *qemu_source_copy(const VhDiskSource *src);
/* Accepts NULL, returns NULL. */
VhDiskSource *qemu_source_free(VhDiskSource *src);
VH_DEFINE_CLEANUP(VhDiskSource *, qemu_source_free)
#define _qemu_source_ _vh_cleanup_(qemu_source_freep)
/* The guest's account keeps no image that it has no use for. NULL: nothing to do. */
void qemu_source_give_back(QemuProcess *proc, const VhDiskSource *src);
/* A new source of type file. */
VhDiskSource *qemu_source_file(const char *path, uint8_t format);
/* The top of a disk as a source of its own, with the format that stands in the disk; copied. */
VhDiskSource *qemu_disk_top(const VhDisk *disk);
/* Gives every image of src without one an index of its own. */
void qemu_source_number(QemuProcess *proc, VhDiskSource *src);
/* Removes the nodes of each image of a chain, failing or not. */
void qemu_plan_forget_chain(QemuPlan *plan, const VhDiskSource *src);
/* The stored definition of a running guest's disk gets the chain `after`, as far as it told it already, if its source
 * was `before` (path). Returns 0 or negative errno. */
int qemu_chain_persist(QemuDriver *driver, VhDomainObj *dom, const char *target, const char *before,
                       const VhDiskSource *after, VhError **err);
/* The same for images that left the middle: those from `first` to before `end` (paths; NULL: to the last). A stored
 * chain that does not tell them is forgotten but for its top. */
int qemu_chain_persist_cut(QemuDriver *driver, VhDomainObj *dom, const char *target, const char *before,
                           const char *first, const char *end, VhError **err);
/* Where the disk stands on the image `path`, or is it, it stands on a copy of `to` instead. */
void qemu_chain_redirect(VhDisk *disk, const char *path, const VhDiskSource *to);

/* The new image of a snapshot stands on top in the stored definition as well, if that had the source `before`. */
int qemu_chain_push_stored(QemuDriver *driver, VhDomainObj *dom, const char *target, const VhDiskSource *overlay,
                           const char *before, VhError **err);

/* chain-detect.c: fills what is behind src from the headers of images, and the end of the chain; nothing if that is
 * told already. Without an end stays what only QEMU can follow. disk: src is a disk's own image, which the guest's
 * account may see where we do not. It may block (guest-chains.h). Returns 0, or negative errno for what cannot be used
 * as it is. */
int qemu_chain_detect(VhDiskSource *src, bool disk, VhError **err);
/* A file or a block device of this host. */
bool qemu_source_is_local(const VhDiskSource *src);
/* Its format has a place for what is behind. */
bool qemu_source_stands_on_others(const VhDiskSource *src);
/* The end of a chain that is known to have one. */
void qemu_chain_close(VhDiskSource *src);

/* image-create.c: a new image for a running guest. */
typedef struct QemuNewImage {
        const VhDisk *disk;          /* whose settings the nodes get */
        VhDiskSource *src;           /* with index; its format says what is made */
        const VhDiskSource *backing; /* what its header names; NULL: nothing */
        uint64_t capacity;           /* bytes */
        unsigned cluster;            /* bytes, 0: QEMU's choice */
        bool reuse;                  /* it is there: only opened */
        bool open_backing;           /* its node is joined with that of backing at once */
} QemuNewImage;
/* Plans nodes and creation. The file itself is made here (an empty one, given to the guest's account), unless it is
 * reused. Returns 0 or negative errno with *b->err. */
int qemu_plan_new_image(const QemuBuild *b, QemuProcess *proc, const QemuNewImage *image, QemuPlan *plan);
/* What such a plan left when it failed: the file, unless it was reused, and what the guest may do with it. proc may be
 * NULL: the guest is gone. */
void qemu_new_image_drop(QemuProcess *proc, const VhDiskSource *src, bool reuse);
