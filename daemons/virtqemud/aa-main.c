/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virt-aa-helper: makes, loads and removes the AppArmor profile of one guest. A program of its own, so that the daemon
 * itself needs no right to change policy; its arguments are those of libvirt 9.0.0, whose daemons can use it too. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "aa-profile.h"
#include "aa-rules.h"

#define FOLDER "/etc/apparmor.d/libvirt"
#define PREFIX "libvirt-"

enum { XML_MAX = 16 * 1024 * 1024 };

typedef struct Options {
        char verb; /* of the mode; 0: none given */
        bool dry;
        bool append;
        const char *name;
        const char *file;
} Options;

static const char usage[] = "virt-aa-helper: AppArmor profiles of guests\n"
                            "\n"
                            "usage: virt-aa-helper MODE -u libvirt-UUID [-d] [-f FILE | -F FILE] [< guest.xml]\n"
                            "\n"
                            "  -c, --create         make the profile and its rules, and load it\n"
                            "  -r, --replace        make the rules again, and load them\n"
                            "  -a, --add            load the profile as it is\n"
                            "  -R, --remove         unload it\n"
                            "  -D, --delete         unload it and remove its rules\n"
                            "  -u, --uuid NAME      of the profile\n"
                            "  -f, --add-file FILE  one file more\n"
                            "  -F, --append-file FILE\n"
                            "                       the same, without reading a definition\n"
                            "  -d, --dryrun         only print the rules\n"
                            "  -h, --help           this text\n";

static const struct option long_options[] = {
        { "add", no_argument, NULL, 'a' },
        { "create", no_argument, NULL, 'c' },
        { "dryrun", no_argument, NULL, 'd' },
        { "delete", no_argument, NULL, 'D' },
        { "add-file", required_argument, NULL, 'f' },
        { "append-file", required_argument, NULL, 'F' },
        { "help", no_argument, NULL, 'h' },
        { "replace", no_argument, NULL, 'r' },
        { "remove", no_argument, NULL, 'R' },
        { "uuid", required_argument, NULL, 'u' },
        { NULL, 0, NULL, 0 },
};

/* Returns 0, 1 after --help, or negative errno with *err. */
static int read_options(Options *o, int argc, char **argv, VhError **err)
{
        int letter;

        while ((letter = getopt_long(argc, argv, "acdDf:F:hrRu:", long_options, NULL)) != -1)
                switch (letter) {
                case 'd':
                        o->dry = true;
                        break;
                case 'f':
                case 'F':
                        o->file = optarg;
                        o->append = letter == 'F';
                        break;
                case 'u':
                        o->name = optarg;
                        break;
                case 'h':
                        fputs(usage, stdout);
                        return 1;
                case '?':
                        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INVALID_ARG, "see --help");
                default:
                        if (o->verb)
                                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INVALID_ARG,
                                                    "only one of -a, -c, -D, -r, -R can be given");
                        o->verb = (char)letter;
                }
        return 0;
}

/* The name is part of paths. */
static int check_options(const Options *o, VhError **err)
{
        uint8_t uuid[VH_UUID_LEN];

        if (!o->verb)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INVALID_ARG, "one of -a, -c, -D, -r, -R is needed");
        if (!o->name || !vh_startswith(o->name, PREFIX) || vh_uuid_parse(o->name + strlen(PREFIX), uuid) < 0)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INVALID_ARG, "-u needs libvirt-UUID");
        return 0;
}

static int read_definition(VhDomainDef **def, VhError **err)
{
        _vh_free_ char *text = NULL;
        size_t len;
        int r = vh_file_read_fd(STDIN_FILENO, XML_MAX, &text, &len);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, r, "cannot read the guest's definition");
        return vh_domain_def_parse(def, text, VH_DOMAIN_TRUSTED, NULL, err);
}

/* Both kinds of one file more may be read and written. */
static int make_rules(const Options *o, const VhDomainDef *def, VhBuf *out, VhError **err)
{
        int r = def ? vh_aa_rules(def, out, err) : 0;

        return r == 0 && o->file ? vh_aa_rule(o->file, "rwk", out, err) : r;
}

static int create_or_replace(const Options *o, const AaProfile *p, VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_buf_ VhBuf rules = { 0 };
        int r = o->append ? 0 : read_definition(&def, err);

        if (r == 0)
                r = make_rules(o, def, &rules, err);
        if (r == 0 && o->dry) {
                fputs(rules.data ? rules.data : "", stdout);
                return 0;
        }
        if (r == 0 && def)
                r = aa_profile_create(p, def->virt_type == VH_VIRT_LXC ? "lxc" : "qemu", err);
        if (r == 0)
                r = aa_profile_write_rules(p, rules.data ? rules.data : "", o->append, err);
        return r == 0 ? aa_profile_load(p, err) : r;
}

static int carry_out(const Options *o, VhError **err)
{
        const AaProfile p = { FOLDER, o->name };
        int r;

        switch (o->verb) {
        case 'c':
        case 'r':
                return create_or_replace(o, &p, err);
        case 'a':
                return o->dry ? 0 : aa_profile_load(&p, err);
        default:
                r = o->dry ? 0 : aa_profile_unload(&p, err);
                if (r == 0 && o->verb == 'D' && !o->dry)
                        r = aa_profile_delete_rules(&p, err);
                return r;
        }
}

int main(int argc, char **argv)
{
        _vh_error_ VhError *err = NULL;
        Options options = { 0 };
        int r = read_options(&options, argc, argv, &err);

        if (r > 0)
                return 0;
        if (r == 0)
                r = check_options(&options, &err);
        if (r == 0)
                r = carry_out(&options, &err);
        if (r == 0)
                return 0;
        fprintf(stderr, "virt-aa-helper: %s\n", vh_error_text(err, r));
        return 1;
}
