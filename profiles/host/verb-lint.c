/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost lint: what is wrong with a host, without a profile. */

#include "cli.h"
#include "host/lint.h"

#include <stdio.h>

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
                 "obeys, layouts that exclude each other, masked units that others need, and more.",
        .run = run,
};
