/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost schema: what editors need to know about profiles. */

#include "cli.h"
#include "schema.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
        _vh_buf_ VhBuf b = { 0 };
        VhCli cli;
        int status = vh_cli_parse(&vh_verb_schema, argc, argv, &cli, NULL, NULL);

        if (status >= 0)
                return status;
        if (cli.first != argc)
                return vh_cli_usage_error(&vh_verb_schema, "takes no arguments");
        vh_schema_write(&b);
        fputs(b.data, stdout);
        return fflush(stdout) == 0 ? VH_EXIT_DONE : VH_EXIT_FAILED;
}

const VhVerb vh_verb_schema = {
        .name = "schema",
        .arguments = "",
        .help = "print the JSON Schema of profiles",
        .about = "Prints a JSON Schema for editors that complete and check YAML.",
        .run = run,
};
