/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a profile comes to: files with their content, mode and owner, and units with their state. Everything that
 * writes, shows, compares or applies works on it. A plan points into its profile and must not outlive it. */

#include "base/buf.h"
#include "base/error.h"
#include "profile.h"

typedef enum VhPlanKind {
        VH_PLAN_CONF,        /* .conf file of a daemon or driver */
        VH_PLAN_ENVIRONMENT, /* variables of a unit */
        VH_PLAN_UNIT,        /* a unit as a whole */
        VH_PLAN_DROP_IN,     /* 50-virthost.conf of a unit */
        VH_PLAN_PRESET,
        VH_PLAN_MASK,   /* an empty file in the place of a unit */
        VH_PLAN_POLKIT, /* rules */
        VH_PLAN_TMPFILES,
        VH_PLAN_SYSUSERS,
        VH_PLAN_MANIFEST,
} VhPlanKind;

/* Lines of a file, from this one to the next place, come from a value of the profile; node has file, line and column
 * of the layer that said it. Lines before the first place come from no single value. */
typedef struct VhPlanPlace {
        unsigned line;          /* in the content, from 1 */
        const VhYamlNode *node; /* NULL: from no single value */
        const char *path;       /* "$.limits.max_clients" */
} VhPlanPlace;

typedef struct VhPlanFile {
        char *path; /* from the root, without a slash in front */
        char *content;
        unsigned mode;
        const char *owner, *group; /* names; "root" mostly */
        VhPlanKind kind;
        const VhConfDesc *conf;     /* VH_PLAN_CONF: the description */
        const VhDaemonDesc *daemon; /* whose own file it is, or NULL: driver files, presets, rules */
        const char *unit;           /* of VH_PLAN_UNIT, VH_PLAN_DROP_IN and VH_PLAN_ENVIRONMENT: "virtqemud.service" */
        bool secret;                /* passwords are in it: never show its content */
        VhPlanPlace *places;
        size_t n_places;
} VhPlanFile;

typedef enum VhPlanState {
        VH_PLAN_DISABLED,
        VH_PLAN_ENABLED,
        VH_PLAN_MASKED,
} VhPlanState;

/* What a unit of the suite is to be. */
typedef struct VhPlanUnit {
        const char *unit; /* "virtqemud-ro.socket" */
        VhPlanState state;
        bool running;               /* to be up once the profile is applied, without waiting for a client */
        bool stays;                 /* and it never leaves by itself */
        const VhDaemonDesc *daemon; /* NULL: libvirt-guests.service */
        const VhSocketDesc *socket; /* NULL: a service */
        const VhYamlNode *node;     /* the value that decided, or NULL: the preset policy did */
        const char *path;
} VhPlanUnit;

/* All zero is a valid empty plan. */
typedef struct VhPlan {
        VhPlanFile *files; /* sorted by path once complete */
        size_t n;
        VhPlanUnit *units; /* by daemon name, service first, then sockets; empty without systemd's part */
        size_t n_units;
} VhPlan;

typedef struct VhPlanOptions {
        const char *runtime_dir; /* daemons make their sockets here, whatever the profile says; or NULL */
        bool units;              /* the units themselves too, not only drop-ins */
        bool masks;              /* units that are to be masked get an empty file: where nobody makes links */
} VhPlanOptions;

/* Everything a checked profile comes to, in an order that depends on nothing but the profile. */
void vh_plan_make(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options);
/* Writes below root: directories are made, equal files left alone, files of the last time that are no longer wanted
 * removed. *written counts changed files and *removed the others; either may be NULL. Does not wait for the disk. */
int vh_plan_write(const VhPlan *plan, const char *root, unsigned *written, unsigned *removed, VhError **err);
void vh_plan_done(VhPlan *plan);
/* NULL if there is no such file (unit). */
const VhPlanFile *vh_plan_find(const VhPlan *plan, const char *path);
const VhPlanUnit *vh_plan_find_unit(const VhPlan *plan, const char *unit);
/* Where a line of a file comes from, or NULL. */
const VhPlanPlace *vh_plan_place(const VhPlanFile *f, unsigned line);

/* A file while it is being written. */
typedef struct VhDraft {
        VhBuf text;
        VhPlanPlace *places;
        size_t n_places;
        size_t counted; /* bytes of text whose line ends were counted */
        unsigned lines; /* line ends in them */
} VhDraft;

/* What is added from now on comes from this value; both NULL: from no single one. */
void vh_draft_from(VhDraft *d, const VhYamlNode *node, const char *path);
/* Takes over the draft's content and the path; the file comes back for further fields, valid until the next add. */
VhPlanFile *vh_plan_add(VhPlan *plan, VhPlanKind kind, char *path, unsigned mode, VhDraft *draft);
void vh_plan_add_unit(VhPlan *plan, const VhPlanUnit *unit);
void vh_draft_done(VhDraft *d);

/* The emitters; each adds its files. */
void vh_emit_confs(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options);
void vh_emit_arguments(VhPlan *plan, const VhProfile *p);
void vh_emit_drop_ins(VhPlan *plan, const VhProfile *p);
/* The preset file, and the states of units. */
void vh_emit_preset(VhPlan *plan, const VhProfile *p);
/* Files for the units that are masked by then. */
void vh_emit_masks(VhPlan *plan);
void vh_emit_units(VhPlan *plan, const VhProfile *p);
/* What decides who may connect and do what: rules of polkit. */
void vh_emit_polkit(VhPlan *plan, const VhProfile *p);
/* Groups and their members, folders that must be there at boot. */
void vh_emit_accounts(VhPlan *plan, const VhProfile *p);
void vh_emit_folders(VhPlan *plan, const VhProfile *p);
/* Guests at shutdown and boot. */
void vh_emit_guests(VhPlan *plan, const VhProfile *p);
/* First line of a generated file: who made it, from which profile and version. */
void vh_emit_header(VhBuf *b, const VhProfile *p);
/* The same without the mark of a comment. */
void vh_emit_header_text(VhBuf *b, const VhProfile *p);

#define VH_GUESTS_UNIT   "libvirt-guests.service"
#define VH_MANIFEST_PATH "var/lib/virthost/manifest"

/* Made by daemons/gen/units.py: the units that the packages install. */
typedef struct VhUnitText {
        const char *name;
        const char *text;
} VhUnitText;
extern const VhUnitText vh_unit_texts[]; /* ends with a NULL name */
