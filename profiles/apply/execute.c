/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Steps forward are journalled one by one. The way back is not: it is worked out anew from what is there, and every
 * step of it may be made twice. */

#include "apply/execute.h"
#include "apply/boot-unit.h"
#include "apply/live.h"
#include "apply/unit-file.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

static int change_error(VhError **err, const VhHost *host, const VhChange *c, int r)
{
        return vh_error_sys(err, VIR_FROM_CONF, r, "cannot %s %s/%s", c->new.kind == VH_NODE_NONE ? "remove" : "write",
                            vh_streq(host->tree.root, "/") ? "" : host->tree.root, c->path);
}

/* Made already: fine, this step was interrupted behind its work. Anything unexpected is somebody else's. */
static int make_change(const VhHost *host, const VhChange *c, VhError **err)
{
        _vh_node_ VhNode now = { 0 };
        int r = vh_tree_read(&host->tree, c->path, &now);

        if (r >= 0 && vh_node_equal(&now, &c->new))
                return 0;
        if (r >= 0 && !vh_node_same_content(&now, &c->old)) {
                vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_FAILED,
                               "/%s was changed by somebody else meanwhile", c->path);
                return -ESTALE;
        }
        if (r >= 0)
                r = vh_tree_put(&host->tree, c->path, &c->new);
        return r < 0 ? change_error(err, host, c, r) : 0;
}

/* All settings of one daemon that follow each other go out together; the first one carries them. */
static int set_live(const VhHost *host, const VhChangeSet *set, const VhAction *a, VhError **err)
{
        const VhAction *end = set->actions + set->n_actions;
        _vh_free_ VhLiveSetting *settings = vh_new(VhLiveSetting, set->n_actions + 1);
        _vh_free_ char *socket = NULL;
        const VhDaemonDesc *const *d = vh_daemon_descs;
        const VhSocketDesc *admin;
        size_t n = 0;

        if (a > set->actions && a[-1].kind == VH_ACTION_LIVE && vh_streq(a[-1].unit, a->unit))
                return 0;
        while (*d && !vh_streq((*d)->service, a->unit))
                d++;
        admin = *d ? vh_daemon_desc_socket(*d, VH_SOCKET_ADMIN) : NULL;
        if (!admin)
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "%s has no admin socket", a->unit);
        for (; a < end && a->kind == VH_ACTION_LIVE && vh_streq(a->unit, (*d)->service); a++)
                settings[n++] = (VhLiveSetting){ a->key, a->value };
        socket = vh_xasprintf("/run/libvirt/%s", admin->file);
        return vh_live_set(*d, socket, settings, n, err);
}

/* Runs a program and waits for it; what it says goes where ours does. */
static int run_program(const char *const *argv, VhError **err)
{
        pid_t pid;
        int status = 0, r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);

        if (r == 0)
                while ((r = waitpid(pid, &status, 0) < 0 ? errno : 0) == EINTR)
                        ;
        if (r != 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot run %s", argv[0]);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_FAILED, "%s %s failed", argv[0], argv[1]);
        return -EIO;
}

static int make_listed(const VhAction *a, VhError **err)
{
        const char *const accounts[] = { "systemd-sysusers", a->unit, NULL };
        const char *const folders[] = { "systemd-tmpfiles", "--create", a->unit, NULL };

        return run_program(a->kind == VH_ACTION_ACCOUNTS ? accounts : folders, err);
}

static int make_action(const VhHost *host, const VhChangeSet *set, const VhAction *a, VhError **err)
{
        static const char *const methods[] = { [VH_ACTION_STOP] = "StopUnit",
                                               [VH_ACTION_START] = "StartUnit",
                                               [VH_ACTION_RESTART] = "RestartUnit",
                                               [VH_ACTION_RELOAD] = "ReloadUnit",
                                               [VH_ACTION_LIVE] = NULL };

        if (a->kind == VH_ACTION_RELOAD_MANAGER)
                return vh_systemd_reload(host->systemd, err);
        if (a->kind == VH_ACTION_ACCOUNTS || a->kind == VH_ACTION_FOLDERS)
                return make_listed(a, err);
        if (a->kind == VH_ACTION_LIVE)
                return set_live(host, set, a, err);
        return vh_systemd_job(host->systemd, methods[a->kind], a->unit, err);
}

static int make_step(const VhRun *run, const VhChangeSet *set, size_t i, bool back, VhError **err)
{
        VhStep step = vh_changes_step(set, i);

        if (run->told)
                run->told(run->data, &step, i, vh_changes_steps(set), back);
        return step.change ? make_change(run->host, step.change, err) : make_action(run->host, set, step.action, err);
}

