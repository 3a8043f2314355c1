/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* [Install] sections and the links they ask for (systemd.unit(5)). */

#include "apply/unit-file.h"

#include <errno.h>
#include <stdio.h>

enum { ALSO_MAX = 64 };

static const char *const dirs[] = { VH_UNIT_CONFIG_DIR,   "run/systemd/system",     "usr/local/lib/systemd/system",
                                    "lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system" };

/* /lib comes before /usr/lib or behind it; the other row is passed over. */
const char *vh_unit_dir(const VhUnitView *view, size_t i)
{
        if (i >= VH_ARRAY_SIZE(dirs))
                return NULL;
        if (i == (view->split_usr ? 5 : 3))
                return vh_unit_dir(view, i + 1);
        return dirs[i];
}

void vh_unit_view(VhUnitView *view, const VhTree *tree, const VhChangeSet *set)
{
        static const char *const places[] = { "etc/os-release", "usr/lib/os-release" };

        *view = (VhUnitView){ .tree = tree, .set = set };
        for (size_t i = 0; i < VH_ARRAY_SIZE(places) && !view->split_usr; i++) {
                _vh_node_ VhNode node = { 0 };

                if (vh_tree_read(tree, places[i], &node) == 0 && node.kind == VH_NODE_FILE)
                        view->split_usr = strstr(node.data, "ID=debian") || strstr(node.data, "ID_LIKE=debian");
        }
}

int vh_unit_node(const VhUnitView *view, const char *path, VhNode *node)
{
        const VhChange *c = view->set ? vh_changes_find(view->set, path) : NULL;

        if (!c)
                return vh_tree_read(view->tree, path, node);
        vh_node_copy(node, &c->new);
        return 0;
}

static bool is_mask(const VhNode *node)
{
        return (node->kind == VH_NODE_LINK && vh_streq(node->data, "/dev/null")) ||
               (node->kind == VH_NODE_FILE && node->len == 0);
}

int vh_unit_find(const VhUnitView *view, const char *unit, char **path)
{
        *path = NULL;
        for (size_t i = 0; vh_unit_dir(view, i); i++) {
                _vh_free_ char *candidate = vh_xasprintf("%s/%s", vh_unit_dir(view, i), unit);
                _vh_node_ VhNode node = { 0 };
                int r = vh_unit_node(view, candidate, &node);

                if (r < 0)
                        return r;
                if ((node.kind == VH_NODE_FILE || node.kind == VH_NODE_LINK) && !is_mask(&node)) {
                        *path = VH_TAKE_PTR(candidate);
                        return 0;
                }
        }
        return 0;
}

char *vh_unit_mask(const VhUnitView *view, const char *unit)
{
        for (size_t i = 0; i < 2; i++) {
                _vh_free_ char *path = vh_xasprintf("%s/%s", dirs[i], unit);
                _vh_node_ VhNode node = { 0 };

                if (vh_unit_node(view, path, &node) == 0 && is_mask(&node))
                        return VH_TAKE_PTR(path);
        }
        return NULL;
}

/* The words of [Install] that make links. */
typedef struct Words {
        char **at;
        size_t n;
} Words;

typedef struct Install {
        Words wanted_by, required_by, also, alias;
} Install;

static void words_clear(Words *w)
{
        for (size_t i = 0; i < w->n; i++)
                free(w->at[i]);
        free(w->at);
        *w = (Words){ 0 };
}

static void words_add(Words *w, char *word)
{
        w->at = vh_xrealloc(w->at, w->n + 1, sizeof(*w->at));
        w->at[w->n++] = word;
}

static bool words_have(const Words *w, const char *word)
{
        for (size_t i = 0; i < w->n; i++)
                if (vh_streq(w->at[i], word))
                        return true;
        return false;
}

static void install_done(Install *in)
{
        words_clear(&in->wanted_by);
        words_clear(&in->required_by);
        words_clear(&in->also);
        words_clear(&in->alias);
}

