/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virthost status: what was applied here, what has changed since, what is under way. */

#include "apply/ended-try.h"
#include "apply/session.h"

#include <inttypes.h>
#include <time.h>

static char *time_text(uint64_t seconds)
{
        char text[64] = "";
        time_t t = (time_t)seconds;
        struct tm tm;

        if (localtime_r(&t, &tm))
                strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        return vh_xstrdup(text);
}

/* Calls fn for each of our files and links that is not as it was written. */
static unsigned find_drift(const VhHost *host, void (*fn)(void *data, const char *path, bool missing), void *data)
{
        unsigned n = 0;

        for (size_t i = 0; i < host->applied.n; i++) {
                const VhAppliedItem *item = &host->applied.items[i];
                _vh_node_ VhNode node = { 0 };
                int r = vh_tree_read(&host->tree, item->path, &node);

                if (r >= 0 && node.kind == item->kind && vh_node_fingerprint(&node) == item->fingerprint)
                        continue;
                n++;
                fn(data, item->path, r >= 0 && node.kind == VH_NODE_NONE);
        }
        return n;
}

static const char *phase_text(const VhJournal *j)
{
        return j->phase == VH_PHASE_WAITING ? "waits to be confirmed"
               : j->phase == VH_PHASE_BACK  ? "was interrupted on the way back"
                                            : "was interrupted";
}

static void print_drift(void *data, const char *path, bool missing)
{
        printf("  /%s %s\n", path, missing ? "is gone" : "was changed");
}

static void print_journal(const VhJournal *j)
{
        printf("%s of %s %s", vh_run_name(j->set.kind), j->set.profile, phase_text(j));
        if (j->phase == VH_PHASE_WAITING)
                printf(" (%" PRId64 " s left): virthost confirm keeps it, virthost rollback ends it\n",
                       (int64_t)(j->deadline - (uint64_t)time(NULL)));
        else
                printf(" at step %zu of %zu: the next apply ends it, virthost rollback takes it back\n", j->begun,
                       vh_changes_steps(&j->set));
}

static void print_ended(const VhEndedTry *ended)
{
        _vh_free_ char *when = time_text(ended->time);

        printf("the last try, of %s, was taken back %s: %s\n", ended->profile, when,
               ended->at_boot ? "the machine went down during it" : "nobody confirmed it in time");
}

static void print_generations(const VhHost *host)
{
        for (unsigned g = vh_history_last(&host->tree); g > 0; g--) {
                _vh_changes_ VhChangeSet set = { 0 };
                _vh_free_ char *when = NULL, *summary = NULL;

                if (vh_history_load(&host->tree, g, &set, NULL) < 0)
                        continue;
                when = time_text(set.time);
                summary = vh_show_summary(&set);
                printf("  %u  %s  %s %s: %s\n", g, when, vh_run_name(set.kind), set.profile, summary);
        }
}

static void print_text(const VhSession *s, const VhJournal *j, const VhEndedTry *ended)
{
        if (s->host.applied.profile)
                printf("profile %s, generation %u\n", s->host.applied.profile, s->host.applied.generation);
        else
                puts("no profile was applied here");
        if (j)
                print_journal(j);
        else if (ended->profile)
                print_ended(ended);
        if (find_drift(&s->host, print_drift, NULL) == 0 && s->host.applied.profile)
                printf("all %zu files and links are as they were written\n", s->host.applied.n);
        if (vh_history_last(&s->host.tree) > 0)
                puts("generations:");
        print_generations(&s->host);
}

static void json_drift(void *data, const char *path, bool missing)
{
        _vh_free_ char *full = vh_xasprintf("/%s", path);
        VhJson *j = data;

        vh_json_open(j, NULL, '{');
        vh_json_string(j, "path", full);
        vh_json_bool(j, "missing", missing);
        vh_json_close(j, '}');
}

