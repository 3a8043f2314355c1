/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs that look at a host or change it have in common. */

#include "apply/execute.h"
#include "apply/show.h"
#include "cli.h"

typedef struct VhSession {
        const VhVerb *verb;
        VhCli cli;
        VhPlanOptions plan_options;
        VhHostOptions host_options;
        const char *output;     /* -o */
        unsigned timeout;       /* --timeout, seconds */
        bool detailed_exitcode; /* 2: there are changes */
        bool dry_run;
        bool expired; /* called by the timer of a try */
        bool boot;    /* called while the machine boots */
        VhHost host;
        VhStore store;
        VhChangeSet set;
        VhFindings findings;
        size_t progress_width; /* of the progress line that stands on the terminal */
} VhSession;

enum { VH_EXIT_CHANGES = 2, VH_TRY_SECONDS = 120 };

/* Rows for the tables of verbs that go from a profile to changes. */
#define VH_SESSION_OPTIONS                                                                                             \
        { "units", 0, NULL, "the units too, not only what changes them" },                                             \
                { "unmask", 0, NULL, "unmask wanted units that somebody masked" },                                     \
                { "keep-foreign", 0, NULL, "fail rather than change files that virthost did not write" },              \
        {                                                                                                              \
                "replace-foreign", 0, NULL, "replace them as a whole instead of changing keys in them"                 \
        }

/* Options that several of the verbs take; each verb's own table names those that it does. */
int vh_session_take(void *session, const VhCliOption *option, const char *argument);
/* Parses, then opens the host. -1: go on; else the exit status. max_arguments words may follow the options. */
int vh_session_begin(VhSession *s, const VhVerb *verb, int argc, char **argv, int max_arguments, bool needs_one);
void vh_session_done(VhSession *s);

/* Fills s->set from a profile, or from a saved plan that is still true; reports what is wrong. False: it has been said.
 */
bool vh_session_plan(VhSession *s, const char *path);
/* Takes the lock and ends what was interrupted. False: it has been said. */
bool vh_session_lock(VhSession *s);
/* A run with its progress told. */
VhRun vh_session_run(VhSession *s);
/* Ends the progress line. */
void vh_session_end_progress(VhSession *s);
/* Carries out s->set and tells how it went; the exit status. */
int vh_session_carry_out(VhSession *s);
/* Nothing to do, or --dry-run, or --json of it: true if that was all, with *status. */
bool vh_session_is_idle(VhSession *s, int *status);
/* "virthost VERB: TEXT" for err; the exit status. */
int vh_session_failed(const VhSession *s, const VhError *err, int r);
/* Prints a JSON object and ends it. */
void vh_session_print_json(VhJson *j);
