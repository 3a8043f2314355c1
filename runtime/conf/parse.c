/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammar of .conf files.
 *
 *     file       = [ statement { separator statement } [ separator ] ]
 *     statement  = { blank | eol } ( comment | name "=" value [ comment ] )
 *     separator  = ( eol | ";" ) { blank | eol }
 *     value      = string | number | "[" [ value { "," value } [ "," ] ] "]"
 *
 * After a mistake the parser goes on with the next line, so that one run reports them all; the configuration is refused
 * in any case. Lines count line feeds alone, as libvirt's do: a lone carriage return ends a line but is not counted. */

#include "conf/conf-priv.h"

#include <inttypes.h>

enum {
        /* libvirt looks for a triple quote only where one and a further byte would fit: `k = """"""` needs a line end.
         */
        TRIPLE_ROOM = 7,
};

typedef struct Parser {
        VhConf *conf;
        VhFindings *findings;
        VhError **err;
        const char *cur, *end;
        const char *line_start;
        unsigned line;
        unsigned depth;
        unsigned errors;
} Parser;

typedef struct Place {
        const char *at;
        unsigned line, column;
} Place;

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool is_eol(char c)
{
        return c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool at_end(const Parser *p)
{
        return p->cur >= p->end;
}

static bool sees(const Parser *p, char c)
{
        return p->cur < p->end && *p->cur == c;
}

static Place here(const Parser *p)
{
        return (Place){ p->cur, p->line, (unsigned)(p->cur - p->line_start) + 1 };
}

static void advance(Parser *p)
{
        if (*p->cur++ == '\n') {
                p->line++;
                p->line_start = p->cur;
        }
}

static void skip_blanks(Parser *p)
{
        while (!at_end(p) && is_blank(*p->cur))
                p->cur++;
}

static void skip_blanks_and_eols(Parser *p)
{
        while (!at_end(p) && (is_blank(*p->cur) || is_eol(*p->cur)))
                advance(p);
}

static void skip_line(Parser *p)
{
        while (!at_end(p) && !is_eol(*p->cur))
                p->cur++;
}

static int refuse(Parser *p, Place at, const char *reason)
{
        p->errors++;
        if (p->findings)
                vh_findings_add(p->findings, VH_SEVERITY_ERROR, "conf-syntax", p->conf->name, at.line, at.column, "%s",
                                reason);
        if (p->errors == 1)
                vh_error_set(p->err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "%s:%u:%u: %s", p->conf->name, at.line,
                             at.column, reason);
        return -EINVAL;
}

static int parse_value(Parser *p, VhConfValue *v);

/* From here on behind the opening quote. The value is cut at a NUL byte: it ends there for every C program. */
static void take_string(Parser *p, VhConfValue *v, const char *start, const char *stop)
{
        char *copy = vh_arena_alloc(&p->conf->arena, (size_t)(stop - start) + 1);

        memcpy(copy, start, (size_t)(stop - start));
        v->kind = VH_CONF_STRING;
        v->str = copy;
}

static int parse_triple_string(Parser *p, VhConfValue *v)
{
        const char *start = p->cur += 3;

        while (p->end - p->cur >= 3 && memcmp(p->cur, "\"\"\"", 3) != 0)
                advance(p);
        if (p->end - p->cur < 3) {
                while (!at_end(p))
                        advance(p);
                return refuse(p, here(p), "unterminated string");
        }
        take_string(p, v, start, p->cur);
        p->cur += 3;
        return 0;
}

static int parse_string(Parser *p, VhConfValue *v)
{
        Place open = here(p);
        char quote = *p->cur;
        const char *start;

        if (p->end - p->cur >= TRIPLE_ROOM && memcmp(p->cur, "\"\"\"", 3) == 0)
                return parse_triple_string(p, v);
        start = ++p->cur;
        while (!at_end(p) && *p->cur != quote && !is_eol(*p->cur))
                p->cur++;
        if (!sees(p, quote))
                return refuse(p, open, "unterminated string");
        take_string(p, v, start, p->cur++);
        return 0;
}

static int parse_number(Parser *p, VhConfValue *v)
{
        Place start = here(p);
        bool negative = *p->cur == '-';
        uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX, n = 0;
        bool overflow = false;

        if (!is_digit(*p->cur))
                p->cur++;
        if (at_end(p) || !is_digit(*p->cur))
                return refuse(p, start, "unterminated number");
        for (; !at_end(p) && is_digit(*p->cur); p->cur++) {
                unsigned digit = (unsigned)(*p->cur - '0');

                overflow = overflow || n > (limit - digit) / 10;
                n = n * 10 + digit;
        }
        if (overflow)
                return refuse(p, start, "number too large");
        v->kind = negative ? VH_CONF_INT : VH_CONF_UINT;
        if (negative)
                v->i = (int64_t)(0 - n);
        else
                v->u = n;
        return 0;
}

static VhConfValue *list_room(Parser *p, VhConfValue *list)
{
        size_t n = list->list.n;

        /* Grows when n is a power of two; the arena keeps the outgrown copies, at most as much again. */
        if ((n & (n - 1)) == 0) {
                VhConfValue *items = vh_arena_new(&p->conf->arena, VhConfValue, n ? n * 2 : 1);

                if (n > 0)
                        memcpy(items, list->list.items, n * sizeof(*items));
                list->list.items = items;
        }
        return &list->list.items[list->list.n++];
}

static int parse_items(Parser *p, VhConfValue *v)
{
        int r;

        while (!at_end(p) && *p->cur != ']') {
                if (v->list.n > 0) {
                        if (*p->cur != ',')
                                return refuse(p, here(p), "expecting a separator in list");
                        p->cur++;
                        skip_blanks_and_eols(p);
                        if (sees(p, ']'))
                                break;
                }
                r = parse_value(p, list_room(p, v));
                if (r < 0)
                        return r;
                skip_blanks_and_eols(p);
        }
        if (at_end(p))
                return refuse(p, here(p), "list is not closed with ]");
        p->cur++;
        return 0;
}

static int parse_list(Parser *p, VhConfValue *v)
{
        int r;

        if (p->depth >= VH_CONF_DEPTH_MAX)
                return refuse(p, here(p), "lists nested too deeply");
        p->depth++;
        p->cur++;
        v->kind = VH_CONF_LIST;
        skip_blanks_and_eols(p);
        r = parse_items(p, v);
        p->depth--;
        return r;
}

static int parse_value(Parser *p, VhConfValue *v)
{
        Place start = here(p);
        int r;

        v->line = start.line;
        v->column = start.column;
        if (sees(p, '"') || sees(p, '\''))
                r = parse_string(p, v);
        else if (sees(p, '['))
                r = parse_list(p, v);
        else if (sees(p, '+') || sees(p, '-') || (!at_end(p) && is_digit(*p->cur)))
                r = parse_number(p, v);
        else
                return refuse(p, start, "expecting a value");
        v->width = v->line == p->line ? (unsigned)(p->cur - start.at) : 1;
        return r;
}

static const char *take_name(Parser *p)
{
        const char *start = p->cur;
        char *name;

        while (!at_end(p) && (is_letter(*p->cur) || is_digit(*p->cur) || *p->cur == '_'))
                p->cur++;
        name = vh_arena_alloc(&p->conf->arena, (size_t)(p->cur - start) + 1);
        memcpy(name, start, (size_t)(p->cur - start));
        return name;
}

static int parse_assignment(Parser *p)
{
        VhConfEntry *e = vh_arena_new(&p->conf->arena, VhConfEntry, 1);
        Place start = here(p);
        int r;

        if (at_end(p) || !is_letter(*p->cur))
                return refuse(p, start, "expecting a name");
        e->name = take_name(p);
        e->line = start.line;
        e->column = start.column;
        skip_blanks(p);
        if (!sees(p, '='))
                return refuse(p, here(p), "expecting an assignment");
        p->cur++;
        skip_blanks(p);
        r = parse_value(p, &e->value);
        if (r < 0)
                return r;
        vh_conf_add(p->conf, e);
        skip_blanks(p);
        if (sees(p, '#'))
                skip_line(p);
        return 0;
}

static int parse_statement(Parser *p)
{
        skip_blanks_and_eols(p);
        if (sees(p, '#')) {
                skip_line(p);
                return 0;
        }
        return parse_assignment(p);
}

static int parse_separator(Parser *p)
{
        skip_blanks(p);
        if (at_end(p))
                return 0;
        if (*p->cur == ';')
                p->cur++;
        else if (!is_eol(*p->cur))
                return refuse(p, here(p), "expecting a separator");
        skip_blanks_and_eols(p);
        return 0;
}

/* True in front of the first word of a line that is followed by "=": where a forgotten bracket can be left behind. */
static bool at_assignment(const Parser *p)
{
        const char *c = p->cur;

        while (c > p->line_start && is_blank(c[-1]))
                c--;
        if (c != p->line_start || at_end(p) || !is_letter(*p->cur))
                return false;
        for (c = p->cur; c < p->end && (is_letter(*c) || is_digit(*c) || *c == '_'); c++)
                ;
        while (c < p->end && is_blank(*c))
                c++;
        return c < p->end && *c == '=';
}

static void recover(Parser *p, const char *statement)
{
        p->depth = 0;
        if (p->cur > statement && at_assignment(p))
                return;
        skip_line(p);
        skip_blanks_and_eols(p);
}

static void parse_file(Parser *p)
{
        while (!at_end(p)) {
                const char *statement;

                if (p->errors > 0)
                        skip_blanks_and_eols(p);
                if (p->errors > 0 && at_end(p))
                        break;
                statement = p->cur;
                if (parse_statement(p) < 0 || parse_separator(p) < 0)
                        recover(p, statement);
        }
}

int vh_conf_parse(VhConf **ret, const char *name, const char *data, size_t len, VhFindings *findings, VhError **err)
{
        _vh_conf_ VhConf *conf = NULL;
        Parser p;

        if (len > VH_CONF_SIZE_MAX)
                return vh_conf_too_large(name, findings, err);
        conf = vh_conf_new(name);
        if (len == 0)
                data = ""; /* which may have been NULL, and pointers into NULL are undefined */
        p = (Parser){ .conf = conf,
                      .findings = findings,
                      .err = err,
                      .cur = data,
                      .end = data + len,
                      .line_start = data,
                      .line = 1 };
        parse_file(&p);
        if (p.errors > 0)
                return -EINVAL;
        *ret = VH_TAKE_PTR(conf);
        return 0;
}
