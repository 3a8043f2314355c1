/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the files that read profiles. */

#include "conf/check.h"
#include "lang.h"

/* There are 15 daemons. */
enum { VH_READER_DAEMONS_MAX = 32 };

typedef struct Reader {
        VhProfile *p;
        VhFindings *f;
        const VhDaemonDesc *chosen[VH_READER_DAEMONS_MAX];
        size_t n_chosen;
        bool hypervisors_chosen, drivers_chosen; /* the profile has the list; else the usual ones are taken */
} Reader;

const char *vh_reader_path(const Reader *r, const char *path, const VhYamlNode *key);
bool vh_reader_is_map(Reader *r, const VhYamlNode *node, const char *path);
VhFinding *vh_reader_unknown(Reader *r, const VhYamlNode *key, const char *path, VhCandidateFn next,
                             const void *candidates);
/* Candidates out of a NULL-terminated array of words. */
const char *vh_reader_word(const void *words, size_t i);
/* NULL with findings if the value does not fit. */
VhSetting *vh_reader_add_setting(Reader *r, VhScope scope, const VhOptionDesc *o, const VhYamlNode *node,
                                 const char *path);
void vh_reader_idle(Reader *r, const VhDaemonDesc *d, const VhYamlNode *node, const char *path);
/* Takes the drivers of one role that a list names. */
void vh_reader_drivers(Reader *r, VhDaemonRole role, const VhGiven *list);
/* Reads a map along a table; base is what the offsets of its keys count from. */
void vh_reader_section(Reader *r, const VhKey *keys, const VhYamlNode *map, const char *path, void *base);
/* "an absolute path" */
const char *vh_reader_form_name(VhTextForm form);
/* Fills p->daemons from layout and drivers. */
void vh_reader_resolve_daemons(Reader *r);

void vh_reader_where(Reader *r, const VhYamlNode *map, const char *path, VhRule *rule);
void vh_reader_rules(Reader *r, const VhYamlNode *node, const char *path);
void vh_reader_daemons(Reader *r, const VhYamlNode *node, const char *path);
void vh_reader_files(Reader *r, const VhYamlNode *node, const char *path);
void vh_reader_units(Reader *r, const VhYamlNode *node, const char *path);
