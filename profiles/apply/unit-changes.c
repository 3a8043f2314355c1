/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* States of units as links, and what is to run. Links are made here and not by systemd: so they are in the journal and
 * in the record like files, the way back is exact, and an image gets what a host gets (docs/decisions). */

#include "apply/host-changes.h"
#include "apply/unit-file.h"

#include <errno.h>
#include <stdio.h>

typedef struct Units {
        VhChangeSet *set;
        const VhHost *host;
        const VhPlan *plan;
        const VhHostOptions *options;
        VhApplied *record;
        VhFindings *findings;
        VhError **err;
        VhUnitView view;
        bool modular, monolithic; /* the arrangement that is wanted */
} Units;

static bool is_modular(const VhDaemonDesc *d)
{
        return d->role == VH_ROLE_HYPERVISOR || d->role == VH_ROLE_SECONDARY || d->role == VH_ROLE_PROXY;
}

static void find_layout(Units *u)
{
        for (size_t i = 0; i < u->plan->n_units; i++) {
                const VhPlanUnit *unit = &u->plan->units[i];

                if (unit->state != VH_PLAN_ENABLED || !unit->daemon)
                        continue;
                u->modular = u->modular || is_modular(unit->daemon);
                u->monolithic = u->monolithic || unit->daemon->role == VH_ROLE_MONOLITHIC;
        }
}

/* Units of the other arrangement are masked: being disabled does not keep libvirt-guests and others from starting them.
 */
static VhPlanState wanted_state(const Units *u, const VhPlanUnit *unit)
{
        bool loses = unit->daemon && ((u->modular && !u->monolithic && unit->daemon->role == VH_ROLE_MONOLITHIC) ||
                                      (u->monolithic && !u->modular && is_modular(unit->daemon)));

        return unit->state == VH_PLAN_DISABLED && loses ? VH_PLAN_MASKED : unit->state;
}

static bool daemon_is_wanted(const Units *u, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < u->plan->n_units; i++)
                if (u->plan->units[i].daemon == d && u->plan->units[i].state == VH_PLAN_ENABLED)
                        return true;
        return false;
}

static void put_link(Units *u, const char *path, const char *target)
{
        bool ours = vh_applied_find(&u->host->applied, path);
        _vh_node_ VhNode old = { 0 }, new = { .kind = VH_NODE_LINK };
        int r = vh_tree_read(&u->host->tree, path, &old);
        const char *a = strrchr(target, '/'), *b = old.kind == VH_NODE_LINK ? strrchr(old.data, '/') : NULL;

        if (vh_applied_find(u->record, path))
                return;
        new.data = vh_xstrdup(target);
        new.len = strlen(target);
        /* /lib and /usr/lib are the same on most systems. */
        if (r >= 0 && b && vh_streq(a, b)) {
                if (ours)
                        vh_applied_add(u->record, path, &old);
                return;
        }
        vh_applied_add(u->record, path, &new);
        vh_changes_add(u->set, vh_xstrdup(path), &old, &new);
}

static void enable_link(void *data, const char *path, const char *target)
{
        put_link(data, path, target);
}

static void remove_link(void *data, const char *path, const char *target)
{
        Units *u = data;
        _vh_node_ VhNode old = { 0 }, nothing = { 0 };

        if (!vh_changes_find(u->set, path) && vh_tree_read(&u->host->tree, path, &old) >= 0)
                vh_changes_add(u->set, vh_xstrdup(path), &old, &nothing);
}

static bool is_decided(void *data, const char *unit)
{
        const Units *u = data;
        const VhPlanUnit *p = vh_plan_find_unit(u->plan, unit);

        return p && p->state != VH_PLAN_ENABLED;
}

/* At the value that wants the unit; if that is the policy, with the unit's name in the place of a file. */
static VhFinding *about_unit(Units *u, const VhPlanUnit *unit, VhSeverity severity, const char *code, const char *text)
{
        VhFinding *n;

        if (!unit->node)
                return vh_findings_add(u->findings, severity, code, unit->unit, 0, 0, "%s", text);
        n = vh_findings_add(u->findings, severity, code, unit->node->file, unit->node->line, unit->node->column,
                            "%s %s", unit->unit, text);
        if (n) {
                n->width = unit->node->width;
                n->path = vh_arena_strdup(&u->findings->arena, unit->path);
        }
        return n;
}

static void missing(Units *u, const VhPlanUnit *unit)
{
        const char *name = unit->daemon ? unit->daemon->name : unit->unit;
        VhFinding *n = about_unit(u, unit, u->host->systemd ? VH_SEVERITY_ERROR : VH_SEVERITY_WARNING,
                                  "apply-unit-missing", "is wanted by the profile and not installed");

        if (u->host->systemd)
                vh_finding_hint(u->findings, n, "install the package with %s, or take %s out of the profile", name,
                                unit->daemon ? "the driver" : "the section guests");
        else
                vh_finding_hint(u->findings, n, "the preset enables it when the package of %s is installed", name);
}

