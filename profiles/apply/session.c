/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From arguments to a set of changes, and from there to an exit status. */

#include "apply/session.h"
#include "base/file.h"
#include "host/requirements.h"

#include <errno.h>

enum {
        PLAN_MAX = 64 * 1024 * 1024,
        TIMEOUT_MAX = 24 * 60 * 60, /* seconds */
};

static const char plan_magic[] = "virthost-changes ";

int vh_session_failed(const VhSession *s, const VhError *err, int r)
{
        if (s->cli.json) {
                VhJson j = { 0 };

                vh_json_open(&j, NULL, '{');
                vh_json_string(&j, "error", vh_error_text(err, r));
                vh_json_close(&j, '}');
                vh_session_print_json(&j);
        }
        fprintf(stderr, "virthost %s: %s\n", s->verb->name, vh_error_text(err, r));
        return VH_EXIT_FAILED;
}

void vh_session_print_json(VhJson *j)
{
        puts(j->buf.data ? j->buf.data : "");
        fflush(stdout);
        vh_json_done(j);
}

static int take_timeout(VhSession *s, const char *argument)
{
        if (vh_parse_uint(argument, &s->timeout) < 0 || s->timeout == 0 || s->timeout > TIMEOUT_MAX)
                return vh_cli_usage_error(s->verb, "--timeout takes seconds, from 1 to %d", TIMEOUT_MAX);
        return -1;
}

int vh_session_take(void *data, const VhCliOption *o, const char *argument)
{
        VhSession *s = data;
        const struct {
                const char *name;
                bool *flag;
        } flags[] = { { "units", &s->plan_options.units },
                      { "keep-foreign", &s->host_options.keep_foreign },
                      { "replace-foreign", &s->host_options.replace_foreign },
                      { "unmask", &s->host_options.unmask },
                      { "detailed-exitcode", &s->detailed_exitcode },
                      { "dry-run", &s->dry_run },
                      { "expired", &s->expired },
                      { "boot", &s->boot } };

        if (vh_streq(o->name, "timeout"))
                return take_timeout(s, argument);
        if (vh_streq(o->name, "output"))
                s->output = argument;
        for (size_t i = 0; i < VH_ARRAY_SIZE(flags); i++)
                if (vh_streq(o->name, flags[i].name))
                        *flags[i].flag = true;
        return -1;
}

int vh_session_begin(VhSession *s, const VhVerb *verb, int argc, char **argv, int max_arguments, bool needs_one)
{
        _vh_error_ VhError *err = NULL;
        int status, r;

        *s = (VhSession){
                .verb = verb, .timeout = VH_TRY_SECONDS, .store = { .lock = -1 }, .host = { .tree = { .fd = -1 } }
        };
        status = vh_cli_parse(verb, argc, argv, &s->cli, vh_session_take, s);
        if (status >= 0)
                return status;
        if (argc - s->cli.first > max_arguments || (needs_one && argc == s->cli.first))
                return vh_cli_usage_error(verb, max_arguments == 0 ? "takes no arguments"
                                                : needs_one        ? "give one profile"
                                                                   : "takes one argument at most");
        r = vh_host_open(&s->host, s->cli.root, false, verb != &vh_verb_status, &err);
        return r < 0 ? vh_session_failed(s, err, r) : -1;
}

void vh_session_done(VhSession *s)
{
        vh_session_end_progress(s);
        vh_changes_done(&s->set);
        vh_findings_done(&s->findings);
        vh_store_unlock(&s->store);
        vh_host_done(&s->host);
}

/* layers: where the profile's text is; NULL: there is no profile. */
static bool report(VhSession *s, const VhLayers *layers)
{
        VhReportStyle style = { .color = s->cli.color, .json = s->cli.json, .quiet = s->cli.quiet };

        vh_findings_sort(&s->findings);
        vh_report_files(s->cli.json ? stdout : stderr, &s->findings, layers ? vh_load_source : NULL, layers, style);
        return s->findings.errors == 0 && !(s->cli.strict && s->findings.warnings > 0);
}