static int go_forward(const VhRun *run, const VhChangeSet *set, size_t from, VhError **err)
{
        int r = 0;

        for (size_t i = from; r >= 0 && i < vh_changes_steps(set); i++) {
                r = vh_journal_step(run->store, "begin", i, err);
                if (r >= 0)
                        r = make_step(run, set, i, false, err);
                if (r >= 0)
                        r = vh_journal_step(run->store, "done", i, err);
        }
        return r < 0 ? r : vh_run_verify(run->host, set, err);
}

static bool is_expected_up(const VhUnitRun *u)
{
        /* A service may have nothing to do and leave again. */
        return u->wish == VH_WISH_UP && vh_endswith(u->unit, ".socket");
}

static int verify_unit(const VhHost *host, const VhUnitRun *u, VhBuf *wrong, VhError **err)
{
        VhUnitInfo info;
        int r;

        if (u->wish == VH_WISH_KEEP)
                return 0;
        r = vh_systemd_unit(host->systemd, u->unit, &info, err);
        if (r < 0)
                return r;
        if (is_expected_up(u) && !info.active)
                vh_buf_printf(wrong, "%s%s is not active", wrong->len ? "; " : "", u->unit);
        if (u->wish == VH_WISH_UP && info.failed)
                vh_buf_printf(wrong, "%s%s has failed", wrong->len ? "; " : "", u->unit);
        if (u->wish == VH_WISH_DOWN && info.active)
                vh_buf_printf(wrong, "%s%s is still active", wrong->len ? "; " : "", u->unit);
        return 0;
}

static void compare_files(const VhHost *host, const VhChangeSet *set, VhBuf *wrong)
{
        for (size_t i = 0; i < set->n_changes; i++) {
                _vh_node_ VhNode now = { 0 };

                if (vh_tree_read(&host->tree, set->changes[i].path, &now) < 0 ||
                    !vh_node_equal(&now, &set->changes[i].new))
                        vh_buf_printf(wrong, "%s/%s is not as it should be", wrong->len ? "; " : "",
                                      set->changes[i].path);
        }
}

static int verdict(const VhBuf *wrong, VhError **err)
{
        if (wrong->len == 0)
                return 0;
        vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_FAILED, "%s", wrong->data);
        return -EIO;
}

static int verify_files(const VhHost *host, const VhChangeSet *set, VhError **err)
{
        _vh_buf_ VhBuf wrong = { 0 };

        compare_files(host, set, &wrong);
        return verdict(&wrong, err);
}

int vh_run_verify(const VhHost *host, const VhChangeSet *set, VhError **err)
{
        _vh_buf_ VhBuf wrong = { 0 };
        int r = 0;

        compare_files(host, set, &wrong);
        for (size_t i = 0; r >= 0 && host->systemd && i < set->n_units; i++)
                r = verify_unit(host, &set->units[i], &wrong, err);
        return r < 0 ? r : verdict(&wrong, err);
}

int vh_run_learn(const VhHost *host, VhChangeSet *set, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && host->systemd && i < set->n_units; i++) {
                VhUnitInfo info;

                r = vh_systemd_unit(host->systemd, set->units[i].unit, &info, err);
                if (r >= 0)
                        set->units[i].was = info.active;
        }
        return r;
}

/* The inverse of what was begun; what was not is left out. */
static void invert_begun(const VhJournal *j, VhChangeSet *inverse)
{
        size_t before = 0;
        VhChangeSet begun = j->set;

        while (before < begun.n_actions && begun.actions[before].before)
                before++;
        begun.n_changes = j->begun > before ? VH_MIN(j->begun - before, begun.n_changes) : 0;
        vh_changes_invert(inverse, &begun);
}

static int make_inverse(const VhRun *run, const VhJournal *j, VhChangeSet *inverse, VhError **err)
{
        _vh_findings_ VhFindings ignored = { 0 };
        int r;

        invert_begun(j, inverse);
        r = vh_run_learn(run->host, inverse, err);
        return r < 0 ? r : vh_host_actions(inverse, run->host, &ignored, err);
}

static void sweep(const VhRun *run, const VhJournal *j)
{
        for (size_t i = 0; i < j->set.n_changes; i++)
                vh_tree_sweep(&run->host->tree, j->set.changes[i].path);
}

int vh_run_take_back(const VhRun *run, const VhJournal *j, VhError **err)
{
        _vh_changes_ VhChangeSet inverse = { 0 };
        int r = 0;

        if (j->set.live && !run->host->systemd)
                return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                                      "the interrupted run was on the running host; leave out --root");
        sweep(run, j);
        if (j->phase != VH_PHASE_BACK)
                r = vh_journal_turn(run->store, err);
        if (r >= 0)
                r = make_inverse(run, j, &inverse, err);
        for (size_t i = 0; r >= 0 && i < vh_changes_steps(&inverse); i++)
                r = make_step(run, &inverse, i, true, err);
        if (r >= 0)
                r = vh_run_verify(run->host, &inverse, err);
        return r < 0 ? r : vh_journal_drop(run->store, err);
}

