/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost preset: the preset of a layout, of a profile, or what the presets of a root come to. */

#include "apply/json.h"
#include "apply/unit-file.h"
#include "cli.h"
#include "plan.h"
#include "preset-files.h"

#include <errno.h>
#include <stdio.h>

typedef struct Arguments {
        VhCli cli;
        VhBuf outline; /* of the profile that options come to */
        VhBuf hypervisors;
        bool effect;
} Arguments;

static const VhCliOption options[] = {
        { "layout", 0, "LAYOUT", "modular or monolithic" },
        { "hypervisor", 0, "NAME", "a hypervisor driver; may be given several times" },
        { "policy", 0, "POLICY", "stock or lean" },
        { "effect", 0, NULL, "what preset-all would do on the root with the presets\nthat are there" },
        { 0 },
};

/* Quoted as YAML wants it. */
static void put_quoted(VhBuf *b, const char *s)
{
        vh_buf_addc(b, '\'');
        for (; *s; s++)
                vh_buf_printf(b, "%s%c", *s == '\'' ? "'" : "", *s);
        vh_buf_addc(b, '\'');
}

static int take(void *userdata, const VhCliOption *o, const char *argument)
{
        Arguments *a = userdata;

        if (vh_streq(o->name, "effect")) {
                a->effect = true;
        } else if (vh_streq(o->name, "hypervisor")) {
                vh_buf_adds(&a->hypervisors, a->hypervisors.len > 0 ? ", " : "");
                put_quoted(&a->hypervisors, argument);
        } else {
                vh_buf_printf(&a->outline, "%s: ", vh_streq(o->name, "policy") ? "preset" : "layout");
                put_quoted(&a->outline, argument);
                vh_buf_addc(&a->outline, '\n');
        }
        return -1;
}

static int print_preset(const VhProfile *p)
{
        VhPlan plan = { 0 };

        vh_emit_preset(&plan, p);
        fputs(plan.files[0].content, stdout);
        vh_plan_done(&plan);
        return VH_EXIT_DONE;
}

static int of_options(const Arguments *a)
{
        VhReportStyle style = { .color = a->cli.color, .json = a->cli.json, .quiet = a->cli.quiet };
        _vh_findings_ VhFindings findings = { 0 };
        _vh_buf_ VhBuf text = { 0 };
        VhArena arena = { 0 };
        int status = VH_EXIT_FAILED;
        VhProfile *p;

        vh_buf_adds(&text, "profile: preset\n");
        if (a->outline.data)
                vh_buf_adds(&text, a->outline.data);
        if (a->hypervisors.data)
                vh_buf_printf(&text, "hypervisors: [%s]\n", a->hypervisors.data);
        p = vh_profile_read(&arena, "options", text.data, text.len, &findings);
        if (p)
                vh_profile_check(p, &findings);
        vh_report(a->cli.json ? stdout : stderr, &findings, text.data, style);
        if (p && findings.errors == 0)
                status = print_preset(p);
        vh_arena_done(&arena);
        return status;
}

static int of_profile(const Arguments *a, const char *path)
{
        VhLoadOptions load = vh_cli_load_options(&a->cli);
        _vh_findings_ VhFindings findings = { 0 };
        VhArena arena = { 0 };
        VhProfile *p = vh_load_profile(path, &arena, &findings, &load);
        int status = VH_EXIT_FAILED;

        if (p)
                status = print_preset(p);
        vh_arena_done(&arena);
        return status;
}

/* The presets of a root */

typedef struct Effect {
        const VhUnitView *view;
        const VhPresetLine *lines;
        bool json;
        unsigned changes;
} Effect;

static void count_link(void *data, const char *path, const char *target)
{
        unsigned *n = data;

        (*n)++;
}

typedef struct OwnLinks {
        const char *unit;
        unsigned n;
} OwnLinks;

/* Links of units named in Also= are those units' own matter. */
static void count_own_link(void *data, const char *path, const char *target)
{
        OwnLinks *own = data;

        own->n += vh_streq(strrchr(path, '/') + 1, own->unit);
}

static bool skip_none(void *data, const char *unit)
{
        return false;
}

/* Is there anything to enable in the unit itself? */
static int can_enable(const VhUnitView *view, const char *unit, bool *can)
{
        OwnLinks own = { .unit = unit };
        VhUnitWalk walk = { .link = count_own_link, .skip = skip_none, .data = &own };
        _vh_error_ VhError *err = NULL;
        int r = vh_unit_enable(view, unit, &walk, &err);

        *can = own.n > 0;
        return r;
}

