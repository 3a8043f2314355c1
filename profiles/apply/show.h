/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of changes for people and for programs. Secrets are never in it. */

#include "apply/host-changes.h"
#include "apply/json.h"

#include <stdio.h>

typedef struct VhShow {
        FILE *out;
        bool color;
} VhShow;

typedef struct VhCounts {
        unsigned written, removed, links, actions;
} VhCounts;

/* True for what is not the profile's but our own book-keeping. */
bool vh_show_is_internal(const char *path);
void vh_show_count(const VhChangeSet *set, VhCounts *counts);
/* Unified differences of files, a line a link, a line a unit that has to start or stop. */
void vh_show_diff(const VhShow *s, const VhChangeSet *set);
/* Unit actions in their order, guests, and the line with the counts. */
void vh_show_actions(const VhShow *s, const VhChangeSet *set, const VhHost *host);
/* "3 files written, 1 removed, 2 links, 4 unit actions". The caller frees it. */
char *vh_show_summary(const VhChangeSet *set);
/* One step for people: "restart virtqemud.service"; the caller frees it. */
char *vh_show_step(const VhStep *step);
/* An object with everything above. */
void vh_show_json(VhJson *j, const char *key, const VhChangeSet *set, const VhHost *host);
