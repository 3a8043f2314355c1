/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a YAML value means where a certain type is wanted.
 *
 * YAML's own guesses are not used: versions disagree on yes, no, on, off and on 010. What could be read in two ways is
 * refused with the way to write it. */

#include "base/file.h"
#include "conf/check.h"
#include "profile.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum { SECRET_MAX = 4096 };

/* Has the same been said of the same value? Aliases and shared settings lead to a value more than once. */
static bool is_repeated(const VhFindings *f, const char *code, const VhYamlNode *node, const char *path)
{
        for (const VhFinding *n = f->first; n; n = n->next)
                if (n->line == node->line && n->column == node->column && vh_streq(n->code, code) &&
                    (!node->file || vh_streq(n->file, node->file)) && vh_streq(n->path, path))
                        return true;
        return false;
}

VhFinding *vh_profile_error(VhFindings *f, const VhProfile *p, const char *code, const VhYamlNode *node,
                            const char *path, const char *fmt, ...)
{
        char *text;
        VhFinding *n;
        va_list ap;

        if (is_repeated(f, code, node, path))
                return NULL;
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        n = vh_findings_add(f, VH_SEVERITY_ERROR, code, node->file ? node->file : p->file, node->line, node->column,
                            "%s", text);
        free(text);
        if (!n)
                return NULL;
        n->width = node->width;
        n->path = vh_arena_strdup(&f->arena, path);
        return n;
}

static bool is_one_of(const char *s, const char *const *words)
{
        for (; *words; words++)
                if (strcasecmp(s, *words) == 0)
                        return true;
        return false;
}

static bool is_true_or_false(const char *s)
{
        return vh_streq(s, "true") || vh_streq(s, "false");
}

/* Words that YAML 1.1 or 1.2 makes a boolean or null of. */
static bool is_special_word(const char *s)
{
        static const char *const words[] = {
                "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", NULL
        };

        return is_one_of(s, words);
}

/* What could be a number to some reader: 12, 0x1f, 1e3, 1_000, .5, 10:30. */
static bool is_number_like(const char *s)
{
        s += *s == '+' || *s == '-';
        s += *s == '.';
        if (!isdigit((unsigned char)*s))
                return false;
        if (s[0] == '0' && strchr("xXoO", s[1]))
                return s[1] == '\0' || s[2 + strspn(s + 2, "0123456789abcdefABCDEF_")] == '\0';
        /* Two dots make an address or a version. */
        if (strchr(s, '.') != strrchr(s, '.'))
                return false;
        return s[strspn(s, "0123456789._:eE+-")] == '\0';
}

/* "must be this, not that" */
static VhFinding *report_kind(const VhProfile *p, const VhYamlNode *node, const char *path, const char *wanted,
                              VhFindings *f)
{
        bool scalar = node->kind == VH_YAML_SCALAR, quoted = scalar && !node->plain;
        VhFinding *n = vh_profile_error(f, p, "profile-type", node, path, "%s, not %s%s%s", wanted, quoted ? "\"" : "",
                                        scalar ? node->text : vh_yaml_kind_name(node), quoted ? "\"" : "");

        if (quoted)
                vh_finding_hint(f, n, "leave the quotes out");
        return n;
}

bool vh_profile_bool(const VhProfile *p, const VhYamlNode *node, const char *path, bool *value, VhFindings *f)
{
        VhFinding *n;

        if (node->kind == VH_YAML_SCALAR && node->plain && is_true_or_false(node->text)) {
                *value = *node->text == 't';
                return true;
        }
        n = report_kind(p, node, path, "must be true or false", f);
        if (node->kind == VH_YAML_SCALAR && node->plain && (vh_streq(node->text, "0") || vh_streq(node->text, "1")))
                vh_finding_hint(f, n, "write %s", *node->text == '1' ? "true" : "false");
        else if (node->kind == VH_YAML_SCALAR && node->plain && is_special_word(node->text))
                vh_finding_hint(f, n, "versions of YAML disagree on this word: write true or false");
        return false;
}

bool vh_profile_text(const VhProfile *p, const VhYamlNode *node, const char *path, const char **value, VhFindings *f)
{
        VhFinding *n;

        if (node->kind != VH_YAML_SCALAR) {
                vh_profile_error(f, p, "profile-type", node, path, "must be a text, not %s", vh_yaml_kind_name(node));
                return false;
        }
        if (node->plain && (is_special_word(node->text) || is_number_like(node->text))) {
                n = vh_profile_error(f, p, "profile-quotes", node, path,
                                     "a text is wanted, but programs read '%s' as something else", node->text);
                vh_finding_hint(f, n, "write \"%s\"", node->text);
                return false;
        }
        *value = node->text;
        return true;
}