static bool plan_from_profile(VhSession *s, const char *path)
{
        VhLoadOptions load = vh_cli_load_options(&s->cli);
        _vh_findings_ VhFindings findings = { 0 };
        _vh_error_ VhError *err = NULL;
        VhArena arena = { 0 };
        VhLayers layers = { .arena = &arena };
        VhPlan plan = { 0 };
        bool good = false;
        VhProfile *p;
        int r = 0;

        load.layers = &layers;
        p = vh_load_profile(path, &arena, &findings, &load);
        if (p) {
                vh_profile_check_host(p, &s->host.tree, &s->findings);
                vh_plan_make(&plan, p, &s->plan_options);
                vh_host_rivals(&s->host, &plan, p->distro->env_dir, &s->findings);
                r = vh_host_changes(&s->set, &s->host, &plan, p->name, &s->host_options, &s->findings, &err);
                vh_plan_done(&plan);
                good = r >= 0 && report(s, &layers);
        }
        vh_layers_done(&layers);
        vh_arena_done(&arena);
        if (r < 0)
                vh_session_failed(s, err, r);
        return good;
}

static void stale(VhSession *s, const char *what, const char *text)
{
        VhFinding *n = vh_findings_add(&s->findings, VH_SEVERITY_ERROR, "plan-stale", what, 0, 0, "%s", text);

        vh_finding_hint(&s->findings, n, "make the plan again");
}

static void stale_path(VhSession *s, const char *path, const char *text)
{
        _vh_free_ char *name = vh_xasprintf("/%s", path);

        stale(s, name, text);
}

/* Every file that the plan was made from must still be as it was. */
static void check_reads(VhSession *s)
{
        for (size_t i = 0; i < s->set.n_reads; i++) {
                const VhRead *read = &s->set.reads[i];
                _vh_node_ VhNode now = { 0 };

                if (vh_tree_read(&s->host.tree, read->path, &now) < 0 || vh_node_fingerprint(&now) != read->fingerprint)
                        stale_path(s, read->path, "changed since the plan was made");
        }
        for (size_t i = 0; i < s->set.n_changes; i++) {
                const VhChange *c = &s->set.changes[i];
                _vh_node_ VhNode now = { 0 };

                if (vh_tree_read(&s->host.tree, c->path, &now) < 0 || vh_node_equal(&now, &c->old))
                        continue;
                if (!vh_show_is_internal(c->path))
                        stale_path(s, c->path, "is not what the plan found there");
        }
}

/* Sockets do not come and go by themselves; services do. */
static int check_units(VhSession *s, VhError **err)
{
        for (size_t i = 0; s->host.systemd && i < s->set.n_units; i++) {
                VhUnitInfo info;
                int r = vh_systemd_unit(s->host.systemd, s->set.units[i].unit, &info, err);

                if (r < 0)
                        return r;
                if (vh_endswith(s->set.units[i].unit, ".socket") && info.active != s->set.units[i].was)
                        stale(s, s->set.units[i].unit,
                              info.active ? "is active and was not when the plan was made"
                                          : "was active when the plan was made and is not now");
        }
        return 0;
}

static bool plan_from_file(VhSession *s, const char *path, const char *text, size_t len)
{
        _vh_error_ VhError *err = NULL;
        int r = vh_changes_parse(&s->set, path, text, len, &err);

        if (r >= 0 && s->set.live != (s->host.systemd != NULL))
                r = vh_error_plain(&err, VIR_FROM_CONF, VIR_ERR_INVALID_ARG, "%s is a plan for %s", path,
                                   s->set.live ? "a running host, not for an image"
                                               : "an image, not for a running host");
        if (r < 0) {
                vh_session_failed(s, err, r);
                return false;
        }
        if (s->set.parent != vh_history_last(&s->host.tree))
                stale(s, path, "another profile was applied since the plan was made");
        check_reads(s);
        r = check_units(s, &err);
        if (r >= 0)
                r = vh_host_obstacles(&s->set, &s->host, &s->findings, &err);
        if (r < 0)
                vh_session_failed(s, err, r);
        return r >= 0 && report(s, NULL);
}

bool vh_session_plan(VhSession *s, const char *path)
{
        _vh_free_ char *text = NULL;
        size_t len;

        if (!vh_streq(path, "-") && vh_file_read(path, PLAN_MAX, &text, &len) >= 0 && vh_startswith(text, plan_magic))
                return plan_from_file(s, path, text, len);
        return plan_from_profile(s, path);
}

