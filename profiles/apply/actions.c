/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order of what is done to units.
 *
 * What has to go is stopped first, while its own settings are in force: a unit that is masked meanwhile would be
 * stopped by systemd's defaults, which end every process of it, guests too. Then files and links change, systemd reads
 * them, and daemon by daemon comes the smallest thing that works. A socket cannot be started under a running service:
 * stop the service, start sockets, start the service. */

#include "apply/effects.h"
#include "apply/host-changes.h"

#include <stdio.h>

typedef struct Planner {
        VhChangeSet *set;
        const VhHost *host;
        VhFindings *findings;
        VhError **err;
} Planner;

static int count_status(void *data, const char *name)
{
        *(unsigned *)data += vh_endswith(name, ".xml") && *name != '.';
        return 0;
}

unsigned vh_host_guests(const VhHost *host, const VhDaemonDesc *d)
{
        static const struct {
                const char *driver, *dir;
        } rows[] = { { "qemu", "run/libvirt/qemu" }, { "lxc", "run/libvirt/lxc" }, { "xen", "run/libvirt/libxl" } };
        unsigned n = 0;

        for (const char *const *driver = d->drivers; driver && *driver; driver++)
                for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                        if (vh_streq(*driver, rows[i].driver))
                                vh_tree_list(&host->tree, rows[i].dir, count_status, &n);
        return n;
}

static bool is_active(const Planner *p, const char *unit)
{
        const VhUnitRun *u = vh_changes_find_unit(p->set, unit);

        return u && u->was;
}

static VhWish wish(const Planner *p, const char *unit)
{
        const VhUnitRun *u = vh_changes_find_unit(p->set, unit);

        return u ? u->wish : VH_WISH_KEEP;
}

/* Stopping a service must leave its guests alone. */
static int check_stop(const Planner *p, const VhDaemonDesc *d)
{
        unsigned guests = vh_host_guests(p->host, d);
        VhUnitInfo info;
        VhFinding *n;
        int r;

        if (guests == 0)
                return 0;
        r = vh_systemd_unit(p->host->systemd, d->service, &info, p->err);
        if (r < 0 || !info.kills_all)
                return r;
        n = vh_findings_add(
                p->findings, VH_SEVERITY_ERROR, "apply-stops-guests", d->service, 0, 0,
                "has to be stopped, which would end its %u guests: KillMode= of the unit is not \"process\"", guests);
        vh_finding_hint(p->findings, n, "give the unit KillMode=process first, or end the guests");
        return 0;
}

static int stop_unwanted(const Planner *p, const VhDaemonDesc *d)
{
        static const char why[] = "the profile does not want it";
        int r = 0;

        for (size_t i = 0; i < d->n_sockets; i++)
                if (wish(p, d->sockets[i].unit) == VH_WISH_DOWN && is_active(p, d->sockets[i].unit))
                        vh_changes_act(p->set, VH_ACTION_STOP, d->sockets[i].unit, vh_xstrdup(why))->before = true;
        if (wish(p, d->service) == VH_WISH_DOWN && is_active(p, d->service)) {
                vh_changes_act(p->set, VH_ACTION_STOP, d->service, vh_xstrdup(why))->before = true;
                r = check_stop(p, d);
        }
        return r;
}

static bool has_socket_to_start(const Planner *p, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < d->n_sockets; i++)
                if (wish(p, d->sockets[i].unit) == VH_WISH_UP && !is_active(p, d->sockets[i].unit))
                        return true;
        return false;
}

static bool stays_up(const Planner *p, const char *unit)
{
        return wish(p, unit) == VH_WISH_UP || (wish(p, unit) == VH_WISH_KEEP && is_active(p, unit));
}

/* Sockets of one daemon are bound to its first one; all of them are made anew together. */
static int cycle_sockets(const Planner *p, const VhDaemonDesc *d, VhEffects *e)
{
        const char *why = e->why ? e->why : "sockets cannot be started under a running service";
        bool active = is_active(p, d->service);
        int r = active ? check_stop(p, d) : 0;

        if (active)
                vh_changes_act(p->set, VH_ACTION_STOP, d->service, vh_xstrdup(why));
        for (size_t i = 0; e->sockets && i < d->n_sockets; i++)
                if (is_active(p, d->sockets[i].unit))
                        vh_changes_act(p->set, VH_ACTION_STOP, d->sockets[i].unit, vh_xstrdup(why));
        for (size_t i = 0; i < d->n_sockets; i++)
                if (stays_up(p, d->sockets[i].unit) && (e->sockets || !is_active(p, d->sockets[i].unit)))
                        vh_changes_act(p->set, VH_ACTION_START, d->sockets[i].unit, NULL);
        if (stays_up(p, d->service))
                vh_changes_act(p->set, VH_ACTION_START, d->service, NULL);
        return r;
}