bool vh_profile_number(const VhProfile *p, const VhYamlNode *node, const char *path, uint64_t max, uint64_t *value,
                       VhFindings *f)
{
        const char *s = node->text;
        VhFinding *n;

        if (node->kind != VH_YAML_SCALAR || !node->plain || !*s || s[strspn(s, "0123456789")] != '\0') {
                report_kind(p, node, path, "must be a whole number", f);
                return false;
        }
        if (s[0] == '0' && s[1] != '\0') {
                n = vh_profile_error(f, p, "profile-octal", node, path,
                                     "'%s' is octal to some programs and decimal to others", s);
                vh_finding_hint(f, n, "write the number without leading zeros");
                return false;
        }
        if (vh_parse_u64(s, 10, value) < 0 || *value > max) {
                vh_profile_error(f, p, "profile-range", node, path, "%s is too large, the limit is %llu", s,
                                 (unsigned long long)max);
                return false;
        }
        return true;
}

/* A negative number is for options of type int only; the option's own check says so elsewhere. */
static bool take_number(const VhProfile *p, const VhYamlNode *node, const char *path, VhConfValue *v, VhFindings *f)
{
        VhYamlNode digits = *node;
        bool negative = node->kind == VH_YAML_SCALAR && node->plain && *node->text == '-';
        uint64_t u;

        if (negative)
                digits.text++;
        if (!vh_profile_number(p, &digits, path, negative ? (uint64_t)INT64_MAX : UINT64_MAX, &u, f))
                return false;
        v->kind = negative ? VH_CONF_INT : VH_CONF_UINT;
        if (negative)
                v->i = -(int64_t)u;
        else
                v->u = u;
        return true;
}

/* Modes, ports and ids look like numbers and are texts in .conf files: here they may be written either way. */
static bool is_numeric_format(VhOptionFormat format)
{
        return format == VH_FORMAT_MODE || format == VH_FORMAT_PORT || format == VH_FORMAT_ID;
}

static bool take_string(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *node, const char *path,
                        VhConfValue *v, VhFindings *f)
{
        bool number = node->kind == VH_YAML_SCALAR && node->plain && is_number_like(node->text);

        v->kind = VH_CONF_STRING;
        v->str = node->text;
        /* Among fixed choices even a plain "none" or "no" can only mean itself. */
        if (node->kind == VH_YAML_SCALAR && *node->text && (o->choices || (number && is_numeric_format(o->format))))
                return true;
        if (!vh_profile_text(p, node, path, &v->str, f))
                return false;
        if (v->str[strcspn(v->str, "\"\r\n")] == '\0')
                return true;
        vh_profile_error(f, p, "profile-unwritable", node, path,
                         "a .conf file cannot hold a text with a double quote or a line break");
        return false;
}

static bool take_list(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *node, const char *path,
                      VhConfValue *v, VhFindings *f)
{
        bool good = true;

        if (node->kind != VH_YAML_LIST) {
                VhFinding *n = vh_profile_error(f, p, "profile-type", node, path, "must be a list, not %s",
                                                vh_yaml_kind_name(node));

                if (node->kind == VH_YAML_SCALAR)
                        vh_finding_hint(f, n, "write [%s]", node->text);
                return false;
        }
        v->kind = VH_CONF_LIST;
        v->list.n = node->n;
        v->list.items = vh_arena_new(p->arena, VhConfValue, node->n);
        for (size_t i = 0; i < node->n; i++) {
                v->list.items[i].line = node->items[i]->line;
                v->list.items[i].column = node->items[i]->column;
                v->list.items[i].width = node->items[i]->width;
                good = take_string(p, o, node->items[i], path, &v->list.items[i], f) && good;
        }
        return good;
}

