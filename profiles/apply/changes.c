/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets of changes: building, turning round, freeing. */

#include "apply/changes.h"

VhChange *vh_changes_add(VhChangeSet *set, char *path, VhNode *old, VhNode *new)
{
        VhChange *c;

        set->changes = vh_xrealloc(set->changes, set->n_changes + 1, sizeof(*set->changes));
        c = &set->changes[set->n_changes++];
        *c = (VhChange){ .path = path, .old = *old, .new = *new };
        *old = *new = (VhNode){ 0 };
        return c;
}

void vh_changes_read(VhChangeSet *set, const char *path, uint64_t fingerprint)
{
        set->reads = vh_xrealloc(set->reads, set->n_reads + 1, sizeof(*set->reads));
        set->reads[set->n_reads++] = (VhRead){ vh_xstrdup(path), fingerprint };
}

VhAction *vh_changes_act(VhChangeSet *set, VhActionKind kind, const char *unit, char *reason)
{
        VhAction *a;

        set->actions = vh_xrealloc(set->actions, set->n_actions + 1, sizeof(*set->actions));
        a = &set->actions[set->n_actions++];
        *a = (VhAction){ .kind = kind, .unit = vh_xstrdup(unit), .reason = reason };
        return a;
}

VhUnitRun *vh_changes_find_unit(const VhChangeSet *set, const char *unit)
{
        for (size_t i = 0; i < set->n_units; i++)
                if (vh_streq(set->units[i].unit, unit))
                        return &set->units[i];
        return NULL;
}

VhUnitRun *vh_changes_unit(VhChangeSet *set, const char *unit, bool was, VhWish wish)
{
        VhUnitRun *u = vh_changes_find_unit(set, unit);

        if (!u) {
                set->units = vh_xrealloc(set->units, set->n_units + 1, sizeof(*set->units));
                u = &set->units[set->n_units++];
                *u = (VhUnitRun){ .unit = vh_xstrdup(unit) };
        }
        u->was = was;
        u->wish = wish;
        return u;
}

const VhChange *vh_changes_find(const VhChangeSet *set, const char *path)
{
        for (size_t i = 0; i < set->n_changes; i++)
                if (vh_streq(set->changes[i].path, path))
                        return &set->changes[i];
        return NULL;
}

bool vh_changes_empty(const VhChangeSet *set)
{
        return set->n_changes == 0 && set->n_actions == 0;
}

static void action_done(VhAction *a)
{
        free(a->unit);
        free(a->key);
        free(a->value);
        free(a->reason);
}

void vh_changes_done(VhChangeSet *set)
{
        for (size_t i = 0; i < set->n_changes; i++) {
                free(set->changes[i].path);
                vh_node_done(&set->changes[i].old);
                vh_node_done(&set->changes[i].new);
        }
        for (size_t i = 0; i < set->n_reads; i++)
                free(set->reads[i].path);
        for (size_t i = 0; i < set->n_units; i++)
                free(set->units[i].unit);
        for (size_t i = 0; i < set->n_actions; i++)
                action_done(&set->actions[i]);
        free(set->changes);
        free(set->reads);
        free(set->units);
        free(set->actions);
        free(set->profile);
        *set = (VhChangeSet){ 0 };
}

static void invert_change(VhChangeSet *to, const VhChange *c)
{
        VhNode old, new;
        VhChange *added;

        vh_node_copy(&old, &c->new);
        vh_node_copy(&new, &c->old);
        added = vh_changes_add(to, vh_xstrdup(c->path), &old, &new);
        added->secret = c->secret;
}

/* A service that came up meanwhile may be in use; it only goes if its socket was not there either. */
static VhWish inverse_wish(const VhChangeSet *set, const VhUnitRun *u)
{
        bool service = vh_endswith(u->unit, ".service");
        _vh_free_ char *socket = service ? vh_xasprintf("%.*s.socket", (int)(strlen(u->unit) - 8), u->unit) : NULL;
        const VhUnitRun *own = socket ? vh_changes_find_unit(set, socket) : NULL;

        if (u->was)
                return VH_WISH_UP;
        return service && (!own || own->was) ? VH_WISH_KEEP : VH_WISH_DOWN;
}

void vh_changes_invert(VhChangeSet *to, const VhChangeSet *set)
{
        *to = (VhChangeSet){ .kind = VH_RUN_ROLLBACK,
                             .profile = vh_xstrdup(set->profile),
                             .generation = set->generation,
                             .parent = set->parent,
                             .live = set->live };
        for (size_t i = set->n_changes; i-- > 0;)
                invert_change(to, &set->changes[i]);
        for (size_t i = 0; i < set->n_units; i++)
                vh_changes_unit(to, set->units[i].unit, set->units[i].was, inverse_wish(set, &set->units[i]));
}

static size_t actions_before(const VhChangeSet *set)
{
        size_t n = 0;

        while (n < set->n_actions && set->actions[n].before)
                n++;
        return n;
}

size_t vh_changes_steps(const VhChangeSet *set)
{
        return set->n_changes + set->n_actions;
}

VhStep vh_changes_step(const VhChangeSet *set, size_t i)
{
        size_t before = actions_before(set);

        if (i < before)
                return (VhStep){ .action = &set->actions[i] };
        if (i < before + set->n_changes)
                return (VhStep){ .change = &set->changes[i - before] };
        return (VhStep){ .action = &set->actions[i - set->n_changes] };
}

const char *vh_action_name(VhActionKind kind)
{
        static const char *const names[] = { "stop",   "daemon-reload", "start",    "restart",
                                             "reload", "set",           "sysusers", "tmpfiles" };

        return names[kind];
}

const char *vh_run_name(VhRunKind kind)
{
        static const char *const names[] = { "apply", "try", "rollback" };

        return names[kind];
}
