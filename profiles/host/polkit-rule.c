/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A small part of JavaScript: conditions of known kinds, if without else, return. The body becomes a list of returns,
 * each with the conditions that lead to it, and that list is matched with the forms that are understood. */

#include "host/polkit-rule.h"
#include "base/arena.h"

#include <ctype.h>

enum {
        DEPTH_MAX = 32,    /* of conditions and blocks inside each other */
        PARTS_MAX = 64,    /* conditions that a return stands behind */
        RETURNS_MAX = 128, /* of one function */
};

typedef enum Kind {
        KIND_OR, /* a and b are its sides */
        KIND_AND,
        KIND_NOT, /* of a */
        KIND_ACTION,
        KIND_USER,
        KIND_GROUP,
        KIND_LOOKUP, /* attribute name is text */
} Kind;

typedef struct Condition {
        Kind kind;
        const struct Condition *a, *b;
        const char *name, *text; /* text may end with * for all that begins so */
} Condition;

/* One return of the function. */
typedef struct Return {
        const Condition *parts[PARTS_MAX];
        size_t n;
        VhPolkitResult result, otherwise;
        const Condition *chooses; /* "return CHOOSES ? result : otherwise", or NULL */
} Return;

typedef struct Parser {
        VhArena arena;
        const char *at;
        bool bad;
        unsigned depth;
        const Condition *stack[PARTS_MAX];
        size_t n_stack;
        Return *returns;
        size_t n_returns;
} Parser;

/* Words */

static void skip_blanks(Parser *p)
{
        for (;;) {
                p->at += strspn(p->at, " \t\r\n");
                if (p->at[0] == '/' && p->at[1] == '/') {
                        p->at += strcspn(p->at, "\n");
                } else if (p->at[0] == '/' && p->at[1] == '*') {
                        const char *end = strstr(p->at + 2, "*/");

                        p->at = end ? end + 2 : p->at + strlen(p->at);
                } else {
                        return;
                }
        }
}

