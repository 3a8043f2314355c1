/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a host's configuration out of its files. */

#include "host/survey.h"
#include "dirs.h"

#include <errno.h>

const char *vh_survey_read_text(VhSurvey *host, const char *path)
{
        _vh_node_ VhNode node = { 0 };
        VhSurveyText *t;

        int r = vh_tree_read_followed(&host->tree, path, &node);

        if (r < 0) {
                _vh_free_ char *name = vh_xasprintf("/%s", path);

                vh_findings_add(host->findings, VH_SEVERITY_WARNING, "host-unreadable", name, 0, 0,
                                "this is passed over: %s", strerror(-r));
        }
        if (r < 0 || node.kind != VH_NODE_FILE)
                return NULL;
        t = vh_arena_new(&host->arena, VhSurveyText, 1);
        t->path = vh_arena_printf(&host->arena, "/%s", path);
        t->text = vh_arena_own(&host->arena, VH_TAKE_PTR(node.data));
        t->next = host->texts;
        host->texts = t;
        return t->text;
}

static void read_distro(VhSurvey *host)
{
        const char *text = vh_survey_read_text(host, "etc/os-release");

        if (!text)
                text = vh_survey_read_text(host, "usr/lib/os-release");
        host->distro = text ? vh_distro_of_os_release(text) : NULL;
        host->distro_known = host->distro;
        if (!host->distro)
                host->distro = vh_distro_default();
}

static void read_conf(VhSurvey *host, const VhConfDesc *desc, VhFindings *findings)
{
        VhSurveyConf *c = &host->confs[host->n_confs++];
        const char *path = vh_arena_printf(&host->arena, "%s/libvirt/%s", VH_SYSCONFDIR, desc->file);
        const char *text = vh_survey_read_text(host, path);

        c->desc = desc;
        c->path = vh_arena_printf(&host->arena, "/%s", path);
        if (text)
                vh_conf_parse(&c->conf, c->path, text, strlen(text), findings, NULL);
}

static void read_confs(VhSurvey *host, VhFindings *findings)
{
        size_t n = 0;

        while (vh_conf_descs[n])
                n++;
        host->confs = vh_arena_new(&host->arena, VhSurveyConf, n);
        for (size_t i = 0; i < n; i++)
                read_conf(host, vh_conf_descs[i], findings);
}

/* Units */

enum { DROP_INS_MAX = 256 }; /* of one unit; nobody has a dozen */

/* The drop-ins of a unit, by name. */
typedef struct Names {
        char *dir;
        char *at[DROP_INS_MAX];
        char *paths[DROP_INS_MAX];
        size_t n;
} Names;

static int collect_drop_in(void *data, const char *name)
{
        Names *names = data;

        if (*name == '.' || !vh_endswith(name, ".conf") || names->n >= VH_ARRAY_SIZE(names->at))
                return 0;
        /* The folder that comes first hides the others' files of the same name. */
        for (size_t i = 0; i < names->n; i++)
                if (vh_streq(names->at[i], name))
                        return 0;
        names->paths[names->n] = vh_xasprintf("%s/%s", names->dir, name);
        names->at[names->n++] = vh_xstrdup(name);
        return 0;
}

static void sort_names(Names *names)
{
        for (size_t i = 1; i < names->n; i++) {
                for (size_t j = i; j > 0 && strcmp(names->at[j - 1], names->at[j]) > 0; j--) {
                        char *name = names->at[j], *path = names->paths[j];

                        names->at[j] = names->at[j - 1];
                        names->paths[j] = names->paths[j - 1];
                        names->at[j - 1] = name;
                        names->paths[j - 1] = path;
                }
        }
}

static int list_drop_ins(const VhSurvey *host, const char *unit, Names *names)
{
        int r = 0;

        for (size_t i = 0; r == 0 && vh_unit_dir(&host->view, i); i++) {
                names->dir = vh_xasprintf("%s/%s.d", vh_unit_dir(&host->view, i), unit);
                r = vh_tree_list(&host->tree, names->dir, collect_drop_in, names);
                free(names->dir);
        }
        sort_names(names);
        return r;
}

static int read_drop_ins(VhSurvey *host, VhSurveyUnit *u, VhFindings *findings)
{
        Names names = { 0 };
        int r = list_drop_ins(host, u->name, &names);

        for (size_t i = 0; i < names.n; i++) {
                const char *text = vh_survey_read_text(host, names.paths[i]);
                const char *path = vh_arena_printf(&host->arena, "/%s", names.paths[i]);

                if (text)
                        vh_unit_parse(&host->arena, &u->lines, path, text, findings);
                if (!u->drop_in)
                        u->drop_in = path;
                free(names.at[i]);
                free(names.paths[i]);
        }
        return r;
}