static void print_row(const Effect *e, const char *unit, const char *now, const char *then, const VhPresetLine *line)
{
        VhJson j = { 0 };

        if (!e->json) {
                printf("%-28s %-9s %-9s", unit, now, then);
                if (line)
                        printf(" /%s:%u\n", line->path, line->line);
                else
                        puts(" no line: systemd enables");
                return;
        }
        vh_json_open(&j, NULL, '{');
        vh_json_string(&j, "unit", unit);
        vh_json_string(&j, "now", now);
        vh_json_string(&j, "then", then);
        vh_json_string(&j, "file", line ? line->path : NULL);
        vh_json_number(&j, "line", line ? line->line : 0);
        vh_json_close(&j, '}');
        puts(j.buf.data);
        vh_json_done(&j);
}

/* Units that are not installed have no row. */
static int show_unit(Effect *e, const char *unit)
{
        const VhPresetLine *line = vh_preset_line_for(e->lines, unit);
        _vh_free_ char *path = NULL, *mask = vh_unit_mask(e->view, unit);
        const char *now, *then;
        unsigned links = 0;
        bool can = false;
        int r = vh_unit_find(e->view, unit, &path);

        if (r < 0 || !path)
                return r;
        r = mask ? 0 : can_enable(e->view, unit, &can);
        if (r == 0)
                r = vh_unit_enabled(e->view, unit, count_link, &links);
        if (r < 0)
                return r;
        now = mask ? "masked" : links > 0 ? "enabled" : "disabled";
        /* preset-all passes over what is masked. */
        then = mask || (line && line->ignore) ? now : can && (!line || line->enable) ? "enabled" : "disabled";
        e->changes += !vh_streq(now, then);
        print_row(e, unit, now, then, line);
        return 0;
}

static int show_units(Effect *e)
{
        int r = 0;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d && r >= 0; d++) {
                r = show_unit(e, (*d)->service);
                for (size_t i = 0; i < (*d)->n_sockets && r >= 0; i++)
                        r = show_unit(e, (*d)->sockets[i].unit);
        }
        return r < 0 ? r : show_unit(e, VH_GUESTS_UNIT);
}

static int of_root(const Arguments *a)
{
        _vh_error_ VhError *err = NULL;
        VhPresetLine *lines = NULL;
        VhArena arena = { 0 };
        VhUnitView view;
        VhTree tree;
        int r = vh_tree_open(&tree, a->cli.root ? a->cli.root : "/", false, &err);

        if (r == 0)
                r = vh_preset_lines(&tree, &arena, &lines, &err);
        if (r == 0) {
                Effect e = { .view = &view, .lines = lines, .json = a->cli.json };

                vh_unit_view(&view, &tree, NULL);
                r = show_units(&e);
                if (r >= 0 && !a->cli.json && !a->cli.quiet)
                        printf("%u units would change\n", e.changes);
        }
        if (r < 0)
                fprintf(stderr, "virthost preset: %s\n", vh_error_text(err, r));
        vh_tree_done(&tree);
        vh_arena_done(&arena);
        return r < 0 ? VH_EXIT_FAILED : VH_EXIT_DONE;
}

static int run(int argc, char **argv)
{
        Arguments a = { 0 };
        int status = vh_cli_parse(&vh_verb_preset, argc, argv, &a.cli, take, &a);
        int left = argc - a.cli.first;
        bool outline = a.outline.len + a.hypervisors.len > 0;

        if (status >= 0)
                ;
        else if (left > 1 || (left + outline + a.effect > 1))
                status = vh_cli_usage_error(&vh_verb_preset, "give a profile, or options, or --effect");
        else if (a.cli.root && !a.effect)
                status = vh_cli_usage_error(&vh_verb_preset, "--root goes with --effect");
        else
                status = a.effect ? of_root(&a) : left ? of_profile(&a, argv[a.cli.first]) : of_options(&a);
        vh_buf_done(&a.outline);
        vh_buf_done(&a.hypervisors);
        return status;
}

const VhVerb vh_verb_preset = {
        .name = "preset",
        .arguments = "[PROFILE]",
        .help = "print which units are enabled",
        .about = "Prints a preset file for systemd: of a profile, or of the layout and hypervisors that\n"
                 "options name. With --effect: for every unit of the suite that is installed on the\n"
                 "host, or below --root, what it is now, what preset-all would make of it, and the\n"
                 "line that decides.",
        .options = options,
        .run = run,
};