/* Ours goes with the last record; somebody else's is a decision that is not simply overruled. */
static bool mask_is_in_the_way(Units *u, const VhPlanUnit *unit)
{
        _vh_free_ char *mask = vh_unit_mask(&u->view, unit->unit), *text = NULL;
        VhFinding *n;

        if (!mask || vh_applied_find(&u->host->applied, mask))
                return false;
        if (u->options->unmask) {
                remove_link(u, mask, NULL);
                return false;
        }
        text = vh_xasprintf("is wanted by the profile and masked by /%s", mask);
        n = about_unit(u, unit, VH_SEVERITY_ERROR, "apply-unit-masked", text);
        vh_finding_hint(u->findings, n, "--unmask takes the mask away");
        return true;
}

static int enable_unit(Units *u, const VhPlanUnit *unit)
{
        VhUnitWalk walk = { .link = enable_link, .skip = is_decided, .data = u };
        _vh_free_ char *path = NULL;
        int r;

        if (mask_is_in_the_way(u, unit))
                return 0;
        r = vh_unit_find(&u->view, unit->unit, &path);
        if (r < 0)
                return vh_error_sys(u->err, VIR_FROM_CONF, r, "cannot look for unit %s", unit->unit);
        if (!path) {
                missing(u, unit);
                return 0;
        }
        return vh_unit_enable(&u->view, unit->unit, &walk, u->err);
}

static int mask_unit(Units *u, const VhPlanUnit *unit)
{
        _vh_free_ char *link = vh_xasprintf("%s/%s", VH_UNIT_CONFIG_DIR, unit->unit), *path = NULL;
        _vh_free_ char *mask = vh_unit_mask(&u->view, unit->unit);
        int r = vh_unit_find(&u->view, unit->unit, &path);

        if (r < 0)
                return vh_error_sys(u->err, VIR_FROM_CONF, r, "cannot look for unit %s", unit->unit);
        if (vh_streq(path, link)) {
                vh_findings_add(u->findings, VH_SEVERITY_WARNING, "apply-cannot-mask", unit->unit, 0, 0,
                                "is a file of this host's own in /%s: it is disabled, not masked", VH_UNIT_CONFIG_DIR);
                return 0;
        }
        if (path && (!mask || vh_applied_find(&u->host->applied, mask)))
                put_link(u, link, "/dev/null");
        return 0;
}

static int disable_unit(Units *u, const VhPlanUnit *unit)
{
        int r = vh_unit_enabled(&u->view, unit->unit, remove_link, u);

        return r < 0 ? vh_error_sys(u->err, VIR_FROM_CONF, r, "cannot read the links of %s", unit->unit) : 0;
}

static int link_unit(Units *u, const VhPlanUnit *unit)
{
        VhPlanState state = wanted_state(u, unit);
        int r;

        if (state == VH_PLAN_ENABLED)
                return enable_unit(u, unit);
        r = disable_unit(u, unit);
        return r >= 0 && state == VH_PLAN_MASKED ? mask_unit(u, unit) : r;
}

static bool is_newly_enabled(const Units *u, const char *unit)
{
        for (size_t i = 0; i < u->set->n_changes; i++) {
                const VhChange *c = &u->set->changes[i];

                if (c->new.kind == VH_NODE_LINK && vh_startswith(c->path, VH_UNIT_CONFIG_DIR) &&
                    vh_endswith(c->path, unit) && !vh_streq(c->new.data, "/dev/null"))
                        return true;
        }
        return false;
}

static VhWish wish_for(const Units *u, const VhPlanUnit *unit, const VhUnitInfo *info)
{
        if (unit->state == VH_PLAN_ENABLED && unit->running)
                /* An idle daemon leaves; only a service that is new here is started now. */
                return unit->socket || unit->stays || is_newly_enabled(u, unit->unit) ? VH_WISH_UP : VH_WISH_KEEP;
        if (unit->state == VH_PLAN_ENABLED || (!unit->socket && unit->daemon && daemon_is_wanted(u, unit->daemon)))
                return VH_WISH_KEEP;
        return info->active ? VH_WISH_DOWN : VH_WISH_KEEP;
}

static int add_wish(Units *u, const VhPlanUnit *unit)
{
        VhUnitInfo info;
        int r = vh_systemd_unit(u->host->systemd, unit->unit, &info, u->err);

        if (r < 0)
                return r;
        vh_changes_unit(u->set, unit->unit, info.active, wish_for(u, unit, &info));
        return 0;
}

int vh_unit_changes(VhChangeSet *set, const VhHost *host, const VhPlan *plan, const VhHostOptions *options,
                    VhApplied *record, VhFindings *findings, VhError **err)
{
        Units u = { .set = set,
                    .host = host,
                    .plan = plan,
                    .options = options,
                    .record = record,
                    .findings = findings,
                    .err = err };
        int r = 0;

        vh_unit_view(&u.view, &host->tree, set);
        find_layout(&u);
        for (size_t i = 0; r >= 0 && i < plan->n_units; i++)
                r = link_unit(&u, &plan->units[i]);
        for (size_t i = 0; r >= 0 && host->systemd && i < plan->n_units; i++)
                r = add_wish(&u, &plan->units[i]);
        return r;
}
