/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unified differences. Lines that both texts begin and end with are left out of the search; what is between them is
 * compared by the longest common subsequence, or, if that is too much, replaced as a whole. */

#include "apply/text-diff.h"

#include <stdio.h>

enum {
        CONTEXT = 3,
        CELLS_MAX = 4 * 1024 * 1024, /* of the table of the longest common subsequence */
};

typedef struct Lines {
        char **at;
        size_t n;
        bool open_end; /* the last line has no line break */
} Lines;

/* One step of the way from old to new. */
typedef struct Step {
        char sign; /* ' ', '-', '+' */
        const char *text;
        bool open_end;
} Step;

typedef struct Script {
        Step *steps;
        size_t n;
} Script;

char *vh_text_mask(const char *line)
{
        const char *equals = strchr(line, '=');
        _vh_free_ char *key = equals ? vh_xstrndup(line, (size_t)(equals - line)) : NULL;

        if (!key || !strstr(key, "password"))
                return NULL;
        return vh_xasprintf("%s= <not shown>", key);
}

static void split(Lines *l, const char *text)
{
        for (const char *eol; text && *text; text = *eol ? eol + 1 : eol) {
                eol = text + strcspn(text, "\n");
                l->at = vh_xrealloc(l->at, l->n + 1, sizeof(*l->at));
                l->at[l->n++] = vh_xstrndup(text, (size_t)(eol - text));
                l->open_end = *eol == '\0';
        }
}

static void lines_done(Lines *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->at[i]);
        free(l->at);
}

static bool same(const Lines *a, size_t i, const Lines *b, size_t j)
{
        bool a_open = a->open_end && i + 1 == a->n, b_open = b->open_end && j + 1 == b->n;

        return a_open == b_open && vh_streq(a->at[i], b->at[j]);
}

static void step(Script *s, char sign, const Lines *l, size_t i)
{
        s->steps = vh_xrealloc(s->steps, s->n + 1, sizeof(*s->steps));
        s->steps[s->n++] = (Step){ sign, l->at[i], l->open_end && i + 1 == l->n };
}

/* length[i * (m + 1) + j]: of the longest common subsequence of a from i and b from j. */
static unsigned *lcs_table(const Lines *a, const Lines *b, size_t from, size_t n, size_t m)
{
        unsigned *t = vh_new(unsigned, (n + 1) * (m + 1));

        for (size_t i = n; i-- > 0;) {
                for (size_t j = m; j-- > 0;) {
                        unsigned down = t[(i + 1) * (m + 1) + j], right = t[i * (m + 1) + j + 1];

                        t[i * (m + 1) + j] =
                                same(a, from + i, b, from + j) ? t[(i + 1) * (m + 1) + j + 1] + 1 : VH_MAX(down, right);
                }
        }
        return t;
}

/* The part between common beginning and end: n lines of a and m of b, both starting at from. */
static void compare_middle(Script *s, const Lines *a, const Lines *b, size_t from, size_t n, size_t m)
{
        unsigned *t = n > 0 && m > 0 && n < CELLS_MAX / m ? lcs_table(a, b, from, n, m) : NULL;
        size_t i = 0, j = 0;

        while (t && i < n && j < m) {
                if (same(a, from + i, b, from + j)) {
                        step(s, ' ', a, from + i++);
                        j++;
                } else if (t[(i + 1) * (m + 1) + j] >= t[i * (m + 1) + j + 1]) {
                        step(s, '-', a, from + i++);
                } else {
                        step(s, '+', b, from + j++);
                }
        }
        while (i < n)
                step(s, '-', a, from + i++);
        while (j < m)
                step(s, '+', b, from + j++);
        free(t);
}

static void make_script(Script *s, const Lines *a, const Lines *b)
{
        size_t head = 0, tail = 0;

        while (head < a->n && head < b->n && same(a, head, b, head))
                step(s, ' ', a, head++);
        while (tail < a->n - head && tail < b->n - head && same(a, a->n - 1 - tail, b, b->n - 1 - tail))
                tail++;
        compare_middle(s, a, b, head, a->n - head - tail, b->n - head - tail);
        for (size_t i = a->n - tail; i < a->n; i++)
                step(s, ' ', a, i);
}

static void put_step(VhBuf *b, const Step *s, bool mask)
{
        _vh_free_ char *masked = mask ? vh_text_mask(s->text) : NULL;

        vh_buf_printf(b, "%c%s\n", s->sign, masked ? masked : s->text);
        if (s->open_end)
                vh_buf_adds(b, "\\ No newline at end of file\n");
}

/* The hunk that begins with the change at first: ends where a longer stretch of equal lines begins. */
static size_t hunk_end(const Script *s, size_t first)
{
        size_t last = first;

        for (size_t i = first; i < s->n && i <= last + 2 * CONTEXT + 1; i++)
                if (s->steps[i].sign != ' ')
                        last = i;
        return VH_MIN(last + 1 + CONTEXT, s->n);
}

static void count(const Script *s, size_t from, size_t to, unsigned *old, unsigned *new)
{
        *old = *new = 0;
        for (size_t i = from; i < to; i++) {
                *old += s->steps[i].sign != '+';
                *new += s->steps[i].sign != '-';
        }
}

static void put_hunk(VhBuf *b, const Script *s, size_t from, size_t to, bool mask)
{
        unsigned old_before, new_before, old, new;

        count(s, 0, from, &old_before, &new_before);
        count(s, from, to, &old, &new);
        vh_buf_printf(b, "@@ -%u,%u +%u,%u @@\n", old_before + (old > 0), old, new_before + (new > 0), new);
        for (size_t i = from; i < to; i++)
                put_step(b, &s->steps[i], mask);
}

void vh_text_diff(VhBuf *b, const char *path, const char *old, const char *new, bool mask)
{
        Lines a = { 0 }, c = { 0 };
        Script s = { 0 };
        size_t done = 0;

        split(&a, old);
        split(&c, new);
        make_script(&s, &a, &c);
        if ((!old) != (!new) || !vh_streq(old, new))
                vh_buf_printf(b, "--- %s%s\n+++ %s%s\n", old ? "/" : "/dev/null", old ? path : "",
                              new ? "/" : "/dev/null", new ? path : "");
        for (size_t i = 0; i < s.n; i++) {
                size_t from, to;

                if (s.steps[i].sign == ' ')
                        continue;
                from = VH_MAX(done, i > CONTEXT ? i - CONTEXT : 0);
                to = hunk_end(&s, i);
                put_hunk(b, &s, from, to, mask);
                done = i = to;
        }
        free(s.steps);
        lines_done(&a);
        lines_done(&c);
}
