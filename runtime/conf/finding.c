/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of findings, and the search for the word somebody meant. */

#include "conf/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum {
        SUGGEST_WORD_MAX = 64,
};

static char *_vh_printf_(2, 0) format_in(VhArena *a, const char *fmt, va_list ap)
{
        char *text;

        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        return vh_arena_own(a, text);
}

VhFinding *vh_findings_add(VhFindings *f, VhSeverity severity, const char *code, const char *file, unsigned line,
                           unsigned column, const char *fmt, ...)
{
        VhFinding *n;
        va_list ap;

        *(severity == VH_SEVERITY_ERROR ? &f->errors : &f->warnings) += 1;
        if (f->errors + f->warnings > VH_FINDINGS_MAX)
                return NULL;
        n = vh_arena_new(&f->arena, VhFinding, 1);
        n->severity = severity;
        n->code = code;
        n->file = vh_arena_strdup(&f->arena, file);
        n->line = line;
        n->column = column;
        n->width = 1;
        va_start(ap, fmt);
        n->message = format_in(&f->arena, fmt, ap);
        va_end(ap);
        if (f->last)
                f->last->next = n;
        else
                f->first = n;
        f->last = n;
        return n;
}

void vh_finding_hint(VhFindings *f, VhFinding *finding, const char *fmt, ...)
{
        va_list ap;

        if (!finding)
                return;
        va_start(ap, fmt);
        finding->hint = format_in(&f->arena, fmt, ap);
        va_end(ap);
}

static bool is_before(const VhFinding *a, const VhFinding *b)
{
        int files = strcmp(a->file, b->file);

        if (files != 0)
                return files < 0;
        return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* Insertion keeps the order of equals; lists are short. */
void vh_findings_sort(VhFindings *f)
{
        VhFinding *sorted = NULL, *next;

        for (VhFinding *n = f->first; n; n = next) {
                VhFinding **at = &sorted;

                next = n->next;
                while (*at && !is_before(n, *at))
                        at = &(*at)->next;
                n->next = *at;
                *at = n;
        }
        f->first = sorted;
        for (f->last = sorted; f->last && f->last->next; f->last = f->last->next)
                ;
}

static void format_place(VhBuf *b, const VhFinding *n)
{
        vh_buf_adds(b, n->file);
        if (n->line > 0)
                vh_buf_printf(b, ":%u:%u", n->line, n->column);
}

int vh_findings_to_error(const VhFindings *f, VhError **err)
{
        _vh_buf_ VhBuf text = { 0 };
        const VhFinding *n = f->first;

        while (n && n->severity != VH_SEVERITY_ERROR)
                n = n->next;
        if (!n)
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "configuration refused");
        format_place(&text, n);
        vh_buf_printf(&text, ": %s", n->message);
        if (f->errors > 1)
                vh_buf_printf(&text, " (and %u more)", f->errors - 1);
        vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "%s", text.data);
        return -EINVAL;
}

void vh_findings_done(VhFindings *f)
{
        vh_arena_done(&f->arena);
        *f = (VhFindings){ 0 };
}

static char fold(char c)
{
        if (c >= 'A' && c <= 'Z')
                return (char)(c - 'A' + 'a');
        return c == '-' ? '_' : c;
}

/* Edits (insert, drop, change, swap neighbours) that make a out of b; case and - against _ cost nothing. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
        unsigned rows[3][SUGGEST_WORD_MAX + 1];

        for (size_t j = 0; j <= nb; j++)
                rows[0][j] = (unsigned)j;
        for (size_t i = 1; i <= na; i++) {
                unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= nb; j++) {
                        unsigned change = fold(a[i - 1]) != fold(b[j - 1]);

                        row[j] = VH_MIN(VH_MIN(up[j], row[j - 1]) + 1, up[j - 1] + change);
                        if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
                                row[j] = VH_MIN(row[j], up2[j - 2] + 1);
                }
        }
        return rows[na % 3][nb];
}

const char *vh_did_you_mean(const char *word, VhCandidateFn next, const void *userdata)
{
        size_t n = strlen(word);
        /* A third of the word may be wrong; more is another word. */
        unsigned best = (unsigned)n / 3 + 1;
        const char *found = NULL, *candidate;

        if (n == 0 || n > SUGGEST_WORD_MAX)
                return NULL;
        for (size_t i = 0; (candidate = next(userdata, i)); i++) {
                size_t m = strlen(candidate);
                unsigned d;

                if (m > SUGGEST_WORD_MAX)
                        continue;
                d = distance(word, n, candidate, m);
                if (d < best) {
                        best = d;
                        found = candidate;
                }
        }
        return found;
}