static void json_journal(VhJson *out, const VhJournal *j)
{
        static const char *const phases[] = { "forward", "back", "waiting" };

        vh_json_open(out, "run", '{');
        vh_json_string(out, "kind", vh_run_name(j->set.kind));
        vh_json_string(out, "profile", j->set.profile);
        vh_json_string(out, "phase", phases[j->phase]);
        vh_json_number(out, "step", j->begun);
        vh_json_number(out, "steps", vh_changes_steps(&j->set));
        vh_json_bool(out, "new_connection", j->set.new_connection);
        if (j->phase == VH_PHASE_WAITING)
                vh_json_number(out, "deadline", j->deadline);
        vh_json_close(out, '}');
}

static void json_ended(VhJson *out, const VhEndedTry *ended)
{
        vh_json_open(out, "ended_try", '{');
        vh_json_string(out, "profile", ended->profile);
        vh_json_string(out, "reason", ended->at_boot ? "boot" : "timeout");
        vh_json_number(out, "time", ended->time);
        vh_json_close(out, '}');
}

static void json_generations(VhJson *j, const VhHost *host)
{
        vh_json_open(j, "generations", '[');
        for (unsigned g = vh_history_last(&host->tree); g > 0; g--) {
                _vh_changes_ VhChangeSet set = { 0 };

                if (vh_history_load(&host->tree, g, &set, NULL) < 0)
                        continue;
                vh_json_open(j, NULL, '{');
                vh_json_number(j, "generation", g);
                vh_json_string(j, "kind", vh_run_name(set.kind));
                vh_json_string(j, "profile", set.profile);
                vh_json_number(j, "time", set.time);
                vh_json_close(j, '}');
        }
        vh_json_close(j, ']');
}

static void print_json(const VhSession *s, const VhJournal *journal, const VhEndedTry *ended)
{
        VhJson j = { 0 };

        vh_json_open(&j, NULL, '{');
        vh_json_string(&j, "profile", s->host.applied.profile);
        vh_json_number(&j, "generation", s->host.applied.generation);
        if (journal)
                json_journal(&j, journal);
        else
                vh_json_string(&j, "run", NULL);
        if (ended->profile)
                json_ended(&j, ended);
        else
                vh_json_string(&j, "ended_try", NULL);
        vh_json_open(&j, "drift", '[');
        find_drift(&s->host, json_drift, &j);
        vh_json_close(&j, ']');
        json_generations(&j, &s->host);
        vh_json_close(&j, '}');
        vh_session_print_json(&j);
}

static void count_only(void *data, const char *path, bool missing)
{
}

static int run_status(int argc, char **argv)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_ended_try_ VhEndedTry ended = { 0 };
        _vh_error_ VhError *err = NULL;
        VhSession s;
        int status = vh_session_begin(&s, &vh_verb_status, argc, argv, 0, false);

        if (status < 0) {
                int found = vh_journal_load(&s.host.tree, &j, &err);
                int r = found < 0 ? found : vh_ended_try_load(&s.host.tree, &ended, &err);

                status = r < 0 ? vh_session_failed(&s, err, r) : VH_EXIT_DONE;
                if (r >= 0 && s.cli.json)
                        print_json(&s, found > 0 ? &j : NULL, &ended);
                else if (r >= 0)
                        print_text(&s, found > 0 ? &j : NULL, &ended);
                if (r >= 0 && s.detailed_exitcode && (found > 0 || find_drift(&s.host, count_only, NULL) > 0))
                        status = VH_EXIT_CHANGES;
        }
        vh_session_done(&s);
        return status;
}

static const VhCliOption status_options[] = {
        { "detailed-exitcode", 0, NULL, "2 if something was changed since, or is under way" },
        { 0 },
};

const VhVerb vh_verb_status = {
        .name = "status",
        .arguments = "",
        .help = "say what was applied here and what has changed since",
        .about = "Says which profile was applied, which of its files were changed by others since, whether a\n"
                 "run is under way or was interrupted, and which generations there are to go back to.",
        .options = status_options,
        .run = run_status,
};
