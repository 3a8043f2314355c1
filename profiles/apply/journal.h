/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is kept below var/lib/virthost of a root: one lock, the journal of a run that is under way, and the history.
 *
 * A run writes its whole set of changes as the journal, on disk before the first step, and a line per step into a
 * second file. When it ends well the journal becomes a generation of the history by being renamed. Whoever finds a
 * journal without holding one has found an interrupted run, and everything needed to finish it or to take it back. */

#include "apply/changes.h"

#define VH_STATE_DIR "var/lib/virthost"

typedef struct VhStore {
        const VhTree *tree;
        int lock; /* descriptor, or -1 */
} VhStore;

/* Takes the lock that all changes to this root are made under. -EBUSY with err naming the process that has it. */
int vh_store_lock(VhStore *store, const VhTree *tree, VhError **err);
void vh_store_unlock(VhStore *store);

typedef enum VhPhase {
        VH_PHASE_FORWARD, /* steps are being made */
        VH_PHASE_BACK,    /* what was done is being taken back */
        VH_PHASE_WAITING, /* all done; waits for being confirmed */
} VhPhase;

typedef struct VhJournal {
        VhChangeSet set;
        VhPhase phase;
        size_t begun;         /* steps that were begun; the last one may be done or not */
        size_t done;          /* steps that were completed */
        uint64_t deadline;    /* seconds since the epoch: VH_PHASE_WAITING ends then, 0: no limit */
        uint64_t applied;     /* clock ticks since boot when VH_PHASE_WAITING began, see vh_ticks_now() */
        char connection[128]; /* over which it was started, see vh_connection_name() */
} VhJournal;

/* 1: there is an interrupted (or waiting) run, read into *j; 0: there is none. */
int vh_journal_load(const VhTree *tree, VhJournal *j, VhError **err);
void vh_journal_done(VhJournal *j);
#define _vh_journal_ _vh_cleanup_(vh_journal_done)

/* Writes the set and sets aside the room on disk that taking it back may need. A try gets a unit that takes it back if
 * the host boots before it is over; it goes with the journal. */
int vh_journal_begin(const VhStore *store, const VhChangeSet *set, VhError **err);
int vh_journal_step(const VhStore *store, const char *what, size_t step, VhError **err); /* "begin" or "done" */
/* From now on an interruption means: take it back. Gives back the room that was set aside. */
int vh_journal_turn(const VhStore *store, VhError **err);
int vh_journal_wait(const VhStore *store, uint64_t deadline, VhError **err); /* for being confirmed, until then */
/* The run is over and counts: its set becomes generation set->generation. */
int vh_journal_commit(const VhStore *store, const VhChangeSet *set, VhError **err);
/* Removes what a run that was killed at its very end has left. There must be no journal. */
void vh_journal_tidy(const VhStore *store);
/* The run is over and left nothing behind. */
int vh_journal_drop(const VhStore *store, VhError **err);

/* Number of the newest generation, 0: none. */
unsigned vh_history_last(const VhTree *tree);
int vh_history_load(const VhTree *tree, unsigned generation, VhChangeSet *set, VhError **err);

/* Clock ticks since boot, as in /proc/PID/stat. */
uint64_t vh_ticks_now(void);
