/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trying a set of changes.
 *
 * The way back does not depend on this process: a timer of systemd, started before the first change, calls
 * "virthost rollback --expired". This process only shows the time, and takes ENTER for a yes. */

#include "apply/try.h"
#include "apply/boot-unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>

static const char timer_name[] = "virthost-try";

enum {
        /* The timer is a spare wheel for a process that still lives; it comes a little later. */
        TIMER_GRACE = 3,
        /* How long the timer may take to take everything back before this process does it. */
        REVERT_SECONDS = 30,
};

static bool is_about_reach(const char *option)
{
        static const char *const prefixes[] = { "listen_", "tls_", "tcp_", "auth_tls", "auth_tcp", "sasl_" };
        static const char *const names[] = { "ca_file", "cert_file", "key_file", "crl_file" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(prefixes); i++)
                if (vh_startswith(option, prefixes[i]))
                        return true;
        for (size_t i = 0; i < VH_ARRAY_SIZE(names); i++)
                if (vh_streq(option, names[i]))
                        return true;
        return false;
}

/* Lines of one file that the other does not have, and that are about reach. */
static bool has_other_line(const char *text, const char *other)
{
        _vh_free_ char *copy = vh_xstrdup(text), *haystack = vh_xasprintf("\n%s\n", other);
        char *rest = copy, *line;

        while ((line = strsep(&rest, "\n"))) {
                _vh_free_ char *needle = vh_xasprintf("\n%s\n", line);

                line += strspn(line, " \t");
                if (is_about_reach(line) && !strstr(haystack, needle))
                        return true;
        }
        return false;
}

static bool is_daemon_conf(const char *path)
{
        const char *slash = strrchr(path, '/');

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if (vh_streq(slash ? slash + 1 : path, (*d)->conf->file))
                        return true;
        return false;
}

static bool changes_reach(const VhChange *c)
{
        const char *old = c->old.kind == VH_NODE_FILE ? c->old.data : "";
        const char *new = c->new.kind == VH_NODE_FILE ? c->new.data : "";

        if (strstr(c->path, "-tls.socket") || strstr(c->path, "-tcp.socket"))
                /* A mask of what was never open closes nothing. */
                return !(c->new.kind == VH_NODE_LINK &&vh_streq(c->new.data, "/dev/null"));
        if (!is_daemon_conf(c->path))
                return false;
        return has_other_line(old, new) || has_other_line(new, old);
}

bool vh_try_needs_new_connection(const VhChangeSet *set)
{
        for (size_t i = 0; i < set->n_changes; i++)
                if (changes_reach(&set->changes[i]))
                        return true;
        for (size_t i = 0; i < set->n_actions; i++) {
                const char *unit = set->actions[i].unit;

                if (unit && (vh_endswith(unit, "-tls.socket") || vh_endswith(unit, "-tcp.socket")))
                        return true;
        }
        return false;
}

static int start_timer(VhSession *s, unsigned seconds, VhError **err)
{
        _vh_free_ char *program = vh_own_program(err);
        const char *const argv[] = { program, "rollback", "--expired", "--quiet", NULL };

        return !program ? -ENOENT : vh_systemd_start_timer(s->host.systemd, timer_name, seconds, argv, err);
}

void vh_try_stop_timer(VhSession *s)
{
        _vh_free_ char *unit = vh_xasprintf("%s.timer", timer_name);

        if (s->host.systemd)
                vh_systemd_job(s->host.systemd, "StopUnit", unit, NULL);
}

int vh_try_keep(VhSession *s, const VhJournal *j)
{
        _vh_error_ VhError *err = NULL;
        VhChangeSet kept = j->set;
        int r = vh_journal_commit(&s->store, &kept, &err);

        if (r < 0)
                return vh_session_failed(s, err, r);
        vh_try_stop_timer(s);
        if (!s->cli.quiet)
                fprintf(stderr, "kept: generation %u\n", kept.generation);
        return VH_EXIT_DONE;
}

static int take_back_now(VhSession *s)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_error_ VhError *err = NULL;
        VhRun run = vh_session_run(s);
        int r = vh_store_lock(&s->store, &s->host.tree, &err);

        if (r >= 0)
                r = vh_journal_load(&s->host.tree, &j, &err);
        if (r > 0)
                r = vh_run_take_back(&run, &j, &err);
        vh_session_end_progress(s);
        if (r < 0)
                return vh_session_failed(s, err, r);
        vh_try_stop_timer(s);
        fputs("taken back: the host is as before\n", stderr);
        return VH_EXIT_FAILED;
}

