/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What others have on the host that defeats what is about to be written: drop-ins that systemd reads after ours, and
 * arguments that a daemon cannot have beside its sockets. */

#include "apply/host-changes.h"
#include "apply/unit-file.h"
#include "host/unit-text.h"

#include <fnmatch.h>

#define OWN_DROP_IN "50-virthost.conf"

typedef struct Rivals {
        const VhHost *host;
        const VhPlan *plan;
        VhFindings *findings;
        VhArena arena;
        VhUnitView view;
        /* While drop-ins of one folder are looked at: */
        const VhPlanFile *file;
        const VhUnitLines *ours;
        const char *dir;
} Rivals;

static bool read_lines(Rivals *x, const char *path, bool environment, VhUnitLines *lines)
{
        _vh_findings_ VhFindings ignored = { 0 };
        _vh_node_ VhNode node = { 0 };

        if (vh_tree_read(&x->host->tree, path, &node) < 0 || node.kind != VH_NODE_FILE)
                return false;
        (environment ? vh_env_parse : vh_unit_parse)(&x->arena, lines, path, node.data, &ignored);
        return true;
}

/* Later assignments of these add to earlier ones, unless they are empty. */
static bool adds_up(const char *key)
{
        static const char *const patterns[] = { "Listen*", "Environment*", "Exec*",  "After",        "Before",
                                                "Wants",   "Requires",     "Bind*s", "*Paths",       "Condition*",
                                                "Assert*", "Conflicts",    "PartOf", "WantedBy",     "SystemCallFilter",
                                                "Also",    "BindsTo",      "Alias",  "Documentation" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(patterns); i++)
                if (fnmatch(patterns[i], key, 0) == 0)
                        return true;
        return false;
}

static bool wins_over(const VhUnitLine *theirs, const VhUnitLine *ours)
{
        return vh_streq(theirs->section, ours->section) && vh_streq(theirs->key, ours->key) &&
               (adds_up(ours->key) ? !*theirs->value : !vh_streq(theirs->value, ours->value));
}

static void tell(Rivals *x, const VhUnitLine *theirs, const VhUnitLine *ours)
{
        const VhPlanPlace *place = vh_plan_place(x->file, ours->line);
        VhFinding *n;

        if (!place)
                return;
        n = vh_findings_add(x->findings, VH_SEVERITY_WARNING, "apply-overridden", place->node->file, place->node->line,
                            place->node->column, "/%s:%u has the last word about %s= of %s", theirs->file, theirs->line,
                            ours->key, x->file->unit);
        if (n) {
                n->width = place->node->width;
                n->path = vh_arena_strdup(&x->findings->arena, place->path);
        }
        vh_finding_hint(x->findings, n, "remove that line, or say the same in the profile");
}

static int look_at_drop_in(void *data, const char *name)
{
        Rivals *x = data;
        _vh_free_ char *path = vh_xasprintf("%s/%s", x->dir, name);
        VhUnitLines lines = { 0 };

        if (!vh_endswith(name, ".conf") || strcmp(name, OWN_DROP_IN) <= 0 || !read_lines(x, path, false, &lines))
                return 0;
        for (const VhUnitLine *u = x->ours->first; u; u = u->next)
                for (const VhUnitLine *theirs = lines.first; theirs; theirs = theirs->next)
                        if (wins_over(theirs, u)) {
                                tell(x, theirs, u);
                                break;
                        }
        return 0;
}

static void check_drop_in(Rivals *x, const VhPlanFile *f)
{
        _vh_findings_ VhFindings ignored = { 0 };
        VhUnitLines ours = { 0 };

        vh_unit_parse(&x->arena, &ours, f->path, f->content, &ignored);
        x->file = f;
        x->ours = &ours;
        for (size_t i = 0; vh_unit_dir(&x->view, i); i++) {
                _vh_free_ char *dir = vh_xasprintf("%s/%s.d", vh_unit_dir(&x->view, i), f->unit);

                x->dir = dir;
                vh_tree_list(&x->host->tree, dir, look_at_drop_in, x);
        }
}

static bool has_word(const char *text, const char *word)
{
        const char *at = strstr(text, word);

        return at && (at == text || at[-1] == ' ') && (at[strlen(word)] == ' ' || !at[strlen(word)]);
}

/* A file of arguments that the profile has no say in. */
static void check_arguments(Rivals *x, const VhDaemonDesc *d, const char *env_dir)
{
        _vh_free_ char *path = vh_xasprintf("%s/%s", env_dir, d->name), *socket = vh_xasprintf("%s.socket", d->name);
        const VhPlanUnit *unit = vh_plan_find_unit(x->plan, socket);
        VhUnitLines lines = { 0 };

        if (!unit || unit->state != VH_PLAN_ENABLED || vh_plan_find(x->plan, path) ||
            !read_lines(x, path, true, &lines))
                return;
        for (const VhUnitLine *u = lines.first; u; u = u->next) {
                VhFinding *n;

                if (!vh_streq(u->key, d->args_variable) ||
                    !(has_word(u->value, "--listen") || has_word(u->value, "-l")))
                        continue;
                n = vh_findings_add(x->findings, x->host->systemd ? VH_SEVERITY_ERROR : VH_SEVERITY_WARNING,
                                    "apply-listen", path, u->line, u->column,
                                    "--listen and sockets from systemd exclude each other: %s does not start", d->name);
                vh_finding_hint(x->findings, n, "remove --listen; remote.tls and remote.tcp of the profile listen");
        }
}

void vh_host_rivals(const VhHost *host, const VhPlan *plan, const char *env_dir, VhFindings *findings)
{
        Rivals x = { .host = host, .plan = plan, .findings = findings };

        vh_unit_view(&x.view, &host->tree, NULL);
        for (size_t i = 0; i < plan->n; i++)
                if (plan->files[i].kind == VH_PLAN_DROP_IN)
                        check_drop_in(&x, &plan->files[i]);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->units)
                        check_arguments(&x, *d, env_dir);
        vh_arena_done(&x.arena);
}
