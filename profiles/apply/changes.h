/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of changes to a host: what every path was and will be, which units run now, and what is to be done with them.
 * It says everything that carrying it out needs, and everything that taking it back needs: it is what a saved plan, the
 * journal of a run and a generation in the history consist of. Nothing but such a set ever changes a host. */

#include "apply/tree.h"
#include "base/buf.h"

typedef struct VhChange {
        char *path; /* from the root, without a slash in front */
        VhNode old, new;
        bool secret;  /* its content is never shown */
        bool foreign; /* old was not made by an earlier run */
} VhChange;

typedef enum VhActionKind {
        VH_ACTION_STOP,
        VH_ACTION_RELOAD_MANAGER, /* systemd reads its units again */
        VH_ACTION_START,
        VH_ACTION_RESTART,
        VH_ACTION_RELOAD,
        VH_ACTION_LIVE,     /* a setting through the admin socket */
        VH_ACTION_ACCOUNTS, /* systemd-sysusers makes the groups and members of a file; that is not taken back */
        VH_ACTION_FOLDERS,  /* systemd-tmpfiles makes the folders of a file */
} VhActionKind;

typedef struct VhAction {
        VhActionKind kind;
        bool before;  /* before files change: while a unit's own settings are still in force */
        char *unit;   /* NULL for VH_ACTION_RELOAD_MANAGER; a path for accounts and folders */
        char *key;    /* VH_ACTION_LIVE: the option, */
        char *value;  /* and its value as in a .conf file; NULL: the default */
        char *reason; /* for people, or NULL */
} VhAction;

typedef enum VhWish {
        VH_WISH_KEEP, /* as it is */
        VH_WISH_UP,
        VH_WISH_DOWN,
} VhWish;

typedef struct VhUnitRun {
        char *unit;
        bool was; /* active before */
        VhWish wish;
} VhUnitRun;

/* What was read and is to stay as it is: a plan is stale when it differs. */
typedef struct VhRead {
        char *path;
        uint64_t fingerprint;
} VhRead;

typedef enum VhRunKind {
        VH_RUN_APPLY,
        VH_RUN_TRY, /* taken back unless it is confirmed */
        VH_RUN_ROLLBACK,
} VhRunKind;

/* All zero is a valid empty set. */
typedef struct VhChangeSet {
        VhRunKind kind;
        char *profile;       /* name, or what else made it */
        uint64_t time;       /* seconds since the epoch */
        unsigned generation; /* that it makes; 0: not yet known */
        unsigned parent;     /* that it starts from, 0: none */
        bool live;           /* units were looked at, and are to be acted on */
        bool new_connection; /* only somebody who connected afterwards can confirm it */
        VhChange *changes;
        size_t n_changes;
        VhRead *reads;
        size_t n_reads;
        VhUnitRun *units;
        size_t n_units;
        VhAction *actions; /* those before files first */
        size_t n_actions;
} VhChangeSet;

/* Takes over path, old and new (which are left empty). */
VhChange *vh_changes_add(VhChangeSet *set, char *path, VhNode *old, VhNode *new);
void vh_changes_read(VhChangeSet *set, const char *path, uint64_t fingerprint);
/* Copies its arguments; reason is taken over. */
VhAction *vh_changes_act(VhChangeSet *set, VhActionKind kind, const char *unit, char *reason);
VhUnitRun *vh_changes_unit(VhChangeSet *set, const char *unit, bool was, VhWish wish);
VhUnitRun *vh_changes_find_unit(const VhChangeSet *set, const char *unit);
const VhChange *vh_changes_find(const VhChangeSet *set, const char *path);
/* True if carrying it out would do nothing. */
bool vh_changes_empty(const VhChangeSet *set);
void vh_changes_done(VhChangeSet *set);
#define _vh_changes_ _vh_cleanup_(vh_changes_done)

/* What takes a set back: old and new swapped, units as they were. Its actions are still to be found. */
void vh_changes_invert(VhChangeSet *to, const VhChangeSet *set);

/* Steps in the order they are made: actions before files, files, other actions. */
typedef struct VhStep {
        const VhChange *change; /* or */
        const VhAction *action;
} VhStep;
size_t vh_changes_steps(const VhChangeSet *set);
VhStep vh_changes_step(const VhChangeSet *set, size_t i);

/* To text and back. -EINVAL with err naming the line if it is none. */
void vh_changes_format(const VhChangeSet *set, VhBuf *b);
int vh_changes_parse(VhChangeSet *set, const char *name, const char *text, size_t len, VhError **err);

/* "stop", "daemon-reload", "start", "restart", "reload", "set", "sysusers", "tmpfiles". */
const char *vh_action_name(VhActionKind kind);
/* "apply", "try", "rollback". */
const char *vh_run_name(VhRunKind kind);
