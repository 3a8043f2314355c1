/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A line of the record: path, section, key, place, path in the profile, with tabs between. None of them can have one:
 * names of profiles' files that do are left out. */

#include "apply/origins.h"

#include <stdlib.h>

/* What a line of a file is about. */
typedef struct Spot {
        char section[64], key[128];
} Spot;

static void copy_word(char *to, size_t size, const char *from, size_t len)
{
        len = VH_MIN(len, size - 1);
        memcpy(to, from, len);
        to[len] = '\0';
}

/* One more line of the text; false if it assigns nothing. */
static bool take_line(Spot *s, const char *line)
{
        size_t len = strcspn(line, "\n"), key;

        line += strspn(line, " \t");
        if (*line == '[' && strchr(line, ']')) {
                copy_word(s->section, sizeof(s->section), line + 1, strcspn(line + 1, "]\n"));
                return false;
        }
        key = strcspn(line, " \t=\n");
        copy_word(s->key, sizeof(s->key), line, key);
        return key > 0 && key < len && !strchr("#;", *line) && memchr(line, '=', len);
}

static const char *next_line(const char *line)
{
        const char *end = strchr(line, '\n');

        return end ? end + 1 : line + strlen(line);
}

static void put_row(VhBuf *b, const char *path, const Spot *s, const VhYamlNode *node, const char *value)
{
        char *file = realpath(node->file, NULL);
        const char *name = file ? file : node->file;

        if (!strpbrk(name, "\t\n"))
                vh_buf_printf(b, "%s\t%s\t%s\t%s:%u:%u\t%s\n", path, s->section, s->key, name, node->line, node->column,
                              value);
        free(file);
}

static void put_file(VhBuf *b, const VhPlanFile *f)
{
        unsigned number = 1;
        Spot s = { 0 };

        for (const char *line = f->content; *line; line = next_line(line), number++) {
                const VhPlanPlace *place = vh_plan_place(f, number);

                if (take_line(&s, line) && place)
                        put_row(b, f->path, &s, place->node, place->path);
        }
}

void vh_origins_format(const VhPlan *plan, VhBuf *b)
{
        for (size_t i = 0; i < plan->n; i++)
                if (plan->files[i].n_places > 0)
                        put_file(b, &plan->files[i]);
        for (size_t i = 0; i < plan->n_units; i++)
                if (plan->units[i].node)
                        put_row(b, plan->units[i].unit, &(Spot){ 0 }, plan->units[i].node, plan->units[i].path);
}

/* The last two fields of the row for these three, or NULL. */
static const char *find_row(const char *record, const char *path, const Spot *s)
{
        _vh_free_ char *head = vh_xasprintf("%s\t%s\t%s\t", path, s->section, s->key);

        for (const char *line = record; *line; line = next_line(line)) {
                const char *rest = vh_startswith(line, head);

                if (rest)
                        return rest;
        }
        return NULL;
}

static void set_origin(VhFindings *f, VhFinding *n, const char *row)
{
        size_t place = strcspn(row, "\t\n"), path = row[place] == '\t' ? strcspn(row + place + 1, "\n") : 0;

        n->origin = vh_arena_printf(&f->arena, "%.*s", (int)place, row);
        n->path = vh_arena_printf(&f->arena, "%.*s", (int)path, row + place + 1);
}

void vh_origins_map(const char *record, VhFindings *f, VhSourceFn source, const void *userdata)
{
        for (VhFinding *n = f->first; n; n = n->next) {
                const char *slash = strrchr(n->file, '/'), *path = n->file + (*n->file == '/');
                const char *line = n->line > 0 ? source(userdata, n->file) : NULL, *row;
                Spot s = { 0 };

                for (unsigned i = 1; line && i <= n->line; i++, line = next_line(line))
                        take_line(&s, line);
                /* Without a line it is about the file or link that enables a unit. */
                row = find_row(record, n->line > 0 ? path : slash ? slash + 1 : path, &s);
                if (row)
                        set_origin(f, n, row);
        }
}
