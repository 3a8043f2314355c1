/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a plan would change on a host: the plan and the host in, a set of changes out. Nothing is written. */

#include "apply/applied.h"
#include "apply/systemd.h"
#include "conf/finding.h"
#include "plan.h"

typedef struct VhHost {
        VhTree tree;
        VhSystemd *systemd; /* NULL: an image; units are only linked */
        VhApplied applied;  /* what the last run left */
} VhHost;

/* Opens a root (NULL: this machine). With units, a running systemd is needed for this machine. */
int vh_host_open(VhHost *host, const char *root, bool make, bool units, VhError **err);
/* Reads the record of the last run again. */
int vh_host_refresh(VhHost *host, VhError **err);
void vh_host_done(VhHost *host);
#define _vh_host_ _vh_cleanup_(vh_host_done)

typedef struct VhHostOptions {
        bool keep_foreign;    /* files of others are not touched: that is an error */
        bool replace_foreign; /* and this: they are replaced, not edited */
        bool unmask;          /* wanted units that somebody masked are unmasked */
} VhHostOptions;

/* Fills set with changes of files and links, with units and with actions. What stands in the way goes to findings, as
 * errors; with any of them the set is not to be carried out. Returns 0, or negative errno with err if the host cannot
 * be read. */
int vh_host_changes(VhChangeSet *set, const VhHost *host, const VhPlan *plan, const char *profile,
                    const VhHostOptions *options, VhFindings *findings, VhError **err);

/* The parts. */
/* Links, masks and wishes for the plan's units; paths of links that are to stay go to record. */
int vh_unit_changes(VhChangeSet *set, const VhHost *host, const VhPlan *plan, const VhHostOptions *options,
                    VhApplied *record, VhFindings *findings, VhError **err);
/* Finds the actions that a set's changes and wishes make necessary, the smallest that work. */
int vh_host_actions(VhChangeSet *set, const VhHost *host, VhFindings *findings, VhError **err);
/* What would make carrying out a set, or taking it back, fail: found before anything is touched. */
int vh_host_obstacles(const VhChangeSet *set, const VhHost *host, VhFindings *findings, VhError **err);

/* What others have on the host that would defeat the plan; env_dir is where environment files are. */
void vh_host_rivals(const VhHost *host, const VhPlan *plan, const char *env_dir, VhFindings *findings);

/* Running guests of a daemon's drivers, by the status files that their daemon keeps in run/. */
unsigned vh_host_guests(const VhHost *host, const VhDaemonDesc *d);