static Words *install_list(Install *in, const char *key, size_t len)
{
        const struct {
                const char *name;
                Words *words;
        } rows[] = { { "WantedBy", &in->wanted_by },
                     { "RequiredBy", &in->required_by },
                     { "Also", &in->also },
                     { "Alias", &in->alias } };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (strlen(rows[i].name) == len && strncmp(rows[i].name, key, len) == 0)
                        return rows[i].words;
        return NULL;
}

/* "WantedBy = a b": an empty list takes back what was said before. */
static void take_assignment(Install *in, const char *line)
{
        size_t key = strcspn(line, " \t=");
        Words *w = install_list(in, line, key);
        const char *p = line + key;

        p += strspn(p, " \t");
        if (!w || *p != '=')
                return;
        p += 1 + strspn(p + 1, " \t");
        if (*p == '\0')
                words_clear(w);
        for (size_t n; *p; p += n + strspn(p + n, " \t")) {
                n = strcspn(p, " \t");
                words_add(w, vh_xstrndup(p, n));
        }
}

/* Lines that end with a backslash go on in the next one. */
static void parse_install(Install *in, const char *text)
{
        _vh_free_ char *copy = vh_xstrdup(text);
        char *rest = copy, *line, *p;
        bool inside = false;

        for (p = copy; (p = strstr(p, "\\\n"));)
                p[0] = p[1] = ' ';
        while ((line = strsep(&rest, "\n"))) {
                line += strspn(line, " \t\r");
                line[strcspn(line, "\r")] = '\0';
                if (*line == '[')
                        inside = vh_startswith(line, "[Install]");
                else if (inside && *line != '#' && *line != ';')
                        take_assignment(in, line);
        }
}

static int collect_conf(void *data, const char *name)
{
        Words *names = data;

        if (vh_endswith(name, ".conf") && *name != '.' && !words_have(names, name))
                words_add(names, vh_xstrdup(name));
        return 0;
}

