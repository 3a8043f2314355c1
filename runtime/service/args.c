/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options are rows: the parser and --help are made from the same table. */

#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#include "base/buf.h"
#include "driver/common-ops.h"
#include "service/args.h"
#include "service/paths.h"

/* The loop counts microseconds in an int of milliseconds elsewhere: more would overflow in the libraries of old
 * clients. */
enum { TIMEOUT_MAX = INT_MAX / 1000, OPTION_CHECK = 256, HELP_COLUMN = 28 };

typedef struct Option {
        int letter; /* over 255: long form only */
        const char *name;
        const char *arg; /* NULL: takes none */
        const char *help;
        bool listen_only; /* only where the description has --listen */
} Option;

static const Option options[] = {
        { 'h', "help", NULL, "Display program help", false },
        { 'v', "verbose", NULL, "Log at level info", false },
        { 'd', "daemon", NULL, "Run in the background and write a PID file", false },
        { 'l', "listen", NULL, "Listen for TCP/IP connections", true },
        { 't', "timeout", "SECONDS", "Leave after that long without clients, 0 for never", false },
        { 'f', "config", "FILE", "Configuration file", false },
        { 'V', "version", NULL, "Display version information", false },
        { 'p', "pid-file", "FILE", "Change name of PID file", false },
        { OPTION_CHECK, "check", NULL, "Check the configuration file and leave", false },
};

static bool is_offered(const Option *o, const VhDaemonDesc *desc)
{
        return !o->listen_only || desc->listen_option;
}

static void print_option(const Option *o)
{
        char letter[3] = { o->letter < 256 ? '-' : ' ', o->letter < 256 ? (char)o->letter : ' ', '\0' };
        int n = printf("  %s%s --%s%s%s", letter, o->letter < 256 ? " |" : "  ", o->name, o->arg ? " " : "",
                       o->arg ? o->arg : "");

        printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", o->help);
}

static void print_usage(FILE *to, const char *program)
{
        fprintf(to, "\nUsage:\n  %s [options]\n\n", program);
}

static void print_help(const VhArgs *args, const VhDaemonDesc *desc)
{
        VhPaths paths = { 0 };

        vh_paths_init(&paths, desc);
        print_usage(stdout, args->program);
        printf("Options:\n");
        for (size_t i = 0; i < VH_ARRAY_SIZE(options); i++)
                if (is_offered(&options[i], desc))
                        print_option(&options[i]);
        printf("\n%s: %s\n\n  Default paths:\n\n", desc->name, desc->title);
        printf("    Configuration file (unless overridden by -f):\n      %s\n\n    Sockets:\n", paths.config_file);
        for (size_t i = 0; i < desc->n_sockets; i++)
                if (desc->sockets[i].file && (paths.privileged || desc->sockets[i].session))
                        printf("      %s/%s\n", paths.run_dir, desc->sockets[i].file);
        printf("\n    PID file (unless overridden by -p):\n      %s\n\n", paths.pid_file);
        vh_paths_done(&paths);
}

static void print_version(const VhArgs *args)
{
        printf("%s (libvirt) %d.%d.%d\n", args->program, VH_LIB_VERSION / 1000000, VH_LIB_VERSION / 1000 % 1000,
               VH_LIB_VERSION % 1000);
}

/* The two forms that getopt_long() wants. */
typedef struct Forms {
        VhBuf letters;
        struct option names[VH_ARRAY_SIZE(options) + 1];
} Forms;

static void make_forms(Forms *f, const VhDaemonDesc *desc)
{
        size_t n = 0;

        for (size_t i = 0; i < VH_ARRAY_SIZE(options); i++) {
                const Option *o = &options[i];

                if (!is_offered(o, desc))
                        continue;
                if (o->letter < 256)
                        vh_buf_printf(&f->letters, "%c%s", o->letter, o->arg ? ":" : "");
                f->names[n++] = (struct option){ o->name, o->arg ? required_argument : no_argument, NULL, o->letter };
        }
}

static VhArgsResult take_timeout(VhArgs *args, const char *text)
{
        if (vh_parse_uint(text, &args->timeout) == 0 && args->timeout <= TIMEOUT_MAX)
                return VH_ARGS_RUN;
        fprintf(stderr, "%s: Invalid value for timeout: '%s' is not a number of seconds from 0 to %d\n", args->program,
                text, TIMEOUT_MAX);
        return VH_ARGS_USAGE;
}

static VhArgsResult take(VhArgs *args, const VhDaemonDesc *desc, int letter, const char *value)
{
        switch (letter) {
        case 'v':
                args->verbose = true;
                return VH_ARGS_RUN;
        case 'd':
                args->daemonize = true;
                return VH_ARGS_RUN;
        case 'l':
                args->listen = true;
                return VH_ARGS_RUN;
        case OPTION_CHECK:
                args->check = true;
                return VH_ARGS_RUN;
        case 't':
                return take_timeout(args, value);
        case 'f':
                args->config = value;
                return VH_ARGS_RUN;
        case 'p':
                args->pid_file = value;
                return VH_ARGS_RUN;
        case 'h':
                print_help(args, desc);
                return VH_ARGS_DONE;
        case 'V':
                print_version(args);
                return VH_ARGS_DONE;
        default: /* getopt has said what is wrong */
                print_usage(stderr, args->program);
                return VH_ARGS_USAGE;
        }
}

VhArgsResult vh_args_parse(VhArgs *args, const VhDaemonDesc *desc, int argc, char **argv)
{
        VhArgsResult r = VH_ARGS_RUN;
        Forms forms = { 0 };
        int letter;

        *args = (VhArgs){ .program = argv[0], .argv = argv };
        make_forms(&forms, desc);
        while (r == VH_ARGS_RUN && (letter = getopt_long(argc, argv, forms.letters.data, forms.names, NULL)) != -1)
                r = take(args, desc, letter, optarg);
        vh_buf_done(&forms.letters);
        if (r == VH_ARGS_RUN && optind < argc) {
                fprintf(stderr, "%s: unexpected, non-option, command line arguments\n", args->program);
                r = VH_ARGS_USAGE;
        }
        return r;
}
