/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost check, virthost compile: profile, checks, plan, files. Nothing is written unless all checks pass. */

#include "cli.h"
#include "plan.h"

#include <stdio.h>

typedef struct Arguments {
        VhCli cli;
        const VhVerb *verb;
        const char *output;
        VhPlanOptions plan;
        bool dry_run;
} Arguments;

static const VhCliOption compile_options[] = {
        { "output", 'o', "DIR", "where the files go; --root is the same" },
        { "units", 0, NULL, "the units too, not only what changes them" },
        { "runtime-dir", 0, "DIR",
          "daemons make their sockets in DIR and systemd gets\n"
          "nothing: for a private run beside the host's own" },
        { "dry-run", 'n', NULL, "list the files, write none" },
        { 0 },
};

static int take(void *userdata, const VhCliOption *o, const char *argument)
{
        Arguments *a = userdata;

        if (vh_streq(o->name, "output"))
                a->output = argument;
        else if (vh_streq(o->name, "units"))
                a->plan.units = true;
        else if (vh_streq(o->name, "dry-run"))
                a->dry_run = true;
        else if (*argument != '/')
                return vh_cli_usage_error(a->verb, "--runtime-dir must be an absolute path");
        else
                a->plan.runtime_dir = argument;
        return -1;
}

static int parse_arguments(Arguments *a, int argc, char **argv)
{
        int status = vh_cli_parse(a->verb, argc, argv, &a->cli, take, a);

        if (status >= 0)
                return status;
        if (a->cli.first + 1 != argc)
                return vh_cli_usage_error(a->verb, "give one profile");
        if (a->verb != &vh_verb_compile)
                return -1;
        if (a->output && a->cli.root)
                return vh_cli_usage_error(a->verb, "-o and --root name the same thing; give one");
        a->output = a->output ? a->output : a->cli.root;
        if (!a->output && !a->dry_run)
                return vh_cli_usage_error(a->verb, "give the folder for the files with -o");
        return -1;
}

static void list_files(FILE *out, const VhPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                fprintf(out, "%04o %s\n", plan->files[i].mode, plan->files[i].path);
}

static int write_files(const Arguments *a, const VhPlan *plan)
{
        _vh_error_ VhError *err = NULL;
        unsigned written = 0, removed = 0;
        int r = vh_plan_write(plan, a->output, &written, &removed, &err);

        if (r < 0) {
                fprintf(stderr, "virthost compile: %s\n", vh_error_text(err, r));
                return VH_EXIT_FAILED;
        }
        if (a->cli.verbose)
                list_files(stderr, plan);
        if (!a->cli.quiet)
                fprintf(stderr, "%s: %zu files, %u written, %u removed\n", a->output, plan->n, written, removed);
        return VH_EXIT_DONE;
}

static int compile(const Arguments *a, const VhProfile *p)
{
        VhPlan plan = { 0 };
        int status = VH_EXIT_DONE;

        vh_plan_make(&plan, p, &a->plan);
        if (a->dry_run)
                list_files(stdout, &plan);
        else
                status = write_files(a, &plan);
        vh_plan_done(&plan);
        return status;
}

static int run(const VhVerb *verb, int argc, char **argv)
{
        Arguments a = { .verb = verb };
        VhFindings findings = { 0 };
        VhArena arena = { 0 };
        VhLoadOptions load;
        VhProfile *p;
        int status = parse_arguments(&a, argc, argv);

        if (status >= 0)
                return status;
        load = vh_cli_load_options(&a.cli);
        p = vh_load_profile(argv[a.cli.first], &arena, &findings, &load);
        status = p ? VH_EXIT_DONE : VH_EXIT_FAILED;
        if (p && verb == &vh_verb_compile)
                status = compile(&a, p);
        vh_findings_done(&findings);
        vh_arena_done(&arena);
        return status;
}

static int run_check(int argc, char **argv)
{
        return run(&vh_verb_check, argc, argv);
}

static int run_compile(int argc, char **argv)
{
        return run(&vh_verb_compile, argc, argv);
}

const VhVerb vh_verb_check = {
        .name = "check",
        .arguments = "PROFILE",
        .help = "say whether a profile is right",
        .about = "Says whether a profile is right; - reads it from standard input.",
        .run = run_check,
};

const VhVerb vh_verb_compile = {
        .name = "compile",
        .arguments = "PROFILE -o DIR",
        .help = "make the files that a profile comes to",
        .about = "Makes the files that a profile comes to: settings of daemons, drop-ins and a preset\n"
                 "for systemd. They go below DIR, which stands for the root of the host, and nowhere\n"
                 "else. PROFILE may be - for standard input.",
        .options = compile_options,
        .run = run_compile,
};
