/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What changes, in which order, and what it means for guests. */

#include "apply/show.h"
#include "apply/journal.h"
#include "apply/text-diff.h"

bool vh_show_is_internal(const char *path)
{
        return vh_startswith(path, VH_STATE_DIR "/");
}

static bool is_link(const VhChange *c)
{
        return c->old.kind == VH_NODE_LINK || c->new.kind == VH_NODE_LINK;
}

void vh_show_count(const VhChangeSet *set, VhCounts *counts)
{
        *counts = (VhCounts){ .actions = (unsigned)set->n_actions };
        for (size_t i = 0; i < set->n_changes; i++) {
                const VhChange *c = &set->changes[i];

                if (vh_show_is_internal(c->path))
                        continue;
                if (is_link(c))
                        counts->links++;
                else if (c->new.kind == VH_NODE_NONE)
                        counts->removed++;
                else
                        counts->written++;
        }
}

static const char *content(const VhNode *n)
{
        return n->kind == VH_NODE_FILE ? n->data : NULL;
}

/* Red what goes, green what comes, as diff does it. */
static void put_colored(const VhShow *s, const char *text)
{
        for (const char *eol; *text; text = eol) {
                const char *color = *text == '-'   ? "\033[31m"
                                    : *text == '+' ? "\033[32m"
                                    : *text == '@' ? "\033[36m"
                                                   : NULL;

                eol = text + strcspn(text, "\n");
                fprintf(s->out, "%s%.*s%s\n", s->color && color ? color : "", (int)(eol - text), text,
                        s->color && color ? "\033[0m" : "");
                eol += *eol == '\n';
        }
}

static void diff_file(const VhShow *s, const VhChange *c)
{
        _vh_buf_ VhBuf b = { 0 };

        if (c->secret) {
                fprintf(s->out, "/%s: differs; its content is not shown\n", c->path);
                return;
        }
        vh_text_diff(&b, c->path, content(&c->old), content(&c->new), true);
        if (b.len > 0)
                put_colored(s, b.data);
        if (c->old.kind == VH_NODE_FILE && c->new.kind == VH_NODE_FILE && c->old.mode != c->new.mode)
                fprintf(s->out, "/%s: mode %04o becomes %04o\n", c->path, c->old.mode, c->new.mode);
        if (c->foreign)
                fprintf(s->out,
                        "/%s: not written by virthost; what is there now is kept and comes back when the profile "
                        "no longer has it\n",
                        c->path);
}

static void diff_link(const VhShow *s, const VhChange *c)
{
        if (c->old.kind == VH_NODE_LINK)
                fprintf(s->out, "%s- /%s -> %s%s\n", s->color ? "\033[31m" : "", c->path, c->old.data,
                        s->color ? "\033[0m" : "");
        if (c->new.kind == VH_NODE_LINK)
                fprintf(s->out, "%s+ /%s -> %s%s\n", s->color ? "\033[32m" : "", c->path, c->new.data,
                        s->color ? "\033[0m" : "");
}

void vh_show_diff(const VhShow *s, const VhChangeSet *set)
{
        for (size_t i = 0; i < set->n_changes; i++)
                if (!is_link(&set->changes[i]) && !vh_show_is_internal(set->changes[i].path))
                        diff_file(s, &set->changes[i]);
        for (size_t i = 0; i < set->n_changes; i++)
                if (is_link(&set->changes[i]) && !vh_show_is_internal(set->changes[i].path))
                        diff_link(s, &set->changes[i]);
        for (size_t i = 0; i < set->n_units; i++) {
                const VhUnitRun *u = &set->units[i];

                if (u->wish == VH_WISH_UP && !u->was)
                        fprintf(s->out, "%s: inactive becomes active\n", u->unit);
                if (u->wish == VH_WISH_DOWN && u->was)
                        fprintf(s->out, "%s: active becomes inactive\n", u->unit);
        }
}

static char *action_text(const VhAction *a)
{
        if (a->kind == VH_ACTION_RELOAD_MANAGER)
                return vh_xstrdup("systemd reads its units again");
        if (a->kind == VH_ACTION_LIVE)
                return vh_xasprintf("set %s = %s in the running %s", a->key, a->value ? a->value : "(default)",
                                    a->unit);
        return vh_xasprintf("%s %s", vh_action_name(a->kind), a->unit);
}

char *vh_show_step(const VhStep *step)
{
        if (step->action)
                return action_text(step->action);
        return vh_xasprintf("%s /%s",
                            step->change->new.kind == VH_NODE_NONE   ? "remove"
                            : step->change->new.kind == VH_NODE_LINK ? "link"
                                                                     : "write",
                            step->change->path);
}

/* Does an action end a service for a moment or for good? */
static const VhDaemonDesc *disturbs(const VhAction *a)
{
        if (a->kind != VH_ACTION_STOP && a->kind != VH_ACTION_RESTART)
                return NULL;
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if (vh_streq((*d)->service, a->unit))
                        return *d;
        return NULL;
}

