/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guests that move between hosts. A migration has two sides with phases, each phase a call of the client (or of the
 * source's daemon, when it does it by itself):
 *
 *     source                              target
 *     begin    text and cookie      →     prepare   a QEMU that waits
 *     perform  memory and devices   ⇒     finish    it runs here, or is thrown away
 *     confirm  it is gone, or goes on
 *
 * What lasts from phase to phase is the QemuMigration of the process; each phase is a task (task.h). */

#include "cookie.h"
#include "host-work.h"
#include "migrate-params.h"
#include "process.h"
#include "task.h"

/* Names in status files are those of the reference. */
typedef enum QemuMigratePhase {
        QEMU_PHASE_NONE,
        QEMU_PHASE_PERFORM2,
        QEMU_PHASE_BEGIN3,
        QEMU_PHASE_PERFORM3,
        QEMU_PHASE_PERFORM3_DONE,
        QEMU_PHASE_CONFIRM3_CANCELLED,
        QEMU_PHASE_CONFIRM3,
        QEMU_PHASE_PREPARE,
        QEMU_PHASE_FINISH2,
        QEMU_PHASE_FINISH3,
        QEMU_PHASE_POSTCOPY_FAILED,
        QEMU_PHASE_BEGIN_RESUME,
        QEMU_PHASE_PERFORM_RESUME,
        QEMU_PHASE_CONFIRM_RESUME,
        QEMU_PHASE_PREPARE_RESUME,
        QEMU_PHASE_FINISH_RESUME,
        QEMU_PHASE_MAX,
} QemuMigratePhase;
extern const char *const qemu_phase_names[QEMU_PHASE_MAX];

/* What QEMU said last of its migration. */
typedef enum QemuMoveStatus {
        QEMU_MOVE_NONE,
        QEMU_MOVE_SETUP,
        QEMU_MOVE_ACTIVE,
        QEMU_MOVE_PRE_SWITCHOVER,
        QEMU_MOVE_DEVICE,
        QEMU_MOVE_POSTCOPY,
        QEMU_MOVE_POSTCOPY_PAUSED,
        QEMU_MOVE_POSTCOPY_RECOVER,
        QEMU_MOVE_COMPLETED,
        QEMU_MOVE_FAILED,
        QEMU_MOVE_CANCELLED,
        QEMU_MOVE_OTHER,
} QemuMoveStatus;

typedef struct MigrateTask MigrateTask;

/* Of a process that comes or goes: proc->moving. */
typedef struct QemuMigration {
        QemuDriver *driver;
        VhDomainObj *dom; /* whose process has it, so no reference */
        bool incoming;
        QemuMigratePhase phase;
        uint32_t flags; /* of the call that began it */
        QemuJobSlot slot;
        const VhConn *conn; /* whose end is the migration's; NULL: nobody's */
        bool was_running;   /* on the source, when it began */
        QemuMoveStatus status;
        MigrateTask *task;       /* the phase that follows the status; NULL: none now */
        MigrateTask *performing; /* source: the phase that sends; NULL: not now */
        bool orphan;             /* and meanwhile its client has gone */
        bool aborted;            /* a client asked for the end */
        bool in_qemu;            /* QEMU was told to migrate, and has not ended it */
        QemuJobStats stats;
        json_t *known_caps; /* answer of query-migrate-capabilities; NULL: nothing was set */
        json_t *old_params; /* parameters of QEMU before the migration; NULL: not changed */
        bool has_tls;       /* QEMU has an object of ours */
        unsigned port;      /* that QEMU listens on; 0: none of ours */
        unsigned nbd_port;
        bool nbd_running;
        char *listen_path;         /* UNIX socket that QEMU listens on */
        char *name_there;          /* of the guest at the source, if it is another */
        MigrateTask *mirroring;    /* the phase that copies disks; NULL: none */
        uint64_t disk_bytes;       /* of the disks to copy */
        bool relocating;           /* QEMU was told where viewers go */
        bool relocated;            /* and they went */
        MigrateTask *handing_over; /* the phase that waits for that; NULL: none */
        QemuHostWork *images;      /* that were made for it, and go if it fails; NULL: none */
} QemuMigration;

/* One phase. Strings of params belong to the call, or to who made the task. */
struct MigrateTask {
        QemuTask task;
        QemuMigrateParams params;
        QemuCookie in; /* of the other side */
        int cancelled; /* finish, confirm: what was before failed */
        /* Results, for who made the task; freed with it. */
        char *cookie_out;
        char *xml;
        char *uri_out;
        bool watching; /* the domain's end */
        void (*domain_ended)(QemuTask *task);
        VhConn *conn;
        void (*moved)(MigrateTask *task); /* the status changed */
        QemuTaskResult setup_done;
        json_t *caps;        /* begin: answer that is kept until the next */
        uint64_t disk_bytes; /* begin: of the disks to copy */
        int result;          /* what the task ends with; finish: below 0 if there was no use in beginning it */
        VhError *error;
        /* Perform. */
        int fd;                /* that QEMU sends to; -1: none yet */
        struct QemuDial *dial; /* a connection is being made */
        uint32_t next_disk;    /* of the definition, on the way through those to copy */
        bool all_started;      /* mirrors of all of them */
        bool mirror_failed;    /* one of them, before that */
        void (*storage_done)(MigrateTask *t, int r, const VhError *err); /* NULL: nothing goes on */
        char *tls_peer;                                                  /* name in the target's certificate */
        /* Prepare. */
        struct QemuScript *script; /* of the administrator; whose end is waited for */
        VhDomainDef *def;          /* for a domain that is there already; finish: to store */
        char *source_name;         /* of the guest at the source */
        char *incoming;            /* what QEMU listens on */
        QemuHostWork *images;      /* that were missing */
        bool tunnelled;
        /* Confirm. */
        void (*handed_over)(MigrateTask *t);
        VhSource *timer;
        /* Finish. */
        bool postcopy;     /* it runs before all of its memory is there */
        uint64_t received; /* when the cookie came, milliseconds */
};

/* What the guest itself would notice may not differ between two definitions of it. migrate-begin.c */
int qemu_check_same_guest(const VhDomainDef *def, const VhDomainDef *other, VhError **err);

/* The migration that a domain is in, NULL if it does not move. */
QemuMigration *qemu_migration(VhDomainObj *dom);
/* Starts one: the job of task is the migration's from now on. */
QemuMigration *qemu_migration_begin(QemuTask *task, bool incoming, QemuMigratePhase phase, uint32_t flags);
/* The same for one that broke in post-copy while an earlier daemon had it; its job begins anew. */
QemuMigration *qemu_migration_take_up(QemuProcess *proc);
/* QEMU's word for how it is, if no event told it. m may be gone then. */
void qemu_migration_set_status(QemuMigration *m, const char *word);
void qemu_migration_set_phase(QemuMigration *m, QemuMigratePhase phase);
/* Ends it: the domain is free for other work, and keeps the figures if the migration went well. */
void qemu_migration_end(QemuMigration *m);
/* Frees without a word: the daemon stops. Accepts NULL. */
void qemu_migration_free(QemuMigration *m);
/* The client is gone that moves guests by its calls. */
void qemu_migrations_closed(QemuDriver *driver, const VhConn *conn);
/* What a client began is nobody's if that has gone before the answer. */
int qemu_migrate_check_client(const MigrateTask *t, VhError **err);
/* The phase that sends has come to its end. */
void qemu_migrate_performed(MigrateTask *t);
/* The domain must be in a migration of that direction: else VIR_ERR_OPERATION_INVALID. */
QemuMigration *qemu_migration_need(VhDomainObj *dom, bool incoming, VhError **err);

/* The domain's state changes with the event that tells of it. */
void qemu_migrate_set_state(QemuMigration *m, int state, int reason, int event, int detail);
/* The guest is on both sides: it runs at the target, and part of its memory is still at the source. */
bool qemu_migrate_is_postcopy(const QemuMigration *m);
/* It broke then: neither side can go on alone. The job stays, until it is taken up again or the guest ends. May be said
 * again. */
void qemu_migrate_postcopy_failed(QemuMigration *m);

/* The guest has the images now that were made for it. */
void qemu_migrate_keep_images(QemuMigration *m);

/* Tells QEMU to end what it sends; its status follows. */
void qemu_migrate_cancel_qemu(QemuMigration *m);
/* Makes an outgoing migration fail where it is; accepts NULL. */
void qemu_migrate_cancel(QemuMigration *m);

/* Follow a domain's end from now on; ended: the task's own way to take it. */
void qemu_migrate_watch(MigrateTask *t, void (*ended)(QemuTask *task));
/* cleanup of every phase's class. */
void qemu_migrate_cleanup(QemuTask *task);
/* Makes the phase the one that follows QEMU's status; moved is called at once if there is one already. */
void qemu_migrate_follow(MigrateTask *t, void (*moved)(MigrateTask *t));
/* Keeps the figures of a migration that ended in the domain, and tells clients (source). */
void qemu_migration_keep_stats(QemuMigration *m, const QemuJobStats *stats);
void qemu_domain_keep_stats(VhDomainObj *dom, const QemuJobStats *stats);
void qemu_domain_tell_completed(QemuDriver *driver, VhDomainObj *dom);

extern const QemuRunHooks qemu_migrate_hooks;

/* The phases' classes. Tasks of the source are for a domain that exists. */
extern const QemuTaskClass qemu_begin_class;
extern const QemuTaskClass qemu_perform_class;     /* in a migration that has begun */
extern const QemuTaskClass qemu_perform_job_class; /* without protection in between: begins now */
extern const QemuTaskClass qemu_confirm_class;
extern const QemuTaskClass qemu_prepare_class;
extern const QemuTaskClass qemu_finish_class;

/* The same of guests that do not run; migrate-offline.c. */
extern const QemuTaskClass qemu_offline_prepare_class;
extern const QemuTaskClass qemu_offline_finish_class;
extern const QemuTaskClass qemu_offline_confirm_class;
/* Forgets what was prepared for a client that is gone. */
void qemu_migrate_offline_closed(QemuDriver *driver, const VhConn *conn);

MigrateTask *qemu_migrate_task(QemuDriver *driver, VhDomainObj *dom, VhCall *call, const QemuTaskClass *class,
                               const QemuMigrateParams *params);

/* Prepare as a call: reads what it brought and starts the task. ended gets its results. Returns VH_LATER, or negative
 * errno with *err. */
int qemu_migrate_prepare(VhCall *call, const QemuMigrateParams *p, const void *cookie, size_t len, bool tunnelled,
                         void (*ended)(QemuTask *task, int r, const VhError *err), VhError **err);

/* Chooses where QEMU listens (t->incoming), and what the source is told (t->uri_out). */
int qemu_migrate_choose_address(MigrateTask *t, QemuMigration *m, VhError **err);

/* migrate-finish.c: the guest runs here: ends the task once all of its memory is there, or will never be. */
void qemu_migrate_finish_postcopy(MigrateTask *t);
void qemu_migrate_finish_ended(QemuTask *task);

/* migrate-peer.c: perform as a call that does all phases of both sides, with the daemon at uri. */
int qemu_migrate_peer(VhCall *call, VhDomainObj *dom, const QemuMigrateParams *p, const char *uri,
                      void (*ended)(QemuTask *task, int r, const VhError *err), VhError **err);

/* migrate-confirm.c: the guest goes on here after all; ends the migration, then the task with result and error (taken
 * over). */
void qemu_migrate_restore(MigrateTask *t, int result, VhError *error);

/* migrate-recover.c: a guest that an earlier daemon was moving. */

/* Parameters of QEMU in a status file. */
void qemu_migrate_params_save(const json_t *params, VhBuf *b);
/* Reads what a status file says of it. */
void qemu_migrate_recover_read(QemuProcess *proc, const xmlNode *root);
/* It waited for memory that will not come: nobody is to have it. */
bool qemu_migrate_left_waiting(const QemuProcess *proc);
/* Ends or undoes the migration once the monitor answers and the state is known. */
void qemu_migrate_recover(QemuProcess *proc);

/* migrate-check.c: whether a guest may be moved at all, before QEMU is asked. */
int qemu_migrate_check(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err);
/* Whether what it has can be, and without harm. answer: of query-migrate; NULL: QEMU was not asked. */
int qemu_migrate_check_guest(VhDomainObj *dom, const QemuMigrateParams *p, const json_t *answer, VhError **err);
/* The part of it that is about post-copy: the guest may have stopped since. */
int qemu_migrate_check_postcopy(const VhDomainObj *dom, const QemuMigrateParams *p, VhError **err);

/* migrate-qemu.c: capabilities and parameters of QEMU. */

/* Adds to a cookie what QEMU (answer of query-migrate-capabilities) can do. */
void qemu_migrate_cookie_caps(QemuCookie *cookie, const json_t *caps, bool incoming);
/* Whether QEMU (the same answer) moves bitmaps. */
bool qemu_migrate_can_move_bitmaps(const json_t *caps);
/* Tells QEMU how to migrate; done() is called with the outcome, not if the domain ends meanwhile. */
void qemu_migrate_setup(MigrateTask *t, QemuTaskResult done);
/* Gives QEMU back what it had; nobody waits for it. */
void qemu_migrate_reset(QemuMigration *m);
/* The same behind a daemon that ended meanwhile. */
void qemu_migrate_reset_left(QemuProcess *proc);

/* migrate-begin.c: the text without the memory of one run, for the other host; def: of dom, or what it is to be there.
 */
char *qemu_migrate_text(const QemuDriver *driver, VhDomainObj *dom, const VhDomainDef *def);

/* Sends a command for a migration in which nobody waits for the answer. */
void qemu_migrate_send(QemuMigration *m, json_t *cmd);
