/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* main() of every daemon. */

#include <stdio.h>

#include "base/log.h"
#include "service/manager.h"
#include "service/paths.h"
#include "service/settings.h"

static void print_findings(const VhFindings *findings)
{
        for (const VhFinding *f = findings->first; f; f = f->next) {
                printf("%s:%u:%u: %s: %s\n", f->file, f->line, f->column,
                       f->severity == VH_SEVERITY_ERROR ? "error" : "warning", f->message);
                if (f->hint)
                        printf("  %s\n", f->hint);
        }
}

/* --check: says everything that is wrong with the configuration file, and changes nothing. */
static int check(const VhDaemonDesc *desc, const VhArgs *args)
{
        _vh_cleanup_(vh_findings_done) VhFindings findings = { 0 };
        _vh_error_ VhError *err = NULL;
        VhSettings settings;
        VhPaths paths;
        const char *path;
        int r;

        vh_paths_init(&paths, desc);
        path = args->config ? args->config : paths.config_file;
        r = vh_settings_load(&settings, desc, path,
                             (args->config ? VH_CONF_MUST_EXIST : 0) | (paths.privileged ? 0 : VH_CONF_SESSION),
                             &findings, &err);
        print_findings(&findings);
        if (r < 0 && findings.errors == 0)
                printf("%s\n", vh_error_text(err, r));
        else if (r >= 0)
                printf("%s: valid\n", path);
        vh_settings_done(&settings);
        vh_paths_done(&paths);
        return r < 0 ? VH_EXIT_USAGE : VH_EXIT_OK;
}

static int run(const VhProgramDesc *program, const VhDaemonDesc *desc, const VhArgs *args)
{
        _vh_cleanup_(vh_manager_freep) VhManager *m = NULL;
        int status = VH_EXIT_INIT;

        if (vh_manager_new(&m, program, desc, args, &status) < 0)
                return status;
        return vh_manager_run(m);
}

int vh_daemon_main(const VhProgramDesc *program, int argc, char **argv)
{
        const VhDaemonDesc *desc = vh_daemon_desc_find(program->name);
        VhArgs args;
        int status;

        switch (vh_args_parse(&args, desc, argc, argv)) {
        case VH_ARGS_DONE:
                return VH_EXIT_OK;
        case VH_ARGS_USAGE:
                return VH_EXIT_USAGE;
        case VH_ARGS_RUN:
                break;
        }
        status = args.check ? check(desc, &args) : run(program, desc, &args);
        vh_log_done();
        return status;
}