static void read_fragment(VhSurvey *host, VhSurveyUnit *u, VhFindings *findings)
{
        _vh_free_ char *path = vh_xasprintf("/%s", u->fragment);
        const char *text = vh_survey_read_text(host, u->fragment);

        if (text)
                vh_unit_parse(&host->arena, &u->lines, path, text, findings);
}

/* One word, quotes taken off; *s moves behind it. NULL at the end. The caller frees it. */
static char *next_word(const char **s)
{
        _vh_buf_ VhBuf b = { 0 };
        char quote = '\0';

        *s += strspn(*s, " \t");
        if (!**s)
                return NULL;
        for (; **s && (quote || !strchr(" \t", **s)); ++*s) {
                if (quote ? **s == quote : **s == '"' || **s == '\'')
                        quote = quote ? '\0' : **s;
                else
                        vh_buf_addc(&b, **s);
        }
        return vh_buf_take(&b);
}

static void add_variable(VhSurvey *host, VhSurveyUnit *u, const VhUnitLine *from, char *word)
{
        char *eq = strchr(word, '=');
        VhUnitLine *v;

        if (!eq)
                return;
        v = vh_arena_memdup(&host->arena, from, sizeof(*from));
        *eq = '\0';
        v->next = NULL;
        v->section = "";
        v->key = vh_arena_strdup(&host->arena, word);
        v->value = vh_arena_strdup(&host->arena, eq + 1);
        if (u->variables.last)
                u->variables.last->next = v;
        else
                u->variables.first = v;
        u->variables.last = v;
}

static void add_variables(VhSurvey *host, VhSurveyUnit *u, const VhUnitLine *from)
{
        const char *rest = from->value;
        char *word;

        while ((word = next_word(&rest))) {
                add_variable(host, u, from, word);
                free(word);
        }
}

static void read_variables(VhSurvey *host, VhSurveyUnit *u, VhFindings *findings)
{
        for (const VhUnitLine *l = NULL; (l = vh_unit_next(&u->lines, "Service", "Environment", l));)
                add_variables(host, u, l);
        for (const VhUnitLine *l = NULL; (l = vh_unit_next(&u->lines, "Service", "EnvironmentFile", l));) {
                const char *path = l->value + (*l->value == '-');
                const char *text = *path == '/' ? vh_survey_read_text(host, path + 1) : NULL;

                u->env_file = path;
                if (text)
                        vh_env_parse(&host->arena, &u->variables, path, text, findings);
        }
}

typedef struct Link {
        VhSurvey *host;
        VhSurveyUnit *unit;
} Link;

static void note_link(void *data, const char *path, const char *target)
{
        Link *l = data;

        if (!l->unit->enabled)
                l->unit->enabled = vh_arena_printf(&l->host->arena, "/%s", path);
}

static int read_unit(VhSurvey *host, VhSurveyUnit *u, VhFindings *findings)
{
        int r = vh_unit_find(&host->view, u->name, &u->fragment);

        if (r < 0)
                return r;
        u->mask = vh_unit_mask(&host->view, u->name);
        r = vh_unit_enabled(&host->view, u->name, note_link, &(Link){ host, u });
        if (r < 0)
                return r;
        if (u->fragment)
                read_fragment(host, u, findings);
        r = read_drop_ins(host, u, findings);
        if (!u->socket)
                read_variables(host, u, findings);
        return r;
}

static VhSurveyUnit *add_unit(VhSurvey *host, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        VhSurveyUnit *u = &host->units[host->n_units++];

        u->daemon = d;
        u->socket = s;
        u->name = s ? s->unit : vh_arena_printf(&host->arena, "%s.service", d->name);
        return u;
}

static int read_units(VhSurvey *host, VhFindings *findings)
{
        size_t n = 0;
        int r = 0;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                n += 1 + (*d)->n_sockets;
        host->units = vh_arena_new(&host->arena, VhSurveyUnit, n);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if (!(*d)->units)
                        continue;
                add_unit(host, *d, NULL);
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        add_unit(host, *d, &(*d)->sockets[i]);
        }
        for (size_t i = 0; r == 0 && i < host->n_units; i++)
                r = read_unit(host, &host->units[i], findings);
        return r;
}

