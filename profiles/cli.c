/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options of the verbs, out of their tables. */

#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

enum {
        OPTIONS_MAX = 48,
        FIRST_ID = 256,   /* of options without a letter: above all letters */
        HELP_COLUMN = 24, /* where texts begin */
};

const VhCliOption vh_cli_common[] = {
        { "root", 0, "DIR", "work on the host whose root folder is DIR" },
        { "strict", 0, NULL, "warnings are errors" },
        { "json", 0, NULL, "results and findings as JSON, one object a line" },
        { "color", 0, "WHEN", "auto, always or never" },
        { "quiet", 'q', NULL, "errors only" },
        { "verbose", 'v', NULL, "tell more" },
        { "help", 'h', NULL, "print this" },
        { 0 },
};

int vh_cli_usage_error(const VhVerb *verb, const char *fmt, ...)
{
        va_list ap;

        fprintf(stderr, "virthost %s: ", verb->name);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\nvirthost %s --help tells how it is used\n", verb->name);
        return VH_EXIT_USAGE;
}

/* Lines after the first begin below it. */
static void print_help_text(const char *text)
{
        for (; *text; text++) {
                putchar(*text);
                if (*text == '\n')
                        printf("%*s", HELP_COLUMN, "");
        }
        putchar('\n');
}

static void print_option(const VhCliOption *o)
{
        char letter[] = { '-', o->letter, ',', ' ', '\0' };
        int used = printf("  %s--%s%s%s", o->letter ? letter : "", o->name, o->argument ? "=" : "",
                          o->argument ? o->argument : "");

        if (used >= HELP_COLUMN)
                putchar('\n');
        printf("%*s", used < HELP_COLUMN ? HELP_COLUMN - used : HELP_COLUMN, "");
        print_help_text(o->help);
}

void vh_cli_help(const VhVerb *verb)
{
        printf("usage: virthost %s [OPTION...] %s\n\n%s\n\n", verb->name, verb->arguments, verb->about);
        for (const VhCliOption *o = verb->options; o && o->name; o++)
                print_option(o);
        for (const VhCliOption *o = vh_cli_common; o->name; o++)
                print_option(o);
}

/* The form that getopt_long() wants, and which row each entry is of. */
typedef struct Options {
        struct option long_form[OPTIONS_MAX + 1];
        const VhCliOption *rows[OPTIONS_MAX];
        char letters[2 * OPTIONS_MAX + 1];
        size_t n, n_letters;
} Options;

static void add_options(Options *all, const VhCliOption *table)
{
        for (const VhCliOption *o = table; o && o->name && all->n < OPTIONS_MAX; o++) {
                all->long_form[all->n] = (struct option){ o->name, o->argument ? required_argument : no_argument, NULL,
                                                          FIRST_ID + (int)all->n };
                all->rows[all->n++] = o;
                if (o->letter)
                        all->letters[all->n_letters++] = o->letter;
                if (o->letter && o->argument)
                        all->letters[all->n_letters++] = ':';
        }
}

static const VhCliOption *find_row(const Options *all, int id)
{
        if (id >= FIRST_ID)
                return all->rows[id - FIRST_ID];
        for (size_t i = 0; i < all->n; i++)
                if (all->rows[i]->letter == id)
                        return all->rows[i];
        return NULL;
}

static int take_common(const VhVerb *verb, VhCli *cli, const VhCliOption *o, const char *argument)
{
        bool *const flags[] = { NULL, &cli->strict, &cli->json, NULL, &cli->quiet, &cli->verbose };
        size_t i = (size_t)(o - vh_cli_common);

        if (i < VH_ARRAY_SIZE(flags) && flags[i]) {
                *flags[i] = true;
        } else if (vh_streq(o->name, "root")) {
                cli->root = argument;
        } else if (vh_streq(o->name, "help")) {
                vh_cli_help(verb);
                return VH_EXIT_DONE;
        } else if (!vh_streq(argument, "auto") && !vh_streq(argument, "always") && !vh_streq(argument, "never")) {
                return vh_cli_usage_error(verb, "--color is auto, always or never");
        } else {
                cli->color = vh_wants_color(argument);
        }
        return -1;
}

static bool is_common(const VhCliOption *o)
{
        return o >= vh_cli_common && o < vh_cli_common + VH_ARRAY_SIZE(vh_cli_common);
}

int vh_cli_parse(const VhVerb *verb, int argc, char **argv, VhCli *cli, VhCliTakeFn take, void *userdata)
{
        Options all = { 0 };
        int id, status = -1;

        *cli = (VhCli){ .color = vh_wants_color("auto") };
        add_options(&all, verb->options);
        add_options(&all, vh_cli_common);
        optind = 0;
        while (status < 0 && (id = getopt_long(argc, argv, all.letters, all.long_form, NULL)) >= 0) {
                const VhCliOption *o = id == '?' ? NULL : find_row(&all, id);

                if (!o)
                        status = VH_EXIT_USAGE; /* getopt has said what is wrong */
                else if (is_common(o))
                        status = take_common(verb, cli, o, optarg);
                else
                        status = take(userdata, o, optarg);
        }
        cli->first = optind;
        return status;
}

VhLoadOptions vh_cli_load_options(const VhCli *cli)
{
        return (VhLoadOptions){
                .strict = cli->strict,
                .style = { .color = cli->color, .json = cli->json, .quiet = cli->quiet },
        };
}
