/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a profile comes to: files with their content and mode. Everything that writes, shows or compares works on it. */

#include "base/buf.h"
#include "base/error.h"
#include "profile.h"

typedef struct VhPlanFile {
        char *path; /* from the root, without a slash in front */
        char *content;
        unsigned mode;
} VhPlanFile;

/* All zero is a valid empty plan. */
typedef struct VhPlan {
        VhPlanFile *files; /* sorted by path once complete */
        size_t n;
} VhPlan;

typedef struct VhPlanOptions {
        const char *runtime_dir; /* daemons make their sockets here, whatever the profile says; or NULL */
        bool units;              /* the units themselves too, not only drop-ins */
} VhPlanOptions;

/* Everything a checked profile comes to, in an order that depends on nothing but the profile. */
void vh_plan_make(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options);
/* Takes over the buffer's content. */
void vh_plan_add(VhPlan *plan, char *path, unsigned mode, VhBuf *content);
/* Writes below root: directories are made, equal files left alone, files of the last time that are no longer wanted
 * removed. *written counts changed files and *removed the others; either may be NULL. */
int vh_plan_write(const VhPlan *plan, const char *root, unsigned *written, unsigned *removed, VhError **err);
void vh_plan_done(VhPlan *plan);

/* The emitters; each adds its files. */
void vh_emit_confs(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options);
void vh_emit_arguments(VhPlan *plan, const VhProfile *p);
void vh_emit_drop_ins(VhPlan *plan, const VhProfile *p);
void vh_emit_preset(VhPlan *plan, const VhProfile *p);
void vh_emit_units(VhPlan *plan, const VhProfile *p);
/* First lines of a generated file. */
void vh_emit_header(VhBuf *b, const VhProfile *p);

#define VH_MANIFEST_PATH "var/lib/virthost/manifest"

/* Made by daemons/gen/units.py: the units that the packages install. */
typedef struct VhUnitText {
        const char *name;
        const char *text;
} VhUnitText;
extern const VhUnitText vh_unit_texts[]; /* ends with a NULL name */
