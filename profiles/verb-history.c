/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost try, confirm, rollback: what is kept and what is taken back. */

#include "apply/boot-unit.h"
#include "apply/connection.h"
#include "apply/ended-try.h"
#include "apply/try.h"

#include <errno.h>
#include <time.h>

enum {
        /* The timer of a try may come while the try still works. */
        LOCK_TRIES = 600,
        LOCK_PAUSE_USEC = 1000 * 1000,
};

static const VhCliOption try_options[] = {
        { "timeout", 't', "SECONDS", "how long to wait for the confirmation (120)" },
        VH_SESSION_OPTIONS,
        { 0 },
};

static const VhCliOption rollback_options[] = {
        { "dry-run", 'n', NULL, "only say what would be done" },
        { "expired", 0, NULL, "end a try whose time is up, for its timer" },
        { "boot", 0, NULL, "end a try that a boot has interrupted, for its unit" },
        { 0 },
};

/* What would stay behind is named before anything is done. */
static bool can_be_taken_back(VhSession *s)
{
        bool can = true;

        for (size_t i = 0; i < s->set.n_actions; i++) {
                if (s->set.actions[i].kind != VH_ACTION_ACCOUNTS)
                        continue;
                can = false;
                fprintf(stderr,
                        "virthost try: %s: makes groups or members, which cannot be taken back; apply such a profile "
                        "first, or take access.create_group and members out\n",
                        s->set.actions[i].unit);
        }
        return can;
}

static int run_try(int argc, char **argv)
{
        VhSession s;
        int status = vh_session_begin(&s, &vh_verb_try, argc, argv, 1, true);

        if (status < 0 && !s.host.systemd)
                status = vh_cli_usage_error(&vh_verb_try, "an image cannot be tried; leave out --root");
        if (status < 0 && (!vh_session_lock(&s) || !vh_session_plan(&s, argv[s.cli.first])))
                status = VH_EXIT_FAILED;
        if (status < 0 && !can_be_taken_back(&s))
                status = VH_EXIT_FAILED;
        if (status < 0 && !vh_session_is_idle(&s, &status)) {
                if (!s.cli.quiet)
                        vh_show_actions(&(VhShow){ stderr, s.cli.color }, &s.set, &s.host);
                status = vh_try(&s);
        }
        vh_session_done(&s);
        return status;
}

static bool is_new_connection(const VhJournal *j)
{
        _vh_free_ char *name = vh_connection_name();

        if (!vh_streq(j->connection, "-") && name)
                return !vh_streq(j->connection, name);
        return vh_connection_start() > j->applied;
}

static int confirm(VhSession *s)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_error_ VhError *err = NULL;
        int r = vh_store_lock(&s->store, &s->host.tree, &err);

        if (r >= 0)
                r = vh_journal_load(&s->host.tree, &j, &err);
        if (r >= 0 && (r == 0 || j.phase != VH_PHASE_WAITING || j.set.kind != VH_RUN_TRY)) {
                vh_error_plain(&err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID, "nothing is being tried");
                r = -ENOENT;
        }
        if (r >= 0 && ((uint64_t)time(NULL) >= j.deadline || !vh_boot_unit_is_fresh(&s->host.tree))) {
                vh_error_plain(&err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                               "the time is up: it is being taken back");
                r = -ETIME;
        }
        if (r >= 0 && j.set.new_connection && !is_new_connection(&j)) {
                vh_error_plain(&err, VIR_FROM_CONF, VIR_ERR_OPERATION_DENIED,
                               "listeners or certificates change: confirm over a connection made after that");
                r = -EPERM;
        }
        return r < 0 ? vh_session_failed(s, err, r) : vh_try_keep(s, &j);
}

static int run_confirm(int argc, char **argv)
{
        VhSession s;
        int status = vh_session_begin(&s, &vh_verb_confirm, argc, argv, 0, false);

        if (status < 0)
                status = confirm(&s);
        vh_session_done(&s);
        return status;
}

