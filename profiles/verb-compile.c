/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost check, virthost compile: profile, checks, plan, files. Nothing is written unless all checks pass. */

#include "base/file.h"
#include "cli.h"
#include "host/requirements.h"
#include "host/unit-verify.h"
#include "plan.h"

#include <stdio.h>
#include <uthash.h>

typedef struct Arguments {
        VhCli cli;
        const VhVerb *verb;
        const char *output;
        const char *base;
        VhPlanOptions plan;
        const char *host; /* root of a host that profiles are checked against, or NULL */
        bool systemd;     /* ask systemd-analyze about units */
        bool dry_run;
        bool many; /* profiles, each with a folder of its own */
} Arguments;

/* Profiles of one call, by name. */
typedef struct Name {
        UT_hash_handle hh;
        const char *name;
        const char *file;
} Name;

static const VhCliOption check_options[] = {
        { "base", 'b', "FILE", "a layer below each of the profiles" },
        { "host", 0, NULL,
          "also whether this host has the users, groups and certificates;\n"
          "--root asks an image" },
        { "systemd", 0, NULL, "also what systemd-analyze verify says about the units" },
        { 0 },
};

static const VhCliOption compile_options[] = {
        { "base", 'b', "FILE", "a layer below each of the profiles" },
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
        else if (vh_streq(o->name, "base"))
                a->base = argument;
        else if (vh_streq(o->name, "host"))
                a->host = "/";
        else if (vh_streq(o->name, "systemd"))
                a->systemd = true;
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
        if (a->cli.first == argc)
                return vh_cli_usage_error(a->verb, "give a profile");
        a->many = a->cli.first + 1 < argc;
        if (a->verb != &vh_verb_compile) {
                a->host = a->cli.root ? a->cli.root : a->host;
                return -1;
        }
        if (a->output && a->cli.root)
                return vh_cli_usage_error(a->verb, "-o and --root name the same thing; give one");
        a->output = a->output ? a->output : a->cli.root;
        a->plan.masks = true;
        if (!a->output && !a->dry_run)
                return vh_cli_usage_error(a->verb, "give the folder for the files with -o");
        return -1;
}

static void list_files(FILE *out, const VhPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                fprintf(out, "%04o %s\n", plan->files[i].mode, plan->files[i].path);
}

static int write_files(const Arguments *a, const VhPlan *plan, const char *output)
{
        _vh_error_ VhError *err = NULL;
        unsigned written = 0, removed = 0;
        int r = vh_plan_write(plan, output, &written, &removed, &err);

        if (r < 0) {
                fprintf(stderr, "virthost compile: %s\n", vh_error_text(err, r));
                return VH_EXIT_FAILED;
        }
        if (a->cli.verbose)
                list_files(stderr, plan);
        if (!a->cli.quiet)
                fprintf(stderr, "%s: %zu files, %u written, %u removed\n", output, plan->n, written, removed);
        return VH_EXIT_DONE;
}

static int compile(const Arguments *a, const VhProfile *p)
{
        _vh_free_ char *output = a->many && a->output ? vh_path_join(a->output, p->name) : vh_xstrdup(a->output);
        VhPlan plan = { 0 };
        int status = VH_EXIT_DONE;

        if (a->plan.units && p->software != VH_SOFTWARE_OURS) {
                fprintf(stderr, "virthost compile: %s: --units has our units, the target is libvirt's\n", p->name);
                return VH_EXIT_FAILED;
        }
        vh_plan_make(&plan, p, &a->plan);
        if (a->dry_run)
                list_files(stdout, &plan);
        else
                status = write_files(a, &plan, output);
        vh_plan_done(&plan);
        return status;
}

