/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rules for polkit of the administrator: those that say who may connect, and those about single calls in the form that
 * profiles come to. Rules are programs; what is not understood as a whole is told as lost. */

#include "conf/check.h"
#include "host/import-priv.h"
#include "host/polkit-rule.h"
#include "lang.h"

#include <ctype.h>

#define MANAGE  "org.libvirt.unix.manage"
#define MONITOR "org.libvirt.unix.monitor"
#define API     "org.libvirt.api."

/* Names of a list in YAML, each once. */
typedef struct Names {
        VhBuf text;
} Names;

static void add_name(const Import *im, Names *names, const char *name)
{
        _vh_buf_ VhBuf quoted = { 0 };
        Import inner = *im;

        inner.out = &quoted;
        vh_import_put_text(&inner, name);
        if (names->text.data && strstr(names->text.data, quoted.data))
                return;
        vh_buf_printf(&names->text, "%s%s", names->text.len ? ", " : "", quoted.data);
}

static void put_names(const Import *im, const char *indent, const char *key, const Names *names)
{
        if (names->text.len)
                vh_buf_printf(im->out, "%s%s: [%s]\n", indent, key, names->text.data);
}

typedef struct Polkit {
        const Import *im;
        const char *file;
        Names manage[2], monitor[2]; /* users, groups */
        VhBuf rules;
        bool asked; /* some daemon asks about single calls */
} Polkit;

/* "action is one of ..., subject is one of ...: YES" */
static bool take_connect(Polkit *p, const VhPolkitRule *r)
{
        if (r->n_guards != 1 || r->where_key || r->guards[0].result != VH_POLKIT_YES)
                return false;
        for (size_t i = 0; i < r->guards[0].n_actions; i++)
                if (!vh_streq(r->guards[0].actions[i], MANAGE) && !vh_streq(r->guards[0].actions[i], MONITOR))
                        return false;
        for (size_t i = 0; i < r->guards[0].n_actions; i++) {
                Names *to = vh_streq(r->guards[0].actions[i], MANAGE) ? p->manage : p->monitor;

                /* Everybody may look anyway, unless a rule forbids it. */
                if (to == p->monitor && !r->guards[0].otherwise_no)
                        continue;
                for (size_t j = 0; j < r->n_users; j++)
                        add_name(p->im, &to[0], r->users[j]);
                for (size_t j = 0; j < r->n_groups; j++)
                        add_name(p->im, &to[1], r->groups[j]);
        }
        return r->n_users + r->n_groups > 0;
}

static bool is_api(const VhPolkitGuard *g)
{
        for (size_t i = 0; i < g->n_actions; i++) {
                const char *permission = vh_startswith(g->actions[i], API);

                if (!permission || !vh_lang_is_permission(permission))
                        return false;
        }
        return g->result != VH_POLKIT_NOT_HANDLED && !g->otherwise_no;
}

static void put_permissions(Polkit *p, const VhPolkitRule *r, VhPolkitResult result, const char *key)
{
        Names names = { 0 };

        for (size_t i = 0; i < r->n_guards; i++)
                for (size_t j = 0; r->guards[i].result == result && j < r->guards[i].n_actions; j++)
                        add_name(p->im, &names, r->guards[i].actions[j] + strlen(API));
        if (names.text.len)
                vh_buf_printf(&p->rules, ", %s: [%s]", key, names.text.data);
        vh_buf_done(&names.text);
}

/* Rules of profiles look at what they deny first. */
static bool denies_first(const VhPolkitRule *r)
{
        for (size_t i = 1; i < r->n_guards; i++)
                if (r->guards[i].result == VH_POLKIT_NO && r->guards[i - 1].result == VH_POLKIT_YES)
                        return false;
        return true;
}

