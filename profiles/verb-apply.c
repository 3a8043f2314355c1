/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost diff, plan, apply. */

#include "apply/session.h"
#include "base/file.h"

enum { PLAN_MODE = 0600 };

#define OPTION_DETAILED                                                                                                \
        {                                                                                                              \
                "detailed-exitcode", 0, NULL, "0: no change, 1: failed, 2: there are changes"                          \
        }

static const VhCliOption diff_options[] = { VH_SESSION_OPTIONS, OPTION_DETAILED, { 0 } };
static const VhCliOption plan_options[] = {
        { "output", 'o', "FILE", "save the plan for virthost apply; it may hold secrets" },
        VH_SESSION_OPTIONS,
        OPTION_DETAILED,
        { 0 },
};
static const VhCliOption apply_options[] = {
        { "dry-run", 'n', NULL, "only say what would be done" },
        VH_SESSION_OPTIONS,
        OPTION_DETAILED,
        { 0 },
};

static void warn_of_journal(const VhSession *s)
{
        _vh_journal_ VhJournal j = { 0 };

        if (vh_journal_load(&s->host.tree, &j, NULL) > 0)
                fprintf(stderr, "virthost %s: %s; this shows what differs now\n", s->verb->name,
                        j.phase == VH_PHASE_WAITING ? "a profile is being tried"
                                                    : "a run was interrupted here, virthost status tells more");
}

static int save_plan(const VhSession *s)
{
        _vh_error_ VhError *err = NULL;
        _vh_buf_ VhBuf b = { 0 };
        int r;

        vh_changes_format(&s->set, &b);
        r = vh_file_write(s->output, b.data, b.len, PLAN_MODE, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER, 0);
        if (r >= 0)
                return VH_EXIT_DONE;
        vh_error_sys(&err, VIR_FROM_CONF, r, "cannot write %s", s->output);
        return vh_session_failed(s, err, r);
}

static void print(VhSession *s, bool actions)
{
        VhShow show = { stdout, s->cli.color && isatty(STDOUT_FILENO) };
        VhJson j = { 0 };

        if (s->cli.json) {
                vh_show_json(&j, NULL, &s->set, &s->host);
                vh_session_print_json(&j);
                return;
        }
        vh_show_diff(&show, &s->set);
        if (actions)
                vh_show_actions(&show, &s->set, &s->host);
}

static int show(const VhVerb *verb, int argc, char **argv)
{
        VhSession s;
        int status = vh_session_begin(&s, verb, argc, argv, 1, true);

        if (status < 0) {
                warn_of_journal(&s);
                status = vh_session_plan(&s, argv[s.cli.first]) ? VH_EXIT_DONE : VH_EXIT_FAILED;
                if (status == VH_EXIT_DONE) {
                        print(&s, verb == &vh_verb_plan);
                        if (s.output)
                                status = save_plan(&s);
                        if (status == VH_EXIT_DONE && s.detailed_exitcode && !vh_changes_empty(&s.set))
                                status = VH_EXIT_CHANGES;
                }
        }
        vh_session_done(&s);
        return status;
}

static int run_diff(int argc, char **argv)
{
        return show(&vh_verb_diff, argc, argv);
}

static int run_plan(int argc, char **argv)
{
        return show(&vh_verb_plan, argc, argv);
}

static int run_apply(int argc, char **argv)
{
        VhSession s;
        int status = vh_session_begin(&s, &vh_verb_apply, argc, argv, 1, true);

        if (status < 0 && !s.dry_run && !vh_session_lock(&s))
                status = VH_EXIT_FAILED;
        if (status < 0 && !vh_session_plan(&s, argv[s.cli.first]))
                status = VH_EXIT_FAILED;
        if (status < 0 && !vh_session_is_idle(&s, &status))
                status = vh_session_carry_out(&s);
        vh_session_done(&s);
        return status;
}

const VhVerb vh_verb_diff = {
        .name = "diff",
        .arguments = "PROFILE",
        .help = "show what a profile would change on this host",
        .about = "Shows how files, links and units of this host differ from what the profile comes to.\n"
                 "Passwords are not shown.",
        .options = diff_options,
        .run = run_diff,
};

const VhVerb vh_verb_plan = {
        .name = "plan",
        .arguments = "PROFILE",
        .help = "show all that applying a profile would do",
        .about = "Shows what virthost apply would do: files, what is done to which units in which order and\n"
                 "why, what it means for running guests, and counts. Nothing is changed. A saved plan is\n"
                 "only applied while the host is as the plan found it.",
        .options = plan_options,
        .run = run_plan,
};

const VhVerb vh_verb_apply = {
        .name = "apply",
        .arguments = "PROFILE|PLAN",
        .help = "make this host what a profile says",
        .about = "Makes this host, or the image below --root, what the profile says, with the smallest\n"
                 "actions that do: a setting of a running daemon, a reload, a restart of that daemon only.\n"
                 "Guests are never stopped. If something fails, all is taken back.",
        .options = apply_options,
        .run = run_apply,
};