/* Two hosts of one name would share a folder. */
static bool take_name(Name **names, VhArena *arena, const char *name, const char *file)
{
        Name *n;

        HASH_FIND_STR(*names, name, n);
        if (n) {
                fprintf(stderr, "virthost: %s and %s are both named %s\n", n->file, file, name);
                return false;
        }
        n = vh_arena_new(arena, Name, 1);
        n->name = vh_arena_strdup(arena, name);
        n->file = file;
        HASH_ADD_KEYPTR(hh, *names, n->name, strlen(n->name), n);
        return true;
}

/* What the profile takes for granted of the host. */
static int check_host(const Arguments *a, const VhProfile *p, VhFindings *findings, VhError **err)
{
        _vh_cleanup_(vh_tree_done) VhTree tree = { .fd = -1 };
        int r = vh_tree_open(&tree, a->host, false, err);

        if (r >= 0)
                vh_profile_check_host(p, &tree, findings);
        return r;
}

/* Checks that need more than the profile. */
static int check_more(const Arguments *a, const VhProfile *p, const VhLayers *layers)
{
        const VhLoadOptions load = vh_cli_load_options(&a->cli);
        _vh_findings_ VhFindings findings = { 0 };
        _vh_error_ VhError *err = NULL;
        int r = a->host ? check_host(a, p, &findings, &err) : 0;

        if (r >= 0 && a->systemd)
                r = vh_unit_verify(p, &findings, &err);
        if (r < 0) {
                fprintf(stderr, "virthost check: %s\n", vh_error_text(err, r));
                return VH_EXIT_FAILED;
        }
        vh_findings_sort(&findings);
        vh_report_files(a->cli.json ? stdout : stderr, &findings, vh_load_source, layers, load.style);
        return findings.errors > 0 || (load.strict && findings.warnings > 0) ? VH_EXIT_FAILED : VH_EXIT_DONE;
}

static int run_one(const Arguments *a, const char *file, VhLayers *layers, Name **names)
{
        VhLoadOptions load = vh_cli_load_options(&a->cli);
        VhFindings findings = { 0 };
        VhArena arena = { 0 };
        int status = VH_EXIT_FAILED;
        VhProfile *p;

        load.base = a->base;
        load.layers = layers;
        p = vh_load_profile(file, &arena, &findings, &load);
        if (p && take_name(names, layers->arena, p->name, file))
                status = a->verb == &vh_verb_compile ? compile(a, p) : check_more(a, p, layers);
        vh_findings_done(&findings);
        vh_arena_done(&arena);
        return status;
}

static int run(const VhVerb *verb, int argc, char **argv)
{
        Arguments a = { .verb = verb };
        VhArena arena = { 0 };
        VhLayers layers = { .arena = &arena };
        Name *names = NULL;
        int status = parse_arguments(&a, argc, argv);

        if (status >= 0)
                return status;
        status = VH_EXIT_DONE;
        for (int i = a.cli.first; i < argc; i++)
                if (run_one(&a, argv[i], &layers, &names) != VH_EXIT_DONE)
                        status = VH_EXIT_FAILED;
        HASH_CLEAR(hh, names);
        vh_layers_done(&layers);
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
        .arguments = "PROFILE...",
        .help = "say whether a profile is right",
        .about = "Says whether profiles are right; - reads one from standard input. Nothing is written.\n"
                 "With --host or --root also whether the host has what they take for granted: groups of\n"
                 "sockets, users of rules, certificates that are valid and fit their keys. On this host\n"
                 "what would keep a daemon from starting is an error, in an image a warning. With --systemd\n"
                 "also whether systemd understands the directives of units.",
        .options = check_options,
        .run = run_check,
};

const VhVerb vh_verb_compile = {
        .name = "compile",
        .arguments = "PROFILE... -o DIR",
        .help = "make the files that a profile comes to",
        .about = "Makes the files that a profile comes to: settings of daemons, drop-ins and a preset\n"
                 "for systemd. They go below DIR, which stands for the root of the host, and nowhere\n"
                 "else. PROFILE may be - for standard input. Several profiles get a folder each, below\n"
                 "DIR, of their name.",
        .options = compile_options,
        .run = run_compile,
};
