/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost explain: a key, a line of a generated file, a line of a profile. */

#include "apply/json.h"
#include "cli.h"
#include "explain.h"

#include <stdio.h>

/* "PATH:LINE": the path's length and the number, or 0. */
static size_t split_line(const char *what, unsigned *line)
{
        const char *colon = strrchr(what, ':');

        return colon && vh_parse_uint(colon + 1, line) == 0 && *line > 0 ? (size_t)(colon - what) : 0;
}

static int explain_line(VhBuf *b, const VhProfile *p, const char *path, unsigned line, bool of_profile)
{
        const char *inside = path + (*path == '/');
        const VhPlanFile *f;
        VhPlan plan = { 0 };
        int status = VH_EXIT_DONE;

        vh_plan_make(&plan, p, &(VhPlanOptions){ 0 });
        f = of_profile ? NULL : vh_plan_find(&plan, inside);
        if (f) {
                vh_explain_file_line(b, f, line);
        } else if (vh_explain_profile_line(b, &plan, path, line) == 0) {
                fprintf(stderr, "virthost explain: nothing comes from %s:%u\n", path, line);
                status = VH_EXIT_FAILED;
        }
        vh_plan_done(&plan);
        return status;
}

static int explain_key(VhBuf *b, const VhProfile *p, const char *key)
{
        const char *near;

        if (vh_explain_key(b, key, p, &near))
                return VH_EXIT_DONE;
        fprintf(stderr, "virthost explain: there is no key '%s'\n", key);
        if (near)
                fprintf(stderr, "did you mean '%s'?\n", near);
        return VH_EXIT_FAILED;
}

static void print(const VhCli *cli, const VhBuf *b)
{
        VhJson j = { 0 };

        if (b->len == 0)
                return;
        if (!cli->json) {
                fputs(b->data, stdout);
                return;
        }
        vh_json_open(&j, NULL, '{');
        vh_json_string(&j, "text", b->data);
        vh_json_close(&j, '}');
        puts(j.buf.data);
        vh_json_done(&j);
}

static int run(int argc, char **argv)
{
        VhFindings findings = { 0 };
        _vh_free_ char *path = NULL;
        _vh_buf_ VhBuf b = { 0 };
        const char *what, *file;
        VhArena arena = { 0 };
        VhProfile *p = NULL;
        VhLoadOptions load;
        unsigned line;
        size_t len;
        VhCli cli;
        int status = vh_cli_parse(&vh_verb_explain, argc, argv, &cli, NULL, NULL);

        if (status >= 0)
                return status;
        if (argc - cli.first < 1 || argc - cli.first > 2)
                return vh_cli_usage_error(&vh_verb_explain, "give a key or a line, and perhaps a profile");
        what = argv[cli.first];
        file = argv[cli.first + 1];
        len = split_line(what, &line);
        path = vh_xstrndup(what, len);
        load = vh_cli_load_options(&cli);
        if (file || len > 0) {
                p = vh_load_profile(file ? file : path, &arena, &findings, &load);
                status = p ? -1 : VH_EXIT_FAILED;
        }
        if (status < 0)
                status = len > 0 ? explain_line(&b, p, path, line, !file) : explain_key(&b, p, what);
        print(&cli, &b);
        vh_findings_done(&findings);
        vh_arena_done(&arena);
        return status;
}

const VhVerb vh_verb_explain = {
        .name = "explain",
        .arguments = "KEY|PATH:LINE [PROFILE]",
        .help = "tell what a key or a line means and where it comes from",
        .about = "KEY is a key of profiles (limits.max_clients) or an option of a file (max_clients): what\n"
                 "it means, its default in each file, where it goes, and what a new value needs. With\n"
                 "PROFILE also what that says about it.\n"
                 "PROFILE:LINE tells which lines of which files come from that line of a profile;\n"
                 "PATH:LINE PROFILE tells where a line of a generated file comes from, or, for a\n"
                 "file that PROFILE includes, where that line goes.",
        .run = run,
};
