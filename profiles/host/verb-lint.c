/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost lint: what is wrong with a host, without a profile. */

#include "apply/origins.h"
#include "cli.h"
#include "host/lint.h"

#include <stdio.h>

/* On a host that a profile was applied to, its lines are named too. */
static void add_origins(const VhSurvey *host, VhFindings *f)
{
        _vh_node_ VhNode record = { 0 };

        if (vh_tree_read(&host->tree, VH_ORIGINS_PATH, &record) == 0 && record.kind == VH_NODE_FILE)
                vh_origins_map(record.data, f, vh_survey_source, host);
}

static int judge(const VhCli *cli, const VhFindings *f)
{
        if (!cli->json && !cli->quiet)
                fprintf(stderr, "%u errors, %u warnings\n", f->errors, f->warnings);
        return f->errors > 0 || (cli->strict && f->warnings > 0) ? VH_EXIT_FAILED : VH_EXIT_DONE;
}

static int run(int argc, char **argv)
{
        _vh_findings_ VhFindings findings = { 0 };
        _vh_error_ VhError *err = NULL;
        VhSurvey host;
        VhCli cli;
        int status = vh_cli_parse(&vh_verb_lint, argc, argv, &cli, NULL, NULL);
        int r;

        if (status >= 0)
                return status;
        if (cli.first != argc)
                return vh_cli_usage_error(&vh_verb_lint, "takes no arguments");
        r = vh_survey_read(&host, cli.root ? cli.root : "/", &findings, &err);
        if (r < 0) {
                fprintf(stderr, "virthost lint: %s\n", vh_error_text(err, r));
                status = VH_EXIT_FAILED;
        } else {
                VhLoadOptions load = vh_cli_load_options(&cli);

                vh_survey_lint(&host, &findings);
                add_origins(&host, &findings);
                vh_report_files(cli.json ? stdout : stderr, &findings, vh_survey_source, &host, load.style);
                status = judge(&cli, &findings);
        }
        vh_survey_done(&host);
        return status;
}

const VhVerb vh_verb_lint = {
        .name = "lint",
        .arguments = "",
        .help = "say what is wrong with a host, without a profile",
        .about = "Reads the files of daemons and drivers, units with their drop-ins and links, and environment\n"
                 "files, and says what is wrong: unknown and misplaced keys, wrong values, keys that nobody\n"
                 "obeys, layouts that exclude each other, masked units that others need, and more. Where\n"
                 "virthost apply wrote what is wrong, the line of the profile is named too.",
        .run = run,
};