static void put_guests(const VhShow *s, const VhChangeSet *set, const VhHost *host)
{
        for (size_t i = 0; i < set->n_actions; i++) {
                const VhDaemonDesc *d = disturbs(&set->actions[i]);
                unsigned guests = d ? vh_host_guests(host, d) : 0;

                if (guests > 0)
                        fprintf(s->out, "%s %s: %u guest%s run%s on\n", vh_action_name(set->actions[i].kind), d->name,
                                guests, guests == 1 ? "" : "s", guests == 1 ? "s" : "");
        }
}

char *vh_show_summary(const VhChangeSet *set)
{
        VhCounts c;

        vh_show_count(set, &c);
        return vh_xasprintf("%u file%s to write, %u to remove, %u link%s, %u unit action%s", c.written,
                            c.written == 1 ? "" : "s", c.removed, c.links, c.links == 1 ? "" : "s", c.actions,
                            c.actions == 1 ? "" : "s");
}

void vh_show_actions(const VhShow *s, const VhChangeSet *set, const VhHost *host)
{
        _vh_free_ char *summary = vh_show_summary(set);

        for (size_t i = 0; i < set->n_actions; i++) {
                _vh_free_ char *text = action_text(&set->actions[i]);
                const char *why = set->actions[i].reason;

                fprintf(s->out, "%zu. %s%s%s%s\n", i + 1, text, why ? " (" : "", why ? why : "", why ? ")" : "");
        }
        put_guests(s, set, host);
        fprintf(s->out, "%s\n", summary);
}

static const char *change_word(const VhChange *c)
{
        return c->old.kind == VH_NODE_NONE ? "create" : c->new.kind == VH_NODE_NONE ? "remove" : "change";
}

static void json_change(VhJson *j, const VhChange *c)
{
        _vh_buf_ VhBuf diff = { 0 };
        _vh_free_ char *path = vh_xasprintf("/%s", c->path);

        vh_json_open(j, NULL, '{');
        vh_json_string(j, "path", path);
        vh_json_string(j, "type", is_link(c) ? "link" : "file");
        vh_json_string(j, "change", change_word(c));
        vh_json_bool(j, "foreign", c->foreign);
        if (is_link(c)) {
                vh_json_string(j, "target", c->new.data);
        } else if (!c->secret) {
                vh_text_diff(&diff, c->path, content(&c->old), content(&c->new), true);
                vh_json_string(j, "diff", diff.data ? diff.data : "");
        }
        vh_json_close(j, '}');
}

static void json_action(VhJson *j, const VhAction *a)
{
        vh_json_open(j, NULL, '{');
        vh_json_string(j, "action", vh_action_name(a->kind));
        vh_json_string(j, "unit", a->unit);
        if (a->kind == VH_ACTION_LIVE) {
                vh_json_string(j, "option", a->key);
                vh_json_string(j, "value", a->value);
        }
        vh_json_string(j, "reason", a->reason);
        vh_json_close(j, '}');
}

static void json_guests(VhJson *j, const VhChangeSet *set, const VhHost *host)
{
        vh_json_open(j, "guests", '[');
        for (size_t i = 0; i < set->n_actions; i++) {
                const VhDaemonDesc *d = disturbs(&set->actions[i]);

                if (!d)
                        continue;
                vh_json_open(j, NULL, '{');
                vh_json_string(j, "daemon", d->name);
                vh_json_string(j, "action", vh_action_name(set->actions[i].kind));
                vh_json_number(j, "running", vh_host_guests(host, d));
                vh_json_close(j, '}');
        }
        vh_json_close(j, ']');
}

static void json_summary(VhJson *j, const VhChangeSet *set)
{
        VhCounts c;

        vh_show_count(set, &c);
        vh_json_open(j, "summary", '{');
        vh_json_number(j, "written", c.written);
        vh_json_number(j, "removed", c.removed);
        vh_json_number(j, "links", c.links);
        vh_json_number(j, "actions", c.actions);
        vh_json_close(j, '}');
}

void vh_show_json(VhJson *j, const char *key, const VhChangeSet *set, const VhHost *host)
{
        vh_json_open(j, key, '{');
        vh_json_string(j, "profile", set->profile);
        vh_json_number(j, "generation", set->generation);
        vh_json_open(j, "changes", '[');
        for (size_t i = 0; i < set->n_changes; i++)
                if (!vh_show_is_internal(set->changes[i].path))
                        json_change(j, &set->changes[i]);
        vh_json_close(j, ']');
        vh_json_open(j, "actions", '[');
        for (size_t i = 0; i < set->n_actions; i++)
                json_action(j, &set->actions[i]);
        vh_json_close(j, ']');
        json_guests(j, set, host);
        json_summary(j, set);
        vh_json_close(j, '}');
}
