/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds and reads preset files: those of all folders in one order by name, the first folder's if two are called alike.
 */

#include "preset-files.h"

#include <errno.h>
#include <fnmatch.h>

enum { FILES_MAX = 512 };

static const char *const folders[] = {
        "etc/systemd/system-preset",     "run/systemd/system-preset", "usr/local/lib/systemd/system-preset",
        "usr/lib/systemd/system-preset", "lib/systemd/system-preset",
};

typedef struct Files {
        VhArena *arena;
        const char *folder;
        const char *paths[FILES_MAX];
        size_t n;
} Files;

static const char *base_name(const char *path)
{
        return strrchr(path, '/') + 1;
}

static int add_file(void *data, const char *name)
{
        Files *f = data;

        if (!vh_endswith(name, ".preset"))
                return 0;
        for (size_t i = 0; i < f->n; i++)
                if (vh_streq(base_name(f->paths[i]), name))
                        return 0;
        if (f->n == FILES_MAX)
                return -E2BIG;
        f->paths[f->n++] = vh_arena_printf(f->arena, "%s/%s", f->folder, name);
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(base_name(*(const char *const *)a), base_name(*(const char *const *)b));
}

/* "enable PATTERN", perhaps with names of instances behind it. */
static VhPresetLine *parse_line(VhArena *arena, char *text)
{
        const char *word = strsep(&text, " \t"), *pattern;
        VhPresetLine *l;

        while (text && (*text == ' ' || *text == '\t'))
                text++;
        pattern = text ? strsep(&text, " \t") : NULL;
        if (!pattern || !*pattern || *word == '#' || *word == ';')
                return NULL;
        l = vh_arena_new(arena, VhPresetLine, 1);
        l->enable = vh_streq(word, "enable");
        l->ignore = vh_streq(word, "ignore");
        l->pattern = vh_arena_strdup(arena, pattern);
        return l->enable || l->ignore || vh_streq(word, "disable") ? l : NULL;
}

static VhPresetLine **add_lines(VhArena *arena, const char *path, char *text, VhPresetLine **end)
{
        unsigned number = 0;
        char *line;

        while ((line = strsep(&text, "\n"))) {
                VhPresetLine *l = parse_line(arena, line + strspn(line, " \t"));

                number++;
                if (!l)
                        continue;
                l->path = path;
                l->line = number;
                *end = l;
                end = &l->next;
        }
        return end;
}

int vh_preset_lines(const VhTree *tree, VhArena *arena, VhPresetLine **ret, VhError **err)
{
        Files f = { .arena = arena };
        VhPresetLine **end = ret;
        int r;

        *ret = NULL;
        for (size_t i = 0; i < VH_ARRAY_SIZE(folders); i++) {
                f.folder = folders[i];
                r = vh_tree_list(tree, f.folder, add_file, &f);
                if (r < 0)
                        return vh_error_sys(err, VIR_FROM_CONF, r, "cannot list %s", f.folder);
        }
        qsort(f.paths, f.n, sizeof(*f.paths), by_name);
        for (size_t i = 0; i < f.n; i++) {
                _vh_node_ VhNode node = { 0 };

                r = vh_tree_read(tree, f.paths[i], &node);
                if (r < 0)
                        return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s", f.paths[i]);
                /* A link to /dev/null takes a file of the same name away. */
                if (node.kind == VH_NODE_FILE)
                        end = add_lines(arena, f.paths[i], node.data, end);
        }
        return 0;
}

const VhPresetLine *vh_preset_line_for(const VhPresetLine *lines, const char *unit)
{
        for (; lines; lines = lines->next)
                if (fnmatch(lines->pattern, unit, FNM_NOESCAPE) == 0)
                        return lines;
        return NULL;
}
