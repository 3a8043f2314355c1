/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may connect and who may do what: rules for polkit. Everything that goes into them was checked for what a name may
 * hold, but values of attributes, which are written as JavaScript strings. */

#include "plan.h"
#include "dirs.h"

static void add_string(VhBuf *b, const char *s, size_t len)
{
        vh_buf_addc(b, '"');
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)s[i];

                if (c == '"' || c == '\\')
                        vh_buf_printf(b, "\\%c", c);
                else if (c < 0x20 || c == 0x7f)
                        vh_buf_printf(b, "\\x%02x", c);
                else
                        vh_buf_addc(b, (char)c);
        }
        vh_buf_addc(b, '"');
}

/* 'subject.user == "a" || subject.isInGroup("b")' */
static void add_subject(VhBuf *b, const VhGiven *users, const VhGiven *groups)
{
        for (size_t i = 0; i < users->n + groups->n; i++) {
                bool user = i < users->n;
                const char *name = user ? users->items[i] : groups->items[i - users->n];

                vh_buf_printf(b, "%s%s\"%s\"%s", i > 0 ? " || " : "", user ? "subject.user == " : "subject.isInGroup(",
                              name, user ? "" : ")");
        }
}

static void add_connect(VhDraft *d, const char *action, const VhGiven *users, const VhGiven *groups,
                        const char *otherwise)
{
        const VhGiven *from = users->node ? users : groups;

        if (!from->node)
                return;
        vh_draft_from(d, from->node, from->path);
        vh_buf_printf(&d->text, "    if (action.id == \"%s\")\n        return ", action);
        if (users->n + groups->n > 0)
                add_subject(&d->text, users, groups);
        else
                vh_buf_adds(&d->text, "false");
        vh_buf_printf(&d->text, " ? polkit.Result.YES : polkit.Result.%s;\n", otherwise);
}

/* "domain.*" is all that begins so. */
static void add_permissions(VhBuf *b, const VhGiven *list, const char *result)
{
        if (list->n == 0)
                return;
        vh_buf_adds(b, "    if (");
        for (size_t i = 0; i < list->n; i++) {
                const char *word = list->items[i];
                size_t len = strlen(word);
                bool all = len > 0 && word[len - 1] == '*';

                vh_buf_printf(b, "%saction.id%s", i > 0 ? " ||\n        " : "", all ? ".indexOf(" : " == ");
                vh_buf_printf(b, "\"org.libvirt.api.%.*s\"%s", (int)(all ? len - 1 : len), word, all ? ") == 0" : "");
        }
        vh_buf_printf(b, ")\n        return polkit.Result.%s;\n", result);
}

static void add_where(VhBuf *b, const VhRule *r)
{
        size_t len = r->where_key ? strlen(r->where_value) : 0;
        bool begins = len > 0 && r->where_value[len - 1] == '*';

        if (!r->where_key)
                return;
        vh_buf_printf(b, "    if (%saction.lookup(\"%s\")%s", begins ? "String(" : "", r->where_key,
                      begins ? ").indexOf(" : " != ");
        add_string(b, r->where_value, begins ? len - 1 : len);
        vh_buf_printf(b, "%s)\n        return polkit.Result.NOT_HANDLED;\n", begins ? ") != 0" : "");
}

static void add_rule(VhDraft *d, const VhRule *r)
{
        vh_draft_from(d, r->node, r->path);
        vh_buf_adds(&d->text, "polkit.addRule(function(action, subject) {\n    if (!(");
        add_subject(&d->text, &r->users, &r->groups);
        vh_buf_adds(&d->text, "))\n        return polkit.Result.NOT_HANDLED;\n");
        add_where(&d->text, r);
        add_permissions(&d->text, &r->deny, "NO");
        add_permissions(&d->text, &r->allow, "YES");
        vh_buf_adds(&d->text, "    return polkit.Result.NOT_HANDLED;\n});\n");
}

static bool has_connect_rules(const VhProfile *p)
{
        return p->access.manage_users.node || p->access.manage_groups.node || p->access.monitor_users.node ||
               p->access.monitor_groups.node;
}

void vh_emit_polkit(VhPlan *plan, const VhProfile *p)
{
        VhDraft d = { 0 };

        if (!p->rules && !has_connect_rules(p))
                return;
        vh_buf_adds(&d.text, "// ");
        vh_emit_header_text(&d.text, p);
        if (has_connect_rules(p)) {
                vh_buf_adds(&d.text, "polkit.addRule(function(action, subject) {\n");
                add_connect(&d, "org.libvirt.unix.manage", &p->access.manage_users, &p->access.manage_groups,
                            "NOT_HANDLED");
                add_connect(&d, "org.libvirt.unix.monitor", &p->access.monitor_users, &p->access.monitor_groups, "NO");
                vh_draft_from(&d, NULL, NULL);
                vh_buf_adds(&d.text, "    return polkit.Result.NOT_HANDLED;\n});\n");
        }
        for (const VhRule *r = p->rules; r; r = r->next)
                add_rule(&d, r);
        vh_plan_add(plan, VH_PLAN_POLKIT, vh_xasprintf("%s/50-virthost.rules", p->distro->polkit_rules_dir), 0644, &d);
}
