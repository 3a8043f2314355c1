/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Line by line, as systemd reads unit files and environment files. */

#include "host/unit-text.h"

typedef struct Reader {
        VhArena *arena;
        VhUnitLines *list;
        VhFindings *findings;
        const char *file;
        const char *section;  /* NULL before the first one */
        const char *comments; /* letters that begin a comment line */
        unsigned line, lines; /* the first of those that are joined, and how many there are */
} Reader;

static void complain(const Reader *r, unsigned column, const char *text)
{
        vh_findings_add(r->findings, VH_SEVERITY_WARNING, "unit-syntax", r->file, r->line, column, "%s", text);
}

static void add(const Reader *r, const char *line, size_t start, size_t key_len, const char *value)
{
        VhUnitLine *u = vh_arena_new(r->arena, VhUnitLine, 1);
        _vh_free_ char *key = vh_xstrndup(line + start, key_len);

        *u = (VhUnitLine){ .section = r->section,
                           .key = vh_arena_strdup(r->arena, key),
                           .value = vh_arena_strdup(r->arena, value),
                           .file = r->file,
                           .line = r->line,
                           .column = (unsigned)start + 1,
                           .width = (unsigned)key_len,
                           .lines = r->lines };
        if (r->list->last)
                r->list->last->next = u;
        else
                r->list->first = u;
        r->list->last = u;
}

static size_t trimmed(const char *s, size_t len)
{
        while (len > 0 && strchr(" \t\r", s[len - 1]))
                len--;
        return len;
}

static void take_section(Reader *r, const char *line, size_t start)
{
        const char *end = strchr(line + start, ']');
        _vh_free_ char *name = end ? vh_xstrndup(line + start + 1, (size_t)(end - line) - start - 1) : NULL;

        if (!name || end[1 + strspn(end + 1, " \t\r")] != '\0') {
                complain(r, (unsigned)start + 1, "a section is a name in square brackets");
                return;
        }
        r->section = vh_arena_strdup(r->arena, name);
}

static void take_assignment(const Reader *r, const char *line, size_t start)
{
        const char *eq = strchr(line + start, '=');
        size_t key = eq ? trimmed(line + start, (size_t)(eq - line) - start) : 0;
        _vh_free_ char *value = NULL;

        if (key == 0) {
                complain(r, (unsigned)start + 1, "neither a section nor KEY=VALUE: systemd ignores this line");
                return;
        }
        if (!r->section) {
                complain(r, (unsigned)start + 1, "an assignment before the first section: systemd ignores this line");
                return;
        }
        eq += 1 + strspn(eq + 1, " \t");
        value = vh_xstrndup(eq, trimmed(eq, strlen(eq)));
        add(r, line, start, key, value);
}

static void take_unit_line(Reader *r, const char *line)
{
        size_t start = strspn(line, " \t\r");

        if (line[start] == '[')
                take_section(r, line, start);
        else if (line[start] != '\0')
                take_assignment(r, line, start);
}

/* Quotes and backslashes as a shell has them, without expansion. */
static char *unquote(const char *s)
{
        _vh_buf_ VhBuf b = { 0 };
        char quote = '\0';

        for (; *s; s++) {
                if (*s == '\\' && quote != '\'' && s[1])
                        vh_buf_addc(&b, *++s);
                else if (quote ? *s == quote : *s == '"' || *s == '\'')
                        quote = quote ? '\0' : *s;
                else
                        vh_buf_addc(&b, *s);
        }
        return vh_buf_take(&b);
}

static void take_env_line(Reader *r, const char *line)
{
        size_t start = strspn(line, " \t\r");
        const char *eq = strchr(line + start, '=');
        size_t key = eq ? (size_t)(eq - line) - start : 0;
        _vh_free_ char *raw = NULL, *value = NULL;

        if (line[start] == '\0')
                return;
        if (key == 0 || strcspn(line + start, " \t\"'") < key) {
                complain(r, (unsigned)start + 1, "not NAME=value: systemd ignores this line");
                return;
        }
        raw = vh_xstrndup(eq + 1, trimmed(eq + 1, strlen(eq + 1)));
        value = unquote(raw + strspn(raw, " \t"));
        add(r, line, start, key, value);
}

/* Adds lines that are continued to one; comments among them are left out. *lines counts what was used up. */
static char *join_lines(const char **text, const char *comments, unsigned *lines)
{
        _vh_buf_ VhBuf b = { 0 };

        for (*lines = 0; **text;) {
                size_t len = strcspn(*text, "\n"), used = trimmed(*text, len);
                const char *line = *text;
                bool comment = strchr(comments, line[strspn(line, " \t")]) && line[strspn(line, " \t")];
                bool more = !comment && used > 0 && used == len && line[used - 1] == '\\';

                *text += len + (line[len] == '\n');
                ++*lines;
                if (comment && b.len > 0)
                        continue;
                if (comment)
                        break;
                vh_buf_add(&b, line, more ? used - 1 : len);
                if (!more)
                        break;
                vh_buf_addc(&b, ' ');
        }
        return vh_buf_take(&b);
}

static void parse(Reader *r, const char *text, void (*take)(Reader *r, const char *line))
{
        while (*text) {
                _vh_free_ char *line = join_lines(&text, r->comments, &r->lines);

                take(r, line);
                r->line += r->lines;
        }
}

void vh_unit_parse(VhArena *arena, VhUnitLines *list, const char *file, const char *text, VhFindings *findings)
{
        Reader r = { arena, list, findings, vh_arena_strdup(arena, file), NULL, "#;", 1, 0 };

        parse(&r, text, take_unit_line);
}

void vh_env_parse(VhArena *arena, VhUnitLines *list, const char *file, const char *text, VhFindings *findings)
{
        Reader r = { arena, list, findings, vh_arena_strdup(arena, file), "", "#;", 1, 0 };

        parse(&r, text, take_env_line);
}

static bool is_key(const VhUnitLine *u, const char *section, const char *key)
{
        return vh_streq(u->section, section) && vh_streq(u->key, key);
}

const VhUnitLine *vh_unit_value(const VhUnitLines *list, const char *section, const char *key)
{
        const VhUnitLine *found = NULL;

        for (const VhUnitLine *u = list->first; u; u = u->next)
                if (is_key(u, section, key))
                        found = u;
        return found && *found->value ? found : NULL;
}

static const VhUnitLine *after_reset(const VhUnitLines *list, const char *section, const char *key)
{
        const VhUnitLine *start = list->first;

        for (const VhUnitLine *u = list->first; u; u = u->next)
                if (is_key(u, section, key) && !*u->value)
                        start = u->next;
        return start;
}

const VhUnitLine *vh_unit_next(const VhUnitLines *list, const char *section, const char *key, const VhUnitLine *prev)
{
        const VhUnitLine *u = prev ? prev->next : after_reset(list, section, key);

        while (u && !is_key(u, section, key))
                u = u->next;
        return u;
}