static void put_subjects(Polkit *p, const VhPolkitRule *r)
{
        Names users = { 0 }, groups = { 0 };

        for (size_t i = 0; i < r->n_users; i++)
                add_name(p->im, &users, r->users[i]);
        for (size_t i = 0; i < r->n_groups; i++)
                add_name(p->im, &groups, r->groups[i]);
        vh_buf_printf(&p->rules, "users: [%s], groups: [%s]", users.text.data ? users.text.data : "",
                      groups.text.data ? groups.text.data : "");
        vh_buf_done(&users.text);
        vh_buf_done(&groups.text);
}

static bool take_api(Polkit *p, const VhPolkitRule *r)
{
        Import inner = *p->im;

        for (size_t i = 0; i < r->n_guards; i++)
                if (!is_api(&r->guards[i]))
                        return false;
        if (r->n_guards == 0 || r->n_users + r->n_groups == 0 || !denies_first(r) || !p->asked || p->im->ours)
                return false;
        vh_buf_adds(&p->rules, "    - {");
        put_subjects(p, r);
        put_permissions(p, r, VH_POLKIT_YES, "allow");
        put_permissions(p, r, VH_POLKIT_NO, "deny");
        if (r->where_key) {
                inner.out = &p->rules;
                vh_buf_printf(&p->rules, ", where: {%s: ", r->where_key);
                vh_import_put_text(&inner, r->where_value);
                vh_buf_addc(&p->rules, '}');
        }
        vh_buf_adds(&p->rules, "}\n");
        return true;
}

static void take_rule(void *data, const VhPolkitRule *r, bool understood)
{
        Polkit *p = data;

        if (!r->is_libvirt || (understood && (take_connect(p, r) || take_api(p, r))))
                return;
        vh_import_lose(p->im, "import-lost", p->file, r->line, 1, 1, "a rule for polkit that profiles cannot say");
}

static int read_rules(void *data, const char *name)
{
        Polkit *p = data;
        const char *path = vh_arena_printf(&p->im->host->arena, "%s/%s", p->im->host->distro->polkit_rules_dir, name);
        const char *text = vh_endswith(name, ".rules") ? vh_survey_read_text(p->im->host, path) : NULL;

        p->file = vh_arena_printf(&p->im->host->arena, "/%s", path);
        if (text && strstr(text, "org.libvirt"))
                vh_polkit_rules(text, take_rule, p);
        return 0;
}

static bool asks_polkit(const Import *im)
{
        for (size_t i = 0; i < im->host->n_confs; i++) {
                const VhConf *conf = im->host->confs[i].conf;
                const VhConfEntry *e = conf ? vh_conf_find(conf, "access_drivers") : NULL;

                for (size_t j = 0; e && e->value.kind == VH_CONF_LIST && j < e->value.list.n; j++)
                        if (e->value.list.items[j].kind == VH_CONF_STRING &&
                            vh_streq(e->value.list.items[j].str, "polkit"))
                                return true;
        }
        return false;
}

static void put_connect(const Import *im, const char *key, const Names names[2])
{
        if (names[0].text.len + names[1].text.len == 0)
                return;
        vh_buf_printf(im->out, "    %s:\n", key);
        put_names(im, "      ", "users", &names[0]);
        put_names(im, "      ", "groups", &names[1]);
}

void vh_import_polkit(const Import *im)
{
        Polkit p = { .im = im, .asked = asks_polkit(im) };
        size_t connect;

        vh_tree_list(&im->host->tree, im->host->distro->polkit_rules_dir, read_rules, &p);
        connect = p.manage[0].text.len + p.manage[1].text.len + p.monitor[0].text.len + p.monitor[1].text.len;
        if (connect > 0)
                vh_buf_adds(im->out, "  polkit:\n");
        put_connect(im, "manage", p.manage);
        put_connect(im, "monitor", p.monitor);
        if (p.rules.len > 0)
                vh_buf_printf(im->out, "  rules:\n%s", p.rules.data);
        for (size_t i = 0; i < 2; i++) {
                vh_buf_done(&p.manage[i].text);
                vh_buf_done(&p.monitor[i].text);
        }
        vh_buf_done(&p.rules);
}