/* What is in the journal goes: a try that waits, or a run that was interrupted. */
static int end_run(VhSession *s, const VhJournal *j)
{
        _vh_error_ VhError *err = NULL;
        VhRun run = vh_session_run(s);
        int r = (s->boot ? vh_run_take_back_at_boot : vh_run_take_back)(&run, j, &err);

        vh_session_end_progress(s);
        if (r < 0)
                return vh_session_failed(s, err, r);
        /* The timer's own service must not stop what called it. */
        if (j->set.kind == VH_RUN_TRY && !s->expired && !s->boot)
                vh_try_stop_timer(s);
        if (!s->cli.quiet)
                fprintf(stderr, "the %s of %s was taken back: the host is as before\n", vh_run_name(j->set.kind),
                        j->set.profile);
        if (j->set.kind == VH_RUN_TRY && (s->boot || s->expired))
                r = vh_ended_try_put(&s->host.tree, j->set.profile, s->boot, &err);
        return r < 0 ? vh_session_failed(s, err, r) : VH_EXIT_DONE;
}

/* Later generations undo what earlier ones did: for every path the state before the first of them counts. */
static int merge_inverse(VhSession *s, unsigned generation, VhError **err)
{
        _vh_changes_ VhChangeSet set = { 0 }, inverse = { 0 };
        int r = vh_history_load(&s->host.tree, generation, &set, err);

        if (r < 0)
                return r;
        vh_changes_invert(&inverse, &set);
        for (size_t i = 0; i < inverse.n_changes; i++) {
                VhChange *c = &inverse.changes[i], *known = (VhChange *)vh_changes_find(&s->set, c->path);

                if (known) {
                        vh_node_done(&known->new);
                        vh_node_copy(&known->new, &c->new);
                } else {
                        vh_changes_add(&s->set, vh_xstrdup(c->path), &c->old, &c->new)->secret = c->secret;
                }
        }
        for (size_t i = 0; i < inverse.n_units; i++)
                vh_changes_unit(&s->set, inverse.units[i].unit, false, inverse.units[i].wish);
        return 0;
}

/* What came and went in between needs no change. */
static void drop_unchanged(VhChangeSet *set)
{
        size_t kept = 0;

        for (size_t i = 0; i < set->n_changes; i++) {
                VhChange *c = &set->changes[i];

                if (vh_node_equal(&c->old, &c->new)) {
                        free(c->path);
                        vh_node_done(&c->old);
                        vh_node_done(&c->new);
                } else {
                        set->changes[kept++] = *c;
                }
        }
        set->n_changes = kept;
}

static void check_drift(VhSession *s)
{
        for (size_t i = 0; i < s->set.n_changes; i++) {
                const VhChange *c = &s->set.changes[i];
                _vh_free_ char *name = vh_xasprintf("/%s", c->path);
                _vh_node_ VhNode now = { 0 };

                if (vh_tree_read(&s->host.tree, c->path, &now) >= 0 && vh_node_same_content(&now, &c->old))
                        continue;
                vh_finding_hint(&s->findings,
                                vh_findings_add(&s->findings, VH_SEVERITY_ERROR, "rollback-drift", name, 0, 0,
                                                "was changed since it was applied and would be lost"),
                                "virthost apply first, or put it back");
        }
}

/* Services that were up stay as they are; sockets decide. */
static void forget_services(VhChangeSet *set)
{
        for (size_t i = 0; i < set->n_units; i++)
                if (vh_endswith(set->units[i].unit, ".service") && set->units[i].wish == VH_WISH_UP &&
                    set->units[i].was)
                        set->units[i].wish = VH_WISH_KEEP;
}

static int plan_rollback(VhSession *s, unsigned target, VhError **err)
{
        unsigned last = vh_history_last(&s->host.tree);
        int r = 0;

        if (last == 0 || target >= last)
                return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_INVALID_ARG,
                                      last == 0 ? "nothing was applied to this host yet"
                                                : "that is where the host is; virthost status lists generations");
        s->set = (VhChangeSet){ .kind = VH_RUN_ROLLBACK,
                                .profile = vh_xasprintf("generation %u", target),
                                .time = (uint64_t)time(NULL),
                                .generation = last + 1,
                                .parent = last,
                                .live = s->host.systemd };
        for (unsigned g = last; r >= 0 && g > target; g--)
                r = merge_inverse(s, g, err);
        if (r < 0)
                return r;
        drop_unchanged(&s->set);
        check_drift(s);
        r = vh_run_learn(&s->host, &s->set, err);
        if (r < 0)
                return r;
        forget_services(&s->set);
        r = vh_host_actions(&s->set, &s->host, &s->findings, err);
        return r < 0 ? r : vh_host_obstacles(&s->set, &s->host, &s->findings, err);
}

