/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Carrying out sets of changes, journalled: at every instant the disk says enough to go on or to go back. */

#include "apply/host-changes.h"
#include "apply/journal.h"

/* Told of every step before it is made; i counts from 0. NULL: nobody wants to know. */
typedef void (*VhStepFn)(void *data, const VhStep *step, size_t i, size_t n, bool back);

typedef struct VhRun {
        const VhStore *store; /* locked */
        const VhHost *host;
        VhStepFn told;
        void *data;
} VhRun;

/* What became of it. */
typedef enum VhOutcome {
        VH_OUTCOME_DONE,
        VH_OUTCOME_REVERTED, /* it failed, and the host is as before */
        VH_OUTCOME_STUCK,    /* it failed, and so did the way back: the journal stays */
} VhOutcome;

/* Writes the journal and makes all steps; a failure takes back what was done. A set of kind VH_RUN_TRY is left waiting
 * until deadline (seconds since the epoch); others become a generation. err says what failed, and why the way back did
 * if it did. */
VhOutcome vh_run(const VhRun *run, const VhChangeSet *set, uint64_t deadline, VhError **err);

/* Ends a run that was interrupted: forward if it was on its way there, else back; one that waits only if it is over
 * (its time is up, or the machine was booted since). *what says what was found, *back which way it went. 0: nothing was
 * interrupted, 1: ended; -EBUSY with err: one waits to be confirmed. */
int vh_run_recover(const VhRun *run, VhRunKind *what, bool *back, VhError **err);

/* Takes back the run in the journal, whatever its phase. Returns 0 or negative errno with err; the journal stays then.
 */
int vh_run_take_back(const VhRun *run, const VhJournal *j, VhError **err);

/* The same while the machine boots: jobs that are queued already, for units that the run enabled, are called off, and
 * units that it disabled are started with the rest. Nothing of that is waited for: it waits for us. */
int vh_run_take_back_at_boot(const VhRun *run, const VhJournal *j, VhError **err);

/* Compares the host with what a set says: every file with owner, mode and label, every link, every unit. */
int vh_run_verify(const VhHost *host, const VhChangeSet *set, VhError **err);

/* Fills in which units are active now. */
int vh_run_learn(const VhHost *host, VhChangeSet *set, VhError **err);
