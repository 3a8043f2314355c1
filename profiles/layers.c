/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which files a profile is made of, and in which order they count. */

#include "layers.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <uthash.h>

struct VhLayer {
        UT_hash_handle hh;
        const char *name;
        const char *text;
        size_t len;
        dev_t dev; /* with ino what tells files apart, however they are called */
        ino_t ino;
        VhYamlNode *root; /* NULL: it has mistakes, which the first profile that uses it was told */
        bool open;        /* its own includes are being followed */
};

/* The way to one profile's layers. */
typedef struct Walk {
        VhLayers *layers;
        VhFindings *findings;
        VhLayer *used[VH_LAYERS_FILES_MAX];
        VhYamlNode *order[VH_LAYERS_FILES_MAX]; /* lowest first */
        size_t n_used, n_order;
        size_t size;
        unsigned depth;
        bool failed;
} Walk;

/* The message is "NAME TEXT". */
static VhFinding *refuse(Walk *w, const VhYamlNode *at, const char *code, const char *name, const char *text)
{
        VhFinding *n = vh_findings_add(w->findings, VH_SEVERITY_ERROR, code, at->file, at->line, at->column, "%s %s",
                                       name, text);

        w->failed = true;
        if (n) {
                n->width = at->width;
                n->path = "$.include";
        }
        return n;
}

static VhLayer *add_layer(VhLayers *layers, const char *name, const char *text, size_t len, VhFindings *findings)
{
        VhLayer *l = vh_arena_new(layers->arena, VhLayer, 1);

        l->name = vh_arena_strdup(layers->arena, name);
        l->text = text;
        l->len = len;
        HASH_ADD_KEYPTR(hh, layers->files, l->name, strlen(l->name), l);
        l->root = vh_yaml_parse(layers->arena, l->name, text, len, findings);
        return l;
}

/* A file that was read under another name. */
static VhLayer *find_same(const VhLayers *layers, const struct stat *st)
{
        for (VhLayer *l = layers->files; l; l = l->hh.next)
                if (l->dev == st->st_dev && l->ino == st->st_ino)
                        return l;
        return NULL;
}

/* NULL with *error if it cannot be read. */
static VhLayer *read_layer(VhLayers *layers, int fd, const char *name, VhFindings *findings, int *error)
{
        struct stat st = { 0 };
        char *text = NULL;
        VhLayer *l;
        size_t len;

        *error = fstat(fd, &st) < 0 ? -errno : 0;
        l = *error == 0 && S_ISREG(st.st_mode) ? find_same(layers, &st) : NULL;
        if (l)
                return l;
        if (*error == 0)
                *error = vh_file_read_fd(fd, VH_YAML_SIZE_MAX, &text, &len);
        if (*error < 0)
                return NULL;
        vh_arena_own(layers->arena, text);
        l = add_layer(layers, name, text, len, findings);
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        return l;
}

/* A file that was read before, or reads it. NULL with *error if that fails. */
static VhLayer *get_layer(VhLayers *layers, const char *path, VhFindings *findings, int *error)
{
        _vh_close_ int fd = -1;
        VhLayer *l;

        if (vh_streq(path, "-"))
                return read_layer(layers, STDIN_FILENO, "<stdin>", findings, error);
        HASH_FIND_STR(layers->files, path, l);
        if (l)
                return l;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        *error = fd < 0 ? -errno : 0;
        return fd < 0 ? NULL : read_layer(layers, fd, path, findings, error);
}

/* A name as the including file means it: from its own folder. */
static const char *resolve_name(Walk *w, const char *from, const char *name)
{
        const char *slash = strrchr(from, '/');

        while (vh_startswith(name, "./"))
                name += 2;
        if (*name == '/' || !slash)
                return vh_arena_strdup(w->layers->arena, name);
        return vh_arena_printf(w->layers->arena, "%.*s/%s", (int)(slash - from), from, name);
}

static void walk_layer(Walk *w, VhLayer *l, const VhYamlNode *at);

static void report_unreadable(Walk *w, const VhYamlNode *at, const char *path, int error)
{
        if (error == -EFBIG)
                vh_finding_hint(w->findings, refuse(w, at, "include-size", path, "is too large"),
                                "a layer has at most %d bytes", VH_YAML_SIZE_MAX);
        else
                vh_finding_hint(w->findings, refuse(w, at, "include-read", path, "cannot be read"), "%s",
                                strerror(-error));
}

