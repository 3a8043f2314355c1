/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file is a row of lines; an edit takes some away and puts others in their place. */

#include "apply/edit-lines.h"

#include <errno.h>

/* A text with its assignments and where each line begins. */
typedef struct Text {
        const char *text;
        const char **starts; /* n of them, and behind them the end */
        size_t n;
        VhUnitLines entries;
} Text;

typedef struct Editor {
        VhLinesKind kind;
        VhArena arena;
        Text now, wanted, before, original;
        bool *gone;     /* by line of now */
        VhBuf *inserts; /* what comes behind line i of now; inserts[0] is the beginning */
} Editor;

static void split(Editor *e, Text *t, const char *text)
{
        size_t n = 0, i = 0;

        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
                n++;
        t->text = text;
        t->n = n;
        t->starts = vh_arena_new(&e->arena, const char *, n + 1);
        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
                t->starts[i++] = s;
        t->starts[n] = text + strlen(text);
}

static int parse(Editor *e, Text *t, const char *text)
{
        _vh_findings_ VhFindings findings = { 0 };

        split(e, t, text);
        (e->kind == VH_LINES_UNIT ? vh_unit_parse : vh_env_parse)(&e->arena, &t->entries, "", text, &findings);
        return findings.first ? -EINVAL : 0;
}

static bool same_key(const VhUnitLine *a, const VhUnitLine *b)
{
        return vh_streq(a->section, b->section) && vh_streq(a->key, b->key);
}

/* The next assignment of a key behind prev (NULL: the first). */
static const VhUnitLine *next_of(const Text *t, const VhUnitLine *key, const VhUnitLine *prev)
{
        const VhUnitLine *u = prev ? prev->next : t->entries.first;

        while (u && !same_key(u, key))
                u = u->next;
        return u;
}

static bool same_values(const Text *a, const Text *b, const VhUnitLine *key)
{
        const VhUnitLine *x = next_of(a, key, NULL), *y = next_of(b, key, NULL);

        for (; x && y; x = next_of(a, key, x), y = next_of(b, key, y))
                if (!vh_streq(x->value, y->value))
                        return false;
        return !x && !y;
}

/* Is it the first of its key in its text? Each key is dealt with once. */
static bool is_first(const Text *t, const VhUnitLine *u)
{
        return next_of(t, u, NULL) == u;
}

/* The lines of an assignment as they are written. */
static void copy_lines(VhBuf *b, const Text *from, const VhUnitLine *u)
{
        const char *start = from->starts[u->line - 1], *end = from->starts[VH_MIN(u->line - 1 + u->lines, from->n)];

        vh_buf_add(b, start, (size_t)(end - start));
        if (end > start && end[-1] != '\n')
                vh_buf_addc(b, '\n');
}

/* "#KEY=..." or "# KEY = ..." */
static bool is_sample(const char *line, const char *key)
{
        const char *rest;

        line += strspn(line, " \t");
        if (*line != '#' && *line != ';')
                return false;
        line += strspn(line, "#; \t");
        rest = vh_startswith(line, key);
        return rest && rest[strspn(rest, " \t")] == '=';
}

static bool is_section(const char *line, const char *name)
{
        size_t len = strlen(name);

        line += strspn(line, " \t");
        return *line == '[' && strncmp(line + 1, name, len) == 0 && line[len + 1] == ']';
}

/* The last line of a section that says something, counted from 1; 0: there is no such section. An environment file is
 * one section. */
static size_t end_of_section(const Editor *e, const char *name)
{
        bool inside = e->kind == VH_LINES_ENVIRONMENT;
        size_t end = inside ? e->now.n : 0;

        for (size_t i = 0; e->kind == VH_LINES_UNIT && i < e->now.n; i++) {
                const char *line = e->now.starts[i] + strspn(e->now.starts[i], " \t");

                if (*line == '[')
                        inside = is_section(line, name);
                if (inside && *line != '\n' && *line)
                        end = i + 1;
        }
        return end;
}

/* Behind which line a new key goes. */
static size_t place_for(const Editor *e, const VhUnitLine *key)
{
        size_t found = 0;

        for (size_t i = 0; e->kind == VH_LINES_ENVIRONMENT && i < e->now.n; i++)
                if (is_sample(e->now.starts[i], key->key))
                        found = i + 1;
        return found ? found : end_of_section(e, key->section);
}