static void act_live(const Planner *p, const VhDaemonDesc *d, const VhEffects *e)
{
        for (size_t i = 0; i < e->n_live; i++) {
                VhAction *a = vh_changes_act(p->set, VH_ACTION_LIVE, d->service, NULL);

                a->key = vh_xstrdup(e->live[i].option);
                a->value = vh_xstrdup(e->live[i].value);
        }
}

/* A daemon whose sockets from systemd go makes its own when it starts. */
static bool loses_sockets(const Planner *p, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < d->n_sockets; i++)
                if (d->sockets[i].file && is_active(p, d->sockets[i].unit) &&
                    wish(p, d->sockets[i].unit) == VH_WISH_DOWN)
                        return true;
        return false;
}

static int act_on_service(const Planner *p, const VhDaemonDesc *d, const VhEffects *e)
{
        if (!is_active(p, d->service)) {
                if (wish(p, d->service) == VH_WISH_UP)
                        vh_changes_act(p->set, VH_ACTION_START, d->service, NULL);
                return 0;
        }
        if (e->restart || loses_sockets(p, d)) {
                vh_changes_act(p->set, VH_ACTION_RESTART, d->service,
                               vh_xstrdup(e->why ? e->why : "it makes its sockets itself now"));
                return check_stop(p, d);
        }
        if (e->reload)
                vh_changes_act(p->set, VH_ACTION_RELOAD, d->service, vh_xstrdup(e->why));
        else
                act_live(p, d, e);
        return 0;
}

static bool any_socket_active(const Planner *p, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < d->n_sockets; i++)
                if (is_active(p, d->sockets[i].unit))
                        return true;
        return false;
}

static int act_on_daemon(const Planner *p, const VhDaemonDesc *d)
{
        VhEffects e;
        int r;

        vh_effects_find(&e, p->set, d);
        if (wish(p, d->service) == VH_WISH_DOWN)
                r = 0;
        else if ((e.sockets && any_socket_active(p, d)) || has_socket_to_start(p, d))
                r = cycle_sockets(p, d, &e);
        else
                r = act_on_service(p, d, &e);
        vh_effects_done(&e);
        return r;
}

/* A profile without systemd's part still changes files of daemons that run. */
static int learn_services(const Planner *p)
{
        int r = 0;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; r >= 0 && *d; d++) {
                VhUnitInfo info;

                if (!(*d)->units || vh_changes_find_unit(p->set, (*d)->service))
                        continue;
                r = vh_systemd_unit(p->host->systemd, (*d)->service, &info, p->err);
                if (r >= 0 && info.active)
                        vh_changes_unit(p->set, (*d)->service, true, VH_WISH_KEEP);
        }
        return r;
}

/* Groups before the sockets and folders that belong to them. */
static void make_listed(const Planner *p, const char *dir, VhActionKind kind)
{
        for (size_t i = 0; i < p->set->n_changes; i++) {
                const VhChange *c = &p->set->changes[i];

                if (strstr(c->path, dir) && !vh_startswith(c->path, "var/lib/virthost/") &&
                    c->new.kind == VH_NODE_FILE) {
                        _vh_free_ char *path = vh_xasprintf("/%s", c->path);

                        vh_changes_act(p->set, kind, path, NULL);
                }
        }
}

/* It has to run to be stopped with the host, which is when it works. It is never stopped here: guests would go down. */
static void start_guests_unit(const Planner *p)
{
        if (wish(p, VH_GUESTS_UNIT) == VH_WISH_UP && !is_active(p, VH_GUESTS_UNIT))
                vh_changes_act(p->set, VH_ACTION_START, VH_GUESTS_UNIT, NULL);
}

static bool is_helper(const VhDaemonDesc *d)
{
        return d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK;
}

int vh_host_actions(VhChangeSet *set, const VhHost *host, VhFindings *findings, VhError **err)
{
        Planner p = { .set = set, .host = host, .findings = findings, .err = err };
        int r = 0;

        if (!host->systemd)
                return 0;
        r = learn_services(&p);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; r >= 0 && *d; d++)
                if ((*d)->units)
                        r = stop_unwanted(&p, *d);
        make_listed(&p, "etc/sysusers.d/", VH_ACTION_ACCOUNTS);
        make_listed(&p, "etc/tmpfiles.d/", VH_ACTION_FOLDERS);
        if (r >= 0 && vh_effects_reload_manager(set))
                vh_changes_act(set, VH_ACTION_RELOAD_MANAGER, NULL, NULL);
        /* Others need the helpers' sockets. */
        for (int helpers = 1; helpers >= 0; helpers--)
                for (const VhDaemonDesc *const *d = vh_daemon_descs; r >= 0 && *d; d++)
                        if ((*d)->units && is_helper(*d) == helpers)
                                r = act_on_daemon(&p, *d);
        if (r >= 0)
                start_guests_unit(&p);
        return r;
}