static void note_link(void *data, const char *path, const char *target)
{
        *(bool *)data = true;
}

/* Units whose links the run changed: their jobs of this boot were queued by what it had made of them. */
static int settle_unit(const VhRun *run, const VhUnitView *view, const VhChange *c, VhError **err)
{
        const char *unit = strrchr(c->path, '/') + 1;
        _vh_free_ char *mask = vh_unit_mask(view, unit);
        bool enabled = false;
        int r = vh_unit_enabled(view, unit, note_link, &enabled);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read the links of %s", unit);
        return vh_systemd_queue(run->host->systemd, enabled && !mask ? "StartUnit" : "StopUnit", unit, err);
}

static int settle_units(const VhRun *run, const VhChangeSet *set, VhError **err)
{
        VhUnitView view;
        int r = vh_systemd_reload(run->host->systemd, err);

        vh_unit_view(&view, &run->host->tree, NULL);
        for (size_t i = 0; r >= 0 && i < set->n_changes; i++) {
                const VhChange *c = &set->changes[i];

                if (vh_startswith(c->path, VH_UNIT_CONFIG_DIR "/") &&
                    (c->old.kind == VH_NODE_LINK || c->new.kind == VH_NODE_LINK))
                        r = settle_unit(run, &view, c, err);
        }
        return r;
}

int vh_run_take_back_at_boot(const VhRun *run, const VhJournal *j, VhError **err)
{
        _vh_changes_ VhChangeSet inverse = { 0 };
        int r = j->phase == VH_PHASE_BACK ? 0 : vh_journal_turn(run->store, err);

        sweep(run, j);
        invert_begun(j, &inverse);
        inverse.n_actions = 0;
        for (size_t i = 0; r >= 0 && i < vh_changes_steps(&inverse); i++)
                r = make_step(run, &inverse, i, true, err);
        if (r >= 0)
                r = verify_files(run->host, &inverse, err);
        if (r >= 0)
                r = settle_units(run, &inverse, err);
        return r < 0 ? r : vh_journal_drop(run->store, err);
}

static VhOutcome go_back(const VhRun *run, VhError **err)
{
        _vh_journal_ VhJournal j = { 0 };
        _vh_error_ VhError *why = NULL;
        int r = vh_journal_load(&run->host->tree, &j, &why);

        if (r == 0)
                return VH_OUTCOME_REVERTED;
        if (r > 0)
                r = vh_run_take_back(run, &j, &why);
        if (r >= 0)
                return VH_OUTCOME_REVERTED;
        if (err && *err) {
                _vh_free_ char *first = vh_xstrdup(vh_error_text(*err, 0));

                vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_FAILED, "%s; taking it back failed: %s", first,
                               vh_error_text(why, r));
        }
        return VH_OUTCOME_STUCK;
}

VhOutcome vh_run(const VhRun *run, const VhChangeSet *set, uint64_t deadline, VhError **err)
{
        int r = vh_journal_begin(run->store, set, err);

        if (r < 0)
                return VH_OUTCOME_REVERTED; /* nothing was touched */
        r = go_forward(run, set, 0, err);
        if (r >= 0)
                r = set->kind == VH_RUN_TRY ? vh_journal_wait(run->store, deadline, err)
                                            : vh_journal_commit(run->store, set, err);
        return r >= 0 ? VH_OUTCOME_DONE : go_back(run, err);
}

/* Someone waits for a confirmation that can still come. */
static bool still_waits(const VhTree *tree, const VhJournal *j)
{
        return j->phase == VH_PHASE_WAITING && (uint64_t)time(NULL) < j->deadline && vh_boot_unit_is_fresh(tree);
}

int vh_run_recover(const VhRun *run, VhRunKind *what, bool *back, VhError **err)
{
        _vh_journal_ VhJournal j = { 0 };
        int r = vh_journal_load(&run->host->tree, &j, err);

        if (r == 0)
                vh_journal_tidy(run->store);
        if (r <= 0)
                return r;
        *what = j.set.kind;
        *back = j.phase != VH_PHASE_FORWARD || j.set.kind == VH_RUN_TRY;
        if (still_waits(&run->host->tree, &j)) {
                vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                               "a profile is being tried (%s): virthost confirm keeps it, virthost rollback ends it",
                               j.set.profile);
                return -EBUSY;
        }
        if (*back) {
                r = vh_run_take_back(run, &j, err);
                return r < 0 ? r : 1;
        }
        if (j.set.live && !run->host->systemd)
                return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                                      "an interrupted run was on the running host; leave out --root");
        sweep(run, &j);
        r = go_forward(run, &j.set, j.done, err);
        if (r >= 0)
                r = vh_journal_commit(run->store, &j.set, err);
        if (r < 0) {
                *back = true;
                return go_back(run, err) == VH_OUTCOME_REVERTED ? 1 : r;
        }
        return 1;
}
