/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The virthost command: which verb, then the verb. */

#include "cli.h"
#include "dirs.h"

#include <stdio.h>

const VhVerb *const vh_verbs[] = {
        &vh_verb_check,  &vh_verb_compile, &vh_verb_explain,    &vh_verb_preset,
        &vh_verb_schema, &vh_verb_diff,    &vh_verb_plan,       &vh_verb_apply,
        &vh_verb_try,    &vh_verb_confirm, &vh_verb_rollback,   &vh_verb_status,
        &vh_verb_lint,   &vh_verb_import,  &vh_verb_completion, NULL,
};

/* Names that are taken; each says that it is still missing instead of being unknown. */
static const char *const later[] = { "migrate", "pki", NULL };

static void usage(FILE *out)
{
        fputs("usage: virthost VERB [OPTION...] [ARGUMENT...]\n\nVerbs:\n", out);
        for (const VhVerb *const *v = vh_verbs; *v; v++)
                fprintf(out, "  %-10s %s\n", (*v)->name, (*v)->help);
        fputs("\n  virthost VERB --help   tells more of a verb\n"
              "  virthost --version     prints the version\n"
              "\nExit status: 0 done, 1 failed, 2 wrong usage.\n",
              out);
}

static const char *verb_word(const void *unused, size_t i)
{
        return vh_verbs[i] ? vh_verbs[i]->name : NULL;
}

static int unknown_verb(const char *name)
{
        const char *near = vh_did_you_mean(name, verb_word, NULL);

        for (const char *const *l = later; *l; l++) {
                if (vh_streq(*l, name)) {
                        fprintf(stderr, "virthost: the verb '%s' is not built yet\n", name);
                        return VH_EXIT_FAILED;
                }
        }
        fprintf(stderr, "virthost: unknown verb '%s'\n", name);
        if (near)
                fprintf(stderr, "did you mean '%s'?\n", near);
        return VH_EXIT_USAGE;
}

int main(int argc, char **argv)
{
        if (argc < 2) {
                usage(stderr);
                return VH_EXIT_USAGE;
        }
        if (vh_streq(argv[1], "--help") || vh_streq(argv[1], "-h") || vh_streq(argv[1], "help")) {
                usage(stdout);
                return VH_EXIT_DONE;
        }
        if (vh_streq(argv[1], "--version") || vh_streq(argv[1], "-V")) {
                puts("virthost " VH_VERSION);
                return VH_EXIT_DONE;
        }
        for (const VhVerb *const *v = vh_verbs; *v; v++)
                if (vh_streq((*v)->name, argv[1]))
                        return (*v)->run(argc - 1, argv + 1);
        return unknown_verb(argv[1]);
}
