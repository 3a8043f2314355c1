/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is configured on a host, or in an image: files of daemons and drivers, units with their drop-ins and states,
 * environment files. Read once, without asking systemd; nothing is judged here. */

#include "apply/unit-file.h"
#include "conf/conf.h"
#include "distro.h"
#include "host/unit-text.h"

/* A file that was read; findings about it show its lines. */
typedef struct VhSurveyText {
        struct VhSurveyText *next;
        const char *path; /* from the root, with a slash in front */
        const char *text;
} VhSurveyText;

typedef struct VhSurveyConf {
        const VhConfDesc *desc;
        const char *path; /* from the root, with a slash in front */
        VhConf *conf;     /* NULL: not there, or not readable as one */
} VhSurveyConf;

typedef struct VhSurveyUnit {
        const char *name;
        const VhDaemonDesc *daemon;
        const VhSocketDesc *socket; /* NULL: the service */
        char *fragment;             /* path of the unit from the root without slash, NULL: not installed */
        char *mask;                 /* the link that masks it, or NULL */
        const char *enabled;        /* a link that enables it, or NULL */
        const char *drop_in;        /* the first drop-in, or NULL; with a slash in front */
        VhUnitLines lines;          /* of the unit and, behind it, of all drop-ins */
        VhUnitLines variables;      /* services: Environment= and the files, the last of a name counts */
        const char *env_file;       /* services: the file of EnvironmentFile=, there or not; with a slash in front */
} VhSurveyUnit;

typedef struct VhSurvey {
        VhTree tree;
        VhUnitView view;
        const VhDistro *distro;
        bool distro_known;   /* else it is the default of this build */
        VhSurveyConf *confs; /* one a description */
        size_t n_confs;
        VhSurveyUnit *units; /* by daemon: service, then sockets */
        size_t n_units;
        VhSurveyText *texts;
        VhFindings *findings; /* for what cannot be read */
        VhArena arena;
} VhSurvey;

/* Reads everything; what does not read well goes to findings. findings is kept: it must live as long as
 * the survey. Fails with err only if root cannot be opened or a folder
 * not be read. vh_survey_done() is right in both cases. */
int vh_survey_read(VhSurvey *host, const char *root, VhFindings *findings, VhError **err);
void vh_survey_done(VhSurvey *host);

const VhSurveyUnit *vh_survey_unit(const VhSurvey *host, const char *name);
/* The socket unit of a kind, or NULL. */
const VhSurveyUnit *vh_survey_socket(const VhSurvey *host, const VhDaemonDesc *d, VhSocketKind kind);
const VhSurveyConf *vh_survey_conf(const VhSurvey *host, const VhConfDesc *desc);
/* Installed, enabled and not masked. */
bool vh_survey_unit_wanted(const VhSurveyUnit *u);
/* Is any unit of the daemon wanted? */
bool vh_survey_has(const VhSurvey *host, const VhDaemonDesc *d);
/* Does systemd make the daemon's UNIX socket? */
bool vh_survey_is_activated(const VhSurvey *host, const VhDaemonDesc *d);
/* The variable of the service that counts, or NULL. */
const VhUnitLine *vh_survey_variable(const VhSurveyUnit *service, const char *name);
/* The words behind the program in ExecStart=, variables put in: NULL-terminated, in the arena of the host; NULL if it
 * has no ExecStart=. */
const char *const *vh_survey_arguments(VhSurvey *host, const VhSurveyUnit *service);
/* The text of a file, by its path from the root without a slash in front; kept for findings. NULL: it is not there. */
const char *vh_survey_read_text(VhSurvey *host, const char *path);
/* The text of a file that was read, by the path in findings, or NULL. */
const char *vh_survey_source(const void *host, const char *path);