static bool report(VhSession *s)
{
        VhReportStyle style = { .color = s->cli.color, .json = s->cli.json, .quiet = s->cli.quiet };

        vh_report(s->cli.json ? stdout : stderr, &s->findings, NULL, style);
        return s->findings.errors == 0;
}

/* The generation to go to when none is named: where the newest one came from. */
static unsigned previous(const VhSession *s)
{
        _vh_changes_ VhChangeSet set = { 0 };
        unsigned last = vh_history_last(&s->host.tree), target;

        if (last == 0 || vh_history_load(&s->host.tree, last, &set, NULL) < 0)
                return last > 0 ? last - 1 : 0;
        /* Behind a rollback to G comes what was before G. */
        if (set.kind == VH_RUN_ROLLBACK && sscanf(set.profile, "generation %u", &target) == 1)
                return target > 0 ? target - 1 : 0;
        return last - 1;
}

static int to_generation(VhSession *s, const char *word)
{
        _vh_error_ VhError *err = NULL;
        unsigned target = previous(s);
        int status, r;

        if (word && vh_parse_uint(word, &target) < 0)
                return vh_cli_usage_error(s->verb, "'%s' is no generation; virthost status lists them", word);
        r = plan_rollback(s, target, &err);
        if (r < 0)
                return vh_session_failed(s, err, r);
        if (!report(s))
                return VH_EXIT_FAILED;
        return vh_session_is_idle(s, &status) ? status : vh_session_carry_out(s);
}

/* A unit is to do only what it is there for, whoever starts it. */
static bool is_meant(const VhSession *s, const VhJournal *j)
{
        if (s->boot)
                return j->set.kind == VH_RUN_TRY && j->set.live && !vh_boot_unit_is_fresh(&s->host.tree);
        return !s->expired || j->set.kind == VH_RUN_TRY;
}

static int lock_for_rollback(VhSession *s, VhError **err)
{
        int r = vh_store_lock(&s->store, &s->host.tree, err);

        for (int i = 0; s->expired && r == -EBUSY && i < LOCK_TRIES; i++) {
                usleep(LOCK_PAUSE_USEC);
                r = vh_store_lock(&s->store, &s->host.tree, err);
        }
        return r;
}

static int rollback(VhSession *s, const char *word)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_error_ VhError *err = NULL;
        int r = lock_for_rollback(s, &err);

        if (r >= 0)
                r = vh_journal_load(&s->host.tree, &j, &err);
        if (r < 0)
                return vh_session_failed(s, err, r);
        if (r > 0 && is_meant(s, &j))
                return end_run(s, &j);
        return s->expired || s->boot ? VH_EXIT_DONE : to_generation(s, word);
}

static int run_rollback(int argc, char **argv)
{
        VhSession s;
        int status = vh_session_begin(&s, &vh_verb_rollback, argc, argv, 1, false);

        if (status < 0)
                status = rollback(&s, argv[s.cli.first]);
        vh_session_done(&s);
        return status;
}

const VhVerb vh_verb_try = {
        .name = "try",
        .arguments = "PROFILE",
        .help = "apply a profile and take it back unless it is confirmed",
        .about = "Applies a profile and waits. ENTER, or virthost confirm from elsewhere, keeps it; without\n"
                 "that everything is taken back, also when this session is lost. If listeners or\n"
                 "certificates change, the confirmation has to come over a new connection.",
        .options = try_options,
        .run = run_try,
};

const VhVerb vh_verb_confirm = {
        .name = "confirm",
        .arguments = "",
        .help = "keep what is being tried",
        .about = "Keeps the profile that virthost try has applied and waits with.",
        .run = run_confirm,
};

const VhVerb vh_verb_rollback = {
        .name = "rollback",
        .arguments = "[GENERATION]",
        .help = "take back what was applied",
        .about = "Ends a try or takes back a run that was interrupted, if there is one. Else the host goes\n"
                 "back to GENERATION, or to the one before the last: files, links, owners, modes, labels and\n"
                 "units. That is a generation too.",
        .options = rollback_options,
        .run = run_rollback,
};