bool vh_session_lock(VhSession *s)
{
        _vh_error_ VhError *err = NULL;
        VhRunKind what;
        bool back;
        VhRun run;
        int r = vh_store_lock(&s->store, &s->host.tree, &err);

        if (r < 0) {
                vh_session_failed(s, err, r);
                return false;
        }
        run = vh_session_run(s);
        r = vh_run_recover(&run, &what, &back, &err);
        vh_session_end_progress(s);
        if (r > 0)
                fprintf(stderr, "virthost %s: an interrupted %s was found and %s first%s%s\n", s->verb->name,
                        vh_run_name(what), back ? "taken back" : "completed", err ? ": " : "", err ? err->message : "");
        if (r >= 0) {
                vh_error_clear(&err);
                r = vh_host_refresh(&s->host, &err);
        }
        if (r < 0)
                vh_session_failed(s, err, r);
        return r >= 0;
}

/* On a terminal one line that changes, else a line a step if that was asked for. */
static void tell(void *data, const VhStep *step, size_t i, size_t n, bool back)
{
        VhSession *s = data;
        _vh_free_ char *text = vh_show_step(step), *line = NULL;
        bool tty = isatty(STDERR_FILENO) && !s->cli.verbose;

        if (s->cli.quiet || (!tty && !s->cli.verbose))
                return;
        line = vh_xasprintf("[%zu/%zu] %s%.100s", i + 1, n, back ? "back: " : "", text);
        if (!tty) {
                fprintf(stderr, "%s\n", line);
                return;
        }
        fprintf(stderr, "\r%s%*s", line, strlen(line) < s->progress_width ? (int)(s->progress_width - strlen(line)) : 0,
                "");
        s->progress_width = strlen(line);
        fflush(stderr);
}

void vh_session_end_progress(VhSession *s)
{
        if (s->progress_width > 0)
                fprintf(stderr, "\r%*s\r", (int)s->progress_width, "");
        s->progress_width = 0;
}

VhRun vh_session_run(VhSession *s)
{
        return (VhRun){ .store = &s->store, .host = &s->host, .told = tell, .data = s };
}

static void print_result(VhSession *s, bool changed)
{
        VhJson j = { 0 };

        vh_json_open(&j, NULL, '{');
        vh_json_bool(&j, "changed", changed);
        vh_show_json(&j, "plan", &s->set, &s->host);
        vh_json_close(&j, '}');
        vh_session_print_json(&j);
}

bool vh_session_is_idle(VhSession *s, int *status)
{
        bool nothing = vh_changes_empty(&s->set);

        *status = VH_EXIT_DONE;
        if (!nothing && !s->dry_run)
                return false;
        if (s->cli.json)
                print_result(s, !nothing);
        else if (nothing && !s->cli.quiet)
                fprintf(stderr, "nothing to do: the host is as the profile says\n");
        else if (!s->cli.quiet)
                vh_show_actions(&(VhShow){ stdout, s->cli.color }, &s->set, &s->host);
        if (!nothing && s->detailed_exitcode)
                *status = VH_EXIT_CHANGES;
        return true;
}

int vh_session_carry_out(VhSession *s)
{
        _vh_error_ VhError *err = NULL;
        VhRun run = vh_session_run(s);
        VhOutcome outcome = vh_run(&run, &s->set, 0, &err);

        vh_session_end_progress(s);
        if (outcome == VH_OUTCOME_DONE) {
                if (s->cli.json)
                        print_result(s, true);
                else if (!s->cli.quiet)
                        vh_show_actions(&(VhShow){ stderr, s->cli.color }, &s->set, &s->host);
                if (!s->cli.quiet)
                        fprintf(stderr, "done: generation %u of %s\n", s->set.generation,
                                vh_streq(s->host.tree.root, "/") ? "this host" : s->host.tree.root);
                return s->detailed_exitcode ? VH_EXIT_CHANGES : VH_EXIT_DONE;
        }
        vh_session_failed(s, err, -EIO);
        fputs(outcome == VH_OUTCOME_REVERTED
                      ? "the host is as before\n"
                      : "the host is between two states: virthost rollback takes back the rest\n",
              stderr);
        return VH_EXIT_FAILED;
}
