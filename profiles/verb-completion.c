/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost completion: what shells complete, out of the table of verbs and their options. */

#include "cli.h"

#include <stdio.h>

typedef void (*OptionFn)(const VhVerb *v, const VhCliOption *o);

static void each_option(const VhVerb *v, OptionFn fn)
{
        for (const VhCliOption *o = v->options; o && o->name; o++)
                fn(v, o);
        for (const VhCliOption *o = vh_cli_common; o->name; o++)
                fn(v, o);
}

/* The text up to the first line break, with a backslash in front of what the shell would read. */
static void put_first_line(const char *text, const char *special)
{
        for (; *text && *text != '\n'; text++) {
                if (strchr(special, *text))
                        putchar('\\');
                putchar(*text);
        }
}

static bool takes_folder(const VhCliOption *o)
{
        return vh_streq(o->argument, "DIR");
}

/* bash */

static void bash_option(const VhVerb *v, const VhCliOption *o)
{
        printf(" --%s", o->name);
        if (o->letter)
                printf(" -%c", o->letter);
}

static void print_bash(void)
{
        puts("_virthost()\n{\n"
             "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
             "    case $prev in\n"
             "    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- \"$cur\"); return ;;\n"
             "    --root|--output|-o|--runtime-dir) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n"
             "    esac");
        fputs("    if [[ $COMP_CWORD -eq 1 ]]; then\n        words='--help --version", stdout);
        for (const VhVerb *const *v = vh_verbs; *v; v++)
                printf(" %s", (*v)->name);
        puts("'\n    elif [[ $cur == -* ]]; then\n        case ${COMP_WORDS[1]} in");
        for (const VhVerb *const *v = vh_verbs; *v; v++) {
                printf("        %s) words='", (*v)->name);
                each_option(*v, bash_option);
                puts("' ;;");
        }
        puts("        esac\n    else\n"
             "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n        return\n    fi\n"
             "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
             "complete -o filenames -F _virthost virthost");
}

/* zsh */

static void zsh_option(const VhVerb *v, const VhCliOption *o)
{
        fputs("            '", stdout);
        if (o->letter)
                printf("(-%c --%s)'{-%c,--%s%s}'", o->letter, o->name, o->letter, o->name, o->argument ? "=" : "");
        else
                printf("--%s%s", o->name, o->argument ? "=" : "");
        putchar('[');
        put_first_line(o->help, "[]:");
        putchar(']');
        if (o->argument)
                printf(":%s:%s", o->argument,
                       vh_streq(o->argument, "WHEN") ? "(auto always never)"
                       : takes_folder(o)             ? "_files -/"
                                                     : "_files");
        puts("' \\");
}

static void print_zsh(void)
{
        puts("#compdef virthost\n\n_virthost()\n{\n    local -a verbs\n    verbs=(");
        for (const VhVerb *const *v = vh_verbs; *v; v++) {
                printf("        '%s:", (*v)->name);
                put_first_line((*v)->help, ":");
                puts("'");
        }
        puts("    )\n    if (( CURRENT == 2 )); then\n        _describe verb verbs\n        return\n    fi\n"
             "    shift words\n    (( CURRENT-- ))\n    case $words[1] in");
        for (const VhVerb *const *v = vh_verbs; *v; v++) {
                printf("    %s)\n        _arguments \\\n", (*v)->name);
                each_option(*v, zsh_option);
                puts("            '*:file:_files'\n        ;;");
        }
        puts("    esac\n}\n\n_virthost \"$@\"");
}

/* fish */

static void fish_option(const VhVerb *v, const VhCliOption *o)
{
        printf("complete -c virthost -n '__fish_seen_subcommand_from %s' -l %s", v->name, o->name);
        if (o->letter)
                printf(" -s %c", o->letter);
        if (vh_streq(o->argument, "WHEN"))
                fputs(" -x -a 'auto always never'", stdout);
        else if (o->argument)
                fputs(" -r", stdout);
        fputs(" -d '", stdout);
        put_first_line(o->help, "'\\");
        puts("'");
}

static void print_fish(void)
{
        for (const VhVerb *const *v = vh_verbs; *v; v++) {
                printf("complete -c virthost -f -n __fish_use_subcommand -a %s -d '", (*v)->name);
                put_first_line((*v)->help, "'\\");
                puts("'");
        }
        for (const VhVerb *const *v = vh_verbs; *v; v++)
                each_option(*v, fish_option);
}

static const struct {
        const char *name;
        void (*print)(void);
} shells[] = {
        { "bash", print_bash },
        { "zsh", print_zsh },
        { "fish", print_fish },
};

static int run(int argc, char **argv)
{
        VhCli cli;
        int status = vh_cli_parse(&vh_verb_completion, argc, argv, &cli, NULL, NULL);

        if (status >= 0)
                return status;
        for (size_t i = 0; i < VH_ARRAY_SIZE(shells) && cli.first + 1 == argc; i++) {
                if (!vh_streq(shells[i].name, argv[cli.first]))
                        continue;
                shells[i].print();
                return fflush(stdout) == 0 ? VH_EXIT_DONE : VH_EXIT_FAILED;
        }
        return vh_cli_usage_error(&vh_verb_completion, "give one shell: bash, zsh or fish");
}

const VhVerb vh_verb_completion = {
        .name = "completion",
        .arguments = "bash|zsh|fish",
        .help = "print what a shell needs to complete this command",
        .about = "Prints the completion for a shell, made from the same table as these options. The\n"
                 "packages install it.",
        .run = run,
};
