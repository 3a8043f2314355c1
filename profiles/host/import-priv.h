/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the files that make profiles of hosts. */

#include "host/import.h"

typedef struct Import {
        VhSurvey *host;
        VhBuf *out;
        VhFindings *lost;
        bool activation;
        bool ours; /* the host has our daemons */
} Import;

/* Adds what is not taken over, with its place; width is of what is meant there. */
VhFinding *vh_import_lose(const Import *im, const char *code, const char *file, unsigned line, unsigned column,
                          unsigned width, const char *text);
VhFinding *vh_import_lose_line(const Import *im, const VhUnitLine *u, const char *text);
/* Will the profile have this daemon? The helpers come with those that need them. */
bool vh_import_takes(const Import *im, const VhDaemonDesc *d);
/* The last assignment if a drop-in makes it: what the unit itself says comes with the unit. u may be NULL. */
const VhUnitLine *vh_import_changed(const VhSurveyUnit *u, const char *section, const char *key);

/* Units that our packages install have our text. */
bool vh_import_is_ours(const VhSurvey *host);
/* In double quotes, which are the same in all versions of YAML. */
void vh_import_put_text(const Import *im, const char *s);
/* The parts of a profile. */
void vh_import_layout(const Import *im, const char *name);
void vh_import_remote(const Import *im);
void vh_import_guests(const Import *im);
/* Both go below access. */
void vh_import_accounts(const Import *im);
void vh_import_polkit(const Import *im);
