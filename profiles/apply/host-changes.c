/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files: those of the plan, those of the last run that are no longer wanted, and the record of it all. */

#include "apply/host-changes.h"
#include "apply/ids.h"
#include "apply/journal.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { PRIVATE_MODE = 0600 };

int vh_host_open(VhHost *host, const char *root, bool make, bool units, VhError **err)
{
        int r;

        *host = (VhHost){ .tree = { .fd = -1 } };
        r = vh_tree_open(&host->tree, root ? root : "/", make, err);
        if (r >= 0)
                r = vh_host_refresh(host, err);
        if (r >= 0 && units && !root)
                r = vh_systemd_open(&host->systemd, err);
        if (r < 0)
                vh_host_done(host);
        return r;
}

int vh_host_refresh(VhHost *host, VhError **err)
{
        vh_applied_done(&host->applied);
        return vh_applied_load(&host->tree, &host->applied, err);
}

void vh_host_done(VhHost *host)
{
        host->systemd = vh_systemd_close(host->systemd);
        vh_applied_done(&host->applied);
        vh_tree_done(&host->tree);
}

typedef struct Work {
        VhChangeSet *set;
        const VhHost *host;
        const VhHostOptions *options;
        VhFindings *findings;
        VhApplied record; /* of this run */
        VhError **err;
} Work;

static int unreadable(const Work *w, const char *path, int r)
{
        return vh_error_sys(w->err, VIR_FROM_CONF, r, "cannot read %s/%s", w->host->tree.root, path);
}

/* A file of the plan; what is there already keeps its owner, label and, unless the plan's is tighter, its mode. */
static int wanted_node(const Work *w, const VhPlanFile *f, const VhNode *old, VhNode *new)
{
        int r = 0;

        *new = (VhNode){ .kind = VH_NODE_FILE,
                         .data = vh_xstrdup(f->content),
                         .len = strlen(f->content),
                         .mode = f->mode,
                         .uid = geteuid(),
                         .gid = getegid() };
        if (old->kind == VH_NODE_FILE) {
                new->uid = old->uid;
                new->gid = old->gid;
                new->label = vh_xstrdup(old->label);
                new->mode = f->secret || f->mode == PRIVATE_MODE ? old->mode & f->mode : old->mode;
        } else if (geteuid() == 0) {
                r = vh_ids_find(&w->host->tree, f->owner, f->group, &new->uid, &new->gid, w->err);
        }
        return r;
}

static bool is_foreign(const Work *w, const char *path, const VhNode *old)
{
        return old->kind != VH_NODE_NONE && !vh_applied_find(&w->host->applied, path);
}

/* What somebody else wrote is kept until the profile no longer has a file there. */
static int keep_original(Work *w, const char *path, const VhNode *old)
{
        _vh_free_ char *place = vh_applied_original(path);
        _vh_node_ VhNode before = { 0 }, copy = { 0 };
        int r = vh_tree_read(&w->host->tree, place, &before);

        if (r < 0)
                return unreadable(w, place, r);
        vh_node_copy(&copy, old);
        if (!vh_node_equal(&before, &copy))
                vh_changes_add(w->set, VH_TAKE_PTR(place), &before, &copy)->secret = true;
        return 0;
}

static int replace_foreign(Work *w, const VhPlanFile *f, VhNode *old, VhAppliedItem *item)
{
        if (w->options->keep_foreign) {
                VhFinding *n = vh_findings_add(w->findings, VH_SEVERITY_ERROR, "apply-foreign-file", f->path, 0, 0,
                                               "was not written by virthost and would be replaced");

                vh_finding_hint(w->findings, n, "move it away, or leave out --keep-foreign");
                return 0;
        }
        item->original = true;
        return keep_original(w, f->path, old);
}

static int add_file(Work *w, const VhPlanFile *f)
{
        const VhAppliedItem *before = vh_applied_find(&w->host->applied, f->path);
        _vh_node_ VhNode old = { 0 }, new = { 0 };
        VhAppliedItem *item;
        VhChange *c;
        int r = vh_tree_read(&w->host->tree, f->path, &old);

        if (r < 0)
                return unreadable(w, f->path, r);
        r = wanted_node(w, f, &old, &new);
        if (r < 0)
                return r;
        vh_changes_read(w->set, f->path, vh_node_fingerprint(&old));
        item = vh_applied_add(&w->record, f->path, &new);
        item->original = before && before->original;
        if (vh_node_same_content(&old, &new))
                return 0;
        if (is_foreign(w, f->path, &old) && old.kind != VH_NODE_OTHER)
                r = replace_foreign(w, f, &old, item);
        c = vh_changes_add(w->set, vh_xstrdup(f->path), &old, &new);
        c->secret = f->secret;
        c->foreign = is_foreign(w, f->path, &c->old);
        return r;
}