/* A secret stands in a file of its own that the profile names: {file: PATH}, from the folder of the layer. */
static const char *secret_path(const VhProfile *p, const VhYamlNode *node, const char *path, VhFindings *f)
{
        const VhYamlNode *file = node->kind == VH_YAML_MAP && node->n == 1 ? vh_yaml_value(node, 0) : NULL;
        const char *slash = node->file ? strrchr(node->file, '/') : NULL, *name;
        VhFinding *n;

        if (!file || !vh_streq(vh_yaml_key(node, 0)->text, "file")) {
                n = vh_profile_error(f, p, "secret-inline", node, path, "a password does not belong into a profile");
                vh_finding_hint(f, n, "write {file: PATH} with the name of a file that holds it");
                return NULL;
        }
        if (!vh_profile_text(p, file, path, &name, f))
                return NULL;
        return *name == '/' || !slash
                       ? name
                       : vh_arena_printf(p->arena, "%.*s/%s", (int)(slash - node->file), node->file, name);
}

static bool take_secret(const VhProfile *p, const VhYamlNode *node, const char *path, VhConfValue *v, VhFindings *f)
{
        const char *name = secret_path(p, node, path, f);
        char *text = NULL;
        size_t len;
        int r = name ? vh_file_read(name, SECRET_MAX, &text, &len) : -EINVAL;

        vh_arena_own(p->arena, text);
        if (name && r < 0)
                vh_profile_error(f, p, "secret-read", node, path, "%s cannot be read: %s", name, strerror(-r));
        if (r < 0)
                return false;
        if (len > 0 && text[len - 1] == '\n')
                text[--len] = '\0';
        v->kind = VH_CONF_STRING;
        v->str = text;
        if (len > 0 && strlen(text) == len && text[strcspn(text, "\"\r\n")] == '\0')
                return true;
        vh_profile_error(f, p, "secret-text", node, path, "%s does not hold one line without double quotes", name);
        return false;
}

static bool take_value(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *node, const char *path,
                       VhConfValue *v, VhFindings *f)
{
        bool b = false;

        if (o->secret)
                return take_secret(p, node, path, v, f);
        switch (o->type) {
        case VH_OPTION_BOOL:
                v->kind = VH_CONF_UINT;
                if (!vh_profile_bool(p, node, path, &b, f))
                        return false;
                v->u = b;
                return true;
        case VH_OPTION_INT:
        case VH_OPTION_UINT:
        case VH_OPTION_U64:
                return take_number(p, node, path, v, f);
        case VH_OPTION_STRING:
        case VH_OPTION_ENUM:
                return take_string(p, o, node, path, v, f);
        case VH_OPTION_STRING_LIST:
                return take_list(p, o, node, path, v, f);
        case VH_OPTION_STRING_OR_LIST:
                return node->kind == VH_YAML_LIST ? take_list(p, o, node, path, v, f)
                                                  : take_string(p, o, node, path, v, f);
        case VH_OPTION_U64_OR_STRING:
                return node->kind == VH_YAML_SCALAR && node->plain && isdigit((unsigned char)*node->text)
                               ? take_number(p, node, path, v, f)
                               : take_string(p, o, node, path, v, f);
        }
        return false;
}

static const char *choice_at(const void *choices, size_t i)
{
        return ((const char *const *)choices)[i];
}

static void report_misfit(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *place, const char *text,
                          VhValueFault fault, const char *path, VhFindings *f)
{
        static const char *const codes[] = {
                [VH_VALUE_TYPE] = "profile-type",
                [VH_VALUE_RANGE] = "profile-range",
                [VH_VALUE_CHOICE] = "profile-choice",
                [VH_VALUE_FORMAT] = "profile-format",
        };
        _vh_free_ char *expects = vh_option_expects(o);
        VhFinding *n = vh_profile_error(f, p, codes[fault], place, path, "%s must be %s", o->name, expects);
        const char *near = NULL;

        if (fault == VH_VALUE_CHOICE)
                near = vh_did_you_mean(text, choice_at, o->choices);
        if (near)
                vh_finding_hint(f, n, "did you mean \"%s\"?", near);
}

bool vh_profile_value(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *node, const char *path,
                      VhConfValue *value, VhFindings *f)
{
        const VhConfValue *culprit;
        VhValueFault fault;

        *value = (VhConfValue){ .line = node->line, .column = node->column, .width = node->width };
        if (!take_value(p, o, node, path, value, f))
                return false;
        fault = vh_option_check(o, value, &culprit);
        if (fault == VH_VALUE_OK)
                return true;
        /* Items of a list may stand in another layer than the list. */
        if (value->kind == VH_CONF_LIST && culprit != value)
                node = node->items[culprit - value->list.items];
        report_misfit(p, o, node, culprit->kind == VH_CONF_STRING ? culprit->str : "", fault, path, f);
        return false;
}
