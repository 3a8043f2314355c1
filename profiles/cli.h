/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verbs of the command share: one table of options for parsing, help, completion and man pages. */

#include "load.h"

enum {
        VH_EXIT_DONE = 0,
        VH_EXIT_FAILED = 1,
        VH_EXIT_USAGE = 2,
};

typedef struct VhCliOption {
        const char *name;     /* "root"; NULL ends a table */
        char letter;          /* 'o', or 0 */
        const char *argument; /* "DIR", "FILE", "WHEN" or the like; NULL: takes none */
        const char *help;     /* one line, or several separated by '\n' */
} VhCliOption;

/* What every verb knows: --root, --json, --strict, --color, -q, -v, -h. */
typedef struct VhCli {
        const char *root; /* DIR of --root, or NULL: the host itself */
        bool json, quiet, verbose, strict, color;
        int first; /* index in argv of the first word that is no option */
} VhCli;

typedef struct VhVerb {
        const char *name;
        const char *arguments;             /* "PROFILE..." for the usage line; "" */
        const char *help;                  /* a few words for the list of verbs */
        const char *about;                 /* sentences for --help and the man page, lines broken by '\n' */
        const VhCliOption *options;        /* besides the common ones; NULL: none */
        int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
} VhVerb;

/* Takes an option of the verb's own table; -1: go on, else the exit status. argument is NULL for those that have none.
 */
typedef int (*VhCliTakeFn)(void *userdata, const VhCliOption *option, const char *argument);

/* Reads all options, in any order with arguments. -1: go on, with *cli filled in (cli->first to argc are the
 * arguments); else the exit status: help was printed, or what is wrong was said. take may be NULL. */
int vh_cli_parse(const VhVerb *verb, int argc, char **argv, VhCli *cli, VhCliTakeFn take, void *userdata);
/* "virthost VERB: TEXT" and where to find help; returns VH_EXIT_USAGE. */
int vh_cli_usage_error(const VhVerb *verb, const char *fmt, ...) _vh_printf_(2, 3);
/* How a profile is to be loaded and its findings shown. */
VhLoadOptions vh_cli_load_options(const VhCli *cli);
void vh_cli_help(const VhVerb *verb);
/* The options that all verbs have; ends with a NULL name. */
extern const VhCliOption vh_cli_common[];

extern const VhVerb vh_verb_check, vh_verb_compile, vh_verb_diff, vh_verb_plan, vh_verb_apply, vh_verb_try,
        vh_verb_confirm, vh_verb_rollback, vh_verb_status, vh_verb_lint, vh_verb_import, vh_verb_schema, vh_verb_preset,
        vh_verb_explain, vh_verb_completion;
/* NULL-terminated, in the order of the help. */
extern const VhVerb *const vh_verbs[];
