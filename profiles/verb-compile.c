/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost check, virthost compile: profile, checks, plan, files. Nothing is written unless all checks pass. */

#include "cli.h"
#include "load.h"
#include "plan.h"

#include <getopt.h>

typedef struct Arguments {
        const char *profile;
        const char *output;
        const char *runtime_dir;
        bool units, dry_run, strict, json, quiet, verbose;
        bool color;
} Arguments;

enum { OPT_ROOT = 256, OPT_RUNTIME_DIR, OPT_UNITS, OPT_STRICT, OPT_JSON, OPT_COLOR };

static const struct option long_options[] = {
        { "output", required_argument, NULL, 'o' },
        { "root", required_argument, NULL, OPT_ROOT },
        { "runtime-dir", required_argument, NULL, OPT_RUNTIME_DIR },
        { "units", no_argument, NULL, OPT_UNITS },
        { "dry-run", no_argument, NULL, 'n' },
        { "strict", no_argument, NULL, OPT_STRICT },
        { "json", no_argument, NULL, OPT_JSON },
        { "color", required_argument, NULL, OPT_COLOR },
        { "quiet", no_argument, NULL, 'q' },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
};

static const char common_help[] = "  --strict              warnings are errors\n"
                                  "  --json                findings as JSON, one a line, on standard output\n"
                                  "  --color=WHEN          auto, always or never\n"
                                  "  -q, --quiet           errors only\n"
                                  "  -v, --verbose         name every file\n"
                                  "  -h, --help            print this\n";

static void help_check(void)
{
        printf("usage: virthost check [OPTION...] PROFILE\n\n"
               "Says whether a profile is right; - reads it from standard input.\n\n%s",
               common_help);
}

static void help_compile(void)
{
        printf("usage: virthost compile [OPTION...] PROFILE -o DIR\n\n"
               "Makes the files that a profile comes to: settings of daemons, drop-ins and a preset\n"
               "for systemd. They go below DIR, which stands for the root of the host, and nowhere\n"
               "else. PROFILE may be - for standard input.\n\n"
               "  -o, --output DIR      where the files go\n"
               "  --root DIR            the same, for the root folder of an image\n"
               "  --units               the units too, not only what changes them\n"
               "  --runtime-dir DIR     daemons make their sockets in DIR and systemd gets nothing: for\n"
               "                        a private run beside the host's own daemons\n"
               "  -n, --dry-run         list the files, write none\n%s",
               common_help);
}

static int usage_error(const char *verb, const char *text)
{
        fprintf(stderr, "virthost %s: %s\nvirthost %s --help tells how it is used\n", verb, text, verb);
        return VH_EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int take_option(Arguments *a, int option, bool compile, const char *verb)
{
        switch (option) {
        case 'o':
        case OPT_ROOT:
                if (a->output)
                        return usage_error(verb, "-o and --root name the same thing; give one");
                a->output = optarg;
                return -1;
        case OPT_RUNTIME_DIR:
                if (*optarg != '/')
                        return usage_error(verb, "--runtime-dir must be an absolute path");
                a->runtime_dir = optarg;
                return -1;
        case OPT_UNITS:
                a->units = true;
                return -1;
        case 'n':
                a->dry_run = true;
                return -1;
        case OPT_STRICT:
                a->strict = true;
                return -1;
        case OPT_JSON:
                a->json = true;
                return -1;
        case OPT_COLOR:
                if (!vh_streq(optarg, "auto") && !vh_streq(optarg, "always") && !vh_streq(optarg, "never"))
                        return usage_error(verb, "--color is auto, always or never");
                a->color = vh_wants_color(optarg);
                return -1;
        case 'q':
                a->quiet = true;
                return -1;
        case 'v':
                a->verbose = true;
                return -1;
        case 'h':
                (compile ? help_compile : help_check)();
                return VH_EXIT_DONE;
        default: /* getopt has said what is wrong */
                return VH_EXIT_USAGE;
        }
}

static int parse_arguments(Arguments *a, int argc, char **argv, bool compile)
{
        int option, status = -1;

        a->color = vh_wants_color("auto");
        optind = 1;
        while (status < 0 && (option = getopt_long(argc, argv, "o:nqvh", long_options, NULL)) >= 0)
                status = take_option(a, option, compile, argv[0]);
        if (status >= 0)
                return status;
        if (optind + 1 != argc)
                return usage_error(argv[0], "give one profile");
        a->profile = argv[optind];
        if (compile && !a->output && !a->dry_run)
                return usage_error(argv[0], "give the folder for the files with -o");
        if (!compile && (a->output || a->runtime_dir || a->units || a->dry_run))
                return usage_error(argv[0], "check writes nothing; these options are for compile");
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
        if (a->verbose)
                list_files(stderr, plan);
        if (!a->quiet)
                fprintf(stderr, "%s: %zu files, %u written, %u removed\n", a->output, plan->n, written, removed);
        return VH_EXIT_DONE;
}

static int run(int argc, char **argv, bool compile)
{
        Arguments a = { 0 };
        VhFindings findings = { 0 };
        VhArena arena = { 0 };
        VhPlan plan = { 0 };
        VhProfile *p;
        int status = parse_arguments(&a, argc, argv, compile);

        if (status >= 0)
                return status;
        p = vh_load_profile(a.profile, &arena, &findings,
                            &(VhLoadOptions){ .strict = a.strict,
                                              .style = { .color = a.color, .json = a.json, .quiet = a.quiet } });
        status = p ? VH_EXIT_DONE : VH_EXIT_FAILED;
        if (p && compile) {
                vh_plan_make(&plan, p, &(VhPlanOptions){ .runtime_dir = a.runtime_dir, .units = a.units });
                if (a.dry_run)
                        list_files(stdout, &plan);
                else
                        status = write_files(&a, &plan);
        }
        vh_plan_done(&plan);
        vh_findings_done(&findings);
        vh_arena_done(&arena);
        return status;
}

int vh_verb_check(int argc, char **argv)
{
        return run(argc, argv, false);
}

int vh_verb_compile(int argc, char **argv)
{
        return run(argc, argv, true);
}