/* Where the assignments of a key stand, they go; what `from` has for it comes in the place of the first. */
static void set_key(Editor *e, const Text *from, const VhUnitLine *key)
{
        const VhUnitLine *there = next_of(&e->now, key, NULL);
        size_t at = there ? there->line - 1 : place_for(e, key);
        VhBuf *b = &e->inserts[at];

        if (same_values(&e->now, from, key))
                return;
        for (; there; there = next_of(&e->now, key, there))
                for (unsigned i = 0; i < there->lines && there->line - 1 + i < e->now.n; i++)
                        e->gone[there->line - 1 + i] = true;
        if (!there && at == 0 && e->kind == VH_LINES_UNIT && next_of(from, key, NULL)) {
                /* A section of its own, at the end; several keys of it share the heading. */
                _vh_free_ char *heading = vh_xasprintf("[%s]\n", key->section);

                b = &e->inserts[e->now.n];
                if (!b->data || !strstr(b->data, heading))
                        vh_buf_printf(b, "%s%s", e->now.n > 0 ? "\n" : "", heading);
        }
        for (const VhUnitLine *u = next_of(from, key, NULL); u; u = next_of(from, key, u))
                copy_lines(b, from, u);
}

static void put_out(const Editor *e, VhBuf *out)
{
        if (e->inserts[0].data)
                vh_buf_adds(out, e->inserts[0].data);
        for (size_t i = 0; i < e->now.n; i++) {
                if (!e->gone[i])
                        vh_buf_add(out, e->now.starts[i], (size_t)(e->now.starts[i + 1] - e->now.starts[i]));
                if (!e->inserts[i + 1].data)
                        continue;
                if (out->len > 0 && out->data[out->len - 1] != '\n')
                        vh_buf_addc(out, '\n');
                vh_buf_adds(out, e->inserts[i + 1].data);
        }
}

static bool is_ours(const Editor *e, const VhUnitLine *key)
{
        return next_of(&e->wanted, key, NULL) || next_of(&e->before, key, NULL);
}

/* Keys of the profile say what it wants, all others what they said. */
static bool is_right(Editor *e, const char *result)
{
        Text new = { 0 };

        if (parse(e, &new, result) < 0)
                return false;
        for (const VhUnitLine *u = e->wanted.entries.first; u; u = u->next)
                if (!same_values(&new, &e->wanted, u))
                        return false;
        for (const VhUnitLine *u = e->now.entries.first; u; u = u->next)
                if (!is_ours(e, u) && !same_values(&new, &e->now, u))
                        return false;
        for (const VhUnitLine *u = new.entries.first; u; u = u->next)
                if (!is_ours(e, u) && !next_of(&e->now, u, NULL))
                        return false;
        return true;
}

static int edit(Editor *e, VhBuf *out)
{
        for (const VhUnitLine *u = e->wanted.entries.first; u; u = u->next)
                if (is_first(&e->wanted, u))
                        set_key(e, &e->wanted, u);
        for (const VhUnitLine *u = e->before.entries.first; u; u = u->next)
                if (is_first(&e->before, u) && !next_of(&e->wanted, u, NULL))
                        set_key(e, &e->original, u);
        put_out(e, out);
        return is_right(e, out->data ? out->data : "") ? 0 : -EINVAL;
}

int vh_lines_edit(VhLinesKind kind, const char *now, const char *wanted, const char *before, const char *original,
                  VhBuf *out)
{
        Editor e = { .kind = kind };
        int r = parse(&e, &e.now, now);

        if (r == 0)
                r = parse(&e, &e.wanted, wanted);
        if (r == 0)
                r = parse(&e, &e.before, before);
        /* What cannot be read has nothing to give back. */
        if (r == 0 && parse(&e, &e.original, original) < 0)
                e.original.entries = (VhUnitLines){ 0 };
        if (r == 0) {
                e.gone = vh_arena_new(&e.arena, bool, e.now.n + 1);
                e.inserts = vh_arena_new(&e.arena, VhBuf, e.now.n + 1);
                r = edit(&e, out);
                for (size_t i = 0; i <= e.now.n; i++)
                        vh_buf_done(&e.inserts[i]);
        }
        vh_arena_done(&e.arena);
        return r;
}