static void walk_include(Walk *w, const VhLayer *from, const VhYamlNode *item)
{
        const char *path;
        VhLayer *l;
        int r = 0;

        if (item->kind != VH_YAML_SCALAR || !*item->text || vh_yaml_is_null(item)) {
                refuse(w, item, "include-name", item->kind == VH_YAML_SCALAR ? "nothing" : vh_yaml_kind_name(item),
                       "is no name of a file");
                return;
        }
        path = resolve_name(w, from->name, item->text);
        if (w->layers->closed) {
                refuse(w, item, "include-closed", path, "cannot be included: no files are read here");
                return;
        }
        l = get_layer(w->layers, path, w->findings, &r);
        if (!l)
                report_unreadable(w, item, path, r);
        else if (l->open)
                refuse(w, item, "include-cycle", path, "includes this file: that would never end");
        else if (!l->root)
                refuse(w, item, "include-broken", path, "has mistakes");
        else
                walk_layer(w, l, item);
}

static bool is_used(const Walk *w, const VhLayer *l)
{
        for (size_t i = 0; i < w->n_used; i++)
                if (w->used[i] == l)
                        return true;
        return false;
}

static const VhYamlNode *include_of(const VhYamlNode *root)
{
        if (root->kind == VH_YAML_MAP)
                for (size_t i = 0; i < root->n; i++)
                        if (vh_streq(vh_yaml_key(root, i)->text, "include"))
                                return vh_yaml_value(root, i);
        return NULL;
}

static void walk_includes(Walk *w, VhLayer *l, const VhYamlNode *include)
{
        l->open = true;
        w->depth++;
        if (include->kind == VH_YAML_LIST)
                for (size_t i = 0; i < include->n; i++)
                        walk_include(w, l, include->items[i]);
        else
                walk_include(w, l, include);
        w->depth--;
        l->open = false;
}

/* What a file includes lies below it; what several files include counts once, at its lowest place. */
static void walk_layer(Walk *w, VhLayer *l, const VhYamlNode *at)
{
        const VhYamlNode *include = include_of(l->root);

        if (is_used(w, l))
                return;
        if (w->n_used == VH_LAYERS_FILES_MAX || w->depth > VH_LAYERS_DEPTH_MAX) {
                refuse(w, at, w->n_used == VH_LAYERS_FILES_MAX ? "include-count" : "include-depth", l->name,
                       "is one include too many");
                return;
        }
        w->used[w->n_used++] = l;
        w->size += l->len;
        if (w->size > VH_LAYERS_SIZE_MAX) {
                refuse(w, at, "include-size", l->name, "makes the profile too large");
                return;
        }
        if (include && !vh_yaml_is_null(include))
                walk_includes(w, l, include);
        w->order[w->n_order++] = l->root;
}

static void walk_base(Walk *w, const char *base)
{
        VhYamlNode at = { .file = base, .line = 0 };
        int r = 0;
        VhLayer *l = get_layer(w->layers, base, w->findings, &r);

        if (!l)
                report_unreadable(w, &at, base, r);
        else if (!l->root)
                refuse(w, &at, "include-broken", base, "has mistakes");
        else
                walk_layer(w, l, &at);
}

static VhYamlNode *finish(Walk *w, VhArena *arena, VhLayer *top)
{
        VhYamlNode at = { .file = top->name, .line = 0 };

        if (!top->root)
                return NULL;
        walk_layer(w, top, &at);
        return w->failed ? NULL : vh_layers_merge(arena, w->order, w->n_order, w->findings);
}

VhYamlNode *vh_layers_load(VhLayers *layers, VhArena *arena, const char *base, const char *path, VhFindings *findings)
{
        Walk w = { .layers = layers, .findings = findings };
        const char *name = vh_streq(path, "-") ? "<stdin>" : path;
        unsigned before = findings->errors;
        VhLayer *top;
        int r = 0;

        if (base)
                walk_base(&w, base);
        top = get_layer(layers, path, findings, &r);
        if (top && !top->root && findings->errors == before)
                vh_findings_add(findings, VH_SEVERITY_ERROR, "include-broken", name, 0, 0, "has mistakes");
        if (top)
                return finish(&w, arena, top);
        if (r == -EFBIG)
                vh_findings_add(findings, VH_SEVERITY_ERROR, "yaml-size", name, 0, 0, "file is larger than %d bytes",
                                VH_YAML_SIZE_MAX);
        else
                vh_findings_add(findings, VH_SEVERITY_ERROR, "profile-read", name, 0, 0, "cannot be read: %s",
                                strerror(-r));
        return NULL;
}

VhYamlNode *vh_layers_load_text(VhLayers *layers, VhArena *arena, const char *file, const char *data, size_t len,
                                VhFindings *findings)
{
        Walk w = { .layers = layers, .findings = findings };

        return finish(&w, arena, add_layer(layers, file, data, len, findings));
}

const char *vh_layers_text(const VhLayers *layers, const char *file)
{
        VhLayer *l;

        HASH_FIND_STR(layers->files, file, l);
        return l ? l->text : NULL;
}

void vh_layers_done(VhLayers *layers)
{
        HASH_CLEAR(hh, layers->files);
}
