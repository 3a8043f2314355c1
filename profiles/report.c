/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The two forms in which findings are shown. */

#include "report.h"

enum { LINE_SHOWN_MAX = 200 };

static const char *severity_name(const VhFinding *n)
{
        return n->severity == VH_SEVERITY_ERROR ? "error" : "warning";
}

/* Start and length of a line, counted from 1; NULL if there is none. */
static const char *find_line(const char *source, unsigned line, size_t *len)
{
        for (; source && line > 1; line--) {
                source = strchr(source, '\n');
                if (source)
                        source++;
        }
        if (!source)
                return NULL;
        *len = strcspn(source, "\r\n");
        return *len <= LINE_SHOWN_MAX ? source : NULL;
}

/* Blanks up to the column; columns are characters, of which UTF-8 may have several bytes. Tabs stay tabs. */
static void put_indent(FILE *out, const char *line, size_t len, unsigned column)
{
        size_t i = 0;

        while (column > 1) {
                fputc(i < len && line[i] == '\t' ? '\t' : ' ', out);
                for (i++; i < len && ((unsigned char)line[i] & 0xc0) == 0x80; i++)
                        ;
                column--;
        }
}

/* Control characters of a file must not reach the terminal. */
static void put_line(FILE *out, const char *line, size_t len)
{
        for (size_t i = 0; i < len; i++)
                fputc(((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f ? '?' : line[i], out);
}

static void put_source(FILE *out, const VhFinding *n, const char *source, VhReportStyle style)
{
        size_t len;
        const char *line = n->line ? find_line(source, n->line, &len) : NULL;

        if (!line)
                return;
        fputs("    ", out);
        put_line(out, line, len);
        fputs("\n    ", out);
        put_indent(out, line, len, n->column);
        fputs(style.color ? "\033[1;32m^" : "^", out);
        for (unsigned i = 1; i < n->width && i < LINE_SHOWN_MAX; i++)
                fputc('~', out);
        fputs(style.color ? "\033[0m\n" : "\n", out);
}

static void put_text(FILE *out, const VhFinding *n, const char *source, VhReportStyle style)
{
        const char *color = n->severity == VH_SEVERITY_ERROR ? "\033[1;31m" : "\033[1;35m";

        fprintf(out, "%s", n->file);
        if (n->line)
                fprintf(out, ":%u:%u", n->line, n->column);
        fprintf(out, ": %s%s:%s %s [%s]\n", style.color ? color : "", severity_name(n), style.color ? "\033[0m" : "",
                n->message, n->code);
        put_source(out, n, source, style);
        if (n->origin)
                fprintf(out, "    from %s (%s)\n", n->origin, n->path);
        else if (n->path)
                fprintf(out, "    at %s\n", n->path);
        if (n->hint)
                fprintf(out, "    hint: %s\n", n->hint);
}

static void put_json_string(FILE *out, const char *s)
{
        fputc('"', out);
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        fprintf(out, "\\%c", *s);
                else if ((unsigned char)*s < 0x20)
                        fprintf(out, "\\u%04x", *s);
                else
                        fputc(*s, out);
        }
        fputc('"', out);
}

static void put_json_field(FILE *out, const char *key, const char *value)
{
        fprintf(out, ",\"%s\":", key);
        if (value)
                put_json_string(out, value);
        else
                fputs("null", out);
}

static void put_json(FILE *out, const VhFinding *n)
{
        fprintf(out, "{\"severity\":\"%s\"", severity_name(n));
        put_json_field(out, "code", n->code);
        put_json_field(out, "file", n->file);
        fprintf(out, ",\"line\":%u,\"column\":%u", n->line, n->column);
        put_json_field(out, "path", n->path);
        put_json_field(out, "message", n->message);
        put_json_field(out, "hint", n->hint);
        put_json_field(out, "origin", n->origin);
        fputs("}\n", out);
}

void vh_report_files(FILE *out, const VhFindings *f, VhSourceFn source, const void *userdata, VhReportStyle style)
{
        unsigned all = f->errors + f->warnings;

        for (const VhFinding *n = f->first; n; n = n->next) {
                if (style.json)
                        put_json(out, n);
                else if (!style.quiet || n->severity == VH_SEVERITY_ERROR)
                        put_text(out, n, source ? source(userdata, n->file) : NULL, style);
        }
        if (!style.json && all > VH_FINDINGS_MAX)
                fprintf(out, "and %u more\n", all - VH_FINDINGS_MAX);
}

static const char *only_source(const void *text, const char *file)
{
        return text;
}

void vh_report(FILE *out, const VhFindings *f, const char *source, VhReportStyle style)
{
        vh_report_files(out, f, only_source, source, style);
}