static int keep_now(VhSession *s)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_error_ VhError *err = NULL;
        int r = vh_store_lock(&s->store, &s->host.tree, &err);

        if (r >= 0)
                r = vh_journal_load(&s->host.tree, &j, &err);
        if (r < 0)
                return vh_session_failed(s, err, r);
        return r > 0 ? vh_try_keep(s, &j) : VH_EXIT_FAILED;
}

typedef enum Answer {
        ANSWER_NONE,
        ANSWER_KEEP,
        ANSWER_END,
} Answer;

static int open_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC);
}

static Answer read_signal(int fd)
{
        struct signalfd_siginfo info;

        if (read(fd, &info, sizeof(info)) != sizeof(info))
                return ANSWER_NONE;
        return info.ssi_signo == SIGUSR1 ? ANSWER_KEEP : ANSWER_END;
}

/* One second, or until somebody says something. A terminal that is gone says nothing any more. */
static Answer wait_for_answer(int signals, bool *tty)
{
        struct pollfd fds[] = { { signals, POLLIN, 0 }, { *tty ? STDIN_FILENO : -1, POLLIN, 0 } };
        char line[256];

        if (poll(fds, VH_ARRAY_SIZE(fds), 1000) <= 0)
                return ANSWER_NONE;
        if (fds[0].revents)
                return read_signal(signals);
        if (fds[1].revents && read(STDIN_FILENO, line, sizeof(line)) > 0)
                return ANSWER_KEEP;
        *tty = false;
        return ANSWER_NONE;
}

static void show_time(VhSession *s, long left, bool tty, bool fresh)
{
        _vh_free_ char *line = vh_xasprintf("taken back in %ld s; %s", left,
                                            fresh ? "to keep it: virthost confirm over a new connection"
                                                  : "ENTER or virthost confirm keeps it");

        if (s->cli.quiet || !tty)
                return;
        fprintf(stderr, "\r%s  ", line);
        s->progress_width = strlen(line) + 2;
        fflush(stderr);
}

/* 1: still waiting; 0: it is over, and the next look at the history says how. */
static int is_waiting(VhSession *s)
{
        _vh_journal_ VhJournal j = { 0 };

        return vh_journal_load(&s->host.tree, &j, NULL) != 0;
}

static int tell_end(VhSession *s)
{
        vh_session_end_progress(s);
        if (vh_history_last(&s->host.tree) >= s->set.generation) {
                fprintf(stderr, "kept: generation %u\n", s->set.generation);
                return VH_EXIT_DONE;
        }
        fputs("taken back: the host is as before\n", stderr);
        return VH_EXIT_FAILED;
}

static int count_down(VhSession *s, uint64_t deadline, int signals)
{
        bool tty = isatty(STDIN_FILENO);
        bool shown = isatty(STDERR_FILENO);

        for (;;) {
                long left = (long)(deadline - (uint64_t)time(NULL));
                Answer answer;

                if (!is_waiting(s))
                        return tell_end(s);
                if (left <= -REVERT_SECONDS - TIMER_GRACE)
                        return take_back_now(s);
                show_time(s, VH_MAX(left, 0L), shown, s->set.new_connection);
                answer = wait_for_answer(signals, &tty);
                if (answer != ANSWER_NONE)
                        vh_session_end_progress(s);
                if (answer == ANSWER_END)
                        return take_back_now(s);
                if (answer == ANSWER_KEEP && !s->set.new_connection)
                        return keep_now(s);
                if (answer == ANSWER_KEEP)
                        fputs("listeners or certificates change: confirm over a new connection with virthost confirm\n",
                              stderr);
        }
}

int vh_try(VhSession *s)
{
        _vh_error_ VhError *err = NULL;
        _vh_close_ int signals = -1;
        uint64_t deadline = 0;
        VhRun run = vh_session_run(s);
        VhOutcome outcome;
        int r;

        s->set.kind = VH_RUN_TRY;
        s->set.new_connection = vh_try_needs_new_connection(&s->set);
        signal(SIGHUP, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        vh_try_stop_timer(s);
        r = start_timer(s, s->timeout + TIMER_GRACE, &err);
        if (r < 0)
                return vh_session_failed(s, err, r);
        signals = open_signals();
        deadline = (uint64_t)time(NULL) + s->timeout;
        outcome = vh_run(&run, &s->set, deadline, &err);
        vh_session_end_progress(s);
        if (outcome == VH_OUTCOME_DONE) {
                vh_store_unlock(&s->store);
                return count_down(s, deadline, signals);
        }
        if (outcome == VH_OUTCOME_REVERTED)
                vh_try_stop_timer(s);
        vh_session_failed(s, err, -EIO);
        fputs(outcome == VH_OUTCOME_REVERTED ? "the host is as before\n" : "virthost rollback takes back the rest\n",
              stderr);
        return VH_EXIT_FAILED;
}
