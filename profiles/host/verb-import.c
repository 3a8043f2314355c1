/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost import: a host becomes a profile. */

#include "cli.h"
#include "host/import.h"

#include <errno.h>
#include <stdio.h>

static const VhCliOption options[] = {
        { "name", 0, "NAME", "name of the profile; \"imported\" if it is left out" },
        { 0 },
};

static int take(void *userdata, const VhCliOption *o, const char *argument)
{
        *(const char **)userdata = argument;
        return -1;
}

/* A host may be configured in ways that the compiler refuses: said at once, about the profile that is printed. */
static bool check(const VhBuf *profile, const VhReportStyle *style)
{
        _vh_findings_ VhFindings findings = { 0 };
        VhArena arena = { 0 };
        VhProfile *p = vh_profile_read(&arena, "imported profile", profile->data, profile->len, &findings);
        bool good;

        if (p)
                vh_profile_check(p, &findings);
        good = findings.errors == 0;
        if (!good)
                vh_report(stderr, &findings, profile->data, *style);
        vh_arena_done(&arena);
        return good;
}

static int write_profile(const char *name, VhSurvey *host, VhFindings *lost, const VhReportStyle *style)
{
        _vh_buf_ VhBuf profile = { 0 };

        vh_import(host, name, &profile, lost);
        vh_report_files(stderr, lost, vh_survey_source, host, *style);
        if (fwrite(profile.data, 1, profile.len, stdout) != profile.len || fflush(stdout) != 0) {
                fprintf(stderr, "virthost import: cannot write: %s\n", strerror(errno));
                return VH_EXIT_FAILED;
        }
        return check(&profile, style) && lost->errors == 0 ? VH_EXIT_DONE : VH_EXIT_FAILED;
}

static int run(int argc, char **argv)
{
        _vh_findings_ VhFindings findings = { 0 };
        _vh_error_ VhError *err = NULL;
        const char *name = "imported";
        VhSurvey host;
        VhCli cli;
        int status = vh_cli_parse(&vh_verb_import, argc, argv, &cli, take, &name);
        int r;

        if (status >= 0)
                return status;
        if (cli.first != argc)
                return vh_cli_usage_error(&vh_verb_import, "takes no arguments");
        r = vh_survey_read(&host, cli.root ? cli.root : "/", &findings, &err);
        if (r < 0) {
                fprintf(stderr, "virthost import: %s\n", vh_error_text(err, r));
                status = VH_EXIT_FAILED;
        } else {
                const VhReportStyle style = vh_cli_load_options(&cli).style;

                status = write_profile(name, &host, &findings, &style);
        }
        vh_survey_done(&host);
        return status;
}

const VhVerb vh_verb_import = {
        .name = "import",
        .arguments = "",
        .help = "make the profile of a host that has none",
        .about = "Prints the profile that says what the files and units of a host say. What a profile cannot\n"
                 "say, and what had no effect and is left out, is told on standard error and stands in the\n"
                 "profile as comments. Fails if the compiler would refuse the profile.",
        .options = options,
        .run = run,
};