static void collect_planned(const VhUnitView *view, const char *dir, Words *names)
{
        for (size_t i = 0; view->set && i < view->set->n_changes; i++) {
                const char *rest = vh_startswith(view->set->changes[i].path, dir);

                if (rest && *rest == '/' && !strchr(rest + 1, '/'))
                        collect_conf(names, rest + 1);
        }
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A drop-in of this name, from the folder that comes first. */
static int parse_drop_in(const VhUnitView *view, const char *unit, const char *name, Install *in)
{
        for (size_t i = 0; vh_unit_dir(view, i); i++) {
                _vh_free_ char *path = vh_xasprintf("%s/%s.d/%s", vh_unit_dir(view, i), unit, name);
                _vh_node_ VhNode node = { 0 };
                int r = vh_unit_node(view, path, &node);

                if (r < 0)
                        return r;
                if (node.kind == VH_NODE_FILE)
                        parse_install(in, node.data);
                if (node.kind != VH_NODE_NONE)
                        return 0;
        }
        return 0;
}

static int parse_drop_ins(const VhUnitView *view, const char *unit, Install *in)
{
        Words names = { 0 };
        int r = 0;

        for (size_t i = 0; vh_unit_dir(view, i); i++) {
                _vh_free_ char *dir = vh_xasprintf("%s/%s.d", vh_unit_dir(view, i), unit);

                collect_planned(view, dir, &names);
                r = vh_tree_list(view->tree, dir, collect_conf, &names);
                if (r < 0)
                        break;
        }
        if (names.n > 0)
                qsort(names.at, names.n, sizeof(*names.at), by_name);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = parse_drop_in(view, unit, names.at[i], in);
        words_clear(&names);
        return r;
}

static int read_install(const VhUnitView *view, const char *unit, const char *path, Install *in)
{
        _vh_node_ VhNode node = { 0 };
        int r = vh_unit_node(view, path, &node);

        if (r == 0 && node.kind == VH_NODE_FILE)
                parse_install(in, node.data);
        return r < 0 ? r : parse_drop_ins(view, unit, in);
}

static void links_in(const Words *targets, const char *kind, const char *unit, const char *fragment,
                     const VhUnitWalk *walk)
{
        for (size_t i = 0; i < targets->n; i++) {
                _vh_free_ char *path = vh_xasprintf("%s/%s.%s/%s", VH_UNIT_CONFIG_DIR, targets->at[i], kind, unit);

                walk->link(walk->data, path, fragment);
        }
}

static void alias_links(const Install *in, const char *fragment, const VhUnitWalk *walk)
{
        for (size_t i = 0; i < in->alias.n; i++) {
                _vh_free_ char *path = vh_xasprintf("%s/%s", VH_UNIT_CONFIG_DIR, in->alias.at[i]);

                walk->link(walk->data, path, fragment);
        }
}

static bool has_specifier(const Install *in)
{
        const Words *lists[] = { &in->wanted_by, &in->required_by, &in->also, &in->alias };

        for (size_t i = 0; i < VH_ARRAY_SIZE(lists); i++)
                for (size_t j = 0; j < lists[i]->n; j++)
                        if (strchr(lists[i]->at[j], '%') || strchr(lists[i]->at[j], '/'))
                                return true;
        return false;
}

static int enable(const VhUnitView *view, const char *unit, const VhUnitWalk *walk, Words *seen, VhError **err)
{
        _vh_cleanup_(install_done) Install in = { 0 };
        _vh_free_ char *path = NULL, *fragment = NULL;
        int r;

        if (words_have(seen, unit) || seen->n >= ALSO_MAX)
                return 0;
        words_add(seen, vh_xstrdup(unit));
        r = vh_unit_find(view, unit, &path);
        if (r < 0 || !path)
                return r;
        r = read_install(view, unit, path, &in);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read unit %s", unit);
        if (has_specifier(&in))
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "%s: specifiers in [Install] of a unit of this suite are not supported", path);
        fragment = vh_xasprintf("/%s", path);
        links_in(&in.wanted_by, "wants", unit, fragment, walk);
        links_in(&in.required_by, "requires", unit, fragment, walk);
        alias_links(&in, fragment, walk);
        for (size_t i = 0; r == 0 && i < in.also.n; i++)
                if (!walk->skip(walk->data, in.also.at[i]))
                        r = enable(view, in.also.at[i], walk, seen, err);
        return r;
}

int vh_unit_enable(const VhUnitView *view, const char *unit, const VhUnitWalk *walk, VhError **err)
{
        Words seen = { 0 };
        int r = enable(view, unit, walk, &seen, err);

        words_clear(&seen);
        return r;
}

typedef struct LinkSearch {
        const VhUnitView *view;
        const char *unit;
        const char *dir;
        VhUnitLinkFn fn;
        void *data;
} LinkSearch;

static void report_link(const LinkSearch *s, const char *path, bool any_target)
{
        _vh_node_ VhNode node = { 0 };
        const char *slash;

        if (vh_tree_read(s->view->tree, path, &node) < 0 || node.kind != VH_NODE_LINK)
                return;
        slash = strrchr(node.data, '/');
        if (any_target || vh_streq(slash ? slash + 1 : node.data, s->unit))
                s->fn(s->data, path, node.data);
}

static int look_at_entry(void *data, const char *name)
{
        const LinkSearch *s = data;
        _vh_free_ char *path = vh_xasprintf("%s/%s", s->dir, name);

        if (vh_endswith(name, ".wants") || vh_endswith(name, ".requires")) {
                _vh_free_ char *link = vh_xasprintf("%s/%s", path, s->unit);

                report_link(s, link, true);
        } else if (!vh_streq(name, s->unit) && (vh_endswith(name, ".service") || vh_endswith(name, ".socket"))) {
                report_link(s, path, false); /* an alias */
        }
        return 0;
}

int vh_unit_enabled(const VhUnitView *view, const char *unit, VhUnitLinkFn fn, void *data)
{
        LinkSearch s = { .view = view, .unit = unit, .dir = VH_UNIT_CONFIG_DIR, .fn = fn, .data = data };

        return vh_tree_list(view->tree, s.dir, look_at_entry, &s);
}