static bool is_word_char(char c)
{
        return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

/* Takes the word or sign if it is the next one. */
static bool take(Parser *p, const char *what)
{
        size_t len = strlen(what);

        skip_blanks(p);
        if (strncmp(p->at, what, len) != 0 || (is_word_char(what[len - 1]) && is_word_char(p->at[len])))
                return false;
        p->at += len;
        return true;
}

static void need(Parser *p, const char *what)
{
        if (!take(p, what))
                p->bad = true;
}

static const char *take_string(Parser *p)
{
        _vh_free_ char *text = NULL;
        char quote;
        size_t len;

        skip_blanks(p);
        quote = *p->at;
        len = quote == '"' || quote == '\'' ? strcspn(p->at + 1, quote == '"' ? "\"\\\n" : "'\\\n") : 0;
        if ((quote != '"' && quote != '\'') || p->at[len + 1] != quote) {
                p->bad = true;
                return "";
        }
        text = vh_xstrndup(p->at + 1, len);
        p->at += len + 2;
        return vh_arena_strdup(&p->arena, text);
}

/* Conditions */

static const Condition *make(Parser *p, Kind kind, const Condition *a, const Condition *b, const char *name,
                             const char *text)
{
        Condition *c = vh_arena_new(&p->arena, Condition, 1);

        *c = (Condition){ kind, a, b, name, text };
        return c;
}

/* True for ==, false for !=. */
static bool take_equals(Parser *p)
{
        if (take(p, "===") || take(p, "=="))
                return true;
        if (!take(p, "!==") && !take(p, "!="))
                p->bad = true;
        return false;
}

static const Condition *either(Parser *p, bool equal, const Condition *c)
{
        return equal ? c : make(p, KIND_NOT, c, NULL, NULL, NULL);
}

/* "(TEXT) == 0" behind an indexOf */
static const Condition *take_prefix(Parser *p, Kind kind, const char *name)
{
        const char *text;
        bool equal;

        need(p, "(");
        text = vh_arena_printf(&p->arena, "%s*", take_string(p));
        need(p, ")");
        equal = take_equals(p);
        need(p, "0");
        return either(p, equal, make(p, kind, NULL, NULL, name, text));
}

static const Condition *take_equal_text(Parser *p, Kind kind, const char *name)
{
        bool equal = take_equals(p);

        return either(p, equal, make(p, kind, NULL, NULL, name, take_string(p)));
}

static const Condition *take_atom(Parser *p)
{
        const char *name;

        if (take(p, "action.id"))
                return take_equal_text(p, KIND_ACTION, NULL);
        if (take(p, "action.id.indexOf"))
                return take_prefix(p, KIND_ACTION, NULL);
        if (take(p, "subject.user"))
                return take_equal_text(p, KIND_USER, NULL);
        if (take(p, "subject.isInGroup")) {
                need(p, "(");
                name = take_string(p);
                need(p, ")");
                return make(p, KIND_GROUP, NULL, NULL, NULL, name);
        }
        if (take(p, "String")) {
                need(p, "(");
                need(p, "action.lookup");
                need(p, "(");
                name = take_string(p);
                need(p, ")");
                need(p, ")");
                need(p, ".indexOf");
                return take_prefix(p, KIND_LOOKUP, name);
        }
        need(p, "action.lookup");
        need(p, "(");
        name = take_string(p);
        need(p, ")");
        return take_equal_text(p, KIND_LOOKUP, name);
}

static const Condition *take_condition(Parser *p);

static const Condition *take_unary(Parser *p)
{
        const Condition *c;

        if (++p->depth > DEPTH_MAX)
                p->bad = true;
        if (p->bad)
                c = make(p, KIND_USER, NULL, NULL, NULL, "");
        else if (take(p, "!"))
                c = make(p, KIND_NOT, take_unary(p), NULL, NULL, NULL);
        else if (take(p, "(")) {
                c = take_condition(p);
                need(p, ")");
        } else
                c = take_atom(p);
        p->depth--;
        return c;
}

static const Condition *take_and(Parser *p)
{
        const Condition *c = take_unary(p);

        while (!p->bad && take(p, "&&"))
                c = make(p, KIND_AND, c, take_unary(p), NULL, NULL);
        return c;
}

static const Condition *take_condition(Parser *p)
{
        const Condition *c = take_and(p);

        while (!p->bad && take(p, "||"))
                c = make(p, KIND_OR, c, take_and(p), NULL, NULL);
        return c;
}

/* Statements */

static bool take_result(Parser *p, VhPolkitResult *result)
{
        if (take(p, "polkit.Result.YES"))
                *result = VH_POLKIT_YES;
        else if (take(p, "polkit.Result.NO"))
                *result = VH_POLKIT_NO;
        else if (take(p, "polkit.Result.NOT_HANDLED") || take(p, "undefined") || take(p, "null"))
                *result = VH_POLKIT_NOT_HANDLED;
        else
                return false;
        return true;
}

static void take_return(Parser *p)
{
        Return *r;

        if (p->n_returns == RETURNS_MAX) {
                p->bad = true;
                return;
        }
        r = &p->returns[p->n_returns++];
        *r = (Return){ .n = p->n_stack };
        memcpy(r->parts, p->stack, sizeof(p->stack));
        if (take(p, ";") || take_result(p, &r->result))
                return;
        r->chooses = take_condition(p);
        need(p, "?");
        if (!take_result(p, &r->result))
                p->bad = true;
        need(p, ":");
        if (!take_result(p, &r->otherwise))
                p->bad = true;
}

static void take_statement(Parser *p);

static void take_block(Parser *p)
{
        while (!p->bad && !take(p, "}"))
                take_statement(p);
}

static void take_if(Parser *p)
{
        need(p, "(");
        if (p->n_stack == PARTS_MAX) {
                p->bad = true;
                return;
        }
        p->stack[p->n_stack++] = take_condition(p);
        need(p, ")");
        take_statement(p);
        p->n_stack--;
        if (take(p, "else"))
                p->bad = true;
}

static void take_statement(Parser *p)
{
        if (++p->depth > DEPTH_MAX)
                p->bad = true;
        if (p->bad)
                ;
        else if (take(p, "{"))
                take_block(p);
        else if (take(p, "if"))
                take_if(p);
        else if (take(p, "return"))
                take_return(p);
        else if (!take(p, ";"))
                p->bad = true;
        p->depth--;
}

static void take_function(Parser *p)
{
        need(p, "polkit.addRule");
        need(p, "(");
        need(p, "function");
        need(p, "(");
        need(p, "action");
        need(p, ",");
        need(p, "subject");
        need(p, ")");
        need(p, "{");
        take_block(p);
        need(p, ")");
}

/* Forms */

/* One rule that was recognised, and room for the next. */
typedef struct Match {
        Parser *p;
        VhPolkitRule *rules;
        size_t n;
        bool open; /* the last one takes further guards */
} Match;

static void add_text(Parser *p, const char ***list, size_t *n, const char *text)
{
        const char **grown = vh_arena_new(&p->arena, const char *, *n + 1);

        if (*n > 0)
                memcpy(grown, *list, *n * sizeof(*grown));
        grown[(*n)++] = text;
        *list = grown;
}

/* All sides of an or are actions. */
static bool take_actions(Parser *p, const Condition *c, VhPolkitGuard *g)
{
        if (c->kind == KIND_OR)
                return take_actions(p, c->a, g) && take_actions(p, c->b, g);
        if (c->kind == KIND_ACTION)
                add_text(p, &g->actions, &g->n_actions, c->text);
        return c->kind == KIND_ACTION;
}

/* All sides of an or are users and groups. */
static bool take_subjects(Parser *p, const Condition *c, VhPolkitRule *r)
{
        if (c->kind == KIND_OR)
                return take_subjects(p, c->a, r) && take_subjects(p, c->b, r);
        if (c->kind == KIND_USER)
                add_text(p, &r->users, &r->n_users, c->text);
        else if (c->kind == KIND_GROUP)
                add_text(p, &r->groups, &r->n_groups, c->text);
        return c->kind == KIND_USER || c->kind == KIND_GROUP;
}

static bool is_about(const Condition *c, Kind kind)
{
        return c->kind == KIND_OR ? is_about(c->a, kind) : c->kind == kind;
}

static bool take_where(VhPolkitRule *r, const Condition *c)
{
        if (c->kind != KIND_LOOKUP || r->where_key)
                return false;
        r->where_key = c->name;
        r->where_value = c->text;
        return true;
}

static VhPolkitRule *current(Match *m)
{
        if (!m->open) {
                m->rules[m->n++] = (VhPolkitRule){ 0 };
                m->open = true;
        }
        return &m->rules[m->n - 1];
}

/* "if (not this subject, or not this object) not handled": for all guards that follow. */
static bool take_gate(Match *m, const Return *r)
{
        VhPolkitRule *rule;

        if (r->n == 0)
                return true; /* the end */
        if (r->n != 1 || r->parts[0]->kind != KIND_NOT || r->chooses)
                return false;
        rule = current(m);
        if (rule->n_guards > 0)
                return false;
        if (r->parts[0]->a->kind == KIND_LOOKUP)
                return take_where(rule, r->parts[0]->a);
        return rule->n_users + rule->n_groups == 0 && take_subjects(m->p, r->parts[0]->a, rule);
}

static bool take_part(Match *m, const Condition *c, VhPolkitRule *rule, VhPolkitGuard *g)
{
        if (c->kind == KIND_AND)
                return take_part(m, c->a, rule, g) && take_part(m, c->b, rule, g);
        if (is_about(c, KIND_ACTION))
                return g->n_actions == 0 && take_actions(m->p, c, g);
        if (c->kind == KIND_LOOKUP)
                return take_where(rule, c);
        return rule->n_users + rule->n_groups == 0 && take_subjects(m->p, c, rule);
}

static void add_guard(Parser *p, VhPolkitRule *rule, const VhPolkitGuard *g)
{
        VhPolkitGuard *grown = vh_arena_new(&p->arena, VhPolkitGuard, rule->n_guards + 1);

        if (rule->n_guards > 0)
                memcpy(grown, rule->guards, rule->n_guards * sizeof(*grown));
        grown[rule->n_guards++] = *g;
        rule->guards = grown;
}

/* A return with a result. If it names its subject itself, it is a rule of its own. */
static bool take_guard(Match *m, const Return *r)
{
        VhPolkitGuard g = { .result = r->result, .otherwise_no = r->chooses && r->otherwise == VH_POLKIT_NO };
        VhPolkitRule own = { 0 };

        for (size_t i = 0; i < r->n; i++)
                if (!take_part(m, r->parts[i], &own, &g))
                        return false;
        if (r->chooses && !take_part(m, r->chooses, &own, &g))
                return false;
        if (g.n_actions == 0 || (r->chooses && r->otherwise == VH_POLKIT_YES))
                return false;
        if (own.n_users + own.n_groups == 0 && !own.where_key) {
                add_guard(m->p, current(m), &g);
                return true;
        }
        if (m->open)
                return false;
        add_guard(m->p, &own, &g);
        m->rules[m->n++] = own;
        return true;
}

static bool match(Match *m)
{
        for (size_t i = 0; i < m->p->n_returns; i++) {
                const Return *r = &m->p->returns[i];

                if (!(r->result == VH_POLKIT_NOT_HANDLED && !r->chooses ? take_gate(m, r) : take_guard(m, r)))
                        return false;
        }
        return true;
}

static void read_rule(const char *text, const VhPolkitRule *outline,
                      void (*fn)(void *data, const VhPolkitRule *rule, bool understood), void *data)
{
        Parser p = { .at = text };
        Match m = { .p = &p };
        bool good;

        p.returns = vh_arena_new(&p.arena, Return, RETURNS_MAX);
        m.rules = vh_arena_new(&p.arena, VhPolkitRule, RETURNS_MAX);
        take_function(&p);
        good = !p.bad && match(&m);
        for (size_t i = 0; good && i < m.n; i++) {
                m.rules[i].line = outline->line;
                m.rules[i].is_libvirt = outline->is_libvirt;
                fn(data, &m.rules[i], true);
        }
        if (!good)
                fn(data, outline, false);
        vh_arena_done(&p.arena);
}

size_t vh_polkit_rules(const char *text, void (*fn)(void *data, const VhPolkitRule *rule, bool understood), void *data)
{
        static const char start[] = "polkit.addRule";
        unsigned line = 1;
        size_t n = 0;

        for (const char *at = text, *found; (found = strstr(at, start)); n++) {
                const char *next = strstr(found + strlen(start), start);
                size_t len = next ? (size_t)(next - found) : strlen(found);
                _vh_free_ char *body = vh_xstrndup(found, len);
                VhPolkitRule outline = { .is_libvirt = strstr(body, "org.libvirt") };

                for (; at < found; at++)
                        line += *at == '\n';
                outline.line = line;
                read_rule(body, &outline, fn, data);
                at = found + 1;
        }
        return n;
}