int vh_survey_read(VhSurvey *host, const char *root, VhFindings *findings, VhError **err)
{
        int r;

        *host = (VhSurvey){ .tree = { .fd = -1 }, .findings = findings };
        r = vh_tree_open(&host->tree, root, false, err);
        if (r < 0)
                return r;
        vh_unit_view(&host->view, &host->tree, NULL);
        read_distro(host);
        read_confs(host, findings);
        r = read_units(host, findings);
        return r < 0 ? vh_error_sys(err, VIR_FROM_CONF, r, "cannot read units below %s", root) : 0;
}

void vh_survey_done(VhSurvey *host)
{
        for (size_t i = 0; i < host->n_confs; i++)
                vh_conf_free(host->confs[i].conf);
        for (size_t i = 0; i < host->n_units; i++) {
                free(host->units[i].fragment);
                free(host->units[i].mask);
        }
        vh_tree_done(&host->tree);
        vh_arena_done(&host->arena);
}

/* Questions */

const VhSurveyUnit *vh_survey_unit(const VhSurvey *host, const char *name)
{
        for (size_t i = 0; i < host->n_units; i++)
                if (vh_streq(host->units[i].name, name))
                        return &host->units[i];
        return NULL;
}

const VhSurveyUnit *vh_survey_socket(const VhSurvey *host, const VhDaemonDesc *d, VhSocketKind kind)
{
        const VhSocketDesc *s = vh_daemon_desc_socket(d, kind);

        return s ? vh_survey_unit(host, s->unit) : NULL;
}

const VhSurveyConf *vh_survey_conf(const VhSurvey *host, const VhConfDesc *desc)
{
        for (size_t i = 0; i < host->n_confs; i++)
                if (host->confs[i].desc == desc)
                        return &host->confs[i];
        return NULL;
}

bool vh_survey_unit_wanted(const VhSurveyUnit *u)
{
        return u && u->fragment && u->enabled && !u->mask;
}

bool vh_survey_has(const VhSurvey *host, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < host->n_units; i++)
                if (host->units[i].daemon == d && vh_survey_unit_wanted(&host->units[i]))
                        return true;
        return false;
}

bool vh_survey_is_activated(const VhSurvey *host, const VhDaemonDesc *d)
{
        return vh_survey_unit_wanted(vh_survey_socket(host, d, VH_SOCKET_RW));
}

const VhUnitLine *vh_survey_variable(const VhSurveyUnit *service, const char *name)
{
        const VhUnitLine *found = NULL;

        for (const VhUnitLine *u = service->variables.first; u; u = u->next)
                if (vh_streq(u->key, name))
                        found = u;
        return found;
}

/* ExecStart= with $NAME and ${NAME} replaced. */
static char *expand(const VhSurveyUnit *service, const char *s)
{
        _vh_buf_ VhBuf b = { 0 };

        while (*s) {
                bool braces = s[0] == '$' && s[1] == '{';
                const char *start = s + 1 + braces;
                size_t len = *s == '$'
                                     ? strspn(start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789")
                                     : 0;
                _vh_free_ char *name = len ? vh_xstrndup(start, len) : NULL;
                const VhUnitLine *v = name ? vh_survey_variable(service, name) : NULL;

                if (!name) {
                        vh_buf_addc(&b, *s++);
                        continue;
                }
                vh_buf_adds(&b, v ? v->value : "");
                s = start + len;
                s += braces && *s == '}';
        }
        return vh_buf_take(&b);
}

const char *const *vh_survey_arguments(VhSurvey *host, const VhSurveyUnit *service)
{
        const VhUnitLine *exec = vh_unit_value(&service->lines, "Service", "ExecStart");
        _vh_free_ char *line = exec ? expand(service, exec->value) : NULL;
        const char *rest = line;
        const char **words;
        size_t n = 0;
        char *word;

        if (!exec)
                return NULL;
        words = vh_arena_new(&host->arena, const char *, strlen(line) / 2 + 2);
        while ((word = next_word(&rest)))
                words[n++] = vh_arena_own(&host->arena, word);
        return words + (n > 0);
}

const char *vh_survey_source(const void *data, const char *path)
{
        const VhSurvey *host = data;

        for (const VhSurveyText *t = host->texts; t; t = t->next)
                if (vh_streq(t->path, path))
                        return t->text;
        return NULL;
}