/* What the last run wrote and this one has no place for: gone, or what was there before it. */
static int remove_item(Work *w, const VhAppliedItem *item)
{
        _vh_free_ char *place = vh_applied_original(item->path);
        _vh_node_ VhNode old = { 0 }, new = { 0 }, nothing = { 0 };
        int r = vh_tree_read(&w->host->tree, item->path, &old);

        if (r >= 0 && item->original)
                r = vh_tree_read(&w->host->tree, place, &new);
        if (r < 0)
                return unreadable(w, item->path, r);
        if (new.kind != VH_NODE_NONE) {
                VhNode kept;

                vh_node_copy(&kept, &new);
                vh_changes_add(w->set, VH_TAKE_PTR(place), &kept, &nothing)->secret = true;
        }
        if (!vh_node_same_content(&old, &new) && old.kind != VH_NODE_OTHER)
                vh_changes_add(w->set, vh_xstrdup(item->path), &old, &new);
        return 0;
}

static int remove_stale(Work *w, VhNodeKind kind)
{
        const VhApplied *last = &w->host->applied;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < last->n; i++)
                if (last->items[i].kind == kind && !vh_applied_find(&w->record, last->items[i].path) &&
                    !vh_changes_find(w->set, last->items[i].path))
                        r = remove_item(w, &last->items[i]);
        return r;
}

/* The record changes only when something else does: the second run has nothing to write. */
static int add_record(Work *w)
{
        _vh_node_ VhNode old = { 0 }, new = { 0 };
        _vh_buf_ VhBuf b = { 0 };
        bool same;
        int r = vh_tree_read(&w->host->tree, VH_APPLIED_PATH, &old);

        if (r < 0)
                return unreadable(w, VH_APPLIED_PATH, r);
        w->record.generation = w->host->applied.generation;
        vh_applied_format(&w->record, &b);
        same = old.kind == VH_NODE_FILE && vh_streq(old.data, b.data);
        if (same && vh_changes_empty(w->set))
                return 0;
        w->record.generation = w->set->generation;
        vh_buf_done(&b);
        vh_applied_format(&w->record, &b);
        new = (VhNode){ .kind = VH_NODE_FILE, .len = b.len, .mode = PRIVATE_MODE, .uid = geteuid(), .gid = getegid() };
        new.data = vh_buf_take(&b);
        vh_changes_add(w->set, vh_xstrdup(VH_APPLIED_PATH), &old, &new)->secret = true;
        return 0;
}

int vh_host_changes(VhChangeSet *set, const VhHost *host, const VhPlan *plan, const char *profile,
                    const VhHostOptions *options, VhFindings *findings, VhError **err)
{
        Work w = { .set = set, .host = host, .options = options, .findings = findings, .err = err };
        int r = 0;

        *set = (VhChangeSet){ .profile = vh_xstrdup(profile), .time = (uint64_t)time(NULL), .live = host->systemd };
        set->parent = vh_history_last(&host->tree);
        set->generation = set->parent + 1;
        w.record.profile = vh_xstrdup(profile);
        for (size_t i = 0; r >= 0 && i < plan->n; i++)
                r = add_file(&w, &plan->files[i]);
        /* Units are looked for where they will be, so files go first. */
        if (r >= 0)
                r = remove_stale(&w, VH_NODE_FILE);
        if (r >= 0)
                r = vh_unit_changes(set, host, plan, options, &w.record, findings, err);
        if (r >= 0)
                r = remove_stale(&w, VH_NODE_LINK);
        if (r >= 0)
                r = vh_host_actions(set, host, findings, err);
        if (r >= 0)
                r = add_record(&w);
        if (r >= 0)
                r = vh_host_obstacles(set, host, findings, err);
        vh_applied_done(&w.record);
        return r;
}
